// SPDX-License-Identifier: GPL-2.0-or-later
/* Ending a command together with what it started; shared by agent and exec. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session.h"

/* Whether process @pid belongs to @session; one that is gone does not. */
static bool in_session(const char *pid, pid_t session)
{
	char path[300], stat[512];
	char *end;
	int fd, of = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	stat[n > 0 ? n : 0] = 0;
	/* the name, in parentheses, may hold anything */
	end = strrchr(stat, ')');
	return end && sscanf(end, ") %*c %*d %*d %d", &of) == 1 && of == session;
}

/* The group at once, then whoever moved to a group of its own. */
void kill_session(pid_t session)
{
	struct dirent *entry;
	DIR *proc;

	kill(-session, SIGKILL);
	proc = opendir("/proc");
	while (proc && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    in_session(entry->d_name, session))
			kill(atoi(entry->d_name), SIGKILL);
	if (proc)
		closedir(proc);
}

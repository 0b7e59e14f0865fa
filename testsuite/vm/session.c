// SPDX-License-Identifier: GPL-2.0-or-later
/* Starting a command and ending it together with what it started. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session.h"

/* posix_spawn, because a fork of our own memory is what costs in emulation. */
int start_session(pid_t *pid, const int streams[3], const char *terminal,
		  char **argv, char **env)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int i, err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
				 POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&actions);
	if (terminal)	/* the first that a new session opens controls it */
		posix_spawn_file_actions_addopen(&actions, 0, terminal, O_RDWR, 0);
	for (i = terminal ? 1 : 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, terminal ? 0 : streams[i], i);
	err = posix_spawnp(pid, argv[0], &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return err;
}

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

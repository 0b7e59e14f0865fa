// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/server.h"

#include <stdio.h>
#include <string.h>

#include "vduse/journal_file.h"

/* The process's name, and the verb where it is one of ours: only loopback opens a node. Its
 * command line would not tell, which is the batch's where it was started from one. */
static void name_command(const struct holder *holder, char *text, size_t size)
{
	snprintf(text, size, "%s%s", holder->command,
		 !strcmp(holder->command, "vduse") ? " loopback" : "");
}

void server_put(struct output *out, const struct holder *holder, pid_t supervisor)
{
	char command[sizeof(holder->command) + sizeof(" loopback")];

	if (!holder || !holder->pid)
		return;
	name_command(holder, command, sizeof(command));
	output_begin_object(out, OUT_BOTH, "process");
	output_number(out, OUT_BOTH, "pid", holder->pid);
	if (supervisor && supervisor != holder->pid)
		output_number(out, OUT_BOTH, "supervisor", supervisor);
	output_string(out, OUT_BOTH, "command", command);
	output_end_object(out, OUT_BOTH);
}

void server_name_owner(const char *name, struct holder *holder)
{
	pid_t owner = holder->pid && !strcmp(holder->command, "vduse") ? journal_owner(name) : 0;

	if (owner)
		holder->pid = owner;
}

/* Of a worker its supervisor, which is its parent; of another process that one itself. */
static pid_t service_of(const struct sysfs *fs, pid_t pid)
{
	char text[128], command[32];
	const char *end;
	int parent;

	if (sysfs_read(fs, text, sizeof(text), "proc/%d/stat", (int)pid) < 0)
		return pid;
	/* behind the name, which may hold anything: state and parent */
	end = strrchr(text, ')');
	if (!end || sscanf(end + 1, " %*c %d", &parent) != 1 ||
	    sysfs_read(fs, command, sizeof(command), "proc/%d/comm", parent) < 0)
		return pid;
	return strcmp(command, "vduse") ? pid : parent;
}

pid_t server_elsewhere(const struct sysfs *fs, const struct holder *holder)
{
	pid_t pid = service_of(fs, holder->pid);
	char ours[64], its[64];

	if (sysfs_link_name(fs, ours, sizeof(ours), "proc/self/ns/mnt") < 0 ||
	    sysfs_link_name(fs, its, sizeof(its), "proc/%d/ns/mnt", (int)pid) < 0)
		return 0;
	return strcmp(ours, its) ? pid : 0;
}

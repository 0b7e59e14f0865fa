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

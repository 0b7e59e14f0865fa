/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VT_VM_SESSION_H
#define VT_VM_SESSION_H

#include <sys/types.h>

/*
 * Start @argv, found by PATH, in a session of its own, with the descriptors
 * @streams as standard input, output and error, or all three on the terminal
 * named @terminal when that is not NULL. 0 and its process id, or an errno.
 */
int start_session(pid_t *pid, const int streams[3], const char *terminal,
		  char **argv, char **env);

/* SIGKILL to all processes of @session, and to all of the group of that number. */
void kill_session(pid_t session);

#endif

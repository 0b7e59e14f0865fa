/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling whoever started us that we are ready, or why not. */
#ifndef VDUSE_PROCESS_READINESS_H
#define VDUSE_PROCESS_READINESS_H

#include "lib/error.h"

/*
 * Tell the service manager, where there is one: one datagram with @state
 * ("READY=1", "STOPPING=1") to the socket that NOTIFY_SOCKET names, a path or
 * "@abstract" (sd_notify(3)). 0, also where NOTIFY_SOCKET is not set, or negative
 * errno.
 */
int notify_manager(const char *state);

/*
 * Run @serve in a process of its own, in a new session without a terminal and with
 * /dev/null for stdin, stdout and stderr, and wait until it calls
 * background_ready() or fails. @serve gets @context and the descriptor to hand to
 * background_ready(). Returns 0 when it is ready, with *@pid the process; negative
 * with @failure as @serve filled it, or after @seconds (STATUS_TIMED_OUT; the
 * process was ended then).
 */
int background_start(int (*serve)(void *context, int *ready_fd, struct failure *failure),
		     void *context, unsigned int seconds, int *pid, struct failure *failure);

/* Called by the background process; closes *@ready_fd, which may be -1 (nobody waits),
 * and makes it -1. */
void background_ready(int *ready_fd);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker: the process that a supervisor starts to serve (supervisor.h). It gets its plan
 * and all its descriptors over the channel, isolates itself, and serves.
 */
#ifndef VDUSE_PROCESS_WORKER_H
#define VDUSE_PROCESS_WORKER_H

#include <stdbool.h>

/* How a program is told that it is one, as its first argument; names of devices follow. */
#define WORKER_ARGUMENT "--worker"

/* What a worker exits with when it was asked to end; anything else is an end of another kind. */
#define WORKER_ASKED 0

/* Is there a channel at ISOLATION_DESCRIPTOR? Who says WORKER_ARGUMENT by hand has none. */
bool worker_is_one(void);

/* Be a worker, with that channel. Returns the exit status; what went wrong was told over it. */
int worker_main(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serving in a worker that is isolated, under a supervisor, which is this process; or alone. */
#ifndef VDUSE_SERVING_WORKER_H
#define VDUSE_SERVING_WORKER_H

#include "vduse/serving.h"

/*
 * Serve what @serving has opened, as serve_run() does. The nodes are closed. 0, or negative
 * with @failure.
 */
int serving_supervise(struct serving *serving, struct failure *failure);

/*
 * serve_run() with the same journal: nobody goes on by himself when this process is killed, but
 * whoever serves the device next. 0, or negative with @failure.
 */
int serving_alone(struct serving *serving, struct failure *failure);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An end to the device process of a device, if it is one of ours. */
#ifndef VDUSE_END_SERVER_H
#define VDUSE_END_SERVER_H

#include "lib/error.h"
#include "vduse/standing.h"
#include "vduse/step.h"

/*
 * End who serves the device of @standing and is one of ours: it is asked to stop, then
 * told to by SIGTERM, and then killed. 0, also where nobody serves it; negative with
 * @failure: -ETIMEDOUT where it does not end either (status 6).
 */
int end_server(const struct standing *standing, const struct pace *pace,
	       struct failure *failure);

/* Let one of ours that was stopped go on. 0, or negative errno where it has gone. */
int end_server_wake(const struct standing *standing);

#endif

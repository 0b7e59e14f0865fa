/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process that serves a device tells of it, as JSON objects (control.h). */
#ifndef VDUSE_PROCESS_ANSWERS_H
#define VDUSE_PROCESS_ANSWERS_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/buffer.h"
#include "vduse/device/port.h"

/*
 * Add the state of @port, which process @pid, the one that ends with the service,
 * serves with virtqueues of @queue_size entries:
 *	{"pid":N,"vq_size":N,"broken":false,"live":true,"resumed":false,"link":"up","status":N,
 *	 "features":"0x...","regions":N,"error":"...",
 *	 "virtqueues":[{"index":0,"running":true,"size":N,...},...]}
 * "features" are those that were negotiated, and absent before; "resumed" says that the
 * driver is one that a process before this one served; @error is what was reported last
 * about the driver, absent where it is "". 0 or -ENOMEM.
 */
int answer_state(const struct port *port, pid_t pid, uint16_t queue_size, const char *error,
		 struct buffer *answer);

/*
 * Add what @port has counted:
 *	{"virtqueues":[{"index":0,"frames":N,...},...],"dropped":{"CAUSE":N,...},...}
 * Causes that never occurred are absent. 0 or -ENOMEM.
 */
int answer_stats(const struct port *port, struct buffer *answer);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "vduse up foreground": it is up, and this process stays with it. The device process is
 * another one all the same: it answers while the device is taken off the bus, which must be
 * asked for by a process that serves nothing.
 */
#ifndef VDUSE_STAY_H
#define VDUSE_STAY_H

#include <stdint.h>

#include "lib/command.h"
#include "vduse/bring.h"

/* A descriptor of standard error for the device process, or -1. */
int stay_errors(void);

/*
 * Print what @call has to say, tell the service manager, and wait for a signal or the end of
 * the device process; then end it all within @milliseconds. 0 after a signal, and where
 * "vduse down" was quicker; negative with @failure where the device process ended by itself.
 * @bring->lock is let go while it waits.
 */
int stay(struct call *call, struct bring *bring, int64_t milliseconds, struct failure *failure);

#endif

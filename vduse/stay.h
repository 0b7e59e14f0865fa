/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "vduse up foreground": it is up, and this process stays with it. The device process is
 * another one all the same: it answers while the device is taken off the bus, which must be
 * asked for by a process that serves nothing.
 *
 * A device process that is killed, by who is short of memory or by hand, has a successor, which
 * goes on from the journal: driver and interface stay, and no frame is lost. One that ends by
 * itself has said why, and would do so again.
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
 * the device process, which is told on @bring->errors and made up for within @milliseconds where
 * it was killed; then end it all within as many. 0 after a signal, and where "vduse down" was
 * quicker; negative with @failure where the device process ended by itself, or was killed time
 * and again, or cannot be waited for. Descriptors and memory that are short are waited for, which
 * is told there, too. @bring->lock is let go while it waits.
 */
int stay(struct call *call, struct bring *bring, int64_t milliseconds, struct failure *failure);

#endif

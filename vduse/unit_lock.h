/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One "vduse up" or "vduse down" at a time for each name.
 *
 * The lock is on the open file (F_OFD_SETLK), which the children of the command inherit: it
 * is held until the last of them has ended, also where the command itself was killed. The
 * device process closes it when it is ready. Beside it stands a lock of the process
 * (F_SETLK), which tells the others who it is.
 */
#ifndef VDUSE_UNIT_LOCK_H
#define VDUSE_UNIT_LOCK_H

#include "lib/error.h"
#include "vduse/step.h"
#include "vduse/unit.h"

/*
 * Lock all of @names, waiting for others until @pace ends. Returns a descriptor that
 * unit_unlock() closes, or negative with @failure: -ETIMEDOUT (status 6) with the process
 * that has it, -EINTR.
 */
int unit_lock(const struct unit_names *names, const struct pace *pace, struct failure *failure);
void unit_unlock(int lock);

#endif

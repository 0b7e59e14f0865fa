/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who keeps a VDUSE device from being destroyed. */
#ifndef VDUSE_IN_USE_H
#define VDUSE_IN_USE_H

#include "lib/error.h"
#include "lib/sysfs.h"

/*
 * 0 where the device @name is neither attached nor open as far as can be seen, else
 * -EBUSY with @failure (status 5): what to end first, and which process that is.
 */
int in_use_check(const struct sysfs *fs, const char *name, struct failure *failure);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why does the kernel keep a caller of the vdpa family waiting? */
#ifndef VT_LIB_VDPA_BLOCKED_H
#define VT_LIB_VDPA_BLOCKED_H

#include <sys/types.h>

#include "lib/error.h"
#include "lib/sysfs.h"

/*
 * Add to @failure, which says that the time is over, which process the kernel waits
 * for, as far as sysfs and /proc tell: the one that has the vhost-vdpa node of
 * @device open, the device process of @device, or that of another device for which
 * another command waits. @device is the one that the command was about, NULL for
 * none, and @child the process of ours that waits on.
 */
void vdpa_blocked_explain(const struct sysfs *fs, const char *device, pid_t child,
			  struct failure *failure);

#endif

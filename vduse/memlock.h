/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether this process may lock as much memory as "vduse loopback ... umem" needs. */
#ifndef VDUSE_MEMLOCK_H
#define VDUSE_MEMLOCK_H

#include <stdint.h>

#include "lib/error.h"

/*
 * See to it that @bytes can be pinned: RLIMIT_MEMLOCK is raised as far as the hard limit
 * lets it. No privilege counts here: the kernel asks only for the limit
 * (vduse_dev_reg_umem() in vduse_dev.c), and the hard limit is somebody's decision. 0, or
 * negative with @failure, about @name.
 */
int memlock_allow(uint64_t bytes, const char *name, struct failure *failure);

#endif

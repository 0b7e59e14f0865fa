/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a disk in use? A driver that is taken off a disk does not ask: what is mounted is
 * shut down at once, and what was not written yet is lost (del_gendisk() in
 * block/genhd.c).
 */
#ifndef VT_LIB_DISK_H
#define VT_LIB_DISK_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/sysfs.h"

enum disk_use {
	DISK_FREE,
	DISK_MOUNTED,		/* where this process can see it */
	DISK_SWAP,
	DISK_CLAIMED,		/* mounted out of sight, or part of another device */
};

/*
 * Has anything claimed the disk @name ("vdb"), or a partition of it, for itself alone?
 * That a process reads or writes it is no claim. @where is then where it is mounted, as
 * the kernel spells it, cut to @size bytes, "" otherwise. What cannot be found out,
 * with no privilege for instance, is DISK_FREE.
 */
enum disk_use disk_use(const struct sysfs *fs, const char *name, char *where, size_t size);

/* Are there requests that the driver has given to the device, and that it has not
 * answered? */
bool disk_has_requests(const struct sysfs *fs, const char *name);

#endif

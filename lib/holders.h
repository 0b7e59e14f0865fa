/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which process has a device node open: /proc/PID/fd, by device number. */
#ifndef VT_LIB_HOLDERS_H
#define VT_LIB_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/error.h"
#include "lib/sysfs.h"

struct holder {
	dev_t device;
	pid_t pid;
	char command[32];	/* its name (/proc/PID/comm), bytes as they are; whole also
				 * where the kernel cut it, if the process still tells it */
	char state;		/* 'S', 'R', 'D', 'T' ... (proc(5)), '?' where unknown */
};

struct holders {
	struct holder *list;	/* by device number, then by process */
	size_t count;
	/* false where some process could not be looked into (not root, root without
	 * CAP_SYS_PTRACE, another pid namespace): a node that nobody is seen to hold may be held */
	bool complete;
};

/*
 * Find, in one pass over /proc, every process that has a character device of major
 * number @major_number open; each counts once a device. 0, or negative errno with
 * nothing to free; freed by holders_free().
 */
int holders_scan(const struct sysfs *fs, unsigned int major_number, struct holders *holders);
void holders_free(struct holders *holders);

/* The first process that holds @device, or NULL. */
const struct holder *holders_find(const struct holders *holders, dev_t device);

/*
 * Who has this node open? The first process that is found. 1 with @holder filled, 0 where
 * nobody has, -EPERM where nobody is seen but not every process could be looked into,
 * another negative errno.
 */
int holder_of(const struct sysfs *fs, dev_t device, struct holder *holder);

/* Where @holder is stopped (SIGSTOP), the hint of @failure, which names it, goes on to say so,
 * and what lets it go on: as it is it would not even end on SIGTERM. */
void holder_hint_stopped(const struct holder *holder, struct failure *failure);

#endif

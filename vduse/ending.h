/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way down: the vDPA device, the device process, the VDUSE device, in that order
 * (deleting a vDPA device that nobody serves takes the kernel a msg_timeout). All of it
 * begins with what there is: nothing is taken for granted.
 */
#ifndef VDUSE_ENDING_H
#define VDUSE_ENDING_H

#include <stdbool.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "vduse/standing.h"
#include "vduse/step.h"
#include "vduse/unit.h"

/* What may be ended of each device. */
struct ending {
	struct unit_names names;
	bool detach[UNIT_DEVICES];
	bool stop;			/* the device process */
	bool destroy[UNIT_DEVICES];
	bool forget;			/* what was to be of it (vduse/unit.h) */
};

/* Everything of @names. */
struct ending ending_of_all(const struct unit_names *names);

/*
 * Would the end be refused? 0, or -EBUSY with @failure (status 5): a process that is none of
 * ours serves it, has its vhost-vdpa node open, or its disk is in use. Nothing is changed.
 */
int ending_refuse(const struct ending *ending, const struct pace *pace,
		  struct failure *failure);

/*
 * End it. 0, or negative with @failure and the rest left for the next one. What was not as it
 * should be is added to @found (may be NULL) of each device: sentences with "; " between.
 */
int ending_run(const struct ending *ending, const struct pace *pace,
	       struct buffer found[UNIT_DEVICES], struct failure *failure);

#endif

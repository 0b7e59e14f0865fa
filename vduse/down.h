/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What "vduse down" does, for every verb that ends devices. */
#ifndef VDUSE_DOWN_H
#define VDUSE_DOWN_H

#include <stdbool.h>

#include "lib/command.h"
#include "vduse/ending.h"

/* Is there a device called @name, or a file of one? */
bool down_is_there(const char *name);

/* Lock what belongs together with @name, which is known for certain only then, and tell it in
 * @names. Returns what unit_lock() does. */
int down_lock(const char *name, const struct pace *pace, struct unit_names *names,
	      struct failure *failure);

/* End all of @names, which are locked; what was not as it should be becomes warnings of @call.
 * 0, or negative with @failure. */
int down_end(struct call *call, const struct unit_names *names, const struct pace *pace,
	     struct failure *failure);

#endif

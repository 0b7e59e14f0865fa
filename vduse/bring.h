/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way up: what is to be is written down, the devices are made, served in the background
 * and attached, each only where that is missing. What this call did is undone when a step
 * fails, the time is over or a signal comes.
 */
#ifndef VDUSE_BRING_H
#define VDUSE_BRING_H

#include "lib/command.h"
#include "lib/error.h"
#include "vduse/ending.h"
#include "vduse/standing.h"
#include "vduse/step.h"
#include "vduse/unit.h"

struct bring {
	const struct unit *unit;
	struct unit_names names;	/* of the unit */
	char *text;			/* unit_format() */
	int lock;			/* unit_lock(); the device process closes it */
	int errors;			/* the device process's standard error, or -1: none */
	struct pace pace;
	struct ending undo;		/* what this call did */
	struct standing now[UNIT_DEVICES];	/* as far as bring_up() has come */
};

/* Bring it up. 0 with @bring->now as it is then, or negative with @failure and nothing of
 * what it did left. @bring->lock is taken where it is not held, and held on success and failure. */
int bring_up(struct bring *bring, struct failure *failure);

/* What the user should know of what is up now, as warnings of @call: of each device, what
 * create_warn() and vdpa_usable_warn() have to say. */
void bring_warn(struct call *call, const struct bring *bring);

/* Undo what bring_up() did, within @milliseconds; @failure goes on to say what could not be. */
void bring_undo(struct bring *bring, int milliseconds, struct failure *failure);

/* Are the devices there as asked, or can they be made so? 0 with @bring->now filled, or
 * negative with @failure (bring_check.c). */
int bring_check(struct bring *bring, struct failure *failure);

/* Serve the unit in the background: 0, or negative with @failure (bring_serve.c). */
int bring_serve(struct bring *bring, struct failure *failure);

#endif

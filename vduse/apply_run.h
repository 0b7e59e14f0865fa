/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan of "vduse apply", carried out. */
#ifndef VDUSE_APPLY_RUN_H
#define VDUSE_APPLY_RUN_H

#include "lib/command.h"
#include "vduse/apply_plan.h"

/*
 * Do what @plan says, within @pace; @undo_ms more milliseconds may go into putting back what
 * was there where a step fails. 0, or negative with @failure, whose hint says what there is
 * then. Warnings are @call's.
 */
int apply_plan_run(struct call *call, const struct apply_plan *plan, const struct pace *pace,
		   int undo_ms, struct failure *failure);

#endif

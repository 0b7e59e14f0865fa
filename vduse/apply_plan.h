/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an entry of the file asks for, beside what is there: what is to be done, and why.
 * Nothing is changed here.
 */
#ifndef VDUSE_APPLY_PLAN_H
#define VDUSE_APPLY_PLAN_H

#include "lib/buffer.h"
#include "vduse/apply_file.h"
#include "vduse/step.h"
#include "vduse/unit_words.h"

enum apply_action {
	APPLY_NOTHING,
	APPLY_CREATE,
	APPLY_CHANGE,		/* without an end to the device */
	APPLY_REPLACE,		/* what is there ends, and it is made anew */
	APPLY_DESTROY,
	APPLY_REFUSE,		/* it would not go well, and the failure says why */
};

/* A unit that is there now, which the plan changes or ends. */
struct apply_former {
	struct unit_words words;
	uint32_t msg_timeout[UNIT_DEVICES];	/* seconds, as it is now; 0: not known */
	enum apply_link link[UNIT_DEVICES];	/* as it is now */
};

struct apply_plan {
	const struct apply_entry *entry;
	enum apply_action action;
	struct buffer reasons;		/* sentences, each ends with a line feed */
	struct apply_former formers[UNIT_DEVICES];
	unsigned int former_count;
	bool driver_said, timeout_said[UNIT_DEVICES];	/* there is a reason of that kind */
};

/*
 * Plan what @entry of @file takes. With @to_run it is what is about to be done, so what another
 * entry was to end must have gone. @plan->action is APPLY_REFUSE with @failure filled where
 * it would not go well. apply_plan_free() is due in any case.
 */
void apply_plan_make(const struct apply_file *file, const struct apply_entry *entry, bool to_run,
		     const struct pace *pace, struct apply_plan *plan, struct failure *failure);
void apply_plan_free(struct apply_plan *plan);

/* The msg_timeout in seconds that device @index of the entry is to have; 0: any. */
uint64_t apply_plan_timeout(const struct apply_plan *plan, unsigned int index);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What can be done to a device that stays is done by bring_up(), which binds the other driver,
 * serves what nobody serves and attaches what is not attached, once the file of the unit has
 * the words of now. A device that must be another ends, with its unit, and the new one is
 * brought up. Either is put back in the same way where that fails: the file of the unit has
 * the words that it was made of.
 */
#include "vduse/apply_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/control_socket.h"
#include "vduse/bring.h"
#include "vduse/down.h"
#include "vduse/unit_lock.h"

struct run {
	struct call *call;
	const struct apply_plan *plan;
	const struct apply_entry *entry;
	struct pace pace;
	int undo_ms;
	struct failure *failure;
};

/* -- attributes --------------------------------------------------------------------------- */

static int set_timeout(const char *name, uint64_t seconds, struct failure *failure)
{
	struct vduse_device device;
	int rc = vduse_device_read(&sysfs_machine, name, &device, failure);

	if (rc < 0 || !device.has_msg_timeout || device.msg_timeout == seconds)
		return rc;
	return vduse_device_set(&sysfs_machine, name, "msg_timeout", seconds, failure);
}

/* Whoever serves it has the link. */
static int set_link(const char *name, enum apply_link link, int milliseconds,
		    struct failure *failure)
{
	struct vduse_device device;
	struct asked_state state;
	int rc = vduse_device_read(&sysfs_machine, name, &device, failure);

	if (rc < 0)
		return rc;
	rc = ask_state(name, milliseconds, &state);
	if (rc == 0 && state.link_down != (link == APPLY_LINK_DOWN))
		rc = ask_to(name, link == APPLY_LINK_DOWN ? "link down" : "link up", milliseconds);
	return rc < 0 ? asked_explain(rc, name, &device, failure) : 0;
}

static int set_attributes(const struct unit_names *names, const uint64_t *timeouts,
			  const enum apply_link *links, const struct pace *pace,
			  struct failure *failure)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < names->count && rc == 0; i++) {
		if (timeouts[i])
			rc = set_timeout(names->names[i], timeouts[i], failure);
		if (rc == 0 && links[i] != APPLY_LINK_ANY)
			rc = set_link(names->names[i], links[i],
				      pace_left(pace, CONTROL_PATIENCE_MS), failure);
	}
	return rc;
}

/* -- back --------------------------------------------------------------------------------- */

static int restore_one(const struct run *run, const struct apply_former *former,
		       struct failure *failure)
{
	struct bring bring = {
		.unit = &former->words.unit, .names = former->words.names,
		.text = former->words.text, .lock = -1, .errors = -1,
		.pace = { .hold = run->pace.hold, .signals = -1,
			  .end = clock_ms() + run->undo_ms },
	};
	const uint64_t timeouts[UNIT_DEVICES] = { former->msg_timeout[0], former->msg_timeout[1] };
	int rc = 0;

	/* of a device that stays, the words of now may stand there */
	if (run->plan->action == APPLY_CHANGE)
		rc = unit_write(&bring.names, bring.text, failure);
	if (rc == 0)
		rc = bring_up(&bring, failure);
	if (rc == 0)
		rc = set_attributes(&bring.names, timeouts, former->link, &bring.pace, failure);
	unit_unlock(bring.lock);
	return rc;
}

/* Put back what was there, and say in the failure's hint whether that went well. */
static void restore(const struct run *run)
{
	struct failure second = { .status = STATUS_OK };
	char first[sizeof(run->failure->hint)];
	unsigned int i;
	int rc = 0;

	for (i = 0; i < run->plan->former_count && rc == 0; i++)
		rc = restore_one(run, &run->plan->formers[i], &second);
	snprintf(first, sizeof(first), "%s", run->failure->hint);
	if (rc == 0)
		failure_hint(run->failure, "%.200s%swhat was there was put back", first,
			     first[0] ? "; " : "");
	else
		failure_hint(run->failure, "%.120s%swhat was there could not be put back (%.150s): "
			     "try again, or \"vduse down\"", first, first[0] ? "; " : "",
			     second.message);
}

/* -- forth -------------------------------------------------------------------------------- */

/* To what the entry says, from whatever is there. */
static int bring_entry(const struct run *run)
{
	const struct apply_entry *entry = run->entry;
	const uint64_t timeouts[UNIT_DEVICES] = {
		apply_plan_timeout(run->plan, 0),
		entry->names.count == 2 ? apply_plan_timeout(run->plan, 1) : 0,
	};
	struct bring bring = { .unit = &entry->unit, .names = entry->names, .text = entry->text,
			       .pace = run->pace, .lock = -1, .errors = -1 };
	int rc = bring_up(&bring, run->failure);

	if (rc == 0)
		rc = set_attributes(&entry->names, timeouts, entry->link, &bring.pace,
				    run->failure);
	if (rc < 0)
		bring_undo(&bring, run->undo_ms, run->failure);
	unit_unlock(bring.lock);
	if (rc == 0)
		bring_warn(run->call, &bring);
	return rc;
}

/*
 * Of what is there, before its words: that a msg_timeout was said and is to be the default again
 * is known from the words of before alone, so killed in between, the next one still knows it.
 */
static int set_timeouts(const struct run *run)
{
	const struct unit_names *names = &run->entry->names;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < names->count && rc == 0; i++) {
		uint64_t timeout = apply_plan_timeout(run->plan, i);

		if (timeout && run->plan->formers[0].msg_timeout[i])
			rc = set_timeout(names->names[i], timeout, run->failure);
	}
	return rc;
}

/* The words of now, so that the next step finds them. */
static int write_words(const struct run *run)
{
	int rc, lock = unit_lock(&run->entry->names, &run->pace, run->failure);

	if (lock < 0)
		return lock;
	rc = unit_write(&run->entry->names, run->entry->text, run->failure);
	unit_unlock(lock);
	return rc;
}

static int change(const struct run *run)
{
	int rc = set_timeouts(run);

	if (rc == 0 && strcmp(run->plan->formers[0].words.text, run->entry->text))
		rc = write_words(run);
	if (rc == 0)
		rc = bring_entry(run);
	if (rc < 0)
		restore(run);
	return rc;
}

/* 1 where it was refused, and all of it stands. */
static int end_former(const struct run *run, const struct apply_former *former)
{
	const struct ending all = ending_of_all(&former->words.names);
	int rc, lock = unit_lock(&former->words.names, &run->pace, run->failure);

	if (lock < 0)
		return 1;
	rc = ending_refuse(&all, &run->pace, run->failure) < 0 ? 1 : 0;
	if (rc == 0)
		rc = ending_run(&all, &run->pace, NULL, run->failure);
	unit_unlock(lock);
	return rc;
}

static int replace(const struct run *run)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < run->plan->former_count && rc == 0; i++)
		rc = end_former(run, &run->plan->formers[i]);
	if (rc > 0 && i == 1)
		return -EBUSY;
	if (rc == 0)
		rc = bring_entry(run);
	if (rc != 0)
		restore(run);
	return rc > 0 ? -EBUSY : rc;
}

static int destroy(const struct run *run)
{
	const char *name = run->entry->names.names[0];
	struct unit_names names;
	int rc, lock = down_lock(name, &run->pace, &names, run->failure);

	if (lock < 0 && lock != -EROFS)
		return lock;
	rc = down_end(run->call, &names, &run->pace, run->failure);
	unit_unlock(lock);
	return rc;
}

int apply_plan_run(struct call *call, const struct apply_plan *plan, const struct pace *pace,
		   int undo_ms, struct failure *failure)
{
	const struct run run = { .call = call, .plan = plan, .entry = plan->entry, .pace = *pace,
				 .undo_ms = undo_ms, .failure = failure };

	switch (plan->action) {
	case APPLY_CREATE:
		return bring_entry(&run);
	case APPLY_CHANGE:
		return change(&run);
	case APPLY_REPLACE:
		return replace(&run);
	case APPLY_DESTROY:
		return destroy(&run);
	case APPLY_NOTHING:
	case APPLY_REFUSE:
		break;
	}
	return 0;
}

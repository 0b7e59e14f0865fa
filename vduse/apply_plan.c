// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/apply_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vduse/bring.h"
#include "vduse/down.h"

#define TIMEOUT_DEFAULT 30	/* seconds: VDUSE_MSG_DEFAULT_TIMEOUT in vduse_dev.c */

static int refuse(struct apply_plan *plan)
{
	plan->action = APPLY_REFUSE;
	return -1;
}

/* "peer's " of the second device. */
static const char *of(unsigned int index)
{
	return index ? "peer's " : "";
}

/* -- what is there ------------------------------------------------------------------------ */

static bool is_known(const struct apply_plan *plan, const char *text)
{
	return plan->former_count && !strcmp(plan->formers[0].words.text, text);
}

static int add_former(struct apply_plan *plan, const char *name, const char *text,
		      struct failure *failure)
{
	int rc = unit_words_read(text, &plan->formers[plan->former_count].words);

	if (rc == 0) {
		plan->former_count++;
		return 0;
	}
	failure_set(failure, STATUS_BUSY, EEXIST, name,
		    "it is up with words that could not be put back, so it is not replaced");
	failure_hint(failure, "\"vduse down %.200s\" ends it", name);
	return refuse(plan);
}

/* The units that the devices of the entry belong to now. */
static int find_formers(struct apply_plan *plan, struct failure *failure)
{
	const struct unit_names *names = &plan->entry->names;
	struct unit_names said;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < names->count && rc == 0; i++) {
		char *text = unit_read(names->names[i], &said, NULL);

		if (text && unit_is_there(&said) && !is_known(plan, text))
			rc = add_former(plan, names->names[i], text, failure);
		free(text);
	}
	return rc;
}

static bool is_own(const struct apply_entry *entry, const char *name)
{
	return !strcmp(entry->names.names[0], name) ||
	       (entry->names.count == 2 && !strcmp(entry->names.names[1], name));
}

static int refuse_unlisted(struct apply_plan *plan, const char *name, const char *other,
			   struct failure *failure)
{
	failure_set(failure, STATUS_BUSY, EBUSY, name,
		    "it is a pair with %.255s, which would end with it", other);
	failure_hint(failure, "list that one in the file as well, as absent");
	return refuse(plan);
}

/* Nothing ends that this entry has not, and no other wants to be absent. */
static int check_members(const struct apply_file *file, struct apply_plan *plan,
			 const struct unit_names *names, struct failure *failure)
{
	unsigned int i;

	for (i = 0; i < names->count; i++) {
		const struct apply_entry *other = apply_file_find(file, names->names[i]);

		if (!is_own(plan->entry, names->names[i]) && !(other && other->absent))
			return refuse_unlisted(plan, plan->entry->names.names[0],
					       names->names[i], failure);
	}
	return 0;
}

/* -- what differs ------------------------------------------------------------------------- */

struct comparison {
	struct apply_plan *plan;
	bool hard;		/* a word that only a new device can have */
};

static void note_word(void *context, const char *was, const char *now)
{
	struct comparison *comparison = context;
	struct apply_plan *plan = comparison->plan;

	buffer_format(&plan->reasons, "%s, not %s\n", was, now);
	if (!strncmp(was, "driver ", 7))
		plan->driver_said = true;
	else if (!strncmp(was, "msg_timeout ", 12))
		plan->timeout_said[0] = true;
	else if (!strncmp(was, "peer's msg_timeout ", 19))
		plan->timeout_said[1] = true;
	else
		comparison->hard = true;
}

/* Must it be made anew? */
static bool compare(struct apply_plan *plan)
{
	struct comparison comparison = { .plan = plan };
	const char *was = plan->formers[0].words.text;
	char difference[600];

	if (plan->former_count == 1 &&
	    unit_words_compare(was, plan->entry->text, note_word, &comparison))
		return comparison.hard;
	if (unit_differ(was, plan->entry->text, difference, sizeof(difference)))
		buffer_format(&plan->reasons, "%s\n", difference);
	return true;
}

uint64_t apply_plan_timeout(const struct apply_plan *plan, unsigned int index)
{
	const struct create_request *wanted = &plan->entry->unit.requests[index];
	const struct create_request *was = &plan->formers[0].words.unit.requests[index];

	if (wanted->msg_timeout)
		return wanted->msg_timeout;
	return plan->former_count && was->msg_timeout ? TIMEOUT_DEFAULT : 0;
}

static void compare_link(struct apply_plan *plan, unsigned int index, const struct standing *now)
{
	enum apply_link wanted = plan->entry->link[index];
	bool down = now->state.link_down;

	if (!now->ours || wanted == APPLY_LINK_ANY)
		return;
	if (now->asked != 0)
		buffer_format(&plan->reasons, "%slink is not known\n", of(index));
	else if (down != (wanted == APPLY_LINK_DOWN))
		buffer_format(&plan->reasons, "%slink %s, not %s\n", of(index), down ? "down" : "up",
			      down ? "up" : "down");
}

static void compare_attached(struct apply_plan *plan, unsigned int index,
			     const struct standing *now)
{
	const char *driver = now->attached.driver, *wanted = plan->entry->unit.driver;

	if (!now->device.attached)
		buffer_format(&plan->reasons, "%sdevice is not attached\n", of(index));
	else if (strcmp(driver, wanted)) {
		if (!plan->driver_said)
			buffer_format(&plan->reasons, "%sdriver %s, not %s\n", of(index),
				      driver[0] ? driver : "none", wanted);
	} else if (now->ours && !standing_works(now)) {
		buffer_format(&plan->reasons, "%sdriver does not work\n", of(index));
	}
}

/* Is it what it was to be? */
static void compare_standing(struct apply_plan *plan, unsigned int index,
			     const struct standing *now)
{
	uint64_t timeout = apply_plan_timeout(plan, index);

	if (!now->there) {
		buffer_format(&plan->reasons, "%sdevice is not there\n", of(index));
		return;
	}
	if (standing_is_broken(now))
		buffer_format(&plan->reasons, "%sdevice is broken\n", of(index));
	else if (!now->ours)
		buffer_format(&plan->reasons, "%sdevice is not served\n", of(index));
	compare_attached(plan, index, now);
	if (timeout && now->device.has_msg_timeout && timeout != now->device.msg_timeout &&
	    !plan->timeout_said[index])
		buffer_format(&plan->reasons, "%smsg_timeout %u, not %llu\n", of(index),
			      now->device.msg_timeout, (unsigned long long)timeout);
	compare_link(plan, index, now);
}

/* -- an entry that is to be there --------------------------------------------------------- */

/* For going back. */
static void remember(struct apply_former *former, const struct standing *now, unsigned int index)
{
	former->msg_timeout[index] = now->there && now->device.has_msg_timeout ?
				     now->device.msg_timeout : 0;
	if (now->ours && now->asked == 0)
		former->link[index] = now->state.link_down ? APPLY_LINK_DOWN : APPLY_LINK_UP;
}

/* Of what is there: nobody else has a hand in it, and its server answers. */
static int check_former(struct apply_plan *plan, struct apply_former *former,
			struct bring *bring, struct failure *failure)
{
	unsigned int i;

	bring->unit = &former->words.unit;
	bring->text = former->words.text;
	bring->names = former->words.names;
	if (bring_check(bring, failure) < 0)
		return refuse(plan);
	for (i = 0; i < bring->names.count; i++)
		remember(former, &bring->now[i], i);
	return 0;
}

/* What would be refused once it is begun. */
static int check_ending(struct apply_plan *plan, const struct apply_former *former,
			const struct pace *pace, struct failure *failure)
{
	const struct ending all = ending_of_all(&former->words.names);

	return ending_refuse(&all, pace, failure) < 0 ? refuse(plan) : 0;
}

static bool other_driver(const struct apply_plan *plan, const struct bring *bring)
{
	unsigned int i;

	for (i = 0; i < bring->names.count; i++)
		if (bring->now[i].there && bring->now[i].device.attached &&
		    strcmp(bring->now[i].attached.driver, plan->entry->unit.driver))
			return true;
	return false;
}

static void plan_change(struct apply_plan *plan, const struct bring *bring,
			struct failure *failure)
{
	unsigned int i;

	for (i = 0; i < bring->names.count; i++)
		compare_standing(plan, i, &bring->now[i]);
	if (bring->names.count == 2 && bring->now[0].ours && bring->now[1].ours &&
	    bring->now[0].holder.pid != bring->now[1].holder.pid)
		buffer_add_text(&plan->reasons, "two processes serve the pair\n");
	plan->action = plan->reasons.length ? APPLY_CHANGE : APPLY_NOTHING;
	if (other_driver(plan, bring))
		check_ending(plan, &plan->formers[0], &bring->pace, failure);
}

static void plan_present(const struct apply_file *file, struct apply_plan *plan,
			 struct bring *bring, struct failure *failure)
{
	unsigned int i;
	int rc = find_formers(plan, failure);

	if (rc == 0 && !plan->former_count) {
		plan->action = APPLY_CREATE;
		if (bring_check(bring, failure) < 0)
			refuse(plan);
		return;
	}
	for (i = 0; i < plan->former_count && rc == 0; i++) {
		rc = check_members(file, plan, &plan->formers[i].words.names, failure);
		if (rc == 0)
			rc = check_former(plan, &plan->formers[i], bring, failure);
	}
	if (rc < 0)
		return;
	if (!compare(plan)) {
		plan_change(plan, bring, failure);
		return;
	}
	plan->action = APPLY_REPLACE;
	for (i = 0; i < plan->former_count && rc == 0; i++)
		rc = check_ending(plan, &plan->formers[i], &bring->pace, failure);
}

/* -- an entry that is to be absent -------------------------------------------------------- */

static void plan_absent(const struct apply_file *file, struct apply_plan *plan, bool to_run,
			const struct pace *pace, struct failure *failure)
{
	const char *name = plan->entry->names.names[0];
	const struct apply_entry *other = NULL;
	struct unit_names names;
	struct ending all;

	if (!down_is_there(name))
		return;
	plan->action = APPLY_DESTROY;
	unit_members(name, &names);
	if (names.count == 2)
		other = apply_file_find(file, names.names[1]);
	if (names.count == 2 && (!other || (to_run && !other->absent))) {
		refuse_unlisted(plan, name, names.names[1], failure);
		return;
	}
	if (other)
		buffer_format(&plan->reasons, "with %s\n", names.names[1]);
	all = ending_of_all(&names);
	if (ending_refuse(&all, pace, failure) < 0)
		refuse(plan);
}

void apply_plan_make(const struct apply_file *file, const struct apply_entry *entry, bool to_run,
		     const struct pace *pace, struct apply_plan *plan, struct failure *failure)
{
	struct bring bring = { .unit = &entry->unit, .text = entry->text, .names = entry->names,
			       .pace = *pace, .lock = -1, .errors = -1 };

	memset(plan, 0, sizeof(*plan));
	plan->entry = entry;
	if (entry->absent)
		plan_absent(file, plan, to_run, pace, failure);
	else
		plan_present(file, plan, &bring, failure);
}

void apply_plan_free(struct apply_plan *plan)
{
	while (plan->former_count)
		unit_words_free(&plan->formers[--plan->former_count].words);
	buffer_free(&plan->reasons);
}

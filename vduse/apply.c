// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "vduse apply": from a file that lists devices to those devices.
 *
 * One entry after the other is planned and carried out: those that are to be there in the
 * order of the file, then those that are not. What fails is put back, and the others go on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "vduse/apply_run.h"
#include "vduse/verbs.h"

#define ENTRY_MS 60000	/* for each entry, as "vduse up" has */

enum { APPLY_FILE, APPLY_DRY_RUN, APPLY_WORDS };

const struct cli_word apply_words[] = {
	[APPLY_FILE] = {
		.value = "FILE", .kind = CLI_TEXT, .flags = CLI_REQUIRED, .candidates = CLI_FILES,
		.help = "the devices, in JSON; \"-\" is standard input",
	},
	[APPLY_DRY_RUN] = {
		.keyword = "dry_run", .kind = CLI_FLAG, .flags = CLI_OPTION,
		.help = "say what would be done, and do nothing",
	},
	[APPLY_WORDS] = { .kind = CLI_END },
};

enum result { NOT_TRIED, PLANNED, DONE, FAILED };

static const char *const action_names[] = {
	[APPLY_NOTHING] = "nothing", [APPLY_CREATE] = "create", [APPLY_CHANGE] = "change",
	[APPLY_REPLACE] = "replace", [APPLY_DESTROY] = "destroy", [APPLY_REFUSE] = "refuse",
};
static const char *const action_words[] = {	/* the same, as text */
	[APPLY_NOTHING] = "nothing to do", [APPLY_CREATE] = "create", [APPLY_CHANGE] = "change",
	[APPLY_REPLACE] = "replace", [APPLY_DESTROY] = "destroy", [APPLY_REFUSE] = "refused",
};
static const char *const result_names[] = {
	[NOT_TRIED] = "not_tried", [PLANNED] = "planned", [DONE] = "done", [FAILED] = "failed",
};

/* What became of an entry. */
struct outcome {
	enum apply_action action;
	enum result result;
	char *reasons;		/* sentences, each ends with a line feed; may be NULL */
	struct failure failure;	/* where it failed */
};

struct apply {
	struct call *call;
	struct apply_file file;
	struct outcome *outcomes;	/* of each entry */
	struct pace pace;		/* of all */
	bool dry;
};

/* -- what is printed ---------------------------------------------------------------------- */

static void put_reasons(struct output *out, char *reasons)
{
	char *save = NULL, *reason = strtok_r(reasons, "\n", &save);
	bool first = true;

	output_begin_array(out, OUT_JSON, "reasons");
	for (; reason; reason = strtok_r(NULL, "\n", &save)) {
		output_element(out, OUT_JSON, reason);
		if (!first)
			output_line(out);
		output_string(out, OUT_TEXT, first ? "because" : "and", reason);
		first = false;
	}
	output_end_array(out, OUT_JSON);
}

static void put_failure(struct output *out, const struct failure *failure)
{
	output_begin_object(out, OUT_JSON, "error");
	if (failure->object[0])
		output_string(out, OUT_JSON, "object", failure->object);
	output_number(out, OUT_JSON, "status", failure->status);
	if (failure->errnum && errno_name(failure->errnum))
		output_string(out, OUT_JSON, "errno", errno_name(failure->errnum));
	output_string(out, OUT_JSON, "message", failure->message);
	if (failure->hint[0])
		output_string(out, OUT_JSON, "hint", failure->hint);
	output_end_object(out, OUT_JSON);
}

static void put(struct output *out, const struct apply_entry *entry, struct outcome *outcome)
{
	bool tried = outcome->result != NOT_TRIED;

	output_begin_record(out, entry->names.names[0]);
	if (tried) {
		output_string(out, OUT_JSON, "action", action_names[outcome->action]);
		output_word(out, action_words[outcome->action]);
	}
	if (entry->names.count == 2)
		output_string(out, OUT_BOTH, "peer", entry->names.names[1]);
	output_string(out, OUT_JSON, "result", result_names[outcome->result]);
	if (!tried || (outcome->result == FAILED && outcome->action != APPLY_REFUSE))
		output_word(out, tried ? "failed" : "not tried");
	if (outcome->reasons && outcome->reasons[0])
		put_reasons(out, outcome->reasons);
	if (outcome->result == FAILED)
		put_failure(out, &outcome->failure);
	output_end_record(out);
}

static void put_all(struct apply *apply)
{
	size_t i;

	output_begin_listing(apply->call->out, "apply");
	for (i = 0; i < apply->file.count; i++)
		put(apply->call->out, &apply->file.entries[i], &apply->outcomes[i]);
	output_end_listing(apply->call->out);
}

/* -- an entry ----------------------------------------------------------------------------- */

/* Of the time of an entry some is kept for going back: a quarter, ten seconds at most. */
static struct pace pace_of_entry(const struct apply *apply, int *undo_ms)
{
	struct pace pace = apply->pace;
	int left = pace_left(&pace, ENTRY_MS);

	*undo_ms = left / 4 > 10000 ? 10000 : left / 4;
	pace.end = clock_ms() + left - *undo_ms;
	return pace;
}

static void keep_reasons(struct outcome *outcome, struct apply_plan *plan)
{
	if (plan->reasons.length)
		outcome->reasons = buffer_take(&plan->reasons);
}

/* A failure that is about a file, or a process, is told of the device that it happened to. */
static void name_device(const struct apply_entry *entry, struct failure *failure)
{
	struct failure said = *failure;
	unsigned int i;

	for (i = 0; i < entry->names.count; i++)
		if (!strcmp(said.object, entry->names.names[i]))
			return;
	failure_set(failure, said.status, said.errnum, entry->names.names[0], "%s%s%.1900s",
		    said.object, said.object[0] ? ": " : "", said.message);
	failure_hint(failure, "%s", said.hint);
}

static void do_entry(struct apply *apply, size_t index)
{
	struct outcome *outcome = &apply->outcomes[index];
	struct apply_plan plan;
	int undo_ms, rc = 0;
	struct pace pace = pace_of_entry(apply, &undo_ms);

	apply_plan_make(&apply->file, &apply->file.entries[index], !apply->dry, &pace, &plan,
			&outcome->failure);
	if (!apply->dry)
		rc = apply_plan_run(apply->call, &plan, &pace, undo_ms, &outcome->failure);
	outcome->action = plan.action;
	if (rc < 0 || plan.action == APPLY_REFUSE)
		outcome->result = FAILED;
	else
		outcome->result = apply->dry ? PLANNED : DONE;
	if (outcome->result == FAILED)
		name_device(&apply->file.entries[index], &outcome->failure);
	keep_reasons(outcome, &plan);
	apply_plan_free(&plan);
}

/* Entries that are to be absent, or those that are not. */
static int do_entries(struct apply *apply, bool absent, struct failure *failure)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < apply->file.count && rc == 0; i++) {
		if (apply->file.entries[i].absent != absent)
			continue;
		rc = pace_check(&apply->pace, apply->file.entries[i].names.names[0], failure);
		if (rc == 0)
			do_entry(apply, i);
	}
	return rc;
}

/* -- the whole of it ---------------------------------------------------------------------- */

/* The first failure is the command's, the others are told beside it. */
static int judge(struct apply *apply, int rc, struct failure *failure)
{
	size_t i;

	for (i = 0; i < apply->file.count; i++) {
		const struct outcome *outcome = &apply->outcomes[i];

		if (outcome->result != FAILED)
			continue;
		if (rc == 0)
			*failure = outcome->failure;
		else
			call_warn_of(apply->call, &outcome->failure);
		rc = -EREMOTEIO;
	}
	return rc;
}

/* A document also where not all went well: what did is in it. */
static void print(struct apply *apply, int rc)
{
	const char *text;
	size_t length;

	put_all(apply);
	/* what cannot be written is worth no other word, where the command fails anyway */
	if (rc < 0 && output_finish(apply->call->out, &text, &length) == 0)
		call_print(apply->call, text, length);
}

static int apply_all(struct apply *apply, struct failure *failure)
{
	int rc;

	apply->outcomes = calloc(apply->file.count + 1, sizeof(apply->outcomes[0]));
	if (!apply->outcomes)
		return failure_errno(failure, ENOMEM, NULL, "cannot begin");
	rc = do_entries(apply, false, failure);
	if (rc == 0)
		rc = do_entries(apply, true, failure);
	rc = judge(apply, rc, failure);
	print(apply, rc);
	return rc;
}

static int64_t milliseconds(const struct apply *apply)
{
	if (apply->call->options->timeout_given)
		return (int64_t)apply->call->options->timeout * 1000;
	return (int64_t)(apply->file.count + 1) * ENTRY_MS;
}

int apply_run(struct call *call, struct failure *failure)
{
	struct apply apply = { .call = call, .dry = call->values[APPLY_DRY_RUN].given };
	size_t i;
	int rc = apply_file_read(call->values[APPLY_FILE].text, &apply.file, failure);

	if (rc < 0)
		return rc;
	rc = pace_begin(&apply.pace, milliseconds(&apply), failure);
	if (rc == 0) {
		rc = apply_all(&apply, failure);
		pace_end(&apply.pace);
	}
	for (i = 0; apply.outcomes && i < apply.file.count; i++)
		free(apply.outcomes[i].reasons);
	free(apply.outcomes);
	apply_file_free(&apply.file);
	return rc;
}

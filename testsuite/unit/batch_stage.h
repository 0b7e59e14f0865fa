/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Batches of a small grammar, run whole: a file, a standard output that may fail, and what
 * was written. A test links with -Wl,--wrap=realloc.
 *
 *	say [ NAME ]		an empty record
 *	silent, warning, bad, mute, deep	as in test_command.c
 *	options			-d, -s and -T as it sees them
 *	count, change		the session: opened and used how often
 *	much TEXT		TEXT twice
 *	die SIGNAL, hang [ NAME ]	no result
 *	holds			how many descriptors of the batch's file its process has
 *	serve NAME [ background ] [ twice ] [ bad ]	an event a line
 *	quiet, fork, children, pipes [ background ]	serve, too: they run here
 */
#ifndef VT_UNIT_BATCH_STAGE_H
#define VT_UNIT_BATCH_STAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct stage_session {
	int opened, used;
};

extern struct stage_session session;

/* Of the last run; its file's name is "FILE" in the texts. */
extern const char *printed, *complained;
extern int status;

/* Run "prog OPTIONS -b FILE", with these lines in the file. */
void run(const char *options, const char *lines);
void run_bytes(const char *options, const char *bytes, size_t length);
void run_file(const char *file, const char *options);

/* NULL for what does not matter. */
void expect_run(const char *options, const char *lines, int status, const char *out,
		const char *errors);

/* From the @nth write to stdout on they fail with @error; 0: never. That no write is
 * tried after that is seen to. */
void fail_write(int nth, int error);

/* Of the calls of realloc() that follow, @left succeed, and then one fails, or none succeeds
 * @for_good; with @workers they count for themselves. memory_was_short() ends that, and says
 * whether any failed here. */
void short_memory(int left, bool for_good, bool workers);
bool memory_was_short(void);

/* What was printed, as the array that it must be; the caller puts it. */
json_object *parse_document(void);
/* NULL where there is none. */
json_object *member(json_object *object, const char *key);
const char *text(json_object *object, const char *key);
long long number(json_object *object, const char *key);

#endif

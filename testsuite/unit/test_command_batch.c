// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/command_batch: what each line of a batch gives, as text and as one document.
 * LDFLAGS: -Wl,--wrap=realloc */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch_stage.h"
#include "process_look.h"
#include "lib/buffer.h"

/* -- text ---------------------------------------------------------------------------- */

static void answers_stand_one_after_the_other(void **state)
{
	(void)state;
	expect_run("", "say one\n\n# say no\n  say 'two three' # more\nsilent\nsay \\\n four", 0,
		   "one:\ntwo\\x20three:\nfour:\n", "");
	expect_run("", "", 0, "", "");
	expect_run("", "#\n\n   \n", 0, "", "");
}

static void cli_90_first_failure_stops(void **state)
{
	(void)state;
	expect_run("", "say one\n\nbad\nsay two\n", 5, "one:\n",
		   "FILE:3: prog bad: warning: before\nFILE:3: prog bad: lo0: taken; wait\n");
	expect_run("", "say\n nonsense\nsay two\n", 2, "empty:\n",
		   "FILE:2: prog: there is no command \"nonsense\"; see \"prog --help\"\n");
	expect_run("", "say one\nsay 'two\nsay three\n", 2, "one:\n",
		   "FILE:2: prog: a quote (') is not closed\n");
	expect_run("", "say \\\n\\\none\nsay \\\na \\\nb\n", 2, "one:\n",
		   "FILE:4: prog say: the word \"b\" has no meaning here; see \"prog say --help\"\n");
}

static void cli_90_forced_it_goes_on_and_the_first_failure_counts(void **state)
{
	(void)state;
	expect_run("-f", "say one\nmute\nsay two\nbad\nsay 'x\nsay three\n", 3,
		   "one:\ntwo:\nthree:\n",
		   "FILE:2: prog mute: failed: No such device\n"
		   "FILE:4: prog bad: warning: before\nFILE:4: prog bad: lo0: taken; wait\n"
		   "FILE:5: prog: a quote (') is not closed\n");
	expect_run("--force", "bad\nmute\n", 5, "", NULL);
	expect_run("-f", "say one\n", 0, "one:\n", "");
}

static void warnings_tell_their_line(void **state)
{
	(void)state;
	expect_run("", "say one\nwarning\n", 0, "one:\nempty:\n",
		   "FILE:2: prog warning: warning: lo0: only half\n"
		   "FILE:2: prog warning: warning: and \"more\"\n");
}

static void usage_and_version(void **state)
{
	(void)state;
	run("", "say -h\nhelp\n\"-V\"\n");
	assert_int_equal(status, 0);
	assert_memory_equal(printed, "Usage: prog say", 15);
	assert_non_null(strstr(printed, "OPTIONS"));
	assert_non_null(strstr(printed, "prog utility, vduse-tools-"));
	/* before a batch as before a command */
	run("-V", "bad\n");
	assert_int_equal(status, 0);
	assert_memory_equal(printed, "prog utility, vduse-tools-", 26);
	run("-h", "bad\n");
	assert_int_equal(status, 0);
	assert_memory_equal(printed, "Usage: ", 7);
	run_file("/nonexistent", "-V");
	assert_int_equal(status, 0);
	run("", "-j -V");
	assert_int_equal(status, 2);
}

/* -- the document -------------------------------------------------------------------- */

static void document_of_records(void **state)
{
	(void)state;
	expect_run("-j", "say one\n\n  mute # \"why\"\n", 3,
		   "[\n"
		   "{\"line\":1,\"command\":\"say one\",\"status\":0,\"output\":{\"one\":{}}}\n"
		   ",{\"line\":3,\"command\":\"  mute # \\\"why\\\"\",\"status\":3,"
		   "\"error\":{\"command\":\"prog mute\",\"status\":3,\"errno\":\"ENODEV\","
		   "\"message\":\"failed: No such device\"}}\n"
		   "]\n",
		   "{\"error\":{\"command\":\"prog mute\",\"status\":3,\"errno\":\"ENODEV\","
		   "\"message\":\"failed: No such device\",\"file\":\"FILE\",\"line\":3}}\n");
	expect_run("-j", "", 0, "[]\n", "");
	expect_run("-j", "# nothing\n", 0, "[]\n", "");
	expect_run("-jp", "", 0, "[]\n", "");
}

/* Each of these lines gives another kind of record. */
static const char every_kind[] =
	"say one\nsilent\nwarning\nbad\nmute\nnonsense\nsay 'x\nsay a b\nhelp\n-V\nserve lo0\n"
	"serve lo0 background\nserve lo0 background bad\nquiet background\ndie 9\ndeep\n-b x\n-j\n"
	"say \"\xff'\\\x01\t\"\nsay one\\\n two\ncount\n";

/* What is written for a line is a line, whatever follows; see the comma. */
static void records_are_lines(void **state)
{
	(void)state;
	fail_write(3, -EPIPE);
	run("-jf", "say one\nsay two\nsay three\n");
	assert_string_equal(printed,
			    "[\n"
			    "{\"line\":1,\"command\":\"say one\",\"status\":0,\"output\":{\"one\":{}}}\n"
			    ",{\"line\":2,\"command\":\"say two\",\"status\":0,\"output\":{\"two\":{}}}\n");
	fail_write(0, 0);
}

static void every_record_has_its_keys(void **state)
{
	json_object *document;
	size_t i;

	(void)state;
	run("-jf", every_kind);
	document = parse_document();
	assert_int_equal(json_object_array_length(document), 21);
	for (i = 0; i < 21; i++) {
		json_object *record = json_object_array_get_idx(document, i);
		json_object *output = member(record, "output"), *error = member(record, "error");

		assert_int_equal(number(record, "line"), i + (i == 20) + 1);
		assert_true(json_object_is_type(member(record, "command"), json_type_string));
		if (number(record, "status"))
			assert_true(!output && json_object_is_type(error, json_type_object));
		else
			assert_true(output && !error);
		if (error)
			assert_int_equal(number(error, "status"), number(record, "status"));
	}
	json_object_put(document);
}

/* -p adds white space, and nothing else. */
static void pretty_document_is_the_same(void **state)
{
	json_object *plain, *pretty;

	(void)state;
	run("-jf", every_kind);
	plain = parse_document();
	run("-jpf", every_kind);
	pretty = parse_document();
	assert_true(json_object_equal(plain, pretty));
	json_object_put(plain);
	json_object_put(pretty);
	expect_run("-jp", "say one\nsilent\n", 0,
		   "[\n"
		   "  {\n"
		   "    \"line\":1,\n"
		   "    \"command\":\"say one\",\n"
		   "    \"status\":0,\n"
		   "    \"output\":{\n"
		   "      \"one\":{}\n"
		   "    }\n"
		   "  },\n"
		   "  {\n"
		   "    \"line\":2,\n"
		   "    \"command\":\"silent\",\n"
		   "    \"status\":0,\n"
		   "    \"output\":{}\n"
		   "  }\n"
		   "]\n", "");
}

/* They are in the record, with what failed, and not on standard error. */
static void warnings_in_a_record(void **state)
{
	json_object *document, *record, *warnings;

	(void)state;
	run("-jf", "warning\nbad\nsay x\n");
	document = parse_document();
	warnings = member(json_object_array_get_idx(document, 0), "warnings");
	assert_int_equal(json_object_array_length(warnings), 2);
	assert_string_equal(text(json_object_array_get_idx(warnings, 0), "message"), "only half");
	assert_string_equal(text(json_object_array_get_idx(warnings, 0), "object"), "lo0");
	assert_string_equal(text(json_object_array_get_idx(warnings, 1), "message"),
			    "and \"more\"");
	record = json_object_array_get_idx(document, 1);
	assert_int_equal(json_object_array_length(member(record, "warnings")), 1);
	assert_string_equal(text(member(record, "error"), "hint"), "wait");
	assert_null(member(json_object_array_get_idx(document, 2), "warnings"));
	assert_null(strstr(complained, "warning"));
	json_object_put(document);
}

static void commands_as_they_were_written(void **state)
{
	json_object *document;

	(void)state;
	run("-jf", "\tsay\t'a \\b' # \xc3\xa9\nsay \xff\x01\x7f\n");
	document = parse_document();
	assert_string_equal(text(json_object_array_get_idx(document, 0), "command"),
			    "\tsay\t'a \\b' # \xc3\xa9");
	assert_string_equal(text(json_object_array_get_idx(document, 1), "command"),
			    "say \xef\xbf\xbd\x01\x7f");
	json_object_put(document);
}

static void prose_is_a_string(void **state)
{
	json_object *document;

	(void)state;
	run("-j", "say -h\n-V\n");
	document = parse_document();
	assert_string_equal(text(json_object_array_get_idx(document, 0), "output"),
			    "Usage: prog say [ NAME ]\n");
	assert_memory_equal(text(json_object_array_get_idx(document, 1), "output"),
			    "prog utility, ", 14);
	json_object_put(document);
}

/* -- options ------------------------------------------------------------------------- */

#define OPTIONS(d, s, T) "options: d " #d " s " #s " T " #T "\n"

static void options_hold_for_all_lines_or_for_one(void **state)
{
	(void)state;
	expect_run("", "options\noptions -d\n-s options -T 9\noptions\n", 0,
		   OPTIONS(0, 0, 0) OPTIONS(1, 0, 0) OPTIONS(0, 1, 9) OPTIONS(0, 0, 0), "");
	expect_run("-d -T 8", "options\noptions -s -T 9\noptions\n", 0,
		   OPTIONS(1, 0, 8) OPTIONS(1, 1, 9) OPTIONS(1, 0, 8), "");
}

static void options_of_the_whole_batch(void **state)
{
	static const char *const lines[] = {
		"options -j", "-p options", "options -f", "options --force", "-b FILE",
		"options -b x", "--batch=x", "options --color=always", "-jd options",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		run("", lines[i]);
		assert_int_equal(status, 2);
		assert_string_equal(printed, "");
		assert_non_null(strstr(complained, ":1: prog"));
		if (!strstr(complained, "say it before -b"))
			fail_msg("%s: %s", lines[i], complained);
	}
	/* said again they change nothing */
	run("-j -f -p", "options -j -f -p\n");
	assert_int_equal(status, 0);
	json_object_put(parse_document());
}

static void words_beside_a_batch(void **state)
{
	(void)state;
	expect_run("say", "say x\n", 2, "",
		   "prog say: a batch takes its commands from FILE alone; see \"prog say --help\"\n");
	run("-j say", "say x\n");
	assert_int_equal(status, 2);
	json_object_put(parse_document());
}

/* -- the worker ---------------------------------------------------------------------- */

/* Each count tells how often the session was opened and used. */
static void session_lasts_from_line_to_line(void **state)
{
	(void)state;
	expect_run("-f", "count\ncount\nbad\nsay x\nnonsense\ncount -T 20\nchange\n", 5,
		   "session: opened 1 used 1\nsession: opened 1 used 2\nx:\nsession: opened 1 used 3\nsession: opened 1 used 4\n", NULL);
	assert_int_equal(session.opened, 0);	/* it is the worker's */
}

static void line_that_kills_its_worker(void **state)
{
	(void)state;
	expect_run("", "count\ndie 9\ncount\n", 1, "session: opened 1 used 1\n",
		   "FILE:2: prog die: the process that made the call was ended by signal 9\n");
	expect_run("-f", "count\ndie 15\ncount\ncount\n", 1,
		   "session: opened 1 used 1\nsession: opened 1 used 1\nsession: opened 1 used 2\n",
		   "FILE:2: prog die: the process that made the call was ended by signal 15\n");
}

static void line_that_does_not_come_back(void **state)
{
	double start = seconds_now(), took;

	(void)state;
	expect_run("-f", "count\nhang 231 -T 1\ncount\ncount\n", 6,
		   "session: opened 1 used 1\nsession: opened 1 used 1\nsession: opened 1 used 2\n",
		   "FILE:2: prog hang: no answer within 1 s, the kernel may still carry it out; "
		   "end process 231\n");
	took = seconds_now() - start;
	assert_true(took > 0.9 && took < 100);
	expect_run("-T 3", "count\nhang 231\ncount\n", 6, "session: opened 1 used 1\n", NULL);
	run("-jfT3", "hang 7\ncount\n");
	assert_int_equal(status, 6);
	json_object_put(parse_document());
	assert_non_null(strstr(printed, "\"hint\":\"end process 7\""));
}

static void outputs_of_any_length(void **state)
{
	struct buffer lines = { 0 };

	(void)state;
	/* a word, and what is made of it, longer than a pipe holds */
	buffer_format(&lines, "much %0*d\nsay x\n", 200000, 7);
	run("", lines.text);
	assert_int_equal(status, 0);
	assert_true(strlen(printed) > 2 * 200000);
	run("-j", lines.text);
	assert_int_equal(status, 0);
	json_object_put(parse_document());
	buffer_free(&lines);
}

static void output_that_cannot_be_made(void **state)
{
	(void)state;
	run("-jf", "deep\nsay x\n");
	assert_int_equal(status, 1);
	json_object_put(parse_document());
}

/* -- verbs that serve ---------------------------------------------------------------- */

static void serving_verb_needs_its_word(void **state)
{
	(void)state;
	run("-f", "serve lo0\nsay x\n");
	assert_int_equal(status, 2);
	assert_string_equal(printed, "x:\n");
	assert_non_null(strstr(complained, ":1: prog serve: "));
	assert_non_null(strstr(complained, "prog serve --help"));
	expect_run("", "serve lo0 background\nserve lo0 background bad\nsay x\n", 1, "ready lo0\n",
		   "FILE:2: prog serve: ended\n");
}

/* What would be an event a line is an array of them. */
static void events_in_a_record(void **state)
{
	json_object *document, *events;

	(void)state;
	run("-j", "serve lo0 background\nserve 'a\\b' background twice\nquiet background\n");
	assert_int_equal(status, 0);
	document = parse_document();
	events = member(json_object_array_get_idx(document, 0), "output");
	assert_int_equal(json_object_array_length(events), 1);
	events = member(json_object_array_get_idx(document, 1), "output");
	assert_int_equal(json_object_array_length(events), 2);
	assert_string_equal(text(json_object_array_get_idx(events, 1), "ready"), "a\\b");
	assert_true(json_object_is_type(member(json_object_array_get_idx(document, 2), "output"),
					json_type_object));
	json_object_put(document);
}

/* A server that was started and has ended is no zombie when the next line runs. */
static void servers_that_ended_are_reaped(void **state)
{
	(void)state;
	expect_run("", "fork background\nsay x\nfork background\nfork background\n"
		   "children background\nsay x\n", 0,
		   "zombies: n 1\nx:\nzombies: n 1\nzombies: n 1\nzombies: n 0\nx:\n", "");
}

/* Those of the worker, whose end they are. */
static void server_takes_no_pipe_along(void **state)
{
	const char *second;

	(void)state;
	run("", "pipes background\nsay x\npipes background\n");
	second = strstr(printed, "x:\n");
	assert_non_null(second);
	assert_memory_equal(printed, second + 3, (size_t)(second - printed));
}

/* So that it can be unmounted, or its other end sees that nobody reads it. */
static void worker_holds_no_file_of_ours(void **state)
{
	(void)state;
	expect_run("", "holds\n", 0, "holds: n 0\n", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_stand_one_after_the_other),
		cmocka_unit_test(cli_90_first_failure_stops),
		cmocka_unit_test(cli_90_forced_it_goes_on_and_the_first_failure_counts),
		cmocka_unit_test(warnings_tell_their_line),
		cmocka_unit_test(usage_and_version),
		cmocka_unit_test(document_of_records),
		cmocka_unit_test(records_are_lines),
		cmocka_unit_test(every_record_has_its_keys),
		cmocka_unit_test(pretty_document_is_the_same),
		cmocka_unit_test(warnings_in_a_record),
		cmocka_unit_test(commands_as_they_were_written),
		cmocka_unit_test(prose_is_a_string),
		cmocka_unit_test(options_hold_for_all_lines_or_for_one),
		cmocka_unit_test(options_of_the_whole_batch),
		cmocka_unit_test(words_beside_a_batch),
		cmocka_unit_test(session_lasts_from_line_to_line),
		cmocka_unit_test(line_that_kills_its_worker),
		cmocka_unit_test(line_that_does_not_come_back),
		cmocka_unit_test(outputs_of_any_length),
		cmocka_unit_test(output_that_cannot_be_made),
		cmocka_unit_test(serving_verb_needs_its_word),
		cmocka_unit_test(events_in_a_record),
		cmocka_unit_test(servers_that_ended_are_reaped),
		cmocka_unit_test(server_takes_no_pipe_along),
		cmocka_unit_test(worker_holds_no_file_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

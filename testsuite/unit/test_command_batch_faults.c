// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/command_batch: files that are none, output that cannot be written, short memory.
 * LDFLAGS: -Wl,--wrap=realloc */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch_stage.h"

static void proc_67_write_error_stops_it(void **state)
{
	(void)state;
	fail_write(2, -ENOSPC);
	expect_run("-f", "say one\nsay two\nbad\nsay three\n", 1, "one:\n",
		   "prog: stdout: cannot write: No space left on device\n");
	fail_write(1, -EPIPE);
	expect_run("-f", "bad\nsay two\nmute\n", 5, "",
		   "FILE:1: prog bad: warning: before\nFILE:1: prog bad: lo0: taken; wait\n"
		   "prog: stdout: cannot write: Broken pipe\n");
	fail_write(1, -EPIPE);
	run("-j", "");
	assert_int_equal(status, 1);
	assert_non_null(strstr(complained, "EPIPE"));
	fail_write(2, -EIO);
	run("-jf", "say one\nsay two\nbad\n");
	assert_int_equal(status, 1);
	assert_null(strstr(complained, "prog bad"));
	fail_write(0, 0);
}

static void expect_bad_file(const char *contents, size_t length, int expected, const char *says)
{
	run_bytes("-f", contents, length);
	assert_int_equal(status, expected);
	assert_string_equal(printed, "one:\n");
	assert_non_null(strstr(complained, says));
	run_bytes("-jf", contents, length);
	assert_int_equal(status, expected);
	json_object_put(parse_document());
}

/* What stands before the fault was done. */
static void files_that_are_no_text(void **state)
{
	char *text = malloc((1 << 20) + 100);

	(void)state;
	expect_bad_file("say one\nsay\0two\nsay three\n", 25, 2, "line 2 there is a NUL byte");
	strcpy(text, "say one\n\n");
	memset(text + 9, 'x', (1 << 20) + 1);
	expect_bad_file(text, 9 + (1 << 20) + 1, 2, "line 3 is longer than 1048576 bytes");
	free(text);
}

static void files_that_cannot_be_read(void **state)
{
	(void)state;
	run_file("/nonexistent/\x01 file", "");
	assert_int_equal(status, 3);
	assert_string_equal(complained, "prog: /nonexistent/\\x01 file: cannot open it: "
					"No such file or directory\n");
	run_file("/", "");
	assert_int_equal(status, 1);
	assert_string_equal(complained, "prog: /: cannot read it: Is a directory\n");
	run_file("/nonexistent", "-j");
	assert_int_equal(status, 3);
	assert_string_equal(printed, "[]\n");
	assert_non_null(strstr(complained, "{\"error\":{"));
}

/* A warning may lack a key where memory is short, but not be lost. */
static json_object *shorn_document(void)
{
	json_object *document = parse_document();
	size_t i;

	for (i = 0; i < json_object_array_length(document); i++) {
		json_object *record = json_object_array_get_idx(document, i);
		json_object *warnings = member(record, "warnings");
		int64_t count = warnings ? (int64_t)json_object_array_length(warnings) : 0;

		assert_int_equal(number(record, "line"), i + 1);	/* no line is left out */
		json_object_object_add(record, "warnings", json_object_new_int64(count));
	}
	return document;
}

/* From any moment on, or at any moment: half a document would be none, and what is not in
 * it is told by the status. */
static void memory_short(bool for_good, bool workers)
{
	static const char lines[] = "say one\nserve lo0 background\nquiet background\nwarning\n"
				    "-V\n";
	json_object *whole, *document;
	bool was_short = true;
	int left;

	run("-jf", lines);
	whole = shorn_document();
	for (left = 0; was_short; left++) {
		assert_true(left < 2000);
		short_memory(left, for_good, workers);
		run("-jf", lines);
		was_short = memory_was_short();
		document = shorn_document();
		if (status == 0 && !json_object_equal(document, whole))
			fail_msg("%s", printed);
		json_object_put(document);
	}
	assert_int_equal(status, 0);
	assert_true(left > 10);
	json_object_put(whole);
}

static void proc_66_memory_short_at_any_moment(void **state)
{
	(void)state;
	memory_short(false, false);
	memory_short(false, true);
	memory_short(true, false);
	memory_short(true, true);
}

static int count_lines(const char *text)
{
	int count = 0;

	while ((text = strchr(text, '\n'))) {
		count++;
		text++;
	}
	return count;
}

static void proc_66_memory_short_for_text(void **state)
{
	bool was_short = true;
	int left;

	(void)state;
	for (left = 0; was_short; left++) {
		assert_true(left < 2000);
		short_memory(left, false, false);
		run("-f", "say one\nwarning\nsay two\n");
		was_short = memory_was_short();
		if (status)
			continue;
		assert_string_equal(printed, "one:\nempty:\ntwo:\n");
		assert_int_equal(count_lines(complained), 2);
	}
	assert_int_equal(status, 0);
	assert_true(left > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proc_67_write_error_stops_it),
		cmocka_unit_test(files_that_are_no_text),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(proc_66_memory_short_at_any_moment),
		cmocka_unit_test(proc_66_memory_short_for_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

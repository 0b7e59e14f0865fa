// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/text and lib/error: foreign bytes made safe to print, failures as sentences. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "lib/text.h"

static void utf8_sequences(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} rows[] = {
		{ "", 0 }, { "a", 1 }, { "\x7f", 1 }, { "\x01", 1 },
		{ "\xc2\x80", 2 }, { "\xdf\xbf", 2 }, { "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 }, { "\xee\x80\x80", 3 }, { "\xef\xbf\xbf", 3 },
		{ "\xf0\x90\x80\x80", 4 }, { "\xf4\x8f\xbf\xbf", 4 },
		/* too long a form, surrogates, beyond U+10FFFF */
		{ "\xc0\x80", 0 }, { "\xc1\xbf", 0 }, { "\xe0\x9f\xbf", 0 },
		{ "\xed\xa0\x80", 0 }, { "\xed\xbf\xbf", 0 }, { "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 }, { "\xff", 0 },
		/* a continuation alone, or none where one is due */
		{ "\x80", 0 }, { "\xbf", 0 }, { "\xc2", 0 }, { "\xc2""a", 0 },
		{ "\xe1\x80", 0 }, { "\xe1\x80""a", 0 }, { "\xf1\x80\x80", 0 },
		{ "\xf1\x80\x80\xc0", 0 }, { "\xe1\x41\x80", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (utf8_sequence(rows[i].text) != rows[i].length)
			fail_msg("row %zu: %zu", i, utf8_sequence(rows[i].text));
}

static void expect_escaped(const char *text, bool keep_blanks, const char *expected)
{
	char *escaped = text_escape(text, keep_blanks);

	assert_string_equal(escaped, expected);
	free(escaped);
}

static void escaping_leaves_one_plain_word(void **state)
{
	(void)state;
	expect_escaped("", false, "");
	expect_escaped("lo0", false, "lo0");
	expect_escaped("a b", false, "a\\x20b");
	expect_escaped("a b", true, "a b");
	expect_escaped("a\nb\tc", true, "a\\x0ab\\x09c");
	expect_escaped("\033[31m", true, "\\x1b[31m");
	expect_escaped("\x7f", true, "\\x7f");
	expect_escaped("a\\x41", true, "a\\x5cx41");
	expect_escaped("caf\xc3\xa9", true, "caf\xc3\xa9");
	expect_escaped("\xe2\x82\xac", false, "\xe2\x82\xac");
	expect_escaped("\xff\xfe", true, "\\xff\\xfe");
	expect_escaped("\xc3", true, "\\xc3");
	expect_escaped("%n%s\"'", true, "%n%s\"'");
	/* C1 controls: a terminal obeys U+009B as it does ESC [ */
	expect_escaped("\xc2\x9b""31m", true, "\\xc2\\x9b31m");
	expect_escaped("\xc2\x80", true, "\\xc2\\x80");
	expect_escaped("\xc2\xa0", true, "\xc2\xa0");
}

static void expect_utf8(const char *text, const char *expected)
{
	char *clean = text_to_utf8(text);

	assert_string_equal(clean, expected);
	free(clean);
}

static void bytes_that_are_no_text_are_replaced(void **state)
{
	(void)state;
	expect_utf8("", "");
	expect_utf8("plain", "plain");
	expect_utf8("caf\xc3\xa9", "caf\xc3\xa9");
	expect_utf8("\xff", "\xef\xbf\xbd");
	expect_utf8("a\xc3(", "a\xef\xbf\xbd(");
	expect_utf8("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	expect_utf8("\x01\n", "\x01\n");
}

static const struct failure full = {
	.status = STATUS_BUSY,
	.errnum = EBUSY,
	.object = "lo\n0",
	.message = "it is attached",
	.hint = "detach it",
};

static void expect_text(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void failures_as_text(void **state)
{
	const struct failure bare = { .status = STATUS_FAILED, .message = "no" };

	(void)state;
	expect_text(text_diagnostic(&full, "vduse destroy", false, false, NULL),
		    "vduse destroy: lo\\x0a0: it is attached; detach it\n");
	expect_text(text_diagnostic(&bare, "vduse", false, false, NULL), "vduse: no\n");
	expect_text(text_diagnostic(&full, "vduse destroy", true, false, NULL),
		    "vduse destroy: warning: lo\\x0a0: it is attached; detach it\n");
}

/* Plain names of every length stand as they are, and so does what follows a quote. */
static void plain_json(void **state)
{
	char name[300], expected[700];
	int length;

	(void)state;
	for (length = 1; length < 300; length++) {
		struct buffer buffer = { 0 };

		memset(name, '0', length);
		name[length] = '\0';
		text_add_json(&buffer, name);
		name[length / 2] = '"';
		text_add_json(&buffer, name);
		snprintf(expected, sizeof(expected), "\"%0*d\"\"%.*s\\%s\"", length, 0,
			 length / 2, name, name + length / 2);
		assert_string_equal(buffer.text, expected);
		buffer_free(&buffer);
	}
}

static void failures_as_json(void **state)
{
	const struct failure bare = { .status = STATUS_FAILED, .message = "a \"b\" \xff/" };

	(void)state;
	expect_text(text_diagnostic(&full, "vduse destroy", false, true, NULL),
		    "{\"error\":{\"command\":\"vduse destroy\",\"object\":\"lo\\n0\","
		    "\"status\":5,\"errno\":\"EBUSY\",\"message\":\"it is attached\","
		    "\"hint\":\"detach it\"}}\n");
	expect_text(text_diagnostic(&bare, "vduse", false, true, NULL),
		    "{\"error\":{\"command\":\"vduse\",\"status\":1,"
		    "\"message\":\"a \\\"b\\\" \xef\xbf\xbd/\"}}\n");
	expect_text(text_diagnostic(&(struct failure){ .message = "m", .object = "o" }, "c", true, true, NULL),
		    "{\"warning\":{\"command\":\"c\",\"object\":\"o\",\"message\":\"m\"}}\n");
}

static void setting_a_failure(void **state)
{
	struct failure failure;

	(void)state;
	memset(&failure, 'x', sizeof(failure));
	assert_int_equal(failure_set(&failure, STATUS_NOT_FOUND, ENODEV, "lo0", "no %d", 7),
			 -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_int_equal(failure.errnum, ENODEV);
	assert_string_equal(failure.object, "lo0");
	assert_string_equal(failure.message, "no 7");
	assert_string_equal(failure.hint, "");
	failure_hint(&failure, "try %s", "this");
	assert_string_equal(failure.hint, "try this");
	assert_int_equal(failure_set(&failure, STATUS_USAGE, 0, NULL, "bad"), -EINVAL);
	assert_string_equal(failure.object, "");
	assert_string_equal(failure.hint, "");
	/* Nobody need ask for the words. */
	assert_int_equal(failure_set(NULL, STATUS_FAILED, EIO, "x", "y"), -EIO);
	assert_int_equal(failure_errno(NULL, EIO, "x", "y"), -EIO);
	failure_hint(NULL, "z");
}

static void failure_of_an_errno(void **state)
{
	struct failure failure;

	(void)state;
	assert_int_equal(failure_errno(&failure, EACCES, "f", "cannot open"), -EACCES);
	assert_int_equal(failure.status, STATUS_DENIED);
	assert_string_equal(failure.message, "cannot open: Permission denied");
}

static void long_texts_are_cut(void **state)
{
	struct failure failure;
	static char text[5000];

	(void)state;
	memset(text, 't', sizeof(text) - 1);
	failure_errno(&failure, EIO, text, "%s", text);
	failure_hint(&failure, "%s", text);
	assert_int_equal(strlen(failure.object), sizeof(failure.object) - 1);
	assert_int_equal(strlen(failure.message), sizeof(failure.message) - 1);
	assert_int_equal(strlen(failure.hint), sizeof(failure.hint) - 1);
}

static void statuses_of_errnos(void **state)
{
	static const struct {
		int errnum;
		enum exit_status status;
	} rows[] = {
		{ ENOENT, STATUS_NOT_FOUND }, { ENODEV, STATUS_NOT_FOUND },
		{ ENXIO, STATUS_NOT_FOUND }, { EPERM, STATUS_DENIED },
		{ EACCES, STATUS_DENIED }, { EBUSY, STATUS_BUSY }, { EEXIST, STATUS_BUSY },
		{ ETIMEDOUT, STATUS_TIMED_OUT }, { EIO, STATUS_FAILED }, { EINVAL, STATUS_FAILED },
		{ 0, STATUS_FAILED }, { 99999, STATUS_FAILED },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(status_of_errno(rows[i].errnum), rows[i].status);
	assert_string_equal(errno_name(EBUSY), "EBUSY");
	assert_null(errno_name(0));
	assert_null(errno_name(99999));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_sequences),
		cmocka_unit_test(escaping_leaves_one_plain_word),
		cmocka_unit_test(bytes_that_are_no_text_are_replaced),
		cmocka_unit_test(failures_as_text),
		cmocka_unit_test(plain_json),
		cmocka_unit_test(failures_as_json),
		cmocka_unit_test(setting_a_failure),
		cmocka_unit_test(failure_of_an_errno),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(statuses_of_errnos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

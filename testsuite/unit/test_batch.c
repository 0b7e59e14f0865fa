// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/batch: a line in words.
 * LDFLAGS: -Wl,--wrap=calloc -Wl,--wrap=strdup */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/batch.h"
#include "random_line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int allocations_left = -1;	/* -1: all succeed */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

static bool refused(void)
{
	if (allocations_left < 0)
		return false;
	return allocations_left-- == 0;	/* the next one succeeds again */
}

void *__wrap_calloc(size_t count, size_t size)
{
	return refused() ? NULL : __real_calloc(count, size);
}

char *__wrap_strdup(const char *text)
{
	return refused() ? NULL : __real_strdup(text);
}

/* @expected: the words, each in angle brackets. */
static void expect_words(const char *text, const char *expected)
{
	struct failure failure = { .status = STATUS_OK };
	struct batch_words words;
	struct buffer found = { 0 };
	int i;

	if (batch_split(text, &words, &failure))
		fail_msg("%s: %s", text, failure.message);
	for (i = 0; i < words.count; i++)
		buffer_format(&found, "<%s>", words.list[i]);
	buffer_add_text(&found, "");
	if (strcmp(found.text, expected))
		fail_msg("%s: %s, not %s", text, found.text, expected);
	assert_null(words.list[words.count]);
	batch_words_free(&words);
	buffer_free(&found);
}

static void words_stand_between_blanks(void **state)
{
	(void)state;
	expect_words("dev show", "<dev><show>");
	expect_words("  dev \t\tshow\t ", "<dev><show>");
	expect_words("a", "<a>");
	expect_words("a b c d e f", "<a><b><c><d><e><f>");
	expect_words("a\\b \\", "<a\\b><\\>");
	expect_words("a\vb\rc", "<a\vb\rc>");
	expect_words("\xff\xc3\xa9", "<\xff\xc3\xa9>");
	expect_words("-- -x --y=z", "<--><-x><--y=z>");
}

static void lines_without_words(void **state)
{
	(void)state;
	expect_words("", "");
	expect_words(" \t ", "");
	expect_words("#", "");
	expect_words("  # dev show", "");
	expect_words("#'", "");		/* no quote is opened in a comment */
}

static void quotes_hold_blanks_anywhere_in_a_word(void **state)
{
	(void)state;
	expect_words("'a b' \"c\td\"", "<a b><c\td>");
	expect_words("x'a b'y", "<xa by>");
	expect_words("na\"m e\"='a b'", "<nam e=a b>");
	expect_words("'a'\"b\"c", "<abc>");
	expect_words("'a\"b' \"c'd\"", "<a\"b><c'd>");
	expect_words("'a\\' \"\\n\\\"", "<a\\><\\n\\>");	/* a backslash means nothing */
	expect_words("'$x `y` *'", "<$x `y` *>");
}

static void empty_words(void **state)
{
	(void)state;
	expect_words("''", "<>");
	expect_words("\"\" ''", "<><>");
	expect_words("a '' b", "<a><><b>");
	expect_words("''''\"\"", "<>");
	expect_words("''a\"\"", "<a>");
}

static void comments_begin_with_a_word(void **state)
{
	(void)state;
	expect_words("dev show # all of them", "<dev><show>");
	expect_words("dev\t#show", "<dev>");
	expect_words("dev#show", "<dev#show>");
	expect_words("'#a' \"#b\" c", "<#a><#b><c>");
	expect_words("''#a", "<#a>");
	expect_words("'a b' #c", "<a b>");
	expect_words("a # it's", "<a>");
}

static void cli_89_open_quote_is_refused(void **state)
{
	static const char *const texts[] = { "'", "\"", "a 'b c", "a \"b'", "'a''", "dev show '#", "'\"" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		struct failure failure = { .status = STATUS_OK };
		struct batch_words words;

		assert_int_equal(batch_split(texts[i], &words, &failure), -EINVAL);
		assert_int_equal(failure.status, STATUS_USAGE);
		assert_non_null(strstr(failure.message, "quote"));
	}
}

/* As many words as a line can have, and one as long as it can be. */
static void longest_lines_have_room(void **state)
{
	struct failure failure = { .status = STATUS_OK };
	char *text = malloc(BATCH_LINE_MAX + 1);
	struct batch_words words;
	int i;

	(void)state;
	for (i = 0; i < BATCH_LINE_MAX; i++)
		text[i] = i % 2 ? ' ' : 'x';
	text[BATCH_LINE_MAX] = '\0';
	assert_int_equal(batch_split(text, &words, &failure), 0);
	assert_int_equal(words.count, BATCH_LINE_MAX / 2);
	assert_null(words.list[words.count]);
	for (i = 0; i < words.count; i++)
		assert_string_equal(words.list[i], "x");
	batch_words_free(&words);
	memset(text, 'y', BATCH_LINE_MAX);
	assert_int_equal(batch_split(text, &words, &failure), 0);
	assert_int_equal(words.count, 1);
	assert_string_equal(words.list[0], text);
	batch_words_free(&words);
	free(text);
}

static void splitting_without_memory(void **state)
{
	struct batch_words words;
	int left, rc = -ENOMEM;

	(void)state;
	for (left = 0; rc; left++) {
		struct failure failure = { .status = STATUS_OK };

		assert_true(left < 10);
		allocations_left = left;
		rc = batch_split("dev 'show' it", &words, &failure);
		allocations_left = -1;
		if (rc) {
			assert_int_equal(rc, -ENOMEM);
			assert_int_equal(failure.status, STATUS_FAILED);
		}
	}
	assert_true(left > 1);
	assert_int_equal(words.count, 3);
	batch_words_free(&words);
}

static void random_words_come_back(void **state)
{
	uint64_t start;

	(void)state;
	for (start = 1; start < 20000; start++) {
		uint64_t seed = start;
		struct random_line line;

		random_line_make(&seed, &line);
		random_line_expect(&line, line.text.text);
		buffer_free(&line.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_stand_between_blanks),
		cmocka_unit_test(lines_without_words),
		cmocka_unit_test(quotes_hold_blanks_anywhere_in_a_word),
		cmocka_unit_test(empty_words),
		cmocka_unit_test(comments_begin_with_a_word),
		cmocka_unit_test(cli_89_open_quote_is_refused),
		cmocka_unit_test(longest_lines_have_room),
		cmocka_unit_test(splitting_without_memory),
		cmocka_unit_test(random_words_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

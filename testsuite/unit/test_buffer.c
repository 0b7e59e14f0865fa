// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/buffer: text that grows, and what a failed allocation leaves of it.
 * LDFLAGS: -Wl,--wrap=realloc -Wl,--wrap=malloc */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buffer.h"

static int reallocs_left = -1;	/* -1: all succeed */

/* A realloc(NULL) may be compiled to a malloc(). */
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return reallocs_left == 0 ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	if (reallocs_left == 0)
		return NULL;
	if (reallocs_left > 0)
		reallocs_left--;
	return __real_realloc(memory, size);
}

static void empty_buffer_gives_empty_text(void **state)
{
	struct buffer buffer = { 0 };
	char *text;

	(void)state;
	text = buffer_take(&buffer);
	assert_string_equal(text, "");
	free(text);
	assert_null(buffer.text);
}

static void pieces_are_joined(void **state)
{
	struct buffer buffer = { 0 };

	(void)state;
	buffer_add(&buffer, "one\0two", 7);
	buffer_add_text(&buffer, "-three");
	buffer_format(&buffer, "-%d", 4);
	assert_int_equal(buffer.length, 15);
	assert_memory_equal(buffer.text, "one\0two-three-4", 16);
	buffer_free(&buffer);
	assert_null(buffer.text);
	assert_int_equal(buffer.length, 0);
}

/* Every length around the sizes at which the memory grows, by each of the ways. */
static void growth_keeps_everything(void **state)
{
	char piece[1200];
	size_t length, i;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	for (length = 0; length < sizeof(piece) - 1; length++) {
		struct buffer buffer = { 0 };

		piece[length] = '\0';
		buffer_add(&buffer, piece, length);
		buffer_add_text(&buffer, piece);
		buffer_format(&buffer, "%s", piece);
		assert_false(buffer.broken);
		assert_int_equal(buffer.length, 3 * length);
		assert_true(buffer.size > buffer.length);
		for (i = 0; i < buffer.length; i++)
			assert_int_equal(buffer.text[i], 'x');
		assert_int_equal(buffer.text[buffer.length], '\0');
		buffer_free(&buffer);
		piece[length] = 'x';
	}
}

static void growth_is_geometric(void **state)
{
	struct buffer buffer = { 0 };
	int i;

	(void)state;
	reallocs_left = 20;	/* a million bytes, one by one */
	for (i = 0; i < 1000000; i++)
		buffer_add(&buffer, "y", 1);
	reallocs_left = -1;
	assert_false(buffer.broken);
	assert_int_equal(buffer.length, 1000000);
	buffer_free(&buffer);
}

static void failed_allocation_is_remembered(void **state)
{
	struct buffer buffer = { 0 };

	(void)state;
	buffer_add_text(&buffer, "kept");
	reallocs_left = 0;
	buffer_format(&buffer, "%*s", 1000, "");
	reallocs_left = -1;
	assert_true(buffer.broken);
	buffer_add_text(&buffer, "ignored");
	buffer_add(&buffer, "ignored", 7);
	buffer_format(&buffer, "ignored");
	assert_int_equal(buffer.length, 4);
	assert_null(buffer_take(&buffer));
	/* It is a new buffer then. */
	assert_false(buffer.broken);
	buffer_add_text(&buffer, "new");
	assert_string_equal(buffer.text, "new");
	buffer_free(&buffer);
}

static void taking_when_memory_is_short_gives_null(void **state)
{
	struct buffer buffer = { 0 };

	(void)state;
	reallocs_left = 0;
	assert_null(buffer_take(&buffer));
	reallocs_left = -1;
}

static void impossible_length_is_refused(void **state)
{
	struct buffer buffer = { 0 };

	(void)state;
	buffer_add_text(&buffer, "x");
	buffer_add(&buffer, "", SIZE_MAX);
	assert_true(buffer.broken);
	buffer_free(&buffer);
	buffer_add(&buffer, "", SIZE_MAX / 2 + 1);
	assert_true(buffer.broken);
	buffer_free(&buffer);
	assert_false(buffer.broken);
}

static void moving_adds_and_empties(void **state)
{
	struct buffer from = { 0 }, to = { 0 };
	const char *bytes;

	(void)state;
	buffer_move(&to, &from);
	assert_int_equal(to.length, 0);
	buffer_add_text(&from, "one");
	bytes = from.text;
	buffer_room(&to, 100);	/* room is nothing yet */
	buffer_move(&to, &from);
	assert_ptr_equal(to.text, bytes);
	assert_null(from.text);
	buffer_add_text(&from, "-two");
	buffer_move(&to, &from);
	assert_string_equal(to.text, "one-two");
	assert_null(from.text);
	buffer_free(&to);
}

static void moving_what_broke_breaks(void **state)
{
	struct buffer from = { .broken = true }, to = { 0 };

	(void)state;
	buffer_move(&to, &from);
	assert_true(to.broken);
	assert_false(from.broken);
	buffer_add_text(&from, "text");
	buffer_move(&to, &from);
	assert_null(buffer_take(&to));
	assert_null(from.text);
}

/* Room alone is a text that ends, too. */
static void room_is_empty_text(void **state)
{
	struct buffer buffer = { 0 };
	char *text;

	(void)state;
	buffer_room(&buffer, 1000);
	text = buffer_take(&buffer);
	assert_string_equal(text, "");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_buffer_gives_empty_text),
		cmocka_unit_test(pieces_are_joined),
		cmocka_unit_test(growth_keeps_everything),
		cmocka_unit_test(growth_is_geometric),
		cmocka_unit_test(failed_allocation_is_remembered),
		cmocka_unit_test(taking_when_memory_is_short_gives_null),
		cmocka_unit_test(impossible_length_is_refused),
		cmocka_unit_test(moving_adds_and_empties),
		cmocka_unit_test(moving_what_broke_breaks),
		cmocka_unit_test(room_is_empty_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

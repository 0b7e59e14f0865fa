/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The byte cursor: it never passes its end, whatever is asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_ring.h"
#include "vduse/virtio/cursor.h"

static void empty_cursor(void **state)
{
	struct iovec segment = { .iov_base = NULL, .iov_len = 0 };
	struct vq_cursor cursor;
	uint8_t byte = 1;
	size_t length = 9;

	(void)state;
	for (unsigned int count = 0; count < 2; count++) {
		vq_cursor_init(&cursor, &segment, count);
		assert_int_equal(vq_cursor_left(&cursor), 0);
		assert_int_equal(vq_cursor_read(&cursor, &byte, 1), 0);
		assert_int_equal(vq_cursor_write(&cursor, &byte, 1), 0);
		assert_int_equal(vq_cursor_skip(&cursor, 1), 0);
		assert_null(vq_cursor_span(&cursor, &length));
		assert_int_equal(length, 0);
	}
	vq_cursor_init(&cursor, NULL, 0);
	assert_int_equal(vq_cursor_skip(&cursor, SIZE_MAX), 0);
}

/* Three segments, the middle ones empty; the memory behind each is not ours. */
static void stops_at_the_end(void **state)
{
	uint8_t *first = malloc(3), *second = malloc(2);
	struct iovec segments[] = { { NULL, 0 }, { first, 3 }, { NULL, 0 }, { second, 2 },
				    { NULL, 0 } };
	struct vq_cursor cursor;
	uint8_t to[8];

	(void)state;
	vq_cursor_init(&cursor, segments, 5);
	assert_int_equal(vq_cursor_left(&cursor), 5);
	assert_int_equal(vq_cursor_write(&cursor, "abcdefgh", 8), 5);
	assert_memory_equal(first, "abc", 3);
	assert_memory_equal(second, "de", 2);
	vq_cursor_init(&cursor, segments, 5);
	assert_int_equal(vq_cursor_skip(&cursor, 1), 1);
	assert_int_equal(vq_cursor_read(&cursor, to, 3), 3);
	assert_memory_equal(to, "bcd", 3);
	assert_int_equal(vq_cursor_read(&cursor, to, 8), 1);
	assert_int_equal(to[0], 'e');
	assert_int_equal(vq_cursor_left(&cursor), 0);
	free(first);
	free(second);
}

static void limit_only_shortens(void **state)
{
	uint8_t bytes[10] = { 0 };
	struct iovec segment = { bytes, sizeof(bytes) };
	struct vq_cursor cursor;
	size_t length;

	(void)state;
	vq_cursor_init(&cursor, &segment, 1);
	vq_cursor_limit(&cursor, 11);
	assert_int_equal(vq_cursor_left(&cursor), 10);
	vq_cursor_limit(&cursor, 4);
	vq_cursor_limit(&cursor, 7);
	assert_int_equal(vq_cursor_left(&cursor), 4);
	assert_ptr_equal(vq_cursor_span(&cursor, &length), bytes);
	assert_int_equal(length, 4);
	assert_int_equal(vq_cursor_write(&cursor, "0123456789", 10), 4);
	assert_int_equal(bytes[3], '3');
	assert_int_equal(bytes[4], 0);
	vq_cursor_limit(&cursor, 0);
	assert_int_equal(vq_cursor_left(&cursor), 0);
}

static void total_is_cut_at_the_largest_size(void **state)
{
	struct iovec segments[] = { { NULL, SIZE_MAX }, { NULL, 10 }, { NULL, SIZE_MAX } };
	struct vq_cursor cursor;

	(void)state;
	vq_cursor_init(&cursor, segments, 3);
	assert_int_equal(vq_cursor_left(&cursor), SIZE_MAX);
}

static void copy_between_the_same_bytes(void **state)
{
	uint8_t bytes[8] = "abcdefg";
	struct iovec from = { bytes, 6 }, to = { bytes + 1, 6 };
	struct vq_cursor source, target;

	(void)state;
	vq_cursor_init(&source, &from, 1);
	vq_cursor_init(&target, &to, 1);
	assert_int_equal(vq_cursor_copy(&target, &source, 6), 6);
	assert_int_equal(bytes[0], 'a');
	assert_int_equal(bytes[7], 0);
}

static void copy_ends_with_the_shorter(void **state)
{
	uint8_t a[4] = { 1, 2, 3, 4 }, b[6] = { 0 };
	struct iovec from = { a, 4 }, to = { b, 6 };
	struct vq_cursor source, target;

	(void)state;
	vq_cursor_init(&source, &from, 1);
	vq_cursor_init(&target, &to, 1);
	assert_int_equal(vq_cursor_copy(&target, &source, 3), 3);
	assert_int_equal(vq_cursor_copy(&target, &source, 100), 1);
	assert_int_equal(vq_cursor_copy(&target, &source, 100), 0);
	assert_memory_equal(b, "\1\2\3\4\0\0", 6);
	vq_cursor_init(&source, &to, 1);
	vq_cursor_init(&target, &from, 1);
	assert_int_equal(vq_cursor_copy(&target, &source, 100), 4);
	assert_int_equal(vq_cursor_left(&source), 2);
}

/* Cuts `length` bytes at random places; every piece is an allocation of its own. */
static unsigned int cut(struct iovec *segments, size_t length, uint32_t *random)
{
	unsigned int count = 0;

	while (length) {
		size_t piece = driver_random(random) % 9;

		if (piece > length)
			piece = length;
		segments[count++] = (struct iovec){ malloc(piece), piece };
		length -= piece;
	}
	return count;
}

static void release(struct iovec *segments, unsigned int count)
{
	while (count--)
		free(segments[count].iov_base);
}

static void random_cuts_against_plain_copies(void **state)
{
	uint32_t random = 99;

	(void)state;
	for (unsigned int round = 0; round < 500; round++) {
		struct iovec from[256], to[256];
		uint8_t plain[64], back[64];
		size_t length = driver_random(&random) % 64, done = 0;
		unsigned int from_count = cut(from, length, &random);
		unsigned int to_count = cut(to, length, &random);
		struct vq_cursor source, target;

		for (size_t i = 0; i < length; i++)
			plain[i] = (uint8_t)driver_random(&random);
		vq_cursor_init(&source, from, from_count);
		assert_int_equal(vq_cursor_write(&source, plain, length), length);
		vq_cursor_init(&source, from, from_count);
		vq_cursor_init(&target, to, to_count);
		while (done < length) {
			size_t step = driver_random(&random) % 20;
			size_t copied = vq_cursor_copy(&target, &source, step);

			assert_int_equal(copied, step < length - done ? step : length - done);
			done += copied;
			assert_int_equal(vq_cursor_left(&source), length - done);
			assert_int_equal(vq_cursor_left(&target), length - done);
		}
		vq_cursor_init(&target, to, to_count);
		assert_int_equal(vq_cursor_read(&target, back, sizeof(back)), length);
		assert_memory_equal(plain, back, length);
		release(from, from_count);
		release(to, to_count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_cursor),
		cmocka_unit_test(stops_at_the_end),
		cmocka_unit_test(limit_only_shortens),
		cmocka_unit_test(total_is_cut_at_the_largest_size),
		cmocka_unit_test(copy_between_the_same_bytes),
		cmocka_unit_test(copy_ends_with_the_shorter),
		cmocka_unit_test(random_cuts_against_plain_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copies of plain frames: every length, at every alignment that matters, byte by byte, not
 * a byte before or behind; headers of which any bit is set; the same memory given twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_ring.h"
#include "vduse/device/fused_copy.h"

#define SHORTEST (NET_HEADER_SIZE + NET_FRAME_MIN)
#define LONGEST (NET_HEADER_SIZE + NET_FRAME_MAX)

typedef bool copy_fn(uint8_t *to, const uint8_t *from, uint32_t length);

#ifdef VQ_COPY_AVX2
static VQ_COPY_AVX2 bool copy_avx2(uint8_t *to, const uint8_t *from, uint32_t length)
{
	bool done = fused_copy_avx2(to, from, length);

	vq_copy_avx2_end();
	return done;
}
#endif

static void fill(uint8_t *bytes, size_t length, uint32_t seed)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)driver_random(&seed);
}

/* Source and target are allocations that end where the frame does: a sanitizer sees more. */
static void one(copy_fn *copy, uint32_t length, unsigned int from_at, unsigned int to_at)
{
	static const uint8_t header[NET_HEADER_SIZE] = { [10] = 1 };
	uint8_t *from = malloc(from_at + length), *to = malloc(to_at + length);
	uint8_t *before = malloc(to_at + length);

	fill(from, from_at + length, length + 1);
	fill(to, to_at + length, length + 2);
	memcpy(before, to, to_at + length);
	from[from_at] = VIRTIO_NET_HDR_F_DATA_VALID;
	from[from_at + 1] = VIRTIO_NET_HDR_GSO_NONE;
	assert_true(copy(to + to_at, from + from_at, length));
	assert_memory_equal(to, before, to_at);
	assert_memory_equal(to + to_at, header, sizeof(header));
	assert_memory_equal(to + to_at + NET_HEADER_SIZE, from + from_at + NET_HEADER_SIZE,
			    length - NET_HEADER_SIZE);
	free(from);
	free(to);
	free(before);
}

static void every_length(copy_fn *copy)
{
	for (uint32_t length = SHORTEST; length < 700; length++)
		for (unsigned int at = 0; at < 4; at++)
			one(copy, length, at * 11 % 32, at * 7 % 32);
	for (uint32_t length = LONGEST - 300; length <= LONGEST; length += 7)
		one(copy, length, 3, 0);
	one(copy, LONGEST, 0, 5);
}

/* A header that is not plain: nothing is written. */
static void every_bit(copy_fn *copy)
{
	uint8_t from[80], to[80], before[80];

	fill(before, sizeof(before), 5);
	for (uint32_t length = SHORTEST; length <= sizeof(from); length += 27) {
		for (unsigned int bit = 0; bit < 8 * NET_HEADER_SIZE; bit++) {
			bool plain = bit >= 16 || (bit < 8 && bit != 0);

			memcpy(to, before, sizeof(to));
			memset(from, 0, sizeof(from));
			from[bit / 8] = (uint8_t)(1 << bit % 8);
			assert_int_equal(copy(to, from, length), plain);
			if (!plain)
				assert_memory_equal(to, before, sizeof(to));
		}
	}
}

/* What arrives is not said, but it stays within the two ranges. */
static void overlapping(copy_fn *copy)
{
	uint8_t bytes[800], before[800];

	for (uint32_t length = SHORTEST; length < 300; length += 13) {
		for (unsigned int shift = 0; shift < 90; shift += 5) {
			fill(bytes, sizeof(bytes), shift + 1);
			memset(bytes + 100 + shift, 0, 2);
			memcpy(before, bytes, sizeof(bytes));
			assert_true(copy(bytes + 100, bytes + 100 + shift, length));
			assert_memory_equal(bytes, before, 100);
			assert_memory_equal(bytes + 100 + length, before + 100 + length,
					    sizeof(bytes) - 100 - length);
		}
	}
}

static void any(void **state)
{
	(void)state;
	every_length(fused_copy_any);
	every_bit(fused_copy_any);
	overlapping(fused_copy_any);
}

static void avx2(void **state)
{
	(void)state;
#ifdef VQ_COPY_AVX2
	if (vq_copy_has_avx2()) {
		every_length(copy_avx2);
		every_bit(copy_avx2);
		overlapping(copy_avx2);
		return;
	}
#endif
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any),
		cmocka_unit_test(avx2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

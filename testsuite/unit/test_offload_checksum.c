/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum over pieces, and its completion in a frame. */
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_frame.h"
#include "driver_ring.h"

static struct vq_cursor over(struct iovec *segment, void *bytes, size_t length)
{
	struct vq_cursor cursor;

	*segment = (struct iovec){ bytes, length };
	vq_cursor_init(&cursor, segment, 1);
	return cursor;
}

static void sum_of_the_example_in_rfc_1071(void **state)
{
	uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	struct iovec segment;
	struct vq_cursor cursor = over(&segment, bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(offload_sum(&cursor, 8, 0), 0xddf2);
	assert_int_equal(offload_sum(&cursor, 100, 0), 0xddf2);
	assert_int_equal(offload_sum(&cursor, 2, 0), 0x0001);
	assert_int_equal(offload_sum(&cursor, 3, 0), 0xf201);
	assert_int_equal(offload_sum(&cursor, 0, 0x12345), 0x2346);
	assert_int_equal(offload_sum(&cursor, 2, UINT32_MAX), 1);
	assert_int_equal(vq_cursor_left(&cursor), 8);
}

static void sum_of_nothing(void **state)
{
	struct vq_cursor cursor;

	(void)state;
	vq_cursor_init(&cursor, NULL, 0);
	assert_int_equal(offload_sum(&cursor, 10, 0), 0);
}

/* All ones carry in every step. */
static void sum_that_carries(void **state)
{
	uint8_t *bytes = malloc(FRAME_MAX);
	struct iovec segment;
	struct vq_cursor cursor = over(&segment, bytes, FRAME_MAX);

	(void)state;
	memset(bytes, 0xff, FRAME_MAX);
	for (size_t length = 65500; length < FRAME_MAX; length++)
		assert_int_equal(offload_sum(&cursor, length, 0xffffffff),
				 driver_plain_sum(bytes, length, 0xffff));
	free(bytes);
}

static void random_cuts_against_plain_sum(void **state)
{
	uint32_t random = 23;

	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		size_t length = driver_random(&random) % 300, cut = 0;
		uint32_t start = driver_random(&random) % 0x20000;
		uint8_t plain[300];
		struct iovec segments[300];
		unsigned int count = 0;
		struct vq_cursor cursor;

		for (size_t i = 0; i < length; i++)
			plain[i] = (uint8_t)driver_random(&random);
		while (cut < length) {
			size_t piece = driver_random(&random) % 40;

			if (piece > length - cut)
				piece = length - cut;
			segments[count] = (struct iovec){ malloc(piece), piece };
			memcpy(segments[count++].iov_base, plain + cut, piece);
			cut += piece;
		}
		vq_cursor_init(&cursor, segments, count);
		cut = driver_random(&random) % (length + 1);
		assert_int_equal(offload_sum(&cursor, cut, start),
				 driver_plain_sum(plain, cut, (start & 0xffff) + (start >> 16)));
		while (count)
			free(segments[--count].iov_base);
	}
}

/* Completes a frame for a receiver without GUEST_CSUM. */
static size_t complete(const uint8_t *frame, size_t length, const struct net_header *header,
		       uint8_t *out)
{
	struct offload_piece piece;
	struct offload offload;
	struct iovec segment;
	uint8_t *copy = malloc(length);
	struct vq_cursor cursor = over(&segment, copy, length);
	size_t copied;

	memcpy(copy, frame, length);
	assert_int_equal(offload_begin(&offload, header, &cursor, 0), NET_DELIVERED);
	assert_int_equal(offload.action, NET_COMPLETE);
	assert_true(offload_next(&offload, &piece));
	assert_int_equal(piece.header.flags, 0);
	assert_int_equal(piece.header.csum_start, 0);
	assert_int_equal(piece.header.csum_offset, 0);
	assert_int_equal(piece.header.num_buffers, 1);
	copied = driver_piece_copy(&piece, out);
	assert_int_equal(copied, piece.length);
	assert_false(offload_next(&offload, &piece));
	free(copy);
	return copied;
}

/* Wherever the checksum is, only its two bytes change. */
static void net_56_completed_anywhere(void **state)
{
	uint8_t frame[80], out[FRAME_MAX];
	uint32_t random = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)driver_random(&random);
	for (uint16_t start = 0; start < 79; start++) {
		for (uint16_t offset = 0; start + offset < 79; offset += 3) {
			struct net_header header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						     .csum_start = start,
						     .csum_offset = offset };
			uint16_t sum = (uint16_t)~driver_plain_sum(frame + start, 80 - start, 0);
			size_t at = start + offset;

			assert_int_equal(complete(frame, 80, &header, out), 80);
			assert_memory_equal(out, frame, at);
			assert_int_equal(driver_get16(out + at), sum ? sum : 0xffff);
			assert_memory_equal(out + at + 2, frame + at + 2, 80 - at - 2);
		}
	}
}

/* A sum of 0xffff gives checksum 0, which would mean "none" in UDP. */
static void checksum_of_zero_is_all_ones(void **state)
{
	uint8_t frame[20] = { 0 }, out[FRAME_MAX];
	struct net_header header = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 14 };

	(void)state;
	frame[16] = 0xff;
	frame[17] = 0xff;
	complete(frame, 20, &header, out);
	assert_int_equal(driver_get16(out + 14), 0xffff);
}

/* Nothing is computed for a receiver that takes partial checksums. */
static void partial_passes_to_who_takes_it(void **state)
{
	struct driver_frame *frame = malloc(sizeof(*frame));
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_UDP,
					    .payload = 100, .seed = 3 };
	uint8_t *out = malloc(FRAME_MAX);
	struct offload_piece piece;
	struct offload offload;
	struct iovec segment;
	struct vq_cursor cursor;

	(void)state;
	driver_frame_build(frame, &shape);
	cursor = over(&segment, frame->bytes, frame->length);
	assert_int_equal(offload_begin(&offload, &frame->header, &cursor,
				       NET_BIT(VIRTIO_NET_F_GUEST_CSUM)), NET_DELIVERED);
	assert_true(offload_next(&offload, &piece));
	assert_int_equal(driver_piece_copy(&piece, out), frame->length);
	assert_memory_equal(out, frame->bytes, frame->length);
	assert_int_equal(piece.header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(piece.header.csum_start, frame->transport);
	assert_int_equal(piece.header.csum_offset, 6);
	assert_false(offload_next(&offload, &piece));
	free(out);
	free(frame);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sum_of_the_example_in_rfc_1071),
		cmocka_unit_test(sum_of_nothing),
		cmocka_unit_test(sum_that_carries),
		cmocka_unit_test(random_cuts_against_plain_sum),
		cmocka_unit_test(net_56_completed_anywhere),
		cmocka_unit_test(checksum_of_zero_is_all_ones),
		cmocka_unit_test(partial_passes_to_who_takes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

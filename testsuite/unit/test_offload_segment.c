/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segmentation: what segments are made of, and that nobody gets an offload that it did not
 * negotiate (hardening case 56). That they equal Linux's is in test_offload_kernel.c.
 */
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

#define CSUM NET_BIT(VIRTIO_NET_F_GUEST_CSUM)
#define FIN 0x01
#define PSH 0x08
#define ACK 0x10
#define CWR 0x80

struct fixture {
	struct driver_frame frame;
	uint8_t out[FRAME_MAX];
	uint8_t whole[FRAME_MAX];
	struct offload offload;
	struct offload_piece piece;
	struct iovec segments[8];
	struct vq_cursor cursor;
	size_t length;		/* of out */
};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return !*state;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* Builds a frame that asks for segmentation. */
static void build(struct fixture *fixture, const struct driver_frame_shape *shape, uint8_t gso_type,
		  uint16_t gso_size)
{
	driver_frame_build(&fixture->frame, shape);
	driver_frame_gso(&fixture->frame, gso_type, gso_size);
	fixture->segments[0] = (struct iovec){ fixture->frame.bytes, fixture->frame.length };
	vq_cursor_init(&fixture->cursor, fixture->segments, 1);
}

static enum net_drop begin(struct fixture *fixture, uint64_t features)
{
	return offload_begin(&fixture->offload, &fixture->frame.header, &fixture->cursor, features);
}

static bool next(struct fixture *fixture)
{
	if (!offload_next(&fixture->offload, &fixture->piece))
		return false;
	fixture->length = driver_piece_copy(&fixture->piece, fixture->out);
	assert_int_equal(fixture->length, fixture->piece.length);
	return true;
}

/* All segments of a frame are right by themselves, and together are the frame. */
static void expect_segments(struct fixture *fixture, uint16_t gso_size)
{
	const struct driver_frame *frame = &fixture->frame;
	size_t bytes = frame->length - frame->payload, seen = 0;
	unsigned int count = 0;

	while (next(fixture)) {
		size_t payload = fixture->length - frame->payload;

		assert_true(driver_frame_valid(fixture->out, fixture->length));
		assert_int_equal(payload, bytes - seen < gso_size ? bytes - seen : gso_size);
		assert_memory_equal(fixture->out + frame->payload,
				    frame->bytes + frame->payload + seen, payload);
		assert_memory_equal(fixture->out, frame->bytes, frame->network);
		assert_int_equal(fixture->piece.header.flags, 0);
		assert_int_equal(fixture->piece.header.gso_type, 0);
		assert_int_equal(fixture->piece.header.gso_size, 0);
		assert_int_equal(fixture->piece.header.hdr_len, 0);
		seen += payload;
		count++;
	}
	assert_int_equal(seen, bytes);
	assert_int_equal(count, (bytes + gso_size - 1) / gso_size);
	assert_false(next(fixture));
}

static void random_frames_are_cut_right(void **state)
{
	struct fixture *fixture = *state;
	uint32_t random = 41;

	for (unsigned int round = 0; round < 400; round++) {
		uint32_t r = driver_random(&random);
		bool tcp = r & 1;
		struct driver_frame_shape shape = {
			.version = r & 2 ? 4 : 6,
			.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
			.tags = (r >> 2) % 3,
			.extra = (r >> 4) % 4,
			.options = (r >> 6) % 11,
			.tcp_flags = (uint8_t)(r >> 10),
			.identification = (uint16_t)driver_random(&random),
			.sequence = driver_random(&random),
			.payload = 2 + driver_random(&random) % 6000,
			.seed = r,
		};
		uint16_t size = (uint16_t)(1 + driver_random(&random) % (shape.payload - 1));
		uint8_t type = !tcp ? VIRTIO_NET_HDR_GSO_UDP_L4 :
			       shape.version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
						    VIRTIO_NET_HDR_GSO_TCPV6;

		if (!tcp && shape.payload / size > 120)
			size = (uint16_t)(shape.payload / 100 + 1);
		build(fixture, &shape, type, size);
		assert_int_equal(begin(fixture, 0), NET_DELIVERED);
		expect_segments(fixture, size);
	}
}

/* A frame that lies in pieces gives the same segments. */
static void frame_in_pieces(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_TCP, .payload = 3000,
					    .seed = 5, .tcp_flags = ACK };
	static const size_t cuts[] = { 3, 15, 33, 51, 55, 1000, 1001 };
	size_t from = 0;

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_TCPV4, 999);
	for (unsigned int i = 0; i < 8; i++) {
		size_t to = i < 7 ? cuts[i] : fixture->frame.length;

		fixture->segments[i].iov_base = malloc(to - from);
		fixture->segments[i].iov_len = to - from;
		memcpy(fixture->segments[i].iov_base, fixture->frame.bytes + from, to - from);
		from = to;
	}
	vq_cursor_init(&fixture->cursor, fixture->segments, 8);
	assert_int_equal(begin(fixture, 0), NET_DELIVERED);
	expect_segments(fixture, 999);
	for (unsigned int i = 0; i < 8; i++)
		free(fixture->segments[i].iov_base);
}

static void tcp_flags_and_sequence(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_TCP, .payload = 300,
					    .seed = 5, .tcp_flags = ACK | PSH | FIN | CWR,
					    .sequence = 0xffffff9c, .identification = 65535 };
	static const uint8_t flags[3] = { ACK | CWR, ACK, ACK | PSH | FIN };

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, 100);
	assert_int_equal(begin(fixture, CSUM), NET_DELIVERED);
	for (unsigned int i = 0; i < 3; i++) {
		const uint8_t *tcp = fixture->out + fixture->frame.transport;
		const uint8_t *ip = fixture->out + fixture->frame.network;

		assert_true(next(fixture));
		assert_int_equal(tcp[13], flags[i]);
		assert_int_equal(driver_get32(tcp + 4), (uint32_t)(0xffffff9c + 100 * i));
		assert_int_equal(driver_get16(ip + 4), (uint16_t)(65535 + i));
	}
	assert_false(next(fixture));
}

/* Segments with a partial checksum are the same once the receiver completed them. */
static void partial_segments(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 6, .protocol = IPPROTO_UDP, .payload = 5000,
					    .extra = 2, .seed = 9 };

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_UDP_L4, 1200);
	assert_int_equal(begin(fixture, CSUM), NET_DELIVERED);
	while (next(fixture)) {
		const struct net_header *header = &fixture->piece.header;
		uint8_t *field = fixture->out + header->csum_start + header->csum_offset;
		uint16_t sum;

		assert_int_equal(header->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(header->csum_start, fixture->frame.transport);
		assert_int_equal(header->csum_offset, 6);
		assert_false(driver_frame_valid(fixture->out, fixture->length));
		sum = driver_plain_sum(fixture->out + header->csum_start,
				       fixture->length - header->csum_start, 0);
		driver_put16(field, (uint16_t)~sum);
		assert_true(driver_frame_valid(fixture->out, fixture->length));
	}
}

/* The receivers that each type needs: with all of them it passes, without one it does not. */
static void net_56_offload_not_negotiated_is_done(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		int version, protocol;
		uint8_t type;
		uint64_t needed[3];
	} rule[] = {
		{ 4, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV4,
		  { CSUM, NET_BIT(VIRTIO_NET_F_GUEST_TSO4) } },
		{ 6, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV6,
		  { CSUM, NET_BIT(VIRTIO_NET_F_GUEST_TSO6) } },
		{ 4, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
		  { CSUM, NET_BIT(VIRTIO_NET_F_GUEST_TSO4), NET_BIT(VIRTIO_NET_F_GUEST_ECN) } },
		{ 6, IPPROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN,
		  { CSUM, NET_BIT(VIRTIO_NET_F_GUEST_TSO6), NET_BIT(VIRTIO_NET_F_GUEST_ECN) } },
		{ 4, IPPROTO_UDP, VIRTIO_NET_HDR_GSO_UDP_L4,
		  { CSUM, NET_BIT(VIRTIO_NET_F_GUEST_USO4) } },
		{ 6, IPPROTO_UDP, VIRTIO_NET_HDR_GSO_UDP_L4,
		  { CSUM, NET_BIT(VIRTIO_NET_F_GUEST_USO6) } },
		{ 4, IPPROTO_UDP, VIRTIO_NET_HDR_GSO_UDP,
		  { CSUM, NET_BIT(VIRTIO_NET_F_GUEST_UFO) } },
	};

	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		struct driver_frame_shape shape = { .version = rule[i].version,
						    .protocol = rule[i].protocol,
						    .payload = 4000, .seed = 1 };
		uint64_t all = rule[i].needed[0] | rule[i].needed[1] | rule[i].needed[2];

		build(fixture, &shape, rule[i].type, 1000);
		assert_int_equal(begin(fixture, all), NET_DELIVERED);
		assert_true(next(fixture));
		assert_int_equal(fixture->piece.header.gso_type, rule[i].type);
		assert_int_equal(fixture->piece.header.gso_size, 1000);
		assert_int_equal(fixture->piece.header.hdr_len, fixture->frame.payload);
		assert_int_equal(fixture->length, fixture->frame.length);
		assert_false(next(fixture));
		for (unsigned int j = 0; j < 3; j++) {
			uint64_t lacking = ~rule[i].needed[j];

			if (!rule[i].needed[j])
				continue;
			assert_int_equal(begin(fixture, lacking), NET_DELIVERED);
			assert_true(next(fixture));
			assert_int_equal(fixture->piece.header.gso_type, 0);
			assert_true(fixture->length < 1200);
			assert_int_equal(fixture->piece.header.flags & 1,
					 j && rule[i].type != VIRTIO_NET_HDR_GSO_UDP);
		}
	}
}

/* A sender that forgot to say so: the TCP header has the last word. */
static void net_56_ecn_is_what_the_segment_says(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_TCP, .payload = 3000,
					    .tcp_flags = ACK | CWR, .seed = 2 };
	uint64_t tso = CSUM | NET_BIT(VIRTIO_NET_F_GUEST_TSO4);

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_TCPV4, 1000);
	assert_int_equal(begin(fixture, tso), NET_DELIVERED);
	assert_int_equal(fixture->offload.action, NET_SEGMENT);
	assert_int_equal(begin(fixture, tso | NET_BIT(VIRTIO_NET_F_GUEST_ECN)), NET_DELIVERED);
	assert_true(next(fixture));
	assert_int_equal(fixture->piece.header.gso_type,
			 VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
}

static void one_segment_is_no_segmentation(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape tcp = { .version = 4, .protocol = IPPROTO_TCP, .payload = 1000,
					  .options = 3, .tcp_flags = ACK | PSH, .seed = 2 };
	struct driver_frame_shape udp = { .version = 4, .protocol = IPPROTO_UDP, .payload = 1000,
					  .seed = 2 };

	build(fixture, &tcp, VIRTIO_NET_HDR_GSO_TCPV4, 1000);
	assert_int_equal(begin(fixture, UINT64_MAX), NET_DELIVERED);
	assert_true(next(fixture));
	assert_int_equal(fixture->piece.header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	assert_int_equal(fixture->piece.header.gso_size, 0);
	assert_int_equal(fixture->piece.header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_true(fixture->offload.single);
	assert_int_equal(begin(fixture, 0), NET_DELIVERED);
	assert_true(next(fixture));
	assert_true(driver_frame_valid(fixture->out, fixture->length));
	assert_false(next(fixture));

	/* with UFO the UDP header counts, with USO it does not */
	build(fixture, &udp, VIRTIO_NET_HDR_GSO_UDP_L4, 1000);
	assert_int_equal(begin(fixture, 0), NET_DELIVERED);
	assert_true(fixture->offload.single);
	build(fixture, &udp, VIRTIO_NET_HDR_GSO_UDP, 1000);
	assert_int_equal(begin(fixture, 0), NET_DELIVERED);
	assert_false(fixture->offload.single);
	build(fixture, &udp, VIRTIO_NET_HDR_GSO_UDP, 1008);
	assert_int_equal(begin(fixture, 0), NET_DELIVERED);
	assert_true(fixture->offload.single);
}

static void udp_segments_at_most_128(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_UDP,
					    .payload = 1281, .seed = 2 };

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_UDP_L4, 10);
	assert_int_equal(begin(fixture, 0), NET_DROP_GSO_SIZE);
	assert_int_equal(begin(fixture, UINT64_MAX), NET_DROP_GSO_SIZE);
	shape.payload = 1280;
	build(fixture, &shape, VIRTIO_NET_HDR_GSO_UDP_L4, 10);
	assert_int_equal(begin(fixture, 0), NET_DELIVERED);
}

/* The UDP checksum that Linux must not leave at 0. */
static void udp_checksum_is_never_zero(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_UDP, .payload = 4,
					    .seed = 2 };
	uint8_t *payload;
	unsigned int zeros = 0;

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_UDP_L4, 2);
	payload = fixture->frame.bytes + fixture->frame.payload;
	for (unsigned int i = 0; i < 65536; i++) {
		driver_put16(payload, (uint16_t)i);
		assert_int_equal(begin(fixture, 0), NET_DELIVERED);
		assert_true(next(fixture));
		assert_true(driver_frame_valid(fixture->out, fixture->length));
		zeros += driver_get16(fixture->out + fixture->frame.transport + 6) == 0xffff;
	}
	assert_int_equal(zeros, 1);
}

/* In TCP, 0 is a checksum like any other, and Linux leaves it. */
static void tcp_checksum_may_be_zero(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_TCP, .payload = 4,
					    .seed = 2 };
	unsigned int zeros = 0, ones = 0;

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_TCPV4, 2);
	for (unsigned int i = 0; i < 65536; i++) {
		uint16_t checksum;

		driver_put16(fixture->frame.bytes + fixture->frame.payload, (uint16_t)i);
		assert_int_equal(begin(fixture, 0), NET_DELIVERED);
		assert_true(next(fixture));
		checksum = driver_get16(fixture->out + fixture->frame.transport + 16);
		zeros += checksum == 0;
		ones += checksum == 0xffff;
	}
	assert_int_equal(zeros, 1);
	assert_int_equal(ones, 0);
}

/* Fragments put together give a datagram with a right checksum. */
static void fragments_of_a_datagram(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_UDP, .payload = 5000,
					    .tags = 1, .identification = 4711, .seed = 2 };
	size_t transport, expected = 0;

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_UDP, 1480);
	transport = fixture->frame.transport;
	assert_int_equal(begin(fixture, CSUM), NET_DELIVERED);
	while (next(fixture)) {
		const uint8_t *ip = fixture->out + fixture->frame.network;
		size_t bytes = fixture->length - transport;

		assert_int_equal(driver_plain_sum(ip, 20, 0), 0xffff);
		assert_int_equal(driver_get16(ip + 2), fixture->length - fixture->frame.network);
		assert_int_equal(driver_get16(ip + 4), 4711);
		assert_int_equal((driver_get16(ip + 6) & 0x1fff) * 8, expected);
		memcpy(fixture->whole + transport + expected, fixture->out + transport, bytes);
		expected += bytes;
		assert_int_equal(driver_get16(ip + 6) >> 13, expected < 5008);
		assert_int_equal(fixture->piece.header.flags, 0);
	}
	assert_int_equal(expected, 5008);
	memcpy(fixture->whole, fixture->frame.bytes, transport);
	assert_true(driver_frame_valid(fixture->whole, fixture->frame.length));
}

/* What the checksum lacks is added to a word of the payload: it would be 0, and is 0xffff. */
static void checksum_of_fragments_is_never_zero(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_UDP, .payload = 3000,
					    .seed = 2 };
	uint8_t *payload, *checksum;
	uint32_t sum;

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_UDP, 1480);
	payload = fixture->frame.bytes + fixture->frame.payload;
	checksum = fixture->out + fixture->frame.transport + 6;
	assert_int_equal(begin(fixture, 0), NET_DELIVERED);
	assert_true(next(fixture));
	assert_int_not_equal(driver_get16(checksum), 0xffff);
	sum = (uint32_t)driver_get16(payload) + driver_get16(checksum);
	driver_put16(payload, (uint16_t)(sum + (sum >> 16)));
	assert_int_equal(begin(fixture, 0), NET_DELIVERED);
	assert_true(next(fixture));
	assert_int_equal(driver_get16(checksum), 0xffff);
}

static void fragments_that_cannot_be(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 6, .protocol = IPPROTO_UDP, .payload = 5000,
					    .seed = 2 };

	build(fixture, &shape, VIRTIO_NET_HDR_GSO_UDP, 1480);
	assert_int_equal(begin(fixture, 0), NET_DROP_UNSUPPORTED);
	assert_int_equal(begin(fixture, UINT64_MAX), NET_DELIVERED);
	shape.version = 4;
	for (uint16_t size = 1473; size < 1480; size++) {
		build(fixture, &shape, VIRTIO_NET_HDR_GSO_UDP, size);
		assert_int_equal(begin(fixture, 0), NET_DROP_GSO_SIZE);
		assert_int_equal(begin(fixture, UINT64_MAX), NET_DELIVERED);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_frames_are_cut_right),
		TEST(frame_in_pieces),
		TEST(tcp_flags_and_sequence),
		TEST(partial_segments),
		TEST(net_56_offload_not_negotiated_is_done),
		TEST(net_56_ecn_is_what_the_segment_says),
		TEST(one_segment_is_no_segmentation),
		TEST(udp_segments_at_most_128),
		TEST(udp_checksum_is_never_zero),
		TEST(tcp_checksum_may_be_zero),
		TEST(fragments_of_a_datagram),
		TEST(checksum_of_fragments_is_never_zero),
		TEST(fragments_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

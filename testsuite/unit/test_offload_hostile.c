/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames whose own headers are cut off, lie, or contradict the virtio header. The bytes of
 * each frame are an allocation of exactly its length.
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

static struct driver_frame frame;

/* A frame that asks for TCP or UDP segmentation and deserves it. */
static void build(int version, int protocol, unsigned int extra)
{
	struct driver_frame_shape shape = { .version = version, .protocol = protocol,
					    .extra = extra, .payload = 3000, .seed = 1,
					    .options = protocol == IPPROTO_TCP ? 2 : 0 };

	driver_frame_build(&frame, &shape);
	driver_frame_gso(&frame, protocol == IPPROTO_UDP ? VIRTIO_NET_HDR_GSO_UDP_L4 :
				 version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
						VIRTIO_NET_HDR_GSO_TCPV6, 1000);
}

/* The result for the frame's first `length` bytes, all pieces being taken. */
static enum net_drop run(size_t length, uint64_t features)
{
	uint8_t *copy = malloc(length), *out = malloc(FRAME_MAX);
	struct iovec segment = { copy, length };
	struct offload_piece piece;
	struct offload offload;
	struct vq_cursor cursor;
	unsigned int count = 0;
	enum net_drop drop;

	memcpy(copy, frame.bytes, length);
	vq_cursor_init(&cursor, &segment, 1);
	drop = offload_begin(&offload, &frame.header, &cursor, features);
	while (!drop && offload_next(&offload, &piece) && count++ < 100000)
		assert_int_equal(driver_piece_copy(&piece, out), piece.length);
	assert_true(drop || count > 0);
	free(copy);
	free(out);
	return drop;
}

static void expect_dropped(void)
{
	assert_int_equal(run(frame.length, 0), NET_DROP_PROTOCOL);
	assert_int_equal(run(frame.length, UINT64_MAX), NET_DROP_PROTOCOL);
}

/* offload_parse() alone, over exactly `length` bytes */
static enum net_drop parse(size_t length)
{
	uint8_t *copy = malloc(length);
	struct offload_layers layers;
	enum net_drop drop;

	memcpy(copy, frame.bytes, length);
	drop = offload_parse(&layers, copy, length, &frame.header);
	free(copy);
	return drop;
}

static void headers_cut_off_anywhere(void **state)
{
	static const int version[] = { 4, 6 }, protocol[] = { IPPROTO_TCP, IPPROTO_UDP };

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		build(version[i & 1], protocol[i >> 1 & 1], i & 4 ? 3 : 0);
		for (size_t length = 0; length < frame.payload; length++)
			assert_int_equal(parse(length), NET_DROP_PROTOCOL);
		for (size_t length = 14; length < frame.payload; length++)
			assert_int_equal(run(length, 0), NET_DROP_PROTOCOL);
		assert_int_equal(parse(frame.payload), NET_DELIVERED);
		for (size_t length = frame.payload; length < frame.payload + 2; length++)
			assert_int_equal(run(length, 0), NET_DELIVERED);
	}
}

/* The type says what it is, not what follows looks like. */
static void another_ethernet_type(void **state)
{
	static const int version[] = { 4, 6 }, protocol[] = { IPPROTO_TCP, IPPROTO_UDP };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		build(version[i & 1], protocol[i >> 1], 0);
		assert_int_equal(parse(frame.length), NET_DELIVERED);
		driver_put16(frame.bytes + 12, 0x88cc);
		assert_int_equal(parse(frame.length), NET_DROP_PROTOCOL);
		expect_dropped();
	}
}

/* A TCP header without options and payload is complete. */
static void shortest_tcp_header(void **state)
{
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_TCP };

	(void)state;
	driver_frame_build(&frame, &shape);
	driver_frame_gso(&frame, VIRTIO_NET_HDR_GSO_TCPV4, 1);
	assert_int_equal(frame.length, 54);
	assert_int_equal(parse(54), NET_DELIVERED);
	assert_int_equal(run(54, 0), NET_DELIVERED);
}

static void net_50_type_and_version(void **state)
{
	(void)state;
	build(4, IPPROTO_TCP, 0);
	frame.header.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	expect_dropped();
	build(6, IPPROTO_TCP, 0);
	frame.header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	expect_dropped();
	build(4, IPPROTO_TCP, 0);
	frame.bytes[frame.network] = 0x65;
	expect_dropped();
	build(6, IPPROTO_TCP, 0);
	frame.bytes[frame.network] = 0x45;
	expect_dropped();
	build(4, IPPROTO_TCP, 0);
	driver_put16(frame.bytes + 12, 0x0806);
	expect_dropped();
}

static void net_50_type_and_protocol(void **state)
{
	(void)state;
	build(4, IPPROTO_TCP, 0);
	frame.header.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
	frame.header.csum_offset = 6;
	expect_dropped();
	build(6, IPPROTO_UDP, 1);
	frame.header.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	frame.header.csum_offset = 16;
	expect_dropped();
	build(4, IPPROTO_UDP, 0);
	frame.bytes[frame.network + 9] = IPPROTO_TCP;
	expect_dropped();
}

static void net_49_checksum_not_at_the_transport_header(void **state)
{
	(void)state;
	for (int protocol = IPPROTO_TCP; protocol <= IPPROTO_UDP;
	     protocol += IPPROTO_UDP - IPPROTO_TCP) {
		build(4, protocol, 0);
		frame.header.csum_start++;
		expect_dropped();
		frame.header.csum_start -= 2;
		expect_dropped();
		build(4, protocol, 0);
		frame.header.csum_offset++;
		expect_dropped();
		frame.header.csum_offset -= 2;
		expect_dropped();
	}
}

static void ipv4_header_lies(void **state)
{
	(void)state;
	for (uint8_t words = 0; words < 16; words++) {
		build(4, IPPROTO_TCP, 0);
		frame.bytes[frame.network] = 0x40 | words;
		if (words != 5)
			expect_dropped();
	}
	/* a header of 4 words, which csum_start agrees with */
	build(4, IPPROTO_TCP, 0);
	frame.bytes[frame.network] = 0x44;
	frame.header.csum_start = (uint16_t)(frame.network + 16);
	frame.bytes[frame.network + 16 + 12] = 0x50;
	expect_dropped();
	/* the total length is not believed */
	build(4, IPPROTO_TCP, 0);
	driver_put16(frame.bytes + frame.network + 2, 1);
	assert_int_equal(run(frame.length, 0), NET_DELIVERED);
	driver_put16(frame.bytes + frame.network + 2, 65535);
	assert_int_equal(run(frame.length, 0), NET_DELIVERED);
}

static void fragments_are_not_segmented(void **state)
{
	static const uint16_t fields[] = { 0x2000, 0x0001, 0x1fff, 0x1000, 0x3fff };

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		build(4, IPPROTO_TCP, 0);
		driver_put16(frame.bytes + frame.network + 6, fields[i]);
		expect_dropped();
	}
	build(4, IPPROTO_TCP, 0);
	driver_put16(frame.bytes + frame.network + 6, 0xc000);
	assert_int_equal(run(frame.length, 0), NET_DELIVERED);
	/* IPv6: a fragment header is none of those that are stepped over */
	build(6, IPPROTO_TCP, 1);
	frame.bytes[frame.network + 6] = IPPROTO_FRAGMENT;
	expect_dropped();
}

static void ipv6_extension_headers_lie(void **state)
{
	(void)state;
	for (unsigned int length = 0; length < 256; length++) {
		build(6, IPPROTO_TCP, 2);
		frame.bytes[frame.network + 41] = (uint8_t)length;
		if (length != 0)
			expect_dropped();
	}
	/* a chain of them that never ends within the headers that are looked at */
	build(6, IPPROTO_TCP, 0);
	frame.bytes[frame.network + 6] = IPPROTO_HOPOPTS;
	memset(frame.bytes + frame.transport, 0, 2000);
	expect_dropped();
	build(6, IPPROTO_TCP, 0);
	frame.bytes[frame.network + 6] = IPPROTO_NONE;
	expect_dropped();
}

static void tcp_header_lies(void **state)
{
	(void)state;
	for (uint8_t words = 0; words < 5; words++) {
		build(4, IPPROTO_TCP, 0);
		frame.bytes[frame.transport + 12] = (uint8_t)(words << 4);
		expect_dropped();
	}
	build(4, IPPROTO_TCP, 0);
	frame.bytes[frame.transport + 12] = 0xf0;
	assert_int_equal(run(frame.transport + 59, 0), NET_DROP_PROTOCOL);
	assert_int_equal(run(frame.transport + 60, 0), NET_DELIVERED);
}

static void udp_length_lies(void **state)
{
	static const uint16_t lengths[] = { 0, 1, 8, 3007, 3009, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		build(4, IPPROTO_UDP, 0);
		driver_put16(frame.bytes + frame.transport + 4, lengths[i]);
		assert_int_equal(run(frame.length, 0), NET_DELIVERED);
	}
}

static void tags_without_end(void **state)
{
	(void)state;
	build(4, IPPROTO_TCP, 0);
	for (size_t at = 12; at < 600; at += 4)
		driver_put16(frame.bytes + at, 0x8100);
	expect_dropped();
}

/* Headers are only looked for in the first OFFLOAD_HEADERS_MAX bytes. */
static void headers_beyond_the_limit(void **state)
{
	struct offload_layers layers;
	uint8_t *bytes;

	(void)state;
	build(6, IPPROTO_TCP, 35);
	assert_true(frame.payload <= OFFLOAD_HEADERS_MAX);
	assert_int_equal(run(frame.length, 0), NET_DELIVERED);
	build(6, IPPROTO_TCP, 36);
	assert_true(frame.payload > OFFLOAD_HEADERS_MAX);
	expect_dropped();
	bytes = malloc(frame.length);
	memcpy(bytes, frame.bytes, frame.length);
	assert_int_equal(offload_parse(&layers, bytes, frame.length, &frame.header),
			 NET_DROP_PROTOCOL);
	free(bytes);
}

static void vlan_tags_of_any_frame(void **state)
{
	uint8_t bytes[22] = { 0 };
	struct iovec segment = { bytes, sizeof(bytes) };
	struct vq_cursor cursor;

	(void)state;
	driver_put16(bytes + 12, 0x8100);
	driver_put16(bytes + 16, 0x8100);
	driver_put16(bytes + 20, 0x8100);
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		segment.iov_base = malloc(length);
		segment.iov_len = length;
		memcpy(segment.iov_base, bytes, length);
		vq_cursor_init(&cursor, &segment, 1);
		assert_int_equal(offload_vlan_tags(&cursor), length < 14 ? 0 : length < 18 ? 1 : 2);
		free(segment.iov_base);
	}
}

/* Random bytes in headers: anything may come out, nothing is touched outside. */
static void random_headers(void **state)
{
	static const uint8_t types[] = { 1, 4, 5, 3, 0x81, 0x84 };
	uint32_t random = 3;
	unsigned int delivered = 0;

	(void)state;
	for (unsigned int round = 0; round < 30000; round++) {
		uint32_t r = driver_random(&random);
		size_t length;

		build(r & 1 ? 4 : 6, r & 2 ? IPPROTO_TCP : IPPROTO_UDP, (r >> 2) % 4);
		for (unsigned int i = 0; i < (r >> 4) % 4; i++)
			frame.bytes[12 + driver_random(&random) % 80] =
				(uint8_t)driver_random(&random);
		if (r & 0x100)
			frame.header.gso_type = types[driver_random(&random) % 6];
		if (r & 0x200)
			frame.header.gso_size = (uint16_t)(1 + driver_random(&random) % 2000);
		length = r & 0x400 ? 14 + driver_random(&random) % (frame.length - 13) :
				     frame.length;
		delivered += run(length, (uint64_t)driver_random(&random) << 32 |
					 driver_random(&random)) == NET_DELIVERED;
	}
	assert_in_range(delivered, 5000, 29000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_cut_off_anywhere),
		cmocka_unit_test(another_ethernet_type),
		cmocka_unit_test(shortest_tcp_header),
		cmocka_unit_test(net_49_checksum_not_at_the_transport_header),
		cmocka_unit_test(net_50_type_and_version),
		cmocka_unit_test(net_50_type_and_protocol),
		cmocka_unit_test(ipv4_header_lies),
		cmocka_unit_test(fragments_are_not_segmented),
		cmocka_unit_test(ipv6_extension_headers_lie),
		cmocka_unit_test(tcp_header_lies),
		cmocka_unit_test(udp_length_lies),
		cmocka_unit_test(tags_without_end),
		cmocka_unit_test(headers_beyond_the_limit),
		cmocka_unit_test(vlan_tags_of_any_frame),
		cmocka_unit_test(random_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

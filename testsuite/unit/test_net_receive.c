/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a transmit chain into receive chains: hardening cases 48, 51 to 56. */
#include <errno.h>
#include <linux/virtio_config.h>
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
#include "vduse/device/receive.h"

#define SIZE 16
#define INDIRECT (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define MERGE NET_BIT(VIRTIO_NET_F_MRG_RXBUF)
#define SENDER UINT64_MAX
#define FRAME_AT (DRIVER_HEAP + 0x100000)	/* header and frame of the sender */

struct fixture {
	struct driver_world *from, *to;
	struct driver_frame frame;
	struct net_side sender, receiver;
	struct net_counters counters;
	struct receive_transfer transfer;
	struct iovec scratch_segments[VQ_CHAIN_SEGMENTS];
	struct vq_chain scratch;
	uint8_t got[FRAME_MAX + NET_HEADER_SIZE];
	size_t length;		/* of got */
	unsigned int buffers;	/* that it came in */
	struct driver_buffer receive[SIZE];	/* by head */
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->from = driver_world_started(SIZE, INDIRECT);
	fixture->to = driver_world_started(SIZE, INDIRECT);
	fixture->sender.features = SENDER;
	fixture->receiver.features = MERGE;
	vq_chain_init(&fixture->scratch, fixture->scratch_segments, VQ_CHAIN_SEGMENTS);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	driver_world_free(fixture->from);
	driver_world_free(fixture->to);
	free(fixture);
	return 0;
}

/* Lets the sender put up header and frame, cut into `pieces` readable buffers. */
static void transmit(struct fixture *fixture, const uint32_t *cuts, unsigned int count)
{
	struct driver_ring *ring = &fixture->from->ring;
	uint32_t length = NET_HEADER_SIZE + (uint32_t)fixture->frame.length, at = 0;
	struct driver_buffer buffers[SIZE];
	uint8_t *bytes = driver_at(ring, FRAME_AT);

	net_header_build(bytes, &fixture->frame.header);
	memcpy(bytes + NET_HEADER_SIZE, fixture->frame.bytes, fixture->frame.length);
	for (unsigned int i = 0; i <= count; i++) {
		uint32_t to = i < count ? cuts[i] : length;

		buffers[i] = (struct driver_buffer){ FRAME_AT + at, to - at, false };
		at = to;
	}
	assert_true(driver_add(ring, buffers, count + 1) >= 0);
	assert_int_equal(virtqueue_pop(&fixture->from->vq, &fixture->from->chain), 1);
}

static int begin(struct fixture *fixture)
{
	return receive_begin(&fixture->transfer, &fixture->from->chain, &fixture->sender,
			     &fixture->receiver, &fixture->counters);
}

static int deliver(struct fixture *fixture)
{
	return receive_deliver(&fixture->transfer, &fixture->to->vq, &fixture->scratch,
			       &fixture->counters);
}

/* A frame without any offload, of `length` bytes. */
static void plain_frame(struct fixture *fixture, size_t length)
{
	uint32_t random = (uint32_t)length + 1;

	fixture->frame.length = length;
	fixture->frame.header = (struct net_header){ 0 };
	for (size_t i = 0; i < length; i++)
		fixture->frame.bytes[i] = (uint8_t)driver_random(&random);
	driver_put16(fixture->frame.bytes + 12, 0x0800);
}

static void send_plain(struct fixture *fixture, size_t length)
{
	plain_frame(fixture, length);
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), 0);
}

/* The receiver puts up one buffer of its own memory. */
static void offer(struct fixture *fixture, uint32_t length)
{
	struct driver_ring *ring = &fixture->to->ring;
	struct driver_buffer buffer = { driver_alloc(ring, length, 1), length, true };
	int head = driver_add(ring, &buffer, 1);

	assert_true(head >= 0);
	memset(driver_at(ring, buffer.address), 0xcc, length);
	fixture->receive[head] = buffer;
}

/* The receiver takes one packet, as virtio_net does: false when there is none. */
static bool take_packet(struct fixture *fixture)
{
	struct driver_ring *ring = &fixture->to->ring;
	uint32_t head, length;

	virtqueue_publish(&fixture->to->vq);
	fixture->length = 0;
	fixture->buffers = 0;
	do {
		if (!driver_take_used(ring, &head, &length)) {
			assert_int_equal(fixture->buffers, 0);
			return false;
		}
		assert_true(length <= fixture->receive[head].length);
		memcpy(fixture->got + fixture->length,
		       driver_at(ring, fixture->receive[head].address), length);
		fixture->length += length;
		fixture->buffers++;
	} while (fixture->buffers < net_header_parse(fixture->got).num_buffers);
	return true;
}

static void expect_packet(struct fixture *fixture, unsigned int buffers)
{
	assert_true(take_packet(fixture));
	assert_int_equal(fixture->buffers, buffers);
	assert_int_equal(net_header_parse(fixture->got).num_buffers, buffers);
	assert_int_equal(fixture->length, NET_HEADER_SIZE + fixture->frame.length);
	assert_memory_equal(fixture->got + NET_HEADER_SIZE, fixture->frame.bytes,
			    fixture->frame.length);
}

static void one_buffer(void **state)
{
	struct fixture *fixture = *state;

	offer(fixture, 2000);
	send_plain(fixture, 60);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 1);
	assert_false(take_packet(fixture));
	assert_int_equal(fixture->counters.frames, 1);
	assert_int_equal(fixture->counters.bytes, 60);
}

static void several_buffers(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < 5; i++)
		offer(fixture, 100);
	send_plain(fixture, 388);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 4);
	assert_int_equal(virtqueue_available(&fixture->to->vq), 1);
}

/* Full buffers, all but the last, at every length around the borders: 5.1.6.4.1 */
static void borders_between_buffers(void **state)
{
	struct fixture *fixture = *state;

	for (size_t length = 14; length < 140; length++) {
		unsigned int buffers = (unsigned int)(length + NET_HEADER_SIZE + 31) / 32;

		driver_heap_reset(&fixture->to->ring);
		while (virtqueue_available(&fixture->to->vq) < 6)
			offer(fixture, 32);
		send_plain(fixture, length);
		assert_int_equal(deliver(fixture), 0);
		expect_packet(fixture, buffers);
		while (virtqueue_pop(&fixture->to->vq, &fixture->scratch) == 1)
			virtqueue_push(&fixture->to->vq, fixture->scratch.head, 0);
		virtqueue_publish(&fixture->to->vq);
		for (uint32_t head, used; driver_take_used(&fixture->to->ring, &head, &used);)
			;
		virtqueue_push(&fixture->from->vq, fixture->from->chain.head, 0);
		virtqueue_publish(&fixture->from->vq);
		for (uint32_t head, used; driver_take_used(&fixture->from->ring, &head, &used);)
			;
	}
}

static void largest_frame(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < SIZE; i++)
		offer(fixture, 4098);
	send_plain(fixture, NET_FRAME_MAX);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 16);
}

/* The receiver's own buffers cut into one-byte descriptors, num_buffers in two of them. */
static void header_over_many_descriptors(void **state)
{
	struct fixture *fixture = *state;
	struct driver_ring *ring = &fixture->to->ring;
	uint64_t at = driver_alloc(ring, 16, 1);
	struct driver_buffer buffers[14];
	int head;

	for (unsigned int i = 0; i < 14; i++)
		buffers[i] = (struct driver_buffer){ at + i, 1, true };
	head = driver_add_indirect(ring, buffers, 14, 0);
	fixture->receive[head] = (struct driver_buffer){ at, 14, true };
	offer(fixture, 300);
	send_plain(fixture, 200);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 2);
}

static void net_48_header_over_three_descriptors(void **state)
{
	struct fixture *fixture = *state;
	static const uint32_t cuts[] = { 1, 11, 13, 25 };
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_TCP, .payload = 100,
					    .seed = 1 };

	fixture->receiver.features |= NET_BIT(VIRTIO_NET_F_GUEST_CSUM);
	driver_frame_build(&fixture->frame, &shape);
	transmit(fixture, cuts, 4);
	offer(fixture, 2000);
	assert_int_equal(begin(fixture), 0);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 1);
	assert_int_equal(net_header_parse(fixture->got).csum_start, fixture->frame.transport);
}

/* Everything shorter than a virtio header and an Ethernet header is dropped. */
static void net_48_shorter_than_the_header(void **state)
{
	struct fixture *fixture = *state;

	for (uint32_t length = 1; length < 26; length++) {
		struct driver_buffer buffer = { FRAME_AT, length, false };
		uint32_t head, used;

		memset(&fixture->counters, 0, sizeof(fixture->counters));
		memset(driver_at(&fixture->from->ring, FRAME_AT), 0, 64);
		driver_add(&fixture->from->ring, &buffer, 1);
		assert_int_equal(virtqueue_pop(&fixture->from->vq, &fixture->from->chain), 1);
		assert_int_equal(begin(fixture), -EINVAL);
		assert_int_equal(fixture->counters.dropped[length < 12 ? NET_DROP_NO_HEADER :
								     NET_DROP_SHORT], 1);
		assert_int_equal(deliver(fixture), 0);
		receive_abandon(&fixture->transfer, NET_DROP_NO_BUFFER, &fixture->counters);
		assert_int_equal(fixture->counters.dropped[NET_DROP_NO_BUFFER], 0);
		virtqueue_push(&fixture->from->vq, fixture->from->chain.head, 0);
		virtqueue_publish(&fixture->from->vq);
		driver_take_used(&fixture->from->ring, &head, &used);
	}
	assert_int_equal(fixture->counters.frames, 0);
}

/* A transmit chain of writable buffers only has no header either; a writable tail is left. */
static void net_48_writable_part_is_ignored(void **state)
{
	struct fixture *fixture = *state;
	struct driver_buffer buffers[2] = { { FRAME_AT, 12 + 60, false },
					    { FRAME_AT + 200, 100, true } };

	plain_frame(fixture, 60);
	memset(driver_at(&fixture->from->ring, FRAME_AT), 0, 12);
	memcpy(driver_at(&fixture->from->ring, FRAME_AT + 12), fixture->frame.bytes, 60);
	driver_add(&fixture->from->ring, buffers, 2);
	driver_add(&fixture->from->ring, buffers + 1, 1);
	offer(fixture, 200);
	assert_int_equal(virtqueue_pop(&fixture->from->vq, &fixture->from->chain), 1);
	assert_int_equal(begin(fixture), 0);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 1);
	assert_int_equal(virtqueue_pop(&fixture->from->vq, &fixture->from->chain), 1);
	assert_int_equal(begin(fixture), -EINVAL);
	assert_int_equal(fixture->counters.dropped[NET_DROP_NO_HEADER], 1);
}

static void net_51_num_buffers_of_the_sender(void **state)
{
	struct fixture *fixture = *state;

	offer(fixture, 200);
	plain_frame(fixture, 60);
	fixture->frame.header.num_buffers = 3;
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), 0);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 1);
}

/* What is longer than a frame can be goes nowhere, and is counted. */
static void net_53_longer_than_any_frame(void **state)
{
	static const uint32_t over[] = { 1, 2, 65536, 0xe0000 };
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < SIZE; i++)
		offer(fixture, 4098);
	for (unsigned int i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		struct driver_buffer buffer = { FRAME_AT,
						NET_HEADER_SIZE + NET_FRAME_MAX + over[i], false };

		memset(driver_at(&fixture->from->ring, FRAME_AT), 0, NET_HEADER_SIZE);
		driver_add(&fixture->from->ring, &buffer, 1);
		assert_int_equal(virtqueue_pop(&fixture->from->vq, &fixture->from->chain), 1);
		assert_int_equal(begin(fixture), -EINVAL);
		assert_int_equal(fixture->counters.dropped[NET_DROP_LONG], i + 1);
		assert_int_equal(deliver(fixture), 0);
		assert_false(take_packet(fixture));
	}
	assert_int_equal(fixture->counters.frames, 0);
	/* the longest one that there is still passes */
	send_plain(fixture, NET_FRAME_MAX);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 16);
}

static void net_49_checksum_beyond_the_frame_is_counted(void **state)
{
	struct fixture *fixture = *state;

	plain_frame(fixture, 60);
	fixture->frame.header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	fixture->frame.header.csum_start = 59;
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), -EINVAL);
	assert_int_equal(fixture->counters.dropped[NET_DROP_CHECKSUM], 1);
}

static void net_50_bad_headers_are_counted(void **state)
{
	struct fixture *fixture = *state;

	plain_frame(fixture, 60);
	fixture->frame.header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	fixture->frame.header.csum_start = 34;
	fixture->frame.header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	fixture->frame.header.gso_size = 10;
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), -EINVAL);
	assert_int_equal(fixture->counters.dropped[NET_DROP_PROTOCOL], 1);
	fixture->sender.features = 0;
	assert_int_equal(begin(fixture), -EINVAL);
	assert_int_equal(fixture->counters.dropped[NET_DROP_FEATURE], 1);
}

static void net_52_too_small_without_merging(void **state)
{
	struct fixture *fixture = *state;

	fixture->receiver.features = 0;
	offer(fixture, 60 + 11);
	offer(fixture, 2000);
	send_plain(fixture, 60);
	assert_int_equal(deliver(fixture), 0);
	assert_int_equal(fixture->counters.dropped[NET_DROP_TOO_SMALL], 1);
	assert_int_equal(fixture->counters.frames, 0);
	assert_false(take_packet(fixture));
	assert_int_equal(virtqueue_available(&fixture->to->vq), 2);
	/* the buffer is still there for a frame that fits exactly */
	send_plain(fixture, 59);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 1);
}

static void net_52_too_small_for_the_header(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int merge = 0; merge < 2; merge++) {
		fixture->receiver.features = merge ? MERGE : 0;
		if (!merge)
			offer(fixture, 11);
		send_plain(fixture, 14);
		assert_int_equal(deliver(fixture), 0);
		assert_int_equal(fixture->counters.dropped[NET_DROP_TOO_SMALL], merge + 1);
		assert_int_equal(fixture->to->vq.in_flight, 0);
		assert_false(take_packet(fixture));
	}
}

/* With merging, 12 bytes are enough: nothing but the header, then the frame. */
static void net_52_first_buffer_holds_the_header(void **state)
{
	struct fixture *fixture = *state;

	offer(fixture, 12);
	offer(fixture, 1);
	offer(fixture, 100);
	send_plain(fixture, 40);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 3);
}

/* A frame that the whole ring cannot hold is dropped at once; nothing waits for it. */
static void net_52_more_than_the_whole_ring(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < SIZE; i++)
		offer(fixture, 20);
	send_plain(fixture, SIZE * 20 - 12 + 1);
	assert_int_equal(deliver(fixture), 0);
	assert_int_equal(fixture->counters.dropped[NET_DROP_TOO_SMALL], 1);
	assert_int_equal(virtqueue_available(&fixture->to->vq), SIZE);
	assert_int_equal(fixture->to->vq.in_flight, 0);
	send_plain(fixture, SIZE * 20 - 12);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, SIZE);
}

static void net_52_more_chains_than_we_follow(void **state)
{
	struct fixture *fixture = *state;
	struct driver_world *big = driver_world_started(2048, 0);

	for (unsigned int i = 0; i < 2048; i++)
		driver_add_writable(&big->ring, 12);
	send_plain(fixture, 1023 * 12);
	assert_int_equal(receive_deliver(&fixture->transfer, &big->vq, &fixture->scratch,
					 &fixture->counters), 0);
	assert_int_equal(fixture->counters.frames, 1);
	assert_int_equal(big->vq.staged, 1024);
	virtqueue_publish(&big->vq);
	send_plain(fixture, 1023 * 12 + 1);
	assert_int_equal(receive_deliver(&fixture->transfer, &big->vq, &fixture->scratch,
					 &fixture->counters), 0);
	assert_int_equal(fixture->counters.dropped[NET_DROP_TOO_SMALL], 1);
	assert_int_equal(big->vq.in_flight, 0);
	driver_world_free(big);
}

/* The device never writes what it may only read, and never counts it. */
static void readable_part_of_receive_chains_is_ignored(void **state)
{
	struct fixture *fixture = *state;
	struct driver_ring *ring = &fixture->to->ring;
	uint64_t at = driver_alloc(ring, 400, 1);
	struct driver_buffer buffers[2] = { { at, 100, false }, { at + 100, 100, true } };
	int head = driver_add(ring, buffers, 2);

	fixture->receive[head] = buffers[1];
	memset(driver_at(ring, at), 0xcc, 400);
	send_plain(fixture, 60);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 1);
	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(driver_at(ring, at)[i], 0xcc);
	assert_int_equal(driver_at(ring, at)[172], 0xcc);
	/* a chain that has nothing writable cannot hold a header */
	driver_add(ring, buffers, 1);
	send_plain(fixture, 60);
	assert_int_equal(deliver(fixture), 0);
	assert_int_equal(fixture->counters.dropped[NET_DROP_TOO_SMALL], 1);
}

static void net_54_no_buffer(void **state)
{
	struct fixture *fixture = *state;

	send_plain(fixture, 100);
	assert_int_equal(deliver(fixture), -EAGAIN);
	assert_int_equal(deliver(fixture), -EAGAIN);
	assert_int_equal(fixture->counters.held, 1);
	assert_int_equal(fixture->counters.dropped[NET_DROP_TOO_SMALL], 0);
	receive_abandon(&fixture->transfer, NET_DROP_NO_BUFFER, &fixture->counters);
	receive_abandon(&fixture->transfer, NET_DROP_NO_BUFFER, &fixture->counters);
	assert_int_equal(fixture->counters.dropped[NET_DROP_NO_BUFFER], 1);
	assert_int_equal(deliver(fixture), 0);
	assert_int_equal(fixture->counters.frames, 0);
}

/* A transfer that is taken up anew has forgotten the one before. */
static void transfer_is_used_again(void **state)
{
	struct fixture *fixture = *state;

	send_plain(fixture, 100);
	assert_int_equal(deliver(fixture), -EAGAIN);
	send_plain(fixture, 80);
	assert_int_equal(deliver(fixture), -EAGAIN);
	assert_int_equal(fixture->counters.held, 2);
	plain_frame(fixture, 13);
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), -EINVAL);
	offer(fixture, 200);
	assert_int_equal(deliver(fixture), 0);
	assert_int_equal(fixture->counters.frames, 0);
	assert_false(take_packet(fixture));
}

/* All or nothing: the chains that were there stay, and the frame arrives later. */
static void net_54_not_enough_buffers(void **state)
{
	struct fixture *fixture = *state;

	offer(fixture, 64);
	offer(fixture, 64);
	send_plain(fixture, 150);
	assert_int_equal(deliver(fixture), -EAGAIN);
	assert_int_equal(fixture->to->vq.in_flight, 0);
	assert_int_equal(fixture->to->vq.staged, 0);
	assert_false(take_packet(fixture));
	assert_int_equal(virtqueue_available(&fixture->to->vq), 2);
	assert_int_equal(virtqueue_enable_kick_for_more(&fixture->to->vq), 0);
	offer(fixture, 64);
	assert_int_equal(virtqueue_enable_kick_for_more(&fixture->to->vq), 1);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 3);
}

/* A segmented frame goes on where it stopped. */
static void net_54_segments_wait_for_buffers(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_TCP,
					    .payload = 4500, .seed = 1, .sequence = 1000 };
	unsigned int count = 0;

	driver_frame_build(&fixture->frame, &shape);
	driver_frame_gso(&fixture->frame, VIRTIO_NET_HDR_GSO_TCPV4, 1000);
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), 0);
	while (deliver(fixture) == -EAGAIN) {
		if (count++)
			assert_true(take_packet(fixture));
		offer(fixture, 1500);
	}
	assert_int_equal(count, 5);
	assert_true(take_packet(fixture));
	assert_int_equal(fixture->length, 12 + 54 + 500);
	assert_int_equal(driver_get32(fixture->got + 12 + 38), 5000);
	assert_int_equal(fixture->counters.segmented, 1);
	assert_int_equal(fixture->counters.frames, 5);
	assert_int_equal(fixture->counters.bytes, 5 * 54 + 4500);
	assert_int_equal(fixture->counters.held, 5);
	assert_int_equal(fixture->counters.checksums, 0);
}

/* Whatever the receiver negotiated, no header asks for more, and every checksum is right. */
static void net_56_receiver_with_less(void **state)
{
	struct fixture *fixture = *state;
	uint32_t random = 9;

	for (unsigned int round = 0; round < 600; round++) {
		uint32_t r = driver_random(&random);
		struct driver_frame_shape shape = { .version = r & 1 ? 4 : 6,
						    .protocol = r & 2 ? IPPROTO_TCP : IPPROTO_UDP,
						    .payload = 2500 + r % 50, .seed = r,
						    .tcp_flags = (uint8_t)(r >> 8),
						    .tags = (r >> 4) % 2 };
		uint64_t features = 0;
		uint32_t head, used;

		for (unsigned int i = 0; i < 7; i++) {
			static const unsigned int bits[] = {
				VIRTIO_NET_F_GUEST_CSUM, VIRTIO_NET_F_GUEST_TSO4,
				VIRTIO_NET_F_GUEST_TSO6, VIRTIO_NET_F_GUEST_ECN,
				VIRTIO_NET_F_GUEST_USO4, VIRTIO_NET_F_GUEST_USO6,
				VIRTIO_NET_F_MRG_RXBUF };

			if (driver_random(&random) & 1)
				features |= NET_BIT(bits[i]);
		}
		fixture->receiver.features = features;
		driver_frame_build(&fixture->frame, &shape);
		driver_frame_gso(&fixture->frame, r & 2 ? (r & 1 ? VIRTIO_NET_HDR_GSO_TCPV4 :
								   VIRTIO_NET_HDR_GSO_TCPV6) :
							  VIRTIO_NET_HDR_GSO_UDP_L4, 900);
		transmit(fixture, NULL, 0);
		driver_heap_reset(&fixture->to->ring);
		while (virtqueue_available(&fixture->to->vq) < 6)
			offer(fixture, 3000);
		assert_int_equal(begin(fixture), 0);
		assert_int_equal(deliver(fixture), 0);
		while (take_packet(fixture)) {
			struct net_header header = net_header_parse(fixture->got);
			uint8_t *frame = fixture->got + NET_HEADER_SIZE;
			size_t length = fixture->length - NET_HEADER_SIZE;

			assert_int_equal(net_receiver_action(&header, features, shape.version),
					 NET_PASS);
			if (header.flags)
				driver_put16(frame + header.csum_start + header.csum_offset,
					     (uint16_t)~driver_plain_sum(frame + header.csum_start,
									 length - header.csum_start,
									 0));
			assert_true(driver_frame_valid(frame, length));
			assert_true(header.gso_type || length < 1000);
		}
		virtqueue_push(&fixture->from->vq, fixture->from->chain.head, 0);
		virtqueue_publish(&fixture->from->vq);
		driver_take_used(&fixture->from->ring, &head, &used);
		/* buffers that are left would lie in the reset heap: take them back */
		while (virtqueue_pop(&fixture->to->vq, &fixture->scratch) == 1)
			virtqueue_push(&fixture->to->vq, fixture->scratch.head, 0);
		virtqueue_publish(&fixture->to->vq);
		while (driver_take_used(&fixture->to->ring, &head, &used))
			;
	}
}

static void over_the_mtu_of_the_receiver(void **state)
{
	struct fixture *fixture = *state;

	fixture->receiver = (struct net_side){ MERGE | NET_BIT(VIRTIO_NET_F_MTU), 1500 };
	offer(fixture, 2000);
	send_plain(fixture, 1515);
	assert_int_equal(deliver(fixture), 0);
	assert_int_equal(fixture->counters.dropped[NET_DROP_MTU], 1);
	send_plain(fixture, 1514);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 1);
	offer(fixture, 2000);
	plain_frame(fixture, 1518);
	driver_put16(fixture->frame.bytes + 12, 0x8100);
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), 0);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 1);
}

/* GSO frames are longer than the MTU, and meant to be: 5.1.4.1 */
static void mtu_does_not_count_for_gso(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_TCP,
					    .payload = 9000, .seed = 1 };

	fixture->receiver = (struct net_side){ UINT64_MAX, 1500 };
	for (unsigned int i = 0; i < 5; i++)
		offer(fixture, 2000);
	driver_frame_build(&fixture->frame, &shape);
	driver_frame_gso(&fixture->frame, VIRTIO_NET_HDR_GSO_TCPV4, 1460);
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), 0);
	assert_int_equal(deliver(fixture), 0);
	expect_packet(fixture, 5);
	assert_int_equal(fixture->counters.segmented, 0);
}

static void checksum_is_completed_on_the_way(void **state)
{
	struct fixture *fixture = *state;
	struct driver_frame_shape shape = { .version = 4, .protocol = IPPROTO_UDP,
					    .payload = 200, .seed = 1 };
	struct net_header header;

	for (unsigned int i = 0; i < 8; i++)
		offer(fixture, 41);
	driver_frame_build(&fixture->frame, &shape);
	transmit(fixture, NULL, 0);
	assert_int_equal(begin(fixture), 0);
	assert_int_equal(deliver(fixture), 0);
	assert_true(take_packet(fixture));
	header = net_header_parse(fixture->got);
	assert_int_equal(header.flags, 0);
	assert_int_equal(header.csum_start, 0);
	assert_true(driver_frame_valid(fixture->got + 12, fixture->length - 12));
	assert_int_equal(fixture->counters.checksums, 1);
}

static void receive_virtqueue_breaks(void **state)
{
	struct fixture *fixture = *state;

	offer(fixture, 64);
	driver_offer(&fixture->to->ring, SIZE);
	send_plain(fixture, 100);
	assert_int_equal(deliver(fixture), -EPROTO);
	assert_int_equal(deliver(fixture), -EPROTO);
	receive_abandon(&fixture->transfer, NET_DROP_NO_RECEIVER, &fixture->counters);
	assert_int_equal(fixture->counters.dropped[NET_DROP_NO_RECEIVER], 1);
	assert_int_equal(fixture->counters.frames, 0);
	assert_int_equal(fixture->counters.held, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_buffer),
		TEST(several_buffers),
		TEST(borders_between_buffers),
		TEST(largest_frame),
		TEST(header_over_many_descriptors),
		TEST(net_48_header_over_three_descriptors),
		TEST(net_48_shorter_than_the_header),
		TEST(net_48_writable_part_is_ignored),
		TEST(net_49_checksum_beyond_the_frame_is_counted),
		TEST(net_50_bad_headers_are_counted),
		TEST(net_51_num_buffers_of_the_sender),
		TEST(net_52_too_small_without_merging),
		TEST(net_52_too_small_for_the_header),
		TEST(net_52_first_buffer_holds_the_header),
		TEST(net_52_more_than_the_whole_ring),
		TEST(net_52_more_chains_than_we_follow),
		TEST(readable_part_of_receive_chains_is_ignored),
		TEST(net_53_longer_than_any_frame),
		TEST(net_54_no_buffer),
		TEST(transfer_is_used_again),
		TEST(net_54_not_enough_buffers),
		TEST(net_54_segments_wait_for_buffers),
		TEST(net_56_receiver_with_less),
		TEST(over_the_mtu_of_the_receiver),
		TEST(mtu_does_not_count_for_gso),
		TEST(checksum_is_completed_on_the_way),
		TEST(receive_virtqueue_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

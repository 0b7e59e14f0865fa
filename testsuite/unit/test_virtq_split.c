/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chains of a split ring, direct ones: hardening cases 3, 5, 8 to 22, 40, 41, 46, 47, 55. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_ring.h"

#define SIZE 8
#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define IN_ORDER (UINT64_C(1) << VIRTIO_F_IN_ORDER)

static int setup(void **state)
{
	*state = driver_world_started(SIZE, 0);
	return 0;
}

static int teardown(void **state)
{
	driver_world_free(*state);
	return 0;
}

static struct vring_desc *desc(struct driver_world *world, unsigned int index)
{
	return &world->ring.desc[index];
}

static int pop(struct driver_world *world)
{
	return virtqueue_pop(&world->vq, &world->chain);
}

/* The next pop breaks the virtqueue, which then stays broken and silent. */
static void expect_broken(struct driver_world *world, enum virtqueue_reason reason)
{
	assert_int_equal(pop(world), -EPROTO);
	assert_int_equal(world->vq.error.reason, reason);
	assert_int_equal(world->vq.state, VIRTQUEUE_BROKEN);
	memset(&world->ring.desc[0], 0, sizeof(world->ring.desc[0]));
	assert_int_equal(pop(world), -EPROTO);
	assert_int_equal(virtqueue_available(&world->vq), -EPROTO);
	assert_int_equal(virtqueue_enable_kick(&world->vq), -EPROTO);
	assert_int_equal(virtqueue_push(&world->vq, 0, 0), -EPROTO);
	assert_int_equal(virtqueue_publish(&world->vq), 0);
	assert_false(virtqueue_needs_interrupt(&world->vq));
	assert_int_equal(world->vq.error.reason, reason);
}

static void s_2_7_5_chain_of_both_directions(void **state)
{
	struct driver_world *world = *state;

	driver_desc(desc(world, 3), DRIVER_HEAP + 100, 10, NEXT, 1);
	driver_desc(desc(world, 1), DRIVER_HEAP + 200, 20, NEXT | WRITE, 7);
	driver_desc(desc(world, 7), DRIVER_HEAP + 300, 30, WRITE, 9999);
	driver_offer(&world->ring, 3);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.head, 3);
	assert_int_equal(world->chain.readable, 10);
	assert_int_equal(world->chain.writable, 50);
	assert_int_equal(world->chain.readable_segments, 1);
	assert_int_equal(world->chain.writable_segments, 2);
	assert_ptr_equal(vq_chain_readable(&world->chain)[0].iov_base, world->ring.heap + 100);
	assert_ptr_equal(vq_chain_writable(&world->chain)[1].iov_base, world->ring.heap + 300);
	assert_int_equal(vq_chain_writable(&world->chain)[1].iov_len, 30);
	assert_int_equal(world->vq.in_flight, 1);
	assert_int_equal(pop(world), 0);
}

static void s_2_7_8_2_used_elements_appear_when_published(void **state)
{
	struct driver_world *world = *state;
	uint16_t first = driver_add_writable(&world->ring, 100);
	uint16_t second = driver_add_readable(&world->ring, 100);
	uint32_t head, length;

	assert_int_equal(pop(world), 1);
	assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, second, 0), 0);
	assert_int_equal(virtqueue_push(&world->vq, first, 99), 0);
	assert_false(driver_take_used(&world->ring, &head, &length));
	assert_int_equal(virtqueue_publish(&world->vq), 2);
	assert_int_equal(virtqueue_publish(&world->vq), 0);
	assert_true(driver_take_used(&world->ring, &head, &length));
	assert_int_equal(head, second);
	assert_int_equal(length, 0);
	assert_true(driver_take_used(&world->ring, &head, &length));
	assert_int_equal(head, first);
	assert_int_equal(length, 99);
	assert_false(driver_take_used(&world->ring, &head, &length));
}

static void ring_08_s_2_7_6_avail_ahead(void **state)
{
	struct driver_world *world = *state;

	world->ring.avail->idx = htole16(SIZE + 1);
	expect_broken(world, VQ_AVAIL_TOO_FAR);
	assert_int_equal(world->vq.error.value, SIZE + 1);
}

static void ring_08_s_2_7_6_avail_full_is_fine(void **state)
{
	struct driver_world *world = *state;

	for (unsigned int i = 0; i < SIZE; i++)
		driver_add_readable(&world->ring, 1);
	assert_int_equal(virtqueue_available(&world->vq), SIZE);
}

/* Chains in flight and elements staged count: the driver cannot have them back yet. */
static void ring_08_s_2_7_6_avail_ahead_of_what_is_out(void **state)
{
	struct driver_world *world = *state;

	driver_add_readable(&world->ring, 1);
	driver_add_readable(&world->ring, 1);
	assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
	assert_int_equal(pop(world), 1);
	world->ring.avail->idx = htole16(SIZE + 1);
	expect_broken(world, VQ_AVAIL_TOO_FAR);
}

static void ring_08_seen_by_available(void **state)
{
	struct driver_world *world = *state;

	world->ring.avail->idx = htole16(SIZE + 1);
	assert_int_equal(virtqueue_available(&world->vq), -EPROTO);
	assert_int_equal(world->vq.error.reason, VQ_AVAIL_TOO_FAR);
}

static void ring_09_s_2_7_6_1_avail_backwards(void **state)
{
	struct driver_world *world = *state;

	driver_add_readable(&world->ring, 1);
	assert_int_equal(pop(world), 1);
	world->ring.avail->idx = 0;
	expect_broken(world, VQ_AVAIL_BACKWARDS);
}

static void ring_09_s_2_7_6_1_avail_backwards_below_the_start(void **state)
{
	struct driver_world *world = *state;

	world->ring.avail->idx = htole16(65535);
	expect_broken(world, VQ_AVAIL_BACKWARDS);
}

/* What is called backwards; anything else is called ahead. */
static void ring_09_s_2_7_6_1_how_far_is_backwards(void **state)
{
	struct driver_world *world = *state;

	world->ring.avail->idx = htole16(65536 - SIZE);
	expect_broken(world, VQ_AVAIL_BACKWARDS);
	world->ring.avail->idx = 0;
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	world->ring.avail->idx = htole16(65536 - SIZE - 1);
	expect_broken(world, VQ_AVAIL_TOO_FAR);
}

/* Backwards, but not behind what was taken: seen when it is looked at. */
static void ring_09_s_2_7_6_1_avail_backwards_before_it_was_taken(void **state)
{
	struct driver_world *world = *state;

	for (unsigned int i = 0; i < 4; i++)
		driver_add_readable(&world->ring, 1);
	assert_int_equal(pop(world), 1);
	world->ring.avail->idx = htole16(3);
	assert_int_equal(virtqueue_enable_kick(&world->vq), -EPROTO);
	assert_int_equal(world->vq.error.reason, VQ_AVAIL_BACKWARDS);
}

static void ring_10_s_2_7_6_head_out_of_range(void **state)
{
	struct driver_world *world = *state;

	driver_offer(&world->ring, SIZE);
	expect_broken(world, VQ_HEAD_RANGE);
}

static void ring_10_head_at_the_largest(void **state)
{
	struct driver_world *world = *state;

	driver_offer(&world->ring, 65535);
	expect_broken(world, VQ_HEAD_RANGE);
}

static void ring_11_head_twice_in_flight(void **state)
{
	struct driver_world *world = *state;
	uint16_t head = driver_add_readable(&world->ring, 1);

	driver_offer(&world->ring, head);
	assert_int_equal(pop(world), 1);
	expect_broken(world, VQ_HEAD_IN_FLIGHT);
	assert_int_equal(world->vq.error.head, head);
}

static void ring_11_head_twice_in_one_batch(void **state)
{
	struct driver_world *world = *state;
	uint16_t head = driver_add_readable(&world->ring, 1);

	driver_offer(&world->ring, head);
	assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, head, 0), 0);
	expect_broken(world, VQ_HEAD_IN_FLIGHT);
}

static void ring_11_head_again_after_it_was_returned(void **state)
{
	struct driver_world *world = *state;
	uint16_t head = driver_add_readable(&world->ring, 1);

	for (unsigned int i = 0; i < 3 * SIZE; i++) {
		assert_int_equal(pop(world), 1);
		assert_int_equal(virtqueue_push(&world->vq, head, 0), 0);
		assert_int_equal(virtqueue_publish(&world->vq), 1);
		driver_offer(&world->ring, head);
	}
}

static void ring_12_s_2_7_5_next_out_of_range(void **state)
{
	struct driver_world *world = *state;

	driver_desc(desc(world, 0), DRIVER_HEAP, 1, NEXT, SIZE);
	driver_offer(&world->ring, 0);
	expect_broken(world, VQ_NEXT_RANGE);
	assert_int_equal(world->vq.error.value, SIZE);
}

static void ring_12_next_at_the_largest(void **state)
{
	struct driver_world *world = *state;

	driver_desc(desc(world, 0), DRIVER_HEAP, 1, NEXT, 65535);
	driver_offer(&world->ring, 0);
	expect_broken(world, VQ_NEXT_RANGE);
}

static void ring_13_s_2_7_5_2_self_loop(void **state)
{
	struct driver_world *world = *state;

	driver_desc(desc(world, 5), DRIVER_HEAP, 1, NEXT, 5);
	driver_offer(&world->ring, 5);
	expect_broken(world, VQ_CHAIN_LENGTH);
}

static void ring_13_s_2_7_5_2_long_loop(void **state)
{
	struct driver_world *world = *state;

	for (uint16_t i = 0; i < SIZE; i++)
		driver_desc(desc(world, i), DRIVER_HEAP + i, 1, NEXT, (i + 1) % SIZE);
	driver_offer(&world->ring, 2);
	expect_broken(world, VQ_CHAIN_LENGTH);
}

static void ring_14_s_2_7_5_2_longest_chain(void **state)
{
	struct driver_world *world = *state;

	for (uint16_t i = 0; i < SIZE; i++)
		driver_desc(desc(world, i), DRIVER_HEAP + 2 * i, 1, i + 1 < SIZE ? NEXT : 0,
			    i + 1);
	driver_offer(&world->ring, 0);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.readable_segments, SIZE);
}

static void ring_15_s_2_7_4_2_readable_after_writable(void **state)
{
	struct driver_world *world = *state;

	driver_desc(desc(world, 0), DRIVER_HEAP, 1, NEXT | WRITE, 1);
	driver_desc(desc(world, 1), DRIVER_HEAP, 1, 0, 0);
	driver_offer(&world->ring, 0);
	expect_broken(world, VQ_READABLE_AFTER_WRITABLE);
}

static void ring_16_unknown_flags(void **state)
{
	(void)state;
	for (unsigned int bit = 3; bit < 16; bit++) {
		struct driver_world *world = driver_world_started(SIZE, 0);

		driver_desc(desc(world, 0), DRIVER_HEAP, 1, (uint16_t)(1u << bit), 0);
		driver_offer(&world->ring, 0);
		expect_broken(world, VQ_FLAGS);
		driver_world_free(world);
	}
}

static void ring_18_length_zero(void **state)
{
	struct driver_world *world = *state;

	driver_desc(desc(world, 0), DRIVER_HEAP, 0, 0, 0);
	driver_offer(&world->ring, 0);
	expect_broken(world, VQ_LENGTH_ZERO);
}

static void ring_18_length_zero_at_the_end(void **state)
{
	struct driver_world *world = *state;

	driver_desc(desc(world, 0), DRIVER_HEAP, 4, NEXT, 1);
	driver_desc(desc(world, 1), 0, 0, WRITE, 0);
	driver_offer(&world->ring, 0);
	expect_broken(world, VQ_LENGTH_ZERO);
}

/* A region of 8 GiB that nobody touches; the addresses behind it do not matter. */
static void map_huge(struct driver_world *world)
{
	struct vq_region region = { UINT64_C(1) << 40, (UINT64_C(1) << 40) + (UINT64_C(8) << 30),
				    (uint8_t *)4096, VQ_ACCESS_BOTH, 0 };

	assert_int_equal(vq_memory_add(&world->memory, &region), 0);
}

static void ring_19_s_2_7_5_2_total_over_4_gib(void **state)
{
	struct driver_world *world = *state;

	map_huge(world);
	driver_desc(desc(world, 0), UINT64_C(1) << 40, UINT32_MAX, NEXT, 1);
	driver_desc(desc(world, 1), UINT64_C(1) << 40, 1, WRITE, 0);
	driver_offer(&world->ring, 0);
	expect_broken(world, VQ_TOTAL_LENGTH);
	assert_int_equal(world->vq.error.value, UINT64_C(1) << 32);
}

static void ring_19_s_2_7_5_2_total_at_the_limit(void **state)
{
	struct driver_world *world = *state;

	map_huge(world);
	driver_desc(desc(world, 0), UINT64_C(1) << 40, UINT32_MAX - 1, NEXT, 1);
	driver_desc(desc(world, 1), UINT64_C(1) << 40, 1, WRITE, 0);
	driver_offer(&world->ring, 0);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.readable, UINT32_MAX - 1);
	assert_int_equal(world->chain.writable, 1);
}

/* The same where the last buffer lies in two regions, so that no window holds it. */
static void ring_19_s_2_7_5_2_total_at_the_limit_in_two_regions(void **state)
{
	for (uint32_t over = 0; over < 2; over++) {
		struct driver_world *world = over ? driver_world_started(SIZE, 0) : *state;
		uint64_t end = DRIVER_HEAP + DRIVER_HEAP_SIZE;
		struct vq_region next = { end, end + 15, world->ring.heap, VQ_ACCESS_BOTH, 0 };

		map_huge(world);
		assert_int_equal(vq_memory_add(&world->memory, &next), 0);
		driver_desc(desc(world, 0), UINT64_C(1) << 40, UINT32_MAX - 2 + over, NEXT, 1);
		driver_desc(desc(world, 1), end - 1, 2, WRITE, 0);
		driver_offer(&world->ring, 0);
		if (over) {
			expect_broken(world, VQ_TOTAL_LENGTH);
			driver_world_free(world);
		} else {
			assert_int_equal(pop(world), 1);
			assert_int_equal(world->chain.writable_segments, 2);
		}
	}
}

/* A chain of `length` descriptors in a ring of 2048. */
static int pop_long_chain(uint16_t length)
{
	struct driver_world *world = driver_world_started(2048, 0);
	int result;

	for (uint16_t i = 0; i < length; i++)
		driver_desc(desc(world, i), DRIVER_HEAP + 2 * i, 1,
			    (i >= length / 2 ? WRITE : 0) | (i + 1 < length ? NEXT : 0), i + 1);
	driver_offer(&world->ring, 0);
	result = pop(world);
	if (result == -EPROTO)
		assert_int_equal(world->vq.error.reason, VQ_SEGMENTS);
	else
		assert_int_equal(world->chain.readable_segments + world->chain.writable_segments,
				 length);
	driver_world_free(world);
	return result;
}

static void ring_20_s_2_7_4_1_over_1024_segments(void **state)
{
	(void)state;
	assert_int_equal(pop_long_chain(1024), 1);
	assert_int_equal(pop_long_chain(1025), -EPROTO);
	assert_int_equal(pop_long_chain(2048), -EPROTO);
}

static void ring_20_s_2_7_4_1_array_of_the_caller(void **state)
{
	struct driver_world *world = *state;
	struct iovec *segments = malloc(2 * sizeof(*segments));
	struct vq_chain chain;

	vq_chain_init(&chain, segments, 2);
	for (uint16_t i = 0; i < 3; i++)
		driver_desc(desc(world, i), DRIVER_HEAP + 2 * i, 1, i < 2 ? NEXT : 0, i + 1);
	driver_offer(&world->ring, 1);
	driver_offer(&world->ring, 0);
	assert_int_equal(virtqueue_pop(&world->vq, &chain), 1);
	assert_int_equal(virtqueue_pop(&world->vq, &chain), -EPROTO);
	assert_int_equal(world->vq.error.reason, VQ_SEGMENTS);
	free(segments);
}

static void ring_03_buffer_in_the_ring(void **state)
{
	static const struct {
		uint64_t address;
		uint32_t length;
	} buffer[] = {
		{ DRIVER_DESC, 1 },
		{ DRIVER_DESC + 16 * SIZE - 1, 1 },
		{ DRIVER_AVAIL + 6 + 2 * SIZE - 1, 1 },
		{ DRIVER_USED, 4 },
		{ DRIVER_USED + 6 + 8 * SIZE - 1, 1 },
	};

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		struct driver_world *world = driver_world_started(SIZE, 0);

		driver_desc(desc(world, 0), buffer[i / 2].address, buffer[i / 2].length,
			    i & 1 ? WRITE : 0, 0);
		driver_offer(&world->ring, 0);
		expect_broken(world, VQ_BUFFER_IN_RING);
		driver_world_free(world);
	}
}

/* Rings and buffers in one region: what only touches the ring is fine. */
static void ring_03_buffer_beside_the_ring(void **state)
{
	struct driver_world *world = *state;
	struct vring_desc *table = world->ring.desc;

	world->config.desc = DRIVER_HEAP + 16;
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	world->ring.desc = (struct vring_desc *)(void *)(world->ring.heap + 16);
	driver_desc(desc(world, 0), DRIVER_HEAP, 16, NEXT, 1);
	driver_desc(desc(world, 1), DRIVER_HEAP + 16 + 16 * SIZE, 16, WRITE, 0);
	driver_offer(&world->ring, 0);
	assert_int_equal(pop(world), 1);
	driver_desc(desc(world, 2), DRIVER_HEAP, 17, 0, 0);
	driver_offer(&world->ring, 2);
	assert_int_equal(pop(world), -EPROTO);
	assert_int_equal(world->vq.error.reason, VQ_BUFFER_IN_RING);
	world->ring.desc = table;
}

static void ring_05_buffer_wraps(void **state)
{
	struct driver_world *world = *state;
	struct vq_region top = { UINT64_MAX - 15, UINT64_MAX, world->ring.heap, 3, 0 };
	struct vq_region bottom = { 0, 15, world->ring.heap + 16, 3, 0 };

	vq_memory_add(&world->memory, &top);
	vq_memory_add(&world->memory, &bottom);
	driver_desc(desc(world, 0), UINT64_MAX - 15, 16, 0, 0);
	driver_offer(&world->ring, 0);
	assert_int_equal(pop(world), 1);
	driver_desc(desc(world, 1), UINT64_MAX - 15, 17, 0, 0);
	driver_offer(&world->ring, 1);
	expect_broken(world, VQ_ADDRESS_WRAPS);
}

static void iova_40_buffer_unmapped(void **state)
{
	struct driver_world *world = *state;

	driver_desc(desc(world, 0), DRIVER_HEAP + DRIVER_HEAP_SIZE - 1, 2, 0, 0);
	driver_offer(&world->ring, 0);
	expect_broken(world, VQ_UNMAPPED);
}

static void iova_41_buffer_permission(void **state)
{
	(void)state;
	for (unsigned int access = 1; access < 3; access++) {
		struct driver_world *world = driver_world_started(SIZE, 0);
		struct vq_region region = { 0, 4095, world->ring.heap, access, 0 };

		vq_memory_add(&world->memory, &region);
		driver_desc(desc(world, 0), 0, 8, access == VQ_ACCESS_WRITE ? WRITE : 0, 0);
		driver_desc(desc(world, 1), 0, 8, access == VQ_ACCESS_WRITE ? 0 : WRITE, 0);
		driver_offer(&world->ring, 0);
		driver_offer(&world->ring, 1);
		assert_int_equal(pop(world), 1);
		expect_broken(world, VQ_ACCESS);
		driver_world_free(world);
	}
}

static int short_of_memory(void *context, struct vq_memory *memory, uint64_t iova)
{
	(void)context;
	(void)memory;
	(void)iova;
	return -ENOMEM;
}

/* Our own shortage is not the driver's fault: the chain can be taken later. */
static void iova_46_shortage_leaves_the_virtqueue(void **state)
{
	struct driver_world *world = *state;
	struct vq_region region = { 0, 4095, world->ring.heap, VQ_ACCESS_BOTH, 0 };

	world->memory.fault = short_of_memory;
	driver_desc(desc(world, 0), 0, 8, 0, 0);
	driver_offer(&world->ring, 0);
	assert_int_equal(pop(world), -ENOMEM);
	assert_int_equal(pop(world), -ENOMEM);
	assert_int_equal(world->vq.in_flight, 0);
	assert_int_equal(world->vq.state, VIRTQUEUE_RUNNING);
	vq_memory_add(&world->memory, &region);
	assert_int_equal(pop(world), 1);
}

static void iova_47_buffer_in_two_regions(void **state)
{
	struct driver_world *world = *state;
	struct vq_region one = { 0, 99, world->ring.heap + 1000, 3, 0 };
	struct vq_region two = { 100, 199, world->ring.heap, 3, 0 };

	vq_memory_add(&world->memory, &one);
	vq_memory_add(&world->memory, &two);
	driver_desc(desc(world, 0), 90, 20, NEXT, 1);
	driver_desc(desc(world, 1), 99, 2, WRITE, 0);
	driver_offer(&world->ring, 0);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.readable_segments, 2);
	assert_int_equal(world->chain.writable_segments, 2);
	assert_ptr_equal(world->chain.segments[1].iov_base, world->ring.heap);
	assert_ptr_equal(world->chain.segments[2].iov_base, world->ring.heap + 1099);
	assert_int_equal(world->chain.readable, 20);
}

static void net_55_s_2_7_8_2_written_over_writable(void **state)
{
	struct driver_world *world = *state;
	uint16_t head = driver_add_writable(&world->ring, 100);

	assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, head, 101), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, head, UINT32_MAX), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, head, 100), 0);
	head = driver_add_readable(&world->ring, 100);
	assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, head, 1), -EINVAL);
}

static void push_of_what_is_not_in_flight(void **state)
{
	struct driver_world *world = *state;
	uint16_t head = driver_add_readable(&world->ring, 1);

	assert_int_equal(virtqueue_push(&world->vq, head, 0), -EINVAL);
	assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, head ^ 1, 0), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, SIZE, 0), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, 65535, 0), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, head, 0), 0);
	assert_int_equal(virtqueue_push(&world->vq, head, 0), -EINVAL);
	assert_int_equal(world->vq.staged, 1);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	assert_int_equal(virtqueue_push(&world->vq, head, 0), -EINVAL);
}

/* "A device MUST NOT write to a device-readable buffer": the engine touches none at all. */
static void s_2_7_5_1_buffers_are_left_alone(void **state)
{
	struct driver_world *world = *state;

	memset(world->ring.heap, 0x5a, 4096);
	driver_add_readable(&world->ring, 1000);
	driver_add_writable(&world->ring, 1000);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(pop(world), 1);
		assert_int_equal(virtqueue_push(&world->vq, world->chain.head,
						world->chain.writable), 0);
	}
	assert_int_equal(virtqueue_publish(&world->vq), 2);
	for (unsigned int i = 0; i < 4096; i++)
		assert_int_equal(world->ring.heap[i], 0x5a);
}

static void s_2_7_9_in_order_is_kept(void **state)
{
	struct driver_world *world = driver_world_started(SIZE, IN_ORDER);
	uint16_t first = driver_add_readable(&world->ring, 1);
	uint16_t second = driver_add_readable(&world->ring, 1);

	(void)state;
	assert_int_equal(pop(world), 1);
	assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, second, 0), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, first, 0), 0);
	assert_int_equal(virtqueue_push(&world->vq, second, 0), 0);
	assert_int_equal(virtqueue_publish(&world->vq), 2);
	driver_world_free(world);
}

static void unpop_gives_back(void **state)
{
	struct driver_world *world = *state;
	uint16_t head[3];

	for (unsigned int i = 0; i < 3; i++)
		head[i] = driver_add_readable(&world->ring, 1);
	assert_int_equal(virtqueue_unpop(&world->vq, head[0]), -EINVAL);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_unpop(&world->vq, head[0]), -EINVAL);
	assert_int_equal(virtqueue_unpop(&world->vq, 65535), -EINVAL);
	assert_int_equal(virtqueue_unpop(&world->vq, head[2]), 0);
	assert_int_equal(virtqueue_unpop(&world->vq, head[2]), -EINVAL);
	assert_int_equal(virtqueue_unpop(&world->vq, head[1]), 0);
	assert_int_equal(world->vq.in_flight, 1);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.head, head[1]);
	assert_int_equal(virtqueue_push(&world->vq, head[1], 0), 0);
	assert_int_equal(virtqueue_unpop(&world->vq, head[1]), -EINVAL);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	assert_int_equal(virtqueue_unpop(&world->vq, head[1]), -EINVAL);
}

/* What was given back is read anew: the driver's change in between does not matter. */
static void unpop_trusts_no_ring(void **state)
{
	struct driver_world *world = *state;
	uint16_t head = driver_add_readable(&world->ring, 1);

	assert_int_equal(pop(world), 1);
	world->ring.avail->ring[0] = htole16(5);
	driver_desc(desc(world, 5), DRIVER_HEAP, 77, 0, 0);
	assert_int_equal(virtqueue_unpop(&world->vq, 5), -EINVAL);
	assert_int_equal(virtqueue_unpop(&world->vq, head), 0);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.head, 5);
	assert_int_equal(world->chain.readable, 77);
}

static void ring_22_s_2_7_6_s_2_7_8_indices_wrap(void **state)
{
	struct driver_world *world = *state;
	uint32_t head, length;

	for (uint32_t i = 0; i < 3 * 65536 + 5; i++) {
		driver_heap_reset(&world->ring);
		driver_add_readable(&world->ring, 1 + i % 100);
		assert_int_equal(pop(world), 1);
		assert_int_equal(world->chain.readable, 1 + i % 100);
		assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
		assert_int_equal(virtqueue_publish(&world->vq), 1);
		assert_true(driver_take_used(&world->ring, &head, &length));
	}
	assert_int_equal(world->position.next_used, 5);
	assert_int_equal(world->position.next_avail, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(s_2_7_5_chain_of_both_directions),
		TEST(s_2_7_8_2_used_elements_appear_when_published),
		TEST(ring_03_buffer_in_the_ring),
		TEST(ring_03_buffer_beside_the_ring),
		TEST(ring_05_buffer_wraps),
		TEST(ring_08_s_2_7_6_avail_ahead),
		TEST(ring_08_s_2_7_6_avail_full_is_fine),
		TEST(ring_08_s_2_7_6_avail_ahead_of_what_is_out),
		TEST(ring_08_seen_by_available),
		TEST(ring_09_s_2_7_6_1_avail_backwards),
		TEST(ring_09_s_2_7_6_1_avail_backwards_below_the_start),
		TEST(ring_09_s_2_7_6_1_how_far_is_backwards),
		TEST(ring_09_s_2_7_6_1_avail_backwards_before_it_was_taken),
		TEST(ring_10_s_2_7_6_head_out_of_range),
		TEST(ring_10_head_at_the_largest),
		TEST(ring_11_head_twice_in_flight),
		TEST(ring_11_head_twice_in_one_batch),
		TEST(ring_11_head_again_after_it_was_returned),
		TEST(ring_12_s_2_7_5_next_out_of_range),
		TEST(ring_12_next_at_the_largest),
		TEST(ring_13_s_2_7_5_2_self_loop),
		TEST(ring_13_s_2_7_5_2_long_loop),
		TEST(ring_14_s_2_7_5_2_longest_chain),
		TEST(ring_15_s_2_7_4_2_readable_after_writable),
		cmocka_unit_test(ring_16_unknown_flags),
		TEST(ring_18_length_zero),
		TEST(ring_18_length_zero_at_the_end),
		TEST(ring_19_s_2_7_5_2_total_over_4_gib),
		TEST(ring_19_s_2_7_5_2_total_at_the_limit),
		TEST(ring_19_s_2_7_5_2_total_at_the_limit_in_two_regions),
		cmocka_unit_test(ring_20_s_2_7_4_1_over_1024_segments),
		TEST(ring_20_s_2_7_4_1_array_of_the_caller),
		TEST(ring_22_s_2_7_6_s_2_7_8_indices_wrap),
		TEST(iova_40_buffer_unmapped),
		TEST(iova_41_buffer_permission),
		TEST(iova_46_shortage_leaves_the_virtqueue),
		TEST(iova_47_buffer_in_two_regions),
		TEST(net_55_s_2_7_8_2_written_over_writable),
		TEST(push_of_what_is_not_in_flight),
		TEST(s_2_7_5_1_buffers_are_left_alone),
		cmocka_unit_test(s_2_7_9_in_order_is_kept),
		TEST(unpop_gives_back),
		TEST(unpop_trusts_no_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

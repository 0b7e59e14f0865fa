/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Setting packed virtqueues up, and taking chains back: hardening cases 2 to 7, 17 and 42,
 * sections 2.8.10.1 and 2.8.16. Resuming: test_virtq_packed_resume.c.
 */
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

#include "driver_packed.h"

#define SIZE 6

static int setup(void **state)
{
	*state = packed_world_started(SIZE, 0);
	return 0;
}

static int teardown(void **state)
{
	packed_world_free(*state);
	return 0;
}

static void expect_start(struct packed_world *world, int result, enum virtqueue_reason reason)
{
	assert_int_equal(virtqueue_start(&world->vq, &world->config), result);
	assert_int_equal(world->vq.error.reason, reason);
	assert_int_equal(world->vq.state, result ? VIRTQUEUE_STOPPED : VIRTQUEUE_RUNNING);
}

static void pop_and_push(struct packed_world *world, uint32_t written)
{
	assert_int_equal(packed_pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, world->chain.head, written), 0);
}

/* The region of an area, out of the map. */
static struct vq_region take_out(struct packed_world *world, uint64_t address)
{
	unsigned int hint = 0;
	struct vq_region region = *vq_memory_find(&world->memory, &hint, address);

	vq_memory_remove(&world->memory, address, address);
	return region;
}

static void put_in(struct packed_world *world, struct vq_region region)
{
	assert_int_equal(vq_memory_add(&world->memory, &region), 0);
}

/* -- areas -------------------------------------------------------------------------- */

static void ring_02_s_2_8_10_1_alignment(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int i = 1; i < 16; i++) {
		world->config.desc = PACKED_DESC + i;
		expect_start(world, -EINVAL, VQ_ALIGNMENT);
	}
	world->config.desc = PACKED_DESC;
	for (unsigned int i = 1; i < 4; i++) {
		world->config.driver = PACKED_DRIVER + i;
		expect_start(world, -EINVAL, VQ_ALIGNMENT);
		world->config.driver = PACKED_DRIVER;
		world->config.device = PACKED_DEVICE + i;
		expect_start(world, -EINVAL, VQ_ALIGNMENT);
		world->config.device = PACKED_DEVICE;
	}
	expect_start(world, 0, VQ_FINE);
}

/* The sizes are 16 * size, 4 and 4: a byte less is too little, no byte more is needed. */
static void ring_04_s_2_8_10_1_sizes(void **state)
{
	static const uint64_t address[] = { PACKED_DESC, PACKED_DRIVER, PACKED_DEVICE };
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < 3; i++) {
		struct vq_region whole = take_out(world, address[i]), shorter = whole;

		shorter.last--;
		put_in(world, shorter);
		expect_start(world, -EFAULT, VQ_AREA_UNMAPPED);
		take_out(world, address[i]);
		put_in(world, whole);
		expect_start(world, 0, VQ_FINE);
	}
}

static void ring_04_permission(void **state)
{
	static const struct {
		uint64_t address;
		unsigned int enough[3];	/* by enum vq_access, from 1 on */
	} area[] = {
		{ PACKED_DESC, { 0, 0, 1 } },
		{ PACKED_DRIVER, { 1, 0, 1 } },
		{ PACKED_DEVICE, { 0, 1, 1 } },
	};
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < 3; i++)
		for (unsigned int access = 1; access <= 3; access++) {
			struct vq_region region = take_out(world, area[i].address), less = region;
			bool enough = area[i].enough[access - 1];

			less.access = (uint8_t)access;
			put_in(world, less);
			expect_start(world, enough ? 0 : -EACCES, enough ? VQ_FINE : VQ_AREA_ACCESS);
			take_out(world, area[i].address);
			put_in(world, region);
		}
}

static void ring_03_areas_overlap(void **state)
{
	struct packed_world *world = *state;

	world->config.desc = DRIVER_HEAP;
	world->config.driver = DRIVER_HEAP + 16 * SIZE - 4;
	expect_start(world, -EINVAL, VQ_AREAS_OVERLAP);
	world->config.driver = DRIVER_HEAP + 16 * SIZE;
	world->config.device = DRIVER_HEAP + 16 * SIZE;
	expect_start(world, -EINVAL, VQ_AREAS_OVERLAP);
	world->config.device = DRIVER_HEAP + 16 * SIZE + 4;
	expect_start(world, 0, VQ_FINE);
}

/* A buffer that has a byte of an area, with an access that the area allows. */
static void ring_03_buffer_in_the_ring(void **state)
{
	static const struct {
		uint64_t address;
		uint16_t flags;
	} buffer[] = { { PACKED_DESC, P_WRITE }, { PACKED_DESC + 16 * SIZE - 1, 0 },
		       { PACKED_DRIVER + 3, 0 }, { PACKED_DEVICE, P_WRITE } };

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		struct packed_world *world = packed_world_started(SIZE, 0);

		packed_put(&world->ring, buffer[i].address, 1, 0, buffer[i].flags);
		assert_int_equal(packed_pop(world), -EPROTO);
		assert_int_equal(world->vq.error.reason, VQ_BUFFER_IN_RING);
		packed_world_free(world);
	}
}

static void iova_42_remap_finds_moved_rings(void **state)
{
	struct packed_world *world = *state;
	struct vq_region region;
	uint32_t id, length;

	packed_add_readable(&world->ring, 1);
	packed_add_readable(&world->ring, 1);
	pop_and_push(world, 0);
	assert_int_equal(virtqueue_remap(&world->vq), -EBUSY);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	region = take_out(world, PACKED_DESC);
	assert_int_equal(packed_pop(world), -ESTALE);
	assert_int_equal(virtqueue_publish(&world->vq), 0);
	put_in(world, region);
	assert_int_equal(virtqueue_remap(&world->vq), 0);
	pop_and_push(world, 0);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	assert_true(packed_take_used(&world->ring, &id, &length, NULL));
	assert_true(packed_take_used(&world->ring, &id, &length, NULL));
}

/* -- positions ------------------------------------------------------------------------ */

static void ring_07_position_beyond_the_ring(void **state)
{
	static const struct {
		uint16_t next_avail, next_used;
		uint64_t wrong;		/* 0: fine */
	} row[] = {
		{ 0x8000, 0x8000, 0 },
		{ SIZE - 1, SIZE - 1, 0 },
		{ 0x8000 | SIZE, 0x8000, 0x8000 | SIZE },
		{ 0x8000, SIZE, SIZE },
		{ 0xffff, 0xffff, 0xffff },
		/* up to a whole ring is out, not more */
		{ 0, 0x8000, 0 },
		{ 0x8000, 0, 0 },
		{ 3, 0x8003, 0 },
		{ 2, 0x8003, 0 },
		{ 4, 0x8003, 4 },
		{ 0x8002, 0x8003, 0x8002 },
		{ 5, 0x8000, 5 },
	};
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		world->position = (struct virtqueue_position){ row[i].next_avail, row[i].next_used };
		if (row[i].wrong) {
			expect_start(world, -ERANGE, VQ_POSITION);
			assert_int_equal(world->vq.error.value, row[i].wrong);
		} else {
			expect_start(world, 0, VQ_FINE);
			assert_int_equal(world->published, row[i].next_used);
		}
	}
}

/* What is out when the virtqueue starts is out; the room that is left is the ring's. */
static void ring_07_starts_with_descriptors_out(void **state)
{
	struct packed_world *world = *state;

	world->position = (struct virtqueue_position){ 0x8002, 0x8000 };
	expect_start(world, 0, VQ_FINE);
	world->ring.avail = (struct packed_at){ 2, true };
	for (uint16_t i = 0; i < SIZE - 2; i++)
		packed_put(&world->ring, DRIVER_HEAP, 1, i, 0);
	assert_int_equal(virtqueue_available(&world->vq), SIZE - 2);
	for (uint16_t i = 0; i < SIZE - 2; i++)
		assert_int_equal(packed_pop(world), 1);
	packed_put(&world->ring, DRIVER_HEAP, 1, 5, 0);
	assert_int_equal(packed_pop(world), -EPROTO);
	assert_int_equal(world->vq.error.reason, VQ_AVAIL_TOO_FAR);
}

static void position_follows_what_is_published(void **state)
{
	struct packed_world *world = *state;
	const struct driver_buffer two[2] = { { DRIVER_HEAP, 1, true }, { DRIVER_HEAP, 1, true } };
	struct virtqueue_position outcome;

	packed_add(&world->ring, two, 2);
	packed_add_readable(&world->ring, 1);
	packed_add(&world->ring, two, 2);
	pop_and_push(world, 0);
	pop_and_push(world, 0);
	assert_int_equal(packed_pop(world), 1);
	outcome = virtqueue_outcome(&world->vq);
	assert_int_equal(outcome.next_avail, 0x8003);
	assert_int_equal(outcome.next_used, 0x8003);
	assert_int_equal(world->position.next_used, 0x8000);
	assert_int_equal(virtqueue_publish(&world->vq), 2);
	assert_memory_equal(&outcome, &world->position, sizeof(outcome));
	assert_int_equal(world->published, 0x8003);
	assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	assert_int_equal(world->position.next_avail, 0x8005);
}

/* -- unpop ------------------------------------------------------------------------------ */

static void unpop_gives_back(void **state)
{
	struct packed_world *world = *state;
	const struct driver_buffer four[4] = { { DRIVER_HEAP, 1, false }, { DRIVER_HEAP, 1, false },
					       { DRIVER_HEAP, 1, true }, { DRIVER_HEAP, 1, true } };

	for (unsigned int lap = 0; lap < 4 * SIZE; lap++) {
		uint16_t a = packed_add_readable(&world->ring, 1);
		uint16_t b = (uint16_t)packed_add(&world->ring, four, 4);
		uint32_t id, length;

		assert_int_equal(packed_pop(world), 1);
		assert_int_equal(packed_pop(world), 1);
		assert_int_equal(virtqueue_unpop(&world->vq, a), -EINVAL);
		assert_int_equal(virtqueue_unpop(&world->vq, b), 0);
		assert_int_equal(virtqueue_unpop(&world->vq, b), -EINVAL);
		assert_int_equal(world->vq.in_flight, 1);
		assert_int_equal(virtqueue_unpop(&world->vq, a), 0);
		assert_int_equal(virtqueue_available(&world->vq), 2);
		assert_int_equal(world->vq.packed.outstanding, 0);
		pop_and_push(world, 0);
		assert_int_equal(world->chain.head, a);
		assert_int_equal(virtqueue_unpop(&world->vq, a), -EINVAL);
		pop_and_push(world, 2);
		assert_int_equal(world->chain.head, b);
		assert_int_equal(virtqueue_publish(&world->vq), 2);
		assert_true(packed_take_used(&world->ring, &id, &length, NULL));
		assert_true(packed_take_used(&world->ring, &id, &length, NULL));
	}
}

/* Returned out of order, the chain taken last cannot be given back any more, nor another. */
static void unpop_only_what_was_taken_last(void **state)
{
	struct packed_world *world = *state;
	uint16_t a = packed_add_readable(&world->ring, 1), b = packed_add_readable(&world->ring, 1);

	assert_int_equal(packed_pop(world), 1);
	assert_int_equal(packed_pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, b, 0), 0);
	assert_int_equal(virtqueue_unpop(&world->vq, b), -EINVAL);
	assert_int_equal(virtqueue_unpop(&world->vq, a), -EINVAL);
	virtqueue_publish(&world->vq);
	assert_int_equal(virtqueue_unpop(&world->vq, a), -EINVAL);
	virtqueue_stop(&world->vq);
	assert_int_equal(virtqueue_unpop(&world->vq, a), -ESHUTDOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ring_02_s_2_8_10_1_alignment),
		TEST(ring_04_s_2_8_10_1_sizes),
		TEST(ring_04_permission),
		TEST(ring_03_areas_overlap),
		cmocka_unit_test(ring_03_buffer_in_the_ring),
		TEST(iova_42_remap_finds_moved_rings),
		TEST(ring_07_position_beyond_the_ring),
		TEST(ring_07_starts_with_descriptors_out),
		TEST(position_follows_what_is_published),
		TEST(unpop_gives_back),
		TEST(unpop_only_what_was_taken_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

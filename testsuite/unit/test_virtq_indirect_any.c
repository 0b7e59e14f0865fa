/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Indirect descriptors, the rules that are the same for both formats: hardening cases 31 to 41,
 * 2.7.5.3 and 2.8.7, 2.8.19. Each test runs for either; what differs between them is in
 * test_virtq_indirect.c and test_virtq_packed_indirect.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver_any.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SIZE 8
#define FEATURE (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define BYTES (DRIVER_HEAP + 0x100000)

/* The features that make a ring of a format, which are the state of a test. */
static uint64_t split_ring, packed_ring = RING_PACKED;

static struct any_world started(void **state, uint64_t features)
{
	return any_started(SIZE, features | *(const uint64_t *)*state);
}

/* Address of a table of `entries` on the heap, each one readable byte, in a row. */
static uint64_t make_table(struct any_world *world, unsigned int entries)
{
	uint64_t address;

	if (world->packed) {
		struct packed_ring *ring = &world->packed->ring;

		address = packed_alloc(ring, 16 * entries, 16);
		for (unsigned int i = 0; i < entries; i++)
			packed_desc((void *)packed_heap(ring, address + 16 * i), BYTES + 2 * i, 1, 0, 0);
		return address;
	}
	address = driver_alloc(&world->split->ring, 16 * entries, 16);
	for (unsigned int i = 0; i < entries; i++)
		driver_desc((void *)any_at(world, address + 16 * i), BYTES + 2 * i, 1,
			    i + 1 < entries ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1));
	return address;
}

/* Offers a descriptor that refers to a table; `flags` beside INDIRECT, the same of both formats. */
static void offer_table(struct any_world *world, uint64_t address, uint32_t length, uint16_t flags)
{
	flags |= VRING_DESC_F_INDIRECT;
	if (world->packed) {
		packed_put(&world->packed->ring, address, length, 3, flags);
		return;
	}
	driver_desc(&world->split->ring.desc[3], address, length, flags, 1);
	driver_offer(&world->split->ring, 3);
}

static void expect_readable(struct any_world *world, uint32_t readable)
{
	assert_int_equal(virtqueue_pop(world->vq, world->chain), 1);
	assert_int_equal(world->chain->readable, readable);
	assert_int_equal(world->chain->writable, 0);
	assert_int_equal(world->chain->head, 3);
	assert_int_equal(world->chain->descriptors, 1);
}

static void expect_broken(struct any_world *world, enum virtqueue_reason reason)
{
	assert_int_equal(virtqueue_pop(world->vq, world->chain), -EPROTO);
	assert_int_equal(world->vq->error.reason, reason);
}

/* A world in which a table is offered that cannot be taken. */
static void expect_refused(void **state, uint64_t features, uint64_t address, uint32_t length,
			   uint16_t flags, enum virtqueue_reason reason)
{
	struct any_world world = started(state, features);

	if (!address)
		address = make_table(&world, 3);
	offer_table(&world, address, length, flags);
	expect_broken(&world, reason);
	assert_int_equal(world.vq->error.index, world.packed ? 0 : 3);
	if (reason == VQ_INDIRECT_LENGTH)
		assert_int_equal(world.vq->error.value, length);
	any_free(&world);
}

/* WRITE beside INDIRECT means nothing: 2.7.5.3.2, 2.8.7 */
static void s_2_7_5_3_2_s_2_8_7_write_beside_indirect_is_ignored(void **state)
{
	struct any_world world = started(state, FEATURE);

	offer_table(&world, make_table(&world, 2), 32, VRING_DESC_F_WRITE);
	expect_readable(&world, 2);
	any_free(&world);
}

static void ring_14_table_longer_than_the_queue(void **state)
{
	struct any_world world = started(state, FEATURE);

	offer_table(&world, make_table(&world, SIZE), 16 * SIZE, 0);
	expect_readable(&world, SIZE);
	any_free(&world);
	world = started(state, FEATURE);
	offer_table(&world, make_table(&world, SIZE + 1), 16 * (SIZE + 1), 0);
	expect_broken(&world, VQ_CHAIN_LENGTH);
	any_free(&world);
}

static void ring_31_not_negotiated(void **state)
{
	expect_refused(state, 0, 0, 48, 0, VQ_INDIRECT_FEATURE);
}

static void ring_32_with_next(void **state)
{
	expect_refused(state, FEATURE, 0, 48, VRING_DESC_F_NEXT, VQ_INDIRECT_NEXT);
}

static void ring_34_length_of_the_table(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 8, 15, 17, 31, 33, UINT32_MAX };

	for (size_t i = 0; i < COUNT(lengths); i++)
		expect_refused(state, FEATURE, 0, lengths[i], 0, VQ_INDIRECT_LENGTH);
}

static void ring_37_table_in_the_ring(void **state)
{
	static const uint64_t address[] = {
		DRIVER_DESC, DRIVER_DESC + 16 * (SIZE - 1), DRIVER_AVAIL, DRIVER_USED,
		DRIVER_DESC - 16, DRIVER_AVAIL - 31,
	};

	for (size_t i = 0; i < COUNT(address); i++)
		expect_refused(state, FEATURE, address[i], 32, 0, VQ_BUFFER_IN_RING);
}

/* A table at the end of the address space; one that goes on behind it. */
static void ring_35_table_that_wraps(void **state)
{
	for (uint32_t length = 64; length <= 80; length += 16) {
		struct any_world world = started(state, FEATURE);
		struct vq_region top = { UINT64_MAX - 63, UINT64_MAX, NULL, VQ_ACCESS_READ, 0 };

		top.base = any_at(&world, make_table(&world, 4));
		assert_int_equal(vq_memory_add(world.vq->memory, &top), 0);
		offer_table(&world, top.first, length, 0);
		if (length == 64)
			expect_readable(&world, 4);
		else
			expect_broken(&world, VQ_ADDRESS_WRAPS);
		any_free(&world);
	}
}

/* A table at IOVA 0, cut into two regions after `cut` bytes, far apart in our memory. */
static void map_cut_table(struct any_world *world, uint64_t cut)
{
	uint8_t *bytes = any_at(world, make_table(world, 3)), *second = bytes + 0x8000;
	struct vq_region one = { 0, cut - 1, bytes, VQ_ACCESS_READ, 0 };
	struct vq_region two = { cut, 47, second, VQ_ACCESS_READ, 0 };

	memcpy(second, bytes + cut, 48 - cut);
	memset(bytes + cut, 0xee, 48 - cut);
	assert_int_equal(vq_memory_add(world->vq->memory, &one), 0);
	assert_int_equal(vq_memory_add(world->vq->memory, &two), 0);
}

static void ring_36_table_across_mappings(void **state)
{
	for (uint64_t cut = 1; cut < 48; cut++) {
		struct any_world world = started(state, FEATURE);

		map_cut_table(&world, cut);
		offer_table(&world, 0, 48, 0);
		expect_readable(&world, 3);
		any_free(&world);
	}
}

/* First it is whole, and the chain is not used; then the second region goes. */
static void ring_36_table_into_the_unmapped(void **state)
{
	for (uint64_t cut = 1; cut < 48; cut++) {
		struct any_world world = started(state, FEATURE);

		map_cut_table(&world, cut);
		offer_table(&world, 0, 48, 0);
		expect_readable(&world, 3);
		assert_int_equal(vq_memory_remove(world.vq->memory, 47, 47), 1);
		assert_int_equal(virtqueue_push(world.vq, 3, 0), -ESTALE);
		assert_int_equal(virtqueue_unpop(world.vq, 3), 0);
		assert_int_equal(virtqueue_remap(world.vq), 0);
		expect_broken(&world, VQ_UNMAPPED);
		assert_int_equal(world.vq->error.index, cut / 16);
		any_free(&world);
	}
}

static void iova_41_table_not_readable(void **state)
{
	struct any_world world = started(state, FEATURE);
	struct vq_region region = { 0, 47, NULL, VQ_ACCESS_WRITE, 0 };

	region.base = any_at(&world, make_table(&world, 3));
	assert_int_equal(vq_memory_add(world.vq->memory, &region), 0);
	offer_table(&world, 0, 48, 0);
	expect_broken(&world, VQ_ACCESS);
	any_free(&world);
}

static void table_of_any_alignment(void **state)
{
	for (unsigned int by = 1; by < 16; by++) {
		struct any_world world = started(state, FEATURE);
		uint64_t address = make_table(&world, 3);

		memmove(any_at(&world, address + by), any_at(&world, address), 48);
		offer_table(&world, address + by, 48, 0);
		expect_readable(&world, 3);
		any_free(&world);
	}
}

#define BOTH(name) { #name "_split", name, NULL, NULL, &split_ring }, \
		   { #name "_packed", name, NULL, NULL, &packed_ring }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(s_2_7_5_3_2_s_2_8_7_write_beside_indirect_is_ignored),
		BOTH(ring_14_table_longer_than_the_queue),
		BOTH(ring_31_not_negotiated),
		BOTH(ring_32_with_next),
		BOTH(ring_34_length_of_the_table),
		BOTH(ring_35_table_that_wraps),
		BOTH(ring_36_table_across_mappings),
		BOTH(ring_36_table_into_the_unmapped),
		BOTH(ring_37_table_in_the_ring),
		BOTH(iova_41_table_not_readable),
		BOTH(table_of_any_alignment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

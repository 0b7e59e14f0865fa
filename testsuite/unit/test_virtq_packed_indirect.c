/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Indirect descriptors of packed rings: hardening cases 18 to 35, sections 2.8.5 to 2.8.7, 2.8.19.
 * What is the same for both formats is in test_virtq_indirect_any.c.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver_packed.h"

#define SIZE 8
#define FEATURE (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define BYTES (DRIVER_HEAP + 0x100000)

static int setup(void **state)
{
	*state = packed_world_started(SIZE, FEATURE);
	return 0;
}

static int teardown(void **state)
{
	packed_world_free(*state);
	return 0;
}

/* A table of `entries` on the heap, each one byte and readable. */
static struct vring_packed_desc *make_table(struct packed_world *world, unsigned int entries,
					    uint64_t *address)
{
	struct vring_packed_desc *table;

	*address = packed_alloc(&world->ring, 16 * entries, 16);
	table = (struct vring_packed_desc *)(void *)packed_heap(&world->ring, *address);
	for (unsigned int i = 0; i < entries; i++)
		packed_desc(&table[i], BYTES + 2 * i, 1, 0, 0);
	return table;
}

static void put_table(struct packed_world *world, uint64_t address, uint32_t length, uint16_t flags)
{
	packed_put(&world->ring, address, length, 3, P_INDIRECT | flags);
}

static void expect_chain(struct packed_world *world, uint32_t readable, uint32_t writable)
{
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(world->chain.readable, readable);
	assert_int_equal(world->chain.writable, writable);
	assert_int_equal(world->chain.head, 3);
	assert_int_equal(world->chain.descriptors, 1);
}

static void expect_broken(struct packed_world *world, enum virtqueue_reason reason)
{
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), -EPROTO);
	assert_int_equal(world->vq.error.reason, reason);
}

static void s_2_8_7_table_of_both_directions(void **state)
{
	struct packed_world *world = *state;
	uint64_t address;
	struct vring_packed_desc *table = make_table(world, 4, &address);

	packed_desc(&table[2], BYTES + 100, 10, 0, P_WRITE);
	packed_desc(&table[3], BYTES + 200, 20, 0, P_WRITE);
	put_table(world, address, 64, 0);
	expect_chain(world, 2, 30);
	assert_int_equal(world->chain.readable_segments, 2);
	assert_ptr_equal(vq_chain_writable(&world->chain)[1].iov_base,
			 packed_heap(&world->ring, BYTES + 200));
}

/* "The first descriptor is located at the start", and all of the table counts. */
static void s_2_8_7_as_many_as_the_length_says(void **state)
{
	struct packed_world *world = *state;
	uint64_t address;

	for (unsigned int entries = 1; entries <= SIZE; entries++) {
		make_table(world, entries, &address);
		put_table(world, address, 16 * entries, 0);
		expect_chain(world, entries, 0);
		assert_int_equal(virtqueue_push(&world->vq, 3, 0), 0);
		assert_int_equal(virtqueue_publish(&world->vq), 1);
		assert_int_equal(world->position.next_used & 0x7fff, entries % SIZE);
	}
}

/* All flags of an entry but WRITE are ignored, and so are the ids; 33: no nesting either. */
static void ring_33_s_2_8_7_flags_of_a_table_are_ignored(void **state)
{
	struct packed_world *world = *state;
	uint64_t address;
	struct vring_packed_desc *table = make_table(world, 3, &address);

	packed_desc(&table[0], BYTES, 1, 0xffff, (uint16_t)~P_WRITE);
	packed_desc(&table[1], BYTES + 9, 7, 0x1234, P_INDIRECT | P_NEXT);
	packed_desc(&table[2], BYTES + 20, 5, 3, 0xffff);
	put_table(world, address, 48, 0);
	expect_chain(world, 8, 5);
}

static void s_2_8_17_order_holds_in_a_table(void **state)
{
	struct packed_world *world = *state;
	uint64_t address;
	struct vring_packed_desc *table = make_table(world, 2, &address);

	table[0].flags = htole16(P_WRITE);
	put_table(world, address, 32, 0);
	expect_broken(world, VQ_READABLE_AFTER_WRITABLE);
	assert_int_equal(world->vq.error.index, 1);
}

/* 2.8.5: both kinds in one ring are fine ... */
static void s_2_8_5_direct_and_indirect_in_one_ring(void **state)
{
	struct packed_world *world = *state;
	uint64_t address;

	make_table(world, 2, &address);
	packed_put(&world->ring, BYTES, 5, 0, P_NEXT);
	packed_put(&world->ring, BYTES, 5, 1, 0);
	put_table(world, address, 32, 0);
	packed_put(&world->ring, BYTES, 7, 2, 0);
	assert_int_equal(virtqueue_available(&world->vq), 3);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	expect_chain(world, 2, 0);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(world->chain.readable, 7);
}

/* ... in one list they are not: 2.8.5, 2.8.19 */
static void ring_32_s_2_8_19_indirect_at_the_end_of_a_list(void **state)
{
	struct packed_world *world = *state;
	uint64_t address;

	make_table(world, 2, &address);
	packed_put(&world->ring, BYTES, 5, 0, P_NEXT);
	put_table(world, address, 32, 0);
	expect_broken(world, VQ_INDIRECT_NEXT);
	assert_int_equal(world->vq.error.index, 1);
}

static void ring_35_length_up_to_4_gib(void **state)
{
	struct packed_world *world = *state;
	uint64_t address;

	make_table(world, 2, &address);
	put_table(world, address, 0xfffffff0u, 0);
	expect_broken(world, VQ_CHAIN_LENGTH);
}

static void ring_18_length_zero_in_a_table(void **state)
{
	struct packed_world *world = *state;
	uint64_t address;
	struct vring_packed_desc *table = make_table(world, 2, &address);

	table[1].len = 0;
	put_table(world, address, 32, 0);
	expect_broken(world, VQ_LENGTH_ZERO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(s_2_8_7_table_of_both_directions),
		TEST(s_2_8_7_as_many_as_the_length_says),
		TEST(ring_33_s_2_8_7_flags_of_a_table_are_ignored),
		TEST(s_2_8_17_order_holds_in_a_table),
		TEST(s_2_8_5_direct_and_indirect_in_one_ring),
		TEST(ring_32_s_2_8_19_indirect_at_the_end_of_a_list),
		TEST(ring_35_length_up_to_4_gib),
		TEST(ring_18_length_zero_in_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Indirect descriptors of split rings: hardening cases 13 to 38, 2.7.5.3. What is the same for
 * both formats is in test_virtq_indirect_any.c.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver_ring.h"

#define SIZE 8
#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define FEATURE (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)

static int setup(void **state)
{
	*state = driver_world_started(SIZE, FEATURE);
	return 0;
}

static int teardown(void **state)
{
	driver_world_free(*state);
	return 0;
}

/* A table of `entries` on the heap, each one byte, linked one to the next. */
static struct vring_desc *make_table(struct driver_world *world, unsigned int entries,
				     uint64_t *address)
{
	struct vring_desc *table;

	*address = driver_alloc(&world->ring, 16 * entries, 16);
	table = (struct vring_desc *)(void *)driver_at(&world->ring, *address);
	for (unsigned int i = 0; i < entries; i++)
		driver_desc(&table[i], DRIVER_HEAP + 0x100000 + 2 * i, 1,
			    i + 1 < entries ? NEXT : 0, (uint16_t)(i + 1));
	return table;
}

/* Offers a descriptor 0 that refers to a table. */
static void offer_table(struct driver_world *world, uint64_t address, uint32_t length,
			uint16_t flags)
{
	driver_desc(&world->ring.desc[0], address, length, flags, 1);
	driver_offer(&world->ring, 0);
}

static int pop(struct driver_world *world)
{
	return virtqueue_pop(&world->vq, &world->chain);
}

static void expect_broken(struct driver_world *world, enum virtqueue_reason reason)
{
	assert_int_equal(pop(world), -EPROTO);
	assert_int_equal(world->vq.error.reason, reason);
}

static void s_2_7_5_3_table_of_both_directions(void **state)
{
	struct driver_world *world = *state;
	uint64_t address;
	struct vring_desc *table = make_table(world, 4, &address);

	/* entries in an order of their own: 0, 3, 1 */
	driver_desc(&table[0], DRIVER_HEAP + 1000, 10, NEXT, 3);
	driver_desc(&table[3], DRIVER_HEAP + 2000, 20, NEXT | WRITE, 1);
	driver_desc(&table[1], DRIVER_HEAP + 3000, 30, WRITE, 0);
	offer_table(world, address, 64, INDIRECT);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.readable, 10);
	assert_int_equal(world->chain.writable, 50);
	assert_ptr_equal(world->chain.segments[2].iov_base, world->ring.heap + 3000);
}

/* "zero or more normal chained descriptors followed by a single" table: 2.7.5.3.2 */
static void s_2_7_5_3_2_table_at_the_end_of_a_chain(void **state)
{
	struct driver_world *world = *state;
	struct vring_desc *desc = world->ring.desc;
	uint64_t address;

	make_table(world, SIZE - 2, &address);
	driver_desc(&desc[0], DRIVER_HEAP + 5000, 100, NEXT, 4);
	driver_desc(&desc[4], DRIVER_HEAP + 6000, 100, NEXT, 2);
	driver_desc(&desc[2], address, 16 * (SIZE - 2), INDIRECT, 0);
	driver_offer(&world->ring, 0);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.readable, 200 + SIZE - 2);
	assert_int_equal(world->chain.readable_segments, SIZE);
}

static void ring_14_table_and_chain_longer_than_the_queue(void **state)
{
	struct driver_world *world = *state;
	uint64_t address;

	make_table(world, SIZE, &address);
	driver_desc(&world->ring.desc[0], DRIVER_HEAP + 5000, 100, NEXT, 1);
	driver_desc(&world->ring.desc[1], address, 16 * SIZE, INDIRECT, 0);
	driver_offer(&world->ring, 0);
	expect_broken(world, VQ_CHAIN_LENGTH);
}

static void ring_13_loop_in_a_table(void **state)
{
	struct driver_world *world = *state;
	uint64_t address;
	struct vring_desc *table = make_table(world, 2, &address);

	table[1].flags = htole16(NEXT);
	table[1].next = htole16(0);
	offer_table(world, address, 32, INDIRECT);
	expect_broken(world, VQ_CHAIN_LENGTH);
}

static void ring_16_unknown_flags_in_a_table(void **state)
{
	(void)state;
	for (unsigned int bit = 3; bit < 16; bit++) {
		struct driver_world *world = driver_world_started(SIZE, FEATURE);
		uint64_t address;
		struct vring_desc *table = make_table(world, 2, &address);

		table[1].flags = htole16((uint16_t)(1u << bit));
		offer_table(world, address, 32, INDIRECT);
		expect_broken(world, VQ_FLAGS);
		assert_int_equal(world->vq.error.index, 1);
		driver_world_free(world);
	}
}

static void ring_33_s_2_7_5_3_1_nested(void **state)
{
	struct driver_world *world = *state;
	uint64_t address, inner;
	struct vring_desc *table;

	make_table(world, 1, &inner);
	table = make_table(world, 2, &address);
	driver_desc(&table[1], inner, 16, INDIRECT, 0);
	offer_table(world, address, 32, INDIRECT);
	expect_broken(world, VQ_INDIRECT_NESTED);
}

/* Only entries that are used must be there; the rest of 4 GiB need not. */
static void ring_35_length_up_to_4_gib(void **state)
{
	struct driver_world *world = *state;
	uint64_t address;
	struct vring_desc *table = make_table(world, 2, &address);

	offer_table(world, address, 0xfffffff0u, INDIRECT);
	assert_int_equal(pop(world), 1);
	table[1].flags = htole16(NEXT);
	table[1].next = htole16(65535);
	memset(driver_at(&world->ring, address + 65535 * 16), 0, 16);
	driver_desc(&world->ring.desc[1], address, 0xfffffff0u, INDIRECT, 0);
	driver_offer(&world->ring, 1);
	expect_broken(world, VQ_LENGTH_ZERO);
	assert_int_equal(world->vq.error.index, 65535);
}

static void ring_38_next_past_the_table(void **state)
{
	static const uint16_t next[] = { 2, 3, 7, 8, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
		struct driver_world *world = driver_world_started(SIZE, FEATURE);
		uint64_t address;
		struct vring_desc *table = make_table(world, 16, &address);

		table[1].next = htole16(next[i]);
		offer_table(world, address, 32, INDIRECT);
		expect_broken(world, VQ_NEXT_RANGE);
		driver_world_free(world);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(s_2_7_5_3_table_of_both_directions),
		TEST(s_2_7_5_3_2_table_at_the_end_of_a_chain),
		TEST(ring_13_loop_in_a_table),
		TEST(ring_14_table_and_chain_longer_than_the_queue),
		cmocka_unit_test(ring_16_unknown_flags_in_a_table),
		TEST(ring_33_s_2_7_5_3_1_nested),
		TEST(ring_35_length_up_to_4_gib),
		cmocka_unit_test(ring_38_next_past_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

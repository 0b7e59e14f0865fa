/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Indirect descriptors: hardening cases 31 to 39, and the rules of 2.7.5.3. */
#include <endian.h>
#include <errno.h>
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

/* "The device MUST ignore the write-only flag": 2.7.5.3.2 */
static void s_2_7_5_3_2_write_flag_of_the_table_is_ignored(void **state)
{
	struct driver_world *world = *state;
	uint64_t address;

	make_table(world, 2, &address);
	offer_table(world, address, 32, INDIRECT | WRITE);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.readable, 2);
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

static void ring_14_s_2_7_5_3_1_table_longer_than_the_queue(void **state)
{
	struct driver_world *world = *state;
	uint64_t address;

	make_table(world, SIZE, &address);
	offer_table(world, address, 16 * SIZE, INDIRECT);
	assert_int_equal(pop(world), 1);
	make_table(world, SIZE + 1, &address);
	driver_desc(&world->ring.desc[1], address, 16 * (SIZE + 1), INDIRECT, 0);
	driver_offer(&world->ring, 1);
	expect_broken(world, VQ_CHAIN_LENGTH);
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

static void ring_31_s_2_7_5_3_1_not_negotiated(void **state)
{
	struct driver_world *world = driver_world_started(SIZE, 0);
	uint64_t address;

	(void)state;
	make_table(world, 2, &address);
	offer_table(world, address, 32, INDIRECT);
	expect_broken(world, VQ_INDIRECT_FEATURE);
	driver_world_free(world);
}

static void ring_32_s_2_7_5_3_1_with_next(void **state)
{
	struct driver_world *world = *state;
	uint64_t address;

	make_table(world, 2, &address);
	offer_table(world, address, 32, INDIRECT | NEXT);
	expect_broken(world, VQ_INDIRECT_NEXT);
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

static void ring_34_s_2_7_5_3_length_of_the_table(void **state)
{
	static const uint32_t lengths[] = { 0, 1, 8, 15, 17, 31, 33, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct driver_world *world = driver_world_started(SIZE, FEATURE);
		uint64_t address;

		make_table(world, 2, &address);
		offer_table(world, address, lengths[i], INDIRECT);
		expect_broken(world, VQ_INDIRECT_LENGTH);
		driver_world_free(world);
	}
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

static void ring_35_table_that_wraps(void **state)
{
	struct driver_world *world = *state;
	struct vq_region top = { UINT64_MAX - 63, UINT64_MAX, world->ring.heap, 3, 0 };

	vq_memory_add(&world->memory, &top);
	driver_desc((struct vring_desc *)(void *)world->ring.heap, DRIVER_HEAP, 1, 0, 0);
	offer_table(world, UINT64_MAX - 63, 64, INDIRECT);
	assert_int_equal(pop(world), 1);
	driver_desc(&world->ring.desc[1], UINT64_MAX - 63, 80, INDIRECT, 0);
	driver_offer(&world->ring, 1);
	expect_broken(world, VQ_ADDRESS_WRAPS);
}

/* A table at IOVA 0, cut into two regions after `cut` bytes, far apart in our memory. */
static void map_cut_table(struct driver_world *world, uint64_t cut)
{
	uint64_t address;
	struct vring_desc *table = make_table(world, 3, &address);
	uint8_t *bytes = (uint8_t *)table, *second = world->ring.heap + 0x8000;
	struct vq_region one = { 0, cut - 1, bytes, VQ_ACCESS_READ, 0 };
	struct vq_region two = { cut, 47, second, VQ_ACCESS_READ, 0 };

	memcpy(second, bytes + cut, 48 - cut);
	memset(bytes + cut, 0xee, 48 - cut);
	assert_int_equal(vq_memory_add(&world->memory, &one), 0);
	assert_int_equal(vq_memory_add(&world->memory, &two), 0);
}

static void ring_36_table_across_mappings(void **state)
{
	(void)state;
	for (uint64_t cut = 1; cut < 48; cut++) {
		struct driver_world *world = driver_world_started(SIZE, FEATURE);

		map_cut_table(world, cut);
		offer_table(world, 0, 48, INDIRECT);
		assert_int_equal(pop(world), 1);
		assert_int_equal(world->chain.readable, 3);
		driver_world_free(world);
	}
}

static void ring_36_table_into_the_unmapped(void **state)
{
	(void)state;
	for (uint64_t cut = 1; cut < 48; cut++) {
		struct driver_world *world = driver_world_started(SIZE, FEATURE);

		map_cut_table(world, cut);
		vq_memory_remove(&world->memory, 47, 47);
		assert_int_equal(virtqueue_remap(&world->vq), 0);
		offer_table(world, 0, 48, INDIRECT);
		expect_broken(world, VQ_UNMAPPED);
		assert_int_equal(world->vq.error.index, cut / 16);
		driver_world_free(world);
	}
}

static void ring_41_table_not_readable(void **state)
{
	struct driver_world *world = *state;
	struct vq_region region = { 0, 4095, world->ring.heap, VQ_ACCESS_WRITE, 0 };

	vq_memory_add(&world->memory, &region);
	offer_table(world, 0, 16, INDIRECT);
	expect_broken(world, VQ_ACCESS);
}

static void ring_37_table_in_the_ring(void **state)
{
	static const uint64_t address[] = {
		DRIVER_DESC, DRIVER_DESC + 16 * (SIZE - 1), DRIVER_AVAIL, DRIVER_USED,
		DRIVER_DESC - 16, DRIVER_AVAIL - 31,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(address) / sizeof(address[0]); i++) {
		struct driver_world *world = driver_world_started(SIZE, FEATURE);

		offer_table(world, address[i], 32, INDIRECT);
		expect_broken(world, VQ_BUFFER_IN_RING);
		driver_world_free(world);
	}
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

static void table_of_any_alignment(void **state)
{
	struct driver_world *world = *state;
	uint64_t address;
	struct vring_desc *table = make_table(world, 3, &address);
	uint8_t copy[48];

	memcpy(copy, table, 48);
	memcpy((uint8_t *)table + 3, copy, 45);
	memcpy(driver_at(&world->ring, address + 48), copy + 45, 3);
	offer_table(world, address + 3, 48, INDIRECT);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.readable, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(s_2_7_5_3_table_of_both_directions),
		TEST(s_2_7_5_3_2_write_flag_of_the_table_is_ignored),
		TEST(s_2_7_5_3_2_table_at_the_end_of_a_chain),
		TEST(ring_13_loop_in_a_table),
		TEST(ring_14_s_2_7_5_3_1_table_longer_than_the_queue),
		TEST(ring_14_table_and_chain_longer_than_the_queue),
		cmocka_unit_test(ring_16_unknown_flags_in_a_table),
		cmocka_unit_test(ring_31_s_2_7_5_3_1_not_negotiated),
		TEST(ring_32_s_2_7_5_3_1_with_next),
		TEST(ring_33_s_2_7_5_3_1_nested),
		cmocka_unit_test(ring_34_s_2_7_5_3_length_of_the_table),
		TEST(ring_35_length_up_to_4_gib),
		TEST(ring_35_table_that_wraps),
		cmocka_unit_test(ring_36_table_across_mappings),
		cmocka_unit_test(ring_36_table_into_the_unmapped),
		TEST(ring_41_table_not_readable),
		cmocka_unit_test(ring_37_table_in_the_ring),
		cmocka_unit_test(ring_38_next_past_the_table),
		TEST(table_of_any_alignment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

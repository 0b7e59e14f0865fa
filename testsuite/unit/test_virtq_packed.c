/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packed virtqueue, rule for rule: tests are named by the section of virtio 1.2 that
 * has the rule, and by the number of the hardening case where there is one.
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

#define SIZE 5
#define INDIRECT (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define IN_ORDER (UINT64_C(1) << VIRTIO_F_IN_ORDER)

static int setup(void **state)
{
	*state = packed_world_started(SIZE, 0);
	return 0;
}

static int setup_in_order(void **state)
{
	*state = packed_world_started(SIZE, IN_ORDER);
	return 0;
}

static int teardown(void **state)
{
	packed_world_free(*state);
	return 0;
}

static void take(struct packed_world *world, uint16_t id)
{
	assert_int_equal(packed_pop(world), 1);
	assert_int_equal(world->chain.head, id);
}

static void expect_broken(struct packed_world *world, enum virtqueue_reason reason, uint64_t value)
{
	assert_int_equal(packed_pop(world), -EPROTO);
	assert_int_equal(world->vq.state, VIRTQUEUE_BROKEN);
	assert_int_equal(world->vq.error.reason, reason);
	assert_int_equal(world->vq.error.value, value);
	assert_int_equal(packed_pop(world), -EPROTO);
	assert_int_equal(virtqueue_available(&world->vq), -EPROTO);
}

/* Puts an element into the ring where the driver is, with this buffer id. */
static void put(struct packed_world *world, uint16_t id, uint16_t flags)
{
	packed_put(&world->ring, DRIVER_HEAP + 64u * id % 4096, 16, id, flags);
}

static void expect_used(struct packed_world *world, uint16_t id, uint32_t length)
{
	uint32_t seen_id, seen_length;

	assert_true(packed_take_used(&world->ring, &seen_id, &seen_length, NULL));
	assert_int_equal(seen_id, id);
	assert_int_equal(seen_length, length);
}

static void expect_nothing_used(struct packed_world *world)
{
	uint32_t id, length;

	assert_false(packed_take_used(&world->ring, &id, &length, NULL));
}

/* Passes one chain of `count` readable descriptors through the virtqueue. */
static void pass(struct packed_world *world, unsigned int count)
{
	struct driver_buffer buffers[SIZE];
	int id;

	for (unsigned int i = 0; i < count; i++)
		buffers[i] = (struct driver_buffer){ DRIVER_HEAP + 8 * i, 8, false };
	id = packed_add(&world->ring, buffers, count);
	assert_true(id >= 0);
	take(world, (uint16_t)id);
	assert_int_equal(world->chain.readable, 8 * count);
	assert_int_equal(world->chain.descriptors, count);
	assert_int_equal(virtqueue_push(&world->vq, (uint16_t)id, 0), 0);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	expect_used(world, (uint16_t)id, 0);
}

static uint16_t flags_at(const struct packed_world *world, uint32_t place)
{
	return le16toh(world->ring.desc[place].flags);
}

/* -- 2.8: sizes ------------------------------------------------------------------ */

static void every_size(uint32_t size)
{
	struct packed_world *world = packed_world_started(size, 0);
	uint32_t id, length;

	/* three laps and a bit, all descriptors out in each */
	for (unsigned int lap = 0; lap < 7; lap++) {
		packed_world_free(world);
		world = packed_world_started(size, 0);
		for (uint32_t i = 0; i < lap % 4 * size / 2; i++) {
			world->ring.heap_used = 0;
			packed_add_readable(&world->ring, 1);
			assert_int_equal(packed_pop(world), 1);
			assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
			assert_int_equal(virtqueue_publish(&world->vq), 1);
			assert_true(packed_take_used(&world->ring, &id, &length, NULL));
		}
		for (uint32_t i = 0; i < size; i++)
			packed_add_writable(&world->ring, 1);
		assert_int_equal(virtqueue_available(&world->vq), size);
		for (uint32_t i = 0; i < size; i++) {
			assert_int_equal(packed_pop(world), 1);
			assert_int_equal(virtqueue_push(&world->vq, world->chain.head, i & 1), 0);
		}
		assert_int_equal(packed_pop(world), 0);
		assert_int_equal(virtqueue_publish(&world->vq), size);
		for (uint32_t i = 0; i < size; i++) {
			assert_true(packed_take_used(&world->ring, &id, &length, NULL));
			assert_int_equal(length, i & 1);
		}
		assert_false(packed_take_used(&world->ring, &id, &length, NULL));
		assert_int_equal(world->position.next_used, packed_word(world->ring.used));
	}
	packed_world_free(world);
}

static void s_2_8_any_size_up_to_32768(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= 70; size++)
		every_size(size);
	every_size(1000);
	every_size(32767);
	every_size(32768);
}

static void ring_01_size(void **state)
{
	struct packed_world *world = *state;
	static const uint32_t sizes[] = { 0, 32769, 65535, 65536, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		world->config.size = sizes[i];
		world->config.slot_count = UINT32_MAX;
		assert_int_equal(virtqueue_start(&world->vq, &world->config), -EINVAL);
		assert_int_equal(world->vq.error.reason, VQ_SIZE);
	}
	world->config.size = SIZE;
	world->config.slot_count = SIZE - 1;
	assert_int_equal(virtqueue_start(&world->vq, &world->config), -EINVAL);
	assert_int_equal(world->vq.error.reason, VQ_SIZE);
}

/* -- 2.8.1: wrap counters -------------------------------------------------------- */

static void s_2_8_1_both_counters_begin_at_1(void **state)
{
	struct packed_world *world = *state;

	assert_int_equal(packed_pop(world), 0);
	put(world, 3, 0);
	assert_int_equal(flags_at(world, 0), P_AVAIL);
	take(world, 3);
	assert_int_equal(virtqueue_push(&world->vq, 3, 0), 0);
	virtqueue_publish(&world->vq);
	assert_int_equal(flags_at(world, 0), P_AVAIL | P_USED);
}

static void s_2_8_1_counters_change_with_every_lap(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < 4 * SIZE; i++) {
		bool wrap = i / SIZE % 2 == 0;

		assert_int_equal(world->position.next_used, i % SIZE | (wrap ? 0x8000 : 0));
		pass(world, 1);
		assert_int_equal(flags_at(world, i % SIZE), wrap ? P_AVAIL | P_USED : 0);
	}
}

/* Equal flags are never available: in both laps, with either value. */
static void ring_23_s_2_8_1_avail_equal_to_used(void **state)
{
	struct packed_world *world = *state;
	static const uint16_t equal[] = { 0, P_AVAIL | P_USED };

	for (unsigned int lap = 0; lap < 4; lap++) {
		for (unsigned int i = 0; i < 2; i++) {
			world->ring.desc[world->ring.avail.place].flags = htole16(equal[i]);
			assert_int_equal(packed_pop(world), 0);
			assert_int_equal(virtqueue_available(&world->vq), 0);
		}
		for (unsigned int i = 0; i < SIZE; i++)
			pass(world, 1);
	}
	assert_int_equal(world->vq.state, VIRTQUEUE_RUNNING);
}

/* As available as it can be, but in the lap of the other counter. */
static void ring_24_wrap_counter_flipped(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int lap = 0; lap < 4; lap++) {
		world->ring.avail.wrap = !world->ring.avail.wrap;
		put(world, 0, 0);
		assert_int_equal(packed_pop(world), 0);
		assert_int_equal(virtqueue_available(&world->vq), 0);
		world->ring.avail = world->ring.used;
		for (unsigned int i = 0; i < SIZE; i++)
			pass(world, 1);
	}
}

/* All descriptors are out; the driver flips its counter and offers them again. */
static void ring_24_more_available_than_there_are(void **state)
{
	struct packed_world *world = *state;

	for (uint16_t i = 0; i < SIZE; i++)
		put(world, i, 0);
	for (uint16_t i = 0; i < SIZE; i++)
		take(world, i);
	assert_int_equal(packed_pop(world), 0);
	put(world, 0, 0);
	assert_int_equal(virtqueue_available(&world->vq), 0);
	expect_broken(world, VQ_AVAIL_TOO_FAR, 0);
}

static void ring_24_more_by_a_chain(void **state)
{
	struct packed_world *world = *state;

	put(world, 0, 0);
	put(world, 1, 0);
	take(world, 0);
	assert_int_equal(virtqueue_push(&world->vq, 0, 0), 0);
	take(world, 1);
	for (uint16_t i = 0; i < 4; i++)
		put(world, 2, i < 3 ? P_NEXT : 0);
	expect_broken(world, VQ_AVAIL_TOO_FAR, 0);
	assert_int_equal(world->vq.error.head, 2);
	assert_int_equal(world->vq.error.index, 0);
}

/* The same, found by counting: what was staged is out until it is published. */
static void ring_24_more_by_a_chain_seen_early(void **state)
{
	struct packed_world *world = *state;

	put(world, 0, 0);
	put(world, 1, 0);
	take(world, 0);
	assert_int_equal(virtqueue_push(&world->vq, 0, 0), 0);
	for (uint16_t i = 0; i < 4; i++)
		put(world, 2, i < 3 ? P_NEXT : 0);
	assert_int_equal(virtqueue_available(&world->vq), -EPROTO);
	assert_int_equal(world->vq.error.reason, VQ_AVAIL_TOO_FAR);
	assert_int_equal(world->vq.error.value, 0);
	assert_int_equal(world->vq.error.head, 2);
}

/* What was seen is taken back by the driver: the packed form of case 9. */
static void ring_09_available_and_then_not(void **state)
{
	struct packed_world *world = *state;

	put(world, 0, 0);
	put(world, 1, 0);
	assert_int_equal(virtqueue_available(&world->vq), 2);
	take(world, 0);
	world->ring.desc[1].flags = 0;
	expect_broken(world, VQ_AVAIL_BACKWARDS, 1);
	assert_int_equal(world->vq.error.head, 1);
}

/* -- 2.8.2, 2.8.9: one place is looked at; the rest is there when that changes ------- */

static void s_2_8_2_nothing_is_written_before_publish(void **state)
{
	struct packed_world *world = *state;
	struct vring_packed_desc before[SIZE];

	for (uint16_t i = 0; i < 3; i++)
		put(world, i, P_WRITE);
	memcpy(before, world->ring.desc, sizeof(before));
	for (uint16_t i = 0; i < 3; i++) {
		take(world, i);
		assert_int_equal(virtqueue_push(&world->vq, i, 1 + i), 0);
	}
	assert_memory_equal(before, world->ring.desc, sizeof(before));
	assert_int_equal(world->vq.staged, 3);
	assert_int_equal(virtqueue_publish(&world->vq), 3);
	for (uint16_t i = 0; i < 3; i++) {
		const struct vring_packed_desc *desc = &world->ring.desc[i];

		assert_int_equal(le16toh(desc->id), i);
		assert_int_equal(le32toh(desc->len), 1 + i);
		assert_int_equal(le16toh(desc->flags), P_AVAIL | P_USED | P_WRITE);
		assert_int_equal(desc->addr, before[i].addr);
	}
	assert_memory_equal(before + 3, world->ring.desc + 3, 2 * sizeof(before[0]));
	assert_int_equal(virtqueue_publish(&world->vq), 0);
}

/* -- 2.8.3, 2.8.4: WRITE and the length of what is used ------------------------------ */

static void s_2_8_3_write_flag_of_a_used_descriptor(void **state)
{
	struct packed_world *world = *state;
	static const struct {
		uint16_t flags;
		uint32_t written;
		uint16_t expected;
	} row[] = { { 0, 0, 0 }, { P_WRITE, 0, 0 }, { P_WRITE, 1, P_WRITE }, { P_WRITE, 16, P_WRITE } };

	for (uint16_t i = 0; i < 4; i++) {
		put(world, i, row[i].flags);
		take(world, i);
		assert_int_equal(virtqueue_push(&world->vq, i, row[i].written), 0);
		virtqueue_publish(&world->vq);
		assert_int_equal(flags_at(world, i), P_AVAIL | P_USED | row[i].expected);
		assert_int_equal(le32toh(world->ring.desc[i].len), row[i].written);
	}
}

static void net_55_s_2_8_4_written_over_writable(void **state)
{
	struct packed_world *world = *state;

	put(world, 2, P_NEXT);
	put(world, 2, P_WRITE);
	take(world, 2);
	assert_int_equal(virtqueue_push(&world->vq, 2, 17), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, 2, UINT32_MAX), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, 2, 16), 0);
	/* a second time what was written is not what is writable */
	assert_int_equal(virtqueue_push(&world->vq, 2, 16), -EINVAL);
	assert_int_equal(world->vq.staged, 1);
}

static void push_of_what_is_not_in_flight(void **state)
{
	struct packed_world *world = *state;

	assert_int_equal(virtqueue_push(&world->vq, 0, 0), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, SIZE, 0), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, 0xffff, 0), -EINVAL);
	assert_int_equal(virtqueue_unpop(&world->vq, SIZE), -EINVAL);
	assert_int_equal(virtqueue_unpop(&world->vq, 0xffff), -EINVAL);
	put(world, 1, 0);
	take(world, 1);
	assert_int_equal(virtqueue_push(&world->vq, 0, 0), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, 1, 0), 0);
	assert_int_equal(virtqueue_push(&world->vq, 1, 0), -EINVAL);
	virtqueue_publish(&world->vq);
	assert_int_equal(virtqueue_push(&world->vq, 1, 0), -EINVAL);
}

/* -- 2.8.5, 2.8.6: lists -------------------------------------------------------------- */

static void s_2_8_6_chain_of_both_directions(void **state)
{
	struct packed_world *world = *state;
	const struct iovec *segment;

	packed_put(&world->ring, DRIVER_HEAP, 10, 9, P_NEXT);
	packed_put(&world->ring, DRIVER_HEAP + 100, 20, 8, P_NEXT);
	packed_put(&world->ring, DRIVER_HEAP + 200, 30, 7, P_NEXT | P_WRITE);
	packed_put(&world->ring, DRIVER_HEAP + 300, 40, 4, P_WRITE);
	take(world, 4);
	assert_int_equal(world->chain.descriptors, 4);
	assert_int_equal(world->chain.readable, 30);
	assert_int_equal(world->chain.writable, 70);
	assert_int_equal(world->chain.readable_segments, 2);
	assert_int_equal(world->chain.writable_segments, 2);
	segment = vq_chain_readable(&world->chain);
	assert_ptr_equal(segment[0].iov_base, world->ring.heap);
	assert_ptr_equal(segment[1].iov_base, world->ring.heap + 100);
	segment = vq_chain_writable(&world->chain);
	assert_ptr_equal(segment[0].iov_base, world->ring.heap + 200);
	assert_int_equal(segment[1].iov_len, 40);
}

/* One used descriptor for all, at the first place; the next one four places on. */
static void s_2_8_6_one_used_descriptor_for_a_list(void **state)
{
	struct packed_world *world = *state;
	struct vring_packed_desc before[SIZE];

	for (unsigned int i = 0; i < 4; i++)
		put(world, 2, i < 3 ? P_NEXT : 0);
	put(world, 0, 0);
	memcpy(before, world->ring.desc, sizeof(before));
	take(world, 2);
	take(world, 0);
	virtqueue_push(&world->vq, 2, 0);
	virtqueue_push(&world->vq, 0, 0);
	assert_int_equal(virtqueue_publish(&world->vq), 2);
	assert_int_equal(le16toh(world->ring.desc[0].id), 2);
	assert_int_equal(flags_at(world, 0), P_AVAIL | P_USED);
	assert_memory_equal(before + 1, world->ring.desc + 1, 3 * sizeof(before[0]));
	assert_int_equal(le16toh(world->ring.desc[4].id), 0);
	assert_int_equal(flags_at(world, 4), P_AVAIL | P_USED);
	assert_int_equal(world->position.next_used, 0);
	assert_int_equal(world->position.next_avail, 0);
}

/* Every length of chain at every place of the ring, through its end as well. */
static void ring_25_chain_over_the_end(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int round = 0; round < 4 * SIZE; round++)
		for (unsigned int count = 1; count <= SIZE; count++)
			pass(world, count);
	assert_int_equal(world->vq.packed.outstanding, 0);
	assert_int_equal(world->vq.packed.in_flight, 0);
}

/* What the driver says to be more is not there: in the ring, and behind its end. */
static void ring_27_next_on_the_last_available(void **state)
{
	struct packed_world *world = *state;

	put(world, 0, P_NEXT);
	put(world, 0, P_NEXT);
	expect_broken(world, VQ_NOT_AVAILABLE, 0);
	assert_int_equal(world->vq.error.index, 2);
	assert_int_equal(world->vq.error.head, 0);
}

static void ring_27_next_on_the_last_available_seen_early(void **state)
{
	struct packed_world *world = *state;

	put(world, 0, 0);
	put(world, 0, P_NEXT);
	put(world, 0, P_NEXT);
	assert_int_equal(virtqueue_available(&world->vq), -EPROTO);
	assert_int_equal(world->vq.error.reason, VQ_NOT_AVAILABLE);
	assert_int_equal(world->vq.error.index, 3);
	assert_int_equal(world->vq.error.head, 1);
}

/* 2.8.6, note: AVAIL and USED must be right in all of a list, by the counter of each place. */
static void ring_27_counter_is_wrong_behind_the_end(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < SIZE - 1; i++)
		pass(world, 1);
	put(world, 0, P_NEXT);
	world->ring.avail.wrap = !world->ring.avail.wrap;
	put(world, 0, 0);
	expect_broken(world, VQ_NOT_AVAILABLE, P_AVAIL);
	assert_int_equal(world->vq.error.index, 0);
	assert_int_equal(world->vq.error.head, SIZE - 1);
}

/* 2.8.6: the last one has the id; those before may have anything. */
static void ring_29_id_changes_in_mid_chain(void **state)
{
	struct packed_world *world = *state;

	put(world, 0xffff, P_NEXT);
	put(world, 1, P_NEXT);
	put(world, 3, 0);
	take(world, 3);
	assert_int_equal(virtqueue_push(&world->vq, 1, 0), -EINVAL);
	assert_int_equal(virtqueue_push(&world->vq, 3, 0), 0);
}

/* 2.8.17: writable elements come after all readable ones. */
static void ring_29_write_changes_in_mid_chain(void **state)
{
	struct packed_world *world = *state;

	put(world, 0, P_NEXT);
	put(world, 1, P_NEXT | P_WRITE);
	put(world, 2, 0);
	expect_broken(world, VQ_READABLE_AFTER_WRITABLE, DRIVER_HEAP + 128);
	assert_int_equal(world->vq.error.index, 2);
}

/* 2.8.17: no list is longer than the queue. */
static void ring_14_s_2_8_17_longest_list(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < SIZE; i++)
		put(world, 0, i < SIZE - 1 ? P_NEXT : 0);
	take(world, 0);
	assert_int_equal(world->chain.descriptors, SIZE);
	virtqueue_push(&world->vq, 0, 0);
	virtqueue_publish(&world->vq);
	assert_int_equal(world->position.next_used, 0);
}

/* The only loop that there is: round the ring, with flags that fit the next lap as well. */
static void ring_13_loop_through_the_ring(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < SIZE; i++)
		put(world, 0, P_NEXT);
	expect_broken(world, VQ_CHAIN_LENGTH, SIZE);
}

/* 2.8.18: the device may limit the number of elements; 32768 do not fit our slots. */
static void ring_14_s_2_8_18_list_of_32768(void **state)
{
	struct packed_world *world = packed_world_started(32768, 0);

	(void)state;
	for (unsigned int i = 0; i < 32768; i++)
		packed_put(&world->ring, DRIVER_HEAP, 1, 0, i < 32767 ? P_NEXT : 0);
	/* one segment each, which is more than a chain has places for */
	vq_chain_init(&world->chain, calloc(40000, sizeof(struct iovec)), 40000);
	expect_broken(world, VQ_CHAIN_LENGTH, 32768);
	assert_int_equal(world->vq.error.index, 32767);
	free(world->chain.segments);
	packed_world_free(world);
}

static void ring_14_s_2_8_18_list_of_32767(void **state)
{
	struct packed_world *world = packed_world_started(32768, 0);

	(void)state;
	vq_chain_init(&world->chain, calloc(40000, sizeof(struct iovec)), 40000);
	for (unsigned int i = 0; i < 32767; i++)
		packed_put(&world->ring, DRIVER_HEAP, 1, 5, i < 32766 ? P_NEXT : 0);
	take(world, 5);
	assert_int_equal(world->chain.descriptors, 32767);
	assert_int_equal(virtqueue_push(&world->vq, 5, 0), 0);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	assert_int_equal(world->position.next_used, 0x8000 | 32767);
	free(world->chain.segments);
	packed_world_free(world);
}

/* -- 2.8.6, 2.8.13: ids ----------------------------------------------------------------- */

/* Two chains were seen; the driver makes them, and what comes after, one before it is taken. */
static void ring_17_chains_that_grow_after_they_were_seen(void **state)
{
	(void)state;
	for (unsigned int length = 2; length < 4; length++) {
		struct packed_world *world = packed_world_started(8, 0);
		struct packed_ring *ring = &world->ring;

		packed_put(ring, DRIVER_HEAP, 1, 0, 0);
		packed_put(ring, DRIVER_HEAP, 1, 1, 0);
		assert_int_equal(virtqueue_available(&world->vq), 2);
		ring->desc[0].flags |= htole16(P_NEXT);
		if (length == 3) {
			ring->desc[1].flags |= htole16(P_NEXT);
			packed_put(ring, DRIVER_HEAP, 1, 1, 0);
		}
		assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
		assert_int_equal(world->chain.descriptors, length);
		assert_int_equal(virtqueue_available(&world->vq), 0);
		assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 0);
		packed_world_free(world);
	}
}

/* And the other way round: one chain was seen, and it is two when the first is taken. */
static void ring_17_a_chain_that_shrinks_after_it_was_seen(void **state)
{
	struct packed_world *world = packed_world_started(8, 0);

	(void)state;
	packed_put(&world->ring, DRIVER_HEAP, 1, 0, P_NEXT);
	packed_put(&world->ring, DRIVER_HEAP, 1, 1, 0);
	assert_int_equal(virtqueue_available(&world->vq), 1);
	world->ring.desc[0].flags &= (uint16_t)~htole16(P_NEXT);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(world->chain.descriptors, 1);
	assert_int_equal(virtqueue_available(&world->vq), 1);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(virtqueue_available(&world->vq), 0);
	packed_world_free(world);
}

static void ring_26_id_out_of_range(void **state)
{
	static const uint16_t ids[] = { SIZE, SIZE + 1, 0x7fff, 0x8000, 0xffff };

	(void)state;
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct packed_world *world = packed_world_started(SIZE, 0);

		put(world, ids[i], 0);
		expect_broken(world, VQ_HEAD_RANGE, ids[i]);
		packed_world_free(world);
	}
}

static void ring_26_id_twice_in_flight(void **state)
{
	struct packed_world *world = *state;

	put(world, 0, 0);
	put(world, 2, 0);
	put(world, 2, 0);
	take(world, 0);
	take(world, 2);
	expect_broken(world, VQ_HEAD_IN_FLIGHT, 2);
	assert_int_equal(world->vq.error.head, 2);
}

/* Pushed is not yet returned. */
static void ring_26_id_twice_in_one_batch(void **state)
{
	struct packed_world *world = *state;

	put(world, 2, 0);
	put(world, 2, 0);
	take(world, 2);
	assert_int_equal(virtqueue_push(&world->vq, 2, 0), 0);
	expect_broken(world, VQ_HEAD_IN_FLIGHT, 2);
}

static void ring_26_id_again_after_it_was_returned(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < 3 * SIZE; i++) {
		put(world, 2, 0);
		take(world, 2);
		assert_int_equal(virtqueue_push(&world->vq, 2, 0), 0);
		assert_int_equal(virtqueue_publish(&world->vq), 1);
	}
}

static void ring_16_unknown_flags(void **state)
{
	static const uint16_t known = P_NEXT | P_WRITE | P_INDIRECT | P_AVAIL | P_USED;

	(void)state;
	for (unsigned int bit = 0; bit < 16; bit++) {
		struct packed_world *world = packed_world_started(SIZE, 0);

		if (!(known >> bit & 1)) {
			put(world, 0, (uint16_t)(1 << bit));
			expect_broken(world, VQ_FLAGS, P_AVAIL | 1 << bit);
		}
		packed_world_free(world);
	}
}

/* -- 2.8.8: IN_ORDER --------------------------------------------------------------------- */

static void s_2_8_8_in_order_is_kept(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int lap = 0; lap < 9; lap++) {
		const struct driver_buffer two[2] = { { DRIVER_HEAP, 1, false },
						      { DRIVER_HEAP, 1, false } };
		uint16_t a = (uint16_t)packed_add(&world->ring, two, 2);
		uint16_t b = packed_add_readable(&world->ring, 1);

		take(world, a);
		take(world, b);
		assert_int_equal(virtqueue_push(&world->vq, b, 0), -EINVAL);
		assert_int_equal(virtqueue_push(&world->vq, a, 0), 0);
		assert_int_equal(virtqueue_push(&world->vq, b, 0), 0);
		assert_int_equal(virtqueue_publish(&world->vq), 2);
		/* one used descriptor each: 2.8.8 says that devices can do with fewer */
		expect_used(world, a, 0);
		expect_used(world, b, 0);
	}
}

/* -- 2.8.12: the order in which things are done ---------------------------------------------- */

static void s_2_8_12_taken_in_the_order_of_the_ring(void **state)
{
	struct packed_world *world = *state;
	static const uint16_t ids[] = { 4, 0, 2, 1, 3 };

	for (unsigned int i = 0; i < SIZE; i++)
		put(world, ids[i], 0);
	for (unsigned int i = 0; i < SIZE; i++)
		take(world, ids[i]);
}

/* Chains of different lengths are returned as they are completed, in any order. */
static void s_2_8_12_used_in_the_order_of_completion(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int lap = 0; lap < 17; lap++) {
		const struct driver_buffer three[3] = { { DRIVER_HEAP, 1, false },
							{ DRIVER_HEAP, 1, true },
							{ DRIVER_HEAP, 1, true } };
		uint16_t a = packed_add_readable(&world->ring, 1);
		uint16_t b = (uint16_t)packed_add(&world->ring, three, 3);
		uint16_t c = packed_add_writable(&world->ring, 1);

		take(world, a);
		take(world, b);
		take(world, c);
		assert_int_equal(virtqueue_push(&world->vq, b, 2), 0);
		assert_int_equal(virtqueue_push(&world->vq, c, 1), 0);
		assert_int_equal(virtqueue_publish(&world->vq), 2);
		expect_used(world, b, 2);
		expect_used(world, c, 1);
		expect_nothing_used(world);
		assert_int_equal(virtqueue_push(&world->vq, a, 0), 0);
		assert_int_equal(virtqueue_publish(&world->vq), 1);
		expect_used(world, a, 0);
	}
}

/* -- 2.8.15: nothing before AVAIL changed --------------------------------------------------- */

static void s_2_8_15_not_used_before_avail_changes(void **state)
{
	struct packed_world *world = *state;
	struct vring_packed_desc *desc = world->ring.desc;

	desc[0].addr = htole64(DRIVER_HEAP);
	desc[0].len = htole32(1);
	assert_int_equal(packed_pop(world), 0);
	desc[0].flags = htole16(P_USED);
	assert_int_equal(packed_pop(world), 0);
	desc[0].flags = htole16(P_AVAIL);
	take(world, 0);
	/* the rest of the ring is as zero as it was */
	assert_int_equal(packed_pop(world), 0);
}

/* "A device MUST NOT write to a device-readable buffer": the engine touches none at all. */
static void s_2_8_15_buffers_are_left_alone(void **state)
{
	struct packed_world *world = *state;

	memset(world->ring.heap, 0x5a, 4096);
	put(world, 0, 0);
	put(world, 1, P_WRITE);
	for (uint16_t i = 0; i < 2; i++) {
		take(world, i);
		assert_int_equal(virtqueue_push(&world->vq, i, world->chain.writable), 0);
	}
	assert_int_equal(virtqueue_publish(&world->vq), 2);
	for (unsigned int i = 0; i < 4096; i++)
		assert_int_equal(world->ring.heap[i], 0x5a);
}

/* A list that is not complete is not there, whatever follows its first place. */
static void s_2_8_6_list_appears_with_its_first_descriptor(void **state)
{
	struct packed_world *world = *state;
	struct packed_at first = world->ring.avail;

	world->ring.avail = packed_step(&world->ring, first, 1);
	put(world, 1, P_NEXT);
	put(world, 1, 0);
	assert_int_equal(packed_pop(world), 0);
	assert_int_equal(virtqueue_available(&world->vq), 0);
	world->ring.avail = first;
	put(world, 1, P_NEXT);
	assert_int_equal(virtqueue_available(&world->vq), 1);
	take(world, 1);
	assert_int_equal(world->chain.descriptors, 3);
}

/* "A device MUST NOT change a descriptor after changing the USED bit": 2.8.15 */
static void s_2_8_15_used_descriptors_are_left_alone(void **state)
{
	struct packed_world *world = *state;

	put(world, 0, P_WRITE);
	put(world, 1, P_WRITE);
	take(world, 0);
	take(world, 1);
	virtqueue_push(&world->vq, 0, 7);
	virtqueue_publish(&world->vq);
	memset(&world->ring.desc[0], 0x5a, sizeof(world->ring.desc[0]));
	virtqueue_push(&world->vq, 1, 7);
	virtqueue_publish(&world->vq);
	virtqueue_publish(&world->vq);
	virtqueue_stop(&world->vq);
	assert_int_equal(world->ring.desc[0].id, 0x5a5a);
	assert_int_equal(world->ring.desc[0].flags, 0x5a5a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s_2_8_any_size_up_to_32768),
		TEST(ring_01_size),
		TEST(s_2_8_1_both_counters_begin_at_1),
		TEST(s_2_8_1_counters_change_with_every_lap),
		TEST(ring_23_s_2_8_1_avail_equal_to_used),
		TEST(ring_24_wrap_counter_flipped),
		TEST(ring_24_more_available_than_there_are),
		TEST(ring_24_more_by_a_chain),
		TEST(ring_24_more_by_a_chain_seen_early),
		TEST(ring_09_available_and_then_not),
		TEST(s_2_8_2_nothing_is_written_before_publish),
		TEST(s_2_8_3_write_flag_of_a_used_descriptor),
		TEST(net_55_s_2_8_4_written_over_writable),
		TEST(push_of_what_is_not_in_flight),
		TEST(s_2_8_6_chain_of_both_directions),
		TEST(s_2_8_6_one_used_descriptor_for_a_list),
		TEST(s_2_8_6_list_appears_with_its_first_descriptor),
		TEST(ring_25_chain_over_the_end),
		TEST(ring_27_next_on_the_last_available),
		TEST(ring_27_next_on_the_last_available_seen_early),
		TEST(ring_27_counter_is_wrong_behind_the_end),
		TEST(ring_29_id_changes_in_mid_chain),
		TEST(ring_29_write_changes_in_mid_chain),
		TEST(ring_14_s_2_8_17_longest_list),
		TEST(ring_13_loop_through_the_ring),
		cmocka_unit_test(ring_14_s_2_8_18_list_of_32768),
		cmocka_unit_test(ring_14_s_2_8_18_list_of_32767),
		cmocka_unit_test(ring_17_chains_that_grow_after_they_were_seen),
		cmocka_unit_test(ring_17_a_chain_that_shrinks_after_it_was_seen),
		cmocka_unit_test(ring_26_id_out_of_range),
		TEST(ring_26_id_twice_in_flight),
		TEST(ring_26_id_twice_in_one_batch),
		TEST(ring_26_id_again_after_it_was_returned),
		cmocka_unit_test(ring_16_unknown_flags),
		cmocka_unit_test_setup_teardown(s_2_8_8_in_order_is_kept, setup_in_order, teardown),
		TEST(s_2_8_12_taken_in_the_order_of_the_ring),
		TEST(s_2_8_12_used_in_the_order_of_completion),
		TEST(s_2_8_15_not_used_before_avail_changes),
		TEST(s_2_8_15_used_descriptors_are_left_alone),
		TEST(s_2_8_15_buffers_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random traffic of a well-behaved driver: every chain arrives as it was made, once and
 * with its content, is returned once, and what the device wrote is what the driver reads.
 * Chains of any shape, direct and indirect, in batches, in and out of order, with chains
 * given back in between, around the 65,536 values of the indices.
 */
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
#include "driver_ring.h"
#include "vduse/virtio/cursor.h"

#define SIZE 64
#define BUFFERS_MAX 12
#define LENGTH_MAX 40
#define INDIRECT (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)
#define IN_ORDER (UINT64_C(1) << VIRTIO_F_IN_ORDER)

/* A chain as the driver made it, and what the device wrote into it. */
struct record {
	struct driver_buffer buffers[BUFFERS_MAX];
	unsigned int count;
	uint32_t readable, writable;
	uint32_t seed;		/* of the readable bytes */
	uint32_t written;
	uint8_t mark;		/* the byte that the device writes */
	bool taken;
};

struct traffic {
	struct driver_world *world;
	struct record records[SIZE];
	uint16_t expected[SIZE];	/* heads, in the order in which they were offered */
	unsigned int offered;
	unsigned int taken;
	uint16_t held[SIZE];		/* heads that the device has */
	unsigned int holds;
	uint32_t random;
};

static uint32_t pick(struct traffic *traffic, uint32_t below)
{
	return driver_random(&traffic->random) % below;
}

static void make_buffers(struct traffic *traffic, struct record *record)
{
	unsigned int readable = pick(traffic, BUFFERS_MAX), writable;
	/* every head has heap space of its own */
	uint64_t at = DRIVER_HEAP + DRIVER_HEAP_SIZE / 2 +
		      traffic->world->ring.free_head * BUFFERS_MAX * LENGTH_MAX;

	writable = pick(traffic, BUFFERS_MAX - readable) + !readable;
	*record = (struct record){ .count = readable + writable };
	record->seed = driver_random(&traffic->random);
	for (unsigned int i = 0; i < record->count; i++) {
		uint32_t length = 1 + pick(traffic, LENGTH_MAX);

		record->buffers[i] = (struct driver_buffer){ at, length, i >= readable };
		at += length;
		if (i < readable)
			record->readable += length;
		else
			record->writable += length;
	}
}

static void fill_readable(struct traffic *traffic, const struct record *record)
{
	uint32_t seed = record->seed | 1;

	for (unsigned int i = 0; i < record->count; i++) {
		uint8_t *bytes = driver_at(&traffic->world->ring, record->buffers[i].address);

		if (record->buffers[i].writable)
			memset(bytes, 0, record->buffers[i].length);
		else
			for (uint32_t j = 0; j < record->buffers[i].length; j++)
				bytes[j] = (uint8_t)driver_random(&seed);
	}
}

static bool offer(struct traffic *traffic)
{
	struct driver_ring *ring = &traffic->world->ring;
	unsigned int direct;
	struct record record;
	int head;

	make_buffers(traffic, &record);
	fill_readable(traffic, &record);
	direct = record.count;
	if (traffic->world->config.features & INDIRECT && pick(traffic, 2))
		direct = pick(traffic, record.count + 1);
	if (ring->heap_used > DRIVER_HEAP_SIZE / 4)
		driver_heap_reset(ring);
	head = driver_add_indirect(ring, record.buffers, record.count, direct);
	if (head < 0)
		return false;
	traffic->records[head] = record;
	traffic->expected[traffic->offered++ % SIZE] = (uint16_t)head;
	return true;
}

static void check_readable(struct traffic *traffic, const struct record *record)
{
	const struct vq_chain *chain = &traffic->world->chain;
	uint32_t seed = record->seed | 1;
	struct vq_cursor cursor;
	uint8_t byte;

	vq_cursor_init(&cursor, vq_chain_readable(chain), chain->readable_segments);
	assert_int_equal(vq_cursor_left(&cursor), record->readable);
	while (vq_cursor_read(&cursor, &byte, 1))
		assert_int_equal(byte, (uint8_t)driver_random(&seed));
}

static void write_writable(struct traffic *traffic, struct record *record)
{
	const struct vq_chain *chain = &traffic->world->chain;
	struct vq_cursor cursor;

	record->mark = (uint8_t)(1 + pick(traffic, 255));
	record->written = pick(traffic, record->writable + 1);
	vq_cursor_init(&cursor, vq_chain_writable(chain), chain->writable_segments);
	assert_int_equal(vq_cursor_left(&cursor), record->writable);
	for (uint32_t i = 0; i < record->written; i++)
		assert_int_equal(vq_cursor_write(&cursor, &record->mark, 1), 1);
}

static bool take(struct traffic *traffic)
{
	struct driver_world *world = traffic->world;
	int result = virtqueue_pop(&world->vq, &world->chain);
	struct record *record;

	assert_true(result >= 0);
	assert_int_equal(result, traffic->taken != traffic->offered);
	if (!result)
		return false;
	assert_int_equal(world->chain.head, traffic->expected[traffic->taken % SIZE]);
	record = &traffic->records[world->chain.head];
	assert_int_equal(world->chain.readable_segments + world->chain.writable_segments,
			 record->count);
	check_readable(traffic, record);
	write_writable(traffic, record);
	traffic->held[traffic->holds++] = world->chain.head;
	traffic->taken++;
	return true;
}

/* Takes a few chains and gives them back. */
static void take_and_return(struct traffic *traffic)
{
	unsigned int count = pick(traffic, 4);

	while (count-- && take(traffic))
		;
}

static void give_back(struct traffic *traffic, unsigned int holds)
{
	while (traffic->holds > holds) {
		uint16_t head = traffic->held[--traffic->holds];

		assert_int_equal(virtqueue_unpop(&traffic->world->vq, head), 0);
		fill_readable(traffic, &traffic->records[head]);
		traffic->taken--;
	}
}

static void push_one(struct traffic *traffic)
{
	bool ordered = traffic->world->config.features & IN_ORDER;
	unsigned int index = ordered ? 0 : pick(traffic, traffic->holds);
	uint16_t head = traffic->held[index];

	assert_int_equal(virtqueue_push(&traffic->world->vq, head, traffic->records[head].written),
			 0);
	traffic->holds--;
	memmove(traffic->held + index, traffic->held + index + 1,
		(traffic->holds - index) * sizeof(head));
}

static void check_returned(struct traffic *traffic)
{
	uint32_t head, length;

	while (driver_take_used(&traffic->world->ring, &head, &length)) {
		const struct record *record = &traffic->records[head];
		uint32_t seen = 0;

		assert_int_equal(length, record->written);
		for (unsigned int i = 0; i < record->count; i++) {
			const uint8_t *bytes = driver_at(&traffic->world->ring,
							 record->buffers[i].address);

			if (!record->buffers[i].writable)
				continue;
			for (uint32_t j = 0; j < record->buffers[i].length; j++, seen++)
				assert_int_equal(bytes[j], seen < length ? record->mark : 0);
		}
	}
}

static void run(uint64_t features, uint32_t seed, unsigned int chains)
{
	struct traffic traffic = { .world = driver_world_started(SIZE, features), .random = seed };
	struct driver_world *world = traffic.world;

	while (traffic.offered < chains) {
		unsigned int count = pick(&traffic, 20), holds;

		while (count-- && offer(&traffic))
			;
		holds = traffic.holds;
		if (!pick(&traffic, 4)) {
			take_and_return(&traffic);
			give_back(&traffic, holds);
		}
		for (count = pick(&traffic, 20); count && take(&traffic); count--)
			;
		for (count = pick(&traffic, 20); count && traffic.holds; count--)
			push_one(&traffic);
		assert_int_equal(world->vq.in_flight, traffic.holds);
		if (pick(&traffic, 3)) {
			virtqueue_publish(&world->vq);
			check_returned(&traffic);
		}
	}
	assert_int_equal(world->vq.state, VIRTQUEUE_RUNNING);
	driver_world_free(world);
}

static void random_chains(void **state)
{
	(void)state;
	run(0, 11, 20000);
}

static void random_chains_indirect(void **state)
{
	(void)state;
	run(INDIRECT | EVENT, 12, 70000);
}

static void random_chains_in_order(void **state)
{
	(void)state;
	run(INDIRECT | IN_ORDER, 13, 20000);
}

/*
 * A driver that writes anything anywhere into its ring: the engine says no or hands out
 * what is mapped, and ends. The sanitizers see the rest.
 */
static void check_mapped(const struct vq_chain *chain)
{
	volatile uint8_t sum = 0;
	struct vq_cursor cursor;
	uint8_t byte;

	vq_cursor_init(&cursor, chain->segments, chain->readable_segments);
	vq_cursor_limit(&cursor, 3000);
	while (vq_cursor_read(&cursor, &byte, 1))
		sum += byte;
	(void)sum;
}

static uint64_t random_address(uint32_t *random)
{
	switch (driver_random(random) % 8) {
	case 0:
		return driver_random(random);
	case 1:
		return UINT64_MAX - driver_random(random) % 64;
	case 2:
		return DRIVER_DESC + driver_random(random) % 512;
	case 3:
		return DRIVER_HEAP + DRIVER_HEAP_SIZE - driver_random(random) % 64;
	default:
		return DRIVER_HEAP + driver_random(random) % 4096 / 16 * 16;
	}
}

static void random_descriptor(struct vring_desc *desc, uint32_t *random)
{
	uint32_t length = driver_random(random) % 100;
	uint16_t flags = driver_random(random) % 8;

	if (driver_random(random) % 16 == 0)
		length = driver_random(random);
	if (flags & VRING_DESC_F_INDIRECT)
		length = 16 * (driver_random(random) % 6);
	if (driver_random(random) % 64 == 0)
		flags = (uint16_t)driver_random(random);
	driver_desc(desc, random_address(random), length, flags, driver_random(random) % 17);
}

static void random_nonsense(void **state)
{
	struct driver_world *world = driver_world_started(16, INDIRECT);
	unsigned int good = 0, seen[VQ_REASONS] = { 0 };
	uint32_t random = 17;

	(void)state;
	for (unsigned int round = 0; round < 60000; round++) {
		struct vring_desc *table = (struct vring_desc *)(void *)world->ring.heap;

		for (unsigned int i = 0; i < 16; i++)
			random_descriptor(&world->ring.desc[i], &random);
		for (unsigned int i = 0; i < 256; i += 1 + driver_random(&random) % 64)
			random_descriptor(&table[i], &random);
		driver_offer(&world->ring, driver_random(&random) % 17);
		if (driver_random(&random) % 128 == 0)
			world->ring.avail->idx = (uint16_t)(40 - driver_random(&random) % 56);
		switch (virtqueue_pop(&world->vq, &world->chain)) {
		case 1:
			check_mapped(&world->chain);
			good++;
			break;
		case -EPROTO:
			seen[world->vq.error.reason]++;
			break;
		}
		world->ring.avail_idx = world->position.next_avail;
		world->ring.avail->idx = world->ring.avail_idx;
		assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	}
	assert_true(good > 500);
	for (int reason = VQ_AVAIL_TOO_FAR; reason < VQ_DEVICE_RULE; reason++)
		if (reason != VQ_HEAD_IN_FLIGHT && reason != VQ_SEGMENTS &&
		    reason != VQ_NOT_AVAILABLE &&
		    reason != VQ_INDIRECT_FEATURE && reason != VQ_ACCESS &&
		    reason != VQ_INDIRECT_LENGTH && reason != VQ_TOTAL_LENGTH)
			assert_true(seen[reason] > 0);
	driver_world_free(world);
}

static void random_packed_descriptor(struct vring_packed_desc *desc, uint32_t *random, bool wrap)
{
	static const uint16_t kind[8] = { 0, 0, P_WRITE, P_WRITE, P_NEXT, P_NEXT | P_WRITE, P_INDIRECT, 0 };
	uint16_t flags = kind[driver_random(random) % 8] | (wrap ? P_AVAIL : P_USED);
	uint32_t length = driver_random(random) % 100;

	if (driver_random(random) % 16 == 0)
		length = driver_random(random);
	if (flags & P_INDIRECT)
		length = 16 * (driver_random(random) % 6);
	if (driver_random(random) % 32 == 0)
		flags = (uint16_t)driver_random(random);
	packed_desc(desc, random_address(random), length, driver_random(random) % 18, flags);
}

/* The engine goes on from where it is as long as nothing breaks, through many laps. */
static void random_packed_nonsense(void **state)
{
	struct packed_world *world = packed_world_started(17, INDIRECT | EVENT);
	unsigned int good = 0, laps = 0, seen[VQ_REASONS] = { 0 };
	uint32_t random = 19;

	(void)state;
	for (unsigned int round = 0; round < 60000; round++) {
		struct vring_packed_desc *table =
			(struct vring_packed_desc *)(void *)world->ring.heap;
		bool wrap = world->position.next_avail >> 15;
		int result;

		for (unsigned int i = 0; i < 17; i++)
			random_packed_descriptor(&world->ring.desc[i], &random,
						 i < (world->position.next_avail & 0x7fff) ? !wrap : wrap);
		for (unsigned int i = 0; i < 256; i += 1 + driver_random(&random) % 64)
			random_packed_descriptor(&table[i], &random, wrap);
		world->ring.driver->off_wrap = (uint16_t)driver_random(&random);
		world->ring.driver->flags = driver_random(&random) % 5;
		if (driver_random(&random) % 4 == 0)
			virtqueue_available(&world->vq);
		while ((result = virtqueue_pop(&world->vq, &world->chain)) == 1) {
			check_mapped(&world->chain);
			good++;
			if (driver_random(&random) % 8 == 0)
				assert_int_equal(virtqueue_unpop(&world->vq, world->chain.head), 0);
			else if (driver_random(&random) % 4)
				assert_int_equal(virtqueue_push(&world->vq, world->chain.head,
								world->chain.writable), 0);
			if (driver_random(&random) % 4 == 0)
				break;
		}
		virtqueue_publish(&world->vq);
		virtqueue_needs_interrupt(&world->vq);
		virtqueue_enable_kick(&world->vq);
		if (world->vq.state == VIRTQUEUE_BROKEN) {
			seen[world->vq.error.reason]++;
			assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
		}
		laps += (world->position.next_avail >> 15) != wrap;
	}
	assert_true(good > 10000 && laps > 100);
	for (int reason = VQ_AVAIL_TOO_FAR; reason < VQ_DEVICE_RULE; reason++)
		if (reason != VQ_NEXT_RANGE && reason != VQ_CHAIN_LENGTH && reason != VQ_SEGMENTS &&
		    reason != VQ_ACCESS && reason != VQ_INDIRECT_FEATURE &&
		    reason != VQ_INDIRECT_NESTED && reason != VQ_INDIRECT_LENGTH &&
		    reason != VQ_TOTAL_LENGTH)
			assert_true(seen[reason] > 0);
	packed_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_chains),
		cmocka_unit_test(random_chains_indirect),
		cmocka_unit_test(random_chains_in_order),
		cmocka_unit_test(random_nonsense),
		cmocka_unit_test(random_packed_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed virtqueues that resume from a journal: hardening cases 30 and 70, section 2.8.16. */
#include <endian.h>
#include <errno.h>
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

static void pop_and_push(struct packed_world *world, uint32_t written)
{
	assert_int_equal(packed_pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, world->chain.head, written), 0);
}

/* The device dies with a batch of two staged, behind the store of the position. */
static void die_while_publishing(struct packed_world *world)
{
	const struct driver_buffer three[3] = { { DRIVER_HEAP, 1, false }, { DRIVER_HEAP, 9, true },
						{ DRIVER_HEAP, 9, true } };

	packed_add(&world->ring, three, 3);
	packed_add_writable(&world->ring, 20);
	pop_and_push(world, 11);
	pop_and_push(world, 20);
	world->position = virtqueue_outcome(&world->vq);
	memset(&world->vq, 0xaa, sizeof(world->vq));
	world->config.resume = true;
}

static void expect_resuming(struct packed_world *world)
{
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	assert_int_equal(world->vq.state, VIRTQUEUE_RESUMING);
}

static void resume_finishes_a_publication(void **state)
{
	struct packed_world *world = *state;
	uint32_t id, length;
	uint16_t flags;

	die_while_publishing(world);
	expect_resuming(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 1);
	assert_int_equal(world->vq.state, VIRTQUEUE_RUNNING);
	assert_int_equal(world->published, 0x8004);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	assert_int_equal(virtqueue_roll_forward(&world->vq), 0);
	assert_true(packed_take_used(&world->ring, &id, &length, &flags));
	assert_int_equal(id, 0);
	assert_int_equal(length, 11);
	assert_int_equal(flags, P_AVAIL | P_USED | P_WRITE);
	assert_true(packed_take_used(&world->ring, &id, &length, &flags));
	assert_int_equal(id, 1);
	assert_int_equal(length, 20);
	assert_int_equal(packed_pop(world), 0);
	packed_add_readable(&world->ring, 1);
	pop_and_push(world, 0);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
}

static void nothing_works_before_it_is_rolled_forward(void **state)
{
	struct packed_world *world = *state;
	struct vring_packed_desc before[SIZE];

	die_while_publishing(world);
	expect_resuming(world);
	memcpy(before, world->ring.desc, sizeof(before));
	assert_int_equal(packed_pop(world), -ESHUTDOWN);
	assert_int_equal(virtqueue_available(&world->vq), -ESHUTDOWN);
	assert_int_equal(virtqueue_push(&world->vq, 0, 0), -ESHUTDOWN);
	assert_int_equal(virtqueue_unpop(&world->vq, 0), -ESHUTDOWN);
	assert_int_equal(virtqueue_publish(&world->vq), 0);
	assert_int_equal(virtqueue_enable_kick(&world->vq), -ESHUTDOWN);
	assert_int_equal(virtqueue_remap(&world->vq), -ESHUTDOWN);
	assert_false(virtqueue_needs_interrupt(&world->vq));
	virtqueue_disable_kick(&world->vq);
	virtqueue_break(&world->vq, 0, 0);
	assert_int_equal(world->vq.state, VIRTQUEUE_RESUMING);
	assert_memory_equal(before, world->ring.desc, sizeof(before));
	assert_int_equal(world->ring.device->flags, 0);
	vq_memory_remove(&world->memory, DRIVER_HEAP, DRIVER_HEAP);
	assert_int_equal(virtqueue_roll_forward(&world->vq), -ESTALE);
	assert_int_equal(world->vq.state, VIRTQUEUE_RESUMING);
}

/* Case 30 and case 70: what the journal says of places and ids is not believed. */
static void expect_refused(struct packed_world *world)
{
	struct vring_packed_desc before[SIZE];
	struct vq_slot slots[SIZE];

	memcpy(before, world->ring.desc, sizeof(before));
	memcpy(slots, world->slots, sizeof(slots));
	expect_resuming(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), -ERANGE);
	assert_int_equal(world->vq.error.reason, VQ_JOURNAL);
	assert_int_equal(world->vq.state, VIRTQUEUE_RESUMING);
	assert_memory_equal(before, world->ring.desc, sizeof(before));
	assert_memory_equal(slots, world->slots, sizeof(slots));
}

static void ring_30_skip_counts_are_not_believed(void **state)
{
	struct packed_world *world = *state;
	static const uint16_t nowhere[] = { SIZE, 0x7fff, 0x8000 | SIZE, 0xffff };
	static const uint16_t counts[] = { 0, 3, 0x8000, 0x8001, 0x8002, 0x8005, 0xffff };
	struct vq_slot good[SIZE];

	die_while_publishing(world);
	memcpy(good, world->slots, sizeof(good));
	for (unsigned int i = 0; i < 4; i++) {
		world->published = nowhere[i];
		expect_refused(world);
	}
	/* over a ring behind */
	world->published = 0x8005;
	expect_refused(world);
	world->published = 0x8000;
	for (unsigned int i = 0; i < 4; i++) {
		world->slots[0].order = nowhere[i];
		expect_refused(world);
		memcpy(world->slots, good, sizeof(good));
		world->slots[3].order = nowhere[i];
		expect_refused(world);
		memcpy(world->slots, good, sizeof(good));
	}
	for (unsigned int i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		world->slots[0].descriptors = counts[i];
		expect_refused(world);
		memcpy(world->slots, good, sizeof(good));
	}
	world->slots[1].descriptors = 1;
	expect_refused(world);
	memcpy(world->slots, good, sizeof(good));
	expect_resuming(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 1);
}

/* The device dies in a lane, with two chains used, behind the store of the position. */
static void die_in_a_lane(struct packed_world *world)
{
	static const uint32_t written[2] = { 11, 20 };

	/* their ids are not those of their places */
	world->ring.free_ids[SIZE - 1] = 4;
	world->ring.free_ids[SIZE - 2] = 3;
	for (unsigned int i = 0; i < 2; i++) {
		packed_add_writable(&world->ring, 20);
		world->slots[i].lane_written = VQ_SLOT_LANE | written[i];
	}
	world->slots[4].lane_position = 0x8000;
	world->slots[3].lane_position = 0x8001;
	world->position = (struct virtqueue_position){ 0x8002, 0x8002 };
	memset(&world->vq, 0xaa, sizeof(world->vq));
	world->config.resume = true;
}

static void resume_finishes_a_lane(void **state)
{
	struct packed_world *world = *state;
	uint32_t id, length;
	uint16_t flags;

	die_in_a_lane(world);
	expect_resuming(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 1);
	assert_int_equal(world->published, 0x8002);
	assert_int_equal(world->vq.unsignalled, 2);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	assert_true(packed_take_used(&world->ring, &id, &length, &flags));
	assert_int_equal(id, 4);
	assert_int_equal(length, 11);
	assert_int_equal(flags, P_AVAIL | P_USED | P_WRITE);
	assert_true(packed_take_used(&world->ring, &id, &length, &flags));
	assert_int_equal(id, 3);
	assert_int_equal(length, 20);
	assert_int_equal(flags, P_AVAIL | P_USED | P_WRITE);
	assert_int_equal(packed_pop(world), 0);
}

/* Every place has its mark, and no chain is out; else it was no lane that died. */
static void proc_70_journal_of_a_lane_is_not_believed(void **state)
{
	struct packed_world *world = *state;
	struct vq_slot good[SIZE];

	die_in_a_lane(world);
	memcpy(good, world->slots, sizeof(good));
	for (unsigned int i = 0; i < 2; i++) {
		world->slots[i].lane_written &= ~VQ_SLOT_LANE;
		expect_refused(world);
		memcpy(world->slots, good, sizeof(good));
	}
	for (unsigned int i = 0; i < SIZE; i++) {
		world->slots[i].descriptors = 1;
		expect_refused(world);
		memcpy(world->slots, good, sizeof(good));
	}
	memset(world->slots, 0, sizeof(good));
	expect_refused(world);
	memcpy(world->slots, good, sizeof(good));
	expect_resuming(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 1);
}

/* Mostly what is likely, sometimes anything. */
static uint16_t pick(uint32_t *random, uint16_t likely)
{
	return driver_random(random) % 8 ? likely : (uint16_t)driver_random(random);
}

/* Any numbers: no access outside (the sanitizer looks), an end, and what runs runs. */
static void proc_70_journal_of_noise(void **state)
{
	struct packed_world *world = *state;
	unsigned int done[2] = { 0 }, lanes = 0;
	uint32_t random = 23;

	world->config.resume = true;
	for (unsigned int round = 0; round < 100000; round++) {
		bool lane = round % 2;
		int result;

		for (unsigned int i = 0; i < SIZE; i++)
			world->slots[i] = (struct vq_slot){
				.writable = driver_random(&random) | (lane ? VQ_SLOT_LANE : 0),
				.descriptors = lane && round % 16 != 1 ?
						       0 :
						       pick(&random, VQ_SLOT_STAGED | (1 + i % 2)),
				.order = pick(&random, (uint16_t)(driver_random(&random) % SIZE)),
			};
		for (unsigned int i = 0; i < SIZE; i++)
			world->ring.desc[i].flags = htole16(driver_random(&random) & 0x8080);
		world->published = driver_random(&random) & 0x8007;
		world->position.next_used = driver_random(&random) & 0x8007;
		world->position.next_avail = world->position.next_used;
		if (virtqueue_start(&world->vq, &world->config))
			continue;
		result = virtqueue_roll_forward(&world->vq);
		assert_int_equal(world->vq.state, result < 0 ? VIRTQUEUE_RESUMING : VIRTQUEUE_RUNNING);
		if (result >= 0) {
			done[result]++;
			lanes += lane && result;
			assert_int_equal(world->published, world->position.next_used);
			assert_true(virtqueue_available(&world->vq) >= -EPROTO);
		}
	}
	assert_true(done[0] > 1000 && done[1] - lanes > 100 && lanes > 100);
}

/* Without a journal there is nothing to finish. */
static void resume_without_a_journal(void **state)
{
	struct packed_world *world = *state;

	world->config.published = NULL;
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	packed_add_readable(&world->ring, 1);
	pop_and_push(world, 0);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	world->config.resume = true;
	expect_resuming(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 0);
	assert_int_equal(world->published, 0x8000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(resume_finishes_a_publication),
		TEST(resume_finishes_a_lane),
		TEST(nothing_works_before_it_is_rolled_forward),
		TEST(ring_30_skip_counts_are_not_believed),
		TEST(proc_70_journal_of_a_lane_is_not_believed),
		TEST(proc_70_journal_of_noise),
		TEST(resume_without_a_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

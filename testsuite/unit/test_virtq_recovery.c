/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resuming after the device died: the position, what a successor does with it, and every
 * point of a publication at which a device can stop.
 */
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

static int pop(struct driver_world *world)
{
	return virtqueue_pop(&world->vq, &world->chain);
}

static void pop_and_push(struct driver_world *world)
{
	assert_int_equal(pop(world), 1);
	assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
}

/* The device dies: nothing but the position and the driver's memory remain. */
static void die(struct driver_world *world)
{
	memset(&world->vq, 0, sizeof(world->vq));
	memset(world->slots, 0x55, SIZE * sizeof(*world->slots));
}

static void resume(struct driver_world *world)
{
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
}

static void position_follows_what_is_published(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue_position outcome;

	for (unsigned int i = 0; i < 4; i++)
		driver_add_readable(&world->ring, 1);
	pop_and_push(world);
	pop_and_push(world);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->position.next_avail, 0);
	outcome = virtqueue_outcome(&world->vq);
	assert_int_equal(outcome.next_avail, 2);
	assert_int_equal(outcome.next_used, 2);
	assert_int_equal(virtqueue_publish(&world->vq), 2);
	assert_memory_equal(&outcome, &world->position, sizeof(outcome));
	outcome = virtqueue_outcome(&world->vq);
	assert_memory_equal(&outcome, &world->position, sizeof(outcome));
}

/* What was taken and not published is taken again, first of all what was never pushed. */
static void dies_before_it_publishes(void **state)
{
	struct driver_world *world = *state;
	uint32_t head, length;
	uint16_t first = driver_add_readable(&world->ring, 1);

	driver_add_readable(&world->ring, 1);
	pop_and_push(world);
	assert_int_equal(pop(world), 1);
	die(world);
	resume(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 0);
	assert_false(driver_take_used(&world->ring, &head, &length));
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.head, first);
}

/* Between the store of the position and that of used.idx. */
static void dies_in_the_middle_of_publishing(void **state)
{
	struct driver_world *world = *state;
	uint16_t heads[3];
	uint32_t head, length;

	for (unsigned int i = 0; i < 3; i++)
		heads[i] = driver_add_readable(&world->ring, 1);
	for (unsigned int i = 0; i < 3; i++)
		pop_and_push(world);
	world->position = virtqueue_outcome(&world->vq);
	die(world);
	resume(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	assert_int_equal(virtqueue_roll_forward(&world->vq), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_true(driver_take_used(&world->ring, &head, &length));
		assert_int_equal(head, heads[i]);
	}
	assert_int_equal(pop(world), 0);
}

static void dies_after_publishing(void **state)
{
	struct driver_world *world = *state;
	uint32_t head, length;

	driver_add_readable(&world->ring, 1);
	driver_add_readable(&world->ring, 1);
	pop_and_push(world);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	die(world);
	resume(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 0);
	assert_true(driver_take_used(&world->ring, &head, &length));
	pop_and_push(world);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	assert_true(driver_take_used(&world->ring, &head, &length));
	assert_false(driver_take_used(&world->ring, &head, &length));
}

/* Without a journal: the ring itself says what was published (split rings only). */
static void resumes_from_used_idx(void **state)
{
	struct driver_world *world = *state;
	struct virtqueue probe = { 0 };
	uint16_t index, second;

	driver_add_readable(&world->ring, 1);
	second = driver_add_readable(&world->ring, 1);
	pop_and_push(world);
	assert_int_equal(virtqueue_publish(&world->vq), 1);
	pop_and_push(world);
	die(world);
	world->position = (struct virtqueue_position){ 0 };
	assert_int_equal(virtqueue_read_used_index(&probe, &world->config, &index), 0);
	world->position = (struct virtqueue_position){ index, index };
	resume(world);
	assert_int_equal(pop(world), 1);
	assert_int_equal(world->chain.head, second);
}

static void ring_07_journal_contradicts_the_ring(void **state)
{
	struct driver_world *world = *state;

	world->ring.avail->idx = htole16(SIZE);
	world->ring.used->idx = htole16(1);
	resume(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), -ERANGE);
	assert_int_equal(world->ring.used->idx, htole16(1));
	world->position = (struct virtqueue_position){ 3, 3 };
	world->ring.used->idx = htole16(3 - SIZE);
	resume(world);
	assert_int_equal(virtqueue_roll_forward(&world->vq), 1);
	world->ring.used->idx = htole16(3 - SIZE - 1);
	assert_int_equal(virtqueue_roll_forward(&world->vq), -ERANGE);
}

/*
 * Frames numbered 1, 2, 3 … go from a transmit to a receive virtqueue, in batches; the
 * device dies at random points. One record holds what both will have published, and is
 * written before either. Nothing may be lost or come twice.
 */
struct pair {
	struct driver_world *transmit, *receive;
	struct virtqueue_position record[2];	/* the journal: one store in real life */
	uint32_t random, sent, received;
};

static void send_and_receive(struct pair *pair)
{
	struct driver_ring *from = &pair->transmit->ring, *to = &pair->receive->ring;
	uint32_t head, length;

	while (driver_take_used(from, &head, &length))
		;
	while (driver_take_used(to, &head, &length)) {
		uint32_t number;

		assert_int_equal(length, 4);
		memcpy(&number, to->heap + 4 * head, 4);
		assert_int_equal(number, ++pair->received);
	}
	while (from->free_count && driver_random(&pair->random) % 8) {
		struct driver_buffer buffer = { DRIVER_HEAP + 4 * from->free_head, 4, false };

		pair->sent++;
		memcpy(from->heap + 4 * from->free_head, &pair->sent, 4);
		driver_add(from, &buffer, 1);
	}
	while (to->free_count) {
		struct driver_buffer buffer = { DRIVER_HEAP + 4 * to->free_head, 4, true };

		driver_add(to, &buffer, 1);
	}
}

/* One batch; stops at step `until` of: each frame, the record, two publications. */
static void work(struct pair *pair, unsigned int until)
{
	struct driver_world *from = pair->transmit, *to = pair->receive;
	unsigned int step = 0;

	while (pop(from) == 1 && step++ < until) {
		if (pop(to) != 1) {
			virtqueue_unpop(&from->vq, from->chain.head);
			break;
		}
		memcpy(to->chain.segments[0].iov_base, from->chain.segments[0].iov_base, 4);
		assert_int_equal(virtqueue_push(&from->vq, from->chain.head, 0), 0);
		assert_int_equal(virtqueue_push(&to->vq, to->chain.head, 4), 0);
	}
	if (step++ >= until)
		return;
	pair->record[0] = virtqueue_outcome(&from->vq);
	pair->record[1] = virtqueue_outcome(&to->vq);
	if (step++ >= until)
		return;
	virtqueue_publish(&to->vq);
	if (step++ >= until)
		return;
	virtqueue_publish(&from->vq);
}

static void recover(struct pair *pair)
{
	struct driver_world *world[2] = { pair->transmit, pair->receive };

	for (unsigned int i = 0; i < 2; i++) {
		die(world[i]);
		world[i]->position = pair->record[i];
		resume(world[i]);
		assert_true(virtqueue_roll_forward(&world[i]->vq) >= 0);
	}
}

static void no_frame_lost_or_doubled(void **state)
{
	struct pair pair = { .transmit = driver_world_started(SIZE, 0),
			     .receive = driver_world_started(SIZE, 0),
			     .random = 3 };

	(void)state;
	for (unsigned int round = 0; round < 50000; round++) {
		send_and_receive(&pair);
		work(&pair, driver_random(&pair.random) % 14);
		recover(&pair);
	}
	work(&pair, 100);
	send_and_receive(&pair);
	work(&pair, 100);
	send_and_receive(&pair);
	assert_true(pair.received > 65536);
	assert_in_range(pair.sent - pair.received, 0, SIZE);
	driver_world_free(pair.transmit);
	driver_world_free(pair.receive);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(position_follows_what_is_published),
		TEST(dies_before_it_publishes),
		TEST(dies_in_the_middle_of_publishing),
		TEST(dies_after_publishing),
		TEST(resumes_from_used_idx),
		TEST(ring_07_journal_contradicts_the_ring),
		cmocka_unit_test(no_frame_lost_or_doubled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notifications both ways, with and without EVENT_IDX: hardening case 21; 2.7.7, 2.7.10. */
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
#define EVENT (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

static int plain(void **state)
{
	*state = driver_world_started(SIZE, 0);
	return 0;
}

static int event(void **state)
{
	*state = driver_world_started(SIZE, EVENT);
	return 0;
}

static int teardown(void **state)
{
	driver_world_free(*state);
	return 0;
}

/* Passes `count` buffers through the virtqueue and publishes them as one batch. */
static void pass(struct driver_world *world, unsigned int count)
{
	uint32_t head, length;

	driver_heap_reset(&world->ring);
	for (unsigned int i = 0; i < count; i++) {
		driver_add_readable(&world->ring, 1);
		assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
		assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
	}
	assert_int_equal(virtqueue_publish(&world->vq), count);
	while (driver_take_used(&world->ring, &head, &length))
		;
}

static void set_used_event(struct driver_world *world, uint16_t value)
{
	world->ring.avail->ring[SIZE] = htole16(value);
}

static uint16_t avail_event(const struct driver_world *world)
{
	uint16_t value;

	memcpy(&value, (const uint8_t *)world->ring.used + 4 + 8 * SIZE, 2);
	return le16toh(value);
}

static void s_2_7_7_2_interrupt_by_flag(void **state)
{
	struct driver_world *world = *state;

	assert_false(virtqueue_needs_interrupt(&world->vq));
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	assert_false(virtqueue_needs_interrupt(&world->vq));
	world->ring.avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
	pass(world, 3);
	assert_false(virtqueue_needs_interrupt(&world->vq));
	world->ring.avail->flags = htole16(0xfffe);
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
}

/* "The device MUST ignore the used_event value", and the flag with EVENT_IDX: 2.7.7.2 */
static void s_2_7_7_2_interrupt_ignores_the_other_way(void **state)
{
	struct driver_world *world = *state;
	struct driver_world *other = driver_world_started(SIZE, EVENT);

	set_used_event(world, 100);
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));

	other->ring.avail->flags = htole16(VRING_AVAIL_F_NO_INTERRUPT);
	pass(other, 1);
	assert_true(virtqueue_needs_interrupt(&other->vq));
	other->ring.avail->flags = 0;
	pass(other, 1);
	assert_false(virtqueue_needs_interrupt(&other->vq));
	driver_world_free(other);
}

/*
 * The specification's words as a model: a notification is due when used.idx was equal to
 * used_event as one of the elements was written.
 */
static bool due(uint16_t before, unsigned int count, uint16_t used_event)
{
	for (unsigned int i = 0; i < count; i++)
		if ((uint16_t)(before + i) == used_event)
			return true;
	return false;
}

static void ring_21_s_2_7_7_2_every_used_event(void **state)
{
	struct driver_world *world = *state;
	uint32_t random = 5;
	uint16_t at = 0;

	for (unsigned int round = 0; round < 60000; round++) {
		unsigned int count = 1 + driver_random(&random) % SIZE;
		uint16_t used_event = (uint16_t)(at - 12 + driver_random(&random) % 32);

		if (round % 16 == 0)
			used_event = (uint16_t)driver_random(&random);
		pass(world, count);
		set_used_event(world, used_event);
		assert_int_equal(virtqueue_needs_interrupt(&world->vq),
				 due(at, count, used_event));
		at += count;
	}
}

/* Several publications before the question count as one. */
static void ring_21_several_batches_at_once(void **state)
{
	struct driver_world *world = *state;

	pass(world, 3);
	pass(world, 2);
	set_used_event(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	pass(world, 3);
	set_used_event(world, 4);
	assert_false(virtqueue_needs_interrupt(&world->vq));
}

static void ring_21_more_than_65536_unasked(void **state)
{
	struct driver_world *world = *state;

	for (unsigned int i = 0; i < 65536 / SIZE; i++)
		pass(world, SIZE);
	set_used_event(world, 12345);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	for (unsigned int i = 0; i < 65536 / SIZE; i++)
		pass(world, SIZE);
	pass(world, 1);
	set_used_event(world, 5000);
	assert_true(virtqueue_needs_interrupt(&world->vq));
}

static void fenced_question_is_the_same(void **state)
{
	struct driver_world *world = *state;

	set_used_event(world, 0);
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt_fenced(&world->vq));
	assert_false(virtqueue_needs_interrupt_fenced(&world->vq));
}

static void nothing_published_needs_no_interrupt(void **state)
{
	struct driver_world *world = *state;

	assert_false(virtqueue_needs_interrupt_fenced(&world->vq));
	assert_false(virtqueue_needs_interrupt(&world->vq));
	assert_int_equal(virtqueue_publish(&world->vq), 0);
	assert_false(virtqueue_needs_interrupt_fenced(&world->vq));
}

/* A publication of nothing does not touch the driver's memory. */
static void nothing_staged_writes_nothing(void **state)
{
	struct driver_world *world = *state;

	pass(world, 2);
	world->ring.used->idx = 0x5555;
	world->position = (struct virtqueue_position){ 7, 8 };
	assert_int_equal(virtqueue_publish(&world->vq), 0);
	assert_int_equal(world->ring.used->idx, 0x5555);
	assert_int_equal(world->position.next_avail, 7);
}

static void s_2_7_10_2_kick_by_flag(void **state)
{
	struct driver_world *world = *state;
	struct driver_ring *ring = &world->ring;

	assert_true(driver_kick_wanted(ring, ring->avail_idx));
	virtqueue_disable_kick(&world->vq);
	assert_int_equal(le16toh(ring->used->flags), VRING_USED_F_NO_NOTIFY);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
	assert_int_equal(ring->used->flags, 0);
	assert_int_equal(avail_event(world), 0);
}

/* "The device MUST set flags to 0" with EVENT_IDX: 2.7.10.2 */
static void s_2_7_10_2_kick_by_event(void **state)
{
	struct driver_world *world = *state;
	struct driver_ring *ring = &world->ring;

	for (unsigned int i = 0; i < 70000; i++) {
		uint16_t before = ring->avail_idx;

		virtqueue_disable_kick(&world->vq);
		assert_int_equal(ring->used->flags, 0);
		assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
		assert_int_equal(avail_event(world), before);
		pass(world, 1);
		assert_true(driver_kick_wanted(ring, before));
		before = ring->avail_idx;
		pass(world, 1);
		assert_false(driver_kick_wanted(ring, before));
	}
}

/* A chain that came between the last look and the wish for a kick is not slept over. */
static void enable_kick_looks_again(void **state)
{
	struct driver_world *world = *state;

	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 0);
	driver_add_readable(&world->ring, 1);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 1);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 1);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
}

static void enable_kick_for_more_wants_more(void **state)
{
	struct driver_world *world = *state;
	uint16_t before;

	driver_add_readable(&world->ring, 1);
	assert_int_equal(virtqueue_available(&world->vq), 1);
	assert_int_equal(virtqueue_enable_kick_for_more(&world->vq), 0);
	before = world->ring.avail_idx;
	driver_add_readable(&world->ring, 1);
	assert_true(driver_kick_wanted(&world->ring, before));
	assert_int_equal(virtqueue_enable_kick_for_more(&world->vq), 1);
	assert_int_equal(virtqueue_enable_kick_for_more(&world->vq), 0);
	assert_int_equal(virtqueue_available(&world->vq), 2);
}

#define PLAIN(name) cmocka_unit_test_setup_teardown(name, plain, teardown)
#define EVENT_IDX(name) cmocka_unit_test_setup_teardown(name, event, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(s_2_7_7_2_interrupt_by_flag),
		PLAIN(s_2_7_7_2_interrupt_ignores_the_other_way),
		EVENT_IDX(ring_21_s_2_7_7_2_every_used_event),
		EVENT_IDX(ring_21_several_batches_at_once),
		EVENT_IDX(ring_21_more_than_65536_unasked),
		EVENT_IDX(fenced_question_is_the_same),
		PLAIN(nothing_published_needs_no_interrupt),
		EVENT_IDX(nothing_published_needs_no_interrupt),
		PLAIN(nothing_staged_writes_nothing),
		PLAIN(s_2_7_10_2_kick_by_flag),
		EVENT_IDX(s_2_7_10_2_kick_by_event),
		PLAIN(enable_kick_looks_again),
		EVENT_IDX(enable_kick_looks_again),
		PLAIN(enable_kick_for_more_wants_more),
		EVENT_IDX(enable_kick_for_more_wants_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

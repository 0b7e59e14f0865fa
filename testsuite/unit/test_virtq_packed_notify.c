/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event suppression structures of packed rings, both ways: sections 2.8.10, 2.8.14,
 * 2.8.21.2 and 2.8.22, hardening case 28.
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

#include "driver_packed.h"

#define SIZE 7
#define EVENT (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

enum { ENABLE, DISABLE, DESC, RESERVED };

static int plain(void **state)
{
	*state = packed_world_started(SIZE, 0);
	return 0;
}

static int event(void **state)
{
	*state = packed_world_started(SIZE, EVENT);
	return 0;
}

static int teardown(void **state)
{
	packed_world_free(*state);
	return 0;
}

/* Passes a chain of `count` descriptors through the virtqueue, without publishing it. */
static void stage(struct packed_world *world, unsigned int count)
{
	struct driver_buffer buffers[SIZE];

	for (unsigned int i = 0; i < count; i++)
		buffers[i] = (struct driver_buffer){ DRIVER_HEAP, 1, false };
	assert_true(packed_add(&world->ring, buffers, count) >= 0);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(virtqueue_push(&world->vq, world->chain.head, 0), 0);
}

static void take_all(struct packed_world *world)
{
	uint32_t id, length;

	while (packed_take_used(&world->ring, &id, &length, NULL))
		;
}

/* Passes `count` chains of one descriptor each as one batch. */
static void pass(struct packed_world *world, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		stage(world, 1);
	assert_int_equal(virtqueue_publish(&world->vq), count);
	take_all(world);
}

static void set_driver_event(struct packed_world *world, uint16_t position, uint16_t flags)
{
	world->ring.driver->off_wrap = htole16(position);
	world->ring.driver->flags = htole16(flags);
}

static void expect_device_event(struct packed_world *world, uint16_t flags, uint16_t position)
{
	assert_int_equal(le16toh(world->ring.device->flags), flags);
	if (flags == DESC)
		assert_int_equal(le16toh(world->ring.device->off_wrap), position);
}

/* -- interrupts ------------------------------------------------------------------- */

static void s_2_8_10_enable_and_disable(void **state)
{
	struct packed_world *world = *state;

	assert_false(virtqueue_needs_interrupt(&world->vq));
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	assert_false(virtqueue_needs_interrupt(&world->vq));
	set_driver_event(world, 0, DISABLE);
	pass(world, 3);
	assert_false(virtqueue_needs_interrupt(&world->vq));
	set_driver_event(world, 0x1234, ENABLE);
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
}

/* DESC is only valid with EVENT_IDX; an interrupt too many does no harm. */
static void s_2_8_10_desc_without_event_idx(void **state)
{
	struct packed_world *world = *state;

	set_driver_event(world, 5, DESC);
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
}

static void ring_28_reserved_flags(void **state)
{
	struct packed_world *world = *state;

	set_driver_event(world, 5, RESERVED);
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	/* 14 bits are reserved, and not looked at */
	set_driver_event(world, 0, 0xfffc | DISABLE);
	pass(world, 1);
	assert_false(virtqueue_needs_interrupt(&world->vq));
	set_driver_event(world, 0, 0xfffc | ENABLE);
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt(&world->vq));
}

static void ring_28_offset_beyond_the_ring(void **state)
{
	static const uint16_t offsets[] = { SIZE, SIZE + 1, 0x7fff, 0x8000 | SIZE, 0xffff };
	struct packed_world *world = *state;

	for (unsigned int i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		set_driver_event(world, offsets[i], DESC);
		pass(world, 1);
		assert_true(virtqueue_needs_interrupt(&world->vq));
	}
}

/*
 * The specification's words as a model: an event triggers when the descriptor at this
 * place is used while the counter is this.
 */
static void s_2_8_10_every_event(void **state)
{
	struct packed_world *world = *state;
	uint32_t random = 5;

	for (unsigned int round = 0; round < 40000; round++) {
		unsigned int count = 1 + driver_random(&random) % SIZE;
		struct packed_at at = world->ring.used;
		struct packed_at wanted = { driver_random(&random) % SIZE,
					    driver_random(&random) % 2 };
		bool due = false;

		for (unsigned int i = 0; i < count; i++, at = packed_step(&world->ring, at, 1))
			due |= at.place == wanted.place && at.wrap == wanted.wrap;
		pass(world, count);
		set_driver_event(world, packed_word(wanted), DESC);
		assert_int_equal(virtqueue_needs_interrupt(&world->vq), due);
	}
}

/* One used descriptor for a list: its places count as used, all of them. */
static void s_2_8_10_event_inside_a_list(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int lap = 0; lap < 3 * SIZE; lap++) {
		for (unsigned int i = 0; i < 4; i++) {
			struct packed_at at = world->ring.used;

			set_driver_event(world, packed_word(packed_step(&world->ring, at, i)), DESC);
			stage(world, 3);
			virtqueue_publish(&world->vq);
			take_all(world);
			assert_int_equal(virtqueue_needs_interrupt(&world->vq), i < 3);
		}
	}
}

static void s_2_8_10_several_batches_at_once(void **state)
{
	struct packed_world *world = *state;

	pass(world, 3);
	pass(world, 2);
	set_driver_event(world, 0x8000 | 1, DESC);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	pass(world, 3);
	set_driver_event(world, 0x8000 | 4, DESC);
	assert_false(virtqueue_needs_interrupt(&world->vq));
}

/* A whole lap and more without a question: whatever it was, it has passed. */
static void s_2_8_10_laps_unasked(void **state)
{
	struct packed_world *world = *state;

	for (unsigned int position = 0; position < 2 * SIZE; position++) {
		uint16_t word = (uint16_t)(position % SIZE | (position / SIZE) << 15);

		for (unsigned int i = 0; i < 2 * SIZE; i++)
			pass(world, 1);
		set_driver_event(world, word, DESC);
		assert_true(virtqueue_needs_interrupt(&world->vq));
	}
	/* the count stops growing, so it does not come round either */
	world->vq.packed.unsignalled = SIZE;
	pass(world, 1);
	assert_int_equal(world->vq.packed.unsignalled, SIZE + 1);
	pass(world, 5);
	assert_int_equal(world->vq.packed.unsignalled, SIZE + 1);
}

/* Exactly one lap: each place once, with one counter. */
static void s_2_8_10_one_lap_unasked(void **state)
{
	struct packed_world *world = *state;

	set_driver_event(world, 0x8000 | 3, DESC);
	pass(world, SIZE);
	assert_true(virtqueue_needs_interrupt(&world->vq));
	set_driver_event(world, 0x8000 | 3, DESC);
	pass(world, SIZE);
	assert_false(virtqueue_needs_interrupt(&world->vq));
}

static void fenced_question_is_the_same(void **state)
{
	struct packed_world *world = *state;

	set_driver_event(world, 0x8000, DESC);
	pass(world, 1);
	assert_true(virtqueue_needs_interrupt_fenced(&world->vq));
	assert_false(virtqueue_needs_interrupt_fenced(&world->vq));
}

static void nothing_published_needs_no_interrupt(void **state)
{
	struct packed_world *world = *state;

	assert_false(virtqueue_needs_interrupt_fenced(&world->vq));
	assert_int_equal(virtqueue_publish(&world->vq), 0);
	assert_false(virtqueue_needs_interrupt(&world->vq));
}

/* -- kicks ------------------------------------------------------------------------- */

static void s_2_8_21_2_kick_enabled_and_disabled(void **state)
{
	struct packed_world *world = *state;
	struct packed_at before = world->ring.avail;

	assert_true(packed_kick_wanted(&world->ring, before));
	virtqueue_disable_kick(&world->vq);
	expect_device_event(world, DISABLE, 0);
	assert_false(packed_kick_wanted(&world->ring, before));
	assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
	expect_device_event(world, ENABLE, 0);
	assert_true(packed_kick_wanted(&world->ring, before));
}

static void s_2_8_14_kick_for_a_descriptor(void **state)
{
	struct packed_world *world = *state;
	struct packed_ring *ring = &world->ring;

	for (unsigned int i = 0; i < 9 * SIZE; i++) {
		struct packed_at before = ring->avail;

		virtqueue_disable_kick(&world->vq);
		expect_device_event(world, DISABLE, 0);
		assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
		expect_device_event(world, DESC, packed_word(before));
		pass(world, 1);
		assert_true(packed_kick_wanted(ring, before));
		before = ring->avail;
		pass(world, 1);
		assert_false(packed_kick_wanted(ring, before));
		if (i % 3 == 0) {
			stage(world, 3);
			virtqueue_publish(&world->vq);
			take_all(world);
		}
	}
}

/* What says it already is not written again, and what is started anew is. */
static void device_event_is_written_when_it_changes(void **state)
{
	struct packed_world *world = *state;

	memset(world->ring.device, 0x77, 4);
	virtqueue_disable_kick(&world->vq);
	expect_device_event(world, DISABLE, 0);
	memset(world->ring.device, 0x77, 4);
	virtqueue_disable_kick(&world->vq);
	assert_int_equal(world->ring.device->flags, 0x7777);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
	expect_device_event(world, DESC, 0x8000);
	memset(world->ring.device, 0x77, 4);
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
	expect_device_event(world, DESC, 0x8000);
	memset(world->ring.device, 0x77, 4);
	assert_int_equal(virtqueue_remap(&world->vq), 0);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
	expect_device_event(world, DESC, 0x8000);
}

static void enable_kick_looks_again(void **state)
{
	struct packed_world *world = *state;

	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 0);
	packed_add_readable(&world->ring, 1);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 1);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 1);
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 0);
}

static void enable_kick_for_more_wants_more(void **state)
{
	struct packed_world *world = *state;
	const struct driver_buffer two[2] = { { DRIVER_HEAP, 1, true }, { DRIVER_HEAP, 1, true } };
	struct packed_at before;

	packed_add(&world->ring, two, 2);
	assert_int_equal(virtqueue_available(&world->vq), 1);
	assert_int_equal(virtqueue_enable_kick_for_more(&world->vq), 0);
	before = world->ring.avail;
	packed_add(&world->ring, two, 2);
	assert_true(packed_kick_wanted(&world->ring, before));
	assert_int_equal(virtqueue_enable_kick_for_more(&world->vq), 1);
	assert_int_equal(virtqueue_enable_kick_for_more(&world->vq), 0);
	assert_int_equal(virtqueue_available(&world->vq), 2);
	/* taken and given back is no news, but is there */
	assert_int_equal(virtqueue_pop(&world->vq, &world->chain), 1);
	assert_int_equal(virtqueue_available(&world->vq), 1);
	assert_int_equal(virtqueue_unpop(&world->vq, world->chain.head), 0);
	assert_int_equal(virtqueue_enable_kick_for_more(&world->vq), 0);
	assert_int_equal(virtqueue_enable_kick(&world->vq), 1);
	assert_int_equal(virtqueue_available(&world->vq), 2);
}

#define PLAIN(name) cmocka_unit_test_setup_teardown(name, plain, teardown)
#define EVENT_IDX(name) cmocka_unit_test_setup_teardown(name, event, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(s_2_8_10_enable_and_disable),
		EVENT_IDX(s_2_8_10_enable_and_disable),
		PLAIN(s_2_8_10_desc_without_event_idx),
		PLAIN(ring_28_reserved_flags),
		EVENT_IDX(ring_28_reserved_flags),
		EVENT_IDX(ring_28_offset_beyond_the_ring),
		EVENT_IDX(s_2_8_10_every_event),
		EVENT_IDX(s_2_8_10_event_inside_a_list),
		EVENT_IDX(s_2_8_10_several_batches_at_once),
		EVENT_IDX(s_2_8_10_laps_unasked),
		EVENT_IDX(s_2_8_10_one_lap_unasked),
		EVENT_IDX(fenced_question_is_the_same),
		PLAIN(nothing_published_needs_no_interrupt),
		EVENT_IDX(nothing_published_needs_no_interrupt),
		PLAIN(s_2_8_21_2_kick_enabled_and_disabled),
		EVENT_IDX(s_2_8_14_kick_for_a_descriptor),
		EVENT_IDX(device_event_is_written_when_it_changes),
		PLAIN(enable_kick_looks_again),
		EVENT_IDX(enable_kick_looks_again),
		PLAIN(enable_kick_for_more_wants_more),
		EVENT_IDX(enable_kick_for_more_wants_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

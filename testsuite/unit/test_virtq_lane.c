// SPDX-License-Identifier: GPL-2.0-or-later
/* Lanes: when they can be opened, what they leave alone, what they publish. Of both formats. */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver_any.h"
#include "vduse/virtio/lane.h"

#define SIZE 8
#define LENGTH 100

/* The features of a format are the state of a test: see BOTH. */
static uint64_t split_ring, packed_ring = RING_PACKED;

static struct any_world started(void **state)
{
	return any_started(SIZE, *(const uint64_t *)*state);
}

static enum vq_lane_kind kind_of(const struct any_world *world)
{
	return world->packed ? VQ_LANE_PACKED : VQ_LANE_SPLIT;
}

/* A chain of one descriptor: its head or buffer id. */
static uint32_t offer(struct any_world *world, bool writable)
{
	struct driver_buffer buffer = { DRIVER_HEAP + 0x1000, LENGTH, writable };

	return (uint32_t)any_add(world, &buffer, 1);
}

static void expect_fit(struct any_world *a, struct any_world *b, bool fit)
{
	enum vq_lane_kind kind = kind_of(a) == VQ_LANE_SPLIT ? VQ_LANE_PACKED : VQ_LANE_SPLIT;

	assert_int_equal(vq_lanes_fit(a->vq, b->vq, &kind), fit);
	if (fit)
		assert_int_equal(kind, kind_of(a));
}

/* `broken` of the two is not as it must be; it does not matter which it is. */
static void expect_none(struct any_world *broken, struct any_world *other)
{
	expect_fit(broken, other, false);
	expect_fit(other, broken, false);
}

static void both_must_run(void **state)
{
	struct any_world a = started(state), b = started(state);

	expect_fit(&a, &b, true);
	virtqueue_break(a.vq, 0, 0);
	expect_none(&a, &b);
	any_free(&a);
	any_free(&b);
}

static void the_memory_must_be_that_of_the_start(void **state)
{
	struct any_world a = started(state), b = started(state);

	vq_memory_remove(a.vq->memory, DRIVER_HEAP, DRIVER_HEAP);
	expect_none(&a, &b);
	assert_int_equal(virtqueue_remap(a.vq), 0);
	expect_fit(&a, &b, true);
	any_free(&a);
	any_free(&b);
}

static void nothing_may_be_in_flight_or_staged(void **state)
{
	struct any_world a = started(state), b = started(state);

	offer(&a, true);
	expect_fit(&a, &b, true);
	assert_int_equal(virtqueue_pop(a.vq, a.chain), 1);
	expect_none(&a, &b);
	assert_int_equal(virtqueue_push(a.vq, a.chain->head, 0), 0);
	expect_none(&a, &b);
	assert_int_equal(virtqueue_publish(a.vq), 1);
	virtqueue_needs_interrupt(a.vq);
	expect_fit(&a, &b, true);
	any_free(&a);
	any_free(&b);
}

static void both_must_be_of_one_format(void **state)
{
	struct any_world a = any_started(SIZE, 0), b = any_started(SIZE, RING_PACKED);

	(void)state;
	expect_none(&a, &b);
	any_free(&a);
	any_free(&b);
}

/* Takes a chain by pop and gives it back, so that the ring goes on. */
static void use_one(struct any_world *world)
{
	uint32_t head, length;

	offer(world, true);
	assert_int_equal(virtqueue_pop(world->vq, world->chain), 1);
	assert_int_equal(virtqueue_push(world->vq, world->chain->head, 1), 0);
	assert_int_equal(virtqueue_publish(world->vq), 1);
	assert_true(any_take_used(world, &head, &length));
}

static void split_lanes_are_as_long_as_what_is_available(void **state)
{
	struct any_world world = started(state);
	uint16_t *index = &world.split->ring.avail->idx;
	struct vq_lane lane;

	assert_int_equal(vq_lane_open(VQ_LANE_SPLIT, &lane, world.vq, false, 4), 0);
	offer(&world, true);
	offer(&world, true);
	assert_int_equal(vq_lane_open(VQ_LANE_SPLIT, &lane, world.vq, false, 1), 1);
	assert_int_equal(vq_lane_open(VQ_LANE_SPLIT, &lane, world.vq, false, 2), 2);
	assert_int_equal(vq_lane_open(VQ_LANE_SPLIT, &lane, world.vq, false, 3), 2);
	/* an index that no driver may have: pop is going to say so */
	*index = htole16(SIZE + 1);
	assert_int_equal(vq_lane_open(VQ_LANE_SPLIT, &lane, world.vq, false, 4), 2);
	assert_int_equal(world.vq->state, VIRTQUEUE_RUNNING);
	*index = htole16(SIZE);
	assert_int_equal(vq_lane_open(VQ_LANE_SPLIT, &lane, world.vq, false, SIZE), SIZE);
	any_free(&world);
}

static void packed_lanes_end_with_the_ring(void **state)
{
	struct any_world world = started(state);
	struct vq_lane lane;

	assert_int_equal(vq_lane_open(VQ_LANE_PACKED, &lane, world.vq, false, SIZE - 1), SIZE - 1);
	assert_int_equal(vq_lane_open(VQ_LANE_PACKED, &lane, world.vq, false, SIZE), SIZE);
	assert_int_equal(vq_lane_open(VQ_LANE_PACKED, &lane, world.vq, false, SIZE + 1), SIZE);
	assert_int_equal(vq_lane_open(VQ_LANE_PACKED, &lane, world.vq, true, SIZE), 1);
	for (unsigned int i = 0; i < 5; i++)
		use_one(&world);
	assert_int_equal(vq_lane_open(VQ_LANE_PACKED, &lane, world.vq, false, 2), 2);
	assert_int_equal(vq_lane_open(VQ_LANE_PACKED, &lane, world.vq, false, 4), 3);
	any_free(&world);
}

/* What a slot remembers of an id is its place in this lane only below the chains that it has. */
static void an_id_is_repeated_within_a_lane(void **state)
{
	struct any_world world = started(state);
	struct vq_lane_chain chain = { 0 };
	struct vq_lane lane;
	uint16_t place;

	offer(&world, true);
	offer(&world, true);
	assert_int_equal(vq_lane_open(VQ_LANE_PACKED, &lane, world.vq, false, 2), 2);
	for (place = 0; place < 3; place++) {
		assert_true(vq_lane_peek(VQ_LANE_PACKED, &lane, 0, VQ_WINDOW_WRITE, &chain));
		vq_lane_use(VQ_LANE_PACKED, &lane, 0, &chain, 1);
		world.vq->slots[1].lane_position = (uint16_t)(lane.position + place);
		assert_int_equal(vq_lane_peek(VQ_LANE_PACKED, &lane, 1, VQ_WINDOW_WRITE, &chain),
				 place > 0);
	}
	any_free(&world);
}

/* A lane for one chain and one for more say the same. */
static bool peek(struct any_world *world, enum vq_window_use use, struct vq_lane_chain *chain)
{
	enum vq_lane_kind kind = kind_of(world);
	struct vq_lane lane;
	bool seen;

	vq_lane_open(kind, &lane, world->vq, true, 1);
	seen = vq_lane_peek(kind, &lane, 0, use, chain);
	vq_lane_open(kind, &lane, world->vq, false, 2);
	assert_int_equal(vq_lane_peek(kind, &lane, 0, use, chain), seen);
	return seen;
}

/* Two that are available are seen at a glance, over the end of the ring too; and not taken. */
static void a_second_one_is_seen(void **state)
{
	struct any_world world = started(state);
	enum vq_lane_kind kind = kind_of(&world);

	for (unsigned int i = 0; i < 3 * SIZE; i++) {
		uint32_t head, length;

		assert_true(vq_lane_alone(kind, world.vq));
		offer(&world, true);
		assert_true(vq_lane_alone(kind, world.vq));
		offer(&world, true);
		assert_false(vq_lane_alone(kind, world.vq));
		for (unsigned int j = 0; j < 2; j++) {
			assert_int_equal(virtqueue_pop(world.vq, world.chain), 1);
			virtqueue_push(world.vq, world.chain->head, 1);
		}
		virtqueue_publish(world.vq);
		while (any_take_used(&world, &head, &length))
			;
		/* now at an odd place, then at an even one */
		use_one(&world);
	}
	any_free(&world);
}

static void what_is_there_is_seen(void **state)
{
	struct any_world world = started(state);
	struct vq_lane_chain chain;
	uint32_t head;

	assert_false(peek(&world, VQ_WINDOW_WRITE, &chain));
	head = offer(&world, true);
	assert_false(peek(&world, VQ_WINDOW_READ, &chain));
	assert_true(peek(&world, VQ_WINDOW_WRITE, &chain));
	assert_int_equal(chain.head, head);
	assert_int_equal(chain.length, LENGTH);
	assert_ptr_equal(chain.base, any_at(&world, DRIVER_HEAP + 0x1000));
	any_free(&world);
	world = started(state);
	offer(&world, false);
	assert_false(peek(&world, VQ_WINDOW_WRITE, &chain));
	assert_true(peek(&world, VQ_WINDOW_READ, &chain));
	any_free(&world);
}

/* ring_10, ring_26: the first name that is none */
static void a_name_out_of_range_is_left_alone(void **state)
{
	struct any_world world = started(state);
	struct vq_lane_chain chain;

	if (world.packed)
		packed_put(&world.packed->ring, DRIVER_HEAP, LENGTH, SIZE, 0);
	else
		driver_offer(&world.split->ring, SIZE);
	assert_false(peek(&world, VQ_WINDOW_READ, &chain));
	any_free(&world);
}

/* ring_16, ring_23 and what is just not simple: any other flag */
static void other_flags_are_left_alone(void **state)
{
	for (unsigned int bit = 0; bit < 16; bit++) {
		struct any_world world = started(state);
		struct vq_lane_chain chain;

		offer(&world, false);
		if (world.packed)
			world.packed->ring.desc[0].flags ^= htole16((uint16_t)(1u << bit));
		else
			world.split->ring.desc[0].flags ^= htole16((uint16_t)(1u << bit));
		assert_false(peek(&world, VQ_WINDOW_READ, &chain));
		any_free(&world);
	}
}

static void an_unmapped_buffer_is_left_alone(void **state)
{
	struct any_world world = started(state);
	struct driver_buffer buffer = { DRIVER_HEAP + DRIVER_HEAP_SIZE - LENGTH + 1, LENGTH, false };
	struct vq_lane_chain chain;

	any_add(&world, &buffer, 1);
	assert_false(peek(&world, VQ_WINDOW_READ, &chain));
	any_free(&world);
}

/* The next two chains on each of two lanes, published: VQ_PAIR_*. */
static unsigned int carry_two(struct any_world *to, struct any_world *from)
{
	enum vq_lane_kind kind = kind_of(to);
	struct vq_lane_chain frame = { .head = 0 }, buffer = { .head = 0 };
	struct vq_lane sent = { .vq = NULL }, received = sent;

	assert_int_equal(vq_lane_open(kind, &received, to->vq, false, 2), 2);
	assert_int_equal(vq_lane_open(kind, &sent, from->vq, false, 2), 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(vq_lane_peek(kind, &received, i, VQ_WINDOW_WRITE, &buffer));
		assert_true(vq_lane_peek(kind, &sent, i, VQ_WINDOW_READ, &frame));
		vq_lane_use(kind, &sent, i, &frame, 0);
		vq_lane_use(kind, &received, i, &buffer, 42 + i);
	}
	return vq_lane_publish(kind, &received, &sent, 2);
}

static unsigned int carry(struct any_world *to, struct any_world *from)
{
	for (uint32_t i = 0; i < 2; i++) {
		offer(to, true);
		offer(from, false);
	}
	return carry_two(to, from);
}

static void expect_used(struct any_world *world, uint32_t first, uint32_t second)
{
	uint32_t head, length;

	assert_true(any_take_used(world, &head, &length));
	assert_int_equal(length, first);
	assert_true(any_take_used(world, &head, &length));
	assert_int_equal(length, second);
	assert_false(any_take_used(world, &head, &length));
}

static void each_driver_is_told_what_it_wants(void **state)
{
	for (unsigned int wanted = 0; wanted < 4; wanted++) {
		struct any_world to = started(state), from = started(state);
		unsigned int told = 0;

		any_want_interrupt(&to, wanted & 1);
		any_want_interrupt(&from, wanted & 2);
		told |= wanted & 1 ? VQ_PAIR_FIRST : VQ_PAIR_FIRST_SILENT;
		told |= wanted & 2 ? VQ_PAIR_SECOND : VQ_PAIR_SECOND_SILENT;
		assert_int_equal(carry(&to, &from), told);
		expect_used(&to, 42, 43);
		expect_used(&from, 0, 0);
		/* and then other chains by pop, which know nothing of lanes */
		use_one(&to);
		use_one(&from);
		any_free(&to);
		any_free(&from);
	}
}

/* 2.7.10, 2.8.10: an event that is not among the chains of the lane, and one that is */
static void an_event_is_asked_for(void **state)
{
	for (uint16_t event = 0; event < 3; event++) {
		struct any_world to, from = started(state);
		unsigned int told = event < 2 ? VQ_PAIR_FIRST : VQ_PAIR_FIRST_SILENT;

		to = any_started(SIZE, *(const uint64_t *)*state | UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX);
		any_want_interrupt(&from, false);
		if (to.packed) {
			to.packed->ring.driver->off_wrap = htole16(event | 1 << 15);
			to.packed->ring.driver->flags = htole16(VRING_PACKED_EVENT_FLAG_DESC);
		} else {
			to.split->ring.avail->ring[SIZE] = htole16(event);
		}
		assert_int_equal(carry(&to, &from), told | VQ_PAIR_SECOND_SILENT);
		any_free(&to);
		any_free(&from);
	}
}

/*
 * What was published before and not asked about is asked about now, and then no more; packed:
 * before there is another lane.
 */
static void what_was_owed_is_settled(void **state)
{
	struct any_world to = started(state), from = started(state);

	any_want_interrupt(&to, false);
	any_want_interrupt(&from, false);
	use_one(&to);
	assert_int_equal(to.vq->unsignalled, 1);
	if (to.packed) {
		expect_none(&to, &from);
		assert_false(virtqueue_needs_interrupt(to.vq));
		expect_fit(&to, &from, true);
	}
	assert_int_equal(carry(&to, &from), VQ_PAIR_FIRST_SILENT | VQ_PAIR_SECOND_SILENT);
	assert_int_equal(to.vq->unsignalled, 0);
	any_free(&to);
	any_free(&from);
}

/* What was seen to be available before the lane took some of it. */
static void what_was_seen_becomes_less(void **state)
{
	struct any_world to = started(state), from = started(state);

	for (unsigned int i = 0; i < 3; i++) {
		offer(&to, true);
		offer(&from, false);
	}
	assert_int_equal(virtqueue_available(to.vq), 3);
	carry_two(&to, &from);
	/* the third is nothing new */
	assert_int_equal(virtqueue_enable_kick_for_more(to.vq), 0);
	assert_int_equal(virtqueue_available(to.vq), 1);
	assert_int_equal(virtqueue_pop(to.vq, to.chain), 1);
	assert_int_equal(virtqueue_available(to.vq), 0);
	any_free(&to);
	any_free(&from);
}

static void kicks_are_disabled(void **state)
{
	struct any_world world = started(state);
	uint16_t before = any_mark(&world);

	assert_int_equal(virtqueue_enable_kick(world.vq), 0);
	offer(&world, true);
	assert_true(any_kick_wanted(&world, before));
	vq_lane_disable_kick(kind_of(&world), world.vq);
	assert_false(any_kick_wanted(&world, before));
	any_free(&world);
}

/* The device area may be other memory after a remap: what it said before does not count. */
static void packed_kicks_are_disabled_anew(void **state)
{
	struct any_world world = started(state);
	uint16_t before = any_mark(&world);

	vq_lane_disable_kick(VQ_LANE_PACKED, world.vq);
	vq_memory_remove(world.vq->memory, DRIVER_HEAP, DRIVER_HEAP);
	assert_int_equal(virtqueue_remap(world.vq), 0);
	world.packed->ring.device->flags = 0;
	assert_true(any_kick_wanted(&world, before));
	vq_lane_disable_kick(VQ_LANE_PACKED, world.vq);
	assert_false(any_kick_wanted(&world, before));
	any_free(&world);
}

/* Stages a chain, or not. */
static void stage(struct any_world *world, bool staged)
{
	if (!staged)
		return;
	offer(world, true);
	assert_int_equal(virtqueue_pop(world->vq, world->chain), 1);
	assert_int_equal(virtqueue_push(world->vq, world->chain->head, 1), 0);
}

/* virtqueue_publish_pair(), which lanes do as well: each of the two with and without chains. */
static void a_pair_is_told_of_what_was_published(void **state)
{
	for (unsigned int way = 0; way < 16; way++) {
		struct any_world first = started(state), second = started(state);
		unsigned int told = 0;

		any_want_interrupt(&first, way & 1);
		any_want_interrupt(&second, way & 2);
		stage(&first, way & 4);
		stage(&second, way & 8);
		if (way & 4)
			told |= way & 1 ? VQ_PAIR_FIRST : VQ_PAIR_FIRST_SILENT;
		if (way & 8)
			told |= way & 2 ? VQ_PAIR_SECOND : VQ_PAIR_SECOND_SILENT;
		assert_int_equal(virtqueue_publish_pair(first.vq, second.vq), told);
		any_free(&first);
		any_free(&second);
	}
}

/* 2.8.3: WRITE says that something was written; a buffer that was only read has it not. */
static void packed_elements_say_what_was_written(void **state)
{
	struct any_world to = started(state), from = started(state);
	uint32_t id, length;
	uint16_t flags;

	carry(&to, &from);
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(packed_take_used(&to.packed->ring, &id, &length, &flags));
		assert_int_equal(flags & P_WRITE, P_WRITE);
		assert_true(packed_take_used(&from.packed->ring, &id, &length, &flags));
		assert_int_equal(flags & P_WRITE, 0);
	}
	any_free(&to);
	any_free(&from);
}

#define SPLIT(name) { #name "_split", name, NULL, NULL, &split_ring }
#define PACKED(name) { #name "_packed", name, NULL, NULL, &packed_ring }
#define BOTH(name) SPLIT(name), PACKED(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(both_must_run),
		BOTH(the_memory_must_be_that_of_the_start),
		BOTH(nothing_may_be_in_flight_or_staged),
		cmocka_unit_test(both_must_be_of_one_format),
		SPLIT(split_lanes_are_as_long_as_what_is_available),
		PACKED(packed_lanes_end_with_the_ring),
		PACKED(an_id_is_repeated_within_a_lane),
		BOTH(a_second_one_is_seen),
		BOTH(what_is_there_is_seen),
		BOTH(a_name_out_of_range_is_left_alone),
		BOTH(other_flags_are_left_alone),
		BOTH(an_unmapped_buffer_is_left_alone),
		BOTH(each_driver_is_told_what_it_wants),
		BOTH(an_event_is_asked_for),
		BOTH(what_was_owed_is_settled),
		BOTH(what_was_seen_becomes_less),
		BOTH(kicks_are_disabled),
		PACKED(packed_elements_say_what_was_written),
		PACKED(packed_kicks_are_disabled_anew),
		BOTH(a_pair_is_told_of_what_was_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

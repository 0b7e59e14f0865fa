/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One random sequence of what a driver and a device do, applied to a split virtqueue, to a
 * packed one and to a model: what the device was given and what the driver got back must be
 * equal. The model is a list of chains and knows of no ring.
 *
 * Chains of any shape, both directions, direct and indirect, taken, given back, returned in
 * any order or in order, in batches of any size, with notifications suppressed and wanted,
 * with a device that dies now and then, over many laps of the rings.
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

#include "testsuite/unit/driver_packed.h"
#include "testsuite/unit/driver_ring.h"
#include "vduse/virtio/cursor.h"

#define SIZE 32
#define BUFFERS_MAX 7
#define BUFFER_ROOM 64
#define CHAIN_ROOM (BUFFERS_MAX * BUFFER_ROOM)
#define INDIRECT (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)
#define IN_ORDER (UINT64_C(1) << VIRTIO_F_IN_ORDER)

enum { SPLIT, PACKED, FORMATS };

/* A chain of the model; the two rings name it each in their own way. */
struct chain {
	unsigned int number;
	unsigned int readable, writable;	/* buffers */
	uint32_t lengths[BUFFERS_MAX];
	bool indirect;
	uint16_t names[FORMATS];
	uint32_t written;
	unsigned int area;			/* of the heap */
};

struct sequence {
	uint32_t random;
	uint64_t features;
	unsigned int made;
	struct driver_world *split;
	struct packed_world *packed;
	struct virtqueue *vq[FORMATS];
	/* the model: chains wait, are held by the device, are staged, or are published */
	struct chain offered[SIZE], held[SIZE], staged[SIZE], published[SIZE];
	unsigned int offers, holds, stages, publications;
	bool area_taken[SIZE];
	bool wants_interrupt;
	unsigned long taken, returned, refused, deaths, interrupts;
};

static uint32_t pick(struct sequence *sequence, uint32_t below)
{
	return driver_random(&sequence->random) % below;
}

static void append(struct chain *list, unsigned int *count, const struct chain *chain)
{
	list[(*count)++] = *chain;
}

static struct chain remove_at(struct chain *list, unsigned int *count, unsigned int index)
{
	struct chain chain = list[index];

	(*count)--;
	memmove(list + index, list + index + 1, (*count - index) * sizeof(*list));
	return chain;
}

static uint8_t *heap(struct sequence *sequence, unsigned int format)
{
	return format == SPLIT ? sequence->split->ring.heap : sequence->packed->ring.heap;
}

/* -- the driver --------------------------------------------------------------------------- */

static uint32_t offset_of(const struct chain *chain, unsigned int buffer)
{
	return DRIVER_HEAP_SIZE / 2 + chain->area * CHAIN_ROOM + buffer * BUFFER_ROOM;
}

static struct chain make_chain(struct sequence *sequence)
{
	struct chain chain = { .number = sequence->made };

	while (sequence->area_taken[chain.area])
		chain.area++;
	chain.readable = pick(sequence, 4);
	chain.writable = pick(sequence, 4) + !chain.readable;
	for (unsigned int i = 0; i < chain.readable + chain.writable; i++)
		chain.lengths[i] = 1 + pick(sequence, BUFFER_ROOM);
	chain.indirect = sequence->features & INDIRECT && pick(sequence, 2);
	return chain;
}

/* Writes the chain's bytes and offers it: false when this ring has no room. */
static bool offer_to(struct sequence *sequence, struct chain *chain, unsigned int format)
{
	unsigned int count = chain->readable + chain->writable;
	struct driver_buffer buffers[BUFFERS_MAX];
	int name;

	for (unsigned int i = 0; i < count; i++) {
		uint32_t offset = offset_of(chain, i);

		buffers[i] = (struct driver_buffer){ DRIVER_HEAP + offset, chain->lengths[i],
						     i >= chain->readable };
		memset(heap(sequence, format) + offset,
		       i < chain->readable ? (int)(chain->number * 7 + i) : 0, BUFFER_ROOM);
	}
	if (format == SPLIT)
		name = driver_add_indirect(&sequence->split->ring, buffers, count,
					   chain->indirect ? 0 : count);
	else if (chain->indirect)
		name = packed_add_indirect(&sequence->packed->ring, buffers, count);
	else
		name = packed_add(&sequence->packed->ring, buffers, count);
	chain->names[format] = (uint16_t)name;
	return name >= 0;
}

static void offer(struct sequence *sequence)
{
	unsigned int out = sequence->offers + sequence->holds + sequence->stages +
			   sequence->publications;
	struct chain chain;

	if (out == SIZE)
		return;
	chain = make_chain(sequence);
	if (sequence->split->ring.free_count < chain.readable + chain.writable)
		return;
	/* tables, at the beginning of the heap, are wanted until their chains are published */
	if (!sequence->offers && !sequence->holds && !sequence->stages) {
		driver_heap_reset(&sequence->split->ring);
		sequence->packed->ring.heap_used = 0;
	} else if (sequence->packed->ring.heap_used > DRIVER_HEAP_SIZE / 4) {
		return;
	}
	/* both have room, or none: they count descriptors in the same way */
	assert_true(offer_to(sequence, &chain, SPLIT));
	assert_true(offer_to(sequence, &chain, PACKED));
	sequence->area_taken[chain.area] = true;
	sequence->made++;
	append(sequence->offered, &sequence->offers, &chain);
}

static bool take_used(struct sequence *sequence, unsigned int format, uint32_t *name,
		      uint32_t *length)
{
	if (format == SPLIT)
		return driver_take_used(&sequence->split->ring, name, length);
	return packed_take_used(&sequence->packed->ring, name, length, NULL);
}

/* What the driver finds in a chain that has come back. */
static void check_returned(struct sequence *sequence, const struct chain *chain, unsigned int format)
{
	uint32_t seen = 0;

	for (unsigned int i = chain->readable; i < chain->readable + chain->writable; i++) {
		const uint8_t *bytes = heap(sequence, format) + offset_of(chain, i);

		for (uint32_t j = 0; j < BUFFER_ROOM; j++) {
			bool inside = j < chain->lengths[i] && seen < chain->written;

			assert_int_equal(bytes[j], inside ? (uint8_t)(chain->number * 3 + 1) : 0);
			seen += inside;
		}
	}
}

static void collect(struct sequence *sequence)
{
	while (sequence->publications) {
		struct chain chain = remove_at(sequence->published, &sequence->publications, 0);

		for (unsigned int format = 0; format < FORMATS; format++) {
			uint32_t name, length;

			assert_true(take_used(sequence, format, &name, &length));
			assert_int_equal(name, chain.names[format]);
			assert_int_equal(length, chain.written);
			check_returned(sequence, &chain, format);
		}
		sequence->area_taken[chain.area] = false;
		sequence->returned++;
	}
	for (unsigned int format = 0; format < FORMATS; format++) {
		uint32_t name, length;

		assert_false(take_used(sequence, format, &name, &length));
	}
}

/* With EVENT_IDX a wish is for the next element, and is used up by it. */
static void wish(struct sequence *sequence, bool wanted)
{
	collect(sequence);
	sequence->wants_interrupt = wanted;
	driver_want_interrupt(&sequence->split->ring, sequence->wants_interrupt);
	packed_want_interrupt(&sequence->packed->ring, sequence->wants_interrupt);
}

/* -- the device ---------------------------------------------------------------------------- */

static struct vq_chain *chain_of(struct sequence *sequence, unsigned int format)
{
	return format == SPLIT ? &sequence->split->chain : &sequence->packed->chain;
}

static void check_taken(struct sequence *sequence, const struct chain *chain, unsigned int format)
{
	const struct vq_chain *taken = chain_of(sequence, format);
	unsigned int count = chain->readable + chain->writable;

	assert_int_equal(taken->head, chain->names[format]);
	assert_int_equal(taken->readable_segments, chain->readable);
	assert_int_equal(taken->writable_segments, chain->writable);
	for (unsigned int i = 0; i < count; i++) {
		assert_ptr_equal(taken->segments[i].iov_base,
				 heap(sequence, format) + offset_of(chain, i));
		assert_int_equal(taken->segments[i].iov_len, chain->lengths[i]);
	}
	for (unsigned int i = 0; i < chain->readable; i++)
		assert_int_equal(*(uint8_t *)taken->segments[i].iov_base,
				 (uint8_t)(chain->number * 7 + i));
}

static void take(struct sequence *sequence)
{
	struct chain chain;

	for (unsigned int format = 0; format < FORMATS; format++)
		assert_int_equal(virtqueue_pop(sequence->vq[format], chain_of(sequence, format)),
				 sequence->offers > 0);
	if (!sequence->offers)
		return;
	chain = remove_at(sequence->offered, &sequence->offers, 0);
	for (unsigned int format = 0; format < FORMATS; format++)
		check_taken(sequence, &chain, format);
	append(sequence->held, &sequence->holds, &chain);
	sequence->taken++;
}

/* How much of a chain is writable. */
static uint32_t room_of(const struct chain *chain)
{
	uint32_t room = 0;

	for (unsigned int i = chain->readable; i < chain->readable + chain->writable; i++)
		room += chain->lengths[i];
	return room;
}

static void write_into(struct sequence *sequence, const struct chain *chain, unsigned int format)
{
	struct iovec segments[BUFFERS_MAX];
	struct vq_cursor cursor;
	uint8_t byte = (uint8_t)(chain->number * 3 + 1);

	for (unsigned int i = 0; i < chain->writable; i++)
		segments[i] = (struct iovec){
			heap(sequence, format) + offset_of(chain, chain->readable + i),
			chain->lengths[chain->readable + i],
		};
	vq_cursor_init(&cursor, segments, chain->writable);
	for (uint32_t i = 0; i < chain->written; i++)
		assert_int_equal(vq_cursor_write(&cursor, &byte, 1), 1);
}

/* One of the chains held is staged; with IN_ORDER any but the first is refused. */
static void stage(struct sequence *sequence)
{
	unsigned int index;
	struct chain chain;
	int expected = 0;

	if (!sequence->holds)
		return;
	index = pick(sequence, sequence->holds);
	if (pick(sequence, 3))
		index = 0;
	chain = sequence->held[index];
	chain.written = pick(sequence, room_of(&chain) + 1);
	if (sequence->features & IN_ORDER && index)
		expected = -EINVAL;
	for (unsigned int format = 0; format < FORMATS; format++) {
		if (!expected)
			write_into(sequence, &chain, format);
		assert_int_equal(virtqueue_push(sequence->vq[format], chain.names[format],
						room_of(&chain) + 1), -EINVAL);
		assert_int_equal(virtqueue_push(sequence->vq[format], chain.names[format],
						chain.written), expected);
	}
	if (expected) {
		sequence->refused++;
		return;
	}
	remove_at(sequence->held, &sequence->holds, index);
	append(sequence->staged, &sequence->stages, &chain);
}

/* The chains taken last go back, as long as none of those before was staged meanwhile. */
static void give_back(struct sequence *sequence)
{
	unsigned int first = sequence->holds ? pick(sequence, sequence->holds) : 0;

	while (sequence->holds > first) {
		struct chain *last = &sequence->held[sequence->holds - 1];

		/* the last of all that were taken is the last one held, or it is not held */
		if (sequence->taken && last->number + 1 != sequence->made - sequence->offers)
			return;
		for (unsigned int format = 0; format < FORMATS; format++)
			assert_int_equal(virtqueue_unpop(sequence->vq[format], last->names[format]), 0);
		memmove(sequence->offered + 1, sequence->offered,
			sequence->offers * sizeof(*sequence->offered));
		sequence->offered[0] = remove_at(sequence->held, &sequence->holds,
						 sequence->holds - 1);
		sequence->offers++;
		sequence->taken--;
	}
}

static void publish(struct sequence *sequence)
{
	unsigned int count = sequence->stages;
	bool asked[FORMATS];

	for (unsigned int format = 0; format < FORMATS; format++)
		assert_int_equal(virtqueue_publish(sequence->vq[format]), count);
	while (sequence->stages) {
		struct chain chain = remove_at(sequence->staged, &sequence->stages, 0);

		append(sequence->published, &sequence->publications, &chain);
	}
	for (unsigned int format = 0; format < FORMATS; format++)
		asked[format] = virtqueue_needs_interrupt(sequence->vq[format]);
	assert_int_equal(asked[SPLIT], asked[PACKED]);
	assert_int_equal(asked[SPLIT], count && sequence->wants_interrupt);
	if (!asked[SPLIT])
		return;
	sequence->interrupts++;
	wish(sequence, pick(sequence, 8));
}

static void count_available(struct sequence *sequence)
{
	for (unsigned int format = 0; format < FORMATS; format++)
		assert_int_equal(virtqueue_available(sequence->vq[format]), sequence->offers);
}

/* Suppresses kicks, or wants them; then the driver is asked for the chains to come. */
static void kicks(struct sequence *sequence)
{
	uint16_t before_split = sequence->split->ring.avail_idx;
	struct packed_at before_packed = sequence->packed->ring.avail;
	unsigned int before = sequence->made;
	/* with chains there a device does not sleep, and what it asks for means nothing */
	bool wanted = !sequence->offers && pick(sequence, 2);

	for (unsigned int format = 0; format < FORMATS; format++) {
		virtqueue_disable_kick(sequence->vq[format]);
		if (wanted)
			assert_int_equal(virtqueue_enable_kick(sequence->vq[format]), 0);
	}
	offer(sequence);
	if (sequence->made == before)
		return;
	/* a split ring with EVENT_IDX cannot say "never" */
	assert_int_equal(packed_kick_wanted(&sequence->packed->ring, before_packed), wanted);
	if (wanted || !(sequence->features & EVENT))
		assert_int_equal(driver_kick_wanted(&sequence->split->ring, before_split), wanted);
}

static void resume(struct virtqueue *vq, struct virtqueue_config config)
{
	memset(vq, 0x77, sizeof(*vq));
	config.resume = true;
	assert_int_equal(virtqueue_start(vq, &config), 0);
	assert_int_equal(virtqueue_roll_forward(vq), 0);
}

/*
 * Between two publications: what was staged or held is there again. Only with IN_ORDER, for
 * the position is exact in that case.
 */
static void die(struct sequence *sequence)
{
	struct chain again[SIZE];
	unsigned int count = 0;

	if (!(sequence->features & IN_ORDER))
		return;
	resume(sequence->vq[SPLIT], sequence->split->config);
	resume(sequence->vq[PACKED], sequence->packed->config);
	sequence->taken -= sequence->stages + sequence->holds;
	while (sequence->stages) {
		struct chain chain = remove_at(sequence->staged, &sequence->stages, 0);

		append(again, &count, &chain);
	}
	while (sequence->holds) {
		struct chain chain = remove_at(sequence->held, &sequence->holds, 0);

		append(again, &count, &chain);
	}
	while (sequence->offers) {
		struct chain chain = remove_at(sequence->offered, &sequence->offers, 0);

		append(again, &count, &chain);
	}
	for (unsigned int i = 0; i < count; i++) {
		/* what the one that died has written is not there for this comparison */
		for (unsigned int format = 0; format < FORMATS; format++)
			for (unsigned int j = again[i].readable;
			     j < again[i].readable + again[i].writable; j++)
				memset(heap(sequence, format) + offset_of(&again[i], j), 0, BUFFER_ROOM);
		append(sequence->offered, &sequence->offers, &again[i]);
	}
	sequence->deaths++;
}

static void step(struct sequence *sequence)
{
	switch (pick(sequence, 32)) {
	case 0 ... 9:
		offer(sequence);
		break;
	case 10 ... 17:
		take(sequence);
		break;
	case 18 ... 23:
		stage(sequence);
		break;
	case 24 ... 25:
		publish(sequence);
		break;
	case 26 ... 27:
		collect(sequence);
		break;
	case 28:
		give_back(sequence);
		break;
	case 29:
		wish(sequence, pick(sequence, 2));
		break;
	case 30:
		kicks(sequence);
		break;
	default:
		if (pick(sequence, 4))
			count_available(sequence);
		else
			die(sequence);
	}
}

static void run(uint64_t features, uint32_t seed)
{
	struct sequence sequence = { .random = seed, .features = features,
				     .wants_interrupt = true };

	sequence.split = driver_world_started(SIZE, features);
	sequence.packed = packed_world_started(SIZE, features);
	sequence.vq[SPLIT] = &sequence.split->vq;
	sequence.vq[PACKED] = &sequence.packed->vq;
	/* both ask for an interrupt in the way that they have for it */
	driver_want_interrupt(&sequence.split->ring, true);
	packed_want_interrupt(&sequence.packed->ring, true);
	while (sequence.returned < 70000)
		step(&sequence);
	for (unsigned int format = 0; format < FORMATS; format++) {
		assert_int_equal(sequence.vq[format]->state, VIRTQUEUE_RUNNING);
		assert_int_equal(sequence.vq[format]->in_flight, sequence.holds);
	}
	print_message("# %lu chains, %lu interrupts, %lu refused, %lu deaths\n", sequence.returned,
		      sequence.interrupts, sequence.refused, sequence.deaths);
	assert_true(sequence.interrupts > 100);
	driver_world_free(sequence.split);
	packed_world_free(sequence.packed);
}

static void any_order(void **state)
{
	(void)state;
	run(0, 101);
}

static void any_order_indirect_with_events(void **state)
{
	(void)state;
	run(INDIRECT | EVENT, 102);
}

static void in_order_indirect(void **state)
{
	(void)state;
	run(INDIRECT | IN_ORDER, 103);
}

static void in_order_with_events(void **state)
{
	(void)state;
	run(IN_ORDER | EVENT, 104);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(any_order_indirect_with_events),
		cmocka_unit_test(in_order_indirect),
		cmocka_unit_test(in_order_with_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that is killed at any instruction (virtqueue.h, "Position and recovery").
 *
 * A batch goes through pop, push and publish, and each state in which a death would leave the
 * rest is kept: film.h. (The quick way of the device: test_forward_kill.c.) From every one a
 * successor resumes, and may be killed in turn, at any instruction of that. In the end the
 * driver must have every chain back once, with what was written; with a driver that does
 * nothing meanwhile, and with one that takes what is used and reuses the places before the
 * successor comes.
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

#include "film.h"

#define CHAINS 3

/* -- a driver and a device of either format -------------------------------------------- */

struct place {
	struct any_world world;
	uint32_t offered, returned;	/* chains, counted */
	uint32_t written[64];		/* by head: what the device is going to say */
	bool out[64];
};

/* 1 to 3 buffers: the last one is writable, and says in its length which chain it is. */
static void offer(struct place *place)
{
	unsigned int count = 1 + place->offered % 3;
	uint32_t written = 1 + place->offered % 60;
	struct driver_buffer buffers[3];
	int head;

	for (unsigned int i = 0; i < count; i++)
		buffers[i] = (struct driver_buffer){ DRIVER_HEAP + 64 * i, 4, false };
	buffers[count - 1] = (struct driver_buffer){ DRIVER_HEAP + 4096, written, true };
	head = any_add(&place->world, buffers, count);
	if (head < 0)
		return;
	place->offered++;
	place->written[head] = written;
	place->out[head] = true;
}

static void take_returned(struct place *place)
{
	uint32_t head, length;

	while (any_take_used(&place->world, &head, &length)) {
		assert_true(place->out[head]);
		assert_int_equal(length, place->written[head]);
		place->out[head] = false;
		place->returned++;
	}
}

/* The device's work: everything that is there, as one batch. */
static void work(void *context)
{
	struct place *place = context;

	while (virtqueue_pop(place->world.vq, place->world.chain) == 1)
		virtqueue_push(place->world.vq, place->world.chain->head, place->world.chain->writable);
	virtqueue_publish(place->world.vq);
}

static void resume(void *context)
{
	struct place *place = context;

	if (!virtqueue_start(place->world.vq, place->world.config))
		virtqueue_roll_forward(place->world.vq);
}

static void place_open(struct place *place, bool packed, unsigned int laps)
{
	uint32_t size = packed ? CHAINS * 2 + 1 : 8;

	*place = (struct place){ .world = any_started(size, packed ? RING_PACKED : 0) };
	/* to another place in the ring */
	for (unsigned int i = 0; i < laps; i++) {
		offer(place);
		work(place);
		take_returned(place);
	}
}

/* All that a death leaves, and what the driver knows. */
static void film_place(struct film *film, struct place *place)
{
	*film = (struct film){ .count = 0 };
	film_piece(film, place, sizeof(*place));
	film_world(film, &place->world);
}

/* Nothing is lost and nothing comes twice, now and in two more rounds. */
static void expect_all_returned(struct place *place)
{
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(place->world.vq->state, VIRTQUEUE_RUNNING);
		work(place);
		take_returned(place);
		assert_int_equal(place->returned, place->offered);
		offer(place);
		offer(place);
	}
}

static void successor(struct place *place)
{
	memset(place->world.vq, 0x5a, sizeof(*place->world.vq));
	assert_int_equal(virtqueue_start(place->world.vq, place->world.config), 0);
	assert_true(virtqueue_roll_forward(place->world.vq) >= 0);
	expect_all_returned(place);
}

/* As successor(), from every state that one of its own kind can leave when it dies. */
static void successors_of_successors(struct place *place, unsigned long *deaths)
{
	struct film film;

	film_place(&film, place);
	memset(place->world.vq, 0xa5, sizeof(*place->world.vq));
	film_work(&film, resume, place);
	for (unsigned int i = 0; i < film.count; i++) {
		film_restore(&film, i);
		successor(place);
	}
	*deaths += film.instructions;
	free(film.states);
}

struct tally {
	unsigned long instructions, twice;
	unsigned int states;
};

/* One batch, beginning where so many batches of one chain have led. */
static void die_everywhere(bool packed, unsigned int laps, bool driver_acts, struct tally *tally)
{
	struct place place;
	struct film film;

	place_open(&place, packed, laps);
	for (unsigned int i = 0; i < CHAINS; i++)
		offer(&place);
	film_place(&film, &place);
	film_work(&film, work, &place);
	place.world.config->resume = true;
	for (unsigned int i = 0; i < film.count; i++) {
		film_restore(&film, i);
		if (driver_acts) {
			take_returned(&place);
			offer(&place);
			offer(&place);
		}
		successors_of_successors(&place, &tally->twice);
	}
	tally->instructions += film.instructions;
	tally->states += film.count;
	free(film.states);
	any_free(&place.world);
}

static void killed_at_every_instruction(bool packed)
{
	struct tally tally = { 0 };

	for (unsigned int laps = 0; laps < 4; laps += 3)
		for (unsigned int acts = 0; acts < 2; acts++)
			die_everywhere(packed, laps, acts, &tally);
	print_message("%lu instructions, %u states, then %lu instructions of successors\n",
		      tally.instructions, tally.states, tally.twice);
	assert_true(tally.states > 60);
}

static void split_killed_at_every_instruction(void **state)
{
	(void)state;
	killed_at_every_instruction(false);
}

static void packed_killed_at_every_instruction(void **state)
{
	(void)state;
	killed_at_every_instruction(true);
}

int main(void)
{
	return film_main(split_killed_at_every_instruction, packed_killed_at_every_instruction);
}

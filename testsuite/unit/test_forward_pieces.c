/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that is killed at any instruction while it delivers frames in pieces (progress.h), to
 * a receiver that is short of buffers at any piece: so many, one by one, that the process comes to
 * hold a frame somewhere, then none, one, two or all that it takes, and a death on the way to where
 * they end. A successor goes on, with a buffer at a time, and is killed at any instruction in turn,
 * for some of the deaths. Every piece comes once. The control is a successor that does not look at
 * the progress: for it, pieces come twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "film.h"
#include "forward_pieces.h"

/* What is sent, in pieces. */
static const unsigned int frames[] = { 3, 1, 2 };
#define FRAMES (sizeof(frames) / sizeof(frames[0]))
#define TOTAL 6u

static struct pieces_process process;

struct tally {
	unsigned long instructions, again;
	unsigned int states, successors, lost, doubled, control_lost, control_doubled;
};

static void work(void *context)
{
	pieces_run(&process, context);
}

static void come_back(void *context)
{
	pieces_resume(&process, context, true);
	pieces_run(&process, context);
}

static void film_stage(struct film *film, struct pieces_stage *stage)
{
	*film = (struct film){ .count = 0 };
	film_piece(film, stage, sizeof(*stage));
	film_world(film, &stage->from);
	film_world(film, &stage->to);
	film_piece(film, any_at(&stage->from, DRIVER_HEAP), PIECES_RING * PIECES_BUFFER);
	film_piece(film, any_at(&stage->to, DRIVER_HEAP), PIECES_RING * PIECES_BUFFER);
}

/* Nothing of the process is left but what it noted down. */
static void forget(struct pieces_stage *stage)
{
	memset(stage->from.vq, 0x5a, sizeof(*stage->from.vq));
	memset(stage->to.vq, 0x5a, sizeof(*stage->to.vq));
	stage->from.config->resume = stage->to.config->resume = true;
	pieces_process(&process);
}

/* The driver gives a buffer at a time until nothing more comes, then sends one frame more. */
static void go_on(struct pieces_stage *stage)
{
	assert_int_equal(stage->from.vq->state, VIRTQUEUE_RUNNING);
	assert_int_equal(stage->to.vq->state, VIRTQUEUE_RUNNING);
	for (unsigned int i = 0; i < 3 * TOTAL; i++) {
		pieces_run(&process, stage);
		pieces_take_back(stage);
		pieces_offer(stage, 1);
		if (i == 2 * TOTAL)
			pieces_send(stage, 2);
	}
	assert_int_equal(process.failed, 0);
	assert_int_equal(stage->returned, stage->sent);
}

static void successor(struct pieces_stage *stage, struct tally *tally)
{
	forget(stage);
	pieces_resume(&process, stage, true);
	go_on(stage);
	tally->successors++;
	tally->lost += pieces_lost(stage);
	tally->doubled += pieces_doubled(stage);
	assert_int_equal(stage->direction.progress.slots[0].pieces, 0);
	assert_int_equal(stage->direction.progress.slots[1].pieces, 0);
}

static void control(struct pieces_stage *stage, struct tally *tally)
{
	forget(stage);
	pieces_resume(&process, stage, false);
	go_on(stage);
	tally->control_lost += pieces_lost(stage);
	tally->control_doubled += pieces_doubled(stage);
}

/* As successor(), from every state that one of its own kind can leave when it dies. */
static void successors_of_successors(struct pieces_stage *stage, struct tally *tally)
{
	struct film film;

	pieces_take_back(stage);
	pieces_offer(stage, 2);
	film_stage(&film, stage);
	forget(stage);
	film_work(&film, come_back, stage);
	for (unsigned int i = 0; i < film.count; i++) {
		film_restore(&film, i);
		successor(stage, tally);
	}
	tally->again += film.instructions;
	free(film.states);
}

/* Whether the journal of a state is another one than that of the state before. */
static bool journal_moved(const struct pieces_stage *stage, struct journal_direction *before)
{
	bool moved = memcmp(before, &stage->direction, sizeof(*before));

	*before = stage->direction;
	return moved;
}

/* All frames are sent, and the process holds the one at which `before` buffers end. */
static void get_there(struct pieces_stage *stage, bool packed, unsigned int laps,
		      unsigned int before)
{
	pieces_open(stage, packed);
	pieces_process(&process);
	forward_resume(&process.forward, &stage->direction);
	for (unsigned int i = 0; i < laps; i++) {
		pieces_send(stage, 1);
		pieces_offer(stage, 1);
		pieces_run(&process, stage);
		pieces_take_back(stage);
	}
	for (unsigned int i = 0; i < FRAMES; i++)
		pieces_send(stage, frames[i]);
	pieces_run(&process, stage);
	while (before--) {
		pieces_offer(stage, 1);
		pieces_run(&process, stage);
	}
}

/* Dies everywhere on the way to where `more` buffers end. */
static void die_everywhere(bool packed, unsigned int before, unsigned int more, bool twice,
			   struct tally *tally)
{
	struct pieces_stage stage;
	struct journal_direction last;
	struct film film;

	/* over the end of the ring as well */
	get_there(&stage, packed, (before + more) % 2 * 5, before);
	pieces_offer(&stage, more);
	last = stage.direction;
	film_stage(&film, &stage);
	film_work(&film, work, &stage);
	for (unsigned int i = 0; i < film.count; i++) {
		film_restore(&film, i);
		if (i % 2)
			pieces_take_back(&stage);
		control(&stage, tally);
		film_restore(&film, i);
		if (i % 2)
			pieces_take_back(&stage);
		successor(&stage, tally);
		film_restore(&film, i);
		if (twice && journal_moved(&stage, &last))
			successors_of_successors(&stage, tally);
	}
	tally->instructions += film.instructions;
	tally->states += film.count;
	free(film.states);
	pieces_close(&stage);
}

static void killed_at_every_instruction(bool packed)
{
	struct tally tally = { 0 };

	for (unsigned int before = 0; before < TOTAL; before++)
		for (unsigned int more = 0; more <= TOTAL - before; more++)
			if (more < 3 || more == TOTAL - before)
				die_everywhere(packed, before, more, more == 2 && before == 1,
					       &tally);
	print_message("%lu instructions, %u states; then %lu instructions of successors; "
		      "%u successors: pieces lost %u, doubled %u; without progress: lost %u, "
		      "doubled %u\n", tally.instructions, tally.states, tally.again,
		      tally.successors, tally.lost, tally.doubled, tally.control_lost,
		      tally.control_doubled);
	assert_true(tally.states > 300);
	assert_true(tally.successors > tally.states);
	assert_int_equal(tally.lost, 0);
	assert_int_equal(tally.doubled, 0);
	assert_int_equal(tally.control_lost, 0);
	assert_true(tally.control_doubled > 0);
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

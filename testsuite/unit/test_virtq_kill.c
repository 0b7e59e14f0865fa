/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that is killed at any instruction (virtqueue.h, "Position and recovery").
 *
 * A batch goes through pop, push and publish under the trap flag, and after each
 * instruction all that outlives a process is looked at: the driver's memory, the slots, the
 * position, *published. Each state in which a death would leave them is kept. From every
 * one a successor resumes, and may be killed in turn, at any instruction of that. In the
 * end the driver must have every chain back once, with what was written; with a driver that
 * does nothing meanwhile, and with one that takes what is used and reuses the places before
 * the successor comes.
 *
 * Needs the trap flag of x86; skipped elsewhere.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "driver_packed.h"
#include "driver_ring.h"

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

#define TRAP_FLAG 0x100
#define CHAINS 3
#define PIECES 12

/* -- what a death leaves ---------------------------------------------------------------- */

struct piece {
	void *at;
	size_t length;
};

/* The states, one after the other, that the pieces went through. */
struct film {
	struct piece pieces[PIECES];
	unsigned int piece_count;
	size_t size;		/* of a state */
	uint8_t *states;
	unsigned int count, capacity;
	unsigned long instructions;
};

static struct film *volatile filming;

static void film_piece(struct film *film, void *at, size_t length)
{
	film->pieces[film->piece_count++] = (struct piece){ at, length };
	film->size += length;
}

static void film_state(struct film *film)
{
	uint8_t *to = film->states + film->count * film->size;
	size_t done = 0;

	if (film->count == film->capacity)
		abort();
	for (unsigned int i = 0; i < film->piece_count; i++) {
		memcpy(to + done, film->pieces[i].at, film->pieces[i].length);
		done += film->pieces[i].length;
	}
	if (!film->count || memcmp(to, to - film->size, film->size))
		film->count++;
}

static void film_restore(const struct film *film, unsigned int state)
{
	const uint8_t *from = film->states + state * film->size;

	for (unsigned int i = 0; i < film->piece_count; i++) {
		memcpy(film->pieces[i].at, from, film->pieces[i].length);
		from += film->pieces[i].length;
	}
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	(void)signal;
	(void)info;
	user->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	if (!filming)
		return;
	user->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
	filming->instructions++;
	film_state(filming);
}

/* Runs work(context) and keeps every state of the pieces of `film`, the first and the last too. */
static void film_work(struct film *film, void (*work)(void *context), void *context)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO }, before;

	film->capacity = 600;
	film->states = malloc(film->capacity * film->size);
	sigaction(SIGTRAP, &action, &before);
	filming = film;
	__asm__ volatile("int3" ::: "memory");
	work(context);
	filming = NULL;
	__asm__ volatile("nop" ::: "memory");
	sigaction(SIGTRAP, &before, NULL);
}

/* -- a driver and a device of either format -------------------------------------------- */

struct place {
	bool packed;
	struct packed_world *p;
	struct driver_world *s;
	struct virtqueue *vq;
	struct virtqueue_config *config;
	struct vq_chain *chain;
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
	head = place->packed ? packed_add(&place->p->ring, buffers, count)
			     : driver_add(&place->s->ring, buffers, count);
	if (head < 0)
		return;
	place->offered++;
	place->written[head] = written;
	place->out[head] = true;
}

static void take_returned(struct place *place)
{
	uint32_t head, length;

	while (place->packed ? packed_take_used(&place->p->ring, &head, &length, NULL)
			     : driver_take_used(&place->s->ring, &head, &length)) {
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

	while (virtqueue_pop(place->vq, place->chain) == 1)
		virtqueue_push(place->vq, place->chain->head, place->chain->writable);
	virtqueue_publish(place->vq);
}

static void resume(void *context)
{
	struct place *place = context;

	if (!virtqueue_start(place->vq, place->config))
		virtqueue_roll_forward(place->vq);
}

static void place_open(struct place *place, bool packed, unsigned int laps)
{
	*place = (struct place){ .packed = packed };
	if (packed) {
		place->p = packed_world_started(CHAINS * 2 + 1, 0);
		place->vq = &place->p->vq;
		place->config = &place->p->config;
		place->chain = &place->p->chain;
	} else {
		place->s = driver_world_started(8, 0);
		place->vq = &place->s->vq;
		place->config = &place->s->config;
		place->chain = &place->s->chain;
	}
	/* to another place in the ring */
	for (unsigned int i = 0; i < laps; i++) {
		offer(place);
		work(place);
		take_returned(place);
	}
}

static void place_close(struct place *place)
{
	if (place->packed)
		packed_world_free(place->p);
	else
		driver_world_free(place->s);
}

/* All that a death leaves, and what the driver knows. */
static void film_place(struct film *film, struct place *place)
{
	*film = (struct film){ .count = 0 };
	film_piece(film, place, sizeof(*place));
	if (place->packed) {
		struct packed_ring *ring = &place->p->ring;

		film_piece(film, ring, sizeof(*ring));
		film_piece(film, ring->desc, 16 * ring->size);
		film_piece(film, ring->device, 4);
		film_piece(film, ring->free_ids, 2 * ring->size);
		film_piece(film, ring->chain_length, 2 * ring->size);
		film_piece(film, ring->in_flight, ring->size);
		film_piece(film, &place->p->published, 2);
	} else {
		struct driver_ring *ring = &place->s->ring;

		film_piece(film, ring, sizeof(*ring));
		film_piece(film, ring->desc, 16 * ring->size);
		film_piece(film, ring->avail, 6 + 2 * ring->size);
		film_piece(film, ring->used, 6 + 8 * ring->size);
		film_piece(film, ring->free_next, 2 * ring->size);
		film_piece(film, ring->chain_length, 2 * ring->size);
		film_piece(film, ring->in_flight, ring->size);
	}
	film_piece(film, place->config->slots, place->config->size * sizeof(struct vq_slot));
	film_piece(film, place->config->position, sizeof(struct virtqueue_position));
}

/* Nothing is lost and nothing comes twice, now and in two more rounds. */
static void expect_all_returned(struct place *place)
{
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(place->vq->state, VIRTQUEUE_RUNNING);
		work(place);
		take_returned(place);
		assert_int_equal(place->returned, place->offered);
		offer(place);
		offer(place);
	}
}

static void successor(struct place *place)
{
	memset(place->vq, 0x5a, sizeof(*place->vq));
	assert_int_equal(virtqueue_start(place->vq, place->config), 0);
	assert_true(virtqueue_roll_forward(place->vq) >= 0);
	expect_all_returned(place);
}

/* As successor(), from every state that one of its own kind can leave when it dies. */
static void successors_of_successors(struct place *place, unsigned long *deaths)
{
	struct film film;

	film_place(&film, place);
	memset(place->vq, 0xa5, sizeof(*place->vq));
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
	place.config->resume = true;
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
	place_close(&place);
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

#define TESTS \
	cmocka_unit_test(split_killed_at_every_instruction), \
	cmocka_unit_test(packed_killed_at_every_instruction)

#else

static void not_on_this_processor(void **state)
{
	(void)state;
	skip();
}

#define TESTS cmocka_unit_test(not_on_this_processor)

#endif

int main(void)
{
	const struct CMUnitTest tests[] = { TESTS };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

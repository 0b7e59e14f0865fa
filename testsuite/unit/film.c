/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "film.h"

void film_piece(struct film *film, void *at, size_t length)
{
	if (film->piece_count == FILM_PIECES)
		abort();
	film->pieces[film->piece_count].at = at;
	film->pieces[film->piece_count++].length = length;
	film->size += length;
}

void film_restore(const struct film *film, unsigned int state)
{
	const uint8_t *from = film->states + state * film->size;

	for (unsigned int i = 0; i < film->piece_count; i++) {
		memcpy(film->pieces[i].at, from, film->pieces[i].length);
		from += film->pieces[i].length;
	}
}

static void film_packed(struct film *film, struct packed_world *world)
{
	struct packed_ring *ring = &world->ring;

	film_piece(film, ring, sizeof(*ring));
	film_piece(film, ring->desc, 16 * ring->size);
	film_piece(film, ring->device, 4);
	film_piece(film, ring->free_ids, 2 * ring->size);
	film_piece(film, ring->chain_length, 2 * ring->size);
	film_piece(film, ring->in_flight, ring->size);
	film_piece(film, &world->published, 2);
}

static void film_split(struct film *film, struct driver_world *world)
{
	struct driver_ring *ring = &world->ring;

	film_piece(film, ring, sizeof(*ring));
	film_piece(film, ring->desc, 16 * ring->size);
	film_piece(film, ring->avail, 6 + 2 * ring->size);
	film_piece(film, ring->used, 6 + 8 * ring->size);
	film_piece(film, ring->free_next, 2 * ring->size);
	film_piece(film, ring->chain_length, 2 * ring->size);
	film_piece(film, ring->in_flight, ring->size);
}

void film_world(struct film *film, struct any_world *world)
{
	if (world->packed)
		film_packed(film, world->packed);
	else
		film_split(film, world->split);
	film_piece(film, world->config->slots, world->config->size * sizeof(struct vq_slot));
	film_piece(film, world->config->position, sizeof(struct virtqueue_position));
}

#if FILM_WORKS

#define TRAP_FLAG 0x100

static struct film *volatile filming;

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

void film_work(struct film *film, void (*work)(void *context), void *context)
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

#else

void film_work(struct film *film, void (*work)(void *context), void *context)
{
	(void)film;
	(void)work;
	(void)context;
	abort();
}

static void not_on_this_processor(void **state)
{
	(void)state;
	skip();
}

#endif

int film_main(void (*split)(void **state), void (*packed)(void **state))
{
#if !FILM_WORKS
	split = packed = not_on_this_processor;
#endif
	const struct CMUnitTest tests[] = {
		{ "proc_69_split_killed_at_every_instruction", split, NULL, NULL, NULL },
		{ "proc_69_packed_killed_at_every_instruction", packed, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every state that a death would leave: work is done under the trap flag, and after each
 * instruction all that outlives a process is looked at, the driver's memory, the slots, the
 * position, *published. Each state that differs from the one before is kept, to be put back.
 *
 * Needs the trap flag of x86: FILM_WORKS says whether it can be used.
 */
#ifndef VDUSE_TEST_FILM_H
#define VDUSE_TEST_FILM_H

#include <stddef.h>
#include <stdint.h>

#include "driver_any.h"

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define FILM_WORKS 1
#else
#define FILM_WORKS 0
#endif

#define FILM_PIECES 24

/* The states, one after the other, that the pieces went through. */
struct film {
	struct {
		void *at;
		size_t length;
	} pieces[FILM_PIECES];
	unsigned int piece_count;
	size_t size;		/* of a state */
	uint8_t *states;	/* allocated by film_work(), the caller's to free */
	unsigned int count, capacity;
	unsigned long instructions;
};

/* Adds memory to what is looked at; the film is zeroed before the first one. */
void film_piece(struct film *film, void *at, size_t length);

/* The same for all that is left of a device and what its driver knows, but for the heap. */
void film_world(struct film *film, struct any_world *world);

/* Runs work(context) and keeps every state, the first and the last too. */
void film_work(struct film *film, void (*work)(void *context), void *context);

/* Puts a state back. */
void film_restore(const struct film *film, unsigned int state);

/* The main() of a test that kills a device at every instruction, in either format: both are
 * skipped where that does not work. */
int film_main(void (*split)(void **state), void (*packed)(void **state));

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Going through every sequence of choices. A run asks choose(n) as often as it wants; the
 * answers differ from run to run until all have been there:
 *
 *	choices_begin(&choices);
 *	do
 *		one_run();	// calls choose(&choices, n)
 *	while (choices_next(&choices));
 *
 * What is asked for, and with which n, may depend on the answers before it.
 */
#ifndef VDUSE_TEST_MODEL_CHOICE_H
#define VDUSE_TEST_MODEL_CHOICE_H

#include <stdbool.h>

#define CHOICES_MAX 256

struct choices {
	unsigned char answer[CHOICES_MAX];
	unsigned char below[CHOICES_MAX];	/* the n of each question */
	unsigned int known;			/* answers that are fixed for this run */
	unsigned int asked;
	unsigned long runs;
};

static inline void choices_begin(struct choices *choices)
{
	*choices = (struct choices){ .runs = 1 };
}

/* A number below n (1 to 255). */
static inline unsigned int choose(struct choices *choices, unsigned int n)
{
	unsigned int at = choices->asked++;

	if (at == CHOICES_MAX)
		__builtin_trap();
	if (at == choices->known) {
		choices->answer[at] = 0;
		choices->below[at] = (unsigned char)n;
		choices->known++;
	}
	return choices->answer[at];
}

/* Prepares the next run: false when all have been there. */
static inline bool choices_next(struct choices *choices)
{
	while (choices->known) {
		unsigned int last = choices->known - 1;

		if (++choices->answer[last] < choices->below[last])
			break;
		choices->known--;
	}
	choices->asked = 0;
	choices->runs += choices->known > 0;
	return choices->known > 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a batch made of random words, which are known, so that splitting can be held
 * to giving them back. */
#ifndef VT_UNIT_RANDOM_LINE_H
#define VT_UNIT_RANDOM_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/batch.h"

#define RANDOM_WORDS 12
#define RANDOM_SIZE 20

struct random_line {
	int count;
	char words[RANDOM_WORDS][RANDOM_SIZE];
	struct buffer text;	/* the line; freed by the caller */
	size_t comment;		/* where its comment begins, if there is one */
};

/* A number from 0 to @below - 1; @seed moves on. */
unsigned int chance(uint64_t *seed, unsigned int below);

/* Words of any bytes but NUL and line feed, half of them with a meaning, and a line that
 * says them. */
void random_line_make(uint64_t *seed, struct random_line *line);

/* batch_split() gives the words of @line for @text. */
void random_line_expect(const struct random_line *line, const char *text);

#endif

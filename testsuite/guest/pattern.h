/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the traffic programs of the test guest have in common: payload that both ends
 * know, lists of sizes, words of a command line, and the clock.
 *
 * The payload of frame (or datagram, or stretch of a stream) @number begins at a place of
 * its own in one table of random bytes. So a byte that is wrong, missing, doubled, or that
 * belongs to another frame or another offset shows in a single memcmp().
 */
#ifndef TESTSUITE_GUEST_PATTERN_H
#define TESTSUITE_GUEST_PATTERN_H

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/parse.h"

#define PATTERN_PERIOD 65521u	/* a prime, so that neighbours lie far apart */
#define PATTERN_LONGEST 131072u

#define EXIT_BAD_USAGE 2

struct pattern {
	uint8_t bytes[PATTERN_PERIOD + PATTERN_LONGEST];
};

/* The table. Every run has the same one (xorshift64*). */
static inline const struct pattern *pattern_make(void)
{
	struct pattern *pattern = malloc(sizeof(*pattern));
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	size_t i;

	if (!pattern)
		err(EXIT_BAD_USAGE, "pattern");
	for (i = 0; i < PATTERN_PERIOD; i++) {
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		pattern->bytes[i] = (uint8_t)((state * UINT64_C(0x2545f4914f6cdd1d)) >> 56);
	}
	for (; i < sizeof(pattern->bytes); i++)
		pattern->bytes[i] = pattern->bytes[i - PATTERN_PERIOD];
	return pattern;
}

/* At least PATTERN_LONGEST bytes of payload for @number. */
static inline const uint8_t *pattern_at(const struct pattern *pattern, uint64_t number)
{
	return pattern->bytes + number * 7919 % PATTERN_PERIOD;
}

/* A list of sizes, used in turn. */
struct sizes {
	uint32_t *size;
	uint32_t count;
};

static inline uint32_t size_of(const struct sizes *sizes, uint64_t number)
{
	return sizes->size[number % sizes->count];
}

static inline void sizes_add(struct sizes *sizes, uint32_t size)
{
	sizes->size = realloc(sizes->size, (sizes->count + 1) * sizeof(*sizes->size));
	if (!sizes->size)
		err(EXIT_BAD_USAGE, "sizes");
	sizes->size[sizes->count++] = size;
}

/* "60", "60-1514", "60-1514:7" (in steps of 7), and such with commas between them. */
static inline void sizes_read(struct sizes *sizes, const char *text, uint32_t min, uint32_t max)
{
	const char *rest = text;

	sizes->count = 0;
	while (rest) {
		unsigned int low, high, step = 1;
		int fields = sscanf(rest, "%u-%u:%u", &low, &high, &step);

		if (fields == 1)
			high = low;
		if (fields < 1 || low < min || high > max || low > high || !step)
			errx(EXIT_BAD_USAGE, "sizes \"%s\": numbers from %u to %u", text, min, max);
		for (; low <= high; low += step)
			sizes_add(sizes, low);
		rest = strchr(rest, ',');
		rest += rest != NULL;
	}
}

static inline uint32_t sizes_largest(const struct sizes *sizes)
{
	uint32_t i, largest = 0;

	for (i = 0; i < sizes->count; i++)
		if (sizes->size[i] > largest)
			largest = sizes->size[i];
	return largest;
}

/* One word of a command line; exactly one of the pointers is set. */
struct word {
	const char *name;
	const char **text;	/* takes a value, */
	uint64_t *number;	/* takes a number, */
	bool *flag;		/* or stands alone */
};

/* Read "word value word ..." from @argv into what @words (ended by a NULL name) point to. */
static inline void words_read(const struct word *words, char **argv)
{
	while (*argv) {
		const struct word *word;
		const char *name = *argv++;

		for (word = words; word->name && strcmp(word->name, name); word++)
			;
		if (!word->name)
			errx(EXIT_BAD_USAGE, "unknown word \"%s\"", name);
		if (word->flag) {
			*word->flag = true;
			continue;
		}
		if (!*argv)
			errx(EXIT_BAD_USAGE, "\"%s\" needs a value", name);
		if (word->text)
			*word->text = *argv;
		else if (parse_number(*argv, 0, UINT64_MAX, word->number))
			errx(EXIT_BAD_USAGE, "%s \"%s\": a number", name, *argv);
		argv++;
	}
}

/* CLOCK_MONOTONIC in microseconds. */
static inline uint64_t now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

#endif

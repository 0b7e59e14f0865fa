/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every fuzz target has: the bytes that a fuzzer chose, read one after the other, and a
 * way to say that something is wrong. At the end of the bytes come zeroes, so that every
 * input means something and a shorter one does not mean something else at its beginning.
 */
#ifndef VDUSE_TEST_FUZZ_INPUT_H
#define VDUSE_TEST_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a target is; the fuzzer's main calls it, or replay.c. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, with the input kept by whoever runs it, unless @condition holds. */
#define fuzz_check(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static inline uint16_t fuzz_word(struct fuzz_input *input)
{
	uint16_t low = fuzz_byte(input);

	return (uint16_t)(low | fuzz_byte(input) << 8);
}

/* A number below @limit, which is 1 to 256. */
static inline unsigned int fuzz_below(struct fuzz_input *input, unsigned int limit)
{
	return fuzz_byte(input) % limit;
}

/* Up to @length bytes; returns how many. */
static inline size_t fuzz_bytes(struct fuzz_input *input, void *to, size_t length)
{
	if (length > input->left)
		length = input->left;
	if (!length)
		return 0;
	memcpy(to, input->at, length);
	input->at += length;
	input->left -= length;
	return length;
}

#endif

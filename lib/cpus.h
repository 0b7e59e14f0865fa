/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of processors, as people write them ("0-3,8", as taskset -c and the cpuset files)
 * and as the kernel's attributes take them: hexadecimal words of 32 processors with commas
 * between, the highest first (lib/bitmap.c, bitmap_parse).
 */
#ifndef VT_LIB_CPUS_H
#define VT_LIB_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#define CPUS_MAX 8192		/* the largest NR_CPUS of Linux */
#define CPUS_WORDS (CPUS_MAX / 32)
#define CPUS_MASK_SIZE (CPUS_WORDS * 9)

struct cpus {
	uint32_t word[CPUS_WORDS];
};

/*
 * Numbers and ranges FIRST-LAST with commas between; no blanks, no empty parts, FIRST not
 * over LAST. 0 or -EINVAL; -ERANGE for a processor of CPUS_MAX or more.
 */
int cpus_parse(const char *text, struct cpus *cpus);

/* Processor @cpu (below CPUS_MAX) and no other. */
void cpus_only(unsigned int cpu, struct cpus *cpus);

/* A processor of @cpus that is not in @among, or -1. */
int cpus_foreign(const struct cpus *cpus, const struct cpus *among);

/* The mask, in CPUS_MASK_SIZE bytes at @text; "0" for the empty set. Returns @text. */
const char *cpus_mask(const struct cpus *cpus, char text[CPUS_MASK_SIZE]);

#endif

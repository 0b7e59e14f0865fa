// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/interrupts.h"

#include <ctype.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/cpus.h"

/* A mask as the kernel prints it: groups of 8 hexadecimal digits, commas, the highest first. */
#define MASK_TEXT (CPU_SETSIZE / 4 + CPU_SETSIZE / 32 + 2)

static unsigned int bits_of(char digit)
{
	return digit <= '9' ? (unsigned int)(digit - '0') :
			      (unsigned int)(tolower(digit) - 'a') + 10;
}

/* How many processors there are in it. */
static long mask_weight(const char *text)
{
	long weight = 0;

	for (; *text; text++)
		if (isxdigit((unsigned char)*text))
			weight += __builtin_popcount(bits_of(*text));
	return weight;
}

/* Of the processors that we may use @cpu, or the @nth after it; -1: not known. */
static int choose(int cpu, unsigned int nth)
{
	cpu_set_t set;

	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(set), &set))
		return -1;
	for (nth %= (unsigned int)CPU_COUNT(&set); nth; nth--)
		do
			cpu = (cpu + 1) % CPU_SETSIZE;
		while (!CPU_ISSET(cpu, &set));
	return cpu;
}

void interrupts_settle(int fd, int cpu, unsigned int nth, long online)
{
	char text[MASK_TEXT];
	ssize_t length = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	char mask[CPUS_MASK_SIZE];
	struct cpus only;

	if (length <= 0)
		return;
	text[length] = '\0';
	cpu = choose(cpu, nth);
	if (cpu < 0 || mask_weight(text) < online)
		return;
	cpus_only((unsigned int)cpu, &only);
	cpus_mask(&only, mask);
	if (pwrite(fd, mask, strlen(mask), 0) < 0)
		return;
}

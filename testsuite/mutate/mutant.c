// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linked into every program of the mutation run. From the environment: MUTANT, the number of the
 * one that is on, and MUTANT_SEEN, a descriptor of a file of MUTANT_SITES bytes for mutant_seen.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int mutant_number = -1;

static unsigned char nobody_looks[MUTANT_SITES];
unsigned char *mutant_seen = nobody_looks;

/* Before any other constructor. Not by the C library's mmap(), which a test may have wrapped. */
static __attribute__((constructor(101))) void begin(void)
{
	const char *number = getenv("MUTANT"), *seen = getenv("MUTANT_SEEN");
	long shared;

	if (number)
		mutant_number = atoi(number);
	if (!seen)
		return;
	shared = syscall(SYS_mmap, NULL, MUTANT_SITES, PROT_READ | PROT_WRITE, MAP_SHARED,
			 atoi(seen), 0);
	if (shared < 0 && shared > -4096)
		_exit(99);
	mutant_seen = (unsigned char *)shared;
	syscall(SYS_close, atoi(seen));
}

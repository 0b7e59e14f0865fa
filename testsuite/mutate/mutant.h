/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the mutation run (mutate) puts into the sources: every change that it tries is compiled
 * in, and one of them is on, or none. Included before everything else, by -include.
 */
#ifndef TESTSUITE_MUTATE_MUTANT_H
#define TESTSUITE_MUTATE_MUTANT_H

#define MUTANT_INLINE static inline __attribute__((always_inline, unused))

#ifdef MUTANT_FIXED

/* One of them for good (-1: none), so that the compiler tells whether it makes a difference. */
MUTANT_INLINE _Bool mutant_on(int number)
{
	return number == MUTANT_FIXED;
}

MUTANT_INLINE void mutant_reached(int number)
{
	(void)number;
}

#else

/* The one that is on, from the environment: MUTANT; -1: none. */
extern int mutant_number;

/* By number, whether the program came where a change would have been felt. */
extern unsigned char *mutant_seen;

MUTANT_INLINE _Bool mutant_on(int number)
{
	return __builtin_expect(mutant_number == number, 0);
}

/* No store where there is one already: threads would fight for the line. */
MUTANT_INLINE void mutant_reached(int number)
{
	if (__builtin_expect(!mutant_seen[number], 0))
		mutant_seen[number] = 1;
}

#endif

/* A comparison whose boundary can be moved: which of the two is to be made. */
MUTANT_INLINE _Bool mutant_moved(int number)
{
	mutant_reached(number);
	return mutant_on(number);
}

/*
 * A condition that was evaluated, and is false all the same if mutant `never` is on, true if
 * `always` is; -1: there is no such mutant.
 */
MUTANT_INLINE _Bool mutant_condition(int never, int always, _Bool value)
{
	if (value) {
		if (never >= 0)
			mutant_reached(never);
		return never < 0 || !mutant_on(never);
	}
	if (always >= 0)
		mutant_reached(always);
	return always >= 0 && mutant_on(always);
}

#endif

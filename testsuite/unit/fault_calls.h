/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocations and the system calls of a process, of which one fails, or some in a row; and
 * what it has: those of made_kernel.h, and these. Calls of a kind that nothing can be done
 * about when they fail (munmap, free) do not.
 */
#ifndef VT_UNIT_FAULT_CALLS_H
#define VT_UNIT_FAULT_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct fault_calls {
	bool inside;		/* the process runs, and not the world around it */
	bool (*is_point)(const char *call);	/* which calls count */
	unsigned long at, times, points;	/* which of them fail, from 1 on; those seen */
	int errnum;
	const char *failed;	/* what it was; NULL: not yet */
	unsigned int failed_step;	/* *step then */
	const unsigned int *step;
	long allocations;	/* that the process has */
	uint64_t now;		/* nanoseconds: CLOCK_MONOTONIC of the process */
	/* Instead of epoll_wait(); the world around it moves here. */
	int (*wait)(int fd, struct epoll_event *events, int most, int milliseconds);
};

/* The wraps are given no context. */
extern struct fault_calls calls;

/* For made_kernel.fault: 0, or the errno that this call fails with. */
int calls_fault(void *context, const char *call);

/* epoll_wait(), which does not wait. */
int calls_real_epoll_wait(int fd, struct epoll_event *events, int most);

/*
 * Kinds of them: allocations; these and mappings; all but allocations; those that give a
 * descriptor; those that a signal can interrupt before they have done anything.
 */
bool call_is_allocation(const char *call);
bool call_is_memory(const char *call);
bool call_is_system_call(const char *call);
bool call_gives_descriptor(const char *call);
bool call_can_be_interrupted(const char *call);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocations and the system calls of a process, of which one fails, or some in a row; and
 * what it has got by them. Calls of a kind that nothing can be done about when they fail
 * (munmap, free) do not, and a close that fails has closed (close(2)).
 *
 * A test links with --wrap for those that it is about. Each wrap and what it stands before are
 * weak: a call that is not wrapped is not missed, and a test that has more to do in one of them
 * defines that one itself, with calls_fail() and the other functions below.
 */
#ifndef VT_UNIT_FAULT_CALLS_H
#define VT_UNIT_FAULT_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

struct fault_calls {
	_Atomic bool inside;	/* the process runs, and not the world around it: calls count */
	bool (*is_point)(const char *call);	/* which of them; NULL: all */
	unsigned long at, times;	/* which of these fail, from 1 on (0: none), and in a row */
	_Atomic unsigned long points;	/* those seen */
	int errnum;
	/* Instead of all these, where it is given: 0, or the positive errno to fail with. */
	int (*fault)(void *context, const char *call);
	void *context;
	const char *_Atomic failed;	/* the last one that did; NULL: none yet */
	void (*on_fault)(const char *call);	/* told of each that does, or NULL */
	/* What the process has: of what can be wrapped, as far as it is. */
	_Atomic long allocations, mappings, descriptors;
	uint64_t now;		/* nanoseconds: CLOCK_MONOTONIC of the process */
	/* Instead of epoll_wait(); the world around it moves here. */
	int (*wait)(int fd, struct epoll_event *events, int most, int milliseconds);
};

/* The wraps are given no context. */
extern struct fault_calls calls;

/* Whether this call, which is about to be made, fails: errno says with what. */
bool calls_fail(const char *call);

/* Whether the last one that failed was this. */
bool calls_failed(const char *call);

/* A call that gives a descriptor, or -1: it is counted. Returns @fd. */
int calls_given(int fd);

/* close(), which is counted, and does not fail by itself. */
int calls_close(int fd);

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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that the kernel may keep waiting, uninterruptibly, under a deadline.
 *
 * One task that waits in the vdpa netlink family (a mutex that no signal breaks)
 * keeps every other one waiting. Only another process can go on: the call is made by
 * a forked child, the parent waits for its result as long as it was told to, and
 * then leaves it behind. The child holds none of our standard descriptors, so that
 * whoever reads our output is not kept waiting either.
 *
 * A child may make one call, or be a worker that makes one after the other and keeps
 * between them what it opened: so a batch has one netlink socket.
 */
#ifndef VT_LIB_BLOCKING_H
#define VT_LIB_BLOCKING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buffer.h"
#include "lib/error.h"

/* What a call gives: its return value and three things it may have to say. */
struct blocking_result {
	int rc;
	struct failure failure;
	struct buffer text;
	struct buffer warnings;
	pid_t left;		/* the child that was left behind, 0 for none */
};

/*
 * Run @call(@context, @result) in a child and wait at most @seconds (1 to 86400) for
 * its result. 0 when @result is what the call left there; -ETIMEDOUT when the time is
 * over and the child was left behind; another negative errno when the child could not
 * be made or ended without a result (@result->failure is filled then too).
 * The caller frees the buffers of @result.
 */
int blocking_run(void (*call)(void *context, struct blocking_result *result),
		 void *context, uint64_t seconds, struct blocking_result *result);

/* What a worker does with a request of @length bytes; runs in the child. */
typedef void blocking_serve(void *context, const void *request, size_t length,
			    struct blocking_result *result);

struct blocking_worker {
	pid_t pid;		/* 0: there is none */
	int requests, results;	/* our ends of two pipes */
};

/* Fork a worker. 0, or negative with @failure; blocking_end() is due only after
 * success. */
int blocking_start(struct blocking_worker *worker, blocking_serve *serve, void *context,
		   struct failure *failure);

/*
 * Have @worker do one request and wait at most @seconds (0: for ever) for its result.
 * Returns what blocking_run() does. Where that is negative there is no worker any
 * more (@worker->pid is 0): it was left behind, or has ended.
 */
int blocking_call(struct blocking_worker *worker, const void *request, size_t length,
		  uint64_t seconds, struct blocking_result *result);

/* No more requests: the worker ends, and is waited for. Where there is none, nothing
 * happens. */
void blocking_end(struct blocking_worker *worker);

#endif

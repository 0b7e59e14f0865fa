/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that the kernel may keep waiting, uninterruptibly, under a deadline.
 *
 * One task that waits in the vdpa netlink family (a mutex that no signal breaks)
 * keeps every other one waiting. Only another process can go on: the call is made by
 * a forked child, the parent waits for its result as long as it was told to, and
 * then leaves it behind. The child holds none of our standard descriptors, so that
 * whoever reads our output is not kept waiting either.
 */
#ifndef VT_LIB_BLOCKING_H
#define VT_LIB_BLOCKING_H

#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"

/* What a call gives: its return value and three things it may have to say. */
struct blocking_result {
	int rc;
	struct failure failure;
	struct buffer text;
	struct buffer warnings;
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

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VDUSE device comes into being, and ends: each wholly or not at all.
 *
 * Creating is three steps (CREATE_DEV, the attributes in sysfs, the record), of which
 * only the first makes something that outlives the process. Whatever fails after it, a
 * signal included, destroys the device again. SIGINT, SIGTERM, SIGHUP and SIGQUIT are
 * held back from before the first step until the last one is done or undone; a signal
 * that came meanwhile undoes, and is delivered then. All steps are short: none waits
 * for another process but the lock before the first.
 */
#ifndef VDUSE_LIFECYCLE_H
#define VDUSE_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "lib/vduse_definition.h"

struct create_request {
	struct vduse_definition definition;
	uint64_t bounce_size;	/* bytes, 0: the kernel's default */
	uint64_t msg_timeout;	/* seconds, 0: the kernel's default */
	bool mac_of_boot;	/* the address changes with the boot; for the user to know */
};

/* Is this a request that lifecycle_create() would carry out? Asks no kernel but for
 * the size of a page. 0, or -EINVAL with @failure (status 2). */
int lifecycle_check(const struct create_request *request, struct failure *failure);

/* Make the device and its record. 0, or negative with @failure and nothing left
 * behind; -EINTR where a signal came that does not end this process. */
int lifecycle_create(const struct create_request *request, struct failure *failure);

/*
 * End the device called @name (any name that the kernel has; '!' may stand for '/') and
 * its record. 0, or negative with @failure: status 3 where there is none, 5 while it is
 * attached or open, which names the process. A device that went although its record
 * stayed is 0 with the reason in @warning, whose message is empty otherwise.
 */
int lifecycle_destroy(const char *name, struct failure *failure, struct failure *warning);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors as values.
 *
 * A function of this project that can fail returns 0 or a negative errno and,
 * where its caller has to tell a user why, fills a struct failure: the object
 * that was asked for, what stood in the way, and what to do about it. Nothing
 * below main prints; main turns the structure into one sentence, or into the
 * error object of a JSON caller.
 */
#ifndef VT_LIB_ERROR_H
#define VT_LIB_ERROR_H

#include <stddef.h>

/* The exit statuses that scripts rely on. */
enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,	/* the operation failed */
	STATUS_USAGE = 2,	/* unknown, missing, doubled or bad word */
	STATUS_NOT_FOUND = 3,	/* no such device, manager or file */
	STATUS_DENIED = 4,	/* not permitted */
	STATUS_BUSY = 5,	/* busy, or it exists already */
	STATUS_TIMED_OUT = 6,	/* the outcome is unknown */
	STATUS_UNSUPPORTED = 7,	/* the kernel lacks VDUSE or vDPA */
};

struct failure {
	enum exit_status status;	/* STATUS_OK while nothing failed */
	int errnum;			/* positive errno, 0 where none applies */
	char object[300];		/* device, manager, file or word; "" for none */
	char message[2400];		/* what stood in the way, the kernel's words whole */
	char hint[400];			/* what to do about it; "" for nothing */
};

/*
 * Fill @failure (may be NULL) with @status, @errnum (positive or 0), @object
 * (NULL for none; copied, cut to fit) and a formatted message; the hint is
 * cleared. Returns -@errnum, or -EINVAL where @errnum is 0, so that a caller
 * can say "return failure_set(...)".
 */
int failure_set(struct failure *failure, enum exit_status status, int errnum,
		const char *object, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Add the sentence that says what to do; cut to fit. */
void failure_hint(struct failure *failure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The exit status that an errno stands for where no better one is known:
 * ENOENT, ENODEV, ENXIO 3; EPERM, EACCES 4; EBUSY, EEXIST 5; ETIMEDOUT 6;
 * everything else 1. @errnum is positive.
 */
enum exit_status status_of_errno(int errnum);

/* failure_set() with the status that @errnum stands for and strerror() appended. */
int failure_errno(struct failure *failure, int errnum, const char *object,
		  const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The name of a positive errno ("EBUSY"), or NULL for 0 and unknown ones. */
const char *errno_name(int errnum);

#endif

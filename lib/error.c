// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void copy_cut(char *to, size_t size, const char *from)
{
	size_t length = from ? strnlen(from, size - 1) : 0;

	if (length)
		memcpy(to, from, length);
	to[length] = '\0';
}

static void failure_start(struct failure *failure, enum exit_status status,
			  int errnum, const char *object)
{
	failure->status = status;
	failure->errnum = errnum;
	copy_cut(failure->object, sizeof(failure->object), object);
	failure->hint[0] = '\0';
}

int failure_set(struct failure *failure, enum exit_status status, int errnum,
		const char *object, const char *format, ...)
{
	va_list args;

	if (failure) {
		failure_start(failure, status, errnum, object);
		va_start(args, format);
		vsnprintf(failure->message, sizeof(failure->message), format, args);
		va_end(args);
	}
	return errnum ? -errnum : -EINVAL;
}

void failure_hint(struct failure *failure, const char *format, ...)
{
	va_list args;

	if (!failure)
		return;
	va_start(args, format);
	vsnprintf(failure->hint, sizeof(failure->hint), format, args);
	va_end(args);
}

enum exit_status status_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return STATUS_NOT_FOUND;
	case EPERM:
	case EACCES:
		return STATUS_DENIED;
	case EBUSY:
	case EEXIST:
		return STATUS_BUSY;
	case ETIMEDOUT:
		return STATUS_TIMED_OUT;
	default:
		return STATUS_FAILED;
	}
}

int failure_errno(struct failure *failure, int errnum, const char *object,
		  const char *format, ...)
{
	size_t used;
	va_list args;

	if (!failure)
		return errnum ? -errnum : -EINVAL;
	failure_start(failure, status_of_errno(errnum), errnum, object);
	va_start(args, format);
	vsnprintf(failure->message, sizeof(failure->message), format, args);
	va_end(args);
	used = strlen(failure->message);
	snprintf(failure->message + used, sizeof(failure->message) - used, ": %s",
		 strerror(errnum));
	return errnum ? -errnum : -EINVAL;
}

const char *errno_name(int errnum)
{
	return errnum ? strerrorname_np(errnum) : NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls that are made again where a signal interrupted them. */
#ifndef VT_LIB_AGAIN_H
#define VT_LIB_AGAIN_H

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/* Whether a call returned @rc for a signal, before it did anything. */
static inline bool again_interrupted(ssize_t rc)
{
	return rc < 0 && errno == EINTR;
}

/*
 * What @call returns, where that is not negative; or negative errno, which is not -EINTR. The
 * expression is evaluated each time, so a time-out in it begins anew.
 */
#define AGAIN(call) __extension__({ \
	__typeof__(call) again_rc_; \
	do \
		again_rc_ = (call); \
	while (again_interrupted(again_rc_)); \
	again_rc_ < 0 ? -errno : again_rc_; \
})

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors used whole: what read(2) and write(2) leave half done is finished. */
#ifndef VT_LIB_DESCRIPTOR_H
#define VT_LIB_DESCRIPTOR_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Write all @length bytes to @fd, however many calls it takes; interrupted calls
 * are made again, a full non-blocking descriptor is waited for. 0, or negative
 * errno with some of the bytes written.
 */
int descriptor_write(int fd, const void *bytes, size_t length);

/*
 * Occupy descriptors 0, 1 and 2 where the caller started us without them, so that
 * nothing opened later takes their place and receives what is meant for stdout.
 * What stands there refuses what the place is for: a read of 0 and a write of 1 or
 * 2 fail with EBADF, as they would have. 0, or negative errno.
 */
int descriptor_reserve_standard(void);

/*
 * Put /dev/null where descriptors 0, 1 and 2 stood, for a process that goes on after
 * its caller: whoever reads the caller's output must not wait for it. Where there is
 * no /dev/null they are closed.
 */
void descriptor_leave_standard(void);

/* ioctl(), made again where a signal interrupted it: what it returns, or negative errno. */
int descriptor_call(int fd, unsigned long request, void *argument);

/* read(), the same way: the number of bytes, or negative errno. */
ssize_t descriptor_read(int fd, void *bytes, size_t size);

#endif

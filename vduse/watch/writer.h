/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines for a reader that may be slow, or gone. Nothing here ever waits: what the reader
 * does not take yet is kept.
 */
#ifndef VDUSE_WATCH_WRITER_H
#define VDUSE_WATCH_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buffer.h"

struct writer {
	int fd;
	bool own;		/* fd is ours to close */
	bool socket;
	size_t most;		/* bytes of one write(); 0: any number */
	struct buffer text;
	size_t taken;		/* bytes of it that the reader has */
};

/*
 * Write to @fd, which stays the caller's. A pipe or a terminal is opened once more, so
 * that it can be written without waiting while the description that others share stays as
 * it is; where that is not possible (/proc is not there) no more than what fits is
 * written at once.
 */
void writer_open(struct writer *writer, int fd);
void writer_close(struct writer *writer);

/* Bytes that the reader has not taken. */
size_t writer_pending(const struct writer *writer);

/* Write what can be written: 0, also where the reader takes no more for now, or negative
 * errno: -EPIPE where there is no reader any more, -ENOMEM where a line was not kept. */
int writer_flush(struct writer *writer);

/* What to poll @writer->fd for; poll() reports POLLERR and POLLHUP in any case. */
short writer_events(const struct writer *writer);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames on the line between exec and agent; stream.h tells the format. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

static int buffer_reserve(struct buffer *b, size_t len)
{
	size_t size = b->size ? b->size : 4096;
	char *data;

	while (size - b->len < len)
		size *= 2;
	if (size == b->size)
		return 0;
	data = realloc(b->data, size);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->size = size;
	return 0;
}

int buffer_add(struct buffer *b, const void *data, size_t len)
{
	if (!len)
		return 0;
	if (buffer_reserve(b, len) < 0)
		return -ENOMEM;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

void buffer_drop(struct buffer *b, size_t len)
{
	b->len -= len;
	memmove(b->data, b->data + len, b->len);
}

int stream_put(struct buffer *b, int type, const void *payload, size_t len)
{
	const unsigned char *from = payload;
	char *to;
	size_t i;

	/* the worst case is a payload of nothing but MARKs */
	if (buffer_reserve(b, 2 + 2 * len) < 0)
		return -ENOMEM;
	to = b->data + b->len;
	*to++ = (char)STREAM_MARK;
	*to++ = (char)type;
	for (i = 0; i < len; i++) {
		*to++ = (char)from[i];
		if (from[i] == STREAM_MARK)
			*to++ = STREAM_MARK_ITSELF;
	}
	b->len = to - b->data;
	return 0;
}

/* The byte after a MARK. */
static void decode_mark(struct decoder *d, int byte, stream_sink *sink, void *ctx)
{
	static const char mark = (char)STREAM_MARK;

	d->after_mark = 0;
	if (byte != STREAM_MARK_ITSELF) {
		d->type = byte;
		sink(ctx, d->type, NULL, 0);
	} else if (d->type) {
		sink(ctx, d->type, &mark, 1);
	}
}

void stream_decode(struct decoder *d, const char *data, size_t len,
		   stream_sink *sink, void *ctx)
{
	const char *end = data + len, *mark;

	while (data < end) {
		if (d->after_mark) {
			decode_mark(d, (unsigned char)*data++, sink, ctx);
			continue;
		}
		mark = memchr(data, STREAM_MARK, end - data);
		if (d->type && data < (mark ? mark : end))
			sink(ctx, d->type, data, (mark ? mark : end) - data);
		d->after_mark = mark != NULL;
		data = mark ? mark + 1 : end;
	}
}

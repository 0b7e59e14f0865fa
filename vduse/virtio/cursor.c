/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "vduse/virtio/copy.h"
#include "vduse/virtio/cursor.h"
#include "vduse/virtio/shared.h"

static inline size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Steps over segments that end at the cursor, as long as bytes are left behind them. */
static void settle(struct vq_cursor *cursor)
{
	while (cursor->left && cursor->offset == cursor->segment->iov_len) {
		cursor->segment++;
		cursor->offset = 0;
	}
}

void vq_cursor_init(struct vq_cursor *cursor, const struct iovec *segments, unsigned int count)
{
	size_t left = 0;

	for (unsigned int i = 0; i < count; i++)
		left += least(segments[i].iov_len, SIZE_MAX - left);
	*cursor = (struct vq_cursor){ .segment = segments, .left = left };
	settle(cursor);
}

uint8_t *vq_cursor_span(const struct vq_cursor *cursor, size_t *length)
{
	if (!cursor->left) {
		*length = 0;
		return NULL;
	}
	*length = least(cursor->segment->iov_len - cursor->offset, cursor->left);
	return (uint8_t *)cursor->segment->iov_base + cursor->offset;
}

/* Moves within the current span; length is at most the span's. */
static void advance(struct vq_cursor *cursor, size_t length)
{
	cursor->offset += length;
	cursor->left -= length;
	settle(cursor);
}

size_t vq_cursor_skip(struct vq_cursor *cursor, size_t length)
{
	size_t done = 0, span;

	while (done < length && vq_cursor_span(cursor, &span)) {
		span = least(span, length - done);
		advance(cursor, span);
		done += span;
	}
	return done;
}

size_t vq_cursor_read(struct vq_cursor *cursor, void *to, size_t length)
{
	size_t done = 0, span;
	const uint8_t *from;

	while (done < length && (from = vq_cursor_span(cursor, &span))) {
		span = least(span, length - done);
		shared_copy((uint8_t *)to + done, from, span);
		advance(cursor, span);
		done += span;
	}
	return done;
}

size_t vq_cursor_write(struct vq_cursor *cursor, const void *from, size_t length)
{
	size_t done = 0, span;
	uint8_t *to;

	while (done < length && (to = vq_cursor_span(cursor, &span))) {
		span = least(span, length - done);
		memcpy(to, (const uint8_t *)from + done, span);
		advance(cursor, span);
		done += span;
	}
	return done;
}

size_t vq_cursor_copy(struct vq_cursor *to, struct vq_cursor *from, size_t length)
{
	size_t done = 0, room, span;

	while (done < length) {
		uint8_t *target = vq_cursor_span(to, &room);
		const uint8_t *source = vq_cursor_span(from, &span);

		if (!target || !source)
			break;
		span = least(least(span, room), length - done);
		vq_copy(target, source, span);
		advance(to, span);
		advance(from, span);
		done += span;
	}
	return done;
}

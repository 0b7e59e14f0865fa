/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A byte cursor over an array of segments.
 *
 * A cursor knows how many bytes are left and never passes its end: every function
 * does as much as there is and says how much that was. It goes forward only. A
 * cursor is a plain value: copying the structure copies the position, which is how
 * to look ahead or to go back.
 *
 * The segments are not the cursor's: the array and what it points to must outlive
 * it. A segment of length 0 is allowed anywhere.
 */
#ifndef VDUSE_VIRTIO_CURSOR_H
#define VDUSE_VIRTIO_CURSOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct vq_cursor {
	const struct iovec *segment;	/* where the next byte is */
	size_t offset;			/* in *segment; below its length while left > 0 */
	size_t left;			/* bytes from here to the end */
};

/*
 * Puts the cursor at the first byte of `count` segments. A total of more than
 * SIZE_MAX bytes is cut off there.
 */
void vq_cursor_init(struct vq_cursor *cursor, const struct iovec *segments, unsigned int count);

/* Bytes between the cursor and its end. */
static inline size_t vq_cursor_left(const struct vq_cursor *cursor)
{
	return cursor->left;
}

/* Moves the end, so that at most `length` bytes are left. */
static inline void vq_cursor_limit(struct vq_cursor *cursor, size_t length)
{
	if (cursor->left > length)
		cursor->left = length;
}

/* Goes forward by up to `length` bytes; returns by how many. */
size_t vq_cursor_skip(struct vq_cursor *cursor, size_t length);

/*
 * Copies up to `length` bytes from the cursor into `to`; returns how many. Each
 * byte is read once, and the copy is safe from a driver that goes on writing.
 */
size_t vq_cursor_read(struct vq_cursor *cursor, void *to, size_t length);

/* Copies up to `length` bytes from `from` to where the cursor is; returns how many. */
size_t vq_cursor_write(struct vq_cursor *cursor, const void *from, size_t length);

/*
 * Copies up to `length` bytes from one cursor to the other, in one copy, and moves
 * both. Returns how many: the least of length and what either had left. The two
 * may lie in the same memory of the driver: what is copied is then unspecified, as
 * between two racing writers, and nothing outside either range is touched.
 */
size_t vq_cursor_copy(struct vq_cursor *to, struct vq_cursor *from, size_t length);

/*
 * The bytes that lie in one piece at the cursor: returns where they begin and puts
 * their number in *length (0 and NULL at the end). Does not move the cursor.
 */
uint8_t *vq_cursor_span(const struct vq_cursor *cursor, size_t *length);

#endif

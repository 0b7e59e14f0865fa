/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "vduse/device/fused_copy.h"
#include "vduse/device/plain.h"

static inline size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* A place in an array of segments. */
struct place {
	const struct iovec *segment;
	size_t offset;
};

/* What is left of the segment at a place, of those that are left if it has come to an end. */
static inline size_t room(struct place *place)
{
	while (place->offset == place->segment->iov_len) {
		place->segment++;
		place->offset = 0;
	}
	return place->segment->iov_len - place->offset;
}

/* Copies `length` bytes, which are there on both sides. */
static void copy(struct place to, struct place from, size_t length)
{
	while (length) {
		size_t span = least(least(room(&to), room(&from)), length);

		vq_copy_any((uint8_t *)to.segment->iov_base + to.offset,
			    (const uint8_t *)from.segment->iov_base + from.offset, span);
		to.offset += span;
		from.offset += span;
		length -= span;
	}
}

/* Whether the header lies in the first segment, and asks for nothing. */
static bool has_plain_header(const struct vq_chain *chain)
{
	const struct iovec *first = vq_chain_readable(chain);
	uint16_t word;

	if (first->iov_len < NET_HEADER_SIZE)
		return false;
	shared_copy(&word, first->iov_base, sizeof(word));
	return !(le16toh(word) & FUSED_NOT_PLAIN);
}

static bool fits(const struct vq_chain *frame, const struct vq_chain *buffer)
{
	return buffer->writable >= frame->readable &&
	       vq_chain_writable(buffer)->iov_len >= NET_HEADER_SIZE;
}

int plain_deliver(const struct vq_chain *chain, uint32_t frame_max, struct virtqueue *receive,
		  struct vq_chain *scratch, struct net_counters *counters)
{
	uint32_t length = chain->readable - NET_HEADER_SIZE;
	int error;

	if (chain->readable < NET_HEADER_SIZE + NET_FRAME_MIN || length > frame_max ||
	    !has_plain_header(chain))
		return 0;
	if (virtqueue_pop(receive, scratch) <= 0)
		return 0;
	if (!fits(chain, scratch)) {
		virtqueue_unpop(receive, scratch->head);
		return 0;
	}
	memcpy(vq_chain_writable(scratch)->iov_base, fused_header, NET_HEADER_SIZE);
	copy((struct place){ vq_chain_writable(scratch), NET_HEADER_SIZE },
	     (struct place){ vq_chain_readable(chain), NET_HEADER_SIZE }, length);
	error = virtqueue_push(receive, scratch->head, chain->readable);
	if (error)
		return error;
	counters->frames++;
	counters->bytes += length;
	return 1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lanes over split virtqueues; contracts in lane.h. Not for users of the engine. */
#ifndef VDUSE_VIRTIO_LANE_SPLIT_H
#define VDUSE_VIRTIO_LANE_SPLIT_H

#include "vduse/virtio/lane_common.h"
#include "vduse/virtio/split.h"
#include "vduse/virtio/split_ring.h"

/*
 * What is taken and not published, in flight or staged, is what lies between the two indices:
 * with nothing there, all slots say that nothing is in flight.
 */
VQ_INLINE bool lane_split_fits(const struct virtqueue *vq)
{
	return vq->split.next_avail == vq->split.next_used;
}

/*
 * avail.idx is read again only if fewer chains than wanted are known to be available. One that
 * no driver may write is not taken; when the others are used up, pop reads and reports it.
 */
VQ_INLINE uint32_t lane_split_open(struct virtqueue *vq, uint32_t wanted)
{
	uint32_t available = vq_split_pending(&vq->split);
	uint16_t index;

	if (available < wanted) {
		index = shared_load16_acquire(&vq->split.avail->idx);
		if (vq_split_index_fits(vq, index)) {
			vq->split.avail_seen = index;
			available = vq_split_pending(&vq->split);
		}
	}
	return available < wanted ? available : wanted;
}

/* The index of the chain that comes after `count` in the lane; 16 bits of it count. */
VQ_INLINE uint32_t lane_split_index(const struct virtqueue *vq, uint32_t count)
{
	return vq->split.next_avail + count;
}

/*
 * Whether a head is one of `count` that were taken in this lane. The slots of its chains are
 * not marked, so that nothing has to be cleared when they are published: they say at which
 * index they were taken last, and the place of that index says which head it was. Where the two
 * agree, and the index is one of the lane's, the head is one of them; whatever else an old slot
 * contains cannot agree, for every place of the lane has been written in it.
 */
VQ_INLINE bool lane_split_repeated(const struct virtqueue *vq, uint32_t count, uint32_t head)
{
	uint32_t index = vq->slots[head].lane_index;

	if (__builtin_expect(index - vq->split.next_avail >= count, 1))
		return false;
	return vq->slots[index & (vq->size - 1)].order == head;
}

/*
 * Each field of the descriptor is loaded once, and on its own, as drivers store them: a load of
 * two that were stored just now would wait until they are in the cache.
 */
VQ_INLINE bool lane_split_peek(const struct vq_lane *lane, uint32_t count,
					    enum vq_window_use use, struct vq_lane_chain *chain)
{
	struct virtqueue *vq = lane->vq;
	uint32_t place = lane_split_index(vq, count) & (vq->size - 1);
	uint32_t flags = use == VQ_WINDOW_WRITE ? VRING_DESC_F_WRITE : 0;
	const struct vring_desc *desc;

	chain->head = shared_load16(&vq->split.avail->ring[place]);
	if (__builtin_expect(chain->head >= vq->size, 0))
		return false;
	if (!lane->alone && __builtin_expect(lane_split_repeated(vq, count, chain->head), 0))
		return false;
	desc = &vq->split.desc[chain->head];
	if (__builtin_expect(shared_load16((const uint16_t *)&desc->flags) != flags, 0))
		return false;
	chain->length = shared_load32((const uint32_t *)&desc->len);
	chain->base = vq_window_at(vq, use, le64toh(shared_load64_raw(&desc->addr)), chain->length);
	return chain->base;
}

VQ_INLINE void lane_split_use(const struct vq_lane *lane, uint32_t count,
			      const struct vq_lane_chain *chain, uint32_t written)
{
	struct virtqueue *vq = lane->vq;
	uint32_t index = lane_split_index(vq, count), place = index & (vq->size - 1);
	uint64_t element = htole64((uint64_t)written << 32 | chain->head);

	memcpy(&vq->split.used->ring[place], &element, sizeof(element));
	if (lane->alone)
		return;
	vq->slots[chain->head].lane_index = index;
	vq->slots[place].order = (uint16_t)chain->head;
}

/*
 * As split_publish(), in the same order, for a lane's chains only, and without the position, which
 * is stored already; `fenced`: with a full fence behind it. Returns the number of chains that
 * the driver has not been asked about.
 */
VQ_INLINE uint32_t lane_split_publish(const struct vq_lane *lane, uint32_t count, bool fenced)
{
	struct virtqueue *vq = lane->vq;
	uint16_t next = (uint16_t)lane_split_index(vq, count);
	uint32_t word = vq_position_word(next);

	if (__builtin_expect(vq->unsignalled, 0)) {
		count += vq->unsignalled;
		vq->unsignalled = 0;
	}
	/* next_avail and next_used */
	memcpy(&vq->split.next_avail, &word, sizeof(word));
	if (fenced)
		shared_store16_fenced(&vq->split.used->idx, next);
	else
		shared_store16_release(&vq->split.used->idx, next);
	return count;
}

/*
 * Lets the processor fetch the next chain's buffer, which costs most when the next frame comes
 * alone; only if that chain is known to be available. What is read here is a hint: all of it is
 * read again, and checked, by whoever takes the chain.
 */
VQ_INLINE void lane_split_prefetch(const struct virtqueue *vq, enum vq_window_use use)
{
	const struct vq_window *window = &vq->window[use];
	uint32_t place = vq->split.next_avail & (vq->size - 1), head;
	uint64_t at;

	if (!vq_split_pending(&vq->split))
		return;
	head = shared_load16(&vq->split.avail->ring[place]) & (vq->size - 1);
	at = le64toh(shared_load64_raw(&vq->split.desc[head].addr)) - window->first;
	if (at >= window->length)
		return;
	__builtin_prefetch(window->base + at, 1);
	__builtin_prefetch(window->base + at + 64, 1);
}

#endif

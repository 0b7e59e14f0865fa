/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lanes over packed virtqueues; contracts in lane.h. Not for users of the engine. */
#ifndef VDUSE_VIRTIO_LANE_PACKED_H
#define VDUSE_VIRTIO_LANE_PACKED_H

#include "vduse/virtio/lane_common.h"
#include "vduse/virtio/packed.h"

/* With chains that nobody was asked about, publishing would have to count. */
VQ_INLINE bool lane_packed_fits(const struct virtqueue *vq)
{
	return !(vq->packed.outstanding | vq->packed.unsignalled);
}

/* Whether the descriptor after the next one is not available. */
VQ_INLINE bool lane_packed_alone(const struct virtqueue *vq)
{
	uint16_t second = packed_forward(vq->packed.next_avail, 1, vq->size);
	const struct vring_packed_desc *desc = &vq->packed.desc[packed_place(second)];

	return !packed_is_available(shared_load16((const uint16_t *)&desc->flags), second);
}

/*
 * What is available shows itself one by one. No more than the ring has can be out, and a lane
 * does not go through the end of the ring: so positions in it are sums.
 */
VQ_INLINE uint32_t lane_packed_open(struct vq_lane *lane, uint32_t wanted)
{
	const struct virtqueue *vq = lane->vq;
	uint16_t position = vq->packed.next_avail;
	uint32_t rest = lane->alone ? 1 : vq->size - packed_place(position);

	lane->position = position;
	lane->desc = &vq->packed.desc[packed_place(position)];
	return wanted < rest ? wanted : rest;
}

VQ_INLINE void lane_packed_disable_kick(struct virtqueue *vq)
{
	if (!packed_kicks_disabled(&vq->packed))
		packed_disable_kick(vq);
}

/*
 * Whether an id is one of `count` that were taken in this lane. Its slot says at which position
 * it was taken last. What an old slot contains may look like that: then the chain is left to
 * pop, as one that is not simple.
 */
VQ_INLINE bool lane_packed_repeated(const struct vq_lane *lane, uint32_t count, uint32_t id)
{
	return (uint16_t)(lane->vq->slots[id].lane_position - lane->position) < count;
}

/*
 * The flags are loaded first (2.8.15), and each field once and on its own: lane_split_peek().
 */
VQ_INLINE bool lane_packed_peek(const struct vq_lane *lane, uint32_t count, enum vq_window_use use,
				struct vq_lane_chain *chain)
{
	uint16_t flags = packed_available_flags(lane->position);
	const struct vring_packed_desc *desc = lane->desc + count;
	struct virtqueue *vq = lane->vq;

	if (use == VQ_WINDOW_WRITE)
		flags |= VRING_DESC_F_WRITE;
	if (__builtin_expect(shared_load16_acquire((const uint16_t *)&desc->flags) != flags, 0))
		return false;
	chain->head = shared_load16((const uint16_t *)&desc->id);
	chain->length = shared_load32((const uint32_t *)&desc->len);
	if (__builtin_expect(chain->head >= vq->size, 0))
		return false;
	if (!lane->alone && __builtin_expect(lane_packed_repeated(lane, count, chain->head), 0))
		return false;
	chain->base = vq_window_at(vq, use, le64toh(shared_load64_raw(&desc->addr)), chain->length);
	return chain->base;
}

/* The slot of the place that a chain has in the ring, `count` after the lane's first one. */
VQ_INLINE struct vq_slot *lane_packed_slot(const struct vq_lane *lane, uint32_t count)
{
	return &lane->vq->slots[packed_place(lane->position) + count];
}

/*
 * The element is used where its chain stands, so the id stays in the ring. What a successor
 * cannot find there is kept in the slot of the place: packed_roll_forward().
 */
VQ_INLINE void lane_packed_use(const struct vq_lane *lane, uint32_t count,
			       const struct vq_lane_chain *chain, uint32_t written)
{
	lane_packed_slot(lane, count)->lane_written = VQ_SLOT_LANE | written;
	if (!lane->alone)
		lane->vq->slots[chain->head].lane_position = (uint16_t)(lane->position + count);
}

/* The position behind `count` chains, which may be the end of the ring. */
VQ_INLINE uint16_t lane_packed_next(const struct vq_lane *lane, uint32_t count)
{
	uint16_t next = (uint16_t)(lane->position + count);

	if (__builtin_expect(packed_place(next) == lane->vq->size, 0))
		next = (uint16_t)~next & PACKED_WRAP;
	return next;
}

/* A lane's chains were taken and published. Some of them may be among those seen. */
VQ_INLINE void lane_packed_advance(struct virtqueue *vq, uint32_t count, uint64_t word)
{
	for (; count && __builtin_expect(vq->packed.seen_chains, 0); count--)
		packed_forget_seen(&vq->packed, 1);
	/* next_avail, next_used, next_staged */
	memcpy(&vq->packed.next_avail, &word, sizeof(word));
}

/* How many bytes were written into a chain of the lane; in chains that it reads, none. */
VQ_INLINE uint32_t lane_packed_written(const struct vq_lane *lane, uint32_t count,
				       enum vq_window_use use)
{
	return use == VQ_WINDOW_WRITE ?
	       lane_packed_slot(lane, count)->lane_written & ~VQ_SLOT_LANE : 0;
}

/*
 * As packed_publish(), in the same order, for a lane's chains only, whose position is stored
 * already: all elements but the first one's flags, those, the journal. `fenced`: there is a full
 * fence behind the flags.
 */
VQ_INLINE void lane_packed_publish(const struct vq_lane *lane, uint32_t count,
				   enum vq_window_use use, bool fenced)
{
	uint64_t next = lane_packed_next(lane, count) * UINT64_C(0x000100010001);
	struct vring_packed_desc *desc = lane->desc;
	struct virtqueue *vq = lane->vq;
	uint16_t flags = packed_used_flags(lane->position);

	if (use == VQ_WINDOW_WRITE)
		flags |= VRING_DESC_F_WRITE;
	for (uint32_t i = count - 1; i; i--) {
		shared_store32((uint32_t *)&desc[i].len, lane_packed_written(lane, i, use));
		shared_store16((uint16_t *)&desc[i].flags, flags);
	}
	shared_store32((uint32_t *)&desc->len, lane_packed_written(lane, 0, use));
	lane_packed_advance(vq, count, next);
	if (fenced)
		shared_store16_fenced((uint16_t *)&desc->flags, flags);
	else
		shared_store16_release((uint16_t *)&desc->flags, flags);
	packed_close_journal_at(vq, (uint16_t)next);
}

/* After the fence. Counts, and asks in detail, only if the driver does not say no to all. */
VQ_INLINE bool lane_packed_wants_interrupt(struct virtqueue *vq, uint32_t count)
{
	if (__builtin_expect(packed_event_flags(shared_load32(vq->packed.driver_event)) ==
			     VRING_PACKED_EVENT_FLAG_DISABLE, 1))
		return false;
	vq->unsignalled += count;
	packed_count_unsignalled(vq, count);
	return packed_needs_interrupt(vq);
}

/* As lane_split_prefetch(). */
VQ_INLINE void lane_packed_prefetch(const struct virtqueue *vq, enum vq_window_use use)
{
	const struct vq_window *window = &vq->window[use];
	uint16_t position = vq->packed.next_avail;
	const struct vring_packed_desc *desc = &vq->packed.desc[packed_place(position)];
	uint64_t at;

	if (!packed_is_available(shared_load16_acquire((const uint16_t *)&desc->flags), position))
		return;
	at = le64toh(shared_load64_raw(&desc->addr)) - window->first;
	if (at >= window->length)
		return;
	__builtin_prefetch(window->base + at, 1);
	__builtin_prefetch(window->base + at + 64, 1);
}

#endif

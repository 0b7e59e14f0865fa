/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lanes over packed virtqueues; contracts in lane.h. Not for users of the engine. */
#ifndef VDUSE_VIRTIO_LANE_PACKED_H
#define VDUSE_VIRTIO_LANE_PACKED_H

#include "vduse/virtio/lane_common.h"
#include "vduse/virtio/packed.h"

/* The half of a descriptor that says what it is: length, id, flags, as one word. */
VQ_INLINE uint64_t *lane_packed_half(const struct virtqueue *vq, uint16_t position)
{
	return (uint64_t *)(void *)&vq->packed.desc[packed_place(position)] + 1;
}

VQ_INLINE bool lane_packed_fits(const struct virtqueue *vq)
{
	return vq->format == &vq_format_packed && !vq->packed.outstanding;
}

/* What is available shows itself one by one; no more than the ring has can be out. */
VQ_INLINE uint32_t lane_packed_open(const struct virtqueue *vq, uint32_t wanted)
{
	return wanted < vq->size ? wanted : vq->size;
}

/* The position of the chain that comes after `count` in the lane. */
VQ_INLINE uint16_t lane_packed_position(const struct virtqueue *vq, uint32_t count)
{
	return packed_forward(vq->packed.next_avail, count, vq->size);
}

VQ_INLINE void lane_packed_disable_kick(struct virtqueue *vq)
{
	if (!packed_kicks_disabled(&vq->packed))
		packed_disable_kick(vq);
}

/*
 * The flags are loaded together with the length and the id, and before the address: 2.8.15.
 */
VQ_INLINE enum vq_lane_look lane_packed_peek(struct virtqueue *vq, uint32_t count,
					     enum vq_window_use use, struct vq_lane_chain *chain)
{
	uint16_t position = lane_packed_position(vq, count);
	const uint64_t *half = lane_packed_half(vq, position);
	uint64_t what = le64toh(shared_load64_raw_acquire(half));
	uint32_t flags = what >> 48, write = use == VQ_WINDOW_WRITE ? VRING_DESC_F_WRITE : 0;

	if (__builtin_expect(flags != (packed_available_flags(position) | write), 0))
		return packed_is_available((uint16_t)flags, position) ? VQ_LANE_OTHER : VQ_LANE_END;
	chain->head = what >> 32 & 0xffff;
	chain->length = (uint32_t)what;
	if (__builtin_expect(chain->head >= vq->size, 0))
		return VQ_LANE_OTHER;
	if (__builtin_expect(vq->slots[chain->head].descriptors, 0))
		return VQ_LANE_OTHER;
	chain->base = vq_window_at(vq, use, le64toh(shared_load64_raw(half - 1)), chain->length);
	return chain->base ? VQ_LANE_SIMPLE : VQ_LANE_OTHER;
}

/* The element is staged in the slots, which is where a successor looks for it: packed_push(). */
VQ_INLINE void lane_packed_use(struct virtqueue *vq, uint32_t count,
			       const struct vq_lane_chain *chain, uint32_t written)
{
	struct vq_slot *slot = &vq->slots[chain->head];

	slot->writable = written;
	slot->descriptors = 1 | VQ_SLOT_STAGED;
	vq->slots[packed_place(lane_packed_position(vq, count))].order = (uint16_t)chain->head;
}

/* A lane's chains were taken; some of them may be among those seen. */
VQ_INLINE void lane_packed_taken(struct virtqueue *vq, uint32_t count, uint16_t next)
{
	for (uint32_t i = 0; i < count && __builtin_expect(vq->packed.seen_chains, 0); i++)
		packed_forget_seen(&vq->packed, 1);
	vq->packed.next_avail = next;
	vq->packed.next_staged = next;
}

VQ_INLINE void lane_packed_close(struct virtqueue *vq, uint32_t count)
{
	lane_packed_taken(vq, count, lane_packed_position(vq, count));
	vq->packed.outstanding = count;
}

/* The element staged at a position, as the driver is to see it. */
VQ_INLINE uint64_t lane_packed_element(const struct virtqueue *vq, uint16_t position, uint16_t id)
{
	uint32_t written = vq->slots[id].writable;
	uint64_t flags = packed_used_flags(position) | (written ? VRING_DESC_F_WRITE : 0u);

	return htole64(flags << 48 | (uint64_t)id << 32 | written);
}

/* All elements but the first one. */
VQ_INLINE void lane_packed_write(const struct virtqueue *vq, uint16_t at, uint32_t count)
{
	while (--count) {
		at = packed_forward(at, 1, vq->size);
		shared_store64_raw(lane_packed_half(vq, at),
				   lane_packed_element(vq, at, packed_noted_id(vq, at)));
	}
}

VQ_INLINE void lane_packed_release(const struct virtqueue *vq, uint16_t at, uint32_t count)
{
	for (; count; count--, at = packed_forward(at, 1, vq->size))
		vq->slots[packed_noted_id(vq, at)].descriptors = 0;
}

/*
 * As packed_publish(), in the same order, for a lane's chains only: the position, all elements
 * but the first, the first one, the journal, the slots. `fenced`: the first element is stored
 * with a full fence behind it.
 */
VQ_INLINE void lane_packed_publish(struct virtqueue *vq, uint32_t count, bool fenced)
{
	uint16_t first = vq->packed.next_avail, next = lane_packed_position(vq, count);
	uint64_t *to = lane_packed_half(vq, first);
	uint64_t element = lane_packed_element(vq, first, packed_noted_id(vq, first));

	vq_position_store_word(vq->position, vq_position_word(next));
	lane_packed_write(vq, first, count);
	vq->packed.next_used = next;
	lane_packed_taken(vq, count, next);
	vq->unsignalled += count;
	packed_count_unsignalled(vq, count);
	if (fenced)
		shared_store64_raw_fenced(to, element);
	else
		shared_store64_raw_release(to, element);
	packed_close_journal_inline(vq);
	lane_packed_release(vq, first, count);
}

/* As packed_needs_interrupt(), which is asked only if the driver does not say no to all. */
VQ_INLINE bool lane_packed_wants_interrupt(struct virtqueue *vq)
{
	if (packed_event_flags(shared_load32(vq->packed.driver_event)) !=
	    VRING_PACKED_EVENT_FLAG_DISABLE)
		return packed_needs_interrupt(vq);
	vq->unsignalled = 0;
	vq->packed.unsignalled = 0;
	return false;
}

#endif

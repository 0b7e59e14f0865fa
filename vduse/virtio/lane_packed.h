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
	return !vq->packed.outstanding;
}

/*
 * What is available shows itself one by one. No more than the ring has can be out, and a lane
 * does not go through the end of the ring: so positions in it are sums.
 */
VQ_INLINE uint32_t lane_packed_open(const struct virtqueue *vq, uint32_t wanted)
{
	uint32_t rest = vq->size - packed_place(vq->packed.next_avail);

	return wanted < rest ? wanted : rest;
}

VQ_INLINE void lane_packed_disable_kick(struct virtqueue *vq)
{
	if (!packed_kicks_disabled(&vq->packed))
		packed_disable_kick(vq);
}

/*
 * The flags are loaded first (2.8.15), and each field once and on its own: lane_split_peek().
 */
VQ_INLINE bool lane_packed_peek(struct virtqueue *vq, uint32_t count, enum vq_window_use use,
				struct vq_lane_chain *chain)
{
	uint16_t position = vq->packed.next_avail, flags = packed_available_flags(position);
	const struct vring_packed_desc *desc = &vq->packed.desc[packed_place(position) + count];

	if (use == VQ_WINDOW_WRITE)
		flags |= VRING_DESC_F_WRITE;
	if (__builtin_expect(shared_load16_acquire((const uint16_t *)&desc->flags) != flags, 0))
		return false;
	chain->head = shared_load16((const uint16_t *)&desc->id);
	chain->length = shared_load32((const uint32_t *)&desc->len);
	if (__builtin_expect(chain->head >= vq->size, 0))
		return false;
	if (__builtin_expect(vq->slots[chain->head].descriptors, 0))
		return false;
	chain->base = vq_window_at(vq, use, le64toh(shared_load64_raw(&desc->addr)), chain->length);
	return chain->base;
}

/* The element is staged in the slots, which is where a successor looks for it: packed_push(). */
VQ_INLINE void lane_packed_use(struct virtqueue *vq, uint32_t count,
			       const struct vq_lane_chain *chain, uint32_t written)
{
	struct vq_slot *slot = &vq->slots[chain->head];

	slot->writable = written;
	slot->descriptors = 1 | VQ_SLOT_STAGED;
	vq->slots[packed_place(vq->packed.next_avail) + count].order = (uint16_t)chain->head;
}

/* A lane's chains were taken and published. Some of them may be among those seen. */
VQ_INLINE void lane_packed_advance(struct virtqueue *vq, uint32_t count, uint16_t next)
{
	uint64_t word = next * UINT64_C(0x000100010001);

	for (; count && __builtin_expect(vq->packed.seen_chains, 0); count--)
		packed_forget_seen(&vq->packed, 1);
	/* next_avail, next_used, next_staged */
	memcpy(&vq->packed.next_avail, &word, sizeof(word));
}

/* The element that a slot says is staged there, as the driver is to see it. */
VQ_INLINE uint64_t lane_packed_element(const struct virtqueue *vq, uint32_t id, uint64_t flags,
				       enum vq_window_use use)
{
	uint32_t written = use == VQ_WINDOW_WRITE ? vq->slots[id].writable : 0;

	if (written)
		flags |= VRING_DESC_F_WRITE;
	return htole64(flags << 48 | (uint64_t)id << 32 | written);
}

/*
 * As packed_publish(), in the same order, for a lane's chains only: the position, all elements
 * but the first one's flags, those, the journal, the slots. `fenced`: there is a full fence
 * behind the flags. In chains that lanes read nothing is written.
 */
VQ_INLINE void lane_packed_publish(struct virtqueue *vq, uint32_t count, enum vq_window_use use,
				   bool fenced)
{
	uint16_t first = vq->packed.next_avail, next = packed_forward(first, count, vq->size);
	struct vq_slot *slots = vq->slots, *staged = slots + packed_place(first);
	uint64_t *to = lane_packed_half(vq, first), flags = packed_used_flags(first);
	struct vring_packed_desc *one = &vq->packed.desc[packed_place(first)];
	uint32_t written = use == VQ_WINDOW_WRITE ? slots[staged->order].writable : 0;

	vq_position_store_word(vq->position, vq_position_word(next));
	for (uint32_t i = count - 1; i; i--)
		shared_store64_raw(to + 2 * i, lane_packed_element(vq, staged[i].order, flags, use));
	shared_store32((uint32_t *)&one->len, written);
	shared_store16((uint16_t *)&one->id, staged->order);
	lane_packed_advance(vq, count, next);
	if (written)
		flags |= VRING_DESC_F_WRITE;
	if (fenced)
		shared_store16_fenced((uint16_t *)&one->flags, (uint16_t)flags);
	else
		shared_store16_release((uint16_t *)&one->flags, (uint16_t)flags);
	packed_close_journal_inline(vq);
	do
		slots[staged++->order].descriptors = 0;
	while (--count);
}

/* After the fence. Counts, and asks in detail, only if the driver does not say no to all. */
VQ_INLINE bool lane_packed_wants_interrupt(struct virtqueue *vq, uint32_t count)
{
	bool none = packed_event_flags(shared_load32(vq->packed.driver_event)) ==
		    VRING_PACKED_EVENT_FLAG_DISABLE;

	if (__builtin_expect(none && !vq->unsignalled, 1))
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
	__builtin_prefetch(window->base + at, 1);
	__builtin_prefetch(window->base + at + 64, 1);
}

#endif

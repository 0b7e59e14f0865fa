/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lanes over packed virtqueues; contracts in lane.h. Not for users of the engine. */
#ifndef VDUSE_VIRTIO_LANE_PACKED_H
#define VDUSE_VIRTIO_LANE_PACKED_H

#include "vduse/virtio/lane_common.h"
#include "vduse/virtio/packed.h"

/* The half of a descriptor that says what it is: length, id, flags. */
union lane_packed_word {
	uint64_t word;
	struct {
		uint32_t length;
		uint16_t id;
		uint16_t flags;
	};
};

VQ_LANE_INLINE uint64_t *lane_packed_half(const struct virtqueue *vq, uint16_t position)
{
	return (uint64_t *)(void *)&vq->packed.desc[packed_place(position)] + 1;
}

VQ_LANE_INLINE bool lane_packed_fits(const struct virtqueue *vq)
{
	return vq->format == &vq_format_packed && !vq->packed.outstanding;
}

/* What is available shows itself one by one; no more than the ring has can be out. */
VQ_LANE_INLINE struct vq_lane lane_packed_open(const struct virtqueue *vq, uint32_t wanted)
{
	return (struct vq_lane){
		.next = vq->packed.next_avail,
		.limit = wanted < vq->size ? wanted : vq->size,
	};
}

VQ_LANE_INLINE void lane_packed_disable_kick(struct virtqueue *vq)
{
	if (!packed_kicks_disabled(&vq->packed))
		packed_disable_kick(vq);
}

/*
 * The flags are loaded together with the length and the id, and before the address: 2.8.15.
 */
VQ_LANE_INLINE enum vq_lane_look lane_packed_peek(struct virtqueue *vq, const struct vq_lane *lane,
						  enum vq_window_use use,
						  struct vq_lane_chain *chain)
{
	uint16_t expected = packed_available_flags(lane->next) |
			    (use == VQ_WINDOW_WRITE ? VRING_DESC_F_WRITE : 0);
	const uint64_t *half = lane_packed_half(vq, lane->next);
	union lane_packed_word what = { .word = shared_load64_raw_acquire(half) };
	uint16_t flags = le16toh(what.flags);

	if (!packed_is_available(flags, lane->next))
		return VQ_LANE_END;
	chain->head = le16toh(what.id);
	chain->length = le32toh(what.length);
	if (__builtin_expect(flags != expected || chain->head >= vq->size, 0))
		return VQ_LANE_OTHER;
	if (__builtin_expect(vq->slots[chain->head].descriptors, 0))
		return VQ_LANE_OTHER;
	chain->base = vq_window_at(vq, use, le64toh(shared_load64_raw(half - 1)), chain->length);
	return chain->base ? VQ_LANE_SIMPLE : VQ_LANE_OTHER;
}

/*
 * The element is staged in the slots, which is where a successor looks for it: packed_push().
 */
VQ_LANE_INLINE void lane_packed_use(struct virtqueue *vq, struct vq_lane *lane,
				    const struct vq_lane_chain *chain, uint32_t written)
{
	struct vq_slot *slot = &vq->slots[chain->head];

	slot->writable = written;
	slot->descriptors = 1 | VQ_SLOT_STAGED;
	vq->slots[packed_place(lane->next)].order = chain->head;
	lane->next = packed_forward(lane->next, 1, vq->size);
}

/* A lane's chains were taken; some of them may be among those seen. */
static inline void lane_packed_taken(struct virtqueue *vq, const struct vq_lane *lane)
{
	for (uint32_t i = 0; i < lane->count && vq->packed.seen_chains; i++)
		packed_forget_seen(&vq->packed, 1);
	vq->packed.next_avail = lane->next;
	vq->packed.next_staged = lane->next;
}

VQ_LANE_INLINE void lane_packed_close(struct virtqueue *vq, const struct vq_lane *lane)
{
	lane_packed_taken(vq, lane);
	vq->packed.outstanding = lane->count;
}

/* The element staged at a position, as the driver is to see it: one word, one store. */
VQ_LANE_INLINE uint64_t lane_packed_element(const struct virtqueue *vq, uint16_t position)
{
	uint16_t id = packed_noted_id(vq, position);
	uint32_t written = vq->slots[id].writable;
	uint16_t flags = packed_used_flags(position) | (written ? VRING_DESC_F_WRITE : 0);
	union lane_packed_word what = {
		.length = htole32(written),
		.id = htole16(id),
		.flags = htole16(flags),
	};

	return what.word;
}

/*
 * As packed_publish(), in the same order, for a lane's chains only: the position, all elements
 * but the first, the first one, the journal, the slots. `fenced`: the first element is stored
 * with a full fence behind it.
 */
VQ_LANE_INLINE void lane_packed_publish(struct virtqueue *vq, const struct vq_lane *lane,
					bool fenced)
{
	uint16_t first = vq->packed.next_used, at = first;
	uint64_t *to = lane_packed_half(vq, first);

	vq_position_store(vq->position, (struct virtqueue_position){ lane->next, lane->next });
	while ((at = packed_forward(at, 1, vq->size)) != lane->next)
		shared_store64_raw(lane_packed_half(vq, at), lane_packed_element(vq, at));
	vq->unsignalled += lane->count;
	packed_count_unsignalled(vq, lane->count);
	if (fenced)
		shared_store64_raw_fenced(to, lane_packed_element(vq, first));
	else
		shared_store64_raw_release(to, lane_packed_element(vq, first));
	vq->packed.next_used = lane->next;
	lane_packed_taken(vq, lane);
	packed_close_journal_inline(vq);
	for (at = first; at != lane->next; at = packed_forward(at, 1, vq->size))
		vq->slots[packed_noted_id(vq, at)].descriptors = 0;
}

/* As packed_needs_interrupt(), which is asked only if the driver does not say no to all. */
VQ_LANE_INLINE bool lane_packed_wants_interrupt(struct virtqueue *vq)
{
	if (packed_event_flags(shared_load32(vq->packed.driver_event)) !=
	    VRING_PACKED_EVENT_FLAG_DISABLE)
		return packed_needs_interrupt(vq);
	vq->unsignalled = 0;
	vq->packed.unsignalled = 0;
	return false;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps that the split ring's operations (split.c) and its lane (lane.h) are made of.
 * Not for users of the engine.
 */
#ifndef VDUSE_VIRTIO_SPLIT_RING_H
#define VDUSE_VIRTIO_SPLIT_RING_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "vduse/virtio/format.h"
#include "vduse/virtio/shared.h"

/* Where a free-running index is in a ring of `size` entries. */
static inline uint16_t vq_split_place(const struct virtqueue *vq, uint16_t index)
{
	return index & (uint16_t)(vq->size - 1);
}

/* Chains that were seen to be available and not taken. */
static inline uint16_t vq_split_pending(const struct vq_split *split)
{
	return split->avail_seen - split->next_avail;
}

/*
 * Whether avail.idx may have come to `index`: it may only grow (2.7.6.1), and the driver
 * has no more than `size` chains: those offered and not taken, those in flight, and those
 * whose used element has not been published.
 */
static inline bool vq_split_index_fits(const struct virtqueue *vq, uint16_t index)
{
	uint16_t grown = index - vq->split.avail_seen;
	uint16_t known = vq->split.avail_seen - vq->split.next_used;

	return grown <= vq->size - known;
}

/* Copies a descriptor of the table, once: two loads, which see what the driver had. */
static inline struct vq_descriptor vq_split_load(const struct vring_desc *table, uint32_t index)
{
	union {
		uint64_t half[2];
		struct vring_desc desc;
	} raw;

	raw.half[0] = shared_load64_raw((const uint64_t *)(const void *)&table[index]);
	raw.half[1] = shared_load64_raw((const uint64_t *)(const void *)&table[index] + 1);
	return (struct vq_descriptor){
		.address = le64toh(raw.desc.addr),
		.length = le32toh(raw.desc.len),
		.flags = le16toh(raw.desc.flags),
		.next = le16toh(raw.desc.next),
	};
}

/* The position after everything that is staged. */
static inline struct virtqueue_position vq_split_outcome(const struct virtqueue *vq)
{
	return (struct virtqueue_position){
		.next_avail = vq->split.next_avail - (uint16_t)vq->in_flight,
		.next_used = vq->split.next_used + (uint16_t)vq->staged,
	};
}

/* The heads of what is staged belong to the driver from now on. */
static inline void vq_split_release_slots(struct virtqueue *vq)
{
	struct vq_slot *slots = vq->slots;
	uint16_t first = vq->split.next_used, mask = (uint16_t)(vq->size - 1);

	for (uint32_t i = 0, staged = vq->staged; i < staged; i++)
		slots[slots[(first + i) & mask].order].descriptors = 0;
}

/*
 * The part of a publication before used.idx is stored (2.7.8.2: buffers and elements come
 * before it). The position is stored with release order as well, so that whoever finds it
 * after a crash finds the elements. Returns the used.idx to be stored.
 */
static inline uint16_t vq_split_prepare(struct virtqueue *vq)
{
	struct virtqueue_position position = vq_split_outcome(vq);

	vq_split_release_slots(vq);
	vq_position_store(vq->position, position);
	vq->split.next_used = position.next_used;
	vq->unsignalled += vq->staged;
	vq->staged = 0;
	return position.next_used;
}

/*
 * 2.7.7.2, with used_event: a notification is due if used.idx passed used_event, that is
 * if used_event is one of the `count` indices before used.idx. All 16 bits of it can be
 * the driver's nonsense: the answer is then one interrupt too many or too few for it.
 */
static inline bool vq_split_event_passed(const struct virtqueue *vq, uint32_t count)
{
	uint16_t event = shared_load16(vq->split.used_event);
	uint16_t distance = vq->split.next_used - event - 1;

	return distance < count;
}

/* virtqueue_needs_interrupt_fenced() of a virtqueue that runs. */
static inline bool vq_split_wants_interrupt(struct virtqueue *vq)
{
	uint32_t count = vq->unsignalled;

	if (!count)
		return false;
	vq->unsignalled = 0;
	if (vq_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		return vq_split_event_passed(vq, count);
	return !(shared_load16(&vq->split.avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

#endif

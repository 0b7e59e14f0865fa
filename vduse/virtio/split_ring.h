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
VQ_INLINE uint16_t vq_split_place(const struct virtqueue *vq, uint16_t index)
{
	return index & (uint16_t)(vq->size - 1);
}

/* Chains that were seen to be available and not taken. */
VQ_INLINE uint16_t vq_split_pending(const struct vq_split *split)
{
	return split->avail_seen - split->next_avail;
}

/*
 * Whether avail.idx may have come to `index`: it may only grow (2.7.6.1), and the driver
 * has no more than `size` chains: those offered and not taken, those in flight, and those
 * whose used element has not been published.
 */
VQ_INLINE bool vq_split_index_fits(const struct virtqueue *vq, uint16_t index)
{
	uint16_t grown = index - vq->split.avail_seen;
	uint16_t known = vq->split.avail_seen - vq->split.next_used;

	return grown <= vq->size - known;
}

/* Copies a descriptor of the table, once: two loads, which see what the driver had. */
VQ_INLINE struct vq_descriptor vq_split_load(const struct vring_desc *table, uint32_t index)
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
VQ_INLINE struct virtqueue_position vq_split_outcome(const struct virtqueue *vq)
{
	return (struct virtqueue_position){
		.next_avail = vq->split.next_avail - (uint16_t)vq->in_flight,
		.next_used = vq->split.next_used + (uint16_t)vq->staged,
	};
}

/* The heads of what is staged belong to the driver from now on. */
VQ_INLINE void vq_split_release_slots(struct virtqueue *vq)
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
VQ_INLINE uint16_t vq_split_prepare(struct virtqueue *vq)
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
 * Whether the driver wants an interrupt for `count` chains (not 0) that were published up to
 * `index`, which is used.idx now (2.7.7.2). With used_event: if used.idx passed it, that is
 * if used_event is one of the `count` indices before used.idx. All 16 bits of it can be the
 * driver's nonsense: the answer is then one interrupt too many or too few for it.
 */
VQ_INLINE bool vq_split_wants_interrupt(const struct virtqueue *vq, uint16_t index,
					    uint32_t count)
{
	if (vq_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		return (uint16_t)(index - shared_load16(vq->split.used_event) - 1) < count;
	return !(shared_load16(&vq->split.avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

/* virtqueue_disable_kick() of a virtqueue that runs; as little as it takes. */
VQ_INLINE void vq_split_disable_kick(struct virtqueue *vq)
{
	/* 2.7.10.2: with avail_event, flags stays 0, and an event that is passed says nothing */
	if (!vq_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		shared_store16(&vq->split.used->flags, VRING_USED_F_NO_NOTIFY);
}

#endif

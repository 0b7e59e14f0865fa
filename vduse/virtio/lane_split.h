/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lanes over split virtqueues; contracts in lane.h. Not for users of the engine. */
#ifndef VDUSE_VIRTIO_LANE_SPLIT_H
#define VDUSE_VIRTIO_LANE_SPLIT_H

#include "vduse/virtio/lane_common.h"
#include "vduse/virtio/split.h"
#include "vduse/virtio/split_ring.h"

VQ_LANE_INLINE bool lane_split_fits(const struct virtqueue *vq)
{
	return vq->format == &vq_format_split && vq->split.next_avail == vq->split.next_used;
}

/*
 * avail.idx is read again only if fewer chains than wanted are known to be available. After one
 * that no driver may write there is nothing for a lane; pop is going to read and to report it.
 */
VQ_LANE_INLINE struct vq_lane lane_split_open(struct virtqueue *vq, uint32_t wanted)
{
	uint32_t available = vq_split_pending(&vq->split);

	if (available < wanted) {
		uint16_t index = shared_load16_acquire(&vq->split.avail->idx);

		available = 0;
		if (vq_split_index_fits(vq, index)) {
			vq->split.avail_seen = index;
			available = vq_split_pending(&vq->split);
		}
	}
	return (struct vq_lane){
		.next = vq->split.next_avail,
		.limit = available < wanted ? available : wanted,
	};
}

VQ_LANE_INLINE enum vq_lane_look lane_split_peek(struct virtqueue *vq, const struct vq_lane *lane,
						 enum vq_window_use use,
						 struct vq_lane_chain *chain)
{
	uint16_t flags = use == VQ_WINDOW_WRITE ? VRING_DESC_F_WRITE : 0;
	struct vq_descriptor descriptor;

	chain->head = shared_load16(&vq->split.avail->ring[vq_split_place(vq, lane->next)]);
	if (__builtin_expect(chain->head >= vq->size, 0))
		return VQ_LANE_OTHER;
	if (__builtin_expect(vq_split_busy(vq, chain->head, lane->next), 0))
		return VQ_LANE_OTHER;
	descriptor = vq_split_load(vq->split.desc, chain->head);
	if (__builtin_expect(descriptor.flags != flags, 0))
		return VQ_LANE_OTHER;
	chain->length = descriptor.length;
	chain->base = vq_window_at(vq, use, descriptor.address, descriptor.length);
	return chain->base ? VQ_LANE_SIMPLE : VQ_LANE_OTHER;
}

/* The slot is not marked but says where it was taken: vq_split_busy(). */
VQ_LANE_INLINE void lane_split_use(struct virtqueue *vq, struct vq_lane *lane,
				   const struct vq_lane_chain *chain, uint32_t written)
{
	uint16_t place = vq_split_place(vq, lane->next);
	vring_used_elem_t element = { .id = htole32(chain->head), .len = htole32(written) };

	memcpy(&vq->split.used->ring[place], &element, sizeof(element));
	vq->slots[chain->head].lane_index = lane->next;
	vq->slots[place].order = chain->head;
	lane->next++;
}

VQ_LANE_INLINE void lane_split_close(struct virtqueue *vq, const struct vq_lane *lane)
{
	vq->split.next_avail = lane->next;
}

/*
 * As split_publish(), in the same order, for a lane's chains only; `fenced`: with a full fence
 * behind it. Returns the number of chains that the driver has not been asked about.
 */
VQ_LANE_INLINE uint32_t lane_split_publish(struct virtqueue *vq, const struct vq_lane *lane,
					   bool fenced)
{
	uint32_t count = vq->unsignalled + lane->count;

	vq->unsignalled = 0;
	vq->split.next_avail = lane->next;
	vq->split.next_used = lane->next;
	vq_position_store(vq->position, (struct virtqueue_position){ lane->next, lane->next });
	if (fenced)
		shared_store16_fenced(&vq->split.used->idx, lane->next);
	else
		shared_store16_release(&vq->split.used->idx, lane->next);
	return count;
}

#endif

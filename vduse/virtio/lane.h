/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lanes: a virtqueue during one tight loop over simple chains.
 *
 * Theory of operation
 * ===================
 *
 * virtqueue_pop() and virtqueue_push() serve chains of any shape, one at a time, each in
 * calls through several layers. Most chains are one descriptor. A lane takes those, and no
 * others; every function here is inline, so that a loop over two lanes is one function:
 *
 *	open	notes where the virtqueue is, and how many chains are available
 *	peek	looks at the next chain, changing nothing: is it simple?
 *	use	takes it and stages its used element, as pop and push in one
 *	publish	makes what was staged on two lanes visible, or
 *	close	leaves that to the virtqueues, because there is more to come
 *
 * A lane makes every check that pop makes, with the same outcome: a chain that passes peek
 * is one that pop would have handed out, as one segment. One that does not pass is left
 * alone, whatever is wrong with it or just not simple about it: nothing has changed, and
 * the caller closes the lane and calls virtqueue_pop(), which takes the chain or breaks the
 * virtqueue and says why. So there is one place that knows errors, and the lane needs none.
 * The descriptor is read again by that pop, but nothing was kept of the first reading.
 *
 * A lane is for a virtqueue with nothing in flight and nothing staged, on which chains are
 * used in the order in which they were made available. Then the place in the ring of the
 * chain taken next and of the used element staged next are one, IN_ORDER is kept by itself,
 * and after publishing both halves of the position are the same index.
 */
#ifndef VDUSE_VIRTIO_LANE_H
#define VDUSE_VIRTIO_LANE_H

#include "vduse/virtio/pair.h"
#include "vduse/virtio/split.h"
#include "vduse/virtio/split_ring.h"
#include "vduse/virtio/window.h"

#define VQ_LANE_INLINE static inline __attribute__((always_inline))

/*
 * Where the lane is. All else stays in the virtqueue, and is loaded from there when it is
 * needed, which costs no more than from the stack, and nothing to open and close.
 */
struct vq_lane {
	uint16_t next;			/* the chain to be taken, free running */
	uint16_t end;			/* behind the last one that may be taken */
};

/* A simple chain. */
struct vq_lane_chain {
	uint8_t *base;
	uint32_t length;
	uint16_t head;
};

enum vq_lane_look {
	VQ_LANE_SIMPLE,		/* a chain that the lane can take */
	VQ_LANE_END,		/* no chain is available that the lane knows of */
	VQ_LANE_OTHER,		/* the next one is not for a lane */
};

/* Whether a virtqueue is one that lanes can be opened on now. */
VQ_LANE_INLINE bool vq_lane_fits(const struct virtqueue *vq)
{
	return vq->state == VIRTQUEUE_RUNNING && vq->format == &vq_format_split &&
	       vq->generation == vq->memory->generation && !(vq->in_flight | vq->staged) &&
	       vq->split.next_avail == vq->split.next_used;
}

/*
 * The chains that are available, reading avail.idx again if they are fewer than `wanted`.
 * An index that the driver may not have written is not taken; pop will say so.
 */
VQ_LANE_INLINE uint32_t vq_lane_available(struct virtqueue *vq, uint32_t wanted)
{
	uint16_t index;

	if (vq_split_pending(&vq->split) < wanted) {
		index = shared_load16_acquire(&vq->split.avail->idx);
		if (vq_split_index_fits(vq, index))
			vq->split.avail_seen = index;
	}
	return vq_split_pending(&vq->split);
}

/* Opens a lane for up to `wanted` chains, on a virtqueue for which vq_lane_fits(). */
VQ_LANE_INLINE struct vq_lane vq_lane_open(struct virtqueue *vq, uint32_t wanted)
{
	uint32_t available = vq_lane_available(vq, wanted);
	uint16_t next = vq->split.next_avail;

	return (struct vq_lane){
		.next = next,
		.end = next + (uint16_t)(available < wanted ? available : wanted),
	};
}

/* The chains that may still be taken. */
VQ_LANE_INLINE uint32_t vq_lane_left(const struct vq_lane *lane)
{
	return (uint16_t)(lane->end - lane->next);
}

/*
 * Looks at the next chain: whether it is one descriptor that the device reads
 * (VQ_WINDOW_READ), or one that it writes (VQ_WINDOW_WRITE). VQ_LANE_SIMPLE: *chain is filled
 * in.
 */
VQ_LANE_INLINE enum vq_lane_look vq_lane_peek(struct virtqueue *vq, const struct vq_lane *lane,
					      enum vq_window_use use, struct vq_lane_chain *chain)
{
	uint16_t flags = use == VQ_WINDOW_WRITE ? VRING_DESC_F_WRITE : 0;
	struct vq_descriptor descriptor;

	if (lane->next == lane->end)
		return VQ_LANE_END;
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

/*
 * Takes the chain that was looked at last, and stages its used element: `written` bytes of
 * it, at most its length if it is writable, 0 if it is readable.
 */
VQ_LANE_INLINE void vq_lane_use(struct virtqueue *vq, struct vq_lane *lane,
				const struct vq_lane_chain *chain, uint32_t written)
{
	uint16_t place = vq_split_place(vq, lane->next);
	vring_used_elem_t element = { .id = htole32(chain->head), .len = htole32(written) };

	memcpy(&vq->split.used->ring[place], &element, sizeof(element));
	vq->slots[chain->head].lane_index = lane->next;
	vq->slots[place].order = chain->head;
	lane->next++;
}

/* Tells the virtqueue what was taken and staged, for virtqueue_publish() to publish. */
VQ_LANE_INLINE void vq_lane_close(struct virtqueue *vq, const struct vq_lane *lane)
{
	vq->staged = (uint16_t)(lane->next - vq->split.next_avail);
	vq->split.next_avail = lane->next;
}

/*
 * What comes before used.idx (2.7.8.2): as vq_split_prepare(), for a lane's chains only.
 * Returns the number of chains that the driver has not been asked about.
 */
VQ_LANE_INLINE uint32_t vq_lane_prepare(struct virtqueue *vq, const struct vq_lane *lane)
{
	uint32_t count = vq->unsignalled + (uint16_t)(lane->next - vq->split.next_avail);

	vq->unsignalled = 0;
	vq->split.next_avail = lane->next;
	vq->split.next_used = lane->next;
	vq_position_store(vq->position, (struct virtqueue_position){ lane->next, lane->next });
	return count;
}

/*
 * Publishes what is staged on two lanes, at least one chain on each, in this order, with a
 * full fence, as virtqueue_publish_pair(); returns what that does.
 */
VQ_LANE_INLINE unsigned int vq_lane_publish(struct virtqueue *first, const struct vq_lane *on_first,
					    struct virtqueue *second,
					    const struct vq_lane *on_second)
{
	uint32_t first_count = vq_lane_prepare(first, on_first), second_count;
	unsigned int told;

	shared_store16_release(&first->split.used->idx, on_first->next);
	second_count = vq_lane_prepare(second, on_second);
	shared_store16_fenced(&second->split.used->idx, on_second->next);
	told = vq_split_wants_interrupt(first, on_first->next, first_count) ?
			VQ_PAIR_FIRST : VQ_PAIR_FIRST_SILENT;
	return told | (vq_split_wants_interrupt(second, on_second->next, second_count) ?
			VQ_PAIR_SECOND : VQ_PAIR_SECOND_SILENT);
}

#endif

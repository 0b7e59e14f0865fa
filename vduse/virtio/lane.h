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
 *	publish	makes what was staged on two lanes visible, which closes them
 *
 * A lane makes every check that pop makes, with the same outcome: a chain that passes peek
 * is one that pop would have handed out, as one segment. One that does not pass is left
 * alone, whatever is wrong with it or just not simple about it: nothing has changed, and
 * the caller publishes what it has and calls virtqueue_pop(), which takes the chain or breaks
 * the virtqueue and says why. So there is one place that knows errors, and the lane needs none.
 * The descriptor is read again by that pop, but nothing was kept of the first reading.
 *
 * A lane is for a virtqueue with nothing in flight and nothing staged, on which chains are
 * used in the order in which they were made available. Then the place in the ring of the
 * chain taken next and of the used element staged next are one, IN_ORDER is kept by itself,
 * after publishing both halves of the position are the same, and pop and push never see a
 * chain that a lane has staged.
 *
 * Often there is one frame only, and then everything that is done once for a batch is done for
 * that frame. A lane that is opened for one chain is compiled to less: no other one is in it
 * that its head could be, and no loop is left.
 *
 * What differs between the formats is in lane_split.h and lane_packed.h; `kind` says which,
 * and is a constant wherever a function is called, so that each loop is about one format.
 */
#ifndef VDUSE_VIRTIO_LANE_H
#define VDUSE_VIRTIO_LANE_H

#include "vduse/virtio/lane_packed.h"
#include "vduse/virtio/lane_split.h"
#include "vduse/virtio/pair.h"

enum vq_lane_kind { VQ_LANE_SPLIT, VQ_LANE_PACKED };

/* Whether lanes can be opened on two virtqueues now; both of one kind, which goes to *kind. */
VQ_INLINE bool vq_lanes_fit(const struct virtqueue *a, const struct virtqueue *b,
			    enum vq_lane_kind *kind)
{
	if (a->state != VIRTQUEUE_RUNNING || a->generation != a->memory->generation ||
	    b->state != VIRTQUEUE_RUNNING || b->generation != b->memory->generation ||
	    a->format != b->format)
		return false;
	*kind = a->format == &vq_format_split ? VQ_LANE_SPLIT : VQ_LANE_PACKED;
	if (*kind == VQ_LANE_SPLIT)
		return lane_split_fits(a) && lane_split_fits(b);
	return lane_packed_fits(a) && lane_packed_fits(b);
}

/*
 * Whether at most one chain can be taken now, as far as a glance tells: worth knowing, because a
 * lane that is opened for one needs less. For a virtqueue for which vq_lanes_fit().
 */
VQ_INLINE bool vq_lane_alone(enum vq_lane_kind kind, struct virtqueue *vq)
{
	return kind == VQ_LANE_PACKED ? lane_packed_alone(vq) : lane_split_open(vq, 2) < 2;
}

/*
 * Opens a lane for up to `wanted` chains, on a virtqueue for which vq_lanes_fit(); `alone`, a
 * constant, says that this is one at most. Returns how many may be taken; of a packed virtqueue
 * they need not all be available.
 */
VQ_INLINE uint32_t vq_lane_open(enum vq_lane_kind kind, struct vq_lane *lane, struct virtqueue *vq,
				bool alone, uint32_t wanted)
{
	lane->vq = vq;
	lane->alone = alone;
	return kind == VQ_LANE_PACKED ? lane_packed_open(lane, wanted) : lane_split_open(vq, wanted);
}

/* virtqueue_disable_kick() */
VQ_INLINE void vq_lane_disable_kick(enum vq_lane_kind kind, struct virtqueue *vq)
{
	if (kind == VQ_LANE_PACKED)
		lane_packed_disable_kick(vq);
	else
		vq_split_disable_kick(vq);
}

/*
 * Looks at the chain after the `count` that were taken, which are fewer than vq_lane_open()
 * said: whether it is one descriptor that the device reads (VQ_WINDOW_READ), or one that it
 * writes (VQ_WINDOW_WRITE). True: it is, and *chain is filled in. False: there is none, or it
 * is not for a lane.
 */
VQ_INLINE bool vq_lane_peek(enum vq_lane_kind kind, const struct vq_lane *lane,
					 uint32_t count, enum vq_window_use use,
					 struct vq_lane_chain *chain)
{
	return kind == VQ_LANE_PACKED ? lane_packed_peek(lane, count, use, chain) :
					lane_split_peek(lane, count, use, chain);
}

/*
 * Takes the chain that was looked at, after `count` others, and stages its used element:
 * `written` bytes of it, from 1 to its length and below VQ_SLOT_LANE if it is writable, 0 if it
 * is readable.
 */
VQ_INLINE void vq_lane_use(enum vq_lane_kind kind, const struct vq_lane *lane, uint32_t count,
			   const struct vq_lane_chain *chain, uint32_t written)
{
	if (kind == VQ_LANE_PACKED)
		lane_packed_use(lane, count, chain, written);
	else
		lane_split_use(lane, count, chain, written);
}

/* The position behind `count` chains. */
VQ_INLINE uint32_t vq_lane_next(enum vq_lane_kind kind, const struct vq_lane *lane, uint32_t count)
{
	return vq_position_word(kind == VQ_LANE_PACKED ? lane_packed_next(lane, count) :
						 (uint16_t)lane_split_index(lane->vq, count));
}

/*
 * Publishes what is staged on two lanes, `count` chains on each, not 0, in this order (first
 * those that were written, then those that were read), with a full fence, as
 * virtqueue_publish_pair(); returns what that does. The fence is the second one's store, and as
 * little as possible comes behind it, for nothing is done in its shadow.
 */
VQ_INLINE unsigned int vq_lane_publish(enum vq_lane_kind kind, const struct vq_lane *first,
				       const struct vq_lane *second, uint32_t count)
{
	bool first_wants, second_wants;

	vq_positions_store(first->vq, vq_lane_next(kind, first, count),
			   second->vq, vq_lane_next(kind, second, count));
	if (kind == VQ_LANE_PACKED) {
		lane_packed_publish(first, count, VQ_WINDOW_WRITE, false);
		lane_packed_publish(second, count, VQ_WINDOW_READ, true);
		first_wants = lane_packed_wants_interrupt(first->vq, count);
		second_wants = lane_packed_wants_interrupt(second->vq, count);
	} else {
		uint32_t first_count = lane_split_publish(first, count, false);
		uint32_t second_count = lane_split_publish(second, count, true);

		first_wants = vq_split_wants_interrupt(first->vq, first->vq->split.next_used,
						       first_count);
		second_wants = vq_split_wants_interrupt(second->vq, second->vq->split.next_used,
							second_count);
	}
	return (first_wants ? VQ_PAIR_FIRST : VQ_PAIR_FIRST_SILENT) |
	       (second_wants ? VQ_PAIR_SECOND : VQ_PAIR_SECOND_SILENT);
}

/* Lets the processor fetch the buffer of the next chain, if there is one: after publishing. */
VQ_INLINE void vq_lane_prefetch(enum vq_lane_kind kind, const struct virtqueue *vq,
				enum vq_window_use use)
{
	if (kind == VQ_LANE_PACKED)
		lane_packed_prefetch(vq, use);
	else
		lane_split_prefetch(vq, use);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Windows: whether a buffer is good, in one comparison.
 *
 * A buffer must be mapped, with the permission that its use needs, and must not touch the
 * ring's own areas. Almost all of them lie where the last one did. So a virtqueue keeps, for
 * each use, the range of IOVAs around the last buffer for which all of that is known: a region
 * of the memory map, or what is left of it beside the ring's areas. A buffer within its window
 * is good, and where it is in our memory follows. One that is not within gets a window of its
 * own, if it can have one; if not (it straddles regions, or touches the ring, or is not mapped
 * yet), the long way decides what to make of it: chain.c.
 *
 * Windows are forgotten when the areas are looked up anew, that is whenever regions were
 * removed from the memory map; they are used only while the virtqueue has the generation of
 * the map. Regions that are added change nothing about them. Not for users of the engine.
 */
#ifndef VDUSE_VIRTIO_WINDOW_H
#define VDUSE_VIRTIO_WINDOW_H

#include "vduse/virtio/shared.h"
#include "vduse/virtio/virtqueue.h"

/*
 * Makes the window of a use the widest one around iova: within one region of the map, outside
 * the ring's areas. Length 0 if there is none, or if a region would have to be asked for.
 */
void vq_window_find(struct virtqueue *vq, enum vq_window_use use, uint64_t iova);

/* Where a buffer is in our memory if the window holds it whole, else NULL. Length 0: NULL. */
VQ_INLINE uint8_t *vq_window_at(struct virtqueue *vq, enum vq_window_use use, uint64_t iova,
				uint32_t length)
{
	const struct vq_window *window = &vq->window[use];
	uint64_t at = iova - window->first;

	if (__builtin_expect(at >= window->length, 0)) {
		vq_window_find(vq, use, iova);
		at = iova - window->first;
		if (at >= window->length)
			return NULL;
	}
	/* of 0, 1 is taken off: then it is more than anything */
	if (__builtin_expect((uint64_t)length - 1 >= window->length - at, 0))
		return NULL;
	return window->base + at;
}

#endif

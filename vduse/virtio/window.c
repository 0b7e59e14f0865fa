/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vduse/virtio/window.h"

/*
 * Takes an area of the ring off a window around iova. False: iova lies in the area. Neither
 * of the two wraps.
 */
static bool cut_off(const struct vq_area *area, uint64_t iova, uint64_t *first, uint64_t *last)
{
	uint64_t end = area->iova + (area->length - 1);

	if (iova < area->iova) {
		if (*last >= area->iova)
			*last = area->iova - 1;
		return true;
	}
	if (iova <= end)
		return false;
	if (*first <= end)
		*first = end + 1;
	return true;
}

void vq_window_find(struct virtqueue *vq, enum vq_window_use use, uint64_t iova)
{
	const struct vq_region *region = vq_memory_find(vq->memory, &vq->hint_buffer, iova);
	unsigned int access = use == VQ_WINDOW_WRITE ? VQ_ACCESS_WRITE : VQ_ACCESS_READ;
	uint64_t first, last;

	vq->window[use].length = 0;
	if (!region || (region->access & access) != access)
		return;
	first = region->first;
	last = region->last;
	for (unsigned int i = 0; i < 3; i++)
		if (!cut_off(&vq->area[i], iova, &first, &last))
			return;
	vq->window[use] = (struct vq_window){
		.first = first,
		.length = last - first + 1,
		.base = region->base + (first - region->first),
	};
}

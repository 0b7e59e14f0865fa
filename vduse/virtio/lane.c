/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vduse/virtio/lane.h"

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

void vq_window_find(struct virtqueue *vq, uint64_t iova, unsigned int access)
{
	const struct vq_region *region = vq_memory_find(vq->memory, &vq->hint_buffer, iova);
	uint64_t first, last;

	vq->window.length = 0;
	if (!region || (region->access & access) != access)
		return;
	first = region->first;
	last = region->last;
	for (unsigned int i = 0; i < 3; i++)
		if (!cut_off(&vq->area[i], iova, &first, &last))
			return;
	vq->window = (struct vq_window){
		.first = first,
		.length = last - first + 1,
		.base = region->base + (first - region->first),
	};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "vduse/virtio/memory.h"
#include "vduse/virtio/shared.h"

void vq_memory_init(struct vq_memory *memory, struct vq_region *regions, unsigned int capacity,
		    vq_memory_fault_fn *fault, vq_memory_release_fn *release, void *context)
{
	*memory = (struct vq_memory){
		.regions = regions,
		.capacity = capacity,
		.fault = fault,
		.release = release,
		.context = context,
	};
}

int vq_memory_grow(struct vq_memory *memory, struct vq_region *regions, unsigned int capacity)
{
	if (capacity < memory->count)
		return -EINVAL;
	if (memory->count)
		memcpy(regions, memory->regions, memory->count * sizeof(*regions));
	memory->regions = regions;
	memory->capacity = capacity;
	return 0;
}

/* The number of regions that end before iova: the place of the one that may hold it. */
static unsigned int place_of(const struct vq_memory *memory, uint64_t iova)
{
	unsigned int low = 0, high = memory->count;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (memory->regions[middle].last < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whether our side of a region is a range of addresses that can exist. */
static bool base_fits(const struct vq_region *region)
{
	return region->base && region->last - region->first < UINTPTR_MAX - (uintptr_t)region->base;
}

int vq_memory_add(struct vq_memory *memory, const struct vq_region *region)
{
	struct vq_region *place;
	unsigned int index;

	if (region->first > region->last || !base_fits(region))
		return -EINVAL;
	if (!region->access || region->access & ~VQ_ACCESS_BOTH)
		return -EINVAL;
	index = place_of(memory, region->first);
	place = memory->regions + index;
	if (index < memory->count && place->first <= region->last)
		return -EEXIST;
	if (memory->count == memory->capacity)
		return -ENOSPC;
	memmove(place + 1, place, (memory->count - index) * sizeof(*place));
	*place = *region;
	memory->count++;
	return 0;
}

unsigned int vq_memory_remove(struct vq_memory *memory, uint64_t first, uint64_t last)
{
	unsigned int index = place_of(memory, first), removed = 0;

	while (index < memory->count && memory->regions[index].first <= last) {
		struct vq_region gone = memory->regions[index];

		memory->count--;
		memmove(memory->regions + index, memory->regions + index + 1,
			(memory->count - index) * sizeof(gone));
		memory->generation++;
		removed++;
		if (memory->release)
			memory->release(memory->context, &gone);
	}
	return removed;
}

unsigned int vq_memory_clear(struct vq_memory *memory)
{
	return vq_memory_remove(memory, 0, UINT64_MAX);
}

static inline bool holds(const struct vq_region *region, uint64_t iova)
{
	return region->first <= iova && iova <= region->last;
}

const struct vq_region *vq_memory_find(const struct vq_memory *memory, unsigned int *hint,
				       uint64_t iova)
{
	unsigned int index = *hint;

	if (index < memory->count && holds(&memory->regions[index], iova))
		return &memory->regions[index];
	index = place_of(memory, iova);
	if (index == memory->count || !holds(&memory->regions[index], iova))
		return NULL;
	*hint = index;
	return &memory->regions[index];
}

/* Lets the owner add the region of an IOVA that is in none. */
static int ask(struct vq_memory *memory, uint64_t iova)
{
	uint64_t generation = memory->generation;
	int error;

	if (!memory->fault)
		return -EFAULT;
	error = memory->fault(memory->context, memory, iova);
	if (memory->generation != generation)
		return -ESTALE;
	return error;
}

/* Finds, if need be by asking, the region of an IOVA and checks its permission. */
static int resolve(struct vq_memory *memory, unsigned int *hint, uint64_t iova,
		   unsigned int access, const struct vq_region **found)
{
	const struct vq_region *region = vq_memory_find(memory, hint, iova);

	if (!region) {
		int error = ask(memory, iova);

		if (error)
			return error;
		region = vq_memory_find(memory, hint, iova);
		if (!region)
			return -EFAULT;
	}
	if ((region->access & access) != access)
		return -EACCES;
	*found = region;
	return 0;
}

/* The bytes from iova to the end of its region, or `length` if that is less. */
static inline uint64_t within(const struct vq_region *region, uint64_t iova, uint64_t length)
{
	uint64_t rest = region->last - iova;

	return length - 1 < rest ? length : rest + 1;
}

static inline bool wraps(uint64_t iova, uint64_t length)
{
	return length && iova + (length - 1) < iova;
}

/* Appends a piece to segments; pieces that meet become one. Returns the new count. */
static int append(struct iovec *segments, unsigned int count, unsigned int limit, uint8_t *base,
		  uint64_t length)
{
	if (count) {
		struct iovec *last = &segments[count - 1];

		if ((uint8_t *)last->iov_base + last->iov_len == base) {
			last->iov_len += length;
			return (int)count;
		}
	}
	if (count == limit)
		return -E2BIG;
	segments[count] = (struct iovec){ .iov_base = base, .iov_len = length };
	return (int)count + 1;
}

int vq_memory_translate(struct vq_memory *memory, unsigned int *hint, uint64_t iova,
			uint64_t length, unsigned int access, struct iovec *segments,
			unsigned int limit)
{
	int count = 0;

	if (wraps(iova, length))
		return -EOVERFLOW;
	while (length) {
		const struct vq_region *region;
		uint64_t piece;
		int error = resolve(memory, hint, iova, access, &region);

		if (error)
			return error;
		piece = within(region, iova, length);
		count = append(segments, (unsigned int)count, limit,
			       region->base + (iova - region->first), piece);
		if (count < 0)
			return count;
		iova += piece;
		length -= piece;
	}
	return count;
}

/* As shared_copy(); what is read is mostly a descriptor. */
static inline void copy_out(void *to, const uint8_t *from, size_t length)
{
	if (length == 16)
		shared_copy16(to, from);
	else
		shared_copy(to, from, length);
}

int vq_memory_read(struct vq_memory *memory, unsigned int *hint, uint64_t iova, void *to,
		   size_t length)
{
	uint8_t *next = to;

	if (wraps(iova, length))
		return -EOVERFLOW;
	while (length) {
		const struct vq_region *region;
		size_t piece;
		int error = resolve(memory, hint, iova, VQ_ACCESS_READ, &region);

		if (error)
			return error;
		piece = within(region, iova, length);
		copy_out(next, region->base + (iova - region->first), piece);
		next += piece;
		iova += piece;
		length -= piece;
	}
	return 0;
}

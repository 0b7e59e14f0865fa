/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory map of a virtio device: which addresses of the driver (IOVA) are
 * which bytes of ours.
 *
 * The map is a sorted array of regions. A region is one mapping of the owner's
 * (VDUSE: one IOTLB_GET_FD and one mmap). Regions are never merged: two of them
 * may be neighbours by IOVA and lie far apart in our memory, so a range of IOVAs
 * translates into one segment or into several.
 *
 * Whoever owns the map (a VDUSE session, a vhost-user session, a test) puts
 * regions in and takes them out. A region that is missing is asked for once, when
 * it is first needed, through the fault callback. The map itself never maps,
 * unmaps or allocates anything.
 *
 * Capacity: the array is the caller's and has a fixed number of places. A full
 * map refuses (-ENOSPC); nothing is ever thrown out by itself, because a chain
 * that is in work holds pointers into the regions. Who wants more places gives a
 * longer array with vq_memory_grow(), which is allowed inside the fault callback.
 *
 * A map belongs to one thread. Hints are kept by the users of the map and not in
 * it, so that a transmit and a receive queue do not disturb each other's.
 */
#ifndef VDUSE_VIRTIO_MEMORY_H
#define VDUSE_VIRTIO_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * What the device may do with a region, and what it wants to do with a range.
 * The values are those of VDUSE_ACCESS_RO, _WO and _RW in linux/vduse.h.
 */
enum vq_access {
	VQ_ACCESS_READ = 1,
	VQ_ACCESS_WRITE = 2,
	VQ_ACCESS_BOTH = 3,
};

/* One mapping: IOVAs first to last, last included, begin at base in our memory. */
struct vq_region {
	uint64_t first;
	uint64_t last;
	uint8_t *base;
	uint8_t access;		/* enum vq_access: what the driver granted */
	uint64_t cookie;	/* the owner's own; the map does not look at it */
};

struct vq_memory;

/*
 * Asked when an IOVA is in no region. The callback adds the region that holds it
 * with vq_memory_add() and returns 0; it must not remove regions. It returns
 * -EFAULT when the driver has mapped nothing there (the driver's fault: the
 * virtqueue breaks); any other negative errno is a shortage of our own (-ENOMEM,
 * -EMFILE, -ENOSPC …): the virtqueue stays as it was and can be tried again.
 */
typedef int vq_memory_fault_fn(void *context, struct vq_memory *memory, uint64_t iova);

/*
 * Told of every region that leaves the map, after it has left: the owner unmaps
 * it here. The region is a copy, valid during the call.
 */
typedef void vq_memory_release_fn(void *context, const struct vq_region *region);

struct vq_memory {
	struct vq_region *regions;	/* sorted by first, disjoint */
	unsigned int count;
	unsigned int capacity;
	/*
	 * Counts the times that regions were removed. A virtqueue notes it when it
	 * starts and does not touch its rings once it has changed.
	 */
	uint64_t generation;
	vq_memory_fault_fn *fault;	/* NULL: nothing is mapped lazily */
	vq_memory_release_fn *release;	/* NULL: nobody wants to know */
	void *context;			/* handed to both */
};

/*
 * Makes an empty map over the caller's array of `capacity` regions, which must
 * outlive the map. The callbacks may be NULL.
 */
void vq_memory_init(struct vq_memory *memory, struct vq_region *regions, unsigned int capacity,
		    vq_memory_fault_fn *fault, vq_memory_release_fn *release, void *context);

/*
 * Moves the map to a longer array. The old one is the caller's again.
 * -EINVAL: the new array has fewer places than there are regions.
 */
int vq_memory_grow(struct vq_memory *memory, struct vq_region *regions, unsigned int capacity);

/*
 * Adds a region (a copy is taken). Pointers that were translated before stay good.
 * -EINVAL: first > last, base NULL, base + length wraps, access not of enum vq_access;
 * -EEXIST: it overlaps a region; -ENOSPC: no place left.
 */
int vq_memory_add(struct vq_memory *memory, const struct vq_region *region);

/*
 * Removes every region that has a byte in [first, last], each as a whole (VDUSE
 * invalidates by IOVA, and what is still valid is asked for again), and calls
 * release for each. Returns the number removed. When it is not 0, pointers that
 * were translated before are dead: finish or give back all chains first, stop the
 * virtqueues or call virtqueue_remap() on each afterwards.
 */
unsigned int vq_memory_remove(struct vq_memory *memory, uint64_t first, uint64_t last);

/* Removes every region; as vq_memory_remove(memory, 0, UINT64_MAX). */
unsigned int vq_memory_clear(struct vq_memory *memory);

/*
 * Finds the region that holds iova, without asking the fault callback. *hint is
 * tried first and updated; any value is allowed in it. NULL: there is none.
 */
const struct vq_region *vq_memory_find(const struct vq_memory *memory, unsigned int *hint,
				       uint64_t iova);

/*
 * Translates [iova, iova + length) into at most `limit` segments, in order. Pieces
 * that also meet in our memory become one segment. Missing regions are asked for.
 * access: what the device is going to do with the range.
 *
 * Returns the number of segments (0 for length 0), or
 * -EOVERFLOW: the range wraps at 2^64; -EFAULT: a byte of it is in no region;
 * -EACCES: a region of it does not grant the access; -E2BIG: over `limit` segments;
 * -ESTALE: the fault callback removed regions, which it must not;
 * or the fault callback's own errno.
 */
int vq_memory_translate(struct vq_memory *memory, unsigned int *hint, uint64_t iova,
			uint64_t length, unsigned int access, struct iovec *segments,
			unsigned int limit);

/*
 * Copies `length` bytes at iova, which may lie in several regions. What is in `to`
 * afterwards does not change any more, whatever the driver does; 16 bytes that lie
 * aligned in one region are read once.
 * 0, or an error of vq_memory_translate(), with `to` then undefined.
 */
int vq_memory_read(struct vq_memory *memory, unsigned int *hint, uint64_t iova, void *to,
		   size_t length);

/*
 * Whether [iova, iova + length) and [other, other + other_length) share a byte.
 * Neither range may wrap; an empty range overlaps nothing.
 */
static inline int vq_ranges_overlap(uint64_t iova, uint64_t length, uint64_t other,
				    uint64_t other_length)
{
	if (!length || !other_length)
		return 0;
	return iova <= other + (other_length - 1) && other <= iova + (length - 1);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VDUSE device that knows just enough to work, and believes everything that its driver says:
 * for devices that break rules. The driver is the kernel's, and is to be seen cope.
 *
 * A network device returns the frames that it is sent. A disk is full of zeros. Rings are split
 * or packed, without indirect tables and event indices.
 */
#ifndef TESTSUITE_GUEST_RAW_DEVICE_H
#define TESTSUITE_GUEST_RAW_DEVICE_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/features.h"
#include "vduse/device/node.h"

#define DEVICE_QUEUES 2
#define DEVICE_SIZE 256		/* entries */
#define DEVICE_REGIONS 64
#define DEVICE_PIECES 64	/* of a chain */
#define DEVICE_WRAP 0x8000
#define DEVICE_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define DEVICE_USED (1u << VRING_PACKED_DESC_F_USED)

enum { DEVICE_RX, DEVICE_TX };

struct device_region {
	uint64_t first, last;
	uint8_t *base;
};

struct device_queue {
	bool runs, packed;
	uint16_t size;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t next, given;	/* split: indices; packed: positions */
	int kick;
};

struct device_chain {
	struct {
		uint8_t *at;
		uint32_t length;
		bool write;
	} piece[DEVICE_PIECES];
	unsigned int pieces, count;	/* count: entries of the ring */
	uint32_t id;
};

struct device {
	const char *name;
	int node;
	uint32_t type;
	uint8_t status;
	uint64_t features;
	struct device_region regions[DEVICE_REGIONS];
	unsigned int region_count;
	struct device_queue queues[DEVICE_QUEUES];
};

/* -- memory ------------------------------------------------------------------------ */

static inline uint8_t *device_map(struct device *d, uint64_t iova)
{
	struct node_region from;
	struct device_region *to;
	uint8_t *base;
	unsigned int i;

	for (i = 0; i < d->region_count; i++)
		if (d->regions[i].first <= iova && iova <= d->regions[i].last)
			return d->regions[i].base + (iova - d->regions[i].first);
	if (d->region_count == DEVICE_REGIONS || node_get_region(d->node, 0, iova, &from) < 0)
		return NULL;
	base = mmap(NULL, from.last - from.first + 1,
		    (from.access & VDUSE_ACCESS_RO ? PROT_READ : 0) |
		    (from.access & VDUSE_ACCESS_WO ? PROT_WRITE : 0), MAP_SHARED, from.fd,
		    (off_t)from.offset);
	close(from.fd);
	if (base == MAP_FAILED)
		return NULL;
	to = &d->regions[d->region_count++];
	*to = (struct device_region){ from.first, from.last, base };
	return base + (iova - from.first);
}

static inline void device_unmap(struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->region_count; i++)
		munmap(d->regions[i].base, d->regions[i].last - d->regions[i].first + 1);
	d->region_count = 0;
}

/* -- virtqueues -------------------------------------------------------------------- */

/* The virtqueue runs if it can. */
static inline void device_start(struct device *d, unsigned int index)
{
	struct device_queue *q = &d->queues[index];
	struct node_queue info;

	if (q->runs || node_get_queue(d->node, index, &info) < 0 || !info.ready)
		return;
	q->packed = d->features >> VIRTIO_F_RING_PACKED & 1;
	q->size = (uint16_t)info.size;
	q->desc = (struct vring_desc *)(void *)device_map(d, info.desc);
	q->avail = (struct vring_avail *)(void *)device_map(d, info.driver);
	q->used = (struct vring_used *)(void *)device_map(d, info.device);
	q->next = q->given = q->packed ? DEVICE_WRAP : info.avail_index;
	q->runs = q->desc && q->avail && q->used;
}

static inline void device_reset(struct device *d)
{
	unsigned int i;

	for (i = 0; i < DEVICE_QUEUES; i++)
		d->queues[i].runs = false;
	device_unmap(d);
}

static inline uint16_t device_forward(const struct device_queue *q, uint16_t position,
				      unsigned int count)
{
	unsigned int place = (position & (DEVICE_WRAP - 1)) + count;
	uint16_t wrap = position & DEVICE_WRAP;

	return (uint16_t)(place < q->size ? place | wrap : (place - q->size) | (wrap ^ DEVICE_WRAP));
}

static inline struct vring_packed_desc *device_packed(const struct device_queue *q,
						      uint16_t position)
{
	return (struct vring_packed_desc *)(void *)&q->desc[position & (DEVICE_WRAP - 1)];
}

static inline void device_add(struct device *d, struct device_chain *chain, uint64_t address,
			      uint32_t length, uint16_t flags)
{
	uint8_t *at = device_map(d, address);

	if (!at || chain->pieces == DEVICE_PIECES)
		return;
	chain->piece[chain->pieces].at = at;
	chain->piece[chain->pieces].length = length;
	chain->piece[chain->pieces++].write = flags & VRING_DESC_F_WRITE;
}

static inline bool device_pop_packed(struct device *d, struct device_queue *q,
				     struct device_chain *chain)
{
	const struct vring_packed_desc *desc = device_packed(q, q->next);
	uint16_t flags = __atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE);
	bool wrap = q->next & DEVICE_WRAP;

	if (!!(flags & DEVICE_AVAIL) != wrap || !!(flags & DEVICE_USED) == wrap)
		return false;
	do {
		desc = device_packed(q, q->next);
		flags = desc->flags;
		device_add(d, chain, desc->addr, desc->len, flags);
		chain->id = desc->id;
		chain->count++;
		q->next = device_forward(q, q->next, 1);
	} while (flags & VRING_DESC_F_NEXT && chain->count < q->size);
	return true;
}

/* The next chain that is available; false: there is none. */
static inline bool device_pop(struct device *d, struct device_queue *q,
			      struct device_chain *chain)
{
	const struct vring_desc *desc;
	uint16_t at;

	*chain = (struct device_chain){ .pieces = 0 };
	if (!q->runs)
		return false;
	if (q->packed)
		return device_pop_packed(d, q, chain);
	if (__atomic_load_n(&q->avail->idx, __ATOMIC_ACQUIRE) == q->next)
		return false;
	at = q->avail->ring[q->next++ % q->size];
	chain->id = at;
	do {
		desc = &q->desc[at % q->size];
		device_add(d, chain, desc->addr, desc->len, desc->flags);
		at = desc->next;
	} while (desc->flags & VRING_DESC_F_NEXT && ++chain->count < q->size);
	chain->count = 1;
	return true;
}

/* A used element that says @id and @length; @count: entries of the ring that it stands for. */
static inline void device_give(struct device_queue *q, uint32_t id, uint32_t length,
			       unsigned int count)
{
	struct vring_packed_desc *desc;
	uint16_t flags;

	if (!q->packed) {
		q->used->ring[q->given % q->size] = (struct vring_used_elem){ id, length };
		__atomic_store_n(&q->used->idx, ++q->given, __ATOMIC_RELEASE);
		return;
	}
	desc = device_packed(q, q->given);
	flags = q->given & DEVICE_WRAP ? DEVICE_AVAIL | DEVICE_USED : 0;
	desc->id = (uint16_t)id;
	desc->len = length;
	__atomic_store_n(&desc->flags, (uint16_t)(flags | VRING_DESC_F_WRITE), __ATOMIC_RELEASE);
	q->given = device_forward(q, q->given, count);
}

/* Up to @length bytes of the readable part into @to, or of @from into the writable part. */
static inline uint32_t device_copy(const struct device_chain *chain, uint8_t *to,
				   const uint8_t *from, uint32_t length)
{
	uint32_t done = 0;
	unsigned int i;

	for (i = 0; i < chain->pieces && done < length; i++) {
		uint32_t part = chain->piece[i].length;

		if (chain->piece[i].write != (from != NULL))
			continue;
		if (part > length - done)
			part = length - done;
		if (from)
			memcpy(chain->piece[i].at, from + done, part);
		else
			memcpy(to + done, chain->piece[i].at, part);
		done += part;
	}
	return done;
}

/* -- making one -------------------------------------------------------------------- */

/* CREATE_DEV, with whatever the kernel takes. 0 or the errno of the kernel. */
static inline int device_create(const struct device *d, const void *config, uint32_t length,
				uint32_t queues)
{
	struct vduse_dev_config *request = calloc(1, sizeof(*request) + length);
	uint64_t version = 0;
	int control = open("/dev/vduse/control", O_RDWR | O_CLOEXEC), rc = 0;

	if (!request || control < 0)
		err(2, "/dev/vduse/control");
	snprintf(request->name, sizeof(request->name), "%s", d->name);
	request->device_id = d->type;
	request->features = d->features;
	request->vq_num = queues;
	request->vq_align = 4096;
	request->config_size = length;
	memcpy(request->config, config, length);
	if (ioctl(control, VDUSE_SET_API_VERSION, &version) || ioctl(control, VDUSE_CREATE_DEV, request))
		rc = errno;
	close(control);
	free(request);
	return rc;
}

/* The node, with its virtqueues set up. */
static inline void device_open(struct device *d, unsigned int queues)
{
	char path[300];
	unsigned int i;

	snprintf(path, sizeof(path), "/dev/vduse/%s", d->name);
	d->node = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (d->node < 0)
		err(2, "%s", path);
	for (i = 0; i < queues; i++)
		if (node_set_up_queue(d->node, i, DEVICE_SIZE) < 0)
			errx(2, "%s: virtqueue %u", path, i);
	for (i = 0; i < DEVICE_QUEUES; i++)
		d->queues[i].kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

#endif

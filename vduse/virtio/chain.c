/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a chain may consist of, whatever the format of the ring. */
#include <errno.h>
#include <linux/virtio_ring.h>

#include "vduse/virtio/format.h"
#include "vduse/virtio/shared.h"

#define TABLE_ENTRY sizeof(struct vring_desc)

/* The reason behind an error of the memory map that the driver is to blame for. */
static enum virtqueue_reason reason_of(int error)
{
	switch (error) {
	case -EOVERFLOW:
		return VQ_ADDRESS_WRAPS;
	case -EFAULT:
		return VQ_UNMAPPED;
	case -EACCES:
		return VQ_ACCESS;
	case -E2BIG:
		return VQ_SEGMENTS;
	default:
		return VQ_FINE;
	}
}

/* Breaks the virtqueue if the driver is to blame, else returns the error on. */
static int memory_error(struct virtqueue *vq, uint16_t head, uint32_t index, uint64_t value,
			int error)
{
	enum virtqueue_reason reason = reason_of(error);

	return reason == VQ_FINE ? error : vq_break(vq, reason, head, index, value);
}

/* Whether a range, which does not wrap, touches the ring's own memory. */
static bool in_ring(const struct virtqueue *vq, uint64_t iova, uint64_t length)
{
	for (unsigned int i = 0; i < 3; i++)
		if (vq_ranges_overlap(iova, length, vq->area[i].iova, vq->area[i].length))
			return true;
	return false;
}

static inline bool wraps(const struct vq_descriptor *descriptor)
{
	return descriptor->address + (descriptor->length - 1) < descriptor->address;
}

static int translate(struct virtqueue *vq, struct vq_chain *chain, unsigned int access,
		     const struct vq_descriptor *descriptor)
{
	uint32_t used = chain->readable_segments + chain->writable_segments;

	return vq_memory_translate(vq->memory, &vq->hint_buffer, descriptor->address,
				   descriptor->length, access, chain->segments + used,
				   chain->capacity - used);
}

int vq_chain_add_any(struct virtqueue *vq, struct vq_chain *chain, uint32_t index,
		     const struct vq_descriptor *descriptor)
{
	bool writable = descriptor->flags & VRING_DESC_F_WRITE;
	uint64_t total = (uint64_t)chain->readable + chain->writable + descriptor->length;
	enum virtqueue_reason reason = VQ_FINE;
	int count;

	if (!descriptor->length)
		reason = VQ_LENGTH_ZERO;
	else if (!writable && chain->writable)
		reason = VQ_READABLE_AFTER_WRITABLE;
	if (reason != VQ_FINE)
		return vq_break(vq, reason, chain->head, index, descriptor->address);
	if (total > UINT32_MAX)
		return vq_break(vq, VQ_TOTAL_LENGTH, chain->head, index, total);

	count = translate(vq, chain, writable ? VQ_ACCESS_WRITE : VQ_ACCESS_READ, descriptor);
	if (count < 0)
		return memory_error(vq, chain->head, index, descriptor->address, count);
	/* what was translated does not wrap */
	if (in_ring(vq, descriptor->address, descriptor->length))
		return vq_break(vq, VQ_BUFFER_IN_RING, chain->head, index, descriptor->address);
	if (writable) {
		chain->writable_segments += (uint32_t)count;
		chain->writable += descriptor->length;
	} else {
		chain->readable_segments += (uint32_t)count;
		chain->readable += descriptor->length;
	}
	return 0;
}

int vq_table_check(struct virtqueue *vq, uint16_t head, uint32_t index,
		   const struct vq_descriptor *table)
{
	if (!vq_has_feature(vq, VIRTIO_RING_F_INDIRECT_DESC))
		return vq_break(vq, VQ_INDIRECT_FEATURE, head, index, table->flags);
	if (table->flags & VRING_DESC_F_NEXT)
		return vq_break(vq, VQ_INDIRECT_NEXT, head, index, table->flags);
	if (!table->length || table->length % TABLE_ENTRY)
		return vq_break(vq, VQ_INDIRECT_LENGTH, head, index, table->length);
	if (vq_window_at(vq, VQ_WINDOW_TABLE, table->address, table->length))
		return 0;
	if (wraps(table))
		return vq_break(vq, VQ_ADDRESS_WRAPS, head, index, table->address);
	if (in_ring(vq, table->address, table->length))
		return vq_break(vq, VQ_BUFFER_IN_RING, head, index, table->address);
	return 0;
}

int vq_table_read(struct virtqueue *vq, uint16_t head, const struct vq_descriptor *table,
		  uint32_t entry, struct vq_descriptor *descriptor)
{
	uint64_t iova = table->address + (uint64_t)entry * TABLE_ENTRY;
	const uint8_t *base = vq_window_at(vq, VQ_WINDOW_TABLE, iova, TABLE_ENTRY);
	struct vring_desc raw;
	int error = 0;

	if (base)
		shared_copy16(&raw, base);
	else
		error = vq_memory_read(vq->memory, &vq->hint_table, iova, &raw, sizeof(raw));
	if (error)
		return memory_error(vq, head, entry, iova, error);
	*descriptor = (struct vq_descriptor){
		.address = le64toh(raw.addr),
		.length = le32toh(raw.len),
		.flags = le16toh(raw.flags),
		.next = le16toh(raw.next),
	};
	return 0;
}

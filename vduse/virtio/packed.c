/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packed virtqueue: virtio 1.2, section 2.8. Setting up and taking chains; giving them
 * back is in packed_used.c. The theory is in virtqueue.h.
 */
#include <errno.h>
#include <linux/virtio_config.h>

#include "vduse/virtio/packed.h"
#include "vduse/virtio/shared.h"

/* The flags that a descriptor in the ring can have: 2.8.1, 2.8.3, 2.8.6, 2.8.7 */
#define FLAGS_KNOWN \
	(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT | PACKED_AVAIL_USED)

static bool packed_size_fits(uint32_t size)
{
	return size && size <= VIRTQUEUE_SIZE_MAX;
}

/* 2.8.10.1 */
static void packed_rules(uint32_t size, struct vq_area_rule rule[3])
{
	rule[0] = (struct vq_area_rule){ 16 * (uint64_t)size, 16, VQ_ACCESS_BOTH };
	rule[1] = (struct vq_area_rule){ 4, 4, VQ_ACCESS_READ };
	rule[2] = (struct vq_area_rule){ 4, 4, VQ_ACCESS_WRITE };
}

static void packed_attach(struct virtqueue *vq, void *const area[3])
{
	struct vq_packed *packed = &vq->packed;

	packed->desc = area[0];
	packed->driver_event = area[1];
	packed->device_event = area[2];
	packed->device_event_value = PACKED_EVENT_UNKNOWN;
}

static inline uint16_t forward(const struct virtqueue *vq, uint16_t position, uint32_t count)
{
	return packed_forward(position, count, vq->size);
}

static int packed_take_position(struct virtqueue *vq, uint16_t *published)
{
	struct vq_packed *packed = &vq->packed;
	uint16_t next_avail = vq->position->next_avail;
	uint16_t next_used = vq->position->next_used;

	if (!packed_in_ring(vq, next_used))
		return vq_refuse(vq, VQ_POSITION, next_used, -ERANGE);
	if (!packed_in_ring(vq, next_avail) || packed_distance(vq, next_used, next_avail) > vq->size)
		return vq_refuse(vq, VQ_POSITION, next_avail, -ERANGE);
	packed->published = published;
	packed->next_avail = next_avail;
	packed->next_used = next_used;
	packed->next_staged = next_used;
	packed->outstanding = packed_distance(vq, next_used, next_avail);
	return 0;
}

/*
 * Counts a chain that begins at `at`, by its flags alone, `room` descriptors at most. 0: the
 * first one is not available, or all are out; -EPROTO: the chain has a wrong end.
 */
static int count_chain(struct virtqueue *vq, uint16_t at, uint32_t room)
{
	const struct vq_packed *packed = &vq->packed;
	uint16_t head = packed_place(at);
	uint32_t count = 0;
	uint16_t flags;

	if (!room)
		return 0;
	do {
		if (count == room)
			return vq_break(vq, VQ_AVAIL_TOO_FAR, head, packed_place(at),
					packed_place(at));
		flags = shared_load16_acquire(&packed->desc[packed_place(at)].flags);
		if (!packed_is_available(flags, at))
			break;
		at = forward(vq, at, 1);
		count++;
		if (!(flags & VRING_DESC_F_NEXT))
			return (int)count;
	} while (true);
	return count ? vq_break(vq, VQ_NOT_AVAILABLE, head, packed_place(at), flags) : 0;
}

static int packed_look(struct virtqueue *vq)
{
	struct vq_packed *packed = &vq->packed;
	uint32_t before = packed->seen_chains;
	int count;

	do {
		uint16_t at = forward(vq, packed->next_avail, packed->seen_descriptors);
		uint32_t out = packed->outstanding + packed->seen_descriptors;

		count = count_chain(vq, at, vq->size - out);
		if (count < 0)
			return count;
		packed->seen_chains += count > 0;
		packed->seen_descriptors += (uint32_t)count;
	} while (count);
	return packed->seen_chains != before;
}

static uint32_t packed_pending(const struct virtqueue *vq)
{
	return vq->packed.seen_chains;
}

/* Copies a descriptor of the ring, once: two loads, which see what the driver had. */
static struct vq_descriptor load(const struct vq_packed *packed, uint16_t place)
{
	const uint8_t *from = (const uint8_t *)&packed->desc[place];
	struct vring_packed_desc raw;
	uint64_t half[2];

	half[0] = shared_load64_raw(from);
	half[1] = shared_load64_raw(from + sizeof(half[0]));
	memcpy(&raw, half, sizeof(raw));
	return (struct vq_descriptor){
		.address = le64toh(raw.addr),
		.length = le32toh(raw.len),
		.flags = le16toh(raw.flags),
		.next = le16toh(raw.id),
	};
}

/*
 * Reads an indirect table (2.8.7): as many descriptors as it has room for, of which only
 * WRITE counts; all other flags and the ids are ignored. 0 or an error.
 */
static int walk_table(struct virtqueue *vq, struct vq_chain *chain,
		      const struct vq_descriptor *table)
{
	uint32_t entries = table->length / sizeof(struct vring_packed_desc);
	struct vq_descriptor descriptor = { .next = 0 };

	if (entries > vq->size)
		return vq_break(vq, VQ_CHAIN_LENGTH, chain->head, 0, vq->size);
	for (uint32_t i = 0; i < entries; i++) {
		int error = vq_table_read(vq, chain->head, table, i, &descriptor);

		/* what was read in the split layout: there, the flags come before next */
		descriptor.flags = descriptor.next;
		if (!error)
			error = vq_chain_add(vq, chain, i, &descriptor);
		if (error)
			return error;
	}
	return 0;
}

/* What every descriptor of a chain must be: 2.8.6 about AVAIL and USED, 2.8.17 about the length. */
static int check_descriptor(struct virtqueue *vq, const struct vq_chain *chain, uint16_t at,
			    uint32_t length, const struct vq_descriptor *descriptor)
{
	uint16_t place = packed_place(at);

	if (length == vq->size || length == PACKED_DESCRIPTORS_MAX)
		return vq_break(vq, VQ_CHAIN_LENGTH, chain->head, place, vq->size);
	if (length + vq->packed.outstanding == vq->size)
		return vq_break(vq, VQ_AVAIL_TOO_FAR, chain->head, place, place);
	if (!packed_is_available(descriptor->flags, at))
		return vq_break(vq, VQ_NOT_AVAILABLE, chain->head, place, descriptor->flags);
	if (descriptor->flags & ~FLAGS_KNOWN)
		return vq_break(vq, VQ_FLAGS, chain->head, place, descriptor->flags);
	return 0;
}

/* An indirect descriptor: it is a list of its own, not part of one (2.8.5, 2.8.19). */
static int take_table(struct virtqueue *vq, struct vq_chain *chain, uint16_t place,
		      uint32_t length, const struct vq_descriptor *table)
{
	int error = vq_table_check(vq, chain->head, place, table);

	if (error)
		return error;
	if (length)
		return vq_break(vq, VQ_INDIRECT_NEXT, chain->head, place, table->flags);
	return walk_table(vq, chain, table);
}

/*
 * Walks the chain at next_avail. The number of its descriptors goes to chain->descriptors,
 * its buffer id, which the last one has (2.8.6), to *id. 0 or an error.
 */
static int walk(struct virtqueue *vq, struct vq_chain *chain, uint16_t *id)
{
	struct vq_descriptor descriptor;
	uint16_t at = vq->packed.next_avail;
	uint32_t length = 0;
	int error;

	do {
		uint16_t place = packed_place(at);

		descriptor = load(&vq->packed, place);
		error = check_descriptor(vq, chain, at, length, &descriptor);
		if (error)
			return error;
		if (descriptor.flags & VRING_DESC_F_INDIRECT)
			error = take_table(vq, chain, place, length, &descriptor);
		else
			error = vq_chain_add(vq, chain, place, &descriptor);
		if (error)
			return error;
		at = forward(vq, at, 1);
		length++;
	} while (descriptor.flags & VRING_DESC_F_NEXT);
	chain->descriptors = (uint16_t)length;
	*id = descriptor.next;
	return 0;
}

/* The driver gives the id; 2.8.21.1 wants one that is free. */
static int check_id(struct virtqueue *vq, const struct vq_chain *chain, uint16_t id)
{
	if (id >= vq->size)
		return vq_break(vq, VQ_HEAD_RANGE, chain->head, 0, id);
	if (vq->slots[id].descriptors)
		return vq_break(vq, VQ_HEAD_IN_FLIGHT, chain->head, 0, id);
	return 0;
}

/*
 * The first and the last place of a chain know its id: the last for unpop(), the first for
 * IN_ORDER, and for publish() when the chain is returned in order.
 */
static void note_taken(struct virtqueue *vq, struct vq_chain *chain, uint16_t id)
{
	struct vq_packed *packed = &vq->packed;
	uint16_t last = forward(vq, packed->next_avail, chain->descriptors - 1u);

	chain->head = id;
	vq->slots[id].writable = chain->writable;
	vq->slots[id].descriptors = chain->descriptors;
	vq->slots[packed_place(packed->next_avail)].order = id;
	vq->slots[packed_place(last)].order = id;
	packed_forget_seen(packed, chain->descriptors);
	packed->next_avail = forward(vq, last, 1);
	packed->outstanding += chain->descriptors;
	packed->in_flight += chain->descriptors;
	vq->in_flight++;
}

/* 2.8.15: nothing is taken before its AVAIL flag was seen to change. */
static int packed_pop(struct virtqueue *vq, struct vq_chain *chain)
{
	struct vq_packed *packed = &vq->packed;
	uint16_t place = packed_place(packed->next_avail), id;
	uint16_t flags = shared_load16_acquire(&packed->desc[place].flags);
	int error;

	if (!packed_is_available(flags, packed->next_avail)) {
		if (packed->seen_chains)
			return vq_break(vq, VQ_AVAIL_BACKWARDS, place, place, place);
		return 0;
	}
	vq_chain_reset(chain, place);
	error = walk(vq, chain, &id);
	if (!error)
		error = check_id(vq, chain, id);
	if (error)
		return error;
	note_taken(vq, chain, id);
	return 1;
}

static int packed_unpop(struct virtqueue *vq, uint16_t id)
{
	struct vq_packed *packed = &vq->packed;
	uint16_t last = packed_back(packed->next_avail, 1, vq->size);
	uint32_t descriptors;

	if (!packed_is_in_flight(vq, id) || packed_noted_id(vq, last) != id)
		return -EINVAL;
	descriptors = vq->slots[id].descriptors;
	vq->slots[id].descriptors = 0;
	packed->next_avail = packed_back(packed->next_avail, descriptors, vq->size);
	packed->outstanding -= descriptors;
	packed->in_flight -= descriptors;
	packed->seen_chains++;
	packed->seen_descriptors += descriptors;
	vq->in_flight--;
	return 0;
}

const struct vq_format vq_format_packed = {
	.size_fits = packed_size_fits,
	.rules = packed_rules,
	.attach = packed_attach,
	.take_position = packed_take_position,
	.roll_forward = packed_roll_forward,
	.close_journal = packed_close_journal,
	.pop = packed_pop,
	.pending = packed_pending,
	.unpop = packed_unpop,
	.push = packed_push,
	.outcome = packed_outcome,
	.publish = packed_publish,
	.needs_interrupt = packed_needs_interrupt,
	.disable_kick = packed_disable_kick,
	.request_kick = packed_request_kick,
	.look = packed_look,
};

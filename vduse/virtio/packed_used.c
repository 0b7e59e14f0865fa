/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packed virtqueue: virtio 1.2, section 2.8. Giving chains back; the theory: virtqueue.h. */
#include <errno.h>
#include <linux/virtio_config.h>

#include "vduse/virtio/packed.h"
#include "vduse/virtio/shared.h"

static inline uint16_t forward(const struct virtqueue *vq, uint16_t position, uint32_t count)
{
	return packed_forward(position, count, vq->size);
}

void packed_close_journal(struct virtqueue *vq)
{
	packed_close_journal_at(vq, vq->packed.next_used);
}

/* The ring entries that the staged element of a buffer id stands for. */
static inline uint32_t staged_descriptors(const struct virtqueue *vq, uint16_t id)
{
	return vq->slots[id].descriptors & PACKED_DESCRIPTORS_MAX;
}

/* The flags of a used descriptor: WRITE if something was written (2.8.3). */
static inline uint16_t used_flags(const struct virtqueue *vq, uint16_t position, uint16_t id)
{
	return packed_used_flags(position) | (vq->slots[id].writable ? VRING_DESC_F_WRITE : 0);
}

/*
 * Writes the elements from `first` to `end`, as they are staged in the slots. The first
 * one's flags come last: the driver looks for nothing else (2.8.2, 2.8.9), so the release
 * store of them publishes the batch. All of it can be done twice.
 */
static void write_batch(const struct virtqueue *vq, uint16_t first, uint16_t end)
{
	struct vring_packed_desc *desc = vq->packed.desc;
	uint16_t id = packed_noted_id(vq, first), at = forward(vq, first, staged_descriptors(vq, id));
	struct vring_packed_desc *one = &desc[packed_place(first)];

	shared_store32(&one->len, vq->slots[id].writable);
	shared_store16(&one->id, id);
	while (at != end) {
		uint16_t next = packed_noted_id(vq, at);
		struct vring_packed_desc *other = &desc[packed_place(at)];

		shared_store32(&other->len, vq->slots[next].writable);
		shared_store16(&other->id, next);
		shared_store16(&other->flags, used_flags(vq, at, next));
		at = forward(vq, at, staged_descriptors(vq, next));
	}
	shared_store16_release(&one->flags, used_flags(vq, first, id));
}

/* The ids of a batch that is being checked. */
struct id_set {
	uint64_t bits[VIRTQUEUE_SIZE_MAX / 64];
};

/* false: it was in the set already. */
static bool add_id(struct id_set *set, uint16_t id)
{
	uint64_t bit = UINT64_C(1) << id % 64, *bits = &set->bits[id / 64];
	bool fresh = !(*bits & bit);

	*bits |= bit;
	return fresh;
}

/*
 * What a predecessor left in the slots, which may be anything: from the position `first`,
 * `length` descriptors, a sequence of staged elements that ends just there and has no id
 * twice. Returns their number, or 0 if it is not so.
 */
static uint32_t check_batch(const struct virtqueue *vq, uint16_t first, uint32_t length)
{
	struct id_set ids = { .bits = { 0 } };
	uint32_t count = 0;

	while (length) {
		uint16_t id = packed_noted_id(vq, first);
		uint32_t descriptors;

		if (id >= vq->size || !(vq->slots[id].descriptors & VQ_SLOT_STAGED))
			return 0;
		descriptors = staged_descriptors(vq, id);
		/* an element of no places would come again at once, and is in the set then */
		if (descriptors > length || !add_id(&ids, id))
			return 0;
		first = forward(vq, first, descriptors);
		length -= descriptors;
		count++;
	}
	return count;
}

/* The bytes that a lane wrote into the chain that stands at a position. */
static inline uint32_t lane_written(const struct virtqueue *vq, uint16_t position)
{
	return vq->slots[packed_place(position)].lane_written & ~VQ_SLOT_LANE;
}

/*
 * As check_batch(), for what a lane left: a mark in the slot of each place, and no slot that
 * says that a chain is out.
 */
static uint32_t check_lane(const struct virtqueue *vq, uint16_t first, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++, first = forward(vq, first, 1))
		if (!(vq->slots[packed_place(first)].lane_written & VQ_SLOT_LANE))
			return 0;
	for (uint32_t i = 0; i < vq->size; i++)
		if (vq->slots[i].descriptors)
			return 0;
	return length;
}

/* An element of a lane, but for its flags, which are returned; its id stands there already. */
static uint16_t write_lane_length(const struct virtqueue *vq, uint16_t position)
{
	uint32_t written = lane_written(vq, position);

	shared_store32(&vq->packed.desc[packed_place(position)].len, written);
	return packed_used_flags(position) | (written ? VRING_DESC_F_WRITE : 0);
}

/* As write_batch(), for what a lane left. */
static void write_lane(const struct virtqueue *vq, uint16_t first, uint16_t end)
{
	struct vring_packed_desc *desc = vq->packed.desc;
	uint16_t flags = write_lane_length(vq, first);

	for (uint16_t at = forward(vq, first, 1); at != end; at = forward(vq, at, 1))
		shared_store16(&desc[packed_place(at)].flags, write_lane_length(vq, at));
	shared_store16_release(&desc[packed_place(first)].flags, flags);
}

/* Writes the batch that a predecessor left; returns the number of its elements, 0: it is none. */
static uint32_t finish_batch(const struct virtqueue *vq, uint16_t first, uint16_t end,
			     uint32_t length)
{
	uint32_t count = check_batch(vq, first, length);

	if (count) {
		write_batch(vq, first, end);
		return count;
	}
	count = check_lane(vq, first, length);
	if (count)
		write_lane(vq, first, end);
	return count;
}

/*
 * Whether the batch that begins at `first` is not published. Until it is, the driver's own
 * descriptor is there, available in this lap. Afterwards it is used, or the driver has made
 * it available in the next lap: AVAIL and USED tell these three apart.
 */
static bool is_unpublished(const struct virtqueue *vq, uint16_t first)
{
	return packed_is_available(
		shared_load16_acquire(&vq->packed.desc[packed_place(first)].flags), first);
}

int packed_roll_forward(struct virtqueue *vq)
{
	uint16_t end = vq->packed.next_used, first = end;
	uint32_t length, count;

	if (vq->packed.published)
		first = *vq->packed.published;
	if (!packed_in_ring(vq, first))
		return vq_refuse(vq, VQ_JOURNAL, first, -ERANGE);
	length = packed_distance(vq, first, end);
	if (!length)
		return 0;
	if (length > vq->size)
		return vq_refuse(vq, VQ_JOURNAL, first, -ERANGE);
	if (!is_unpublished(vq, first))
		return 0;
	count = finish_batch(vq, first, end, length);
	if (!count)
		return vq_refuse(vq, VQ_JOURNAL, first, -ERANGE);
	vq->unsignalled += count;
	packed_count_unsignalled(vq, length);
	return 1;
}

/* The element stays in the slots: its place in the ring may hold what was not yet taken. */
int packed_push(struct virtqueue *vq, uint16_t id, uint32_t written)
{
	struct vq_packed *packed = &vq->packed;
	uint16_t place = packed_place(packed->next_staged);
	uint32_t descriptors;

	if (!packed_is_in_flight(vq, id) || written > vq->slots[id].writable)
		return -EINVAL;
	if (vq_has_feature(vq, VIRTIO_F_IN_ORDER) && vq->slots[place].order != id)
		return -EINVAL;
	descriptors = vq->slots[id].descriptors;
	vq->slots[id].writable = written;
	vq->slots[id].descriptors |= VQ_SLOT_STAGED;
	vq->slots[place].order = id;
	packed->next_staged = forward(vq, packed->next_staged, descriptors);
	packed->in_flight -= descriptors;
	vq->staged++;
	vq->in_flight--;
	return 0;
}

struct virtqueue_position packed_outcome(const struct virtqueue *vq)
{
	const struct vq_packed *packed = &vq->packed;

	return (struct virtqueue_position){
		.next_avail = packed_back(packed->next_avail, packed->in_flight, vq->size),
		.next_used = packed->next_staged,
	};
}

/* The ids from `first` to `end` belong to the driver from now on. */
static void release_slots(struct virtqueue *vq, uint16_t first, uint16_t end)
{
	while (first != end) {
		uint16_t id = packed_noted_id(vq, first);

		first = forward(vq, first, staged_descriptors(vq, id));
		vq->slots[id].descriptors = 0;
	}
}

uint32_t packed_publish(struct virtqueue *vq)
{
	struct vq_packed *packed = &vq->packed;
	uint16_t first = packed->next_used, end = packed->next_staged;
	uint32_t count = vq->staged, descriptors = packed_distance(vq, first, end);

	if (!count)
		return 0;
	vq_position_store(vq->position, packed_outcome(vq));
	write_batch(vq, first, end);
	packed->next_used = end;
	packed_close_journal(vq);
	release_slots(vq, first, end);
	packed->outstanding -= descriptors;
	vq->staged = 0;
	vq->unsignalled += count;
	packed_count_unsignalled(vq, descriptors);
	return count;
}

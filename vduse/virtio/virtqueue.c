/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is the same for every ring format: set-up, state, dispatch. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

#include "vduse/virtio/format.h"
#include "vduse/virtio/packed.h"
#include "vduse/virtio/shared.h"
#include "vduse/virtio/split.h"
#include "vduse/virtio/virtqueue.h"

static const char *const reason_text[VQ_REASONS] = {
	[VQ_FINE] = "no error",
	[VQ_SIZE] = "queue size is 0, no power of two, too large, or over the slots",
	[VQ_ALIGNMENT] = "a ring area is misaligned",
	[VQ_AREAS_OVERLAP] = "ring areas overlap",
	[VQ_AREA_WRAPS] = "a ring area wraps around the address space",
	[VQ_AREA_UNMAPPED] = "a ring area is not mapped",
	[VQ_AREA_ACCESS] = "a ring area lacks a permission",
	[VQ_AREA_IN_PIECES] = "a ring area lies in several mappings",
	[VQ_POSITION] = "the position does not fit the ring",
	[VQ_JOURNAL] = "the journal does not hold the batch that the position tells of",
	[VQ_AVAIL_TOO_FAR] = "available index jumped ahead",
	[VQ_AVAIL_BACKWARDS] = "available index went backwards",
	[VQ_HEAD_RANGE] = "chain head or buffer id is out of range",
	[VQ_HEAD_IN_FLIGHT] = "chain head or buffer id is in flight already",
	[VQ_NOT_AVAILABLE] = "chain goes on in a descriptor that is not available",
	[VQ_NEXT_RANGE] = "next descriptor is out of range",
	[VQ_CHAIN_LENGTH] = "chain is longer than the queue, or loops",
	[VQ_FLAGS] = "descriptor has unknown flags",
	[VQ_LENGTH_ZERO] = "descriptor has length 0",
	[VQ_READABLE_AFTER_WRITABLE] = "readable descriptor follows a writable one",
	[VQ_TOTAL_LENGTH] = "chain has 4 GiB or more",
	[VQ_SEGMENTS] = "chain has too many segments",
	[VQ_ADDRESS_WRAPS] = "buffer wraps around the address space",
	[VQ_UNMAPPED] = "buffer is not mapped",
	[VQ_ACCESS] = "buffer lacks a permission",
	[VQ_BUFFER_IN_RING] = "buffer or indirect table overlaps the ring",
	[VQ_INDIRECT_FEATURE] = "indirect descriptor was not negotiated",
	[VQ_INDIRECT_NEXT] = "indirect descriptor is chained on",
	[VQ_INDIRECT_NESTED] = "indirect descriptor in an indirect table",
	[VQ_INDIRECT_LENGTH] = "indirect table length is 0 or no multiple of 16",
	[VQ_DEVICE_RULE] = "a rule of the device was broken",
};

const char *virtqueue_reason_text(enum virtqueue_reason reason)
{
	if ((unsigned int)reason >= VQ_REASONS)
		return "unknown reason";
	return reason_text[reason];
}

int vq_break(struct virtqueue *vq, enum virtqueue_reason reason, uint16_t head, uint32_t index,
	     uint64_t value)
{
	vq->state = VIRTQUEUE_BROKEN;
	vq->error = (struct virtqueue_error){ reason, head, index, value };
	return -EPROTO;
}

int vq_refuse(struct virtqueue *vq, enum virtqueue_reason reason, uint64_t value, int error)
{
	vq->error = (struct virtqueue_error){ .reason = reason, .value = value };
	return error;
}

/* 0 if the areas are where they were when they were looked up. */
static int fresh(const struct virtqueue *vq)
{
	return vq->generation == vq->memory->generation ? 0 : -ESTALE;
}

/* 0 if the driver's memory may be touched. */
static int ready(const struct virtqueue *vq)
{
	if (vq->state == VIRTQUEUE_BROKEN)
		return -EPROTO;
	if (vq->state != VIRTQUEUE_RUNNING)
		return -ESHUTDOWN;
	return fresh(vq);
}

/* An error of the memory map about an area: notes the reason, returns the errno. */
static int area_error(struct virtqueue *vq, uint64_t iova, int error)
{
	switch (error) {
	case -EOVERFLOW:
		return vq_refuse(vq, VQ_AREA_WRAPS, iova, error);
	case -EFAULT:
		return vq_refuse(vq, VQ_AREA_UNMAPPED, iova, error);
	case -EACCES:
		return vq_refuse(vq, VQ_AREA_ACCESS, iova, error);
	case -E2BIG:
		return vq_refuse(vq, VQ_AREA_IN_PIECES, iova, -EFAULT);
	default:
		return vq_refuse(vq, VQ_FINE, iova, error);
	}
}

/*
 * Finds an area in our memory. Its address must be aligned on both sides: an owner may
 * have mapped a region so that ours is not.
 */
static int map_area(struct virtqueue *vq, const struct vq_area *area,
		    const struct vq_area_rule *rule, void **found)
{
	struct iovec segment;
	int count;

	if (area->iova % rule->alignment)
		return vq_refuse(vq, VQ_ALIGNMENT, area->iova, -EINVAL);
	count = vq_memory_translate(vq->memory, &vq->hint_buffer, area->iova, area->length,
				    rule->access, &segment, 1);
	if (count < 0)
		return area_error(vq, area->iova, count);
	if ((uintptr_t)segment.iov_base % rule->alignment)
		return vq_refuse(vq, VQ_ALIGNMENT, area->iova, -EINVAL);
	*found = segment.iov_base;
	return 0;
}

/* Maps all areas and hands them to the format. Nothing is attached on an error. */
static int map_areas(struct virtqueue *vq)
{
	struct vq_area_rule rule[3];
	void *found[3];

	vq->format->rules(vq->size, rule);
	for (unsigned int i = 0; i < 3; i++) {
		int error;

		vq->area[i].length = rule[i].length;
		error = map_area(vq, &vq->area[i], &rule[i], &found[i]);
		if (error)
			return error;
	}
	vq->generation = vq->memory->generation;
	memset(vq->window, 0, sizeof(vq->window));
	vq->format->attach(vq, found);
	return 0;
}

/* The areas are mapped, so none of them wraps. */
static int check_apart(struct virtqueue *vq)
{
	static const uint8_t pair[3][2] = { { 0, 1 }, { 0, 2 }, { 1, 2 } };

	for (unsigned int i = 0; i < 3; i++) {
		const struct vq_area *a = &vq->area[pair[i][0]], *b = &vq->area[pair[i][1]];

		if (vq_ranges_overlap(a->iova, a->length, b->iova, b->length))
			return vq_refuse(vq, VQ_AREAS_OVERLAP, b->iova, -EINVAL);
	}
	return 0;
}

static bool is_packed(const struct virtqueue_config *config)
{
	return config->features >> VIRTIO_F_RING_PACKED & 1;
}

/* Fills in a stopped virtqueue from its configuration and maps the areas. */
static int set_up(struct virtqueue *vq, const struct virtqueue_config *config)
{
	*vq = (struct virtqueue){
		.size = config->size,
		.features = config->features,
		.format = is_packed(config) ? &vq_format_packed : &vq_format_split,
		.memory = config->memory,
		.slots = config->slots,
		.position = config->position,
		.area = { { .iova = config->desc }, { .iova = config->driver },
			  { .iova = config->device } },
	};
	if (!vq->format->size_fits(config->size))
		return vq_refuse(vq, VQ_SIZE, config->size, -EINVAL);
	return map_areas(vq);
}

static int check_slots(struct virtqueue *vq, const struct virtqueue_config *config)
{
	if (config->slot_count < config->size)
		return vq_refuse(vq, VQ_SIZE, config->size, -EINVAL);
	return 0;
}

/* Nothing of a predecessor is needed any more: its journal is closed, the slots are emptied. */
static void begin(struct virtqueue *vq)
{
	vq->format->close_journal(vq);
	memset(vq->slots, 0, vq->size * sizeof(*vq->slots));
	vq->state = VIRTQUEUE_RUNNING;
}

int virtqueue_start(struct virtqueue *vq, const struct virtqueue_config *config)
{
	int error = set_up(vq, config);

	if (!error)
		error = check_slots(vq, config);
	if (!error)
		error = check_apart(vq);
	if (!error)
		error = vq->format->take_position(vq, config->published);
	if (error)
		return error;
	vq->state = VIRTQUEUE_RESUMING;
	if (!config->resume)
		begin(vq);
	return 0;
}

void virtqueue_stop(struct virtqueue *vq)
{
	*vq = (struct virtqueue){ .error = vq->error };
}

int virtqueue_remap(struct virtqueue *vq)
{
	int error;

	if (vq->state != VIRTQUEUE_RUNNING)
		return -ESHUTDOWN;
	if (vq->in_flight || vq->staged)
		return -EBUSY;
	error = map_areas(vq);
	if (error && vq->error.reason != VQ_FINE)
		vq->state = VIRTQUEUE_BROKEN;
	return error;
}

int virtqueue_read_used_index(struct virtqueue *vq, const struct virtqueue_config *config,
			      uint16_t *index)
{
	int error;

	if (is_packed(config))
		return -EOPNOTSUPP;
	error = set_up(vq, config);
	if (!error)
		*index = shared_load16(&vq->split.used->idx);
	virtqueue_stop(vq);
	return error;
}

int virtqueue_roll_forward(struct virtqueue *vq)
{
	bool resuming = vq->state == VIRTQUEUE_RESUMING;
	int result = resuming ? fresh(vq) : ready(vq);

	if (!result)
		result = vq->format->roll_forward(vq);
	if (resuming && result >= 0)
		begin(vq);
	return result;
}

int virtqueue_pop(struct virtqueue *vq, struct vq_chain *chain)
{
	int error = ready(vq);

	return error ? error : vq->format->pop(vq, chain);
}

int virtqueue_available(struct virtqueue *vq)
{
	int error = ready(vq);

	if (!error)
		error = vq->format->look(vq);
	return error < 0 ? error : (int)vq->format->pending(vq);
}

int virtqueue_unpop(struct virtqueue *vq, uint16_t head)
{
	if (vq->state != VIRTQUEUE_RUNNING)
		return -ESHUTDOWN;
	return vq->format->unpop(vq, head);
}

int virtqueue_push(struct virtqueue *vq, uint16_t head, uint32_t written)
{
	int error = ready(vq);

	return error ? error : vq->format->push(vq, head, written);
}

struct virtqueue_position virtqueue_outcome(const struct virtqueue *vq)
{
	if (vq->state == VIRTQUEUE_STOPPED)
		return (struct virtqueue_position){ 0 };
	return vq->format->outcome(vq);
}

uint32_t virtqueue_publish(struct virtqueue *vq)
{
	return ready(vq) ? 0 : vq->format->publish(vq);
}

bool virtqueue_needs_interrupt_fenced(struct virtqueue *vq)
{
	return ready(vq) ? false : vq->format->needs_interrupt(vq);
}

bool virtqueue_needs_interrupt(struct virtqueue *vq)
{
	if (!vq->unsignalled)
		return false;
	/* what is used is stored before the wish for it is loaded: 2.7.7.2, 2.8.10 */
	atomic_thread_fence(memory_order_seq_cst);
	return virtqueue_needs_interrupt_fenced(vq);
}

void virtqueue_disable_kick(struct virtqueue *vq)
{
	if (!ready(vq))
		vq->format->disable_kick(vq);
}

/* Returns 1 if more became available since it was looked at last, 0, or an error. */
static int request_and_look(struct virtqueue *vq)
{
	int error = ready(vq);

	if (error)
		return error;
	vq->format->request_kick(vq);
	/* the wish is stored before what is available is loaded: 2.7.10.2, 2.8.21.3.1 */
	atomic_thread_fence(memory_order_seq_cst);
	return vq->format->look(vq);
}

int virtqueue_enable_kick_for_more(struct virtqueue *vq)
{
	return request_and_look(vq);
}

int virtqueue_enable_kick(struct virtqueue *vq)
{
	int more = request_and_look(vq);

	return more ? more : vq->format->pending(vq) > 0;
}

void virtqueue_break(struct virtqueue *vq, uint16_t head, uint64_t value)
{
	if (vq->state == VIRTQUEUE_RUNNING)
		vq_break(vq, VQ_DEVICE_RULE, head, 0, value);
}

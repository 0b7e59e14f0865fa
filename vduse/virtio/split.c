/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The split virtqueue: virtio 1.2, section 2.7. The theory is in virtqueue.h. */
#include <errno.h>

#include "vduse/virtio/split.h"
#include "vduse/virtio/split_ring.h"

/* The flags that a descriptor of a split ring can have: 2.7.5 */
#define FLAGS_KNOWN (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)

static bool split_size_fits(uint32_t size)
{
	return size && size <= VIRTQUEUE_SIZE_MAX && !(size & (size - 1));
}

static void split_rules(uint32_t size, struct vq_area_rule rule[3])
{
	rule[0] = (struct vq_area_rule){ 16 * (uint64_t)size, 16, VQ_ACCESS_READ };
	rule[1] = (struct vq_area_rule){ 6 + 2 * (uint64_t)size, 2, VQ_ACCESS_READ };
	rule[2] = (struct vq_area_rule){ 6 + 8 * (uint64_t)size, 4, VQ_ACCESS_WRITE };
}

static void split_attach(struct virtqueue *vq, void *const area[3])
{
	struct vq_split *split = &vq->split;

	split->desc = area[0];
	split->avail = area[1];
	split->used = area[2];
	split->used_event = &split->avail->ring[vq->size];
	split->avail_event = (uint16_t *)(void *)&split->used->ring[vq->size];
}

static int split_take_position(struct virtqueue *vq, uint16_t *published)
{
	struct vq_split *split = &vq->split;
	uint16_t next_avail = vq->position->next_avail;
	uint16_t next_used = vq->position->next_used;
	uint16_t index = shared_load16_acquire(&split->avail->idx);
	uint16_t taken = next_avail - next_used;
	uint16_t offered = index - next_used;

	(void)published;	/* used.idx says it */
	if (taken > vq->size)
		return vq_refuse(vq, VQ_POSITION, next_avail, -ERANGE);
	if (offered > vq->size || taken > offered)
		return vq_refuse(vq, VQ_POSITION, index, -ERANGE);
	split->next_avail = next_avail;
	split->next_used = next_used;
	split->avail_seen = index;
	return 0;
}

static int split_roll_forward(struct virtqueue *vq)
{
	struct vq_split *split = &vq->split;
	uint16_t behind = split->next_used - shared_load16(&split->used->idx);

	if (behind > vq->size)
		return vq_refuse(vq, VQ_JOURNAL, shared_load16(&split->used->idx), -ERANGE);
	if (!behind)
		return 0;
	shared_store16_release(&split->used->idx, split->next_used);
	vq->unsignalled += behind;
	return 1;
}

/* The journal is used.idx, which is right by now. */
static void split_close_journal(struct virtqueue *vq)
{
	(void)vq;
}

/* Loads avail.idx anew. 0 or -EPROTO. */
static int refresh(struct virtqueue *vq)
{
	struct vq_split *split = &vq->split;
	uint16_t index = shared_load16_acquire(&split->avail->idx);
	uint16_t shrunk = split->avail_seen - index;

	if (!vq_split_index_fits(vq, index))
		return vq_break(vq, shrunk <= vq->size ? VQ_AVAIL_BACKWARDS : VQ_AVAIL_TOO_FAR,
				0, 0, index);
	split->avail_seen = index;
	return 0;
}

static uint32_t split_pending(const struct virtqueue *vq)
{
	return vq_split_pending(&vq->split);
}

static int split_look(struct virtqueue *vq)
{
	uint16_t before = vq->split.avail_seen;
	int error = refresh(vq);

	return error ? error : vq->split.avail_seen != before;
}

/* Where a walk goes after a descriptor: the index in *next, or the end. */
enum step { STEP_END, STEP_NEXT };

/*
 * Checks the flags of a copied descriptor and adds its buffer to the chain. entries: the
 * length of the table that it is in. Returns enum step or an error.
 */
static int take(struct virtqueue *vq, struct vq_chain *chain, uint32_t index, uint32_t entries,
		const struct vq_descriptor *descriptor)
{
	int error = vq_chain_add(vq, chain, index, descriptor);

	if (error)
		return error;
	if (!(descriptor->flags & VRING_DESC_F_NEXT))
		return STEP_END;
	if (descriptor->next >= entries)
		return vq_break(vq, VQ_NEXT_RANGE, chain->head, index, descriptor->next);
	return STEP_NEXT;
}

static int check_flags(struct virtqueue *vq, const struct vq_chain *chain, uint32_t index,
		       const struct vq_descriptor *descriptor)
{
	if (descriptor->flags & ~FLAGS_KNOWN)
		return vq_break(vq, VQ_FLAGS, chain->head, index, descriptor->flags);
	return 0;
}

/*
 * Walks an indirect table (2.7.5.3). length: the descriptors that the chain has before
 * it; the one that refers to the table does not count.
 */
static int walk_table(struct virtqueue *vq, struct vq_chain *chain,
		      const struct vq_descriptor *table, uint32_t length)
{
	struct vq_descriptor descriptor = { .next = 0 };
	uint32_t entries = table->length / sizeof(struct vring_desc);
	int step;

	do {
		uint32_t index = descriptor.next;

		if (length++ == vq->size)
			return vq_break(vq, VQ_CHAIN_LENGTH, chain->head, index, vq->size);
		step = vq_table_read(vq, chain->head, table, index, &descriptor);
		if (!step)
			step = check_flags(vq, chain, index, &descriptor);
		if (step)
			return step;
		if (descriptor.flags & VRING_DESC_F_INDIRECT)
			return vq_break(vq, VQ_INDIRECT_NESTED, chain->head, index,
					descriptor.flags);
		step = take(vq, chain, index, entries, &descriptor);
	} while (step == STEP_NEXT);
	return step;
}

/* Walks the chain that begins at chain->head, within the descriptor table. */
static int walk(struct virtqueue *vq, struct vq_chain *chain)
{
	struct vq_descriptor descriptor = { .next = chain->head };
	uint32_t length = 0;
	int step;

	do {
		uint32_t index = descriptor.next;

		if (length++ == vq->size)
			return vq_break(vq, VQ_CHAIN_LENGTH, chain->head, index, vq->size);
		descriptor = vq_split_load(vq->split.desc, index);
		step = check_flags(vq, chain, index, &descriptor);
		if (step)
			return step;
		if (descriptor.flags & VRING_DESC_F_INDIRECT) {
			step = vq_table_check(vq, chain->head, index, &descriptor);
			return step ? step : walk_table(vq, chain, &descriptor, length - 1);
		}
		step = take(vq, chain, index, vq->size, &descriptor);
	} while (step == STEP_NEXT);
	return step;
}

static int split_pop(struct virtqueue *vq, struct vq_chain *chain)
{
	struct vq_split *split = &vq->split;
	uint16_t head;
	int error;

	if (!vq_split_pending(split)) {
		error = refresh(vq);
		if (!vq_split_pending(split))
			return error;
	}
	head = shared_load16(&split->avail->ring[vq_split_place(vq, split->next_avail)]);
	if (head >= vq->size)
		return vq_break(vq, VQ_HEAD_RANGE, head, 0, head);
	if (vq->slots[head].descriptors)
		return vq_break(vq, VQ_HEAD_IN_FLIGHT, head, 0, head);
	vq_chain_reset(chain, head);
	error = walk(vq, chain);
	if (error)
		return error;
	chain->descriptors = 1;
	vq->slots[head].writable = chain->writable;
	vq->slots[head].descriptors = 1;
	vq->slots[vq_split_place(vq, split->next_avail)].order = head;
	split->next_avail++;
	vq->in_flight++;
	return 1;
}

static int split_unpop(struct virtqueue *vq, uint16_t head)
{
	struct vq_split *split = &vq->split;
	uint16_t last = vq_split_place(vq, split->next_avail - 1);

	if (vq->slots[last].order != head || vq->slots[head].descriptors != 1)
		return -EINVAL;
	vq->slots[head].descriptors = 0;
	split->next_avail--;
	vq->in_flight--;
	return 0;
}

static int split_push(struct virtqueue *vq, uint16_t head, uint32_t written)
{
	struct vq_split *split = &vq->split;
	uint16_t to = vq_split_place(vq, split->next_used + (uint16_t)vq->staged);
	vring_used_elem_t *element = &split->used->ring[to];

	if (head >= vq->size || vq->slots[head].descriptors != 1)
		return -EINVAL;
	if (written > vq->slots[head].writable)
		return -EINVAL;
	if (vq_has_feature(vq, VIRTIO_F_IN_ORDER) && vq->slots[to].order != head)
		return -EINVAL;
	shared_store32(&element->id, head);
	shared_store32(&element->len, written);
	vq->slots[head].descriptors |= VQ_SLOT_STAGED;
	vq->slots[to].order = head;
	vq->staged++;
	vq->in_flight--;
	return 0;
}

static struct virtqueue_position split_outcome(const struct virtqueue *vq)
{
	return vq_split_outcome(vq);
}

static uint32_t split_publish(struct virtqueue *vq)
{
	uint32_t count = vq->staged;

	if (count)
		shared_store16_release(&vq->split.used->idx, vq_split_prepare(vq));
	return count;
}

static bool split_needs_interrupt(struct virtqueue *vq)
{
	uint32_t count = vq->unsignalled;

	vq->unsignalled = 0;
	return count && vq_split_wants_interrupt(vq, vq->split.next_used, count);
}

static void split_disable_kick(struct virtqueue *vq)
{
	vq_split_disable_kick(vq);
}

static void split_request_kick(struct virtqueue *vq)
{
	struct vq_split *split = &vq->split;

	if (vq_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		shared_store16(split->avail_event, split->avail_seen);
	else
		shared_store16(&split->used->flags, 0);
}

const struct vq_format vq_format_split = {
	.size_fits = split_size_fits,
	.rules = split_rules,
	.attach = split_attach,
	.take_position = split_take_position,
	.roll_forward = split_roll_forward,
	.close_journal = split_close_journal,
	.pop = split_pop,
	.pending = split_pending,
	.unpop = split_unpop,
	.push = split_push,
	.outcome = split_outcome,
	.publish = split_publish,
	.needs_interrupt = split_needs_interrupt,
	.disable_kick = split_disable_kick,
	.request_kick = split_request_kick,
	.look = split_look,
};

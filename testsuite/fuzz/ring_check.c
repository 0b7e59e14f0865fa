// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a device must keep to, whatever its driver does:
 *
 *  - it touches nothing but regions (the address sanitizer), and writes only to those that it
 *    may write to;
 *  - of a chain it uses no more bytes than were writable, and it returns the chains that were
 *    offered, once each (virtio 1.2, 2.7.8.2, 2.8.4), and none that is wrong. What was offered is
 *    read by a walk of its own (ring_rules.c), before the call; where the driver changed something meanwhile, or had its
 *    rings written over as buffers, nobody can say what was offered;
 *  - a virtqueue that is broken stays so, for the same reason, and is not touched.
 */
#include <errno.h>
#include <linux/virtio_ring.h>

#include "testsuite/fuzz/ring.h"

/* The chains from where the device goes on; the walk ends where one of them is not sound. */
static void see_queue(struct ring *ring, struct ring_before *before, unsigned int end)
{
	uint16_t at = before->position[end].next_avail, index = at;

	before->count[end] = 0;
	if (!ring->packed && !ring_memory_read(ring, ring->queue[end].config.driver + 2, &index, 2))
		return;
	/* what was seen of an index that went backwards since then can still be taken */
	if (!ring->packed && (uint16_t)(ring->queue[end].vq.split.avail_seen - at) > (uint16_t)(index - at))
		index = ring->queue[end].vq.split.avail_seen;
	while (before->count[end] < ring->size && (ring->packed || at != index)) {
		struct ring_known *known = &before->chains[end][before->count[end]];

		if (ring_rule_chain(ring, end, at, known) != RING_SOUND)
			break;
		ring->raced |= known->aliased;
		at = ring->packed ? ring_rule_forward(ring, at, known->descriptors) :
				    (uint16_t)(at + 1);
		before->count[end]++;
	}
}

void ring_look(struct ring *ring, struct ring_before *before)
{
	ring->raced = false;
	for (unsigned int end = 0; end < 2; end++) {
		const struct virtqueue *vq = &ring->queue[end].vq;

		before->state[end] = vq->state;
		before->error[end] = vq->error;
		before->in_flight[end] = vq->in_flight;
		before->position[end] = virtqueue_outcome(vq);
		before->count[end] = 0;
		if (vq->state == VIRTQUEUE_RUNNING)
			see_queue(ring, before, end);
	}
	for (unsigned int i = 0; i < RING_REGIONS; i++) {
		const struct ring_memory *memory = &ring->memory[i];

		before->copy[i] = memory->bytes ? malloc(memory->size) : NULL;
		if (before->copy[i])
			memcpy(before->copy[i], memory->bytes, memory->size);
	}
}

/* The used element that stands @nth behind @from, and how far it leads: its id and length. */
static void check_element(const struct ring *ring, unsigned int end, uint16_t at,
			  const struct ring_known *known)
{
	const uint8_t *bytes = ring->memory[3 * end + (ring->packed ? RING_DESC : RING_DEVICE)].bytes;
	struct vring_packed_desc packed;
	struct vring_used_elem split;

	if (ring->packed) {
		memcpy(&packed, bytes + 16u * (at & 0x7fff), sizeof(packed));
		fuzz_check(packed.id == known->id);
		fuzz_check(packed.len <= known->writable);
		return;
	}
	memcpy(&split, bytes + 4 + 8u * (at % ring->size), sizeof(split));
	fuzz_check(split.id == known->id);
	fuzz_check(split.len <= known->writable);
}

static void check_used(const struct ring *ring, const struct ring_before *before, unsigned int end)
{
	uint16_t at = before->position[end].next_used;
	uint16_t last = virtqueue_outcome(&ring->queue[end].vq).next_used;

	for (unsigned int i = 0; at != last; i++) {
		fuzz_check(i < before->count[end]);
		check_element(ring, end, at, &before->chains[end][i]);
		at = ring->packed ? ring_rule_forward(ring, at, before->chains[end][i].descriptors) :
				    (uint16_t)(at + 1);
	}
}

static bool same(const struct ring *ring, const struct ring_before *before, unsigned int region)
{
	return !before->copy[region] || !ring->memory[region].bytes ||
	       !memcmp(before->copy[region], ring->memory[region].bytes, ring->memory[region].size);
}

static bool same_error(const struct virtqueue_error *a, const struct virtqueue_error *b)
{
	return a->reason == b->reason && a->head == b->head && a->index == b->index &&
	       a->value == b->value;
}

void ring_check(struct ring *ring, struct ring_before *before)
{
	bool idle = true;

	for (unsigned int end = 0; end < 2; end++) {
		const struct virtqueue *vq = &ring->queue[end].vq;

		idle &= before->state[end] != VIRTQUEUE_RUNNING;
		if (before->state[end] == VIRTQUEUE_BROKEN)
			fuzz_check(vq->state == VIRTQUEUE_BROKEN &&
				   same_error(&vq->error, &before->error[end]));
		fuzz_check(vq->state != VIRTQUEUE_BROKEN || vq->error.reason != VQ_FINE);
		/* a frame that is held was read in another call; one that breaks shows no more */
		if (before->state[end] == VIRTQUEUE_RUNNING && vq->state == VIRTQUEUE_RUNNING &&
		    !before->in_flight[end] && !ring->raced)
			check_used(ring, before, end);
	}
	for (unsigned int i = 0; i < RING_REGIONS; i++) {
		bool may = !idle && ring->memory[i].access & VQ_ACCESS_WRITE;

		fuzz_check(may || ring->raced || same(ring, before, i));
		free(before->copy[i]);
	}
}

/* All of a range lies in one region that grants the access. */
static bool is_granted(const struct ring *ring, const struct iovec *segment, unsigned int access)
{
	const uint8_t *base = segment->iov_base;

	for (unsigned int i = 0; i < RING_REGIONS; i++) {
		const struct ring_memory *memory = &ring->memory[i];

		if (memory->bytes && base >= memory->bytes && base < memory->bytes + memory->size)
			return memory->access & access &&
			       segment->iov_len <= (size_t)(memory->bytes + memory->size - base);
	}
	return false;
}

void ring_check_chain(const struct ring *ring, const struct vq_chain *chain)
{
	uint64_t readable = 0, writable = 0;
	unsigned int i;

	fuzz_check(chain->readable_segments + chain->writable_segments <= chain->capacity);
	for (i = 0; i < chain->readable_segments; i++) {
		fuzz_check(is_granted(ring, &chain->segments[i], VQ_ACCESS_READ));
		readable += chain->segments[i].iov_len;
	}
	for (; i < chain->readable_segments + chain->writable_segments; i++) {
		fuzz_check(is_granted(ring, &chain->segments[i], VQ_ACCESS_WRITE));
		writable += chain->segments[i].iov_len;
	}
	fuzz_check(readable == chain->readable && writable == chain->writable);
}

void ring_check_stale(struct ring *ring)
{
	struct iovec segments[RING_SEGMENTS];
	struct vq_chain chain;

	for (unsigned int end = 0; end < 2; end++) {
		struct virtqueue *vq = &ring->queue[end].vq;

		if (vq->state != VIRTQUEUE_RUNNING || vq->generation == ring->map.generation)
			continue;
		vq_chain_init(&chain, segments, RING_SEGMENTS);
		fuzz_check(virtqueue_pop(vq, &chain) == -ESTALE);
		fuzz_check(virtqueue_enable_kick(vq) == -ESTALE);
	}
}

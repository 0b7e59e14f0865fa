// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a device must keep to, whatever its driver does:
 *
 *  - it touches nothing but regions (the address sanitizer), and writes only to those that it
 *    may write to;
 *  - of a chain it uses no more bytes than were writable, and it returns the chains that were
 *    offered, once each (virtio 1.2, 2.7.8.2, 2.8.4). What was offered is read here by a walk
 *    of its own, before the call; where the driver changed something meanwhile, or had its
 *    rings written over as buffers, nobody can say what was offered;
 *  - a virtqueue that is broken stays so, for the same reason, and is not touched.
 */
#include <linux/virtio_ring.h>

#include "testsuite/fuzz/ring.h"

/* A walk through one chain. */
struct walk {
	const struct ring *ring;
	uint64_t writable;
	bool aliased;		/* a writable buffer is not on the heap */
};

static bool on_heap(uint64_t address, uint32_t length)
{
	return (address >= 0x40000 && address + length <= 0x40000 + 1600) ||
	       address > UINT64_MAX - 96;
}

static void see_buffer(struct walk *walk, uint64_t address, uint32_t length, uint16_t flags)
{
	if (!(flags & VRING_DESC_F_WRITE))
		return;
	walk->writable += length;
	walk->aliased |= !on_heap(address, length);
}

/* Of either format; false where the chain cannot be walked. */
static bool see_table(struct walk *walk, uint64_t address, uint32_t length)
{
	uint32_t i = 0, entries = length / 16, steps = 0;

	while (i < entries && steps++ <= walk->ring->size) {
		union {
			struct vring_desc split;
			struct vring_packed_desc packed;
		} entry;

		if (!ring_memory_read(walk->ring, address + 16 * (uint64_t)i, &entry, 16))
			return false;
		if (walk->ring->packed) {
			see_buffer(walk, entry.packed.addr, entry.packed.len, entry.packed.flags);
			i++;
			continue;
		}
		see_buffer(walk, entry.split.addr, entry.split.len, entry.split.flags);
		if (!(entry.split.flags & VRING_DESC_F_NEXT))
			return true;
		i = entry.split.next;
	}
	return walk->ring->packed;
}

static bool see_split(struct walk *walk, unsigned int end, uint16_t head)
{
	const struct ring *ring = walk->ring;
	unsigned int steps = 0;

	while (head < ring->size && steps++ < ring->size) {
		struct vring_desc desc;

		if (!ring_memory_read(ring, ring->queue[end].config.desc + 16u * head, &desc, 16))
			return false;
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return see_table(walk, desc.addr, desc.len);
		see_buffer(walk, desc.addr, desc.len, desc.flags);
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return true;
		head = desc.next;
	}
	return false;
}

/* The chain at a position: its descriptors and its id. */
static bool see_packed(struct walk *walk, unsigned int end, uint16_t position,
		       struct ring_known *known)
{
	const struct ring *ring = walk->ring;

	for (known->descriptors = 1; known->descriptors <= ring->size; known->descriptors++) {
		struct vring_packed_desc desc;

		if (!ring_memory_read(ring, ring->queue[end].config.desc +
					    16u * (position & 0x7fff), &desc, 16))
			return false;
		known->id = desc.id;
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			if (!see_table(walk, desc.addr, desc.len))
				return false;
		} else {
			see_buffer(walk, desc.addr, desc.len, desc.flags);
		}
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return true;
		position++;
		if ((position & 0x7fff) == ring->size)
			position = (position ^ 0x8000) & 0x8000;
	}
	return false;
}

static uint16_t forward(const struct ring *ring, uint16_t position, uint32_t count)
{
	uint32_t place = (position & 0x7fffu) + count;

	if (place >= ring->size)
		return (uint16_t)((place - ring->size) | (~position & 0x8000));
	return (uint16_t)(place | (position & 0x8000));
}

/* The chains from where the device goes on; the walk ends where one of them is none. */
static void see_queue(struct ring *ring, struct ring_before *before, unsigned int end)
{
	uint16_t at = before->position[end].next_avail;

	before->count[end] = 0;
	while (before->count[end] < ring->size) {
		struct ring_known *known = &before->chains[end][before->count[end]];
		struct walk walk = { .ring = ring };
		bool sound;

		if (ring->packed) {
			sound = see_packed(&walk, end, at, known);
			at = forward(ring, at, known->descriptors);
		} else {
			uint64_t entry = ring->queue[end].config.driver + 4 + 2u * (at % ring->size);

			known->descriptors = 1;
			sound = ring_memory_read(ring, entry, &known->id, sizeof(known->id)) &&
				see_split(&walk, end, known->id);
			at++;
		}
		if (!sound)
			break;
		ring->raced |= walk.aliased;
		known->writable = walk.writable;
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
		at = ring->packed ? forward(ring, at, before->chains[end][i].descriptors) :
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

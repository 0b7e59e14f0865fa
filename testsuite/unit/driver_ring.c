/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver_ring.h"

void *driver_allocate(size_t alignment, size_t length)
{
	void *memory;

	if (posix_memalign(&memory, alignment, length))
		abort();
	memset(memory, 0, length);
	return memory;
}

static size_t desc_size(uint16_t size)
{
	return 16 * (size_t)size;
}

static size_t avail_size(uint16_t size)
{
	return 6 + 2 * (size_t)size;
}

static size_t used_size(uint16_t size)
{
	return 6 + 8 * (size_t)size;
}

static void ring_init(struct driver_ring *ring, uint16_t size, uint64_t features)
{
	ring->size = size;
	ring->event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1;
	ring->desc = driver_allocate(16, desc_size(size));
	ring->avail = driver_allocate(8, avail_size(size));
	ring->used = driver_allocate(8, used_size(size));
	ring->heap = driver_allocate(4096, DRIVER_HEAP_SIZE);
	ring->free_next = driver_allocate(8, size * sizeof(*ring->free_next));
	ring->chain_length = driver_allocate(8, size * sizeof(*ring->chain_length));
	ring->in_flight = driver_allocate(8, size * sizeof(*ring->in_flight));
	for (uint16_t i = 0; i < size; i++)
		ring->free_next[i] = i + 1;
	ring->free_count = size;
}

static void map(struct driver_world *world)
{
	struct driver_ring *ring = &world->ring;
	const struct vq_region region[] = {
		{ DRIVER_DESC, DRIVER_DESC + desc_size(ring->size) - 1, (uint8_t *)ring->desc,
		  VQ_ACCESS_BOTH, 0 },
		{ DRIVER_AVAIL, DRIVER_AVAIL + avail_size(ring->size) - 1,
		  (uint8_t *)ring->avail, VQ_ACCESS_BOTH, 0 },
		{ DRIVER_USED, DRIVER_USED + used_size(ring->size) - 1, (uint8_t *)ring->used,
		  VQ_ACCESS_BOTH, 0 },
		{ DRIVER_HEAP, DRIVER_HEAP + DRIVER_HEAP_SIZE - 1, ring->heap, VQ_ACCESS_BOTH,
		  0 },
	};

	for (unsigned int i = 0; i < sizeof(region) / sizeof(region[0]); i++)
		if (vq_memory_add(&world->memory, &region[i]))
			abort();
}

struct driver_world *driver_world_new(uint16_t size, uint64_t features)
{
	struct driver_world *world = driver_allocate(16, sizeof(*world));

	ring_init(&world->ring, size, features);
	world->slots = driver_allocate(8, size * sizeof(*world->slots));
	vq_memory_init(&world->memory, world->regions, DRIVER_REGIONS, NULL, NULL, NULL);
	map(world);
	vq_chain_init(&world->chain, world->segments, VQ_CHAIN_SEGMENTS);
	world->config = (struct virtqueue_config){
		.size = size,
		.desc = DRIVER_DESC,
		.driver = DRIVER_AVAIL,
		.device = DRIVER_USED,
		.features = features,
		.memory = &world->memory,
		.slots = world->slots,
		.slot_count = size,
		.position = &world->position,
	};
	return world;
}

void driver_start(struct virtqueue *vq, const struct virtqueue_config *config)
{
	if (virtqueue_start(vq, config)) {
		fprintf(stderr, "start: %s\n", virtqueue_reason_text(vq->error.reason));
		abort();
	}
}

struct driver_world *driver_world_started(uint16_t size, uint64_t features)
{
	struct driver_world *world = driver_world_new(size, features);

	driver_start(&world->vq, &world->config);
	return world;
}

void driver_world_free(struct driver_world *world)
{
	free(world->ring.desc);
	free(world->ring.avail);
	free(world->ring.used);
	free(world->ring.heap);
	free(world->ring.free_next);
	free(world->ring.chain_length);
	free(world->ring.in_flight);
	free(world->slots);
	free(world);
}

uint8_t *driver_at(struct driver_ring *ring, uint64_t address)
{
	return ring->heap + (address - DRIVER_HEAP);
}

uint64_t driver_take(uint32_t *used, uint32_t length, uint32_t alignment)
{
	uint32_t at = (*used + alignment - 1) / alignment * alignment;

	if (length > DRIVER_HEAP_SIZE - at)
		abort();
	*used = at + length;
	return DRIVER_HEAP + at;
}

uint64_t driver_alloc(struct driver_ring *ring, uint32_t length, uint32_t alignment)
{
	return driver_take(&ring->heap_used, length, alignment);
}

void driver_heap_reset(struct driver_ring *ring)
{
	ring->heap_used = 0;
}

void driver_desc(struct vring_desc *desc, uint64_t address, uint32_t length, uint16_t flags,
		 uint16_t next)
{
	desc->addr = htole64(address);
	desc->len = htole32(length);
	desc->flags = htole16(flags);
	desc->next = htole16(next);
}

void driver_offer(struct driver_ring *ring, uint16_t head)
{
	__atomic_store_n(&ring->avail->ring[ring->avail_idx % ring->size], htole16(head),
			 __ATOMIC_RELAXED);
	ring->avail_idx++;
	__atomic_store_n(&ring->avail->idx, htole16(ring->avail_idx), __ATOMIC_RELEASE);
}

static uint16_t buffer_flags(const struct driver_buffer *buffer, bool more)
{
	return (buffer->writable ? VRING_DESC_F_WRITE : 0) | (more ? VRING_DESC_F_NEXT : 0);
}

static uint16_t take_free(struct driver_ring *ring)
{
	uint16_t index = ring->free_head;

	ring->free_head = ring->free_next[index];
	ring->free_count--;
	return index;
}

/* Writes the table of an indirect descriptor on the heap: its address. */
static uint64_t make_table(struct driver_ring *ring, const struct driver_buffer *buffers,
			   unsigned int count)
{
	uint64_t table = driver_alloc(ring, 16 * count, 16);
	struct vring_desc *entry = (struct vring_desc *)(void *)driver_at(ring, table);

	for (unsigned int i = 0; i < count; i++)
		driver_desc(&entry[i], buffers[i].address, buffers[i].length,
			    buffer_flags(&buffers[i], i + 1 < count), (uint16_t)(i + 1));
	return table;
}

int driver_add_indirect(struct driver_ring *ring, const struct driver_buffer *buffers,
			unsigned int count, unsigned int direct)
{
	bool table = direct < count;
	unsigned int entries = direct + table;
	uint16_t head = ring->free_head, index = 0;

	if (ring->free_count < entries)
		return -1;
	for (unsigned int i = 0; i < entries; i++) {
		bool more = i + 1 < entries;

		index = take_free(ring);
		if (i < direct)
			driver_desc(&ring->desc[index], buffers[i].address, buffers[i].length,
				    buffer_flags(&buffers[i], more), more ? ring->free_head : 0);
		else
			driver_desc(&ring->desc[index],
				    make_table(ring, buffers + direct, count - direct),
				    16 * (count - direct), VRING_DESC_F_INDIRECT, 0);
	}
	ring->chain_length[head] = (uint16_t)entries;
	ring->in_flight[head] = true;
	driver_offer(ring, head);
	return head;
}

int driver_add(struct driver_ring *ring, const struct driver_buffer *buffers, unsigned int count)
{
	return driver_add_indirect(ring, buffers, count, count);
}

/* Gives the descriptors of a chain back, following our own links. */
static void free_chain(struct driver_ring *ring, uint16_t head)
{
	uint16_t last = head;

	for (uint16_t i = 1; i < ring->chain_length[head]; i++)
		last = ring->free_next[last];
	ring->free_next[last] = ring->free_head;
	ring->free_head = head;
	ring->free_count += ring->chain_length[head];
	ring->in_flight[head] = false;
}

bool driver_take_used(struct driver_ring *ring, uint32_t *head, uint32_t *length)
{
	uint16_t index = le16toh(__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE));
	const vring_used_elem_t *element = &ring->used->ring[ring->used_idx % ring->size];

	if (index == ring->used_idx)
		return false;
	*head = le32toh(__atomic_load_n(&element->id, __ATOMIC_RELAXED));
	*length = le32toh(__atomic_load_n(&element->len, __ATOMIC_RELAXED));
	if (*head >= ring->size || !ring->in_flight[*head]) {
		fprintf(stderr, "driver: used element %u names no chain in flight\n", *head);
		abort();
	}
	free_chain(ring, (uint16_t)*head);
	ring->used_idx++;
	return true;
}

void driver_want_interrupt(struct driver_ring *ring, bool wanted)
{
	uint16_t event = wanted ? ring->used_idx : (uint16_t)(ring->used_idx - 1);

	if (ring->event_idx)
		__atomic_store_n(&ring->avail->ring[ring->size], htole16(event), __ATOMIC_RELAXED);
	else
		__atomic_store_n(&ring->avail->flags,
				 htole16(wanted ? 0 : VRING_AVAIL_F_NO_INTERRUPT),
				 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool driver_kick_wanted(const struct driver_ring *ring, uint16_t before)
{
	const uint16_t *event = (const uint16_t *)(const void *)&ring->used->ring[ring->size];
	uint16_t flags;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flags = le16toh(__atomic_load_n(&ring->used->flags, __ATOMIC_RELAXED));
	if (!ring->event_idx)
		return !(flags & VRING_USED_F_NO_NOTIFY);
	return vring_need_event(le16toh(__atomic_load_n(event, __ATOMIC_RELAXED)),
				ring->avail_idx, before);
}

static uint16_t add_one(struct driver_ring *ring, uint32_t length, bool writable)
{
	struct driver_buffer buffer = { driver_alloc(ring, length, 1), length, writable };
	int head = driver_add(ring, &buffer, 1);

	if (head < 0)
		abort();
	return (uint16_t)head;
}

uint16_t driver_add_readable(struct driver_ring *ring, uint32_t length)
{
	return add_one(ring, length, false);
}

uint16_t driver_add_writable(struct driver_ring *ring, uint32_t length)
{
	return add_one(ring, length, true);
}

uint32_t driver_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

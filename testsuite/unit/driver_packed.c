/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver_packed.h"

static void ring_init(struct packed_ring *ring, uint32_t size, uint64_t features)
{
	*ring = (struct packed_ring){
		.size = size,
		.event_idx = features >> VIRTIO_RING_F_EVENT_IDX & 1,
		.desc = driver_allocate(16, 16 * (size_t)size),
		.driver = driver_allocate(8, 4),
		.device = driver_allocate(8, 4),
		.heap = driver_allocate(4096, DRIVER_HEAP_SIZE),
		.avail = { 0, true },
		.used = { 0, true },
		.free_count = size,
		.free_ids = driver_allocate(8, size * sizeof(*ring->free_ids)),
		.free_id_count = size,
		.chain_length = driver_allocate(8, size * sizeof(*ring->chain_length)),
		.in_flight = driver_allocate(8, size * sizeof(*ring->in_flight)),
	};
	for (uint32_t i = 0; i < size; i++)
		ring->free_ids[i] = (uint16_t)(size - 1 - i);
}

static void map(struct packed_world *world)
{
	struct packed_ring *ring = &world->ring;
	const struct vq_region region[] = {
		{ PACKED_DESC, PACKED_DESC + 16 * (uint64_t)ring->size - 1, (uint8_t *)ring->desc,
		  VQ_ACCESS_BOTH, 0 },
		{ PACKED_DRIVER, PACKED_DRIVER + 3, (uint8_t *)ring->driver, VQ_ACCESS_READ, 0 },
		{ PACKED_DEVICE, PACKED_DEVICE + 3, (uint8_t *)ring->device, VQ_ACCESS_WRITE, 0 },
		{ DRIVER_HEAP, DRIVER_HEAP + DRIVER_HEAP_SIZE - 1, ring->heap, VQ_ACCESS_BOTH, 0 },
	};

	for (unsigned int i = 0; i < sizeof(region) / sizeof(region[0]); i++)
		if (vq_memory_add(&world->memory, &region[i]))
			abort();
}

struct packed_world *packed_world_new(uint32_t size, uint64_t features)
{
	struct packed_world *world = driver_allocate(16, sizeof(*world));

	ring_init(&world->ring, size, features);
	world->slots = driver_allocate(8, size * sizeof(*world->slots));
	world->position = (struct virtqueue_position){ VIRTQUEUE_PACKED_BEGIN,
						       VIRTQUEUE_PACKED_BEGIN };
	world->published = VIRTQUEUE_PACKED_BEGIN;
	vq_memory_init(&world->memory, world->regions, DRIVER_REGIONS, NULL, NULL, NULL);
	map(world);
	vq_chain_init(&world->chain, world->segments, VQ_CHAIN_SEGMENTS);
	world->config = (struct virtqueue_config){
		.size = size,
		.desc = PACKED_DESC,
		.driver = PACKED_DRIVER,
		.device = PACKED_DEVICE,
		.features = features | RING_PACKED,
		.memory = &world->memory,
		.slots = world->slots,
		.slot_count = size,
		.position = &world->position,
		.published = &world->published,
	};
	return world;
}

struct packed_world *packed_world_started(uint32_t size, uint64_t features)
{
	struct packed_world *world = packed_world_new(size, features);

	driver_start(&world->vq, &world->config);
	return world;
}

void packed_world_free(struct packed_world *world)
{
	free(world->ring.desc);
	free(world->ring.driver);
	free(world->ring.device);
	free(world->ring.heap);
	free(world->ring.free_ids);
	free(world->ring.chain_length);
	free(world->ring.in_flight);
	free(world->slots);
	free(world);
}

int packed_pop(struct packed_world *world)
{
	return virtqueue_pop(&world->vq, &world->chain);
}

uint8_t *packed_heap(struct packed_ring *ring, uint64_t address)
{
	return ring->heap + (address - DRIVER_HEAP);
}

uint64_t packed_alloc(struct packed_ring *ring, uint32_t length, uint32_t alignment)
{
	return driver_take(&ring->heap_used, length, alignment);
}

struct packed_at packed_step(const struct packed_ring *ring, struct packed_at at, uint32_t count)
{
	while (count--) {
		at.place++;
		if (at.place == ring->size) {
			at.place = 0;
			at.wrap = !at.wrap;
		}
	}
	return at;
}

uint16_t packed_word(struct packed_at at)
{
	return (uint16_t)(at.place | at.wrap << 15);
}

uint16_t packed_avail_bits(struct packed_at at)
{
	return at.wrap ? P_AVAIL : P_USED;
}

uint16_t packed_used_bits(struct packed_at at)
{
	return at.wrap ? P_AVAIL | P_USED : 0;
}

void packed_desc(struct vring_packed_desc *desc, uint64_t address, uint32_t length, uint16_t id,
		 uint16_t flags)
{
	desc->addr = htole64(address);
	desc->len = htole32(length);
	desc->id = htole16(id);
	__atomic_store_n(&desc->flags, htole16(flags), __ATOMIC_RELEASE);
}

void packed_put(struct packed_ring *ring, uint64_t address, uint32_t length, uint16_t id,
		uint16_t flags)
{
	packed_desc(&ring->desc[ring->avail.place], address, length, id,
		    flags | packed_avail_bits(ring->avail));
	ring->avail = packed_step(ring, ring->avail, 1);
}

void packed_claim(struct packed_ring *ring, uint16_t id, uint32_t count)
{
	ring->chain_length[id] = (uint16_t)count;
	ring->in_flight[id] = true;
	ring->free_count -= count;
}

static uint16_t buffer_flags(const struct driver_buffer *buffer, bool more)
{
	return (buffer->writable ? P_WRITE : 0) | (more ? P_NEXT : 0);
}

/* 2.8.21.1: the flags of the first descriptor are written when all the rest is there. */
int packed_add(struct packed_ring *ring, const struct driver_buffer *buffers, unsigned int count)
{
	struct vring_packed_desc *first = &ring->desc[ring->avail.place];
	uint16_t flags = buffer_flags(&buffers[0], count > 1) | packed_avail_bits(ring->avail), id;

	if (ring->free_count < count || !ring->free_id_count)
		return -1;
	id = ring->free_ids[--ring->free_id_count];
	packed_claim(ring, id, count);
	first->addr = htole64(buffers[0].address);
	first->len = htole32(buffers[0].length);
	/* of a longer chain only the last one's id means something */
	first->id = htole16(count > 1 ? (uint16_t)(0xffff - id) : id);
	ring->avail = packed_step(ring, ring->avail, 1);
	for (unsigned int i = 1; i < count; i++)
		packed_put(ring, buffers[i].address, buffers[i].length,
			   i + 1 < count ? (uint16_t)(0xfff0 - i) : id,
			   buffer_flags(&buffers[i], i + 1 < count));
	__atomic_store_n(&first->flags, htole16(flags), __ATOMIC_RELEASE);
	return id;
}

int packed_add_indirect(struct packed_ring *ring, const struct driver_buffer *buffers,
			unsigned int count)
{
	struct vring_packed_desc *entry;
	uint64_t table;
	uint16_t id;

	if (!ring->free_count || !ring->free_id_count)
		return -1;
	table = packed_alloc(ring, 16 * count, 16);
	entry = (struct vring_packed_desc *)(void *)packed_heap(ring, table);
	for (unsigned int i = 0; i < count; i++)
		packed_desc(&entry[i], buffers[i].address, buffers[i].length, (uint16_t)(i * 7),
			    buffers[i].writable ? P_WRITE : 0);
	id = ring->free_ids[--ring->free_id_count];
	packed_claim(ring, id, 1);
	packed_put(ring, table, 16 * count, id, P_INDIRECT);
	return id;
}

bool packed_take_used(struct packed_ring *ring, uint32_t *id, uint32_t *length, uint16_t *flags)
{
	const struct vring_packed_desc *desc = &ring->desc[ring->used.place];
	uint16_t seen = le16toh(__atomic_load_n(&desc->flags, __ATOMIC_ACQUIRE));

	if ((seen & (P_AVAIL | P_USED)) != packed_used_bits(ring->used) || ring->free_count == ring->size)
		return false;
	*id = le16toh(__atomic_load_n(&desc->id, __ATOMIC_RELAXED));
	*length = le32toh(__atomic_load_n(&desc->len, __ATOMIC_RELAXED));
	if (flags)
		*flags = seen;
	if (*id >= ring->size || !ring->in_flight[*id]) {
		fprintf(stderr, "driver: used element %u names no chain in flight\n", *id);
		abort();
	}
	ring->in_flight[*id] = false;
	ring->free_ids[ring->free_id_count++] = (uint16_t)*id;
	ring->free_count += ring->chain_length[*id];
	ring->used = packed_step(ring, ring->used, ring->chain_length[*id]);
	return true;
}

static void set_event(struct vring_packed_desc_event *event, uint16_t flags, uint16_t position)
{
	uint32_t word = htole32((uint32_t)flags << 16 | position);

	__atomic_store_n((uint32_t *)(void *)event, word, __ATOMIC_RELAXED);
}

void packed_want_interrupt(struct packed_ring *ring, bool wanted)
{
	if (!wanted)
		set_event(ring->driver, VRING_PACKED_EVENT_FLAG_DISABLE, 0);
	else if (ring->event_idx)
		set_event(ring->driver, VRING_PACKED_EVENT_FLAG_DESC, packed_word(ring->used));
	else
		set_event(ring->driver, VRING_PACKED_EVENT_FLAG_ENABLE, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool packed_kick_wanted(const struct packed_ring *ring, struct packed_at before)
{
	uint32_t word;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	word = le32toh(__atomic_load_n((uint32_t *)(void *)ring->device, __ATOMIC_RELAXED));
	switch (word >> 16) {
	case VRING_PACKED_EVENT_FLAG_DISABLE:
		return false;
	case VRING_PACKED_EVENT_FLAG_ENABLE:
		return true;
	case VRING_PACKED_EVENT_FLAG_DESC:
		break;
	default:
		abort();
	}
	for (; packed_word(before) != packed_word(ring->avail); before = packed_step(ring, before, 1))
		if (packed_word(before) == (uint16_t)word)
			return true;
	return false;
}

static uint16_t add_one(struct packed_ring *ring, uint32_t length, bool writable)
{
	struct driver_buffer buffer = { packed_alloc(ring, length, 1), length, writable };
	int id = packed_add(ring, &buffer, 1);

	if (id < 0)
		abort();
	return (uint16_t)id;
}

uint16_t packed_add_readable(struct packed_ring *ring, uint32_t length)
{
	return add_one(ring, length, false);
}

uint16_t packed_add_writable(struct packed_ring *ring, uint32_t length)
{
	return add_one(ring, length, true);
}

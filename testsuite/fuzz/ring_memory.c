// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "testsuite/fuzz/ring.h"

static const struct {
	uint64_t iova;
	uint32_t size;		/* 0: as the ring needs it */
	uint8_t access;
} layout[RING_REGIONS] = {
	[RING_DESC] = { 0x10000, 0, VQ_ACCESS_BOTH },
	[RING_DRIVER] = { 0x12000, 0, VQ_ACCESS_BOTH },
	[RING_DEVICE] = { 0x14000, 0, VQ_ACCESS_BOTH },
	[RING_DESC_1] = { 0x20000, 0, VQ_ACCESS_BOTH },
	[RING_DRIVER_1] = { 0x22000, 0, VQ_ACCESS_READ },
	[RING_DEVICE_1] = { 0x24000, 0, VQ_ACCESS_BOTH },
	[RING_HEAP] = { 0x40000, 1000, VQ_ACCESS_BOTH },
	[RING_HEAP_NEXT] = { 0x40000 + 1000, 600, VQ_ACCESS_BOTH },
	[RING_TABLES] = { 0x70000, 16 * 16 + 6, VQ_ACCESS_BOTH },
	[RING_TABLES_NEXT] = { 0x70000 + 16 * 16 + 6, 8 * 16, VQ_ACCESS_BOTH },
	[RING_READ_ONLY] = { 0x80000, 96, VQ_ACCESS_READ },
	[RING_WRITE_ONLY] = { UINT64_MAX - 95, 96, VQ_ACCESS_WRITE },
};

static uint32_t area_size(const struct ring *ring, unsigned int index)
{
	switch (index % 3) {
	case RING_DESC:
		return 16u * ring->size;
	case RING_DRIVER:
		return ring->packed ? 4 : 6 + 2u * ring->size;
	default:
		return ring->packed ? 4 : 6 + 8u * ring->size;
	}
}

void ring_memory_bring(struct ring *ring, unsigned int index)
{
	struct ring_memory *memory = &ring->memory[index];

	if (memory->bytes)
		return;
	/* aligned as a page of a mapping is, in the low bits at least */
	if (posix_memalign((void **)&memory->bytes, 16, memory->size))
		abort();
	memset(memory->bytes, 0, memory->size);
	memory->there = true;
}

void ring_memory_take(struct ring *ring, unsigned int index)
{
	struct ring_memory *memory = &ring->memory[index];

	if (!memory->bytes)
		return;
	vq_memory_remove(&ring->map, memory->iova, memory->iova + (memory->size - 1));
	free(memory->bytes);
	memory->bytes = NULL;
	memory->there = false;
}

void ring_race_run(struct ring *ring)
{
	struct ring_race *race = &ring->race;
	const struct ring_memory *memory = &ring->memory[race->region];

	if (!race->calls || --race->calls)
		return;
	ring->raced = true;
	if (memory->bytes && race->offset < memory->size)
		memcpy(memory->bytes + race->offset, race->bytes,
		       memory->size - race->offset < race->length ? memory->size - race->offset :
								    race->length);
}

static int on_fault(void *context, struct vq_memory *map, uint64_t iova)
{
	struct ring *ring = context;

	ring_race_run(ring);
	if (ring->shortage && !--ring->shortage)
		return -ENOMEM;
	for (unsigned int i = 0; i < RING_REGIONS; i++) {
		const struct ring_memory *memory = &ring->memory[i];
		struct vq_region region = { memory->iova, memory->iova + (memory->size - 1),
					    memory->bytes, memory->access, i };

		if (memory->there && region.first <= iova && iova <= region.last)
			return vq_memory_add(map, &region);
	}
	return -EFAULT;
}

void ring_memory_open(struct ring *ring)
{
	for (unsigned int i = 0; i < RING_REGIONS; i++) {
		ring->memory[i] = (struct ring_memory){
			.iova = layout[i].iova,
			.size = layout[i].size ? layout[i].size : area_size(ring, i),
			.access = layout[i].access,
		};
		ring_memory_bring(ring, i);
	}
	vq_memory_init(&ring->map, ring->regions, RING_REGIONS, on_fault, NULL, ring);
}

void ring_memory_close(struct ring *ring)
{
	for (unsigned int i = 0; i < RING_REGIONS; i++)
		free(ring->memory[i].bytes);
}

bool ring_memory_read(const struct ring *ring, uint64_t iova, void *to, size_t length)
{
	uint8_t *bytes = to;

	for (; length; length--, iova++, bytes++) {
		unsigned int i = 0;

		while (i < RING_REGIONS && (!ring->memory[i].bytes || iova < ring->memory[i].iova ||
					    iova - ring->memory[i].iova >= ring->memory[i].size))
			i++;
		if (i == RING_REGIONS)
			return false;
		*bytes = ring->memory[i].bytes[iova - ring->memory[i].iova];
	}
	return true;
}

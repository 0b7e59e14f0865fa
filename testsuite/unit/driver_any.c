/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "driver_any.h"

struct any_world any_started(uint32_t size, uint64_t features)
{
	struct any_world world = { .split = NULL };

	if (features & RING_PACKED) {
		world.packed = packed_world_started(size, features);
		world.vq = &world.packed->vq;
		world.config = &world.packed->config;
		world.chain = &world.packed->chain;
	} else {
		world.split = driver_world_started((uint16_t)size, features);
		world.vq = &world.split->vq;
		world.config = &world.split->config;
		world.chain = &world.split->chain;
	}
	return world;
}

void any_free(struct any_world *world)
{
	if (world->packed)
		packed_world_free(world->packed);
	else
		driver_world_free(world->split);
}

int any_add(struct any_world *world, const struct driver_buffer *buffers, unsigned int count)
{
	if (world->packed)
		return packed_add(&world->packed->ring, buffers, count);
	return driver_add(&world->split->ring, buffers, count);
}

bool any_take_used(struct any_world *world, uint32_t *head, uint32_t *length)
{
	if (world->packed)
		return packed_take_used(&world->packed->ring, head, length, NULL);
	return driver_take_used(&world->split->ring, head, length);
}

void any_want_interrupt(struct any_world *world, bool wanted)
{
	if (world->packed)
		packed_want_interrupt(&world->packed->ring, wanted);
	else
		driver_want_interrupt(&world->split->ring, wanted);
}

uint16_t any_mark(const struct any_world *world)
{
	return world->packed ? packed_word(world->packed->ring.avail)
			     : world->split->ring.avail_idx;
}

bool any_kick_wanted(const struct any_world *world, uint16_t before)
{
	struct packed_at at = { before & 0x7fff, before >> 15 };

	if (world->packed)
		return packed_kick_wanted(&world->packed->ring, at);
	return driver_kick_wanted(&world->split->ring, before);
}

uint8_t *any_at(struct any_world *world, uint64_t address)
{
	return world->packed ? packed_heap(&world->packed->ring, address)
			     : driver_at(&world->split->ring, address);
}

uint16_t any_next_name(const struct any_world *world)
{
	const struct packed_ring *ring;

	if (!world->packed)
		return world->split->ring.free_head;
	ring = &world->packed->ring;
	return ring->free_id_count ? ring->free_ids[ring->free_id_count - 1] : 0;
}

uint32_t any_free_count(const struct any_world *world)
{
	return world->packed ? world->packed->ring.free_count : world->split->ring.free_count;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver of either format, for tests that are the same for both: the worlds of
 * driver_ring.h and driver_packed.h behind one set of functions.
 */
#ifndef VDUSE_TEST_DRIVER_ANY_H
#define VDUSE_TEST_DRIVER_ANY_H

#include "driver_packed.h"
#include "driver_ring.h"

struct any_world {
	struct driver_world *split;	/* one of the two */
	struct packed_world *packed;
	struct virtqueue *vq;
	struct virtqueue_config *config;
	struct vq_chain *chain;
};

/* Allocated and started; RING_PACKED among the features says which. Ends with any_free(). */
struct any_world any_started(uint32_t size, uint64_t features);
void any_free(struct any_world *world);

/* As driver_add() and packed_add(), of the same name in both headers, and so on. */
int any_add(struct any_world *world, const struct driver_buffer *buffers, unsigned int count);
bool any_take_used(struct any_world *world, uint32_t *head, uint32_t *length);
void any_want_interrupt(struct any_world *world, bool wanted);

/* Where the driver is, for any_kick_wanted(). */
uint16_t any_mark(const struct any_world *world);
bool any_kick_wanted(const struct any_world *world, uint16_t before);

/* The bytes at an address of the heap. */
uint8_t *any_at(struct any_world *world, uint64_t address);

/* The head or buffer id that the next any_add() is going to give, and the room there is. */
uint16_t any_next_name(const struct any_world *world);
uint32_t any_free_count(const struct any_world *world);

#endif

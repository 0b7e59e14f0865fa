/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a split virtqueue, over plain memory, for tests of the device's
 * side. It behaves well in driver_add() and driver_take_used(), and as badly as a test
 * wants through the pieces below them: every field of the ring can be written.
 *
 * Each area of the ring and the heap of buffers is an allocation of exactly its size, so
 * that the address sanitizer sees every byte that is touched outside, and a region of its
 * own in the memory map.
 */
#ifndef VDUSE_TEST_DRIVER_RING_H
#define VDUSE_TEST_DRIVER_RING_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "vduse/virtio/virtqueue.h"

/* Where the areas and the heap are in the driver's addresses. */
#define DRIVER_DESC 0x100000u
#define DRIVER_AVAIL 0x200000u
#define DRIVER_USED 0x300000u
#define DRIVER_HEAP 0x10000000u
#define DRIVER_HEAP_SIZE 0x200000u
#define DRIVER_REGIONS 64

/* A buffer of a chain. */
struct driver_buffer {
	uint64_t address;
	uint32_t length;
	bool writable;
};

struct driver_ring {
	uint16_t size;
	bool event_idx;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint8_t *heap;
	uint32_t heap_used;
	uint16_t avail_idx;	/* our own copies */
	uint16_t used_idx;
	uint16_t free_head;	/* free descriptors, linked by free_next */
	uint16_t free_count;
	uint16_t *free_next;
	uint16_t *chain_length;	/* descriptors of the chain at each head; 0: not in flight */
	bool *in_flight;
};

/* A driver, a memory map and a virtqueue that is started on them. */
struct driver_world {
	struct driver_ring ring;
	struct vq_region regions[DRIVER_REGIONS];
	struct vq_memory memory;
	struct virtqueue_config config;
	struct virtqueue_position position;
	struct vq_slot *slots;
	struct virtqueue vq;
	struct iovec segments[VQ_CHAIN_SEGMENTS];
	struct vq_chain chain;
};

/* Allocates everything (aborts if it cannot) and maps it; the virtqueue is not started. */
struct driver_world *driver_world_new(uint16_t size, uint64_t features);

/* Frees a world. */
void driver_world_free(struct driver_world *world);

/* As driver_world_new(), with the virtqueue started. */
struct driver_world *driver_world_started(uint16_t size, uint64_t features);

/* Bytes of the heap at an address of the driver; no check. */
uint8_t *driver_at(struct driver_ring *ring, uint64_t address);

/* Takes bytes from the heap (never returned; aborts at the end): their address. */
uint64_t driver_alloc(struct driver_ring *ring, uint32_t length, uint32_t alignment);

/* Starts the heap again from its beginning. */
void driver_heap_reset(struct driver_ring *ring);

/* Writes a descriptor, of the table or of an indirect one. */
void driver_desc(struct vring_desc *desc, uint64_t address, uint32_t length, uint16_t flags,
		 uint16_t next);

/* Puts a head into the available ring and raises avail.idx. */
void driver_offer(struct driver_ring *ring, uint16_t head);

/* Builds a chain from free descriptors and offers it: the head, or -1 when none are left. */
int driver_add(struct driver_ring *ring, const struct driver_buffer *buffers, unsigned int count);

/*
 * As driver_add(), with `direct` descriptors in the ring and the rest in an indirect
 * table on the heap.
 */
int driver_add_indirect(struct driver_ring *ring, const struct driver_buffer *buffers,
			unsigned int count, unsigned int direct);

/*
 * Takes one used element and frees its descriptors: false when there is none. An element
 * that no driver could accept (not in flight, out of range) ends the program.
 */
bool driver_take_used(struct driver_ring *ring, uint32_t *head, uint32_t *length);

/* Sets used_event, or the flag, so that the next used element interrupts, or none does. */
void driver_want_interrupt(struct driver_ring *ring, bool wanted);

/* Whether the device wants a kick for the entries added since avail.idx was `before`. */
bool driver_kick_wanted(const struct driver_ring *ring, uint16_t before);

/* A readable or a writable descriptor on the heap, for tests that need just one. */
uint16_t driver_add_readable(struct driver_ring *ring, uint32_t length);
uint16_t driver_add_writable(struct driver_ring *ring, uint32_t length);

/* What driver_packed.c has in common with this: */

/* Zeroed memory; aborts if there is none. */
void *driver_allocate(size_t alignment, size_t length);

/* As driver_alloc(), from a heap of which *used bytes are taken. */
uint64_t driver_take(uint32_t *used, uint32_t length, uint32_t alignment);

/* Starts a virtqueue, or aborts and says why. */
void driver_start(struct virtqueue *vq, const struct virtqueue_config *config);

/* A reproducible stream of numbers (xorshift). The state must not be 0. */
uint32_t driver_random(uint32_t *state);

#endif

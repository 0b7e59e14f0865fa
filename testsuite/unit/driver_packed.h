/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a packed virtqueue (virtio 1.2, section 2.8), over plain memory, for
 * tests of the device's side; what driver_ring.h is for split ones. It behaves well in
 * packed_add() and packed_take_used(), and as badly as a test wants through the pieces below
 * them: every field of the ring can be written.
 *
 * Each area and the heap of buffers is an allocation of exactly its size and a region of its
 * own in the memory map, at the addresses of driver_ring.h.
 */
#ifndef VDUSE_TEST_DRIVER_PACKED_H
#define VDUSE_TEST_DRIVER_PACKED_H

#include "driver_ring.h"

#define PACKED_DESC DRIVER_DESC
#define PACKED_DRIVER DRIVER_AVAIL
#define PACKED_DEVICE DRIVER_USED

#define RING_PACKED (UINT64_C(1) << 34)

/* The flags of a descriptor, as 2.8.1 and its neighbours give them. */
enum {
	P_NEXT = 1,
	P_WRITE = 2,
	P_INDIRECT = 4,
	P_AVAIL = 1 << 7,
	P_USED = 1 << 15,
};

/* A place in the ring and a wrap counter. */
struct packed_at {
	uint16_t place;
	bool wrap;
};

struct packed_ring {
	uint32_t size;
	bool event_idx;
	struct vring_packed_desc *desc;
	struct vring_packed_desc_event *driver, *device;
	uint8_t *heap;
	uint32_t heap_used;
	struct packed_at avail;		/* the next descriptor to make available */
	struct packed_at used;		/* where the next used one will appear */
	uint32_t free_count;		/* descriptors */
	uint16_t *free_ids;		/* a stack */
	uint32_t free_id_count;
	uint16_t *chain_length;		/* descriptors, by id */
	bool *in_flight;		/* by id */
};

/* A driver, a memory map and a virtqueue that is started on them. */
struct packed_world {
	struct packed_ring ring;
	struct vq_region regions[DRIVER_REGIONS];
	struct vq_memory memory;
	struct virtqueue_config config;
	struct virtqueue_position position;
	uint16_t published;
	struct vq_slot *slots;
	struct virtqueue vq;
	struct iovec segments[VQ_CHAIN_SEGMENTS];
	struct vq_chain chain;
};

/* Allocates everything (aborts if it cannot) and maps it; RING_PACKED is added to features. */
struct packed_world *packed_world_new(uint32_t size, uint64_t features);

/* As packed_world_new(), with the virtqueue started. */
struct packed_world *packed_world_started(uint32_t size, uint64_t features);

/* Frees a world. */
void packed_world_free(struct packed_world *world);

/* virtqueue_pop() of its virtqueue into its chain. */
int packed_pop(struct packed_world *world);

/* Bytes of the heap at an address of the driver; no check. */
uint8_t *packed_heap(struct packed_ring *ring, uint64_t address);

/* Takes bytes from the heap (never returned; aborts at the end): their address. */
uint64_t packed_alloc(struct packed_ring *ring, uint32_t length, uint32_t alignment);

/* `count` places further. */
struct packed_at packed_step(const struct packed_ring *ring, struct packed_at at, uint32_t count);

/* As virtqueue_position and the event structures have it: the wrap counter in bit 15. */
uint16_t packed_word(struct packed_at at);

/* AVAIL and USED of a descriptor that is available there, and of one that is used. */
uint16_t packed_avail_bits(struct packed_at at);
uint16_t packed_used_bits(struct packed_at at);

/*
 * Writes the descriptor at ring->avail, available with `flags` beside that, and goes one
 * place on. Nothing is kept in mind of it: see packed_claim().
 */
void packed_put(struct packed_ring *ring, uint64_t address, uint32_t length, uint16_t id,
		uint16_t flags);

/* Writes a descriptor, of the ring or of a table, flags as they are. */
void packed_desc(struct vring_packed_desc *desc, uint64_t address, uint32_t length, uint16_t id,
		 uint16_t flags);

/* Keeps in mind that `id` is out, with `count` descriptors. */
void packed_claim(struct packed_ring *ring, uint16_t id, uint32_t count);

/* Makes a chain of direct descriptors available: its id, or -1 when there is no room. */
int packed_add(struct packed_ring *ring, const struct driver_buffer *buffers, unsigned int count);

/* As packed_add(), with one descriptor that refers to a table on the heap. */
int packed_add_indirect(struct packed_ring *ring, const struct driver_buffer *buffers,
			unsigned int count);

/*
 * Takes one used element: false when there is none. An element that no driver could accept
 * (not in flight, out of range) ends the program. flags may be NULL.
 */
bool packed_take_used(struct packed_ring *ring, uint32_t *id, uint32_t *length, uint16_t *flags);

/* Asks for an interrupt with the next used element, or for none. */
void packed_want_interrupt(struct packed_ring *ring, bool wanted);

/* Whether the device wants a kick for the descriptors added since ring->avail was `before`. */
bool packed_kick_wanted(const struct packed_ring *ring, struct packed_at before);

/* A readable or a writable descriptor on the heap, for tests that need just one. */
uint16_t packed_add_readable(struct packed_ring *ring, uint32_t length);
uint16_t packed_add_writable(struct packed_ring *ring, uint32_t length);

#endif

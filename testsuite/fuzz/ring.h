/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two virtqueues, a receive and a transmit one, over memory of which a fuzzer chooses every
 * byte, at any time: between two calls of the device, and in the middle of one, wherever it
 * calls back.
 *
 * Every region of the memory is an allocation of its own, of exactly its size, so that the
 * address sanitizer sees a step out of it; a region that is taken away is freed. The three
 * areas of a ring are regions of their own. The rules that are held to are in ring_check.c.
 */
#ifndef VDUSE_TEST_FUZZ_RING_H
#define VDUSE_TEST_FUZZ_RING_H

#include "testsuite/fuzz/input.h"
#include "vduse/device/forward.h"
#include "vduse/virtio/virtqueue.h"

#define RING_SIZE_MAX 64
#define RING_HELD_MAX 4
#define RING_SEGMENTS 8		/* of a chain that is taken directly; few, to have too many */

enum ring_region {
	RING_DESC,		/* of the receive virtqueue ... */
	RING_DRIVER,
	RING_DEVICE,
	RING_DESC_1,		/* ... and of the transmit one */
	RING_DRIVER_1,
	RING_DEVICE_1,
	RING_HEAP,
	RING_HEAP_NEXT,		/* the next by IOVA */
	RING_TABLES,		/* its end cuts an entry of a table in two */
	RING_TABLES_NEXT,
	RING_READ_ONLY,
	RING_WRITE_ONLY,
	RING_REGIONS
};

struct ring_memory {
	uint64_t iova;
	uint32_t size;
	uint8_t access;
	bool there;		/* the driver has mapped it: it can be asked for */
	uint8_t *bytes;
};

/* A write that waits for the device to call back. */
struct ring_race {
	unsigned int calls;	/* back, until it is its turn; 0: there is none */
	unsigned int region;
	uint32_t offset;
	uint8_t bytes[8];
	unsigned int length;
};

/* A virtqueue, and what its driver knows of it. */
struct ring_queue {
	struct virtqueue vq;
	struct virtqueue_config config;
	uint16_t published;
	struct vq_slot *slots;	/* as many as there are entries */
	uint16_t avail;		/* split: an index; packed: a position */
	struct vq_chain held[RING_HELD_MAX];	/* taken directly, oldest first */
	struct iovec segments[RING_HELD_MAX][RING_SEGMENTS];
	unsigned int held_count;
};

struct ring {
	bool packed;
	bool raced;		/* a race was run since it was last looked at */
	uint16_t size;
	uint64_t features, net_features;
	struct ring_memory memory[RING_REGIONS];
	struct vq_region regions[RING_REGIONS];
	struct vq_memory map;
	unsigned int shortage;	/* 1: the next region that is asked for is not to be had */
	struct virtqueue_position positions[2];
	struct ring_queue queue[2];	/* by enum forward_end */
	struct forward forward;
	uint64_t now;
	struct ring_race race;
};

/* Which rings a target is about. */
enum ring_kind { RING_SPLIT, RING_PACKED, RING_INDIRECT };

/* Does what @data says, and holds the device to its rules. */
void ring_fuzz(enum ring_kind kind, const uint8_t *data, size_t size);

/* -- the memory (ring_memory.c) ------------------------------------------------------------ */

/* Allocates everything, zeroed; and frees it. */
void ring_memory_open(struct ring *ring);
void ring_memory_close(struct ring *ring);

/* Takes region @index away, or puts it there again, zeroed. The device must be at rest. */
void ring_memory_take(struct ring *ring, unsigned int index);
void ring_memory_bring(struct ring *ring, unsigned int index);

/* Copies bytes of the driver's memory: false where some of them are nowhere. */
bool ring_memory_read(const struct ring *ring, uint64_t iova, void *to, size_t length);

/* The device calls back: a race that waits is run. */
void ring_race_run(struct ring *ring);

/* -- the driver (ring_driver.c) -------------------------------------------------------------- */

/* The queue forgets what it offered; the areas are zeroed. */
void ring_driver_reset(struct ring *ring, unsigned int end);

/* Does one thing that a driver does, or should not do. */
void ring_driver_act(struct ring *ring, struct fuzz_input *input, enum ring_kind kind);

/* Puts one descriptor of the heap into the ring, as a sound driver does. */
void ring_driver_offer(struct ring *ring, unsigned int end, uint32_t offset, uint32_t length);

/* -- the rules (ring_check.c) ---------------------------------------------------------------- */

/* What is true before a call of the device. */
struct ring_before {
	struct ring_known {
		uint16_t id;
		uint32_t descriptors;
		uint64_t writable;	/* bytes */
	} chains[2][RING_SIZE_MAX];	/* available, in their order */
	unsigned int count[2];
	struct virtqueue_position position[2];
	uint32_t in_flight[2];
	enum virtqueue_state state[2];
	struct virtqueue_error error[2];
	uint8_t *copy[RING_REGIONS];
};

/* Looks at everything before a call, and, freeing what it noted, behind it. */
void ring_look(struct ring *ring, struct ring_before *before);
void ring_check(struct ring *ring, struct ring_before *before);

/* A chain that was taken: all of it lies in regions, with permission, and can be touched. */
void ring_check_chain(const struct ring *ring, const struct vq_chain *chain);

#endif

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
	uint16_t out[RING_SIZE_MAX];	/* by head or id: descriptors that were taken directly ... */
	bool staged[RING_SIZE_MAX];	/* ... and are published next */
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

/* -- what a driver may do (ring_rules.c) ------------------------------------------------------ */

enum ring_verdict { RING_NOTHING, RING_SOUND, RING_WRONG };

/* A chain that was offered. */
struct ring_known {
	uint16_t id;
	uint32_t descriptors;		/* of the ring */
	uint64_t readable, writable;	/* bytes */
	unsigned int segments;
	bool aliased;			/* a writable buffer is not on the heap */
	enum virtqueue_reason reason;	/* what is wrong, where only one name fits; or VQ_FINE */
};

/* The chain at an index (split) or a position; and the one that virtqueue_pop() comes to. */
enum ring_verdict ring_rule_chain(const struct ring *ring, unsigned int end, uint16_t at,
				  struct ring_known *known);
enum ring_verdict ring_rule_next(const struct ring *ring, unsigned int end, struct ring_known *known);

/* The position in a packed ring that is @count descriptors on. */
uint16_t ring_rule_forward(const struct ring *ring, uint16_t position, uint32_t count);

/* Does the driver want to be told that the device went on from @old to @now? */
bool ring_rule_interrupt(const struct ring *ring, unsigned int end, uint16_t old, uint16_t now);

/* How a queue is set up by a sound driver; and one more, with areas anywhere and of any size, which
 * is refused or not, as it should be, and never used. */
struct virtqueue_config ring_config(struct ring *ring, unsigned int end);
void ring_set_up_anyhow(struct ring *ring, struct fuzz_input *input);

/* -- what the device may do (ring_check.c) --------------------------------------------------- */

/* What is true before a call of the device. */
struct ring_before {
	struct ring_known chains[2][RING_SIZE_MAX];	/* available, in their order */
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

/* Regions have gone: nothing is touched by way of what was looked up before. */
void ring_check_stale(struct ring *ring);

/* A chain that was taken: all of it lies in regions, with permission, and can be touched. */
void ring_check_chain(const struct ring *ring, const struct vq_chain *chain);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver of both virtqueues of a network device, split or packed, that does what a stream of
 * random numbers says: two of them that are given the same numbers, and whose devices did the
 * same, do the same. It sends frames in chains and tables of every shape, puts up receive
 * buffers of every size, and breaks rules when it is told to.
 *
 * Every region of its memory is an allocation of its own, of exactly its size.
 */
#ifndef VDUSE_TEST_FORWARD_DRIVER_H
#define VDUSE_TEST_FORWARD_DRIVER_H

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "vduse/virtio/virtqueue.h"

#define FORWARD_DRIVER_SIZE 256
#define FORWARD_DRIVER_REGIONS 5

/* The driver's own record of one virtqueue. */
struct forward_driver_queue {
	bool writable;
	uint8_t *rings;			/* desc at 0, driver area at 0x1000, device area at 0x2000 */
	uint64_t iova;			/* of the same */
	uint16_t avail, used;		/* split: indices; packed: positions */
	unsigned int free;		/* descriptors */
	uint16_t free_id[FORWARD_DRIVER_SIZE];
	unsigned int ids;		/* split: descriptors that are free; packed: buffer ids */
	uint8_t count[FORWARD_DRIVER_SIZE];	/* descriptors of the chain; 0: not in flight */
	uint16_t members[FORWARD_DRIVER_SIZE][4];	/* split: which */
};

struct forward_driver {
	bool packed;
	bool hostile;			/* has broken rules: what comes back may be anything */
	bool simple;			/* for this step: one descriptor each, nothing asked for */
	uint16_t size;
	uint32_t random;
	uint8_t *memory[FORWARD_DRIVER_REGIONS];
	struct forward_driver_queue queue[2];	/* by enum forward_end */
};

/* Allocates and frees the memory; aborts if there is none. */
void forward_driver_open(struct forward_driver *driver);
void forward_driver_close(struct forward_driver *driver);

/* Zeroes everything and begins anew. */
void forward_driver_reset(struct forward_driver *driver, bool packed, uint16_t size);

/* Puts its memory into a map. */
void forward_driver_map(struct forward_driver *driver, struct vq_memory *memory);

/* Fills in where the areas of a virtqueue are. */
void forward_driver_areas(const struct forward_driver *driver, unsigned int end,
			  struct virtqueue_config *config);

/* Takes back what was used, and does some more things. The seed is not 0. */
void forward_driver_step(struct forward_driver *driver, uint64_t features, bool hostile,
			 uint32_t seed);

/* Fails the test unless all memory of both is the same. */
void forward_driver_compare(const struct forward_driver *a, const struct forward_driver *b);

#endif

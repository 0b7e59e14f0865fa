/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor: the least that a device can do to move frames from a transmit virtqueue into a
 * receive virtqueue, one descriptor a frame. Ratios of the benchmark are against it.
 *
 * What it does: reads the available entries and descriptors, copies header and frame with one
 * memcpy, sets num_buffers, writes used elements, publishes each virtqueue once a batch, in the
 * order that virtio wants (acquire and release, which cost nothing on x86).
 *
 * What it does not do: it checks nothing, believes every descriptor, translates no address
 * (they are pointers), reads no header, keeps no record of what is in flight and none to recover
 * from, knows no offloads, no chains, no MTU, counts nothing, asks for no notification and
 * decides about none. Its sizes are constants. No device could be written like this.
 *
 * It is as quick as it could be made in a simple way: what is used in the loop is in local
 * variables, the available index is read again only when there is not enough, it is built with
 * the flags of the engine, and memcpy is the C library's. An AVX2 copy inline instead of that was
 * tried and makes no difference. One thing was left out on purpose: prefetching the next receive
 * buffer after publication, which the engine does, is no part of moving frames; with it batches
 * of 1 cost the floor some 5 % less (30.8 ns instead of 32.3).
 *
 * With `fence`, each batch ends with the one full fence between publishing and looking whether
 * the driver wants an interrupt, which no device can do without (virtio 1.2, 2.7.7.2): the used
 * index is published by an exchange, which is the cheapest on x86, and used_event read.
 */
#ifndef VDUSE_BENCH_RING_FLOOR_H
#define VDUSE_BENCH_RING_FLOOR_H

#include "driver.h"

/* The most frames that are published together. */
#define FLOOR_BATCH 64u

struct floor_queue {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *packed;
	uint16_t next;			/* split: free running; packed: place */
	uint16_t avail_seen;		/* split */
	bool wrap;			/* packed */
};

struct floor {
	struct floor_queue transmit, receive;
	uint64_t wanted;		/* interrupts */
};

/* Begins at the start of the rings of @driver. */
void floor_reset(struct floor *floor, const struct driver *driver);

/* Moves up to FLOOR_BATCH frames; returns how many. */
unsigned int floor_split(struct floor *floor);
unsigned int floor_split_fence(struct floor *floor);
unsigned int floor_packed(struct floor *floor);
unsigned int floor_packed_fence(struct floor *floor);

#endif

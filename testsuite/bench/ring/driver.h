/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of the ring benchmark: it puts up receive buffers, sends numbered frames, takes
 * back what was used, and looks at every byte of every frame that it receives.
 *
 * It is the same code, in the same memory, whoever the device is: the floor or the engine. It
 * is written to cost little, for what it costs is in both and would hide what the device does.
 * Only the addresses in descriptors differ: the floor is given pointers, the engine IOVAs.
 *
 * Three regions of shared memory: the rings with the indirect tables, the transmit buffers,
 * the receive buffers. Buffer n of a virtqueue always goes with id n, which is the number of
 * its (first) descriptor in a split ring and the buffer id in a packed one. A packed ring is
 * in the memory of a split one's descriptor table, and its two event structures are where
 * avail and used are.
 */
#ifndef VDUSE_BENCH_RING_DRIVER_H
#define VDUSE_BENCH_RING_DRIVER_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#define RING_SIZE 256u
#define HEADER 12u			/* struct virtio_net_hdr, with num_buffers */
#define BUFFER 1536u			/* bytes of a receive buffer, as a mergeable one of Linux */
#define STRIDE 1600u			/* from one buffer to the next: not a power of two */

/* How a driver describes a buffer; the same bytes in each case. */
enum shape {
	ONE,		/* one descriptor */
	TWO,		/* two: header, frame */
	TABLE,		/* one, which refers to an indirect table of two: header, frame */
};

/* The driver's side of one virtqueue. */
struct driver_queue {
	/* in shared memory */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *packed;
	struct vring_desc *tables;	/* two entries for each id */
	uint8_t *buffers;
	/* where the device finds them: pointers for the floor, IOVAs for the engine */
	uint64_t buffers_at;
	uint64_t tables_at;
	/* the driver's own */
	bool writable;			/* receive */
	enum shape shape;
	uint16_t next;			/* split: avail.idx; packed: where the next one goes */
	uint16_t reaped;		/* split: used.idx seen; packed: the next to be used */
	bool next_wrap, reaped_wrap;	/* packed */
	uint16_t free[RING_SIZE];	/* transmit: ids that are free, oldest first */
	uint16_t free_first, free_last;	/* free running */
};

/* Both virtqueues, and what was counted. */
struct driver {
	bool packed;
	uint32_t length;		/* of a frame, in bytes */
	struct driver_queue receive, transmit;
	uint64_t sent, received;	/* frames; their numbers follow from it */
	uint64_t wrong;			/* bytes, lengths or ids that were not as expected, ever */
};

/* The most frames that can be on their way. */
static inline unsigned int driver_capacity(const struct driver_queue *queue)
{
	return queue->shape == TWO ? RING_SIZE / 2 : RING_SIZE;
}

/* Zeroes the rings and begins again, with every receive buffer put up. */
void driver_reset(struct driver *driver);

/* Sends `count` frames, or as many as there are free buffers for; returns how many. */
unsigned int driver_send(struct driver *driver, unsigned int count);

/*
 * Takes the frames that arrived and verifies them, puts their buffers up again, takes the
 * transmit buffers back. Returns the number of frames.
 */
unsigned int driver_receive(struct driver *driver);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver and the devices to be compared, over the same memory. Only one of them runs at a
 * time, from the start of the rings.
 */
#ifndef VDUSE_BENCH_RING_BENCH_H
#define VDUSE_BENCH_RING_BENCH_H

#include "driver.h"
#include "floor.h"
#include "vduse/device/forward.h"

enum device {
	FLOOR,
	FLOOR_FENCE,
	ENGINE,		/* forward_run(), which the loopback device runs as well */
	ENGINE_POLL,	/* the same, as the loopback device with `poll`, without end */
};

struct bench_end {
	struct virtqueue vq;
	struct virtqueue_position position;	/* these three are what a successor would need */
	uint16_t published;
	struct vq_slot slots[RING_SIZE];
};

struct bench {
	struct driver driver;
	struct floor floor;
	enum device device;		/* the one that runs */
	struct forward forward;
	struct forward_path path;
	struct bench_end transmit, receive;
	struct vq_memory memory;
	struct vq_region regions[3];
	uint64_t interrupts;		/* that the engine would have raised */
	uint64_t failures;		/* reported by the engine */
};

/* What a run is made of. */
struct bench_case {
	enum device device;
	bool packed;
	enum shape transmit, receive;
	uint32_t length;		/* of frames */
};

/* Allocates everything; NULL and a message if it cannot. */
struct bench *bench_new(void);

/* From the start: rings reset, receive buffers put up, the device started. False: it does not
 * start, with a message. */
bool bench_reset(struct bench *bench, const struct bench_case *with);

/* Lets the device work once. */
void bench_step(struct bench *bench);

/* After a run: whether all that was sent arrived as it was, and nothing was reported. */
bool bench_right(const struct bench *bench);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two devices, in turns, so that both see the same machine. */
#ifndef VDUSE_BENCH_RING_MEASURE_H
#define VDUSE_BENCH_RING_MEASURE_H

#include "bench.h"

struct result {
	double floor;		/* ns a frame, or frames a second */
	double engine;
	bool right;		/* every frame arrived, in order, whole, unchanged */
};

/*
 * One thread: the driver sends `batch` frames, the device works once, the driver receives, and
 * so on for some thousands of frames: that is a round. The least of many, ns a frame, and of
 * what *result has from before; begin with { .right = true }.
 */
void measure_rounds(struct bench *bench, const struct bench_case *floor,
		    const struct bench_case *engine, unsigned int batch, unsigned int rounds,
		    struct result *result);

/*
 * Two threads, each on a processor of its own: the driver sends as much as there is room for,
 * the device works without pause. Frames received in each millisecond are counted, in turns of
 * some tens of milliseconds; the 90th percentile, frames a second. A machine with one
 * processor: right is false, and both are 0.
 */
struct result measure_threads(struct bench *bench, const struct bench_case *floor,
			      const struct bench_case *engine, unsigned int turns);

#endif

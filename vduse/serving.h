/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "vduse loopback" and "vduse up" have in common: looking at what is to be served,
 * opening it, serving it with the bundled device, and closing it.
 */
#ifndef VDUSE_SERVING_H
#define VDUSE_SERVING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "vduse/process/serve.h"

#define SERVING_QUEUE_SIZE 256		/* entries of a virtqueue, unless it is said */
/* 0.1 s: whoever polls for longer than a frame is held means something else. */
#define SERVING_POLL_USECS_MAX 100000
/* Opening and setting up takes milliseconds. */
#define SERVING_READY_SECONDS 30
/* A descriptor of a receive buffer may have 16 KiB in the bounce buffer: with fewer,
 * transmission starves (seen with 256 buffers and 1 MiB). */
#define SERVING_BOUNCE_PER_DESCRIPTOR UINT64_C(16384)

/* Of the process that serves: vduse/process/isolation.h. */
enum serving_isolation {
	SERVING_FULL,		/* a worker that has every part of it, or nothing is served */
	SERVING_POSSIBLE,	/* ... those that can be had */
	SERVING_NONE,		/* no worker: this process serves, and nobody restarts it */
};

/* Their words, by number, with NULL behind them: for the tables of commands. */
extern const char *const serving_isolations[];

struct serving {
	struct serve_plan plan;	/* its names are the caller's, its descriptors are not open */
	bool typed;		/* "type net" was said: no record is needed */
	bool sized;		/* vq_size was said */
	bool handed;		/* the first device's descriptor is open already */
	const char *verb;	/* whose words these are: "loopback", "up" */
	const char *pcap;	/* file for all frames, or NULL */
	int folder;		/* where a relative @pcap begins, closed here; or AT_FDCWD */
	uint64_t bounce;	/* bytes of the devices' bounce buffers, as far as known */
	enum serving_isolation isolation;
	int journals[SERVE_DEVICES];	/* open as long as it serves; or -1 */
};

/* A device whose node is @fd, or, with -1, is still to be opened. */
static inline struct serve_device serving_device(const char *name, int fd)
{
	return (struct serve_device){
		.name = name, .fd = fd, .affinity = { -1, -1 }, .control_fd = -1,
	};
}

/* May the words be like that? 0, or negative with @failure (status 2). */
int serving_check(const struct serving *serving, struct failure *failure);

/* Open the node of @name (vduse_node_open()), which somebody else may have open for so many
 * milliseconds: a descriptor, closed by the caller, or negative with @failure, -EBUSY after
 * that. */
int serving_open_node(const char *name, int milliseconds, struct failure *failure);

/* What serve_plan's report has to say of the device @name, as a line of "vduse @verb" on standard
 * error. */
void serving_report(const char *verb, const char *name, const char *sentence);

/*
 * Open what is to be served, serve until a signal or the control socket says to stop, and
 * close it. 0, or negative with @failure.
 */
int serving_run(struct serving *serving, struct failure *failure);

#endif

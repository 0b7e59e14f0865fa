/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much a device carries in a second, from two looks at its counters. */
#ifndef VDUSE_RATES_H
#define VDUSE_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "vduse/device/port.h"

/* Each in a second, rounded; rx is what the driver received. */
struct rates {
	int64_t milliseconds;		/* between the two looks */
	uint64_t rx_frames, rx_bits, tx_frames, tx_bits;	/* bits of frames, no virtio header */
	uint64_t dropped;		/* of what the driver transmitted */
	uint64_t kicks, interrupts;	/* of both virtqueues */
};

/*
 * What came between @before and @after, @milliseconds later. false where there is no telling:
 * no time has passed, or something was counted backwards (another process serves it now).
 */
bool rates_between(const struct port_counters *before, const struct port_counters *after,
		   int64_t milliseconds, struct rates *rates);

/* A line about device @name for people, and the one that stands above all of them. */
void rates_add_head(struct buffer *text);
void rates_add_row(struct buffer *text, const char *name, const struct rates *rates);

/* A line of JSON, with the time of day. */
void rates_add_json(struct buffer *text, const char *name, const struct rates *rates);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the process that serves a device says of it, through its control socket. It may be in
 * the hands of an attacker: its answers are taken for what they can be, numbers in their
 * ranges and nothing else, and are waited for no longer than asked.
 */
#ifndef VDUSE_ASKED_H
#define VDUSE_ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/vduse_device.h"
#include "vduse/device/port.h"

struct asked_queue {
	bool running;
	bool broken;		/* by its driver; then error says how */
	char error[80];
	uint32_t size;		/* of the rest: while it runs */
	uint16_t next_avail;	/* position, as struct virtqueue_position */
	uint16_t next_used;
	uint32_t in_flight;	/* chains */
};

struct asked_state {
	bool broken;		/* the device, by the kernel, for good */
	bool resumed;		/* a server before this one had the same driver */
	bool live;		/* a driver is there, and came to DRIVER_OK */
	uint32_t pid;		/* of the server, as it sees itself */
	uint32_t vq_size;	/* the most entries of a virtqueue */
	bool link_down;
	uint8_t status;		/* VIRTIO_STATUS_*, as the driver wrote it last */
	uint64_t features;	/* negotiated; while live */
	uint32_t regions;	/* mappings of the driver's memory */
	char error[300];	/* what it reported last about this driver; "": nothing */
	struct asked_queue queues[SESSION_QUEUES];
};

/* What happened to a device, as its server tells who follows (vduse/process/events.h). */
enum asked_what {
	ASKED_STATUS,		/* number: VIRTIO_STATUS_* */
	ASKED_FEATURES,		/* number: as negotiated */
	ASKED_QUEUE,		/* number: the virtqueue that runs; size */
	ASKED_IOTLB,		/* number: of regions that were given up */
	ASKED_RESET,
	ASKED_RECONNECT,	/* number: as ASKED_STATUS */
	ASKED_LINK,		/* number: 1 up, 0 down */
	ASKED_ERROR,		/* text */
	ASKED_EXIT,
	ASKED_RESYNC,		/* number: of events that were lost */
};

struct asked_event {
	enum asked_what what;
	uint64_t number;
	uint32_t size;
	char text[300];
};

/* 0; -ENOENT for an event that is not known (a newer server's); -EPROTO. */
int asked_event_parse(const char *text, size_t length, struct asked_event *event);

/*
 * Ask the server of @name, waiting at most @milliseconds. 0; -ENOENT or -ECONNREFUSED:
 * nobody of ours serves it; -EACCES; -ETIMEDOUT: it does not answer; -EPIPE: it ended or had
 * no place for us; -EBUSY: no place, said by itself; -EPROTO: that is no answer; another
 * negative errno.
 */
int ask_state(const char *name, int milliseconds, struct asked_state *state);
int ask_counters(const char *name, int milliseconds, struct port_counters *counters);

/*
 * Say why @name's server could not be asked (@rc), with what /proc tells of who has the node
 * of @device open. Returns negative with @failure: status 6 where it does not answer, 5 where
 * another program serves it, 1 otherwise.
 */
int asked_explain(int rc, const char *name, const struct vduse_device *device,
		  struct failure *failure);

/* Tell it to do something ("stop"). As ask_state(); what it says about an error is -EPROTO. */
int ask_to(const char *name, const char *request, int milliseconds);

/* The same, of answers that are there already: 0, -EPROTO, or -EBUSY as above. */
int asked_state_parse(const char *text, size_t length, struct asked_state *state);
int asked_counters_parse(const char *text, size_t length, struct port_counters *counters);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thing that happened, stated once, as a line of text or as an object of JSON:
 *
 *	[vdpa,bind] lo0 driver virtio_vdpa netdev eth0
 *	{"timestamp":"2026-11-22T05:04:22.145254Z","object":"vdpa","event":"bind","name":"lo0",
 *	 "driver":"virtio_vdpa","netdev":"eth0","ifindex":4}
 */
#ifndef VDUSE_WATCH_EVENT_H
#define VDUSE_WATCH_EVENT_H

#include <stdbool.h>
#include <time.h>

#include "lib/buffer.h"
#include "lib/output.h"

enum event_object {
	EVENT_VDUSE,
	EVENT_VDPA,
	EVENT_VIRTIO,
	EVENT_MONITOR,		/* the monitor itself: resync */
};

struct event {
	enum event_object object;
	const char *event;
	const char *name;	/* of the device; NULL for none */
	void (*put)(struct output *out, const void *context);	/* what belongs to it; or NULL */
	const void *context;
};

/* What a reader wants to see, and how. */
struct event_form {
	bool json;
	bool timestamp;		/* text: a line before each, as "ip -t monitor" has it */
	bool short_timestamp;	/* text: before each, in its line */
	unsigned int objects;	/* a bit for each event_object; 0: all */
	const char *name;	/* of one device; NULL: all */
};

/* Is it one that @form asks for? What the monitor says of itself always is. */
bool event_wanted(const struct event_form *form, const struct event *event);

/* Add @event, which happened at @when (CLOCK_REALTIME), to @text: whole lines. */
void event_add(const struct event_form *form, const struct event *event,
	       const struct timespec *when, struct buffer *text);

#endif

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

/* All that can be told; what belongs to each is in schema/vduse-monitor.json. */
enum event_kind {
	EVENT_VDUSE_CREATE,
	EVENT_VDUSE_DESTROY,
	EVENT_VDUSE_OPEN,
	EVENT_VDUSE_CLOSE,
	EVENT_VDPA_ADD,
	EVENT_VDPA_DEL,
	EVENT_VDPA_BIND,
	EVENT_VDPA_UNBIND,
	EVENT_VDPA_ARRIVE,
	EVENT_VDPA_LEAVE,
	EVENT_VDPA_RENAME,
	EVENT_VDPA_LINK,
	EVENT_VDPA_OPEN,
	EVENT_VDPA_CLOSE,
	EVENT_VIRTIO_START,
	EVENT_VIRTIO_STATUS,
	EVENT_VIRTIO_FEATURES,
	EVENT_VIRTIO_VQ,
	EVENT_VIRTIO_IOTLB,
	EVENT_VIRTIO_RESET,
	EVENT_VIRTIO_RECONNECT,
	EVENT_VIRTIO_LINK,
	EVENT_VIRTIO_ERROR,
	EVENT_VIRTIO_EXIT,
	EVENT_VIRTIO_RESYNC,
	EVENT_MONITOR_RESYNC,
};

struct event {
	enum event_kind kind;
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

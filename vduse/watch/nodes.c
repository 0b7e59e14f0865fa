// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who opens and closes which node. inotify says that it happened and /proc who did it, if
 * whoever did it still has the node open. Between the two another may have come: so a
 * holder that was found counts only where nothing more happened to that node until after
 * /proc was read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/descriptor.h"
#include "lib/holders.h"
#include "vduse/watch/sources.h"

#define NODE_EVENTS (IN_OPEN | IN_CLOSE)
/* Bytes of events that are looked at together; as many more may follow meanwhile. */
#define BATCH_SIZE 8192

struct nodes {
	struct source source;	/* first */
	int folder;		/* the watch of /dev/vduse; -1: none */
	size_t length;		/* bytes that wait in the batch */
	_Alignas(struct inotify_event) char batch[2 * BATCH_SIZE];
};

/* The events of a batch, and who was found to have nodes open. */
struct hearing {
	struct nodes *nodes;
	struct monitor *monitor;
	size_t length;		/* of the events that are heard now */
	size_t total;		/* with those that followed */
	struct holders vduse, vhost;
	bool scanned_vduse, scanned_vhost;
};

static const struct inotify_event *event_at(const struct nodes *nodes, size_t at)
{
	return (const void *)(nodes->batch + at);
}

static size_t size_of(const struct inotify_event *event)
{
	return sizeof(*event) + event->len;
}

static const char *name_of(const struct inotify_event *event)
{
	return event->len ? event->name : "";
}

/* Of a device in /dev/vduse? "control" is none, and the folder itself has no name. */
static bool is_device(const struct nodes *nodes, const struct inotify_event *event)
{
	return event->wd == nodes->folder && event->len && !(event->mask & IN_ISDIR) &&
	       strcmp(event->name, "control");
}

/* The device whose vhost-vdpa node is watched as @watch, or NULL. */
static struct device *device_watched(const struct monitor *monitor, int watch)
{
	struct device *device = NULL;

	while ((device = table_next(&monitor->changes.table, device)))
		if (device->vdpa.node_watch == watch)
			return device;
	return NULL;
}

/* Read events behind the @at bytes that are there. Bytes, 0 for none, or negative errno. */
static int read_events(struct nodes *nodes, size_t at)
{
	ssize_t n = descriptor_read(nodes->source.fd, nodes->batch + at, BATCH_SIZE);

	return n == -EAGAIN ? 0 : (int)n;
}

/* -- who it was ---------------------------------------------------------------------------- */

static dev_t node_of(const struct hearing *hearing, const struct inotify_event *event)
{
	const struct device *device;
	dev_t node = 0;

	if (is_device(hearing->nodes, event)) {
		sysfs_node_device(hearing->monitor->changes.fs, &node, "dev/vduse/%s", event->name);
		return node;
	}
	device = device_watched(hearing->monitor, event->wd);
	return device ? device->vdpa.attached.rdev : 0;
}

static void find_holder(struct hearing *hearing, const struct inotify_event *event)
{
	bool vduse = event->wd == hearing->nodes->folder;
	bool *scanned = vduse ? &hearing->scanned_vduse : &hearing->scanned_vhost;
	dev_t node = *scanned ? 0 : node_of(hearing, event);

	if (!node)
		return;
	*scanned = true;
	holders_scan(hearing->monitor->changes.fs, major(node),
		     vduse ? &hearing->vduse : &hearing->vhost);
}

/* One pass over /proc for all that was opened. Where it fails, nobody is found. */
static void find_holders(struct hearing *hearing)
{
	size_t at;

	for (at = 0; at < hearing->length; at += size_of(event_at(hearing->nodes, at)))
		if (event_at(hearing->nodes, at)->mask & IN_OPEN)
			find_holder(hearing, event_at(hearing->nodes, at));
}

/* Who opened what the event at @at tells of; NULL where that is not certain. */
static const struct holder *holder_at(const struct hearing *hearing, size_t at)
{
	const struct inotify_event *event = event_at(hearing->nodes, at), *other;
	const struct holders *holders =
		event->wd == hearing->nodes->folder ? &hearing->vduse : &hearing->vhost;
	dev_t node;

	for (at += size_of(event); at < hearing->total; at += size_of(other)) {
		other = event_at(hearing->nodes, at);
		if (other->wd == event->wd && !strcmp(name_of(other), name_of(event)))
			return NULL;
	}
	node = holders->count ? node_of(hearing, event) : 0;
	return node ? holders_find(holders, node) : NULL;
}

/*
 * Nobody was found who opened a node: who moves a descriptor to another number at that moment,
 * as a shell does, can be missed. One look more, where no others wait.
 */
static void look_again(struct hearing *hearing)
{
	const struct inotify_event *event = event_at(hearing->nodes, 0);

	hearing->total = hearing->length;
	if (hearing->length > size_of(event) || !(event->mask & IN_OPEN) || holder_at(hearing, 0))
		return;
	holders_free(&hearing->vduse);
	holders_free(&hearing->vhost);
	hearing->scanned_vduse = hearing->scanned_vhost = false;
	find_holders(hearing);
}

/* -- what it was --------------------------------------------------------------------------- */

static void hear_device(struct hearing *hearing, size_t at)
{
	const struct inotify_event *event = event_at(hearing->nodes, at);
	struct changes *changes = &hearing->monitor->changes;
	struct device *device;

	if (event->mask & IN_OPEN)
		change_opened(changes, event->name, holder_at(hearing, at));
	device = event->mask & IN_CLOSE ? table_find(&changes->table, event->name) : NULL;
	if (device)
		change_closed(changes, device);
}

static void hear_node(struct hearing *hearing, size_t at)
{
	const struct inotify_event *event = event_at(hearing->nodes, at);
	struct changes *changes = &hearing->monitor->changes;
	struct device *device = device_watched(hearing->monitor, event->wd);

	if (!device)
		return;
	if (event->mask & IN_IGNORED) {
		device->vdpa.node_watch = -1;
		changes->nodes = true;
	}
	if (event->mask & IN_OPEN)
		change_node_opened(changes, device, holder_at(hearing, at));
	if (event->mask & IN_CLOSE)
		change_node_closed(changes, device);
}

/* A device may be told of after its node was opened: that uevent is still to be read. */
static int hear_event(struct hearing *hearing, size_t at)
{
	const struct inotify_event *event = event_at(hearing->nodes, at);
	struct nodes *nodes = hearing->nodes;
	int rc = 0;

	if (is_device(nodes, event)) {
		if (event->mask & IN_OPEN)
			rc = monitor_hear_devices(hearing->monitor, event->name);
		hear_device(hearing, at);
	} else if (event->wd != nodes->folder) {
		hear_node(hearing, at);
	} else if (event->mask & IN_IGNORED) {
		nodes->folder = -1;
	}
	return rc;
}

static bool overrun(const struct nodes *nodes, size_t length)
{
	size_t at;

	for (at = 0; at < length; at += size_of(event_at(nodes, at)))
		if (event_at(nodes, at)->mask & IN_Q_OVERFLOW)
			return true;
	return false;
}

static int hear(struct hearing *hearing)
{
	struct nodes *nodes = hearing->nodes;
	size_t at;
	int rc = 0;

	for (at = 0; at < hearing->length && rc == 0 && !monitor_lost(hearing->monitor);
	     at += size_of(event_at(nodes, at)))
		rc = hear_event(hearing, at);
	nodes->length = hearing->total - hearing->length;
	memmove(nodes->batch, nodes->batch + hearing->length, nodes->length);
	return rc < 0 ? rc : nodes->length > 0;
}

static int nodes_ready(struct source *source, struct monitor *monitor)
{
	struct nodes *nodes = (struct nodes *)source;
	struct hearing hearing = { .nodes = nodes, .monitor = monitor };
	int n = nodes->length ? 0 : read_events(nodes, 0), rc;

	if (n < 0)
		return n;
	hearing.length = nodes->length + n;
	if (!hearing.length)
		return 0;
	find_holders(&hearing);
	look_again(&hearing);
	n = read_events(nodes, hearing.length);
	hearing.total = hearing.length + (n > 0 ? n : 0);
	rc = overrun(nodes, hearing.total) ? -ENOBUFS : hear(&hearing);
	holders_free(&hearing.vduse);
	holders_free(&hearing.vhost);
	return n < 0 ? n : rc;
}

/* The end of a watch is worth knowing even so. */
static void nodes_discard(struct source *source)
{
	struct nodes *nodes = (struct nodes *)source;
	int n;

	nodes->length = 0;
	while ((n = read_events(nodes, 0)) > 0) {
		size_t at;

		for (at = 0; at < (size_t)n; at += size_of(event_at(nodes, at)))
			if (event_at(nodes, at)->mask & IN_IGNORED &&
			    event_at(nodes, at)->wd == nodes->folder)
				nodes->folder = -1;
	}
}

/* -- watching ------------------------------------------------------------------------------ */

static int watch(struct nodes *nodes, const struct monitor *monitor, const char *name,
		 uint32_t more)
{
	char path[SYSFS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/%s", monitor->changes.fs->root, name);
	return inotify_add_watch(nodes->source.fd, path, NODE_EVENTS | more);
}

/* The vhost-vdpa node of @device, or its node in /dev/vduse; 0: none. */
static dev_t node_to_look_at(const struct monitor *monitor, const struct device *device,
			     bool vhost)
{
	dev_t node = 0;

	if (vhost)
		return device->vdpa.attached.chardev[0] && !device->vdpa.opened.open ?
			       device->vdpa.attached.rdev : 0;
	if (device->vduse.exists && !device->vduse.opened.open)
		sysfs_node_device(monitor->changes.fs, &node, "dev/vduse/%s", device->name);
	return node;
}

/* Who opened nodes before they were watched? One pass over /proc for all. */
static void look_at_devices(struct monitor *monitor, bool vhost)
{
	struct holders holders = { 0 };
	struct device *device = NULL;
	bool scanned = false;

	while ((device = table_next(&monitor->changes.table, device))) {
		dev_t node = node_to_look_at(monitor, device, vhost);
		const struct holder *holder;

		if (node && !scanned && holders_scan(monitor->changes.fs, major(node), &holders) < 0)
			return;
		scanned = scanned || node;
		holder = node ? holders_find(&holders, node) : NULL;
		if (holder && vhost)
			change_node_opened(&monitor->changes, device, holder);
		else if (holder)
			change_opened(&monitor->changes, device->name, holder);
	}
	holders_free(&holders);
}

static int watch_folder(struct nodes *nodes, struct monitor *monitor)
{
	nodes->folder = watch(nodes, monitor, "vduse", IN_ONLYDIR);
	if (nodes->folder < 0 && errno != ENOENT && errno != ENOTDIR)
		return -errno;
	if (nodes->folder >= 0)
		look_at_devices(monitor, false);
	return 0;
}

/* A folder that is not there will be told of by a uevent, a node by the driver's. */
static int nodes_update(struct source *source, struct monitor *monitor)
{
	struct nodes *nodes = (struct nodes *)source;
	struct device *device = NULL;
	int rc = nodes->folder < 0 ? watch_folder(nodes, monitor) : 0;
	bool more = false;

	while ((device = table_next(&monitor->changes.table, device))) {
		if (!device->vdpa.attached.chardev[0] || device->vdpa.node_watch >= 0)
			continue;
		device->vdpa.node_watch = watch(nodes, monitor, device->vdpa.attached.chardev, 0);
		more = more || device->vdpa.node_watch >= 0;
	}
	if (more)
		look_at_devices(monitor, true);
	return rc;
}

/* The end of a watch may have been among what was thrown away. To begin one again that
 * did not end changes nothing. */
static int nodes_tell(struct source *source, struct monitor *monitor)
{
	struct device *device = NULL;

	(void)source;
	while ((device = table_next(&monitor->changes.table, device)))
		device->vdpa.node_watch = -1;
	return 0;
}

static void nodes_close(struct source *source)
{
	close(source->fd);
	free(source);
}

int source_nodes(struct source **source)
{
	struct nodes *nodes = calloc(1, sizeof(*nodes));

	if (!nodes)
		return -ENOMEM;
	nodes->folder = -1;
	nodes->source = (struct source){
		.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
		.ready = nodes_ready,
		.discard = nodes_discard,
		.update = nodes_update,
		.tell = nodes_tell,
		.close = nodes_close,
	};
	if (nodes->source.fd < 0) {
		int rc = -errno;

		free(nodes);
		return rc;
	}
	*source = &nodes->source;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to devices, one step each. Every step is told when, and only when, it
 * changes what the reader knows (struct table): the sources may say a thing twice (an
 * interface's new name comes as a uevent and from rtnetlink), and after something was lost
 * a listing says again what events say, too.
 *
 * Two things are not told at once, each for OWED_MS at most, while everything else goes on:
 *
 *	bind	where virtio_vdpa made virtioN and no driver took that yet (its module is
 *		being loaded): the interface or disk belongs to the line. Whoever has a driver
 *		has its interface, for the kernel tells of that first.
 *	leave	where an interface disappears: unbound, it takes its device along, and that
 *		is told as unbind; moved, rtnetlink says where to.
 */
#ifndef VDUSE_WATCH_CHANGE_H
#define VDUSE_WATCH_CHANGE_H

#include "lib/link_change.h"
#include "lib/sysfs.h"
#include "lib/uevent.h"
#include "vduse/watch/event.h"
#include "vduse/watch/table.h"

#define OWED_MS 1000

struct changes {
	const struct sysfs *fs;
	struct table table;
	uint64_t listed;	/* SEQNUM of the kernel when the last listing was complete */
	bool nodes;		/* set when there may be new nodes to watch */
	bool doubt;		/* set when a listing may know better */
	bool owed;		/* something is owed about a device */
	bool broken;		/* memory was short: something was not noted */
	void (*report)(void *context, const struct event *event);
	void *context;
};

/* Tell what was owed about devices for longer than @now (clock_ms()), or all with
 * INT64_MAX. Returns the time at which more is due, INT64_MAX for never. */
int64_t changes_settle(struct changes *changes, int64_t now);

/* -- steps; those of a vduse device that is there, or of a vDPA device ------------------- */

/* @listed: it was found by a listing, and its uevent may still come. */
void change_created(struct changes *changes, const char *name, bool listed);
void change_destroyed(struct changes *changes, struct device *device);
/* Also of a device that is not known yet: it is told after its creation. @holder may be
 * NULL. */
void change_opened(struct changes *changes, const char *name, const struct holder *holder);
void change_closed(struct changes *changes, struct device *device);

void change_added(struct changes *changes, const char *name, const char *path, bool listed);
void change_deleted(struct changes *changes, struct device *device);
/* @driver took it; what the table has of it belongs to it. */
void change_bound(struct changes *changes, struct device *device, const char *driver,
		  int64_t now);
void change_unbound(struct changes *changes, struct device *device);
void change_virtio_driver(struct changes *changes, struct device *device, const char *driver);
void change_virtio_gone(struct changes *changes, struct device *device);
void change_interface(struct changes *changes, struct device *device, const char *netdev,
		      uint64_t ifindex);
void change_interface_gone(struct changes *changes, struct device *device, int64_t now);
void change_disk(struct changes *changes, struct device *device, const char *blockdev,
		 dev_t rdev);
void change_disk_gone(struct changes *changes, struct device *device, int64_t now);
void change_node_opened(struct changes *changes, struct device *device,
			const struct holder *holder);
void change_node_closed(struct changes *changes, struct device *device);
/* The interface is in another network namespace now, the one that this one numbers
 * @netnsid (NULL: unknown). */
void change_moved(struct changes *changes, struct device *device, const int32_t *netnsid);
/* Data can pass the interface, or no more. Told where @told. */
void change_up(struct changes *changes, struct device *device, bool up, bool told);

/* -- what sources say ---------------------------------------------------------------------- */

/* A uevent of the kernel, of whatever device; @now is clock_ms(). */
void changes_uevent(struct changes *changes, const struct uevent *uevent, int64_t now);

/* What rtnetlink said of an interface. */
void changes_link(struct changes *changes, const struct link_change *change);

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/* Which step is it that a source speaks of? */
#include <string.h>
#include <sys/sysmacros.h>

#include "lib/name.h"
#include "vduse/watch/change.h"

/* "virtio2/net/eth0" and "virtio2/block/vda" below the vDPA device */
#define LEVELS_VIRTIO 1
#define LEVELS_INTERFACE 3

/* The vDPA device whose folder is @levels above @path, or NULL. */
static struct device *device_above(const struct changes *changes, const char *path,
				   unsigned int levels)
{
	char parent[UEVENT_SIZE_MAX];
	struct device *device;
	unsigned int i;

	name_copy(parent, sizeof(parent), path);
	for (i = 0; i < levels; i++) {
		char *slash = strrchr(parent, '/');

		if (!slash)
			return NULL;
		*slash = '\0';
	}
	device = table_find(&changes->table, uevent_name(parent));
	if (!device || !device->vdpa.exists || !uevent_is_below(path, device->vdpa.path, levels))
		return NULL;
	return device;
}

/*
 * "add" of what is there already. Before the end of the last listing, or the first one
 * after it was listed: that is how it came to be known. Otherwise a "remove" was lost.
 */
static bool is_known(struct changes *changes, const struct uevent *uevent, bool *listed)
{
	bool known = *listed || uevent->seqnum <= changes->listed;

	*listed = false;
	return known;
}

/* "control" is no device (vduse_init() in vduse_dev.c). */
static void vduse_uevent(struct changes *changes, const struct uevent *uevent)
{
	const char *name = uevent_name(uevent->devpath);
	struct device *device = table_find(&changes->table, name);

	if (uevent->action == UEVENT_ADD)
		changes->nodes = true;
	if (!strcmp(name, "control"))
		return;
	if (uevent->action == UEVENT_REMOVE && device)
		change_destroyed(changes, device);
	if (uevent->action != UEVENT_ADD)
		return;
	if (device && device->vduse.exists) {
		if (is_known(changes, uevent, &device->vduse.listed))
			return;
		change_destroyed(changes, device);
	}
	change_created(changes, name, false);
}

static void added(struct changes *changes, const struct uevent *uevent, struct device *device)
{
	if (device && device->vdpa.exists) {
		if (is_known(changes, uevent, &device->vdpa.listed))
			return;
		change_deleted(changes, device);
	}
	change_added(changes, uevent_name(uevent->devpath), uevent->devpath, false);
}

/* No uevent tells of a vhost-vdpa node, which is there before the bind is told. */
static void find_node(const struct changes *changes, struct device *device)
{
	struct vdpa_attached found, *attached = &device->vdpa.attached;

	if (vdpa_attached_read(changes->fs, device->name, &found) < 0 || !found.chardev[0])
		return;
	name_copy(attached->chardev, sizeof(attached->chardev), found.chardev);
	attached->rdev = found.rdev;
}

static void bound(struct changes *changes, const struct uevent *uevent, struct device *device,
		  int64_t now)
{
	if (!strcmp(uevent->driver, VDPA_DRIVER_VHOST))
		find_node(changes, device);
	change_bound(changes, device, uevent->driver, now);
}

static void vdpa_uevent(struct changes *changes, const struct uevent *uevent, int64_t now)
{
	struct device *device = table_find(&changes->table, uevent_name(uevent->devpath));

	if (uevent->action == UEVENT_ADD)
		added(changes, uevent, device);
	if (!device || !device->vdpa.exists)
		return;
	if (uevent->action == UEVENT_REMOVE)
		change_deleted(changes, device);
	else if (uevent->action == UEVENT_BIND)
		bound(changes, uevent, device, now);
	else if (uevent->action == UEVENT_UNBIND)
		change_unbound(changes, device);
}

static void virtio_uevent(struct changes *changes, const struct uevent *uevent)
{
	struct device *device = device_above(changes, uevent->devpath, LEVELS_VIRTIO);

	if (!device)
		return;
	if (uevent->action == UEVENT_ADD)
		name_copy(device->vdpa.attached.virtio, sizeof(device->vdpa.attached.virtio),
			  uevent_name(uevent->devpath));
	else if (uevent->action == UEVENT_BIND)
		change_virtio_driver(changes, device, uevent->driver);
	else if (uevent->action == UEVENT_UNBIND)
		change_virtio_driver(changes, device, "");
	else if (uevent->action == UEVENT_REMOVE)
		change_virtio_gone(changes, device);
}

static void net_uevent(struct changes *changes, const struct uevent *uevent, int64_t now)
{
	struct device *device = device_above(changes, uevent->devpath, LEVELS_INTERFACE);

	if (!device || !uevent->interface[0] || !uevent->ifindex)
		return;
	if (uevent->action == UEVENT_ADD || uevent->action == UEVENT_MOVE)
		change_interface(changes, device, uevent->interface, uevent->ifindex);
	else if (uevent->action == UEVENT_REMOVE &&
		 uevent->ifindex == device->vdpa.attached.ifindex)
		change_interface_gone(changes, device, now);
}

static void block_uevent(struct changes *changes, const struct uevent *uevent, int64_t now)
{
	struct device *device = device_above(changes, uevent->devpath, LEVELS_INTERFACE);

	if (!device || uevent->major > 0xfff || uevent->minor > 0xfffff)
		return;
	if (uevent->action == UEVENT_ADD)
		change_disk(changes, device, uevent_name(uevent->devpath),
			    makedev(uevent->major, uevent->minor));
	else if (uevent->action == UEVENT_REMOVE)
		change_disk_gone(changes, device, now);
}

void changes_uevent(struct changes *changes, const struct uevent *uevent, int64_t now)
{
	const char *subsystem = uevent->subsystem;

	if (uevent->synthetic)
		return;
	if (!strcmp(subsystem, "vduse"))
		vduse_uevent(changes, uevent);
	else if (!strcmp(subsystem, "vdpa"))
		vdpa_uevent(changes, uevent, now);
	else if (!strcmp(subsystem, "virtio"))
		virtio_uevent(changes, uevent);
	else if (!strcmp(subsystem, "net"))
		net_uevent(changes, uevent, now);
	else if (!strcmp(subsystem, "block"))
		block_uevent(changes, uevent, now);
}

void changes_link(struct changes *changes, const struct link_change *change)
{
	struct device *device = NULL;

	while ((device = table_next(&changes->table, device)))
		if (device->vdpa.exists && name_equal(device->vdpa.attached.virtio, change->virtio))
			break;
	if (!device || device->vdpa.attached.ifindex != change->ifindex)
		return;
	if (change->gone) {
		if (change->moved)
			change_moved(changes, device, change->netnsid < 0 ? NULL : &change->netnsid);
		return;
	}
	if (device->vdpa.owed == OWED_LEAVE)
		return;
	change_interface(changes, device, change->netdev, change->ifindex);
	change_up(changes, device, change->up, true);
}

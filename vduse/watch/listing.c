// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/watch/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/name.h"
#include "vduse/server.h"

/* A listing being made. */
struct reading {
	const struct sysfs *fs;
	struct listing *listing;
	unsigned int vduse_major, vhost_major;	/* 0: no such device */
};

/* -- reading --------------------------------------------------------------------------- */

static int note_vduse(void *context, int fd, const char *name)
{
	struct reading *reading = context;
	struct device *device;
	dev_t node;

	(void)fd;
	if (!strcmp(name, "control") ||
	    sysfs_read_device(reading->fs, &node, "sys/class/vduse/%s/dev", name) < 0)
		return 0;
	device = table_get(&reading->listing->table, name);
	if (!device)
		return -ENOMEM;
	device->vduse.exists = true;
	device->vduse.opened.holder.device = node;
	reading->vduse_major = major(node);
	return 0;
}

/* "../../../devices/virtual/vduse/lo0/lo0" as uevents spell it. */
static char *path_of(const struct sysfs *fs, const char *name)
{
	char link[SYSFS_PATH_MAX], target[SYSFS_PATH_MAX];
	const char *path = target;
	ssize_t n;

	if (snprintf(link, sizeof(link), "%s/sys/bus/vdpa/devices/%s", fs->root, name) >=
	    (int)sizeof(link))
		return NULL;
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return NULL;
	target[n] = '\0';
	while (!strncmp(path, "../", 3))
		path += 3;
	return path > target ? strdup(path - 1) : NULL;
}

static int note_vdpa(void *context, int fd, const char *name)
{
	struct reading *reading = context;
	struct vdpa_attached attached;
	struct device *device;

	(void)fd;
	if (vdpa_attached_read(reading->fs, name, &attached) < 0)
		return 0;
	device = table_get(&reading->listing->table, name);
	if (!device)
		return -ENOMEM;
	device->vdpa.path = path_of(reading->fs, name);
	device->vdpa.exists = device->vdpa.path;
	device->vdpa.attached = attached;
	if (attached.chardev[0])
		reading->vhost_major = major(attached.rdev);
	return 0;
}

static void note_link(const struct sysfs *fs, struct device *device)
{
	char state[32];

	if (device->vdpa.attached.netdev[0] &&
	    sysfs_read(fs, state, sizeof(state), "sys/class/net/%s/operstate",
		       device->vdpa.attached.netdev) > 0)
		device->vdpa.up = !strcmp(state, "up");
}

static void note_holder(struct opened *opened, const struct holders *holders, dev_t node)
{
	const struct holder *holder = node ? holders_find(holders, node) : NULL;

	opened->open = holder;
	if (holder)
		opened->holder = *holder;
}

static int read_holders(struct reading *reading)
{
	struct holders vduse = { .complete = true }, vhost = { .complete = true };
	struct device *device = NULL;
	int rc = 0;

	if (reading->vduse_major)
		rc = holders_scan(reading->fs, reading->vduse_major, &vduse);
	if (rc == 0 && reading->vhost_major)
		rc = holders_scan(reading->fs, reading->vhost_major, &vhost);
	while (rc == 0 && (device = table_next(&reading->listing->table, device))) {
		note_holder(&device->vduse.opened, &vduse, device->vduse.opened.holder.device);
		server_name_owner(device->name, &device->vduse.opened.holder);
		note_holder(&device->vdpa.opened, &vhost,
			    device->vdpa.attached.chardev[0] ? device->vdpa.attached.rdev : 0);
		note_link(reading->fs, device);
	}
	reading->listing->complete = vduse.complete && vhost.complete;
	holders_free(&vduse);
	holders_free(&vhost);
	return rc;
}

/* A folder that is not there holds nothing. */
static int read_folders(struct reading *reading)
{
	int rc = sysfs_each(reading->fs, note_vduse, reading, "sys/class/vduse");

	if (rc == 0 || rc == -ENOENT)
		rc = sysfs_each(reading->fs, note_vdpa, reading, "sys/bus/vdpa/devices");
	return rc == -ENOENT ? 0 : rc;
}

int listing_read(const struct sysfs *fs, struct listing *listing)
{
	struct reading reading = { .fs = fs, .listing = listing };
	int rc;

	memset(listing, 0, sizeof(*listing));
	rc = read_folders(&reading);
	if (rc == 0)
		rc = read_holders(&reading);
	if (rc == 0)
		sysfs_read_number(fs, &listing->seqnum, "sys/kernel/uevent_seqnum");
	else
		listing_free(listing);
	return rc;
}

void listing_free(struct listing *listing)
{
	table_free(&listing->table);
}

/* -- differences ------------------------------------------------------------------------- */

/* Somebody else has it open now, or nobody. */
static bool closed_meanwhile(const struct opened *told, const struct opened *now, bool complete)
{
	if (!told->open)
		return false;
	if (!now->open)
		return complete;
	return told->holder.pid && told->holder.pid != now->holder.pid;
}

static void tell_vdpa_gone(struct changes *changes, struct device *told,
			   const struct device *now, bool complete)
{
	if (!now || !now->vdpa.exists || strcmp(now->vdpa.path, told->vdpa.path)) {
		change_deleted(changes, told);
		return;
	}
	told->vdpa.listed = false;
	if (!name_equal(told->vdpa.attached.driver, now->vdpa.attached.driver) ||
	    !name_equal(told->vdpa.attached.chardev, now->vdpa.attached.chardev))
		change_unbound(changes, told);
	else if (closed_meanwhile(&told->vdpa.opened, &now->vdpa.opened, complete))
		change_node_closed(changes, told);
}

static void tell_vduse_gone(struct changes *changes, struct device *told,
			    const struct device *now, bool complete)
{
	if (!now || !now->vduse.exists) {
		change_destroyed(changes, told);
		return;
	}
	told->vduse.listed = false;
	if (closed_meanwhile(&told->vduse.opened, &now->vduse.opened, complete))
		change_closed(changes, told);
}

/* Each step may be the last of what was told, name and all: it is looked up again. */
static void tell_gone(struct changes *changes, struct device *told,
		      const struct listing *listing)
{
	const struct device *now = table_find(&listing->table, told->name);
	char name[SYSFS_NAME_SIZE];

	name_copy(name, sizeof(name), told->name);
	if (told->vdpa.exists)
		tell_vdpa_gone(changes, told, now, listing->complete);
	told = table_find(&changes->table, name);
	if (told)
		tell_vduse_gone(changes, told, now, listing->complete);
}

/* Who waits for a driver of virtioN is told when that comes. */
static void tell_new_binding(struct changes *changes, struct device *told,
			     const struct device *now, int64_t moment)
{
	told->vdpa.attached = now->vdpa.attached;
	told->vdpa.attached.driver[0] = '\0';
	told->vdpa.up = now->vdpa.up;
	change_bound(changes, told, now->vdpa.attached.driver, moment);
}

static void tell_same_binding(struct changes *changes, struct device *told,
			      const struct device *now, int64_t moment)
{
	const struct vdpa_attached *attached = &now->vdpa.attached;

	name_copy(told->vdpa.attached.virtio, sizeof(told->vdpa.attached.virtio),
		  attached->virtio);
	if (!attached->netdev[0])
		change_interface_gone(changes, told, moment);
	else
		change_interface(changes, told, attached->netdev, attached->ifindex);
	if (!attached->blockdev[0])
		change_disk_gone(changes, told, moment);
	else
		change_disk(changes, told, attached->blockdev, attached->rdev);
	change_virtio_driver(changes, told, attached->virtio_driver);
	if (attached->netdev[0])
		change_up(changes, told, now->vdpa.up, true);
}

static void tell_vdpa_new(struct changes *changes, const struct device *now, int64_t moment)
{
	struct device *told;

	change_added(changes, now->name, now->vdpa.path, true);
	told = table_find(&changes->table, now->name);
	if (!told || !now->vdpa.attached.driver[0])
		return;
	if (told->vdpa.bound || told->vdpa.owed != OWED_NOTHING)
		tell_same_binding(changes, told, now, moment);
	else
		tell_new_binding(changes, told, now, moment);
	if (now->vdpa.opened.open)
		change_node_opened(changes, told, &now->vdpa.opened.holder);
}

static void tell_new(struct changes *changes, const struct device *now, int64_t moment)
{
	if (now->vduse.exists)
		change_created(changes, now->name, true);
	if (now->vduse.opened.open)
		change_opened(changes, now->name, &now->vduse.opened.holder);
	if (now->vdpa.exists)
		tell_vdpa_new(changes, now, moment);
}

int listing_differences(struct changes *changes, const struct listing *listing, int64_t now)
{
	struct device **told = table_sorted(&changes->table);
	struct device **fresh = table_sorted(&listing->table);
	size_t i;

	changes->listed = listing->seqnum;
	for (i = 0; told && told[i]; i++)
		tell_gone(changes, told[i], listing);
	for (i = 0; fresh && fresh[i]; i++)
		tell_new(changes, fresh[i], now);
	i = told && fresh;
	free(told);
	free(fresh);
	return i && !changes->broken ? 0 : -ENOMEM;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands behind each of many vDPA devices, found in one pass over sysfs.
 *
 * lib/vdpa_attached.h walks from one device down to its interface, disk or node: some
 * fifteen calls of the system for each. A listing of a thousand devices goes the other
 * way:
 *
 *	/sys/bus/vdpa/drivers/DRIVER/NAME	whose names are the devices bound to DRIVER
 *	/sys/class/net/IF -> .../NAME/virtioN/net/IF
 *	/sys/class/block/DISK -> .../NAME/virtioN/block/DISK
 *	/sys/dev/char/MAJOR:MINOR -> .../NAME/vhost-vdpa-N
 *
 * One call for each device, and none for a folder of whose kind no device was asked for.
 * Only virtio_vdpa makes virtio devices, so whoever has an interface or a disk has that
 * driver; the folders of the drivers are read for the sake of the others.
 */
#ifndef VT_LIB_VDPA_INDEX_H
#define VT_LIB_VDPA_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "lib/sysfs.h"
#include "lib/vdpa_attached.h"

struct vdpa_index_entry;

struct vdpa_index {
	const struct sysfs *fs;
	bool numbers;			/* ifindex and the rdev of disks, too */
	int socket;			/* to ask for ifindex, not owned; -1: none */
	bool ask;			/* it may be used */
	int compared;			/* answers of it with those of sysfs */
	struct vdpa_index_entry *entries;
	uint32_t *slots;		/* a hash table: 1 + the number of an entry; 0: free */
	size_t size, count, expected;	/* slots, a power of two or 0; entries */
	struct buffer names;		/* what the entries refer to */
	bool drivers, interfaces, disks, nodes;	/* looked at */
};

/*
 * Begin an index; what is asked for is read when the first device needs it. About
 * @expected devices will have an entry. @numbers says that ifindex and rdev will be asked
 * for, with @socket (any that stays open; -1: none) by another call each, else by three.
 * vdpa_index_free() is due.
 */
void vdpa_index_begin(const struct sysfs *fs, size_t expected, bool numbers, int socket,
		      struct vdpa_index *index);
void vdpa_index_free(struct vdpa_index *index);

/*
 * What vdpa_attached_read() would tell of @device, of virtio type @type (DEVICE_TYPE_*),
 * but for virtio_driver, which stays "". A device that is not bound has nothing. 0 or
 * negative errno. What has been gone since the index was made may still be told.
 */
int vdpa_index_find(struct vdpa_index *index, const char *device, uint32_t type,
		    struct vdpa_attached *attached);

#endif

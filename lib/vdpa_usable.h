/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Did a driver really take the device?
 *
 * The kernel's answer to an add or a bind does not tell. virtio_vdpa stays bound
 * when the probe of virtio_net behind it failed (drivers/virtio/virtio.c,
 * virtio_dev_probe: FAILED in the status is all that remains), and a virtio device
 * whose driver's module is still being loaded has none for a while.
 */
#ifndef VT_LIB_VDPA_USABLE_H
#define VT_LIB_VDPA_USABLE_H

#include "lib/command.h"
#include "lib/error.h"
#include "lib/vdpa_attached.h"

/* How long a module may take to load, or udev to make a node. */
#define VDPA_USABLE_MS 5000

/*
 * Wait until what the bus driver of @device made of it works (an interface, a disk, a
 * node), or until it is certain that it will not, or @milliseconds long; the module of a
 * virtio device's driver is loaded where nobody did. It is certain when that driver gave
 * up, or when there is no such module. 0 with @attached filled; or negative with
 * @failure, which says how far it came. A device without bus driver is not waited for:
 * 0, and @attached->driver is "".
 */
int vdpa_usable_wait(const struct sysfs *fs, const char *device, unsigned int milliseconds,
		     struct vdpa_attached *attached, struct failure *failure);

/* How long a driver that somebody else loads may take from its interface to DRIVER_OK. */
#define VDPA_READY_MS 500

/*
 * Has the device of @attached, which works by vdpa_usable_wait(), kept what its virtio driver
 * wrote at last, DRIVER_OK? A VDUSE device that refused it, or did not answer, has its interface,
 * and serves nothing (vduse_vdpa_set_status() in drivers/vdpa/vdpa_user/vduse_dev.c; the core of
 * virtio does not look). True also where there is no virtio driver, or nothing can be
 * read; else the status is in *@status, VDPA_READY_MS later or at once with FAILED in it.
 */
bool vdpa_usable_ready(const struct sysfs *fs, const struct vdpa_attached *attached,
		       uint8_t *status);

/* Where that is not so of the device @name, it becomes a warning of @call: nothing else tells. */
void vdpa_usable_warn(struct call *call, const struct sysfs *fs, const char *name,
		      const struct vdpa_attached *attached);

#endif

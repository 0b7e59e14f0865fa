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

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands behind a vDPA device: the bus driver, and what that driver made of it.
 *
 *	/sys/bus/vdpa/devices/NAME -> .../NAME
 *		driver -> .../virtio_vdpa
 *		virtioN/driver -> .../virtio_net
 *		virtioN/net/IF/ifindex
 *		virtioN/block/vdX/dev
 *		vhost-vdpa-N/dev
 */
#ifndef VT_LIB_VDPA_ATTACHED_H
#define VT_LIB_VDPA_ATTACHED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/output.h"
#include "lib/sysfs.h"

#define VDPA_DRIVER_VIRTIO "virtio_vdpa"
#define VDPA_DRIVER_VHOST "vhost_vdpa"

/* Device status bits (virtio 1.2, 2.1). */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01
#define VIRTIO_STATUS_DRIVER 0x02
#define VIRTIO_STATUS_DRIVER_OK 0x04
#define VIRTIO_STATUS_FEATURES_OK 0x08
#define VIRTIO_STATUS_NEEDS_RESET 0x40
#define VIRTIO_STATUS_FAILED 0x80

/* Every string is "" for what is not there. */
struct vdpa_attached {
	char driver[64];	/* bus driver */
	char virtio[32];	/* "virtio3", with virtio_vdpa */
	char virtio_driver[64];	/* the driver of that, "virtio_net" */
	char netdev[32];	/* interface in the network namespace of this sysfs */
	uint64_t ifindex;	/* 0 for none */
	char blockdev[64];	/* disk */
	char chardev[64];	/* "vhost-vdpa-0", without /dev/ */
	dev_t rdev;		/* of the disk or the node, 0 for none */
};

/* Nothing is attached. Of the texts it writes only what makes them "". */
static inline void vdpa_attached_clear(struct vdpa_attached *attached)
{
	attached->driver[0] = attached->virtio[0] = attached->virtio_driver[0] = '\0';
	attached->netdev[0] = attached->blockdev[0] = attached->chardev[0] = '\0';
	attached->ifindex = 0;
	attached->rdev = 0;
}

/* 0; -ENODEV where there is no vDPA device of that name (any name the kernel could
 * have); another negative errno. What goes away while it is read counts as absent. */
int vdpa_attached_read(const struct sysfs *fs, const char *device,
		       struct vdpa_attached *attached);

/* The fields of a record that tell of it: driver, netdev and ifindex, chardev or blockdev
 * and rdev; those that are not there are left out. */
void vdpa_attached_put(struct output *out, const struct vdpa_attached *attached);

/* Does what it is attached to work: an interface or a disk of its own driver (another
 * type of device: the driver alone), or a vhost-vdpa node in sysfs? */
bool vdpa_attached_works(const struct vdpa_attached *attached);

/* The status that virtio_vdpa's driver wrote last (VIRTIO_STATUS_*), and the
 * features negotiated. 0 or negative errno. @virtio is "virtio3". */
int vdpa_virtio_status(const struct sysfs *fs, const char *virtio, uint8_t *status);
int vdpa_virtio_features(const struct sysfs *fs, const char *virtio, uint64_t *features);

/*
 * The names of status bits in the order of a negotiation, with blanks between,
 * "reset" for 0; @text holds at least VDPA_STATUS_TEXT bytes. Returns @text.
 */
#define VDPA_STATUS_TEXT 96
const char *vdpa_status_text(uint8_t status, char *text);

/* The same as a list called @key. */
void vdpa_status_put(struct output *out, const char *key, uint8_t status);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adding, binding, unbinding and deleting a vDPA device: what the kernel would answer
 * with a bare errno or a long silence is refused before, and what it reports as a
 * success is looked at afterwards.
 *
 * All of it may be kept waiting by the kernel: see lib/blocking.h. Two at one device wait
 * for each other (lib/vdpa_lock.h): each of these is -EBUSY with @failure, status 5, where
 * another process does not come to an end. A signal ends a bind, or an add with a driver,
 * before it or after it.
 */
#ifndef VT_LIB_VDPA_ATTACH_H
#define VT_LIB_VDPA_ATTACH_H

#include "lib/error.h"
#include "lib/netlink.h"
#include "lib/sysfs.h"
#include "lib/vdpa_attached.h"
#include "lib/vdpa_family.h"

/*
 * What the kernel calls a device that is added as @name, and what every other question is
 * to call it: '/' became '!' (lib/kobject.c, kobject_set_name_vargs). Returns @text, or
 * @name where no folder of sysfs can be called so.
 */
const char *vdpa_kernel_name(const char *name, char text[SYSFS_NAME_SIZE]);

/* vdpa_attached_read() of a device that is to be there: 0, or negative with @failure, status 3
 * where it is not and 7 where there is no bus. */
int vdpa_need_attached(const struct sysfs *fs, const char *name,
		       struct vdpa_attached *attached, struct failure *failure);

/*
 * Would adding the VDUSE device @name freeze or be met with a bare EINVAL? 0 when it
 * would not, else negative with @failure: status 7 without VDUSE, 3 where no VDUSE
 * device has this name, 5 where it is on the bus already, 1 where no process has its
 * node open (then the kernel would wait for it; virtqueues stay set up after a
 * process died).
 */
int vdpa_refuse_vduse(const struct sysfs *fs, const char *name, struct failure *failure);

/*
 * Add @device, attach it and wait until what it is attached as works. With @driver
 * (NULL: any) that driver is loaded and bound, and no other one before; when that
 * fails the device is deleted again. Without, it stays on the bus in any case. 0 with
 * @attached filled (driver "" where no bus driver took it), or negative with
 * @failure.
 */
int vdpa_attach(const struct sysfs *fs, struct netlink *netlink,
		const struct vdpa_new *device, const char *driver,
		struct vdpa_attached *attached, struct failure *failure);

/*
 * Delete it. -EBUSY with @failure (status 5) while a process has its vhost-vdpa node
 * open, or requests of its disk are on their way and no process serves it: the kernel
 * would wait for that process; and while its disk is mounted or otherwise claimed
 * (lib/disk.h): the kernel would not. The first function only looks: 0 where none of that
 * is so.
 */
int vdpa_refuse_detach(const struct sysfs *fs, const char *name, struct failure *failure);
int vdpa_detach(const struct sysfs *fs, struct netlink *netlink, const char *name,
		struct failure *failure);

/*
 * Bind the device @name to @driver and wait until it works; the driver it had is
 * unbound before, and bound again when the new one fails; @failure says what became of
 * it. A device that the driver has already is left alone. 0, or negative with @failure:
 * status 5 as for vdpa_detach(), and where driver_override is another's name.
 */
int vdpa_bind(const struct sysfs *fs, const char *name, const char *driver,
	      struct failure *failure);

/* Unbind whatever driver it has. 0, also where it has none, or negative with @failure:
 * status 5 as for vdpa_detach(). */
int vdpa_unbind(const struct sysfs *fs, const char *name, struct failure *failure);

#endif

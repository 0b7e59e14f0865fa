/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VDUSE devices as sysfs tells them (/sys/class/vduse), below a root that a test can
 * move. The kernel keeps type, features and configuration to itself; what a device was
 * created as stands in its record (lib/registry.h).
 */
#ifndef VT_LIB_VDUSE_DEVICE_H
#define VT_LIB_VDUSE_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"
#include "lib/registry.h"
#include "lib/sysfs.h"

struct vduse_device {
	char name[SYSFS_NAME_SIZE];	/* as sysfs spells it: '!' for '/' */
	dev_t node;
	uint64_t folder;		/* inode of its folder in sysfs */
	uint32_t vqs;			/* 0: the kernel does not tell (before 6.6) */
	bool has_msg_timeout, has_bounce_size;
	uint32_t msg_timeout;		/* seconds, 0 for none */
	uint32_t bounce_size;		/* bytes */
	bool attached;			/* on the vDPA bus */
};

/* 0 where the kernel has VDUSE, else -ENODEV with @failure (status 7). */
int vduse_supported(const struct sysfs *fs, struct failure *failure);

/*
 * What sysfs tells of the device called @name. 0, or negative with @failure: status 3
 * where there is none (also "control", which is no device), 7 without VDUSE.
 */
int vduse_device_read(const struct sysfs *fs, const char *name,
		      struct vduse_device *device, struct failure *failure);

/*
 * Is its vDPA device off the bus, but not gone: does the kernel delete it just now, and wait for
 * the device process to answer? bus_remove_device() in drivers/base/bus.c takes it off before
 * its driver, and with that the device, is reset. (Also true of a name that is an entry of the
 * folder anyway, as "power", which cannot be attached.)
 */
bool vduse_device_is_leaving(const struct sysfs *fs, const struct vduse_device *device);

struct vduse_device_list {
	struct vduse_device *devices;	/* by name; lo2 stands before lo10 */
	size_t count;
};

/* All devices; those that vanish meanwhile are left out. 0, or negative with @failure.
 * Freed by vduse_device_list_free(). */
int vduse_device_list_read(const struct sysfs *fs, struct vduse_device_list *list,
			   struct failure *failure);
void vduse_device_list_free(struct vduse_device_list *list);

/*
 * Write the attribute @attribute ("msg_timeout", in seconds, or "bounce_size", in
 * bytes) of the device @name. 0, or negative with @failure; the kernel's EPERM on
 * bounce_size means too late (the device was attached before), status 1.
 */
int vduse_device_set(const struct sysfs *fs, const char *name, const char *attribute,
		     uint64_t value, struct failure *failure);

/* The same of an attribute that is no number, as text: "vq0/irq_cb_affinity". */
int vduse_device_set_text(const struct sysfs *fs, const char *name, const char *attribute,
			  const char *text, struct failure *failure);

/* Which device this is, to be told from earlier and later ones of its name. 0, or
 * negative with @failure where the boot cannot be told. */
int vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
			  struct device_identity *identity, struct failure *failure);

/*
 * The record of @device in the folder of records @folder (REGISTRY_FOLDER). 0; -ENOENT
 * or -ESTALE where there is none of this device; or negative with @failure where the
 * one that is there cannot be used (lib/registry.h). @failure is filled in each case.
 */
int vduse_device_record(const struct sysfs *fs, const char *folder,
			const struct vduse_device *device, struct registry_record *record,
			struct failure *failure);

/* Is it a net device of "vduse create", which "vduse loopback" can serve? */
bool vduse_device_is_ours(const struct sysfs *fs, const struct vduse_device *device);

#endif

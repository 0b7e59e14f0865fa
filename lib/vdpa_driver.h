/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bus drivers, virtio_vdpa and vhost_vdpa: loading, binding, unbinding. */
#ifndef VT_LIB_VDPA_DRIVER_H
#define VT_LIB_VDPA_DRIVER_H

#include <stdbool.h>

#include "lib/error.h"
#include "lib/sysfs.h"

/* Is the bus driver called @driver there, as a module or built in? */
bool vdpa_driver_loaded(const struct sysfs *fs, const char *driver);

/* Is any? */
bool vdpa_driver_any(const struct sysfs *fs);

/*
 * Load it by modprobe (the program that /proc/sys/kernel/modprobe names). A bus driver
 * that is loaded takes every device that has none, unless drivers_autoprobe is off
 * (lib/vdpa_autoprobe.h). 0, also where it was there already, or negative with
 * @failure, status 7 where the kernel has no such module.
 */
int vdpa_driver_load(const struct sysfs *fs, const char *driver, struct failure *failure);

/* modprobe @module, a name or an alias: 0; -ENOENT where it ended with a failure, as for
 * one that this kernel does not have; another negative errno where it did not run. */
int module_load(const struct sysfs *fs, const char *module);

/*
 * Would the kernel refuse to bind @device to this driver, because its driver_override is
 * another's name (vdpa_dev_match() in drivers/vdpa/vdpa.c; the errno of that is ENODEV)?
 * 0 when it would not, else -EBUSY with @failure, status 5.
 */
int vdpa_driver_refuse(const struct sysfs *fs, const char *device, const char *driver,
		       struct failure *failure);

/*
 * Bind @device to just this driver; driver_override is neither needed nor touched.
 * The probe runs within the call, and its errno is what it returns. 0, or negative
 * with @failure, also where driver_override of the device wants another driver.
 */
int vdpa_driver_bind(const struct sysfs *fs, const char *device, const char *driver,
		     struct failure *failure);

/*
 * Unbind it. The kernel waits for whoever has a vhost-vdpa node open,
 * uninterruptibly. 0, or negative with @failure.
 */
int vdpa_driver_unbind(const struct sysfs *fs, const char *device, const char *driver,
		       struct failure *failure);

#endif

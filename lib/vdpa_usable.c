// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_usable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/holders.h"
#include "lib/vdpa_driver.h"
#include "lib/vduse_device.h"

#define POLL_MS 10

enum verdict { WORKS, NOT_YET, GAVE_UP };

/*
 * A virtio device that waits for a driver has ACKNOWLEDGE. 0 means that the device does
 * not keep what is written: a VDUSE device that is broken.
 */
static bool driver_failed(const struct sysfs *fs, const struct vdpa_attached *attached)
{
	uint8_t status;

	return attached->virtio[0] && !attached->virtio_driver[0] &&
	       vdpa_virtio_status(fs, attached->virtio, &status) == 0 &&
	       (!status || (status & VIRTIO_STATUS_FAILED));
}

static bool node_exists(const struct sysfs *fs, const struct vdpa_attached *attached)
{
	dev_t device;

	return sysfs_node_device(fs, &device, "dev/%s", attached->chardev) == 0 &&
	       device == attached->rdev;
}

/* The driver of a virtio device: whose is it to load? */
enum module { NOT_ASKED_FOR, ASKED_FOR, NOWHERE };

/* Does modprobe know what modules this kernel has? In a container it may not, while udev
 * outside of it loads one. */
static bool modules_are_known(const struct sysfs *fs)
{
	struct utsname system;

	return uname(&system) == 0 &&
	       sysfs_exists(fs, "lib/modules/%s/modules.dep", system.release);
}

/*
 * udev, where it runs, loads the driver of a virtio device. Where it does not, we do. A
 * driver that is loaded takes the device before modprobe returns.
 */
static enum module load_module(const struct sysfs *fs, const struct vdpa_attached *attached)
{
	char alias[64];

	if (sysfs_read(fs, alias, sizeof(alias), "sys/bus/virtio/devices/%s/modalias",
		       attached->virtio) <= 0)
		return ASKED_FOR;
	return module_load(fs, alias) == -ENOENT && modules_are_known(fs) ? NOWHERE : ASKED_FOR;
}

static bool lacks_driver(const struct vdpa_attached *attached)
{
	return attached->virtio[0] && !attached->virtio_driver[0];
}

static enum verdict judge(const struct sysfs *fs, const struct vdpa_attached *attached,
			  enum module module)
{
	if (!attached->driver[0])
		return WORKS;	/* there is nothing to wait for */
	if (driver_failed(fs, attached) || (module == NOWHERE && lacks_driver(attached)))
		return GAVE_UP;
	if (!vdpa_attached_works(attached))
		return NOT_YET;
	if (attached->chardev[0] && !node_exists(fs, attached))
		return NOT_YET;
	return WORKS;
}

static void hint_module(const struct sysfs *fs, const char *virtio, struct failure *failure)
{
	uint64_t type = 0;

	sysfs_read_number(fs, &type, "sys/bus/virtio/devices/%s/device", virtio);
	if (type == 1 || type == 2)
		failure_hint(failure, "load its driver with \"modprobe virtio_%s\"",
			     type == 1 ? "net" : "blk");
}

/* virtio_vdpa made @virtio of it, and that has no driver. */
static int tell_status(const struct sysfs *fs, const char *device, const char *virtio,
		       struct failure *failure)
{
	char text[VDPA_STATUS_TEXT];
	uint64_t features = 0;
	uint8_t status = 0;

	vdpa_virtio_status(fs, virtio, &status);
	vdpa_virtio_features(fs, virtio, &features);
	vdpa_status_text(status, text);
	if (!status)
		return failure_set(failure, STATUS_FAILED, ENODEV, device,
				   "virtio_vdpa made %s of it, but the device does not work: it "
				   "does not keep its status", virtio);
	if (!(status & VIRTIO_STATUS_FAILED)) {
		failure_set(failure, STATUS_FAILED, ENODEV, device,
			    "virtio_vdpa made %s of it, which no driver took (status %s)",
			    virtio, text);
		hint_module(fs, virtio, failure);
		return -ENODEV;
	}
	failure_set(failure, STATUS_FAILED, ENODEV, device,
		    "virtio_vdpa made %s of it, whose driver gave up%s (status %s, features "
		    "0x%llx)", virtio,
		    status & VIRTIO_STATUS_FEATURES_OK ? "" : " before the features were agreed on",
		    text, (unsigned long long)features);
	failure_hint(failure, "dmesg may tell why");
	return -ENODEV;
}

static int tell(const struct sysfs *fs, const char *device,
		const struct vdpa_attached *attached, struct failure *failure)
{
	int rc;

	if (attached->virtio[0] && !attached->virtio_driver[0])
		return tell_status(fs, device, attached->virtio, failure);
	if (attached->virtio[0])
		return failure_set(failure, STATUS_FAILED, ENODEV, device,
				   "virtio_vdpa made %s of it, whose driver is %s, but no "
				   "interface or disk of that is to be seen",
				   attached->virtio, attached->virtio_driver);
	if (!attached->chardev[0])
		return failure_set(failure, STATUS_FAILED, ENODEV, device,
				   "%s is bound to it, but made nothing of it",
				   attached->driver);
	rc = failure_set(failure, STATUS_FAILED, ENOENT, device,
			 "vhost_vdpa is bound to it, but the node /dev/%s is missing",
			 attached->chardev);
	failure_hint(failure, "is /dev a devtmpfs, or udev running?");
	return rc;
}

/* What looks like a driver's fault may be that of the device process, which has ended, or is
 * stopped and did not answer within msg_timeout. */
static void explain_process(const struct sysfs *fs, const char *name, struct failure *failure)
{
	struct vduse_device device;
	struct holder holder;
	size_t used, left;
	int rc;

	if (!failure || vduse_device_read(fs, name, &device, NULL) < 0 || !device.attached)
		return;
	used = strlen(failure->message);
	left = sizeof(failure->message) - used;
	rc = holder_of(fs, device.node, &holder);
	if (rc == 0)
		snprintf(failure->message + used, left, "; its device process has ended");
	else if (rc == 1 && holder.state == 'T')
		snprintf(failure->message + used, left, "; its device process %d (%s) is stopped, "
			 "until \"kill -CONT %d\"", (int)holder.pid, holder.command,
			 (int)holder.pid);
}

bool vdpa_usable_ready(const struct sysfs *fs, const struct vdpa_attached *attached,
		       uint8_t *status)
{
	const struct timespec moment = { .tv_nsec = POLL_MS * 1000000L };
	int64_t deadline = clock_ms() + VDPA_READY_MS;

	if (!attached->virtio_driver[0])
		return true;
	for (;;) {
		if (vdpa_virtio_status(fs, attached->virtio, status) < 0)
			return true;
		if (*status & VIRTIO_STATUS_FAILED)
			return false;
		if (*status & VIRTIO_STATUS_DRIVER_OK)
			return true;
		if (clock_ms() >= deadline)
			return false;
		nanosleep(&moment, NULL);
	}
}

void vdpa_usable_warn(struct call *call, const struct sysfs *fs, const char *name,
		      const struct vdpa_attached *attached)
{
	char text[VDPA_STATUS_TEXT];
	uint8_t status;

	if (vdpa_usable_ready(fs, attached, &status))
		return;
	call_warn(call, name, "%s is its driver, but the device has not accepted DRIVER_OK "
		  "(status %s): nothing passes through it", attached->virtio_driver,
		  vdpa_status_text(status, text));
}

int vdpa_usable_wait(const struct sysfs *fs, const char *device, unsigned int milliseconds,
		     struct vdpa_attached *attached, struct failure *failure)
{
	const struct timespec moment = { .tv_nsec = POLL_MS * 1000000L };
	int64_t deadline = clock_ms() + milliseconds;
	enum module module = NOT_ASKED_FOR;

	for (;;) {
		int rc = vdpa_attached_read(fs, device, attached);
		enum verdict verdict;

		if (rc < 0)
			return failure_errno(failure, -rc, device,
					     "it was there and is gone again");
		verdict = judge(fs, attached, module);
		if (verdict == WORKS)
			return 0;
		if (verdict == NOT_YET && module == NOT_ASKED_FOR && lacks_driver(attached)) {
			module = load_module(fs, attached);
			continue;
		}
		if (verdict == GAVE_UP || clock_ms() >= deadline) {
			rc = tell(fs, device, attached, failure);
			explain_process(fs, device, failure);
			return rc;
		}
		nanosleep(&moment, NULL);
	}
}

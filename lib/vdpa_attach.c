// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/disk.h"
#include "lib/holders.h"
#include "lib/vdpa_autoprobe.h"
#include "lib/vdpa_driver.h"
#include "lib/vdpa_lock.h"
#include "lib/vdpa_usable.h"
#include "lib/vduse_control.h"
#include "lib/vduse_device.h"

const char *vdpa_kernel_name(const char *name, char text[SYSFS_NAME_SIZE])
{
	return sysfs_name(name, text) < 0 ? name : text;
}

/* false where a process has the node open, or that cannot be known. */
static bool is_unserved(const struct sysfs *fs, const struct vduse_device *device)
{
	struct holder holder;

	return holder_of(fs, device->node, &holder) == 0;
}

static int refuse_unserved(const struct sysfs *fs, const struct vduse_device *device,
			   const char *name, struct failure *failure)
{
	if (!is_unserved(fs, device))
		return 0;
	if (vduse_node_is_broken(name) == 1)
		return vduse_explain_broken(name, failure);
	failure_set(failure, STATUS_FAILED, EINVAL, name,
		    "no process serves this VDUSE device: the kernel would wait for one");
	failure_hint(failure, vduse_device_is_ours(fs, device) ?
		     "start one first, as with \"vduse loopback %s\"" :
		     "start its device process first", name);
	return -EINVAL;
}

/* Without a driver it is as an add left it that was killed before it bound one. */
static void hint_there(const struct sysfs *fs, const char *name, struct failure *failure)
{
	struct vdpa_attached attached;

	if (vdpa_attached_read(fs, name, &attached) == 0 && !attached.driver[0])
		failure_hint(failure, "it has no driver: \"vdpa dev bind\" gives it one, \"vdpa "
			     "dev del\" takes it away");
	else
		failure_hint(failure, "\"vdpa dev del\" takes it away");
}

int vdpa_refuse_vduse(const struct sysfs *fs, const char *name, struct failure *failure)
{
	struct vduse_device device;
	char entry[SYSFS_NAME_SIZE];
	int rc = vduse_device_read(fs, name, &device, failure);

	if (rc == -ENODEV && failure && failure->status == STATUS_NOT_FOUND)
		failure_hint(failure, "make it with \"vduse create %s\"", name);
	if (rc < 0)
		return rc;
	if (sysfs_name(name, entry) == 0 && sysfs_exists(fs, "sys/bus/vdpa/devices/%s", entry)) {
		failure_set(failure, STATUS_BUSY, EEXIST, name,
			    "there is a vDPA device of this name already");
		hint_there(fs, name, failure);
		return -EEXIST;
	}
	return refuse_unserved(fs, &device, name, failure);
}

/* The kernel's bare EINVAL about a VDUSE device that was found and is served. */
static void explain_invalid(const struct vdpa_new *device, struct failure *failure)
{
	if (!failure || !vdpa_handle_is_vduse(&device->mgmtdev) || failure->errnum != EINVAL)
		return;
	failure_set(failure, STATUS_FAILED, EINVAL, device->name,
		    "its device process has not set up every virtqueue yet");
	failure_hint(failure, "try again when the process says that it is ready");
}

static int new_device(struct netlink *netlink, const struct vdpa_new *device,
		      struct failure *failure)
{
	int rc = vdpa_new_device(netlink, device, failure);

	if (rc == -EINVAL && !netlink->report.message[0])
		explain_invalid(device, failure);
	return rc;
}

/* A bus driver was there to take it, and did not. */
static int refuse_untaken(const struct sysfs *fs, const char *name, struct failure *failure)
{
	char text[SYSFS_NAME_SIZE];
	uint64_t autoprobe = 0;

	sysfs_read_number(fs, &autoprobe, "sys/bus/vdpa/drivers_autoprobe");
	if (!autoprobe || !vdpa_driver_any(fs))
		return 0;
	failure_set(failure, STATUS_FAILED, ENODEV, name,
		    "it is on the bus, but no bus driver took it");
	failure_hint(failure, "dmesg may tell why; \"vdpa dev del %s\" takes it away",
		     vdpa_kernel_name(name, text));
	return -ENODEV;
}

/* vdpa_usable_wait() for as long as modules and udev may take. */
static int wait_usable(const struct sysfs *fs, const char *name,
		       struct vdpa_attached *attached, struct failure *failure)
{
	return vdpa_usable_wait(fs, name, VDPA_USABLE_MS, attached, failure);
}

/* The add failed, but the device is there: said behind what else is to do about it. */
static void hint_stays(const struct sysfs *fs, const char *device, struct failure *failure)
{
	char text[SYSFS_NAME_SIZE];
	const char *name = vdpa_kernel_name(device, text);
	size_t used = strlen(failure->hint);

	if (sysfs_exists(fs, "sys/bus/vdpa/devices/%s", name))
		snprintf(failure->hint + used, sizeof(failure->hint) - used,
			 "%sit stays on the bus until \"vdpa dev del %s\"", used ? "; " : "", name);
}

static int attach_any(const struct sysfs *fs, struct netlink *netlink,
		      const struct vdpa_new *device, struct vdpa_attached *attached,
		      struct failure *failure)
{
	struct vdpa_autoprobe autoprobe;
	int rc = vdpa_autoprobe_share(fs, &autoprobe, failure);

	if (rc < 0)
		return rc;
	rc = new_device(netlink, device, failure);
	vdpa_autoprobe_end(&autoprobe);
	if (rc < 0)
		return rc;
	rc = wait_usable(fs, device->name, attached, failure);
	if (rc < 0 && failure)
		hint_stays(fs, device->name, failure);
	if (rc == 0 && !attached->driver[0])
		rc = refuse_untaken(fs, device->name, failure);
	return rc;
}

/* Load the driver and add the device while nothing is attached by itself. */
static int add_unattached(const struct sysfs *fs, struct netlink *netlink,
			  const struct vdpa_new *device, const char *driver,
			  struct failure *failure)
{
	struct vdpa_autoprobe autoprobe;
	int rc = vdpa_autoprobe_off(fs, &autoprobe, failure);

	if (rc < 0)
		return rc;
	rc = vdpa_driver_load(fs, driver, failure);
	if (rc == 0)
		rc = new_device(netlink, device, failure);
	vdpa_autoprobe_end(&autoprobe);
	return rc;
}

static int bind_and_wait(const struct sysfs *fs, const char *name, const char *driver,
			 struct vdpa_attached *attached, struct failure *failure)
{
	int rc = vdpa_driver_bind(fs, name, driver, failure);

	if (rc < 0)
		return rc;
	return wait_usable(fs, name, attached, failure);
}

/* @failure goes on to say what became of the device. */
static void undo_add(const struct sysfs *fs, struct netlink *netlink, const char *name,
		     struct failure *failure)
{
	struct vdpa_attached attached;
	char text[SYSFS_NAME_SIZE];

	if (vdpa_delete_device(netlink, vdpa_kernel_name(name, text), NULL) == 0)
		failure_hint(failure, "the device was deleted again; \"vdpa dev add\" without "
			     "a driver would leave it on the bus");
	else if (vdpa_attached_read(fs, name, &attached) == 0)
		failure_hint(failure, "it could not be deleted again either, and stays on the bus "
			     "until \"vdpa dev del %s\"", name);
}

/* A signal in the middle would leave half of it. */
static int attach_to(const struct sysfs *fs, struct netlink *netlink,
		     const struct vdpa_new *device, const char *driver,
		     struct vdpa_attached *attached, struct failure *failure)
{
	sigset_t signals;
	int rc;

	signals_hold(&signals);
	rc = add_unattached(fs, netlink, device, driver, failure);
	if (rc == 0) {
		rc = bind_and_wait(fs, device->name, driver, attached, failure);
		if (rc < 0)
			undo_add(fs, netlink, device->name, failure);
	}
	signals_release(&signals);
	return rc;
}

int vdpa_attach(const struct sysfs *fs, struct netlink *netlink,
		const struct vdpa_new *device, const char *driver,
		struct vdpa_attached *attached, struct failure *failure)
{
	int rc = 0, lock = vdpa_lock_device(fs, device->name, failure);

	if (lock == -EBUSY)
		return lock;
	if (vdpa_handle_is_vduse(&device->mgmtdev))
		rc = vdpa_refuse_vduse(fs, device->name, failure);
	if (rc == 0 && driver)
		rc = attach_to(fs, netlink, device, driver, attached, failure);
	else if (rc == 0)
		rc = attach_any(fs, netlink, device, attached, failure);
	vdpa_lock_end(lock);
	return rc;
}

static int refuse_held(const struct sysfs *fs, const char *name,
		       const struct vdpa_attached *attached, struct failure *failure)
{
	struct holder holder;

	if (!attached->chardev[0] || holder_of(fs, attached->rdev, &holder) != 1)
		return 0;
	failure_set(failure, STATUS_BUSY, EBUSY, name, "process %d (%s) has /dev/%s open",
		    (int)holder.pid, holder.command, attached->chardev);
	failure_hint(failure, "end it first: the kernel would wait for it");
	return -EBUSY;
}

/* What claims a disk is told, as are requests that nobody is there to answer. */
static int explain_disk(const char *name, const char *disk, enum disk_use use,
			const char *where, bool unserved, struct failure *failure)
{
	static const char *const uses[] = {
		[DISK_FREE] = "has requests on their way",
		[DISK_MOUNTED] = "is in use, mounted at ",
		[DISK_SWAP] = "is in use, as swap space",
		[DISK_CLAIMED] = "is in use, mounted out of sight or part of another device",
	};
	static const char *const ends[] = {
		[DISK_FREE] = "",
		[DISK_MOUNTED] = "umount it first: what is not written yet would be lost",
		[DISK_SWAP] = "end that first, with swapoff",
		[DISK_CLAIMED] = "end that first: what is not written yet would be lost",
	};

	failure_set(failure, STATUS_BUSY, EBUSY, name, "its disk %s %s%s%s", disk, uses[use],
		    where, unserved ? ", and no process serves it: the kernel would wait for "
		    "one" : "");
	if (unserved)
		failure_hint(failure, "start its device process again");
	else
		failure_hint(failure, "%s", ends[use]);
	return -EBUSY;
}

static int refuse_disk(const struct sysfs *fs, const char *name,
		       const struct vdpa_attached *attached, struct failure *failure)
{
	const char *disk = attached->blockdev;
	enum disk_use use = DISK_FREE;
	struct vduse_device device;
	char where[128] = "";
	bool unserved;

	if (!disk[0])
		return 0;
	unserved = vduse_device_read(fs, name, &device, NULL) == 0 && device.attached &&
		   is_unserved(fs, &device);
	/* Before disk_use() opens it, which may wait for these very requests. */
	if (!unserved || !disk_has_requests(fs, disk)) {
		use = disk_use(fs, disk, where, sizeof(where));
		if (use == DISK_FREE)
			return 0;
	}
	return explain_disk(name, disk, use, where, unserved, failure);
}

/* Would the kernel wait for someone, or shut down what is in use? */
static int refuse_used(const struct sysfs *fs, const char *name,
		       const struct vdpa_attached *attached, struct failure *failure)
{
	int rc = refuse_held(fs, name, attached, failure);

	return rc < 0 ? rc : refuse_disk(fs, name, attached, failure);
}

int vdpa_need_attached(const struct sysfs *fs, const char *name,
		       struct vdpa_attached *attached, struct failure *failure)
{
	int rc = vdpa_attached_read(fs, name, attached);

	if (rc == -ENODEV && !sysfs_exists(fs, "sys/bus/vdpa"))
		return vdpa_explain_missing(failure);
	if (rc == -ENODEV) {
		failure_set(failure, STATUS_NOT_FOUND, ENODEV, name,
			    "there is no vDPA device of this name");
		failure_hint(failure, "\"vdpa dev show\" lists them");
		return rc;
	}
	return rc < 0 ? failure_errno(failure, -rc, name, "cannot read its state from sysfs") : 0;
}

int vdpa_refuse_detach(const struct sysfs *fs, const char *name, struct failure *failure)
{
	struct vdpa_attached attached;

	return vdpa_attached_read(fs, name, &attached) < 0 ? 0 :
	       refuse_used(fs, name, &attached, failure);
}

static int detach(const struct sysfs *fs, struct netlink *netlink, const char *name,
		  struct failure *failure)
{
	/* Whether there is a device of that name is the kernel's to say. */
	int rc = vdpa_refuse_detach(fs, name, failure);

	return rc < 0 ? rc : vdpa_delete_device(netlink, name, failure);
}

int vdpa_detach(const struct sysfs *fs, struct netlink *netlink, const char *name,
		struct failure *failure)
{
	int rc, lock = vdpa_lock_device(fs, name, failure);

	if (lock == -EBUSY)
		return lock;
	rc = detach(fs, netlink, name, failure);
	vdpa_lock_end(lock);
	return rc;
}

/* Load a bus driver without letting it take other devices than the one it is for. */
static int load_quietly(const struct sysfs *fs, const char *driver, struct failure *failure)
{
	struct vdpa_autoprobe autoprobe;
	int rc;

	if (vdpa_driver_loaded(fs, driver))
		return 0;
	rc = vdpa_autoprobe_off(fs, &autoprobe, failure);
	if (rc < 0)
		return rc;
	rc = vdpa_driver_load(fs, driver, failure);
	vdpa_autoprobe_end(&autoprobe);
	return rc;
}

/* What became of a device whose new driver failed, beside what @failure says already. */
static void tell_restored(const struct sysfs *fs, const char *name, const char *driver,
			  bool works, struct failure *failure)
{
	struct vdpa_attached now;
	int rc = vdpa_attached_read(fs, name, &now);

	if (works)
		failure_hint(failure, "%s is bound to it again", driver);
	else if (rc == -ENODEV)
		failure_hint(failure, "it is not on the bus any more");
	else if (rc < 0 || !now.driver[0])
		failure_hint(failure, "%s, which it had before, could not be bound again "
			     "either: it has no driver now", driver);
	else
		failure_hint(failure, "its driver is %s now, which does not work either",
			     now.driver);
}

/* Back to what it was. */
static void restore(const struct sysfs *fs, const char *name, const char *driver,
		    struct failure *failure)
{
	struct vdpa_attached now;
	bool works;

	if (vdpa_attached_read(fs, name, &now) == 0 && now.driver[0])
		vdpa_driver_unbind(fs, name, now.driver, NULL);
	if (!driver[0])
		return;
	works = bind_and_wait(fs, name, driver, &now, NULL) == 0;
	tell_restored(fs, name, driver, works, failure);
}

/* A signal in the middle would leave it without a driver. */
static int rebind(const struct sysfs *fs, const char *name, const char *former,
		  const char *driver, struct failure *failure)
{
	struct vdpa_attached now;
	sigset_t signals;
	int rc = 0;

	signals_hold(&signals);
	if (former[0])
		rc = vdpa_driver_unbind(fs, name, former, failure);
	if (rc == 0) {
		rc = bind_and_wait(fs, name, driver, &now, failure);
		if (rc < 0)
			restore(fs, name, former, failure);
	}
	signals_release(&signals);
	return rc;
}

/* All that can be known before anything is taken away. */
static int refuse_bind(const struct sysfs *fs, const char *name, const char *driver,
		       const struct vdpa_attached *attached, struct failure *failure)
{
	struct vduse_device device;
	int rc = refuse_used(fs, name, attached, failure);

	if (rc == 0)
		rc = vdpa_driver_refuse(fs, name, driver, failure);
	if (rc == 0 && vduse_device_read(fs, name, &device, NULL) == 0 && device.attached)
		rc = refuse_unserved(fs, &device, name, failure);
	return rc;
}

static int bind_locked(const struct sysfs *fs, const char *name, const char *driver,
		       struct failure *failure)
{
	struct vdpa_attached attached;
	int rc = vdpa_need_attached(fs, name, &attached, failure);

	if (rc < 0)
		return rc;
	if (!strcmp(attached.driver, driver))
		return wait_usable(fs, name, &attached, failure);
	rc = refuse_bind(fs, name, driver, &attached, failure);
	if (rc == 0)
		rc = load_quietly(fs, driver, failure);
	return rc < 0 ? rc : rebind(fs, name, attached.driver, driver, failure);
}

int vdpa_bind(const struct sysfs *fs, const char *name, const char *driver,
	      struct failure *failure)
{
	int rc, lock = vdpa_lock_device(fs, name, failure);

	if (lock == -EBUSY)
		return lock;
	rc = bind_locked(fs, name, driver, failure);
	vdpa_lock_end(lock);
	return rc;
}

static int unbind_locked(const struct sysfs *fs, const char *name, struct failure *failure)
{
	struct vdpa_attached attached;
	int rc = vdpa_need_attached(fs, name, &attached, failure);

	if (rc < 0 || !attached.driver[0])
		return rc;
	rc = refuse_used(fs, name, &attached, failure);
	return rc < 0 ? rc : vdpa_driver_unbind(fs, name, attached.driver, failure);
}

int vdpa_unbind(const struct sysfs *fs, const char *name, struct failure *failure)
{
	int rc, lock = vdpa_lock_device(fs, name, failure);

	if (lock == -EBUSY)
		return lock;
	rc = unbind_locked(fs, name, failure);
	vdpa_lock_end(lock);
	return rc;
}

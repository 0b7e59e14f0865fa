// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/in_use.h"

#include <errno.h>
#include <stdio.h>

#include "lib/holders.h"
#include "lib/vdpa_attached.h"
#include "lib/vduse_device.h"

/* "attached to the vDPA bus (driver virtio_vdpa, interface eth0)" */
static void describe_attached(const struct sysfs *fs, const char *name, char *text,
			      size_t size)
{
	struct vdpa_attached attached;
	const char *what = "", *who = "";

	if (vdpa_attached_read(fs, name, &attached) < 0 || !attached.driver[0]) {
		snprintf(text, size, "it is attached to the vDPA bus");
		return;
	}
	if (attached.netdev[0]) {
		what = ", interface ";
		who = attached.netdev;
	} else if (attached.blockdev[0]) {
		what = ", disk ";
		who = attached.blockdev;
	} else if (attached.chardev[0]) {
		what = ", node /dev/";
		who = attached.chardev;
	}
	snprintf(text, size, "it is attached to the vDPA bus (driver %s%s%s)",
		 attached.driver, what, who);
}

static int refuse_attached(const struct sysfs *fs, const char *name,
			   const struct holder *holder, struct failure *failure)
{
	char text[256];

	describe_attached(fs, name, text, sizeof(text));
	if (holder) {
		failure_set(failure, STATUS_BUSY, EBUSY, name,
			    "%s and process %d (%s) serves it", text, (int)holder->pid,
			    holder->command);
		failure_hint(failure, "first \"vdpa dev del %s\", then end process %d", name,
			     (int)holder->pid);
		holder_hint_stopped(holder, failure);
	} else {
		failure_set(failure, STATUS_BUSY, EBUSY, name, "%s", text);
		failure_hint(failure, "first \"vdpa dev del %s\"", name);
	}
	return -EBUSY;
}

static int refuse_open(const char *name, const struct holder *holder,
		       struct failure *failure)
{
	failure_set(failure, STATUS_BUSY, EBUSY, name, "process %d (%s) has its node open",
		    (int)holder->pid, holder->command);
	failure_hint(failure, "end process %d first", (int)holder->pid);
	holder_hint_stopped(holder, failure);
	return -EBUSY;
}

int in_use_check(const struct sysfs *fs, const char *name, struct failure *failure)
{
	struct vduse_device device;
	struct holder holder;
	bool held;

	if (vduse_device_read(fs, name, &device, NULL) < 0)
		return 0;
	held = holder_of(fs, device.node, &holder) > 0;
	if (device.attached)
		return refuse_attached(fs, name, held ? &holder : NULL, failure);
	return held ? refuse_open(name, &holder, failure) : 0;
}

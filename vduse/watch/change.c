// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/watch/change.h"

#include <stdlib.h>
#include <string.h>

#include "lib/name.h"
#include "lib/parse.h"
#include "vduse/server.h"

/* A step that is told: the device, and what the line has beside it. */
struct step {
	const struct device *device;
	const char *former;	/* name of the interface */
	const int32_t *netnsid;
};

static void tell(struct changes *changes, enum event_kind kind, const struct step *step,
		 void (*put)(struct output *out, const void *context))
{
	const struct event event = {
		.kind = kind,
		.name = step->device->name,
		.put = put,
		.context = step,
	};

	changes->report(changes->context, &event);
}

static void tell_plain(struct changes *changes, enum event_kind kind,
		       const struct device *device)
{
	const struct step step = { .device = device };

	tell(changes, kind, &step, NULL);
}

/* The device called @name, made where it is not known. NULL for a name longer than a folder
 * of sysfs can have, and when memory is short, which ends the monitor. */
static struct device *get(struct changes *changes, const char *name)
{
	struct device *device = table_get(&changes->table, name);

	if (!device && name_possible(name))
		changes->broken = true;
	return device;
}

/* -- VDUSE devices ----------------------------------------------------------------------- */

static void put_server(struct output *out, const void *context)
{
	const struct step *step = context;

	server_put(out, &step->device->vduse.opened.holder, 0);
}

static void tell_node(struct changes *changes, enum event_kind kind, const struct device *device)
{
	const struct step step = { .device = device };

	tell(changes, kind, &step, put_server);
}

void change_created(struct changes *changes, const char *name, bool listed)
{
	struct device *device = get(changes, name);

	if (!device || device->vduse.exists)
		return;
	device->vduse.exists = true;
	device->vduse.listed = listed;
	tell_plain(changes, EVENT_VDUSE_CREATE, device);
	if (device->vduse.opened.open)
		tell_node(changes, EVENT_VDUSE_OPEN, device);
}

/* Open until now: the closing was not heard of, or what was heard of is the opening of the
 * next device of this name, whose creation is still to be told. */
void change_destroyed(struct changes *changes, struct device *device)
{
	changes->doubt = changes->doubt || device->vduse.opened.open;
	if (device->vduse.exists) {
		change_closed(changes, device);
		device->vduse.exists = false;
		tell_plain(changes, EVENT_VDUSE_DESTROY, device);
	}
	device->vduse.opened.open = false;
	table_settle(&changes->table, device);
}

static void note_open(struct opened *opened, const struct holder *holder)
{
	opened->open = true;
	opened->holder = holder ? *holder : (struct holder){ 0 };
}

void change_opened(struct changes *changes, const char *name, const struct holder *holder)
{
	struct device *device = get(changes, name);

	if (!device || device->vduse.opened.open)
		return;
	note_open(&device->vduse.opened, holder);
	server_name_owner(name, &device->vduse.opened.holder);
	if (device->vduse.exists)
		tell_node(changes, EVENT_VDUSE_OPEN, device);
}

void change_closed(struct changes *changes, struct device *device)
{
	if (!device->vduse.opened.open)
		return;
	device->vduse.opened.open = false;
	if (device->vduse.exists)
		tell_node(changes, EVENT_VDUSE_CLOSE, device);
	table_settle(&changes->table, device);
}

/* -- vDPA devices ------------------------------------------------------------------------ */

static void put_attached(struct output *out, const void *context)
{
	const struct step *step = context;

	vdpa_attached_put(out, &step->device->vdpa.attached);
}

/* The same without the driver: what came or went under it. */
static void put_made(struct output *out, const void *context)
{
	const struct step *step = context;
	struct vdpa_attached made = step->device->vdpa.attached;

	made.driver[0] = '\0';
	vdpa_attached_put(out, &made);
	if (step->former)
		output_string(out, OUT_BOTH, "former", step->former);
	if (step->netnsid)
		output_number(out, OUT_BOTH, "netnsid", *step->netnsid);
}

static void put_link(struct output *out, const void *context)
{
	const struct step *step = context;

	put_made(out, context);
	output_string(out, OUT_BOTH, "link", step->device->vdpa.up ? "up" : "down");
}

static void put_client(struct output *out, const void *context)
{
	const struct step *step = context;

	put_made(out, context);
	server_put(out, &step->device->vdpa.opened.holder, 0);
}

static void tell_made(struct changes *changes, enum event_kind kind, const struct device *device,
		      const char *former, const int32_t *netnsid)
{
	const struct step step = { .device = device, .former = former, .netnsid = netnsid };

	tell(changes, kind, &step, put_made);
}

static void tell_bind(struct changes *changes, struct device *device)
{
	const struct step step = { .device = device };

	device->vdpa.owed = OWED_NOTHING;
	device->vdpa.bound = true;
	tell(changes, EVENT_VDPA_BIND, &step, put_attached);
}

static void forget_interface(struct device *device)
{
	device->vdpa.attached.netdev[0] = device->vdpa.attached.blockdev[0] = '\0';
	device->vdpa.attached.ifindex = 0;
	if (!device->vdpa.attached.chardev[0])
		device->vdpa.attached.rdev = 0;
	device->vdpa.up = false;
}

static void tell_leave(struct changes *changes, struct device *device, const int32_t *netnsid)
{
	device->vdpa.owed = OWED_NOTHING;
	tell_made(changes, EVENT_VDPA_LEAVE, device, NULL, netnsid);
	forget_interface(device);
}

static void settle(struct changes *changes, struct device *device)
{
	if (device->vdpa.owed == OWED_BIND)
		tell_bind(changes, device);
	else if (device->vdpa.owed == OWED_LEAVE)
		tell_leave(changes, device, NULL);
}

static void owe(struct changes *changes, struct device *device, enum owed owed, int64_t now)
{
	device->vdpa.owed = owed;
	device->vdpa.due = now + OWED_MS;
	changes->owed = true;
}

int64_t changes_settle(struct changes *changes, int64_t now)
{
	struct device *device = NULL;
	int64_t next = INT64_MAX;

	while ((device = table_next(&changes->table, device))) {
		if (device->vdpa.owed == OWED_NOTHING)
			continue;
		if (device->vdpa.due <= now)
			settle(changes, device);
		else if (device->vdpa.due < next)
			next = device->vdpa.due;
	}
	changes->owed = next != INT64_MAX;
	return next;
}

void change_added(struct changes *changes, const char *name, const char *path, bool listed)
{
	struct device *device = get(changes, name);
	char *copy;

	if (!device || device->vdpa.exists)
		return;
	copy = strdup(path);
	if (!copy) {
		changes->broken = true;
		return;
	}
	free(device->vdpa.path);
	vdpa_attached_clear(&device->vdpa.attached);
	device->vdpa.path = copy;
	device->vdpa.exists = true;
	device->vdpa.listed = listed;
	tell_plain(changes, EVENT_VDPA_ADD, device);
}

void change_deleted(struct changes *changes, struct device *device)
{
	if (device->vdpa.exists) {
		change_unbound(changes, device);
		device->vdpa.exists = false;
		tell_plain(changes, EVENT_VDPA_DEL, device);
	}
	table_settle(&changes->table, device);
}

/* virtio_vdpa made virtioN of it, and that waits for its driver. */
static bool is_on_the_way(const struct vdpa_attached *attached)
{
	return attached->virtio[0] && !attached->virtio_driver[0];
}

void change_bound(struct changes *changes, struct device *device, const char *driver,
		  int64_t now)
{
	struct vdpa_attached *attached = &device->vdpa.attached;

	if (device->vdpa.bound || device->vdpa.owed == OWED_BIND) {
		if (name_equal(attached->driver, driver))
			return;
		change_unbound(changes, device);
	}
	name_copy(attached->driver, sizeof(attached->driver), driver);
	if (attached->chardev[0])
		changes->nodes = true;
	if (!is_on_the_way(attached)) {
		tell_bind(changes, device);
		return;
	}
	owe(changes, device, OWED_BIND, now);
}

void change_unbound(struct changes *changes, struct device *device)
{
	if (device->vdpa.owed == OWED_BIND)
		tell_bind(changes, device);
	device->vdpa.owed = OWED_NOTHING;
	change_node_closed(changes, device);
	vdpa_attached_clear(&device->vdpa.attached);
	device->vdpa.up = false;
	if (!device->vdpa.bound)
		return;
	device->vdpa.bound = false;
	tell_plain(changes, EVENT_VDPA_UNBIND, device);
}

void change_virtio_driver(struct changes *changes, struct device *device, const char *driver)
{
	struct vdpa_attached *attached = &device->vdpa.attached;

	name_copy(attached->virtio_driver, sizeof(attached->virtio_driver), driver);
	if (device->vdpa.owed == OWED_BIND && driver[0])
		tell_bind(changes, device);
}

/* Its interface went before it, and the bus driver is about to go. */
void change_virtio_gone(struct changes *changes, struct device *device)
{
	struct vdpa_attached *attached = &device->vdpa.attached;

	(void)changes;
	if (device->vdpa.owed == OWED_LEAVE)
		device->vdpa.owed = OWED_NOTHING;
	attached->virtio[0] = attached->virtio_driver[0] = '\0';
	forget_interface(device);
}

void change_interface(struct changes *changes, struct device *device, const char *netdev,
		      uint64_t ifindex)
{
	struct vdpa_attached *attached = &device->vdpa.attached;
	char former[sizeof(attached->netdev)];
	bool same;

	if (device->vdpa.owed == OWED_LEAVE)
		tell_leave(changes, device, NULL);
	same = attached->ifindex == ifindex && attached->netdev[0];
	name_copy(former, sizeof(former), attached->netdev);
	if (same && name_equal(former, netdev))
		return;
	if (!same && former[0] && device->vdpa.bound)
		tell_leave(changes, device, NULL);
	name_copy(attached->netdev, sizeof(attached->netdev), netdev);
	attached->ifindex = ifindex;
	if (device->vdpa.bound)
		tell_made(changes, same ? EVENT_VDPA_RENAME : EVENT_VDPA_ARRIVE, device,
			  same ? former : NULL, NULL);
}

/* The interface, or the disk, is gone; a moment will show what else. */
static void await_leave(struct changes *changes, struct device *device, int64_t now)
{
	if (!device->vdpa.bound) {
		forget_interface(device);
		return;
	}
	owe(changes, device, OWED_LEAVE, now);
}

void change_interface_gone(struct changes *changes, struct device *device, int64_t now)
{
	if (device->vdpa.attached.netdev[0])
		await_leave(changes, device, now);
}

void change_disk(struct changes *changes, struct device *device, const char *blockdev,
		 dev_t rdev)
{
	struct vdpa_attached *attached = &device->vdpa.attached;

	if (device->vdpa.owed == OWED_LEAVE)
		tell_leave(changes, device, NULL);
	if (name_equal(attached->blockdev, blockdev) && attached->rdev == rdev)
		return;
	if (attached->blockdev[0] && device->vdpa.bound)
		tell_leave(changes, device, NULL);
	name_copy(attached->blockdev, sizeof(attached->blockdev), blockdev);
	attached->rdev = rdev;
	if (device->vdpa.bound)
		tell_made(changes, EVENT_VDPA_ARRIVE, device, NULL, NULL);
}

void change_disk_gone(struct changes *changes, struct device *device, int64_t now)
{
	if (device->vdpa.attached.blockdev[0])
		await_leave(changes, device, now);
}

static void tell_client(struct changes *changes, enum event_kind kind, const struct device *device)
{
	const struct step step = { .device = device };

	tell(changes, kind, &step, put_client);
}

void change_node_opened(struct changes *changes, struct device *device,
			const struct holder *holder)
{
	if (device->vdpa.opened.open)
		return;
	note_open(&device->vdpa.opened, holder);
	tell_client(changes, EVENT_VDPA_OPEN, device);
}

void change_node_closed(struct changes *changes, struct device *device)
{
	if (!device->vdpa.opened.open)
		return;
	device->vdpa.opened.open = false;
	tell_client(changes, EVENT_VDPA_CLOSE, device);
}

void change_up(struct changes *changes, struct device *device, bool up, bool told)
{
	const struct step step = { .device = device };
	bool changed = device->vdpa.up != up;

	device->vdpa.up = up;
	if (changed && told && device->vdpa.bound)
		tell(changes, EVENT_VDPA_LINK, &step, put_link);
}

void change_moved(struct changes *changes, struct device *device, const int32_t *netnsid)
{
	if (device->vdpa.attached.netdev[0] && device->vdpa.bound)
		tell_leave(changes, device, netnsid);
}

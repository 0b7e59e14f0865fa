// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is known of each device, and nothing else: an absent key is an absent fact.
 *
 *	sysfs			vqs, msg_timeout, bounce_size, attached, what stands behind
 *	/proc			served, and by whom
 *	who serves it		broken, link, virtqueues, counters, if it is one of ours
 *	its node		broken, if nobody serves it any more
 *	the record		type, features, vendor, vq_align, mac, mtu, size
 *	the virtio driver	type where there is no record, features negotiated, status
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "lib/control_socket.h"
#include "lib/holders.h"
#include "lib/vdpa_attached.h"
#include "lib/vduse_control.h"
#include "lib/vduse_device.h"
#include "vduse/asked.h"
#include "vduse/counters.h"
#include "vduse/patience.h"
#include "vduse/journal_file.h"
#include "vduse/server.h"
#include "vduse/verbs.h"

enum { SHOW_NAME, SHOW_WORDS };

const struct cli_word show_words[] = {
	[SHOW_NAME] = {
		.value = "NAME", .kind = CLI_NAME, .candidates = CLI_VDUSE_DEVICES,
		.help = "one device; all unless it is said",
	},
	[SHOW_WORDS] = { .kind = CLI_END },
};

/* One device and all that was found out about it. */
struct view {
	const struct vduse_device *device;
	const struct holder *holder;	/* NULL: nobody is seen to serve it */
	pid_t supervisor;		/* of a worker of ours, or 0 */
	bool served_known;
	bool recorded;
	struct vduse_definition definition;	/* where recorded */
	struct vdpa_attached attached;		/* where device->attached */
	bool asked;
	struct asked_state state;		/* where asked */
	bool broken_known, broken;
	bool counted;
	struct port_counters counters;		/* where counted */
};

/* What happens to be in the way of the record is worth a warning, but for its absence:
 * devices of other programs have none. */
static void look_up_record(struct call *call, struct view *view)
{
	struct registry_record record;
	struct failure failure = { .status = STATUS_OK };
	int rc = vduse_device_record(&sysfs_machine, REGISTRY_FOLDER, view->device, &record,
				     &failure);

	view->recorded = rc == 0;
	if (rc == 0)
		view->definition = record.definition;
	else if (rc != -ENOENT && rc != -ESTALE)
		call_warn(call, failure.object, "%s", failure.message);
}

/* Only devices of "vduse loopback" can be asked; whose server is stopped is worth a warning. */
static void ask(struct call *call, struct view *view, const struct patience *patience)
{
	const char *name = view->device->name;
	struct failure failure = { .status = STATUS_OK };
	int rc = ask_state(name, patience_share(patience, view->holder), &view->state);

	view->asked = rc == 0;
	if (rc == 0 && call->options->statistics) {
		rc = ask_counters(name, patience_share(patience, view->holder), &view->counters);
		view->counted = rc == 0;
	}
	if (rc == -ETIMEDOUT || rc == -EPROTO) {
		asked_explain(rc, name, view->device, &failure);
		call_warn_of(call, &failure);
	}
}

/* A server that was killed, or that ended with the device, leaves its socket behind. */
static bool ended_badly(const struct view *view)
{
	char file[REGISTRY_FILE_MAX];

	registry_socket_name(view->device->name, file);
	return view->device->attached ||
	       sysfs_exists(&sysfs_machine, "%s/%s", &REGISTRY_FOLDER[1], file);
}

/*
 * Has the kernel broken it? Who serves it is told by the kernel; where nobody does, its node
 * tells. But that is opened, which keeps a server out for a moment and is news for "vduse
 * monitor": so only the node of a device of ours that lacks its server.
 */
static void look_whether_broken(struct call *call, struct view *view)
{
	struct failure failure = { .status = STATUS_OK };
	int rc = -EAGAIN;

	if (view->asked)
		rc = view->state.broken;
	else if (!view->holder && view->served_known && view->recorded && ended_badly(view))
		rc = vduse_node_is_broken(view->device->name);
	view->broken_known = rc >= 0;
	view->broken = rc == 1;
	if (!view->broken)
		return;
	vduse_explain_broken(view->device->name, &failure);
	call_warn_of(call, &failure);
}

/* The virtio driver's side tells the type of a device that someone else created. */
static const char *type_of(const struct view *view)
{
	uint64_t id;

	if (view->recorded)
		return vduse_type_name(view->definition.type);
	if (!view->attached.virtio[0] ||
	    sysfs_read_number(&sysfs_machine, &id, "sys/bus/virtio/devices/%s/device",
			      view->attached.virtio))
		return NULL;
	return id > UINT32_MAX ? NULL : vduse_type_name(id);
}

static void put_line(struct output *out, const struct view *view)
{
	const struct vduse_device *device = view->device;
	const char *type = type_of(view);

	if (type)
		output_string(out, OUT_BOTH, "type", type);
	if (device->vqs)
		output_number(out, OUT_BOTH, "vqs", device->vqs);
	else if (view->recorded)
		output_number(out, OUT_BOTH, "vqs", view->definition.vqs);
	if (device->has_msg_timeout)
		output_number(out, OUT_BOTH, "msg_timeout", device->msg_timeout);
	if (device->has_bounce_size)
		output_number(out, OUT_BOTH, "bounce_size", device->bounce_size);
	if (view->served_known)
		output_bool(out, OUT_BOTH, "served", view->holder);
	output_bool(out, OUT_BOTH, "attached", device->attached);
	if (view->broken_known)
		output_bool(out, OUT_BOTH, "broken", view->broken);
	vdpa_attached_put(out, &view->attached);
	server_put(out, view->holder, view->supervisor);
}

static void put_recorded(struct output *out, const struct vduse_definition *definition)
{
	char mac[18];

	output_line(out);
	output_number(out, OUT_BOTH, "vendor", definition->vendor);
	output_number(out, OUT_BOTH, "vq_align", definition->vq_align);
	if (definition->type == DEVICE_TYPE_BLOCK)
		output_number(out, OUT_BOTH, "size", definition->size);
	if (definition->type == DEVICE_TYPE_NET && definition->features & FEATURE(5)) {
		const uint8_t *octet = definition->mac;

		snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", octet[0],
			 octet[1], octet[2], octet[3], octet[4], octet[5]);
		output_string(out, OUT_BOTH, "mac", mac);
	}
	if (definition->type == DEVICE_TYPE_NET && definition->features & FEATURE(3))
		output_number(out, OUT_BOTH, "mtu", definition->mtu);
	output_line(out);
	output_features(out, OUT_BOTH, "features", definition->type, definition->features);
}

/* What the driver of virtioN took; vhost-vdpa's client tells nobody but the device. */
static bool negotiated(const struct view *view, uint64_t *features)
{
	if (view->asked && view->state.live) {
		*features = view->state.features;
		return true;
	}
	return view->attached.virtio_driver[0] &&
	       vdpa_virtio_features(&sysfs_machine, view->attached.virtio, features) == 0;
}

static void put_negotiated(struct output *out, const struct view *view)
{
	const char *type = type_of(view);
	uint64_t features;

	if (!negotiated(view, &features))
		return;
	output_line(out);
	output_features(out, OUT_BOTH, "negotiated_features",
			type ? vduse_type_by_name(type) : DEVICE_TYPE_NONE, features);
}

static void put_virtqueue(struct output *out, const struct asked_queue *queue, unsigned int index)
{
	output_line(out);
	output_begin_object(out, OUT_JSON, NULL);
	output_number(out, OUT_JSON, "index", index);
	output_number(out, OUT_TEXT, "vq", index);
	output_bool(out, OUT_BOTH, "ready", queue->running);
	if (queue->running) {
		output_number(out, OUT_BOTH, "size", queue->size);
		output_number(out, OUT_BOTH, "next_avail", queue->next_avail);
		output_number(out, OUT_BOTH, "next_used", queue->next_used);
		output_number(out, OUT_BOTH, "in_flight", queue->in_flight);
	}
	if (queue->broken)
		output_string(out, OUT_BOTH, "error", queue->error);
	output_end_object(out, OUT_JSON);
}

/* What the server sees: the driver's status, the link, the virtqueues. */
static void put_served(struct output *out, const struct view *view)
{
	unsigned int i;

	output_line(out);
	output_string(out, OUT_BOTH, "link", view->state.link_down ? "down" : "up");
	vdpa_status_put(out, "status", view->state.status);
	output_number(out, OUT_BOTH, "regions", view->state.regions);
	output_begin_array(out, OUT_JSON, "virtqueues");
	for (i = 0; i < SESSION_QUEUES; i++)
		put_virtqueue(out, &view->state.queues[i], i);
	output_end_array(out, OUT_JSON);
}

static void put_view(struct call *call, struct view *view)
{
	output_begin_record(call->out, view->device->name);
	put_line(call->out, view);
	if (call->options->details) {
		if (view->recorded)
			put_recorded(call->out, &view->definition);
		put_negotiated(call->out, view);
		if (view->asked)
			put_served(call->out, view);
	}
	if (view->counted)
		counters_put(call->out, &view->counters);
	output_end_record(call->out);
}

static void show_device(struct call *call, const struct vduse_device *device,
			const struct holders *holders, const struct patience *patience)
{
	struct view view = { .device = device };

	view.holder = holders_find(holders, device->node);
	view.supervisor = view.holder ? journal_owner(device->name) : 0;
	view.served_known = view.holder || holders->complete;
	look_up_record(call, &view);
	if (device->attached)
		vdpa_attached_read(&sysfs_machine, device->name, &view.attached);
	if (view.holder)
		ask(call, &view, patience);
	look_whether_broken(call, &view);
	put_view(call, &view);
}

static int show_list(struct call *call, const struct vduse_device_list *list,
		     struct failure *failure)
{
	const struct patience patience =
		patience_begin(call_patience(call, CONTROL_PATIENCE_MS), list->count);
	struct holders holders = { 0 };
	size_t i;
	int rc = 0;

	if (list->count)
		rc = holders_scan(&sysfs_machine, major(list->devices[0].node), &holders);
	if (rc == -ENOMEM)
		return failure_errno(failure, -rc, NULL, "cannot look for serving processes");
	output_begin_listing(call->out, "vduse");
	for (i = 0; i < list->count; i++)
		show_device(call, &list->devices[i], &holders, &patience);
	output_end_listing(call->out);
	holders_free(&holders);
	return 0;
}

static int show_one(struct call *call, const char *name, struct failure *failure)
{
	struct vduse_device device;
	struct vduse_device_list list = { .devices = &device, .count = 1 };
	int rc = vduse_device_read(&sysfs_machine, name, &device, failure);

	return rc ? rc : show_list(call, &list, failure);
}

int show_run(struct call *call, struct failure *failure)
{
	struct vduse_device_list list;
	int rc;

	if (call->values[SHOW_NAME].given)
		return show_one(call, call->values[SHOW_NAME].text, failure);
	rc = vduse_device_list_read(&sysfs_machine, &list, failure);
	if (rc == 0)
		rc = show_list(call, &list, failure);
	vduse_device_list_free(&list);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* vdpa dev show, del, set */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/elsewhere.h"
#include "lib/vdpa_attach.h"
#include "lib/vdpa_index.h"
#include "vdpa/vdpa.h"

/* Bytes of a device in the family's answer, at least, and in a listing, about. */
#define LEAST_ANSWER 72
#define USUAL_RECORD 192

/* What a listing found out beside the family's answer. */
struct listing {
	struct call *call;
	bool indexed;			/* it is of all devices, without -d */
	struct vdpa_index index;
	int error;			/* negative errno: why some of sysfs is not known */
	bool looked;			/* into other namespaces, for -d */
	struct elsewhere elsewhere;
};

/* false where the device has gone, or sysfs cannot be read. */
static bool find_attached(struct listing *listing, const struct vdpa_device *device,
			  struct vdpa_attached *attached)
{
	int rc;

	if (listing->indexed)
		rc = vdpa_index_find(&listing->index, device->name, device->type, attached);
	else
		rc = vdpa_attached_read(&sysfs_machine, device->name, attached);
	if (rc < 0 && rc != -ENODEV && !listing->error)
		listing->error = rc;
	return rc == 0;
}

/*
 * An interface that was moved to another namespace left sysfs; with -d it is looked
 * for.
 */
static void put_moved(struct listing *listing, const struct vdpa_attached *attached)
{
	const struct elsewhere_interface *interface;
	struct output *out = listing->call->out;

	if (!listing->looked)
		elsewhere_list(&sysfs_machine, &listing->elsewhere);
	listing->looked = true;
	interface = elsewhere_find(&listing->elsewhere, attached->virtio);
	if (!interface)
		return;
	output_string(out, OUT_BOTH, "netdev", interface->netdev);
	output_number(out, OUT_JSON, "ifindex", interface->ifindex);
	output_string(out, OUT_BOTH, "netns", interface->netns);
}

/* What only -d tells: the virtio device and how far its driver came. */
static void put_virtio(struct output *out, const struct vdpa_attached *attached)
{
	uint8_t status;

	if (!attached->virtio[0])
		return;
	output_line(out);
	output_string(out, OUT_BOTH, "virtio", attached->virtio);
	if (attached->virtio_driver[0])
		output_string(out, OUT_BOTH, "virtio_driver", attached->virtio_driver);
	if (vdpa_virtio_status(&sysfs_machine, attached->virtio, &status) == 0)
		vdpa_status_put(out, "virtio_status", status);
}

static void put_details(struct listing *listing, const struct vdpa_attached *attached)
{
	if (!strcmp(attached->virtio_driver, "virtio_net") && !attached->netdev[0])
		put_moved(listing, attached);
	put_virtio(listing->call->out, attached);
}

static void put_device(struct listing *listing, const struct vdpa_device *device)
{
	bool details = listing->call->options->details;
	struct output *out = listing->call->out;
	struct vdpa_attached attached;
	char text[VDPA_HANDLE_SIZE];

	output_begin_record(out, device->name);
	output_string(out, OUT_BOTH, "type", vdpa_type_text(device->type));
	output_string(out, OUT_BOTH, "mgmtdev", vdpa_handle_text(&device->mgmtdev, text));
	if (VDPA_HAS(device, VDPA_ATTR_DEV_VENDOR_ID))
		output_number(out, OUT_BOTH, "vendor_id", device->vendor_id);
	if (VDPA_HAS(device, VDPA_ATTR_DEV_MAX_VQS))
		output_number(out, OUT_BOTH, "max_vqs", device->max_vqs);
	if (VDPA_HAS(device, VDPA_ATTR_DEV_MAX_VQ_SIZE))
		output_number(out, OUT_BOTH, "max_vq_size", device->max_vq_size);
	if (details && VDPA_HAS(device, VDPA_ATTR_DEV_MIN_VQ_SIZE))
		output_number(out, OUT_BOTH, "min_vq_size", device->min_vq_size);
	if (find_attached(listing, device, &attached)) {
		vdpa_attached_put(out, &attached);
		if (details)
			put_details(listing, &attached);
	}
	output_end_record(out);
}

static void put_listing(struct listing *listing, const struct buffer *answer)
{
	size_t length, offset = 0;
	const void *attributes;

	output_begin_listing(listing->call->out, "dev");
	while ((attributes = netlink_next(answer, &offset, &length))) {
		struct vdpa_device device;

		if (vdpa_parse_device(attributes, length, &device) < 0)
			vdpa_warn_record(listing->call);
		else
			put_device(listing, &device);
	}
	output_end_listing(listing->call->out);
}

/* -ENOMEM, or 0: a listing without drivers is better than none, but it says so. */
static int put_answer(struct call *call, const struct netlink *netlink,
		      const struct buffer *answer)
{
	struct listing listing = { .call = call };
	size_t count = answer->length / LEAST_ANSWER;

	listing.indexed = !call->values[0].given && !call->options->details;
	if (listing.indexed)
		vdpa_index_begin(&sysfs_machine, count, call->options->json,
				 netlink->wire.descriptor, &listing.index);
	output_expect(call->out, count * USUAL_RECORD);
	put_listing(&listing, answer);
	elsewhere_free(&listing.elsewhere);
	if (listing.indexed)
		vdpa_index_free(&listing.index);
	if (listing.error && listing.error != -ENOMEM)
		call_warn(call, NULL, "drivers, interfaces, disks and nodes are not all shown, as "
			  "/sys cannot be read: %s", strerror(-listing.error));
	return listing.error == -ENOMEM ? -ENOMEM : 0;
}

int vdpa_dev_show(struct call *call, struct failure *failure)
{
	const struct cli_value *name = &call->values[0];
	struct buffer answer = { 0 };
	struct netlink *netlink;
	int rc = vdpa_session_open(call, &netlink, failure);

	if (rc < 0)
		return rc;
	rc = vdpa_get_device(netlink, name->given ? name->text : NULL, &answer, failure);
	if (rc == 0) {
		vdpa_pass_on(call, netlink, name->given ? name->text : NULL);
		rc = put_answer(call, netlink, &answer);
	}
	buffer_free(&answer);
	return rc;
}

int vdpa_dev_del(struct call *call, struct failure *failure)
{
	struct netlink *netlink;
	int rc = vdpa_session_open(call, &netlink, failure);

	if (rc == 0)
		rc = vdpa_detach(&sysfs_machine, netlink, call->values[0].text, failure);
	if (rc == 0)
		vdpa_pass_on(call, netlink, call->values[0].text);
	return rc;
}

int vdpa_dev_set(struct call *call, struct failure *failure)
{
	struct netlink *netlink;
	int rc = vdpa_session_open(call, &netlink, failure);

	if (rc == 0)
		rc = vdpa_set_mac(netlink, call->values[SET_NAME].text, call->values[SET_MAC].mac,
				  failure);
	if (rc == 0)
		vdpa_pass_on(call, netlink, call->values[SET_NAME].text);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_family.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdio.h>
#include <string.h>

#include "lib/features.h"

int vdpa_explain_missing(struct failure *failure)
{
	failure_set(failure, STATUS_UNSUPPORTED, ENODEV, NULL,
		    "the kernel has no vDPA support: module vdpa is not loaded");
	failure_hint(failure, "load it with \"modprobe vdpa\"");
	return -ENODEV;
}

static int absent(const struct sysfs *fs, int rc, struct failure *failure)
{
	if (rc != -ENOENT && rc != -EPROTONOSUPPORT)
		return failure_errno(failure, -rc, NULL, "cannot ask the kernel by generic netlink");
	if (sysfs_exists(fs, "sys/bus/vdpa")) {
		failure_set(failure, STATUS_UNSUPPORTED, -rc, NULL,
			    "the kernel answers about vDPA in its first network namespace only, "
			    "and this is another one");
		failure_hint(failure, "run it in that namespace, as with \"nsenter -t 1 -n\"");
		return rc;
	}
	return vdpa_explain_missing(failure);
}

int vdpa_family_open(const struct sysfs *fs, struct netlink *netlink, struct failure *failure)
{
	int rc = netlink_open(netlink, VDPA_GENL_NAME, VDPA_GENL_VERSION);

	return rc < 0 ? absent(fs, rc, failure) : 0;
}

/* The kernel's own words, whole, and the word of the command line they are about. */
static void append_report(const struct netlink_report *report, struct failure *failure)
{
	size_t used = strlen(failure->message), size = sizeof(failure->message);
	const char *word = vdpa_attribute_word(report->attribute);

	if (report->message[0])
		used += snprintf(failure->message + used, size - used, ": the kernel says \"%s\"",
				 report->message);
	if (used < size && report->attribute && word)
		snprintf(failure->message + used, size - used, " (%s%s)", word,
			 report->missing ? " is missing" : "");
	else if (used < size && report->attribute)
		snprintf(failure->message + used, size - used, " (attribute %u%s)",
			 report->attribute, report->missing ? " is missing" : "");
}

/* What any question of the family may be answered; @doing begins the sentence
 * ("cannot add it"). */
static int refused(const struct netlink *netlink, int rc, const char *object,
		   const char *doing, struct failure *failure)
{
	if (!failure)
		return rc;
	if (rc == -EPROTONOSUPPORT)	/* unloaded under a batch */
		return vdpa_explain_missing(failure);
	if (rc == -EPERM) {
		failure_set(failure, STATUS_DENIED, EPERM, object,
			    "%s: that needs the privilege CAP_NET_ADMIN", doing);
		failure_hint(failure, "run it as root");
	} else if (rc == -ENOBUFS) {
		failure_set(failure, STATUS_FAILED, ENOBUFS, object,
			    "%s: the kernel's answer was lost, what it did is unknown", doing);
		failure_hint(failure, "look with \"vdpa dev show\"");
	} else if (rc == -EBADMSG) {
		failure_set(failure, STATUS_FAILED, EBADMSG, object,
			    "%s: the kernel's answer cannot be understood", doing);
	} else {
		failure_errno(failure, -rc, object, "%s", doing);
	}
	append_report(&netlink->report, failure);
	return rc;
}

static int no_device(const struct netlink *netlink, const char *name, struct failure *failure)
{
	failure_set(failure, STATUS_NOT_FOUND, ENODEV, name, "there is no vDPA device of this name");
	failure_hint(failure, strchr(name, '/') ?
		     "the kernel writes \"!\" for \"/\" in a name; \"vdpa dev show\" lists them" :
		     "\"vdpa dev show\" lists them");
	if (failure)
		append_report(&netlink->report, failure);
	return -ENODEV;
}

static int no_mgmtdev(const struct netlink *netlink, const struct vdpa_handle *handle,
		      struct failure *failure)
{
	char text[VDPA_HANDLE_SIZE];

	failure_set(failure, STATUS_NOT_FOUND, ENODEV, vdpa_handle_text(handle, text),
		    "there is no management device of this name");
	failure_hint(failure, "\"vdpa mgmtdev show\" lists them");
	if (vdpa_handle_is_vduse(handle)) {
		failure_set(failure, STATUS_UNSUPPORTED, ENODEV, "vduse",
			    "the kernel has no VDUSE support: module vduse is not loaded");
		failure_hint(failure, "load it with \"modprobe vduse\"");
	}
	if (failure)
		append_report(&netlink->report, failure);
	return -ENODEV;
}

static bool put_text(union netlink_request *request, uint16_t type, const char *text)
{
	return mnl_attr_put_strz_check(&request->header, NETLINK_REQUEST_SIZE, type, text);
}

static bool put_handle(union netlink_request *request, const struct vdpa_handle *handle)
{
	if (handle->bus[0] &&
	    !put_text(request, VDPA_ATTR_MGMTDEV_BUS_NAME, handle->bus))
		return false;
	return put_text(request, VDPA_ATTR_MGMTDEV_DEV_NAME, handle->name);
}

int vdpa_get_mgmtdev(struct netlink *netlink, const struct vdpa_handle *handle,
		     struct buffer *answer, struct failure *failure)
{
	char text[VDPA_HANDLE_SIZE];
	union netlink_request request;
	int rc = -EMSGSIZE;

	netlink_start(netlink, &request, VDPA_CMD_MGMTDEV_GET, handle ? 0 : NLM_F_DUMP);
	if (!handle || put_handle(&request, handle))
		rc = netlink_ask(netlink, &request, true, answer);
	if (rc == 0)
		return 0;
	if (handle && rc == -ENODEV)
		return no_mgmtdev(netlink, handle, failure);
	return refused(netlink, rc, handle ? vdpa_handle_text(handle, text) : NULL,
		       "cannot list management devices", failure);
}

/* drivers/vdpa/vdpa.c: a device that its driver made by itself has no mdev. */
static int unmanaged(const struct netlink *netlink, const char *name, const char *doing,
		     struct failure *failure)
{
	failure_set(failure, STATUS_FAILED, EINVAL, name,
		    "%s: it is on the bus, but no management device made it, and of such a "
		    "device the kernel tells nothing", doing);
	if (failure)
		append_report(&netlink->report, failure);
	return -EINVAL;
}

static int get(struct netlink *netlink, uint8_t command, const char *name,
	       const char *doing, struct buffer *answer, struct failure *failure)
{
	union netlink_request request;
	int rc = -EMSGSIZE;

	netlink_start(netlink, &request, command, name ? 0 : NLM_F_DUMP);
	if (!name || put_text(&request, VDPA_ATTR_DEV_NAME, name))
		rc = netlink_ask(netlink, &request, true, answer);
	if (rc == 0)
		return 0;
	if (name && rc == -ENODEV)
		return no_device(netlink, name, failure);
	if (name && rc == -EINVAL)
		return unmanaged(netlink, name, doing, failure);
	return refused(netlink, rc, name, doing, failure);
}

int vdpa_get_device(struct netlink *netlink, const char *name, struct buffer *answer,
		    struct failure *failure)
{
	return get(netlink, VDPA_CMD_DEV_GET, name, "cannot list vDPA devices", answer, failure);
}

int vdpa_get_config(struct netlink *netlink, const char *name, struct buffer *answer,
		    struct failure *failure)
{
	return get(netlink, VDPA_CMD_DEV_CONFIG_GET, name, "cannot read its configuration",
		   answer, failure);
}

/* What is known of device @name: 0, or negative where it cannot be told. */
static int look_up(struct netlink *netlink, const char *name, struct vdpa_device *device)
{
	struct netlink_report report = netlink->report;
	struct buffer answer = { 0 };
	size_t length, offset = 0;
	const void *attributes;
	int rc = vdpa_get_device(netlink, name, &answer, NULL);

	attributes = rc == 0 ? netlink_next(&answer, &offset, &length) : NULL;
	rc = attributes ? vdpa_parse_device(attributes, length, device) : -EBADMSG;
	buffer_free(&answer);
	netlink->report = report;	/* of the question that was refused */
	return rc;
}

static int no_queue(const struct netlink *netlink, int rc, const char *name, uint16_t queue,
		    const struct vdpa_device *device, struct failure *failure)
{
	char doing[64];

	snprintf(doing, sizeof(doing), "cannot read the statistics of virtqueue %u", queue);
	refused(netlink, rc, name, doing, failure);
	if (VDPA_HAS(device, VDPA_ATTR_DEV_MAX_VQS) && queue >= device->max_vqs)
		failure_hint(failure, "it has %u virtqueues, counted from 0", device->max_vqs);
	return rc;
}

static int no_vstats(struct netlink *netlink, int rc, const char *name, uint16_t queue,
		     struct failure *failure)
{
	struct vdpa_device device = { 0 };
	char text[VDPA_HANDLE_SIZE];

	if (rc == -ENODEV)
		return no_device(netlink, name, failure);
	look_up(netlink, name, &device);
	if (rc == -EAGAIN) {
		failure_set(failure, STATUS_FAILED, EAGAIN, name,
			    "it has no statistics before a driver has agreed on features with it");
		failure_hint(failure, "\"vdpa dev bind\" gives it a driver");
	} else if (rc == -EOPNOTSUPP) {
		failure_set(failure, STATUS_FAILED, EOPNOTSUPP, name,
			    "a device of management device %s has no statistics of its virtqueues",
			    vdpa_handle_text(&device.mgmtdev, text));
	} else {
		return no_queue(netlink, rc, name, queue, &device, failure);
	}
	if (failure)
		append_report(&netlink->report, failure);
	return rc;
}

int vdpa_get_vstats(struct netlink *netlink, const char *name, uint16_t queue,
		    struct buffer *answer, struct failure *failure)
{
	union netlink_request request;
	int rc = -EMSGSIZE;

	netlink_start(netlink, &request, VDPA_CMD_DEV_VSTATS_GET, 0);
	if (put_text(&request, VDPA_ATTR_DEV_NAME, name) &&
	    mnl_attr_put_u32_check(&request.header, NETLINK_REQUEST_SIZE,
				   VDPA_ATTR_DEV_QUEUE_INDEX, queue))
		rc = netlink_ask(netlink, &request, true, answer);
	return rc < 0 ? no_vstats(netlink, rc, name, queue, failure) : 0;
}

static bool put_new(union netlink_request *request, const struct vdpa_new *device)
{
	struct nlmsghdr *header = &request->header;
	const size_t size = NETLINK_REQUEST_SIZE;

	if (!put_handle(request, &device->mgmtdev) ||
	    !put_text(request, VDPA_ATTR_DEV_NAME, device->name))
		return false;
	if (device->has_mac && !mnl_attr_put_check(header, size, VDPA_ATTR_DEV_NET_CFG_MACADDR,
						   sizeof(device->mac), device->mac))
		return false;
	if (device->has_mtu &&
	    !mnl_attr_put_u16_check(header, size, VDPA_ATTR_DEV_NET_CFG_MTU, device->mtu))
		return false;
	if (device->has_max_vqp &&
	    !mnl_attr_put_u16_check(header, size, VDPA_ATTR_DEV_NET_CFG_MAX_VQP,
				    device->max_vqp))
		return false;
	return !device->has_features ||
	       mnl_attr_put_u64_check(header, size, VDPA_ATTR_DEV_FEATURES, device->features);
}

/* What no management device of this kind can give a device when it is added. */
static void set_unsupported(const struct vdpa_new *device, struct failure *failure)
{
	char text[VDPA_HANDLE_SIZE];

	failure_set(failure, STATUS_FAILED, EOPNOTSUPP, device->name,
		    "management device %s cannot make a device so",
		    vdpa_handle_text(&device->mgmtdev, text));
	if (!vdpa_handle_is_vduse(&device->mgmtdev))
		return;
	failure_set(failure, STATUS_FAILED, EOPNOTSUPP, device->name,
		    "a VDUSE device is given its address, MTU, virtqueues and features when it "
		    "is created, not here");
	failure_hint(failure, "say \"mac\", \"mtu\", \"vqs\" or \"features\" to \"vduse create %s\"",
		     device->name);
}

static int not_added(const struct netlink *netlink, int rc, const struct vdpa_new *device,
		     struct failure *failure)
{
	switch (rc) {
	case -ENODEV:
		return no_mgmtdev(netlink, &device->mgmtdev, failure);
	case -EEXIST:
		failure_set(failure, STATUS_BUSY, EEXIST, device->name,
			    "there is a vDPA device of this name already");
		failure_hint(failure, "\"vdpa dev del\" takes it away");
		break;
	case -EOPNOTSUPP:
		set_unsupported(device, failure);
		break;
	default:
		return refused(netlink, rc, device->name, "cannot add it", failure);
	}
	if (failure)
		append_report(&netlink->report, failure);
	return rc;
}

int vdpa_new_device(struct netlink *netlink, const struct vdpa_new *device,
		    struct failure *failure)
{
	struct buffer answer = { 0 };
	union netlink_request request;
	int rc = -EMSGSIZE;

	netlink_start(netlink, &request, VDPA_CMD_DEV_NEW, 0);
	if (put_new(&request, device))
		rc = netlink_ask(netlink, &request, false, &answer);
	buffer_free(&answer);
	return rc < 0 ? not_added(netlink, rc, device, failure) : 0;
}

/*
 * Does the kernel know the command? It answers the bare question, which changes
 * nothing, with EINVAL (drivers/vdpa/vdpa.c, vdpa_nl_cmd_dev_attr_set_doit), but what
 * the family has not with EOPNOTSUPP (net/netlink/genetlink.c, genl_get_cmd).
 */
static bool knows_set(struct netlink *netlink)
{
	struct netlink_report report = netlink->report;
	struct buffer answer = { 0 };
	union netlink_request request;
	int rc;

	netlink_start(netlink, &request, VDPA_CMD_DEV_ATTR_SET, 0);
	rc = netlink_ask(netlink, &request, false, &answer);
	buffer_free(&answer);
	netlink->report = report;
	return rc != -EOPNOTSUPP;
}

static int not_set(struct netlink *netlink, const char *name, struct failure *failure)
{
	struct vdpa_device device = { 0 };
	char text[VDPA_HANDLE_SIZE];

	if (!knows_set(netlink)) {
		failure_set(failure, STATUS_FAILED, EOPNOTSUPP, name,
			    "this kernel cannot change a vDPA device; "
			    "Linux 6.12 is the first that can");
	} else if (look_up(netlink, name, &device) == 0 && vdpa_handle_is_vduse(&device.mgmtdev)) {
		failure_set(failure, STATUS_FAILED, EOPNOTSUPP, name,
			    "a VDUSE device is given its address when it is created, not here");
		failure_hint(failure, "say \"mac\" to \"vduse create %s\"", name);
	} else {
		failure_set(failure, STATUS_FAILED, EOPNOTSUPP, name,
			    "management device %s cannot change the address of a device",
			    vdpa_handle_text(&device.mgmtdev, text));
	}
	if (failure)
		append_report(&netlink->report, failure);
	return -EOPNOTSUPP;
}

/*
 * Linux 6.12 acknowledges a change of a device that is of a manager without network
 * devices with 0, and says only in words that it did nothing (drivers/vdpa/vdpa.c,
 * vdpa_nl_cmd_dev_attr_set_doit).
 */
static bool only_said(struct netlink *netlink, const char *name)
{
	struct vdpa_device device;

	return netlink->report.message[0] && look_up(netlink, name, &device) == 0 &&
	       device.type != DEVICE_TYPE_NET;
}

int vdpa_set_mac(struct netlink *netlink, const char *name, const uint8_t mac[6],
		 struct failure *failure)
{
	struct buffer answer = { 0 };
	union netlink_request request;
	int rc = -EMSGSIZE;

	netlink_start(netlink, &request, VDPA_CMD_DEV_ATTR_SET, 0);
	if (put_text(&request, VDPA_ATTR_DEV_NAME, name) &&
	    mnl_attr_put_check(&request.header, NETLINK_REQUEST_SIZE,
			       VDPA_ATTR_DEV_NET_CFG_MACADDR, 6, mac))
		rc = netlink_ask(netlink, &request, false, &answer);
	buffer_free(&answer);
	if (rc == -ENODEV)
		return no_device(netlink, name, failure);
	if (rc == -EOPNOTSUPP || (rc == 0 && only_said(netlink, name)))
		return not_set(netlink, name, failure);
	return rc < 0 ? refused(netlink, rc, name, "cannot change it", failure) : 0;
}

int vdpa_delete_device(struct netlink *netlink, const char *name, struct failure *failure)
{
	struct buffer answer = { 0 };
	union netlink_request request;
	int rc = -EMSGSIZE;

	netlink_start(netlink, &request, VDPA_CMD_DEV_DEL, 0);
	if (put_text(&request, VDPA_ATTR_DEV_NAME, name))
		rc = netlink_ask(netlink, &request, false, &answer);
	buffer_free(&answer);
	if (rc == -ENODEV)
		return no_device(netlink, name, failure);
	return rc < 0 ? refused(netlink, rc, name, "cannot delete it", failure) : 0;
}

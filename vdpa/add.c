// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "lib/features.h"
#include "lib/vdpa_attach.h"
#include "lib/vdpa_driver.h"
#include "lib/vdpa_usable.h"
#include "vdpa/vdpa.h"

/* Names of features, and changes of the default set, are those of the manager. */
static int read_features(struct netlink *netlink, const char *text, struct vdpa_new *device,
			 struct failure *failure)
{
	struct vdpa_mgmtdev mgmtdev = { 0 };
	struct buffer answer = { 0 };
	size_t length, offset = 0;
	const void *attributes;
	uint32_t type = DEVICE_TYPE_NET;
	int rc = vdpa_get_mgmtdev(netlink, &device->mgmtdev, &answer, failure);

	if (rc < 0)
		return rc;
	attributes = netlink_next(&answer, &offset, &length);
	if (attributes)
		vdpa_parse_mgmtdev(attributes, length, &mgmtdev);
	buffer_free(&answer);
	if (mgmtdev.classes && !(mgmtdev.classes & FEATURE(DEVICE_TYPE_NET)))
		type = DEVICE_TYPE_BLOCK;
	device->has_features = true;
	return features_parse(text, type, mgmtdev.features, true, &device->features, failure);
}

static int read_words(const struct cli_value *values, struct vdpa_new *device,
		      struct failure *failure)
{
	*device = (struct vdpa_new){
		.name = values[ADD_NAME].text,
		.has_mac = values[ADD_MAC].given,
		.has_mtu = values[ADD_MTU].given,
		.has_max_vqp = values[ADD_MAX_VQP].given,
		.mtu = values[ADD_MTU].number,
		.max_vqp = values[ADD_MAX_VQP].number,
	};
	memcpy(device->mac, values[ADD_MAC].mac, sizeof(device->mac));
	return vdpa_handle_parse(values[ADD_MGMTDEV].text, &device->mgmtdev, failure);
}

static void warn_unattached(struct call *call, const char *name)
{
	if (vdpa_driver_any(&sysfs_machine))
		call_warn(call, name, "it is on the bus without a driver, as drivers_autoprobe is "
			  "off; \"vdpa dev bind %s driver virtio_vdpa\" attaches it", name);
	else
		call_warn(call, name, "it is on the bus without a driver, as none is loaded; "
			  "\"vdpa dev bind %s driver virtio_vdpa\" loads one and attaches it",
			  name);
}

/* The kernel has no slash in the name of a device, and does not say so. */
static void warn_renamed(struct call *call, const char *asked, const char *name)
{
	if (strcmp(asked, name))
		call_warn(call, asked, "the kernel calls it \"%s\": that is its name from now on",
			  name);
}

static int add(struct call *call, struct netlink *netlink, struct vdpa_new *device,
	       struct failure *failure)
{
	const struct cli_value *features = &call->values[ADD_FEATURES];
	const struct cli_value *choice = &call->values[ADD_DRIVER];
	const char *driver = choice->given ? vdpa_driver_choices[choice->number] : NULL;
	struct vdpa_attached attached;
	char text[SYSFS_NAME_SIZE];
	const char *name = vdpa_kernel_name(device->name, text);
	int rc = 0;

	if (features->given)
		rc = read_features(netlink, features->text, device, failure);
	if (rc < 0)
		return rc;
	rc = vdpa_attach(&sysfs_machine, netlink, device, driver, &attached, failure);
	if (rc < 0)
		return rc;
	vdpa_pass_on(call, netlink, device->name);
	warn_renamed(call, device->name, name);
	if (!attached.driver[0])
		warn_unattached(call, name);
	else
		vdpa_usable_warn(call, &sysfs_machine, name, &attached);
	return 0;
}

int vdpa_dev_add(struct call *call, struct failure *failure)
{
	struct vdpa_new device;
	struct netlink *netlink;
	int rc = read_words(call->values, &device, failure);

	if (rc == 0)
		rc = vdpa_session_open(call, &netlink, failure);
	return rc < 0 ? rc : add(call, netlink, &device, failure);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "vdpa dev cdi": what a container runtime has to know to hand a device's vhost-vdpa node to a
 * container, as the Container Device Interface has it (SPEC.md in
 * github.com/cncf-tags/container-device-interface).
 *
 * The document needs no more than version 0.5.0, which is the first where a device's name may
 * begin with a digit. A runtime refuses one of a version that is newer than itself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "lib/vdpa_attach.h"
#include "vdpa/vdpa.h"

#define CDI_VERSION "0.5.0"
#define CDI_KIND "vduse-tools/vdpa"	/* vendor and class; a vendor need not be a domain */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ENDS LETTERS "0123456789"	/* what a name may begin and end with */
#define MIDDLE ENDS "_-.:"

/* May a device be called so there? */
static bool is_cdi_name(const char *name)
{
	size_t length = strlen(name);

	return length && strspn(name, MIDDLE) == length && strchr(ENDS, name[0]) &&
	       strchr(ENDS, name[length - 1]);
}

static int refuse_name(const char *name, struct failure *failure)
{
	failure_set(failure, STATUS_FAILED, EINVAL, name,
		    "CDI has no such name for a device: letters, digits and _-.: with a letter or "
		    "digit at both ends");
	failure_hint(failure, "write a specification with another name by hand; \"vdpa dev show\" "
		     "says which node it has");
	return -EINVAL;
}

static int refuse_other(const char *name, const struct vdpa_attached *attached,
			struct failure *failure)
{
	const char *driver = attached->driver;

	if (!strcmp(driver, VDPA_DRIVER_VHOST))
		return failure_set(failure, STATUS_FAILED, ENXIO, name, "its node is not there");
	failure_set(failure, STATUS_FAILED, ENXIO, name,
		    "it has no node that a container could have: its bus driver is %s",
		    driver[0] ? driver : "none");
	failure_hint(failure, "\"vdpa dev bind %.200s driver " VDPA_DRIVER_VHOST "\" makes one", name);
	return -ENXIO;
}

static int read_node(const char *name, struct vdpa_attached *attached, struct failure *failure)
{
	int rc = vdpa_need_attached(&sysfs_machine, name, attached, failure);

	if (rc < 0)
		return rc;
	return attached->chardev[0] && attached->rdev ? 0 : refuse_other(name, attached, failure);
}

/* Who may open it is not said: a runtime takes that from the node itself. No m: there is
 * nothing to make. */
static void put_node(struct output *out, const struct vdpa_attached *attached)
{
	char path[sizeof(attached->chardev) + 5];

	snprintf(path, sizeof(path), "/dev/%s", attached->chardev);
	output_begin_array(out, OUT_JSON, "deviceNodes");
	output_begin_object(out, OUT_JSON, NULL);
	output_string(out, OUT_JSON, "path", path);
	output_string(out, OUT_JSON, "type", "c");
	output_number(out, OUT_JSON, "major", major(attached->rdev));
	output_number(out, OUT_JSON, "minor", minor(attached->rdev));
	output_string(out, OUT_JSON, "permissions", "rw");
	output_end_object(out, OUT_JSON);
	output_end_array(out, OUT_JSON);
}

static void put_specification(struct output *out, const char *name,
			      const struct vdpa_attached *attached)
{
	output_as_json(out);
	output_string(out, OUT_JSON, "cdiVersion", CDI_VERSION);
	output_string(out, OUT_JSON, "kind", CDI_KIND);
	output_begin_array(out, OUT_JSON, "devices");
	output_begin_object(out, OUT_JSON, NULL);
	output_string(out, OUT_JSON, "name", name);
	output_begin_object(out, OUT_JSON, "containerEdits");
	put_node(out, attached);
	output_end_object(out, OUT_JSON);
	output_end_object(out, OUT_JSON);
	output_end_array(out, OUT_JSON);
}

int vdpa_dev_cdi(struct call *call, struct failure *failure)
{
	const char *name = call->values[0].text;
	struct vdpa_attached attached;
	int rc = read_node(name, &attached, failure);

	if (rc < 0)
		return rc;
	if (!is_cdi_name(name))
		return refuse_name(name, failure);
	put_specification(call->out, name, &attached);
	return 0;
}

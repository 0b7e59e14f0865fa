// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vduse_control.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vduse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/descriptor.h"
#include "lib/sysfs.h"
#include "lib/vduse_config.h"

#define CONTROL_NODE "/dev/vduse/control"

static_assert(DEVICE_NAME_MAX == VDUSE_NAME_MAX - 1, "lib/parse.h");
static_assert(VDUSE_CONFIG_SIZE <= VDUSE_TOOLS_CONFIG_MAX, "lib/vduse_config.h");

int vduse_explain_missing(struct failure *failure)
{
	failure_set(failure, STATUS_UNSUPPORTED, ENODEV, NULL,
		    "the kernel has no VDUSE: its module vduse is not loaded");
	failure_hint(failure, "modprobe vduse (a module of Linux 5.15 and later, where the "
			      "distribution builds it)");
	return -ENODEV;
}

/* The nodes are made by devtmpfs; in a container they are what it was given. */
static int explain_node_absent(struct failure *failure)
{
	failure_set(failure, STATUS_UNSUPPORTED, ENOENT, CONTROL_NODE,
		    "the module vduse is loaded, but its node is not in this /dev");
	failure_hint(failure, "mount devtmpfs, or give the container " CONTROL_NODE);
	return -ENOENT;
}

int vduse_explain_control(int errnum, bool loaded, struct failure *failure)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		if (loaded)
			return explain_node_absent(failure);
		vduse_explain_missing(failure);
		return -errnum;
	case ENXIO:
	case ENODEV:
		vduse_explain_missing(failure);
		return -errnum;
	case EACCES:
	case EPERM:
		failure_set(failure, STATUS_DENIED, errnum, CONTROL_NODE,
			    "creating and destroying devices needs write access to this "
			    "node, which is root's alone (mode 0600)");
		failure_hint(failure, "run it as root; in a container the device cgroup must "
				      "allow the node, too");
		return -errnum;
	default:
		return failure_errno(failure, errnum, CONTROL_NODE, "cannot open it");
	}
}

/*
 * Agree on the newest version that both know, 1 (Linux 7.0) or 0: a kernel answers EINVAL to
 * one that it does not. It must be said: what a descriptor speaks that nobody told depends
 * on the kernel. 0 or negative errno.
 */
static int agree_on_version(int fd)
{
	uint64_t version = VDUSE_API_VERSION_1;
	int rc = descriptor_call(fd, VDUSE_SET_API_VERSION, &version);

	if (rc != -EINVAL)
		return rc;
	version = VDUSE_API_VERSION;
	return descriptor_call(fd, VDUSE_SET_API_VERSION, &version);
}

int vduse_control_open(struct failure *failure)
{
	int rc, fd = open(CONTROL_NODE, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		rc = errno;
		return vduse_explain_control(
			rc, sysfs_exists(&sysfs_machine, "sys/class/vduse"), failure);
	}
	rc = agree_on_version(fd);
	if (rc == 0)
		return fd;
	rc = failure_errno(failure, -rc, CONTROL_NODE,
			   "it speaks neither version 1 nor 0 of the VDUSE interface");
	close(fd);
	return rc;
}

static int explain_refused_definition(const struct vduse_definition *definition,
				      struct failure *failure)
{
	failure_set(failure, STATUS_FAILED, EINVAL, definition->name,
		    "the kernel refuses a %s device with these features",
		    vduse_type_name(definition->type));
	if (definition->type == DEVICE_TYPE_NET)
		failure_hint(failure, "net devices need Linux 6.10 or later");
	return -EINVAL;
}

int vduse_explain_create(int errnum, const struct vduse_definition *definition,
			 struct failure *failure)
{
	const char *name = definition->name;

	switch (errnum) {
	case EEXIST:
		failure_set(failure, STATUS_BUSY, errnum, name,
			    "a VDUSE device of this name exists already");
		failure_hint(failure, "see \"vduse show\"; it stays until \"vduse destroy\"");
		return -errnum;
	case EPERM:
		failure_set(failure, STATUS_DENIED, errnum, name,
			    "creating a %s device needs the capability CAP_NET_ADMIN",
			    vduse_type_name(definition->type));
		failure_hint(failure, "run it as root of the initial user namespace");
		return -errnum;
	case EINVAL:
		return explain_refused_definition(definition, failure);
	case ENOSPC:
		return failure_set(failure, STATUS_FAILED, errnum, name,
				   "the kernel has no free number for another VDUSE device");
	default:
		return failure_errno(failure, errnum, name, "the kernel cannot create it");
	}
}

/*
 * Version 1 has words for virtqueue groups and address spaces where version 0 wants zeroes:
 * one of each is what a device of version 0 has (vduse_create_dev() in vduse_dev.c).
 */
static void ask_for_groups(int control, struct vduse_dev_config *config)
{
	const uint32_t one = 1;
	uint64_t version;

	if (descriptor_call(control, VDUSE_GET_API_VERSION, &version) < 0 ||
	    version < VDUSE_API_VERSION_1)
		return;
	memcpy((uint8_t *)config + offsetof(struct vduse_tools_dev_config_v1, ngroups), &one,
	       sizeof(one));
	memcpy((uint8_t *)config + offsetof(struct vduse_tools_dev_config_v1, nas), &one,
	       sizeof(one));
}

int vduse_control_create(int control, const struct vduse_definition *definition,
			 struct failure *failure)
{
	uint8_t space[VDUSE_CONFIG_SIZE];
	struct vduse_dev_config *config;
	size_t size = vduse_config_encode(definition, space);
	int rc;

	config = calloc(1, sizeof(*config) + sizeof(space));
	if (!config)
		return failure_errno(failure, ENOMEM, definition->name, "cannot create it");
	memcpy(config->name, definition->name, sizeof(config->name) - 1);
	config->vendor_id = definition->vendor;
	config->device_id = definition->type;
	config->features = definition->features;
	config->vq_num = definition->vqs;
	config->vq_align = definition->vq_align;
	config->config_size = size;
	memcpy(config->config, space, size);
	ask_for_groups(control, config);
	rc = descriptor_call(control, VDUSE_CREATE_DEV, config);
	free(config);
	return rc < 0 ? vduse_explain_create(-rc, definition, failure) : 0;
}

int vduse_explain_destroy(int errnum, const char *name, struct failure *failure)
{
	switch (errnum) {
	case EINVAL:	/* what the kernel says of a name that it does not know */
		failure_set(failure, STATUS_NOT_FOUND, ENODEV, name,
			    "there is no VDUSE device of this name");
		failure_hint(failure, "\"vduse show\" lists them");
		return -ENODEV;
	case EBUSY:
		failure_set(failure, STATUS_BUSY, errnum, name,
			    "the kernel still deletes its vDPA device, or a process out of sight "
			    "has its node open");
		failure_hint(failure, "a deletion ends when the device process is started again, "
			     "or after the device's msg_timeout");
		return -errnum;
	default:
		return failure_errno(failure, errnum, name, "the kernel cannot destroy it");
	}
}

int vduse_control_destroy(int control, const char *name, struct failure *failure)
{
	/* The kernel copies all of it, whatever the length of the name. */
	char padded[VDUSE_NAME_MAX] = "";
	int rc;

	if (!name_possible(name))
		return vduse_explain_destroy(EINVAL, name, failure);
	memcpy(padded, name, strlen(name));
	rc = descriptor_call(control, VDUSE_DESTROY_DEV, padded);
	return rc < 0 ? vduse_explain_destroy(-rc, name, failure) : 0;
}

int vduse_explain_node(int errnum, const char *name, bool loaded, struct failure *failure)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
	case ENXIO:
	case ENODEV:
		if (!loaded) {
			vduse_explain_missing(failure);
			return -errnum;
		}
		failure_set(failure, STATUS_NOT_FOUND, errnum, name,
			    "there is no VDUSE device of this name");
		failure_hint(failure, "\"vduse show\" lists them, \"vduse create\" makes one");
		return -errnum;
	case EBUSY:
		failure_set(failure, STATUS_BUSY, errnum, name,
			    "another process serves it: its node can be open once only");
		return -errnum;
	case EACCES:
	case EPERM:
		failure_set(failure, STATUS_DENIED, errnum, name,
			    "opening its node /dev/vduse/%s needs write access, which is "
			    "root's alone unless root gave it to others", name);
		failure_hint(failure, "run it as root, or change the owner of the node");
		return -errnum;
	default:
		return failure_errno(failure, errnum, name, "cannot open its node");
	}
}

int vduse_node_open(const char *name, struct failure *failure)
{
	char entry[SYSFS_NAME_SIZE], path[sizeof("/dev/vduse/") + SYSFS_NAME_SIZE];
	int fd, rc = ENOENT;

	if (sysfs_name(name, entry) == 0 && strcmp(entry, "control")) {
		snprintf(path, sizeof(path), "/dev/vduse/%s", entry);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		rc = errno;
	}
	return vduse_explain_node(rc, name, sysfs_exists(&sysfs_machine, "sys/class/vduse"),
				  failure);
}

int vduse_node_is_broken(const char *name)
{
	int rc, fd = vduse_node_open(name, NULL);
	uint64_t features;

	if (fd < 0)
		return fd;
	rc = descriptor_call(fd, VDUSE_DEV_GET_FEATURES, &features);
	close(fd);
	return rc == -EPERM ? 1 : rc;
}

int vduse_explain_broken(const char *name, struct failure *failure)
{
	failure_set(failure, STATUS_FAILED, EPIPE, name,
		    "the kernel has broken it for good, as a message was not answered within "
		    "its msg_timeout");
	failure_hint(failure, "\"vduse down %.200s\" ends it, then make it again", name);
	return -EPIPE;
}

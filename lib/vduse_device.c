// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vduse_device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/parse.h"
#include "lib/vduse_control.h"

int vduse_supported(const struct sysfs *fs, struct failure *failure)
{
	return sysfs_exists(fs, "sys/class/vduse") ? 0 : vduse_explain_missing(failure);
}

/* The folder's number in sysfs: kernfs gives none twice (its inode holds a generation). */
static int read_folder(const struct sysfs *fs, const char *entry, uint64_t *folder)
{
	char path[SYSFS_PATH_MAX];
	struct stat status;

	if (snprintf(path, sizeof(path), "%s/sys/class/vduse/%s", fs->root, entry) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	if (stat(path, &status))
		return -errno;
	*folder = status.st_ino;
	return 0;
}

static int count_virtqueue(void *context, int fd, const char *name)
{
	uint32_t *count = context;
	uint64_t index;

	(void)fd;
	if (!strncmp(name, "vq", 2) && !parse_number(name + 2, 0, UINT16_MAX, &index))
		(*count)++;
	return 0;
}

/*
 * The vDPA device is a child of the VDUSE device, under the same name. The bus's own
 * list would not do: a device of another manager may have the name there, and an entry
 * of the folder may have it here ("power").
 */
static bool is_attached(const struct sysfs *fs, const char *entry)
{
	char bus[16];

	return !sysfs_link_name(fs, bus, sizeof(bus), "sys/class/vduse/%s/%s/subsystem", entry,
				entry) && !strcmp(bus, "vdpa");
}

static bool read_attribute(const struct sysfs *fs, const char *entry, const char *attribute,
			   uint32_t *value)
{
	uint64_t number;

	if (sysfs_read_number(fs, &number, "sys/class/vduse/%s/%s", entry, attribute) ||
	    number > UINT32_MAX)
		return false;
	*value = number;
	return true;
}

/* @entry is what sysfs calls it. 0, or negative errno: -ENOENT where it is no device. */
static int read_entry(const struct sysfs *fs, const char *entry, struct vduse_device *device)
{
	int rc;

	memset(device, 0, sizeof(*device));
	if (!strcmp(entry, "control"))
		return -ENOENT;
	snprintf(device->name, sizeof(device->name), "%s", entry);
	rc = sysfs_read_device(fs, &device->node, "sys/class/vduse/%s/dev", entry);
	if (rc == 0)
		rc = read_folder(fs, entry, &device->folder);
	if (rc == 0)
		rc = sysfs_each(fs, count_virtqueue, &device->vqs, "sys/class/vduse/%s", entry);
	if (rc < 0)
		return rc;
	device->has_msg_timeout = read_attribute(fs, entry, "msg_timeout",
						 &device->msg_timeout);
	device->has_bounce_size = read_attribute(fs, entry, "bounce_size",
						 &device->bounce_size);
	device->attached = is_attached(fs, entry);
	return 0;
}

bool vduse_device_is_leaving(const struct sysfs *fs, const struct vduse_device *device)
{
	return !device->attached &&
	       sysfs_exists(fs, "sys/class/vduse/%s/%s", device->name, device->name);
}

static bool vanished(int rc)
{
	return rc == -ENOENT || rc == -ENODEV || rc == -ENOTDIR;
}

int vduse_device_read(const struct sysfs *fs, const char *name,
		      struct vduse_device *device, struct failure *failure)
{
	char entry[SYSFS_NAME_SIZE];
	int rc = vduse_supported(fs, failure);

	if (rc < 0)
		return rc;
	rc = sysfs_name(name, entry) ? -ENOENT : read_entry(fs, entry, device);
	if (vanished(rc))
		return vduse_explain_node(ENODEV, name, true, failure);
	if (rc < 0)
		return failure_errno(failure, -rc, name, "cannot read its state from sysfs");
	return 0;
}

struct lister {
	const struct sysfs *fs;
	struct vduse_device_list *list;
	size_t size;
};

static int list_entry(void *context, int fd, const char *name)
{
	struct lister *lister = context;
	struct vduse_device_list *list = lister->list;
	int rc;

	(void)fd;
	if (list->count == lister->size) {
		size_t size = lister->size ? lister->size * 2 : 16;
		struct vduse_device *grown = reallocarray(list->devices, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->devices = grown;
		lister->size = size;
	}
	rc = read_entry(lister->fs, name, &list->devices[list->count]);
	if (rc == 0)
		list->count++;
	return vanished(rc) ? 0 : rc;
}

static int by_name(const void *a, const void *b)
{
	const struct vduse_device *one = a, *other = b;

	return strverscmp(one->name, other->name);
}

int vduse_device_list_read(const struct sysfs *fs, struct vduse_device_list *list,
			   struct failure *failure)
{
	struct lister lister = { .fs = fs, .list = list };
	int rc = vduse_supported(fs, failure);

	*list = (struct vduse_device_list){ 0 };
	if (rc < 0)
		return rc;
	rc = sysfs_each(fs, list_entry, &lister, "sys/class/vduse");
	if (rc < 0) {
		vduse_device_list_free(list);
		return failure_errno(failure, -rc, NULL, "cannot list the VDUSE devices");
	}
	if (list->count)
		qsort(list->devices, list->count, sizeof(*list->devices), by_name);
	return 0;
}

void vduse_device_list_free(struct vduse_device_list *list)
{
	free(list->devices);
	*list = (struct vduse_device_list){ 0 };
}

int vduse_device_set(const struct sysfs *fs, const char *name, const char *attribute,
		     uint64_t value, struct failure *failure)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return vduse_device_set_text(fs, name, attribute, text, failure);
}

int vduse_device_set_text(const struct sysfs *fs, const char *name, const char *attribute,
			  const char *text, struct failure *failure)
{
	char entry[SYSFS_NAME_SIZE];
	int rc = sysfs_name(name, entry) ? -ENOENT : 0;

	if (rc == 0)
		rc = sysfs_write(fs, text, "sys/class/vduse/%s/%s", entry, attribute);
	if (rc >= 0)
		return 0;
	if (rc == -EPERM)
		return failure_set(failure, STATUS_FAILED, EPERM, name,
				   "%s can be changed only before the device is attached for "
				   "the first time", attribute);
	failure_errno(failure, -rc, name, "cannot set %s to %s", attribute, text);
	if (vanished(rc) && failure)
		failure->status = STATUS_FAILED;
	return rc;
}

int vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
			  struct device_identity *identity, struct failure *failure)
{
	int rc;

	memset(identity, 0, sizeof(*identity));
	identity->major = major(device->node);
	identity->minor = minor(device->node);
	identity->folder = device->folder;
	rc = sysfs_read(fs, identity->boot, sizeof(identity->boot),
			"proc/sys/kernel/random/boot_id");
	if (rc > 0)
		return 0;
	/* ENOENT would be taken for a record that is not there. */
	return failure_errno(failure, rc && rc != -ENOENT ? -rc : EPROTO, device->name,
			     "cannot read /proc/sys/kernel/random/boot_id, which tells one "
			     "device of a name from the next");
}

int vduse_device_record(const struct sysfs *fs, const char *folder,
			const struct vduse_device *device, struct registry_record *record,
			struct failure *failure)
{
	struct device_identity identity;
	int rc, registry = registry_open(folder, false, failure);

	if (registry == -ENOENT)
		return failure_set(failure, STATUS_NOT_FOUND, ENOENT, device->name,
				   "there is no record of what it was created as");
	if (registry < 0)
		return registry;
	rc = vduse_device_identity(fs, device, &identity, failure);
	if (rc == 0)
		rc = registry_read(registry, device->name, &identity, record, failure);
	close(registry);
	return rc;
}

bool vduse_device_is_ours(const struct sysfs *fs, const struct vduse_device *device)
{
	struct registry_record record;
	char folder[SYSFS_PATH_MAX];

	snprintf(folder, sizeof(folder), "%s%s", fs->root, REGISTRY_FOLDER);
	return vduse_device_record(fs, folder, device, &record, NULL) == 0 &&
	       record.definition.type == DEVICE_TYPE_NET;
}

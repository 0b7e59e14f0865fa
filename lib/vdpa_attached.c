// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_attached.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "lib/name.h"

#define DEVICES "sys/bus/vdpa/devices"
#define VIRTIO_DEVICES "sys/bus/virtio/devices"

static bool is_numbered(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return !strncmp(name, prefix, length) && name[length] &&
	       !name[length + strspn(name + length, "0123456789")];
}

static int note_child(void *context, int fd, const char *name)
{
	struct vdpa_attached *attached = context;

	(void)fd;
	if (is_numbered(name, "virtio"))
		name_copy(attached->virtio, sizeof(attached->virtio), name);
	else if (is_numbered(name, "vhost-vdpa-"))
		name_copy(attached->chardev, sizeof(attached->chardev), name);
	return attached->virtio[0] || attached->chardev[0];
}

struct first {
	char *name;
	size_t size;
};

static int note_first(void *context, int fd, const char *name)
{
	struct first *first = context;

	(void)fd;
	name_copy(first->name, first->size, name);
	return 1;
}

static void read_virtio(const struct sysfs *fs, const char *name,
			struct vdpa_attached *attached)
{
	struct first netdev = { attached->netdev, sizeof(attached->netdev) };
	struct first blockdev = { attached->blockdev, sizeof(attached->blockdev) };
	const char *virtio = attached->virtio;

	sysfs_link_name(fs, attached->virtio_driver, sizeof(attached->virtio_driver),
			DEVICES "/%s/%s/driver", name, virtio);
	if (sysfs_each(fs, note_first, &netdev, DEVICES "/%s/%s/net", name, virtio) > 0)
		sysfs_read_number(fs, &attached->ifindex, DEVICES "/%s/%s/net/%s/ifindex",
				  name, virtio, attached->netdev);
	else if (sysfs_each(fs, note_first, &blockdev, DEVICES "/%s/%s/block", name, virtio) > 0)
		sysfs_read_device(fs, &attached->rdev, DEVICES "/%s/%s/block/%s/dev",
				  name, virtio, attached->blockdev);
}

int vdpa_attached_read(const struct sysfs *fs, const char *device,
		       struct vdpa_attached *attached)
{
	char name[SYSFS_NAME_SIZE];
	int rc;

	vdpa_attached_clear(attached);
	if (sysfs_name(device, name) < 0)
		return -ENODEV;
	rc = sysfs_link_name(fs, attached->driver, sizeof(attached->driver),
			     DEVICES "/%s/driver", name);
	if (rc == -ENOENT)	/* none: is there a device? */
		return sysfs_exists(fs, DEVICES "/%s", name) ? 0 : -ENODEV;
	if (rc == 0)
		rc = sysfs_each(fs, note_child, attached, DEVICES "/%s", name);
	if (rc < 0)
		return rc == -ENOENT ? -ENODEV : rc;
	if (attached->virtio[0])
		read_virtio(fs, name, attached);
	if (attached->chardev[0])
		sysfs_read_device(fs, &attached->rdev, DEVICES "/%s/%s/dev", name,
				  attached->chardev);
	return 0;
}

static void put_node(struct output *out, const char *chardev)
{
	char node[sizeof(((struct vdpa_attached *)0)->chardev) + 5];

	if (!chardev[0])
		return;
	snprintf(node, sizeof(node), "/dev/%s", chardev);
	output_string(out, OUT_BOTH, "chardev", node);
}

static void put_rdev(struct output *out, dev_t rdev)
{
	char text[24];

	if (!rdev)
		return;
	snprintf(text, sizeof(text), "%u:%u", major(rdev), minor(rdev));
	output_string(out, OUT_JSON, "rdev", text);
}

void vdpa_attached_put(struct output *out, const struct vdpa_attached *attached)
{
	if (attached->driver[0])
		output_string(out, OUT_BOTH, "driver", attached->driver);
	if (attached->netdev[0])
		output_string(out, OUT_BOTH, "netdev", attached->netdev);
	if (attached->ifindex)
		output_number(out, OUT_JSON, "ifindex", attached->ifindex);
	put_node(out, attached->chardev);
	if (attached->blockdev[0])
		output_string(out, OUT_BOTH, "blockdev", attached->blockdev);
	put_rdev(out, attached->rdev);
}

bool vdpa_attached_works(const struct vdpa_attached *attached)
{
	if (!strcmp(attached->driver, VDPA_DRIVER_VHOST))
		return attached->chardev[0];
	if (!attached->virtio_driver[0])
		return false;
	if (!strcmp(attached->virtio_driver, "virtio_net"))
		return attached->netdev[0];
	if (!strcmp(attached->virtio_driver, "virtio_blk"))
		return attached->blockdev[0];
	return true;
}

int vdpa_virtio_status(const struct sysfs *fs, const char *virtio, uint8_t *status)
{
	uint64_t number;
	int rc = sysfs_read_number(fs, &number, VIRTIO_DEVICES "/%s/status", virtio);

	if (rc == 0)
		*status = number;
	return rc;
}

/* 64 characters '0' or '1', bit 0 first (drivers/virtio/virtio.c, features_show). */
int vdpa_virtio_features(const struct sysfs *fs, const char *virtio, uint64_t *features)
{
	char text[132];
	int rc = sysfs_read(fs, text, sizeof(text), VIRTIO_DEVICES "/%s/features", virtio);
	int bit;

	if (rc < 0)
		return rc;
	if (rc < 64 || strspn(text, "01") != (size_t)rc)
		return -EPROTO;
	*features = 0;
	for (bit = 0; bit < 64; bit++)
		if (text[bit] == '1')
			*features |= UINT64_C(1) << bit;
	return 0;
}

const char *vdpa_status_text(uint8_t status, char *text)
{
	static const struct {
		uint8_t bit;
		const char *name;
	} names[] = {
		{ VIRTIO_STATUS_ACKNOWLEDGE, "ACKNOWLEDGE" },
		{ VIRTIO_STATUS_DRIVER, "DRIVER" },
		{ VIRTIO_STATUS_FEATURES_OK, "FEATURES_OK" },
		{ VIRTIO_STATUS_DRIVER_OK, "DRIVER_OK" },
		{ 0x10, "bit_4" },	/* virtio 1.2 leaves these two unnamed, and */
		{ 0x20, "bit_5" },	/* nobody keeps a driver from writing them */
		{ VIRTIO_STATUS_NEEDS_RESET, "NEEDS_RESET" },
		{ VIRTIO_STATUS_FAILED, "FAILED" },
	};
	size_t i, used = 0;

	snprintf(text, VDPA_STATUS_TEXT, "reset");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (status & names[i].bit)
			used += snprintf(text + used, VDPA_STATUS_TEXT - used, "%s%s",
					 used ? " " : "", names[i].name);
	return text;
}

void vdpa_status_put(struct output *out, const char *key, uint8_t status)
{
	char text[VDPA_STATUS_TEXT], *save = NULL, *name;

	vdpa_status_text(status, text);
	output_begin_array(out, OUT_BOTH, key);
	for (name = strtok_r(text, " ", &save); name; name = strtok_r(NULL, " ", &save))
		output_element(out, OUT_BOTH, name);
	output_end_array(out, OUT_BOTH);
}

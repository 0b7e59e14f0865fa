// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_index.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/descriptor.h"
#include "lib/name.h"
#include "lib/parse.h"
#include "lib/vduse_definition.h"

#define DRIVERS "sys/bus/vdpa/drivers"

/* Small, for it is cold memory that costs most. The names are offsets; 0 is "". */
struct vdpa_index_entry {
	uint32_t name;		/* in sysfs */
	uint32_t driver;
	uint32_t virtio;
	uint32_t node;		/* interface, disk or vhost-vdpa-N */
	uint32_t ifindex;
	bool disk, vhost;
	dev_t rdev;
};

/* Bytes of the names of an entry, about: "lo0", "virtio2", "net", "eth0". */
#define USUAL_NAMES 32

/* The index, and what the folder that is being read is about. */
struct pass {
	struct vdpa_index *index;
	uint32_t driver;
	const char *kind;	/* "net", "block" */
	char prefix[16];	/* "511:" */
};

void vdpa_index_begin(const struct sysfs *fs, size_t expected, bool numbers, int socket,
		      struct vdpa_index *index)
{
	*index = (struct vdpa_index){
		.fs = fs, .expected = expected, .numbers = numbers, .socket = socket,
		.ask = socket >= 0,
	};
}

void vdpa_index_free(struct vdpa_index *index)
{
	free(index->slots);
	free(index->entries);
	buffer_free(&index->names);
	*index = (struct vdpa_index){ .socket = -1 };
}

/* -- the table ------------------------------------------------------------------------ */

static const char *name_at(const struct vdpa_index *index, uint32_t at)
{
	return at ? index->names.text + at : "";
}

/* Keep @length bytes, in which names end with NUL; the offset of the first. */
static uint32_t keep(struct vdpa_index *index, const char *bytes, size_t length)
{
	uint32_t at;

	if (!index->names.length) {
		buffer_room(&index->names, index->expected * USUAL_NAMES);
		buffer_add(&index->names, "", 1);
	}
	at = index->names.length;
	if (index->names.length + length > UINT32_MAX)
		index->names.broken = true;
	buffer_add(&index->names, bytes, length);
	return at;
}

/* The slot of @name, or the free one where it would stand (linear probing). */
static uint32_t *slot_of(const struct vdpa_index *index, const char *name)
{
	uint64_t hash;

	for (hash = hash_text(HASH_START, name);; hash++) {
		uint32_t *slot = &index->slots[hash & (index->size - 1)];

		if (!*slot || name_equal(name_at(index, index->entries[*slot - 1].name), name))
			return slot;
	}
}

static struct vdpa_index_entry *find(const struct vdpa_index *index, const char *name)
{
	uint32_t number = index->size ? *slot_of(index, name) : 0;

	return number ? &index->entries[number - 1] : NULL;
}

/* @size slots, a power of two, and half as many entries. */
static int resize(struct vdpa_index *index, size_t size)
{
	struct vdpa_index_entry *entries;
	uint32_t i, *slots = calloc(size, sizeof(*slots));

	entries = reallocarray(index->entries, size / 2, sizeof(*entries));
	if (entries)
		index->entries = entries;
	if (!entries || !slots) {
		free(slots);
		return -ENOMEM;
	}
	free(index->slots);
	index->slots = slots;
	index->size = size;
	for (i = 0; i < index->count; i++)
		*slot_of(index, name_at(index, entries[i].name)) = i + 1;
	return 0;
}

/* At least half of the slots are free. */
static int grow(struct vdpa_index *index)
{
	size_t size = index->size ? index->size : 16;

	while (size < 2 * (index->count + 1) || size < 2 * index->expected)
		size *= 2;
	return size > index->size ? resize(index, size) : 0;
}

/* The entry of the device whose name was kept at @name: a new one, or the one it has.
 * NULL when memory is short. */
static struct vdpa_index_entry *add(struct vdpa_index *index, uint32_t name)
{
	uint32_t *slot;

	if (index->names.broken || grow(index) < 0)
		return NULL;
	slot = slot_of(index, name_at(index, name));
	if (!*slot) {
		index->entries[index->count++] = (struct vdpa_index_entry){ .name = name };
		*slot = index->count;
	}
	return &index->entries[*slot - 1];
}

/* -- which device has which driver ------------------------------------------------- */

/* The folder of a driver holds, beside its attributes, a link for each device. A device
 * called like one of them could not be bound. */
static int note_bound(void *context, int fd, const char *name)
{
	static const char *const own[] = { "bind", "unbind", "uevent", "module", "new_id",
					   "remove_id" };
	struct pass *pass = context;
	struct vdpa_index_entry *entry;
	size_t i;

	(void)fd;
	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(name, own[i]))
			return 0;
	entry = add(pass->index, keep(pass->index, name, strlen(name) + 1));
	if (entry)
		entry->driver = pass->driver;
	return entry ? 0 : -ENOMEM;
}

static int note_driver(void *context, int fd, const char *name)
{
	struct vdpa_index *index = context;
	struct pass pass = { .index = index, .driver = keep(index, name, strlen(name) + 1) };
	int rc;

	(void)fd;
	rc = sysfs_each(index->fs, note_bound, &pass, DRIVERS "/%s", name);
	return rc == -ENOENT ? 0 : rc;
}

static int read_drivers(struct vdpa_index *index)
{
	int rc = index->drivers ? 0 : sysfs_each(index->fs, note_driver, index, DRIVERS);

	index->drivers = true;
	return rc == -ENOENT ? 0 : rc;
}

/* -- from what a driver made back to the device --------------------------------------- */

/* The last components of a path, each ended by a NUL, the last one first; those that it
 * has not are NULL. */
#define COMPONENTS 5

static void split(char *path, size_t length, char *components[COMPONENTS])
{
	char *at = path + length;
	int i = 0;

	memset(components, 0, COMPONENTS * sizeof(*components));
	while (i < COMPONENTS && at > path) {
		if (*--at != '/')
			continue;
		*at = '\0';
		components[i++] = at + 1;
	}
}

/* The target of the link @name in @folder into @path: its length, or 0. */
static size_t read_link(int folder, const char *name, char path[SYSFS_PATH_MAX])
{
	ssize_t n = readlinkat(folder, name, path, SYSFS_PATH_MAX);

	if (n <= 0 || n == SYSFS_PATH_MAX)
		return 0;
	path[n] = '\0';
	return n;
}

/*
 * Another bus may have a device of the same name above a virtio device. VDUSE devices
 * stand below a device of their own name, which no other virtio device does.
 */
static bool is_vdpa(const struct vdpa_index *index, const char *parent, const char *device,
		    const char *virtio)
{
	return (parent && name_equal(parent, device)) ||
	       sysfs_exists(index->fs, "sys/bus/vdpa/devices/%s/%s", device, virtio);
}

/*
 * A file takes three calls and forty times as long as the ioctl, which takes no lock
 * (net/core/dev_ioctl.c). But the ioctl asks the network namespace of its socket, which the
 * family answered and is the first one, where sysfs shows that of its mount: in a
 * container, under nsenter, they are two. Whether they are one is seen at two interfaces:
 * what sysfs shows of vDPA devices in another namespace was moved there out of the first,
 * and takes along a number that is not given again, unless somebody there has it already.
 */
#define COMPARED 2

static uint32_t read_file(int folder, const char *name)
{
	char path[SYSFS_NAME_SIZE + 16], text[16];
	uint64_t number = 0;
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "%s/ifindex", name);
	fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	length = descriptor_read(fd, text, sizeof(text));
	close(fd);
	if (length <= 0)
		return 0;
	text[length - 1] = '\0';	/* the line feed */
	return parse_number(text, 0, UINT32_MAX, &number) ? 0 : (uint32_t)number;
}

static uint32_t read_ifindex(struct vdpa_index *index, int folder, const char *name)
{
	struct ifreq request = { 0 };
	uint32_t number = 0;

	name_copy(request.ifr_name, sizeof(request.ifr_name), name);
	if (index->ask && request.ifr_name[0]) {
		if (descriptor_call(index->socket, SIOCGIFINDEX, &request) == 0)
			number = request.ifr_ifindex;
		if (index->compared == COMPARED)
			return number;
		index->compared++;
	}
	number = read_file(folder, name);
	index->ask = index->ask && number && number == (uint32_t)request.ifr_ifindex;
	return number;
}

static void add_numbers(struct vdpa_index *index, struct vdpa_index_entry *entry,
			int folder, const char *name)
{
	if (entry->disk)
		sysfs_read_device(index->fs, &entry->rdev, "sys/class/block/%s/dev", name);
	else
		entry->ifindex = read_ifindex(index, folder, name);
}

/* ../../devices/.../NAME/virtioN/net/IF */
static int note_virtio(void *context, int fd, const char *name)
{
	enum { NODE, KIND, VIRTIO, DEVICE, PARENT };
	struct pass *pass = context;
	struct vdpa_index *index = pass->index;
	struct vdpa_index_entry *entry;
	char path[SYSFS_PATH_MAX], *part[COMPONENTS];
	size_t length = read_link(fd, name, path);
	uint32_t at;

	split(path, length, part);
	if (!part[DEVICE] || !name_equal(part[KIND], pass->kind) ||
	    !name_begins(part[VIRTIO], "virtio") ||
	    !is_vdpa(index, part[PARENT], part[DEVICE], part[VIRTIO]))
		return 0;
	at = keep(index, part[DEVICE], path + length + 1 - part[DEVICE]);
	entry = add(index, at);
	if (!entry)
		return -ENOMEM;
	entry->disk = pass->kind[0] == 'b';
	entry->virtio = at + (part[VIRTIO] - part[DEVICE]);
	entry->node = at + (part[NODE] - part[DEVICE]);
	if (index->numbers)
		add_numbers(index, entry, fd, name);
	return 0;
}

/* 511:0 -> ../../devices/.../NAME/vhost-vdpa-0 */
static int note_node(void *context, int fd, const char *name)
{
	struct pass *pass = context;
	struct vdpa_index *index = pass->index;
	struct vdpa_index_entry *entry;
	char path[SYSFS_PATH_MAX], *part[COMPONENTS];

	if (strncmp(name, pass->prefix, strlen(pass->prefix)))
		return 0;
	split(path, read_link(fd, name, path), part);
	entry = part[1] ? find(index, part[1]) : NULL;
	if (!entry)
		return 0;
	entry->vhost = true;
	entry->node = keep(index, part[0], strlen(part[0]) + 1);
	entry->rdev = makedev(atoi(pass->prefix), atoi(name + strlen(pass->prefix)));
	return 0;
}

static int read_virtio(struct vdpa_index *index, const char *kind, bool *done)
{
	struct pass pass = { .index = index, .kind = kind };
	int rc = *done ? 0 : sysfs_each(index->fs, note_virtio, &pass, "sys/class/%s", kind);

	*done = true;
	return rc == -ENOENT ? 0 : rc;
}

/* The major number of the nodes stands in /proc/devices, as "511 vhost-vdpa". */
static int read_nodes(struct vdpa_index *index)
{
	struct pass pass = { .index = index };
	char text[8192], *line;
	unsigned int number;
	int rc;

	if (index->nodes)
		return 0;
	index->nodes = true;
	rc = sysfs_read(index->fs, text, sizeof(text), "proc/devices");
	if (rc < 0)
		return rc;
	line = strstr(text, " vhost-vdpa");
	while (line && line > text && line[-1] != '\n')
		line--;
	if (!line || sscanf(line, "%u", &number) != 1)
		return 0;
	snprintf(pass.prefix, sizeof(pass.prefix), "%u:", number);
	rc = sysfs_each(index->fs, note_node, &pass, "sys/dev/char");
	return rc == -ENOENT ? 0 : rc;
}

/* -- what is known of one ----------------------------------------------------------- */

static void fill(const struct vdpa_index *index, const struct vdpa_index_entry *entry,
		 struct vdpa_attached *attached)
{
	if (entry->virtio)
		name_copy(attached->driver, sizeof(attached->driver), VDPA_DRIVER_VIRTIO);
	else
		name_copy(attached->driver, sizeof(attached->driver), name_at(index, entry->driver));
	name_copy(attached->virtio, sizeof(attached->virtio), name_at(index, entry->virtio));
	if (entry->vhost)
		name_copy(attached->chardev, sizeof(attached->chardev), name_at(index, entry->node));
	else if (entry->disk)
		name_copy(attached->blockdev, sizeof(attached->blockdev), name_at(index, entry->node));
	else
		name_copy(attached->netdev, sizeof(attached->netdev), name_at(index, entry->node));
	attached->ifindex = entry->ifindex;
	attached->rdev = entry->rdev;
}

int vdpa_index_find(struct vdpa_index *index, const char *device, uint32_t type,
		    struct vdpa_attached *attached)
{
	struct vdpa_index_entry *entry;
	char name[SYSFS_NAME_SIZE];
	int rc;

	vdpa_attached_clear(attached);
	if (sysfs_name(device, name) < 0)
		return 0;
	if (type == DEVICE_TYPE_BLOCK)
		rc = read_virtio(index, "block", &index->disks);
	else
		rc = read_virtio(index, "net", &index->interfaces);
	entry = find(index, name);
	if (rc == 0 && (!entry || !entry->node)) {
		rc = read_drivers(index);
		entry = find(index, name);
	}
	if (rc == 0 && entry && name_equal(name_at(index, entry->driver), VDPA_DRIVER_VHOST))
		rc = read_nodes(index);
	if (rc == 0 && entry)
		fill(index, entry, attached);
	return index->names.broken ? -ENOMEM : rc;
}

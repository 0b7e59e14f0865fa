// SPDX-License-Identifier: GPL-2.0-or-later
#include "vdpa_tree.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/registry.h"
#include "lib/vduse_device.h"

#define DEVICES "sys/bus/vdpa/devices"

#define PATH(path, tree, format)						\
	char path[4096];							\
	do {									\
		va_list args_;							\
		int used_ = snprintf(path, sizeof(path), "%s/", (tree)->root);	\
		va_start(args_, format);					\
		vsnprintf(path + used_, sizeof(path) - used_, format, args_);	\
		va_end(args_);							\
	} while (0)

static void check(bool good, const char *path)
{
	if (good)
		return;
	perror(path);
	abort();
}

static void make_parents(struct tree *tree, char *path)
{
	char *slash = path + strlen(tree->root) + 1;

	while ((slash = strchr(slash, '/'))) {
		*slash = '\0';
		check(mkdir(path, 0755) == 0 || errno == EEXIST, path);
		*slash++ = '/';
	}
}

void tree_make(struct tree *tree)
{
	strcpy(tree->root, "/tmp/vt-tree-XXXXXX");
	check(mkdtemp(tree->root), tree->root);
	tree->fs.root = tree->root;
	tree_link(tree, "pid:[4026531836]", "proc/self/ns/pid");
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *where)
{
	(void)status;
	(void)flag;
	(void)where;
	return remove(path);
}

void tree_remove(struct tree *tree)
{
	nftw(tree->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void tree_file(struct tree *tree, const char *contents, const char *format, ...)
{
	FILE *file;
	PATH(path, tree, format);

	make_parents(tree, path);
	file = fopen(path, "w");
	check(file && fputs(contents, file) >= 0, path);
	check(fclose(file) == 0, path);
}

void tree_link(struct tree *tree, const char *target, const char *format, ...)
{
	PATH(path, tree, format);

	make_parents(tree, path);
	unlink(path);
	check(symlink(target, path) == 0, path);
}

void tree_folder(struct tree *tree, const char *format, ...)
{
	PATH(path, tree, format);

	make_parents(tree, path);
	check(mkdir(path, 0755) == 0 || errno == EEXIST, path);
}

void tree_delete(struct tree *tree, const char *format, ...)
{
	PATH(path, tree, format);

	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void tree_driver(struct tree *tree, const char *driver)
{
	tree_folder(tree, DEVICES);
	tree_file(tree, "1\n", "sys/bus/vdpa/drivers_autoprobe");
	tree_folder(tree, "sys/bus/vdpa/drivers");
	if (!driver)
		return;
	tree_file(tree, "", "sys/bus/vdpa/drivers/%s/bind", driver);
	tree_file(tree, "", "sys/bus/vdpa/drivers/%s/unbind", driver);
}

void tree_device(struct tree *tree, const char *device)
{
	tree_folder(tree, DEVICES "/%s/power", device);
	tree_file(tree, "(null)\n", DEVICES "/%s/driver_override", device);
}

static void link_driver(struct tree *tree, const char *device, const char *driver)
{
	char target[256];

	snprintf(target, sizeof(target), "../../../../bus/vdpa/drivers/%s", driver);
	tree_link(tree, target, DEVICES "/%s/driver", device);
}

void tree_virtio(struct tree *tree, const char *device, int number, const char *driver,
		 unsigned int status)
{
	const char *base = DEVICES;
	char text[80];

	link_driver(tree, device, "virtio_vdpa");
	tree_folder(tree, "%s/%s/virtio%d", base, device, number);
	snprintf(text, sizeof(text), "../../drivers/%s", driver ? driver : "");
	if (driver)
		tree_link(tree, text, "%s/%s/virtio%d/driver", base, device, number);
	if (driver && !strcmp(driver, "virtio_net"))
		tree_file(tree, "4\n", "%s/%s/virtio%d/net/eth0/ifindex", base, device, number);
	if (driver && !strcmp(driver, "virtio_blk"))
		tree_file(tree, "254:16\n", "%s/%s/virtio%d/block/vda/dev", base, device, number);
	snprintf(text, sizeof(text), "0x%08x\n", status);
	tree_file(tree, text, "sys/bus/virtio/devices/virtio%d/status", number);
	tree_file(tree, "0x0001\n", "sys/bus/virtio/devices/virtio%d/device", number);
	tree_file(tree, "virtio:d00000001v00000000\n", "sys/bus/virtio/devices/virtio%d/modalias",
		  number);
	tree_file(tree, "0001010000000000000000000000000011000000000000000000000000000000\n",
		  "sys/bus/virtio/devices/virtio%d/features", number);
}

void tree_vhost(struct tree *tree, const char *device, int number, bool node)
{
	link_driver(tree, device, "vhost_vdpa");
	tree_file(tree, "1:3\n", DEVICES "/%s/vhost-vdpa-%d/dev", device, number);
	if (node)
		tree_link(tree, "/dev/null", "dev/vhost-vdpa-%d", number);
}

static int no_virtio(void *context, int fd, const char *name)
{
	struct tree *tree = context;

	(void)fd;
	tree_delete(tree, "sys/bus/virtio/devices/%s", name);
	return 0;
}

void tree_unbind(struct tree *tree, const char *device)
{
	tree_delete(tree, DEVICES "/%s", device);
	sysfs_each(&tree->fs, no_virtio, tree, "sys/bus/virtio/devices");
	tree_device(tree, device);
}

void tree_vduse(struct tree *tree, const char *device, bool attached)
{
	tree_file(tree, "1:5\n", "sys/class/vduse/%s/dev", device);
	tree_file(tree, "30\n", "sys/class/vduse/%s/msg_timeout", device);
	tree_folder(tree, "sys/class/vduse/%s/vq0", device);
	if (attached)
		tree_link(tree, "../../../../../bus/vdpa", "sys/class/vduse/%s/%s/subsystem",
			  device, device);
}

void tree_record(struct tree *tree, const char *device, unsigned int type)
{
	struct registry_record record = { .identity = { .major = 0 } };
	struct vduse_device vduse;
	char folder[80];
	int registry;

	tree_folder(tree, "run");
	snprintf(folder, sizeof(folder), "%s/run/vduse", tree->root);
	tree_file(tree, "0b5b6e5e-7a1e-4b53-9f0c-5d6f2f2f3c11\n", "proc/sys/kernel/random/boot_id");
	registry = registry_open(folder, true, NULL);
	vduse_definition_default(&record.definition, device, type);
	record.definition.mac[0] = 2;
	check(registry >= 0 && vduse_device_read(&tree->fs, device, &vduse, NULL) == 0 &&
	      vduse_device_identity(&tree->fs, &vduse, &record.identity, NULL) == 0 &&
	      registry_write(registry, &record, NULL) == 0, "record");
	close(registry);
}

void tree_process(struct tree *tree, int pid, const char *command, char state, int parent,
		  const char *node)
{
	char text[128];

	snprintf(text, sizeof(text), "%d (%s) %c %d 0 0\n", pid, command, state, parent);
	tree_file(tree, text, "proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%s\n", command);
	tree_file(tree, text, "proc/%d/comm", pid);
	tree_link(tree, "/etc/passwd", "proc/%d/fd/0", pid);
	tree_link(tree, "socket:[123]", "proc/%d/fd/1", pid);
	if (node) {
		tree_link(tree, node, "proc/%d/fd/7", pid);
		tree_link(tree, node, "proc/%d/fd/8", pid);
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vdpa_index: what stands behind many devices, against lib/vdpa_attached, which walks
 * to each.
 * LDFLAGS: -Wl,--wrap=calloc -Wl,--wrap=ioctl */
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "lib/features.h"
#include "lib/vdpa_index.h"
#include "vdpa_tree.h"

static struct tree tree;
static struct vdpa_index index_;
static struct vdpa_attached found, read_;
static int calloc_fails, asked, kernel_ifindex, kernel_stays;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __wrap_ioctl(int fd, unsigned long request, struct ifreq *interface);

void *__wrap_calloc(size_t count, size_t size)
{
	return calloc_fails ? NULL : __real_calloc(count, size);
}

/* The only ioctl here is SIOCGIFINDEX. */
int __wrap_ioctl(int fd, unsigned long request, struct ifreq *interface)
{
	(void)fd;
	(void)request;
	asked++;
	if (!kernel_ifindex) {
		errno = ENODEV;
		return -1;
	}
	interface->ifr_ifindex = kernel_stays > 0 ? kernel_ifindex : kernel_ifindex++;
	kernel_stays--;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	tree_driver(&tree, "virtio_vdpa");
	tree_driver(&tree, "vhost_vdpa");
	tree_file(&tree, "Character devices:\n  1 mem\n511 vhost-vdpa\n 51 x\n\nBlock devices:\n",
		  "proc/devices");
	calloc_fails = asked = kernel_ifindex = kernel_stays = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

/* The links that the kernel has beside what tree_virtio() and tree_vhost() make.
 * @parent is "vduse/NAME" for a VDUSE device. */
static void link_bound(const char *driver, const char *device)
{
	tree_link(&tree, "../../../../devices/x", "sys/bus/vdpa/drivers/%s/%s", driver, device);
}

static void interface(const char *parent, const char *device, int number)
{
	char text[400];

	tree_device(&tree, device);
	tree_virtio(&tree, device, number, "virtio_net", 0xf);
	tree_delete(&tree, "sys/bus/vdpa/devices/%s/virtio%d/net", device, number);
	snprintf(text, sizeof(text), "%d\n", number + 10);
	tree_file(&tree, text, "sys/bus/vdpa/devices/%s/virtio%d/net/eth%d/ifindex", device,
		  number, number);
	tree_file(&tree, text, "sys/devices/%s/%s/virtio%d/net/eth%d/ifindex", parent, device,
		  number, number);
	snprintf(text, sizeof(text), "../../devices/%s/%s/virtio%d/net/eth%d", parent, device,
		 number, number);
	tree_link(&tree, text, "sys/class/net/eth%d", number);
	link_bound("virtio_vdpa", device);
}

static void disk(const char *device)
{
	char text[400];

	tree_device(&tree, device);
	tree_virtio(&tree, device, 7, "virtio_blk", 0xf);
	tree_file(&tree, "254:16\n", "sys/devices/%s/%s/virtio7/block/vda/dev", device, device);
	snprintf(text, sizeof(text), "../../devices/%s/%s/virtio7/block/vda", device, device);
	tree_link(&tree, text, "sys/class/block/vda");
	tree_file(&tree, "254:17\n", "sys/devices/%s/%s/virtio7/block/vda/vda1/dev", device, device);
	snprintf(text, sizeof(text), "../../devices/%s/%s/virtio7/block/vda/vda1", device, device);
	tree_link(&tree, text, "sys/class/block/vda1");
	link_bound("virtio_vdpa", device);
}

static void node(const char *device, int number)
{
	char text[400];

	tree_device(&tree, device);
	tree_vhost(&tree, device, number, false);
	snprintf(text, sizeof(text), "511:%d\n", number);
	tree_file(&tree, text, "sys/bus/vdpa/devices/%s/vhost-vdpa-%d/dev", device, number);
	snprintf(text, sizeof(text), "../../devices/%s/%s/vhost-vdpa-%d", device, device, number);
	tree_link(&tree, text, "sys/dev/char/511:%d", number);
	link_bound("vhost_vdpa", device);
}

/* Both tell the same. */
static void expect_same(const char *device, uint32_t type)
{
	assert_int_equal(vdpa_index_find(&index_, device, type, &found), 0);
	if (vdpa_attached_read(&tree.fs, device, &read_) < 0)
		memset(&read_, 0, sizeof(read_));
	assert_string_equal(found.driver, read_.driver);
	assert_string_equal(found.netdev, read_.netdev);
	assert_string_equal(found.blockdev, read_.blockdev);
	assert_string_equal(found.chardev, read_.chardev);
	if (found.virtio[0])
		assert_string_equal(found.virtio, read_.virtio);
	assert_int_equal(found.ifindex, read_.ifindex);
	assert_int_equal(found.rdev, read_.rdev);
}

static void every_kind(void **state)
{
	(void)state;
	interface("vduse/lo0", "lo0", 2);
	interface("vduse/lo10", "lo10", 3);
	interface("pci0000:00/0000:00:05.0", "vdpa0", 4);
	node("v0", 0);
	node("v1", 1);
	disk("d0");
	tree_device(&tree, "bare");
	tree_device(&tree, "moved");	/* its interface is in another namespace */
	tree_virtio(&tree, "moved", 9, NULL, 1);
	link_bound("virtio_vdpa", "moved");
	interface("vduse/a!b", "a!b", 5);
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	expect_same("lo0", DEVICE_TYPE_NET);
	assert_string_equal(found.netdev, "eth2");
	assert_int_equal(found.ifindex, 12);
	expect_same("lo10", DEVICE_TYPE_NET);
	expect_same("vdpa0", DEVICE_TYPE_NET);
	assert_string_equal(found.netdev, "eth4");
	expect_same("d0", DEVICE_TYPE_BLOCK);
	assert_int_equal(found.rdev, makedev(254, 16));
	expect_same("v1", DEVICE_TYPE_NET);
	assert_string_equal(found.chardev, "vhost-vdpa-1");
	assert_int_equal(found.rdev, makedev(511, 1));
	expect_same("v0", DEVICE_TYPE_BLOCK);
	expect_same("bare", DEVICE_TYPE_NET);
	expect_same("moved", DEVICE_TYPE_NET);
	assert_string_equal(found.driver, "virtio_vdpa");
	expect_same("a/b", DEVICE_TYPE_NET);
	assert_string_equal(found.netdev, "eth5");
	expect_same("none", DEVICE_TYPE_NET);
	expect_same("..", DEVICE_TYPE_NET);
	expect_same("bind", DEVICE_TYPE_NET);
	assert_string_equal(found.driver, "");
	vdpa_index_free(&index_);
}

/* A PCI device may be called what a vDPA device is called, and have a virtio device. */
static void a_namesake_on_another_bus(void **state)
{
	(void)state;
	tree_device(&tree, "0000:00:03.0");
	tree_virtio(&tree, "0000:00:03.0", 9, NULL, 1);
	link_bound("virtio_vdpa", "0000:00:03.0");
	tree_file(&tree, "3\n", "sys/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0/ifindex");
	tree_link(&tree, "../../devices/pci0000:00/0000:00:03.0/virtio0/net/eth0",
		  "sys/class/net/eth0");
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	expect_same("0000:00:03.0", DEVICE_TYPE_NET);
	assert_string_equal(found.netdev, "");
	vdpa_index_free(&index_);
}

static void other_links_are_passed_over(void **state)
{
	char name[300];

	(void)state;
	interface("vduse/lo0", "lo0", 2);
	tree_link(&tree, "../../devices/virtual/net/lo", "sys/class/net/lo");
	tree_link(&tree, "lo", "sys/class/net/short");
	tree_link(&tree, "/", "sys/class/net/root");
	tree_link(&tree, "a/net/b", "sys/class/net/three");
	tree_link(&tree, "virtio1/net/b", "sys/class/net/begin");
	tree_link(&tree, "../lo0/lo0/usb1/net/b", "sys/class/net/usb");
	tree_file(&tree, "", "sys/class/net/bonding_masters");
	memset(name, 'n', 255);
	name[255] = '\0';
	tree_link(&tree, "x/net/y", "sys/class/net/%s", name);
	vdpa_index_begin(&tree.fs, 3, false, -1, &index_);
	expect_same("none", DEVICE_TYPE_NET);
	assert_int_equal(vdpa_index_find(&index_, "lo0", DEVICE_TYPE_NET, &found), 0);
	assert_string_equal(found.netdev, "eth2");
	assert_int_equal(found.ifindex, 0);	/* it was not asked for */
	vdpa_index_free(&index_);
	assert_int_equal(asked, 0);
}

static void without_sysfs_nothing_is_known(void **state)
{
	(void)state;
	tree_delete(&tree, "sys");
	tree_delete(&tree, "proc/devices");
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	assert_int_equal(vdpa_index_find(&index_, "lo0", DEVICE_TYPE_NET, &found), 0);
	assert_string_equal(found.driver, "");
	assert_int_equal(vdpa_index_find(&index_, "lo0", DEVICE_TYPE_BLOCK, &found), 0);
	vdpa_index_free(&index_);
}

static void a_thousand(void **state)
{
	char name[64], parent[80];
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "device%d", i);
		snprintf(parent, sizeof(parent), "vduse/%s", name);
		if (i % 3)
			interface(parent, name, i);
		else
			node(name, i);
	}
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	for (i = 999; i >= 0; i--) {
		snprintf(name, sizeof(name), "device%d", i);
		expect_same(name, DEVICE_TYPE_NET);
		assert_string_not_equal(found.driver, "");
	}
	assert_int_equal(index_.count, 1000);
	vdpa_index_free(&index_);
}

/* The ioctl is believed where sysfs said the same of the first interfaces. */
static void numbers_by_ioctl(void **state)
{
	char name[32];
	int i;

	(void)state;
	for (i = 2; i < 10; i++) {
		snprintf(name, sizeof(name), "lo%d", i);
		interface("vduse/x", name, i);
	}
	kernel_ifindex = 1000;		/* another namespace's */
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	for (i = 2; i < 10; i++) {
		snprintf(name, sizeof(name), "lo%d", i);
		expect_same(name, DEVICE_TYPE_NET);
	}
	vdpa_index_free(&index_);
	assert_int_equal(asked, 1);
	assert_int_equal(found.ifindex, 19);

	/* the kernel counts on where sysfs stays: the first two are the same */
	for (i = 2; i < 10; i++)
		tree_file(&tree, "12\n", "sys/class/net/eth%d/ifindex", i);
	asked = 0;
	kernel_ifindex = 12;
	kernel_stays = 1;
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	assert_int_equal(vdpa_index_find(&index_, "lo2", DEVICE_TYPE_NET, &found), 0);
	vdpa_index_free(&index_);
	assert_int_equal(asked, 8);
	assert_int_equal(kernel_ifindex, 19);
}

/* The first interface has the same number in two namespaces, the others have not. */
static void numbers_of_another_namespace(void **state)
{
	char name[32];
	int i;

	(void)state;
	asked = 0;
	kernel_ifindex = 12;
	for (i = 2; i < 10; i++) {
		snprintf(name, sizeof(name), "lo%d", i);
		interface("vduse/x", name, i);
		tree_file(&tree, "12\n", "sys/class/net/eth%d/ifindex", i);
	}
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	assert_int_equal(vdpa_index_find(&index_, "lo2", DEVICE_TYPE_NET, &found), 0);
	assert_int_equal(found.ifindex, 12);
	assert_int_equal(vdpa_index_find(&index_, "lo9", DEVICE_TYPE_NET, &found), 0);
	assert_int_equal(found.ifindex, 12);
	vdpa_index_free(&index_);
	assert_int_equal(asked, 2);
}

static void what_goes_meanwhile(void **state)
{
	(void)state;
	interface("vduse/lo0", "lo0", 2);
	interface("vduse/lo1", "lo1", 3);
	tree_delete(&tree, "sys/devices/vduse/lo1/lo1");	/* behind its link */
	node("v0", 0);
	tree_link(&tree, "../../devices/v1/v1/vhost-vdpa-1", "sys/dev/char/511:1");
	tree_link(&tree, "gone", "sys/bus/vdpa/drivers/other");
	tree_link(&tree, "../../devices/x/gone/virtio9/net/eth9", "sys/class/net/eth9");
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	expect_same("lo0", DEVICE_TYPE_NET);
	expect_same("v0", DEVICE_TYPE_NET);
	assert_int_equal(vdpa_index_find(&index_, "lo1", DEVICE_TYPE_NET, &found), 0);
	assert_string_equal(found.driver, "virtio_vdpa");
	assert_int_equal(found.ifindex, 0);
	expect_same("v1", DEVICE_TYPE_NET);
	expect_same("gone", DEVICE_TYPE_NET);
	assert_string_equal(found.driver, "");
	vdpa_index_free(&index_);
}

static void short_memory(void **state)
{
	(void)state;
	interface("vduse/lo0", "lo0", 2);
	node("v0", 0);
	calloc_fails = 1;
	vdpa_index_begin(&tree.fs, 3, true, 0, &index_);
	assert_int_equal(vdpa_index_find(&index_, "lo0", DEVICE_TYPE_NET, &found), -ENOMEM);
	assert_int_equal(vdpa_index_find(&index_, "v0", DEVICE_TYPE_NET, &found), -ENOMEM);
	calloc_fails = 0;
	vdpa_index_free(&index_);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(a_namesake_on_another_bus, setup, teardown),
		cmocka_unit_test_setup_teardown(other_links_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(without_sysfs_nothing_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(a_thousand, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_by_ioctl, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_of_another_namespace, setup, teardown),
		cmocka_unit_test_setup_teardown(what_goes_meanwhile, setup, teardown),
		cmocka_unit_test_setup_teardown(short_memory, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

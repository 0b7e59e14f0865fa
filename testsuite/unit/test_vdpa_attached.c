// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vdpa_attached and lib/vdpa_usable: what stands behind a device, and whether it
 * works. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/vdpa_usable.h"
#include "vdpa_tree.h"

static struct tree tree;
static struct vdpa_attached attached;
static struct failure failure;

static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	tree_driver(&tree, NULL);
	memset(&failure, 0, sizeof(failure));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

static void no_device(void **state)
{
	(void)state;
	assert_int_equal(vdpa_attached_read(&tree.fs, "lo0", &attached), -ENODEV);
	assert_int_equal(vdpa_attached_read(&tree.fs, "..", &attached), -ENODEV);
	assert_int_equal(vdpa_attached_read(&tree.fs, ".", &attached), -ENODEV);
	assert_int_equal(vdpa_attached_read(&tree.fs, "", &attached), -ENODEV);
}

static void no_driver(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	assert_int_equal(vdpa_attached_read(&tree.fs, "lo0", &attached), 0);
	assert_string_equal(attached.driver, "");
	assert_false(vdpa_attached_works(&attached));
	/* nothing to wait for, and not for long */
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 1000000, &attached, &failure), 0);
}

static void an_interface(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_virtio(&tree, "lo0", 3, "virtio_net", 0xf);
	assert_int_equal(vdpa_attached_read(&tree.fs, "lo0", &attached), 0);
	assert_string_equal(attached.driver, "virtio_vdpa");
	assert_string_equal(attached.virtio, "virtio3");
	assert_string_equal(attached.virtio_driver, "virtio_net");
	assert_string_equal(attached.netdev, "eth0");
	assert_int_equal(attached.ifindex, 4);
	assert_string_equal(attached.blockdev, "");
	assert_string_equal(attached.chardev, "");
	assert_true(attached.rdev == 0);
	assert_true(vdpa_attached_works(&attached));
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 0, &attached, &failure), 0);
}

static void a_disk(void **state)
{
	(void)state;
	tree_device(&tree, "b0");
	tree_virtio(&tree, "b0", 0, "virtio_blk", 0xf);
	assert_int_equal(vdpa_attached_read(&tree.fs, "b0", &attached), 0);
	assert_string_equal(attached.blockdev, "vda");
	assert_true(attached.rdev == makedev(254, 16));
	assert_string_equal(attached.netdev, "");
	assert_true(vdpa_attached_works(&attached));
}

static void a_node(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_vhost(&tree, "lo0", 12, true);
	assert_int_equal(vdpa_attached_read(&tree.fs, "lo0", &attached), 0);
	assert_string_equal(attached.driver, "vhost_vdpa");
	assert_string_equal(attached.chardev, "vhost-vdpa-12");
	assert_true(attached.rdev == makedev(1, 3));
	assert_true(vdpa_attached_works(&attached));
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 0, &attached, &failure), 0);
}

static void a_node_that_is_missing(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_vhost(&tree, "lo0", 0, false);
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 20, &attached, &failure), -ENOENT);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_non_null(strstr(failure.message, "/dev/vhost-vdpa-0"));
	tree_link(&tree, "/dev/zero", "dev/vhost-vdpa-0");	/* that of another device */
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 20, &attached, &failure), -ENOENT);
}

static void another_type(void **state)
{
	(void)state;
	tree_device(&tree, "fs0");
	tree_virtio(&tree, "fs0", 1, "virtiofs", 0xf);
	assert_int_equal(vdpa_attached_read(&tree.fs, "fs0", &attached), 0);
	assert_true(vdpa_attached_works(&attached));
}

/* Only entries that are spelled like the drivers' own count. */
static void look_alikes(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_folder(&tree, "sys/bus/vdpa/devices/lo0/virtio");
	tree_folder(&tree, "sys/bus/vdpa/devices/lo0/virtio1x");
	tree_folder(&tree, "sys/bus/vdpa/devices/lo0/vhost-vdpa-");
	tree_link(&tree, "../../../../bus/vdpa/drivers/other", "sys/bus/vdpa/devices/lo0/driver");
	assert_int_equal(vdpa_attached_read(&tree.fs, "lo0", &attached), 0);
	assert_string_equal(attached.driver, "other");
	assert_string_equal(attached.virtio, "");
	assert_string_equal(attached.chardev, "");
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 0, &attached, &failure), -ENODEV);
	assert_non_null(strstr(failure.message, "other"));
}

static void name_with_a_slash(void **state)
{
	(void)state;
	tree_device(&tree, "a!b");
	assert_int_equal(vdpa_attached_read(&tree.fs, "a/b", &attached), 0);
}

static void driver_that_gave_up(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_virtio(&tree, "lo0", 2, NULL, 0x83);
	/* at once: there is nothing to wait for */
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 1000000, &attached, &failure),
			 -ENODEV);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_string_equal(failure.object, "lo0");
	assert_non_null(strstr(failure.message, "virtio2"));
	assert_non_null(strstr(failure.message, "before the features were agreed on"));
	assert_non_null(strstr(failure.message, "ACKNOWLEDGE DRIVER FAILED"));
	assert_non_null(strstr(failure.message, "0x300000028"));
}

static void driver_that_gave_up_later(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_virtio(&tree, "lo0", 2, NULL, 0x8b);
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 1000000, &attached, &failure),
			 -ENODEV);
	assert_null(strstr(failure.message, "before the features"));
	assert_non_null(strstr(failure.message, "ACKNOWLEDGE DRIVER FEATURES_OK FAILED"));
}

/* A broken VDUSE device: nothing that is written to it stays. */
static void device_without_status(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_virtio(&tree, "lo0", 2, NULL, 0);
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 1000000, &attached, &failure),
			 -ENODEV);
	assert_non_null(strstr(failure.message, "does not keep its status"));
}

static void driver_that_is_not_loaded(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_virtio(&tree, "lo0", 2, NULL, 1);
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 20, &attached, &failure), -ENODEV);
	assert_non_null(strstr(failure.message, "status ACKNOWLEDGE"));
	assert_non_null(strstr(failure.hint, "modprobe virtio_net"));
	tree_file(&tree, "0x0002\n", "sys/bus/virtio/devices/virtio2/device");
	vdpa_usable_wait(&tree.fs, "lo0", 0, &attached, &failure);
	assert_non_null(strstr(failure.hint, "modprobe virtio_blk"));
	tree_file(&tree, "0x001a\n", "sys/bus/virtio/devices/virtio2/device");
	vdpa_usable_wait(&tree.fs, "lo0", 0, &attached, &failure);
	assert_string_equal(failure.hint, "");
}

static void interface_that_is_not_there(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	tree_virtio(&tree, "lo0", 2, "virtio_net", 0xf);
	tree_delete(&tree, "sys/bus/vdpa/devices/lo0/virtio2/net");
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 20, &attached, &failure), -ENODEV);
	assert_non_null(strstr(failure.message, "virtio_net"));
	assert_non_null(strstr(failure.message, "no interface"));
}

static void device_that_goes_away(void **state)
{
	(void)state;
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 1000000, &attached, &failure),
			 -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
}

/* What a module or udev does in the meantime is waited for. */
static void waited_for(void **state)
{
	pid_t child;

	(void)state;
	tree_device(&tree, "lo0");
	tree_virtio(&tree, "lo0", 2, NULL, 1);
	child = fork();
	if (child == 0) {
		usleep(50000);
		tree_virtio(&tree, "lo0", 2, "virtio_net", 0xf);
		_exit(0);
	}
	assert_int_equal(vdpa_usable_wait(&tree.fs, "lo0", 100000, &attached, &failure), 0);
	assert_string_equal(attached.netdev, "eth0");
}

static void features_of_virtio(void **state)
{
	uint64_t features = 0;

	(void)state;
	tree_file(&tree, "1000000000000000000000000000000000000000000000000000000000000001\n",
		  "sys/bus/virtio/devices/virtio0/features");
	assert_int_equal(vdpa_virtio_features(&tree.fs, "virtio0", &features), 0);
	assert_true(features == ((UINT64_C(1) << 63) | 1));
	tree_file(&tree, "10\n", "sys/bus/virtio/devices/virtio0/features");
	assert_int_equal(vdpa_virtio_features(&tree.fs, "virtio0", &features), -EPROTO);
	tree_file(&tree, "100000000000000000000000000000000000000000000000000000000000000x\n",
		  "sys/bus/virtio/devices/virtio0/features");
	assert_int_equal(vdpa_virtio_features(&tree.fs, "virtio0", &features), -EPROTO);
	/* Linux 6.17 has 128 of them */
	tree_file(&tree, "1000000000000000000000000000000000000000000000000000000000000000"
		  "1111111111111111111111111111111111111111111111111111111111111111\n",
		  "sys/bus/virtio/devices/virtio0/features");
	assert_int_equal(vdpa_virtio_features(&tree.fs, "virtio0", &features), 0);
	assert_true(features == 1);
}

static void status_texts(void **state)
{
	char text[VDPA_STATUS_TEXT];

	(void)state;
	assert_string_equal(vdpa_status_text(0, text), "reset");
	assert_string_equal(vdpa_status_text(0xf, text),
			    "ACKNOWLEDGE DRIVER FEATURES_OK DRIVER_OK");
	assert_string_equal(vdpa_status_text(0xff, text),
			    "ACKNOWLEDGE DRIVER FEATURES_OK DRIVER_OK bit_4 bit_5 NEEDS_RESET "
			    "FAILED");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_device), TEST(no_driver), TEST(an_interface), TEST(a_disk), TEST(a_node),
		TEST(a_node_that_is_missing), TEST(another_type), TEST(look_alikes),
		TEST(name_with_a_slash), TEST(driver_that_gave_up), TEST(driver_that_gave_up_later),
		TEST(device_without_status), TEST(driver_that_is_not_loaded), TEST(interface_that_is_not_there),
		TEST(device_that_goes_away), TEST(waited_for), TEST(features_of_virtio),
		TEST(status_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vduse_device and vduse/in_use: devices as a sysfs tells them that the test made.
 * LDFLAGS: -Wl,--wrap=sysfs_write */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/vduse_device.h"
#include "vduse/in_use.h"

static char root[64];
static struct sysfs fs = { .root = root };
static struct failure failure;
static struct vduse_device device;

/* Run a command in the root. */
static void sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void sh(const char *format, ...)
{
	char command[2048];
	va_list args;
	int used = snprintf(command, sizeof(command), "cd %s && ", root);

	va_start(args, format);
	vsnprintf(command + used, sizeof(command) - used, format, args);
	va_end(args);
	if (system(command))
		fail_msg("%s", command);
}

/* /sys/class/vduse/NAME as Linux 6.12 lays it out, with @vqs virtqueues. */
static void add_device(const char *name, int minor_number, int vqs)
{
	sh("d='sys/devices/virtual/vduse/%s'; mkdir -p \"$d/power\"; echo 243:%d >\"$d/dev\";"
	   "echo 30 >\"$d/msg_timeout\"; echo 67108864 >\"$d/bounce_size\";"
	   "i=0; while [ $i -lt %d ]; do mkdir \"$d/vq$i\"; i=$((i+1)); done;"
	   "ln -s '../../devices/virtual/vduse/%s' 'sys/class/vduse/%s'",
	   name, minor_number, vqs, name, name);
}

static void attach(const char *name, const char *driver)
{
	sh("d=sys/devices/virtual/vduse/%s/%s; mkdir -p $d sys/bus/vdpa/devices sys/bus/vdpa/drivers/%s;"
	   "ln -s ../../../../../bus/vdpa $d/subsystem; ln -s ../../../../../bus/vdpa/drivers/%s $d/driver;"
	   "ln -s ../../../devices/virtual/vduse/%s/%s sys/bus/vdpa/devices/%s",
	   name, name, driver, driver, name, name, name);
}

/* What an attribute answers to a write; 0: the file takes it. */
static int write_answer;

int __wrap_sysfs_write(const struct sysfs *at, const char *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int __wrap_sysfs_write(const struct sysfs *at, const char *value, const char *format, ...)
{
	char path[SYSFS_PATH_MAX];
	va_list args;

	assert_ptr_equal(at, &fs);
	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (write_answer)
		return write_answer;
	sh("test -f %s && printf %%s %s >%s", path, value, path);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	write_answer = 0;
	strcpy(root, "/tmp/vt-sysfs-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	memset(&failure, 0, sizeof(failure));
	sh("mkdir -p sys/class/vduse sys/devices/virtual/vduse proc/sys/kernel/random run;"
	   "echo 23541ecc-e6c3-41c9-90f0-d027acf29759 >proc/sys/kernel/random/boot_id");
	add_device("control", 0, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sh("rm -rf %s", root);
	return 0;
}

static void read_device(const char *name)
{
	if (vduse_device_read(&fs, name, &device, &failure))
		fail_msg("%s", failure.message);
}

static void proc_74_no_module(void **state)
{
	struct vduse_device_list list;

	(void)state;
	sh("rm -r sys/class/vduse");
	assert_int_equal(vduse_device_read(&fs, "lo0", &device, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
	assert_non_null(strstr(failure.hint, "modprobe vduse"));
	memset(&failure, 0, sizeof(failure));
	assert_int_equal(vduse_device_list_read(&fs, &list, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
	assert_null(list.devices);
}

static void a_device(void **state)
{
	(void)state;
	add_device("lo0", 3, 2);
	read_device("lo0");
	assert_string_equal(device.name, "lo0");
	assert_int_equal(major(device.node), 243);
	assert_int_equal(minor(device.node), 3);
	assert_int_equal(device.vqs, 2);
	assert_true(device.has_msg_timeout && device.msg_timeout == 30);
	assert_true(device.has_bounce_size && device.bounce_size == 67108864);
	assert_false(device.attached);
	assert_true(device.folder != 0);
}

/* Older kernels have neither attribute nor virtqueue folders. */
static void what_the_kernel_does_not_tell_is_absent(void **state)
{
	(void)state;
	add_device("lo0", 1, 0);
	sh("rm sys/class/vduse/lo0/bounce_size; echo nonsense >sys/class/vduse/lo0/msg_timeout");
	read_device("lo0");
	assert_false(device.has_bounce_size);
	assert_false(device.has_msg_timeout);
	assert_int_equal(device.vqs, 0);
	sh("echo 4294967296 >sys/class/vduse/lo0/msg_timeout");
	read_device("lo0");
	assert_false(device.has_msg_timeout);
}

static void only_virtqueues_are_counted(void **state)
{
	(void)state;
	add_device("lo0", 1, 12);
	sh("mkdir sys/class/vduse/lo0/vqx sys/class/vduse/lo0/vq sys/class/vduse/lo0/vq1x");
	read_device("lo0");
	assert_int_equal(device.vqs, 12);
}

static void names_that_are_no_device(void **state)
{
	static const char *const names[] = { "nosuch", "control", ".", "..", "", "a/../lo0", "lo0/power" };
	size_t i;

	(void)state;
	add_device("lo0", 1, 2);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memset(&failure, 0, sizeof(failure));
		if (vduse_device_read(&fs, names[i], &device, &failure) != -ENODEV)
			fail_msg("\"%s\" is a device", names[i]);
		assert_int_equal(failure.status, STATUS_NOT_FOUND);
		assert_string_equal(failure.object, names[i]);
	}
}

static void slash_stands_as_exclamation_mark(void **state)
{
	(void)state;
	add_device("a!b", 1, 2);
	read_device("a/b");
	assert_string_equal(device.name, "a!b");
	read_device("a!b");
}

static void attached_is_a_child_on_the_vdpa_bus(void **state)
{
	(void)state;
	add_device("lo0", 1, 2);
	attach("lo0", "virtio_vdpa");
	read_device("lo0");
	assert_true(device.attached);
	/* An entry of its own name is none: "power" is in every folder. */
	add_device("power", 2, 1);
	sh("mkdir -p sys/class/vduse/power/power");
	read_device("power");
	assert_false(device.attached);
	/* A vDPA device of another manager may have the name. */
	add_device("lo1", 3, 2);
	sh("mkdir -p sys/bus/vdpa/devices/lo1");
	read_device("lo1");
	assert_false(device.attached);
}

static void leaving_is_off_the_bus_and_not_gone(void **state)
{
	(void)state;
	add_device("lo0", 1, 2);
	read_device("lo0");
	assert_false(vduse_device_is_leaving(&fs, &device));
	attach("lo0", "virtio_vdpa");
	read_device("lo0");
	assert_false(vduse_device_is_leaving(&fs, &device));
	sh("rm -r sys/bus/vdpa/devices/lo0 sys/class/vduse/lo0/lo0/subsystem");
	read_device("lo0");
	assert_false(device.attached);
	assert_true(vduse_device_is_leaving(&fs, &device));
	sh("rm -r sys/class/vduse/lo0/lo0");
	read_device("lo0");
	assert_false(vduse_device_is_leaving(&fs, &device));
}

static void list_is_in_order(void **state)
{
	static const char *const expected[] = { "b", "lo1", "lo2", "lo10" };
	struct vduse_device_list list;
	size_t i;

	(void)state;
	assert_int_equal(vduse_device_list_read(&fs, &list, &failure), 0);
	assert_int_equal(list.count, 0);
	vduse_device_list_free(&list);
	add_device("lo10", 1, 2);
	add_device("lo2", 2, 2);
	add_device("b", 3, 1);
	add_device("lo1", 4, 2);
	assert_int_equal(vduse_device_list_read(&fs, &list, &failure), 0);
	assert_int_equal(list.count, 4);
	for (i = 0; i < 4; i++)
		assert_string_equal(list.devices[i].name, expected[i]);
	vduse_device_list_free(&list);
	assert_null(list.devices);
}

static void long_list(void **state)
{
	struct vduse_device_list list;
	int i;

	(void)state;
	sh("i=0; while [ $i -lt 100 ]; do mkdir sys/class/vduse/d$i; "
	   "echo 243:$i >sys/class/vduse/d$i/dev; i=$((i+1)); done");
	assert_int_equal(vduse_device_list_read(&fs, &list, &failure), 0);
	assert_int_equal(list.count, 100);
	for (i = 0; i < 100; i++)
		assert_int_equal(minor(list.devices[i].node), i);
	vduse_device_list_free(&list);
}

/* Case 92: it was in the list, and its folder is empty now, or gone. */
static void cli_92_vanishing_devices_are_left_out(void **state)
{
	struct vduse_device_list list;

	(void)state;
	add_device("lo0", 1, 2);
	add_device("lo1", 2, 2);
	add_device("lo2", 3, 2);
	sh("rm sys/class/vduse/lo1/dev; rm -r sys/devices/virtual/vduse/lo2");
	assert_int_equal(vduse_device_list_read(&fs, &list, &failure), 0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.devices[0].name, "lo0");
	vduse_device_list_free(&list);
}

static void unreadable_device_is_an_error(void **state)
{
	struct vduse_device_list list;

	(void)state;
	add_device("lo0", 1, 2);
	sh("echo nonsense >sys/class/vduse/lo0/dev");
	assert_int_equal(vduse_device_read(&fs, "lo0", &device, &failure), -EPROTO);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_int_equal(vduse_device_list_read(&fs, &list, &failure), -EPROTO);
	assert_null(list.devices);
}

static void attributes_are_written(void **state)
{
	char value[32];

	(void)state;
	add_device("lo0", 1, 2);
	assert_int_equal(vduse_device_set(&fs, "lo0", "msg_timeout", 5, &failure), 0);
	sysfs_read(&fs, value, sizeof(value), "sys/class/vduse/lo0/msg_timeout");
	assert_int_equal(value[0], '5');
	assert_int_equal(failure.status, STATUS_OK);
}

static void attributes_that_refuse(void **state)
{
	static const struct {
		int answer;
		enum exit_status status;
		const char *says;
	} rows[] = {
		/* on this attribute EPERM means too late, not denied */
		{ -EPERM, STATUS_FAILED, "attached for the first time" },
		{ -EACCES, STATUS_DENIED, "cannot set bounce_size to 5: Permission" },
		{ -ENOENT, STATUS_FAILED, "cannot set bounce_size to 5: No such file" },
		{ -ENODEV, STATUS_FAILED, "cannot set bounce_size to 5" },
		{ -EINVAL, STATUS_FAILED, "cannot set bounce_size to 5: Invalid" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&failure, 0, sizeof(failure));
		write_answer = rows[i].answer;
		assert_int_equal(vduse_device_set(&fs, "lo0", "bounce_size", 5, &failure),
				 rows[i].answer);
		assert_int_equal(failure.status, rows[i].status);
		assert_string_equal(failure.object, "lo0");
		if (!strstr(failure.message, rows[i].says))
			fail_msg("%s", failure.message);
		assert_int_equal(vduse_device_set(&fs, "lo0", "bounce_size", 5, NULL),
				 rows[i].answer);
	}
	write_answer = 0;
	assert_int_equal(vduse_device_set(&fs, "..", "dev", 5, &failure), -ENOENT);
}

static void identity_of_a_device(void **state)
{
	struct device_identity one, other;

	(void)state;
	add_device("lo0", 3, 2);
	add_device("lo1", 3, 2);
	read_device("lo0");
	assert_int_equal(vduse_device_identity(&fs, &device, &one, &failure), 0);
	assert_string_equal(one.boot, "23541ecc-e6c3-41c9-90f0-d027acf29759");
	assert_int_equal(one.major, 243);
	assert_int_equal(one.minor, 3);
	assert_true(one.folder == device.folder);
	read_device("lo1");
	assert_int_equal(vduse_device_identity(&fs, &device, &other, &failure), 0);
	assert_false(device_identity_equal(&one, &other));
	sh("rm proc/sys/kernel/random/boot_id");
	assert_int_equal(vduse_device_identity(&fs, &device, &other, &failure), -EPROTO);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_true(failure.message[0]);
	sh(": >proc/sys/kernel/random/boot_id");
	assert_int_equal(vduse_device_identity(&fs, &device, &other, &failure), -EPROTO);
}

static void record_belongs_to_the_device(void **state)
{
	struct registry_record record = { .identity = { .major = 0 } }, read;
	char folder[128];
	int registry;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/run/vduse", root);
	add_device("lo0", 3, 2);
	read_device("lo0");
	assert_int_equal(vduse_device_record(&fs, folder, &device, &read, &failure), -ENOENT);
	assert_non_null(strstr(failure.message, "no record"));
	registry = registry_open(folder, true, &failure);
	assert_int_equal(vduse_device_record(&fs, folder, &device, &read, &failure), -ENOENT);
	vduse_definition_default(&record.definition, "lo0", DEVICE_TYPE_NET);
	record.definition.mac[0] = 2;
	assert_int_equal(vduse_device_identity(&fs, &device, &record.identity, &failure), 0);
	assert_int_equal(registry_write(registry, &record, &failure), 0);
	assert_int_equal(vduse_device_record(&fs, folder, &device, &read, &failure), 0);
	assert_true(read.definition.features == FEATURES_NET_DEFAULT);
	sh("mv proc/sys/kernel/random/boot_id boot_id");
	assert_int_equal(vduse_device_record(&fs, folder, &device, &read, &failure), -EPROTO);
	assert_non_null(strstr(failure.message, "boot_id"));
	sh("mv boot_id proc/sys/kernel/random/boot_id");
	/* Destroyed and made again by someone else: a new folder, the same number. */
	sh("rm -r sys/class/vduse/lo0; mv sys/devices/virtual/vduse/lo0 sys/old; mkdir sys/new");
	add_device("lo0", 3, 2);
	read_device("lo0");
	assert_int_equal(vduse_device_record(&fs, folder, &device, &read, &failure), -ESTALE);
	sh("chmod 777 run/vduse");
	assert_int_equal(vduse_device_record(&fs, folder, &device, &read, &failure), -EPERM);
	close(registry);
}

static void unused_device_may_go(void **state)
{
	(void)state;
	add_device("lo0", 3, 2);
	assert_int_equal(in_use_check(&fs, "lo0", &failure), 0);
	assert_int_equal(in_use_check(&fs, "nosuch", &failure), 0);
}

static void attached_device_may_not_go(void **state)
{
	(void)state;
	add_device("lo0", 3, 2);
	attach("lo0", "virtio_vdpa");
	sh("mkdir -p sys/bus/vdpa/devices/lo0/virtio3/net/eth0;"
	   "echo 7 >sys/bus/vdpa/devices/lo0/virtio3/net/eth0/ifindex");
	assert_int_equal(in_use_check(&fs, "lo0", &failure), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_string_equal(failure.message, "it is attached to the vDPA bus (driver "
			    "virtio_vdpa, interface eth0)");
	assert_string_equal(failure.hint, "first \"vdpa dev del lo0\"");
	sh("rm -r sys/bus/vdpa/devices/lo0/virtio3; rm sys/bus/vdpa/devices/lo0/driver");
	assert_int_equal(in_use_check(&fs, "lo0", &failure), -EBUSY);
	assert_string_equal(failure.message, "it is attached to the vDPA bus");
}

/* A process of the made /proc that has a node of the class open: /dev/null stands for
 * it, whose number the device is given. */
static void add_process(int pid)
{
	struct stat null;

	assert_int_equal(stat("/dev/null", &null), 0);
	sh("echo %u:%u >sys/class/vduse/lo0/dev; mkdir -p proc/%d/fd; echo serve >proc/%d/comm;"
	   "echo '%d (serve) S 1' >proc/%d/stat; ln -s /dev/null proc/%d/fd/3",
	   major(null.st_rdev), minor(null.st_rdev), pid, pid, pid, pid, pid);
}

static void served_device_may_not_go(void **state)
{
	(void)state;
	add_device("lo0", 3, 2);
	add_process(231);
	assert_int_equal(in_use_check(&fs, "lo0", &failure), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_string_equal(failure.message, "process 231 (serve) has its node open");
	assert_string_equal(failure.hint, "end process 231 first");
	attach("lo0", "vhost_vdpa");
	sh("mkdir sys/bus/vdpa/devices/lo0/vhost-vdpa-4");
	assert_int_equal(in_use_check(&fs, "lo0", &failure), -EBUSY);
	assert_string_equal(failure.message, "it is attached to the vDPA bus (driver vhost_vdpa, "
			    "node /dev/vhost-vdpa-4) and process 231 (serve) serves it");
	assert_string_equal(failure.hint, "first \"vdpa dev del lo0\", then end process 231");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(proc_74_no_module),
		TEST(a_device),
		TEST(what_the_kernel_does_not_tell_is_absent),
		TEST(only_virtqueues_are_counted),
		TEST(names_that_are_no_device),
		TEST(slash_stands_as_exclamation_mark),
		TEST(attached_is_a_child_on_the_vdpa_bus), TEST(leaving_is_off_the_bus_and_not_gone),
		TEST(list_is_in_order),
		TEST(long_list),
		TEST(cli_92_vanishing_devices_are_left_out),
		TEST(unreadable_device_is_an_error),
		TEST(attributes_are_written),
		TEST(attributes_that_refuse),
		TEST(identity_of_a_device),
		TEST(record_belongs_to_the_device),
		TEST(unused_device_may_go),
		TEST(attached_device_may_not_go),
		TEST(served_device_may_not_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

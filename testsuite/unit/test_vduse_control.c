// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vduse_control: what each errno of each node means, and the calls themselves.
 * LDFLAGS: -Wl,--wrap=open -Wl,--wrap=ioctl */
#include <errno.h>
#include <fcntl.h>
#include <linux/vduse.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/vduse_config.h"
#include "lib/vduse_control.h"

#define A_DESCRIPTOR 77

/* What open(2) and ioctl(2) answer to the code under test, and what they were given. */
static struct {
	bool on;
	int open_errno;
	char opened[400];
	int open_flags;
	int ioctl_errno;
	unsigned int interrupted;	/* times that a signal comes first */
	unsigned long request;
	uint64_t version;	/* as it was said last */
	uint64_t newest;	/* that the kernel knows */
	unsigned int said;	/* how often */
	char name[VDUSE_NAME_MAX];
	/* what CREATE_DEV was given, the configuration space behind it */
	_Alignas(struct vduse_dev_config)
	uint8_t config[sizeof(struct vduse_dev_config) + VDUSE_CONFIG_SIZE];
} kernel;

static const struct vduse_dev_config *created(void)
{
	return (const void *)kernel.config;
}

static struct failure failure;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_open(const char *path, int flags, ...)
{
	if (!kernel.on)
		return __real_open(path, flags);
	snprintf(kernel.opened, sizeof(kernel.opened), "%s", path);
	kernel.open_flags = flags;
	errno = kernel.open_errno;
	/* A descriptor that the code may close. */
	return kernel.open_errno ? -1 : fcntl(2, F_DUPFD_CLOEXEC, A_DESCRIPTOR);
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (!kernel.on)
		return __real_ioctl(fd, request, argument);
	if (kernel.interrupted) {
		kernel.interrupted--;
		errno = EINTR;
		return -1;
	}
	if (request == VDUSE_GET_API_VERSION) {
		*(uint64_t *)argument = kernel.said ? kernel.version : kernel.newest;
		return 0;
	}
	kernel.request = request;
	if (request == VDUSE_SET_API_VERSION) {
		kernel.said++;
		kernel.version = *(uint64_t *)argument;
		if (kernel.version > kernel.newest && !kernel.ioctl_errno) {
			errno = EINVAL;
			return -1;
		}
	}
	if (request == VDUSE_DESTROY_DEV)
		memcpy(kernel.name, argument, sizeof(kernel.name));
	if (request == VDUSE_CREATE_DEV)
		memcpy(kernel.config, argument, sizeof(kernel.config));
	errno = kernel.ioctl_errno;
	return kernel.ioctl_errno ? -1 : 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&failure, 0, sizeof(failure));
	memset(&kernel, 0, sizeof(kernel));
	kernel.on = true;
	kernel.version = 99;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	kernel.on = false;
	return 0;
}

static struct vduse_definition definition_of(const char *name)
{
	struct vduse_definition definition;

	vduse_definition_default(&definition, name, DEVICE_TYPE_NET);
	definition.mac[0] = 2;
	definition.vendor = 0x1af4;
	return definition;
}

/* From Linux 7.0 on a descriptor that nobody told speaks the newest version. */
static void version_is_said_before_anything(void **state)
{
	uint64_t newest;
	int fd;

	(void)state;
	for (newest = 0; newest < 4; newest++) {
		kernel.newest = newest;
		kernel.request = 0;
		fd = vduse_control_open(&failure);
		assert_true(fd >= 0);
		assert_string_equal(kernel.opened, "/dev/vduse/control");
		assert_int_equal(kernel.open_flags, O_RDWR | O_CLOEXEC);
		assert_int_equal(kernel.request, VDUSE_SET_API_VERSION);
		assert_int_equal(kernel.version, newest ? 1 : 0);
		close(fd);
	}
}

/* A kernel that takes no version at all is no reason to go on. */
static void a_version_that_nobody_takes(void **state)
{
	(void)state;
	kernel.ioctl_errno = EINVAL;
	assert_int_equal(vduse_control_open(&failure), -EINVAL);
	assert_int_equal(kernel.said, 2);
	assert_non_null(strstr(failure.message, "neither version 1 nor 0"));
	assert_int_equal(fcntl(A_DESCRIPTOR, F_GETFD), -1);
}

static void other_node_is_no_control_node(void **state)
{
	(void)state;
	kernel.ioctl_errno = ENOTTY;
	assert_int_equal(vduse_control_open(&failure), -ENOTTY);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_int_equal(fcntl(A_DESCRIPTOR, F_GETFD), -1);	/* closed again */
}

static void errnos_of_the_control_node(void **state)
{
	static const struct {
		int errnum;
		bool loaded;
		enum exit_status status;
		const char *says;
	} rows[] = {
		{ ENOENT, false, STATUS_UNSUPPORTED, "modprobe vduse" },
		{ ENOTDIR, false, STATUS_UNSUPPORTED, "modprobe vduse" },
		{ ENXIO, false, STATUS_UNSUPPORTED, "modprobe vduse" },
		{ ENODEV, true, STATUS_UNSUPPORTED, "modprobe vduse" },
		{ ENOENT, true, STATUS_UNSUPPORTED, "devtmpfs" },
		{ EACCES, true, STATUS_DENIED, "root" },
		{ EPERM, false, STATUS_DENIED, "cgroup" },
		{ EMFILE, true, STATUS_FAILED, "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&failure, 0, sizeof(failure));
		assert_int_equal(vduse_explain_control(rows[i].errnum, rows[i].loaded, &failure),
				 -rows[i].errnum);
		assert_int_equal(failure.status, rows[i].status);
		if (!strstr(failure.hint, rows[i].says))
			fail_msg("row %zu: %s", i, failure.hint);
	}
	kernel.open_errno = EACCES;
	assert_int_equal(vduse_control_open(&failure), -EACCES);
	assert_int_equal(failure.status, STATUS_DENIED);
}

static void created_as_defined(void **state)
{
	struct vduse_definition definition = definition_of("lo0");
	uint8_t space[VDUSE_CONFIG_SIZE];
	static const uint32_t zero[13];

	(void)state;
	assert_int_equal(vduse_control_create(A_DESCRIPTOR, &definition, &failure), 0);
	assert_int_equal(kernel.request, VDUSE_CREATE_DEV);
	assert_string_equal(created()->name, "lo0");
	assert_int_equal(created()->vendor_id, 0x1af4);
	assert_int_equal(created()->device_id, 1);
	assert_true(created()->features == FEATURES_NET_DEFAULT);
	assert_int_equal(created()->vq_num, 2);
	assert_int_equal(created()->vq_align, 4096);
	assert_memory_equal(created()->reserved, zero, sizeof(zero));
	assert_int_equal(created()->config_size, 24);
	vduse_config_encode(&definition, space);
	assert_memory_equal(created()->config, space, 24);
}

/* Version 1: one group and one address space, in the first two reserved words. */
static void created_with_version_1(void **state)
{
	struct vduse_definition definition = definition_of("lo0");
	static const uint32_t zero[11];

	(void)state;
	kernel.newest = 1;
	assert_int_equal(vduse_control_create(A_DESCRIPTOR, &definition, &failure), 0);
	assert_int_equal(created()->reserved[0], 1);
	assert_int_equal(created()->reserved[1], 1);
	assert_memory_equal(created()->reserved + 2, zero, sizeof(zero));
	assert_int_equal(created()->config_size, 24);
}

/* The kernel copies the whole field: what is behind the name must be zero. */
static void name_is_padded(void **state)
{
	struct vduse_definition definition = definition_of("lo0");
	char longest[256];
	size_t i;

	(void)state;
	vduse_control_create(A_DESCRIPTOR, &definition, &failure);
	vduse_control_destroy(A_DESCRIPTOR, "lo0", &failure);
	assert_int_equal(kernel.request, VDUSE_DESTROY_DEV);
	for (i = 3; i < VDUSE_NAME_MAX; i++) {
		assert_int_equal(created()->name[i], 0);
		assert_int_equal(kernel.name[i], 0);
	}
	memset(longest, 'n', 255);
	longest[255] = '\0';
	definition = definition_of(longest);
	vduse_control_create(A_DESCRIPTOR, &definition, &failure);
	assert_string_equal(created()->name, longest);
	vduse_control_destroy(A_DESCRIPTOR, longest, &failure);
	assert_string_equal(kernel.name, longest);
}

static void names_that_no_device_can_have(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'n', 256);
	name[256] = '\0';
	assert_int_equal(vduse_control_destroy(A_DESCRIPTOR, name, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_int_equal(vduse_control_destroy(A_DESCRIPTOR, "", &failure), -ENODEV);
	assert_int_equal(kernel.request, 0);
}

static void errnos_of_create(void **state)
{
	static const struct {
		int errnum;
		enum exit_status status;
		const char *says;
	} rows[] = {
		{ EEXIST, STATUS_BUSY, "exists already" },
		{ EPERM, STATUS_DENIED, "CAP_NET_ADMIN" },
		{ EINVAL, STATUS_FAILED, "refuses a net device" },
		{ ENOSPC, STATUS_FAILED, "no free number" },
		{ ENOMEM, STATUS_FAILED, "Cannot allocate" },
	};
	struct vduse_definition definition = definition_of("lo0");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&failure, 0, sizeof(failure));
		kernel.ioctl_errno = rows[i].errnum;
		assert_int_equal(vduse_control_create(A_DESCRIPTOR, &definition, &failure),
				 -rows[i].errnum);
		assert_int_equal(failure.status, rows[i].status);
		assert_string_equal(failure.object, "lo0");
		if (!strstr(failure.message, rows[i].says))
			fail_msg("row %zu: %s", i, failure.message);
	}
	vduse_explain_create(EINVAL, &definition, &failure);
	assert_non_null(strstr(failure.hint, "6.10"));
	vduse_definition_default(&definition, "b0", DEVICE_TYPE_BLOCK);
	vduse_explain_create(EINVAL, &definition, &failure);
	assert_string_equal(failure.hint, "");
}

static void errnos_of_destroy(void **state)
{
	(void)state;
	kernel.ioctl_errno = EINVAL;
	assert_int_equal(vduse_control_destroy(A_DESCRIPTOR, "lo0", &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	kernel.ioctl_errno = EBUSY;
	assert_int_equal(vduse_control_destroy(A_DESCRIPTOR, "lo0", &failure), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	kernel.ioctl_errno = EFAULT;
	assert_int_equal(vduse_control_destroy(A_DESCRIPTOR, "lo0", &failure), -EFAULT);
	assert_int_equal(failure.status, STATUS_FAILED);
}

static void proc_64_calls_are_made_again(void **state)
{
	(void)state;
	kernel.interrupted = 3;
	assert_int_equal(vduse_control_destroy(A_DESCRIPTOR, "lo0", &failure), 0);
	assert_int_equal(kernel.request, VDUSE_DESTROY_DEV);
	assert_int_equal(kernel.interrupted, 0);
	kernel.interrupted = 2;
	assert_int_equal(vduse_control_open(&failure), A_DESCRIPTOR);
	assert_int_equal(kernel.interrupted, 0);
	close(A_DESCRIPTOR);
}

static void node_is_opened(void **state)
{
	int fd = vduse_node_open("a/b", &failure);

	(void)state;
	assert_true(fd >= 0);
	assert_string_equal(kernel.opened, "/dev/vduse/a!b");
	assert_int_equal(kernel.open_flags, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	close(fd);
}

static void nodes_that_are_no_device_are_not_opened(void **state)
{
	static const char *const names[] = { "control", ".", "..", "" };
	char name[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(vduse_node_open(names[i], &failure) < 0);
	memset(name, 'n', 299);
	name[299] = '\0';
	assert_true(vduse_node_open(name, &failure) < 0);
	assert_string_equal(kernel.opened, "");
}

static void errnos_of_a_node(void **state)
{
	static const struct {
		int errnum;
		bool loaded;
		enum exit_status status;
		const char *says;
	} rows[] = {
		{ ENOENT, true, STATUS_NOT_FOUND, "no VDUSE device" },
		{ ENXIO, true, STATUS_NOT_FOUND, "no VDUSE device" },
		{ ENODEV, true, STATUS_NOT_FOUND, "no VDUSE device" },
		{ ENOENT, false, STATUS_UNSUPPORTED, "not loaded" },
		{ EBUSY, true, STATUS_BUSY, "another process" },
		{ EACCES, true, STATUS_DENIED, "/dev/vduse/lo0" },
		{ EPERM, true, STATUS_DENIED, "/dev/vduse/lo0" },
		{ ENFILE, true, STATUS_FAILED, "Too many" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&failure, 0, sizeof(failure));
		assert_int_equal(vduse_explain_node(rows[i].errnum, "lo0", rows[i].loaded, &failure),
				 -rows[i].errnum);
		assert_int_equal(failure.status, rows[i].status);
		if (!strstr(failure.message, rows[i].says))
			fail_msg("row %zu: %s", i, failure.message);
	}
	kernel.open_errno = EBUSY;
	assert_int_equal(vduse_node_open("lo0", &failure), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(version_is_said_before_anything),
		TEST(a_version_that_nobody_takes),
		TEST(other_node_is_no_control_node),
		TEST(errnos_of_the_control_node),
		TEST(created_as_defined),
		TEST(created_with_version_1),
		TEST(name_is_padded),
		TEST(names_that_no_device_can_have),
		TEST(errnos_of_create),
		TEST(errnos_of_destroy),
		TEST(proc_64_calls_are_made_again),
		TEST(node_is_opened),
		TEST(nodes_that_are_no_device_are_not_opened),
		TEST(errnos_of_a_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

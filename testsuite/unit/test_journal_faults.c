// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The journals of a service of two devices, found or made, once for each system call of that,
 * which fails then: with files that are there, with none, and with some of another kind. Whatever
 * fails, both are open, or there is a sentence and none is; and a service after that finds its
 * own again.
 *
 * LDFLAGS: -Wl,--wrap=registry_open,--wrap=vduse_device_read,--wrap=vduse_device_identity
 * LDFLAGS: -Wl,--wrap=posix_fallocate,--wrap=getrandom,--wrap=pwrite,--wrap=pread,--wrap=openat,--wrap=fcntl,--wrap=fstat,--wrap=fstatat,--wrap=unlinkat,--wrap=ftruncate,--wrap=close
 */
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
#include <unistd.h>

#include <cmocka.h>

#include "lib/registry.h"
#include "lib/vduse_device.h"
#include "testsuite/unit/descriptors.h"
#include "vduse/device/journal.h"
#include "vduse/journal_file.h"

/* What lies there before. */
enum scene { NOTHING, OURS, FOREIGN, SCENES };

static struct {
	unsigned long at, points;	/* the call that fails, from 1 on; 0: none */
	int errnum;
	bool inside;
	char call[24];
	char folder[64];
} it;

int __wrap_registry_open(const char *path, bool create, struct failure *failure);
int __wrap_vduse_device_read(const struct sysfs *fs, const char *name, struct vduse_device *device,
			     struct failure *failure);
int __wrap_vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
				 struct device_identity *identity, struct failure *failure);
int __real_posix_fallocate(int fd, off_t offset, off_t length);
int __wrap_posix_fallocate(int fd, off_t offset, off_t length);
ssize_t __real_getrandom(void *buffer, size_t length, unsigned int flags);
ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned int flags);
ssize_t __real_pwrite(int fd, const void *buffer, size_t length, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buffer, size_t length, off_t offset);
ssize_t __real_pread(int fd, void *buffer, size_t length, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t length, off_t offset);
int __real_openat(int folder, const char *file, int flags, mode_t mode);
int __wrap_openat(int folder, const char *file, int flags, mode_t mode);
int __real_fcntl(int fd, int command, void *argument);
int __wrap_fcntl(int fd, int command, void *argument);
int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);
int __real_fstatat(int folder, const char *file, struct stat *status, int flags);
int __wrap_fstatat(int folder, const char *file, struct stat *status, int flags);
int __real_unlinkat(int folder, const char *file, int flags);
int __wrap_unlinkat(int folder, const char *file, int flags);
int __real_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length);
int __real_close(int fd);
int __wrap_close(int fd);

static bool fails(const char *call)
{
	if (!it.inside || ++it.points != it.at)
		return false;
	snprintf(it.call, sizeof(it.call), "%s", call);
	errno = it.errnum;
	return true;
}

int __wrap_registry_open(const char *path, bool create, struct failure *failure)
{
	(void)create;
	if (fails("registry_open"))
		return failure_errno(failure, it.errnum, path, "no folder");
	return open(it.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int __wrap_vduse_device_read(const struct sysfs *fs, const char *name, struct vduse_device *device,
			     struct failure *failure)
{
	(void)fs;
	memset(device, 0, sizeof(*device));
	snprintf(device->name, sizeof(device->name), "%s", name);
	return fails("device") ? failure_errno(failure, it.errnum, name, "no device") : 0;
}

int __wrap_vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
				 struct device_identity *identity, struct failure *failure)
{
	(void)fs;
	*identity = (struct device_identity){ .boot = "this one", .major = 10, .minor = 1,
					      .folder = strlen(device->name) };
	return fails("identity") ? failure_errno(failure, it.errnum, device->name, "no folder") : 0;
}

/* It returns what is wrong. */
int __wrap_posix_fallocate(int fd, off_t offset, off_t length)
{
	return fails("posix_fallocate") ? it.errnum : __real_posix_fallocate(fd, offset, length);
}

ssize_t __wrap_getrandom(void *buffer, size_t length, unsigned int flags)
{
	return fails("getrandom") ? -1 : __real_getrandom(buffer, length, flags);
}

ssize_t __wrap_pwrite(int fd, const void *buffer, size_t length, off_t offset)
{
	return fails("pwrite") ? -1 : __real_pwrite(fd, buffer, length, offset);
}

ssize_t __wrap_pread(int fd, void *buffer, size_t length, off_t offset)
{
	return fails("pread") ? -1 : __real_pread(fd, buffer, length, offset);
}

int __wrap_openat(int folder, const char *file, int flags, mode_t mode)
{
	return fails("openat") ? -1 : __real_openat(folder, file, flags, mode);
}

int __wrap_fcntl(int fd, int command, void *argument)
{
	return fails("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}

int __wrap_fstat(int fd, struct stat *status)
{
	return fails("fstat") ? -1 : __real_fstat(fd, status);
}

int __wrap_fstatat(int folder, const char *file, struct stat *status, int flags)
{
	return fails("fstatat") ? -1 : __real_fstatat(folder, file, status, flags);
}

int __wrap_unlinkat(int folder, const char *file, int flags)
{
	return fails("unlinkat") ? -1 : __real_unlinkat(folder, file, flags);
}

int __wrap_ftruncate(int fd, off_t length)
{
	return fails("ftruncate") ? -1 : __real_ftruncate(fd, length);
}

/* The descriptor is gone whatever it says (close(2)). */
int __wrap_close(int fd)
{
	int rc = __real_close(fd);

	return fails("close") ? -1 : rc;
}

/* -- a life ------------------------------------------------------------------------------------ */

static const char *const names[] = { "a", "bc" };

static void remove_all(void)
{
	int folder = open(it.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	__real_unlinkat(folder, "a.journal", 0);
	__real_unlinkat(folder, "bc.journal", 0);
	__real_close(folder);
}

/* Returns what journal_open() does, with what it opened closed again. */
static int open_once(struct failure *failure)
{
	uint64_t before = open_descriptors();
	int fds[2], rc;

	*failure = (struct failure){ .status = STATUS_OK };
	it.points = 0;
	it.inside = true;
	rc = journal_open(names, 2, fds, failure);
	it.inside = false;
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(rc < 0 ? fds[i] == -1 : fds[i] >= 0);
		if (fds[i] >= 0)
			__real_close(fds[i]);
	}
	if (open_descriptors() != before)
		fail_msg("point %lu, %s, fails with %s: a descriptor is left", it.at, it.call,
			 strerror(it.errnum));
	return rc;
}

static void prepare(enum scene scene)
{
	struct failure failure;
	int folder = open(it.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	remove_all();
	it.at = 0;
	if (scene == OURS)
		assert_int_equal(open_once(&failure), 0);
	if (scene == FOREIGN) {
		assert_int_equal(symlinkat("nowhere", folder, "a.journal"), 0);
		__real_close(__real_openat(folder, "bc.journal", O_RDWR | O_CREAT | O_CLOEXEC, 0666));
	}
	__real_close(folder);
}

/* Returns whether the point was come to. */
static bool survive(enum scene scene, unsigned long at)
{
	struct failure failure;
	int rc;

	prepare(scene);
	it.call[0] = '\0';
	it.at = at;
	rc = open_once(&failure);
	if (rc < 0 ? failure.status == STATUS_OK || !failure.message[0] : failure.status != STATUS_OK)
		fail_msg("point %lu, %s, fails with %s: %d (%s)", it.at, it.call, strerror(it.errnum),
			 rc, failure.message);
	assert_true(rc == 0 || it.call[0]);
	/* whatever it left, the next one can go on */
	it.at = 0;
	assert_int_equal(open_once(&failure), 0);
	return it.call[0];
}

static unsigned long all_points;

static void proc_70_each_system_call_fails(void **state)
{
	static const int errors[] = { EMFILE, ENOSPC, EACCES, EIO, ENOMEM, EPERM };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		it.errnum = errors[i];
		for (unsigned int scene = 0; scene < SCENES; scene++) {
			unsigned long at = 1;

			while (survive(scene, at))
				at++;
			assert_true(at > 10);
			all_points += at - 1;
		}
	}
}

static int setup(void **state)
{
	(void)state;
	strcpy(it.folder, "/tmp/test_journal_faults.XXXXXX");
	return mkdtemp(it.folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	remove_all();
	return rmdir(it.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(proc_70_each_system_call_fails, setup, teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	if (!failed)
		printf("# figure faults: %lu points of the journals' files, no descriptor left\n",
		       all_points);
	return failed;
}

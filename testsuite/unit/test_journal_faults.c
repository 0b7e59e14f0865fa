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
#include "testsuite/unit/fault_calls.h"
#include "vduse/device/journal.h"
#include "vduse/journal_file.h"

/* What lies there before. */
enum scene { NOTHING, OURS, FOREIGN, SCENES };

static char place[64];	/* where the journals are */

int __wrap_registry_open(const char *path, bool create, struct failure *failure);
int __wrap_vduse_device_read(const struct sysfs *fs, const char *name, struct vduse_device *device,
			     struct failure *failure);
int __wrap_vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
				 struct device_identity *identity, struct failure *failure);

int __wrap_registry_open(const char *path, bool create, struct failure *failure)
{
	(void)create;
	if (calls_fail("registry_open"))
		return failure_errno(failure, calls.errnum, path, "no folder");
	return open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int __wrap_vduse_device_read(const struct sysfs *fs, const char *name, struct vduse_device *device,
			     struct failure *failure)
{
	(void)fs;
	memset(device, 0, sizeof(*device));
	snprintf(device->name, sizeof(device->name), "%s", name);
	return calls_fail("device") ? failure_errno(failure, calls.errnum, name, "no device") : 0;
}

int __wrap_vduse_device_identity(const struct sysfs *fs, const struct vduse_device *device,
				 struct device_identity *identity, struct failure *failure)
{
	(void)fs;
	*identity = (struct device_identity){ .boot = "this one", .major = 10, .minor = 1,
					      .folder = strlen(device->name) };
	return calls_fail("identity") ? failure_errno(failure, calls.errnum, device->name, "no folder") : 0;
}

/* -- a life ------------------------------------------------------------------------------------ */

static const char *const names[] = { "a", "bc" };

static void remove_all(void)
{
	int folder = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	unlinkat(folder, "a.journal", 0);
	unlinkat(folder, "bc.journal", 0);
	close(folder);
}

/* Returns what journal_open() does, with what it opened closed again. */
static int open_once(struct failure *failure)
{
	uint64_t before = open_descriptors();
	int fds[2], rc;

	*failure = (struct failure){ .status = STATUS_OK };
	calls.points = 0;
	calls.inside = true;
	rc = journal_open(names, 2, fds, failure);
	calls.inside = false;
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(rc < 0 ? fds[i] == -1 : fds[i] >= 0);
		if (fds[i] >= 0)
			close(fds[i]);
	}
	if (open_descriptors() != before)
		fail_msg("point %lu, %s, fails with %s: a descriptor is left", calls.at, calls.failed,
			 strerror(calls.errnum));
	return rc;
}

static void prepare(enum scene scene)
{
	struct failure failure;
	int folder = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	remove_all();
	calls.at = 0;
	if (scene == OURS)
		assert_int_equal(open_once(&failure), 0);
	if (scene == FOREIGN) {
		assert_int_equal(symlinkat("nowhere", folder, "a.journal"), 0);
		close(openat(folder, "bc.journal", O_RDWR | O_CREAT | O_CLOEXEC, 0666));
	}
	close(folder);
}

/* Returns whether the point was come to. */
static bool survive(enum scene scene, unsigned long at)
{
	struct failure failure;
	int rc;

	prepare(scene);
	calls.failed = NULL;
	calls.at = at;
	rc = open_once(&failure);
	if (rc < 0 ? failure.status == STATUS_OK || !failure.message[0] : failure.status != STATUS_OK)
		fail_msg("point %lu, %s, fails with %s: %d (%s)", calls.at, calls.failed, strerror(calls.errnum),
			 rc, failure.message);
	assert_true(rc == 0 || calls.failed);
	/* whatever it left, the next one can go on */
	calls.at = 0;
	assert_int_equal(open_once(&failure), 0);
	return calls.failed;
}

static unsigned long all_points;

static void proc_70_each_system_call_fails(void **state)
{
	static const int errors[] = { EMFILE, ENOSPC, EACCES, EIO, ENOMEM, EPERM };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		calls = (struct fault_calls){ .times = 1, .errnum = errors[i] };
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
	strcpy(place, "/tmp/test_journal_faults.XXXXXX");
	return mkdtemp(place) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	remove_all();
	return rmdir(place);
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

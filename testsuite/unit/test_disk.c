// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/disk: is a disk in use, and where? In a /proc and a /dev that are made for it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/disk.h"
#include "vdpa_tree.h"

/* LDFLAGS: -Wl,--wrap=open */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

static struct tree tree;
static char where[64];
static int error;	/* of an exclusive open, 0 for none */

int __wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	} else if (flags & O_EXCL) {
		assert_non_null(strstr(path, "/dev/vdb"));
		errno = error;
		return error ? -1 : __real_open("/dev/null", O_RDONLY);
	}
	return __real_open(path, flags, mode);
}

static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	tree_file(&tree, "22 1 0:21 / / rw - overlay overlay rw\n"
		  "30 22 254:0 / /far rw - ext4 /dev/vda rw\n"
		  "31 22 254:32 / /other rw - ext4 /dev/vdbb rw\n", "proc/self/mountinfo");
	tree_file(&tree, "Filename\t\tType\t\tSize\n/dev/vdc partition\t131068\t0\t-2\n", "proc/swaps");
	error = EBUSY;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

static enum disk_use use(void)
{
	memset(where, 'x', sizeof(where));
	return disk_use(&tree.fs, "vdb", where, sizeof(where));
}

static void free_disk(void **state)
{
	(void)state;
	error = 0;
	assert_int_equal(use(), DISK_FREE);
	assert_string_equal(where, "");
	/* which nobody can tell */
	error = EACCES;
	assert_int_equal(use(), DISK_FREE);
	error = ENOENT;
	assert_int_equal(use(), DISK_FREE);
}

static void mounted(void **state)
{
	(void)state;
	tree_file(&tree, "30 22 254:0 / /far rw - ext4 /dev/vda rw\n"
		  "36 25 254:16 / /mnt/a\\040b rw,relatime shared:1 master:2 - ext4 /dev/vdb rw\n",
		  "proc/self/mountinfo");
	assert_int_equal(use(), DISK_MOUNTED);
	assert_string_equal(where, "/mnt/a\\040b");
	/* a partition; no optional fields */
	tree_file(&tree, "36 25 254:17 / /one rw - ext4 /dev/vdb1 rw\n", "proc/self/mountinfo");
	assert_int_equal(use(), DISK_MOUNTED);
	assert_string_equal(where, "/one");
}

static void swap_space(void **state)
{
	(void)state;
	tree_file(&tree, "Filename Type\n/dev/vdb                  partition\t131068\n", "proc/swaps");
	assert_int_equal(use(), DISK_SWAP);
	assert_string_equal(where, "");
}

static void by_something_else(void **state)
{
	(void)state;
	assert_int_equal(use(), DISK_CLAIMED);
	assert_string_equal(where, "");
	tree_delete(&tree, "proc/self/mountinfo");
	tree_delete(&tree, "proc/swaps");
	assert_int_equal(use(), DISK_CLAIMED);
}

static void odd_lines(void **state)
{
	(void)state;
	tree_file(&tree, "\n - \n - ext4\n - ext4 /dev/vd\n36 - ext4 /dev/vda\n",
		  "proc/self/mountinfo");
	tree_file(&tree, "\n\t\n/dev/\n", "proc/swaps");
	assert_int_equal(use(), DISK_CLAIMED);
	/* cut short: it is that disk, and where is not known */
	tree_file(&tree, "36 25 - ext4 /dev/vdb", "proc/self/mountinfo");
	assert_int_equal(use(), DISK_MOUNTED);
	assert_string_equal(where, "");
}

static void requests(void **state)
{
	(void)state;
	assert_false(disk_has_requests(&tree.fs, "vdb"));
	tree_file(&tree, "       0        0\n", "sys/block/vdb/inflight");
	assert_false(disk_has_requests(&tree.fs, "vdb"));
	tree_file(&tree, "       0       10\n", "sys/block/vdb/inflight");
	assert_true(disk_has_requests(&tree.fs, "vdb"));
	tree_file(&tree, "       3        0\n", "sys/block/vdb/inflight");
	assert_true(disk_has_requests(&tree.fs, "vdb"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(free_disk), TEST(mounted), TEST(swap_space), TEST(by_something_else),
		TEST(odd_lines), TEST(requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

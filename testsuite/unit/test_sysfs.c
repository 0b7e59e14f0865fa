// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/sysfs: attributes, links and folders below a root that is moved. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "vdpa_tree.h"

static struct tree tree;

static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

static void names(void **state)
{
	char name[SYSFS_NAME_SIZE], text[300];

	(void)state;
	assert_int_equal(sysfs_name("lo0", name), 0);
	assert_string_equal(name, "lo0");
	assert_int_equal(sysfs_name("a/b/", name), 0);
	assert_string_equal(name, "a!b!");
	assert_int_equal(sysfs_name("...", name), 0);
	assert_int_equal(sysfs_name("", name), -EINVAL);
	assert_int_equal(sysfs_name(".", name), -EINVAL);
	assert_int_equal(sysfs_name("..", name), -EINVAL);
	memset(text, 'n', sizeof(text));
	text[255] = '\0';
	assert_int_equal(sysfs_name(text, name), 0);
	text[255] = 'n';
	text[256] = '\0';
	assert_int_equal(sysfs_name(text, name), -EINVAL);
}

static void contents(void **state)
{
	char value[8];

	(void)state;
	tree_file(&tree, "30\n", "a/%s", "short");
	assert_int_equal(sysfs_read(&tree.fs, value, sizeof(value), "a/%s", "short"), 2);
	assert_string_equal(value, "30");
	tree_file(&tree, "123456789\n", "a/long");
	assert_int_equal(sysfs_read(&tree.fs, value, sizeof(value), "a/long"), 7);
	assert_string_equal(value, "1234567");
	tree_file(&tree, "", "a/empty");
	assert_int_equal(sysfs_read(&tree.fs, value, sizeof(value), "a/empty"), 0);
	assert_string_equal(value, "");
	strcpy(value, "old");
	assert_int_equal(sysfs_read(&tree.fs, value, sizeof(value), "a/none"), -ENOENT);
	assert_string_equal(value, "");
	assert_int_equal(sysfs_read(&tree.fs, value, sizeof(value), "a"), -EISDIR);
}

static void numbers(void **state)
{
	uint64_t number = 1;

	(void)state;
	tree_file(&tree, "4\n", "n/decimal");
	assert_int_equal(sysfs_read_number(&tree.fs, &number, "n/decimal"), 0);
	assert_int_equal(number, 4);
	tree_file(&tree, "0x0000000f\n", "n/hex");
	assert_int_equal(sysfs_read_number(&tree.fs, &number, "n/hex"), 0);
	assert_int_equal(number, 15);
	tree_file(&tree, "-1\n", "n/negative");
	assert_int_equal(sysfs_read_number(&tree.fs, &number, "n/negative"), -EPROTO);
	tree_file(&tree, "\n", "n/empty");
	assert_int_equal(sysfs_read_number(&tree.fs, &number, "n/empty"), -EPROTO);
	assert_int_equal(sysfs_read_number(&tree.fs, &number, "n/none"), -ENOENT);
}

static void devices(void **state)
{
	dev_t device;

	(void)state;
	tree_file(&tree, "252:1048575\n", "d/good");
	assert_int_equal(sysfs_read_device(&tree.fs, &device, "d/good"), 0);
	assert_int_equal(major(device), 252);
	assert_int_equal(minor(device), 1048575);
	tree_file(&tree, "252\n", "d/half");
	assert_int_equal(sysfs_read_device(&tree.fs, &device, "d/half"), -EPROTO);
	tree_file(&tree, "4096:0\n", "d/large");
	assert_int_equal(sysfs_read_device(&tree.fs, &device, "d/large"), -EPROTO);
	tree_file(&tree, "1:1048576\n", "d/large");
	assert_int_equal(sysfs_read_device(&tree.fs, &device, "d/large"), -EPROTO);
	tree_link(&tree, "/dev/zero", "d/node");
	assert_int_equal(sysfs_node_device(&tree.fs, &device, "d/node"), 0);
	assert_true(device == makedev(1, 5));
	assert_int_equal(sysfs_node_device(&tree.fs, &device, "d/half"), -ENOTTY);
	assert_int_equal(sysfs_node_device(&tree.fs, &device, "d/none"), -ENOENT);
}

static void links(void **state)
{
	char name[8];

	(void)state;
	tree_link(&tree, "../../drivers/virtio", "l/driver");
	assert_int_equal(sysfs_link_name(&tree.fs, name, sizeof(name), "l/driver"), 0);
	assert_string_equal(name, "virtio");
	tree_link(&tree, "bare", "l/bare");
	assert_int_equal(sysfs_link_name(&tree.fs, name, sizeof(name), "l/bare"), 0);
	assert_string_equal(name, "bare");
	tree_link(&tree, "../12345678", "l/long");
	assert_int_equal(sysfs_link_name(&tree.fs, name, sizeof(name), "l/long"),
			 -ENAMETOOLONG);
	assert_int_equal(sysfs_link_name(&tree.fs, name, sizeof(name), "l"), -EINVAL);
	assert_int_equal(sysfs_link_name(&tree.fs, name, sizeof(name), "l/none"), -ENOENT);
	assert_string_equal(name, "");
}

static void writing(void **state)
{
	char value[8];

	(void)state;
	tree_file(&tree, "1", "w/attribute");
	assert_int_equal(sysfs_write(&tree.fs, "0", "w/attribute"), 0);
	assert_int_equal(sysfs_read(&tree.fs, value, sizeof(value), "w/attribute"), 1);
	assert_string_equal(value, "0");
	assert_int_equal(sysfs_write(&tree.fs, "0", "w/none"), -ENOENT);
	tree_link(&tree, "/dev/full", "w/full");
	assert_int_equal(sysfs_write(&tree.fs, "0", "w/full"), -ENOSPC);
}

static void long_paths(void **state)
{
	char text[SYSFS_PATH_MAX], value[8];
	struct sysfs deep = { .root = text };

	(void)state;
	memset(text, '/', sizeof(text) - 1);	/* not too long for the kernel */
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(sysfs_read(&tree.fs, value, sizeof(value), "%s", text), -ENAMETOOLONG);
	assert_int_equal(sysfs_read(&deep, value, sizeof(value), "x"), -ENAMETOOLONG);
	assert_int_equal(sysfs_write(&tree.fs, "", "%s", text), -ENAMETOOLONG);
	assert_int_equal(sysfs_link_name(&tree.fs, value, sizeof(value), "%s", text),
			 -ENAMETOOLONG);
	assert_false(sysfs_exists(&tree.fs, "%s", text));
}

struct visits {
	int count;
	int stop_at;
};

static int visit(void *context, int fd, const char *name)
{
	struct visits *visits = context;

	assert_true(fd >= 0);
	assert_int_equal(name[0], 'e');
	return ++visits->count == visits->stop_at ? 42 : 0;
}

static void folders(void **state)
{
	struct visits visits = { 0 };

	(void)state;
	tree_folder(&tree, "f/e1");
	tree_file(&tree, "", "f/e2");
	tree_folder(&tree, "f/e3");
	assert_int_equal(sysfs_each(&tree.fs, visit, &visits, "f"), 0);
	assert_int_equal(visits.count, 3);
	visits = (struct visits){ .stop_at = 2 };
	assert_int_equal(sysfs_each(&tree.fs, visit, &visits, "f"), 42);
	assert_int_equal(visits.count, 2);
	assert_int_equal(sysfs_each(&tree.fs, visit, &visits, "none"), -ENOENT);
	assert_int_equal(sysfs_each(&tree.fs, visit, &visits, "f/e2"), -ENOTDIR);
	assert_true(sysfs_exists(&tree.fs, "f/e%d", 1));
	assert_false(sysfs_exists(&tree.fs, "f/e%d", 4));
}

/* More than the kernel tells at once. */
static void long_folders(void **state)
{
	struct visits visits = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		tree_file(&tree, "", "g/e%0100d", i);
	assert_int_equal(sysfs_each(&tree.fs, visit, &visits, "g"), 0);
	assert_int_equal(visits.count, 100);
}

static int remove_all(void *context, int fd, const char *name)
{
	(void)fd;
	(void)name;
	tree_delete(context, "h");
	return 0;
}

/* What is removed while it is read ends there. */
static void folder_that_goes(void **state)
{
	(void)state;
	tree_file(&tree, "", "h/e1");
	assert_int_equal(sysfs_each(&tree.fs, remove_all, &tree, "h"), 0);
	assert_int_equal(sysfs_each(&tree.fs, remove_all, &tree, "h"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(contents),
		cmocka_unit_test(numbers),
		cmocka_unit_test(devices),
		cmocka_unit_test(links),
		cmocka_unit_test(writing),
		cmocka_unit_test(long_paths),
		cmocka_unit_test(folders),
		cmocka_unit_test(long_folders),
		cmocka_unit_test(folder_that_goes),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

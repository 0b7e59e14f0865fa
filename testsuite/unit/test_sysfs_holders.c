// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/holders: who has a node open, in a /proc that is made for it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/holders.h"
#include "vdpa_tree.h"

static struct tree tree;
static struct holder holder;

static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	tree_process(&tree, 1, "init", 'S', 0, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

static void nobody(void **state)
{
	(void)state;
	assert_int_equal(holder_of(&tree.fs, makedev(1, 3), &holder), 0);
	/* a plain file has device number 0:0 */
	assert_int_equal(holder_of(&tree.fs, makedev(0, 0), &holder), 0);
}

static void somebody(void **state)
{
	(void)state;
	tree_process(&tree, 231, "vduse", 'T', 1, "/dev/null");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 3), &holder), 1);
	assert_int_equal(holder.pid, 231);
	assert_string_equal(holder.command, "vduse");
	assert_int_equal(holder.state, 'T');
	assert_int_equal(holder_of(&tree.fs, makedev(1, 5), &holder), 0);
	assert_int_equal(holder_of(&tree.fs, makedev(9, 3), &holder), 0);
}

/* A name may hold what separates fields, and need not be text. */
static void odd_names(void **state)
{
	(void)state;
	tree_process(&tree, 12, "a) R 1 (\n\x1b", 'D', 1, "/dev/zero");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 5), &holder), 1);
	assert_int_equal(holder.state, 'D');
	assert_string_equal(holder.command, "a) R 1 (\n\x1b");
}

/* The kernel keeps 15 bytes of a name. Its command line, which a read could wait for, is not
 * looked at. */
static void long_names(void **state)
{
	(void)state;
	tree_process(&tree, 12, "qemu-storage-da", 'S', 1, "/dev/zero");
	tree_file(&tree, "/usr/bin/qemu-storage-daemon", "proc/12/cmdline");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 5), &holder), 1);
	assert_string_equal(holder.command, "qemu-storage-da");
	tree_link(&tree, "/usr/bin/qemu-storage-daemon", "proc/12/exe");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 5), &holder), 1);
	assert_string_equal(holder.command, "qemu-storage-daemon");
	/* an update has replaced it */
	tree_delete(&tree, "proc/12/exe");
	tree_link(&tree, "/usr/bin/qemu-storage-daemon (deleted)", "proc/12/exe");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 5), &holder), 1);
	assert_string_equal(holder.command, "qemu-storage-daemon");
	/* it is a script, or calls itself something else, or something that is too long */
	tree_delete(&tree, "proc/12/exe");
	tree_link(&tree, "/usr/bin/other-storage-daemon", "proc/12/exe");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 5), &holder), 1);
	assert_string_equal(holder.command, "qemu-storage-da");
	tree_delete(&tree, "proc/12/exe");
	tree_link(&tree, "qemu-storage-daemon-of-the-whole-machine", "proc/12/exe");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 5), &holder), 1);
	assert_string_equal(holder.command, "qemu-storage-da");
	/* a name that is not cut is what it is */
	tree_delete(&tree, "proc/12/exe");
	tree_link(&tree, "/usr/bin/vduse-and-more", "proc/12/exe");
	tree_file(&tree, "vduse\n", "proc/12/comm");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 5), &holder), 1);
	assert_string_equal(holder.command, "vduse");
}

static void several_in_one_pass(void **state)
{
	struct holders holders;

	(void)state;
	tree_process(&tree, 30, "two", 'S', 1, "/dev/zero");
	tree_process(&tree, 20, "one", 'S', 1, "/dev/zero");
	tree_process(&tree, 25, "other", 'S', 1, "/dev/null");
	assert_int_equal(holders_scan(&tree.fs, 1, &holders), 0);
	assert_int_equal(holders.count, 3);
	assert_true(holders.complete);
	assert_int_equal(holders_find(&holders, makedev(1, 3))->pid, 25);
	assert_int_equal(holders_find(&holders, makedev(1, 5))->pid, 20);
	assert_null(holders_find(&holders, makedev(1, 4)));
	assert_null(holders_find(&holders, makedev(1, 6)));
	holders_free(&holders);
}

/* It ended while it was looked at, or is no process. */
static void what_is_no_process(void **state)
{
	(void)state;
	tree_folder(&tree, "proc/77");
	tree_file(&tree, "", "proc/78");
	tree_folder(&tree, "proc/99999999999999999999/fd");
	tree_link(&tree, "/dev/null", "proc/7x/fd/3");
	tree_link(&tree, "/nowhere", "proc/79/fd/3");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 3), &holder), 0);
}

static void another_namespace(void **state)
{
	(void)state;
	tree_link(&tree, "pid:[4026532000]", "proc/self/ns/pid");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 3), &holder), -EPERM);
	tree_process(&tree, 231, "vduse", 'S', 1, "/dev/null");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 3), &holder), 1);
}

/* Who has 1:3, to somebody who may not look into @folder. */
static int of_a_stranger(const char *folder)
{
	char path[200];
	int rc;

	snprintf(path, sizeof(path), "%s/%s", tree.root, folder);
	assert_int_equal(chmod(tree.root, 0755), 0);
	assert_int_equal(chmod(path, 0), 0);
	if (getuid() == 0)	/* root would be let in */
		assert_int_equal(seteuid(65534), 0);
	rc = holder_of(&tree.fs, makedev(1, 3), &holder);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(path, 0700), 0);
	return rc;
}

/* A process that cannot be looked into may have it. */
static void no_privilege(void **state)
{
	(void)state;
	tree_process(&tree, 231, "vduse", 'S', 1, "/dev/null");
	assert_int_equal(of_a_stranger("proc/231/fd"), -EPERM);
}

/* One whose descriptors are listed, and not told: another one that has it is found all the same. */
static void no_privilege_at_a_descriptor(void **state)
{
	(void)state;
	tree_folder(&tree, "closed");
	tree_process(&tree, 231, "vduse", 'S', 1, "../../../closed/null");
	tree_link(&tree, "/dev/null", "closed/null");
	assert_int_equal(of_a_stranger("closed"), -EPERM);
	tree_process(&tree, 232, "vduse", 'S', 1, "/dev/null");
	assert_int_equal(of_a_stranger("closed"), 1);
	assert_int_equal(holder.pid, 232);
}

static void no_proc(void **state)
{
	(void)state;
	tree_delete(&tree, "proc");
	assert_int_equal(holder_of(&tree.fs, makedev(1, 3), &holder), -ENOENT);
}

/* More than fit at once. */
static void many(void **state)
{
	struct holders holders;
	int pid;

	(void)state;
	for (pid = 100; pid < 150; pid++)
		tree_process(&tree, pid, "many", 'S', 1, "/dev/null");
	assert_int_equal(holders_scan(&tree.fs, 1, &holders), 0);
	assert_int_equal(holders.count, 50);
	assert_int_equal(holders.list[0].pid, 100);
	assert_int_equal(holders.list[49].pid, 149);
	holders_free(&holders);
	assert_null(holders.list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody), TEST(somebody), TEST(odd_names), TEST(long_names), TEST(several_in_one_pass),
		TEST(what_is_no_process), TEST(another_namespace), TEST(no_privilege),
		TEST(no_privilege_at_a_descriptor),
		TEST(no_proc), TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse/server: which process it is whose /run is not ours, in a /proc that is made for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "testsuite/unit/vdpa_tree.h"
#include "vduse/server.h"

static struct tree tree;

/* A process with the parent @parent, which looks at the mounts @mounts. */
static void process(int pid, const char *command, const char *stat, const char *mounts)
{
	tree_file(&tree, command, "proc/%d/comm", pid);
	if (stat)
		tree_file(&tree, stat, "proc/%d/stat", pid);
	if (mounts)
		tree_link(&tree, mounts, "proc/%d/ns/mnt", pid);
}

static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	tree_link(&tree, "mnt:[1]", "proc/self/ns/mnt");
	process(40, "vduse\n", "40 (vduse) S 30 40 30 0", "mnt:[1]");
	process(41, "vduse\n", "41 (vduse) S 30 41 30 0", "mnt:[2]");
	process(30, "bash\n", "30 (bash) S 1 30 30 0", "mnt:[1]");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

static pid_t of(int pid)
{
	const struct holder holder = { .pid = pid, .command = "vduse" };

	return server_elsewhere(&tree.fs, &holder);
}

/* A worker has mounts of its own wherever it is: those of its supervisor count. */
static void a_worker(void **state)
{
	(void)state;
	process(50, "vduse\n", "50 (vduse) S 40 50 50 0", "mnt:[3]");
	process(51, "vduse\n", "51 (vduse) S 41 51 51 0", "mnt:[4]");
	assert_int_equal(of(50), 0);
	assert_int_equal(of(51), 41);
}

/* One that serves by itself has no supervisor, but whoever started it. */
static void one_that_serves_itself(void **state)
{
	(void)state;
	assert_int_equal(of(40), 0);
	assert_int_equal(of(41), 41);
}

/* What /proc does not tell is not guessed. */
static void what_is_not_told(void **state)
{
	(void)state;
	process(60, "vduse\n", NULL, "mnt:[3]");
	assert_int_equal(of(60), 60);
	process(61, "vduse\n", "61 (vduse", "mnt:[3]");
	assert_int_equal(of(61), 61);
	process(62, "vduse\n", "62 (vduse) S ?", "mnt:[3]");
	assert_int_equal(of(62), 62);
	process(63, "vduse\n", "63 (vduse) S 999", "mnt:[3]");
	assert_int_equal(of(63), 63);
	process(64, "vduse\n", "64 (vduse) S 30", NULL);
	assert_int_equal(of(64), 0);
	assert_int_equal(of(65), 0);
	tree_delete(&tree, "proc/self/ns/mnt");
	assert_int_equal(of(41), 0);
}

/* A name may hold what separates fields. */
static void an_odd_name(void **state)
{
	(void)state;
	process(70, "a) S 1 (\n", "70 (a) S 1 () S 41 70 70 0", "mnt:[3]");
	assert_int_equal(of(70), 41);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_worker), TEST(one_that_serves_itself), TEST(what_is_not_told), TEST(an_odd_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

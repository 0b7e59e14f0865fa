// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vdpa_blocked: whom the kernel waits for, hardening case 95. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/vdpa_blocked.h"
#include "lib/vduse_definition.h"
#include "vdpa_tree.h"

static struct tree tree;
static struct failure failure;

/* The VDUSE devices lo0 (1:5, process 231) and lo1 (1:3, process 232), attached. */
static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	tree_vduse(&tree, "lo0", true);
	tree_vduse(&tree, "lo1", true);
	tree_file(&tree, "1:3\n", "sys/class/vduse/lo1/dev");
	tree_process(&tree, 231, "vduse", 'S', 1, "/dev/zero");
	tree_process(&tree, 232, "other", 'S', 1, "/dev/null");
	failure_set(&failure, STATUS_TIMED_OUT, 0, NULL, "no answer");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

static void waiting(int pid, int parent, const char *words, size_t length)
{
	char text[200];
	FILE *file;

	tree_process(&tree, pid, "vdpa", 'D', parent, NULL);
	tree_file(&tree, "vduse_dev_msg_sync", "proc/%d/wchan", pid);
	tree_file(&tree, "", "proc/%d/cmdline", pid);
	snprintf(text, sizeof(text), "%s/proc/%d/cmdline", tree.root, pid);
	file = fopen(text, "w");
	assert_int_equal(fwrite(words, 1, length, file), length);
	fclose(file);
}

/* Process 299 is the one that makes our call. */
static void explain(const char *device)
{
	vdpa_blocked_explain(&tree.fs, device, 299, &failure);
}

static void our_own_device(void **state)
{
	(void)state;
	waiting(299, getpid(), "", 0);
	explain("lo0");
	assert_string_equal(failure.object, "lo0");
	assert_string_equal(failure.message,
			    "no answer: device process 231 (vduse) of lo0 does not answer");
	assert_non_null(strstr(failure.hint, "231"));
	assert_int_equal(failure.status, STATUS_TIMED_OUT);
}

static void another_device(void **state)
{
	static const char words[] = "vdpa\0dev\0add\0name\0lo1\0mgmtdev\0vduse";

	(void)state;
	waiting(300, 1, words, sizeof(words));
	explain("lo0");
	assert_non_null(strstr(failure.message, "device process 232 (other) of lo1"));
	failure_set(&failure, STATUS_TIMED_OUT, 0, NULL, "no answer");
	explain(NULL);
	assert_non_null(strstr(failure.message, "device process 232 (other) of lo1"));
}

/* One that binds waits for its own device; it is not why the others wait. */
static void the_one_that_calls_the_family(void **state)
{
	static const char bind[] = "vdpa\0dev\0bind\0lo0", add[] = "vdpa\0dev\0add\0name\0lo1";
	char call[40];
	int i;

	(void)state;
	waiting(300, 1, bind, sizeof(bind));
	snprintf(call, sizeof(call), "%d 0x3 0x7ffe 0x24", (int)SYS_write);
	tree_file(&tree, call, "proc/300/syscall");
	waiting(301, 1, add, sizeof(add));
	snprintf(call, sizeof(call), "%d 0x3 0x7ffe 0x24", (int)SYS_sendto);
	tree_file(&tree, call, "proc/301/syscall");
	waiting(302, 1, bind, sizeof(bind));
	for (i = 0; i < 2; i++) {
		failure_set(&failure, STATUS_TIMED_OUT, 0, NULL, "no answer");
		explain(i ? "lo0" : NULL);
		assert_non_null(strstr(failure.message, "device process 232 (other) of lo1"));
	}
}

/* A command whose words name no VDUSE device, cut short and without NUL. */
static void another_command(void **state)
{
	static const char words[] = "ip\0link\0set\0eth0\0up";
	char many[1000];

	(void)state;
	waiting(300, 1, words, sizeof(words));
	explain(NULL);
	assert_non_null(strstr(failure.message, "process 300 (ip link set eth0 up) waits"));
	memset(many, 'w', sizeof(many));
	waiting(300, 1, many, sizeof(many));
	explain(NULL);
	assert_true(strlen(failure.message) < sizeof(failure.message));
	waiting(300, 1, "", 0);
	explain(NULL);
}

/* Reading the command line of a process with threads could wait for what that waits for. */
static void a_client_with_threads(void **state)
{
	static const char words[] = "qemu\0lo1";

	(void)state;
	waiting(300, 1, words, sizeof(words));
	tree_folder(&tree, "proc/300/task/300");
	tree_folder(&tree, "proc/300/task/301");
	explain(NULL);
	assert_string_equal(failure.message,
			    "no answer: process 300 (vdpa) waits for a device process");
}

static void cli_95_stopped(void **state)
{
	(void)state;
	tree_process(&tree, 231, "vduse", 'T', 1, "/dev/zero");
	explain(NULL);
	assert_non_null(strstr(failure.message, "231 (vduse) of lo0 is stopped"));
	assert_non_null(strstr(failure.hint, "kill -CONT 231"));
}

/* What a batch waits for does not stand in its command line; nor is it our device where
 * that is an older line of our own batch. */
static void lines_of_batches(void **state)
{
	static const char words[] = "vdpa\0-b\0-";
	int i;

	(void)state;
	tree_process(&tree, 232, "other", 'T', 1, "/dev/null");
	for (i = 0; i < 2; i++) {
		waiting(300, i ? getpid() : 1, words, sizeof(words));
		failure_set(&failure, STATUS_TIMED_OUT, 0, NULL, "no answer");
		explain("lo0");
		assert_string_equal(failure.message,
				    "no answer: device process 232 (other) of lo1 is stopped");
	}
}

static void not_served(void **state)
{
	(void)state;
	tree_delete(&tree, "proc/232");
	explain(NULL);
	assert_non_null(strstr(failure.message, "no process serves the VDUSE device lo1"));
	/* it was made by a program that is not known, or is a disk */
	assert_non_null(strstr(failure.hint, "start its device process again"));
	tree_record(&tree, "lo1", DEVICE_TYPE_BLOCK);
	explain(NULL);
	assert_non_null(strstr(failure.hint, "start its device process again"));
}

static void ours_is_not_served(void **state)
{
	(void)state;
	tree_delete(&tree, "proc/232");
	tree_record(&tree, "lo1", DEVICE_TYPE_NET);
	explain(NULL);
	assert_non_null(strstr(failure.hint, "vduse loopback lo1"));
}

static void node_held(void **state)
{
	(void)state;
	tree_driver(&tree, "vhost_vdpa");
	tree_device(&tree, "lo0");
	tree_vhost(&tree, "lo0", 0, true);
	explain("lo0");
	assert_non_null(strstr(failure.message, "process 232 (other) has /dev/vhost-vdpa-0 open"));
}

static void nothing_to_see(void **state)
{
	(void)state;
	explain(NULL);
	assert_string_equal(failure.message, "no answer");
	tree_delete(&tree, "sys/class/vduse");
	tree_delete(&tree, "proc");
	explain("lo0");
	assert_string_equal(failure.message, "no answer");
	assert_string_equal(failure.object, "lo0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(our_own_device), TEST(another_device), TEST(the_one_that_calls_the_family), TEST(another_command),
		TEST(a_client_with_threads), TEST(cli_95_stopped),
		TEST(lines_of_batches),
		TEST(not_served), TEST(ours_is_not_served), TEST(node_held), TEST(nothing_to_see),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vdpa_driver and lib/vdpa_autoprobe: loading, binding, and drivers_autoprobe. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/vdpa_autoprobe.h"
#include "lib/vdpa_driver.h"
#include "vdpa_tree.h"

static struct tree tree;
static struct failure failure;

static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	tree_driver(&tree, NULL);
	tree_folder(&tree, "run");
	memset(&failure, 0, sizeof(failure));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&tree);
	return 0;
}

/* A modprobe that does @what, with the module's name in $3. */
static void use_modprobe(const char *what)
{
	char text[500], path[100];

	snprintf(text, sizeof(text), "#!/bin/sh\ncd %s\n%s\n", tree.root, what);
	tree_file(&tree, text, "modprobe");
	snprintf(path, sizeof(path), "%s/modprobe", tree.root);
	assert_int_equal(chmod(path, 0755), 0);
	tree_file(&tree, path, "proc/sys/kernel/modprobe");
}

static const char *contents(const char *path)
{
	static char value[64];

	if (sysfs_read(&tree.fs, value, sizeof(value), "%s", path) < 0)
		return "-";
	return value;
}

static void loading(void **state)
{
	(void)state;
	assert_false(vdpa_driver_any(&tree.fs));
	use_modprobe("mkdir sys/bus/vdpa/drivers/$3");
	assert_int_equal(vdpa_driver_load(&tree.fs, "vhost_vdpa", &failure), 0);
	assert_true(vdpa_driver_loaded(&tree.fs, "vhost_vdpa"));
	assert_false(vdpa_driver_loaded(&tree.fs, "virtio_vdpa"));
	assert_true(vdpa_driver_any(&tree.fs));
	use_modprobe("exit 1");
	assert_int_equal(vdpa_driver_load(&tree.fs, "vhost_vdpa", &failure), 0);
}

static void loading_fails(void **state)
{
	(void)state;
	use_modprobe("exit 1");
	assert_int_equal(vdpa_driver_load(&tree.fs, "vhost_vdpa", &failure), -ENOENT);
	assert_int_equal(failure.status, geteuid() ? STATUS_DENIED : STATUS_UNSUPPORTED);
	assert_non_null(strstr(failure.hint, "modprobe vhost_vdpa"));
	use_modprobe("exit 0");	/* it says so, and there is none */
	assert_int_equal(vdpa_driver_load(&tree.fs, "vhost_vdpa", &failure), -ENOENT);
	tree_file(&tree, "/nowhere/modprobe\n", "proc/sys/kernel/modprobe");
	assert_true(vdpa_driver_load(&tree.fs, "vhost_vdpa", &failure) < 0);
}

static void binding(void **state)
{
	(void)state;
	tree_driver(&tree, "virtio_vdpa");
	tree_device(&tree, "a!b");
	assert_int_equal(vdpa_driver_bind(&tree.fs, "a/b", "virtio_vdpa", &failure), 0);
	assert_string_equal(contents("sys/bus/vdpa/drivers/virtio_vdpa/bind"), "a!b");
	assert_int_equal(vdpa_driver_unbind(&tree.fs, "a/b", "virtio_vdpa", &failure), 0);
	assert_string_equal(contents("sys/bus/vdpa/drivers/virtio_vdpa/unbind"), "a!b");
	/* what the user has set is not touched */
	assert_string_equal(contents("sys/bus/vdpa/devices/a!b/driver_override"), "(null)");
}

static void binding_fails(void **state)
{
	(void)state;
	tree_driver(&tree, "virtio_vdpa");
	tree_device(&tree, "lo0");
	tree_link(&tree, "/dev/full", "sys/bus/vdpa/drivers/virtio_vdpa/bind");
	assert_int_equal(vdpa_driver_bind(&tree.fs, "lo0", "virtio_vdpa", &failure), -ENOSPC);
	assert_int_equal(failure.errnum, ENOSPC);
	assert_int_equal(vdpa_driver_bind(&tree.fs, "..", "virtio_vdpa", &failure), -ENODEV);
	assert_int_equal(vdpa_driver_unbind(&tree.fs, "lo0", "none", &failure), -ENOENT);
}

static void override(void **state)
{
	(void)state;
	tree_driver(&tree, "virtio_vdpa");
	tree_device(&tree, "lo0");
	tree_file(&tree, "vhost_vdpa\n", "sys/bus/vdpa/devices/lo0/driver_override");
	assert_int_equal(vdpa_driver_bind(&tree.fs, "lo0", "virtio_vdpa", &failure), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_non_null(strstr(failure.message, "vhost_vdpa"));
	assert_string_equal(contents("sys/bus/vdpa/drivers/virtio_vdpa/bind"), "");
	tree_file(&tree, "virtio_vdpa\n", "sys/bus/vdpa/devices/lo0/driver_override");
	assert_int_equal(vdpa_driver_bind(&tree.fs, "lo0", "virtio_vdpa", &failure), 0);
}

#define AUTOPROBE "sys/bus/vdpa/drivers_autoprobe"
#define SAVED "run/vduse/drivers_autoprobe"

static void off_and_back(void **state)
{
	struct vdpa_autoprobe autoprobe;
	sigset_t signals;

	(void)state;
	assert_int_equal(vdpa_autoprobe_off(&tree.fs, &autoprobe, &failure), 0);
	assert_string_equal(contents(AUTOPROBE), "0");
	assert_string_equal(contents(SAVED), "1");
	sigprocmask(SIG_BLOCK, NULL, &signals);
	assert_true(sigismember(&signals, SIGTERM) && sigismember(&signals, SIGINT));
	vdpa_autoprobe_end(&autoprobe);
	assert_string_equal(contents(AUTOPROBE), "1");
	assert_string_equal(contents(SAVED), "");
	sigprocmask(SIG_BLOCK, NULL, &signals);
	assert_false(sigismember(&signals, SIGTERM));
	vdpa_autoprobe_end(&autoprobe);	/* twice does no harm */
}

static void off_already(void **state)
{
	struct vdpa_autoprobe autoprobe;
	sigset_t signals;

	(void)state;
	tree_file(&tree, "0\n", AUTOPROBE);
	assert_int_equal(vdpa_autoprobe_off(&tree.fs, &autoprobe, &failure), 0);
	assert_string_equal(contents(SAVED), "");
	vdpa_autoprobe_end(&autoprobe);
	assert_string_equal(contents(AUTOPROBE), "0");
	sigprocmask(SIG_BLOCK, NULL, &signals);
	assert_false(sigismember(&signals, SIGTERM));
}

/* Somebody was killed in the middle: whoever comes next puts it back. */
static void repair(void **state)
{
	struct vdpa_autoprobe autoprobe;

	(void)state;
	tree_file(&tree, "1", SAVED);
	tree_file(&tree, "0\n", AUTOPROBE);
	assert_int_equal(vdpa_autoprobe_share(&tree.fs, &autoprobe, &failure), 0);
	assert_string_equal(contents(AUTOPROBE), "1");
	assert_string_equal(contents(SAVED), "");
	vdpa_autoprobe_end(&autoprobe);
	tree_file(&tree, "1", SAVED);
	tree_file(&tree, "0\n", AUTOPROBE);
	assert_int_equal(vdpa_autoprobe_off(&tree.fs, &autoprobe, &failure), 0);
	vdpa_autoprobe_end(&autoprobe);
	assert_string_equal(contents(AUTOPROBE), "1");
}

/* For commands that need no lock. */
static void repair_by_others(void **state)
{
	struct vdpa_autoprobe autoprobe;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		vdpa_autoprobe_off(&tree.fs, &autoprobe, NULL);
		raise(SIGKILL);
	}
	waitpid(child, NULL, 0);
	assert_string_equal(contents(AUTOPROBE), "0");
	vdpa_autoprobe_repair(&tree.fs);
	assert_string_equal(contents(AUTOPROBE), "1");
	assert_string_equal(contents(SAVED), "");
	/* from then on it is the user's again */
	tree_file(&tree, "0\n", AUTOPROBE);
	vdpa_autoprobe_repair(&tree.fs);
	assert_string_equal(contents(AUTOPROBE), "0");
}

static void nothing_to_repair(void **state)
{
	(void)state;
	vdpa_autoprobe_repair(&tree.fs);
	assert_false(sysfs_exists(&tree.fs, "run/vduse"));
}

static void killed_in_the_middle(void **state)
{
	struct vdpa_autoprobe autoprobe;
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0) {
		vdpa_autoprobe_off(&tree.fs, &autoprobe, NULL);
		raise(SIGTERM);	/* held back */
		raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_string_equal(contents(AUTOPROBE), "0");
	assert_int_equal(vdpa_autoprobe_share(&tree.fs, &autoprobe, &failure), 0);
	assert_string_equal(contents(AUTOPROBE), "1");
	vdpa_autoprobe_end(&autoprobe);
}

/* Another process, which holds the lock until it is told to end. */
static pid_t other_process(bool exclusive, int *go)
{
	struct vdpa_autoprobe autoprobe;
	int ready[2], end[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready) | pipe(end), 0);
	child = fork();
	if (child == 0) {
		close(end[1]);
		if (exclusive)
			vdpa_autoprobe_off(&tree.fs, &autoprobe, NULL);
		else
			vdpa_autoprobe_share(&tree.fs, &autoprobe, NULL);
		if (write(ready[1], "", 1) == 1 && read(end[0], &byte, 1) >= 0)
			usleep(100000);
		vdpa_autoprobe_end(&autoprobe);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(end[0]);
	*go = end[1];
	return child;
}

static void cli_93_one_at_a_time(void **state)
{
	struct vdpa_autoprobe autoprobe;
	int go;
	pid_t other = other_process(true, &go);

	(void)state;
	assert_string_equal(contents(AUTOPROBE), "0");
	close(go);	/* it ends 100 ms later */
	assert_int_equal(vdpa_autoprobe_off(&tree.fs, &autoprobe, &failure), 0);
	/* the value that was saved is the true one, not the other's 0 */
	assert_string_equal(contents(SAVED), "1");
	vdpa_autoprobe_end(&autoprobe);
	assert_string_equal(contents(AUTOPROBE), "1");
	waitpid(other, NULL, 0);
}

static void plain_adds_wait_for_it(void **state)
{
	struct vdpa_autoprobe autoprobe;
	int go;
	pid_t other = other_process(true, &go);

	(void)state;
	close(go);
	assert_int_equal(vdpa_autoprobe_share(&tree.fs, &autoprobe, &failure), 0);
	assert_string_equal(contents(AUTOPROBE), "1");
	vdpa_autoprobe_end(&autoprobe);
	waitpid(other, NULL, 0);
}

static void plain_adds_go_together(void **state)
{
	struct vdpa_autoprobe autoprobe;
	int go;
	pid_t other = other_process(false, &go);

	(void)state;
	assert_int_equal(vdpa_autoprobe_share(&tree.fs, &autoprobe, &failure), 0);
	vdpa_autoprobe_end(&autoprobe);
	close(go);
	waitpid(other, NULL, 0);
}

/* Whoever is at it puts it back himself. */
static void repair_does_not_meddle(void **state)
{
	int go;
	pid_t other = other_process(true, &go);

	(void)state;
	vdpa_autoprobe_repair(&tree.fs);
	assert_string_equal(contents(AUTOPROBE), "0");
	assert_string_equal(contents(SAVED), "1");
	close(go);
	waitpid(other, NULL, 0);
	assert_string_equal(contents(AUTOPROBE), "1");
}

static void not_for_ever(void **state)
{
	struct vdpa_autoprobe autoprobe;
	char text[40];
	int go;
	pid_t other = other_process(true, &go);

	(void)state;
	assert_int_equal(vdpa_autoprobe_share(&tree.fs, &autoprobe, &failure), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	snprintf(text, sizeof(text), "process %d", (int)other);
	assert_non_null(strstr(failure.message, text));
	close(go);
	waitpid(other, NULL, 0);
}

static void no_folder(void **state)
{
	struct vdpa_autoprobe autoprobe;
	sigset_t signals;

	(void)state;
	tree_delete(&tree, "run");
	tree_file(&tree, "", "run");
	assert_int_equal(vdpa_autoprobe_share(&tree.fs, &autoprobe, &failure), 0);
	assert_true(autoprobe.file < 0);
	vdpa_autoprobe_end(&autoprobe);
	assert_true(vdpa_autoprobe_off(&tree.fs, &autoprobe, &failure) < 0);
	assert_int_not_equal(failure.status, STATUS_OK);
	assert_string_equal(contents(AUTOPROBE), "1");
	sigprocmask(SIG_BLOCK, NULL, &signals);
	assert_false(sigismember(&signals, SIGTERM));
}

static void a_link_in_its_place(void **state)
{
	struct vdpa_autoprobe autoprobe;

	(void)state;
	tree_file(&tree, "precious", "target");
	tree_link(&tree, "../../target", SAVED);
	assert_true(vdpa_autoprobe_off(&tree.fs, &autoprobe, &failure) < 0);
	assert_string_equal(contents("target"), "precious");
	assert_string_equal(contents(AUTOPROBE), "1");
}

static void it_cannot_be_turned_off(void **state)
{
	struct vdpa_autoprobe autoprobe;
	sigset_t signals;

	(void)state;
	tree_delete(&tree, AUTOPROBE);
	assert_int_equal(vdpa_autoprobe_off(&tree.fs, &autoprobe, &failure), -ENOENT);
	assert_string_equal(failure.object, "drivers_autoprobe");
	sigprocmask(SIG_BLOCK, NULL, &signals);
	assert_false(sigismember(&signals, SIGTERM));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loading), TEST(loading_fails), TEST(binding), TEST(binding_fails),
		TEST(override), TEST(off_and_back), TEST(off_already), TEST(repair),
		TEST(repair_by_others), TEST(nothing_to_repair), TEST(repair_does_not_meddle),
		TEST(killed_in_the_middle), TEST(cli_93_one_at_a_time), TEST(plain_adds_wait_for_it),
		TEST(plain_adds_go_together), TEST(not_for_ever), TEST(no_folder),
		TEST(a_link_in_its_place), TEST(it_cannot_be_turned_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

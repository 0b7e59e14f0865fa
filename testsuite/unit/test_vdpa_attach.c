// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib/vdpa_attach against a kernel that is played: writes to bind, unbind and
 * drivers_autoprobe change the made sysfs as the kernel's would, and so do DEV_NEW
 * and DEV_DEL.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buffer.h"
#include "lib/disk.h"
#include "lib/vdpa_attach.h"
#include "lib/vdpa_lock.h"
#include "lib/vdpa_usable.h"
#include "lib/vduse_definition.h"
#include "netlink_script.h"
#include "vdpa_tree.h"

/* LDFLAGS: -Wl,--wrap=sysfs_write,--wrap=disk_use,--wrap=clock_ms,--wrap=nanosleep */
enum disk_use __wrap_disk_use(const struct sysfs *fs, const char *name, char *where, size_t size);
int __wrap_sysfs_write(const struct sysfs *fs, const char *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int64_t __wrap_clock_ms(void);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

/* What the played kernel does. */
struct play {
	int new_error;			/* of DEV_NEW */
	const char *new_words;
	bool virtio_fails;		/* virtio_net gives up */
	bool virtio_lacks;		/* no module of it is loaded */
	bool vhost_fails;		/* the node never comes */
	bool del_fails;
	bool goes_at_bind;		/* somebody deletes it then */
	int signal;			/* comes with an unbind */
	int bind_error[2];		/* of virtio_vdpa, of vhost_vdpa */
	enum disk_use use;
	bool looked;			/* was the disk opened? */
	int64_t now;			/* ms: time goes on while somebody sleeps, and only then */
	pid_t other;			/* a process that ends at the fifth sleep; 0: none */
	unsigned int sleeps;
};

static struct tree tree;
static struct script script;
static struct netlink netlink;
static struct failure failure;
static struct vdpa_attached attached;
static struct play play;
static struct buffer calls;		/* what was asked of the kernel, in order */

static const struct vdpa_new lo0 = { .name = "lo0", .mgmtdev = { .name = "vduse" } };

static void probe(const char *device, const char *driver)
{
	if (!strcmp(driver, "vhost_vdpa"))
		tree_vhost(&tree, device, 0, !play.vhost_fails);
	else if (play.virtio_lacks)
		tree_virtio(&tree, device, 2, NULL, 0x01);
	else if (play.virtio_fails)
		tree_virtio(&tree, device, 2, NULL, 0x83);
	else
		tree_virtio(&tree, device, 2, "virtio_net", 0xf);
}

static int play_bind(const char *driver, const char *device)
{
	int error = play.bind_error[!strcmp(driver, "vhost_vdpa")];

	buffer_format(&calls, "bind %s, ", driver);
	if (play.goes_at_bind)
		tree_delete(&tree, "sys/bus/vdpa/devices/%s", device);
	else if (!error)
		probe(device, driver);
	return play.goes_at_bind ? -ENODEV : error;
}

int __wrap_sysfs_write(const struct sysfs *fs, const char *value, const char *format, ...)
{
	char path[200], driver[64], file[64];
	va_list args;

	assert_ptr_equal(fs, &tree.fs);
	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (!strcmp(path, "sys/bus/vdpa/drivers_autoprobe")) {
		buffer_format(&calls, "autoprobe %.1s, ", value);
		tree_file(&tree, value, "%s", path);
		return 0;
	}
	assert_int_equal(sscanf(path, "sys/bus/vdpa/drivers/%63[^/]/%63s", driver, file), 2);
	if (!strcmp(file, "bind"))
		return play_bind(driver, value);
	buffer_format(&calls, "unbind %s, ", driver);
	tree_unbind(&tree, value);
	if (play.signal)
		raise(play.signal);
	return 0;
}

enum disk_use __wrap_disk_use(const struct sysfs *fs, const char *name, char *where, size_t size)
{
	assert_ptr_equal(fs, &tree.fs);
	assert_string_equal(name, "vda");
	play.looked = true;
	snprintf(where, size, "%s", play.use == DISK_MOUNTED ? "/mnt" : "");
	return play.use;
}

int64_t __wrap_clock_ms(void)
{
	return play.now;
}

static void end_process(pid_t *process)
{
	assert_int_equal(kill(*process, SIGKILL), 0);
	assert_int_equal(waitpid(*process, NULL, 0), *process);
	*process = 0;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	play.now += time->tv_sec * 1000 + time->tv_nsec / 1000000;
	if (++play.sleeps == 5 && play.other)
		end_process(&play.other);
	return 0;
}

static bool autoprobe_is_on(void)
{
	uint64_t value = 0;

	sysfs_read_number(&tree.fs, &value, "sys/bus/vdpa/drivers_autoprobe");
	return value;
}

/* The kernel's name for what @question is about: it has no slashes. */
static const char *name_of(const struct nlmsghdr *question, char name[SYSFS_NAME_SIZE])
{
	const struct nlattr *attribute = script_attribute(question, VDPA_ATTR_DEV_NAME);

	assert_int_equal(sysfs_name(mnl_attr_get_str(attribute), name), 0);
	return name;
}

static void play_new(struct script *to, const struct nlmsghdr *question)
{
	char name[SYSFS_NAME_SIZE];

	buffer_add_text(&calls, "new, ");
	if (play.new_error) {
		script_extended(to, question, play.new_error, play.new_words, 0, 0, true);
		return;
	}
	name_of(question, name);
	tree_device(&tree, name);
	if (!strcmp(name, "lo0"))
		tree_vduse(&tree, "lo0", true);
	if (autoprobe_is_on() && sysfs_exists(&tree.fs, "sys/bus/vdpa/drivers/virtio_vdpa"))
		probe(name, "virtio_vdpa");
	script_error(to, question, 0);
}

static void play_kernel(struct script *to, const struct nlmsghdr *question)
{
	const struct nlattr *attribute;

	if (script_command(question) == VDPA_CMD_DEV_NEW) {
		play_new(to, question);
		return;
	}
	assert_int_equal(script_command(question), VDPA_CMD_DEV_DEL);
	attribute = script_attribute(question, VDPA_ATTR_DEV_NAME);
	buffer_add_text(&calls, "del, ");
	if (play.del_fails) {
		script_error(to, question, -EIO);
		return;
	}
	if (strchr(mnl_attr_get_str(attribute), '/')) {
		script_error(to, question, -ENODEV);
		return;
	}
	tree_delete(&tree, "sys/bus/vdpa/devices/%s", mnl_attr_get_str(attribute));
	script_error(to, question, 0);
}

static void use_modprobe(const char *what)
{
	char text[500], path[100];

	snprintf(text, sizeof(text), "#!/bin/sh\ncd %s\n%s\n", tree.root, what);
	tree_file(&tree, text, "modprobe");
	snprintf(path, sizeof(path), "%s/modprobe", tree.root);
	assert_int_equal(chmod(path, 0755), 0);
	tree_file(&tree, path, "proc/sys/kernel/modprobe");
}

/* A VDUSE device lo0 that a process serves, both bus drivers loaded. */
static int setup(void **state)
{
	(void)state;
	tree_make(&tree);
	tree_folder(&tree, "run");
	tree_driver(&tree, "virtio_vdpa");
	tree_driver(&tree, "vhost_vdpa");
	tree_vduse(&tree, "lo0", false);
	tree_process(&tree, 231, "vduse", 'S', 1, "/dev/zero");
	use_modprobe("exit 1");
	memset(&failure, 0, sizeof(failure));
	memset(&play, 0, sizeof(play));
	script_init(&script, play_kernel);
	return netlink_open_wire(&netlink, "vdpa", 1, &script.wire);
}

static int teardown(void **state)
{
	(void)state;
	if (play.other)
		end_process(&play.other);
	netlink_close(&netlink);
	script_end(&script);
	buffer_free(&calls);
	tree_remove(&tree);
	return 0;
}

static void called(const char *expected)
{
	assert_string_equal(calls.text ? calls.text : "", expected);
	buffer_free(&calls);
}

static int add(const char *driver)
{
	return vdpa_attach(&tree.fs, &netlink, &lo0, driver, &attached, &failure);
}

/* -- before an add ----------------------------------------------------------- */

static void proc_74_no_module(void **state)
{
	(void)state;
	tree_delete(&tree, "sys/class/vduse");
	assert_true(add(NULL) < 0);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
	called("");
}

static void no_vduse_device(void **state)
{
	(void)state;
	tree_delete(&tree, "sys/class/vduse/lo0");
	assert_int_equal(add(NULL), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_non_null(strstr(failure.hint, "vduse create lo0"));
	called("");
}

static void nobody_serves(void **state)
{
	(void)state;
	tree_delete(&tree, "proc/231");
	assert_int_equal(add(NULL), -EINVAL);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_non_null(strstr(failure.hint, "start its device process first"));
	tree_record(&tree, "lo0", DEVICE_TYPE_NET);
	assert_int_equal(add(NULL), -EINVAL);
	assert_non_null(strstr(failure.hint, "vduse loopback lo0"));
	called("");
	assert_int_equal(add("vhost_vdpa"), -EINVAL);
	called("");
}

/* Where not every process can be seen, it is the kernel's to answer. */
static void who_serves_is_unknown(void **state)
{
	(void)state;
	tree_delete(&tree, "proc/231");
	tree_link(&tree, "pid:[4026532000]", "proc/self/ns/pid");
	assert_int_equal(add(NULL), 0);
	called("new, ");
}

static void name_is_taken(void **state)
{
	(void)state;
	tree_device(&tree, "lo0");
	probe("lo0", "virtio_vdpa");
	assert_int_equal(add(NULL), -EEXIST);
	assert_string_equal(failure.hint, "\"vdpa dev del\" takes it away");
	assert_int_equal(failure.status, STATUS_BUSY);
	called("");
}

static void other_managers_are_not_looked_at(void **state)
{
	struct vdpa_new device = { .name = "vdpa0", .mgmtdev = { .name = "vdpasim_net" } };

	(void)state;
	tree_delete(&tree, "sys/class/vduse");
	play.new_error = -EBUSY;
	assert_int_equal(vdpa_attach(&tree.fs, &netlink, &device, NULL, &attached, &failure),
			 -EBUSY);
	called("new, ");
}

/* -- an add ------------------------------------------------------------------ */

static void plain_add(void **state)
{
	(void)state;
	assert_int_equal(add(NULL), 0);
	assert_string_equal(attached.netdev, "eth0");
	called("new, ");
}

static void bare_invalid(void **state)
{
	(void)state;
	play.new_error = -EINVAL;
	assert_int_equal(add(NULL), -EINVAL);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_non_null(strstr(failure.message, "every virtqueue"));
	play.new_words = "the kernel knows better";
	assert_int_equal(add(NULL), -EINVAL);
	assert_non_null(strstr(failure.message, "the kernel knows better"));
	assert_null(strstr(failure.message, "every virtqueue"));
}

static void driver_gives_up(void **state)
{
	(void)state;
	play.virtio_fails = true;
	assert_int_equal(add(NULL), -ENODEV);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_non_null(strstr(failure.message, "ACKNOWLEDGE DRIVER FAILED"));
	assert_null(strstr(failure.message, "has ended"));
	called("new, ");	/* it stays on the bus */
}

static void process_ends(void **state)
{
	(void)state;
	play.virtio_fails = true;
	assert_int_equal(add(NULL), -ENODEV);
	tree_process(&tree, 231, "vduse", 'T', 1, "/dev/zero");
	assert_int_equal(vdpa_bind(&tree.fs, "lo0", "virtio_vdpa", &failure), -ENODEV);
	assert_non_null(strstr(failure.message, "231 (vduse) is stopped, until \"kill -CONT 231"));
	tree_delete(&tree, "proc/231");
	assert_int_equal(vdpa_bind(&tree.fs, "lo0", "virtio_vdpa", &failure), -ENODEV);
	assert_non_null(strstr(failure.message, "device process has ended"));
}

static void no_bus_driver(void **state)
{
	(void)state;
	tree_delete(&tree, "sys/bus/vdpa/drivers/virtio_vdpa");
	tree_delete(&tree, "sys/bus/vdpa/drivers/vhost_vdpa");
	assert_int_equal(add(NULL), 0);
	assert_string_equal(attached.driver, "");
}

static void autoprobe_is_off(void **state)
{
	(void)state;
	tree_file(&tree, "0\n", "sys/bus/vdpa/drivers_autoprobe");
	assert_int_equal(add(NULL), 0);
	assert_string_equal(attached.driver, "");
}

static void bus_driver_does_not_take_it(void **state)
{
	(void)state;
	tree_delete(&tree, "sys/bus/vdpa/drivers/virtio_vdpa");
	assert_int_equal(add(NULL), -ENODEV);
	assert_non_null(strstr(failure.message, "no bus driver took it"));
}

/* -- an add with a driver ---------------------------------------------------- */

static void driver_of_choice(void **state)
{
	(void)state;
	assert_int_equal(add("vhost_vdpa"), 0);
	assert_string_equal(attached.chardev, "vhost-vdpa-0");
	/* without an interface that comes and goes */
	called("autoprobe 0, new, autoprobe 1, bind vhost_vdpa, ");
	assert_true(autoprobe_is_on());
}

static void it_is_loaded_quietly(void **state)
{
	(void)state;
	tree_delete(&tree, "sys/bus/vdpa/drivers/vhost_vdpa");
	use_modprobe("cp sys/bus/vdpa/drivers_autoprobe seen\nmkdir sys/bus/vdpa/drivers/$3");
	assert_int_equal(add("vhost_vdpa"), 0);
	called("autoprobe 0, new, autoprobe 1, bind vhost_vdpa, ");
	{
		uint64_t seen = 1;

		assert_int_equal(sysfs_read_number(&tree.fs, &seen, "seen"), 0);
		assert_int_equal(seen, 0);
	}
}

static void it_cannot_be_loaded(void **state)
{
	(void)state;
	tree_delete(&tree, "sys/bus/vdpa/drivers/vhost_vdpa");
	assert_true(add("vhost_vdpa") < 0);
	called("autoprobe 0, autoprobe 1, ");
	assert_true(autoprobe_is_on());
}

static void it_fails_and_all_is_undone(void **state)
{
	(void)state;
	play.virtio_fails = true;
	assert_int_equal(add("virtio_vdpa"), -ENODEV);
	assert_non_null(strstr(failure.message, "FAILED"));
	assert_non_null(strstr(failure.hint, "deleted again"));
	called("autoprobe 0, new, autoprobe 1, bind virtio_vdpa, del, ");
	play.bind_error[1] = -EBUSY;
	assert_int_equal(add("vhost_vdpa"), -EBUSY);
	called("autoprobe 0, new, autoprobe 1, bind vhost_vdpa, del, ");
}

/* The kernel writes '!' for a slash, and knows the device by no other name. */
static void a_name_with_a_slash(void **state)
{
	static const struct vdpa_new slash = { .name = "a/b", .mgmtdev = { .name = "test" } };
	char text[SYSFS_NAME_SIZE];

	(void)state;
	play.virtio_fails = true;
	assert_true(vdpa_attach(&tree.fs, &netlink, &slash, "virtio_vdpa", &attached, &failure) < 0);
	called("autoprobe 0, new, autoprobe 1, bind virtio_vdpa, del, ");
	assert_non_null(strstr(failure.hint, "deleted again"));
	assert_false(sysfs_exists(&tree.fs, "sys/bus/vdpa/devices/a!b"));
	assert_true(vdpa_attach(&tree.fs, &netlink, &slash, NULL, &attached, &failure) < 0);
	assert_string_equal(failure.hint, "dmesg may tell why; it stays on the bus until "
			    "\"vdpa dev del a!b\"");
	assert_string_equal(vdpa_kernel_name("a/b/", text), "a!b!");
	assert_string_equal(vdpa_kernel_name("a b", text), "a b");
	assert_string_equal(vdpa_kernel_name("..", text), "..");
}

static void the_kernel_refuses(void **state)
{
	(void)state;
	play.new_error = -EOPNOTSUPP;
	assert_int_equal(add("vhost_vdpa"), -EOPNOTSUPP);
	called("autoprobe 0, new, autoprobe 1, ");
	assert_true(autoprobe_is_on());
}

/* Where no udev runs, the driver of the virtio device is loaded by us. */
static void virtio_driver_is_loaded(void **state)
{
	(void)state;
	play.virtio_lacks = true;
	use_modprobe("case $3 in virtio:*) d=sys/bus/vdpa/devices/lo0/virtio2;"
		     "mkdir -p $d/net/eth0; echo 4 >$d/net/eth0/ifindex;"
		     "ln -s ../../drivers/virtio_net $d/driver;; esac");
	assert_int_equal(add("virtio_vdpa"), 0);
	assert_string_equal(attached.netdev, "eth0");
	/* so it is where the kernel chose the bus driver, or where somebody was killed */
	tree_delete(&tree, "sys/bus/vdpa/devices/lo0");
	assert_int_equal(add(NULL), 0);
	assert_string_equal(attached.netdev, "eth0");
	tree_unbind(&tree, "lo0");
	probe("lo0", "virtio_vdpa");
	assert_int_equal(vdpa_bind(&tree.fs, "lo0", "virtio_vdpa", &failure), 0);
}

/* The kernel that runs has modules, and modprobe finds none: nothing is waited for. */
static void no_such_virtio_driver(void **state)
{
	struct utsname system;

	(void)state;
	assert_int_equal(uname(&system), 0);
	tree_file(&tree, "", "lib/modules/%s/modules.dep", system.release);
	play.virtio_lacks = true;
	assert_int_equal(add("virtio_vdpa"), -ENODEV);
	assert_non_null(strstr(failure.message, "no driver took"));
	called("autoprobe 0, new, autoprobe 1, bind virtio_vdpa, del, ");
	assert_int_equal(add(NULL), -ENODEV);
	called("new, ");
	assert_int_equal(play.sleeps, 0);
	/* here as well, with a modprobe that is not there, nobody knows: udev may */
	tree_file(&tree, "/nowhere/modprobe\n", "proc/sys/kernel/modprobe");
	assert_int_equal(vdpa_bind(&tree.fs, "lo0", "virtio_vdpa", &failure), -ENODEV);
	assert_int_equal(play.now, VDPA_USABLE_MS);
}

static void undoing_fails(void **state)
{
	(void)state;
	play.virtio_fails = play.del_fails = true;
	assert_int_equal(add("virtio_vdpa"), -ENODEV);
	assert_non_null(strstr(failure.hint, "could not be deleted again either"));
	called("autoprobe 0, new, autoprobe 1, bind virtio_vdpa, del, ");
	/* what is there, as after an add that was killed, is told with the way on */
	tree_unbind(&tree, "lo0");
	assert_int_equal(add("virtio_vdpa"), -EEXIST);
	assert_non_null(strstr(failure.hint, "vdpa dev bind"));
}

/* -- bind and unbind --------------------------------------------------------- */

static void attach(const char *driver)
{
	tree_device(&tree, "lo0");
	tree_vduse(&tree, "lo0", true);
	if (driver)
		probe("lo0", driver);
}

static int bind_to(const char *driver)
{
	return vdpa_bind(&tree.fs, "lo0", driver, &failure);
}

static void there_and_back(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	assert_int_equal(bind_to("vhost_vdpa"), 0);
	called("unbind virtio_vdpa, bind vhost_vdpa, ");
	assert_int_equal(bind_to("virtio_vdpa"), 0);
	called("unbind vhost_vdpa, bind virtio_vdpa, ");
	assert_int_equal(bind_to("virtio_vdpa"), 0);	/* it has it */
	called("");
}

static void first_driver(void **state)
{
	(void)state;
	attach(NULL);
	assert_int_equal(bind_to("vhost_vdpa"), 0);
	called("bind vhost_vdpa, ");
}

static void bind_loads_quietly(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	tree_delete(&tree, "sys/bus/vdpa/drivers/vhost_vdpa");
	use_modprobe("mkdir sys/bus/vdpa/drivers/$3");
	assert_int_equal(bind_to("vhost_vdpa"), 0);
	called("autoprobe 0, autoprobe 1, unbind virtio_vdpa, bind vhost_vdpa, ");
}

static void bind_cannot_load(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	tree_delete(&tree, "sys/bus/vdpa/drivers/vhost_vdpa");
	assert_true(bind_to("vhost_vdpa") < 0);
	called("autoprobe 0, autoprobe 1, ");	/* the old driver keeps it */
}

static void old_driver_comes_back(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	play.bind_error[1] = -EINVAL;
	assert_int_equal(bind_to("vhost_vdpa"), -EINVAL);
	assert_non_null(strstr(failure.hint, "virtio_vdpa is bound to it again"));
	called("unbind virtio_vdpa, bind vhost_vdpa, bind virtio_vdpa, ");
	assert_int_equal(vdpa_attached_read(&tree.fs, "lo0", &attached), 0);
	assert_string_equal(attached.netdev, "eth0");
}

static void half_bound_driver_is_taken_off(void **state)
{
	(void)state;
	attach("vhost_vdpa");
	play.virtio_fails = true;
	assert_int_equal(bind_to("virtio_vdpa"), -ENODEV);
	called("unbind vhost_vdpa, bind virtio_vdpa, unbind virtio_vdpa, bind vhost_vdpa, ");
	assert_non_null(strstr(failure.hint, "vhost_vdpa is bound to it again"));
}

static void neither_works(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	play.bind_error[0] = play.bind_error[1] = -EINVAL;
	assert_int_equal(bind_to("vhost_vdpa"), -EINVAL);
	assert_non_null(strstr(failure.hint, "no driver now"));
}

static void old_driver_does_not_work_either(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	play.bind_error[1] = -EINVAL;
	play.virtio_fails = true;
	assert_int_equal(bind_to("vhost_vdpa"), -EINVAL);
	assert_string_equal(failure.hint, "its driver is virtio_vdpa now, which does not work "
			    "either");
	called("unbind virtio_vdpa, bind vhost_vdpa, bind virtio_vdpa, ");
}

static void device_goes_in_between(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	play.goes_at_bind = true;
	assert_int_equal(bind_to("vhost_vdpa"), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_non_null(strstr(failure.hint, "not on the bus any more"));
}

/* Before the driver that it has is taken off. */
static void override_is_in_the_way(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	tree_file(&tree, "virtio_vdpa\n", "sys/bus/vdpa/devices/lo0/driver_override");
	assert_int_equal(bind_to("vhost_vdpa"), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_non_null(strstr(failure.message, "driver_override is virtio_vdpa"));
	called("");
	tree_file(&tree, "vhost_vdpa\n", "sys/bus/vdpa/devices/lo0/driver_override");
	assert_int_equal(bind_to("vhost_vdpa"), 0);
	called("unbind virtio_vdpa, bind vhost_vdpa, ");
}

/* Another process that works on @device until it is killed. */
static pid_t other_process(const char *device)
{
	int ready[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (vdpa_lock_device(&tree.fs, device, NULL) >= 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

/* @call is made while another process works on @device, and waits for its end. */
static void waits_for_other(const char *device, int (*call)(void), int expected)
{
	play.sleeps = 0;
	play.other = other_process(device);
	assert_int_equal(call(), expected);
	assert_int_equal(play.other, 0);
	assert_int_equal(play.sleeps, 5);
}

static int bind_vhost(void)
{
	return bind_to("vhost_vdpa");
}

static int unbind_lo0(void)
{
	return vdpa_unbind(&tree.fs, "lo0", &failure);
}

static int delete_lo0(void)
{
	return vdpa_detach(&tree.fs, &netlink, "lo0", &failure);
}

static int add_lo0(void)
{
	return add("virtio_vdpa");
}

static int unbind_with_mark(void)
{
	return vdpa_unbind(&tree.fs, "a!b", &failure);
}

static void another_is_at_it(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	waits_for_other("lo0", bind_vhost, 0);
	waits_for_other("lo0", unbind_lo0, 0);
	waits_for_other("lo0", delete_lo0, 0);
	waits_for_other("lo0", add_lo0, 0);
	/* one device, whichever way its slash is written */
	waits_for_other("a/b", unbind_with_mark, -ENODEV);
	/* another device is nobody's concern */
	play.other = other_process("lo1");
	play.sleeps = 0;
	assert_int_equal(unbind_lo0(), 0);
	assert_int_equal(play.sleeps, 0);
	end_process(&play.other);
}

static void another_does_not_end(void **state)
{
	pid_t other = other_process("lo0");
	char text[40];

	(void)state;
	attach("virtio_vdpa");
	called("");
	snprintf(text, sizeof(text), "process %d ", (int)other);
	/* it waits for the device process, as everybody */
	tree_file(&tree, "vduse_dev_msg_sync", "proc/%d/wchan", (int)other);
	assert_int_equal(bind_to("vhost_vdpa"), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_non_null(strstr(failure.message, text));
	assert_non_null(strstr(failure.message, "device process 231 (vduse) of lo0 does not answer"));
	called("");
	assert_int_equal(play.now, VDPA_LOCK_MS);
	end_process(&other);
	assert_int_equal(bind_to("vhost_vdpa"), 0);
}

/* Where there can be no lock, the kernel has the last word all the same. */
static void no_lock(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	tree_delete(&tree, "run");
	tree_file(&tree, "", "run");
	assert_int_equal(bind_to("vhost_vdpa"), 0);
	assert_int_equal(vdpa_unbind(&tree.fs, "lo0", &failure), 0);
	assert_int_equal(vdpa_detach(&tree.fs, &netlink, "lo0", &failure), 0);
}

/* A signal that comes while the device has no driver waits. */
static void signals_wait(void **state)
{
	pid_t child;
	int status;

	(void)state;
	attach("virtio_vdpa");
	play.signal = SIGTERM;
	child = fork();
	if (child == 0) {
		bind_to("vhost_vdpa");
		_exit(0);
	}
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(vdpa_attached_read(&tree.fs, "lo0", &attached), 0);
	assert_string_equal(attached.driver, "vhost_vdpa");
}

static void node_is_open(void **state)
{
	(void)state;
	attach("vhost_vdpa");
	tree_process(&tree, 500, "qemu", 'S', 1, "/dev/null");
	assert_int_equal(bind_to("virtio_vdpa"), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_non_null(strstr(failure.message, "process 500 (qemu)"));
	assert_int_equal(vdpa_unbind(&tree.fs, "lo0", &failure), -EBUSY);
	assert_int_equal(vdpa_detach(&tree.fs, &netlink, "lo0", &failure), -EBUSY);
	called("");
	assert_int_equal(bind_to("vhost_vdpa"), 0);	/* that is what it has */
	called("");
}

static void attach_disk(enum disk_use use)
{
	attach(NULL);
	tree_virtio(&tree, "lo0", 2, "virtio_blk", 0xf);
	play.use = use;
}

/* All three are refused, with these words. */
static void disk_stays(const char *message, const char *hint)
{
	assert_int_equal(bind_to("vhost_vdpa"), -EBUSY);
	assert_int_equal(vdpa_unbind(&tree.fs, "lo0", &failure), -EBUSY);
	memset(&failure, 0, sizeof(failure));
	assert_int_equal(vdpa_detach(&tree.fs, &netlink, "lo0", &failure), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_int_equal(failure.errnum, EBUSY);
	assert_string_equal(failure.object, "lo0");
	assert_string_equal(failure.message, message);
	assert_non_null(strstr(failure.hint, hint));
	called("");
	assert_int_equal(bind_to("virtio_vdpa"), 0);	/* that is what it has */
	called("");
}

static void disk_is_in_use(void **state)
{
	(void)state;
	attach_disk(DISK_MOUNTED);
	disk_stays("its disk vda is in use, mounted at /mnt", "umount");
	play.use = DISK_SWAP;
	disk_stays("its disk vda is in use, as swap space", "swapoff");
	play.use = DISK_CLAIMED;
	disk_stays("its disk vda is in use, mounted out of sight or part of another device", "end");
	play.use = DISK_FREE;
	assert_int_equal(vdpa_detach(&tree.fs, &netlink, "lo0", &failure), 0);
	called("del, ");
}

/* With a process there, requests are answered in time. */
static void disk_has_requests_that_nobody_answers(void **state)
{
	(void)state;
	attach_disk(DISK_FREE);
	tree_file(&tree, "       0       12\n", "sys/block/vda/inflight");
	assert_int_equal(vdpa_unbind(&tree.fs, "lo0", &failure), 0);
	called("unbind virtio_vdpa, ");
	attach_disk(DISK_FREE);
	play.looked = false;
	tree_delete(&tree, "proc/231");
	disk_stays("its disk vda has requests on their way, and no process serves it: the kernel "
		   "would wait for one", "start its device process again");
	assert_false(play.looked);
	tree_file(&tree, "       0        0\n", "sys/block/vda/inflight");
	assert_int_equal(vdpa_detach(&tree.fs, &netlink, "lo0", &failure), 0);
	called("del, ");
}

/* To unmount it would take the process. */
static void mounted_disk_is_not_served(void **state)
{
	(void)state;
	attach_disk(DISK_MOUNTED);
	tree_delete(&tree, "proc/231");
	disk_stays("its disk vda is in use, mounted at /mnt, and no process serves it: the kernel "
		   "would wait for one", "start its device process again");
}

static void bind_unserved(void **state)
{
	(void)state;
	attach("virtio_vdpa");
	tree_delete(&tree, "proc/231");
	assert_int_equal(bind_to("vhost_vdpa"), -EINVAL);
	assert_non_null(strstr(failure.message, "no process serves"));
	called("");
}

static void unbinding(void **state)
{
	(void)state;
	attach("vhost_vdpa");
	assert_int_equal(vdpa_unbind(&tree.fs, "lo0", &failure), 0);
	called("unbind vhost_vdpa, ");
	assert_int_equal(vdpa_unbind(&tree.fs, "lo0", &failure), 0);
	called("");
}

static void unknown_devices(void **state)
{
	(void)state;
	assert_int_equal(bind_to("vhost_vdpa"), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_int_equal(vdpa_unbind(&tree.fs, "..", &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	tree_delete(&tree, "sys/bus/vdpa");
	assert_int_equal(bind_to("vhost_vdpa"), -ENODEV);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
}

static void deleting(void **state)
{
	(void)state;
	attach("vhost_vdpa");
	assert_int_equal(vdpa_detach(&tree.fs, &netlink, "lo0", &failure), 0);
	called("del, ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(proc_74_no_module), TEST(no_vduse_device), TEST(nobody_serves),
		TEST(who_serves_is_unknown), TEST(name_is_taken),
		TEST(other_managers_are_not_looked_at), TEST(plain_add), TEST(bare_invalid),
		TEST(driver_gives_up), TEST(process_ends), TEST(no_bus_driver),
		TEST(autoprobe_is_off), TEST(bus_driver_does_not_take_it), TEST(driver_of_choice),
		TEST(it_is_loaded_quietly), TEST(it_cannot_be_loaded),
		TEST(it_fails_and_all_is_undone), TEST(a_name_with_a_slash), TEST(the_kernel_refuses),
		TEST(virtio_driver_is_loaded), TEST(no_such_virtio_driver), TEST(undoing_fails),
		TEST(there_and_back), TEST(first_driver),
		TEST(bind_loads_quietly), TEST(bind_cannot_load), TEST(old_driver_comes_back),
		TEST(half_bound_driver_is_taken_off), TEST(neither_works),
		TEST(old_driver_does_not_work_either), TEST(device_goes_in_between),
		TEST(override_is_in_the_way), TEST(another_is_at_it), TEST(another_does_not_end),
		TEST(no_lock), TEST(signals_wait), TEST(node_is_open),
		TEST(disk_is_in_use), TEST(disk_has_requests_that_nobody_answers),
		TEST(mounted_disk_is_not_served), TEST(bind_unserved), TEST(unbinding), TEST(unknown_devices), TEST(deleting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

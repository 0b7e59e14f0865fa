// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/stay: what it takes for the end of the device process, and what not. That process is a
 * number, and an eventfd that can be read when it has ended; bringing up and ending are played,
 * and no time goes by.
 *
 * LDFLAGS: -Wl,--wrap=syscall,--wrap=poll,--wrap=__poll_chk,--wrap=bring_up,--wrap=unit_lock
 * LDFLAGS: -Wl,--wrap=unit_unlock,--wrap=ending_refuse,--wrap=ending_run,--wrap=notify_manager
 * LDFLAGS: -Wl,--wrap=vduse_device_read,--wrap=standing_was_killed,--wrap=clock_ms
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "process_look.h"
#include "vduse/stay.h"
#include "vduse/unit_lock.h"

#define SERVER 4711		/* the device process */
#define LOCK 1000

static struct {
	pid_t server;
	const int *opens;	/* pidfd_open() fails with these, in turn, and then gives it */
	int opened;		/* how often it was called */
	int waits;		/* poll() fails with this, of the process, once */
	int pauses;		/* poll() fails with this, of nothing */
	int signal;		/* the pause that a signal comes in, from 1 on; 0: none */
	int paused;
	bool killed;		/* the device process left its socket */
	int there;		/* vduse_device_read() */
	int brought;		/* bring_up() */
	bool ended;		/* all is taken down */
	int errors[2];		/* a pipe: the journal */
	char said[600];		/* there */
	struct failure failure;
} it;

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	va_list list;
	pid_t pid;

	assert_int_equal(number, SYS_pidfd_open);
	va_start(list, number);
	pid = va_arg(list, pid_t);
	va_end(list);
	assert_int_equal(pid, SERVER);
	it.opened++;
	assert_in_range(it.opened, 1, 100);
	if (*it.opens) {
		errno = *it.opens++;
		return -1;
	}
	return eventfd(1, EFD_CLOEXEC);
}

int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_ms(void)
{
	return 1;
}

/* A pause is over at once. */
int __real_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	bool pause = fds[0].fd < 0;

	assert_int_equal(count, 2);
	assert_true(milliseconds > 0);
	errno = pause ? it.pauses : it.waits;
	if (errno) {
		it.waits = 0;
		return -1;
	}
	if (!pause)
		return __real_poll(fds, count, milliseconds);
	if (++it.paused == it.signal)
		raise(SIGTERM);
	assert_in_range(it.paused, 1, 100);
	return __real_poll(fds, count, 0);
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size)
{
	(void)size;
	return __wrap_poll(fds, count, milliseconds);
}

int __wrap_unit_lock(const struct unit_names *names, const struct pace *pace,
		     struct failure *failure);
int __wrap_unit_lock(const struct unit_names *names, const struct pace *pace,
		     struct failure *failure)
{
	(void)names;
	(void)pace;
	(void)failure;
	return LOCK;
}

void __wrap_unit_unlock(int lock);
void __wrap_unit_unlock(int lock)
{
	assert_int_equal(lock, LOCK);
}

int __wrap_bring_up(struct bring *bring, struct failure *failure);
int __wrap_bring_up(struct bring *bring, struct failure *failure)
{
	assert_int_equal(bring->lock, LOCK);
	return it.brought ? failure_errno(failure, it.brought, "lo0", "cannot make a pipe") : 0;
}

int __wrap_ending_refuse(const struct ending *ending, const struct pace *pace,
			 struct failure *failure);
int __wrap_ending_refuse(const struct ending *ending, const struct pace *pace,
			 struct failure *failure)
{
	(void)ending;
	(void)pace;
	(void)failure;
	return 0;
}

int __wrap_ending_run(const struct ending *ending, const struct pace *pace,
		      struct buffer found[UNIT_DEVICES], struct failure *failure);
int __wrap_ending_run(const struct ending *ending, const struct pace *pace,
		      struct buffer found[UNIT_DEVICES], struct failure *failure)
{
	(void)pace;
	(void)found;
	(void)failure;
	it.ended = ending->stop && ending->destroy[0];
	return 0;
}

int __wrap_notify_manager(const char *state);
int __wrap_notify_manager(const char *state)
{
	(void)state;
	return 0;
}

int __wrap_vduse_device_read(const struct sysfs *fs, const char *name,
			     struct vduse_device *device, struct failure *failure);
int __wrap_vduse_device_read(const struct sysfs *fs, const char *name,
			     struct vduse_device *device, struct failure *failure)
{
	(void)fs;
	(void)device;
	(void)failure;
	assert_string_equal(name, "lo0");
	return it.there;
}

bool __wrap_standing_was_killed(const char *name);
bool __wrap_standing_was_killed(const char *name)
{
	(void)name;
	return it.killed;
}

static int write_nothing(void *context, const char *text, size_t length)
{
	(void)context;
	(void)text;
	(void)length;
	return 0;
}

/* What stay() returns. @opens ends with 0. All that it opened is closed, and in the end all is
 * taken down, whatever it waited for. */
static int stays(const int *opens)
{
	const struct sink sink = { write_nothing, NULL };
	struct bring bring = { .names = { 1, { "lo0" } }, .lock = LOCK, .errors = it.errors[1],
			       .now = { { .name = "lo0", .supervisor = it.server } } };
	struct call call = { .sink = &sink, .out = output_new(OUTPUT_TEXT) };
	int rc, before = open_descriptors();
	ssize_t length;

	it.opens = opens;
	assert_int_equal(pace_begin(&bring.pace, 60000, &it.failure), 0);
	rc = stay(&call, &bring, 60000, &it.failure);
	pace_end(&bring.pace);
	output_free(call.out);
	assert_int_equal(open_descriptors(), before);
	assert_true(it.ended);
	length = read(it.errors[0], it.said, sizeof(it.said) - 1);
	it.said[length > 0 ? length : 0] = '\0';
	return rc;
}

static int set_up(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	it.server = SERVER;
	return pipe2(it.errors, O_CLOEXEC | O_NONBLOCK);
}

static int tear_down(void **state)
{
	(void)state;
	close(it.errors[0]);
	close(it.errors[1]);
	return 0;
}

#define SAYS "its device process 4711 ended; all of it was taken down"

static void the_end_of_the_device_process_ends_it(void **state)
{
	(void)state;
	assert_int_equal(stays((const int[]) { 0 }), -ECHILD);
	assert_string_equal(it.failure.message, SAYS);
	assert_string_equal(it.failure.hint, "");
	assert_string_equal(it.said, "");
	/* before it could be opened */
	assert_int_equal(stays((const int[]) { ESRCH, 0 }), -ECHILD);
	assert_string_equal(it.failure.message, SAYS);
	/* or found at all */
	it.server = it.opened = 0;
	assert_int_equal(stays((const int[]) { 0 }), -ECHILD);
	assert_int_equal(it.opened, 0);
	/* "vduse down" was quicker */
	it.server = SERVER;
	it.there = -ENODEV;
	assert_int_equal(stays((const int[]) { 0 }), 0);
	assert_string_equal(it.said, "");
}

static void what_is_short_is_not_its_end(void **state)
{
	(void)state;
	assert_int_equal(stays((const int[]) { EMFILE, ENFILE, ENOMEM, 0 }), -ECHILD);
	assert_int_equal(it.opened, 4);
	assert_int_equal(it.paused, 3);
	assert_string_equal(it.failure.message, SAYS);
	/* told once */
	assert_string_equal(it.said, "vduse: lo0: cannot wait for the end of its device process "
				     "4711: Too many open files; it is tried again\n");
	/* it ends meanwhile */
	it.opened = 0;
	assert_int_equal(stays((const int[]) { EMFILE, EMFILE, ESRCH, 0 }), -ECHILD);
	assert_int_equal(it.opened, 3);
	/* also where poll(2) has no memory */
	it.opened = 0;
	it.waits = ENOMEM;
	assert_int_equal(stays((const int[]) { 0 }), -ECHILD);
	assert_int_equal(it.opened, 2);
	assert_non_null(strstr(it.said, "4711: Cannot allocate memory; it is tried again"));
}

static void a_signal_ends_it_while_something_is_short(void **state)
{
	(void)state;
	it.signal = 3;
	assert_int_equal(stays((const int[]) { EMFILE, EMFILE, EMFILE, EMFILE, 0 }), 0);
	assert_int_equal(it.opened, 3);
}

static void what_cannot_be_waited_for_is_told(void **state)
{
	(void)state;
	assert_int_equal(stays((const int[]) { EPERM, 0 }), -EPERM);
	assert_int_equal(it.failure.status, STATUS_FAILED);
	assert_int_equal(it.failure.errnum, EPERM);
	assert_string_equal(it.failure.message, "cannot wait for the end of its device process "
			    "4711: Operation not permitted; all of it was taken down");
	assert_string_equal(it.said, "");
	it.waits = EINVAL;
	assert_int_equal(stays((const int[]) { 0 }), -EINVAL);
	assert_non_null(strstr(it.failure.message, "4711: Invalid argument; all of it"));
	/* no pause to be had: it does not spin */
	it.pauses = ENOMEM;
	assert_int_equal(stays((const int[]) { EMFILE, EMFILE, 0 }), -ENOMEM);
	assert_non_null(strstr(it.failure.message, "4711: Cannot allocate memory; all of it"));
}

static void why_one_that_was_killed_has_no_successor(void **state)
{
	(void)state;
	it.killed = true;
	it.brought = EMFILE;
	assert_int_equal(stays((const int[]) { 0 }), -ECHILD);
	assert_string_equal(it.failure.message, SAYS);
	assert_string_equal(it.failure.hint, "another could not be started: cannot make a pipe: "
					     "Too many open files");
	/* nor is a device gone that cannot be looked at */
	it.there = -EMFILE;
	assert_int_equal(stays((const int[]) { 0 }), -ECHILD);
	assert_string_equal(it.failure.message, SAYS);
	assert_non_null(strstr(it.failure.hint, "another could not be started"));
	/* a successor comes up, and the next, and ends: five times */
	it.there = it.brought = it.opened = 0;
	assert_int_equal(stays((const int[]) { 0 }), -ECHILD);
	assert_int_equal(it.opened, 6);
	assert_non_null(strstr(it.said, "process 4711 was killed; process 4711 goes on"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_end_of_the_device_process_ends_it),
		TEST(what_is_short_is_not_its_end),
		TEST(a_signal_ends_it_while_something_is_short),
		TEST(what_cannot_be_waited_for_is_told),
		TEST(why_one_that_was_killed_has_no_successor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

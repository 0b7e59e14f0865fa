// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/lifecycle and vduse/hold: a device comes into being wholly or not at all, on a
 * stage where the kernel and the records are played (lifecycle_stage.h).
 * LDFLAGS: -Wl,--wrap=vduse_control_open -Wl,--wrap=vduse_control_create
 * LDFLAGS: -Wl,--wrap=vduse_control_destroy -Wl,--wrap=vduse_device_read
 * LDFLAGS: -Wl,--wrap=vduse_device_set -Wl,--wrap=vduse_device_identity
 * LDFLAGS: -Wl,--wrap=registry_open -Wl,--wrap=registry_lock
 * LDFLAGS: -Wl,--wrap=registry_unlock -Wl,--wrap=registry_write
 * LDFLAGS: -Wl,--wrap=registry_remove -Wl,--wrap=in_use_check
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lifecycle_stage.h"
#include "vduse/hold.h"
#include "vduse/lifecycle.h"
#include "process_look.h"

static struct failure failure, warning;

static int set_up(void **state)
{
	(void)state;
	memset(&stage, 0, sizeof(stage));
	memset(&failure, 0, sizeof(failure));
	return 0;
}

static struct create_request request_of(const char *name)
{
	struct create_request request = { .bounce_size = 4194304, .msg_timeout = 5 };

	vduse_definition_default(&request.definition, name, DEVICE_TYPE_NET);
	request.definition.mac[0] = 2;
	return request;
}

static int create(void)
{
	struct create_request request = request_of("lo0");

	return lifecycle_create(&request, &failure);
}

static const char all_steps[] = "open make-records lock create bounce_size=4194304 msg_timeout=5 "
				"read identity write unlock";

static void steps_in_their_order(void **state)
{
	int before = open_descriptors();

	(void)state;
	assert_int_equal(create(), 0);
	assert_string_equal(stage.calls, all_steps);
	assert_int_equal(open_descriptors(), before);
}

static void defaults_of_the_kernel_are_not_written(void **state)
{
	struct create_request request = request_of("lo0");

	(void)state;
	request.bounce_size = request.msg_timeout = 0;
	assert_int_equal(lifecycle_create(&request, &failure), 0);
	assert_string_equal(stage.calls, "open make-records lock create read identity write unlock");
}

static void bad_request_asks_nobody(void **state)
{
	struct create_request request = request_of("power");

	(void)state;
	assert_int_equal(lifecycle_create(&request, &failure), -EINVAL);
	request = request_of("lo0");
	request.bounce_size = 1 << 20;
	assert_int_equal(lifecycle_create(&request, &failure), -EINVAL);
	assert_int_equal(failure.status, STATUS_USAGE);
	assert_string_equal(stage.calls, "");
}

/* Before the device is there, nothing is undone: it may be someone else's. */
static void failure_before_the_device(void **state)
{
	static const char *const steps[] = { "open", "make-records", "lock", "create" };
	int before = open_descriptors();
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		set_up(NULL);
		stage.fails = steps[i];
		stage.error = EEXIST;
		assert_int_equal(create(), -EEXIST);
		assert_int_equal(failure.status, STATUS_BUSY);
		assert_null(strstr(stage.calls, "destroy"));
		assert_null(strstr(stage.calls, "remove"));
		assert_int_equal(open_descriptors(), before);
	}
	assert_string_equal(stage.calls, "open make-records lock create unlock");
}

/* Case 73. */
static void proc_73_failure_after_the_device_undoes_it(void **state)
{
	static const char *const steps[] = { "bounce_size=4194304", "msg_timeout=5", "read",
					     "identity", "write" };
	int before = open_descriptors();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		char expected[600];

		set_up(NULL);
		stage.fails = steps[i];
		stage.error = ENOSPC;
		assert_int_equal(create(), -ENOSPC);
		snprintf(expected, sizeof(expected), "%s destroy:lo0 remove unlock", steps[i]);
		if (!strstr(stage.calls, expected))
			fail_msg("%s", stage.calls);
		assert_non_null(strstr(failure.message, steps[i]));
		assert_string_equal(failure.hint, "");
		assert_int_equal(open_descriptors(), before);
	}
}

static void device_that_cannot_be_undone_is_told(void **state)
{
	(void)state;
	stage.fails = "write";
	stage.error = ENOSPC;
	stage.also_fails = "destroy:lo0";
	assert_int_equal(create(), -ENOSPC);
	assert_non_null(strstr(failure.message, "step write"));
	assert_non_null(strstr(failure.hint, "left behind"));
	assert_non_null(strstr(failure.hint, "vduse destroy lo0"));
	assert_null(strstr(stage.calls, "remove"));	/* it still is the device's */
}

/* In a child, which the signal ends: 0 where all went well, else the signal's number. */
static int create_in_child(const char *during, int number, void (*disposition)(int))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		stage.signalled = during;
		stage.signal = number;
		signal(number, disposition);
		if (create() == 0)
			_exit(strstr(stage.calls, "destroy") ? 91 : 0);
		_exit(failure.errnum == EINTR && strstr(stage.calls, "destroy:lo0 remove") ? 92 : 93);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void ignore_me(int signal)
{
	(void)signal;
}

static void proc_68_signal_comes_after_all_is_done_or_undone(void **state)
{
	static const char *const steps[] = { "create", "bounce_size=4194304", "read", "write" };
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	size_t i, s;

	(void)state;
	for (s = 0; s < 4; s++) {
		for (i = 0; i < 4; i++) {
			assert_int_equal(create_in_child(steps[i], signals[s], SIG_DFL), signals[s]);
			/* Who lives on hears of it, and the device is gone. */
			assert_int_equal(create_in_child(steps[i], signals[s], ignore_me), 92);
			/* nohup: as if it had not come */
			assert_int_equal(create_in_child(steps[i], signals[s], SIG_IGN), 0);
		}
	}
	assert_int_equal(create_in_child("create", SIGUSR1, ignore_me), 0);
}

/* A signal that the caller had blocked already is the caller's. */
static void blocked_signal_stays_blocked(void **state)
{
	struct hold hold;
	sigset_t set, pending;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	hold_begin(&hold);
	raise(SIGTERM);
	assert_false(hold_interrupted(&hold));
	hold_end(&hold);
	sigpending(&pending);
	assert_true(sigismember(&pending, SIGTERM));
	signal(SIGTERM, SIG_IGN);	/* forgets it */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGTERM, SIG_DFL);
	hold_begin(&hold);
	assert_false(hold_interrupted(&hold));
	hold_end(&hold);
}

static int destroy(const char *name)
{
	return lifecycle_destroy(name, &failure, &warning);
}

static void destroying(void **state)
{
	int before = open_descriptors();

	(void)state;
	assert_int_equal(destroy("lo0"), 0);
	assert_string_equal(stage.calls, "read look open records lock destroy:lo0 remove unlock");
	assert_string_equal(warning.message, "");
	assert_int_equal(open_descriptors(), before);
}

static void device_that_is_not_there(void **state)
{
	(void)state;
	stage.fails = "read";
	stage.error = ENODEV;
	assert_int_equal(destroy("lo0"), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_string_equal(stage.calls, "read");
}

static void device_in_use_is_left_alone(void **state)
{
	(void)state;
	stage.in_use = 1;
	assert_int_equal(destroy("lo0"), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_string_equal(stage.calls, "read look");
}

/* It came into use between our look and the kernel's. */
static void device_in_use_at_the_last_moment(void **state)
{
	(void)state;
	stage.fails = "destroy:lo0";
	stage.error = EBUSY;
	stage.in_use = 2;
	assert_int_equal(destroy("lo0"), -EBUSY);
	assert_string_equal(failure.message, "process 7 has it open");
	assert_null(strstr(stage.calls, "remove"));
	/* ... and out of use before the second look: the kernel's word stands. */
	set_up(NULL);
	stage.fails = "destroy:lo0";
	stage.error = EBUSY;
	assert_int_equal(destroy("lo0"), -EBUSY);
	assert_non_null(strstr(failure.message, "step destroy"));
	assert_int_equal(failure.status, STATUS_BUSY);
}

static void destroying_where_records_cannot_be_had(void **state)
{
	(void)state;
	stage.fails = "lock";
	stage.error = EROFS;
	assert_int_equal(destroy("lo0"), 0);
	assert_string_equal(stage.calls, "read look open records lock destroy:lo0");
	assert_non_null(strstr(warning.message, "step lock"));
	set_up(NULL);
	stage.fails = "records";
	stage.error = EPERM;
	assert_int_equal(destroy("lo0"), 0);
	assert_non_null(strstr(warning.message, "step records"));
	set_up(NULL);
	stage.fails = "remove";
	stage.error = EROFS;
	assert_int_equal(destroy("lo0"), 0);
	assert_non_null(strstr(warning.message, "step remove"));
	/* No folder, no record, no warning. */
	set_up(NULL);
	stage.fails = "records";
	stage.error = ENOENT;
	assert_int_equal(destroy("lo0"), 0);
	assert_string_equal(warning.message, "");
}

static void cli_93_someone_else_creates_or_destroys(void **state)
{
	int before = open_descriptors();

	(void)state;
	stage.fails = "lock";
	stage.error = EBUSY;
	assert_int_equal(destroy("lo0"), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_non_null(strstr(failure.message, "step lock"));
	assert_null(strstr(stage.calls, "destroy"));
	assert_int_equal(open_descriptors(), before);
}

/* sysfs shows '!' for a slash, and so does who copies the name from there. */
static void exclamation_mark_may_be_a_slash(void **state)
{
	(void)state;
	stage.fails = "destroy:a!b!c";
	stage.error = ENODEV;
	assert_int_equal(destroy("a!b!c"), 0);
	assert_string_equal(stage.calls, "read look open records lock destroy:a!b!c destroy:a/b/c "
					 "remove unlock");
	set_up(NULL);
	stage.fails = "destroy:lo0";
	stage.error = ENODEV;
	assert_int_equal(destroy("lo0"), -ENODEV);
	assert_string_equal(stage.calls, "read look open records lock destroy:lo0 unlock");
	set_up(NULL);
	stage.fails = "destroy:a!b";
	stage.error = EBUSY;
	assert_int_equal(destroy("a!b"), -EBUSY);
	assert_null(strstr(stage.calls, "a/b"));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(steps_in_their_order),
		TEST(defaults_of_the_kernel_are_not_written),
		TEST(bad_request_asks_nobody),
		TEST(failure_before_the_device),
		TEST(proc_73_failure_after_the_device_undoes_it),
		TEST(device_that_cannot_be_undone_is_told),
		TEST(proc_68_signal_comes_after_all_is_done_or_undone),
		TEST(blocked_signal_stays_blocked),
		TEST(destroying),
		TEST(device_that_is_not_there),
		TEST(device_in_use_is_left_alone),
		TEST(device_in_use_at_the_last_moment),
		TEST(destroying_where_records_cannot_be_had),
		TEST(cli_93_someone_else_creates_or_destroys),
		TEST(exclamation_mark_may_be_a_slash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

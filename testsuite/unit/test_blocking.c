// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/blocking: calls in a child, under a deadline. */
#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/blocking.h"
#include "process_look.h"

static void result_free(struct blocking_result *result)
{
	buffer_free(&result->text);
	buffer_free(&result->warnings);
}

static void say(void *context, struct blocking_result *result)
{
	result->rc = *(int *)context;
	failure_set(&result->failure, STATUS_BUSY, EBUSY, "lo0", "taken");
	failure_hint(&result->failure, "wait");
	buffer_add(&result->text, "text\0more", 9);
	buffer_add_text(&result->warnings, "careful\n");
}

static void result_comes_back_whole(void **state)
{
	struct blocking_result result = { 0 };
	int rc = -EBUSY, before = open_descriptors();

	(void)state;
	assert_int_equal(blocking_run(say, &rc, 10, &result), 0);
	assert_int_equal(result.rc, -EBUSY);
	assert_int_equal(result.failure.status, STATUS_BUSY);
	assert_int_equal(result.failure.errnum, EBUSY);
	assert_string_equal(result.failure.object, "lo0");
	assert_string_equal(result.failure.message, "taken");
	assert_string_equal(result.failure.hint, "wait");
	assert_int_equal(result.text.length, 9);
	assert_memory_equal(result.text.text, "text\0more", 10);
	assert_string_equal(result.warnings.text, "careful\n");
	result_free(&result);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);	/* no zombie */
	assert_int_equal(errno, ECHILD);
}

static void say_nothing(void *context, struct blocking_result *result)
{
	(void)context;
	result->rc = 7;
}

static void empty_result_comes_back(void **state)
{
	struct blocking_result result = { 0 };

	(void)state;
	assert_int_equal(blocking_run(say_nothing, NULL, 10, &result), 0);
	assert_int_equal(result.rc, 7);
	assert_int_equal(result.text.length, 0);
	result_free(&result);
}

/* More than a pipe holds. */
static void say_much(void *context, struct blocking_result *result)
{
	int i;

	(void)context;
	for (i = 0; i < 300000; i++)
		buffer_format(&result->text, "%06d\n", i);
}

static void long_result_comes_back(void **state)
{
	struct blocking_result result = { 0 };

	(void)state;
	assert_int_equal(blocking_run(say_much, NULL, 30, &result), 0);
	assert_int_equal(result.text.length, 2100000);
	assert_memory_equal(result.text.text + 2099993, "299999\n", 7);
	result_free(&result);
}

static void hang(void *context, struct blocking_result *result)
{
	(void)result;
	*(volatile pid_t *)context = getpid();
	for (;;)
		pause();
}

/* The child is left behind, for the kernel may not let it go. */
static void cli_95_deadline_is_kept(void **state)
{
	struct blocking_result result = { 0 };
	double start = seconds_now(), took;
	int before = open_descriptors();
	volatile pid_t *child = mmap(NULL, sizeof(*child), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_int_equal(blocking_run(hang, (void *)child, 1, &result), -ETIMEDOUT);
	took = seconds_now() - start;
	assert_true(took >= 0.99 && took < 100);
	assert_int_equal(result.failure.status, STATUS_TIMED_OUT);
	assert_int_equal(result.failure.errnum, ETIMEDOUT);
	assert_non_null(strstr(result.failure.message, "within 1 s"));
	result_free(&result);
	assert_int_equal(open_descriptors(), before);
	/* It still runs, perhaps only now. */
	while (!*child)
		poll(NULL, 0, 10);
	assert_int_equal(waitpid(*child, NULL, WNOHANG), 0);
	kill(*child, SIGKILL);
	assert_int_equal(waitpid(*child, NULL, 0), *child);
	munmap((void *)child, sizeof(*child));
}

static void die(void *context, struct blocking_result *result)
{
	(void)result;
	raise(*(int *)context);
}

static void death_of_the_child_is_told(void **state)
{
	struct blocking_result result = { 0 };
	int number = SIGKILL;

	(void)state;
	assert_true(blocking_run(die, &number, 10, &result) < 0);
	assert_int_equal(result.failure.status, STATUS_FAILED);
	assert_non_null(strstr(result.failure.message, "signal 9"));
	result_free(&result);
}

static void leave(void *context, struct blocking_result *result)
{
	(void)context;
	(void)result;
	_exit(0);
}

static void lost_result_is_an_error(void **state)
{
	struct blocking_result result = { 0 };

	(void)state;
	assert_int_equal(blocking_run(leave, NULL, 10, &result), -EPROTO);
	assert_int_equal(result.failure.status, STATUS_FAILED);
	assert_true(result.failure.message[0]);
	result_free(&result);
}

/* Whoever reads our output must not wait for a child that is left behind. */
static void look_at_descriptors(void *context, struct blocking_result *result)
{
	struct stat null, ours;
	int fd;

	(void)context;
	stat("/dev/null", &null);
	result->rc = 0;
	for (fd = 0; fd <= 2; fd++)
		if (fstat(fd, &ours) || ours.st_rdev != null.st_rdev)
			result->rc = fd + 1;
}

static void cli_95_child_has_none_of_our_standard_descriptors(void **state)
{
	struct blocking_result result = { 0 };

	(void)state;
	assert_int_equal(blocking_run(look_at_descriptors, NULL, 10, &result), 0);
	assert_int_equal(result.rc, 0);
	result_free(&result);
}

static void do_nothing(int signal)
{
	(void)signal;
}

static void work_a_little(void *context, struct blocking_result *result)
{
	const struct timespec pause_time = { .tv_nsec = 300000000 };

	(void)context;
	nanosleep(&pause_time, NULL);
	result->rc = 3;
}

static void proc_64_interruptions_change_nothing(void **state)
{
	struct sigaction action = { .sa_handler = do_nothing }, old;
	struct blocking_result result = { 0 };
	pid_t parent = getpid(), pest;

	(void)state;
	sigaction(SIGUSR1, &action, &old);
	pest = fork();
	if (pest == 0) {
		const struct timespec pause_time = { .tv_nsec = 5000000 };
		int i;

		for (i = 0; i < 40; i++) {
			kill(parent, SIGUSR1);
			nanosleep(&pause_time, NULL);
		}
		_exit(0);
	}
	assert_int_equal(blocking_run(work_a_little, NULL, 10, &result), 0);
	assert_int_equal(result.rc, 3);
	while (waitpid(pest, NULL, 0) < 0)
		assert_int_equal(errno, EINTR);
	sigaction(SIGUSR1, &old, NULL);
	result_free(&result);
}

static void run_out_of_memory(void *context, struct blocking_result *result)
{
	bool *warnings = context;

	if (*warnings)
		result->warnings.broken = true;
	else
		result->text.broken = true;
}

/* Half a result is none, and no success. */
static void text_that_could_not_be_made_is_an_error(void **state)
{
	bool warnings;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct blocking_result result = { 0 };

		warnings = i;
		assert_int_equal(blocking_run(run_out_of_memory, &warnings, 10, &result), 0);
		assert_int_equal(result.rc, -ENOMEM);
		assert_int_equal(result.failure.status, STATUS_FAILED);
		result_free(&result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(result_comes_back_whole),
		cmocka_unit_test(empty_result_comes_back),
		cmocka_unit_test(long_result_comes_back),
		cmocka_unit_test(death_of_the_child_is_told),
		cmocka_unit_test(lost_result_is_an_error),
		cmocka_unit_test(cli_95_child_has_none_of_our_standard_descriptors),
		cmocka_unit_test(proc_64_interruptions_change_nothing),
		cmocka_unit_test(text_that_could_not_be_made_is_an_error),
		cmocka_unit_test(cli_95_deadline_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

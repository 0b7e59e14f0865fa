// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/step: what blocks is in a child, under a deadline, and a signal ends the waiting.
 *
 * LDFLAGS: -Wl,--wrap=poll,--wrap=__poll_chk
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "vduse/step.h"

#define PATIENCE_MS 60000	/* for what comes at once */

static struct failure failure;
static bool poll_fails;		/* for a step: of two descriptors */

int __real_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	if (!poll_fails || count < 2)
		return __real_poll(fds, count, milliseconds);
	errno = ENOMEM;
	return -1;
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int milliseconds, size_t size)
{
	(void)size;
	return __wrap_poll(fds, count, milliseconds);
}

static int answers(void *context, int result_fd, void *answer, struct failure *why)
{
	(void)result_fd;
	(void)why;
	memcpy(answer, context, 4);
	return 7;
}

static int fails(void *context, int result_fd, void *answer, struct failure *why)
{
	(void)context;
	(void)result_fd;
	(void)answer;
	failure_set(why, STATUS_BUSY, EBUSY, "a", "somebody has it");
	failure_hint(why, "end him");
	return -EBUSY;
}

static int dies(void *context, int result_fd, void *answer, struct failure *why)
{
	(void)context;
	(void)result_fd;
	(void)answer;
	(void)why;
	raise(SIGKILL);
	return 0;
}

/* Tells its process through the pipe @context. */
static int hangs(void *context, int result_fd, void *answer, struct failure *why)
{
	pid_t pid = getpid();

	(void)result_fd;
	(void)answer;
	(void)why;
	if (context && write(*(int *)context, &pid, sizeof(pid)) != sizeof(pid))
		return -EIO;
	for (;;)
		pause();
}

/* A process that goes on after the step has no part in it, once it closed its end. It ends
 * with the test. */
static int leaves_one_behind(void *context, int result_fd, void *answer, struct failure *why)
{
	const int *ends = context;
	char byte;

	(void)answer;
	(void)why;
	if (fork() == 0) {
		close(result_fd);
		close(ends[1]);
		_exit((int)read(ends[0], &byte, 1));
	}
	raise(SIGKILL);
	return 0;
}

static int run_for(int milliseconds, const struct step *step)
{
	struct pace pace;
	int rc;

	memset(&failure, 0, sizeof(failure));
	assert_int_equal(pace_begin(&pace, milliseconds, &failure), 0);
	rc = step_run(&pace, step, &failure);
	pace_end(&pace);
	return rc;
}

static void what_it_returns_comes_over(void **state)
{
	char answer[4] = "";
	char text[] = "abc";
	const struct step good = { answers, text, "a", answer, sizeof(answer) };
	const struct step bad = { fails, NULL, "a", NULL, 0 };

	(void)state;
	assert_int_equal(run_for(PATIENCE_MS, &good), 7);
	assert_string_equal(answer, "abc");
	assert_int_equal(run_for(PATIENCE_MS, &bad), -EBUSY);
	assert_int_equal(failure.status, STATUS_BUSY);
	assert_string_equal(failure.message, "somebody has it");
	assert_string_equal(failure.hint, "end him");
}

static void a_child_that_dies_is_noticed(void **state)
{
	int ends[2];
	const struct step one = { dies, NULL, "a", NULL, 0 };
	const struct step other = { leaves_one_behind, ends, "a", NULL, 0 };

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(run_for(PATIENCE_MS, &one), -ECHILD);
	assert_int_equal(run_for(PATIENCE_MS, &other), -ECHILD);	/* not -ETIMEDOUT */
	assert_int_equal(failure.status, STATUS_FAILED);
	close(ends[0]);
	close(ends[1]);
}

static void cli_95_the_time_ends_it(void **state)
{
	int ends[2], milliseconds = 100;
	pid_t child;
	const struct step step = { hangs, &ends[1], "a", NULL, 0 };
	struct pollfd begun = { .events = POLLIN };
	int64_t before, took;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	begun.fd = ends[0];
	/* on a busy machine the time may be over before the child begins */
	do {
		before = clock_ms();
		assert_int_equal(run_for(milliseconds, &step), -ETIMEDOUT);
		took = clock_ms() - before;
		assert_true(took >= milliseconds - 5 && took < milliseconds + PATIENCE_MS);
		milliseconds *= 2;
	} while (!poll(&begun, 1, 0) && milliseconds < PATIENCE_MS);
	assert_int_equal(failure.status, STATUS_TIMED_OUT);
	assert_string_equal(failure.object, "a");
	assert_int_equal(read(ends[0], &child, sizeof(child)), sizeof(child));
	assert_int_equal(kill(child, 0), -1);	/* reaped */
	close(ends[0]);
	close(ends[1]);
}

/* Neither the time is over then, nor did a signal come. */
static void what_cannot_be_waited_for_is_ended_and_says_why(void **state)
{
	int ends[2];
	struct pollfd gone = { .events = POLLIN };
	const struct step step = { hangs, NULL, "a", NULL, 0 };
	int rc;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	gone.fd = ends[0];
	poll_fails = true;
	rc = run_for(PATIENCE_MS, &step);
	poll_fails = false;
	assert_int_equal(rc, -ECHILD);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_int_equal(failure.errnum, ENOMEM);
	assert_string_equal(failure.object, "a");
	assert_string_equal(failure.message, "cannot wait for a process that worked on it, which "
					     "was ended: Cannot allocate memory");
	close(ends[1]);		/* the child has the other one */
	assert_int_equal(poll(&gone, 1, PATIENCE_MS), 1);
	close(ends[0]);
}

static void proc_68_a_signal_ends_it_and_is_kept(void **state)
{
	const struct step step = { hangs, NULL, "a", NULL, 0 };
	struct pace pace;
	pid_t other;
	int status;

	(void)state;
	other = fork();
	if (other == 0) {
		if (pace_begin(&pace, PATIENCE_MS, &failure))
			_exit(1);
		if (fork() == 0) {
			poll(NULL, 0, 50);
			kill(getppid(), SIGTERM);
			_exit(0);
		}
		if (step_run(&pace, &step, &failure) != -EINTR)
			_exit(2);
		/* the next one does not begin */
		if (step_run(&pace, &step, &failure) != -EINTR)
			_exit(3);
		/* with no ear for signals it does */
		pace.signals = -1;
		pace.end = clock_ms() + 50;
		if (step_run(&pace, &step, &failure) != -ETIMEDOUT)
			_exit(4);
		pace_end(&pace);
		_exit(5);	/* the signal came before */
	}
	assert_int_equal(waitpid(other, &status, 0), other);
	if (WIFEXITED(status))
		fail_msg("it ended by itself, with status %d", WEXITSTATUS(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* A child ends with the process that it works for. One that does not is ended here. */
static void a_child_is_not_left_behind(void **state)
{
	int ends[2], gone;
	struct pace pace;
	pid_t child, other;
	struct pollfd pollfd = { .events = POLLIN };
	const struct step step = { hangs, &ends[1], "a", NULL, 0 };

	(void)state;
	assert_int_equal(pipe(ends), 0);
	other = fork();
	if (other == 0) {
		pace_begin(&pace, 2 * PATIENCE_MS, &failure);
		step_run(&pace, &step, &failure);
		_exit(0);
	}
	assert_int_equal(read(ends[0], &child, sizeof(child)), sizeof(child));
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	close(ends[1]);
	pollfd.fd = ends[0];
	gone = poll(&pollfd, 1, PATIENCE_MS);
	if (!gone)
		kill(child, SIGKILL);
	assert_int_equal(gone, 1);
	/* the last writer has gone */
	assert_int_equal(read(ends[0], &child, sizeof(child)), 0);
	close(ends[0]);
}

static void what_is_left_never_goes_below_nothing(void **state)
{
	struct pace pace = { .signals = -1, .end = clock_ms() - 100 };

	(void)state;
	assert_int_equal(pace_left(&pace, 50), 0);
	assert_int_equal(pace_check(&pace, "a", &failure), -ETIMEDOUT);
	pace.end = INT64_MAX;
	assert_int_equal(pace_left(&pace, INT_MAX), INT_MAX);
	assert_int_equal(pace_left(&pace, 50), 50);
	assert_int_equal(pace_check(&pace, "a", &failure), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_returns_comes_over),
		cmocka_unit_test(a_child_that_dies_is_noticed),
		cmocka_unit_test(cli_95_the_time_ends_it),
		cmocka_unit_test(what_cannot_be_waited_for_is_ended_and_says_why),
		cmocka_unit_test(proc_68_a_signal_ends_it_and_is_kept),
		cmocka_unit_test(a_child_is_not_left_behind),
		cmocka_unit_test(what_is_left_never_goes_below_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

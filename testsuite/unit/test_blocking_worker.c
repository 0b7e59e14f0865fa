// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/blocking: a worker that makes one call after the other.
 * LDFLAGS: -Wl,--wrap=fork -Wl,--wrap=realloc */
#include <errno.h>
#include <poll.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/blocking.h"
#include "process_look.h"

static bool fork_fails, realloc_fails;

pid_t __real_fork(void);
pid_t __wrap_fork(void);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

pid_t __wrap_fork(void)
{
	if (!fork_fails)
		return __real_fork();
	errno = EAGAIN;
	return -1;
}

void *__wrap_realloc(void *memory, size_t size)
{
	return realloc_fails ? NULL : __real_realloc(memory, size);
}

static void result_free(struct blocking_result *result)
{
	buffer_free(&result->text);
	buffer_free(&result->warnings);
}

static void expect_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Says the request once more, and how many there were. */
static void echo(void *context, const void *request, size_t length,
		 struct blocking_result *result)
{
	result->rc = ++*(int *)context;
	buffer_add(&result->text, request, length);
	if (length && *(const char *)request == '!')
		result->rc = failure_set(&result->failure, STATUS_BUSY, EBUSY, "lo0", "taken");
	buffer_format(&result->warnings, "%zu", length);
}

static void start(struct blocking_worker *worker, blocking_serve *serve, void *context)
{
	struct failure failure = { .status = STATUS_OK };

	if (blocking_start(worker, serve, context, &failure))
		fail_msg("%s", failure.message);
	assert_true(worker->pid > 0);
}

/* One request, whose answer is itself. */
static void expect_echo(struct blocking_worker *worker, const void *request, size_t length,
			int rc)
{
	struct blocking_result result = { 0 };
	char number[24];

	assert_int_equal(blocking_call(worker, request, length, 20, &result), 0);
	assert_int_equal(result.rc, rc);
	assert_int_equal(result.text.length, length);
	if (length)
		assert_memory_equal(result.text.text, request, length);
	snprintf(number, sizeof(number), "%zu", length);
	assert_string_equal(result.warnings.text, number);
	result_free(&result);
}

/* What it keeps is its own, and lasts from call to call; also over one that failed. */
static void worker_makes_one_call_after_the_other(void **state)
{
	int i, others[8], count = 10, before = open_descriptors();
	struct blocking_worker worker;
	pid_t pid;

	(void)state;
	start(&worker, echo, &count);
	pid = worker.pid;
	expect_echo(&worker, "one", 3, 11);
	expect_echo(&worker, NULL, 0, 12);
	expect_echo(&worker, "\0\n", 3, 13);
	expect_echo(&worker, "!", 1, -EBUSY);
	expect_echo(&worker, "two", 3, 15);
	assert_int_equal(worker.pid, pid);
	assert_int_equal(count, 10);
	blocking_end(&worker);
	assert_int_equal(worker.pid, 0);
	assert_int_equal(open_descriptors(), before);
	expect_no_child();
	/* there is none: nothing of others is closed */
	for (i = 0; i < 8; i++)
		others[i] = dup(STDIN_FILENO);
	blocking_end(&worker);
	for (i = 0; i < 8; i++)
		assert_int_equal(close(others[i]), 0);
}

/* Of every size around what a pipe takes at once, and more than it holds. */
static void long_requests_and_results(void **state)
{
	static const size_t sizes[] = { 1, 4095, 4096, 4097, 65535, 65536, 65537, 70000, 1 << 20,
					3000001 };
	char *request = malloc(sizes[9]);
	struct blocking_worker worker;
	int count = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizes[9]; i++)
		request[i] = (char)(i * 7 + i / 251);
	start(&worker, echo, &count);
	for (i = 0; i < 10; i++)
		expect_echo(&worker, request, sizes[i], (int)i + 1);
	blocking_end(&worker);
	free(request);
	expect_no_child();
}

static void worker_killed_between_calls(void **state)
{
	struct blocking_result result = { 0 };
	int count = 0, before = open_descriptors();
	struct blocking_worker worker;

	(void)state;
	start(&worker, echo, &count);
	expect_echo(&worker, "one", 3, 1);
	kill(worker.pid, SIGKILL);
	assert_true(blocking_call(&worker, "two", 3, 20, &result) < 0);
	assert_int_equal(result.failure.status, STATUS_FAILED);
	assert_non_null(strstr(result.failure.message, "signal 9"));
	assert_int_equal(worker.pid, 0);
	assert_int_equal(open_descriptors(), before);
	expect_no_child();
	result_free(&result);
	start(&worker, echo, &count);	/* the next one begins from here */
	expect_echo(&worker, "three", 5, 1);
	blocking_end(&worker);
	expect_no_child();
}

static void hang(void *context, struct blocking_result *result)
{
	(void)result;
	*(volatile pid_t *)context = getpid();
	for (;;)
		pause();
}

static void work_a_little(void *context, struct blocking_result *result)
{
	const struct timespec pause_time = { .tv_nsec = 300000000 };

	(void)context;
	nanosleep(&pause_time, NULL);
	result->rc = 3;
}

/* "hang", "leave", "die", "slow": and what else is asked is answered. */
static void obey(void *context, const void *request, size_t length,
		 struct blocking_result *result)
{
	if (length == 5 && !memcmp(request, "leave", 5))
		_exit(0);
	if (length == 3 && !memcmp(request, "die", 3))
		raise(SIGTERM);
	if (length == 4 && !memcmp(request, "hang", 4))
		hang(context, result);
	if (length == 4 && !memcmp(request, "slow", 4))
		work_a_little(context, result);
	buffer_add(&result->text, request, length);
}

static void worker_that_gives_no_result(void **state)
{
	static const char *const requests[] = { "leave", "die" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct blocking_result result = { 0 };
		int before = open_descriptors();
		struct blocking_worker worker;

		start(&worker, obey, NULL);
		assert_true(blocking_call(&worker, requests[i], strlen(requests[i]), 20,
					  &result) < 0);
		assert_int_equal(result.failure.status, STATUS_FAILED);
		if (i)
			assert_non_null(strstr(result.failure.message, "signal 15"));
		assert_int_equal(worker.pid, 0);
		assert_int_equal(open_descriptors(), before);
		expect_no_child();
		result_free(&result);
	}
}

static void worker_is_waited_for_as_long_as_was_said(void **state)
{
	volatile pid_t *child = mmap(NULL, sizeof(*child), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct blocking_result result = { 0 };
	int before = open_descriptors();
	struct blocking_worker worker;
	double begin, took;

	(void)state;
	start(&worker, obey, (void *)child);
	assert_int_equal(blocking_call(&worker, "slow", 4, 0, &result), 0);	/* for ever */
	assert_int_equal(result.rc, 3);
	result_free(&result);
	assert_int_equal(blocking_call(&worker, "x", 1, 100, &result), 0);
	result_free(&result);
	begin = seconds_now();
	assert_int_equal(blocking_call(&worker, "hang", 4, 1, &result), -ETIMEDOUT);
	took = seconds_now() - begin;
	assert_true(took >= 0.99 && took < 100);
	while (!*child)		/* it may begin only now */
		poll(NULL, 0, 10);
	assert_int_equal(result.failure.status, STATUS_TIMED_OUT);
	assert_int_equal(result.left, *child);
	assert_int_equal(worker.pid, 0);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(*child, NULL, WNOHANG), 0);	/* it was left behind */
	result_free(&result);
	/* and keeps none of the next one's pipes open */
	start(&worker, obey, (void *)child);
	assert_int_equal(blocking_call(&worker, "x", 1, 20, &result), 0);
	blocking_end(&worker);
	assert_int_equal(waitpid(*child, NULL, WNOHANG), 0);
	result_free(&result);
	kill(*child, SIGKILL);
	assert_int_equal(waitpid(*child, NULL, 0), *child);
	munmap((void *)child, sizeof(*child));
	expect_no_child();
}

/* Nothing stays of a worker whose result found no room here. */
static void no_memory_for_the_result(void **state)
{
	struct blocking_result result = { 0 };
	int count = 0, before = open_descriptors();
	struct blocking_worker worker;
	char *request = calloc(1, 1000000);

	(void)state;
	start(&worker, echo, &count);
	realloc_fails = true;
	assert_int_equal(blocking_call(&worker, request, 1000000, 20, &result), -ENOMEM);
	realloc_fails = false;
	assert_int_equal(result.failure.status, STATUS_FAILED);
	assert_int_equal(worker.pid, 0);
	assert_int_equal(open_descriptors(), before);
	expect_no_child();
	result_free(&result);
	free(request);
}

/* With room for @more descriptors only; 4 are needed. */
static void expect_no_start(int more)
{
	struct failure failure = { .status = STATUS_OK };
	int before = open_descriptors(), count = 0, next = dup(0);
	struct rlimit old, low;
	struct blocking_worker worker;

	close(next);
	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = next + more;
	setrlimit(RLIMIT_NOFILE, &low);
	assert_int_equal(blocking_start(&worker, echo, &count, &failure), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_int_equal(failure.errnum, EMFILE);
	assert_int_equal(worker.pid, 0);
	assert_int_equal(open_descriptors(), before);
}

static void worker_that_cannot_be_made(void **state)
{
	struct failure failure = { .status = STATUS_OK };
	int before = open_descriptors(), count = 0;
	struct blocking_worker worker;

	(void)state;
	expect_no_start(1);
	expect_no_start(3);
	fork_fails = true;
	assert_int_equal(blocking_start(&worker, echo, &count, &failure), -EAGAIN);
	fork_fails = false;
	assert_int_equal(failure.errnum, EAGAIN);
	assert_int_equal(worker.pid, 0);
	assert_int_equal(open_descriptors(), before);
	expect_no_child();
}

/* Whoever made it ends: so does the worker, which has nothing to wait for. */
static void worker_ends_with_its_maker(void **state)
{
	struct blocking_worker worker;
	int ends[2], count = 0;
	pid_t maker;
	char byte;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	maker = fork();
	if (maker == 0) {
		start(&worker, echo, &count);
		expect_echo(&worker, "one", 3, 1);
		raise(SIGKILL);
	}
	close(ends[1]);		/* the two hold it open now */
	alarm(200);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	alarm(0);
	close(ends[0]);
	waitpid(maker, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_makes_one_call_after_the_other),
		cmocka_unit_test(long_requests_and_results),
		cmocka_unit_test(worker_killed_between_calls),
		cmocka_unit_test(worker_that_gives_no_result),
		cmocka_unit_test(worker_is_waited_for_as_long_as_was_said),
		cmocka_unit_test(no_memory_for_the_result),
		cmocka_unit_test(worker_that_cannot_be_made),
		cmocka_unit_test(worker_ends_with_its_maker),
	};

	signal(SIGPIPE, SIG_IGN);	/* as command_main() does */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

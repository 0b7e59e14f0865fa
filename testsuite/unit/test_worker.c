// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/process/worker with a supervisor that is the test: what it does not take for a plan, what
 * it says, and how it ends. Each life is a process. Its isolation, and serving, are played:
 * test_isolation and test_serve have them.
 *
 * LDFLAGS: -Wl,--wrap=isolation_empty,--wrap=isolation_enter,--wrap=isolation_confine
 * LDFLAGS: -Wl,--wrap=serve_run,--wrap=isolation_call_of
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/process/channel.h"
#include "vduse/process/isolation.h"
#include "vduse/process/isolation_calls.h"
#include "vduse/process/serve.h"
#include "vduse/process/worker.h"

#define CALL 4711	/* the number of one that is forbidden */

static struct {
	int channel[2];
	struct channel_message message;
	void (*serves)(const struct serve_plan *plan);
	bool lonely;		/* its supervisor goes when it has the plan */
} it;

int __wrap_isolation_empty(void);
int __wrap_isolation_empty(void)
{
	return 0;
}

/* One that waits until the test has closed its end. */
int __wrap_isolation_enter(const struct isolation *isolation, struct failure *failure);
int __wrap_isolation_enter(const struct isolation *isolation, struct failure *failure)
{
	char byte;

	(void)failure;
	if (it.lonely)
		while (recv(ISOLATION_DESCRIPTOR, &byte, 1, 0) > 0)
			;
	isolation->lacking(isolation->context, "no cgroup");
	return 0;
}

int __wrap_isolation_confine(const struct isolation *isolation, struct failure *failure);
int __wrap_isolation_confine(const struct isolation *isolation, struct failure *failure)
{
	(void)isolation;
	(void)failure;
	return 0;
}

int __wrap_isolation_call_of(const siginfo_t *info);
int __wrap_isolation_call_of(const siginfo_t *info)
{
	return info->si_signo == SIGSYS ? CALL : -1;
}

int __wrap_serve_run(const struct serve_plan *plan, struct failure *failure);
int __wrap_serve_run(const struct serve_plan *plan, struct failure *failure)
{
	int rc = plan->settled(plan->context, failure);

	it.serves(plan);
	return rc;
}

/* -- outside --------------------------------------------------------------------------------- */

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, it.channel);
}

static int teardown(void **state)
{
	(void)state;
	close(it.channel[0]);
	close(it.channel[1]);
	return 0;
}

/* What a worker gets first: of that kind, with a journal or without. */
static void send_plan(enum channel_kind kind, bool journal)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, JOURNAL_OFFSET +
				   JOURNAL_PORTS * sizeof(struct journal_port)), 0);
	memset(&it.message, 0, sizeof(it.message));
	it.message.kind = kind;
	it.message.plan = (struct channel_plan){
		.devices = { { .name = "lo0" }, { .name = "lo1" } },
		.count = 2,
		.descriptors = journal,
	};
	assert_int_equal(channel_send(it.channel[0], &it.message, &fd, journal), 0);
	close(fd);
}

/* The wait status of a worker that does @serves. */
static int live(void (*serves)(const struct serve_plan *plan))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		it.serves = serves;
		close(it.channel[0]);
		if (dup2(it.channel[1], ISOLATION_DESCRIPTOR) < 0 || !worker_is_one())
			_exit(77);
		if (it.channel[1] != ISOLATION_DESCRIPTOR)
			close(it.channel[1]);
		_exit(worker_main());
	}
	if (it.lonely) {
		close(it.channel[0]);
		it.channel[0] = -1;
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void ended(int status, int with)
{
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), with);
}

/* The next thing that it has said, which is of that kind. */
static void said(enum channel_kind kind)
{
	unsigned int count;

	assert_int_equal(channel_receive(it.channel[0], &it.message, NULL, 0, &count), 0);
	assert_int_equal(it.message.kind, kind);
}

static void said_failure(int errnum, const char *message)
{
	said(CHANNEL_FAILURE);
	assert_int_equal(it.message.failure.errnum, errnum);
	assert_string_equal(it.message.failure.message, message);
}

static void not_reached(const struct serve_plan *plan)
{
	(void)plan;
	_exit(78);
}

static void what_is_no_plan(void **state)
{
	(void)state;
	send_plan(CHANNEL_READY, true);
	ended(live(not_reached), STATUS_FAILED);
	said_failure(EBADMSG, "cannot learn what to serve: Bad message");
	send_plan(CHANNEL_PLAN, false);
	ended(live(not_reached), STATUS_FAILED);
	said(CHANNEL_TAKEN);
	said_failure(EBADMSG, "cannot learn what to serve: Bad message");
}

static void a_supervisor_that_has_gone(void **state)
{
	(void)state;
	send_plan(CHANNEL_PLAN, true);
	it.lonely = true;
	ended(live(not_reached), STATUS_FAILED);
}

static void count_and_report(const struct serve_plan *plan)
{
	struct port_counters counters = { .queues = { { .frames = 5 }, { .frames = 7 } } };

	plan->count_device(plan->context, "lo0", &counters);
	counters.queues[0].frames = 9;
	plan->count_device(plan->context, "lo1", &counters);
	plan->report(plan->context, "lo1", "a sentence");
	plan->ready(plan->context);
}

static void what_it_says(void **state)
{
	(void)state;
	send_plan(CHANNEL_PLAN, true);
	ended(live(count_and_report), WORKER_ASKED);
	said(CHANNEL_TAKEN);
	said(CHANNEL_REPORT);
	assert_string_equal(it.message.sentence, "no cgroup");
	said(CHANNEL_COUNTERS);
	assert_int_equal(it.message.device, 0);
	assert_int_equal(it.message.counters.queues[0].frames, 5);
	assert_int_equal(it.message.counters.queues[1].frames, 7);
	said(CHANNEL_COUNTERS);
	assert_int_equal(it.message.device, 1);
	assert_int_equal(it.message.counters.queues[0].frames, 9);
	said(CHANNEL_REPORT);
	assert_int_equal(it.message.device, 1);
	assert_string_equal(it.message.sentence, "a sentence");
	said(CHANNEL_READY);
}

static void call_forbidden(const struct serve_plan *plan)
{
	(void)plan;
	raise(SIGSYS);
}

static void proc_75_a_forbidden_call_is_told(void **state)
{
	(void)state;
	send_plan(CHANNEL_PLAN, true);
	ended(live(call_forbidden), 128 + SIGSYS);
	said(CHANNEL_TAKEN);
	said(CHANNEL_REPORT);
	said(CHANNEL_FORBIDDEN);
	assert_int_equal(it.message.device, CALL);
}

static void call_abort(const struct serve_plan *plan)
{
	(void)plan;
	abort();
}

static void an_abort_is_an_end(void **state)
{
	(void)state;
	send_plan(CHANNEL_PLAN, true);
	ended(live(call_abort), 128 + SIGABRT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_no_plan), TEST(a_supervisor_that_has_gone), TEST(what_it_says),
		TEST(proc_75_a_forbidden_call_is_told), TEST(an_abort_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

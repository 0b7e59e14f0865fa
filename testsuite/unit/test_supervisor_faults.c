// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole life of a supervisor, once for each system call of it, and of the processes that it
 * makes before these run a program, which fails then: the namespaces are tried out, the network
 * namespace is made by a helper, a worker is told its plan, is killed, and another one serves
 * until the service is to end. Whatever fails, the service goes on, or it ends with a sentence;
 * it leaves no descriptor and no process.
 *
 * The processes are real, their namespaces are not; and a pause is not slept through.
 *
 * LDFLAGS: -Wl,--wrap=syscall,--wrap=fork,--wrap=waitpid,--wrap=waitid,--wrap=socketpair,--wrap=open,--wrap=open64,--wrap=fcntl,--wrap=fcntl64,--wrap=close
 * LDFLAGS: -Wl,--wrap=dup2,--wrap=setns,--wrap=unshare,--wrap=poll,--wrap=__poll_chk,--wrap=sendmsg,--wrap=recvmsg,--wrap=read,--wrap=signalfd,--wrap=sigprocmask
 * LDFLAGS: -Wl,--wrap=eventloop_now,--wrap=geteuid
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "testsuite/unit/descriptors.h"
#include "testsuite/unit/fault_calls.h"
#include "vduse/process/channel.h"
#include "vduse/process/isolation.h"
#include "vduse/process/supervisor.h"
#include "vduse/process/worker.h"

#define MS UINT64_C(1000000)

/* Whose calls fail. Every process counts its own. */
enum place { SUPERVISOR, HELPER, WORKER, PLACES };

static const char *const place_names[PLACES] = { "supervisor", "helper", "worker" };

struct fault {
	enum place place;
	unsigned long at, times;	/* from 1 on; in a row */
	int errnum;
};

/* What all processes of one life know. */
struct shared {
	unsigned int starts, ready;
	bool failed, poll_failed;
	char call[24];		/* that failed first */
};

static struct {
	struct fault fault;
	struct shared *shared;
	enum place place;	/* where this process is */
	uint64_t offset;	/* of the clock */
	bool denied;		/* namespaces are not to be had, and what comes of it is tried */
	int node[2];
	unsigned int sentences;
	pid_t helper;		/* the last one that was made by fork() */
} it;

/* -- the calls ------------------------------------------------------------------------------ */

int __real_fcntl(int fd, int command, ...);
int __real_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __real_waitid(idtype_t type, id_t id, siginfo_t *info, int options);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options);
int __wrap_setns(int fd, int type);
int __wrap_unshare(int flags);
uint64_t __real_eventloop_now(void);
uint64_t __wrap_eventloop_now(void);
uid_t __wrap_geteuid(void);

static bool is_here(const char *call)
{
	(void)call;
	return it.place == it.fault.place;
}

static void on_fault(const char *call)
{
	if (!it.shared->failed)
		snprintf(it.shared->call, sizeof(it.shared->call), "%s", call);
	it.shared->failed = true;
	it.shared->poll_failed |= !strcmp(call, "poll");
}

/* A child: what it does before it runs a program counts, from its beginning. */
static void begin_child(enum place place)
{
	it.place = place;
	calls.points = 0;
	/* not for ever, whatever becomes of us */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* The program that is run: one worker is killed, the next one says that it is time to end. */
static void be_worker(void)
{
	static struct channel_message message;
	struct pollfd pollfd = { .fd = ISOLATION_DESCRIPTOR, .events = POLLIN };
	unsigned int i;

	calls.inside = false;
	__real_poll(&pollfd, 1, -1);
	if (channel_receive(ISOLATION_DESCRIPTOR, &message, NULL, 0, NULL) ||
	    message.kind != CHANNEL_PLAN)
		_exit(99);
	for (i = 0; i < 3; i++) {
		static const enum channel_kind kinds[] = { CHANNEL_TAKEN, CHANNEL_READY, CHANNEL_REPORT };

		memset(&message, 0, sizeof(message));
		message.kind = kinds[i];
		snprintf(message.sentence, sizeof(message.sentence), "a sentence");
		channel_send(ISOLATION_DESCRIPTOR, &message, NULL, 0);
	}
	if (it.shared->starts++ == 0)
		kill(getpid(), SIGKILL);
	signal(SIGTERM, SIG_DFL);
	kill(getppid(), SIGTERM);
	/* SIGTERM is blocked here as it is in the supervisor; a worker takes it */
	for (;;) {
		sigset_t set;
		int got;

		sigemptyset(&set);
		sigaddset(&set, SIGTERM);
		if (!sigwait(&set, &got))
			_exit(WORKER_ASKED);
	}
}

static long make_process(unsigned long flags, int *pidfd)
{
	unsigned long kept = flags & (unsigned long)(CLONE_PIDFD | 0xff);
	long pid;

	if (calls_fail("clone"))
		return -1;
	if (it.denied && flags & CLONE_NEWIPC) {
		errno = EPERM;
		return -1;
	}
	pid = __real_syscall(SYS_clone, kept, NULL, pidfd, NULL, NULL);
	if (pid == 0)
		begin_child(WORKER);
	return pid;
}

long __wrap_syscall(long number, ...)
{
	unsigned long arguments[6];
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 6; i++)
		arguments[i] = va_arg(list, unsigned long);
	va_end(list);
	if (number == SYS_clone)
		return make_process(arguments[0], (int *)arguments[2]);
	/* kill() does not fail for one who made the process, and nobody could do anything else */
	if (number == SYS_execveat && !calls_fail("execveat"))
		be_worker();
	if (number == SYS_execveat || (number == SYS_close_range && calls_fail("close_range")))
		return -1;
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
			      arguments[4], arguments[5]);
}

/* Who makes a process of this kind waits for the network namespace, or for an answer. */
pid_t __wrap_fork(void)
{
	pid_t pid = calls_fail("fork") ? -1 : __real_fork();

	if (pid == 0)
		begin_child(HELPER);
	it.helper = pid;
	return pid;
}

/* A process that was made can be waited for: but a signal can come meanwhile. */
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	if (it.fault.errnum == EINTR && calls_fail("waitpid"))
		return -1;
	return __real_waitpid(pid, status, options);
}

int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	if (it.fault.errnum == EINTR && calls_fail("waitid"))
		return -1;
	return __real_waitid(type, id, info, options);
}

int __wrap_setns(int fd, int type)
{
	(void)fd;
	assert_int_equal(type, CLONE_NEWNET);
	return calls_fail("setns") ? -1 : 0;
}

/* The user namespace, in whom it is tried and then in ours, and that of the network. */
int __wrap_unshare(int flags)
{
	(void)flags;
	return calls_fail("unshare") ? -1 : 0;
}

uid_t __wrap_geteuid(void)
{
	return it.denied ? 1000 : 0;
}

uint64_t __wrap_eventloop_now(void)
{
	return __real_eventloop_now() + it.offset;
}

/* A pause passes at once. Everything else comes by itself, and is waited for; after a fault, what
 * may not come any more, for a while only, whatever then becomes of it. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	int rc;

	if (calls_fail("poll"))
		return -1;
	if (it.place != SUPERVISOR || milliseconds <= 0)
		return __real_poll(fds, count, milliseconds);
	if (milliseconds <= 2000 && count == 2) {
		rc = __real_poll(fds, count, 0);
		it.offset += rc ? 0 : (uint64_t)milliseconds * MS;
		return rc;
	}
	/* two are waited for where the helper is one of them, who is heard in any case */
	return __real_poll(fds, count, it.shared->failed && count != 2 ? 100 : 60000);
}

/* -- a life ---------------------------------------------------------------------------------- */

static int open_node(void *context, unsigned int index, struct failure *failure)
{
	(void)context;
	(void)index;
	(void)failure;
	return __real_fcntl(it.node[0], F_DUPFD_CLOEXEC, 0);
}

static int on_ready(void *context)
{
	(void)context;
	it.shared->ready++;
	return 0;
}

static void on_report(void *context, const char *name, const char *sentence)
{
	(void)context;
	assert_true(*name && *sentence);
	it.sentences++;
}

/* Signals that nobody took, and those that were blocked. */
static void forget_signals(const sigset_t *before)
{
	const struct timespec none = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	while (sigtimedwait(&set, NULL, &none) > 0)
		;
	sigprocmask(SIG_SETMASK, before, NULL);
}

static int live(const struct fault *fault, bool insist, struct failure *failure)
{
	struct supervisor_plan plan = {
		.plan = { .count = 1, .devices[0].name = "lo0", .insist = insist },
		.devices[0] = { .name = "lo0", .control_fd = -1, .affinity = { -1, -1 } },
		.journal_fd = it.node[1],
		.pcap_fd = -1,
		.open_node = open_node,
		.ready = on_ready,
		.report = on_report,
	};
	sigset_t before;
	int rc;

	*failure = (struct failure){ .status = STATUS_OK };
	memset(it.shared, 0, sizeof(*it.shared));
	it.fault = *fault;
	it.place = SUPERVISOR;
	it.offset = it.sentences = 0;
	calls = (struct fault_calls){
		.is_point = is_here,
		.at = fault->at,
		.times = fault->times,
		.errnum = fault->errnum,
		.on_fault = on_fault,
	};
	sigprocmask(SIG_BLOCK, NULL, &before);
	plan.devices[0].node = open_node(NULL, 0, NULL);
	calls.inside = true;
	rc = supervise(&plan, failure);
	calls.inside = false;
	forget_signals(&before);
	assert_int_equal(plan.devices[0].node, -1);
	return rc;
}

/* A helper that was not heard, and it alone, is left to init (isolation.h); whoever waits for an
 * event learns later that it came. */
static void check_processes(void)
{
	pid_t pid;

	while ((pid = __real_waitpid(-1, NULL, 0)) > 0)
		if (pid != it.helper || !it.shared->poll_failed)
			fail_msg("%s of the %s fails with %s: process %d is left", it.shared->call,
				 place_names[it.fault.place], strerror(it.fault.errnum), (int)pid);
}

/* One life, which ends as it should. Returns whether the point was come to. */
static bool survive(const struct fault *fault, bool insist)
{
	uint64_t before = open_descriptors();
	struct failure failure;
	int rc = live(fault, insist, &failure);
	bool good = rc == 0 ? failure.status == STATUS_OK :
			      failure.status != STATUS_OK && failure.message[0];

	if (!good || open_descriptors() != before ||
	    (!it.shared->failed && (rc || it.shared->ready != 1 || it.shared->starts != 2)))
		fail_msg("point %lu, %s of the %s, fails with %s: %d (%s); descriptors 0x%llx, before "
			 "0x%llx", fault->at, it.shared->call, place_names[fault->place],
			 strerror(fault->errnum), rc, failure.message,
			 (unsigned long long)open_descriptors(), (unsigned long long)before);
	check_processes();
	return it.shared->failed;
}

static unsigned long all_points;

static void each(struct fault fault, bool insist)
{
	for (fault.at = 1; survive(&fault, insist); fault.at++)
		all_points++;
	assert_true(fault.at > 1);
}

static void each_everywhere(int errnum, unsigned long times, bool insist)
{
	for (unsigned int place = 0; place < PLACES; place++)
		each((struct fault){ .place = place, .times = times, .errnum = errnum }, insist);
}

static void proc_64_interrupted_at_every_call(void **state)
{
	(void)state;
	each_everywhere(EINTR, 1, true);
}

static void proc_65_each_system_call_fails(void **state)
{
	static const int errors[] = { EMFILE, EPERM };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		each_everywhere(errors[i], 1, true);
}

/* And whoever does not insist on its parts goes on without some. */
static void each_system_call_fails_where_isolation_is_not_insisted_on(void **state)
{
	(void)state;
	each_everywhere(EPERM, 1, false);
	each_everywhere(EMFILE, 3, false);
}

/* Without the right to namespaces: in a user namespace, or with those that there are. */
static void each_system_call_fails_without_rights(void **state)
{
	(void)state;
	it.denied = true;
	each_everywhere(EMFILE, 1, false);
	it.denied = false;
}

static int setup(void **state)
{
	(void)state;
	it.shared = mmap(NULL, sizeof(*it.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	return it.shared == MAP_FAILED || pipe2(it.node, O_CLOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proc_64_interrupted_at_every_call),
		cmocka_unit_test(proc_65_each_system_call_fails),
		cmocka_unit_test(each_system_call_fails_where_isolation_is_not_insisted_on),
		cmocka_unit_test(each_system_call_fails_without_rights),
	};
	int failed;

	alarm(900);	/* SIGTERM is the supervisor's: a hang would not end by it */
	failed = cmocka_run_group_tests(tests, setup, NULL);
	if (!failed)
		printf("# figure faults: %lu points of supervisor, helper and workers, no process or descriptor left\n",
		       all_points);
	return failed;
}

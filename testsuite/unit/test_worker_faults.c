// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A worker, from its beginning until it serves, once for each allocation and each system call of
 * it, which fails then. Whatever fails, it serves all the same, or it says over the channel why
 * not; and it does not serve without a part of its isolation that it was to insist on. What it
 * was given it has once, in the place where it belongs.
 *
 * Each life is a process of its own, with a channel that its plan waits in; what isolates it, and
 * serving itself, are only noted.
 *
 * LDFLAGS: -Wl,--wrap=open,--wrap=open64,--wrap=dup2,--wrap=close,--wrap=fcntl,--wrap=fcntl64,--wrap=syscall,--wrap=sigaction,--wrap=poll,--wrap=__poll_chk
 * LDFLAGS: -Wl,--wrap=recvmsg,--wrap=sendmsg,--wrap=mmap,--wrap=mmap64,--wrap=prctl,--wrap=malloc,--wrap=calloc,--wrap=free,--wrap=serve_run
 * LDFLAGS: -Wl,--wrap=mount,--wrap=umount2,--wrap=chdir,--wrap=setrlimit,--wrap=setgroups,--wrap=setresgid,--wrap=setresuid,--wrap=capng_apply,--wrap=isolation_filter
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "testsuite/unit/fault_calls.h"
#include "vduse/device/journal.h"
#include "vduse/process/channel.h"
#include "vduse/process/isolation.h"
#include "vduse/process/isolation_calls.h"
#include "vduse/process/serve.h"
#include "vduse/process/worker.h"

#define GIVEN 6			/* descriptors: journal, capture, two nodes, two control sockets */
#define OUTSIDE 40		/* the test's own descriptors begin here */
#define WRONG 77		/* exit status of a life that does not keep to the rules */

/* What a life has shown, for whoever looks at it from outside. */
struct seen {
	bool failed, served, isolation;	/* the call that failed was one of isolation */
	char call[24];
	long allocations;
	char wrong[120];
};

static struct {
	unsigned long at;	/* the call that fails, from 1 on; 0: none */
	int errnum;
	bool insist;
	struct seen *seen;
	int channel[2];			/* the supervisor's end, and that of the worker */
	int given[GIVEN];
} it;

int __real_dup2(int from, int to);
int __wrap_dup2(int from, int to);
int __wrap_close(int fd);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __wrap_prctl(int option, ...);
int __wrap_serve_run(const struct serve_plan *plan, struct failure *failure);
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
		 const void *data);
int __wrap_umount2(const char *target, int flags);
int __wrap_chdir(const char *path);
int __wrap_setrlimit(int resource, const struct rlimit *limit);
int __wrap_setgroups(size_t count, const gid_t *groups);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_capng_apply(int set);
int __wrap_isolation_filter(enum isolation_stage stage);

static void on_fault(const char *call)
{
	it.seen->failed = true;
	snprintf(it.seen->call, sizeof(it.seen->call), "%s", call);
}

/* A part of the isolation, which is not carried out. */
static int part(const char *call)
{
	if (!calls_fail(call))
		return 0;
	it.seen->isolation = true;
	return -1;
}

/* -- the calls ------------------------------------------------------------------------------ */

/* Standard output is the test's. */
int __wrap_dup2(int from, int to)
{
	if (!calls.inside)
		return __real_dup2(from, to);
	return calls_fail("dup2") ? -1 : to;
}

int __wrap_close(int fd)
{
	int rc;

	if (calls.inside && fd <= STDERR_FILENO)
		return 0;
	rc = calls_close(fd);
	return calls_fail("close") ? -1 : rc;
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
	if (calls.inside && number == SYS_pivot_root)
		return part("pivot_root");
	if (calls.inside && number == SYS_close_range) {
		if (calls_fail("close_range"))
			return -1;
		assert_int_equal(arguments[0], ISOLATION_DESCRIPTOR + 1);
		return __real_syscall(number, arguments[0], OUTSIDE - 1, 0);
	}
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
			      arguments[4], arguments[5]);
}

/* The name of a process is a matter of looks; what is left of the bounding set is nothing. */
int __wrap_prctl(int option, ...)
{
	if (option == PR_SET_NAME)
		return 0;
	if (option == PR_CAPBSET_READ)
		return -1;
	return part("prctl");
}

int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
		 const void *data)
{
	(void)source;
	(void)target;
	(void)type;
	(void)flags;
	(void)data;
	return part("mount");
}

int __wrap_umount2(const char *target, int flags)
{
	(void)target;
	(void)flags;
	return part("umount2");
}

int __wrap_chdir(const char *path)
{
	(void)path;
	return part("chdir");
}

int __wrap_setrlimit(int resource, const struct rlimit *limit)
{
	(void)resource;
	(void)limit;
	return part("setrlimit");
}

int __wrap_setgroups(size_t count, const gid_t *groups)
{
	(void)count;
	(void)groups;
	return part("setgroups");
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	(void)real;
	(void)effective;
	(void)saved;
	return part("setresgid");
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	(void)real;
	(void)effective;
	(void)saved;
	return part("setresuid");
}

int __wrap_capng_apply(int set)
{
	(void)set;
	return part("capng_apply");
}

int __wrap_isolation_filter(enum isolation_stage stage)
{
	(void)stage;
	return part("seccomp") ? it.errnum : 0;
}

/* -- inside: a life --------------------------------------------------------------------------- */

static void wrong(const char *what)
{
	snprintf(it.seen->wrong, sizeof(it.seen->wrong), "%s", what);
}

/* Each of these is the one of that number that the test has. */
static bool is_given(int fd, unsigned int number)
{
	char byte;

	/* they are sockets that say who they are, but for the journal */
	return fd >= 0 && recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && byte == (char)number;
}

int __wrap_serve_run(const struct serve_plan *plan, struct failure *failure)
{
	unsigned int i;

	it.seen->served = true;
	if (plan->count != 2 || !is_given(plan->pcap_fd, 1))
		wrong("the capture is another one");
	for (i = 0; i < 2; i++) {
		const struct serve_device *device = &plan->devices[i];

		/* its memory is there: else this ends the process */
		if (!device->journal || *(const volatile uint8_t *)device->journal ||
		    !is_given(device->fd, 2 + 2 * i) ||
		    !is_given(device->control_fd, 3 + 2 * i) || device->affinity[0] != -1 ||
		    device->affinity[1] != -1)
			wrong("a device has other descriptors");
	}
	if (plan->settled(plan->context, failure) < 0)
		return -EPERM;
	plan->ready(plan->context);
	plan->report(plan->context, "lo1", "a sentence");
	return 0;
}

/* Ends the process. */
static void live(void)
{
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	__real_dup2(it.channel[1], ISOLATION_DESCRIPTOR);
	calls = (struct fault_calls){
		.inside = true,
		.at = it.at,
		.times = 1,
		.errnum = it.errnum,
		.on_fault = on_fault,
	};
	status = worker_main();
	calls.inside = false;
	it.seen->allocations = calls.allocations;
	_exit(it.seen->wrong[0] ? WRONG : status);
}

/* -- outside ------------------------------------------------------------------------------------ */

/* Out of the way of what a worker closes. */
static int out_of_the_way(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, OUTSIDE);

	close(fd);
	return moved;
}

static int journal_file(void)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, JOURNAL_OFFSET + JOURNAL_PORTS * sizeof(struct journal_port)), 0);
	return out_of_the_way(fd);
}

/* One that says its number to whoever looks. */
static int numbered(char number)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(send(ends[1], &number, 1, 0), 1);
	close(ends[1]);
	return out_of_the_way(ends[0]);
}

static void send_plan(void)
{
	struct channel_message *message = calloc(1, sizeof(*message));

	message->kind = CHANNEL_PLAN;
	message->plan = (struct channel_plan){
		.devices = { { .name = "lo0" }, { .name = "lo1" } },
		.count = 2,
		.uid = 4711,
		.gid = 4711,
		.namespaces = 0x00020000,	/* of mounts */
		.insist = it.insist,
		.descriptors = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 7,
	};
	assert_int_equal(channel_send(it.channel[0], message, it.given, GIVEN), 0);
	free(message);
}

/* What it said: the last message of the kind that ends it, if there is one. */
static bool hear(struct channel_message *message)
{
	bool failure = false;
	int rc;

	/* that the plan was not read is said first, and once (unix_release_sock()) */
	while ((rc = channel_receive(it.channel[0], message, NULL, 0, NULL)) == 0 || rc == -ECONNRESET)
		if (rc == 0 && message->kind == CHANNEL_FAILURE)
			failure = message->failure.status != STATUS_OK && message->failure.message[0];
	return failure;
}

static void fail_life(const char *what, int status)
{
	fail_msg("point %lu, %s, fails with %s: %s (status 0x%x, %ld allocations)", it.at,
		 it.seen->call, strerror(it.errnum), what, status, it.seen->allocations);
}

/* One life, which ends as it should. Returns whether the point was come to. */
static bool survive(void)
{
	static struct channel_message message;
	int status, ends[2];
	pid_t pid;
	bool told;

	memset(it.seen, 0, sizeof(*it.seen));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	it.channel[0] = out_of_the_way(ends[0]);
	it.channel[1] = out_of_the_way(ends[1]);
	send_plan();
	pid = fork();
	if (pid == 0)
		live();
	close(it.channel[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	told = hear(&message);
	close(it.channel[0]);
	if (it.seen->wrong[0])
		fail_life(it.seen->wrong, status);
	if (!WIFEXITED(status))
		fail_life("it crashed", status);
	if (it.seen->allocations)
		fail_life("memory is left", status);
	/* without memory it cannot even say so */
	if (WEXITSTATUS(status) != WORKER_ASKED && !told && strcmp(it.seen->call, "calloc"))
		fail_life("it does not say why", status);
	if (WEXITSTATUS(status) == WORKER_ASKED && (told || !it.seen->served))
		fail_life("it ended as if it had been asked to", status);
	if (it.insist && it.seen->isolation && WEXITSTATUS(status) == WORKER_ASKED)
		fail_life("it served without a part that it was to insist on", status);
	if (!it.seen->failed && WEXITSTATUS(status) != WORKER_ASKED)
		fail_life("and nothing failed", status);
	return it.seen->failed;
}

static unsigned long all_points;

static void each(bool insist)
{
	static const int errors[] = { EPERM, ENOMEM, EMFILE, EIO, EINVAL };
	size_t i;

	it.insist = insist;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		it.errnum = errors[i];
		for (it.at = 1; survive(); it.at++)
			all_points++;
		assert_true(it.at > 20);
	}
}

static void proc_66_each_call_fails_of_one_who_insists(void **state)
{
	(void)state;
	each(true);
}

static void proc_66_each_call_fails_of_one_who_does_not(void **state)
{
	(void)state;
	each(false);
}

static int setup(void **state)
{
	unsigned int i;

	(void)state;
	it.given[0] = journal_file();
	for (i = 1; i < GIVEN; i++)
		it.given[i] = numbered((char)i);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proc_66_each_call_fails_of_one_who_insists),
		cmocka_unit_test(proc_66_each_call_fails_of_one_who_does_not),
	};
	int failed;

	it.seen = mmap(NULL, sizeof(*it.seen), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	failed = cmocka_run_group_tests(tests, setup, NULL);
	if (!failed)
		printf("# figure faults: %lu points of a worker until it serves, no memory left, a clear end\n",
		       all_points);
	return failed;
}

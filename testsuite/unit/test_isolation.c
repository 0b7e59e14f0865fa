// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Isolating a worker, where one step after the other cannot be done: which part is said to be
 * missing, and what happens all the same to one who does not insist. The calls are not made.
 *
 * LDFLAGS: -Wl,--wrap=mount,--wrap=umount2,--wrap=chdir,--wrap=syscall,--wrap=setrlimit
 * LDFLAGS: -Wl,--wrap=setgroups,--wrap=setresgid,--wrap=setresuid,--wrap=prctl
 * LDFLAGS: -Wl,--wrap=capng_apply,--wrap=isolation_filter,--wrap=unshare,--wrap=geteuid
 * LDFLAGS: -Wl,--wrap=open,--wrap=descriptor_write,--wrap=fork,--wrap=waitpid
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/process/isolation.h"
#include "vduse/process/isolation_calls.h"

#define NEVER 1000
#define PID 4242

static struct {
	char calls[40][12];	/* those that were made, in their order */
	unsigned int count, fail_at;
	int error;		/* errno of the one that fails */
	unsigned int sentences;
	char sentence[300];
	/* of namespaces */
	uid_t uid;
	unsigned long denied, asked;	/* flags that clone() refuses, and those of the last */
	int child_status;
	int capability_last, bounding;	/* that there is, and that stays in the bounding set */
	bool real;		/* processes are made */
	bool stuck;		/* and a namespace never */
	char written[200];
} it;

/* One of the calls: 0, or -1 and errno. */
static int call(const char *name)
{
	assert_true(it.count < 40);
	snprintf(it.calls[it.count], sizeof(it.calls[0]), "%s", name);
	errno = it.error;
	return it.count++ == it.fail_at ? -1 : 0;
}

int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
		 const void *data);
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
		 const void *data)
{
	(void)source;
	(void)target;
	(void)flags;
	(void)data;
	return call(type ? "tmpfs" : "private");
}

int __wrap_umount2(const char *target, int flags);
int __wrap_umount2(const char *target, int flags)
{
	(void)target;
	assert_int_equal(flags, MNT_DETACH);
	return call("umount");
}

int __wrap_chdir(const char *path);
int __wrap_chdir(const char *path)
{
	(void)path;
	return call("chdir");
}

long __real_syscall(long number, ...);
static long make_process(unsigned long flags, int *pidfd)
{
	it.asked = flags & ~(unsigned long)(CLONE_PIDFD | SIGCHLD);
	if (it.real)
		return __real_syscall(SYS_clone, flags, NULL, pidfd, NULL, NULL);
	errno = it.error;
	if (it.asked & it.denied)
		return -1;
	*pidfd = dup(0);
	return PID;
}

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	unsigned long arguments[5];
	va_list list;
	int i;

	va_start(list, number);
	for (i = 0; i < 5; i++)
		arguments[i] = va_arg(list, unsigned long);
	va_end(list);
	if (number == SYS_clone)
		return make_process(arguments[0], (int *)arguments[2]);
	if (number == SYS_pivot_root)
		return call("pivot");
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3],
			      arguments[4]);
}

int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit);
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	assert_int_equal(limit->rlim_cur, limit->rlim_max);
	return call(resource == RLIMIT_NPROC ? "nproc" : "limit");
}

int __wrap_setgroups(size_t count, const gid_t *groups);
int __wrap_setgroups(size_t count, const gid_t *groups)
{
	(void)groups;
	assert_int_equal(count, 0);
	return call("groups");
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	assert_true(real == effective && effective == saved);
	return call("gid");
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	assert_true(real == effective && effective == saved);
	return call("uid");
}

int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
	va_list list;
	int capability;

	if (option == PR_CAPBSET_READ) {
		va_start(list, option);
		capability = va_arg(list, int);
		va_end(list);
		return capability <= it.capability_last ? capability == it.bounding : -1;
	}
	return call(option == PR_SET_PDEATHSIG ? "parent" : option == PR_SET_DUMPABLE ?
		    "dumpable" : option == PR_SET_NO_NEW_PRIVS ? "no_new" : "prctl");
}

int __wrap_capng_apply(int set);
int __wrap_capng_apply(int set)
{
	(void)set;
	return call("caps");
}

int __wrap_isolation_filter(enum isolation_stage stage);
int __wrap_isolation_filter(enum isolation_stage stage)
{
	return call(stage == ISOLATION_SERVING ? "filter2" : "filter1") ? it.error : 0;
}

int __wrap_unshare(int flags);
int __wrap_unshare(int flags)
{
	while (it.stuck)
		pause();
	return call(flags == CLONE_NEWUSER ? "newuser" : "newnet");
}

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return it.uid;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	if (!strstr(path, "_map") && !strstr(path, "setgroups"))
		return __real_open(path, flags);
	return call(path + strlen("/proc/self/")) ? -1 : __real_open("/dev/null", O_WRONLY);
}

int __wrap_descriptor_write(int fd, const void *bytes, size_t length);
int __wrap_descriptor_write(int fd, const void *bytes, size_t length)
{
	(void)fd;
	strncat(it.written, bytes, length);
	strcat(it.written, "|");
	return 0;
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
	return it.real ? __real_fork() : PID;
}

pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	if (it.real)
		return __real_waitpid(pid, status, options);
	assert_int_equal(pid, PID);
	if (status)
		*status = it.child_status << 8;
	return pid;
}

static void lacking(void *context, const char *sentence)
{
	(void)context;
	it.sentences++;
	snprintf(it.sentence, sizeof(it.sentence), "%s", sentence);
}

static struct isolation isolation_of(bool insist)
{
	memset(&it, 0, sizeof(it));
	it.fail_at = NEVER;
	it.error = EPERM;
	it.capability_last = 40;
	it.bounding = -1;
	return (struct isolation){ .uid = 65534, .gid = 65534, .insist = insist,
				   .namespaces = CLONE_NEWNS, .lacking = lacking };
}

/* The steps of isolation_enter(), and which part is missing without each. */
static const struct {
	const char *call, *part;
} steps[] = {
	{ "caps", "capabilities stay in its bounding set" },
	{ "private", "files can be reached" },
	{ "tmpfs", "files can be reached" },
	{ "chdir", "files can be reached" },
	{ "pivot", "files can be reached" },
	{ "umount", "files can be reached" },
	{ "chdir", "files can be reached" },
	{ "limit", "resource limits cannot be set" },
	{ "limit", "resource limits cannot be set" },
	{ "limit", "resource limits cannot be set" },
	{ "groups", "cannot become user 65534" },
	{ "gid", "cannot become user 65534" },
	{ "uid", "cannot become user 65534" },
	{ "caps", "capabilities cannot be given up" },
	{ "parent", "rights can be had back" },
	{ "dumpable", "rights can be had back" },
	{ "no_new", "rights can be had back" },
	{ "filter1", "no filter of system calls" },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void all_steps_in_order(void **state)
{
	struct isolation isolation = isolation_of(true);
	struct failure failure = { .status = STATUS_OK };
	unsigned int i;

	(void)state;
	assert_int_equal(isolation_enter(&isolation, &failure), 0);
	assert_int_equal(it.count, STEPS);
	for (i = 0; i < STEPS; i++)
		assert_string_equal(it.calls[i], steps[i].call);
	/* a capture may grow */
	isolation = isolation_of(true);
	isolation.writes_files = true;
	assert_int_equal(isolation_enter(&isolation, &failure), 0);
	assert_int_equal(it.count, STEPS - 1);
}

static void each_step_that_fails_ends_it(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < STEPS; i++) {
		struct isolation isolation = isolation_of(true);
		struct failure failure = { .status = STATUS_OK };
		char expected[200];

		it.fail_at = i;
		snprintf(expected, sizeof(expected), "cannot isolate the device process: %s: %s",
			 steps[i].part, strerror(EPERM));
		assert_int_equal(isolation_enter(&isolation, &failure), -EPERM);
		assert_string_equal(failure.message, expected);
		assert_non_null(strstr(failure.hint, "isolation possible"));
		assert_int_equal(failure.status, STATUS_DENIED);
		assert_int_equal(it.count, i + 1);
		assert_int_equal(it.sentences, 0);
	}
}

/* A part that is missing is one sentence, and no reason to leave out another part. */
static void each_step_that_fails_is_said(void **state)
{
	unsigned int i, j;

	(void)state;
	for (i = 0; i < STEPS; i++) {
		struct isolation isolation = isolation_of(false);
		struct failure failure = { .status = STATUS_OK };
		char expected[200];

		it.fail_at = i;
		snprintf(expected, sizeof(expected), "it is not isolated in full: %s: %s",
			 steps[i].part, strerror(EPERM));
		assert_int_equal(isolation_enter(&isolation, &failure), 0);
		assert_int_equal(it.sentences, 1);
		assert_string_equal(it.sentence, expected);
		assert_int_equal(failure.status, STATUS_OK);
		/* the steps of the parts that follow */
		for (j = i; j < STEPS && !strcmp(steps[j].part, steps[i].part); j++)
			;
		assert_int_equal(it.count, i + 1 + STEPS - j);
		assert_string_equal(it.calls[it.count - 1], "filter1");
	}
}

/* libcap-ng says nothing where it may not. */
static void a_capability_that_stays(void **state)
{
	static const int capabilities[] = { 0, 21, 40 };
	struct failure failure = { .status = STATUS_OK };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct isolation isolation = isolation_of(true);

		it.bounding = capabilities[i];
		assert_int_equal(isolation_enter(&isolation, &failure), -EPERM);
		assert_non_null(strstr(failure.message, "capabilities stay in its bounding set"));
	}
}

/* In the mount namespace of others nothing is mounted, and nobody's root is taken away. */
static void files_of_others(void **state)
{
	struct isolation isolation = isolation_of(false);
	struct failure failure = { .status = STATUS_OK };
	unsigned int i;

	(void)state;
	isolation.namespaces = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	assert_int_equal(isolation_enter(&isolation, &failure), 0);
	assert_int_equal(it.count, STEPS - 6);
	assert_string_equal(it.calls[0], "caps");
	for (i = 1; i < it.count; i++)
		assert_string_equal(it.calls[i], steps[i + 6].call);
}

static void a_user_who_was_named_is_meant(void **state)
{
	struct isolation isolation = isolation_of(false);
	struct failure failure = { .status = STATUS_OK };

	(void)state;
	isolation.named = true;
	it.fail_at = STEPS - 6;	/* setresuid */
	it.error = EINVAL;
	assert_int_equal(isolation_enter(&isolation, &failure), -EINVAL);
	assert_non_null(strstr(failure.message, "cannot become user 65534"));
	assert_non_null(strstr(failure.hint, "user namespace"));
	assert_int_equal(it.sentences, 0);
}

/* Who is that user already may lack the right to have no groups: in a user namespace. */
static void who_one_is_already(void **state)
{
	struct isolation isolation = isolation_of(true);
	struct failure failure = { .status = STATUS_OK };

	(void)state;
	it.uid = isolation.uid = getuid();
	isolation.gid = getegid();
	it.fail_at = 10;	/* setgroups */
	assert_int_equal(isolation_enter(&isolation, &failure), 0);
	assert_int_equal(it.count, STEPS - 2);
	it.count = 0;
	it.error = ENOMEM;
	assert_int_equal(isolation_enter(&isolation, &failure), -ENOMEM);
}

static void the_second_filter(void **state)
{
	static const char *const calls[] = { "nproc", "filter2" };
	struct failure failure = { .status = STATUS_OK };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct isolation isolation = isolation_of(true);

		assert_int_equal(isolation_confine(&isolation, &failure), 0);
		assert_string_equal(it.calls[i], calls[i]);
		isolation = isolation_of(true);
		it.fail_at = i;
		assert_int_equal(isolation_confine(&isolation, &failure), -EPERM);
		assert_non_null(strstr(failure.message, "no filter of system calls"));
		isolation = isolation_of(false);
		it.fail_at = i;
		assert_int_equal(isolation_confine(&isolation, &failure), 0);
		assert_int_equal(it.sentences, 1);
	}
}

/* -- namespaces ---------------------------------------------------------------------------- */

#define ALL (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWUTS)

static void namespaces_that_can_be_had(void **state)
{
	static const struct {
		unsigned long flag;
		const char *part;
	} each[] = {
		{ CLONE_NEWNS, "no mount namespace" }, { CLONE_NEWIPC, "no IPC namespace" },
		{ CLONE_NEWPID, "no PID namespace" }, { CLONE_NEWUTS, "no UTS namespace" },
	};
	struct failure failure = { .status = STATUS_OK };
	struct isolation isolation = isolation_of(true);
	unsigned int i;

	(void)state;
	assert_int_equal(isolation_prepare(&isolation, &failure), 0);
	assert_int_equal(isolation.namespaces, ALL);
	isolation_end(&isolation);
	for (i = 0; i < 4; i++) {
		isolation = isolation_of(true);
		it.denied = each[i].flag;
		it.error = ENOSPC;
		it.uid = 1000;	/* a limit is no matter of rights: no user namespace */
		assert_int_equal(isolation_prepare(&isolation, &failure), -ENOSPC);
		assert_non_null(strstr(failure.message, each[i].part));
		assert_false(isolation.user_namespace);
		isolation_end(&isolation);
		isolation = isolation_of(false);
		it.denied = each[i].flag;
		it.error = ENOSPC;
		assert_int_equal(isolation_prepare(&isolation, &failure), 0);
		assert_non_null(strstr(it.sentence, each[i].part));
		assert_int_equal(it.sentences, 1);
		assert_int_equal(isolation.namespaces, ALL & ~each[i].flag);
		isolation_end(&isolation);
	}
}

/* Root would stay root in a user namespace; others are called 0 there. */
static void user_namespaces(void **state)
{
	struct failure failure = { .status = STATUS_OK };
	struct isolation isolation = isolation_of(false);
	char expected[100];

	(void)state;
	it.denied = ALL;
	assert_int_equal(isolation_prepare(&isolation, &failure), 0);
	assert_int_equal(it.count, 0);
	assert_int_equal(it.sentences, 4);
	assert_int_equal(isolation.namespaces, 0);
	isolation_end(&isolation);
	isolation = isolation_of(true);
	it.denied = ALL;
	it.uid = 1000;
	assert_int_equal(isolation_prepare(&isolation, &failure), -EPERM);
	assert_true(isolation.user_namespace);	/* and nothing there, which ours grant */
	snprintf(expected, sizeof(expected), "deny|0 1000 1|0 %u 1|", getegid());
	assert_string_equal(it.written, expected);
	isolation_end(&isolation);
	/* one that does not work is not entered */
	isolation = isolation_of(true);
	it.denied = ALL;
	it.uid = 1000;
	it.child_status = EACCES;
	assert_int_equal(isolation_prepare(&isolation, &failure), -EACCES);
	assert_non_null(strstr(failure.message, "no user namespace of its own"));
	assert_int_equal(it.count, 0);
	assert_false(isolation.user_namespace);
	isolation_end(&isolation);
}

static int take_network(struct isolation *isolation, struct failure *failure)
{
	struct pollfd pollfd = { .events = POLLIN };

	it.real = true;
	assert_int_equal(isolation_network_ask(isolation, failure), 0);
	pollfd.fd = isolation->network_wait;
	assert_int_equal(poll(&pollfd, 1, 60000), 1);
	return isolation_network_take(isolation, failure);
}

static void the_network_namespace(void **state)
{
	struct failure failure = { .status = STATUS_OK };
	struct isolation isolation = isolation_of(true);

	(void)state;
	isolation.network = isolation.program = -1;
	assert_int_equal(take_network(&isolation, &failure), 0);
	assert_true(isolation.network >= 0);
	isolation_end(&isolation);
	assert_int_equal(isolation.network, -1);
	isolation = isolation_of(true);
	isolation.network = isolation.program = -1;
	it.fail_at = 0;
	it.error = ENOSPC;
	assert_int_equal(take_network(&isolation, &failure), -ENOSPC);
	assert_non_null(strstr(failure.message, "no network namespace of its own: No space"));
	isolation = isolation_of(false);
	isolation.network = isolation.program = -1;
	it.fail_at = 0;
	assert_int_equal(take_network(&isolation, &failure), 0);
	assert_int_equal(it.sentences, 1);
	assert_int_equal(isolation.network, -1);
	assert_int_equal(isolation.network_wait, -1);
}

/* Who waits for rtnl, for as long as others hold it, holds nothing of ours. */
static void a_helper_that_is_stuck(void **state)
{
	struct failure failure = { .status = STATUS_OK };
	struct isolation isolation = isolation_of(true);
	struct pollfd pollfd = { .events = POLLIN };
	int ends[2], status;
	char byte;

	(void)state;
	isolation.network = isolation.program = -1;
	it.real = it.stuck = true;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(isolation_network_ask(&isolation, &failure), 0);
	close(ends[1]);
	pollfd.fd = ends[0];
	assert_int_equal(poll(&pollfd, 1, 60000), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	/* and where it ends without a word */
	assert_int_equal(kill(isolation.helper, SIGKILL), 0);
	pollfd.fd = isolation.network_wait;
	assert_int_equal(poll(&pollfd, 1, 60000), 1);
	assert_int_equal(isolation_network_take(&isolation, &failure), -EPERM);
	assert_int_equal(__real_waitpid(isolation.helper, &status, 0), -1);
	isolation_end(&isolation);
}

/* -- this program once more, as the worker ---------------------------------------------------- */

static int be_child(char **argv)
{
	extern char **environ;
	int i, rc = isolation_empty();

	for (i = 4; i < 100 && rc == 0; i++)
		rc = fcntl(i, F_GETFD) >= 0 ? -i : 0;
	if (rc == 0 && strcmp(argv[2], "name"))
		rc = -1;
#ifndef __SANITIZE_ADDRESS__
	if (rc == 0 && environ[0])
		rc = -2;
#endif
	return send(ISOLATION_DESCRIPTOR, &rc, sizeof(rc), 0) == sizeof(rc) ? 0 : 1;
}

static void the_program_again(void **state)
{
	char *argv[] = { (char *)"test", (char *)"--child", (char *)"name", NULL };
	struct failure failure = { .status = STATUS_OK };
	struct isolation isolation = isolation_of(true);
	struct isolation_child child;
	int ends[2], answer = 1, status;

	(void)state;
	assert_int_equal(isolation_prepare(&isolation, &failure), 0);
	isolation.namespaces = 0;
	it.real = true;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(isolation_spawn(&isolation, argv, ends[1], &child, &failure), 0);
	close(ends[1]);
	assert_int_equal(recv(ends[0], &answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(answer, 0);
	assert_int_equal(__real_waitpid(child.pid, &status, 0), child.pid);
	assert_int_equal(status, 0);
	close(child.pidfd);
	close(ends[0]);
	isolation_end(&isolation);
	/* where no process can be made */
	it.real = false;
	it.denied = isolation.namespaces = CLONE_NEWNS;
	it.error = EAGAIN;
	assert_int_equal(isolation_spawn(&isolation, argv, 0, &child, &failure), -EAGAIN);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_steps_in_order),
		cmocka_unit_test(each_step_that_fails_ends_it),
		cmocka_unit_test(each_step_that_fails_is_said),
		cmocka_unit_test(a_capability_that_stays),
		cmocka_unit_test(files_of_others),
		cmocka_unit_test(a_user_who_was_named_is_meant),
		cmocka_unit_test(who_one_is_already),
		cmocka_unit_test(the_second_filter),
		cmocka_unit_test(namespaces_that_can_be_had),
		cmocka_unit_test(user_namespaces),
		cmocka_unit_test(the_network_namespace),
		cmocka_unit_test(a_helper_that_is_stuck),
		cmocka_unit_test(the_program_again),
	};

	if (argc > 2)
		return be_child(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * end_at SIGNAL WHO N COMMAND [ARGUMENT]...
 *
 * Runs COMMAND and ends it with SIGNAL (a number; 0: not at all) at its Nth point. Where
 * SIGNAL is below 0 the call fails instead, with this errno; N+ is the Nth and all later. A
 * point is the entry to a system call that others can see something of: one that writes,
 * sends, makes, renames, cuts, locks, forks or ends. What others see does not change in
 * between, so these are all moments that there are. WHO is whose points are counted, and
 * who is ended:
 *
 *	parent	the process of COMMAND itself
 *	child	the first process that it forks
 *	all	points of both in the order in which they come, and all that run end
 *	forker	the process of COMMAND itself, and only where it forks: the others take no
 *		longer than without us
 *
 * Returns when COMMAND and whatever it forked have ended. Prints "call NUMBER" for the
 * point, or "N points" where there are fewer, and exits with COMMAND's status, 128 + its
 * signal, or 125 for a mistake.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "testsuite/guest/traced.h"

#define OPTIONS (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
		 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)
#define PROCESSES 64

enum who { PARENT, CHILD, ALL, FORKER };

struct run {
	enum who who;
	int signal;
	long n, points;
	bool on;		/* and all later ones */
	bool over;		/* the signal was sent */
	pid_t command, child;
	pid_t running[PROCESSES];
	int status;		/* of the command */
};

/* Forks stand at the end. */
static const int seen[] = {
	SYS_openat, SYS_fcntl, SYS_write, SYS_pwrite64, SYS_ftruncate, SYS_sendto, SYS_sendmsg,
	SYS_mkdirat, SYS_unlinkat, SYS_exit_group,
#ifdef SYS_mkdir
	SYS_mkdir, SYS_rename, SYS_unlink, SYS_clone, SYS_clone3, SYS_fork, SYS_vfork,
#define FORKS 4
#else
	SYS_clone, SYS_clone3,
#define FORKS 2
#endif
};
#define SEEN (sizeof(seen) / sizeof(seen[0]))

static bool is_seen(const struct __ptrace_syscall_info *info)
{
	switch (info->seccomp.nr) {
	case SYS_openat:
		return info->seccomp.args[2] & (O_WRONLY | O_RDWR | O_CREAT);
	case SYS_fcntl:
		return info->seccomp.args[1] == F_SETLK || info->seccomp.args[1] == F_SETLKW;
	default:
		return true;
	}
}

static int slot_of(struct run *run, pid_t pid)
{
	int i, empty = -1;

	for (i = 0; i < PROCESSES; i++) {
		if (run->running[i] == pid)
			return i;
		if (!run->running[i] && empty < 0)
			empty = i;
	}
	if (empty < 0)
		exit(125);
	run->running[empty] = pid;
	return empty;
}

static bool counts(const struct run *run, pid_t pid)
{
	switch (run->who) {
	case PARENT:
	case FORKER:
		return pid == run->command;
	case CHILD:
		return pid == run->child;
	default:
		return pid == run->command || pid == run->child;
	}
}

static void end(struct run *run, pid_t pid)
{
	int i;

	if (run->who != ALL)
		kill(pid, run->signal);
	for (i = 0; run->who == ALL && i < PROCESSES; i++)
		if (run->running[i])
			kill(run->running[i], run->signal);
	run->over = true;
}

/* The call that @pid stands before is left out, and returns -@errnum. */
static void fail_call(pid_t pid, int errnum)
{
	struct user_regs_struct regs;
	struct iovec part = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part) < 0)
		exit(125);
#if defined(__x86_64__)
	regs.orig_rax = -1;
	regs.rax = -errnum;
#elif defined(__aarch64__)
	int none = -1;
	struct iovec number = { &none, sizeof(none) };

	regs.regs[0] = -errnum;
	if (ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &number) < 0)
		exit(125);
#endif
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part) < 0)
		exit(125);
}

static void see_call(struct run *run, pid_t pid)
{
	struct __ptrace_syscall_info info;

	if (run->over || !counts(run, pid) ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_SECCOMP || !is_seen(&info) || ++run->points < run->n ||
	    (run->points > run->n && !run->on))
		return;
	printf("call %ld\n", (long)info.seccomp.nr);
	if (run->signal < 0)
		fail_call(pid, -run->signal);
	else if (run->signal)
		end(run, pid);
}

/* Returns the signal that @pid is to be given. */
static int see_stop(struct run *run, pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;
	unsigned long child = 0;

	if (event == PTRACE_EVENT_SECCOMP) {
		see_call(run, pid);
		return 0;
	}
	if (event) {
		if (event != PTRACE_EVENT_EXEC && pid == run->command && !run->child &&
		    !ptrace(PTRACE_GETEVENTMSG, pid, 0, &child))
			run->child = (pid_t)child;
		return 0;
	}
	/* the first stop of a process that was forked */
	return signal == SIGSTOP || signal == SIGTRAP ? 0 : signal;
}

static void see_end(struct run *run, pid_t pid, int status)
{
	run->running[slot_of(run, pid)] = 0;
	if (pid == run->command)
		run->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void trace(struct run *run)
{
	int status, signal;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid <= 0)
			continue;
		if (!WIFSTOPPED(status)) {
			see_end(run, pid, status);
			continue;
		}
		slot_of(run, pid);
		signal = see_stop(run, pid, status);
		ptrace(PTRACE_CONT, pid, 0, (long)signal);
	}
}

static pid_t start(char **command, enum who who)
{
	const struct traced_filter all = { .calls = seen, .count = SEEN };
	const struct traced_filter forks = { .calls = seen + SEEN - FORKS, .count = FORKS };

	return traced_start(command, who == FORKER ? &forks : &all, OPTIONS);
}

int main(int argc, char **argv)
{
	static struct run run;

	if (argc < 5)
		return 125;
	run.signal = atoi(argv[1]);
	run.who = !strcmp(argv[2], "parent") ? PARENT : !strcmp(argv[2], "child") ? CHILD :
		  !strcmp(argv[2], "forker") ? FORKER : ALL;
	run.n = atol(argv[3]);
	run.on = strchr(argv[3], '+');
	setvbuf(stdout, NULL, _IOLBF, 0);
	run.command = start(argv + 4, run.who);
	slot_of(&run, run.command);
	ptrace(PTRACE_CONT, run.command, 0, 0);
	trace(&run);
	if (run.points < run.n)
		printf("%ld points\n", run.points);
	return run.status;
}

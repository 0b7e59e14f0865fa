// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fail_at ERRNO WHO N COMMAND [ARGUMENT]...
 * fail_at 0 COMMAND [ARGUMENT]...
 *
 * One life of a service: runs COMMAND, sends it SIGTERM when it has written something to its
 * standard output, and waits for the end of all its processes. Meanwhile the Nth system call of
 * WHO that can end with ERRNO (ENOMEM, EMFILE, EINTR) is not made, and does so. WHO is
 *
 *	first	the process of COMMAND itself
 *	between	those that it forks, as long as they run no program of their own
 *	worker	those that do
 *
 * and calls are counted from the entry of a program on: those of the loader are not its own.
 * Prints "failed CALL" for the one that failed, then "ready" where COMMAND came so far, and exits
 * with COMMAND's status, 128 + its signal, 124 where the life had no end, or 125 for a mistake.
 * With 0 nothing fails, and what is printed is "WHO ERRNO NUMBER" lines: how many there are.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>
#include <linux/vduse.h>

#include "testsuite/guest/traced.h"

#if defined(__x86_64__) && defined(HAVE_SECCOMP)
#include <seccomp.h>

#define OPTIONS (PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
		 PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)
#define PROCESSES 64
#define LIFE_SECONDS 300
#define BREAKPOINT 0xcc

enum who { FIRST, BETWEEN, WORKER, WHOS };

static const char *const who_names[] = { "first", "between", "worker" };

static const struct {
	const char *name;
	int value;
} errors[] = { { "ENOMEM", ENOMEM }, { "EMFILE", EMFILE }, { "EINTR", EINTR } };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

struct process {
	pid_t pid;
	enum who who;
	bool counted;		/* it is past the entry of its program */
	unsigned long entry;	/* where a breakpoint is; 0: none */
	long code;		/* what is there */
};

struct run {
	enum who who;
	size_t error;
	long n;			/* 0: none */
	long points[WHOS][ERRORS];
	struct process processes[PROCESSES];
	pid_t command;
	int status;
	bool ready;
};

static volatile sig_atomic_t late;

static void on_alarm(int signal)
{
	(void)signal;
	late = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static struct process *process_of(struct run *run, pid_t pid)
{
	struct process *free = NULL;
	int i;

	for (i = 0; i < PROCESSES; i++) {
		if (run->processes[i].pid == pid)
			return &run->processes[i];
		if (!run->processes[i].pid && !free)
			free = &run->processes[i];
	}
	if (!free)
		exit(125);
	*free = (struct process){ .pid = pid, .who = BETWEEN, .counted = true };
	return free;
}

/* -- which calls can end so ---------------------------------------------------------------------- */

static bool makes_descriptor(const struct __ptrace_syscall_info *info)
{
	switch (info->seccomp.nr) {
	case SYS_open: case SYS_openat: case SYS_socket: case SYS_socketpair: case SYS_accept4:
	case SYS_epoll_create1: case SYS_eventfd2: case SYS_signalfd4: case SYS_memfd_create:
	case SYS_pipe2: case SYS_pidfd_open: case SYS_dup: case SYS_inotify_init1:
		return true;
	case SYS_fcntl:
		return info->seccomp.args[1] == F_DUPFD_CLOEXEC || info->seccomp.args[1] == F_DUPFD;
	case SYS_clone:
		return info->seccomp.args[0] & CLONE_PIDFD;
	case SYS_ioctl:
		return info->seccomp.args[1] == VDUSE_IOTLB_GET_FD;
	default:
		return false;
	}
}

static bool can_be_interrupted(const struct __ptrace_syscall_info *info)
{
	switch (info->seccomp.nr) {
	case SYS_read: case SYS_write: case SYS_open: case SYS_openat: case SYS_poll: case SYS_ppoll:
	case SYS_epoll_wait: case SYS_epoll_pwait: case SYS_wait4: case SYS_waitid: case SYS_recvmsg:
	case SYS_recvfrom: case SYS_sendmsg: case SYS_sendto: case SYS_connect: case SYS_accept4:
	case SYS_ioctl: case SYS_flock: case SYS_clock_nanosleep: case SYS_nanosleep:
		return true;
	case SYS_fcntl:
		return info->seccomp.args[1] == F_SETLKW;
	default:
		return false;
	}
}

/* That find no memory, and have nobody to wait for. */
static const int memoryless[] = {
	SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_getpid, SYS_gettid, SYS_getppid, SYS_getuid,
	SYS_geteuid, SYS_getgid, SYS_getegid, SYS_close, SYS_close_range, SYS_munmap,
	SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_restart_syscall, SYS_set_robust_list, SYS_rseq,
	SYS_set_tid_address, SYS_arch_prctl, SYS_clock_gettime, SYS_alarm, SYS_umask, SYS_kill,
	SYS_tgkill, SYS_prlimit64, SYS_setsid, SYS_lseek, SYS_getrandom, SYS_futex, SYS_fstat,
	SYS_getcpu, SYS_sched_getaffinity, SYS_sched_getscheduler, SYS_pread64, SYS_capget,
};
#define MEMORYLESS (sizeof(memoryless) / sizeof(memoryless[0]))

/* All but those for which the kernel has no memory to find. */
static bool takes_memory(const struct __ptrace_syscall_info *info)
{
	switch (info->seccomp.nr) {
	case SYS_wait4: case SYS_waitid: case SYS_epoll_wait: case SYS_epoll_pwait: case SYS_dup2:
		return false;
	case SYS_prctl:
		return info->seccomp.args[0] != PR_CAPBSET_READ && info->seccomp.args[0] != PR_CAPBSET_DROP;
	case SYS_newfstatat:	/* of a descriptor */
		return !(info->seccomp.args[3] & AT_EMPTY_PATH);
	default:
		return true;
	}
}

static bool can_end_so(const struct __ptrace_syscall_info *info, int error)
{
	return error == EMFILE ? makes_descriptor(info) :
	       error == EINTR  ? can_be_interrupted(info) : takes_memory(info);
}

/* -- tracing ----------------------------------------------------------------------------------------- */

static void get_registers(pid_t pid, struct user_regs_struct *registers)
{
	if (ptrace(PTRACE_GETREGS, pid, 0, registers))
		die("PTRACE_GETREGS");
}

static void set_registers(pid_t pid, const struct user_regs_struct *registers)
{
	if (ptrace(PTRACE_SETREGS, pid, 0, registers))
		die("PTRACE_SETREGS");
}

static unsigned long entry_of(pid_t pid)
{
	unsigned long pair[2], entry = 0;
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	file = fopen(path, "re");
	while (file && !entry && fread(pair, sizeof(pair), 1, file) == 1)
		if (pair[0] == AT_ENTRY)
			entry = pair[1];
	if (file)
		fclose(file);
	return entry;
}

/* It runs a program: from the entry of that one on its calls count. */
static void see_program(struct run *run, struct process *process)
{
	process->who = process->pid == run->command ? FIRST : WORKER;
	process->counted = false;
	process->entry = entry_of(process->pid);
	errno = 0;
	process->code = ptrace(PTRACE_PEEKTEXT, process->pid, process->entry, 0);
	if (!process->entry || errno ||
	    ptrace(PTRACE_POKETEXT, process->pid, process->entry,
		   (process->code & ~0xffL) | BREAKPOINT))
		die("no breakpoint");
}

/* Is the stop that of our breakpoint? */
static bool at_entry(struct process *process)
{
	struct user_regs_struct registers;

	if (!process->entry)
		return false;
	get_registers(process->pid, &registers);
	if (registers.rip != process->entry + 1)
		return false;
	registers.rip--;
	set_registers(process->pid, &registers);
	if (ptrace(PTRACE_POKETEXT, process->pid, process->entry, process->code))
		die("PTRACE_POKETEXT");
	process->entry = 0;
	process->counted = true;
	return true;
}

/* Left out, and this is what it returned. */
static void fail_call(const struct process *process, uint64_t call, int error)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)call);
	struct user_regs_struct registers;

	printf("failed %s\n", name ? name : "?");
	free(name);
	get_registers(process->pid, &registers);
	registers.orig_rax = (unsigned long)-1;
	/* brk(2) has no errors: the kernel answers with where the break is, which is not asked-for */
	registers.rax = call == SYS_brk ? 0 : (unsigned long)-error;
	set_registers(process->pid, &registers);
}

/* Returns what it goes on with: up to its end, or not. */
static int see_call(struct run *run, struct process *process)
{
	struct __ptrace_syscall_info info;
	int next = PTRACE_CONT;
	size_t i;

	if (!process->counted ||
	    ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_SECCOMP)
		return PTRACE_CONT;
	if (process->who == FIRST && info.seccomp.nr == SYS_write && info.seccomp.args[0] == 1)
		next = PTRACE_SYSCALL;
	for (i = 0; i < ERRORS; i++) {
		if (!can_end_so(&info, errors[i].value) || ++run->points[process->who][i] != run->n ||
		    process->who != run->who || i != run->error)
			continue;
		fail_call(process, info.seccomp.nr, errors[i].value);
		next = PTRACE_CONT;
	}
	return next;
}

/* It has written to its standard output, or could not. */
static void see_written(struct run *run, pid_t pid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_EXIT || info.exit.rval <= 0)
		return;
	run->ready = true;
	kill(run->command, SIGTERM);
}

/* Let it go on. */
static void see_stop(struct run *run, struct process *process, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16, next = PTRACE_CONT;

	if (signal == (SIGTRAP | 0x80))
		see_written(run, process->pid);
	else if (event == PTRACE_EVENT_SECCOMP)
		next = see_call(run, process);
	else if (event == PTRACE_EVENT_EXEC)
		see_program(run, process);
	/* SIGSTOP: the first stop of a process that was forked */
	if (event || signal == (SIGTRAP | 0x80) || signal == SIGSTOP ||
	    (signal == SIGTRAP && at_entry(process)))
		signal = 0;
	ptrace(next, process->pid, 0, (long)signal);
}

static void end_all(struct run *run)
{
	int i;

	for (i = 0; i < PROCESSES; i++)
		if (run->processes[i].pid)
			kill(run->processes[i].pid, SIGKILL);
}

static void trace(struct run *run)
{
	struct process *process;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (late)
			end_all(run);
		if (pid <= 0)
			continue;
		process = process_of(run, pid);
		if (WIFSTOPPED(status)) {
			see_stop(run, process, status);
			continue;
		}
		process->pid = 0;
		if (pid == run->command)
			run->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
							    WEXITSTATUS(status);
	}
}

static void start(struct run *run, char **command)
{
	const struct traced_filter stops = {
		.calls = memoryless, .count = MEMORYLESS, .others = true, .gains = true,
	};

	run->command = traced_start(command, &stops, OPTIONS);
	process_of(run, run->command)->counted = false;
	ptrace(PTRACE_CONT, run->command, 0, 0);
}

/* Whoever is traced runs where we do: a processor that is woken up for each stop takes longer. */
static void stay_here(void)
{
	cpu_set_t one;
	int here = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(here < 0 ? 0 : here, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static size_t place_of(const char *word, const char *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(word, names[i]))
			return i;
	exit(125);
}

static void print_points(const struct run *run)
{
	size_t i, j;

	for (i = 0; i < WHOS; i++)
		for (j = 0; j < ERRORS; j++)
			printf("%s %s %ld\n", who_names[i], errors[j].name, run->points[i][j]);
}

int main(int argc, char **argv)
{
	const char *const error_names[] = { errors[0].name, errors[1].name, errors[2].name };
	struct sigaction action = { .sa_handler = on_alarm };
	static struct run run;

	if (argc < 3 || (strcmp(argv[1], "0") && argc < 5))
		return 125;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(argv[1], "0")) {
		run.error = place_of(argv[1], error_names, ERRORS);
		run.who = (enum who)place_of(argv[2], who_names, WHOS);
		run.n = atol(argv[3]);
	}
	sigaction(SIGALRM, &action, NULL);
	alarm(LIFE_SECONDS);
	stay_here();
	start(&run, argv + (run.n ? 4 : 2));
	trace(&run);
	if (run.ready)
		puts("ready");
	if (!run.n)
		print_points(&run);
	return late ? 124 : run.status;
}

#else

int main(void)
{
	fprintf(stderr, "fail_at: only for x86-64, with libseccomp\n");
	return 125;
}

#endif

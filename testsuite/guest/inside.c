// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inside PID but NAME...		every system call there may be, but these
 * inside PID arguments			those that may be made with some arguments only
 * inside PID CALL [ARGUMENT]...	this one, and nobody holds back what comes of it
 *
 * What somebody can do who has taken the process PID over: it makes system calls, each at the
 * place where it waits in one. It is stopped by ptrace(2) for that, which takes a root who is
 * not in its namespaces. A call that its filter does not allow raises SIGSYS. The first two
 * take that signal away, so that one process can make all of them, and it goes on as if
 * nothing had been; they print what was not as expected, and then "N refused", and fail unless
 * all were as expected. The third prints what the call returned, or that the process ended.
 *
 * CALL is a name, or a number; 32:NUMBER is one as 32-bit programs make it. An ARGUMENT is a
 * number, or text, whose address is passed then.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/vduse.h>

#if defined(__x86_64__) && defined(HAVE_SECCOMP)
#include <seccomp.h>

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1		/* si_code of SIGSYS: asm-generic/siginfo.h */
#endif

#define NUMBERS 1024
#define BEFORE_STACK 4096	/* below what the process may use of it (red zone) */
#define ARGUMENTS 6
#define AS_32_BIT (1L << 40)

struct victim {
	pid_t pid;
	struct user_regs_struct regs;	/* as it was stopped */
	unsigned long place;		/* of an instruction that makes a system call */
	unsigned long code;		/* what is there */
};

enum outcome { RETURNED, REFUSED, SIGNALLED, ENDED };

static void die(const char *what)
{
	perror(what);
	exit(125);
}

/* A stop of the victim: its status. */
static int wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return status;
}

static void seize(struct victim *victim)
{
	pid_t pid = victim->pid;

	if (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0))
		die("ptrace");
	wait_for(pid);
	if (ptrace(PTRACE_GETREGS, pid, 0, &victim->regs))
		die("PTRACE_GETREGS");
	victim->place = victim->regs.rip - 2;
	errno = 0;
	victim->code = (unsigned long)ptrace(PTRACE_PEEKTEXT, pid, victim->place, 0);
	if (errno)
		die("PTRACE_PEEKTEXT");
}

/* As if nothing had been. */
static void let_go(struct victim *victim)
{
	if (ptrace(PTRACE_POKETEXT, victim->pid, victim->place, victim->code) ||
	    ptrace(PTRACE_SETREGS, victim->pid, 0, &victim->regs) ||
	    ptrace(PTRACE_DETACH, victim->pid, 0, 0))
		die("cannot let it go");
}

/* Make the call. Where it was refused, the signal is still to be had. */
static enum outcome make(struct victim *victim, long number, const unsigned long *arguments,
			 long *result)
{
	struct user_regs_struct regs = victim->regs;
	bool old = number & AS_32_BIT;
	/* syscall or int $0x80, and then int3 */
	unsigned long code = (victim->code & ~0xfffffful) | (old ? 0xcc80cd : 0xcc050f);
	siginfo_t info;
	int status;

	regs.rip = victim->place;
	regs.rax = (unsigned long)(number & ~AS_32_BIT);
	regs.orig_rax = (unsigned long)-1;	/* no call that is to be made again */
	regs.rdi = arguments[0];
	regs.rsi = arguments[1];
	regs.rdx = arguments[2];
	regs.r10 = arguments[3];
	regs.r8 = arguments[4];
	regs.r9 = arguments[5];
	if (ptrace(PTRACE_POKETEXT, victim->pid, victim->place, code) ||
	    ptrace(PTRACE_SETREGS, victim->pid, 0, &regs) ||
	    ptrace(PTRACE_CONT, victim->pid, 0, 0))
		die("cannot make it call");
	status = wait_for(victim->pid);
	if (!WIFSTOPPED(status))
		return ENDED;
	if (ptrace(PTRACE_GETSIGINFO, victim->pid, 0, &info) ||
	    ptrace(PTRACE_GETREGS, victim->pid, 0, &regs))
		die("cannot see what came of it");
	*result = (long)regs.rax;
	if (WSTOPSIG(status) == SIGSYS && info.si_code == SYS_SECCOMP &&
	    info.si_syscall == (int)(number & ~AS_32_BIT))
		return REFUSED;
	if (WSTOPSIG(status) == SIGTRAP)
		return RETURNED;
	*result = WSTOPSIG(status);
	return SIGNALLED;
}

static long number_of(const char *name)
{
	char *end;
	long number;

	if (!strncmp(name, "32:", 3))
		return strtol(name + 3, NULL, 0) | AS_32_BIT;
	number = strtol(name, &end, 0);
	if (end != name && !*end)
		return number;
	number = seccomp_syscall_resolve_name(name);
	if (number >= 0)
		return number;
	fprintf(stderr, "%s: no system call\n", name);
	exit(125);
}

/* uretprobe and uprobe: from Linux 6.14 on they are none of a filter's business
 * (seccomp_uprobe_exception() in kernel/seccomp.c), and raise SIGILL where no probe made them. */
static bool no_filter_sees(long number)
{
	return number == 335 || number == 336;
}

static int all_but(struct victim *victim, char *const *names)
{
	static const unsigned long none[ARGUMENTS];
	bool left_out[NUMBERS] = { false };
	unsigned int refused = 0, returned = 0;
	long i, result;

	for (; *names; names++)
		left_out[number_of(*names) % NUMBERS] = true;
	for (i = 0; i < NUMBERS; i++) {
		if (left_out[i] || no_filter_sees(i))
			continue;
		if (make(victim, i, none, &result) == REFUSED)
			refused++;
		else if (++returned)
			printf("call %ld was made: %ld\n", i, result);
	}
	let_go(victim);
	printf("%u refused\n", refused);
	return returned > 0;
}

/* Descriptors that a worker has, or nobody. */
#define CHANNEL 3
#define NOBODYS 999
#define PAGE 4096

static const struct {
	const char *what;
	int call;
	bool made;		/* and not refused */
	unsigned long arguments[ARGUMENTS];
} rows[] = {
	{ "memory to be run", SYS_mmap, false,
	  { 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0 } },
	{ "memory to be written and run", SYS_mmap, false,
	  { 0, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0 } },
	{ "other memory", SYS_mmap, true,
	  { 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1UL, 0 } },
	{ "memory that may be run then", SYS_mprotect, false, { 0, PAGE, PROT_EXEC } },
	{ "other memory that may be read then", SYS_mprotect, true, { 1, PAGE, PROT_READ } },
	{ "VDUSE_CREATE_DEV", SYS_ioctl, false, { NOBODYS, VDUSE_CREATE_DEV } },
	{ "VDUSE_DESTROY_DEV", SYS_ioctl, false, { NOBODYS, VDUSE_DESTROY_DEV } },
	{ "VDUSE_SET_API_VERSION", SYS_ioctl, false, { NOBODYS, VDUSE_SET_API_VERSION } },
	{ "VDUSE_VQ_SETUP", SYS_ioctl, false, { NOBODYS, VDUSE_VQ_SETUP } },
	{ "VDUSE_VQ_GET_INFO", SYS_ioctl, true, { NOBODYS, VDUSE_VQ_GET_INFO } },
	{ "TIOCSTI", SYS_ioctl, false, { 0, 0x5412 } },
	{ "FIOASYNC", SYS_ioctl, false, { 0, 0x5452 } },
	{ "F_SETOWN", SYS_fcntl, false, { CHANNEL, F_SETOWN, 1 } },
	{ "F_NOTIFY", SYS_fcntl, false, { CHANNEL, 1026 } },
	{ "F_DUPFD", SYS_fcntl, false, { CHANNEL, F_DUPFD } },
	{ "F_SETFL", SYS_fcntl, false, { CHANNEL, F_SETFL, O_ASYNC } },
	{ "F_SETFD", SYS_fcntl, true, { CHANNEL, F_SETFD, FD_CLOEXEC } },
	{ "to whom it is not connected", SYS_sendto, false, { NOBODYS, 0, 0, 0, 1, 16 } },
	{ "to whom it is connected", SYS_sendto, true, { NOBODYS, 0, 0, 0, 0, 0 } },
	{ "and from whom it came", SYS_recvfrom, false, { NOBODYS, 0, 0, 0, 1, 1 } },
	{ "descriptors, elsewhere than to its supervisor", SYS_sendmsg, false, { NOBODYS } },
	{ "to its supervisor", SYS_sendmsg, true, { CHANNEL, 0, 0 } },
	{ "a lock that others inherit", SYS_futex, false, { 0, FUTEX_LOCK_PI } },
	{ "wake nobody", SYS_futex, true, { 0, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 0 } },
	{ "MADV_HUGEPAGE", SYS_madvise, false, { 0, 0, MADV_HUGEPAGE } },
	{ "MADV_DONTNEED", SYS_madvise, true, { 0, 0, MADV_DONTNEED } },
	{ "what SIGSYS does", SYS_rt_sigaction, false, { SIGSYS, 0, 0, 8 } },
	{ "what SIGBUS does", SYS_rt_sigaction, true, { SIGBUS, 0, 0, 8 } },
	{ "a signal to somebody", SYS_tgkill, false, { 2, 2, 0 } },
	{ "a signal to itself", SYS_tgkill, true, { 1, 1, 0 } },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int look_at_arguments(struct victim *victim)
{
	unsigned int refused = 0, wrong = 0;
	size_t i;
	long result = 0;

	for (i = 0; i < ROWS; i++) {
		enum outcome outcome = make(victim, rows[i].call, rows[i].arguments, &result);

		refused += outcome == REFUSED;
		if ((outcome == REFUSED) != rows[i].made)
			continue;
		wrong++;
		printf("call %d, %s: %s\n", rows[i].call, rows[i].what,
		       rows[i].made ? "was refused" : "was made");
	}
	let_go(victim);
	printf("%u refused, and %zu that may be made were\n", refused, ROWS - refused - wrong);
	return wrong > 0;
}

/* The text of an argument, on the victim's stack: its address. */
static unsigned long put(struct victim *victim, const char *text, unsigned long *place)
{
	unsigned long word, start;
	size_t i, length = strlen(text) + 1;

	*place -= (length + 7) & ~7ul;
	start = *place;
	for (i = 0; i < length; i += 8) {
		word = 0;
		memcpy(&word, text + i, length - i < 8 ? length - i : 8);
		if (ptrace(PTRACE_POKEDATA, victim->pid, start + i, word))
			die("PTRACE_POKEDATA");
	}
	return start;
}

static int make_one(struct victim *victim, const char *name, char *const *words)
{
	unsigned long arguments[ARGUMENTS] = { 0 }, place = (victim->regs.rsp - BEFORE_STACK) & ~7ul;
	enum outcome outcome;
	int status, i;
	long result;
	char *end;

	for (i = 0; i < ARGUMENTS && words[i]; i++) {
		arguments[i] = strtoul(words[i], &end, 0);
		if (end == words[i] || *end)
			arguments[i] = put(victim, words[i], &place);
	}
	outcome = make(victim, number_of(name), arguments, &result);
	if (outcome == RETURNED) {
		let_go(victim);
		printf("returned %ld\n", result);
		return 0;
	}
	if (outcome == REFUSED)
		result = SIGSYS;
	if (outcome != ENDED) {
		ptrace(PTRACE_CONT, victim->pid, 0, result);
		do
			status = wait_for(victim->pid);
		while (WIFSTOPPED(status) && !ptrace(PTRACE_CONT, victim->pid, 0, WSTOPSIG(status)));
	}
	printf("%sended\n", outcome == REFUSED ? "refused, and " : "");
	return 0;
}

int main(int argc, char **argv)
{
	struct victim victim;

	if (argc < 3)
		return 125;
	victim.pid = atoi(argv[1]);
	seize(&victim);
	if (!strcmp(argv[2], "but"))
		return all_but(&victim, argv + 3);
	if (!strcmp(argv[2], "arguments"))
		return look_at_arguments(&victim);
	return make_one(&victim, argv[2], argv + 3);
}

#else

int main(void)
{
	fprintf(stderr, "inside: not for this processor, or built without libseccomp\n");
	return 125;
}

#endif

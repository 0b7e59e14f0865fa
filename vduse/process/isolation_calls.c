// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/isolation_calls.h"

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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/vduse.h>

#include "vduse/process/isolation.h"

#ifdef HAVE_SECCOMP
#include <seccomp.h>

#define UP ISOLATION_SETTING_UP
#define SERVING ISOLATION_SERVING
#define BOTH (ISOLATION_SETTING_UP | ISOLATION_SERVING)

/* A call; with `argument` not negative, only where (argument & mask) == value. Rules about one
 * call stand together. */
struct allowed {
	int call;
	int stages;
	int argument;
	uint64_t mask, value;
};

#define ANY(name, stages) { SCMP_SYS(name), stages, -1, 0, 0 }
#define MASKED(name, stages, argument, mask, value) \
	{ SCMP_SYS(name), stages, argument, mask, value }
/* The kernel looks at 32 bits of an int, and of an ioctl's number. */
#define INT(name, stages, argument, value) MASKED(name, stages, argument, UINT32_MAX, value)
#define IOCTL(number, stages) INT(ioctl, stages, 1, number)
#define NULL_AT(name, stages, argument) MASKED(name, stages, argument, UINT64_MAX, 0)

#define MADV_GUARD 102		/* MADV_GUARD_INSTALL, from Linux 6.13 on */
#define FUTEX_COMMAND 0x7f	/* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */
#define NEW_NAMESPACES (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
			CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP)

/*
 * What is here is made by code of ours or of a C library in that stage. Those that Debian's
 * library on x86-64 does not make are marked: [other] is what another library or processor
 * does instead (musl; arm64 has no poll and no epoll_wait), [clock] is what the vDSO does
 * where the kernel's clock can be read in user space, [end] what comes of a failed check.
 */
static const struct allowed table[] = {
	/* waiting, and what is waited for */
	ANY(epoll_wait, BOTH), ANY(epoll_pwait, BOTH) /* [other] */, ANY(epoll_ctl, BOTH),
	ANY(poll, BOTH), ANY(ppoll, BOTH) /* [other] */, ANY(read, BOTH), ANY(write, BOTH),
	ANY(close, BOTH),
	/* a call that a stopped process goes on with */
	ANY(restart_syscall, BOTH),
	ANY(clock_gettime, BOTH) /* [clock] */, ANY(getcpu, BOTH) /* [clock] */,
	/* the processors of interrupts, in sysfs */
	ANY(sched_getaffinity, BOTH), ANY(pread64, BOTH), ANY(pwrite64, BOTH),
	/* the device */
	IOCTL(VDUSE_IOTLB_GET_FD, BOTH), IOCTL(VDUSE_TOOLS_IOTLB_GET_FD2, BOTH),
	IOCTL(VDUSE_IOTLB_GET_INFO, BOTH), IOCTL(VDUSE_IOTLB_REG_UMEM, BOTH),
	IOCTL(VDUSE_IOTLB_DEREG_UMEM, BOTH), IOCTL(VDUSE_DEV_GET_FEATURES, BOTH),
	IOCTL(VDUSE_DEV_SET_CONFIG, BOTH), IOCTL(VDUSE_DEV_INJECT_CONFIG_IRQ, BOTH),
	IOCTL(VDUSE_VQ_SETUP, UP), IOCTL(VDUSE_VQ_GET_INFO, BOTH),
	IOCTL(VDUSE_VQ_SETUP_KICKFD, BOTH), IOCTL(VDUSE_VQ_INJECT_IRQ, BOTH),
	/* its memory comes as descriptors without FD_CLOEXEC; those of a capture are asked */
	INT(fcntl, BOTH, 1, F_SETFD), INT(fcntl, UP, 1, F_GETFL), INT(fcntl, UP, 1, F_SETFL),
	/* memory: never to be run */
	MASKED(mmap, BOTH, 2, PROT_EXEC, 0), MASKED(mprotect, BOTH, 2, PROT_EXEC, 0),
	ANY(munmap, BOTH), ANY(mremap, BOTH), ANY(brk, BOTH),
	INT(madvise, BOTH, 2, MADV_DONTNEED), INT(madvise, BOTH, 2, MADV_FREE) /* [other] */,
	INT(madvise, BOTH, 2, MADV_GUARD) /* [other]: a thread's stack, from glibc 2.42 on */,
	/* those who ask at the control socket, to whom they are connected; and the supervisor */
	ANY(accept4, BOTH), NULL_AT(recvfrom, BOTH, 4), NULL_AT(sendto, BOTH, 4),
	INT(sendmsg, BOTH, 0, ISOLATION_DESCRIPTOR),
	/* a capture: its file, its thread, whose beginning may be late, and what they share */
	INT(lseek, BOTH, 2, SEEK_SET), INT(lseek, UP, 2, SEEK_CUR), ANY(ftruncate, BOTH),
	ANY(set_robust_list, BOTH), ANY(rseq, BOTH), ANY(exit, BOTH),
	MASKED(futex, BOTH, 1, FUTEX_COMMAND, FUTEX_WAIT),
	MASKED(futex, BOTH, 1, FUTEX_COMMAND, FUTEX_WAKE),
	MASKED(futex, BOTH, 1, FUTEX_COMMAND, FUTEX_WAIT_BITSET),
	MASKED(futex, BOTH, 1, FUTEX_COMMAND, FUTEX_REQUEUE) /* [other] */,
	/* signals: a page that is missing, and the end */
	ANY(rt_sigreturn, BOTH), ANY(rt_sigprocmask, BOTH), ANY(rt_sigaction, UP),
	INT(rt_sigaction, SERVING, 0, SIGBUS), ANY(exit_group, BOTH),
	/* [end] abort(), and what it says; only to ourselves */
	ANY(writev, BOTH), ANY(getpid, BOTH), ANY(gettid, BOTH), INT(tgkill, BOTH, 0, 0),
	/* only until it serves. Of a path nothing can be said here, but there is none */
	ANY(epoll_create1, UP), ANY(eventfd2, UP), ANY(signalfd4, UP),
	ANY(fstat, UP) /* [other] */, INT(newfstatat, UP, 3, AT_EMPTY_PATH),
	INT(sched_setscheduler, UP, 0, 0), INT(sched_getscheduler, UP, 0, 0),
	INT(prlimit64, UP, 0, 0), ANY(setrlimit, UP) /* [other] */,
	INT(prctl, UP, 0, PR_SET_NO_NEW_PRIVS), INT(seccomp, UP, 0, SECCOMP_SET_MODE_FILTER),
	MASKED(clone, UP, 0, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD),
};

#define CALLS (sizeof(table) / sizeof(table[0]))

/* Not one of several rules about the same call in that stage. */
static bool is_first(size_t i, int stage)
{
	size_t before = i;

	while (before && table[before - 1].call == table[i].call)
		if (table[--before].stages & stage)
			return false;
	return true;
}

static int add(scmp_filter_ctx filter, const struct allowed *rule)
{
	uint64_t value = rule->call == SCMP_SYS(tgkill) ? (uint64_t)getpid() : rule->value;

	if (rule->argument < 0)
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 0);
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 1,
				SCMP_CMP((unsigned int)rule->argument, SCMP_CMP_MASKED_EQ,
					 rule->mask, value));
}

static int build(scmp_filter_ctx filter, enum isolation_stage stage)
{
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	size_t i;

	/* calls as a 32-bit program makes them: the default ends the thread, and nobody is told */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRAP);
	/* clone3 keeps its flags where no filter sees them; the C library goes on with clone */
	if (rc == 0 && stage == ISOLATION_SETTING_UP)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	for (i = 0; i < CALLS && rc == 0; i++)
		if (table[i].stages & (int)stage)
			rc = add(filter, &table[i]);
	return rc == 0 ? seccomp_load(filter) : rc;
}

int isolation_filter(enum isolation_stage stage)
{
#ifdef __SANITIZE_ADDRESS__
	(void)build;
	(void)stage;
	return 0;
#else
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	int rc = filter ? build(filter, stage) : -ENOMEM;

	seccomp_release(filter);
	return -rc;
#endif
}

unsigned int isolation_count(enum isolation_stage stage)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < CALLS; i++)
		count += table[i].stages & (int)stage && is_first(i, (int)stage);
	return count;
}

int isolation_call_of(const siginfo_t *info)
{
	return info->si_arch == seccomp_arch_native() ? info->si_syscall : ISOLATION_FOREIGN;
}

void isolation_call_name(int number, char name[40])
{
	char *known = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	if (number == ISOLATION_FOREIGN)
		known = strdup("one of another architecture");
	snprintf(name, 40, "%s", known ? known : "");
	if (!known)
		snprintf(name, 40, "number %d", number);
	free(known);
}

#else /* without libseccomp */

int isolation_filter(enum isolation_stage stage)
{
	(void)stage;
	return ENOSYS;
}

unsigned int isolation_count(enum isolation_stage stage)
{
	(void)stage;
	return 0;
}

int isolation_call_of(const siginfo_t *info)
{
	return info->si_syscall;
}

void isolation_call_name(int number, char name[40])
{
	snprintf(name, 40, "number %d", number);
}

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/isolation_calls.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <linux/vduse.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>

#define UP ISOLATION_SETTING_UP
#define BOTH (ISOLATION_SETTING_UP | ISOLATION_SERVING)

/* A call; with `argument` not negative, only where (argument & mask) == value. */
struct allowed {
	int call;
	int stages;
	int argument;
	uint64_t mask, value;
};

#define ANY(name, stages) { SCMP_SYS(name), stages, -1, 0, 0 }
#define MASKED(name, stages, argument, mask, value) \
	{ SCMP_SYS(name), stages, argument, mask, value }
/* The kernel looks at 32 bits of an ioctl's number. */
#define IOCTL(number) MASKED(ioctl, BOTH, 1, UINT32_MAX, number)

static const struct allowed table[] = {
	/* waiting, and what is waited for */
	ANY(epoll_wait, BOTH), ANY(epoll_pwait, BOTH), ANY(epoll_ctl, BOTH), ANY(poll, BOTH),
	ANY(ppoll, BOTH), ANY(read, BOTH), ANY(write, BOTH), ANY(writev, BOTH),
	ANY(pread64, BOTH), ANY(pwrite64, BOTH), ANY(close, BOTH), ANY(futex, BOTH),
	ANY(clock_gettime, BOTH), ANY(clock_nanosleep, BOTH), ANY(sched_yield, BOTH), ANY(getcpu, BOTH),
	ANY(sched_getaffinity, BOTH),
	/* the device */
	IOCTL(VDUSE_IOTLB_GET_FD), IOCTL(VDUSE_DEV_GET_FEATURES), IOCTL(VDUSE_DEV_SET_CONFIG),
	IOCTL(VDUSE_DEV_INJECT_CONFIG_IRQ), IOCTL(VDUSE_VQ_SETUP), IOCTL(VDUSE_VQ_GET_INFO),
	IOCTL(VDUSE_VQ_SETUP_KICKFD), IOCTL(VDUSE_VQ_INJECT_IRQ), IOCTL(VDUSE_IOTLB_REG_UMEM),
	IOCTL(VDUSE_IOTLB_DEREG_UMEM), IOCTL(VDUSE_IOTLB_GET_INFO),
	IOCTL(VDUSE_TOOLS_IOTLB_GET_FD2),
	/* memory: never to be run */
	MASKED(mmap, BOTH, 2, PROT_EXEC, 0), MASKED(mprotect, BOTH, 2, PROT_EXEC, 0),
	ANY(munmap, BOTH), ANY(mremap, BOTH), ANY(madvise, BOTH), ANY(brk, BOTH),
	/* those who ask at the control socket, and the supervisor */
	ANY(accept4, BOTH), ANY(recvfrom, BOTH), ANY(recvmsg, BOTH), ANY(sendto, BOTH),
	ANY(sendmsg, BOTH), ANY(getsockopt, BOTH),
	/* the C library */
	ANY(fstat, BOTH), ANY(newfstatat, BOTH), ANY(lseek, BOTH), ANY(fcntl, BOTH),
	ANY(getpid, BOTH), ANY(gettid, BOTH), ANY(tgkill, BOTH), ANY(getrandom, BOTH),
	ANY(rt_sigreturn, BOTH), ANY(rt_sigprocmask, BOTH), ANY(restart_syscall, BOTH),
	ANY(exit, BOTH), ANY(exit_group, BOTH),
	/* a capture: its file, and the beginning of its thread, which may be late */
	ANY(ftruncate, BOTH), ANY(set_robust_list, BOTH), ANY(rseq, BOTH),
	/* only until it serves */
	ANY(epoll_create1, UP), ANY(eventfd2, UP), ANY(signalfd4, UP), ANY(rt_sigaction, UP),
	ANY(sigaltstack, UP), ANY(sched_setscheduler, UP), ANY(sched_getscheduler, UP),
	ANY(prlimit64, UP), ANY(setrlimit, UP), ANY(prctl, UP),
	ANY(seccomp, UP),
	MASKED(clone, UP, 0, CLONE_THREAD, CLONE_THREAD),
};

#define CALLS (sizeof(table) / sizeof(table[0]))

/* Not one of several rules about the same call. */
static int is_first(size_t i)
{
	return i == 0 || table[i].call != table[i - 1].call;
}

static int add(scmp_filter_ctx filter, const struct allowed *rule)
{
	if (rule->argument < 0)
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 0);
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->call, 1,
				SCMP_CMP((unsigned int)rule->argument, SCMP_CMP_MASKED_EQ,
					 rule->mask, rule->value));
}

static int build(scmp_filter_ctx filter, enum isolation_stage stage)
{
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	size_t i;

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
		count += table[i].stages & (int)stage && is_first(i);
	return count;
}

void isolation_call_name(int number, char name[40])
{
	char *known = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

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

void isolation_call_name(int number, char name[40])
{
	snprintf(name, 40, "number %d", number);
}

#endif

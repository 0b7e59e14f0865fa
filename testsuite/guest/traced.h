/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the programs that stop a command at its system calls (ptrace(2)): its start, with a filter
 * by which the kernel stops it, and all that it forks, at some calls and at no others
 * (SECCOMP_RET_TRACE in seccomp(2)).
 */
#ifndef TESTSUITE_GUEST_TRACED_H
#define TESTSUITE_GUEST_TRACED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#define TRACED_CALLS_MAX 64

struct traced_filter {
	const int *calls;
	size_t count;		/* TRACED_CALLS_MAX at most */
	bool others;		/* it is stopped at all calls but these */
	bool gains;		/* it may gain rights by a program; this takes root */
};

/* 0, or -1 and errno. */
static inline int traced_filter_calls(const struct traced_filter *stops)
{
	struct sock_filter filter[TRACED_CALLS_MAX + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { .len = (unsigned short)(stops->count + 3), .filter = filter };
	struct sock_filter *at = filter + 1;
	size_t i;

	/* to the last one, from each that is the call */
	for (i = 0; i < stops->count; i++)
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, stops->calls[i],
						     stops->count - i, 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, stops->others ? SECCOMP_RET_TRACE :
									      SECCOMP_RET_ALLOW);
	*at = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, stops->others ? SECCOMP_RET_ALLOW :
									    SECCOMP_RET_TRACE);
	if (!stops->gains && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/*
 * Start @command, stopped before it runs its program, which goes on by PTRACE_CONT. @options: of
 * PTRACE_SETOPTIONS. Its process; ends this program with 125 where it cannot be traced.
 */
static inline pid_t traced_start(char **command, const struct traced_filter *stops,
				 unsigned long options)
{
	pid_t child = stops->count <= TRACED_CALLS_MAX ? fork() : -1;
	int status;

	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		if (traced_filter_calls(stops))
			_exit(126);
		execvp(command[0], command);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 ||
	    ptrace(PTRACE_SETOPTIONS, child, 0, options) < 0) {
		perror("ptrace");
		exit(125);
	}
	return child;
}

#endif

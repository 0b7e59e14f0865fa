/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The system calls of a device process, by stage: a filter by libseccomp. */
#ifndef VDUSE_PROCESS_ISOLATION_CALLS_H
#define VDUSE_PROCESS_ISOLATION_CALLS_H

#include <signal.h>

enum isolation_stage {
	ISOLATION_SETTING_UP = 1,
	ISOLATION_SERVING = 2,
};

/*
 * Allow what is in the table for @stage, in all threads, for good; what is not raises SIGSYS.
 * 0, or positive errno: ENOSYS where the tool was built without libseccomp. Does nothing in a
 * build with the address sanitizer, which makes calls of its own.
 */
int isolation_filter(enum isolation_stage stage);

/* The number of calls that @stage allows. */
unsigned int isolation_count(enum isolation_stage stage);

/* The number of the system call that raised SIGSYS; for use in its handler. A call of another
 * architecture, which the kernel makes for 32-bit programs, has a number of ours. */
#define ISOLATION_FOREIGN (-2)
int isolation_call_of(const siginfo_t *info);

/* The name of the system call @number in @name, or its number. */
void isolation_call_name(int number, char name[40]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steps of a command that can block in the kernel, each in a child, under one deadline and
 * with an ear for signals.
 *
 * The command's own process never blocks: it holds SIGINT, SIGTERM, SIGHUP and SIGQUIT back,
 * waits for the child of each step, and kills it when the time is over or a signal came. So
 * it is there to undo what was done, whatever became of a step. A child ends with the
 * command's process, even when that is killed: what waits in the kernel for a device process
 * is killable (vduse_dev_msg_sync() in vduse_dev.c).
 */
#ifndef VDUSE_STEP_H
#define VDUSE_STEP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "vduse/hold.h"

struct pace {
	struct hold hold;
	int signals;		/* hold_descriptor(), or -1: signals wait for the end */
	int64_t end;		/* clock_ms() */
};

/* Hold signals back and begin to count: @milliseconds. 0, or negative with @failure.
 * pace_end() is due after success, and may end this process by a signal that came. */
int pace_begin(struct pace *pace, int64_t milliseconds, struct failure *failure);
void pace_end(struct pace *pace);

/* Milliseconds that are left, at most @most. */
int pace_left(const struct pace *pace, int most);

/* 0; -EINTR where a signal came, -ETIMEDOUT where the time is over, with @failure. */
int pace_check(const struct pace *pace, const char *name, struct failure *failure);

/* Wait until @fd can be read: 0; -EINTR where a signal came, -ETIMEDOUT after
 * @milliseconds or at the end of the time, another negative errno where poll(2) fails. */
int pace_wait(const struct pace *pace, int fd, int milliseconds);

/*
 * One step. @call runs in the child: it fills @answer, of @size bytes, which are the
 * parent's afterwards, and @failure. A process that it leaves behind closes @result_fd.
 */
struct step {
	int (*call)(void *context, int result_fd, void *answer, struct failure *failure);
	void *context;
	const char *name;	/* the device that it is about */
	void *answer;		/* NULL for none */
	size_t size;		/* bytes, STEP_ANSWER_MAX at most */
};

#define STEP_ANSWER_MAX 900

/*
 * Run @step. What its call returned, with @failure; or -EINTR and -ETIMEDOUT as
 * pace_check(), and -ECHILD for any other reason, where the child was killed: then how far it
 * came is not known, and @failure says which process the kernel waits for, as far as that can
 * be told, or what else was the reason.
 */
int step_run(const struct pace *pace, const struct step *step, struct failure *failure);

#endif

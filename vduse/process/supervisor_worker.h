/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor from inside: one worker, from its start to its end. */
#ifndef VDUSE_PROCESS_SUPERVISOR_WORKER_H
#define VDUSE_PROCESS_SUPERVISOR_WORKER_H

#include <signal.h>

#include "vduse/process/isolation.h"
#include "vduse/process/supervisor.h"

#define SUPERVISOR_MS UINT64_C(1000000)	/* nanoseconds */

struct supervisor {
	struct supervisor_plan *plan;
	struct isolation isolation;
	struct failure *failure;
	int signals;
	bool stopping;
	bool served;		/* some worker was ready */
	/* the worker of now */
	struct isolation_child child;
	int channel;
	bool failed;		/* it has said so */
	bool ready;		/* it serves */
	bool replaced;		/* it was asked to end, for one that is isolated in full */
	uint64_t since, ready_at;	/* it was started, and served */
	uint64_t pause_ms;	/* after the next death */
	unsigned int deaths;
	/* sentences of the period that began then, and those of it that nobody saw */
	uint64_t period;
	unsigned int reports, unreported;
	struct channel_message message;
};

/* Have the nodes open, or not any more. 0, or negative with the failure. */
int supervisor_open_nodes(struct supervisor *supervisor);
void supervisor_close_nodes(struct supervisor_plan *plan);

/*
 * Start a worker, open the nodes where they are not, and give them away; ours are to be closed
 * when it has them (CHANNEL_TAKEN), so that somebody has them open at any moment. 0, or negative
 * with the failure: where child.pidfd is not negative then, there is one to be ended.
 */
int supervisor_start_worker(struct supervisor *supervisor);

/* Send @signal to the worker of now; one that has ended already is none the worse for it. */
void supervisor_signal_worker(const struct supervisor *supervisor, int signal);

/* 0 when it has ended within @milliseconds (-1: at all), as @info says; -ETIMEDOUT. */
int supervisor_wait_worker(struct supervisor *supervisor, int milliseconds, siginfo_t *info);

/* End it: it is gone afterwards, whatever it does. Forget one that has ended, when all that it
 * said was heard. */
void supervisor_end_worker(struct supervisor *supervisor);
void supervisor_forget_worker(struct supervisor *supervisor);

#endif

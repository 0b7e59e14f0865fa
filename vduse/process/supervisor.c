// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/again.h"
#include "vduse/process/eventloop.h"
#include "vduse/process/isolation_calls.h"
#include "vduse/process/supervisor_worker.h"
#include "vduse/process/worker.h"

#define PAUSE_MS 10
#define PAUSE_MS_MAX 2000
/* A worker that has served for so long did not fall over what it found: starting the next one at
 * once takes a small part of that time. */
#define LIFE_MS 250
/* So long a network namespace is waited for; longer, and rtnl is held by somebody: for us, where
 * a control message waits. */
#define NETWORK_MS 3000
#define NETWORK_MESSAGE_MS 100
/* So long a worker may take until it serves. */
#define START_MS 30000
/* So many sentences are reported in so long: a worker may have no end of them, or of deaths. */
#define REPORTS 20
#define REPORTS_MS 10000
/* Messages that are taken in at once. */
#define MESSAGES 16

/* What became of a worker. */
enum outcome {
	WORKER_WORKS,
	WORKER_ENDED,		/* it was asked to */
	WORKER_GAVE_UP,		/* it said why: the failure */
	WORKER_DIED,
};

static void say(struct supervisor *supervisor, unsigned int index, const char *sentence)
{
	const struct supervisor_plan *plan = supervisor->plan;

	plan->report(plan->context, plan->devices[index].name, sentence);
}

static void say_unreported(struct supervisor *supervisor)
{
	char sentence[80];

	if (!supervisor->unreported)
		return;
	snprintf(sentence, sizeof(sentence), "%u sentences more were not reported",
		 supervisor->unreported);
	supervisor->unreported = 0;
	say(supervisor, 0, sentence);
}

static void report(struct supervisor *supervisor, unsigned int index, const char *sentence)
{
	uint64_t now = eventloop_now();

	if (now - supervisor->period >= REPORTS_MS * SUPERVISOR_MS) {
		supervisor->period = now;
		supervisor->reports = 0;
		say_unreported(supervisor);
	}
	if (supervisor->reports >= REPORTS) {
		supervisor->unreported++;
		return;
	}
	supervisor->reports++;
	say(supervisor, index, sentence);
}

static void on_lacking(void *context, const char *sentence)
{
	report(context, 0, sentence);
}

static int on_ready(struct supervisor *supervisor)
{
	int rc;

	if (!supervisor->ready)
		supervisor->ready_at = eventloop_now();
	supervisor->ready = true;
	if (supervisor->served)
		return 0;
	supervisor->served = true;
	rc = supervisor->plan->ready(supervisor->plan->context);
	return rc < 0 ? failure_errno(supervisor->failure, -rc, NULL,
				      "cannot say that it is ready") : 0;
}

static void on_forbidden(struct supervisor *supervisor)
{
	char name[40], sentence[120];

	isolation_call_name((int)supervisor->message.device, name);
	snprintf(sentence, sizeof(sentence), "its worker made a system call that it may not "
		 "make, %s, and was ended", name);
	report(supervisor, 0, sentence);
}

/* What the worker says is a claim: it names one of our devices, or is not listened to. */
static int on_message(struct supervisor *supervisor)
{
	const struct supervisor_plan *plan = supervisor->plan;
	const struct channel_message *message = &supervisor->message;
	unsigned int device = message->device;

	switch ((enum channel_kind)message->kind) {
	case CHANNEL_TAKEN:
		supervisor_close_nodes(supervisor->plan);
		return 0;
	case CHANNEL_READY:
		return on_ready(supervisor);
	case CHANNEL_REPORT:
		if (device < plan->plan.count)
			report(supervisor, device, message->sentence);
		return 0;
	case CHANNEL_COUNTERS:
		if (device < plan->plan.count && plan->count_device)
			plan->count_device(plan->context, plan->devices[device].name,
					   &message->counters);
		return 0;
	case CHANNEL_FORBIDDEN:
		on_forbidden(supervisor);
		return 0;
	case CHANNEL_FAILURE:
		*supervisor->failure = message->failure;
		supervisor->failed = true;
		return 0;
	default:
		return 0;
	}
}

/* What it has said, up to so much that signals are looked at in between; and all that it said,
 * when it has ended. */
static int listen_to_worker(struct supervisor *supervisor, unsigned int most)
{
	int rc = 0;

	while (rc == 0 && most--) {
		rc = channel_receive(supervisor->channel, &supervisor->message, NULL, 0, NULL);
		if (rc == 0)
			rc = on_message(supervisor);
		else if (rc == -EBADMSG)
			rc = 0;
		else
			return 0;
	}
	return rc;
}

static void on_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGUSR1)
			supervisor->stopping = true;
		else if (supervisor->child.pidfd >= 0)
			supervisor_signal_worker(supervisor, SIGUSR1);
	}
}

static void describe_death(const struct supervisor *supervisor, const siginfo_t *info,
			   char text[120])
{
	bool killed = info->si_code != CLD_EXITED;

	snprintf(text, 120, "its worker %d ended %s %d%s%s", (int)supervisor->child.pid,
		 killed ? "by signal" : "with status", info->si_status, killed ? ", " : "",
		 killed ? strsignal(info->si_status) : "");
}

/* Another one follows, where it can have the node. */
static enum outcome report_death(struct supervisor *supervisor, const siginfo_t *info)
{
	char text[120], sentence[200];

	describe_death(supervisor, info, text);
	if (!supervisor->plan->open_node) {
		failure_set(supervisor->failure, STATUS_FAILED, ECHILD,
			    supervisor->plan->devices[0].name,
			    "%s, and with it went the descriptor that was handed over", text);
		failure_hint(supervisor->failure, "the device is still there: open its node anew, "
			     "and hand that over");
		return WORKER_GAVE_UP;
	}
	snprintf(sentence, sizeof(sentence), "%s; another one goes on (%u so far)", text,
		 ++supervisor->deaths);
	report(supervisor, 0, sentence);
	return WORKER_DIED;
}

static enum outcome outcome_of(struct supervisor *supervisor)
{
	siginfo_t info;

	if (supervisor_wait_worker(supervisor, -1, &info) < 0)
		return WORKER_DIED;
	listen_to_worker(supervisor, UINT_MAX);
	if (supervisor->failed)
		return WORKER_GAVE_UP;
	if (info.si_code == CLD_EXITED && info.si_status == WORKER_ASKED)
		return supervisor->replaced ? WORKER_DIED : WORKER_ENDED;
	return supervisor->served ? report_death(supervisor, &info) : WORKER_DIED;
}

/* The network namespace is there: a worker that began without one makes room. */
static int on_network(struct supervisor *supervisor)
{
	int rc = isolation_network_take(&supervisor->isolation, supervisor->failure);

	if (rc < 0 || supervisor->isolation.network < 0 || !supervisor->ready)
		return rc;
	supervisor->replaced = true;
	supervisor_signal_worker(supervisor, SIGTERM);
	return 0;
}

/* Milliseconds until a worker that does not come to serve is given up; -1: it serves. */
static int patience(const struct supervisor *supervisor)
{
	uint64_t now = eventloop_now(), end = supervisor->since + START_MS * SUPERVISOR_MS;

	if (supervisor->ready)
		return -1;
	return now < end ? (int)((end - now + SUPERVISOR_MS - 1) / SUPERVISOR_MS) : 0;
}

/* Until the worker has ended, or somebody wants it to end; negative: we cannot go on. */
static int watch_worker(struct supervisor *supervisor, enum outcome *outcome)
{
	struct pollfd pollfds[] = {
		{ .fd = supervisor->signals, .events = POLLIN },
		{ .fd = supervisor->channel, .events = POLLIN },
		{ .fd = supervisor->child.pidfd, .events = POLLIN },
		{ .events = POLLIN },
	};
	int rc = 0, count;

	*outcome = WORKER_WORKS;
	while (rc == 0 && !supervisor->stopping && *outcome == WORKER_WORKS) {
		/* asked for again until it is there, once the worker of now serves */
		pollfds[3].fd = supervisor->ready ? supervisor->isolation.network_wait : -1;
		count = poll(pollfds, 4, patience(supervisor));
		if (count < 0 && errno != EINTR)
			return failure_errno(supervisor->failure, errno, NULL,
					     "cannot wait for events");
		if (count == 0)
			supervisor_signal_worker(supervisor, SIGKILL);
		if (pollfds[0].revents)
			on_signals(supervisor);
		if (pollfds[1].revents & POLLHUP)
			pollfds[1].fd = -1;	/* it closed it, or is ending */
		if (pollfds[1].revents)
			rc = listen_to_worker(supervisor, MESSAGES);
		if (rc == 0 && pollfds[3].revents)
			rc = on_network(supervisor);
		if (rc == 0 && pollfds[2].revents)
			*outcome = outcome_of(supervisor);
	}
	return rc;
}

/* The nodes, in @pollfds: does a control message wait? Nobody reads it, the worker is to. */
static void poll_nodes(const struct supervisor_plan *plan, struct pollfd pollfds[CHANNEL_DEVICES])
{
	unsigned int i;

	for (i = 0; i < plan->plan.count; i++)
		pollfds[i] = (struct pollfd){ .fd = plan->devices[i].node, .events = POLLIN };
}

/* Or until a control message waits. */
static void pause_until(struct supervisor *supervisor, uint64_t end)
{
	struct supervisor_plan *plan = supervisor->plan;
	struct pollfd pollfds[1 + CHANNEL_DEVICES] = {
		{ .fd = supervisor->signals, .events = POLLIN },
	};
	uint64_t now = eventloop_now();
	int rc = 0;

	poll_nodes(plan, &pollfds[1]);
	while (rc <= 0 && now < end && !supervisor->stopping) {
		rc = poll(pollfds, 1 + plan->plan.count,
			  (int)((end - now + SUPERVISOR_MS - 1) / SUPERVISOR_MS));
		if (rc > 0 && pollfds[0].revents) {
			on_signals(supervisor);
			rc = 0;
		}
		now = eventloop_now();
	}
}

/* Nobody has died where a worker made room for another one. */
static uint64_t next_pause(struct supervisor *supervisor, uint64_t now)
{
	bool lived = supervisor->ready && now - supervisor->ready_at >= LIFE_MS * SUPERVISOR_MS;
	uint64_t pause = lived || supervisor->replaced ? 0 : supervisor->pause_ms;

	supervisor->pause_ms = pause ? pause * 2 : PAUSE_MS;
	if (supervisor->pause_ms > PAUSE_MS_MAX)
		supervisor->pause_ms = PAUSE_MS_MAX;
	return pause;
}

/* Between a death and the next start. The node is ours meanwhile: opened anew, so that the
 * messages that were not answered are handed out again. */
static int take_pause(struct supervisor *supervisor)
{
	uint64_t now = eventloop_now(), pause = next_pause(supervisor, now);
	int rc;

	supervisor_close_nodes(supervisor->plan);
	rc = supervisor_open_nodes(supervisor);
	if (rc == 0)
		pause_until(supervisor, now + pause * SUPERVISOR_MS);
	return rc;
}

/* One worker after the other. */
static int run(struct supervisor *supervisor)
{
	enum outcome outcome = WORKER_DIED;
	int rc = 0;

	while (rc == 0 && !supervisor->stopping && outcome == WORKER_DIED) {
		rc = supervisor_start_worker(supervisor);
		if (rc == 0)
			rc = watch_worker(supervisor, &outcome);
		if (supervisor->child.pidfd < 0)
			break;
		if (rc < 0 || outcome == WORKER_WORKS) {
			supervisor_end_worker(supervisor);
			listen_to_worker(supervisor, UINT_MAX);
			supervisor_forget_worker(supervisor);
			break;
		}
		supervisor_forget_worker(supervisor);
		if (outcome == WORKER_GAVE_UP)
			rc = supervisor->failure->errnum ? -supervisor->failure->errnum : -EINVAL;
		else if (outcome == WORKER_DIED && !supervisor->served)
			rc = failure_set(supervisor->failure, STATUS_FAILED, ECHILD, NULL,
					 "the device process ended before it was ready");
		else if (outcome == WORKER_DIED)
			rc = take_pause(supervisor);
	}
	return rc;
}

/* Is the network namespace there? The only worker that there will be has more time for it. */
static bool wait_network(struct supervisor *supervisor)
{
	struct supervisor_plan *plan = supervisor->plan;
	bool only = !plan->open_node;
	struct pollfd pollfds[2 + CHANNEL_DEVICES] = {
		{ .fd = supervisor->isolation.network_wait, .events = POLLIN },
		{ .fd = supervisor->signals, .events = POLLIN },
	};

	poll_nodes(plan, &pollfds[2]);
	if (AGAIN(poll(pollfds, 2 + plan->plan.count, only ? START_MS : NETWORK_MS)) <= 0)
		return false;
	on_signals(supervisor);
	if (supervisor->stopping)
		return false;
	return pollfds[0].revents ||
	       AGAIN(poll(pollfds, 1, only ? NETWORK_MS : NETWORK_MESSAGE_MS)) > 0;
}

/* In a user namespace nobody else exists whom the worker could become. */
static int prepare(struct supervisor *supervisor)
{
	struct channel_plan *plan = &supervisor->plan->plan;
	struct isolation *isolation = &supervisor->isolation;
	int rc = isolation_prepare(isolation, supervisor->failure);

	if (rc == 0 && isolation->user_namespace) {
		plan->uid = geteuid();
		plan->gid = getegid();
	}
	if (rc == 0)
		rc = isolation_network_ask(isolation, supervisor->failure);
	if (rc == 0 && wait_network(supervisor))
		rc = isolation_network_take(isolation, supervisor->failure);
	else if (rc == 0 && !supervisor->plan->open_node && !supervisor->stopping)
		rc = isolation_network_forgo(isolation, supervisor->failure);
	return rc;
}

int supervise(struct supervisor_plan *plan, struct failure *failure)
{
	struct supervisor supervisor = {
		.plan = plan,
		.failure = failure,
		.isolation = { .insist = plan->plan.insist, .lacking = on_lacking },
		.child = { .pidfd = -1 },
		.channel = -1,
		.signals = eventloop_open_signals(),
	};
	int rc;

	supervisor.isolation.context = &supervisor;
	if (supervisor.signals < 0) {
		supervisor_close_nodes(plan);
		return failure_errno(failure, -supervisor.signals, NULL, "cannot wait for events");
	}
	rc = prepare(&supervisor);
	if (rc == 0)
		rc = run(&supervisor);
	say_unreported(&supervisor);
	isolation_end(&supervisor.isolation);
	supervisor_close_nodes(plan);
	close(supervisor.signals);
	return rc;
}

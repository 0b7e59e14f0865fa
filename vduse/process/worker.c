// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/again.h"
#include "vduse/process/channel.h"
#include "vduse/process/isolation.h"
#include "vduse/process/isolation_calls.h"
#include "vduse/process/serve.h"

#define PLAN_MS 10000

/* The one message that is sent again and again is kept: it is not small. */
struct worker {
	struct channel_message message;
	struct channel_plan plan;
	struct serve_plan serve;
	struct isolation isolation;
	struct journal_port *journal;
};

/* Told or not: whoever does not listen is not waited for. */
static int tell(struct worker *worker, enum channel_kind kind)
{
	worker->message.kind = kind;
	return channel_send(ISOLATION_DESCRIPTOR, &worker->message, NULL, 0);
}

static unsigned int index_of(const struct worker *worker, const char *name)
{
	return worker->plan.count == 2 && !strcmp(name, worker->plan.devices[1].name);
}

static int on_ready(void *context)
{
	return tell(context, CHANNEL_READY);
}

static void on_report(void *context, const char *name, const char *sentence)
{
	struct worker *worker = context;

	worker->message.device = index_of(worker, name);
	snprintf(worker->message.sentence, sizeof(worker->message.sentence), "%s", sentence);
	tell(worker, CHANNEL_REPORT);
}

static void on_lacking(void *context, const char *sentence)
{
	struct worker *worker = context;

	on_report(worker, worker->plan.devices[0].name, sentence);
}

static void on_count(void *context, const char *name, const struct port_counters *counters)
{
	struct worker *worker = context;

	worker->message.device = index_of(worker, name);
	worker->message.counters = *counters;
	tell(worker, CHANNEL_COUNTERS);
}

static int on_settled(void *context, struct failure *failure)
{
	struct worker *worker = context;

	return isolation_confine(&worker->isolation, failure);
}

/* A call that the filter does not allow. Only the stack is used, and calls that it allows. */
static void on_forbidden(int signal, siginfo_t *info, void *machine)
{
	struct channel_message message;

	(void)signal;
	(void)machine;
	memset(&message, 0, sizeof(message));
	message.kind = CHANNEL_FORBIDDEN;
	message.device = (uint32_t)isolation_call_of(info);
	channel_send(ISOLATION_DESCRIPTOR, &message, NULL, 0);
	_exit(128 + SIGSYS);
}

/* The first process of a PID namespace gets no signal from itself that it does not handle, and
 * abort() would try its next way to end. */
static void on_abort(int signal)
{
	_exit(128 + signal);
}

static int watch_calls(void)
{
	struct sigaction action = { .sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO };
	struct sigaction aborted = { .sa_handler = on_abort };

	return sigaction(SIGSYS, &action, NULL) || sigaction(SIGABRT, &aborted, NULL) ? -errno : 0;
}

/* The descriptors, in the order of channel_plan.descriptors: the next one, or -1. */
struct given {
	const int *fds;
	unsigned int next, count;
	uint32_t which;
	unsigned int bit;
};

static int take(struct given *given)
{
	bool there = given->which >> given->bit++ & 1;

	return there && given->next < given->count ? given->fds[given->next++] : -1;
}

/* The journal of both devices, shared with who comes after us. */
static int map_journal(struct worker *worker, int fd)
{
	void *memory;

	if (fd < 0)
		return -EBADMSG;
	memory = mmap(NULL, JOURNAL_PORTS * sizeof(*worker->journal), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, JOURNAL_OFFSET);
	close(fd);
	if (memory == MAP_FAILED)
		return -errno;
	worker->journal = memory;
	return 0;
}

static int take_descriptors(struct worker *worker, struct given *given)
{
	struct serve_plan *serve = &worker->serve;
	unsigned int i, j;
	int rc = map_journal(worker, take(given));

	serve->pcap_fd = take(given);
	for (i = 0; i < CHANNEL_DEVICES; i++) {
		struct serve_device *device = &serve->devices[i];

		device->name = worker->plan.devices[i].name;
		device->mtu = worker->plan.devices[i].mtu;
		device->has_link = worker->plan.devices[i].has_link;
		device->journal = rc < 0 ? NULL : &worker->journal[i];
		device->fd = take(given);
		device->control_fd = take(given);
		for (j = 0; j < SESSION_QUEUES; j++)
			device->affinity[j] = take(given);
	}
	return rc;
}

/* From our supervisor, who started us and sent it: it is believed. */
static int receive_plan(struct worker *worker)
{
	struct pollfd channel = { .fd = ISOLATION_DESCRIPTOR, .events = POLLIN };
	int fds[CHANNEL_DESCRIPTORS], rc;
	struct given given = { .fds = fds };

	rc = AGAIN(poll(&channel, 1, PLAN_MS));
	if (rc <= 0)
		return rc < 0 ? rc : -ETIMEDOUT;
	rc = channel_receive(ISOLATION_DESCRIPTOR, &worker->message, fds, CHANNEL_DESCRIPTORS,
			     &given.count);
	if (rc == 0 && worker->message.kind != CHANNEL_PLAN)
		rc = -EBADMSG;
	if (rc < 0)
		return rc;
	worker->plan = worker->message.plan;
	tell(worker, CHANNEL_TAKEN);
	given.which = worker->plan.descriptors;
	return take_descriptors(worker, &given);
}

static void make_plans(struct worker *worker)
{
	const struct channel_plan *plan = &worker->plan;
	struct serve_plan *serve = &worker->serve;

	serve->count = plan->count;
	serve->queue_size = plan->queue_size;
	serve->poll_ns = plan->poll_ns;
	serve->umem = plan->umem;
	serve->processors = (long)plan->processors;
	serve->pid = plan->pid;
	serve->context = worker;
	serve->settled = on_settled;
	serve->ready = on_ready;
	serve->report = on_report;
	serve->count_device = on_count;
	worker->isolation = (struct isolation){
		.uid = plan->uid,
		.gid = plan->gid,
		.namespaces = (unsigned long)plan->namespaces,
		.named = plan->named,
		.writes_files = serve->pcap_fd >= 0,
		.insist = plan->insist,
		.lacking = on_lacking,
		.context = worker,
	};
}

/* The supervisor may have gone before we asked to end with it. */
static bool is_orphan(void)
{
	struct pollfd channel = { .fd = ISOLATION_DESCRIPTOR };

	return poll(&channel, 1, 0) > 0 && channel.revents & POLLHUP;
}

static int work(struct worker *worker, struct failure *failure)
{
	int rc = isolation_empty();

	if (rc == 0)
		rc = watch_calls();
	if (rc < 0)
		return failure_errno(failure, -rc, NULL, "cannot begin to serve");
	rc = receive_plan(worker);
	if (rc < 0)
		return failure_errno(failure, -rc, NULL, "cannot learn what to serve");
	make_plans(worker);
	rc = isolation_enter(&worker->isolation, failure);
	if (rc == 0 && is_orphan())
		rc = failure_set(failure, STATUS_FAILED, ECHILD, NULL, "the supervisor has gone");
	return rc < 0 ? rc : serve_run(&worker->serve, failure);
}

bool worker_is_one(void)
{
	struct stat status;

	return fstat(ISOLATION_DESCRIPTOR, &status) == 0 && S_ISSOCK(status.st_mode);
}

int worker_main(void)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	struct failure failure = { .status = STATUS_OK };
	int rc;

	prctl(PR_SET_NAME, "vduse");
	if (!worker)
		return STATUS_FAILED;
	rc = work(worker, &failure);
	if (rc < 0) {
		worker->message.failure = failure;
		tell(worker, CHANNEL_FAILURE);
	}
	free(worker);
	return rc < 0 ? (int)failure.status : WORKER_ASKED;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/supervisor_worker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/again.h"
#include "vduse/process/eventloop.h"
#include "vduse/process/worker.h"

/* A worker that was asked to end has this long. */
#define END_MS 3000

void supervisor_close_nodes(struct supervisor_plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->plan.count; i++) {
		if (plan->devices[i].node >= 0)
			close(plan->devices[i].node);
		plan->devices[i].node = -1;
	}
}

int supervisor_open_nodes(struct supervisor *supervisor)
{
	struct supervisor_plan *plan = supervisor->plan;
	unsigned int i;

	for (i = 0; i < plan->plan.count; i++) {
		struct supervisor_device *device = &plan->devices[i];

		if (device->node < 0)
			device->node = plan->open_node(plan->context, i, supervisor->failure);
		if (device->node < 0)
			return device->node;
	}
	return 0;
}

/* The next descriptor of channel_plan.descriptors, if there is one. */
struct handed {
	int fds[CHANNEL_DESCRIPTORS];
	unsigned int count, bit;
	uint32_t which;
};

static void hand(struct handed *handed, int fd)
{
	if (fd >= 0) {
		handed->fds[handed->count++] = fd;
		handed->which |= UINT32_C(1) << handed->bit;
	}
	handed->bit++;
}

static int send_plan(struct supervisor *supervisor)
{
	const struct supervisor_plan *plan = supervisor->plan;
	struct handed handed = { .count = 0 };
	unsigned int i, j;

	hand(&handed, plan->journal_fd);
	hand(&handed, plan->pcap_fd);
	for (i = 0; i < CHANNEL_DEVICES; i++) {
		const struct supervisor_device *device = &plan->devices[i];
		bool there = i < plan->plan.count;

		hand(&handed, there ? device->node : -1);
		hand(&handed, there ? device->control_fd : -1);
		for (j = 0; j < SESSION_QUEUES; j++)
			hand(&handed, there ? device->affinity[j] : -1);
	}
	supervisor->message.kind = CHANNEL_PLAN;
	supervisor->message.plan = plan->plan;
	supervisor->message.plan.descriptors = handed.which;
	supervisor->message.plan.namespaces = supervisor->isolation.namespaces;
	return channel_send(supervisor->channel, &supervisor->message, handed.fds, handed.count);
}

/* One that has died already is no reason not to go on: it is found dead later. */
static int tell_plan(struct supervisor *supervisor)
{
	int rc = send_plan(supervisor);

	if (rc == 0 || rc == -EPIPE || rc == -ECONNRESET)
		return 0;
	return failure_errno(supervisor->failure, -rc, NULL,
			     "cannot tell the device process what to serve");
}

/* The names are for those who look at a list of processes. */
static int spawn(struct supervisor *supervisor, int channel)
{
	const struct supervisor_plan *plan = supervisor->plan;
	char *arguments[CHANNEL_DEVICES + 3] = { (char *)"vduse", (char *)WORKER_ARGUMENT };
	unsigned int i;

	for (i = 0; i < plan->plan.count; i++)
		arguments[i + 2] = (char *)(uintptr_t)plan->devices[i].name;
	return isolation_spawn(&supervisor->isolation, arguments, channel, &supervisor->child,
			       supervisor->failure);
}

int supervisor_start_worker(struct supervisor *supervisor)
{
	int rc, ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return failure_errno(supervisor->failure, errno, NULL, "cannot make a channel");
	supervisor->channel = ends[0];
	supervisor->failed = supervisor->ready = supervisor->replaced = false;
	supervisor->since = eventloop_now();
	rc = spawn(supervisor, ends[1]);
	close(ends[1]);
	if (rc < 0) {
		close(supervisor->channel);
		return rc;
	}
	rc = supervisor_open_nodes(supervisor);
	return rc < 0 ? rc : tell_plan(supervisor);
}

void supervisor_signal_worker(const struct supervisor *supervisor, int signal)
{
	syscall(SYS_pidfd_send_signal, supervisor->child.pidfd, signal, NULL, 0);
}

/* Is it over within so long? waitid() takes no time-out. */
static bool has_ended(const struct supervisor *supervisor, int milliseconds)
{
	struct pollfd pollfd = { .fd = supervisor->child.pidfd, .events = POLLIN };

	return AGAIN(poll(&pollfd, 1, milliseconds)) > 0;
}

int supervisor_wait_worker(struct supervisor *supervisor, int milliseconds, siginfo_t *info)
{
	if (milliseconds >= 0 && !has_ended(supervisor, milliseconds))
		return -ETIMEDOUT;
	memset(info, 0, sizeof(*info));
	return AGAIN(waitid(P_PIDFD, (id_t)supervisor->child.pidfd, info, WEXITED));
}

void supervisor_forget_worker(struct supervisor *supervisor)
{
	close(supervisor->child.pidfd);
	close(supervisor->channel);
	supervisor->child.pidfd = supervisor->channel = -1;
}

void supervisor_end_worker(struct supervisor *supervisor)
{
	siginfo_t info;

	supervisor_signal_worker(supervisor, SIGCONT);
	supervisor_signal_worker(supervisor, SIGTERM);
	if (supervisor_wait_worker(supervisor, END_MS, &info) < 0) {
		supervisor_signal_worker(supervisor, SIGKILL);
		supervisor_wait_worker(supervisor, -1, &info);
	}
}

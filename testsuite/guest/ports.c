// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ports PREFIX COUNT
 *
 * Serves the network devices PREFIX0 to PREFIX(COUNT-1), which exist, as loopback devices,
 * all in one process with one event loop, until it is killed; "vduse loopback" serves one,
 * or two. A driver that another process served before goes on. Says "ready PID" on standard
 * output when the last one is served. For the benchmark of cost as work grows.
 */
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/vduse_control.h"
#include "vduse/device/port.h"
#include "vduse/process/eventloop.h"

#define QUEUE_SIZE 256
#define RETRY_NS UINT64_C(1000000)

#define owner_of(pointer, member) \
	((struct served *)((char *)(pointer) - offsetof(struct served, member)))

struct served {
	struct eventloop *loop;
	struct port port;
	struct watch node;
	struct watch kick[SESSION_QUEUES];
	struct task forward;
	struct task retry;
};

static void wake(void *context)
{
	struct served *served = context;

	served->forward.due = 0;
}

static void report(void *context, const char *sentence)
{
	(void)context;
	warnx("%s", sentence);
}

static const struct port_owner owner = { .wake = wake, .report = report, .event = NULL };

static void owe_interrupts(struct served *served)
{
	if (session_owes(&served->port.session))
		served->retry.due = eventloop_now() + RETRY_NS;
}

static void on_retry(struct task *task)
{
	struct served *served = owner_of(task, retry);

	if (session_retry(&served->port.session))
		task->due = eventloop_now() + RETRY_NS;
}

static void on_forward(struct task *task)
{
	struct served *served = owner_of(task, forward);

	task->due = port_forward(&served->port, served->loop->now);
	owe_interrupts(served);
}

static void on_node(struct watch *watch, uint32_t events)
{
	struct served *served = owner_of(watch, node);

	if (events & EPOLLERR || session_handle_messages(&served->port.session) < 0)
		errx(1, "a device is broken");
}

static void on_transmit_kick(struct watch *watch, uint32_t events)
{
	struct served *served = owner_of(watch, kick[PORT_TRANSMITQ]);

	(void)events;
	session_take_kick(&served->port.session, PORT_TRANSMITQ);
	wake(served);
}

static void on_receive_kick(struct watch *watch, uint32_t events)
{
	struct served *served = owner_of(watch, kick[PORT_RECEIVEQ]);

	(void)events;
	session_take_kick(&served->port.session, PORT_RECEIVEQ);
	wake(served);
}

static void wait_for(struct served *served, struct watch *watch, int fd,
		     void (*ready)(struct watch *watch, uint32_t events))
{
	*watch = (struct watch){ fd, ready };
	if (eventloop_watch(served->loop, watch, EPOLLIN))
		err(1, "epoll");
}

static void serve(struct served *served, struct eventloop *loop, const char *name)
{
	const struct session *session = &served->port.session;
	struct failure failure;
	int fd = vduse_node_open(name, &failure);

	if (fd < 0)
		errx(1, "%s: %s", name, failure.message);
	served->loop = loop;
	errno = -port_open(&served->port, fd, QUEUE_SIZE, 0, NULL, &owner, served);
	if (errno)
		err(1, "%s", name);
	served->forward = (struct task){ .due = EVENTLOOP_NEVER, .run = on_forward };
	served->retry = (struct task){ .due = EVENTLOOP_NEVER, .run = on_retry };
	eventloop_add_task(loop, &served->forward);
	eventloop_add_task(loop, &served->retry);
	wait_for(served, &served->node, fd, on_node);
	wait_for(served, &served->kick[PORT_RECEIVEQ], session->queues[PORT_RECEIVEQ].kick_fd,
		 on_receive_kick);
	wait_for(served, &served->kick[PORT_TRANSMITQ], session->queues[PORT_TRANSMITQ].kick_fd,
		 on_transmit_kick);
	if (session_resume(&served->port.session) < 0)
		errx(1, "%s: cannot go on serving its driver", name);
	owe_interrupts(served);
}

int main(int argc, char **argv)
{
	const struct rlimit limit = { 65536, 65536 };
	const struct sched_param none = { 0 };
	long i, count = argc == 3 ? atol(argv[2]) : 0;
	struct served *served;
	struct eventloop loop;
	char name[64];

	if (count < 1)
		errx(2, "Usage: ports PREFIX COUNT");
	setrlimit(RLIMIT_NOFILE, &limit);
	served = calloc((size_t)count, sizeof(*served));
	if (!served || eventloop_open(&loop))
		err(1, "cannot serve");
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s%ld", argv[1], i);
		serve(&served[i], &loop, name);
	}
	sched_setscheduler(0, SCHED_BATCH, &none);	/* as vduse loopback does */
	printf("ready %d\n", getpid());
	fflush(stdout);
	return eventloop_run(&loop) < 0;
}

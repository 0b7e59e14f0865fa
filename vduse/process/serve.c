// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/serve.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vduse/process/interrupts.h"
#include "vduse/process/privilege.h"
#include "vduse/process/served.h"

/* A new driver is there: its interrupts come to one processor, those of two devices to two. */
static void settle_interrupts(const struct served *served)
{
	struct server *server = served->server;
	unsigned int i, nth = interrupts_nth((unsigned int)(served - server->served),
					     server->plan->poll_ns);

	if (server->processor < 0)
		server->processor = sched_getcpu();
	for (i = 0; i < SESSION_QUEUES; i++)
		interrupts_settle(served->device->affinity[i], server->processor, nth,
				  server->plan->processors);
}

static void wake(void *context)
{
	struct served *served = context;
	struct served *peer = eventloop_owner(served->port.peer, struct served, port);

	if (served->port.session.live && !served->port.session.resumed)
		settle_interrupts(served);
	served->forward.due = 0;
	peer->forward.due = 0;
}

static void report(void *context, const char *sentence)
{
	struct served *served = context;
	const struct serve_plan *plan = served->server->plan;

	plan->report(plan->context, served->device->name, sentence);
	served_tell_error(served, sentence);
}

static const struct port_owner port_owner = {
	.wake = wake,
	.report = report,
	.event = served_tell_event,
};

static void on_retry(struct task *task)
{
	struct served *served = eventloop_owner(task, struct served, retry);

	if (session_retry(&served->port.session))
		task->due = eventloop_now() + SERVED_RETRY_NS;
}

static void on_forward(struct task *task)
{
	struct served *served = eventloop_owner(task, struct served, forward);

	task->due = port_forward(&served->port, served->server->loop.now);
	served_owe_interrupts(served);
	served_owe_interrupts(eventloop_owner(served->port.peer, struct served, port));
}

/*
 * Something failed with @rc. EPERM from a node says that the kernel has broken the device
 * for good, not that we may not (vduse_dev_ioctl() in vduse_dev.c).
 */
static int device_failure(const struct served *served, int rc, const char *what)
{
	struct failure *failure = served->server->failure;
	const char *name = served->device->name;

	if (rc != -EPERM && rc != -EPIPE)
		return failure_errno(failure, -rc, name, "%s", what);
	failure_set(failure, STATUS_FAILED, EPIPE, name,
		    "the kernel has broken the device: a control message was not answered "
		    "within msg_timeout");
	failure_hint(failure, "\"vduse down %.100s\" ends it, then make it again", name);
	return rc;
}

static void on_node(struct watch *watch, uint32_t events)
{
	struct served *served = eventloop_owner(watch, struct served, node);
	int rc = -EPIPE;

	/* POLLERR: a message was not answered in time */
	if (!(events & EPOLLERR))
		rc = session_handle_messages(&served->port.session);
	if (rc < 0)
		server_end(served->server,
			 device_failure(served, rc, "cannot answer a control message"));
}

static void on_transmit_kick(struct watch *watch, uint32_t events)
{
	struct served *served = eventloop_owner(watch, struct served, kick[PORT_TRANSMITQ]);

	(void)events;
	session_take_kick(&served->port.session, PORT_TRANSMITQ);
	served->forward.due = 0;
}

/* There are receive buffers: whoever transmits to this device may have waited for them. */
static void on_receive_kick(struct watch *watch, uint32_t events)
{
	struct served *served = eventloop_owner(watch, struct served, kick[PORT_RECEIVEQ]);

	(void)events;
	session_take_kick(&served->port.session, PORT_RECEIVEQ);
	eventloop_owner(served->port.peer, struct served, port)->forward.due = 0;
}

static void count_devices(const struct server *server)
{
	const struct serve_plan *plan = server->plan;
	struct port_counters counters;
	unsigned int i;

	for (i = 0; i < plan->count && plan->count_device; i++) {
		port_read_counters(&server->served[i].port, &counters);
		plan->count_device(plan->context, plan->devices[i].name, &counters);
	}
}

static void on_signal(struct watch *watch, uint32_t events)
{
	struct server *server = eventloop_owner(watch, struct server, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(watch->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			count_devices(server);
		else
			server_end(server, 0);
	}
}

static int watch_signals(struct server *server)
{
	server->signals = (struct watch){ .fd = eventloop_open_signals(), .ready = on_signal };
	if (server->signals.fd < 0)
		return server->signals.fd;
	return eventloop_watch(&server->loop, &server->signals, EPOLLIN);
}

static int watch_device(struct served *served)
{
	struct eventloop *loop = &served->server->loop;
	const struct session *session = &served->port.session;
	int rc;

	served->node = (struct watch){ session->fd, on_node };
	served->kick[PORT_RECEIVEQ] =
		(struct watch){ session->queues[PORT_RECEIVEQ].kick_fd, on_receive_kick };
	served->kick[PORT_TRANSMITQ] =
		(struct watch){ session->queues[PORT_TRANSMITQ].kick_fd, on_transmit_kick };
	served->forward = (struct task){ .due = EVENTLOOP_NEVER, .run = on_forward };
	served->retry = (struct task){ .due = EVENTLOOP_NEVER, .run = on_retry };
	eventloop_add_task(loop, &served->forward);
	eventloop_add_task(loop, &served->retry);
	rc = eventloop_watch(loop, &served->node, EPOLLIN);
	if (rc == 0)
		rc = eventloop_watch(loop, &served->kick[PORT_RECEIVEQ], EPOLLIN);
	if (rc == 0)
		rc = eventloop_watch(loop, &served->kick[PORT_TRANSMITQ], EPOLLIN);
	return rc;
}

static int open_device(struct server *server, unsigned int index)
{
	struct served *served = &server->served[index];
	const struct serve_device *device = &server->plan->devices[index];
	int rc;

	served->server = server;
	served->device = device;
	rc = port_open(&served->port, device->fd, server->plan->queue_size, device->mtu,
		       device->journal, &port_owner, served);
	if (rc < 0)
		return device_failure(served, rc, "cannot set up its virtqueues");
	served->open = true;
	served->port.forward.poll_ns = server->plan->poll_ns;
	if (device->has_link)	/* a server that has gone may have changed it */
		port_set_link(&served->port, !port_link_is_down(&served->port), eventloop_now());
	if (server->plan->umem)
		session_bring_memory(&served->port.session);
	rc = watch_device(served);
	if (rc == 0)
		rc = served_open_control(served);
	return rc < 0 ? device_failure(served, rc, "cannot wait for it") : 0;
}

static int open_devices(struct server *server)
{
	unsigned int i;
	int rc;

	for (i = 0; i < server->plan->count; i++) {
		rc = open_device(server, i);
		if (rc < 0)
			return rc;
	}
	if (server->plan->count == 2)
		port_connect(&server->served[0].port, &server->served[1].port);
	return 0;
}

static void on_capture(struct watch *watch, uint32_t events)
{
	(void)events;
	pcap_tell(eventloop_owner(watch, struct server, capture)->pcap);
}

/* About the capture, which is one for both devices. */
static void report_capture(void *context, const char *sentence)
{
	const struct serve_plan *plan = ((struct server *)context)->plan;

	plan->report(plan->context, plan->devices[0].name, sentence);
}

/* The file's head is written here, so a full disk is seen before anything is served. */
static int open_capture(struct server *server)
{
	const struct serve_plan *plan = server->plan;
	const char *names[SERVE_DEVICES] = { plan->devices[0].name, plan->devices[1].name };
	unsigned int i;
	int rc;

	if (plan->pcap_fd < 0)
		return 0;
	rc = pcap_open(&server->pcap, plan->pcap_fd, names, plan->count, report_capture, server);
	if (rc < 0)
		return failure_errno(server->failure, -rc, NULL, "cannot write the capture");
	for (i = 0; i < plan->count; i++)
		port_record(&server->served[i].port, server->pcap, i);
	return 0;
}

/* After the user has changed: the thread that writes has no more rights than we. */
static int start_capture(struct server *server)
{
	int rc;

	if (!server->pcap)
		return 0;
	rc = pcap_start(server->pcap);
	if (rc == 0) {
		server->capture = (struct watch){ pcap_news_fd(server->pcap), on_capture };
		rc = eventloop_watch(&server->loop, &server->capture, EPOLLIN);
	}
	return rc < 0 ? failure_errno(server->failure, -rc, NULL, "cannot record frames") : 0;
}

/* A driver that a process before us served goes on here. */
static int resume_devices(struct server *server)
{
	unsigned int i;

	for (i = 0; i < server->plan->count; i++) {
		struct served *served = &server->served[i];
		int rc = session_resume(&served->port.session);

		if (rc < 0)
			return device_failure(served, rc, "cannot go on serving its driver");
		served_owe_interrupts(served);
	}
	return 0;
}

/*
 * A driver that kicks while it is sending goes on sending if it has our processor, and we
 * find many frames at once instead of one: half the work. (Who waits for its frame sleeps,
 * and we run.) A policy that somebody chose for us stays.
 */
static void let_senders_finish(void)
{
	const struct sched_param none = { 0 };

	if (sched_getscheduler(0) == SCHED_OTHER)
		sched_setscheduler(0, SCHED_BATCH, &none);
}

static int serve(struct server *server)
{
	const struct serve_plan *plan = server->plan;
	int rc = open_devices(server);

	if (rc == 0)
		rc = open_capture(server);
	if (rc == 0 && plan->user)
		rc = privilege_drop(plan->user, server->failure);
	if (rc == 0)
		rc = start_capture(server);
	if (rc == 0 && !plan->poll_ns)
		let_senders_finish();
	if (rc == 0 && plan->settled)
		rc = plan->settled(plan->context, server->failure);
	if (rc == 0)
		rc = resume_devices(server);
	if (rc < 0)
		return rc;
	rc = plan->ready(plan->context);
	if (rc < 0)
		return failure_errno(server->failure, -rc, NULL, "cannot say that it is ready");
	rc = eventloop_run(&server->loop);
	if (rc < 0)
		return failure_errno(server->failure, -rc, NULL, "cannot wait for events");
	return server->rc;
}

/* Whose service ends by an error says so, and that alone: nobody takes it for an end in
 * good order. */
static void close_devices(struct server *server, int rc)
{
	unsigned int i;

	for (i = 0; i < server->plan->count; i++) {
		if (rc < 0)
			served_tell_error(&server->served[i], server->failure->message);
		else
			served_tell_exit(&server->served[i]);
		served_close_control(&server->served[i]);
		if (server->served[i].open)
			port_close(&server->served[i].port);
	}
}

/* Where it did not come to anybody's listening. @server: NULL where there is none. */
static void close_listeners(const struct serve_plan *plan, const struct server *server)
{
	unsigned int i;

	for (i = 0; i < plan->count; i++)
		if (plan->devices[i].control_fd >= 0 && !(server && server->served[i].listened))
			close(plan->devices[i].control_fd);
}

int serve_run(const struct serve_plan *plan, struct failure *failure)
{
	struct server *server = calloc(1, sizeof(*server));
	int rc;

	if (!server) {
		close_listeners(plan, NULL);
		return failure_errno(failure, ENOMEM, NULL, "cannot serve");
	}
	server->plan = plan;
	server->failure = failure;
	server->signals.fd = -1;
	server->processor = -1;
	rc = eventloop_open(&server->loop);
	if (rc == 0)
		rc = watch_signals(server);
	if (rc < 0)
		failure_errno(failure, -rc, NULL, "cannot wait for events");
	else
		rc = serve(server);
	close_devices(server, rc);
	close_listeners(plan, server);
	pcap_close(server->pcap);
	if (server->signals.fd >= 0)
		close(server->signals.fd);
	eventloop_close(&server->loop);
	free(server);
	return rc;
}

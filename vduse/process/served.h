/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serving process from inside: what serve.c and served.c have in common. */
#ifndef VDUSE_PROCESS_SERVED_H
#define VDUSE_PROCESS_SERVED_H

#include <stdbool.h>

#include "vduse/process/control.h"
#include "vduse/process/eventloop.h"
#include "vduse/process/serve.h"

/* How soon an interrupt that the kernel did not take is tried again. */
#define SERVED_RETRY_NS UINT64_C(1000000)

struct server;

/* One device and what it waits for. */
struct served {
	struct server *server;
	const struct serve_device *device;
	struct port port;
	struct watch node;
	struct watch kick[SESSION_QUEUES];
	struct task forward;
	struct task retry;
	struct control control;
	char error[300];	/* reported last about this driver, for who comes later */
	bool open, controlled;
	bool listened;		/* control_open() has had its socket, and closes it */
};

struct server {
	const struct serve_plan *plan;
	struct failure *failure;
	int rc;
	struct eventloop loop;
	struct watch signals;
	struct watch capture;
	int processor;		/* of the first device's interrupts; -1: not known yet */
	struct pcap *pcap;	/* NULL: nothing is recorded */
	struct served served[SERVE_DEVICES];
};

/* End the loop; @rc is what serve_run() returns, if it is the first. */
void server_end(struct server *server, int rc);

/* See to it that interrupts that the kernel did not take are tried again. */
void served_owe_interrupts(struct served *served);

/*
 * Answer at the device's control socket, where it has one. 0 or negative errno; ended by
 * served_close_control(), which does nothing where it has none.
 */
int served_open_control(struct served *served);
void served_close_control(struct served *served);

/* Tell who follows: that this process ends the service (vduse/process/events.h); something
 * that went wrong, as port_owner.report; or what the session saw, as port_owner.event. */
void served_tell_exit(struct served *served);
void served_tell_error(struct served *served, const char *sentence);
void served_tell_event(void *context, enum session_event event, unsigned int number);

#endif

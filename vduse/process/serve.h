/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serving one device, or two that are connected, until a signal says to stop.
 *
 * One thread, one event loop: the messages of each node, the kicks of each virtqueue,
 * the frames that wait, the interrupts that are owed, and the signals. Everything that
 * needs a privilege or opens something was done before: serve_run() is given the open
 * nodes and needs nothing more, so it can run as an unprivileged user in namespaces of
 * its own.
 */
#ifndef VDUSE_PROCESS_SERVE_H
#define VDUSE_PROCESS_SERVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"
#include "vduse/device/port.h"

#define SERVE_DEVICES 2

struct serve_device {
	const char *name;
	int fd;			/* the open node, non-blocking; not closed */
	uint16_t mtu;		/* of its configuration space, 0 for unknown */
	bool has_link;		/* it is known to offer VIRTIO_NET_F_STATUS */
	int affinity[SESSION_QUEUES];	/* open irq_cb_affinity of each, or -1; not closed */
	struct journal_port *journal;	/* of a process before us, and for the next one; or NULL */
	int control_fd;		/* listens for who asks (control.h), closed here; or -1 */
};

struct serve_plan {
	struct serve_device devices[SERVE_DEVICES];
	unsigned int count;	/* 1: loopback, 2: connected to each other */
	uint16_t queue_size;	/* power of two, 64 to 1024 */
	uint64_t poll_ns;	/* nanoseconds to poll after work; 0: sleep at once */
	bool umem;		/* bring memory of our own (session_bring_memory()) */
	int pcap_fd;		/* file that all frames are recorded in, open and empty; or -1 */
	long processors;	/* that are online: no file says it to who has no files */
	pid_t pid;		/* of the process that ends with the service, as others see it */
	const char *user;	/* to become before the first message is read; NULL: stay */
	void *context;
	/* Nothing but serving is left to do, which needs little: NULL, or 0, or negative with
	 * @failure, which ends it all. */
	int (*settled)(void *context, struct failure *failure);
	/* Every device can be attached now. 0 or negative errno, which ends it all. */
	int (*ready)(void *context);
	/* A sentence about device @name for the log. */
	void (*report)(void *context, const char *name, const char *sentence);
	/* Asked for by SIGUSR1: what device @name has counted. NULL: the signal does nothing. */
	void (*count_device)(void *context, const char *name, const struct port_counters *counters);
};

/*
 * Serve until SIGTERM or SIGINT: 0 then, else negative with @failure. These two and
 * SIGUSR1 are blocked for good.
 */
int serve_run(const struct serve_plan *plan, struct failure *failure);

#endif

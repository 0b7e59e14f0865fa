/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device process that can be killed: a supervisor and a worker.
 *
 * Theory of operation
 * ===================
 *
 * The worker serves (serve.h) and can do nothing else (isolation.h). The supervisor keeps what
 * the worker must not have: the right to open the node. It looks at no ring, no message and no
 * journal, so whoever has taken the worker over can tell it nothing but the few kinds of
 * packet of channel.h.
 *
 *	supervisor	opens the node, starts a worker, hands over the descriptors, and closes
 *			its own of the node when the worker has it; waits.
 *	worker		isolates itself, serves; ends one way or another.
 *	supervisor	opens the node again. Because the worker's was the only descriptor, the
 *			kernel has closed the node by then, and hands out again the messages that
 *			were not answered (vduse_dev_release()). It starts the next worker, which
 *			goes on from the journal (vduse/device/journal.h).
 *
 * A worker can die at any moment, and so can the supervisor:
 *
 *	before it has its descriptors	The plan waits in the channel, or cannot be sent any more
 *			(EPIPE), which is its death and nothing else. The supervisor's descriptor of
 *			the node is open then, or in the packet: both are closed before the node is
 *			opened again, because a packet ends with its channel.
 *	between TAKEN and our close	The same: the supervisor closes and opens in any case.
 *	before it serves	It has read no message, or put none of them behind it: the journal.
 *	while it serves		As journal.h says, at each instruction.
 *	while it ends		Its descriptors are closed before its pidfd is readable
 *			(do_exit() in the kernel: exit_files(), then exit_notify()).
 *	with us			Whoever starts the service again finds the lock of the journal and the
 *			node free as soon as both processes are gone, and waits a moment for that.
 *
 * A worker that dies over and over is started again after pauses that grow from PAUSE_MS to
 * PAUSE_MS_MAX, and begin anew when one has served for LIFE_MS. While a pause lasts the
 * supervisor has the node open, so that nobody else takes it, and looks whether a control
 * message waits: then the pause is over, because the kernel breaks a device whose messages
 * wait for too long.
 *
 * The end of a worker is the end of the service where it says why (FAILURE: the device is
 * broken, the driver negotiated what cannot be served), where it was asked to end, where the
 * first one did not come to serve, and where nobody can open the node again, because a
 * descriptor of it was handed over. That worker is not replaced when its network namespace
 * comes late either: it is waited for longer, and then it is a part that cannot be had. The end
 * of the supervisor is the end of its worker (PR_SET_PDEATHSIG), and the journal is what the
 * next service goes on from.
 */
#ifndef VDUSE_PROCESS_SUPERVISOR_H
#define VDUSE_PROCESS_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"
#include "vduse/process/channel.h"

struct supervisor_device {
	const char *name;
	int node;		/* open already, for the first worker; or -1 */
	int control_fd;		/* listens; not closed; or -1 */
	int affinity[SESSION_QUEUES];	/* not closed; or -1 */
};

struct supervisor_plan {
	/* all of it but its descriptors, which follow from what is here */
	struct channel_plan plan;
	struct supervisor_device devices[CHANNEL_DEVICES];
	int journal_fd;		/* two journal_port, zeroes or what was left; not closed */
	int pcap_fd;		/* not closed; or -1 */
	void *context;
	/* Open the node of device @index, non-blocking: a descriptor, closed by the supervisor,
	 * or negative with @failure. NULL: it was handed over, and there is no other one. */
	int (*open_node)(void *context, unsigned int index, struct failure *failure);
	/* As those of serve_plan (serve.h). */
	int (*ready)(void *context);
	void (*report)(void *context, const char *name, const char *sentence);
	void (*count_device)(void *context, const char *name, const struct port_counters *counters);
};

/*
 * Serve until SIGTERM or SIGINT, or until somebody at the control socket says to stop: 0 then,
 * else negative with @failure. Closes the nodes.
 */
int supervise(struct supervisor_plan *plan, struct failure *failure);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reference device: a virtio network device that gives back what it is given.
 *
 * A port is one device. What its driver transmits, the driver of its peer receives; a port
 * that is its own peer is a loopback device, two that are each other's are a cable.
 *
 *	transmitq (1) of a port  --one copy-->  receiveq (0) of its peer
 *
 * How frames go, and what becomes of those that have no receiver: forward.h. Between two
 * calls of a function here nothing of a *receiver's* virtqueue is in work: only the
 * sender's held frame is, and its session's quiesce() gives it back. So a port's memory may
 * go away whenever its own held frame was given back.
 */
#ifndef VDUSE_DEVICE_PORT_H
#define VDUSE_DEVICE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "vduse/device/forward.h"
#include "vduse/device/session.h"

/* virtio 1.2, 5.1.2 */
#define PORT_RECEIVEQ 0
#define PORT_TRANSMITQ 1

/* What a port asks of the process that runs it. */
struct port_owner {
	/* port_forward() has something to do, now. */
	void (*wake)(void *context);
	/* As session_owner.report. */
	void (*report)(void *context, const char *sentence);
};

struct port {
	struct session session;
	struct port *peer;	/* receives what this one transmits; itself when alone */
	uint16_t mtu;		/* of the configuration space */
	struct forward forward;	/* its counters are of what this one's driver transmitted */
	const struct port_owner *owner;
	void *context;
};

/*
 * Begin to serve the open node @fd (session_open()), alone. @mtu is that of the device's
 * configuration space, 0 where it is not known: then frames of any size pass.
 * 0 or negative errno; ended by port_close().
 */
int port_open(struct port *port, int fd, uint16_t queue_size, uint16_t mtu,
	      const struct port_owner *owner, void *context);
void port_close(struct port *port);

/* Make two open ports each other's peer. */
void port_connect(struct port *port, struct port *peer);

/*
 * Carry what the driver of @port transmitted to its peer, as forward_run().
 * @now is CLOCK_MONOTONIC in nanoseconds. Returns when to call again: 0 at once,
 * FORWARD_NEVER when it is woken by a kick, else a time.
 */
uint64_t port_forward(struct port *port, uint64_t now);

#endif

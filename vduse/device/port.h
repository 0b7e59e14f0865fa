/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reference device: a virtio network device that gives back what it is given.
 *
 * A port is one device. What its driver transmits, the driver of its peer receives; a port
 * that is its own peer is a loopback device, two that are each other's are a cable.
 *
 *	transmitq (1) of a port  --one copy-->  receiveq (0) of its peer
 *
 * Frames are never held in memory of our own. A frame whose receiver is short of buffers
 * stays in the transmit virtqueue, not used yet, which makes its sender slow down; after
 * PORT_HOLD_NS it is dropped and counted, and so is all that follows, at once, until the
 * receiver has buffers again. A frame for a receiver that is not there is dropped.
 *
 * Between two calls of a function here nothing of a *receiver's* virtqueue is in work:
 * only the sender's held frame is, and port_quiesce() gives it back. So a port's memory
 * may go away whenever its own held frame was given back.
 */
#ifndef VDUSE_DEVICE_PORT_H
#define VDUSE_DEVICE_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "vduse/device/net.h"
#include "vduse/device/receive.h"
#include "vduse/device/session.h"

/* virtio 1.2, 5.1.2 */
#define PORT_RECEIVEQ 0
#define PORT_TRANSMITQ 1

/* How long a frame waits for receive buffers. */
#define PORT_HOLD_NS UINT64_C(100000000)

/* Frames that are published together, and the most of one call: then the others' turn. */
#define PORT_BATCH 64

#define PORT_NEVER UINT64_MAX

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
	struct net_counters counters;	/* of what this one's driver transmitted */
	const struct port_owner *owner;
	void *context;

	bool holding;		/* transfer and chain are in use */
	bool starved;		/* the receiver had no buffers for PORT_HOLD_NS */
	uint64_t hold_until;	/* 0: not waiting */
	struct receive_transfer transfer;
	struct vq_chain chain;	/* the frame's, in our transmit virtqueue */
	struct vq_chain scratch;	/* for the receiver's chains */
	struct iovec segments[VQ_CHAIN_SEGMENTS];
	struct iovec scratch_segments[VQ_CHAIN_SEGMENTS];
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
 * Carry what the driver of @port transmitted to its peer, at most PORT_BATCH frames.
 * @now is CLOCK_MONOTONIC in nanoseconds. Returns when to call again: 0 at once,
 * PORT_NEVER when it is woken by a kick, else a time.
 */
uint64_t port_forward(struct port *port, uint64_t now);

#endif

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
#include "vduse/device/pcap.h"
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
	/* As session_owner.event. May be NULL. */
	void (*event)(void *context, enum session_event event, unsigned int number);
};

struct port {
	struct session session;
	struct port *peer;	/* receives what this one transmits; itself when alone */
	uint16_t mtu;		/* of the configuration space */
	struct forward forward;	/* its counters are of what this one's driver transmitted */
	uint64_t short_until;	/* what is transmitted waits for the receiver; 0: it need not */
	struct journal_port *journal;
	bool own_journal;	/* made by port_open() */
	struct pcap *pcap;	/* where frames are recorded; NULL: nowhere */
	uint32_t pcap_interface;	/* this port's number there */
	const struct port_owner *owner;
	void *context;
};

/*
 * What happened at one virtqueue since the process serves it, or, for kicks and
 * interrupts, a driver with it. Kicks that the driver did not send because it was asked
 * not to cannot be counted by the device.
 */
struct port_queue_counters {
	uint64_t frames;	/* receiveq: given to the driver; transmitq: taken from it */
	uint64_t bytes;		/* of these, without the virtio headers */
	uint64_t kicks;		/* notifications by the driver */
	uint64_t interrupts;	/* raised */
	uint64_t suppressed;	/* publications that the driver wanted no interrupt for */
	uint64_t polls;		/* transmitq: looks for frames while polling */
	uint64_t polls_useful;	/* of these, with a frame found */
};

struct port_counters {
	struct port_queue_counters queues[SESSION_QUEUES];
	/* of the frames that its driver transmitted */
	uint64_t dropped[NET_DROPS];	/* by cause */
	uint64_t checksums;	/* completed in software */
	uint64_t segmented;	/* frames that were cut in software */
	uint64_t held;		/* deliveries that had to wait for receive buffers */
	uint64_t broken;	/* times that a driver broke a virtqueue */
	bool recording;		/* into a capture: then of its frames there */
	uint64_t recorded;	/* all of them */
	uint64_t unrecorded;	/* those that the capture lacks */
};

/*
 * Begin to serve the open node @fd (session_open()), alone. @mtu is that of the device's
 * configuration space, 0 where it is not known: then frames of any size pass. The link counts
 * as the journal tells, which is up where it does not; who knows that the device has one
 * (VIRTIO_NET_F_STATUS) sets it, because another process may have changed it since. @journal
 * is what a process before us left, or zeroes, and must be there until port_close(); NULL:
 * nobody comes after us. 0 or negative errno; ended by port_close().
 */
int port_open(struct port *port, int fd, uint16_t queue_size, uint16_t mtu,
	      struct journal_port *journal, const struct port_owner *owner, void *context);
void port_close(struct port *port);

/* Make two open ports each other's peer; before anything else is done with either. */
void port_connect(struct port *port, struct port *peer);

/*
 * Record every frame that this port's driver transmits or receives, as device @interface of
 * @pcap, which must be there until port_close(). To be called for both ports of a pair.
 */
void port_record(struct port *port, struct pcap *pcap, uint32_t interface);

/*
 * Raise or lower the link. The driver is told by a configuration interrupt, as soon as the
 * kernel takes one (session_retry()). While the link of a port is down, nothing is delivered
 * to its driver or by it: what is transmitted is dropped, as NET_DROP_NO_RECEIVER, and so is
 * what waited for receive buffers. When the link comes back, whatever was transmitted before
 * is dropped first: no frame of before arrives. @now as in port_forward(). 0, or negative
 * errno, and the link is as it was.
 */
int port_set_link(struct port *port, bool up, uint64_t now);

/* As port_set_link() said last. */
static inline bool port_link_is_down(const struct port *port)
{
	return port->journal->session.link_down == 1;
}

/* What @port has counted so far. It only grows while the port is open. */
void port_read_counters(const struct port *port, struct port_counters *counters);

/*
 * Carry what the driver of @port transmitted to its peer, as forward_run(). While the virtqueue
 * of the receiver cannot be started for a shortage of our own, frames stay where they are, for
 * FORWARD_HOLD_NS at most.
 * @now is CLOCK_MONOTONIC in nanoseconds. Returns when to call again: 0 at once,
 * FORWARD_NEVER when it is woken by a kick, else a time.
 */
uint64_t port_forward(struct port *port, uint64_t now);

#endif

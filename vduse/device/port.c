// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/port.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/features.h"
#include "vduse/device/session_memory.h"

/* What came of the attempt to carry one frame. */
enum outcome {
	CARRIED,	/* delivered or dropped, and counted */
	NOTHING,	/* no frame is waiting */
	HELD,		/* the receiver has no buffers for it now */
};

/* The frame in work is over: its buffer goes back to the driver. */
static void finish_frame(struct port *port, struct virtqueue *transmit)
{
	virtqueue_push(transmit, port->chain.head, 0);
	port->holding = false;
	port->hold_until = 0;
}

static void drop_frame(struct port *port, struct virtqueue *transmit, enum net_drop cause)
{
	receive_abandon(&port->transfer, cause, &port->counters);
	finish_frame(port, transmit);
}

/*
 * No chain may stay in work. A frame of which nothing was delivered yet goes back into
 * the virtqueue as if it had never been looked at. One that is being segmented may have
 * been delivered in part: it ends here, for it must not begin anew.
 */
static void quiesce(void *context)
{
	struct port *port = context;
	struct virtqueue *transmit = &port->session.queues[PORT_TRANSMITQ].vq;

	if (!port->holding)
		return;
	if (port->transfer.offload.action != NET_SEGMENT &&
	    virtqueue_unpop(transmit, port->chain.head) == 0) {
		port->holding = false;
		port->hold_until = 0;
		return;
	}
	drop_frame(port, transmit, NET_DROP_NO_RECEIVER);
	virtqueue_publish(transmit);
}

static void changed(void *context)
{
	struct port *port = context;

	port->starved = false;
	port->owner->wake(port->context);
}

static void report(void *context, const char *sentence)
{
	struct port *port = context;

	port->owner->report(port->context, sentence);
}

static const struct session_owner session_owner = {
	.quiesce = quiesce,
	.changed = changed,
	.report = report,
};

int port_open(struct port *port, int fd, uint16_t queue_size, uint16_t mtu,
	      const struct port_owner *owner, void *context)
{
	int rc;

	memset(port, 0, sizeof(*port));
	port->peer = port;
	port->mtu = mtu;
	port->owner = owner;
	port->context = context;
	vq_chain_init(&port->chain, port->segments, VQ_CHAIN_SEGMENTS);
	vq_chain_init(&port->scratch, port->scratch_segments, VQ_CHAIN_SEGMENTS);
	rc = session_open(&port->session, fd, queue_size, FEATURES_NET_DEFAULT, &session_owner,
			  port);
	if (rc < 0)
		return rc;
	rc = session_memory_guard(&port->session);
	if (rc < 0)
		session_close(&port->session);
	return rc;
}

void port_close(struct port *port)
{
	session_close(&port->session);
}

void port_connect(struct port *port, struct port *peer)
{
	port->peer = peer;
	peer->peer = port;
}

static struct net_side side_of(const struct port *port)
{
	uint64_t features = port->session.features;

	if (!port->mtu)
		features &= ~FEATURE(3);	/* VIRTIO_NET_F_MTU */
	return (struct net_side){ .features = features, .mtu = port->mtu };
}

/* Take the next frame up; CARRIED when it was dropped for what it is. */
static enum outcome take_frame(struct port *port, struct virtqueue *transmit)
{
	struct net_side sender = side_of(port), receiver = side_of(port->peer);
	int rc = virtqueue_pop(transmit, &port->chain);

	if (rc <= 0) {
		if (rc < 0)
			session_queue_error(&port->session, PORT_TRANSMITQ, rc);
		return NOTHING;
	}
	if (receive_begin(&port->transfer, &port->chain, &sender, &receiver, &port->counters)) {
		finish_frame(port, transmit);
		return CARRIED;
	}
	port->holding = true;
	return HELD;
}

/* The receiver is short of buffers: wait, unless it has been for too long. */
static enum outcome wait_or_drop(struct port *port, struct virtqueue *transmit, uint64_t now)
{
	if (!port->starved && !port->hold_until)
		port->hold_until = now + PORT_HOLD_NS;
	if (!port->starved && now < port->hold_until)
		return HELD;
	port->starved = true;
	drop_frame(port, transmit, NET_DROP_NO_BUFFER);
	return CARRIED;
}

static enum outcome deliver_frame(struct port *port, struct virtqueue *transmit,
				  struct virtqueue *receive, uint64_t now)
{
	int rc = -ESHUTDOWN;

	if (receive)
		rc = receive_deliver(&port->transfer, receive, &port->scratch, &port->counters);
	if (rc == -EAGAIN)
		return wait_or_drop(port, transmit, now);
	if (rc < 0) {
		if (receive)
			session_queue_error(&port->peer->session, PORT_RECEIVEQ, rc);
		drop_frame(port, transmit, NET_DROP_NO_RECEIVER);
		return CARRIED;
	}
	port->starved = false;
	finish_frame(port, transmit);
	return CARRIED;
}

static enum outcome carry_frame(struct port *port, struct virtqueue *transmit,
				struct virtqueue *receive, uint64_t now)
{
	if (!port->holding) {
		enum outcome outcome = take_frame(port, transmit);

		if (outcome != HELD)
			return outcome;
	}
	return deliver_frame(port, transmit, receive, now);
}

/*
 * Make what was done visible, the received frames before the sent ones: then a frame that
 * its sender believes to be gone has arrived. One full fence serves both interrupt
 * decisions (virtio 1.2, 2.7.7.2).
 */
static void publish(struct port *port, struct virtqueue *transmit, struct virtqueue *receive)
{
	if (receive)
		virtqueue_publish(receive);
	virtqueue_publish(transmit);
	atomic_thread_fence(memory_order_seq_cst);
	if (receive && virtqueue_needs_interrupt_fenced(receive))
		session_interrupt(&port->peer->session, PORT_RECEIVEQ);
	if (virtqueue_needs_interrupt_fenced(transmit))
		session_interrupt(&port->session, PORT_TRANSMITQ);
}

/* All is carried: a kick wakes us. More may have come meanwhile. */
static uint64_t sleep_until_kick(struct port *port, struct virtqueue *transmit)
{
	int rc = virtqueue_enable_kick(transmit);

	if (rc < 0)
		session_queue_error(&port->session, PORT_TRANSMITQ, rc);
	return rc > 0 ? 0 : PORT_NEVER;
}

/* A frame is held: the receiver's next kick wakes us, or the end of the wait. */
static uint64_t sleep_until_buffers(struct port *port, struct virtqueue *receive)
{
	if (receive && virtqueue_enable_kick_for_more(receive) > 0)
		return 0;
	return port->hold_until;
}

uint64_t port_forward(struct port *port, uint64_t now)
{
	struct virtqueue *transmit = session_queue(&port->session, PORT_TRANSMITQ);
	struct virtqueue *receive = session_queue(&port->peer->session, PORT_RECEIVEQ);
	enum outcome outcome = CARRIED;
	int frames;

	if (!transmit)
		return PORT_NEVER;
	virtqueue_disable_kick(transmit);
	if (receive)
		virtqueue_disable_kick(receive);
	for (frames = 0; frames < PORT_BATCH && outcome == CARRIED; frames++)
		outcome = carry_frame(port, transmit, receive, now);
	publish(port, transmit, receive);
	switch (outcome) {
	case NOTHING:
		return sleep_until_kick(port, transmit);
	case HELD:
		return sleep_until_buffers(port, receive);
	default:
		return 0;
	}
}

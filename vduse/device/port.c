// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/features.h"
#include "vduse/device/session_memory.h"

/* Of what comes from the peer, nothing is in work here; but a part may have been delivered, or
 * more of it be under way, made as this port's driver wants it. */
static void quiesce(void *context, bool for_good)
{
	struct port *port = context, *peer = port->peer;

	forward_quiesce(&port->forward, &port->session.queues[PORT_TRANSMITQ].vq, for_good);
	if (for_good && peer != port)
		forward_quiesce(&peer->forward, &peer->session.queues[PORT_TRANSMITQ].vq, true);
}

static void changed(void *context)
{
	struct port *port = context;

	forward_receiver_changed(&port->peer->forward);
	port->owner->wake(port->context);
}

static void report(void *context, const char *sentence)
{
	struct port *port = context;

	port->owner->report(port->context, sentence);
}

static void event(void *context, enum session_event event, unsigned int number)
{
	struct port *port = context;

	if (port->owner->event)
		port->owner->event(port->context, event, number);
}

static const struct session_owner session_owner = {
	.event = event,
	.quiesce = quiesce,
	.changed = changed,
	.report = report,
};

static void interrupt(void *context, enum forward_end end)
{
	struct port *port = context;

	if (end == FORWARD_RECEIVE)
		session_interrupt(&port->peer->session, PORT_RECEIVEQ);
	else
		session_interrupt(&port->session, PORT_TRANSMITQ);
}

static void failed(void *context, enum forward_end end, int rc)
{
	struct port *port = context;

	if (end == FORWARD_RECEIVE)
		session_queue_error(&port->peer->session, PORT_RECEIVEQ, rc);
	else
		session_queue_error(&port->session, PORT_TRANSMITQ, rc);
}

static const struct forward_owner forward_owner = {
	.interrupt = interrupt,
	.failed = failed,
};

static int tell_link(struct port *port, bool up)
{
	uint8_t status[2];

	net_config_link(up, status);
	return session_set_config(&port->session, NET_CONFIG_LINK, status, sizeof(status));
}

/* The frame behind the virtio header, as far as there is one. */
static void sent(void *context, const struct vq_chain *chain)
{
	struct port *port = context;
	struct pcapng_frame frame = {
		.interface = port->pcap_interface,
		.direction = PCAPNG_OUTBOUND,
		.queue = PORT_TRANSMITQ,
	};
	struct vq_cursor cursor;

	vq_cursor_init(&cursor, vq_chain_readable(chain), chain->readable_segments);
	vq_cursor_skip(&cursor, NET_HEADER_SIZE);
	pcap_frame(port->pcap, &frame, &cursor, 1);
}

static void delivered(void *context, const struct offload_piece *piece)
{
	struct port *port = context;
	struct pcapng_frame frame = {
		.interface = port->peer->pcap_interface,
		.direction = PCAPNG_INBOUND,
		.queue = PORT_RECEIVEQ,
	};

	pcap_frame(port->pcap, &frame, piece->part, piece->parts);
}

static const struct forward_tap tap = {
	.sent = sent,
	.delivered = delivered,
};

/* The positions of the two virtqueues between which this port's frames go, side by side. */
static void place_positions(struct port *port)
{
	struct journal_direction *direction = &port->journal->direction;
	struct session_queue *transmit = &port->session.queues[PORT_TRANSMITQ];
	struct session_queue *receive = &port->peer->session.queues[PORT_RECEIVEQ];

	transmit->position = &direction->transmit;
	receive->position = &direction->receive;
	transmit->progress = receive->progress = &direction->progress;
}

static int open_session(struct port *port, int fd, uint16_t queue_size)
{
	int rc = session_open(&port->session, fd, queue_size, FEATURES_NET_IMPLEMENTED,
			      &port->journal->session, &session_owner, port);

	if (rc < 0)
		return rc;
	place_positions(port);
	rc = session_memory_guard(&port->session);
	if (rc < 0)
		session_close(&port->session);
	return rc;
}

static void close_journal(struct port *port)
{
	if (port->own_journal)
		free(port->journal);
}

int port_open(struct port *port, int fd, uint16_t queue_size, uint16_t mtu,
	      struct journal_port *journal, const struct port_owner *owner, void *context)
{
	int rc;

	memset(port, 0, sizeof(*port));
	port->peer = port;
	port->mtu = mtu;
	port->owner = owner;
	port->context = context;
	port->own_journal = !journal;
	port->journal = journal ? journal : calloc(1, sizeof(*journal));
	if (!port->journal)
		return -ENOMEM;
	forward_init(&port->forward, &forward_owner, port);
	forward_resume(&port->forward, &port->journal->direction);
	rc = open_session(port, fd, queue_size);
	if (rc < 0)
		close_journal(port);
	return rc;
}

void port_close(struct port *port)
{
	session_close(&port->session);
	close_journal(port);
}

void port_connect(struct port *port, struct port *peer)
{
	port->peer = peer;
	peer->peer = port;
	place_positions(port);
	place_positions(peer);
}

void port_record(struct port *port, struct pcap *pcap, uint32_t interface)
{
	port->pcap = pcap;
	port->pcap_interface = interface;
	forward_show(&port->forward, &tap);
}

/* Kicks and interrupts belong to the session, all else to the direction that uses the queue. */
static struct port_queue_counters session_counters(const struct port *port, unsigned int index)
{
	const struct session_queue *queue = &port->session.queues[index];

	return (struct port_queue_counters){
		.kicks = queue->kicks,
		.interrupts = queue->interrupts,
	};
}

static struct port_queue_counters receive_counters(const struct port *port)
{
	const struct forward *from = &port->peer->forward;
	struct port_queue_counters counters = session_counters(port, PORT_RECEIVEQ);

	counters.frames = from->counters.frames;
	counters.bytes = from->counters.bytes;
	counters.suppressed = from->done.silent[FORWARD_RECEIVE];
	return counters;
}

static struct port_queue_counters transmit_counters(const struct port *port)
{
	const struct forward *forward = &port->forward;
	struct port_queue_counters counters = session_counters(port, PORT_TRANSMITQ);

	counters.frames = forward->done.sent;
	counters.bytes = forward->done.sent_bytes;
	counters.suppressed = forward->done.silent[FORWARD_TRANSMIT];
	counters.polls = forward->done.polls;
	counters.polls_useful = forward->done.polls_useful;
	return counters;
}

void port_read_counters(const struct port *port, struct port_counters *counters)
{
	const struct net_counters *net = &port->forward.counters;

	*counters = (struct port_counters){
		.queues = {
			[PORT_RECEIVEQ] = receive_counters(port),
			[PORT_TRANSMITQ] = transmit_counters(port),
		},
		.checksums = net->checksums,
		.segmented = net->segmented,
		.held = net->held,
		.broken = port->session.broken_queues,
		.recording = port->pcap != NULL,
	};
	if (port->pcap)
		pcap_count(port->pcap, port->pcap_interface, &counters->recorded,
			   &counters->unrecorded);
	memcpy(counters->dropped, net->dropped, sizeof(counters->dropped));
}

static struct net_side side_of(const struct port *port)
{
	uint64_t features = port->session.features;

	if (!port->mtu)
		features &= ~FEATURE(3);	/* VIRTIO_NET_F_MTU */
	return (struct net_side){ .features = features, .mtu = port->mtu };
}

/* Frames pass between two ports that both have their link. */
static bool linked(const struct port *port)
{
	return !port_link_is_down(port) && !port_link_is_down(port->peer);
}

/* The receiver is there, but for a shortage of ours: that may be over soon. */
static bool waits_for_receiver(struct port *port, const struct virtqueue *receive, uint64_t now)
{
	if (receive || !linked(port) || !session_queue_waits(&port->peer->session, PORT_RECEIVEQ)) {
		port->short_until = 0;
		return false;
	}
	if (!port->short_until)
		port->short_until = now + FORWARD_HOLD_NS;
	return now < port->short_until;
}

uint64_t port_forward(struct port *port, uint64_t now)
{
	struct forward_path path = {
		.transmit = session_queue(&port->session, PORT_TRANSMITQ),
		.receive = linked(port) ? session_queue(&port->peer->session, PORT_RECEIVEQ) : NULL,
		.sender = side_of(port),
		.receiver = side_of(port->peer),
	};

	uint64_t due;

	if (!path.transmit)
		return session_queue_waits(&port->session, PORT_TRANSMITQ) ?
			       now + FORWARD_RETRY_NS : FORWARD_NEVER;
	if (waits_for_receiver(port, path.receive, now))
		return now + FORWARD_RETRY_NS;
	due = forward_run(&port->forward, &path, now);
	if (port->pcap)
		pcap_flush(port->pcap);
	return due;
}

/* Carry what is there now, at most a ring's worth: its sender may go on and on. */
static void carry_all(struct port *port, uint64_t now)
{
	unsigned int batches = SESSION_QUEUE_SIZE_MAX / FORWARD_BATCH + 1;

	while (batches-- && port_forward(port, now) == 0)
		;
}

int port_set_link(struct port *port, bool up, uint64_t now)
{
	bool before = port_link_is_down(port);
	int rc;

	/* down in any case where it changes: what is there was transmitted without a link, or
	 * has lost it */
	if (before == up) {
		port->journal->session.link_down = true;
		carry_all(port, now);
		if (port->peer != port)
			carry_all(port->peer, now);
	}
	rc = tell_link(port, up);
	port->journal->session.link_down = rc < 0 ? before : !up;
	port->owner->wake(port->context);
	return rc;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a transmit chain into a receive virtqueue.
 *
 * A transfer is one frame of a sender on its way to one receiver:
 *
 *	receive_begin()		reads and checks the header, decides about offloads
 *	receive_deliver()	puts the frame, or all its segments, into receive chains
 *	receive_abandon()	drops what has not been delivered yet, counting why
 *
 * receive_deliver() can stop for want of buffers and be called again later; the transfer
 * then goes on with the same segment, and the receive virtqueue is as if nothing had
 * been tried. The transmit chain must stay in flight (not be pushed) until the transfer
 * is over.
 *
 * Used elements are staged, not published: the caller publishes when its batch is done.
 * The elements of one frame are staged together, so they are published together
 * (virtio 1.2, 5.1.6.4.1).
 */
#ifndef VDUSE_DEVICE_RECEIVE_H
#define VDUSE_DEVICE_RECEIVE_H

#include <stdbool.h>

#include "vduse/device/net.h"
#include "vduse/device/offload.h"
#include "vduse/virtio/virtqueue.h"

/* A frame may be spread over this many receive chains (MRG_RXBUF). */
#define RECEIVE_CHAINS_MAX 1024

/* The caller provides the memory, and does not move or copy it while it is in use. */
struct receive_transfer {
	struct offload offload;
	struct offload_piece piece;
	struct net_side receiver;
	bool pending;		/* there is a piece to deliver */
	bool waited;		/* this piece has been counted as held */
	/* told of each piece that was delivered; NULL: nobody. The caller sets both. */
	void (*delivered)(void *context, const struct offload_piece *piece);
	void *context;
};

/*
 * Takes up the frame in the readable part of a transmit chain: virtio header, then
 * Ethernet frame. A writable part is ignored. The chain's segments must outlive the
 * transfer; the structure itself is not kept. `receiver` is copied.
 * 0: deliver it; -EINVAL: dropped and counted, the transfer is over.
 */
int receive_begin(struct receive_transfer *transfer, const struct vq_chain *chain,
		  const struct net_side *sender, const struct net_side *receiver,
		  struct net_counters *counters);

/* How many pieces of a transfer are over: delivered, or dropped and counted. */
static inline unsigned int receive_pieces_over(const struct receive_transfer *transfer)
{
	return transfer->offload.count - transfer->pending;
}

/*
 * Goes on behind the first @pieces, or all that there are, without delivering them: of a frame
 * that was taken up before. Directly after receive_begin().
 */
void receive_skip(struct receive_transfer *transfer, uint32_t pieces);

/*
 * Delivers what is left of a transfer. `scratch` is a chain with segments of its own
 * (not the transmit chain's), whose content does not matter.
 * 0: over: every piece was delivered, or dropped and counted;
 * -EAGAIN: the receiver has not enough buffers now; call again, or abandon it;
 * other: an error of virtqueue_pop() on `receive`; call again later or abandon it.
 */
int receive_deliver(struct receive_transfer *transfer, struct virtqueue *receive,
		    struct vq_chain *scratch, struct net_counters *counters);

/* Ends a transfer; a piece that was not delivered is counted under `cause`. */
void receive_abandon(struct receive_transfer *transfer, enum net_drop cause,
		     struct net_counters *counters);

/*
 * Puts one piece into receive chains: with MRG_RXBUF into as many as it takes, all or
 * nothing, else into one. The part of a receive chain that the device may only read is
 * ignored. Stages the used elements.
 * 0: delivered, or dropped and counted as NET_DROP_TOO_SMALL or NET_DROP_MTU;
 * -EAGAIN: not enough chains, nothing was taken; other: an error of virtqueue_pop().
 */
int receive_piece(const struct offload_piece *piece, const struct net_side *receiver,
		  struct virtqueue *receive, struct vq_chain *scratch,
		  struct net_counters *counters);

#endif

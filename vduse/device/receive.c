/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/virtio_net.h>

#include "vduse/device/receive.h"

#define NUM_BUFFERS_AT 10	/* in struct virtio_net_hdr */

/* The chains that one piece has been put into so far. */
struct delivery {
	const struct offload_piece *piece;
	struct virtqueue *receive;
	struct vq_chain *chain;		/* the one taken last */
	unsigned int part;		/* of the piece */
	struct vq_cursor from;		/* in that part */
	size_t left;			/* bytes of the piece not copied yet */
	unsigned int chains;
	uint32_t ring_entries;		/* that the chains take */
	/* where the two bytes of num_buffers are: chains may be cut anywhere */
	uint8_t *num_buffers[2];
	uint16_t heads[RECEIVE_CHAINS_MAX];
	uint32_t written[RECEIVE_CHAINS_MAX];
};

static void count_drop(struct net_counters *counters, enum net_drop cause)
{
	counters->dropped[cause]++;
}

/* Gives every chain back; the driver sees nothing of it. */
static void give_back(struct delivery *delivery)
{
	while (delivery->chains)
		virtqueue_unpop(delivery->receive, delivery->heads[--delivery->chains]);
}

/*
 * Takes one more chain. 1: taken; 0: no more than RECEIVE_CHAINS_MAX, or the whole ring
 * is taken already: the piece can never be delivered; -EAGAIN: none is available; else
 * an error of virtqueue_pop().
 */
static int take_chain(struct delivery *delivery)
{
	int error;

	if (delivery->chains == RECEIVE_CHAINS_MAX ||
	    delivery->ring_entries >= delivery->receive->size)
		return 0;
	error = virtqueue_pop(delivery->receive, delivery->chain);
	if (error <= 0)
		return error ? error : -EAGAIN;
	delivery->heads[delivery->chains++] = delivery->chain->head;
	delivery->ring_entries += delivery->chain->descriptors;
	return 1;
}

static struct vq_cursor writable_part(const struct vq_chain *chain)
{
	struct vq_cursor cursor;

	vq_cursor_init(&cursor, vq_chain_writable(chain), chain->writable_segments);
	return cursor;
}

/* Writes the virtio header at the start of the first chain, which has room for it. */
static void write_header(struct delivery *delivery, struct vq_cursor *to)
{
	uint8_t bytes[NET_HEADER_SIZE];
	size_t span;

	net_header_build(bytes, &delivery->piece->header);
	vq_cursor_write(to, bytes, NUM_BUFFERS_AT);
	for (unsigned int i = 0; i < 2; i++) {
		delivery->num_buffers[i] = vq_cursor_span(to, &span);
		vq_cursor_write(to, bytes + NUM_BUFFERS_AT + i, 1);
	}
}

/* Copies as much of the piece as fits; notes the number of bytes in the chain. */
static void fill(struct delivery *delivery, struct vq_cursor *to)
{
	while (delivery->left && vq_cursor_left(to)) {
		delivery->left -= vq_cursor_copy(to, &delivery->from, vq_cursor_left(to));
		if (!vq_cursor_left(&delivery->from) && delivery->left)
			delivery->from = delivery->piece->part[++delivery->part];
	}
	delivery->written[delivery->chains - 1] =
		delivery->chain->writable - (uint32_t)vq_cursor_left(to);
}

/* Stages the used elements of all chains, after num_buffers has its value. */
static int stage(struct delivery *delivery)
{
	int error = 0;

	*delivery->num_buffers[0] = (uint8_t)delivery->chains;
	*delivery->num_buffers[1] = (uint8_t)(delivery->chains >> 8);
	for (unsigned int i = 0; i < delivery->chains && !error; i++)
		error = virtqueue_push(delivery->receive, delivery->heads[i],
				       delivery->written[i]);
	return error;
}

/* Takes the first chain, which must hold the header. As take_chain(). */
static int begin(struct delivery *delivery, bool mergeable)
{
	size_t needed = NET_HEADER_SIZE + (mergeable ? 0 : delivery->left);
	struct vq_cursor to;
	int error = take_chain(delivery);

	if (error <= 0)
		return error;
	if (delivery->chain->writable < needed)
		return 0;
	to = writable_part(delivery->chain);
	write_header(delivery, &to);
	fill(delivery, &to);
	return 1;
}

/* Fills chains until nothing is left. As take_chain(). */
static int go_on(struct delivery *delivery)
{
	while (delivery->left) {
		struct vq_cursor to;
		int error = take_chain(delivery);

		if (error <= 0)
			return error;
		to = writable_part(delivery->chain);
		fill(delivery, &to);
	}
	return 1;
}

static bool over_mtu(const struct offload_piece *piece, const struct net_side *receiver)
{
	unsigned int tags;

	if (piece->header.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return false;
	if (!net_over_mtu(receiver, piece->length, 0))
		return false;
	tags = offload_vlan_tags(&piece->part[0]);
	return net_over_mtu(receiver, piece->length, tags);
}

int receive_piece(const struct offload_piece *piece, const struct net_side *receiver,
		  struct virtqueue *receive, struct vq_chain *scratch,
		  struct net_counters *counters)
{
	bool mergeable = receiver->features & NET_BIT(VIRTIO_NET_F_MRG_RXBUF);
	struct delivery delivery;
	int result;

	if (over_mtu(piece, receiver)) {
		count_drop(counters, NET_DROP_MTU);
		return 0;
	}
	delivery.piece = piece;
	delivery.receive = receive;
	delivery.chain = scratch;
	delivery.part = 0;
	delivery.from = piece->part[0];
	delivery.left = piece->length;
	delivery.chains = 0;
	delivery.ring_entries = 0;

	result = begin(&delivery, mergeable);
	if (result == 1)
		result = go_on(&delivery);
	if (result == 1) {
		counters->frames++;
		counters->bytes += piece->length;
		return stage(&delivery);
	}
	give_back(&delivery);
	if (!result)
		count_drop(counters, NET_DROP_TOO_SMALL);
	return result;
}

/* Reads and checks the header and takes up the frame behind it. */
static enum net_drop take_up(struct receive_transfer *transfer, const struct vq_chain *chain,
			     const struct net_side *sender, const struct net_side *receiver)
{
	uint8_t bytes[NET_HEADER_SIZE];
	struct vq_cursor cursor;
	struct net_header header;
	enum net_drop drop;

	vq_cursor_init(&cursor, vq_chain_readable(chain), chain->readable_segments);
	if (vq_cursor_read(&cursor, bytes, sizeof(bytes)) != sizeof(bytes))
		return NET_DROP_NO_HEADER;
	header = net_header_parse(bytes);
	drop = net_header_check(&header, sender->features, vq_cursor_left(&cursor));
	if (drop)
		return drop;
	return offload_begin(&transfer->offload, &header, &cursor, receiver->features);
}

int receive_begin(struct receive_transfer *transfer, const struct vq_chain *chain,
		  const struct net_side *sender, const struct net_side *receiver,
		  struct net_counters *counters)
{
	enum net_drop drop = take_up(transfer, chain, sender, receiver);

	transfer->pending = false;
	transfer->waited = false;
	if (drop) {
		count_drop(counters, drop);
		return -EINVAL;
	}
	transfer->receiver = *receiver;
	counters->checksums += transfer->offload.action == NET_COMPLETE;
	counters->segmented += transfer->offload.action == NET_SEGMENT;
	transfer->pending = offload_next(&transfer->offload, &transfer->piece);
	return 0;
}

void receive_skip(struct receive_transfer *transfer, uint32_t pieces)
{
	while (transfer->pending && pieces--)
		transfer->pending = offload_next(&transfer->offload, &transfer->piece);
}

int receive_deliver(struct receive_transfer *transfer, struct virtqueue *receive,
		    struct vq_chain *scratch, struct net_counters *counters)
{
	while (transfer->pending) {
		uint64_t before = counters->frames;
		int error = receive_piece(&transfer->piece, &transfer->receiver, receive, scratch,
					  counters);

		if (error == -EAGAIN && !transfer->waited) {
			transfer->waited = true;
			counters->held++;
		}
		if (error)
			return error;
		if (transfer->delivered && counters->frames != before)
			transfer->delivered(transfer->context, &transfer->piece);
		transfer->waited = false;
		transfer->pending = offload_next(&transfer->offload, &transfer->piece);
	}
	return 0;
}

void receive_abandon(struct receive_transfer *transfer, enum net_drop cause,
		     struct net_counters *counters)
{
	if (transfer->pending)
		count_drop(counters, cause);
	transfer->pending = false;
}

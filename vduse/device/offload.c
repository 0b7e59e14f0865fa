/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done with a frame, and the pieces of frames that stay whole. */
#include <linux/virtio_net.h>
#include <netinet/in.h>

#include "vduse/device/offload.h"
#include "vduse/device/offload_segment.h"

/* Linux sends no more datagrams in one frame: UDP_MAX_SEGMENTS in linux/udp.h. */
#define UDP_SEGMENTS_MAX 128
#define TCP_FLAGS_AT 13
#define TCP_CWR 0x80

/* What gso_size counts from: with UFO the UDP header is part of the first fragment. */
static size_t gso_start(const struct offload *offload)
{
	if (offload->header.gso_type == VIRTIO_NET_HDR_GSO_UDP)
		return offload->layers.transport;
	return offload->layers.payload;
}

/*
 * A frame that fits into one segment is none to be segmented; Linux takes it as one that
 * only wants its checksum (include/linux/virtio_net.h).
 */
static void take_single(struct offload *offload)
{
	offload->single = true;
	offload->header.gso_type = VIRTIO_NET_HDR_GSO_NONE;
}

/* ECN is what the TCP header says, whether or not the sender says so as well: 5.1.6.2.1. */
static void note_ecn(struct offload *offload)
{
	if (offload->layers.protocol != IPPROTO_TCP)
		return;
	if (offload->headers[offload->layers.transport + TCP_FLAGS_AT] & TCP_CWR)
		offload->header.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
}

/* Copies the headers of a GSO frame and checks them against its virtio header. */
static enum net_drop look_inside(struct offload *offload)
{
	struct vq_cursor at = offload->frame;
	size_t length = vq_cursor_read(&at, offload->headers, sizeof(offload->headers));
	uint16_t gso_size = offload->header.gso_size;
	enum net_drop drop;
	size_t bytes;

	drop = offload_parse(&offload->layers, offload->headers, length, &offload->header);
	if (drop)
		return drop;
	bytes = vq_cursor_left(&offload->frame) - gso_start(offload);
	if (offload->header.gso_type == VIRTIO_NET_HDR_GSO_UDP_L4 &&
	    bytes > (size_t)gso_size * UDP_SEGMENTS_MAX)
		return NET_DROP_GSO_SIZE;
	if (bytes <= gso_size)
		take_single(offload);
	else
		note_ecn(offload);
	return NET_DELIVERED;
}

enum net_drop offload_begin(struct offload *offload, const struct net_header *header,
			    const struct vq_cursor *frame, uint64_t receiver_features)
{
	enum net_drop drop;

	offload->header = *header;
	offload->frame = *frame;
	offload->single = false;
	offload->done = 0;
	offload->count = 0;
	if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		drop = look_inside(offload);
		if (drop)
			return drop;
	}
	offload->action = net_receiver_action(&offload->header, receiver_features,
					      offload->layers.version);
	if (offload->action != NET_SEGMENT)
		return NET_DELIVERED;
	offload->partial = receiver_features & NET_BIT(VIRTIO_NET_F_GUEST_CSUM);
	return offload_segment_begin(offload);
}

static void add_part(struct offload_piece *piece, const struct vq_cursor *bytes)
{
	piece->part[piece->parts++] = *bytes;
	piece->length += vq_cursor_left(bytes);
}

static void pass(struct offload *offload, struct offload_piece *piece)
{
	piece->header = net_header_pass(&offload->header);
	add_part(piece, &offload->frame);
}

/*
 * The frame with its checksum, which is the complement of the sum over everything from
 * csum_start, the partial sum in the checksum field included (5.1.6.2). As in Linux
 * (skb_checksum_help), 0 becomes 0xffff, which is the same number and, unlike 0, does not
 * mean "none" in UDP.
 */
static void complete(struct offload *offload, struct offload_piece *piece)
{
	size_t at = (size_t)offload->header.csum_start + offload->header.csum_offset;
	struct vq_cursor bytes = offload->frame;
	uint16_t checksum;

	vq_cursor_skip(&bytes, offload->header.csum_start);
	checksum = (uint16_t)~offload_sum(&bytes, vq_cursor_left(&bytes), 0);
	if (!checksum)
		checksum = 0xffff;
	offload->headers[0] = (uint8_t)(checksum >> 8);
	offload->headers[1] = (uint8_t)checksum;

	piece->header = (struct net_header){ .num_buffers = 1 };
	bytes = offload->frame;
	vq_cursor_limit(&bytes, at);
	add_part(piece, &bytes);
	offload->segment = (struct iovec){ .iov_base = offload->headers, .iov_len = 2 };
	vq_cursor_init(&bytes, &offload->segment, 1);
	add_part(piece, &bytes);
	bytes = offload->frame;
	vq_cursor_skip(&bytes, at + 2);
	add_part(piece, &bytes);
}

bool offload_next(struct offload *offload, struct offload_piece *piece)
{
	piece->parts = 0;
	piece->length = 0;
	if (offload->action == NET_SEGMENT)
		return offload_segment_next(offload, piece);
	if (offload->count++)
		return false;
	if (offload->action == NET_PASS)
		pass(offload, piece);
	else
		complete(offload, piece);
	return true;
}

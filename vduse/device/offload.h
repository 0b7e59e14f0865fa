/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checksums and segmentation in software, for a receiver that did not negotiate what
 * the sender made use of.
 *
 * An offload takes one frame of a sender and yields one or more pieces. A piece is a
 * frame for the receiver: a virtio header and up to three byte ranges to be copied one
 * after the other. Payload is never copied here: a piece refers to the sender's buffers,
 * and only headers that must be rewritten are in memory of the offload's own. So a frame
 * costs one copy whatever is done to it.
 *
 * Frames come from a hostile driver. Every offset is checked against the frame; the
 * lengths in IP and UDP headers are never believed, those of the frame are used instead;
 * headers are copied once and looked at in the copy. If the sender changes its buffers
 * in between, the receiver gets a frame with a wrong checksum, as from a bad cable.
 *
 * What comes out equals what Linux makes of the same frame (net/ipv4/tcp_offload.c,
 * udp_offload.c, af_inet.c, net/ipv6/ip6_offload.c):
 *
 *  TCP	the sequence number grows by gso_size; FIN and PSH stay on the last segment only,
 *	CWR (ECN) on the first only
 *  IPv4	total length and header checksum anew, the identification grows by one a segment
 *  IPv6	payload length anew; extension headers are repeated as they are
 *  UDP	length anew in every segment (USO)
 *  UFO	IPv4: one complete UDP checksum, then IP fragments with one identification. IPv6:
 *	not done (it needs an identification that only a host can choose): dropped as
 *	NET_DROP_UNSUPPORTED. Linux has not sent such frames since 4.14.
 *
 * The transport checksum is derived from the sender's partial one, as Linux does it, so
 * that it is right as well where the address in the pseudo header is not the one in the
 * IPv6 header (routing header).
 *
 * VLAN tags (0x8100, 0x88a8), up to two, before the network header are kept.
 */
#ifndef VDUSE_DEVICE_OFFLOAD_H
#define VDUSE_DEVICE_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vduse/device/net.h"
#include "vduse/virtio/cursor.h"

/*
 * Headers to be repeated (Ethernet to transport) may be this long. The longest without
 * IPv6 extension headers have 142 bytes.
 */
#define OFFLOAD_HEADERS_MAX 512

#define OFFLOAD_PARTS 3

/* Where the headers of a frame begin; offsets in bytes from its start. */
struct offload_layers {
	uint16_t network;	/* IP header */
	uint16_t transport;	/* TCP or UDP header: equals csum_start */
	uint16_t payload;	/* first byte behind the transport header */
	uint8_t version;	/* 4 or 6 */
	uint8_t protocol;	/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t tags;		/* VLAN tags in front of the IP header */
};

/* One frame for the receiver. Good until the offload goes to its next one. */
struct offload_piece {
	struct net_header header;	/* num_buffers is 1; the delivery knows the real one */
	struct vq_cursor part[OFFLOAD_PARTS];
	unsigned int parts;		/* of them in use */
	size_t length;			/* bytes in all of them */
};

/*
 * One frame on its way. The caller provides the memory and does not move or copy it
 * while it is in use, for it points into itself.
 */
struct offload {
	struct net_header header;	/* the sender's, checked */
	enum net_action action;
	struct vq_cursor frame;		/* the whole frame */
	struct offload_layers layers;	/* filled in for GSO frames only */
	bool partial;			/* segments may leave with a partial checksum */
	bool single;			/* GSO in name only: it fits into one segment */
	unsigned int count;		/* pieces so far */

	/* the rest is private to offload*.c */
	size_t done;			/* payload bytes in the pieces so far */
	size_t unit;			/* payload bytes in a full segment */
	struct vq_cursor payload;	/* what is not yet in a piece */
	uint32_t sequence;		/* TCP: of the first segment */
	uint16_t identification;	/* IPv4 */
	uint16_t partial_sum;		/* the sender's, with the length taken out */
	uint8_t tcp_flags;		/* of the whole */
	struct iovec segment;		/* over headers, or over the checksum */
	uint8_t headers[OFFLOAD_HEADERS_MAX];
};

/*
 * Takes up a frame: `header` has passed net_header_check(), `frame` stands at its first
 * byte, and its segments outlive the offload. Decides, with the receiver's features,
 * what has to be done, and looks into the frame where that takes it: GSO frames are
 * checked against their type also when they pass, so that no receiver gets one that
 * contradicts its header. NET_DELIVERED: pieces can be had; otherwise the reason for
 * dropping the frame.
 */
enum net_drop offload_begin(struct offload *offload, const struct net_header *header,
			    const struct vq_cursor *frame, uint64_t receiver_features);

/*
 * Makes the next piece: true, or false when there are no more. There is at least one,
 * and at most one per payload byte.
 */
bool offload_next(struct offload *offload, struct offload_piece *piece);

/*
 * Finds the headers of a GSO frame in its first `length` bytes and checks that they are
 * what gso_type, csum_start and csum_offset say: the ether type, VLAN tags, the IP
 * version, a header chain that ends at csum_start, the protocol, no fragment, a
 * transport header that is there as a whole. NET_DELIVERED or NET_DROP_PROTOCOL.
 */
enum net_drop offload_parse(struct offload_layers *layers, const uint8_t *headers, size_t length,
			    const struct net_header *header);

/* The number of VLAN tags (0 to 2) at the start of a frame; of any length. */
unsigned int offload_vlan_tags(const struct vq_cursor *frame);

/*
 * The ones' complement sum (RFC 1071) of the next `length` bytes, or as many as there are,
 * added to `sum`, folded to 16 bits and not complemented. In the byte order of the
 * network, as a number: the first byte is the high one. Does not move the cursor.
 */
uint16_t offload_sum(const struct vq_cursor *cursor, size_t length, uint32_t sum);

#endif

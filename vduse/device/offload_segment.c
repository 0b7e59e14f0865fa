/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP and UDP segmentation, and fragmentation of UDP, in the way of Linux: see offload.h.
 *
 * The headers of the frame are in offload->headers. For every segment the fields that
 * differ are written there, and the piece consists of the headers and a slice of the
 * sender's payload.
 */
#include <linux/virtio_net.h>
#include <netinet/in.h>

#include "vduse/device/offload_segment.h"

#define IPV4_LENGTH_AT 2
#define IPV4_ID_AT 4
#define IPV4_FRAGMENT_AT 6
#define IPV4_CHECKSUM_AT 10
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV6_LENGTH_AT 4
#define IPV6_SIZE 40
#define TCP_SEQUENCE_AT 4
#define TCP_FLAGS_AT 13
#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80
#define UDP_LENGTH_AT 4
#define UDP_SIZE 8

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

static void put32(uint8_t *bytes, uint32_t value)
{
	put16(bytes, (uint16_t)(value >> 16));
	put16(bytes + 2, (uint16_t)value);
}

/* sum: of two numbers of 16 bits at most */
static uint16_t fold(uint32_t sum)
{
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static bool is_fragmentation(const struct offload *offload)
{
	return offload->header.gso_type == VIRTIO_NET_HDR_GSO_UDP;
}

static uint8_t *network(struct offload *offload)
{
	return offload->headers + offload->layers.network;
}

static uint8_t *transport(struct offload *offload)
{
	return offload->headers + offload->layers.transport;
}

static uint8_t *checksum_field(struct offload *offload)
{
	return transport(offload) + offload->header.csum_offset;
}

/* Bytes of the transport header. */
static uint16_t transport_size(const struct offload *offload)
{
	return offload->layers.payload - offload->layers.transport;
}

/*
 * The sum of the pseudo header without the length in it: what the sender left in the
 * checksum field, less the length that it counted. Linux takes the real length for TCP
 * and the one in the header for UDP.
 */
static uint16_t sum_without_length(struct offload *offload)
{
	uint32_t length = (uint32_t)vq_cursor_left(&offload->frame) - offload->layers.transport;

	if (offload->layers.protocol == IPPROTO_UDP)
		length = get16(transport(offload) + UDP_LENGTH_AT);
	return fold((uint32_t)get16(checksum_field(offload)) + (uint16_t)~fold(length));
}

/*
 * UFO: the whole datagram gets its checksum before it is cut, for no fragment can have
 * one of its own.
 */
static void complete_datagram(struct offload *offload)
{
	struct vq_cursor bytes = offload->frame;
	uint16_t checksum;

	vq_cursor_skip(&bytes, offload->layers.transport);
	checksum = (uint16_t)~offload_sum(&bytes, vq_cursor_left(&bytes), 0);
	put16(checksum_field(offload), checksum ? checksum : 0xffff);
}

enum net_drop offload_segment_begin(struct offload *offload)
{
	offload->unit = offload->header.gso_size;
	if (is_fragmentation(offload)) {
		if (offload->layers.version != 4)
			return NET_DROP_UNSUPPORTED;
		/* an offset counts units of 8 bytes: RFC 791, 3.1 */
		if (offload->unit % 8)
			return NET_DROP_GSO_SIZE;
		complete_datagram(offload);
	}
	offload->payload = offload->frame;
	vq_cursor_skip(&offload->payload, offload->layers.payload);
	offload->identification = get16(network(offload) + IPV4_ID_AT);
	offload->partial_sum = sum_without_length(offload);
	if (offload->layers.protocol == IPPROTO_TCP) {
		offload->sequence = get32(transport(offload) + TCP_SEQUENCE_AT);
		offload->tcp_flags = transport(offload)[TCP_FLAGS_AT];
	}
	return NET_DELIVERED;
}

/* The sum over bytes of offload->headers. */
static uint16_t sum_headers(uint8_t *from, size_t length)
{
	struct iovec segment = { .iov_base = from, .iov_len = length };
	struct vq_cursor cursor;

	vq_cursor_init(&cursor, &segment, 1);
	return offload_sum(&cursor, length, 0);
}

/* Writes total length, identification, fragment offset and checksum of an IPv4 header. */
static void write_ipv4(struct offload *offload, size_t length, bool last)
{
	uint8_t *ip = network(offload);
	size_t size = (size_t)(offload->layers.transport - offload->layers.network);

	put16(ip + IPV4_LENGTH_AT, (uint16_t)length);
	if (is_fragmentation(offload))
		put16(ip + IPV4_FRAGMENT_AT,
		      (uint16_t)(offload->count * (offload->unit / 8) |
				 (last ? 0 : IPV4_MORE_FRAGMENTS)));
	else
		put16(ip + IPV4_ID_AT, (uint16_t)(offload->identification + offload->count));
	put16(ip + IPV4_CHECKSUM_AT, 0);
	put16(ip + IPV4_CHECKSUM_AT, (uint16_t)~sum_headers(ip, size));
}

/* length: bytes of the segment from its network header on */
static void write_network(struct offload *offload, size_t length, bool last)
{
	if (offload->layers.version == 4)
		write_ipv4(offload, length, last);
	else
		put16(network(offload) + IPV6_LENGTH_AT, (uint16_t)(length - IPV6_SIZE));
}

static void write_tcp(struct offload *offload, bool last)
{
	uint8_t *tcp = transport(offload);
	uint8_t flags = offload->tcp_flags;

	put32(tcp + TCP_SEQUENCE_AT, offload->sequence + (uint32_t)offload->done);
	if (!last)
		flags &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (offload->count)
		flags &= (uint8_t)~TCP_CWR;
	tcp[TCP_FLAGS_AT] = flags;
}

/*
 * Writes the transport checksum of a segment: partial, if the receiver completes it,
 * else complete. The field takes part in the sum as the sum of the pseudo header.
 */
static void write_checksum(struct offload *offload, const struct vq_cursor *payload)
{
	uint16_t size = transport_size(offload);
	uint32_t length = (uint32_t)(size + vq_cursor_left(payload));
	uint32_t sum;
	uint16_t checksum;

	put16(checksum_field(offload), fold(offload->partial_sum + fold(length)));
	if (offload->partial)
		return;
	sum = sum_headers(transport(offload), size);
	/* TCP headers are multiples of 4 bytes, so payload begins at an even place */
	checksum = (uint16_t)~offload_sum(payload, vq_cursor_left(payload), sum);
	if (!checksum && offload->layers.protocol == IPPROTO_UDP)
		checksum = 0xffff;
	put16(checksum_field(offload), checksum);
}

static void write_transport(struct offload *offload, const struct vq_cursor *payload, bool last)
{
	if (offload->layers.protocol == IPPROTO_TCP)
		write_tcp(offload, last);
	else
		put16(transport(offload) + UDP_LENGTH_AT,
		      (uint16_t)(UDP_SIZE + vq_cursor_left(payload)));
	write_checksum(offload, payload);
}

static struct net_header header_of(const struct offload *offload)
{
	struct net_header header = { .num_buffers = 1 };

	if (offload->partial && !is_fragmentation(offload)) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = offload->header.csum_start;
		header.csum_offset = offload->header.csum_offset;
	}
	return header;
}

/* Cuts the payload of the next segment off what is left. */
static struct vq_cursor cut(struct offload *offload, size_t length)
{
	struct vq_cursor slice = offload->payload;

	vq_cursor_limit(&slice, length);
	vq_cursor_skip(&offload->payload, length);
	return slice;
}

bool offload_segment_next(struct offload *offload, struct offload_piece *piece)
{
	bool fragment = is_fragmentation(offload);
	/* only the first fragment has the UDP header, which counts in its length */
	bool whole = !fragment || !offload->count;
	size_t headers = whole ? offload->layers.payload : offload->layers.transport;
	struct vq_cursor slice;
	bool last;

	if (!vq_cursor_left(&offload->payload))
		return false;
	slice = cut(offload, offload->unit - (fragment && whole ? UDP_SIZE : 0));
	last = !vq_cursor_left(&offload->payload);
	piece->length = headers + vq_cursor_left(&slice);
	piece->header = header_of(offload);

	write_network(offload, piece->length - offload->layers.network, last);
	if (!fragment)
		write_transport(offload, &slice, last);
	offload->done += vq_cursor_left(&slice);
	offload->count++;

	offload->segment = (struct iovec){ .iov_base = offload->headers, .iov_len = headers };
	vq_cursor_init(&piece->part[0], &offload->segment, 1);
	piece->part[1] = slice;
	piece->parts = 2;
	return true;
}

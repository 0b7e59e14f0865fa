/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "driver_frame.h"
#include "driver_ring.h"

uint16_t driver_get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] * 256 + bytes[1]);
}

uint32_t driver_get32(const uint8_t *bytes)
{
	return (uint32_t)driver_get16(bytes) << 16 | driver_get16(bytes + 2);
}

void driver_put16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

void driver_put32(uint8_t *bytes, uint32_t value)
{
	driver_put16(bytes, (uint16_t)(value >> 16));
	driver_put16(bytes + 2, (uint16_t)value);
}

uint16_t driver_plain_sum(const uint8_t *bytes, size_t length, uint32_t sum)
{
	for (size_t i = 0; i < length; i++) {
		sum += (uint32_t)bytes[i] << (i % 2 ? 0 : 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static uint8_t *append(struct driver_frame *frame, size_t length)
{
	uint8_t *at = frame->bytes + frame->length;

	if (frame->length + length > FRAME_MAX)
		abort();
	memset(at, 0, length);
	frame->length += length;
	return at;
}

static void append_ethernet(struct driver_frame *frame, const struct driver_frame_shape *shape)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 0xb, 2, 0, 0, 0, 0, 0xa };

	memcpy(append(frame, 12), addresses, 12);
	for (unsigned int i = 0; i < shape->tags; i++) {
		uint8_t *tag = append(frame, 4);

		driver_put16(tag, i == 0 && shape->tags == 2 ? 0x88a8 : 0x8100);
		driver_put16(tag + 2, (uint16_t)(100 + i));
	}
	driver_put16(append(frame, 2), shape->version == 4 ? 0x0800 : 0x86dd);
	frame->network = frame->length;
}

static void append_ipv4(struct driver_frame *frame, const struct driver_frame_shape *shape)
{
	uint8_t *ip = append(frame, 20 + 4 * shape->extra);

	ip[0] = (uint8_t)(0x45 + shape->extra);
	driver_put16(ip + 4, shape->identification);
	driver_put16(ip + 6, 0x4000);
	ip[8] = 64;
	ip[9] = (uint8_t)shape->protocol;
	driver_put32(ip + 12, 0x0a000001);
	driver_put32(ip + 16, 0x0a0000fe);
	memset(ip + 20, 1, 4 * shape->extra);
}

/* Extension headers in turn: hop-by-hop, destination options, routing (used up). */
static void append_ipv6(struct driver_frame *frame, const struct driver_frame_shape *shape)
{
	static const uint8_t types[3] = { IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING };
	uint8_t *ip = append(frame, 40), *next = ip + 6;

	ip[0] = 0x60;
	ip[7] = 64;
	ip[8] = 0xfd;
	ip[23] = 1;
	ip[24] = 0xfd;
	ip[39] = 2;
	for (unsigned int i = 0; i < shape->extra; i++) {
		uint8_t *header = append(frame, 8 + 8 * (i % 2));

		*next = types[i % 3];
		next = header;
		header[1] = (uint8_t)(i % 2);
		if (types[i % 3] == IPPROTO_ROUTING)
			header[2] = 4;
		else
			header[2] = 1, header[3] = (uint8_t)(4 + 8 * (i % 2));
	}
	*next = (uint8_t)shape->protocol;
}

static void append_transport(struct driver_frame *frame, const struct driver_frame_shape *shape)
{
	uint8_t *at;

	frame->transport = frame->length;
	if (shape->protocol == IPPROTO_TCP) {
		at = append(frame, 20 + 4 * shape->options);
		driver_put16(at, 40000);
		driver_put16(at + 2, 5001);
		driver_put32(at + 4, shape->sequence);
		driver_put32(at + 8, 0x12345678);
		at[12] = (uint8_t)((5 + shape->options) << 4);
		at[13] = shape->tcp_flags;
		driver_put16(at + 14, 0x7210);
		memset(at + 20, 1, 4 * shape->options);
		frame->header.csum_offset = 16;
	} else {
		at = append(frame, 8);
		driver_put16(at, 40000);
		driver_put16(at + 2, 5001);
		driver_put16(at + 4, (uint16_t)(8 + shape->payload));
		frame->header.csum_offset = 6;
	}
	frame->payload = frame->length;
}

static void append_payload(struct driver_frame *frame, const struct driver_frame_shape *shape)
{
	uint8_t *at = append(frame, shape->payload);
	uint32_t random = shape->seed | 1;

	for (uint32_t i = 0; i < shape->payload; i++)
		at[i] = (uint8_t)driver_random(&random);
}

static uint16_t pseudo_sum(const uint8_t *bytes, size_t network, size_t transport, size_t length,
			   int protocol)
{
	bool four = bytes[network] >> 4 == 4;
	const uint8_t *addresses = bytes + network + (four ? 12 : 8);
	size_t rest = length - transport;

	return driver_plain_sum(addresses, four ? 8 : 32,
				(uint32_t)protocol + (uint32_t)(rest >> 16) +
					(uint32_t)(rest & 0xffff));
}

static void write_lengths(struct driver_frame *frame, const struct driver_frame_shape *shape)
{
	uint8_t *ip = frame->bytes + frame->network;
	size_t length = frame->length - frame->network;
	bool ip_lies = shape->lie && shape->protocol == IPPROTO_TCP;

	if (shape->lie && shape->protocol == IPPROTO_UDP)
		driver_put16(frame->bytes + frame->transport + 4, shape->lie);
	if (shape->version == 6) {
		driver_put16(ip + 4, ip_lies ? shape->lie : (uint16_t)(length - 40));
		return;
	}
	driver_put16(ip + 2, ip_lies ? shape->lie : (uint16_t)length);
	driver_put16(ip + 10, (uint16_t)~driver_plain_sum(ip, (ip[0] & 15) * 4u, 0));
}

void driver_frame_build(struct driver_frame *frame, const struct driver_frame_shape *shape)
{
	frame->length = 0;
	frame->header = (struct net_header){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
	append_ethernet(frame, shape);
	if (shape->version == 4)
		append_ipv4(frame, shape);
	else
		append_ipv6(frame, shape);
	append_transport(frame, shape);
	append_payload(frame, shape);
	write_lengths(frame, shape);
	frame->header.csum_start = (uint16_t)frame->transport;
	driver_put16(frame->bytes + frame->transport + frame->header.csum_offset,
		     pseudo_sum(frame->bytes, frame->network, frame->transport, frame->length,
				shape->protocol));
}

void driver_frame_gso(struct driver_frame *frame, uint8_t gso_type, uint16_t gso_size)
{
	frame->header.gso_type = gso_type;
	frame->header.gso_size = gso_size;
	frame->header.hdr_len = (uint16_t)frame->payload;
}

/* Finds the transport header behind extension headers; returns its protocol. */
static int find_transport(const uint8_t *bytes, size_t network, size_t *transport)
{
	int protocol;

	if (bytes[network] >> 4 == 4) {
		*transport = network + (bytes[network] & 15) * 4u;
		return bytes[network + 9];
	}
	protocol = bytes[network + 6];
	*transport = network + 40;
	while (protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_ROUTING) {
		protocol = bytes[*transport];
		*transport += 8 + 8u * bytes[*transport + 1];
	}
	return protocol;
}

static bool network_valid(const uint8_t *bytes, size_t network, size_t length)
{
	const uint8_t *ip = bytes + network;

	if (ip[0] >> 4 == 6)
		return driver_get16(ip + 4) == length - network - 40;
	return driver_get16(ip + 2) == length - network &&
	       driver_plain_sum(ip, (ip[0] & 15) * 4u, 0) == 0xffff;
}

bool driver_frame_valid(const uint8_t *bytes, size_t length)
{
	size_t network = 14, transport;
	int protocol;

	while (driver_get16(bytes + network - 2) == 0x8100 ||
	       driver_get16(bytes + network - 2) == 0x88a8)
		network += 4;
	if (!network_valid(bytes, network, length))
		return false;
	protocol = find_transport(bytes, network, &transport);
	if (protocol == IPPROTO_UDP && driver_get16(bytes + transport + 4) != length - transport)
		return false;
	if (protocol == IPPROTO_UDP && !driver_get16(bytes + transport + 6))
		return false;
	return driver_plain_sum(bytes + transport, length - transport,
				pseudo_sum(bytes, network, transport, length, protocol)) == 0xffff;
}

size_t driver_piece_copy(const struct offload_piece *piece, uint8_t *bytes)
{
	size_t length = 0;

	for (unsigned int i = 0; i < piece->parts; i++) {
		struct vq_cursor part = piece->part[i];

		length += vq_cursor_read(&part, bytes + length, FRAME_MAX - length);
	}
	return length;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a numbered frame looks like, byte for byte: whole, or any segment of it after
 * somebody has cut it and completed its checksums.
 */
#ifndef TESTSUITE_GUEST_SHAPE_H
#define TESTSUITE_GUEST_SHAPE_H

#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>

#include "testsuite/guest/pattern.h"

#define SHAPE_MAGIC 0x76647573u
#define ETHERTYPE_EXPERIMENT 0x88b5	/* IEEE 802: local, for experiments */
#define TAG_SIZE 4
#define FRAME_MAX 65549			/* an IPv4 packet of 65535 bytes and its Ethernet header */
#define TCP_OPTIONS 12

/* Destination and source; not the interfaces': the host must not answer. */
static const uint8_t station[2][6] = {
	{ 0x02, 0x00, 0x5e, 0x00, 0xf0, 0x0e }, { 0x02, 0x00, 0x5e, 0x00, 0xf0, 0x0d },
};

struct kind {
	const char *name;
	int version, protocol;
};

struct shape {
	const struct kind *kind;
	const struct pattern *pattern;
	struct sizes sizes;	/* of frames, with their Ethernet header */
	uint64_t gso;		/* bytes of payload in a segment, or 0 */
	uint64_t vlan;		/* or 0 */
	bool ecn;
	uint16_t run;		/* tells the frames of one run from those of another */
	size_t network, transport, payload;	/* offsets in a frame */
};

/* A stretch of payload of one frame, which travels on its own. */
struct piece {
	uint32_t number;
	uint32_t offset, length;
	bool partial;		/* its checksum is to be completed by somebody */
};

/* Where the headers of such frames are. */
static inline void shape_lay_out(struct shape *s)
{
	static const size_t network[] = { [4] = sizeof(struct iphdr), [6] = sizeof(struct ip6_hdr) };

	s->network = ETH_HLEN + (s->vlan ? TAG_SIZE : 0);
	s->transport = s->network + (s->kind->version ? network[s->kind->version] : 0);
	s->payload = s->transport;
	if (s->kind->protocol == IPPROTO_TCP)
		s->payload += sizeof(struct tcphdr) + TCP_OPTIONS;
	if (s->kind->protocol == IPPROTO_UDP)
		s->payload += sizeof(struct udphdr);
}

static inline uint32_t add16(uint32_t sum, const void *data, size_t length)
{
	const uint8_t *byte = data;
	uint64_t wide = sum;

	for (; length > 1; length -= 2, byte += 2)
		wide += (uint64_t)byte[0] << 8 | byte[1];
	if (length)
		wide += (uint64_t)byte[0] << 8;
	while (wide >> 16)
		wide = (wide & 0xffff) + (wide >> 16);
	return (uint32_t)wide;
}

static inline void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint32_t payload_of(const struct shape *s, uint64_t number)
{
	return size_of(&s->sizes, number) - (uint32_t)s->payload;
}

static inline unsigned int segment_of(const struct shape *s, const struct piece *piece)
{
	return s->gso ? piece->offset / (uint32_t)s->gso : 0;
}

static inline uint32_t sequence_of(uint32_t number)
{
	return 0xffff8000u + number * 65536u;	/* the first one wraps */
}

static inline void build_ethernet(const struct shape *s, uint8_t *frame)
{
	static const uint16_t type[] = { [0] = ETHERTYPE_EXPERIMENT, [4] = ETH_P_IP,
					 [6] = ETH_P_IPV6 };

	memcpy(frame, station, sizeof(station));
	if (s->vlan) {
		put16(frame + 12, ETH_P_8021Q);
		put16(frame + 14, (uint32_t)s->vlan);
	}
	put16(frame + s->network - 2, type[s->kind->version]);
}

static inline void build_ip4(const struct shape *s, const struct piece *piece, uint8_t *ip,
			     size_t length)
{
	static const uint8_t addresses[] = { 192, 0, 2, 1, 192, 0, 2, 2 };

	memset(ip, 0, sizeof(struct iphdr));
	ip[0] = 0x45;
	put16(ip + 2, (uint32_t)length);
	put16(ip + 4, piece->number * 128 + segment_of(s, piece));
	ip[8] = 64;
	ip[9] = (uint8_t)s->kind->protocol;
	memcpy(ip + 12, addresses, sizeof(addresses));
	put16(ip + 10, ~add16(0, ip, sizeof(struct iphdr)));
}

static inline void build_ip6(const struct shape *s, uint8_t *ip, size_t length)
{
	memset(ip, 0, sizeof(struct ip6_hdr));
	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)(length - sizeof(struct ip6_hdr)));
	ip[6] = (uint8_t)s->kind->protocol;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 1;
	ip[39] = 2;
}

/* FIN and PSH on the last segment, CWR on the first. */
static inline void build_tcp(const struct shape *s, const struct piece *piece, uint8_t *tcp)
{
	static const uint8_t options[TCP_OPTIONS] = { 1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8 };
	bool last = piece->offset + piece->length == payload_of(s, piece->number);
	bool first = piece->offset == 0;

	put16(tcp, 40000);
	put16(tcp + 2, 9);
	put32(tcp + 4, sequence_of(piece->number) + piece->offset);
	put32(tcp + 8, piece->number);
	tcp[12] = (sizeof(struct tcphdr) + TCP_OPTIONS) << 2;
	tcp[13] = (uint8_t)(0x10 | (last ? 0x09 : 0) | (s->ecn && first ? 0x80 : 0));
	put16(tcp + 14, s->run);
	put32(tcp + 16, 0);
	memcpy(tcp + sizeof(struct tcphdr), options, TCP_OPTIONS);
}

static inline void build_udp(uint8_t *udp, size_t length)
{
	put16(udp, 40000);
	put16(udp + 2, 9);
	put16(udp + 4, (uint32_t)length);
	put16(udp + 6, 0);
}

static inline size_t checksum_offset(const struct shape *s)
{
	return s->kind->protocol == IPPROTO_TCP ? offsetof(struct tcphdr, th_sum)
						: offsetof(struct udphdr, uh_sum);
}

/* The checksum of the transport header: whole, or of the pseudo header only. */
static inline void build_checksum(const struct shape *s, bool partial, uint8_t *frame,
				  size_t length)
{
	size_t addresses = s->kind->version == 4 ? 8 : 32;
	uint8_t *transport = frame + s->transport;
	uint8_t *field = transport + checksum_offset(s);
	size_t rest = length - s->transport;
	uint32_t sum = add16((uint32_t)s->kind->protocol + (uint32_t)rest, transport - addresses,
			     addresses);

	if (partial) {
		put16(field, add16(sum, NULL, 0));
		return;
	}
	sum = ~add16(sum, transport, rest) & 0xffff;
	put16(field, s->kind->protocol == IPPROTO_UDP && !sum ? 0xffff : sum);
}

static inline void build_payload(const struct shape *s, const struct piece *piece, uint8_t *to)
{
	memcpy(to, pattern_at(s->pattern, piece->number) + piece->offset, piece->length);
	if (s->kind->protocol != IPPROTO_TCP) {
		put32(to, SHAPE_MAGIC ^ s->run);
		put32(to + 4, piece->number);
	}
}

/* The bytes of a piece; returns their number. */
static inline size_t build(const struct shape *s, const struct piece *piece, uint8_t *frame)
{
	size_t length = s->payload + piece->length;

	build_ethernet(s, frame);
	build_payload(s, piece, frame + s->payload);
	if (s->kind->version == 4)
		build_ip4(s, piece, frame + s->network, length - s->network);
	if (s->kind->version == 6)
		build_ip6(s, frame + s->network, length - s->network);
	if (s->kind->protocol == IPPROTO_TCP)
		build_tcp(s, piece, frame + s->transport);
	if (s->kind->protocol == IPPROTO_UDP)
		build_udp(frame + s->transport, length - s->transport);
	if (s->kind->protocol)
		build_checksum(s, piece->partial, frame, length);
	return length;
}

#endif

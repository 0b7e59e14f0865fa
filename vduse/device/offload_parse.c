/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding the headers of a frame that asks for segmentation. */
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "vduse/device/offload.h"

#define ETHERTYPE_AT 12
#define ETHERNET_SIZE 14
#define TAG_SIZE 4
#define TAGS_MAX 2
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define IPV4_SIZE 20
#define IPV4_FRAGMENT 0x3fff	/* more fragments, or an offset */
#define IPV6_SIZE 40
#define TCP_SIZE 20
#define TCP_CHECKSUM_AT 16
#define UDP_SIZE 8
#define UDP_CHECKSUM_AT 6

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static bool is_tag(uint16_t type)
{
	return type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ;
}

/* Steps over VLAN tags: returns their number, and the ether type behind them. */
static unsigned int skip_tags(const uint8_t *headers, size_t length, uint16_t *type)
{
	size_t at = ETHERTYPE_AT;
	unsigned int tags = 0;

	*type = 0;
	while (at + 2 <= length) {
		*type = get16(headers + at);
		if (!is_tag(*type) || tags == TAGS_MAX)
			break;
		at += TAG_SIZE;
		tags++;
	}
	return tags;
}

unsigned int offload_vlan_tags(const struct vq_cursor *frame)
{
	uint8_t headers[ETHERNET_SIZE + TAG_SIZE * TAGS_MAX];
	struct vq_cursor at = *frame;
	size_t length = vq_cursor_read(&at, headers, sizeof(headers));
	uint16_t type;

	return skip_tags(headers, length, &type);
}

/* The IP version that a GSO type allows: 4, 6, or 0 for both. */
static int version_of(uint8_t gso_type)
{
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return 4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return 6;
	default:
		return 0;
	}
}

static bool is_tcp(uint8_t gso_type)
{
	return version_of(gso_type) != 0;
}

/* Finds the end of an IPv4 header and its protocol. */
static bool parse_ipv4(struct offload_layers *layers, const uint8_t *headers, size_t length)
{
	const uint8_t *ip = headers + layers->network;
	size_t size;

	if (length < (size_t)layers->network + IPV4_SIZE || ip[0] >> 4 != 4)
		return false;
	size = (size_t)(ip[0] & 15) * 4;
	if (size < IPV4_SIZE || get16(ip + 6) & IPV4_FRAGMENT)
		return false;
	layers->transport = (uint16_t)(layers->network + size);
	layers->protocol = ip[9];
	return true;
}

/* The extension headers that Linux segments behind: net/ipv6/ip6_offload.c. */
static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_DSTOPTS;
}

/*
 * As parse_ipv4(), over extension headers, each of which has 8 bytes or more. The end may
 * lie beyond what there is, as with IPv4: the transport header then is not there either.
 */
static bool parse_ipv6(struct offload_layers *layers, const uint8_t *headers, size_t length)
{
	size_t at = (size_t)layers->network + IPV6_SIZE;
	uint8_t protocol;

	if (length < at || headers[layers->network] >> 4 != 6)
		return false;
	protocol = headers[layers->network + 6];
	while (is_extension(protocol)) {
		if (length < at + 8)
			return false;
		protocol = headers[at];
		at += ((size_t)headers[at + 1] + 1) * 8;
	}
	layers->transport = (uint16_t)at;
	layers->protocol = protocol;
	return true;
}

static bool parse_network(struct offload_layers *layers, const uint8_t *headers, size_t length)
{
	uint16_t type;

	layers->tags = (uint8_t)skip_tags(headers, length, &type);
	layers->network = (uint16_t)(ETHERNET_SIZE + TAG_SIZE * layers->tags);
	if (type == ETHERTYPE_IPV4) {
		layers->version = 4;
		return parse_ipv4(layers, headers, length);
	}
	if (type == ETHERTYPE_IPV6) {
		layers->version = 6;
		return parse_ipv6(layers, headers, length);
	}
	return false;
}

static bool parse_tcp(struct offload_layers *layers, const uint8_t *headers, size_t length,
		      uint16_t csum_offset)
{
	size_t size;

	if (layers->protocol != IPPROTO_TCP || csum_offset != TCP_CHECKSUM_AT)
		return false;
	if (length < (size_t)layers->transport + TCP_SIZE)
		return false;
	size = (size_t)(headers[layers->transport + 12] >> 4) * 4;
	layers->payload = (uint16_t)(layers->transport + size);
	return size >= TCP_SIZE && layers->payload <= length;
}

static bool parse_udp(struct offload_layers *layers, size_t length, uint16_t csum_offset)
{
	if (layers->protocol != IPPROTO_UDP || csum_offset != UDP_CHECKSUM_AT)
		return false;
	layers->payload = (uint16_t)(layers->transport + UDP_SIZE);
	return layers->payload <= length;
}

enum net_drop offload_parse(struct offload_layers *layers, const uint8_t *headers, size_t length,
			    const struct net_header *header)
{
	int version = version_of(header->gso_type);
	bool found;

	*layers = (struct offload_layers){ 0 };
	if (length > OFFLOAD_HEADERS_MAX)
		length = OFFLOAD_HEADERS_MAX;
	if (!parse_network(layers, headers, length))
		return NET_DROP_PROTOCOL;
	if (version && version != layers->version)
		return NET_DROP_PROTOCOL;
	if (layers->transport != header->csum_start)
		return NET_DROP_PROTOCOL;
	if (is_tcp(header->gso_type))
		found = parse_tcp(layers, headers, length, header->csum_offset);
	else
		found = parse_udp(layers, length, header->csum_offset);
	return found ? NET_DELIVERED : NET_DROP_PROTOCOL;
}

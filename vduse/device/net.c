/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "vduse/device/net.h"

#define CHECKSUM_SIZE 2
#define MTU_MIN 68		/* 5.1.4.1 */
#define SPEED_MAX 0x7fffffffu	/* 5.1.4 */
#define SPEED_UNKNOWN 0xffffffffu
#define DUPLEX_UNKNOWN 0xff
/* Linux marks frames of a kind that no header can describe with this gso_size. */
#define GSO_SIZE_RESERVED 0xffff

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static void put16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)value;
	bytes[1] = (uint8_t)(value >> 8);
}

struct net_header net_header_parse(const uint8_t bytes[NET_HEADER_SIZE])
{
	return (struct net_header){
		.flags = bytes[0],
		.gso_type = bytes[1],
		.hdr_len = get16(bytes + 2),
		.gso_size = get16(bytes + 4),
		.csum_start = get16(bytes + 6),
		.csum_offset = get16(bytes + 8),
		.num_buffers = get16(bytes + 10),
	};
}

void net_header_build(uint8_t bytes[NET_HEADER_SIZE], const struct net_header *header)
{
	bytes[0] = header->flags;
	bytes[1] = header->gso_type;
	put16(bytes + 2, header->hdr_len);
	put16(bytes + 4, header->gso_size);
	put16(bytes + 6, header->csum_start);
	put16(bytes + 8, header->csum_offset);
	put16(bytes + 10, header->num_buffers);
}

/* The feature that a sender needs for a GSO type; 0 for a type that does not exist. */
static uint64_t sender_feature(uint8_t type)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return NET_BIT(VIRTIO_NET_F_HOST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return NET_BIT(VIRTIO_NET_F_HOST_TSO6);
	case VIRTIO_NET_HDR_GSO_UDP:
		return NET_BIT(VIRTIO_NET_F_HOST_UFO);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return NET_BIT(VIRTIO_NET_F_HOST_USO);
	default:
		return 0;
	}
}

/* The features that a receiver needs for a GSO type; 0 for a type that does not exist. */
static uint64_t receiver_features_for(uint8_t type, int ip_version)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return NET_BIT(VIRTIO_NET_F_GUEST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return NET_BIT(VIRTIO_NET_F_GUEST_TSO6);
	case VIRTIO_NET_HDR_GSO_UDP:
		return NET_BIT(VIRTIO_NET_F_GUEST_UFO);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return ip_version == 4 ? NET_BIT(VIRTIO_NET_F_GUEST_USO4) :
					 NET_BIT(VIRTIO_NET_F_GUEST_USO6);
	default:
		return 0;
	}
}

static bool is_tcp(uint8_t type)
{
	return type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6;
}

static enum net_drop check_checksum(const struct net_header *header, uint64_t features,
				    size_t frame_length)
{
	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return NET_DELIVERED;
	if (!(features & NET_BIT(VIRTIO_NET_F_CSUM)))
		return NET_DROP_FEATURE;
	if ((size_t)header->csum_start + header->csum_offset + CHECKSUM_SIZE > frame_length)
		return NET_DROP_CHECKSUM;
	return NET_DELIVERED;
}

static enum net_drop check_gso_type(const struct net_header *header, uint64_t features)
{
	uint8_t type = header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	bool ecn = header->gso_type & VIRTIO_NET_HDR_GSO_ECN;
	uint64_t feature = sender_feature(type);

	if (!feature || (ecn && !is_tcp(type)))
		return NET_DROP_GSO_TYPE;
	if (!(features & feature))
		return NET_DROP_FEATURE;
	if (ecn && !(features & NET_BIT(VIRTIO_NET_F_HOST_ECN)))
		return NET_DROP_FEATURE;
	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return NET_DROP_GSO_TYPE;
	return NET_DELIVERED;
}

static enum net_drop check_gso(const struct net_header *header, uint64_t features,
			       size_t frame_length)
{
	enum net_drop drop;

	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return NET_DELIVERED;
	drop = check_gso_type(header, features);
	if (drop)
		return drop;
	if (!header->gso_size || header->gso_size == GSO_SIZE_RESERVED)
		return NET_DROP_GSO_SIZE;
	if (header->hdr_len > frame_length)
		return NET_DROP_GSO_HEADER;
	return NET_DELIVERED;
}

enum net_drop net_header_check(const struct net_header *header, uint64_t sender_features,
			       size_t frame_length)
{
	enum net_drop drop;

	if (frame_length < NET_FRAME_MIN)
		return NET_DROP_SHORT;
	if (frame_length > NET_FRAME_MAX)
		return NET_DROP_LONG;
	drop = check_checksum(header, sender_features, frame_length);
	if (drop)
		return drop;
	return check_gso(header, sender_features, frame_length);
}

enum net_action net_receiver_action(const struct net_header *header, uint64_t receiver_features,
				    int ip_version)
{
	uint64_t needed = 0;

	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		needed |= NET_BIT(VIRTIO_NET_F_GUEST_CSUM);
	if (header->gso_type & VIRTIO_NET_HDR_GSO_ECN)
		needed |= NET_BIT(VIRTIO_NET_F_GUEST_ECN);
	needed |= receiver_features_for(header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN, ip_version);
	if ((receiver_features & needed) == needed)
		return NET_PASS;
	return header->gso_type == VIRTIO_NET_HDR_GSO_NONE ? NET_COMPLETE : NET_SEGMENT;
}

struct net_header net_header_pass(const struct net_header *header)
{
	struct net_header pass = { .num_buffers = 1 };

	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		pass.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		pass.csum_start = header->csum_start;
		pass.csum_offset = header->csum_offset;
	}
	if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		pass.gso_type = header->gso_type;
		pass.gso_size = header->gso_size;
		pass.hdr_len = header->hdr_len;
	}
	return pass;
}

bool net_over_mtu(const struct net_side *receiver, size_t frame_length, unsigned int tags)
{
	if (!(receiver->features & NET_BIT(VIRTIO_NET_F_MTU)))
		return false;
	return frame_length > (size_t)receiver->mtu + NET_FRAME_MIN + 4 * (size_t)tags;
}

uint64_t net_features_unmet(uint64_t features)
{
	static const struct {
		unsigned int bit;
		uint64_t any_of;
	} rule[] = {
		{ VIRTIO_NET_F_GUEST_TSO4, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_GUEST_TSO6, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_GUEST_ECN,
		  NET_BIT(VIRTIO_NET_F_GUEST_TSO4) | NET_BIT(VIRTIO_NET_F_GUEST_TSO6) },
		{ VIRTIO_NET_F_GUEST_UFO, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_GUEST_USO4, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_GUEST_USO6, NET_BIT(VIRTIO_NET_F_GUEST_CSUM) },
		{ VIRTIO_NET_F_HOST_TSO4, NET_BIT(VIRTIO_NET_F_CSUM) },
		{ VIRTIO_NET_F_HOST_TSO6, NET_BIT(VIRTIO_NET_F_CSUM) },
		{ VIRTIO_NET_F_HOST_ECN,
		  NET_BIT(VIRTIO_NET_F_HOST_TSO4) | NET_BIT(VIRTIO_NET_F_HOST_TSO6) },
		{ VIRTIO_NET_F_HOST_UFO, NET_BIT(VIRTIO_NET_F_CSUM) },
		{ VIRTIO_NET_F_HOST_USO, NET_BIT(VIRTIO_NET_F_CSUM) },
	};

	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++)
		if (features & NET_BIT(rule[i].bit) && !(features & rule[i].any_of))
			return NET_BIT(rule[i].bit);
	return 0;
}

static bool mac_usable(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return !(mac[0] & 1) && memcmp(mac, zero, sizeof(zero));
}

int net_config_build(const struct net_config_values *values, uint8_t bytes[NET_CONFIG_SIZE])
{
	struct virtio_net_config config = {
		.status = htole16(values->link_up ? VIRTIO_NET_S_LINK_UP : 0),
		.max_virtqueue_pairs = htole16(1),
		.mtu = htole16(values->mtu),
		.speed = htole32(values->speed),
		.duplex = values->duplex,
	};

	_Static_assert(sizeof(config) == NET_CONFIG_SIZE, "the structure of virtio 1.2");
	if (!mac_usable(values->mac) || values->mtu < MTU_MIN)
		return -EINVAL;
	if (values->speed > SPEED_MAX && values->speed != SPEED_UNKNOWN)
		return -EINVAL;
	if (values->duplex > 1 && values->duplex != DUPLEX_UNKNOWN)
		return -EINVAL;
	memcpy(config.mac, values->mac, sizeof(config.mac));
	memcpy(bytes, &config, sizeof(config));
	return 0;
}

void net_config_link(bool up, uint8_t bytes[2])
{
	_Static_assert(offsetof(struct virtio_net_config, status) == NET_CONFIG_LINK, "5.1.4");
	put16(bytes, up ? VIRTIO_NET_S_LINK_UP : 0);
}

const char *net_drop_text(enum net_drop drop)
{
	static const char *const text[NET_DROPS] = {
		[NET_DELIVERED] = "delivered",
		[NET_DROP_NO_HEADER] = "no_header",
		[NET_DROP_SHORT] = "short",
		[NET_DROP_LONG] = "long",
		[NET_DROP_FEATURE] = "feature",
		[NET_DROP_CHECKSUM] = "checksum",
		[NET_DROP_GSO_TYPE] = "gso_type",
		[NET_DROP_GSO_SIZE] = "gso_size",
		[NET_DROP_GSO_HEADER] = "gso_header",
		[NET_DROP_PROTOCOL] = "protocol",
		[NET_DROP_UNSUPPORTED] = "unsupported",
		[NET_DROP_MTU] = "mtu",
		[NET_DROP_TOO_SMALL] = "too_small",
		[NET_DROP_NO_BUFFER] = "no_buffer",
		[NET_DROP_NO_RECEIVER] = "no_receiver",
	};

	return (unsigned int)drop < NET_DROPS ? text[drop] : "unknown";
}

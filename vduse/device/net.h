/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the virtio network device (virtio 1.2, section 5.1), as pure functions:
 * the header before every frame, which side may put what into it, and the
 * configuration space. Nothing here touches a virtqueue.
 *
 * Two sides: the sender is the driver whose transmit virtqueue a frame came from, the
 * receiver is the one whose receive virtqueue it goes to. On a loopback device they are
 * the same driver, on cross-connected devices they are two that may have negotiated
 * different offloads. What the sender may use depends on its HOST_* features and CSUM,
 * what the receiver can take depends on its GUEST_* features. What lies between is done
 * in software (offload.h).
 */
#ifndef VDUSE_DEVICE_NET_H
#define VDUSE_DEVICE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_BIT(feature) (UINT64_C(1) << (feature))

/* struct virtio_net_hdr of a VERSION_1 device without HASH_REPORT: 5.1.6 */
#define NET_HEADER_SIZE 12
/* An Ethernet header, and nothing behind it */
#define NET_FRAME_MIN 14
/* The longest frame that receive buffers are made for (65562 with the header): 5.1.6.3.1 */
#define NET_FRAME_MAX 65550

/* The header in host byte order. */
struct net_header {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t num_buffers;
};

/* What a driver negotiated, as far as frames are concerned. */
struct net_side {
	uint64_t features;	/* as accepted by the driver */
	uint16_t mtu;		/* of its configuration space; used when MTU was negotiated */
};

/* Why a frame was not delivered. Text: net_drop_text(). */
enum net_drop {
	NET_DELIVERED = 0,
	NET_DROP_NO_HEADER,	/* shorter than the virtio header */
	NET_DROP_SHORT,		/* frame shorter than an Ethernet header */
	NET_DROP_LONG,		/* over NET_FRAME_MAX */
	NET_DROP_FEATURE,	/* the sender uses an offload that it did not negotiate */
	NET_DROP_CHECKSUM,	/* checksum field outside the frame */
	NET_DROP_GSO_TYPE,	/* unknown, or without NEEDS_CSUM */
	NET_DROP_GSO_SIZE,	/* 0, or no size that the type can have */
	NET_DROP_GSO_HEADER,	/* hdr_len over the frame */
	NET_DROP_PROTOCOL,	/* the frame's own headers are cut off or contradict the GSO type */
	NET_DROP_UNSUPPORTED,	/* the receiver cannot take it and software does not do it */
	NET_DROP_MTU,		/* over the MTU that the receiver negotiated */
	NET_DROP_TOO_SMALL,	/* no receive chain, or not the whole ring, can hold it */
	NET_DROP_NO_BUFFER,	/* no receive buffers in time */
	NET_DROP_NO_RECEIVER,	/* receive virtqueue stopped or broken, link down */
	NET_DROPS		/* their number */
};

/* Counters of one direction; the caller zeroes them. They only grow. */
struct net_counters {
	uint64_t frames;	/* delivered: used by a receiver, each segment counts */
	uint64_t bytes;		/* of these, without the virtio headers */
	uint64_t checksums;	/* checksums completed in software */
	uint64_t segmented;	/* frames that were cut into segments in software */
	uint64_t held;		/* deliveries that had to wait for receive buffers */
	uint64_t dropped[NET_DROPS];	/* by cause */
};

/* What to do with a frame before a receiver can have it. */
enum net_action {
	NET_PASS,		/* nothing: header fields are passed on or cleared */
	NET_COMPLETE,		/* write the complete checksum, clear the header */
	NET_SEGMENT,		/* cut it into frames */
};

/* Reads the 12 bytes of a header; any bytes give some header. */
struct net_header net_header_parse(const uint8_t bytes[NET_HEADER_SIZE]);

/* Writes the 12 bytes of a header. */
void net_header_build(uint8_t bytes[NET_HEADER_SIZE], const struct net_header *header);

/*
 * Checks a sender's header against what it negotiated and against the length of the
 * frame behind it, in bytes (5.1.6.2.1). NET_DELIVERED: fine; else why it is not.
 * Flags that are not known, DATA_VALID among them, are ignored, and so is num_buffers
 * (5.1.6.2.2, 5.1.6.2); csum_start and csum_offset without NEEDS_CSUM, and hdr_len and
 * gso_size without a GSO type, are not looked at.
 */
enum net_drop net_header_check(const struct net_header *header, uint64_t sender_features,
			       size_t frame_length);

/*
 * Decides what a checked header needs before a receiver with these features can have the
 * frame (5.1.6.4.1). ip_version, 4 or 6, only matters for UDP segmentation, where
 * receivers take the one, the other or both.
 */
enum net_action net_receiver_action(const struct net_header *header, uint64_t receiver_features,
				    int ip_version);

/*
 * The header that a receiver sees in front of a frame whose action is NET_PASS: only
 * NEEDS_CSUM with its two fields and the GSO fields go through, as far as they are in
 * use. num_buffers is 1.
 */
struct net_header net_header_pass(const struct net_header *header);

/*
 * Whether a frame without GSO is over the receiver's MTU (5.1.4.1). `tags` is the number
 * of VLAN tags in front of its network header: each adds 4 bytes to the Ethernet header.
 * Without VIRTIO_NET_F_MTU there is no limit.
 */
bool net_over_mtu(const struct net_side *receiver, size_t frame_length, unsigned int tags);

/*
 * Checks that every feature comes with the ones that it needs (5.1.3.1). Returns 0, or
 * the bit of a feature whose requirement is missing.
 */
uint64_t net_features_unmet(uint64_t features);

/* The values of a configuration space: 5.1.4. */
struct net_config_values {
	uint8_t mac[6];		/* unicast and not zero */
	bool link_up;
	uint16_t mtu;		/* 68 to 65535 */
	uint32_t speed;		/* Mb/s: 0 to 0x7fffffff, or 0xffffffff for unknown */
	uint8_t duplex;		/* 0 half, 1 full, 0xff unknown */
};

#define NET_CONFIG_SIZE 24	/* struct virtio_net_config of virtio 1.2 */

/*
 * Writes the configuration space, all 24 bytes: one pair of virtqueues, no RSS, and of
 * the status only LINK_UP. -EINVAL: a value out of its range; nothing is written then.
 */
int net_config_build(const struct net_config_values *values, uint8_t bytes[NET_CONFIG_SIZE]);

/* Where LINK_UP is in the configuration space, and its two bytes there: 5.1.4. Of the other
 * bits of the status only 0 is ever written: Linux 6.12 crashes when it sees ANNOUNCE. */
#define NET_CONFIG_LINK 6
void net_config_link(bool up, uint8_t bytes[2]);

/* A name for a cause, for counters and logs ("no_buffer"): never NULL. */
const char *net_drop_text(enum net_drop drop);

#endif

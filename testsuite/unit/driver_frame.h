/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames as a driver hands them over, with their virtio header, for tests; and plain,
 * slow checks of frames that come out, which share no code with what is tested.
 */
#ifndef VDUSE_TEST_DRIVER_FRAME_H
#define VDUSE_TEST_DRIVER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vduse/device/net.h"
#include "vduse/device/offload.h"

#define FRAME_MAX 65600

/* What a frame is made of. */
struct driver_frame_shape {
	int version;		/* IP: 4 or 6 */
	int protocol;		/* IPPROTO_TCP or IPPROTO_UDP */
	unsigned int tags;	/* VLAN tags, 0 to 2 */
	unsigned int extra;	/* IPv4: words of options; IPv6: extension headers */
	unsigned int options;	/* TCP: words of options */
	uint8_t tcp_flags;
	uint16_t identification;	/* IPv4 */
	uint32_t sequence;	/* TCP */
	uint32_t payload;	/* bytes behind the transport header */
	uint32_t seed;		/* of the payload */
	uint16_t lie;		/* not 0: written as length into the UDP, else the IP header */
};

struct driver_frame {
	uint8_t bytes[FRAME_MAX];
	size_t length;
	size_t network;		/* offsets */
	size_t transport;
	size_t payload;
	struct net_header header;	/* NEEDS_CSUM, no GSO */
};

/* Builds a frame with a partial checksum (the sum of the pseudo header). */
void driver_frame_build(struct driver_frame *frame, const struct driver_frame_shape *shape);

/* Asks for segmentation: sets gso_type, gso_size and hdr_len of the header. */
void driver_frame_gso(struct driver_frame *frame, uint8_t gso_type, uint16_t gso_size);

/* Ones' complement sum in the plainest way: pairs of bytes, the first one high. */
uint16_t driver_plain_sum(const uint8_t *bytes, size_t length, uint32_t sum);

/*
 * Whether all checksums of a frame are right (IPv4 header, TCP or UDP) and its lengths
 * are those of the frame. Knows VLAN tags and the extension headers made here.
 */
bool driver_frame_valid(const uint8_t *bytes, size_t length);

/* Copies a piece into bytes, which has room for FRAME_MAX; returns its length. */
size_t driver_piece_copy(const struct offload_piece *piece, uint8_t *bytes);

uint16_t driver_get16(const uint8_t *bytes);
uint32_t driver_get32(const uint8_t *bytes);
void driver_put16(uint8_t *bytes, uint16_t value);
void driver_put32(uint8_t *bytes, uint32_t value);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feature bits by name (virtio 1.2, sections 2.2, 5.1.3, 5.2.3 and 6).
 *
 * The names printed are those of iproute2's vdpa where it has one, else the
 * kernel header's without its prefix, else "bit_N".
 */
#ifndef VT_LIB_FEATURES_H
#define VT_LIB_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

/* virtio device types (virtio 1.2 section 5; <linux/virtio_ids.h>). */
#define DEVICE_TYPE_NONE 0
#define DEVICE_TYPE_NET 1
#define DEVICE_TYPE_BLOCK 2

#define FEATURE(bit) (UINT64_C(1) << (bit))

/*
 * What the bundled virtio-net device implements, and so what a net device offers
 * unless its creator says otherwise: CSUM, GUEST_CSUM, MTU, MAC, GUEST_TSO4/6,
 * GUEST_ECN, HOST_TSO4/6, HOST_ECN, MRG_RXBUF, STATUS, RING_INDIRECT_DESC,
 * RING_EVENT_IDX, VERSION_1, ACCESS_PLATFORM, SPEED_DUPLEX.
 */
#define FEATURES_NET_DEFAULT UINT64_C(0x800000033001bbab)

/* What it implements beyond that, for who asks for it: RING_PACKED. */
#define FEATURES_NET_IMPLEMENTED (FEATURES_NET_DEFAULT | FEATURE(34))

/* The two that VDUSE asks of every device: VERSION_1 and ACCESS_PLATFORM. */
#define FEATURES_MANDATORY (FEATURE(32) | FEATURE(33))

#define FEATURE_NAME_MAX 32

/*
 * The name of bit @bit (0 to 63) of a device of @type, "bit_N" where it has none.
 * @buffer holds at least FEATURE_NAME_MAX bytes and is used only for the latter;
 * the result is static or @buffer.
 */
const char *feature_name(uint32_t type, unsigned int bit, char *buffer);

/* The bit called @name (@length bytes, any case, "RING_" optional, "bit_N"), or -1. */
int feature_bit(uint32_t type, const char *name, size_t length);

/*
 * FEATURES as users write them: one 0x mask; names with commas between them; or
 * the default set with changes, "+NAME" and "no_NAME". With @bare_hex the mask may
 * lack its 0x, as iproute2 takes it. 0, or negative with @failure (status 2).
 */
int features_parse(const char *text, uint32_t type, uint64_t defaults, bool bare_hex,
		   uint64_t *features, struct failure *failure);

#endif

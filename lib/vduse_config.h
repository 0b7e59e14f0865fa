/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration space of a device, as virtio 1.2 lays it out (5.1.4, 5.2.4). Pure. */
#ifndef VT_LIB_VDUSE_CONFIG_H
#define VT_LIB_VDUSE_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "lib/vduse_definition.h"

/* What a net device says of its link: VDUSE has no wire, so it says what veth says. */
#define VDUSE_NET_SPEED 10000	/* Mb/s */

/* The longest configuration space that these tools make. */
#define VDUSE_CONFIG_SIZE 128

/*
 * The whole space of @definition into @config, little-endian, zero where a field's
 * feature is not offered (but max_virtqueue_pairs, whose least legal value is 1). The
 * kernel reads any field that a newer driver asks for, so the full structure is given,
 * never a part of it. Returns its length, 0 for a type that has none here.
 */
size_t vduse_config_encode(const struct vduse_definition *definition,
			   uint8_t config[VDUSE_CONFIG_SIZE]);

#endif

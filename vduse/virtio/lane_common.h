/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lanes of both formats have in common: lane.h. Not for users of the engine. */
#ifndef VDUSE_VIRTIO_LANE_COMMON_H
#define VDUSE_VIRTIO_LANE_COMMON_H

#include "vduse/virtio/format.h"
#include "vduse/virtio/shared.h"
#include "vduse/virtio/window.h"

/* A simple chain: one descriptor. */
struct vq_lane_chain {
	uint8_t *base;
	uint32_t length;
	uint32_t head;		/* packed: buffer id */
};

#endif

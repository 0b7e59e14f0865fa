/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lanes of both formats have in common: lane.h. Not for users of the engine. */
#ifndef VDUSE_VIRTIO_LANE_COMMON_H
#define VDUSE_VIRTIO_LANE_COMMON_H

#include "vduse/virtio/format.h"
#include "vduse/virtio/shared.h"
#include "vduse/virtio/window.h"

/* A virtqueue while a lane is open on it. */
struct vq_lane {
	struct virtqueue *vq;
	bool alone;		/* for one chain: there is no other that it could be mixed up with */
	/* packed: where the lane begins */
	uint16_t position;
	struct vring_packed_desc *desc;
};

/* A simple chain: one descriptor. */
struct vq_lane_chain {
	uint8_t *base;
	uint32_t length;
	uint32_t head;		/* packed: buffer id */
};

#endif

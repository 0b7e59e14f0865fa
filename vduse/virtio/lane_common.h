/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lanes of both formats have in common: lane.h. Not for users of the engine. */
#ifndef VDUSE_VIRTIO_LANE_COMMON_H
#define VDUSE_VIRTIO_LANE_COMMON_H

#include "vduse/virtio/format.h"
#include "vduse/virtio/shared.h"
#include "vduse/virtio/window.h"

#define VQ_LANE_INLINE static inline __attribute__((always_inline))

/*
 * Where a lane is. All else stays in the virtqueue, and is loaded from there when it is
 * needed, which costs no more than from the stack, and nothing to open and close.
 */
struct vq_lane {
	uint16_t next;		/* the chain to be taken: free-running index, packed: position */
	uint32_t count;		/* chains taken and staged so far */
	uint32_t limit;		/* no more than these */
};

/* A simple chain: one descriptor. */
struct vq_lane_chain {
	uint8_t *base;
	uint32_t length;
	uint16_t head;		/* packed: buffer id */
};

enum vq_lane_look {
	VQ_LANE_SIMPLE,		/* a chain that the lane can take */
	VQ_LANE_END,		/* no chain is available that the lane knows of */
	VQ_LANE_OTHER,		/* the next one is not for a lane */
};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The quick way for plain frames: forward.c's, not for others.
 *
 * A frame is plain when its transmit chain is one descriptor, its header asks for nothing
 * (no checksum, no segmentation), it is within the receiver's MTU, and the receiver's next
 * chain is one descriptor that holds it whole. Most frames are. For these, taking, checking,
 * copying and staging are one loop over two lanes (vduse/virtio/lane.h), which keeps what it
 * needs of both virtqueues in registers.
 *
 * Whatever is not plain, or not right, ends the loop before it has changed anything of that
 * frame, and the general way (receive.h) takes it: it delivers the frame, or holds, or drops
 * and counts it, or finds the virtqueue broken. What comes out does not depend on which way a
 * frame went; testsuite/unit/test_forward_ways.c compares them.
 */
#ifndef VDUSE_DEVICE_FUSED_H
#define VDUSE_DEVICE_FUSED_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "vduse/device/net.h"
#include "vduse/virtio/pair.h"
#include "vduse/virtio/virtqueue.h"

/* Two registers: in memory, it would be loaded in other pieces than it was stored in. */
struct fused_result {
	uint64_t bytes;		/* of the frames, without virtio headers */
	uint32_t frames;	/* carried */
	uint32_t told;		/* VQ_PAIR_*, the receive virtqueue first */
};

/*
 * Carries up to `limit` frames (not 0) of at most frame_max bytes (fused_frame_max()), as long
 * as they are plain, and publishes them. Only where nothing is in flight or staged on either
 * virtqueue (packed: nor published and not asked about), and both are of the same format. No
 * frames: there are none, or no buffers for them, or the next one is for the general way, which
 * is going to find out.
 */
typedef struct fused_result fused_carry_fn(struct virtqueue *transmit, struct virtqueue *receive,
					   uint32_t frame_max, unsigned int limit);

/* With the C library's memmove() for the copy, and with AVX2, on processors that have it. */
fused_carry_fn fused_carry_any, fused_carry_avx2;

/* The quickest that this processor has. */
fused_carry_fn *fused_choose(void);

/* The longest frame that is within a receiver's MTU, even without VLAN tags. */
static inline uint32_t fused_frame_max(const struct net_side *receiver)
{
	uint32_t mtu_max = receiver->mtu + (uint32_t)NET_FRAME_MIN;

	if (receiver->features & NET_BIT(VIRTIO_NET_F_MTU) && mtu_max < NET_FRAME_MAX)
		return mtu_max;
	return NET_FRAME_MAX;
}

#endif

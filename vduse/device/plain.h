/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain frames in chains of any shape: a header that asks for nothing, and one receive chain
 * that holds the frame whole. Between the quick way (fused.h), which takes only chains of one
 * descriptor and leaves to this what virtqueue_pop() must walk, and the general one
 * (receive.h), which can do everything and is left what is not plain.
 */
#ifndef VDUSE_DEVICE_PLAIN_H
#define VDUSE_DEVICE_PLAIN_H

#include <stdint.h>

#include "vduse/device/net.h"
#include "vduse/virtio/virtqueue.h"

/*
 * Delivers the frame in the readable part of a transmit chain in one copy, if it is at most
 * frame_max bytes long (fused_frame_max()) and all of the above is so, and stages the used
 * element of the receive chain. `scratch` is a chain with segments of its own.
 *
 * 1: delivered and counted; 0: not a case for this: nothing has changed, also where the
 * receiver has no chain now, or a wrong one, which virtqueue_pop() is going to say again;
 * negative: an error of virtqueue_push() on `receive`.
 */
int plain_deliver(const struct vq_chain *chain, uint32_t frame_max, struct virtqueue *receive,
		  struct vq_chain *scratch, struct net_counters *counters);

#endif

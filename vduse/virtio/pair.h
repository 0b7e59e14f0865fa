/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two virtqueues that are published together, as a device does that moves data from the one
 * to the other.
 */
#ifndef VDUSE_VIRTIO_PAIR_H
#define VDUSE_VIRTIO_PAIR_H

#include "vduse/virtio/virtqueue.h"

/* What became of the first and of the second one. None of the two: nothing was staged. */
#define VQ_PAIR_FIRST 1u		/* its driver wants an interrupt */
#define VQ_PAIR_SECOND 2u
#define VQ_PAIR_FIRST_SILENT 4u		/* chains were published, its driver wants none */
#define VQ_PAIR_SECOND_SILENT 8u

/*
 * virtqueue_publish() on `first` (which may be NULL), then on `second`, then one full fence
 * for both and virtqueue_needs_interrupt_fenced() on each. Returns VQ_PAIR_*.
 */
unsigned int virtqueue_publish_pair(struct virtqueue *first, struct virtqueue *second);

#endif

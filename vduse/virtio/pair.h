/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two virtqueues that are published together, as a device does that moves data from the one
 * to the other.
 *
 * Data that were taken from one of them and put into the other would be lost, or come twice, if
 * a process died between two publications and a successor went on from one position of before
 * and one of after. So the caller who wants to be resumed puts the second one's position
 * (virtqueue_config.position) right behind the first one's, both in one aligned word of 8 bytes:
 * then one store of that word is step 1 of both publications (virtqueue.h), and a successor
 * rolls both of them forward, or finds that nothing was done.
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
 * Both positions, where they lie so, then virtqueue_publish() on `first` (which may be NULL),
 * then on `second`, then one full fence for both and virtqueue_needs_interrupt_fenced() on each.
 * Returns VQ_PAIR_*.
 */
unsigned int virtqueue_publish_pair(struct virtqueue *first, struct virtqueue *second);

/*
 * Both positions that virtqueue_publish_pair() is going to store, or, with nothing staged, that
 * are stored, as the word in memory that they are where they lie side by side.
 */
uint64_t virtqueue_pair_outcome(const struct virtqueue *first, const struct virtqueue *second);

#endif

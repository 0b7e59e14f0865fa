/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdatomic.h>
#include <stddef.h>

#include "vduse/virtio/pair.h"

unsigned int virtqueue_publish_pair(struct virtqueue *first, struct virtqueue *second)
{
	uint32_t first_count = first ? virtqueue_publish(first) : 0;
	uint32_t second_count = virtqueue_publish(second);
	unsigned int told = 0;

	atomic_thread_fence(memory_order_seq_cst);
	if (first && virtqueue_needs_interrupt_fenced(first))
		told |= VQ_PAIR_FIRST;
	else if (first_count)
		told |= VQ_PAIR_FIRST_SILENT;
	if (virtqueue_needs_interrupt_fenced(second))
		told |= VQ_PAIR_SECOND;
	else if (second_count)
		told |= VQ_PAIR_SECOND_SILENT;
	return told;
}

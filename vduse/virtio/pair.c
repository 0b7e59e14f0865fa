/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "vduse/virtio/format.h"
#include "vduse/virtio/pair.h"

static uint32_t outcome_word(const struct virtqueue *vq)
{
	const struct virtqueue_position outcome = virtqueue_outcome(vq);
	uint32_t word;

	memcpy(&word, &outcome, sizeof(word));
	return word;
}

/* Where they are not side by side, each publication stores its own. */
static void store_positions(struct virtqueue *first, struct virtqueue *second)
{
	if (first && first->state == VIRTQUEUE_RUNNING && first->staged &&
	    second->state == VIRTQUEUE_RUNNING && second->staged &&
	    vq_positions_joined(first, second))
		vq_positions_store(first, outcome_word(first), second, outcome_word(second));
}

uint64_t virtqueue_pair_outcome(const struct virtqueue *first, const struct virtqueue *second)
{
	const uint32_t words[2] = { outcome_word(first), outcome_word(second) };
	uint64_t word;

	memcpy(&word, words, sizeof(word));
	return word;
}

unsigned int virtqueue_publish_pair(struct virtqueue *first, struct virtqueue *second)
{
	uint32_t first_count, second_count;
	unsigned int told = 0;

	store_positions(first, second);
	first_count = first ? virtqueue_publish(first) : 0;
	second_count = virtqueue_publish(second);
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

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/progress.h"

static void empty(struct progress_slot *slot)
{
	atomic_store_explicit(&slot->pieces, 0, memory_order_release);
}

uint32_t progress_pieces(const struct progress *progress, unsigned int slot, uint64_t positions)
{
	const struct progress_slot *from = &progress->slots[slot];

	if (atomic_load_explicit(&from->positions, memory_order_acquire) != positions)
		return 0;
	return atomic_load_explicit(&from->pieces, memory_order_acquire);
}

int progress_keep(struct progress *progress, uint64_t positions)
{
	int kept = -1;

	for (unsigned int i = 0; i < 2; i++) {
		if (kept < 0 && progress_pieces(progress, i, positions))
			kept = (int)i;
		else
			empty(&progress->slots[i]);
	}
	return kept;
}

void progress_note(struct progress *progress, unsigned int slot, uint64_t positions,
		   uint32_t pieces)
{
	struct progress_slot *to = &progress->slots[slot];

	/* this order: the number that is about to be true must not meet the positions of before */
	atomic_store_explicit(&to->positions, positions, memory_order_release);
	atomic_store_explicit(&to->pieces, pieces, memory_order_release);
}

void progress_clear(struct progress *progress)
{
	empty(&progress->slots[0]);
	empty(&progress->slots[1]);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of a frame has been delivered, for who comes after us.
 *
 * Theory of operation
 * ===================
 *
 * A frame that is segmented for its receiver (offload.h) becomes several pieces, and a receiver
 * that is short of buffers takes some of them now and some later. The pieces are published as
 * they come, while the transmit chain, whose payload they are made of, stays where it is: so the
 * positions of the two virtqueues (journal.h) say that the frame was not taken yet, and a
 * successor would deliver all its pieces, the first ones twice. What it lacks is one number, of
 * the pieces that are over (delivered, or dropped for what they are), and that number has to
 * change at the same instant as the positions, which are one word of 8 bytes already.
 *
 * So the number is written first, beside the positions with which it becomes true, and comes
 * into force by the store of the positions. There are two slots; what is in force stands in
 * one of them, and the next one is written into the other:
 *
 *	1	slot.positions = both, as they will be
 *	2	slot.pieces = how many pieces are over then
 *	3	both positions: one store (virtqueue.h, pair.h; of the receive virtqueue alone
 *		where nothing of the transmit virtqueue is published)
 *	...	the rest of the publication, which a successor finishes
 *	4	once a publication was made after which no frame is delivered in part:
 *		slot.pieces = 0, in both
 *
 * Pieces that are published make the positions others (they come back after 65536 chains, or two
 * laps of a packed ring, and one publication has no more than a ring), so in the following, P,
 * with k pieces, and Q, with more of them, or none, are different:
 *
 *  - before 1: the positions are P; the slot of P says k.
 *  - after 1 or 2, before 3: the same. The other slot is about Q, or half written and then about
 *    Q as well: its number does not count. Whatever it was about before 1 cannot be P, for the
 *    number that goes with other positions is never written before they are.
 *  - after 3: the positions are Q, and the slot of Q has its number. With the frame at its end,
 *    4 comes next, and until then no slot is about Q.
 *  - before 3 of a publication that ends the frame, the slot of P is as it was: 4 comes behind
 *    3. In front of it, a death between the two would forget pieces that were delivered.
 *  - with pieces that were only dropped there is nothing to publish, and P stays. That is noted
 *    once, while both slots are empty, and then comes into force by 2; later ones are not noted,
 *    for whoever comes may drop them again.
 *  - after 4: no slot says anything. Without 4 one might again when the same positions come round.
 *    That takes more than one publication, and the next one either comes from a process that
 *    did 4 or overwrote the slot, or from its successor: and that does 4 for what is not about
 *    the positions that it finds (progress_keep()), before it publishes anything.
 *
 * A virtqueue that begins anew, after a driver's reset for instance, has a position that nobody
 * came to: what is noted about it is cleared first (session_queue.c).
 *
 * Distrust. What stands here may be anything, as in all of a journal. The number ends where the
 * frame has no more pieces, so that a forged one skips one frame of the sender at most.
 */
#ifndef VDUSE_DEVICE_PROGRESS_H
#define VDUSE_DEVICE_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* With these positions, so many pieces of the next chain of the transmit virtqueue are over. */
struct progress_slot {
	/* as virtqueue_pair_outcome(), the receive virtqueue first */
	_Alignas(8) _Atomic uint64_t positions;
	_Atomic uint32_t pieces;	/* 0: the slot is empty */
	uint32_t unused;
};

struct progress {
	struct progress_slot slots[2];
};

/*
 * Clears what is not about @positions, which are those of the virtqueues, before they publish
 * anything. Returns the number of the slot that is, or -1.
 */
int progress_keep(struct progress *progress, uint64_t positions);

/* Pieces that are over when both virtqueues have @positions, by slot @slot. */
uint32_t progress_pieces(const struct progress *progress, unsigned int slot, uint64_t positions);

/*
 * Notes in slot @slot, which is not the one in force, that @pieces are over (not 0) when both
 * virtqueues have come to @positions: before they are published.
 */
void progress_note(struct progress *progress, unsigned int slot, uint64_t positions,
		   uint32_t pieces);

/* No frame was delivered in part: after that was published, or before a virtqueue begins anew. */
void progress_clear(struct progress *progress);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A direction (forward.h) whose frames are cut for a receiver that has no offloads, and a driver
 * that knows of every piece how often it came. All that outlives the device process is in a
 * struct pieces_stage and what that refers to; the process is `forward`, and lives in one of its own.
 */
#ifndef VDUSE_TEST_FORWARD_PIECES_H
#define VDUSE_TEST_FORWARD_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "driver_any.h"
#include "vduse/device/forward.h"

#define PIECES_MAX 3		/* of a frame */
#define PIECES_FRAMES 32
#define PIECES_BYTES 16		/* of payload, in one; in the last one of a frame: */
#define PIECES_LAST 12
#define PIECES_BUFFER 128u	/* a frame, or one piece; by head, from the start of the heap */
#define PIECES_RING 8u		/* packed: one less */

struct pieces_stage {
	struct any_world from, to;
	struct journal_direction direction;
	struct net_side receiver;
	uint32_t sent, returned;			/* frames */
	uint32_t number[PIECES_RING];			/* of a frame, by head */
	uint8_t pieces[PIECES_FRAMES];			/* that a frame has */
	uint8_t came[PIECES_FRAMES][PIECES_MAX];
};

/* The device process; each begins by pieces_process(). */
struct pieces_process {
	struct forward forward;
	unsigned int interrupts[2], failed;
};

/* Both virtqueues started, their positions one word; nothing sent. Ended by pieces_close(). */
void pieces_open(struct pieces_stage *stage, bool packed);
void pieces_close(struct pieces_stage *stage);

/* A frame of so many pieces; of one: one that asks for nothing. */
void pieces_send(struct pieces_stage *stage, unsigned int pieces);

/* So many receive buffers, or as many as there is room for. */
void pieces_offer(struct pieces_stage *stage, unsigned int buffers);

/* Takes everything back that was used, and checks every byte. */
void pieces_take_back(struct pieces_stage *stage);

/* Pieces that came more than once, and those that did not come, of all that was sent. */
unsigned int pieces_doubled(const struct pieces_stage *stage);
unsigned int pieces_lost(const struct pieces_stage *stage);

/* A new process, that has not looked at anything yet. */
void pieces_process(struct pieces_process *process);

/*
 * It goes on from what is there, with both virtqueues; `progress`: with the journal's progress,
 * otherwise as if there were none.
 */
void pieces_resume(struct pieces_process *process, struct pieces_stage *stage, bool progress);

/* Runs until it waits; returns for what, as forward_run(). The clock stands at 1. */
uint64_t pieces_run(struct pieces_process *process, struct pieces_stage *stage);

/* The direction as it is. */
struct forward_path pieces_path(struct pieces_stage *stage);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that is killed at any instruction of the quick way (fused.h), as test_virtq_kill.c
 * does with pop, push and publish: frames of one call, one or several, through the end of the
 * ring too, split and packed. A successor resumes on both virtqueues, and may be killed in turn
 * (in a quarter of the cases: it takes long, and all successors do the same).
 *
 * Where the positions of both virtqueues are one word (pair.h), every frame comes once. Where they
 * are not, which is the control, the received frames are published before the sent ones: so a frame
 * may come twice, but only as long as its sender does not have its chain back. No frame may be lost
 * either way, and every chain must come back once, in order, with the length and every byte of its
 * frame. The general way, pop and push, is held to the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "film.h"
#include "vduse/device/fused.h"
#include "vduse/virtio/pair.h"

#define BUFFER 128u
#define SIZE_MAX_HERE 8u

/* Both virtqueues of a device, and what the driver knows. Frames have numbers. */
struct stage {
	struct any_world from, to;
	fused_carry_fn *carry;			/* NULL: the general way */
	bool joined;				/* the positions are one word, this one: */
	_Alignas(8) struct virtqueue_position positions[2];
	uint32_t sent, received, returned, again;
	uint32_t number[SIZE_MAX_HERE];		/* by head of the transmit virtqueue */
};

static uint32_t frame_length(uint32_t number)
{
	return NET_HEADER_SIZE + 40 + number % 30;
}

static void send_frame(struct stage *stage)
{
	uint16_t head = any_next_name(&stage->from);
	struct driver_buffer buffer = { DRIVER_HEAP + BUFFER * head, frame_length(stage->sent), false };
	uint8_t *bytes = any_at(&stage->from, buffer.address);

	if (any_add(&stage->from, &buffer, 1) < 0)
		return;
	memset(bytes, 0, NET_HEADER_SIZE);
	memset(bytes + NET_HEADER_SIZE, (int)(stage->sent + 1), buffer.length - NET_HEADER_SIZE);
	stage->number[head] = stage->sent++;
}

static void put_buffers(struct stage *stage)
{
	struct driver_buffer buffer = { .length = BUFFER, .writable = true };

	while (any_free_count(&stage->to)) {
		buffer.address = DRIVER_HEAP + BUFFER * any_next_name(&stage->to);
		any_add(&stage->to, &buffer, 1);
	}
}

/* Whether a buffer holds a frame that may come now: the next one, or one not yet given back. */
static void check_frame(struct stage *stage, const uint8_t *bytes, uint32_t length)
{
	uint32_t number = bytes[NET_HEADER_SIZE] - 1u;

	assert_true(number >= (stage->joined ? stage->received : stage->returned) &&
		    number <= stage->received);
	assert_int_equal(length, frame_length(number));
	for (uint32_t i = NET_HEADER_SIZE; i < length; i++)
		assert_int_equal(bytes[i], number + 1);
	stage->again += number != stage->received;
	stage->received += number == stage->received;
}

static void take_back(struct stage *stage)
{
	uint32_t head, length;

	while (any_take_used(&stage->to, &head, &length))
		check_frame(stage, any_at(&stage->to, DRIVER_HEAP + BUFFER * head), length);
	while (any_take_used(&stage->from, &head, &length)) {
		assert_int_equal(length, 0);
		assert_int_equal(stage->number[head], stage->returned);
		stage->returned++;
	}
	assert_true(stage->returned <= stage->received);
	put_buffers(stage);
}

/* One frame as forward_run() carries it where no lane fits. */
static bool carry_generally(struct stage *stage)
{
	struct vq_chain *from = stage->from.chain, *to = stage->to.chain;
	uint32_t length;

	if (virtqueue_pop(stage->from.vq, from) != 1)
		return false;
	if (virtqueue_pop(stage->to.vq, to) != 1) {
		virtqueue_unpop(stage->from.vq, from->head);
		return false;
	}
	length = from->readable;
	memcpy(to->segments[0].iov_base, from->segments[0].iov_base, length);
	virtqueue_push(stage->to.vq, to->head, length);
	virtqueue_push(stage->from.vq, from->head, 0);
	return true;
}

static void work(void *context)
{
	struct stage *stage = context;

	if (!stage->carry) {
		while (carry_generally(stage))
			;
		virtqueue_publish_pair(stage->to.vq, stage->from.vq);
		return;
	}
	while (stage->carry(stage->from.vq, stage->to.vq, NET_FRAME_MAX, 64).frames)
		;
}

static void resume(void *context)
{
	struct stage *stage = context;

	if (!virtqueue_start(stage->from.vq, stage->from.config) &&
	    !virtqueue_start(stage->to.vq, stage->to.config)) {
		virtqueue_roll_forward(stage->to.vq);
		virtqueue_roll_forward(stage->from.vq);
		/* what a lane wants: that its driver was asked about all that was published */
		virtqueue_needs_interrupt(stage->to.vq);
		virtqueue_needs_interrupt(stage->from.vq);
	}
}

/* Both virtqueues start anew, with positions that are one word. */
static void join(struct stage *stage)
{
	stage->joined = true;
	stage->positions[0] = *stage->to.config->position;
	stage->positions[1] = *stage->from.config->position;
	stage->to.config->position = &stage->positions[0];
	stage->from.config->position = &stage->positions[1];
	assert_int_equal(virtqueue_start(stage->to.vq, stage->to.config), 0);
	assert_int_equal(virtqueue_start(stage->from.vq, stage->from.config), 0);
}

static void stage_open(struct stage *stage, bool packed, bool joined, fused_carry_fn *carry,
		       unsigned int laps)
{
	uint32_t size = packed ? SIZE_MAX_HERE - 1 : SIZE_MAX_HERE;
	uint64_t features = packed ? RING_PACKED : 0;

	*stage = (struct stage){
		.from = any_started(size, features),
		.to = any_started(size, features),
		.carry = carry,
	};
	if (joined)
		join(stage);
	put_buffers(stage);
	/* to another place in the ring */
	for (unsigned int i = 0; i < laps; i++) {
		send_frame(stage);
		work(stage);
		take_back(stage);
	}
}

static void film_stage(struct film *film, struct stage *stage)
{
	*film = (struct film){ .count = 0 };
	film_piece(film, stage, sizeof(*stage));
	film_world(film, &stage->from);
	film_world(film, &stage->to);
	film_piece(film, any_at(&stage->from, DRIVER_HEAP), SIZE_MAX_HERE * BUFFER);
	film_piece(film, any_at(&stage->to, DRIVER_HEAP), SIZE_MAX_HERE * BUFFER);
}

static void successor(struct stage *stage)
{
	memset(stage->from.vq, 0x5a, sizeof(*stage->from.vq));
	memset(stage->to.vq, 0x5a, sizeof(*stage->to.vq));
	resume(stage);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(stage->from.vq->state, VIRTQUEUE_RUNNING);
		assert_int_equal(stage->to.vq->state, VIRTQUEUE_RUNNING);
		work(stage);
		take_back(stage);
		/* frames that came twice may have taken all buffers */
		work(stage);
		take_back(stage);
		assert_int_equal(stage->received, stage->sent);
		assert_int_equal(stage->returned, stage->sent);
		send_frame(stage);
		send_frame(stage);
	}
}

/* As successor(), from every state that one of its own kind can leave when it dies. */
static void successors_of_successors(struct stage *stage, unsigned long *deaths)
{
	struct film film;

	film_stage(&film, stage);
	film_work(&film, resume, stage);
	for (unsigned int i = 0; i < film.count; i++) {
		film_restore(&film, i);
		successor(stage);
	}
	*deaths += film.instructions;
	free(film.states);
}

struct tally {
	unsigned long instructions, twice;
	unsigned int states, again;
};

/* Where and how a device dies. */
struct death {
	bool packed, joined, driver_acts, twice;
	fused_carry_fn *carry;
	unsigned int frames, laps;
};

static void die_everywhere(const struct death *death, struct tally *tally)
{
	struct stage stage;
	struct film film;

	stage_open(&stage, death->packed, death->joined, death->carry, death->laps);
	for (unsigned int i = 0; i < death->frames; i++)
		send_frame(&stage);
	film_stage(&film, &stage);
	film_work(&film, work, &stage);
	stage.from.config->resume = stage.to.config->resume = true;
	for (unsigned int i = 0; i < film.count; i++) {
		film_restore(&film, i);
		if (death->driver_acts) {
			take_back(&stage);
			send_frame(&stage);
			send_frame(&stage);
		}
		if (death->twice)
			successors_of_successors(&stage, &tally->twice);
		else
			successor(&stage);
		tally->again += stage.again;
	}
	tally->instructions += film.instructions;
	tally->states += film.count;
	free(film.states);
	any_free(&stage.from);
	any_free(&stage.to);
}

/* One frame alone and three, at the beginning of the ring and, packed, over its end. */
static void killed_at_every_instruction(bool packed, bool joined, fused_carry_fn *carry)
{
	struct tally tally = { 0 };

	for (unsigned int laps = 0; laps < 7; laps += 6)
		for (unsigned int frames = 1; frames < 4; frames += 2)
			for (unsigned int acts = 0; acts < 2; acts++) {
				struct death death = {
					packed, joined, acts, !acts && laps, carry, frames, laps };

				die_everywhere(&death, &tally);
			}
	print_message("%s: %lu instructions, %u states, then %lu instructions of successors; "
		      "frames that came again: %u\n", joined ? "joined" : "apart",
		      tally.instructions, tally.states, tally.twice, tally.again);
	assert_true(tally.states > 80);
	assert_int_equal(tally.again > 0, !joined);
}

static void all_ways(bool packed)
{
	for (unsigned int joined = 0; joined < 2; joined++) {
		killed_at_every_instruction(packed, joined, NULL);
		killed_at_every_instruction(packed, joined, fused_carry_any);
		killed_at_every_instruction(packed, joined, fused_choose());
	}
}

static void split_killed_at_every_instruction(void **state)
{
	(void)state;
	all_ways(false);
}

static void packed_killed_at_every_instruction(void **state)
{
	(void)state;
	all_ways(true);
}

int main(void)
{
	return film_main(split_killed_at_every_instruction, packed_killed_at_every_instruction);
}

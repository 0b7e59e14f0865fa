/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of a frame is over, beside test_forward_pieces.c: the order in which it is noted, what a
 * forged journal can do, and what becomes of it when frames go back, wait for too long, are dropped
 * in part, or when the same positions come round again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_net.h>

#include "film.h"
#include "forward_pieces.h"

static struct pieces_stage stage;
static struct pieces_process process;

static void open_stage(bool packed)
{
	pieces_open(&stage, packed);
	pieces_process(&process);
	forward_resume(&process.forward, &stage.direction);
}

static int teardown(void **state)
{
	(void)state;
	if (stage.from.vq)
		pieces_close(&stage);
	memset(&stage, 0, sizeof(stage));
	return 0;
}

/* The process ends, and another one takes its place. */
static void die(void)
{
	memset(stage.from.vq, 0x5a, sizeof(*stage.from.vq));
	memset(stage.to.vq, 0x5a, sizeof(*stage.to.vq));
	stage.from.config->resume = stage.to.config->resume = true;
	pieces_process(&process);
	pieces_resume(&process, &stage, true);
}

/* A frame of three pieces, and buffers for `pieces` of them. */
static void deliver_in_part(unsigned int pieces)
{
	pieces_send(&stage, 3);
	pieces_offer(&stage, pieces);
	assert_int_equal(pieces_run(&process, &stage), 1 + FORWARD_HOLD_NS);
}

static void finish(void)
{
	pieces_offer(&stage, PIECES_RING);
	assert_true(pieces_run(&process, &stage) == FORWARD_NEVER);
	pieces_take_back(&stage);
	assert_int_equal(stage.returned, stage.sent);
	assert_int_equal(process.failed, 0);
}

static void expect(unsigned int lost, unsigned int doubled)
{
	assert_int_equal(pieces_lost(&stage), lost);
	assert_int_equal(pieces_doubled(&stage), doubled);
}

static void expect_empty(void)
{
	assert_int_equal(stage.direction.progress.slots[0].pieces, 0);
	assert_int_equal(stage.direction.progress.slots[1].pieces, 0);
}

/* P: the positions of before, Q: of after; another one. */
enum { P = 10, Q = 11, OTHER = 12 };

static uint32_t in_force(const struct progress *progress, uint64_t positions)
{
	uint32_t pieces = progress_pieces(progress, 0, positions);

	return pieces ? pieces : progress_pieces(progress, 1, positions);
}

static void note(void *context)
{
	progress_note(context, 1, Q, 7);
}

/* At no instruction anything else is in force with the positions of before. */
static void note_everywhere(uint32_t now, uint64_t positions, uint32_t pieces)
{
	struct progress progress = { .slots = {
		{ .positions = P, .pieces = now },
		{ .positions = positions, .pieces = pieces },
	} };
	struct film film = { .count = 0 };

	film_piece(&film, &progress, sizeof(progress));
	film_work(&film, note, &progress);
	for (unsigned int i = 0; i < film.count; i++) {
		film_restore(&film, i);
		assert_int_equal(in_force(&progress, P), now);
	}
	assert_int_equal(in_force(&progress, Q), 7);
	assert_true(film.count >= 2);
	free(film.states);
}

static void a_note_that_is_half_written(void **state)
{
	static const uint64_t positions[] = { P, Q, OTHER };

	(void)state;
	if (!FILM_WORKS)
		skip();
	for (uint32_t now = 0; now < 6; now += 5)
		for (unsigned int i = 0; i < 3; i++)
			for (uint32_t pieces = 0; pieces < 4; pieces += 3)
				if (positions[i] != P || !pieces)
					note_everywhere(now, positions[i], pieces);
}

static void only_what_is_about_the_positions_is_kept(void **state)
{
	struct progress progress = { .slots = { { .positions = OTHER, .pieces = 3 },
						{ .positions = P, .pieces = 4 } } };

	(void)state;
	assert_int_equal(progress_keep(&progress, P), 1);
	assert_int_equal(progress.slots[0].pieces, 0);
	assert_int_equal(in_force(&progress, P), 4);
	assert_int_equal(progress_keep(&progress, Q), -1);
	assert_int_equal(in_force(&progress, P), 0);
	/* forged */
	progress.slots[0] = progress.slots[1];
	progress.slots[0].pieces = 8;
	progress.slots[1].pieces = 9;
	assert_int_equal(progress_keep(&progress, P), 0);
	assert_int_equal(progress.slots[1].pieces, 0);
}

static void forge(uint32_t pieces, unsigned int slot)
{
	struct virtqueue_position both[2] = { stage.direction.receive, stage.direction.transmit };
	uint64_t positions;

	memcpy(&positions, both, sizeof(positions));
	stage.direction.progress.slots[slot].positions = positions;
	stage.direction.progress.slots[slot].pieces = pieces;
}

/* Of one frame pieces are missing, never more; and it ends. */
static void a_forged_number_of_pieces(void **state)
{
	static const uint32_t numbers[] = { 1, 2, 3, 4, 1000, 0x80000000, UINT32_MAX };

	(void)state;
	for (unsigned int i = 0; i < sizeof(numbers) / sizeof(numbers[0]) * 4; i++) {
		uint32_t number = numbers[i / 4];

		open_stage(i % 2);
		pieces_send(&stage, 3);
		pieces_send(&stage, 2);
		pieces_send(&stage, 1);
		forge(number, i / 2 % 2);
		die();
		finish();
		expect(number < 3 ? number : 3, 0);
		expect_empty();
		pieces_close(&stage);
	}
	stage.from.vq = NULL;
}

/* A frame that is delivered whole, or not at all, has no pieces to be skipped. */
static void a_forged_number_for_a_whole_frame(void **state)
{
	(void)state;
	open_stage(false);
	pieces_send(&stage, 1);
	pieces_send(&stage, 3);
	forge(1, 0);
	die();
	finish();
	expect(0, 0);
	expect_empty();
}

/* It waits for the frame, which then goes on where the journal says. */
static void a_forged_number_for_no_frame(void **state)
{
	(void)state;
	open_stage(true);
	forge(2, 1);
	die();
	finish();
	pieces_send(&stage, 3);
	pieces_send(&stage, 3);
	finish();
	expect(2, 0);
	expect_empty();
	/* and the quick way is open again */
	assert_int_equal(process.forward.general_only, 0);
}

static void any_journal(void **state)
{
	uint32_t random = 20261122;

	(void)state;
	for (unsigned int i = 0; i < 300; i++) {
		uint8_t *bytes = (uint8_t *)&stage.direction.progress;
		unsigned int lost;

		open_stage(i & 1);
		pieces_send(&stage, 3);
		pieces_send(&stage, 3);
		for (size_t j = 0; j < sizeof(struct progress); j++)
			bytes[j] = (uint8_t)driver_random(&random);
		if (i & 2)
			stage.direction.progress.slots[i & 1].positions =
				virtqueue_pair_outcome(stage.to.vq, stage.from.vq);
		die();
		finish();
		lost = pieces_lost(&stage);
		assert_true(lost <= (i & 2 ? 3 : 0));
		expect(lost, 0);
		expect_empty();
		pieces_close(&stage);
	}
	stage.from.vq = NULL;
}

/* Memory goes away, or the process ends as it should: every piece once, from whoever goes on. */
static void a_frame_delivered_in_part_goes_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		open_stage(i % 2);
		deliver_in_part(1);
		for (unsigned int j = 0; j < 2; j++) {
			forward_quiesce(&process.forward, stage.from.vq, false);
			assert_int_equal(stage.from.vq->in_flight, 0);
			assert_int_equal(process.forward.done.sent, 0);
		}
		if (i < 2)
			die();
		pieces_offer(&stage, 1);
		pieces_run(&process, &stage);
		forward_quiesce(&process.forward, stage.from.vq, false);
		finish();
		expect(0, 0);
		expect_empty();
		pieces_close(&stage);
	}
	stage.from.vq = NULL;
}

/* The driver takes the virtqueue back: the frame is over, and its buffer is the driver's. */
static void a_frame_delivered_in_part_ends_for_good(void **state)
{
	(void)state;
	open_stage(false);
	any_want_interrupt(&stage.from, true);
	deliver_in_part(2);
	forward_quiesce(&process.forward, stage.from.vq, true);
	assert_int_equal(process.forward.counters.dropped[NET_DROP_NO_RECEIVER], 1);
	assert_int_equal(process.interrupts[FORWARD_TRANSMIT], 1);
	pieces_take_back(&stage);
	assert_int_equal(stage.returned, 1);
	expect_empty();
	finish();
	expect(1, 0);
}

/* Of which nothing was delivered: as if it had not been looked at, for good or not. */
static void a_frame_not_begun_goes_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		open_stage(false);
		deliver_in_part(0);
		forward_quiesce(&process.forward, stage.from.vq, i);
		assert_int_equal(stage.from.vq->in_flight, 0);
		assert_int_equal(process.forward.counters.dropped[NET_DROP_NO_RECEIVER], 0);
		finish();
		expect(0, 0);
		pieces_close(&stage);
	}
	stage.from.vq = NULL;
}

/* Nobody knows then how far it came. */
static void without_a_journal_it_ends(void **state)
{
	(void)state;
	pieces_open(&stage, false);
	pieces_process(&process);
	deliver_in_part(1);
	forward_quiesce(&process.forward, stage.from.vq, false);
	finish();
	expect(2, 0);
	expect_empty();
}

static void a_frame_that_waits_too_long(void **state)
{
	struct forward_path path;

	(void)state;
	open_stage(true);
	deliver_in_part(2);
	path = pieces_path(&stage);
	forward_run(&process.forward, &path, 1 + FORWARD_HOLD_NS);
	assert_int_equal(process.forward.counters.dropped[NET_DROP_NO_BUFFER], 1);
	expect_empty();
	die();
	pieces_send(&stage, 3);
	finish();
	expect(1, 0);
}

/* A successor holds the frame anew, and in the end gives it up like any other. */
static void a_successor_waits_as_well(void **state)
{
	struct forward_path path;

	(void)state;
	open_stage(false);
	deliver_in_part(2);
	die();
	path = pieces_path(&stage);
	assert_int_equal(forward_run(&process.forward, &path, 5), 5 + FORWARD_HOLD_NS);
	assert_int_equal(forward_run(&process.forward, &path, 5 + FORWARD_HOLD_NS), 0);
	expect_empty();
	finish();
	expect(1, 0);
}

/* The link is down when a successor comes: the frame is dropped, and nothing of it remembered. */
static void a_successor_without_a_receiver(void **state)
{
	struct forward_path path;

	(void)state;
	open_stage(true);
	deliver_in_part(1);
	die();
	path = pieces_path(&stage);
	path.receive = NULL;
	assert_int_equal(forward_run(&process.forward, &path, 5), 0);
	assert_int_equal(process.forward.counters.dropped[NET_DROP_NO_RECEIVER], 1);
	expect_empty();
	finish();
	expect(2, 0);
}

/* Over the receiver's MTU are all pieces but the last one, which waits. */
static void pieces_that_were_dropped_are_over(void **state)
{
	(void)state;
	open_stage(false);
	stage.receiver = (struct net_side){ NET_BIT(VIRTIO_NET_F_MTU), 40 + PIECES_LAST };
	deliver_in_part(0);
	assert_int_equal(process.forward.counters.dropped[NET_DROP_MTU], 2);
	die();
	finish();
	assert_int_equal(process.forward.counters.dropped[NET_DROP_MTU], 0);
	expect(2, 0);
	expect_empty();
}

/* Two laps of a packed ring, on both virtqueues, and the positions are those of before. */
static void when_the_same_positions_come_round(void **state)
{
	struct virtqueue_position receive, transmit;
	uint8_t *header;

	(void)state;
	open_stage(true);
	deliver_in_part(1);
	receive = stage.direction.receive;
	transmit = stage.direction.transmit;
	finish();
	/* two pieces were left, of one frame; dropped, a frame takes no receive buffer */
	header = any_at(&stage.from, DRIVER_HEAP + PIECES_BUFFER * any_next_name(&stage.from));
	pieces_send(&stage, 1);
	header[1] = 0xff;
	finish();
	for (unsigned int i = 0; i < 12; i++) {
		pieces_send(&stage, 1);
		finish();
	}
	assert_memory_equal(&stage.direction.receive, &receive, sizeof(receive));
	assert_memory_equal(&stage.direction.transmit, &transmit, sizeof(transmit));
	pieces_send(&stage, 3);
	die();
	finish();
	expect(1, 0);
}

#define TEST(function) cmocka_unit_test_teardown(function, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_note_that_is_half_written),
		TEST(only_what_is_about_the_positions_is_kept),
		TEST(a_forged_number_of_pieces),
		TEST(a_forged_number_for_a_whole_frame),
		TEST(a_forged_number_for_no_frame),
		TEST(any_journal),
		TEST(a_frame_delivered_in_part_goes_back),
		TEST(a_frame_delivered_in_part_ends_for_good),
		TEST(a_frame_not_begun_goes_back),
		TEST(without_a_journal_it_ends),
		TEST(a_frame_that_waits_too_long),
		TEST(a_successor_waits_as_well),
		TEST(a_successor_without_a_receiver),
		TEST(pieces_that_were_dropped_are_over),
		TEST(when_the_same_positions_come_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

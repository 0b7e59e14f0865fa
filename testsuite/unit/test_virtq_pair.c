// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two virtqueues that are published together (pair.h): where their positions are one word, and
 * where it must not be stored. What that is good for is shown by test_forward_kill.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver_any.h"
#include "vduse/virtio/format.h"
#include "vduse/virtio/pair.h"

#define SIZE 8
#define UNTOUCHED 0x5a5a

/* Two virtqueues, and a journal with room beside it that nobody may write. */
struct stage {
	struct any_world first, second;
	_Alignas(8) struct virtqueue_position record[5];
};

static void start(struct any_world *world, struct virtqueue_position *position)
{
	*position = *world->config->position;
	world->config->position = position;
	assert_int_equal(virtqueue_start(world->vq, world->config), 0);
}

static void open_stage(struct stage *stage, uint64_t features, unsigned int first,
		       unsigned int second)
{
	stage->first = any_started(SIZE, features);
	stage->second = any_started(SIZE, features);
	memset(stage->record, 0x5a, sizeof(stage->record));
	start(&stage->first, &stage->record[first]);
	start(&stage->second, &stage->record[second]);
}

static void close_stage(struct stage *stage)
{
	any_free(&stage->first);
	any_free(&stage->second);
}

/* One chain taken and staged. */
static void use_one(struct any_world *world)
{
	const struct driver_buffer buffer = { DRIVER_HEAP, 64, true };

	assert_true(any_add(world, &buffer, 1) >= 0);
	assert_int_equal(virtqueue_pop(world->vq, world->chain), 1);
	assert_int_equal(virtqueue_push(world->vq, world->chain->head, 1), 0);
}

static void expect_moved(const struct any_world *world, bool moved)
{
	uint16_t begin = world->packed ? VIRTQUEUE_PACKED_BEGIN : 0;

	assert_int_equal(world->config->position->next_used, begin + moved);
	assert_int_equal(world->config->position->next_avail, begin + moved);
}

static void expect_untouched(const struct stage *stage, unsigned int index)
{
	assert_int_equal(stage->record[index].next_avail, UNTOUCHED);
	assert_int_equal(stage->record[index].next_used, UNTOUCHED);
}

static bool joined(const struct stage *stage)
{
	return vq_positions_joined(stage->first.vq, stage->second.vq);
}

/* Side by side, in an aligned word, the first one first. */
static void what_is_one_word(void **state)
{
	static const struct {
		unsigned int first, second;
		bool joined;
	} rows[] = { { 0, 1, true }, { 2, 3, true }, { 1, 2, false }, { 1, 0, false },
		     { 0, 2, false }, { 0, 3, false } };
	struct stage stage;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		open_stage(&stage, 0, rows[i].first, rows[i].second);
		assert_int_equal(joined(&stage), rows[i].joined);
		close_stage(&stage);
	}
}

/* As a word in memory: the first one's position, then the second one's. */
static void expect_outcome(const struct stage *stage, uint64_t outcome)
{
	const uint8_t *bytes = (const uint8_t *)&outcome;
	size_t half = sizeof(struct virtqueue_position);

	assert_memory_equal(bytes, stage->first.config->position, half);
	assert_memory_equal(bytes + half, stage->second.config->position, half);
}

static void both_move(void **state)
{
	static const unsigned int places[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 2, 0 }, { 3, 1, 2 } };
	uint64_t features[] = { 0, RING_PACKED };
	struct stage stage;
	uint64_t outcome;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (j = 0; j < 2; j++) {
			open_stage(&stage, features[j], places[i][0], places[i][1]);
			use_one(&stage.first);
			use_one(&stage.second);
			outcome = virtqueue_pair_outcome(stage.first.vq, stage.second.vq);
			virtqueue_publish_pair(stage.first.vq, stage.second.vq);
			expect_moved(&stage.first, true);
			expect_moved(&stage.second, true);
			expect_outcome(&stage, outcome);
			expect_untouched(&stage, places[i][2]);
			expect_untouched(&stage, 4);
			close_stage(&stage);
		}
}

/* A chain that is taken, and not staged, is taken again by a successor. */
static void one_of_two_has_something(void **state)
{
	struct stage stage;

	(void)state;
	open_stage(&stage, 0, 0, 1);
	use_one(&stage.first);
	virtqueue_publish_pair(stage.first.vq, stage.second.vq);
	expect_moved(&stage.first, true);
	expect_moved(&stage.second, false);
	close_stage(&stage);
	open_stage(&stage, 0, 0, 1);
	use_one(&stage.second);
	virtqueue_publish_pair(stage.first.vq, stage.second.vq);
	expect_moved(&stage.first, false);
	expect_moved(&stage.second, true);
	virtqueue_publish_pair(NULL, stage.second.vq);
	close_stage(&stage);
}

/* What it has staged is not shown to the driver any more, so nobody is to go on behind it. */
static void one_of_two_is_broken(void **state)
{
	struct stage stage;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		open_stage(&stage, 0, 0, 1);
		use_one(&stage.first);
		use_one(&stage.second);
		virtqueue_break(i ? stage.second.vq : stage.first.vq, 0, 0);
		virtqueue_publish_pair(stage.first.vq, stage.second.vq);
		expect_moved(&stage.first, i == 1);
		expect_moved(&stage.second, i == 0);
		close_stage(&stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_one_word),
		cmocka_unit_test(both_move),
		cmocka_unit_test(one_of_two_has_something),
		cmocka_unit_test(one_of_two_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

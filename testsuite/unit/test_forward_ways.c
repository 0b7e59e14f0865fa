/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The quick way of frames (fused.h, plain.h) against the general one: two devices get the same
 * bytes from the same driver, one of them with general_only, and must leave the same bytes in
 * all memory, the same counters, errors and positions. Drivers mix chains and tables of every
 * shape, sizes around each limit, headers with and without offloads, and break each rule now
 * and then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forward_driver.h"
#include "vduse/device/forward.h"

/* A device, its driver, and what came of it. */
struct way {
	struct forward_driver driver;
	struct vq_region regions[8];
	struct vq_memory memory;
	struct virtqueue vq[2];		/* by enum forward_end */
	struct virtqueue_position position[2];
	uint16_t published[2];
	struct vq_slot *slots[2];	/* as many as the ring has */
	struct forward forward;
	struct forward_path path;
	uint64_t interrupts[2];
	uint64_t failures[2];
	int error[2];			/* the last one reported */
};

/* What a run is about. */
struct run {
	bool packed;
	uint16_t size;
	uint64_t features;
	uint16_t mtu;
	bool hostile;
	fused_carry_fn *fused_carry;
};

static unsigned long deliveries, quick_deliveries, breaks, holds;

static void on_interrupt(void *context, enum forward_end end)
{
	((struct way *)context)->interrupts[end]++;
}

static void on_failed(void *context, enum forward_end end, int rc)
{
	struct way *way = context;

	way->failures[end]++;
	way->error[end] = rc;
}

static const struct forward_owner owner = { on_interrupt, on_failed };

/* The loop in question, counted. */
static fused_carry_fn *counted;

static struct fused_result count_quick(struct virtqueue *transmit, struct virtqueue *receive,
				       uint32_t frame_max, unsigned int limit)
{
	struct fused_result result = counted(transmit, receive, frame_max, limit);

	quick_deliveries += result.frames;
	return result;
}

static void start_end(struct way *way, const struct run *run, enum forward_end end)
{
	uint16_t begin = run->packed ? VIRTQUEUE_PACKED_BEGIN : 0;
	struct virtqueue_config config = {
		.size = run->size,
		.features = run->features,
		.memory = &way->memory,
		.slots = way->slots[end],
		.slot_count = run->size,
		.position = &way->position[end],
		.published = &way->published[end],
	};

	forward_driver_areas(&way->driver, end, &config);
	way->position[end] = (struct virtqueue_position){ begin, begin };
	assert_int_equal(virtqueue_start(&way->vq[end], &config), 0);
}

static void start(struct way *way, const struct run *run, bool general_only)
{
	struct net_side side = { .features = run->features, .mtu = run->mtu };

	forward_driver_reset(&way->driver, run->packed, run->size);
	vq_memory_init(&way->memory, way->regions, 8, NULL, NULL, NULL);
	forward_driver_map(&way->driver, &way->memory);
	start_end(way, run, FORWARD_TRANSMIT);
	start_end(way, run, FORWARD_RECEIVE);
	forward_init(&way->forward, &owner, way);
	way->forward.general_only = general_only;
	/* what is not published is lost when a virtqueue breaks: that must not make a difference */
	way->forward.batch = run->hostile ? 1 : FORWARD_BATCH;
	counted = run->fused_carry;
	way->forward.fused_carry = count_quick;
	way->path = (struct forward_path){
		.transmit = &way->vq[FORWARD_TRANSMIT],
		.receive = &way->vq[FORWARD_RECEIVE],
		.sender = side,
		.receiver = side,
	};
	memset(way->interrupts, 0, sizeof(way->interrupts));
	memset(way->failures, 0, sizeof(way->failures));
}

/* Until it wants to sleep. */
static uint64_t work(struct way *way, uint64_t now)
{
	uint64_t then;
	unsigned int calls = 0;

	do {
		then = forward_run(&way->forward, &way->path, now);
		assert_true(calls++ < 1000);
	} while (!then);
	return then;
}

static void compare_queues(const struct run *run, const struct virtqueue *a,
			   const struct virtqueue *b)
{
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->in_flight, b->in_flight);
	assert_int_equal(a->staged, b->staged);
	assert_int_equal(a->error.reason, b->error.reason);
	assert_int_equal(a->error.head, b->error.head);
	assert_int_equal(a->error.index, b->error.index);
	assert_int_equal(a->error.value, b->error.value);
	assert_memory_equal(a->position, b->position, sizeof(*a->position));
	if (run->packed) {
		assert_int_equal(a->packed.next_avail, b->packed.next_avail);
		assert_int_equal(a->packed.next_used, b->packed.next_used);
		assert_int_equal(a->packed.outstanding, b->packed.outstanding);
		assert_int_equal(*a->packed.published, *b->packed.published);
	} else {
		assert_int_equal(a->split.next_avail, b->split.next_avail);
		assert_int_equal(a->split.next_used, b->split.next_used);
	}
}

static void compare(const struct run *run, const struct way *quick, const struct way *general)
{
	const struct forward *a = &quick->forward, *b = &general->forward;

	forward_driver_compare(&quick->driver, &general->driver);
	for (int end = 0; end < 2; end++) {
		compare_queues(run, &quick->vq[end], &general->vq[end]);
		assert_int_equal(!quick->interrupts[end], !general->interrupts[end]);
		assert_int_equal(!quick->failures[end], !general->failures[end]);
		assert_int_equal(quick->error[end], general->error[end]);
	}
	assert_memory_equal(&a->counters, &b->counters, sizeof(a->counters));
	assert_int_equal(a->done.sent, b->done.sent);
	assert_int_equal(a->done.sent_bytes, b->done.sent_bytes);
	assert_int_equal(a->holding, b->holding);
	assert_int_equal(a->starved, b->starved);
	assert_int_equal(a->hold_until, b->hold_until);
}

static bool broken(const struct way *way)
{
	return way->vq[0].state == VIRTQUEUE_BROKEN || way->vq[1].state == VIRTQUEUE_BROKEN;
}

/* One driver for both: the same numbers give the same actions. */
static void drive(struct way *way, const struct run *run, uint32_t seed)
{
	way->interrupts[0] = way->interrupts[1] = 0;
	forward_driver_step(&way->driver, run->features, run->hostile, seed);
}

static void round_of(const struct run *run, struct way *quick, struct way *general, uint32_t seed)
{
	uint64_t now = 1, wake;

	start(quick, run, false);
	start(general, run, true);
	for (unsigned int step = 0; step < 30 && !broken(quick); step++) {
		uint32_t number = seed + step * 2654435761u;

		drive(quick, run, number | 1);
		drive(general, run, number | 1);
		wake = work(quick, now);
		assert_int_equal(wake, work(general, now));
		compare(run, quick, general);
		holds += quick->forward.holding;
		now += number % 3 ? 1000 : FORWARD_HOLD_NS;
	}
	breaks += broken(quick);
	deliveries += quick->forward.counters.frames;
}

static void open_way(struct way *way, const struct run *run)
{
	forward_driver_open(&way->driver);
	for (int end = 0; end < 2; end++)
		way->slots[end] = calloc(run->size, sizeof(struct vq_slot));
}

static void close_way(struct way *way)
{
	forward_driver_close(&way->driver);
	free(way->slots[0]);
	free(way->slots[1]);
	free(way);
}

static void run_all(const struct run *run, uint32_t seed, unsigned int rounds)
{
	struct way *quick = calloc(1, sizeof(*quick)), *general = calloc(1, sizeof(*general));

	open_way(quick, run);
	open_way(general, run);
	for (unsigned int i = 0; i < rounds; i++)
		round_of(run, quick, general, seed + i * 977u);
	close_way(quick);
	close_way(general);
}

/* So that a driver that no longer does what the test is for is noticed. */
static void expect_variety(bool hostile)
{
	print_message("%lu frames, %lu of them the quick way; %lu held, %lu broken\n", deliveries,
		      quick_deliveries, holds, breaks);
	assert_true(deliveries > 1000);
	assert_true(quick_deliveries > deliveries / 10 && quick_deliveries < deliveries);
	assert_true(holds > 10);
	assert_true(hostile ? breaks > 100 : !breaks);
	deliveries = quick_deliveries = breaks = holds = 0;
}

#define RING(bit) (UINT64_C(1) << (bit))
#define MERGE NET_BIT(VIRTIO_NET_F_MRG_RXBUF)
#define OFFLOADS (NET_BIT(VIRTIO_NET_F_CSUM) | NET_BIT(VIRTIO_NET_F_HOST_TSO4))
#define INDIRECT RING(VIRTIO_RING_F_INDIRECT_DESC)
#define EVENT RING(VIRTIO_RING_F_EVENT_IDX)
#define PACKED RING(VIRTIO_F_RING_PACKED)
#define IN_ORDER RING(VIRTIO_F_IN_ORDER)
#define MTU NET_BIT(VIRTIO_NET_F_MTU)

static void every_kind(bool packed, bool hostile)
{
	static const uint64_t sets[] = {
		MERGE | INDIRECT | EVENT, MERGE | OFFLOADS | INDIRECT, EVENT, 0,
		MERGE | MTU | IN_ORDER, MTU | INDIRECT | OFFLOADS | EVENT,
	};
	static const uint16_t sizes[] = { 8, 64, 256 }, packed_sizes[] = { 5, 100, 256 };
	static fused_carry_fn *const ways[] = { fused_carry_any, NULL };

	for (unsigned int i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		for (unsigned int j = 0; j < 6; j++) {
			fused_carry_fn *way = ways[j % 2] ? ways[j % 2] : fused_choose();
			struct run run = {
				.packed = packed,
				.size = packed ? packed_sizes[j / 2] : sizes[j / 2],
				.features = sets[i] | (packed ? PACKED : 0),
				.mtu = 200,
				.hostile = hostile,
				.fused_carry = way,
			};

			run_all(&run, i * 7919 + j * 104729 + 1, hostile ? 12 : 4);
		}
	}
	expect_variety(hostile);
}

static void split_well_behaved(void **state)
{
	(void)state;
	every_kind(false, false);
}

static void split_hostile(void **state)
{
	(void)state;
	every_kind(false, true);
}

static void packed_well_behaved(void **state)
{
	(void)state;
	every_kind(true, false);
}

static void packed_hostile(void **state)
{
	(void)state;
	every_kind(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_well_behaved),
		cmocka_unit_test(split_hostile),
		cmocka_unit_test(packed_well_behaved),
		cmocka_unit_test(packed_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

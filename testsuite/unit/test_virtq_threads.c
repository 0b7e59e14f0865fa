/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver and a device on two threads, each of which sleeps whenever it has nothing to
 * do: numbers go one way, come back changed, in order, and no notification is lost. In both
 * formats. make tsan runs this under the thread sanitizer.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "driver_any.h"
#include "vduse/virtio/cursor.h"

#define SIZE 32
#define COUNT 40000u
#define EVENT (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

struct pair {
	struct any_world world;
	sem_t kick, interrupt;
	unsigned int kicks, interrupts;
	const char *failure;	/* of the device's thread; read after it ended */
};

/* Waits up to 100 s: a notification that was lost never comes. */
static bool wait_for(sem_t *semaphore)
{
	struct timespec until;
	int error;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 100;
	do
		error = sem_timedwait(semaphore, &until);
	while (error && errno == EINTR);
	return !error;
}

/* Takes one chain, checks its number and answers with the next. */
static bool answer(struct any_world *world, uint32_t expected)
{
	struct vq_cursor cursor;
	uint32_t number;

	vq_cursor_init(&cursor, vq_chain_readable(world->chain), world->chain->readable_segments);
	if (vq_cursor_read(&cursor, &number, 4) != 4 || number != expected)
		return false;
	number++;
	vq_cursor_init(&cursor, vq_chain_writable(world->chain), world->chain->writable_segments);
	return vq_cursor_write(&cursor, &number, 4) == 4 &&
	       !virtqueue_push(world->vq, world->chain->head, 4);
}

static void publish(struct pair *pair)
{
	virtqueue_publish(pair->world.vq);
	if (virtqueue_needs_interrupt(pair->world.vq)) {
		pair->interrupts++;
		sem_post(&pair->interrupt);
	}
}

static void *device(void *context)
{
	struct pair *pair = context;
	struct virtqueue *vq = pair->world.vq;
	uint32_t next = 0;

	while (next < COUNT && !pair->failure) {
		virtqueue_disable_kick(vq);
		for (unsigned int i = 0; i < 8; i++) {
			int result = virtqueue_pop(vq, pair->world.chain);

			if (result < 0)
				pair->failure = "pop failed";
			if (result != 1)
				break;
			if (!answer(&pair->world, next++))
				pair->failure = "wrong number";
		}
		publish(pair);
		if (next < COUNT && !virtqueue_enable_kick(vq) && !wait_for(&pair->kick))
			pair->failure = "no kick came";
	}
	return NULL;
}

static bool send(struct pair *pair, uint32_t number)
{
	struct any_world *world = &pair->world;
	uint64_t at = DRIVER_HEAP + 16 * any_next_name(world);
	struct driver_buffer buffers[2] = { { at, 4, false }, { at + 8, 4, true } };
	uint16_t before = any_mark(world);

	if (any_free_count(world) < 2)
		return false;
	memcpy(any_at(world, at), &number, 4);
	any_add(world, buffers, 2);
	if (any_kick_wanted(world, before)) {
		pair->kicks++;
		sem_post(&pair->kick);
	}
	return true;
}

static bool receive(struct pair *pair, uint32_t expected)
{
	uint32_t head, length, number;

	if (!any_take_used(&pair->world, &head, &length))
		return false;
	memcpy(&number, any_at(&pair->world, DRIVER_HEAP + 16 * head + 8), 4);
	assert_int_equal(length, 4);
	assert_int_equal(number, expected + 1);
	return true;
}

static void run(uint64_t features)
{
	struct pair pair = { .world = any_started(SIZE, features) };
	uint32_t sent = 0, received = 0;
	pthread_t thread;

	sem_init(&pair.kick, 0, 0);
	sem_init(&pair.interrupt, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, device, &pair), 0);
	while (received < COUNT) {
		any_want_interrupt(&pair.world, false);
		while (sent < COUNT && send(&pair, sent))
			sent++;
		while (receive(&pair, received))
			received++;
		if (sent < COUNT && any_free_count(&pair.world) >= 2)
			continue;
		any_want_interrupt(&pair.world, true);
		if (receive(&pair, received))
			received++;
		else if (received < COUNT && !wait_for(&pair.interrupt))
			break;
	}
	pthread_join(thread, NULL);
	if (pair.failure)
		fail_msg("%s", pair.failure);
	assert_int_equal(received, COUNT);
	assert_true(pair.interrupts <= COUNT);
	sem_destroy(&pair.kick);
	sem_destroy(&pair.interrupt);
	any_free(&pair.world);
}

static void two_threads(void **state)
{
	(void)state;
	run(0);
	run(RING_PACKED);
}

static void two_threads_with_events(void **state)
{
	(void)state;
	run(EVENT);
	run(EVENT | RING_PACKED);
}

/*
 * The two races that the full fences are for, one at a time and as often as there is time
 * for: both sides begin a round together, each stores and then loads. It must not happen
 * that neither of them sees the other.
 */
struct race {
	struct any_world world;
	atomic_uint round;	/* raised by the driver's side */
	atomic_uint ready, done;	/* raised by the device's side */
	bool told;		/* the device's result of the round */
	uint32_t random;
	bool kicks;		/* which of the two races */
	bool over;		/* handed over with the round */
};

#define ROUNDS 60000u
#define SECONDS 3	/* where other work leaves no two processors: what there is time for */

static void wait_until(atomic_uint *counter, unsigned int value)
{
	for (unsigned int spins = 1; atomic_load_explicit(counter, memory_order_acquire) != value;
	     spins++)
		if (spins % 4096 == 0)
			sched_yield();
}

static void stagger(uint32_t *random)
{
	for (volatile uint32_t i = driver_random(random) % 24; i; i--)
		;
}

static void *race_device(void *context)
{
	struct race *race = context;
	struct vq_chain *chain = race->world.chain;
	struct virtqueue *vq = race->world.vq;
	uint32_t random = 99;

	for (unsigned int round = 1;; round++) {
		if (!race->kicks && virtqueue_pop(vq, chain) == 1)
			virtqueue_push(vq, chain->head, 0);
		if (race->kicks)
			virtqueue_disable_kick(vq);
		atomic_store_explicit(&race->ready, round, memory_order_release);
		wait_until(&race->round, round);
		if (race->over)
			return NULL;
		stagger(&random);
		if (race->kicks) {
			race->told = virtqueue_enable_kick(vq) > 0;
		} else {
			virtqueue_publish(vq);
			race->told = virtqueue_needs_interrupt(vq);
		}
		atomic_store_explicit(&race->done, round, memory_order_release);
		/* the driver goes on once it has looked at the result */
		wait_until(&race->round, round + 0x80000000u);
		while (race->kicks && virtqueue_pop(vq, chain) == 1)
			virtqueue_push(vq, chain->head, 0);
		if (race->kicks)
			virtqueue_publish(vq);
	}
}

static void add_one(struct any_world *world)
{
	const struct driver_buffer buffer = { DRIVER_HEAP, 1, false };

	assert_true(any_add(world, &buffer, 1) >= 0);
}

/* The driver's half of a round: whether it saw the device, or tells it. */
static bool race_driver(struct race *race)
{
	uint16_t before = any_mark(&race->world);
	uint32_t head, length;

	if (!race->kicks) {
		any_want_interrupt(&race->world, true);
		return any_take_used(&race->world, &head, &length);
	}
	add_one(&race->world);
	return any_kick_wanted(&race->world, before);
}

/* Before a round: one chain is on its way, and nobody wants to be told. */
static void race_prepare(struct race *race)
{
	uint32_t head, length;

	while (any_take_used(&race->world, &head, &length))
		;
	any_want_interrupt(&race->world, false);
	if (!race->kicks)
		add_one(&race->world);
}

static void run_race(uint64_t features, bool kicks)
{
	struct race race = { .world = any_started(SIZE, features), .random = 7,
			     .kicks = kicks };
	unsigned int missed = 0, round;
	time_t end = time(NULL) + SECONDS;
	pthread_t thread;

	race_prepare(&race);
	assert_int_equal(pthread_create(&thread, NULL, race_device, &race), 0);
	for (round = 1; !race.over; round++) {
		bool seen;

		wait_until(&race.ready, round);
		if (kicks)
			race_prepare(&race);
		race.over = round > ROUNDS || time(NULL) > end;
		atomic_store_explicit(&race.round, round, memory_order_release);
		if (race.over)
			break;
		stagger(&race.random);
		seen = race_driver(&race);
		wait_until(&race.done, round);
		missed += !seen && !race.told;
		if (!kicks)
			race_prepare(&race);
		atomic_store_explicit(&race.round, round + 0x80000000u, memory_order_release);
	}
	pthread_join(thread, NULL);
	assert_int_equal(missed, 0);
	assert_true(round > 100);
	any_free(&race.world);
}

static void interrupt_or_seen(void **state)
{
	(void)state;
	run_race(0, false);
	run_race(EVENT, false);
	run_race(RING_PACKED, false);
	run_race(RING_PACKED | EVENT, false);
}

static void kick_or_seen(void **state)
{
	(void)state;
	run_race(0, true);
	run_race(EVENT, true);
	run_race(RING_PACKED, true);
	run_race(RING_PACKED | EVENT, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_threads),
		cmocka_unit_test(two_threads_with_events),
		cmocka_unit_test(interrupt_or_seen),
		cmocka_unit_test(kick_or_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

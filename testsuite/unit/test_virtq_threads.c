/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver and a device on two threads, each of which sleeps whenever it has nothing to
 * do: numbers go one way, come back changed, in order, and no notification is lost.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "driver_ring.h"
#include "vduse/virtio/cursor.h"

#define SIZE 32
#define COUNT 150000u
#define EVENT (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)

struct pair {
	struct driver_world *world;
	sem_t kick, interrupt;
	unsigned int kicks, interrupts;
	const char *failure;	/* of the device's thread; read after it ended */
};

/* Waits up to 5 s: a notification that was lost never comes. */
static bool wait_for(sem_t *semaphore)
{
	struct timespec until;
	int error;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5;
	do
		error = sem_timedwait(semaphore, &until);
	while (error && errno == EINTR);
	return !error;
}

/* Takes one chain, checks its number and answers with the next. */
static bool answer(struct driver_world *world, uint32_t expected)
{
	struct vq_cursor cursor;
	uint32_t number;

	vq_cursor_init(&cursor, vq_chain_readable(&world->chain), world->chain.readable_segments);
	if (vq_cursor_read(&cursor, &number, 4) != 4 || number != expected)
		return false;
	number++;
	vq_cursor_init(&cursor, vq_chain_writable(&world->chain), world->chain.writable_segments);
	return vq_cursor_write(&cursor, &number, 4) == 4 &&
	       !virtqueue_push(&world->vq, world->chain.head, 4);
}

static void publish(struct pair *pair)
{
	virtqueue_publish(&pair->world->vq);
	if (virtqueue_needs_interrupt(&pair->world->vq)) {
		pair->interrupts++;
		sem_post(&pair->interrupt);
	}
}

static void *device(void *context)
{
	struct pair *pair = context;
	struct virtqueue *vq = &pair->world->vq;
	uint32_t next = 0;

	while (next < COUNT && !pair->failure) {
		virtqueue_disable_kick(vq);
		for (unsigned int i = 0; i < 8; i++) {
			int result = virtqueue_pop(vq, &pair->world->chain);

			if (result < 0)
				pair->failure = "pop failed";
			if (result != 1)
				break;
			if (!answer(pair->world, next++))
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
	struct driver_ring *ring = &pair->world->ring;
	uint64_t at = DRIVER_HEAP + 16 * ring->free_head;
	struct driver_buffer buffers[2] = { { at, 4, false }, { at + 8, 4, true } };
	uint16_t before = ring->avail_idx;

	if (ring->free_count < 2)
		return false;
	memcpy(driver_at(ring, at), &number, 4);
	driver_add(ring, buffers, 2);
	if (driver_kick_wanted(ring, before)) {
		pair->kicks++;
		sem_post(&pair->kick);
	}
	return true;
}

static bool receive(struct pair *pair, uint32_t expected)
{
	struct driver_ring *ring = &pair->world->ring;
	uint32_t head, length, number;

	if (!driver_take_used(ring, &head, &length))
		return false;
	memcpy(&number, driver_at(ring, DRIVER_HEAP + 16 * head + 8), 4);
	assert_int_equal(length, 4);
	assert_int_equal(number, expected + 1);
	return true;
}

static void run(uint64_t features)
{
	struct pair pair = { .world = driver_world_started(SIZE, features) };
	uint32_t sent = 0, received = 0;
	pthread_t thread;

	sem_init(&pair.kick, 0, 0);
	sem_init(&pair.interrupt, 0, 0);
	assert_int_equal(pthread_create(&thread, NULL, device, &pair), 0);
	while (received < COUNT) {
		driver_want_interrupt(&pair.world->ring, false);
		while (sent < COUNT && send(&pair, sent))
			sent++;
		while (receive(&pair, received))
			received++;
		if (sent < COUNT && pair.world->ring.free_count >= 2)
			continue;
		driver_want_interrupt(&pair.world->ring, true);
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
	driver_world_free(pair.world);
}

static void two_threads(void **state)
{
	(void)state;
	run(0);
}

static void two_threads_with_events(void **state)
{
	(void)state;
	run(EVENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_threads),
		cmocka_unit_test(two_threads_with_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

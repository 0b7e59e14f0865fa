/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "measure.h"

#define ROUND_FRAMES 8192u
#define WINDOW_NS UINT64_C(1000000)
#define WINDOWS 40u		/* of a turn; the first ones do not count */
#define WARM 4u
#define TURNS_MAX 200u

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* -- one thread ------------------------------------------------------------------- */

/* A round; makes *best the less of it and the time it took, in ns a frame. */
static bool one_round(struct bench *bench, const struct bench_case *with, unsigned int batch,
		      double *best)
{
	struct driver *driver = &bench->driver;
	uint64_t start, end;
	double each;

	if (!bench_reset(bench, with))
		return false;
	start = now();
	while (driver->received < ROUND_FRAMES) {
		uint64_t before = driver->received;

		driver_send(driver, batch);
		bench_step(bench);
		driver_receive(driver);
		if (driver->received == before)
			return false;	/* it stands still */
	}
	end = now();
	each = (double)(end - start) / (double)driver->received;
	if (*best == 0 || each < *best)
		*best = each;
	return bench_right(bench);
}

void measure_rounds(struct bench *bench, const struct bench_case *floor,
		    const struct bench_case *engine, unsigned int batch, unsigned int rounds,
		    struct result *result)
{
	while (rounds-- && result->right)
		result->right = one_round(bench, floor, batch, &result->floor) &&
				one_round(bench, engine, batch, &result->engine);
}

/* -- two threads ------------------------------------------------------------------ */

struct turn {
	struct bench *bench;
	atomic_bool stop;
	int processor[2];
};

/* The first two processors that this process may use; false if there is one only. */
static bool two_processors(int processor[2])
{
	unsigned int found = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &set))
			processor[found++] = i;
	return found == 2;
}

static void stay_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *work(void *context)
{
	struct turn *turn = context;

	stay_on(turn->processor[1]);
	while (!atomic_load_explicit(&turn->stop, memory_order_relaxed))
		bench_step(turn->bench);
	return NULL;
}

/* Sends and receives until the time has come; returns the frames received. */
static uint64_t drive_until(struct driver *driver, uint64_t until)
{
	uint64_t before = driver->received;

	do {
		for (unsigned int i = 0; i < 8; i++) {
			driver_send(driver, RING_SIZE);
			driver_receive(driver);
		}
	} while (now() < until);
	return driver->received - before;
}

/* Lets what is on its way arrive; gives up after a second. */
static void drain(struct driver *driver)
{
	uint64_t until = now() + 1000 * WINDOW_NS;

	while (driver->received < driver->sent && now() < until)
		driver_receive(driver);
}

static bool one_turn(struct turn *turn, const struct bench_case *with, double *windows)
{
	struct bench *bench = turn->bench;
	pthread_t thread;

	if (!bench_reset(bench, with))
		return false;
	atomic_store(&turn->stop, false);
	if (pthread_create(&thread, NULL, work, turn))
		return false;
	for (unsigned int i = 0; i < WINDOWS; i++) {
		uint64_t start = now();
		uint64_t frames = drive_until(&bench->driver, start + WINDOW_NS);
		double rate = (double)frames * 1e9 / (double)(now() - start);

		if (i >= WARM)
			windows[i - WARM] = rate;
	}
	drain(&bench->driver);
	atomic_store(&turn->stop, true);
	pthread_join(thread, NULL);
	return bench_right(bench);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double percentile90(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count * 9 / 10];
}

struct result measure_threads(struct bench *bench, const struct bench_case *floor,
			      const struct bench_case *engine, unsigned int turns)
{
	static double windows[2][TURNS_MAX * (WINDOWS - WARM)];
	struct result result = { .right = false };
	struct turn turn = { .bench = bench };
	unsigned int count = 0;
	cpu_set_t before;

	if (sched_getaffinity(0, sizeof(before), &before) || !two_processors(turn.processor))
		return result;
	stay_on(turn.processor[0]);
	result.right = true;
	for (unsigned int i = 0; i < turns && i < TURNS_MAX && result.right; i++) {
		result.right = one_turn(&turn, floor, windows[0] + count) &&
			       one_turn(&turn, engine, windows[1] + count);
		count += WINDOWS - WARM;
	}
	sched_setaffinity(0, sizeof(before), &before);
	result.floor = percentile90(windows[0], count);
	result.engine = percentile90(windows[1], count);
	return result;
}

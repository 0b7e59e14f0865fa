// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Times that are counted, while somebody sets the time of day: lib/clock, the event loop, and
 * what has a deadline by them.
 *
 * LDFLAGS: -Wl,--wrap=clock_gettime
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "vduse/patience.h"
#include "vduse/process/eventloop.h"
#include "vduse/step.h"

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

/* Seconds and nanoseconds of both clocks. */
static struct {
	struct timespec since_boot, of_day;
} it;

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	assert_true(clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME);
	*time = clock == CLOCK_MONOTONIC ? it.since_boot : it.of_day;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	it.since_boot = (struct timespec){ 77, 999999999 };
	it.of_day = (struct timespec){ 1763863200, 1 };
	return 0;
}

/* @milliseconds pass. */
static void pass(long milliseconds)
{
	it.since_boot.tv_nsec += milliseconds * 1000000;
	it.since_boot.tv_sec += it.since_boot.tv_nsec / 1000000000;
	it.since_boot.tv_nsec %= 1000000000;
}

/* Ten days forward, twenty back, and as it was: after each, and some time, @check. */
static void jumps(void (*check)(int passed))
{
	static const time_t seconds[] = { 864000, -1728000, 864000, -1763863200 };
	int passed = 0;
	size_t i;

	check(passed);
	for (i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		it.of_day.tv_sec += seconds[i];
		check(passed);
		pass(300);
		passed += 300;
		check(passed);
	}
}

static void count(int passed)
{
	assert_int_equal(clock_ms(), 77999 + passed);
	assert_int_equal(eventloop_now(), INT64_C(77999999999) + INT64_C(1000000) * passed);
}

static void proc_72_counted_time_does_not_jump(void **state)
{
	(void)state;
	jumps(count);
}

static struct patience patience;
static struct pace pace;

static void look_at_deadlines(int passed)
{
	assert_int_equal(patience_share(&patience, NULL), passed < 1000 ? 1000 - passed : 0);
	assert_int_equal(pace_left(&pace, INT_MAX), passed < 1000 ? 1000 - passed : 0);
}

static void proc_72_deadlines_do_not_jump(void **state)
{
	struct failure failure;

	(void)state;
	patience = patience_begin(1000, 1);
	assert_int_equal(pace_begin(&pace, 1000, &failure), 0);
	jumps(look_at_deadlines);
	assert_int_equal(pace_check(&pace, "lo0", &failure), -ETIMEDOUT);
	pace_end(&pace);
}

static void the_time_of_day_as_text(void **state)
{
	char text[CLOCK_TEXT];

	(void)state;
	clock_utc_text(&it.of_day, text);
	assert_string_equal(text, "2025-11-23T02:00:00.000000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(proc_72_counted_time_does_not_jump, setup),
		cmocka_unit_test_setup(proc_72_deadlines_do_not_jump, setup),
		cmocka_unit_test_setup(the_time_of_day_as_text, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

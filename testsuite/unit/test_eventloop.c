// SPDX-License-Identifier: GPL-2.0-or-later
/* Tasks that are due at once, again and again, and what must not wait for their end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/process/eventloop.h"

#define MILLISECOND UINT64_C(1000000)
#define PATIENCE_MS 60000	/* a loop that is deaf is so for ever */

static struct {
	struct eventloop loop;
	struct watch watch;
	struct task busy, other;
	int ends[2];
	uint64_t runs, others, give_up;
} it;

static void on_readable(struct watch *watch, uint32_t events)
{
	assert_ptr_equal(watch, &it.watch);
	assert_true(events & EPOLLIN);
	eventloop_end(&it.loop);
}

/* Never has enough; and ends a loop that is deaf to its descriptors. */
static void on_busy(struct task *task)
{
	it.runs++;
	task->due = 0;
	if (eventloop_now() > it.give_up)
		fail_msg("no descriptor had its turn in %llu runs", (unsigned long long)it.runs);
}

static void on_other(struct task *task)
{
	it.others++;
	task->due = 0;
}

static int begin(void **state)
{
	(void)state;
	it.runs = it.others = 0;
	assert_int_equal(eventloop_open(&it.loop), 0);
	assert_int_equal(pipe(it.ends), 0);
	it.watch = (struct watch){ it.ends[0], on_readable };
	it.busy = (struct task){ .due = 0, .run = on_busy };
	it.other = (struct task){ .due = EVENTLOOP_NEVER, .run = on_other };
	eventloop_add_task(&it.loop, &it.busy);
	eventloop_add_task(&it.loop, &it.other);
	assert_int_equal(eventloop_watch(&it.loop, &it.watch, EPOLLIN), 0);
	it.give_up = eventloop_now() + PATIENCE_MS * MILLISECOND;
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(it.ends[0]);
	close(it.ends[1]);
	eventloop_close(&it.loop);
	return 0;
}

static void a_descriptor_has_its_turn_while_a_task_never_ends(void **state)
{
	(void)state;
	assert_int_equal(write(it.ends[1], "x", 1), 1);
	assert_int_equal(eventloop_run(&it.loop), 0);
}

/* One that becomes readable while the tasks run. */
static void on_writing(struct task *task)
{
	on_busy(task);
	if (it.runs == 100)
		assert_int_equal(write(it.ends[1], "x", 1), 1);
}

static void many_runs_fit_between_two_looks_at_the_descriptors(void **state)
{
	(void)state;
	it.busy.run = on_writing;
	assert_int_equal(eventloop_run(&it.loop), 0);
	assert_true(it.runs >= 100);
}

static void two_busy_tasks_take_turns(void **state)
{
	(void)state;
	it.other.due = 0;
	it.busy.run = on_writing;
	assert_int_equal(eventloop_run(&it.loop), 0);
	assert_true(it.others + 1 >= it.runs && it.others <= it.runs + 1);
}

/* A task with a time is not run before it, however busy the others are. */
static void on_timed(struct task *task)
{
	(void)task;
	assert_true(eventloop_now() + (PATIENCE_MS - 10) * MILLISECOND >= it.give_up);
	eventloop_end(&it.loop);
}

static void a_time_is_kept_beside_a_busy_task(void **state)
{
	(void)state;
	it.other.run = on_timed;
	it.other.due = eventloop_now() + 10 * MILLISECOND;
	assert_int_equal(eventloop_run(&it.loop), 0);
	assert_true(it.runs > 0);
}

/* Ended by one task: the next one does not run any more. */
static void on_ending(struct task *task)
{
	(void)task;
	eventloop_end(&it.loop);
}

static void nothing_runs_after_the_end(void **state)
{
	(void)state;
	it.other.run = on_ending;	/* it was added last and is first in turn */
	it.other.due = 0;
	assert_int_equal(eventloop_run(&it.loop), 0);
	assert_int_equal(it.runs, 0);
}

/* The processor time of this process, in nanoseconds. */
static uint64_t used(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000 * MILLISECOND + (uint64_t)time.tv_nsec;
}

static void on_single(struct task *task)
{
	(void)task;
}

static void on_one_of_many(struct watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
	it.other.due = 0;
	if (++it.others == 1000)
		eventloop_end(&it.loop);
}

/* A task that has enough after one run leaves nothing to spin for. */
static void no_time_is_spent_without_a_busy_task(void **state)
{
	const uint64_t spinning = 1000 * EVENTLOOP_SPIN_NS;
	uint64_t before, least = UINT64_MAX;
	unsigned int i;

	(void)state;
	it.busy.due = EVENTLOOP_NEVER;
	it.other.run = on_single;
	it.watch.ready = on_one_of_many;
	assert_int_equal(write(it.ends[1], "x", 1), 1);
	/* a slow machine may need as long for the rest, but not each time */
	for (i = 0; i < 50 && least >= spinning / 2; i++) {
		it.others = 0;
		it.loop.ended = false;
		before = used();
		assert_int_equal(eventloop_run(&it.loop), 0);
		least = used() - before < least ? used() - before : least;
	}
	assert_true(least < spinning / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_descriptor_has_its_turn_while_a_task_never_ends),
		TEST(many_runs_fit_between_two_looks_at_the_descriptors),
		TEST(two_busy_tasks_take_turns),
		TEST(a_time_is_kept_beside_a_busy_task),
		TEST(nothing_runs_after_the_end),
		TEST(no_time_is_spent_without_a_busy_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

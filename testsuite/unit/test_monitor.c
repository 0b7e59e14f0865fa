// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/watch/monitor: sources that follow a script, readers of all kinds, and a clock that goes
 * on when it is told to.
 *
 * LDFLAGS: -Wl,--wrap=clock_ms
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "vdpa_tree.h"
#include "vduse/watch/monitor.h"

/* One letter in the pipe is one thing that happens. */
struct script {
	struct source source;
	int feed;		/* the pipe's other end */
	unsigned int heard, discarded, updated;
	bool closed;
};

static struct {
	struct tree tree;
	struct monitor monitor;
	struct script script, second;
	int reader, signals[2];
	int64_t now;
	struct failure failure;
} it;

int64_t __wrap_clock_ms(void);
int64_t __real_clock_ms(void);

int64_t __wrap_clock_ms(void)
{
	return it.now;
}

/* The node of another device, that nobody knows yet, is opened. */
static int play_other(struct monitor *monitor)
{
	int rc = monitor_hear_devices(monitor, "other");

	change_opened(&monitor->changes, "other", NULL);
	return rc;
}

/* The device's node is opened, and closed. */
static int play_node(struct monitor *monitor, char letter)
{
	int rc = letter == 'o' ? monitor_hear_devices(monitor, "dev") : 0;
	struct device *device = table_find(&monitor->changes.table, "dev");

	if (letter == 'o')
		change_opened(&monitor->changes, "dev", NULL);
	else if (device)
		change_closed(&monitor->changes, device);
	return rc;
}

static void play_destroyed(struct monitor *monitor)
{
	struct device *device = table_find(&monitor->changes.table, "dev");

	if (device)
		change_destroyed(&monitor->changes, device);
}

/* + a device comes, - it goes, ~ the same after its node was heard of, o it is opened,
 * c closed, p another one is opened, ! something was left out, > there is more; all else
 * fails */
static int play(struct monitor *monitor, char letter)
{
	int rc;

	switch (letter) {
	case 'o':
	case 'c':
		return play_node(monitor, letter);
	case 'p':
		return play_other(monitor);
	case '+':
		change_created(&monitor->changes, "dev", false);
		return 0;
	case '~':
		rc = monitor_hear_nodes(monitor);
		play_destroyed(monitor);
		return rc;
	case '-':
		play_destroyed(monitor);
		return 0;
	case '!':
		return -ENOBUFS;
	case '>':
		return 1;
	default:
		return -EPROTO;
	}
}

static int script_ready(struct source *source, struct monitor *monitor)
{
	char letter;
	int rc = 0;

	((struct script *)source)->heard++;
	while (rc == 0 && !monitor_stops(monitor) && read(source->fd, &letter, 1) == 1)
		rc = play(monitor, letter);
	return rc;
}

static void script_discard(struct source *source)
{
	struct script *script = (struct script *)source;
	char letter;

	script->discarded++;
	while (read(source->fd, &letter, 1) == 1)
		;
}

static int script_update(struct source *source, struct monitor *monitor)
{
	(void)monitor;
	((struct script *)source)->updated++;
	return 0;
}

static int script_tell(struct source *source, struct monitor *monitor)
{
	const struct event event = { .kind = EVENT_VIRTIO_STATUS, .name = "dev" };

	(void)source;
	monitor_report(monitor, &event);
	return 0;
}

static void script_close(struct source *source)
{
	struct script *script = (struct script *)source;

	script->closed = true;
	close(source->fd);
	close(script->feed);
}

static void script_open(struct script *script)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	*script = (struct script){ .feed = ends[1] };
	script->source = (struct source){
		.fd = ends[0], .ready = script_ready, .discard = script_discard,
		.update = script_update, .close = script_close,
	};
	monitor_add(&it.monitor, &script->source);
}

static void begin(size_t limit, bool tell)
{
	const struct event_form form = { 0 };
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0);
	it.reader = ends[0];
	monitor_open(&it.monitor, &it.tree.fs, &form, limit, ends[1]);
	if (it.monitor.writer.own)
		close(ends[1]);
	it.monitor.signals = it.signals[0];
	script_open(&it.script);
	script_open(&it.second);
	assert_int_equal(monitor_begin(&it.monitor, tell), 0);
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	signal(SIGPIPE, SIG_IGN);
	tree_make(&it.tree);
	assert_int_equal(pipe(it.signals), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	monitor_close(&it.monitor);
	assert_true(it.script.closed && it.second.closed);
	close(it.reader);
	close(it.signals[0]);
	close(it.signals[1]);
	tree_remove(&it.tree);
	return 0;
}

static void feed(struct script *script, const char *letters)
{
	assert_int_equal(write(script->feed, letters, strlen(letters)), strlen(letters));
}

static void turns(unsigned int count)
{
	while (count--)
		assert_int_equal(monitor_turn(&it.monitor, 0, &it.failure), 0);
}

/* The reader reads all there is: exactly @text. */
static void reads(const char *text)
{
	char bytes[8192];
	ssize_t n = read(it.reader, bytes, sizeof(bytes) - 1);

	bytes[n > 0 ? n : 0] = '\0';
	assert_string_equal(bytes, text);
}

#define CREATED "[vduse,create] dev\n"
#define DESTROYED "[vduse,destroy] dev\n"

static void sources_are_heard(void **state)
{
	(void)state;
	begin(100000, true);
	turns(1);
	reads("");
	feed(&it.script, "+");
	turns(1);
	reads(CREATED);
	feed(&it.second, "-");
	turns(1);
	reads(DESTROYED);
	assert_true(it.script.updated > 0);
}

static void initial_is_told_or_only_noted(void **state)
{
	(void)state;
	tree_vduse(&it.tree, "dev", false);
	begin(100000, true);
	turns(1);
	reads(CREATED);
	teardown(state);
	setup(state);
	tree_vduse(&it.tree, "dev", false);
	begin(100000, false);
	feed(&it.script, "+-");
	turns(3);
	reads(DESTROYED);
}

static void run_until_settled(int64_t milliseconds)
{
	turns(3);
	it.now += milliseconds;
	turns(3);
}

/* What happened to devices and to their nodes in one turn; whoever is heard first. */
static void told_in_order(const char *devices, const char *nodes, const char *lines)
{
	unsigned int order;

	for (order = 0; order < 2; order++) {
		begin(100000, true);
		it.monitor.nodes = order ? &it.script.source : &it.second.source;
		it.monitor.devices = order ? &it.second.source : &it.script.source;
		feed(order ? &it.second : &it.script, devices);
		feed(order ? &it.script : &it.second, nodes);
		turns(3);
		reads(lines);
		assert_ptr_equal(it.monitor.nodes, order ? &it.script.source : &it.second.source);
		assert_ptr_equal(it.monitor.devices, order ? &it.second.source : &it.script.source);
		if (!order) {
			teardown(NULL);
			setup(NULL);
		}
	}
}

#define OPENED "[vduse,open] dev\n"
#define CLOSED "[vduse,close] dev\n"

static void nodes_and_devices_are_told_in_their_order(void **state)
{
	(void)state;
	told_in_order("+~", "ococ", CREATED OPENED CLOSED OPENED CLOSED DESTROYED);
	teardown(state);
	setup(state);
	told_in_order("+~", "o", CREATED OPENED CLOSED DESTROYED);
}

/* The first of these is the end of some other device. */
static void neither_is_heard_in_the_middle_of_itself(void **state)
{
	(void)state;
	begin(100000, true);
	it.monitor.nodes = &it.script.source;
	it.monitor.devices = &it.second.source;
	feed(&it.second, "~+");
	feed(&it.script, "oc");
	turns(3);
	reads(CREATED OPENED CLOSED);
	teardown(state);
	setup(state);
	begin(100000, true);
	it.monitor.nodes = &it.second.source;
	it.monitor.devices = &it.script.source;
	feed(&it.script, "+");
	turns(1);
	feed(&it.script, "~+-");
	feed(&it.second, "p");
	turns(1);
	reads(CREATED DESTROYED CREATED DESTROYED);
}

/* The node's opening is heard of before the end of the device that had its name: the
 * listing a moment later knows. */
static void an_end_that_closes_a_node_is_looked_into(void **state)
{
	(void)state;
	begin(100000, true);
	run_until_settled(MONITOR_VERIFY_MS + 20);
	assert_true(it.monitor.verify_due == INT64_MAX);
	feed(&it.script, "+");
	turns(1);
	feed(&it.script, "o");
	turns(1);
	tree_vduse(&it.tree, "dev", false);
	tree_link(&it.tree, "/dev/zero", "dev/vduse/dev");
	tree_process(&it.tree, 231, "vduse", 'S', 1, "/dev/zero");
	tree_link(&it.tree, "pid:[4026531836]", "proc/self/ns/pid");
	feed(&it.script, "-+");
	turns(1);
	reads(CREATED OPENED CLOSED DESTROYED CREATED);
	run_until_settled(MONITOR_VERIFY_MS + 20);
	reads("[vduse,open] dev pid 231 command vduse loopback\n");
	assert_true(it.monitor.verify_due == INT64_MAX);
}

static void more_is_not_waited_for(void **state)
{
	(void)state;
	begin(100000, true);
	turns(3);
	feed(&it.script, ">");
	turns(1);
	assert_true(it.monitor.more);
	turns(1);
	assert_false(it.monitor.more);
}

/* What the source had after the overrun is thrown away: the listing has it. */
static void an_overrun_gives_a_resync_and_the_differences(void **state)
{
	(void)state;
	begin(100000, true);
	it.second.source.tell = script_tell;
	feed(&it.script, "+");
	turns(1);
	reads(CREATED);
	tree_vduse(&it.tree, "new", false);	/* and dev is in no listing */
	feed(&it.script, "!+-+-");
	feed(&it.second, "-");		/* in the same turn */
	it.second.heard = 0;
	turns(2);
	reads("");
	assert_int_equal(it.second.heard, 0);
	run_until_settled(MONITOR_SETTLE_MS + 20);
	reads("[monitor,resync] reason overrun\n" DESTROYED "[vduse,create] new\n"
	      "[virtio,status] dev\n");
	assert_int_equal(it.script.discarded, 1);
	assert_int_equal(it.second.discarded, 1);
	turns(5);
	reads("");
}

static void the_second_listing_finds_what_the_first_saw_going(void **state)
{
	(void)state;
	tree_vduse(&it.tree, "going", false);
	begin(100000, true);
	run_until_settled(MONITOR_VERIFY_MS + 20);
	assert_true(it.monitor.verify_due == INT64_MAX);
	feed(&it.script, "!");
	run_until_settled(MONITOR_SETTLE_MS + 20);
	reads("[vduse,create] going\n[monitor,resync] reason overrun\n");
	tree_delete(&it.tree, "sys/class/vduse/going");
	run_until_settled(MONITOR_VERIFY_MS + 20);
	reads("[vduse,destroy] going\n");
	assert_true(it.monitor.verify_due == INT64_MAX);
}

/* Feed until the pipe (of one page) is full, and the limit reached. */
static void fill(void)
{
	unsigned int i;

	for (i = 0; i < 1000 && !monitor_lost(&it.monitor); i++) {
		feed(&it.script, i % 2 ? "-" : "+");
		turns(1);
	}
	assert_int_equal(it.monitor.lost, LOST_READER);
}

static void cli_91_a_slow_reader_gets_a_resync(void **state)
{
	char bytes[16384];
	size_t length = 0;
	int64_t start;
	ssize_t n;

	(void)state;
	begin(1000, true);
	fill();
	assert_true(writer_pending(&it.monitor.writer) <= 1000 + sizeof(DESTROYED));
	/* what happens now takes no memory */
	feed(&it.script, "+-+-+-+-");
	turns(20);
	assert_true(writer_pending(&it.monitor.writer) <= 1000 + sizeof(DESTROYED));
	/* and no processor time */
	start = __real_clock_ms();
	assert_int_equal(monitor_turn(&it.monitor, 50, &it.failure), 0);
	assert_true(__real_clock_ms() - start >= 50);
	tree_vduse(&it.tree, "new", false);
	while ((n = read(it.reader, bytes + length, sizeof(bytes) - 1 - length)) > 0) {
		length += n;
		turns(2);
	}
	bytes[length] = '\0';
	assert_non_null(strstr(bytes, "[monitor,resync] reason reader\n"));
	assert_true(length > 4096 + 1000);
	assert_string_equal(bytes + length - strlen("[vduse,create] new\n"), "[vduse,create] new\n");
	assert_false(monitor_lost(&it.monitor));
}

/* The reader takes all in the same turn in which the limit was passed. */
static void a_limit_that_one_event_passes(void **state)
{
	(void)state;
	begin(4, true);
	turns(2);
	feed(&it.script, "+");
	tree_vduse(&it.tree, "dev", false);
	assert_int_equal(monitor_turn(&it.monitor, 1000, &it.failure), 0);
	assert_int_equal(monitor_turn(&it.monitor, -1, &it.failure), 0);
	reads(CREATED "[monitor,resync] reason reader\n");
}

static void cli_91_a_reader_that_is_gone_is_noticed_at_rest(void **state)
{
	(void)state;
	begin(100000, true);
	turns(1);
	close(it.reader);
	it.reader = -1;
	assert_int_equal(monitor_run(&it.monitor, &it.failure), -EPIPE);
	assert_int_equal(it.failure.status, STATUS_FAILED);
	assert_int_equal(it.failure.errnum, EPIPE);
	assert_string_equal(it.failure.object, "stdout");
}

static void a_source_that_fails_ends_it(void **state)
{
	(void)state;
	begin(100000, true);
	feed(&it.script, "x");
	assert_int_equal(monitor_run(&it.monitor, &it.failure), -EPROTO);
	assert_int_equal(it.failure.errnum, EPROTO);
}

static void a_signal_ends_it_and_what_was_told_is_written(void **state)
{
	(void)state;
	begin(100000, true);
	feed(&it.script, "+");
	turns(1);
	assert_int_equal(write(it.signals[1], "x", 1), 1);
	assert_int_equal(monitor_run(&it.monitor, &it.failure), 0);
	reads(CREATED);
}

static void short_memory_is_an_error(void **state)
{
	(void)state;
	begin(100000, true);
	turns(1);
	it.monitor.writer.text.broken = true;
	assert_int_equal(monitor_turn(&it.monitor, 0, &it.failure), -ENOMEM);
	it.monitor.writer.text.broken = false;
}

/* The description that others share is not made non-blocking. */
static void the_reader_s_end_is_left_as_it_is(void **state)
{
	struct writer writer;
	int ends[2];

	(void)state;
	begin(1000, true);
	assert_int_equal(pipe(ends), 0);
	writer_open(&writer, ends[1]);
	assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
	/* without /proc no more than fits is written */
	writer_close(&writer);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0);
	writer = (struct writer){ .fd = ends[1], .most = 4096 };
	while (writer.text.length < 20000)
		buffer_add_text(&writer.text, "0123456789");
	alarm(100);
	assert_int_equal(writer_flush(&writer), 0);
	alarm(0);
	assert_int_equal(writer_pending(&writer), 20000 - 4096);
	buffer_free(&writer.text);
	close(ends[0]);
	close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sources_are_heard),
		TEST(initial_is_told_or_only_noted),
		TEST(nodes_and_devices_are_told_in_their_order),
		TEST(neither_is_heard_in_the_middle_of_itself),
		TEST(an_end_that_closes_a_node_is_looked_into),
		TEST(more_is_not_waited_for),
		TEST(an_overrun_gives_a_resync_and_the_differences),
		TEST(the_second_listing_finds_what_the_first_saw_going),
		TEST(cli_91_a_slow_reader_gets_a_resync),
		TEST(a_limit_that_one_event_passes),
		TEST(cli_91_a_reader_that_is_gone_is_noticed_at_rest),
		TEST(a_source_that_fails_ends_it),
		TEST(a_signal_ends_it_and_what_was_told_is_written),
		TEST(short_memory_is_an_error),
		TEST(the_reader_s_end_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

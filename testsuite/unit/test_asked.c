// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse/asked: what a serving process says is taken for what it can be, and no more. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/asked.h"
#include "vduse/process/answers.h"
#include "vduse/process/events.h"

#define QUEUES "\"virtqueues\":[{\"index\":0},{\"index\":1}]"

static struct asked_state state_;
static struct port_counters counters;
static struct port port;
static struct journal_port journal;

static int state_of(const char *text)
{
	return asked_state_parse(text, strlen(text), &state_);
}

static int counters_of(const char *text)
{
	return asked_counters_parse(text, strlen(text), &counters);
}

/* What the one side writes, the other reads. */
static void a_state_comes_over(void **state)
{
	struct buffer answer = { 0 };

	(void)state;
	memset(&port, 0, sizeof(port));
	port.journal = &journal;
	port.session.live = true;
	port.session.status = 15;
	port.session.features = UINT64_C(0x800000033001bbab);
	port.session.memory.count = 3;
	port.session.queues[1].vq.state = VIRTQUEUE_BROKEN;
	port.session.queues[1].vq.error.reason = VQ_HEAD_RANGE;
	port.session.resumed = true;
	port.journal->session.link_down = true;
	assert_int_equal(answer_state(&port, getpid(), 256, "it \"broke\"", &answer), 0);
	assert_int_equal(asked_state_parse(answer.text, answer.length, &state_), 0);
	assert_true(state_.live);
	assert_false(state_.broken);
	assert_true(state_.link_down);
	assert_true(state_.resumed);
	assert_string_equal(state_.error, "it \"broke\"");
	assert_int_equal(state_.vq_size, 256);
	assert_int_equal(state_.status, 15);
	assert_true(state_.features == port.session.features);
	assert_int_equal(state_.regions, 3);
	assert_false(state_.queues[0].running || state_.queues[0].broken);
	assert_true(state_.queues[1].broken);
	assert_string_equal(state_.queues[1].error, virtqueue_reason_text(VQ_HEAD_RANGE));
	buffer_free(&answer);
}

static void counters_come_over(void **state)
{
	struct port_counters sent;
	struct buffer answer = { 0 };
	unsigned int cause;

	(void)state;
	memset(&port, 0, sizeof(port));
	port.journal = &journal;
	port.peer = &port;
	for (cause = 1; cause < NET_DROPS; cause++)
		port.forward.counters.dropped[cause] = cause;
	port.forward.counters.frames = 10000000000u;
	port.forward.counters.held = 7;
	port.session.queues[0].kicks = 3;
	port.session.queues[1].interrupts = 4;
	port_read_counters(&port, &sent);
	assert_int_equal(answer_stats(&port, &answer), 0);
	assert_int_equal(asked_counters_parse(answer.text, answer.length, &counters), 0);
	assert_memory_equal(&counters, &sent, sizeof(sent));
	buffer_free(&answer);
}

static void other_texts_are_no_states(void **state)
{
	static const char *const rows[] = {
		"", "{", "[]", "1", "null", "\"state\"", "{}", "{\"link\":\"up\"}",
		"{\"error\":{\"errno\":\"EINVAL\",\"message\":\"\"}}",
		"{\"link\":\"up\",\"virtqueues\":[]}",
		"{\"link\":\"up\",\"virtqueues\":[{}]}",
		"{\"link\":\"up\",\"virtqueues\":[{},{},{}]}",
		"{\"link\":\"up\",\"virtqueues\":[{},1]}",
		"{\"link\":\"up\",\"virtqueues\":{}}",
		"{\"link\":\"sideways\"," QUEUES "}", "{\"link\":1," QUEUES "}",
		"{" QUEUES "}",
		"{\"link\":\"up\",\"live\":1," QUEUES "}",
		"{\"link\":\"up\",\"broken\":\"no\"," QUEUES "}",
		"{\"link\":\"up\",\"resumed\":1," QUEUES "}",
		"{\"link\":\"up\",\"error\":1," QUEUES "}",
		"{\"link\":\"up\",\"status\":256," QUEUES "}",
		"{\"link\":\"up\",\"status\":-1," QUEUES "}",
		"{\"link\":\"up\",\"status\":1.5," QUEUES "}",
		"{\"link\":\"up\",\"status\":\"15\"," QUEUES "}",
		"{\"link\":\"up\",\"features\":3," QUEUES "}",
		"{\"link\":\"up\",\"features\":\"0x\"," QUEUES "}",
		"{\"link\":\"up\",\"features\":\"0x1ffffffffffffffff\"," QUEUES "}",
		"{\"link\":\"up\",\"regions\":4294967296," QUEUES "}",
		"{\"link\":\"up\",\"virtqueues\":[{\"size\":32769},{}]}",
		"{\"link\":\"up\",\"virtqueues\":[{},{\"next_used\":65536}]}",
		"{\"link\":\"up\",\"virtqueues\":[{},{\"in_flight\":99999}]}",
		"{\"link\":\"up\",\"virtqueues\":[{\"error\":7},{}]}",
		"{\"link\":\"up\"," QUEUES "} more", "{\"link\":\"up\"," QUEUES "}{}",
		"{\"link\":\"up\"," QUEUES ",}", "{'link':'up'," QUEUES "}",
		"{\"link\":\"up\",\"x\":[[[[[[[[[[[[]]]]]]]]]]]]," QUEUES "}",
	};
	char text[600];
	size_t i;

	(void)state;
	assert_int_equal(state_of("{\"link\":\"up\"," QUEUES "}"), 0);
	assert_string_equal(state_.error, "");
	assert_int_equal(state_of("{\"error\":{\"errno\":\"EBUSY\",\"message\":\"\"}}"), -EBUSY);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (state_of(rows[i]) != -EPROTO)
			fail_msg("taken: %s", rows[i]);
	snprintf(text, sizeof(text), "{\"link\":\"up\",\"virtqueues\":[{\"error\":\"%0300d\"},{}]}", 0);
	assert_int_equal(state_of(text), -EPROTO);
}

static void other_texts_are_no_counters(void **state)
{
	static const char *const rows[] = {
		"{}", "{\"dropped\":{}}", "{" QUEUES "}", "{" QUEUES ",\"dropped\":[]}",
		"{" QUEUES ",\"dropped\":{\"mtu\":-1}}", "{" QUEUES ",\"dropped\":{\"mtu\":\"1\"}}",
		"{" QUEUES ",\"dropped\":{},\"held\":null}",
		"{" QUEUES ",\"dropped\":{},\"held\":1e3}",
		"{\"virtqueues\":[{\"frames\":-1},{}],\"dropped\":{}}",
		"{\"virtqueues\":[{\"frames\":18446744073709551615},{}],\"dropped\":{}}",
		"{\"virtqueues\":[{\"frames\":99999999999999999999999},{}],\"dropped\":{}}",
	};
	size_t i;

	(void)state;
	assert_int_equal(counters_of("{" QUEUES ",\"dropped\":{}}"), 0);
	assert_false(counters.recording);
	assert_int_equal(counters_of("{" QUEUES ",\"dropped\":{},\"recorded\":0}"), 0);
	assert_true(counters.recording);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (counters_of(rows[i]) != -EPROTO)
			fail_msg("taken: %s", rows[i]);
}

static void events_come_over(void **state)
{
	static const struct {
		enum session_event event;
		enum asked_what what;
		unsigned int number;
		uint64_t expected;
	} rows[] = {
		{ SESSION_STATUS, ASKED_STATUS, 0, 11 },
		{ SESSION_FEATURES, ASKED_FEATURES, 0, UINT64_C(0x300000003) },
		{ SESSION_QUEUE_READY, ASKED_QUEUE, 1, 1 },
		{ SESSION_IOTLB, ASKED_IOTLB, 5, 5 },
		{ SESSION_RESET, ASKED_RESET, 0, 0 },
		{ SESSION_RECONNECT, ASKED_RECONNECT, 0, 11 },
	};
	struct asked_event event;
	size_t i;

	(void)state;
	memset(&port, 0, sizeof(port));
	port.journal = &journal;
	port.session.status = 11;
	port.session.features = UINT64_C(0x300000003);
	port.session.queues[1].vq.size = 256;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer object = { 0 };

		events_add_session(&object, &port, rows[i].event, rows[i].number);
		assert_int_equal(asked_event_parse(object.text, object.length, &event), 0);
		assert_int_equal(event.what, rows[i].what);
		assert_true(event.number == rows[i].expected);
		assert_int_equal(event.size, rows[i].event == SESSION_QUEUE_READY ? 256 : 0);
		buffer_free(&object);
	}
}

static void other_texts_are_no_events(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} rows[] = {
		{ "{\"event\":\"exit\"}", 0 }, { "{\"event\":\"link\",\"link\":\"down\"}", 0 },
		{ "{\"event\":\"error\",\"message\":\"\"}", 0 },
		{ "{\"event\":\"resync\",\"lost\":7}", 0 },
		{ "{\"event\":\"tomorrow\"}", -ENOENT }, { "", -EPROTO }, { "{}", -EPROTO },
		{ "[]", -EPROTO }, { "{\"event\":1}", -EPROTO },
		{ "{\"event\":\"link\"}", -EPROTO },
		{ "{\"event\":\"link\",\"link\":\"x\"}", -EPROTO },
		{ "{\"event\":\"error\"}", -EPROTO },
		{ "{\"event\":\"vq\",\"index\":2}", -EPROTO },
		{ "{\"event\":\"vq\",\"index\":1,\"size\":99999}", -EPROTO },
		{ "{\"event\":\"status\",\"status\":256}", -EPROTO },
		{ "{\"event\":\"features\",\"features\":3}", -EPROTO },
		{ "{\"event\":\"iotlb\",\"regions\":-1}", -EPROTO },
	};
	struct asked_event event;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (asked_event_parse(rows[i].text, strlen(rows[i].text), &event) != rows[i].rc)
			fail_msg("%s", rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_comes_over),
		cmocka_unit_test(counters_come_over),
		cmocka_unit_test(other_texts_are_no_states),
		cmocka_unit_test(other_texts_are_no_counters),
		cmocka_unit_test(events_come_over),
		cmocka_unit_test(other_texts_are_no_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

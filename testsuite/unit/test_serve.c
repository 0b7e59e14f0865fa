// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/process/serve: what ends it before it serves, what it records frames with, and who may
 * ask it to stop. The devices themselves are test_faults's matter, so most of these lives have
 * none; what one would be told is played.
 *
 * LDFLAGS: -Wl,--wrap=pcap_open,--wrap=pcap_start,--wrap=pcap_news_fd,--wrap=pcap_tell
 * LDFLAGS: -Wl,--wrap=pcap_close,--wrap=port_record,--wrap=privilege_drop,--wrap=eventloop_open
 * LDFLAGS: -Wl,--wrap=calloc,--wrap=port_open,--wrap=port_close,--wrap=session_resume
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buffer.h"
#include "lib/control_socket.h"
#include "vduse/device/pcap.h"
#include "vduse/process/eventloop.h"
#include "vduse/process/privilege.h"
#include "vduse/process/serve.h"

static struct {
	const char *fails;	/* a step */
	struct buffer steps;	/* in order */
	int events;		/* an eventfd: news of a capture, or the node of a device */
	char folder[40];
	int client;		/* of the control socket */
	const char *requests[2];	/* that it has when the device is ready, or NULL */
	char said[200];
	pcap_report_fn *report;
	void *capture;
} it;

/* 0, or what it fails with. */
static int step(const char *name)
{
	buffer_format(&it.steps, "%s ", name);
	return it.fails && !strcmp(it.fails, name) ? -EDOM : 0;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	return it.fails && !strcmp(it.fails, "memory") ? NULL : __real_calloc(count, size);
}

int __real_eventloop_open(struct eventloop *loop);
int __wrap_eventloop_open(struct eventloop *loop);
int __wrap_eventloop_open(struct eventloop *loop)
{
	int rc = __real_eventloop_open(loop);

	return rc < 0 ? rc : step("loop");
}

/* A capture that is the eventfd. */
int __wrap_pcap_open(struct pcap **pcap, int fd, const char *const *names, unsigned int count,
		     pcap_report_fn *report, void *context);
int __wrap_pcap_open(struct pcap **pcap, int fd, const char *const *names, unsigned int count,
		     pcap_report_fn *report, void *context)
{
	int rc = step("pcap_open");

	assert_int_equal(fd, 99);
	assert_string_equal(names[0], "lo0");
	assert_in_range(count, 0, 1);
	it.report = report;
	it.capture = context;
	if (rc == 0)
		*pcap = (struct pcap *)(void *)&it;
	return rc;
}

int __wrap_pcap_start(struct pcap *pcap);
int __wrap_pcap_start(struct pcap *pcap)
{
	assert_ptr_equal(pcap, &it);
	return step("pcap_start");
}

int __wrap_pcap_news_fd(const struct pcap *pcap);
int __wrap_pcap_news_fd(const struct pcap *pcap)
{
	assert_ptr_equal(pcap, &it);
	return it.fails && !strcmp(it.fails, "watch") ? -1 : it.events;
}

/* There is news: the writer is too slow. After it, the end. */
void __wrap_pcap_tell(struct pcap *pcap);
void __wrap_pcap_tell(struct pcap *pcap)
{
	eventfd_t count;

	assert_ptr_equal(pcap, &it);
	assert_int_equal(eventfd_read(it.events, &count), 0);
	step("pcap_tell");
	it.report(it.capture, "too slow");
	kill(getpid(), SIGTERM);
}

void __wrap_pcap_close(struct pcap *pcap);
void __wrap_pcap_close(struct pcap *pcap)
{
	if (pcap)
		step("pcap_close");
}

void __wrap_port_record(struct port *port, struct pcap *pcap, uint32_t interface);
void __wrap_port_record(struct port *port, struct pcap *pcap, uint32_t interface)
{
	assert_non_null(port);
	assert_ptr_equal(pcap, &it);
	assert_int_equal(interface, 0);
	step("port_record");
}

int __wrap_privilege_drop(const char *user, struct failure *failure);
int __wrap_privilege_drop(const char *user, struct failure *failure)
{
	int rc = step("drop");

	assert_string_equal(user, "nobody");
	return rc < 0 ? failure_errno(failure, -rc, NULL, "cannot become %s", user) : 0;
}

/* -- a device of which nothing is asked ------------------------------------------------------ */

int __wrap_port_open(struct port *port, int fd, uint16_t queue_size, uint16_t mtu,
		     struct journal_port *journal, const struct port_owner *owner, void *context);
int __wrap_port_open(struct port *port, int fd, uint16_t queue_size, uint16_t mtu,
		     struct journal_port *journal, const struct port_owner *owner, void *context)
{
	(void)mtu;
	(void)journal;
	(void)owner;
	(void)context;
	assert_int_equal(queue_size, 64);
	port->peer = port;
	port->session.fd = fd;
	port->session.queues[PORT_RECEIVEQ].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	port->session.queues[PORT_TRANSMITQ].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return step("port_open");
}

void __wrap_port_close(struct port *port);
void __wrap_port_close(struct port *port)
{
	close(port->session.queues[PORT_RECEIVEQ].kick_fd);
	close(port->session.queues[PORT_TRANSMITQ].kick_fd);
	step("port_close");
}

int __wrap_session_resume(struct session *session);
int __wrap_session_resume(struct session *session)
{
	assert_true(session->fd >= 0);
	return step("resume");
}

/* -- lives ----------------------------------------------------------------------------------- */

static int settled(void *context, struct failure *failure)
{
	int rc = step("settled");

	assert_ptr_equal(context, &it);
	return rc < 0 ? failure_errno(failure, -rc, NULL, "cannot be confined") : 0;
}

static int ready(void *context)
{
	size_t i;

	assert_ptr_equal(context, &it);
	if (!it.requests[0]) {
		assert_int_equal(eventfd_write(it.events, 1), 0);
		return step("ready");
	}
	it.client = control_socket_connect(it.folder, "lo0", 0);
	assert_true(it.client >= 0);
	for (i = 0; i < 2 && it.requests[i]; i++)
		assert_int_equal(control_socket_send(it.client, it.requests[i]), 0);
	return step("ready");
}

static void report(void *context, const char *name, const char *sentence)
{
	assert_ptr_equal(context, &it);
	assert_string_equal(name, "lo0");
	snprintf(it.said, sizeof(it.said), "%s", sentence);
}

static struct serve_plan plan;
static struct failure failure;

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	memset(&failure, 0, sizeof(failure));
	it.client = -1;
	it.events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	strcpy(it.folder, "/tmp/test_serve.XXXXXX");
	plan = (struct serve_plan){
		.devices = { { .name = "lo0", .fd = it.events, .affinity = { -1, -1 },
			       .control_fd = -1 } },
		.queue_size = 64,
		.pcap_fd = 99,
		.user = "nobody",
		.poll_ns = 1,	/* the scheduling of the test is left alone */
		.processors = 1,
		.context = &it,
		.settled = settled,
		.ready = ready,
		.report = report,
	};
	return it.events >= 0 && mkdtemp(it.folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	close(it.events);
	if (it.client >= 0)
		close(it.client);
	buffer_free(&it.steps);
	control_socket_remove(it.folder, "lo0");
	return rmdir(it.folder);
}

/* It ended with that, after these steps. */
static void lived(int rc, const char *steps, const char *message)
{
	assert_int_equal(serve_run(&plan, &failure), rc);
	assert_string_equal(it.steps.text ? it.steps.text : "", steps);
	assert_string_equal(failure.message, message);
	buffer_free(&it.steps);
}

static void a_capture_is_begun_told_of_and_ended(void **state)
{
	int node = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	(void)state;
	plan.count = 1;
	plan.devices[0].fd = node;
	lived(0, "loop port_open pcap_open port_record drop pcap_start settled resume ready "
		 "pcap_tell port_close pcap_close ", "");
	close(node);
	plan.count = 0;
	lived(0, "loop pcap_open drop pcap_start settled ready pcap_tell pcap_close ", "");
	assert_string_equal(it.said, "too slow");
}

static void what_fails_ends_it_with_a_sentence(void **state)
{
	static const struct {
		const char *fails, *steps, *message;
		int rc;
	} rows[] = {
		{ "memory", "", "cannot serve: Cannot allocate memory", -ENOMEM },
		{ "loop", "loop ", "cannot wait for events: ", -EDOM },
		{ "pcap_open", "loop pcap_open ", "cannot write the capture: ", -EDOM },
		{ "drop", "loop pcap_open drop pcap_close ", "cannot become nobody: ", -EDOM },
		{ "pcap_start", "loop pcap_open drop pcap_start pcap_close ",
		  "cannot record frames: ", -EDOM },
		{ "watch", "loop pcap_open drop pcap_start pcap_close ",
		  "cannot record frames: Bad file descriptor", -EBADF },
		{ "settled", "loop pcap_open drop pcap_start settled pcap_close ",
		  "cannot be confined: ", -EDOM },
		{ "ready", "loop pcap_open drop pcap_start settled ready pcap_close ",
		  "cannot say that it is ready: ", -EDOM },
	};
	char message[200];
	eventfd_t count;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		it.fails = rows[i].fails;
		snprintf(message, sizeof(message), "%s%s", rows[i].message,
			 rows[i].rc == -EDOM ? strerror(EDOM) : "");
		lived(rows[i].rc, rows[i].steps, message);
		eventfd_read(it.events, &count);
	}
}

static void a_device_that_cannot_go_on(void **state)
{
	(void)state;
	plan.count = 1;
	plan.pcap_fd = -1;
	it.fails = "resume";
	assert_int_equal(serve_run(&plan, &failure), -EDOM);
	assert_string_equal(it.steps.text, "loop port_open drop settled resume port_close ");
	assert_string_equal(failure.object, "lo0");
}

/* -- who asks -------------------------------------------------------------------------------- */

static void listens(const char *first, const char *second)
{
	struct failure why;

	plan.count = 1;
	plan.pcap_fd = -1;
	plan.user = NULL;
	plan.settled = NULL;
	plan.devices[0].control_fd = control_socket_listen(it.folder, "lo0", &why);
	assert_true(plan.devices[0].control_fd >= 0);
	it.requests[0] = first;
	it.requests[1] = second;
}

static void expect_answer(const char *text)
{
	struct buffer answer = { 0 };

	assert_int_equal(control_socket_receive(it.client, 60000, &answer), 0);
	assert_string_equal(answer.text, text);
	buffer_free(&answer);
}

static void who_asks_it_to_stop_is_answered_before(void **state)
{
	(void)state;
	listens("stop", NULL);
	lived(0, "loop port_open resume ready port_close ", "");
	expect_answer("{}");
}

static void what_is_not_known_is_refused(void **state)
{
	(void)state;
	listens("dance", "stop");
	lived(0, "loop port_open resume ready port_close ", "");
	expect_answer("{\"error\":{\"errno\":\"EINVAL\",\"message\":\"Invalid argument\"}}");
	expect_answer("{}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_capture_is_begun_told_of_and_ended),
		TEST(what_fails_ends_it_with_a_sentence), TEST(a_device_that_cannot_go_on),
		TEST(who_asks_it_to_stop_is_answered_before), TEST(what_is_not_known_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

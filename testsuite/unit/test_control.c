// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/process/control with lib/control_socket on the other side, over real sockets.
 *
 * LDFLAGS: -Wl,--wrap=eventloop_now,--wrap=accept4,--wrap=send,--wrap=fcntl,--wrap=fcntl64
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/control_socket.h"
#include "vduse/process/control.h"

#define PATIENCE 60000	/* ms for what comes at once */

static char folder[] = "/tmp/test_control.XXXXXX";
static struct eventloop loop;
static struct control control;
static struct task end;
static struct buffer packet;
static unsigned int asked;
static char last[CONTROL_REQUEST_SIZE];
static uint64_t ahead;
static int accept_error;	/* 0: it works */
static unsigned int accepts;
static unsigned int sends_interrupted;	/* so many, from now on */
static int flags_error;	/* errno of setting those of a descriptor; 0: none */

uint64_t __real_eventloop_now(void);
uint64_t __wrap_eventloop_now(void);

/* For control.c alone: the loop's own calls are within its source. */
uint64_t __wrap_eventloop_now(void)
{
	return __real_eventloop_now() + ahead;
}

int __real_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags)
{
	accepts++;
	if (!accept_error)
		return __real_accept4(fd, address, length, flags);
	errno = accept_error;
	return -1;
}

ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	if (!sends_interrupted)
		return __real_send(fd, bytes, length, flags);
	sends_interrupted--;
	errno = EINTR;
	return -1;
}

static int call_fcntl(int fd, int command, long argument)
{
	errno = flags_error;
	return command == F_SETFL && flags_error ? -1 : __real_fcntl(fd, command, argument);
}

int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	return call_fcntl(fd, command, argument);
}

int __wrap_fcntl64(int fd, int command, ...) __attribute__((alias("__wrap_fcntl")));

static int answer(void *context, const char *request, struct buffer *reply)
{
	assert_ptr_equal(context, &asked);
	asked++;
	snprintf(last, sizeof(last), "%s", request);
	if (!strcmp(request, "long")) {
		char *room = buffer_room(reply, CONTROL_ANSWER_SIZE - 1);

		memset(room, 'x', CONTROL_ANSWER_SIZE - 1);
		buffer_used(reply, CONTROL_ANSWER_SIZE - 1);
		return 0;
	}
	buffer_add_text(reply, "{\"half\":");
	if (strcmp(request, "state") != 0)
		return -EINVAL;
	buffer_add_text(reply, "1}");
	return 0;
}

static const struct control_owner owner = { .answer = answer };

static void on_end(struct task *task)
{
	(void)task;
	eventloop_end(&loop);
}

/* Let the server work for a while, for which nothing is to happen or not to happen. */
static void run(unsigned int milliseconds)
{
	loop.ended = false;
	end.due = __real_eventloop_now() + milliseconds * UINT64_C(1000000);
	assert_int_equal(eventloop_run(&loop), 0);
}

/* Let the server work until it is so, however slow the machine is. */
#define run_until(condition)							\
	do {									\
		unsigned int rounds;						\
										\
		for (rounds = 0; !(condition) && rounds < PATIENCE; rounds++)	\
			run(1);							\
		assert_true(condition);						\
	} while (0)

static unsigned int places_taken(void)
{
	unsigned int i, count = 0;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		count += control.clients[i].watch.fd >= 0;
	return count;
}

/* The milliseconds since @begin, of eventloop_now(). */
static uint64_t since(uint64_t begin)
{
	return (__real_eventloop_now() - begin) / 1000000;
}

static int setup(void **state)
{
	struct failure failure;
	int fd;

	(void)state;
	asked = accepts = 0;
	ahead = 0;
	accept_error = 0;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(eventloop_open(&loop), 0);
	end = (struct task){ .due = EVENTLOOP_NEVER, .run = on_end };
	eventloop_add_task(&loop, &end);
	fd = control_socket_listen(folder, "lo0", &failure);
	assert_true(fd >= 0);
	assert_int_equal(control_open(&control, &loop, fd, &owner, &asked), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	control_close(&control);
	eventloop_close(&loop);
	assert_int_equal(control_socket_remove(folder, "lo0"), 0);
	assert_int_equal(rmdir(folder), 0);
	buffer_free(&packet);
	return 0;
}

static int join(void)
{
	int fd = control_socket_connect(folder, "lo0", PATIENCE);

	assert_true(fd >= 0);
	return fd;
}

/* What comes next: 0 with it in packet, or negative errno. */
static int receive(int fd)
{
	int rc = -ETIMEDOUT;

	run_until((rc = rc == -ETIMEDOUT ? control_socket_receive(fd, 0, &packet) : rc) !=
		  -ETIMEDOUT);
	return rc;
}

static void expect_packet(int fd, const char *text)
{
	assert_int_equal(receive(fd), 0);
	assert_string_equal(packet.text, text);
}

static void expect_error(int fd, const char *name)
{
	char text[64];

	assert_int_equal(receive(fd), 0);
	snprintf(text, sizeof(text), "{\"error\":{\"errno\":\"%s\",\"message\":\"", name);
	assert_memory_equal(packet.text, text, strlen(text));
	assert_string_equal(packet.text + packet.length - 3, "\"}}");
}

static void expect_end(int fd)
{
	assert_int_equal(receive(fd), -EPIPE);
}

/* -- asking ---------------------------------------------------------------------------- */

static void a_request_is_answered(void **state)
{
	int fd = join();

	(void)state;
	assert_int_equal(control_socket_send(fd, "state"), 0);
	expect_packet(fd, "{\"half\":1}");
	close(fd);
}

static void proc_64_a_request_is_interrupted(void **state)
{
	int fd = join();

	(void)state;
	sends_interrupted = 3;
	assert_int_equal(control_socket_send(fd, "state"), 0);
	assert_int_equal(sends_interrupted, 0);
	expect_packet(fd, "{\"half\":1}");
	close(fd);
}

/* Nobody is given a socket that could make it wait. */
static void a_socket_that_would_wait(void **state)
{
	int fd;

	(void)state;
	flags_error = EPERM;
	fd = control_socket_connect(folder, "lo0", PATIENCE);
	flags_error = 0;
	assert_int_equal(fd, -EPERM);
}

static void what_is_wrong_is_said(void **state)
{
	char request[300];
	int fd = join();

	(void)state;
	assert_int_equal(control_socket_send(fd, "nonsense"), 0);
	expect_error(fd, "EINVAL");
	assert_string_equal(last, "nonsense");
	asked = 0;
	assert_int_equal(send(fd, "state\0more", 10, 0), 10);
	expect_error(fd, "EINVAL");
	memset(request, 'r', sizeof(request));
	request[CONTROL_REQUEST_SIZE] = '\0';
	assert_int_equal(control_socket_send(fd, request), 0);
	expect_error(fd, "EMSGSIZE");
	assert_int_equal(asked, 0);
	request[CONTROL_REQUEST_SIZE - 1] = '\0';
	assert_int_equal(control_socket_send(fd, request), 0);
	expect_error(fd, "EINVAL");
	assert_string_equal(last, request);
	close(fd);
}

/* As many requests as fit into the socket at once: a hundred answers a second, no more. */
static void requests_have_a_pace(void **state)
{
	unsigned int sent = 0;
	int fd = join();
	uint64_t begin;

	(void)state;
	while (control_socket_send(fd, "state") == 0)
		sent++;
	assert_true(sent > 100);
	begin = __real_eventloop_now();
	run_until(asked >= 10);
	assert_true(asked <= since(begin) / (CONTROL_PACE_NS / 1000000) + 2);
	close(fd);
}

static void who_does_not_read_is_dropped(void **state)
{
	int fd = join(), size = 4096;

	(void)state;
	setsockopt(control.clients[0].watch.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (control_socket_send(fd, "long") == 0)
		;
	run_until(asked > 0 && control.clients[0].watch.fd < 0);
	assert_true(asked < 20);
	close(fd);
}

/* Who comes when all places are taken gets that of who was quiet for longest. */
static void so_many_and_no_more(void **state)
{
	int fd[CONTROL_CLIENTS + 2], i;

	(void)state;
	for (i = 0; i < CONTROL_CLIENTS; i++)
		fd[i] = join();
	run_until(places_taken() == CONTROL_CLIENTS);
	assert_int_equal(control_socket_send(fd[0], "state"), 0);
	expect_packet(fd[0], "{\"half\":1}");
	for (; i < CONTROL_CLIENTS + 2; i++)
		fd[i] = join();
	for (i = 1; i <= 2; i++)
		expect_end(fd[i]);
	for (i = 0; i < CONTROL_CLIENTS + 2; i++)
		if (i < 1 || i > 2)
			assert_int_equal(control_socket_send(fd[i], "state"), 0);
	for (i = 0; i < CONTROL_CLIENTS + 2; i++) {
		if (i < 1 || i > 2)
			expect_packet(fd[i], "{\"half\":1}");
		close(fd[i]);
	}
}

/* Followers stay, and leave places to those who ask. */
static void so_many_followers_and_no_more(void **state)
{
	int fd[CONTROL_FOLLOWERS + 1], asking[CONTROL_CLIENTS], i;

	(void)state;
	for (i = 0; i <= CONTROL_FOLLOWERS; i++) {
		fd[i] = join();
		assert_int_equal(control_socket_send(fd[i], "events"), 0);
	}
	for (i = 0; i < CONTROL_FOLLOWERS; i++)
		expect_packet(fd[i], "{\"half\":1}");
	expect_error(fd[i], "EBUSY");
	expect_end(fd[i]);
	for (i = 0; i < CONTROL_CLIENTS; i++) {
		asking[i] = join();
		assert_int_equal(control_socket_send(asking[i], "state"), 0);
			expect_packet(asking[i], "{\"half\":1}");
	}
	control_tell(&control, "{}", 2);
	for (i = 0; i < CONTROL_FOLLOWERS; i++)
		expect_packet(fd[i], "{}");
	for (i = 0; i <= CONTROL_FOLLOWERS; i++)
		close(fd[i]);
	for (i = 0; i < CONTROL_CLIENTS; i++)
		close(asking[i]);
}

/* As many connections as they like: twelve a hundredth of a second, no more. */
static void connections_have_a_pace(void **state)
{
	const unsigned int queue = 17;		/* the kernel's own, of those not yet accepted */
	uint64_t begin = __real_eventloop_now();
	unsigned int connected = 0;
	int fd;

	(void)state;
	while (connected < 5 * CONTROL_CLIENTS + queue) {
		while ((fd = control_socket_connect(folder, "lo0", 0)) >= 0) {
			connected++;
			close(fd);
		}
		assert_int_equal(fd, -ETIMEDOUT);
		run(1);
	}
	assert_true(connected <= (since(begin) / (CONTROL_PACE_NS / 1000000) + 2) *
		    CONTROL_CLIENTS + queue);
}

/* There is no descriptor for who waits: it is tried now and then, and works when there is. */
static void proc_65_no_descriptor_for_a_connection(void **state)
{
	static const int errors[] = { EMFILE, ENFILE, ENOMEM };
	uint64_t begun, took;
	int fd = join();

	(void)state;
	assert_int_equal(control_socket_send(fd, "state"), 0);
	for (unsigned int i = 0; i < 3; i++) {
		accept_error = errors[i];
		accepts = 0;
		begun = __real_eventloop_now();
		if (i == 0)
			run_until(accepts > 0);
		run(30);
		took = __real_eventloop_now() - begun;
		assert_in_range(accepts, i == 0, 2 + took / CONTROL_PACE_NS);
	}
	assert_int_equal(asked, 0);
	accept_error = 0;
	while (!asked)
		run(5);
	expect_packet(fd, "{\"half\":1}");
	close(fd);
}

static void who_says_nothing_has_to_go(void **state)
{
	int quiet = join(), busy = join(), follower = join();

	(void)state;
	assert_int_equal(control_socket_send(follower, "events"), 0);
	expect_packet(follower, "{\"half\":1}");
	ahead = CONTROL_IDLE_NS / 2;
	control.look.due = 0;
	run(5);
	assert_int_equal(control_socket_send(busy, "state"), 0);
	expect_packet(busy, "{\"half\":1}");
	assert_int_equal(control_socket_receive(quiet, 0, &packet), -ETIMEDOUT);
	ahead = CONTROL_IDLE_NS;
	control.look.due = 0;
	expect_end(quiet);
	assert_int_equal(control_socket_receive(busy, 0, &packet), -ETIMEDOUT);
	control_tell(&control, "{}", 2);
	expect_packet(follower, "{}");
	close(quiet);
	close(busy);
	close(follower);
}

/* -- following ------------------------------------------------------------------------- */

static void followers_are_told_in_order(void **state)
{
	int one = join(), other = join();

	(void)state;
	assert_false(control_followed(&control));
	assert_int_equal(control_socket_send(one, "events"), 0);
	assert_int_equal(control_socket_send(other, "state"), 0);
	run_until(control_followed(&control));
	expect_packet(one, "{\"half\":1}");
	control_tell(&control, "{\"a\":1}", 7);
	control_tell(&control, "{\"a\":2}", 7);
	expect_packet(one, "{\"a\":1}");
	expect_packet(one, "{\"a\":2}");
	expect_packet(other, "{\"half\":1}");
	assert_int_equal(control_socket_receive(other, 0, &packet), -ETIMEDOUT);
	close(one);
	run_until(!control_followed(&control));
	close(other);
}

/* Every event that was not taken is counted, none is told twice or out of its order. */
static void a_slow_follower_is_told_what_it_lost(void **state)
{
	unsigned int i, next = 0, told = 0, lost = 0, number;
	char text[256];
	int fd = join();

	(void)state;
	assert_int_equal(control_socket_send(fd, "events"), 0);
	expect_packet(fd, "{\"half\":1}");
	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "{\"n\":%u,\"pad\":\"%0200d\"}", i, 0);
		control_tell(&control, text, strlen(text));
	}
	assert_true(control.clients[0].lost > 0);
	while (control_socket_receive(fd, 0, &packet) == 0) {
		assert_int_equal(sscanf(packet.text, "{\"n\":%u", &number), 1);
		assert_int_equal(number, next);
		next = number + 1;
		/* there is room again, but what it lost comes first */
		if (++told == 100)
			control_tell(&control, "{\"n\":9999}", 10);
	}
	assert_int_equal(receive(fd), 0);
	assert_int_equal(sscanf(packet.text, "{\"event\":\"resync\",\"lost\":%u}",
				&lost), 1);
	assert_int_equal(told + lost, 5001);
	control_tell(&control, "{}", 2);
	expect_packet(fd, "{}");
	close(fd);
}

static void a_follower_who_speaks_is_gone(void **state)
{
	int fd = join();

	(void)state;
	assert_int_equal(control_socket_send(fd, "events"), 0);
	expect_packet(fd, "{\"half\":1}");
	assert_int_equal(control_socket_send(fd, "state"), 0);
	expect_end(fd);
	assert_int_equal(asked, 1);
	close(fd);
}

/* -- the file ---------------------------------------------------------------------------- */

/* A path has 107 bytes and its end; it is never cut. */
static void a_path_is_too_long(void **state)
{
	char longest[200];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "/tmp/", 5);
	longest[107 - strlen("/lo0.sock")] = '\0';
	assert_int_equal(control_socket_remove(longest, "lo0"), 0);
	longest[107 - strlen("/lo0.sock")] = 'x';
	longest[108 - strlen("/lo0.sock")] = '\0';
	assert_int_equal(control_socket_remove(longest, "lo0"), -ENAMETOOLONG);
	assert_int_equal(control_socket_connect(longest, "lo0", 10), -ENAMETOOLONG);
}

static void nobody_is_there(void **state)
{
	struct failure failure;
	struct stat status;
	char path[200], name[300];
	int fd;

	(void)state;
	assert_int_equal(control_socket_connect(folder, "lo1", 10), -ENOENT);
	assert_int_equal(control_socket_remove(folder, "lo1"), 0);
	/* a dead server's file stays, and is replaced */
	fd = control_socket_listen(folder, "lo1", &failure);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(control_socket_connect(folder, "lo1", 10), -ECONNREFUSED);
	fd = control_socket_listen(folder, "lo1", &failure);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "%s/lo1.sock", folder);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode, S_IFSOCK | 0600);
	close(fd);
	assert_int_equal(control_socket_remove(folder, "lo1"), 0);
	memset(name, 'n', 255);
	name[255] = '\0';
	fd = control_socket_listen(folder, name, &failure);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(control_socket_remove(folder, name), 0);
	assert_true(control_socket_listen("/nowhere", "lo1", &failure) < 0);
	assert_int_equal(failure.errnum, ENOENT);
}

/* A server that is stopped takes connections and requests, and never answers. */
static void patience_ends(void **state)
{
	int64_t start = clock_ms();
	int fd[64], i;

	(void)state;
	assert_int_equal(control_socket_ask(folder, "lo0", "state", 50, &packet), -ETIMEDOUT);
	for (i = 0; i < 64; i++) {
		fd[i] = control_socket_connect(folder, "lo0", 50);
		if (fd[i] < 0)
			break;
	}
	assert_true(i < 64);
	assert_int_equal(fd[i], -ETIMEDOUT);
	while (i--)
		close(fd[i]);
	assert_true(clock_ms() - start < PATIENCE);
	assert_true(clock_ms() - start >= 95);
}

static void ask_is_all_of_it(void **state)
{
	int status;
	pid_t child;

	(void)state;
	child = fork();
	if (child == 0) {
		run_until(asked == 1);
		_exit(0);
	}
	assert_int_equal(control_socket_ask(folder, "lo0", "state", PATIENCE, &packet), 0);
	assert_string_equal(packet.text, "{\"half\":1}");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Many others came between its connection and its request, and it lost its place. */
static void who_lost_its_place_asks_again(void **state)
{
	struct pollfd pollfd = { control.listener.fd, POLLIN, 0 };
	int status, i;
	pid_t child;

	(void)state;
	child = fork();
	if (child == 0) {
		for (i = 0; i < 3; i++)
			if (poll(&pollfd, 1, PATIENCE) == 1)
				close(accept(pollfd.fd, NULL, NULL));
		run_until(asked == 1);
		_exit(0);
	}
	assert_int_equal(control_socket_ask(folder, "lo0", "state", PATIENCE, &packet), 0);
	assert_string_equal(packet.text, "{\"half\":1}");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	/* but not for ever */
	child = fork();
	if (child == 0)
		while (poll(&pollfd, 1, PATIENCE) == 1)
			close(accept(pollfd.fd, NULL, NULL));
	assert_int_equal(control_socket_ask(folder, "lo0", "state", PATIENCE, &packet), -EPIPE);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request_is_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(proc_64_a_request_is_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_socket_that_would_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(requests_have_a_pace, setup, teardown),
		cmocka_unit_test_setup_teardown(who_does_not_read_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(so_many_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(so_many_followers_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(connections_have_a_pace, setup, teardown),
		cmocka_unit_test_setup_teardown(proc_65_no_descriptor_for_a_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(who_says_nothing_has_to_go, setup, teardown),
		cmocka_unit_test_setup_teardown(followers_are_told_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slow_follower_is_told_what_it_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(a_follower_who_speaks_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_path_is_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(patience_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(ask_is_all_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(who_lost_its_place_asks_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

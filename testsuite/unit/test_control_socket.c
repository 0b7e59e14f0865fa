// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib/control_socket over system calls that are played: each can fail, be interrupted, or take
 * its time. Over real sockets: test_control. The only descriptor that there is is 0.
 *
 * LDFLAGS: -Wl,--wrap=socket,--wrap=fchmod,--wrap=bind,--wrap=listen,--wrap=unlink,--wrap=rename
 * LDFLAGS: -Wl,--wrap=setsockopt,--wrap=connect,--wrap=fcntl,--wrap=fcntl64,--wrap=send
 * LDFLAGS: -Wl,--wrap=poll,--wrap=recv,--wrap=close,--wrap=clock_ms,--wrap=buffer_make_room
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/buffer.h"
#include "lib/clock.h"
#include "lib/control_socket.h"

static struct {
	const char *fails;	/* a call, */
	int errnum;		/* with that, */
	unsigned int times;	/* so many times; */
	int64_t takes;		/* then it took so many ms */
	int errno_after;	/* what errno is after a call that does not fail; 0: as before */
	ssize_t given;		/* what recv() gives */
	int64_t now;
	struct buffer calls;	/* in order, with what a call was given to wait */
	unsigned int count;
} it;

/* Does it fail? One that is made over and over ends the test. */
static bool fails(const char *call)
{
	assert_true(++it.count < 200);
	if (it.fails && !strcmp(it.fails, call) && it.times) {
		it.times--;
		it.now += it.takes;
		errno = it.errnum;
		return true;
	}
	if (it.errno_after)
		errno = it.errno_after;
	return false;
}

static int call(const char *name)
{
	buffer_format(&it.calls, "%s ", name);
	return fails(name) ? -1 : 0;
}

int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
	assert_int_equal(domain, AF_UNIX);
	assert_int_equal(type & ~SOCK_NONBLOCK, SOCK_SEQPACKET | SOCK_CLOEXEC);
	assert_int_equal(protocol, 0);
	return call("socket");
}

int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode)
{
	assert_int_equal(fd, 0);
	assert_int_equal(mode, 0600);
	return call("fchmod");
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	assert_int_equal(fd, 0);
	assert_int_equal(address->sa_family, AF_UNIX);
	assert_true(length > sizeof(sa_family_t));
	return call("bind");
}

int __wrap_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog)
{
	assert_int_equal(fd, 0);
	assert_true(backlog > 0);
	return call("listen");
}

int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
	assert_int_equal(path[0], '/');
	return call("unlink");
}

int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
	assert_int_equal(strncmp(from, to, strlen(to)), 0);
	return call("rename");
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	struct timeval time;

	assert_int_equal(fd, 0);
	assert_int_equal(level, SOL_SOCKET);
	assert_int_equal(option, SO_SNDTIMEO);
	assert_int_equal(length, sizeof(time));
	memcpy(&time, value, sizeof(time));
	buffer_format(&it.calls, "%ld.%03ld ", (long)time.tv_sec, (long)time.tv_usec / 1000);
	return fails("setsockopt") ? -1 : 0;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	assert_int_equal(fd, 0);
	assert_int_equal(address->sa_family, AF_UNIX);
	assert_true(length > sizeof(sa_family_t));
	return call("connect");
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list args;
	long argument;

	va_start(args, command);
	argument = va_arg(args, long);
	va_end(args);
	if (fd)		/* somebody else's: a build for gcov has files of its own */
		return __real_fcntl(fd, command, argument);
	if (command == F_SETFL)
		assert_int_equal(argument, O_NONBLOCK);
	return call(command == F_GETFL ? "getfl" : "setfl");
}

int __wrap_fcntl64(int fd, int command, ...) __attribute__((alias("__wrap_fcntl")));

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	assert_int_equal(fd, 0);
	assert_non_null(bytes);
	assert_int_equal(flags, MSG_NOSIGNAL);
	return call("send") ? -1 : (ssize_t)length;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	assert_int_equal(count, 1);
	assert_int_equal(fds->fd, 0);
	assert_int_equal(fds->events, POLLIN);
	buffer_format(&it.calls, "poll %d ", milliseconds);
	return fails("poll") ? -1 : 1;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
	assert_int_equal(fd, 0);
	assert_int_equal(size, CONTROL_ANSWER_SIZE);
	assert_int_equal(flags, MSG_DONTWAIT | MSG_TRUNC);
	if (call("recv"))
		return -1;
	memset(bytes, 'x', it.given < (ssize_t)size ? (size_t)it.given : size);
	return it.given;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	return fd ? __real_close(fd) : call("close");
}

int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_ms(void)
{
	return it.now;
}

char *__real_buffer_make_room(struct buffer *buffer, size_t length);
char *__wrap_buffer_make_room(struct buffer *buffer, size_t length);
char *__wrap_buffer_make_room(struct buffer *buffer, size_t length)
{
	return it.fails && !strcmp(it.fails, "memory") ? NULL : __real_buffer_make_room(buffer, length);
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	it.now = 1000000;
	it.given = 3;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buffer_free(&it.calls);
	return 0;
}

/* From now on, @name fails once with @errnum, which takes @takes ms. */
static void let_fail(const char *name, int errnum, int64_t takes)
{
	it.fails = name;
	it.errnum = errnum;
	it.times = 1;
	it.takes = takes;
}

/* These were made, no others. */
static void made(const char *calls)
{
	assert_string_equal(it.calls.text ? it.calls.text : "", calls);
	buffer_free(&it.calls);
	it.count = 0;
	it.fails = NULL;
	it.errno_after = 0;
}

/* -- listening ------------------------------------------------------------------------ */

static int listen_as(const char *folder)
{
	struct failure failure;
	int rc = control_socket_listen(folder, "lo0", &failure);

	if (rc < 0)
		assert_int_equal(failure.errnum, -rc);
	return rc;
}

static void listening(void **state)
{
	static const struct {
		const char *fails, *calls;
	} rows[] = {
		{ "socket", "socket " },
		{ "fchmod", "socket unlink fchmod close " },
		{ "bind", "socket unlink fchmod bind close " },
		{ "listen", "socket unlink fchmod bind listen unlink close " },
		{ "rename", "socket unlink fchmod bind listen rename unlink close " },
	};
	size_t i;

	(void)state;
	assert_int_equal(listen_as("/f"), 0);
	made("socket unlink fchmod bind listen rename ");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		let_fail(rows[i].fails, EPERM, 0);
		assert_int_equal(listen_as("/f"), -EPERM);
		made(rows[i].calls);
	}
}

/* 108 bytes are all that an address has: of the name for a start, too, which is longer. */
static void addresses_that_are_too_long(void **state)
{
	char folder[120] = "/";
	size_t length;

	(void)state;
	for (length = 1; length < 110; length++) {
		memset(folder + 1, 'f', length - 1);
		folder[length] = '\0';
		/* "/", "lo0.sock", the NUL, and ".1" at least */
		if (length + 1 + 8 + 1 + 2 > 108) {
			assert_int_equal(listen_as(folder), -ENAMETOOLONG);
			made("socket close ");
		}
		assert_int_equal(control_socket_remove(folder, "lo0"),
				 length + 1 + 8 + 1 > 108 ? -ENAMETOOLONG : 0);
		made(length + 1 + 8 + 1 > 108 ? "" : "unlink ");
	}
}

static void removing(void **state)
{
	(void)state;
	let_fail("unlink", EACCES, 0);
	assert_int_equal(control_socket_remove("/f", "lo0"), -EACCES);
	let_fail("unlink", ENOENT, 0);
	assert_int_equal(control_socket_remove("/f", "lo0"), 0);
}

/* -- connecting ----------------------------------------------------------------------- */

static int connect_for(int milliseconds)
{
	return control_socket_connect("/f", "lo0", milliseconds);
}

static void connecting_waits(void **state)
{
	(void)state;
	it.errno_after = EINTR;	/* of something before: nobody asks a call that did not fail */
	assert_int_equal(connect_for(1500), 0);
	made("socket 1.500 connect getfl setfl ");
	let_fail("connect", EINTR, 400);
	assert_int_equal(connect_for(1500), 0);
	made("socket 1.500 connect 1.100 connect getfl setfl ");
	/* 0.000 would be for ever */
	let_fail("connect", EINTR, 1500);
	assert_int_equal(connect_for(1500), -EINTR);
	made("socket 1.500 connect close ");
	let_fail("connect", EINTR, 1600);
	assert_int_equal(connect_for(1500), -EINTR);
	made("socket 1.500 connect close ");
	let_fail("connect", ECONNREFUSED, 0);
	assert_int_equal(connect_for(1500), -ECONNREFUSED);
	made("socket 1.500 connect close ");
	let_fail("connect", EAGAIN, 1500);
	assert_int_equal(connect_for(1500), -ETIMEDOUT);
	made("socket 1.500 connect close ");
}

static void connecting_at_once(void **state)
{
	(void)state;
	assert_int_equal(connect_for(0), 0);
	made("socket getfl setfl connect ");
	let_fail("connect", EAGAIN, 0);
	assert_int_equal(connect_for(0), -ETIMEDOUT);
	made("socket getfl setfl connect close ");
}

static void connecting_cannot_be(void **state)
{
	(void)state;
	let_fail("socket", EMFILE, 0);
	assert_int_equal(connect_for(1500), -EMFILE);
	made("socket ");
	let_fail("setsockopt", EDOM, 0);
	assert_int_equal(connect_for(1500), -EDOM);
	made("socket 1.500 close ");
	let_fail("getfl", EPERM, 0);
	assert_int_equal(connect_for(0), -EPERM);
	made("socket getfl close ");
	let_fail("setfl", EPERM, 0);
	assert_int_equal(connect_for(0), -EPERM);
	made("socket getfl setfl close ");
}

/* -- speaking ------------------------------------------------------------------------- */

static void sending(void **state)
{
	(void)state;
	let_fail("send", EINTR, 0);
	assert_int_equal(control_socket_send(0, "state"), 0);
	made("send send ");
	let_fail("send", EPIPE, 0);
	assert_int_equal(control_socket_send(0, "state"), -EPIPE);
	made("send ");
	it.errno_after = EINTR;
	assert_int_equal(control_socket_send(0, ""), 0);
	made("send ");
}

static struct buffer packet;

static int receive(int milliseconds)
{
	return control_socket_receive(0, milliseconds, &packet);
}

static void receiving_waits(void **state)
{
	(void)state;
	assert_int_equal(receive(100), 0);
	assert_int_equal(packet.length, 3);
	made("poll 100 recv ");
	let_fail("poll", EINTR, 40);
	assert_int_equal(receive(100), 0);
	made("poll 100 poll 60 recv ");
	let_fail("poll", EINTR, 140);
	assert_int_equal(receive(100), 0);
	made("poll 100 poll 0 recv ");
	let_fail("poll", EINTR, 0);
	assert_int_equal(receive(0), 0);
	made("poll 0 poll 0 recv ");
	let_fail("poll", EINTR, 140);
	assert_int_equal(receive(-1), 0);
	made("poll -1 poll -1 recv ");
	let_fail("poll", ENOMEM, 0);
	assert_int_equal(receive(100), -ENOMEM);
	made("poll 100 ");
	buffer_free(&packet);
}

static void receiving(void **state)
{
	(void)state;
	let_fail("recv", EINTR, 0);
	assert_int_equal(receive(9), 0);
	made("poll 9 recv recv ");
	let_fail("recv", EAGAIN, 0);
	assert_int_equal(receive(9), -EAGAIN);
	made("poll 9 recv ");
	let_fail("recv", ECONNRESET, 0);
	assert_int_equal(receive(9), -EPIPE);
	made("poll 9 recv ");
	let_fail("memory", 0, 0);
	assert_int_equal(receive(9), -ENOMEM);
	made("poll 9 ");
	it.given = CONTROL_ANSWER_SIZE;
	assert_int_equal(receive(9), 0);
	assert_int_equal(packet.length, CONTROL_ANSWER_SIZE);
	made("poll 9 recv ");
	it.given = CONTROL_ANSWER_SIZE + 1;
	assert_int_equal(receive(9), -EMSGSIZE);
	made("poll 9 recv ");
	it.given = 0;
	it.errno_after = EINTR;
	assert_int_equal(receive(9), -EPIPE);
	made("poll 9 recv ");
	buffer_free(&packet);
}

/* -- asking --------------------------------------------------------------------------- */

#define CONNECTED "connect getfl setfl "

static int ask(void)
{
	return control_socket_ask("/f", "lo0", "state", 100, &packet);
}

static void asking(void **state)
{
	(void)state;
	assert_int_equal(ask(), 0);
	made("socket 0.100 " CONNECTED "send poll 100 recv close ");
	let_fail("connect", EINTR, 30);
	assert_int_equal(ask(), 0);
	made("socket 0.100 connect 0.070 " CONNECTED "send poll 70 recv close ");
	let_fail("connect", ECONNREFUSED, 0);
	assert_int_equal(ask(), -ECONNREFUSED);
	made("socket 0.100 connect close ");
	let_fail("send", ENOBUFS, 0);
	assert_int_equal(ask(), -ENOBUFS);
	made("socket 0.100 " CONNECTED "send close ");
	/* the time is over: what is there is taken all the same */
	let_fail("send", EINTR, 120);
	assert_int_equal(ask(), 0);
	made("socket 0.100 " CONNECTED "send send poll 0 recv close ");
	buffer_free(&packet);
}

static void asking_again(void **state)
{
	(void)state;
	let_fail("recv", ECONNRESET, 30);
	assert_int_equal(ask(), 0);
	made("socket 0.100 " CONNECTED "send poll 100 recv close "
	     "socket 0.070 " CONNECTED "send poll 70 recv close ");
	let_fail("recv", ECONNRESET, 100);
	assert_int_equal(ask(), -EPIPE);
	made("socket 0.100 " CONNECTED "send poll 100 recv close ");
	let_fail("recv", ECONNRESET, 130);
	assert_int_equal(ask(), -EPIPE);
	made("socket 0.100 " CONNECTED "send poll 100 recv close ");
	buffer_free(&packet);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(listening), TEST(addresses_that_are_too_long), TEST(removing),
		TEST(connecting_waits), TEST(connecting_at_once), TEST(connecting_cannot_be),
		TEST(sending), TEST(receiving_waits), TEST(receiving), TEST(asking),
		TEST(asking_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

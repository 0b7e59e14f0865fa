// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib/netlink_socket over a libmnl that is played: each of its calls can fail, be interrupted,
 * or have to wait. Against the kernel: test_sockets.
 *
 * LDFLAGS: -Wl,--wrap=mnl_socket_open2,--wrap=mnl_socket_bind,--wrap=mnl_socket_close
 * LDFLAGS: -Wl,--wrap=mnl_socket_sendto,--wrap=mnl_socket_setsockopt,--wrap=mnl_socket_get_fd
 * LDFLAGS: -Wl,--wrap=mnl_socket_get_portid,--wrap=recvmsg,--wrap=poll,--wrap=nanosleep
 * LDFLAGS: -Wl,--wrap=calloc,--wrap=free
 */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "lib/buffer.h"
#include "lib/netlink.h"
#include "lib/netlink_socket.h"

#define DESCRIPTOR 77

static struct {
	const char *fails;	/* a call, once, */
	int errnum;		/* with that */
	ssize_t given;		/* what recvmsg() gives */
	socklen_t sender;	/* how long the sender's address is */
	int flags;		/* of the message */
	struct buffer calls;	/* in order */
	unsigned int count;
	void *context;		/* of the wire, while it has one */
	bool playing;
} it;

/* What libmnl hands out is not looked into. */
static struct mnl_socket *const the_socket = (struct mnl_socket *)(void *)&it;

/* Does it fail? One that is made over and over ends the test. */
static bool fails(const char *call)
{
	assert_true(++it.count < 200);
	buffer_format(&it.calls, "%s ", call);
	if (!it.fails || strcmp(it.fails, call) != 0)
		return false;
	it.fails = NULL;
	errno = it.errnum;
	return true;
}

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags);
struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags)
{
	assert_int_equal(bus, NETLINK_GENERIC);
	assert_int_equal(flags, SOCK_CLOEXEC);
	return fails("open") ? NULL : the_socket;
}

int __wrap_mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t port);
int __wrap_mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t port)
{
	assert_ptr_equal(socket, the_socket);
	assert_int_equal(groups, 0);
	assert_int_equal(port, MNL_SOCKET_AUTOPID);
	return fails("bind") ? -1 : 0;
}

int __wrap_mnl_socket_close(struct mnl_socket *socket);
int __wrap_mnl_socket_close(struct mnl_socket *socket)
{
	assert_ptr_equal(socket, the_socket);
	return fails("close") ? -1 : 0;
}

int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value,
				 socklen_t length);
int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *value,
				 socklen_t length)
{
	assert_ptr_equal(socket, the_socket);
	assert_true(type > 0 && value && length == sizeof(int));
	errno = ENOPROTOOPT;
	return -1;		/* a kernel that knows none of them */
}

int __wrap_mnl_socket_get_fd(const struct mnl_socket *socket);
int __wrap_mnl_socket_get_fd(const struct mnl_socket *socket)
{
	assert_ptr_equal(socket, the_socket);
	return DESCRIPTOR;
}

unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *socket);
unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *socket)
{
	assert_ptr_equal(socket, the_socket);
	return 4711;
}

ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t size);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *bytes, size_t size)
{
	assert_ptr_equal(socket, the_socket);
	assert_non_null(bytes);
	return fails("send") ? -1 : (ssize_t)size;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_pid = 99 };

	assert_int_equal(fd, DESCRIPTOR);
	assert_int_equal(flags, 0);
	assert_int_equal(message->msg_namelen, sizeof(address));
	if (fails("receive"))
		return -1;
	memcpy(message->msg_name, &address, sizeof(address));
	message->msg_namelen = it.sender;
	message->msg_flags = it.flags;
	return it.given;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds);
int __wrap_poll(struct pollfd *fds, nfds_t count, int milliseconds)
{
	assert_int_equal(count, 1);
	assert_int_equal(fds->fd, DESCRIPTOR);
	assert_int_equal(milliseconds, -1);
	return fails(fds->events == POLLIN ? "in" : fds->events == POLLOUT ? "out" : "?") ? -1 : 1;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	assert_int_equal(time->tv_sec, 0);
	buffer_format(&it.calls, "%ldms ", (long)time->tv_nsec / 1000000);
	return 0;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	if (!it.playing)
		return __real_calloc(count, size);
	assert_null(it.context);
	it.context = fails("calloc") ? NULL : __real_calloc(count, size);
	return it.context;
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
	if (it.playing && memory == it.context)
		it.context = NULL;
	__real_free(memory);
}

/* These were made, no others. */
static void made(const char *calls)
{
	assert_string_equal(it.calls.text ? it.calls.text : "", calls);
	buffer_free(&it.calls);
	it.count = 0;
}

static void let_fail(const char *call, int errnum)
{
	it.fails = call;
	it.errnum = errnum;
}

static struct netlink_wire wire;

static int open_wire(void)
{
	int rc;

	it.playing = true;
	rc = netlink_socket_wire(&wire);
	it.playing = false;
	return rc;
}

static void close_wire(void)
{
	it.playing = true;
	wire.close(wire.context);
	it.playing = false;
	assert_null(it.context);
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	it.sender = sizeof(struct sockaddr_nl);
	it.given = 5;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buffer_free(&it.calls);
	return 0;
}

static void opening(void **state)
{
	(void)state;
	assert_int_equal(open_wire(), 0);
	assert_int_equal(wire.port, 4711);
	assert_int_equal(wire.descriptor, DESCRIPTOR);
	made("calloc open bind ");
	close_wire();
	made("close ");
	let_fail("calloc", ENOMEM);
	assert_int_equal(open_wire(), -ENOMEM);
	made("calloc ");
	let_fail("open", EPERM);
	assert_int_equal(open_wire(), -EPERM);
	assert_null(it.context);
	made("calloc open ");
	let_fail("bind", EADDRINUSE);
	assert_int_equal(open_wire(), -EADDRINUSE);
	assert_null(it.context);
	made("calloc open bind close ");
}

static void beginning_again(void **state)
{
	(void)state;
	assert_int_equal(open_wire(), 0);
	made("calloc open bind ");
	assert_int_equal(wire.restart(&wire), 0);
	made("close open bind ");
	let_fail("open", EMFILE);
	assert_int_equal(wire.restart(&wire), -EMFILE);
	made("close open ");
	/* there is none to close now, nor to send through */
	assert_int_equal(wire.send(wire.context, "x", 1), -ENOTCONN);
	assert_int_equal(wire.restart(&wire), 0);
	made("open bind ");
	let_fail("bind", EPERM);
	assert_int_equal(wire.restart(&wire), -EPERM);
	made("close open bind close ");
	close_wire();
	made("");
	assert_int_equal(open_wire(), 0);
	wire.pause(wire.context, 3);
	close_wire();
	made("calloc open bind 15ms close ");
}

static int send_bytes(size_t length)
{
	return wire.send(wire.context, "abc", length);
}

static void sending(void **state)
{
	(void)state;
	assert_int_equal(open_wire(), 0);
	made("calloc open bind ");
	let_fail("send", EAGAIN);
	assert_int_equal(send_bytes(3), 0);
	made("send out send ");
	let_fail("send", EINTR);
	assert_int_equal(send_bytes(3), 0);
	made("send send ");
	let_fail("send", ENOBUFS);
	assert_int_equal(send_bytes(3), -ENOBUFS);
	made("send ");
	/* nothing is sent, and that is no error */
	errno = EINTR;
	assert_int_equal(send_bytes(0), 0);
	made("send ");
	close_wire();
}

static ssize_t receive(void)
{
	uint32_t sender = 1;
	char bytes[16];
	ssize_t n = wire.receive(wire.context, bytes, sizeof(bytes), &sender);

	if (n >= 0)
		assert_int_equal(sender, 99);
	return n;
}

static void receiving(void **state)
{
	(void)state;
	assert_int_equal(open_wire(), 0);
	made("calloc open bind ");
	let_fail("receive", EAGAIN);
	assert_int_equal(receive(), 5);
	made("receive in receive ");
	let_fail("receive", EINTR);
	assert_int_equal(receive(), 5);
	made("receive receive ");
	let_fail("receive", ENOBUFS);
	assert_int_equal(receive(), -ENOBUFS);
	made("receive ");
	it.given = 0;
	errno = EINTR;
	assert_int_equal(receive(), 0);
	made("receive ");
	it.flags = MSG_TRUNC;
	assert_int_equal(receive(), -EMSGSIZE);
	it.flags = 0;
	it.sender = 0;
	assert_int_equal(receive(), -EBADMSG);
	it.sender = sizeof(struct sockaddr_nl) - 1;
	assert_int_equal(receive(), -EBADMSG);
	close_wire();
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opening), TEST(beginning_again), TEST(sending), TEST(receiving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

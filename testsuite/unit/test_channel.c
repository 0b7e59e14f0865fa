// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What supervisor and worker say to each other, and what one that was taken over may send: packets
 * of any length and kind, texts without an end, numbers that mean success, descriptors.
 *
 * LDFLAGS: -Wl,--wrap=sendmsg,--wrap=recvmsg
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "testsuite/unit/descriptors.h"
#include "vduse/process/channel.h"

static struct {
	int ends[2];		/* we send by the first */
	int free_number;	/* the lowest descriptor that is not open */
	struct channel_message sent, got;
	unsigned int interrupted;	/* calls that will be */
} it;

ssize_t __real_sendmsg(int fd, const struct msghdr *packet, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *packet, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *packet, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *packet, int flags);

static bool is_interrupted(void)
{
	errno = EINTR;
	return it.interrupted && it.interrupted--;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *packet, int flags)
{
	return is_interrupted() ? -1 : __real_sendmsg(fd, packet, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *packet, int flags)
{
	return is_interrupted() ? -1 : __real_recvmsg(fd, packet, flags);
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, it.ends), 0);
	it.free_number = lowest_free();
	return 0;
}

/* Whatever came, nothing of it is open. */
static int teardown(void **state)
{
	(void)state;
	assert_int_equal(lowest_free(), it.free_number);
	close(it.ends[0]);
	close(it.ends[1]);
	return 0;
}

static int receive(void)
{
	memset(&it.got, 0xa5, sizeof(it.got));
	return channel_receive(it.ends[1], &it.got, NULL, 0, NULL);
}

static void proc_64_interrupted_calls_are_made_again(void **state)
{
	(void)state;
	it.sent.kind = CHANNEL_READY;
	it.interrupted = 3;
	assert_int_equal(channel_send(it.ends[0], &it.sent, NULL, 0), 0);
	assert_int_equal(it.interrupted, 0);
	it.interrupted = 3;
	assert_int_equal(receive(), 0);
	assert_int_equal(it.interrupted, 0);
	assert_int_equal(it.got.kind, CHANNEL_READY);
}

static void every_kind_arrives(void **state)
{
	uint32_t kind;

	(void)state;
	for (kind = CHANNEL_PLAN; kind <= CHANNEL_FAILURE; kind++) {
		it.sent.kind = kind;
		it.sent.device = kind * 7;
		assert_int_equal(channel_send(it.ends[0], &it.sent, NULL, 0), 0);
		assert_int_equal(receive(), 0);
		assert_int_equal(it.got.kind, kind);
		assert_int_equal(it.got.device, kind * 7);
	}
	assert_int_equal(receive(), -EAGAIN);
}

static void proc_70_kinds_that_are_none(void **state)
{
	static const uint32_t kinds[] = { 0, CHANNEL_FAILURE + 1, 0x80000000, UINT32_MAX };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		it.sent.kind = kinds[i];
		assert_int_equal(channel_send(it.ends[0], &it.sent, NULL, 0), 0);
		assert_int_equal(receive(), -EBADMSG);
	}
}

static void proc_70_packets_of_another_length(void **state)
{
	static uint8_t bytes[sizeof(struct channel_message) + 4096];
	const size_t whole = sizeof(struct channel_message);
	const size_t lengths[] = { 1, 3, 4, 8, whole / 2, whole - 1, whole + 1, whole + 4096 };
	size_t i;

	(void)state;
	bytes[0] = CHANNEL_READY;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		assert_int_equal(send(it.ends[0], bytes, lengths[i], 0), (ssize_t)lengths[i]);
		assert_int_equal(receive(), -EBADMSG);
	}
	assert_int_equal(send(it.ends[0], bytes, whole, 0), (ssize_t)whole);
	assert_int_equal(receive(), 0);
}

/* An empty packet cannot be told from the end; the other side has gone, or may as well have. */
static void the_other_side_has_gone(void **state)
{
	(void)state;
	assert_int_equal(send(it.ends[0], "", 0, 0), 0);
	assert_int_equal(receive(), -EPIPE);
	shutdown(it.ends[0], SHUT_RDWR);
	assert_int_equal(receive(), -EPIPE);
	assert_int_equal(channel_send(it.ends[1], &it.sent, NULL, 0), -EPIPE);
	assert_int_equal(channel_receive(-1, &it.got, NULL, 0, NULL), -EBADF);
}

/* Who does not read is not waited for. */
static void a_flood_ends_at_what_the_socket_takes(void **state)
{
	unsigned int sent = 0, got = 0;

	(void)state;
	it.sent.kind = CHANNEL_REPORT;
	while (channel_send(it.ends[0], &it.sent, NULL, 0) == 0)
		sent++;
	assert_int_equal(channel_send(it.ends[0], &it.sent, NULL, 0), -EAGAIN);
	while (receive() == 0)
		got++;
	assert_int_equal(got, sent);
	assert_true(sent > 0);
}

static size_t ended(const char *text, size_t size)
{
	return strnlen(text, size);
}

static void proc_70_texts_without_an_end(void **state)
{
	struct failure *failure = &it.got.failure;
	struct channel_plan *plan = &it.got.plan;

	(void)state;
	memset(&it.sent, 'x', sizeof(it.sent));
	it.sent.kind = CHANNEL_REPORT;
	channel_send(it.ends[0], &it.sent, NULL, 0);
	assert_int_equal(receive(), 0);
	assert_int_equal(ended(it.got.sentence, CHANNEL_SENTENCE), CHANNEL_SENTENCE - 1);
	it.sent.kind = CHANNEL_FAILURE;
	channel_send(it.ends[0], &it.sent, NULL, 0);
	assert_int_equal(receive(), 0);
	assert_int_equal(ended(failure->object, 300), 299);
	assert_int_equal(ended(failure->message, 2400), 2399);
	assert_int_equal(ended(failure->hint, 400), 399);
	it.sent.kind = CHANNEL_PLAN;
	channel_send(it.ends[0], &it.sent, NULL, 0);
	assert_int_equal(receive(), 0);
	assert_int_equal(ended(plan->devices[0].name, 256), 255);
	assert_int_equal(ended(plan->devices[1].name, 256), 255);
}

/* A failure says that something failed, whatever numbers came: no errno that turns into
 * success, no status that says it. */
static void proc_70_a_failure_is_one(void **state)
{
	static const struct { int errnum, status, errnum_then, status_then; } rows[] = {
		{ EPIPE, STATUS_BUSY, EPIPE, STATUS_BUSY },
		{ 0, STATUS_UNSUPPORTED, 0, STATUS_UNSUPPORTED },
		{ -5, STATUS_FAILED, 0, STATUS_FAILED },
		{ INT32_MIN, STATUS_FAILED, 0, STATUS_FAILED },
		{ 4096, STATUS_FAILED, 0, STATUS_FAILED },
		{ 4095, STATUS_OK, 4095, STATUS_FAILED },
		{ EIO, STATUS_UNSUPPORTED + 1, EIO, STATUS_FAILED },
		{ EIO, -1, EIO, STATUS_FAILED },
		{ EIO, 256, EIO, STATUS_FAILED },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		it.sent.kind = CHANNEL_FAILURE;
		it.sent.failure.errnum = rows[i].errnum;
		memcpy(&it.sent.failure.status, &rows[i].status, sizeof(int));
		channel_send(it.ends[0], &it.sent, NULL, 0);
		assert_int_equal(receive(), 0);
		assert_int_equal(it.got.failure.errnum, rows[i].errnum_then);
		assert_int_equal(it.got.failure.status, rows[i].status_then);
	}
}

static void proc_70_a_bool_is_one(void **state)
{
	uint8_t byte = 0x5a;

	(void)state;
	it.sent.kind = CHANNEL_COUNTERS;
	memcpy(&it.sent.counters.recording, &byte, 1);
	channel_send(it.ends[0], &it.sent, NULL, 0);
	assert_int_equal(receive(), 0);
	memcpy(&byte, &it.got.counters.recording, 1);
	assert_int_equal(byte, 1);
}

/* -- descriptors --------------------------------------------------------------------------- */

static void descriptors_are_handed_over(void **state)
{
	int fds[CHANNEL_DESCRIPTORS], got[CHANNEL_DESCRIPTORS];
	unsigned int i, count = 0;

	(void)state;
	for (i = 0; i < CHANNEL_DESCRIPTORS; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	it.sent.kind = CHANNEL_PLAN;
	assert_int_equal(channel_send(it.ends[0], &it.sent, fds, CHANNEL_DESCRIPTORS), 0);
	assert_int_equal(channel_receive(it.ends[1], &it.got, got, CHANNEL_DESCRIPTORS, &count), 0);
	assert_int_equal(count, CHANNEL_DESCRIPTORS);
	for (i = 0; i < CHANNEL_DESCRIPTORS; i++) {
		assert_int_equal(fcntl(got[i], F_GETFD), FD_CLOEXEC);
		close(fds[i]);
		close(got[i]);
	}
	assert_int_equal(channel_send(it.ends[0], &it.sent, fds, CHANNEL_DESCRIPTORS + 1), -EINVAL);
}

/* @count descriptors in a packet of @length bytes, by hand: more than channel_send() takes. */
static void send_descriptors(unsigned int count, size_t length)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec part = { &it.sent, length };
	struct msghdr packet = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	int fds[64];
	unsigned int i;

	for (i = 0; i < count; i++)
		fds[i] = it.ends[0];
	control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
					   .cmsg_len = CMSG_LEN(count * sizeof(int)) };
	memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	assert_int_equal(sendmsg(it.ends[0], &packet, 0), (ssize_t)length);
}

/* Those that nobody asked for are closed (teardown sees it), also with a packet that is none. */
static void proc_70_descriptors_that_nobody_wants(void **state)
{
	const size_t whole = sizeof(it.sent);
	unsigned int count = 99;
	int fds[2];

	(void)state;
	it.sent.kind = CHANNEL_READY;
	send_descriptors(3, whole);
	assert_int_equal(receive(), 0);
	send_descriptors(64, whole);
	assert_int_equal(receive(), 0);
	send_descriptors(5, whole);
	assert_int_equal(channel_receive(it.ends[1], &it.got, fds, 2, &count), 0);
	assert_int_equal(count, 2);
	close(fds[0]);
	close(fds[1]);
	send_descriptors(2, whole - 1);
	assert_int_equal(channel_receive(it.ends[1], &it.got, fds, 2, &count), -EBADMSG);
	it.sent.kind = 0;
	send_descriptors(2, whole);
	assert_int_equal(channel_receive(it.ends[1], &it.got, fds, 2, &count), -EBADMSG);
}

/* What comes with it and is no descriptor is left alone: here, who sent it. */
static void proc_70_another_kind_of_control_data(void **state)
{
	const int on = 1;

	(void)state;
	assert_int_equal(setsockopt(it.ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	it.sent.kind = CHANNEL_READY;
	send_descriptors(2, sizeof(it.sent));
	assert_int_equal(receive(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(proc_64_interrupted_calls_are_made_again),
		TEST(every_kind_arrives),
		TEST(proc_70_kinds_that_are_none),
		TEST(proc_70_packets_of_another_length),
		TEST(the_other_side_has_gone),
		TEST(a_flood_ends_at_what_the_socket_takes),
		TEST(proc_70_texts_without_an_end),
		TEST(proc_70_a_failure_is_one),
		TEST(proc_70_a_bool_is_one),
		TEST(descriptors_are_handed_over),
		TEST(proc_70_descriptors_that_nobody_wants),
		TEST(proc_70_another_kind_of_control_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

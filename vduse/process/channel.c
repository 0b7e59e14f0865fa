// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/again.h"

#define ERRNO_MAX 4095	/* the kernel's MAX_ERRNO */

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(CHANNEL_DESCRIPTORS * sizeof(int))];
};

int channel_send(int fd, const struct channel_message *message, const int *fds,
		 unsigned int count)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)message, .iov_len = sizeof(*message) };
	struct msghdr packet = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { .bytes = { 0 } };
	ssize_t n;

	if (count > CHANNEL_DESCRIPTORS)
		return -EINVAL;
	if (count) {
		packet.msg_control = &control;
		packet.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	n = AGAIN(sendmsg(fd, &packet, MSG_NOSIGNAL | MSG_DONTWAIT));
	return n < 0 ? (int)n : 0;
}

/* The descriptors of a packet, as far as they are wanted; the others are closed. */
static unsigned int take_descriptors(struct msghdr *packet, int *fds, unsigned int most)
{
	struct cmsghdr *header;
	unsigned int taken = 0;

	for (header = CMSG_FIRSTHDR(packet); header; header = CMSG_NXTHDR(packet, header)) {
		size_t i, count;

		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
			if (fds && taken < most)
				fds[taken++] = fd;
			else
				close(fd);
		}
	}
	return taken;
}

static bool is_message(const struct channel_message *message, ssize_t length)
{
	return length == sizeof(*message) && message->kind >= CHANNEL_PLAN &&
	       message->kind <= CHANNEL_FAILURE;
}

/* A number that is no errno, or a status that says that nothing failed, would pass for success. */
static void bound_failure(struct failure *failure)
{
	failure->object[sizeof(failure->object) - 1] = '\0';
	failure->message[sizeof(failure->message) - 1] = '\0';
	failure->hint[sizeof(failure->hint) - 1] = '\0';
	if (failure->errnum < 0 || failure->errnum > ERRNO_MAX)
		failure->errnum = 0;
	if ((int)failure->status <= STATUS_OK || (int)failure->status > STATUS_UNSUPPORTED)
		failure->status = STATUS_FAILED;
}

/* Any byte but these two is no bool, and undefined to look at. */
static void bound_counters(struct port_counters *counters)
{
	uint8_t byte;

	memcpy(&byte, &counters->recording, sizeof(byte));
	counters->recording = byte != 0;
}

/* Whatever a reader may take for granted. (A plan comes from who started us.) */
static void bound(struct channel_message *message)
{
	unsigned int i;

	if (message->kind == CHANNEL_PLAN)
		for (i = 0; i < CHANNEL_DEVICES; i++)
			message->plan.devices[i].name[sizeof(message->plan.devices[i].name) - 1] = 0;
	if (message->kind == CHANNEL_REPORT)
		message->sentence[sizeof(message->sentence) - 1] = '\0';
	if (message->kind == CHANNEL_COUNTERS)
		bound_counters(&message->counters);
	if (message->kind == CHANNEL_FAILURE)
		bound_failure(&message->failure);
}

int channel_receive(int fd, struct channel_message *message, int *fds, unsigned int most,
		    unsigned int *count)
{
	struct iovec part = { .iov_base = message, .iov_len = sizeof(*message) };
	union control control = { .bytes = { 0 } };
	struct msghdr packet = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	unsigned int taken;
	ssize_t length;

	length = AGAIN(recvmsg(fd, &packet, MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
	if (length < 0)
		return (int)length;
	taken = take_descriptors(&packet, fds, most);
	if (count)
		*count = taken;
	if (length == 0)
		return -EPIPE;
	if ((packet.msg_flags & MSG_TRUNC) || !is_message(message, length)) {
		while (taken)
			close(fds[--taken]);
		return -EBADMSG;
	}
	bound(message);
	return 0;
}

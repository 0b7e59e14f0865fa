// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * forge PID ACTION DEVPATH SUBSYSTEM [KEY=VALUE]...
 *
 * Sends a message that reads like the kernel's uevent "ACTION@DEVPATH", in each way that
 * a process has: to the group of listeners, to the socket that PID bound first, and to the
 * kernel, which passes it on to the listeners of its network namespace.
 */
#include <err.h>
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/buffer.h"

static void add(struct buffer *message, const char *key, const char *value)
{
	buffer_format(message, "%s%s", key, value);
	buffer_add(message, "", 1);
}

static void send_to(int fd, const struct buffer *message, unsigned int pid, unsigned int groups)
{
	const struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = pid,
					.nl_groups = groups };

	if (sendto(fd, message->text, message->length, 0, (const void *)&to, sizeof(to)) < 0)
		err(1, "to process %u, groups %u", pid, groups);
}

/* To the kernel it goes as a netlink message (uevent_net_rcv() in lib/kobject_uevent.c). */
static void send_through_kernel(int fd, const struct buffer *message)
{
	struct nlmsghdr header = { .nlmsg_len = NLMSG_LENGTH(message->length),
				   .nlmsg_flags = NLM_F_REQUEST, .nlmsg_type = NLMSG_MIN_TYPE };
	struct buffer whole = { 0 };

	buffer_add(&whole, &header, sizeof(header));
	buffer_add(&whole, message->text, message->length);
	send_to(fd, &whole, 0, 0);
	buffer_free(&whole);
}

int main(int argc, char **argv)
{
	struct buffer message = { 0 };
	int i, fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (argc < 5)
		errx(2, "Usage: forge PID ACTION DEVPATH SUBSYSTEM [KEY=VALUE]...");
	if (fd < 0)
		err(1, "socket");
	buffer_format(&message, "%s@%s", argv[2], argv[3]);
	buffer_add(&message, "", 1);
	add(&message, "ACTION=", argv[2]);
	add(&message, "DEVPATH=", argv[3]);
	add(&message, "SUBSYSTEM=", argv[4]);
	for (i = 5; i < argc; i++)
		add(&message, argv[i], "");
	send_through_kernel(fd, &message);
	add(&message, "SEQNUM=", "99999999");
	send_to(fd, &message, 0, 1);
	send_to(fd, &message, strtoul(argv[1], NULL, 10), 0);
	buffer_free(&message);
	return 0;
}

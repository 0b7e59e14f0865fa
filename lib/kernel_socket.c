// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/kernel_socket.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/again.h"

/* The kernel doubles the number for its own needs, and refuses none (sock_setsockopt()). */
static void keep(int fd, size_t buffer)
{
	int bytes = buffer / 2 > INT_MAX / 2 ? INT_MAX / 2 : (int)(buffer / 2);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

int kernel_socket_open(int protocol, unsigned int group, size_t buffer)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = group };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	int rc, on = 1;

	if (fd < 0)
		return -errno;
	keep(fd, buffer);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* Port 0 is the kernel's, process 0 nobody else's: what a process sends has both of its
 * own (netlink_sendmsg() in net/netlink/af_netlink.c). */
static int is_from_kernel(struct msghdr *message, const struct sockaddr_nl *sender)
{
	const struct cmsghdr *control = CMSG_FIRSTHDR(message);
	struct ucred credentials;

	if (message->msg_namelen != sizeof(*sender) || sender->nl_pid || !control ||
	    control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_CREDENTIALS ||
	    control->cmsg_len < CMSG_LEN(sizeof(credentials)))
		return 0;
	memcpy(&credentials, CMSG_DATA(control), sizeof(credentials));
	return credentials.pid == 0 && credentials.uid == 0;
}

ssize_t kernel_socket_receive(int fd, void *bytes, size_t size)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct sockaddr_nl sender = { 0 };
	struct iovec vector = { bytes, size };
	struct msghdr message = {
		.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	n = AGAIN(recvmsg(fd, &message, 0));
	if (n < 0)
		return n;
	if (message.msg_flags & MSG_TRUNC || !is_from_kernel(&message, &sender))
		return 0;
	return n;
}

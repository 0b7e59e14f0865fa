// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/netlink_socket.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

/* The socket stands behind a pointer that stays when it is made anew. */
struct kernel_socket {
	struct mnl_socket *socket;
};

/* Kernels differ in what they know: an option that is refused is done without. */
static void set_options(struct mnl_socket *socket)
{
	int on = 1;

	mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

static int open_socket(struct netlink_wire *wire)
{
	struct kernel_socket *kernel = wire->context;

	kernel->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!kernel->socket)
		return -errno;
	if (mnl_socket_bind(kernel->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int rc = -errno;

		mnl_socket_close(kernel->socket);
		kernel->socket = NULL;
		return rc;
	}
	set_options(kernel->socket);
	wire->port = mnl_socket_get_portid(kernel->socket);
	wire->descriptor = mnl_socket_get_fd(kernel->socket);
	return 0;
}

static void wait_for(struct kernel_socket *kernel, short events)
{
	struct pollfd pollfd = {
		.fd = mnl_socket_get_fd(kernel->socket),
		.events = events,
	};

	poll(&pollfd, 1, -1);
}

static int socket_send(void *context, const void *message, size_t length)
{
	struct kernel_socket *kernel = context;

	if (!kernel->socket)
		return -ENOTCONN;
	while (mnl_socket_sendto(kernel->socket, message, length) < 0) {
		if (errno == EAGAIN)
			wait_for(kernel, POLLOUT);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static ssize_t socket_receive(void *context, void *bytes, size_t size, uint32_t *sender)
{
	struct kernel_socket *kernel = context;
	struct sockaddr_nl address = { 0 };
	struct iovec vector = { .iov_base = bytes, .iov_len = size };
	struct msghdr message = {
		.msg_name = &address,
		.msg_namelen = sizeof(address),
		.msg_iov = &vector,
		.msg_iovlen = 1,
	};
	ssize_t n;

	while ((n = recvmsg(mnl_socket_get_fd(kernel->socket), &message, 0)) < 0) {
		if (errno == EAGAIN)
			wait_for(kernel, POLLIN);
		else if (errno != EINTR)
			return -errno;
	}
	if (message.msg_namelen != sizeof(address))
		return -EBADMSG;
	*sender = address.nl_pid;
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

static void close_socket(struct kernel_socket *kernel)
{
	if (kernel->socket)
		mnl_socket_close(kernel->socket);
	kernel->socket = NULL;
}

static int socket_restart(struct netlink_wire *wire)
{
	close_socket(wire->context);
	return open_socket(wire);
}

static void socket_pause(void *context, unsigned int attempt)
{
	struct timespec time = { .tv_nsec = attempt * 5000000L };

	(void)context;
	nanosleep(&time, NULL);
}

static void socket_close(void *context)
{
	close_socket(context);
	free(context);
}

int netlink_socket_wire(struct netlink_wire *wire)
{
	int rc;

	*wire = (struct netlink_wire){
		.context = calloc(1, sizeof(struct kernel_socket)),
		.send = socket_send,
		.receive = socket_receive,
		.restart = socket_restart,
		.pause = socket_pause,
		.close = socket_close,
	};
	if (!wire->context)
		return -ENOMEM;
	rc = open_socket(wire);
	if (rc < 0)
		free(wire->context);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel tells of itself: uevents, and changes of links. */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/kernel_socket.h"
#include "vduse/watch/sources.h"

#define GROUP_UEVENTS 1
/* A link's notification has more than a uevent: statistics, an alias, a parent's name. */
#define MESSAGE_SIZE 16384
/* A burst that goes on does not keep a resync from coming. */
#define DISCARD_MOST 1000000

/* What was done to a node before its device's end happened before this was sent. */
static int hear_uevent(struct monitor *monitor, const char *bytes, size_t length)
{
	struct uevent uevent;
	int rc = 0;

	if (uevent_parse(bytes, length, &uevent) < 0)
		return 0;
	if (uevent.action == UEVENT_REMOVE && !strcmp(uevent.subsystem, "vduse"))
		rc = monitor_hear_nodes(monitor);
	changes_uevent(&monitor->changes, &uevent, clock_ms());
	return rc;
}

static void take_link(void *context, const struct link_change *change)
{
	struct monitor *monitor = context;

	changes_link(&monitor->changes, change);
}

static int hear_link(struct monitor *monitor, const char *bytes, size_t length)
{
	link_change_parse(bytes, length, take_link, monitor);
	return 0;
}

static int hear(struct source *source, struct monitor *monitor,
		int (*take)(struct monitor *monitor, const char *bytes, size_t length))
{
	_Alignas(struct nlmsghdr) char bytes[MESSAGE_SIZE];
	unsigned int i;
	int rc = 0;

	for (i = 0; i < SOURCE_AT_ONCE && rc == 0; i++) {
		ssize_t n;

		if (monitor_stops(monitor))
			return 1;
		n = kernel_socket_receive(source->fd, bytes, sizeof(bytes));
		if (n < 0)
			return n == -EAGAIN ? 0 : (int)n;
		if (n > 0)
			rc = take(monitor, bytes, n);
	}
	return rc ? rc : 1;
}

static int hear_uevents(struct source *source, struct monitor *monitor)
{
	return hear(source, monitor, hear_uevent);
}

static int hear_links(struct source *source, struct monitor *monitor)
{
	return hear(source, monitor, hear_link);
}

static void discard(struct source *source)
{
	char bytes[1];
	ssize_t n = 0;
	unsigned int i;

	for (i = 0; i < DISCARD_MOST && (n >= 0 || n == -ENOBUFS); i++)
		n = kernel_socket_receive(source->fd, bytes, sizeof(bytes));
}

static void close_source(struct source *source)
{
	close(source->fd);
	free(source);
}

static int open_source(int protocol, unsigned int group, size_t buffer,
		       int (*ready)(struct source *source, struct monitor *monitor),
		       struct source **source)
{
	int fd = kernel_socket_open(protocol, group, buffer);

	if (fd < 0)
		return fd;
	*source = calloc(1, sizeof(**source));
	if (!*source) {
		close(fd);
		return -ENOMEM;
	}
	**source = (struct source){
		.fd = fd, .ready = ready, .discard = discard, .close = close_source,
	};
	return 0;
}

int source_uevents(size_t buffer, struct source **source)
{
	return open_source(NETLINK_KOBJECT_UEVENT, GROUP_UEVENTS, buffer, hear_uevents, source);
}

int source_links(size_t buffer, struct source **source)
{
	return open_source(NETLINK_ROUTE, RTMGRP_LINK, buffer, hear_links, source);
}

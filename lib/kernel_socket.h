/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel multicasts on netlink, as it comes: uevents (NETLINK_KOBJECT_UEVENT,
 * group 1) and changes of links (NETLINK_ROUTE, RTMGRP_LINK). Nothing is ever asked.
 *
 * A socket in any network namespace of the first user namespace receives the uevents of
 * all devices but of network interfaces, which are told in their own namespace only
 * (kobject_uevent_net_broadcast() in lib/kobject_uevent.c).
 */
#ifndef VT_LIB_KERNEL_SOCKET_H
#define VT_LIB_KERNEL_SOCKET_H

#include <stddef.h>
#include <sys/types.h>

/*
 * A non-blocking socket of the netlink family @protocol that receives the kernel's
 * messages to @group (a bit) and keeps up to @buffer bytes of them, as the kernel counts;
 * without CAP_NET_ADMIN only what net.core.rmem_max allows. The descriptor, which the
 * caller closes, or negative errno.
 */
int kernel_socket_open(int protocol, unsigned int group, size_t buffer);

/*
 * The next message of the kernel itself into @bytes: its length; 0 for one to pass over,
 * which somebody else sent or which does not fit in @size; -EAGAIN where there is none;
 * -ENOBUFS, once, where the kernel had to leave some out; or another negative errno.
 */
ssize_t kernel_socket_receive(int fd, void *bytes, size_t size);

#endif

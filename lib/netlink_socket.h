/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VT_LIB_NETLINK_SOCKET_H
#define VT_LIB_NETLINK_SOCKET_H

#include "lib/netlink.h"

/* The kernel's generic netlink socket as a wire, in this process's network
 * namespace. 0, or negative errno; the wire's close() frees it. */
int netlink_socket_wire(struct netlink_wire *wire);

#endif

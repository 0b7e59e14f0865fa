/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What rtnetlink tells of an interface that a virtio device has: bytes in, structure out. */
#ifndef VT_LIB_LINK_CHANGE_H
#define VT_LIB_LINK_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link_change {
	bool gone;		/* RTM_DELLINK */
	char virtio[32];	/* "virtio3" */
	char netdev[32];
	uint32_t ifindex;
	bool up;		/* data can pass (IFLA_OPERSTATE) */
	bool moved;		/* gone to another network namespace */
	int32_t netnsid;	/* which that is, as this one numbers them */
};

/*
 * Call @take for each RTM_NEWLINK and RTM_DELLINK among the @length @bytes (aligned as
 * struct nlmsghdr is) whose interface has a virtio device for its parent
 * (IFLA_PARENT_DEV_NAME and IFLA_PARENT_DEV_BUS_NAME, rtnl_fill_ifinfo() in
 * net/core/rtnetlink.c). Others, and what is malformed, are passed over.
 */
void link_change_parse(const void *bytes, size_t length,
		       void (*take)(void *context, const struct link_change *change),
		       void *context);

#endif

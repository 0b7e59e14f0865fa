/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces that were moved to a named network namespace (ip-netns(8)). They have
 * left the sysfs of this one, but still know which virtio device they belong to.
 */
#ifndef VT_LIB_ELSEWHERE_H
#define VT_LIB_ELSEWHERE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/sysfs.h"

struct elsewhere_interface {
	char virtio[32];	/* "virtio3" */
	char netns[256];
	char netdev[32];
	uint32_t ifindex;	/* there */
};

struct elsewhere {
	struct elsewhere_interface *list;
	size_t count;
};

/*
 * List the interfaces of virtio devices in all namespaces that /run/netns names. What
 * cannot be looked into (that needs CAP_SYS_ADMIN) is passed over. The kernel's lock of
 * interfaces (rtnl) is waited for. 0 or negative errno; freed by elsewhere_free().
 */
int elsewhere_list(const struct sysfs *fs, struct elsewhere *elsewhere);
void elsewhere_free(struct elsewhere *elsewhere);

/* The interface of a virtio device, or NULL. */
const struct elsewhere_interface *elsewhere_find(const struct elsewhere *elsewhere,
						 const char *virtio);

/*
 * One RTM_NEWLINK or RTM_DELLINK message (aligned, its length checked): true, with all but the
 * namespace in @interface, where it is an interface whose parent is a virtio device
 * (IFLA_PARENT_DEV_NAME, IFLA_PARENT_DEV_BUS_NAME).
 */
bool elsewhere_parse(const struct nlmsghdr *message, struct elsewhere_interface *interface);

#endif

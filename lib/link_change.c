// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/link_change.h"

#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "lib/elsewhere.h"
#include "lib/name.h"

static void take_state(struct link_change *change, const struct nlattr *attr)
{
	if (mnl_attr_get_type(attr) == IFLA_OPERSTATE && mnl_attr_get_payload_len(attr) >= 1)
		change->up = mnl_attr_get_u8(attr) == IF_OPER_UP;
	if (mnl_attr_get_type(attr) == IFLA_NEW_NETNSID &&
	    mnl_attr_get_payload_len(attr) >= sizeof(change->netnsid)) {
		change->moved = true;
		change->netnsid = (int32_t)mnl_attr_get_u32(attr);
	}
}

/* elsewhere_parse() knows whose interface it is; this looks at what happened to it. */
static bool parse_one(const struct nlmsghdr *message, struct link_change *change)
{
	const void *attributes = mnl_nlmsg_get_payload_offset(message, sizeof(struct ifinfomsg));
	struct elsewhere_interface interface;
	const struct nlattr *attr;

	*change = (struct link_change){ .gone = message->nlmsg_type == RTM_DELLINK };
	if (!elsewhere_parse(message, &interface))
		return false;
	mnl_attr_for_each_payload(attributes,
				  mnl_nlmsg_get_payload_len(message) - sizeof(struct ifinfomsg))
		take_state(change, attr);
	name_copy(change->virtio, sizeof(change->virtio), interface.virtio);
	name_copy(change->netdev, sizeof(change->netdev), interface.netdev);
	change->ifindex = interface.ifindex;
	return true;
}

/* mnl_nlmsg_ok() takes a length over INT_MAX for a negative one, and lets it pass. */
static bool is_whole(const struct nlmsghdr *message, size_t left)
{
	return left >= sizeof(*message) && message->nlmsg_len >= sizeof(*message) &&
	       message->nlmsg_len <= left;
}

void link_change_parse(const void *bytes, size_t length,
		       void (*take)(void *context, const struct link_change *change),
		       void *context)
{
	size_t at = 0;

	while (at < length) {
		const struct nlmsghdr *message = (const void *)((const char *)bytes + at);
		struct link_change change;

		if (!is_whole(message, length - at))
			return;
		if (parse_one(message, &change))
			take(context, &change);
		at += MNL_ALIGN(message->nlmsg_len);
	}
}

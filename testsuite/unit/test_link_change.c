// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/link_change: rtnetlink's notifications, sound ones and others. */
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/link_change.h"

static struct {
	_Alignas(struct nlmsghdr) char bytes[4096];
	size_t length;
	struct link_change changes[4];
	unsigned int count;
} it;

static void take(void *context, const struct link_change *change)
{
	assert_ptr_equal(context, &it);
	assert_true(it.count < 4);
	it.changes[it.count++] = *change;
}

/* One more message, about "virtio3" and "eth0". The caller may add to it, then end(). */
static struct nlmsghdr *begin(uint16_t type, int ifindex)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(it.bytes + it.length);
	struct ifinfomsg *info;

	message->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	info->ifi_index = ifindex;
	mnl_attr_put_strz(message, IFLA_IFNAME, "eth0");
	mnl_attr_put_strz(message, IFLA_PARENT_DEV_NAME, "virtio3");
	mnl_attr_put_strz(message, IFLA_PARENT_DEV_BUS_NAME, "virtio");
	return message;
}

static void end(const struct nlmsghdr *message)
{
	it.length += NLMSG_ALIGN(message->nlmsg_len);
}

/* In memory that ends where the messages end. */
static void parse(size_t length)
{
	void *copy = malloc(length ? length : 1);

	memcpy(copy, it.bytes, length);
	it.count = 0;
	link_change_parse(copy, length, take, &it);
	free(copy);
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	return 0;
}

static void each_message_counts(void **state)
{
	struct nlmsghdr *message = begin(RTM_NEWLINK, 4);

	(void)state;
	mnl_attr_put_u8(message, IFLA_OPERSTATE, IF_OPER_UP);
	end(message);
	message = begin(RTM_NEWLINK, 5);
	mnl_attr_put_u8(message, IFLA_OPERSTATE, IF_OPER_DOWN);
	end(message);
	message = begin(RTM_DELLINK, 6);
	mnl_attr_put_u32(message, IFLA_NEW_NETNSID, 7);
	end(message);
	end(begin(RTM_DELLINK, 8));
	parse(it.length);
	assert_int_equal(it.count, 4);
	assert_string_equal(it.changes[0].virtio, "virtio3");
	assert_string_equal(it.changes[0].netdev, "eth0");
	assert_int_equal(it.changes[0].ifindex, 4);
	assert_true(it.changes[0].up && !it.changes[0].gone && !it.changes[0].moved);
	assert_false(it.changes[1].up);
	assert_true(it.changes[2].gone && it.changes[2].moved);
	assert_int_equal(it.changes[2].netnsid, 7);
	assert_true(it.changes[3].gone && !it.changes[3].moved);
}

static void others_are_passed_over(void **state)
{
	struct nlmsghdr *message;

	(void)state;
	end(begin(RTM_NEWADDR, 4));
	message = mnl_nlmsg_put_header(it.bytes + it.length);
	message->nlmsg_type = RTM_NEWLINK;	/* without its structure */
	end(message);
	end(begin(RTM_NEWLINK, 9));
	parse(it.length);
	assert_int_equal(it.count, 1);
	assert_int_equal(it.changes[0].ifindex, 9);
}

/* hardening 76: short attributes, and messages cut anywhere */
static void what_is_too_short(void **state)
{
	struct nlmsghdr *message = begin(RTM_DELLINK, 4);
	size_t length;

	(void)state;
	mnl_attr_put(message, IFLA_OPERSTATE, 0, NULL);
	mnl_attr_put_u16(message, IFLA_NEW_NETNSID, 7);
	end(message);
	for (length = 0; length < it.length; length++) {
		parse(length);
		assert_int_equal(it.count, 0);
		/* the rest is there, but is not the message's */
		link_change_parse(it.bytes, length, take, &it);
		assert_int_equal(it.count, 0);
	}
	parse(it.length);
	assert_int_equal(it.count, 1);
	assert_true(!it.changes[0].up && !it.changes[0].moved);
}

static void damaged_by_chance(void **state)
{
	unsigned int round, seed = 1;
	struct nlmsghdr *message = begin(RTM_DELLINK, 4);

	(void)state;
	mnl_attr_put_u32(message, IFLA_NEW_NETNSID, 7);
	mnl_attr_put_u8(message, IFLA_OPERSTATE, IF_OPER_UP);
	end(message);
	for (round = 0; round < 30000; round++) {
		size_t at = rand_r(&seed) % it.length;
		char before = it.bytes[at];

		it.bytes[at] = rand_r(&seed);
		parse(it.length);
		it.bytes[at] = before;
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_message_counts),
		TEST(others_are_passed_over),
		TEST(what_is_too_short),
		TEST(damaged_by_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

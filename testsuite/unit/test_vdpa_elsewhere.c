// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/elsewhere: interfaces of virtio devices in listings of other namespaces. */
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "lib/elsewhere.h"
#include "vdpa_tree.h"

static union {
	struct nlmsghdr header;
	char bytes[4096];
} message;

static struct elsewhere_interface interface;

static void begin(int index)
{
	struct ifinfomsg *info;

	memset(&message, 0, sizeof(message));
	mnl_nlmsg_put_header(&message);
	message.header.nlmsg_type = RTM_NEWLINK;
	info = mnl_nlmsg_put_extra_header(&message.header, sizeof(*info));
	info->ifi_index = index;
}

static void put(uint16_t type, const char *text)
{
	mnl_attr_put_strz(&message.header, type, text);
}

/* In memory that ends where the message ends. */
static bool parse(void)
{
	void *copy = malloc(message.header.nlmsg_len);
	bool is;

	memcpy(copy, &message, message.header.nlmsg_len);
	is = elsewhere_parse(copy, &interface);
	free(copy);
	return is;
}

static void an_interface_of_virtio(void **state)
{
	(void)state;
	begin(7);
	put(IFLA_IFNAME, "ren0");
	put(IFLA_PARENT_DEV_NAME, "virtio3");
	put(IFLA_PARENT_DEV_BUS_NAME, "virtio");
	assert_true(parse());
	assert_string_equal(interface.netdev, "ren0");
	assert_string_equal(interface.virtio, "virtio3");
	assert_int_equal(interface.ifindex, 7);
}

static void others(void **state)
{
	char long_name[100];

	(void)state;
	begin(1);
	put(IFLA_IFNAME, "lo");
	assert_false(parse());
	put(IFLA_PARENT_DEV_NAME, "virtio3");
	assert_false(parse());
	put(IFLA_PARENT_DEV_BUS_NAME, "pci");
	assert_false(parse());
	begin(1);
	put(IFLA_PARENT_DEV_NAME, "virtio3");
	put(IFLA_PARENT_DEV_BUS_NAME, "virtio");
	assert_false(parse());	/* no name */
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	put(IFLA_IFNAME, long_name);
	assert_false(parse());
	put(IFLA_IFNAME, "good");
	assert_true(parse());
	message.header.nlmsg_type = RTM_GETLINK;
	assert_false(parse());
}

static void short_ones(void **state)
{
	uint32_t length, whole;

	(void)state;
	begin(1);
	put(IFLA_IFNAME, "ren0");
	put(IFLA_PARENT_DEV_NAME, "virtio3");
	put(IFLA_PARENT_DEV_BUS_NAME, "virtio");
	whole = message.header.nlmsg_len;
	for (length = sizeof(struct nlmsghdr); length < whole - 1; length++) {
		message.header.nlmsg_len = length;
		assert_false(parse());
	}
}

static void finding(void **state)
{
	struct elsewhere_interface list[] = {
		{ .virtio = "virtio1", .netdev = "a" }, { .virtio = "virtio12", .netdev = "b" },
	};
	struct elsewhere elsewhere = { .list = list, .count = 2 };

	(void)state;
	assert_string_equal(elsewhere_find(&elsewhere, "virtio12")->netdev, "b");
	assert_null(elsewhere_find(&elsewhere, "virtio2"));
	assert_null(elsewhere_find(&elsewhere, ""));
}

/* No folder, and one whose files are no namespaces. */
static void no_namespaces(void **state)
{
	struct elsewhere elsewhere;
	struct tree tree;

	(void)state;
	tree_make(&tree);
	assert_int_equal(elsewhere_list(&tree.fs, &elsewhere), 0);
	assert_int_equal(elsewhere.count, 0);
	tree_file(&tree, "", "run/netns/broken");
	tree_folder(&tree, "run/netns/folder");
	assert_int_equal(elsewhere_list(&tree.fs, &elsewhere), 0);
	assert_int_equal(elsewhere.count, 0);
	elsewhere_free(&elsewhere);
	tree_remove(&tree);
}

/* Our own, under a name: needs no interface of virtio, and must not change where we are. */
static void a_namespace(void **state)
{
	struct elsewhere elsewhere;
	struct tree tree;
	unsigned int before = if_nametoindex("lo");

	(void)state;
	tree_make(&tree);
	tree_link(&tree, "/proc/self/ns/net", "run/netns/ours");
	assert_int_equal(elsewhere_list(&tree.fs, &elsewhere), 0);
	elsewhere_free(&elsewhere);
	assert_int_equal(if_nametoindex("lo"), before);
	tree_remove(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_of_virtio),
		cmocka_unit_test(others),
		cmocka_unit_test(short_ones),
		cmocka_unit_test(finding),
		cmocka_unit_test(no_namespaces),
		cmocka_unit_test(a_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse/watch: what is told of which uevent and notification, step by step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "vdpa_tree.h"
#include "vduse/watch/change.h"
#include "vduse/watch/listing.h"

#define DEVICES "/devices/virtual/vduse/"

static struct {
	struct tree tree;
	struct changes changes;
	struct buffer told;
	struct event_form form;
	uint64_t seqnum;
	int64_t now;
} it;

static void report(void *context, const struct event *event)
{
	static const struct timespec when = { 1795323862, 145254999 };

	(void)context;
	if (event_wanted(&it.form, event))
		event_add(&it.form, event, &when, &it.told);
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	tree_make(&it.tree);
	it.changes = (struct changes){ .fs = &it.tree.fs, .report = report };
	it.seqnum = 100;
	it.now = 1000000;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	table_free(&it.changes.table);
	buffer_free(&it.told);
	tree_remove(&it.tree);
	return 0;
}

/* Exactly @text was told since the last time. */
static void told(const char *text)
{
	assert_string_equal(it.told.text ? it.told.text : "", text);
	buffer_free(&it.told);
	assert_false(it.changes.broken);
}

/* A uevent of the device at DEVICES @path; @uevent has what else is in it. */
static void say(enum uevent_action action, const char *path, struct uevent uevent)
{
	char devpath[500];

	snprintf(devpath, sizeof(devpath), DEVICES "%s", path);
	uevent.action = action;
	uevent.devpath = devpath;
	uevent.seqnum = uevent.seqnum ? uevent.seqnum : ++it.seqnum;
	uevent.driver = uevent.driver ? uevent.driver : "";
	uevent.interface = uevent.interface ? uevent.interface : "";
	changes_uevent(&it.changes, &uevent, it.now);
}

#define UEVENT(...) ((struct uevent){ __VA_ARGS__ })
#define vduse(action, name, ...) say(action, name, UEVENT(.subsystem = "vduse", ##__VA_ARGS__))
#define vdpa(action, path, ...) say(action, path, UEVENT(.subsystem = "vdpa", ##__VA_ARGS__))
#define virtio(action, path, ...) say(action, path, UEVENT(.subsystem = "virtio", ##__VA_ARGS__))
#define net(action, path, name, index) \
	say(action, path, UEVENT(.subsystem = "net", .interface = name, .ifindex = index))

/* As the kernel does it where virtio_net is loaded. */
static void attach_net(const char *name)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/%s", name, name);
	vdpa(UEVENT_ADD, path);
	strcat(path, "/virtio2");
	virtio(UEVENT_ADD, path);
	strcat(path, "/net/eth0");
	net(UEVENT_ADD, path, "eth0", 4);
	snprintf(path, sizeof(path), "%s/%s/virtio2", name, name);
	virtio(UEVENT_BIND, path, .driver = "virtio_net");
	snprintf(path, sizeof(path), "%s/%s", name, name);
	vdpa(UEVENT_BIND, path, .driver = "virtio_vdpa");
}

static void begin_attached(void)
{
	vduse(UEVENT_ADD, "lo0");
	attach_net("lo0");
	told("[vduse,create] lo0\n"
	     "[vdpa,add] lo0\n"
	     "[vdpa,bind] lo0 driver virtio_vdpa netdev eth0\n");
}

static void settle_after(int64_t milliseconds)
{
	it.now += milliseconds;
	changes_settle(&it.changes, it.now);
}

static void a_life(void **state)
{
	(void)state;
	vduse(UEVENT_ADD, "control");
	told("");
	begin_attached();
	net(UEVENT_REMOVE, "lo0/lo0/virtio2/net/eth0", "eth0", 4);
	virtio(UEVENT_UNBIND, "lo0/lo0/virtio2");
	virtio(UEVENT_REMOVE, "lo0/lo0/virtio2");
	vdpa(UEVENT_UNBIND, "lo0/lo0");
	vdpa(UEVENT_REMOVE, "lo0/lo0");
	vduse(UEVENT_REMOVE, "lo0");
	told("[vdpa,unbind] lo0\n[vdpa,del] lo0\n[vduse,destroy] lo0\n");
	settle_after(10 * OWED_MS);
	told("");
	assert_int_equal(it.changes.table.count, 0);
}

/* virtio_net's module comes after the bind. */
static void bind_later(void)
{
	vdpa(UEVENT_ADD, "lo0/lo0");
	virtio(UEVENT_ADD, "lo0/lo0/virtio2");
	vdpa(UEVENT_BIND, "lo0/lo0", .driver = "virtio_vdpa");
	told("[vdpa,add] lo0\n");
}

static void bind_waits_for_the_interface_and_nothing_else_does(void **state)
{
	(void)state;
	bind_later();
	assert_true(changes_settle(&it.changes, it.now) == it.now + OWED_MS);
	vduse(UEVENT_ADD, "other");
	told("[vduse,create] other\n");
	net(UEVENT_ADD, "lo0/lo0/virtio2/net/eth0", "eth0", 4);
	told("");
	virtio(UEVENT_BIND, "lo0/lo0/virtio2", .driver = "virtio_net");
	told("[vdpa,bind] lo0 driver virtio_vdpa netdev eth0\n");
	settle_after(10 * OWED_MS);
	told("");
}

static void bind_is_told_without_an_interface_that_does_not_come(void **state)
{
	(void)state;
	bind_later();
	settle_after(OWED_MS - 1);
	told("");
	settle_after(1);
	told("[vdpa,bind] lo0 driver virtio_vdpa\n");
	assert_false(it.changes.owed);
	net(UEVENT_ADD, "lo0/lo0/virtio2/net/eth0", "eth0", 4);
	virtio(UEVENT_BIND, "lo0/lo0/virtio2", .driver = "virtio_net");
	told("[vdpa,arrive] lo0 netdev eth0\n");
}

static void bind_is_told_before_its_end(void **state)
{
	(void)state;
	bind_later();
	vdpa(UEVENT_REMOVE, "lo0/lo0");
	told("[vdpa,bind] lo0 driver virtio_vdpa\n[vdpa,unbind] lo0\n[vdpa,del] lo0\n");
}

/* In another network namespace the interface is not told of. */
static void bind_does_not_wait_for_what_is_not_told(void **state)
{
	(void)state;
	vdpa(UEVENT_ADD, "lo0/lo0");
	virtio(UEVENT_ADD, "lo0/lo0/virtio2");
	virtio(UEVENT_BIND, "lo0/lo0/virtio2", .driver = "virtio_net");
	vdpa(UEVENT_BIND, "lo0/lo0", .driver = "virtio_vdpa");
	told("[vdpa,add] lo0\n[vdpa,bind] lo0 driver virtio_vdpa\n");
}

static void a_disk(void **state)
{
	(void)state;
	vdpa(UEVENT_ADD, "d0/d0");
	virtio(UEVENT_ADD, "d0/d0/virtio1");
	say(UEVENT_ADD, "d0/d0/virtio1/block/vda",
	    UEVENT(.subsystem = "block", .major = 254, .minor = 16));
	say(UEVENT_ADD, "d0/d0/virtio1/block/vda/vda1",
	    UEVENT(.subsystem = "block", .major = 254, .minor = 17));
	virtio(UEVENT_BIND, "d0/d0/virtio1", .driver = "virtio_blk");
	it.form.json = true;
	vdpa(UEVENT_BIND, "d0/d0", .driver = "virtio_vdpa");
	told("[vdpa,add] d0\n"
	     "{\"timestamp\":\"2026-11-22T05:04:22.145254Z\",\"object\":\"vdpa\",\"event\":\"bind\","
	     "\"name\":\"d0\",\"driver\":\"virtio_vdpa\",\"blockdev\":\"vda\",\"rdev\":\"254:16\"}\n");
}

static void the_node_of_vhost_vdpa(void **state)
{
	(void)state;
	tree_driver(&it.tree, "vhost_vdpa");
	tree_device(&it.tree, "lo0");
	tree_vhost(&it.tree, "lo0", 3, true);
	vdpa(UEVENT_ADD, "lo0/lo0");
	vdpa(UEVENT_BIND, "lo0/lo0", .driver = "vhost_vdpa");
	told("[vdpa,add] lo0\n[vdpa,bind] lo0 driver vhost_vdpa chardev /dev/vhost-vdpa-3\n");
	assert_true(it.changes.nodes);
}

static void a_rename_said_twice_is_told_once(void **state)
{
	struct link_change change = { .virtio = "virtio2", .netdev = "wan0", .ifindex = 4 };

	(void)state;
	begin_attached();
	net(UEVENT_MOVE, "lo0/lo0/virtio2/net/wan0", "wan0", 4);
	changes_link(&it.changes, &change);
	told("[vdpa,rename] lo0 netdev wan0 former eth0\n");
	/* and the other way round */
	strcpy(change.netdev, "lan0");
	changes_link(&it.changes, &change);
	net(UEVENT_MOVE, "lo0/lo0/virtio2/net/lan0", "lan0", 4);
	told("[vdpa,rename] lo0 netdev lan0 former wan0\n");
}

static void the_link_goes_up_and_down(void **state)
{
	struct link_change change = { .virtio = "virtio2", .netdev = "eth0", .ifindex = 4 };

	(void)state;
	begin_attached();
	changes_link(&it.changes, &change);
	told("");
	change.up = true;
	changes_link(&it.changes, &change);
	changes_link(&it.changes, &change);
	told("[vdpa,link] lo0 netdev eth0 link up\n");
	change.up = false;
	changes_link(&it.changes, &change);
	told("[vdpa,link] lo0 netdev eth0 link down\n");
	/* another interface, another virtio device */
	change.up = true;
	change.ifindex = 5;
	changes_link(&it.changes, &change);
	change.ifindex = 4;
	strcpy(change.virtio, "virtio3");
	changes_link(&it.changes, &change);
	told("");
}

static void moved_away_and_back(void **state)
{
	const struct link_change change = { .gone = true, .virtio = "virtio2", .netdev = "eth0",
					    .ifindex = 4, .moved = true, .netnsid = 7 };

	(void)state;
	begin_attached();
	changes_link(&it.changes, &change);
	net(UEVENT_REMOVE, "lo0/lo0/virtio2/net/eth0", "eth0", 4);
	told("[vdpa,leave] lo0 netdev eth0 netnsid 7\n");
	net(UEVENT_ADD, "lo0/lo0/virtio2/net/eth0", "eth0", 6);
	told("[vdpa,arrive] lo0 netdev eth0\n");
	settle_after(10 * OWED_MS);
	/* the uevent first */
	net(UEVENT_REMOVE, "lo0/lo0/virtio2/net/eth0", "eth0", 6);
	told("");
	changes_link(&it.changes, &(struct link_change){
		.gone = true, .virtio = "virtio2", .netdev = "eth0", .ifindex = 6, .moved = true,
		.netnsid = 7 });
	told("[vdpa,leave] lo0 netdev eth0 netnsid 7\n");
	settle_after(10 * OWED_MS);
	told("");
}

static void an_interface_that_goes_alone_leaves(void **state)
{
	(void)state;
	begin_attached();
	net(UEVENT_REMOVE, "lo0/lo0/virtio2/net/eth0", "eth0", 4);
	virtio(UEVENT_UNBIND, "lo0/lo0/virtio2");
	settle_after(OWED_MS - 1);
	told("");
	settle_after(1);
	told("[vdpa,leave] lo0 netdev eth0\n");
	virtio(UEVENT_REMOVE, "lo0/lo0/virtio2");
	vdpa(UEVENT_UNBIND, "lo0/lo0");
	told("[vdpa,unbind] lo0\n");
}

/* On the way out of a driver the notifications lag behind the uevents, or precede them. */
static void an_interface_that_goes_with_its_driver_does_not_leave(void **state)
{
	const struct link_change down = { .virtio = "virtio2", .netdev = "eth0", .ifindex = 4 };

	(void)state;
	begin_attached();
	net(UEVENT_REMOVE, "lo0/lo0/virtio2/net/eth0", "eth0", 4);
	changes_link(&it.changes, &down);
	told("");
	virtio(UEVENT_UNBIND, "lo0/lo0/virtio2");
	virtio(UEVENT_REMOVE, "lo0/lo0/virtio2");
	settle_after(OWED_MS);
	told("");
	vdpa(UEVENT_UNBIND, "lo0/lo0");
	told("[vdpa,unbind] lo0\n");
}

static void what_is_not_below_a_known_device(void **state)
{
	(void)state;
	begin_attached();
	/* the same names elsewhere */
	changes_uevent(&it.changes, &UEVENT(.action = UEVENT_ADD, .subsystem = "net",
					    .devpath = "/devices/pci0/lo0/virtio2/net/eth9",
					    .driver = "", .interface = "eth9",
					    .ifindex = 9, .seqnum = 900), it.now);
	net(UEVENT_ADD, "lo0/virtio2/net/eth9", "eth9", 9);
	net(UEVENT_ADD, "lo0/lo0/virtio2/net/eth9/queues/rx-0", "eth9", 9);
	net(UEVENT_ADD, "eth9", "eth9", 9);
	net(UEVENT_REMOVE, "lo0/lo0/virtio2/net/eth0", "eth0", 5);	/* another index */
	vdpa(UEVENT_BIND, "lo1/lo1", .driver = "virtio_vdpa");
	vdpa(UEVENT_REMOVE, "lo1/lo1");
	vduse(UEVENT_REMOVE, "lo1");
	settle_after(10 * OWED_MS);
	told("");
}

/* hardening 84: a lost "remove" */
static void nl_84_a_lost_remove(void **state)
{
	(void)state;
	begin_attached();
	vdpa(UEVENT_ADD, "lo0/lo0");
	told("[vdpa,unbind] lo0\n[vdpa,del] lo0\n[vdpa,add] lo0\n");
	vduse(UEVENT_ADD, "lo0");
	told("[vduse,destroy] lo0\n[vduse,create] lo0\n");
}

static void what_a_listing_said_already_is_not_told_again(void **state)
{
	(void)state;
	change_created(&it.changes, "lo0", true);
	told("[vduse,create] lo0\n");
	vduse(UEVENT_ADD, "lo0");
	told("");
	/* only once: the next one is another device */
	vduse(UEVENT_ADD, "lo0");
	told("[vduse,destroy] lo0\n[vduse,create] lo0\n");
	it.changes.listed = 5000;
	vduse(UEVENT_ADD, "lo0", .seqnum = 5000);
	told("");
	vduse(UEVENT_ADD, "lo0", .seqnum = 5001);
	told("[vduse,destroy] lo0\n[vduse,create] lo0\n");
}

static void synthetic_ones_are_no_news(void **state)
{
	(void)state;
	begin_attached();
	vduse(UEVENT_ADD, "lo0", .synthetic = true);
	vduse(UEVENT_REMOVE, "lo0", .synthetic = true);
	vdpa(UEVENT_REMOVE, "lo0/lo0", .synthetic = true);
	told("");
}

static void opened_and_closed(void **state)
{
	const struct holder holder = { .pid = 231, .command = "vduse" };

	(void)state;
	/* before its device is told of */
	change_opened(&it.changes, "lo0", &holder);
	told("");
	vduse(UEVENT_ADD, "lo0");
	told("[vduse,create] lo0\n[vduse,open] lo0 pid 231 command vduse loopback\n");
	change_opened(&it.changes, "lo0", NULL);
	told("");
	change_closed(&it.changes, table_find(&it.changes.table, "lo0"));
	told("[vduse,close] lo0 pid 231 command vduse loopback\n");
	change_opened(&it.changes, "lo0", NULL);
	told("[vduse,open] lo0\n");
	/* a closing that was not heard of */
	vduse(UEVENT_REMOVE, "lo0");
	told("[vduse,close] lo0\n[vduse,destroy] lo0\n");
	/* no device at all */
	change_opened(&it.changes, "file", NULL);
	change_closed(&it.changes, table_find(&it.changes.table, "file"));
	told("");
	assert_int_equal(it.changes.table.count, 0);
}

static void names_are_escaped(void **state)
{
	(void)state;
	vduse(UEVENT_ADD, "a b\n\033[31m\xff\\");
	told("[vduse,create] a\\x20b\\x0a\\x1b[31m\\xff\\x5c\n");
	it.form.json = true;
	vduse(UEVENT_REMOVE, "a b\n\033[31m\xff\\");
	told("{\"timestamp\":\"2026-11-22T05:04:22.145254Z\",\"object\":\"vduse\",\"event\":\"destroy\","
	     "\"name\":\"a b\\n\\u001b[31m\xef\xbf\xbd\\\\\"}\n");
}

static void a_name_that_no_folder_can_have(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	vduse(UEVENT_ADD, name);
	assert_int_equal(it.told.length, strlen("[vduse,create] \n") + 255);
	buffer_free(&it.told);
	name[255] = 'n';
	name[256] = '\0';
	vduse(UEVENT_ADD, name);
	vdpa(UEVENT_ADD, name);
	told("");
}

static void only_what_is_wanted(void **state)
{
	(void)state;
	it.form.objects = 1u << EVENT_VDPA;
	vduse(UEVENT_ADD, "lo0");
	vduse(UEVENT_ADD, "lo1");
	it.form.name = "lo1";
	attach_net("lo0");
	attach_net("lo1");
	it.form.objects = 0;
	vduse(UEVENT_REMOVE, "lo0");
	vduse(UEVENT_REMOVE, "lo1");
	told("[vdpa,add] lo1\n[vdpa,bind] lo1 driver virtio_vdpa netdev eth0\n[vduse,destroy] lo1\n");
}

static void times_as_ip_prints_them(void **state)
{
	(void)state;
	it.form.timestamp = true;
	vduse(UEVENT_ADD, "lo0");
	told("Timestamp: Sun Nov 22 05:04:22 2026 145254 usec\n[vduse,create] lo0\n");
	it.form.short_timestamp = true;
	vduse(UEVENT_REMOVE, "lo0");
	told("[2026-11-22T05:04:22.145254] [vduse,destroy] lo0\n");
}

/* -- listings ---------------------------------------------------------------------------- */

static void list(void)
{
	struct listing listing;

	assert_int_equal(listing_read(&it.tree.fs, &listing), 0);
	assert_int_equal(listing_differences(&it.changes, &listing, it.now), 0);
	listing_free(&listing);
}

/* On the bus, where the kernel has links. */
static void on_bus(const char *name)
{
	char target[200];

	snprintf(target, sizeof(target), "../../.." DEVICES "%s/%s", name, name);
	tree_folder(&it.tree, "sys" DEVICES "%s/%s", name, name);
	tree_link(&it.tree, target, "sys/bus/vdpa/devices/%s", name);
	tree_device(&it.tree, name);
}

static void off_bus(const char *name)
{
	tree_delete(&it.tree, "sys/bus/vdpa/devices/%s", name);
	tree_delete(&it.tree, "sys" DEVICES "%s/%s", name, name);
}

/* What the kernel has: lo0 with an interface, lo2 served, lo10, and a disk of another
 * manager. */
static void make_devices(void)
{
	tree_driver(&it.tree, "virtio_vdpa");
	tree_vduse(&it.tree, "lo10", false);
	tree_vduse(&it.tree, "lo2", false);
	tree_vduse(&it.tree, "lo0", true);
	on_bus("lo0");
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 15);
	on_bus("d0");
	tree_virtio(&it.tree, "d0", 3, "virtio_blk", 15);
	tree_file(&it.tree, "5000\n", "sys/kernel/uevent_seqnum");
}

#define ALL "[vdpa,add] d0\n" \
	    "[vdpa,bind] d0 driver virtio_vdpa blockdev vda\n" \
	    "[vduse,create] lo0\n" \
	    "[vdpa,add] lo0\n" \
	    "[vdpa,bind] lo0 driver virtio_vdpa netdev eth0\n" \
	    "[vduse,create] lo2\n" \
	    "[vduse,create] lo10\n"

static void a_listing_is_told_as_events(void **state)
{
	(void)state;
	make_devices();
	list();
	told(ALL);
	assert_int_equal(it.changes.listed, 5000);
	list();
	told("");
}

static void what_is_gone_and_what_came(void **state)
{
	(void)state;
	make_devices();
	list();
	told(ALL);
	tree_delete(&it.tree, "sys/class/vduse/lo10");
	off_bus("lo0");
	on_bus("lo0");
	off_bus("d0");
	tree_vduse(&it.tree, "lo1", false);
	list();
	told("[vdpa,unbind] d0\n[vdpa,del] d0\n[vdpa,unbind] lo0\n[vduse,destroy] lo10\n"
	     "[vduse,create] lo1\n");
	list();
	settle_after(10 * OWED_MS);
	told("");
}

static void no_folder_is_no_device(void **state)
{
	(void)state;
	list();
	told("");
	vduse(UEVENT_ADD, "gone");
	list();
	told("[vduse,create] gone\n[vduse,destroy] gone\n");
}

/* Listed while the driver of virtioN was on its way: the interface belongs to the bind. */
static void a_listing_in_the_middle_of_a_bind(void **state)
{
	(void)state;
	tree_driver(&it.tree, "virtio_vdpa");
	tree_vduse(&it.tree, "lo0", true);
	on_bus("lo0");
	tree_virtio(&it.tree, "lo0", 2, NULL, 1);
	list();
	told("[vduse,create] lo0\n[vdpa,add] lo0\n");
	vdpa(UEVENT_BIND, "lo0/lo0", .driver = "virtio_vdpa");
	told("");
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 15);
	list();
	told("[vdpa,bind] lo0 driver virtio_vdpa netdev eth0\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_life),
		TEST(bind_waits_for_the_interface_and_nothing_else_does),
		TEST(bind_is_told_without_an_interface_that_does_not_come),
		TEST(bind_is_told_before_its_end),
		TEST(bind_does_not_wait_for_what_is_not_told),
		TEST(a_disk),
		TEST(the_node_of_vhost_vdpa),
		TEST(a_rename_said_twice_is_told_once),
		TEST(the_link_goes_up_and_down),
		TEST(moved_away_and_back),
		TEST(an_interface_that_goes_alone_leaves),
		TEST(an_interface_that_goes_with_its_driver_does_not_leave),
		TEST(what_is_not_below_a_known_device),
		TEST(nl_84_a_lost_remove),
		TEST(what_a_listing_said_already_is_not_told_again),
		TEST(synthetic_ones_are_no_news),
		TEST(opened_and_closed),
		TEST(names_are_escaped),
		TEST(a_name_that_no_folder_can_have),
		TEST(only_what_is_wanted),
		TEST(times_as_ip_prints_them),
		TEST(a_listing_is_told_as_events),
		TEST(what_is_gone_and_what_came),
		TEST(no_folder_is_no_device),
		TEST(a_listing_in_the_middle_of_a_bind),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

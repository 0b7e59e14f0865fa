// SPDX-License-Identifier: GPL-2.0-or-later
/* The command vdpa, from its words to text, JSON and exit status, over a scripted
 * kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/vdpa_index.h"
#include "netlink_script.h"
#include "vdpa/vdpa.h"
#include "vdpa_run.h"

/* LDFLAGS: -Wl,--wrap=netlink_open -Wl,--wrap=vdpa_index_find -Wl,--wrap=vdpa_attached_read */
int __wrap_netlink_open(struct netlink *netlink, const char *name, uint8_t version);
int __wrap_vdpa_index_find(struct vdpa_index *index, const char *device, uint32_t type,
			   struct vdpa_attached *attached);
int __wrap_vdpa_attached_read(const struct sysfs *fs, const char *device,
			      struct vdpa_attached *attached);

static struct script script;
static int sysfs_error;		/* of what stands behind a device; 0: nothing does */

int __wrap_vdpa_index_find(struct vdpa_index *index, const char *device, uint32_t type,
			   struct vdpa_attached *attached)
{
	(void)type;
	return __wrap_vdpa_attached_read(index->fs, device, attached);
}

int __wrap_vdpa_attached_read(const struct sysfs *fs, const char *device,
			      struct vdpa_attached *attached)
{
	(void)fs;
	*attached = (struct vdpa_attached){ 0 };
	return strcmp(device, "b0") ? sysfs_error : 0;
}

int __wrap_netlink_open(struct netlink *netlink, const char *name, uint8_t version)
{
	return netlink_open_wire(netlink, name, version, &script.wire);
}

static void answer_all(struct script *to, const struct nlmsghdr *question);

static int setup(void **state)
{
	(void)state;
	sysfs_error = 0;
	script_init(&script, answer_all);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(script.closed, script.lookups);
	script_end(&script);
	vdpa_run_end();
	return 0;
}

/* -- the kernel -------------------------------------------------------------- */

static void put_mgmtdev(struct script *to, const struct nlmsghdr *question, const char *bus,
			const char *name, uint64_t classes, uint64_t features)
{
	struct script_message message;
	struct nlmsghdr *header = script_begin(&message, question, VDPA_CMD_MGMTDEV_NEW, 0);

	if (bus)
		mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_BUS_NAME, bus);
	mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_DEV_NAME, name);
	mnl_attr_put_u64(header, VDPA_ATTR_MGMTDEV_SUPPORTED_CLASSES, classes);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_MGMTDEV_MAX_VQS, 9);
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_SUPPORTED_FEATURES, features);
	script_put(to, &message);
}

static void put_device(struct script *to, const struct nlmsghdr *question, const char *name,
		       uint32_t type)
{
	struct script_message message;
	struct nlmsghdr *header = script_begin(&message, question, VDPA_CMD_DEV_NEW, 0);

	mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_DEV_NAME, "vduse");
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, name);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_ID, type);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_VENDOR_ID, 0);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_MAX_VQS, 2);
	mnl_attr_put_u16(header, VDPA_ATTR_DEV_MAX_VQ_SIZE, 256);
	script_put(to, &message);
}

static void put_net_config(struct script *to, const struct nlmsghdr *question)
{
	struct script_message message;
	struct nlmsghdr *header = script_begin(&message, question, VDPA_CMD_DEV_CONFIG_GET, 0);

	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, "lo0");
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_ID, 1);
	mnl_attr_put(header, VDPA_ATTR_DEV_NET_CFG_MACADDR, 6, "\x52\x54\0\x0a\xbc\xde");
	mnl_attr_put_u16(header, VDPA_ATTR_DEV_NET_STATUS, 3);
	mnl_attr_put_u16(header, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, 2);
	mnl_attr_put_u16(header, VDPA_ATTR_DEV_NET_CFG_MTU, 1500);
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_NEGOTIATED_FEATURES, 0x20);
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_FEATURES, UINT64_C(0x4000000000030));
	script_put(to, &message);
}

static void put_block_config(struct script *to, const struct nlmsghdr *question)
{
	struct script_message message;
	struct nlmsghdr *header = script_begin(&message, question, VDPA_CMD_DEV_CONFIG_GET, 0);

	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, "b0");
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_ID, 2);
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_BLK_CFG_CAPACITY, 2048);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_BLK_CFG_BLK_SIZE, 512);
	mnl_attr_put_u8(header, VDPA_ATTR_DEV_BLK_CFG_READ_ONLY, 0);
	mnl_attr_put_u8(header, VDPA_ATTR_DEV_BLK_CFG_FLUSH, 1);
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_FEATURES, 0x240);
	script_put(to, &message);
}

static const char *name_of(const struct nlmsghdr *question)
{
	const struct nlattr *name = script_attribute(question, VDPA_ATTR_DEV_NAME);

	return name ? mnl_attr_get_str(name) : NULL;
}

static void answer_mgmtdev(struct script *to, const struct nlmsghdr *question)
{
	const struct nlattr *bus = script_attribute(question, VDPA_ATTR_MGMTDEV_BUS_NAME);

	if (!script_attribute(question, VDPA_ATTR_MGMTDEV_DEV_NAME)) {
		put_mgmtdev(to, question, NULL, "vduse", 6, 0);
		put_mgmtdev(to, question, "pci", "0000:03:00.2", 0x4000002, 0x200000021);
		put_mgmtdev(to, question, NULL, "blk sim", 4, 0x21);
		script_done(to, question, 0);
		return;
	}
	put_mgmtdev(to, question, bus ? mnl_attr_get_str(bus) : NULL, "0000:03:00.2", 2, 0x23);
	script_error(to, question, 0);
}

static void answer_device(struct script *to, const struct nlmsghdr *question)
{
	struct script_message message;
	const char *name = name_of(question);

	if (name && strcmp(name, "lo0")) {
		script_extended(to, question, -ENODEV, "device not found", 0, 0, true);
		return;
	}
	put_device(to, question, "lo0", 1);
	if (name) {
		script_error(to, question, 0);
		return;
	}
	put_device(to, question, "gone", 1);
	put_device(to, question, "b0", 2);
	script_put(to, (script_begin(&message, question, VDPA_CMD_DEV_NEW, 0), &message));
	put_device(to, question, "odd \x1b[m%n\xff", 26);
	script_done(to, question, 0);
}

static void answer_config(struct script *to, const struct nlmsghdr *question)
{
	const char *name = name_of(question);

	assert_non_null(name);	/* a dump would be cut short */
	if (!strcmp(name, "lo0")) {
		put_net_config(to, question);
	} else if (!strcmp(name, "b0")) {
		put_block_config(to, question);
	} else {
		script_error(to, question, strcmp(name, "gone") ? -EOPNOTSUPP : -ENODEV);
		return;
	}
	script_error(to, question, 0);
}

static void answer_all(struct script *to, const struct nlmsghdr *question)
{
	switch (script_command(question)) {
	case VDPA_CMD_MGMTDEV_GET:
		answer_mgmtdev(to, question);
		break;
	case VDPA_CMD_DEV_GET:
		answer_device(to, question);
		break;
	case VDPA_CMD_DEV_CONFIG_GET:
		answer_config(to, question);
		break;
	default:
		script_error(to, question, -EPERM);
	}
}

/* -- what is printed --------------------------------------------------------- */

static void managers(void **state)
{
	(void)state;
	vdpa_prints("mgmtdev show",
	       "vduse: \n"
	       "  supported_classes net block\n"
	       "  max_supported_vqs 9\n"
	       "  dev_features\n"
	       "pci/0000:03:00.2: \n"
	       "  supported_classes net < unknown class >\n"
	       "  max_supported_vqs 9\n"
	       "  dev_features CSUM MAC ACCESS_PLATFORM\n"
	       "blk\\x20sim: \n"
	       "  supported_classes block\n"
	       "  max_supported_vqs 9\n"
	       "  dev_features BARRIER RO\n");
	vdpa_prints("-j m l pci/0000:03:00.2",
	       "{\"mgmtdev\":{\"pci/0000:03:00.2\":{\"supported_classes\":[\"net\"],"
	       "\"max_supported_vqs\":9,\"dev_features\":[\"CSUM\",\"GUEST_CSUM\",\"MAC\"]}}}\n");
}

static void devices(void **state)
{
	(void)state;
	vdpa_run("d s");
	assert_int_equal(vdpa_result.status, 0);
	assert_string_equal(vdpa_result.text,
		"lo0: type network mgmtdev vduse vendor_id 0 max_vqs 2 max_vq_size 256\n"
		"gone: type network mgmtdev vduse vendor_id 0 max_vqs 2 max_vq_size 256\n"
		"b0: type block mgmtdev vduse vendor_id 0 max_vqs 2 max_vq_size 256\n"
		"odd\\x20\\x1b[m%n\\xff: type <unknown type> mgmtdev vduse vendor_id 0 "
		"max_vqs 2 max_vq_size 256\n");
	/* the record without a name is left out, and that is said */
	assert_non_null(strstr(vdpa_result.diagnostics, "vdpa dev show: warning: a record"));
	vdpa_prints("dev show lo0 -j",
	       "{\"dev\":{\"lo0\":{\"type\":\"network\",\"mgmtdev\":\"vduse\",\"vendor_id\":0,"
	       "\"max_vqs\":2,\"max_vq_size\":256}}}\n");
	vdpa_fails("dev show none", STATUS_NOT_FOUND, "none: there is no vDPA device");
	assert_string_equal(vdpa_result.text, "");
	vdpa_fails("-j dev show none", STATUS_NOT_FOUND, "device not found");
	assert_string_equal(vdpa_result.text, "{\"dev\":{}}\n");
}

/* What cannot be read is not told as if it were not there. */
static void sysfs_cannot_be_read(void **state)
{
	static const char *const lines[] = { "dev show", "-d dev show" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		sysfs_error = -EACCES;
		vdpa_run(lines[i]);
		assert_int_equal(vdpa_result.status, 0);
		assert_memory_equal(vdpa_result.text, "lo0: type network", 17);
		assert_non_null(strstr(vdpa_result.diagnostics, "warning: drivers, interfaces"));
		assert_non_null(strstr(vdpa_result.diagnostics, "Permission denied"));
		sysfs_error = -ENODEV;	/* it has gone meanwhile */
		vdpa_run(lines[i]);
		assert_null(strstr(vdpa_result.diagnostics, "drivers"));
		sysfs_error = -ENOMEM;
		vdpa_fails(lines[i], STATUS_FAILED, "memory");
		assert_string_equal(vdpa_result.text, "");
	}
	vdpa_fails("-j dev show", STATUS_FAILED, "ENOMEM");
	assert_string_equal(vdpa_result.text, "{\"dev\":{}}\n");
	vdpa_fails("dev show a/b", STATUS_NOT_FOUND, "the kernel writes \"!\" for \"/\"");
}

static void configurations(void **state)
{
	(void)state;
	vdpa_run("dev config");
	assert_int_equal(vdpa_result.status, 0);
	assert_string_equal(vdpa_result.text,
		"lo0: mac 52:54:00:0a:bc:de link up link_announce true max_vq_pairs 2 mtu 1500 \n"
		"  negotiated_features MAC\n"
		"  dev_features bit_4 MAC bit_50\n"
		"b0: capacity 2048 blk_size 512 read_only false flush true \n"
		"  dev_features BLK_SIZE FLUSH\n"
		"odd\\x20\\x1b[m%n\\xff: \n");
	vdpa_prints("-j dev c s lo0",
	       "{\"config\":{\"lo0\":{\"mac\":\"52:54:00:0a:bc:de\",\"link\":\"up\","
	       "\"link_announce\":true,\"link \":\"up\",\"link_announce \":true,"
	       "\"max_vq_pairs\":2,\"mtu\":1500,\"negotiated_features\":[\"MAC\"],"
	       "\"dev_features\":[\"bit_4\",\"MAC\",\"bit_50\"]}}}\n");
	vdpa_fails("dev config show gone", STATUS_NOT_FOUND, "gone");
	vdpa_fails("dev config show odd", STATUS_FAILED, "cannot read its configuration");
}

/* What fails in a listing is told, and nothing is half printed. */
static void config_denied(struct script *to, const struct nlmsghdr *question)
{
	if (script_command(question) == VDPA_CMD_DEV_GET)
		answer_device(to, question);
	else
		script_error(to, question, -ENOMEM);
}

static void configuration_fails(void **state)
{
	(void)state;
	script.answer = config_denied;
	vdpa_fails("-j dev config show", STATUS_FAILED, "ENOMEM");
	assert_string_equal(vdpa_result.text, "{\"config\":{}}\n");
}

static void nothing_there(struct script *to, const struct nlmsghdr *question)
{
	script_done(to, question, 0);
}

static void empty_listings(void **state)
{
	(void)state;
	script.answer = nothing_there;
	vdpa_prints("dev show", "");
	vdpa_prints("-j dev", "{\"dev\":{}}\n");
	vdpa_prints("-j mgmtdev show", "{\"mgmtdev\":{}}\n");
	vdpa_prints("-j dev config", "{\"config\":{}}\n");
}

/* -- without a kernel -------------------------------------------------------- */

static void no_kernel_support(void **state)
{
	(void)state;
	script.family_error = -ENOENT;
	vdpa_fails("dev show", STATUS_UNSUPPORTED, "modprobe vdpa");
	vdpa_fails("mgmtdev show", STATUS_UNSUPPORTED, "modprobe vdpa");
	vdpa_fails("dev config show", STATUS_UNSUPPORTED, "modprobe vdpa");
	vdpa_run("help");
	assert_int_equal(vdpa_result.status, 0);
	assert_non_null(strstr(vdpa_result.text, "vdpa dev add name NAME mgmtdev MGMTDEV"));
	vdpa_run("-V");
	assert_int_equal(vdpa_result.status, 0);
	assert_memory_equal(vdpa_result.text, "vdpa utility, ", 14);
	vdpa_run("mgmtdev");
	assert_int_equal(vdpa_result.status, 0);
	assert_memory_equal(vdpa_result.text, "Usage: ", 7);
	script.closed = script.lookups;
}

/* -- words ------------------------------------------------------------------- */

static void bad_words(void **state)
{
	static const char *const lines[] = {
		"dev del", "dev del a b", "dev add", "dev add name x", "dev add mgmtdev vduse",
		"dev add name x mgmtdev a/b/c", "dev add name x mgmtdev /",
		"dev add name x name y mgmtdev vduse", "dev add name x mgmtdev vduse mac 00:11",
		"dev add name x mgmtdev vduse mac 1.2.3.4",
		"dev add name x mgmtdev vduse mac 01:00:5e:00:00:01",
		"dev add name x mgmtdev vduse mac 00:00:00:00:00:00",
		"dev add name x mgmtdev vduse mtu 67", "dev add name x mgmtdev vduse mtu 65536",
		"dev add name x mgmtdev vduse mtu -1", "dev add name x mgmtdev vduse mtu 1e3",
		"dev add name x mgmtdev vduse max_vqp 0", "dev add name x mgmtdev vduse mt 1500",
		"dev add name x mgmtdev vduse device_feat 0x1",
		"dev add name x mgmtdev vduse driver virtio", "dev add name x mgmtdev vduse driver",
		"dev bind x", "dev bind x driver none", "dev b x driver vhost_vdpa", "dev unb x",
		"dev show a b", "dev config show a b", "mgmtdev show a b", "dev none", "none",
		"--none", "dev show --none", "mgmtdev show a/b/c",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		vdpa_run(lines[i]);
		if (vdpa_result.status != STATUS_USAGE || !*vdpa_result.diagnostics || *vdpa_result.text)
			fail_msg("%s: %d %s", lines[i], vdpa_result.status, vdpa_result.diagnostics);
	}
	assert_int_equal(script.lookups, 0);
}

static void abbreviations(void **state)
{
	static const char *const lines[] = {
		"m s", "mgmt li", "d", "d s", "de sh lo0", "dev l", "dev c", "d c s lo0",
		"dev conf show", "dev show -j lo0", "-j -p dev show lo0",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		vdpa_run(lines[i]);
		if (vdpa_result.status)
			fail_msg("%s: %s", lines[i], vdpa_result.diagnostics);
	}
}

/* In a child: what it is asked shows in what it fails with. */
static void changes(void **state)
{
	(void)state;
	vdpa_fails("d a n x m pci/a ma 4", STATUS_DENIED, "CAP_NET_ADMIN");
	vdpa_fails("dev add name x mgmtdev sim mac 52:54:00:00:00:01 mtu 1500", STATUS_DENIED, "root");
	vdpa_fails("-j dev d x", STATUS_DENIED, "\"status\":4");
	assert_string_equal(vdpa_result.text, "{}\n");
}

static void check_features(struct script *to, const struct nlmsghdr *question)
{
	const struct nlattr *features = script_attribute(question, VDPA_ATTR_DEV_FEATURES);

	if (script_command(question) != VDPA_CMD_DEV_NEW) {
		answer_all(to, question);
		return;
	}
	/* the answer carries what was asked for into the parent */
	script_error(to, question, -(int)mnl_attr_get_u64(features));
}

static void features(void **state)
{
	(void)state;
	script.answer = check_features;
	vdpa_fails("dev add name x mgmtdev pci/a device_features 0x10", STATUS_BUSY, "busy");
	vdpa_fails("dev add name x mgmtdev pci/a device_features 10", STATUS_BUSY, "busy");
	vdpa_fails("dev add name x mgmtdev pci/a device_features CSUM", STATUS_DENIED, "CAP_NET_ADMIN");
	/* 0x23 is what the manager has: less MAC is 3, ESRCH */
	vdpa_fails("dev add name x mgmtdev pci/a device_features no_MAC", STATUS_FAILED, "No such process");
	vdpa_fails("dev add name x mgmtdev pci/a device_features NONE", STATUS_USAGE, "NONE");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(managers), TEST(devices), TEST(sysfs_cannot_be_read), TEST(configurations), TEST(configuration_fails),
		TEST(empty_listings), TEST(no_kernel_support), TEST(bad_words),
		TEST(abbreviations),
		cmocka_unit_test_setup(changes, setup), cmocka_unit_test_setup(features, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

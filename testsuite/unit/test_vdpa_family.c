// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vdpa_family: what is asked, and the kernel's errnos as sentences. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/vdpa_family.h"
#include "netlink_script.h"
#include "vdpa_tree.h"

/* LDFLAGS: -Wl,--wrap=netlink_open */
int __wrap_netlink_open(struct netlink *netlink, const char *name, uint8_t version);

static struct script script;
static struct netlink netlink;
static struct failure failure;
static struct buffer answer;

/* What the kernel answers: an errno with words (NULL for none) about an attribute. */
static struct {
	int error;
	const char *words;
	uint16_t attribute;
} reply;

static void answer_all(struct script *to, const struct nlmsghdr *question)
{
	const struct nlattr *attribute = NULL;
	uint32_t offset = 0;

	if (reply.attribute)
		attribute = script_attribute(question, reply.attribute);
	if (attribute)
		offset = (const char *)attribute - (const char *)question;
	script_extended(to, question, reply.error, reply.words, offset, 0, true);
}

int __wrap_netlink_open(struct netlink *opened, const char *name, uint8_t version)
{
	assert_string_equal(name, "vdpa");
	assert_int_equal(version, 1);
	return netlink_open_wire(opened, name, version, &script.wire);
}

static int setup(void **state)
{
	(void)state;
	memset(&failure, 0, sizeof(failure));
	memset(&reply, 0, sizeof(reply));
	script_init(&script, answer_all);
	return netlink_open_wire(&netlink, "vdpa", 1, &script.wire);
}

static int teardown(void **state)
{
	(void)state;
	buffer_free(&answer);
	netlink_close(&netlink);
	script_end(&script);
	return 0;
}

static void nl_81_no_family(void **state)
{
	struct netlink opened;
	struct tree tree;

	(void)state;
	tree_make(&tree);
	script.family_error = -ENOENT;
	assert_true(vdpa_family_open(&tree.fs, &opened, &failure) < 0);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
	assert_non_null(strstr(failure.hint, "modprobe vdpa"));
	tree_folder(&tree, "sys/bus/vdpa");
	assert_true(vdpa_family_open(&tree.fs, &opened, &failure) < 0);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
	assert_non_null(strstr(failure.message, "network namespace"));
	script.family_error = -ENOMEM;
	assert_int_equal(vdpa_family_open(&tree.fs, &opened, &failure), -ENOMEM);
	assert_int_equal(failure.status, STATUS_FAILED);
	tree_remove(&tree);
}

static void a_family(void **state)
{
	struct netlink opened;

	(void)state;
	assert_int_equal(vdpa_family_open(&sysfs_machine, &opened, &failure), 0);
	netlink_close(&opened);
}

/* After it was opened, as between two lines of a batch. */
static void nl_81_family_that_was_unloaded(void **state)
{
	(void)state;
	reply.error = -ENOENT;
	script.family_error = -ENOENT;
	assert_true(vdpa_get_device(&netlink, "lo0", &answer, &failure) < 0);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
	assert_non_null(strstr(failure.hint, "modprobe vdpa"));
	assert_true(vdpa_delete_device(&netlink, "lo0", &failure) < 0);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
}

static const struct vdpa_handle vduse = { .name = "vduse" };
static const struct vdpa_handle pci = { .bus = "pci", .name = "0000:03:00.2" };

static void unknown_names(void **state)
{
	(void)state;
	reply.error = -ENODEV;
	reply.words = "words of the kernel";
	assert_int_equal(vdpa_get_device(&netlink, "lo0", &answer, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_string_equal(failure.object, "lo0");
	assert_non_null(strstr(failure.message, "no vDPA device"));
	assert_non_null(strstr(failure.message, "words of the kernel"));
	assert_int_equal(vdpa_get_config(&netlink, "lo0", &answer, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_int_equal(vdpa_delete_device(&netlink, "lo0", &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_int_equal(vdpa_get_mgmtdev(&netlink, &pci, &answer, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_string_equal(failure.object, "pci/0000:03:00.2");
	assert_int_equal(vdpa_get_mgmtdev(&netlink, &vduse, &answer, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
	assert_non_null(strstr(failure.hint, "modprobe vduse"));
	assert_non_null(strstr(failure.message, "words of the kernel"));
}

static void nl_81_privilege(void **state)
{
	(void)state;
	reply.error = -EPERM;
	assert_int_equal(vdpa_delete_device(&netlink, "lo0", &failure), -EPERM);
	assert_int_equal(failure.status, STATUS_DENIED);
	assert_non_null(strstr(failure.message, "CAP_NET_ADMIN"));
	assert_non_null(strstr(failure.hint, "root"));
}

static void other_errnos(void **state)
{
	static const struct {
		int error;
		enum exit_status status;
	} rows[] = {
		{ -EBUSY, STATUS_BUSY }, { -EOPNOTSUPP, STATUS_FAILED }, { -EINVAL, STATUS_FAILED },
		{ -ENOBUFS, STATUS_FAILED }, { -EMSGSIZE, STATUS_FAILED },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reply.error = rows[i].error;
		assert_int_equal(vdpa_delete_device(&netlink, "lo0", &failure), rows[i].error);
		assert_int_equal(failure.status, rows[i].status);
		assert_int_equal(failure.errnum, -rows[i].error);
		assert_string_equal(failure.object, "lo0");
		assert_non_null(strstr(failure.message, "cannot delete it"));
		assert_int_equal(vdpa_delete_device(&netlink, "lo0", NULL), rows[i].error);
	}
}

/* Whatever the kernel says is passed on whole, with the word it is about. */
static void extended_acknowledgement(void **state)
{
	struct vdpa_new device = { .name = "lo0", .has_mtu = true, .mtu = 1500 };
	char words[400];

	(void)state;
	device.mgmtdev = pci;
	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	reply.error = -EINVAL;
	reply.words = words;
	reply.attribute = VDPA_ATTR_DEV_NET_CFG_MTU;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), -EINVAL);
	assert_non_null(strstr(failure.message, words));
	assert_non_null(strstr(failure.message, "(mtu)"));
	reply.attribute = VDPA_ATTR_DEV_NAME;
	reply.words = NULL;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), -EINVAL);
	assert_non_null(strstr(failure.message, "(name)"));
}

static void refused_adds(void **state)
{
	struct vdpa_new device = { .name = "lo0", .mgmtdev = pci };

	(void)state;
	reply.error = -EEXIST;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), -EEXIST);
	assert_int_equal(failure.status, STATUS_BUSY);
	reply.error = -EOPNOTSUPP;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), -EOPNOTSUPP);
	assert_non_null(strstr(failure.message, "pci/0000:03:00.2"));
	device.mgmtdev = vduse;
	reply.words = "vdpa: some are not supported";
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), -EOPNOTSUPP);
	assert_non_null(strstr(failure.message, "when it is created, not here: the kernel says "
			       "\"vdpa: some are not supported\""));
	assert_non_null(strstr(failure.hint, "\"vduse create lo0\""));
	device.mgmtdev = pci;
	reply.words = NULL;
	reply.error = -ENODEV;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_string_equal(failure.object, "pci/0000:03:00.2");
	device.mgmtdev = vduse;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), -ENODEV);
	assert_int_equal(failure.status, STATUS_UNSUPPORTED);
	assert_int_equal(vdpa_new_device(&netlink, &device, NULL), -ENODEV);
}

static void check_new(struct script *to, const struct nlmsghdr *question)
{
	const struct nlattr *mac = script_attribute(question, VDPA_ATTR_DEV_NET_CFG_MACADDR);
	const struct nlattr *features = script_attribute(question, VDPA_ATTR_DEV_FEATURES);

	assert_int_equal(script_command(question), VDPA_CMD_DEV_NEW);
	assert_string_equal(mnl_attr_get_str(script_attribute(question, VDPA_ATTR_DEV_NAME)),
			    "lo0");
	assert_string_equal(mnl_attr_get_str(script_attribute(question,
					     VDPA_ATTR_MGMTDEV_BUS_NAME)), "pci");
	assert_string_equal(mnl_attr_get_str(script_attribute(question,
					     VDPA_ATTR_MGMTDEV_DEV_NAME)), "0000:03:00.2");
	assert_int_equal(mnl_attr_get_payload_len(mac), 6);
	assert_memory_equal(mnl_attr_get_payload(mac), "\x52\x54\0\1\2\3", 6);
	assert_int_equal(mnl_attr_get_u16(script_attribute(question,
					  VDPA_ATTR_DEV_NET_CFG_MTU)), 9000);
	assert_int_equal(mnl_attr_get_u16(script_attribute(question,
					  VDPA_ATTR_DEV_NET_CFG_MAX_VQP)), 4);
	assert_true(mnl_attr_get_u64(features) == UINT64_C(0x8000000000000001));
	script_error(to, question, 0);
}

static void everything_at_once(void **state)
{
	struct vdpa_new device = {
		.name = "lo0", .mgmtdev = pci, .has_mac = true, .has_mtu = true,
		.has_max_vqp = true, .has_features = true, .mac = "\x52\x54\0\1\2\3",
		.mtu = 9000, .max_vqp = 4, .features = UINT64_C(0x8000000000000001),
	};

	(void)state;
	script.answer = check_new;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), 0);
	assert_int_equal(script.questions, 1);
}

static void check_bare(struct script *to, const struct nlmsghdr *question)
{
	assert_null(script_attribute(question, VDPA_ATTR_MGMTDEV_BUS_NAME));
	assert_null(script_attribute(question, VDPA_ATTR_DEV_NET_CFG_MACADDR));
	assert_null(script_attribute(question, VDPA_ATTR_DEV_NET_CFG_MTU));
	assert_null(script_attribute(question, VDPA_ATTR_DEV_NET_CFG_MAX_VQP));
	assert_null(script_attribute(question, VDPA_ATTR_DEV_FEATURES));
	script_error(to, question, 0);
}

static void nothing_more_than_asked(void **state)
{
	struct vdpa_new device = { .name = "lo0", .mgmtdev = vduse };

	(void)state;
	script.answer = check_bare;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), 0);
}

static void check_dump(struct script *to, const struct nlmsghdr *question)
{
	assert_true((question->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP);
	assert_null(script_attribute(question, VDPA_ATTR_DEV_NAME));
	script_done(to, question, 0);
}

static void dumps(void **state)
{
	(void)state;
	script.answer = check_dump;
	assert_int_equal(vdpa_get_device(&netlink, NULL, &answer, &failure), 0);
	assert_int_equal(vdpa_get_mgmtdev(&netlink, NULL, &answer, &failure), 0);
	assert_int_equal(answer.length, 0);
}

/* The longest names that the command line lets through fit. */
static void long_names(void **state)
{
	struct vdpa_new device = { .has_mac = true, .has_mtu = true, .has_features = true };
	char name[256];

	(void)state;
	memset(name, 'n', 255);
	name[255] = '\0';
	memcpy(device.mgmtdev.bus, name, 256);
	memcpy(device.mgmtdev.name, name, 256);
	device.name = name;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), 0);
}

static void too_long(void **state)
{
	struct vdpa_new device = { .mgmtdev = vduse };
	static char name[3000];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	device.name = name;
	assert_int_equal(vdpa_new_device(&netlink, &device, &failure), -EMSGSIZE);
	assert_int_equal(vdpa_get_device(&netlink, name, &answer, &failure), -EMSGSIZE);
	assert_int_equal(vdpa_delete_device(&netlink, name, &failure), -EMSGSIZE);
	assert_int_equal(script.questions, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nl_81_no_family), TEST(a_family), TEST(nl_81_family_that_was_unloaded),
		TEST(unknown_names), TEST(nl_81_privilege),
		TEST(other_errnos), TEST(extended_acknowledgement), TEST(refused_adds),
		TEST(everything_at_once), TEST(nothing_more_than_asked), TEST(dumps),
		TEST(long_names), TEST(too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

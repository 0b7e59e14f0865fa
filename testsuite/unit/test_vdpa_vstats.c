// SPDX-License-Identifier: GPL-2.0-or-later
/* vdpa dev vstats show and dev set, over a scripted kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/vdpa_family.h"
#include "netlink_script.h"
#include "vdpa/vdpa.h"
#include "vdpa_run.h"

/* LDFLAGS: -Wl,--wrap=netlink_open */
int __wrap_netlink_open(struct netlink *netlink, const char *name, uint8_t version);

static struct script script;

/* The kernel of a test. */
static struct {
	int error;		/* of the question under test */
	const char *words;	/* beside that */
	int bare_error;		/* of a set without attributes */
	const char *manager;
	uint32_t type;
	uint64_t negotiated;
	uint16_t max_vqp;	/* 0: not told */
	uint32_t queue;		/* UINT32_MAX: not told */
	bool nameless;
	bool twice;		/* names of statistics */
	unsigned int asked;	/* how often to change something */
} kernel;

int __wrap_netlink_open(struct netlink *netlink, const char *name, uint8_t version)
{
	return netlink_open_wire(netlink, name, version, &script.wire);
}

static void answer_device(struct script *to, const struct nlmsghdr *question)
{
	struct script_message reply;
	struct nlmsghdr *header = script_begin(&reply, question, VDPA_CMD_DEV_NEW, 0);

	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, "lo0");
	mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_DEV_NAME, kernel.manager);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_ID, kernel.type);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_MAX_VQS, 2);
	script_put(to, &reply);
	script_error(to, question, 0);
}

static void put_statistic(struct nlmsghdr *header, const char *name, uint64_t value)
{
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name);
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value);
}

static void put_twice(struct nlmsghdr *header)
{
	put_statistic(header, "n", 1);
	put_statistic(header, "\xff", 2);
	put_statistic(header, "\xfe", 3);
	put_statistic(header, "n", 4);
}

static void answer_vstats(struct script *to, const struct nlmsghdr *question)
{
	struct script_message reply;
	struct nlmsghdr *header = script_begin(&reply, question, VDPA_CMD_DEV_VSTATS_GET, 0);

	if (kernel.error) {
		script_extended(to, question, kernel.error, kernel.words, 0, 0, true);
		return;
	}
	if (!kernel.nameless)
		mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, "lo0");
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_NEGOTIATED_FEATURES, kernel.negotiated);
	if (kernel.max_vqp)
		mnl_attr_put_u16(header, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, kernel.max_vqp);
	if (kernel.queue != UINT32_MAX)
		mnl_attr_put_u32(header, VDPA_ATTR_DEV_QUEUE_INDEX, kernel.queue);
	if (kernel.twice)
		put_twice(header);
	else
		put_statistic(header, "%s %n\n\xff", UINT64_MAX);
	if (kernel.twice && kernel.max_vqp)
		put_statistic(header, "queue_type", 5);
	script_put(to, &reply);
	script_extended(to, question, 0, kernel.words, 0, 0, true);
}

static void answer_set(struct script *to, const struct nlmsghdr *question)
{
	const struct nlattr *mac = script_attribute(question, VDPA_ATTR_DEV_NET_CFG_MACADDR);
	const struct nlattr *name = script_attribute(question, VDPA_ATTR_DEV_NAME);

	if (!name) {
		assert_null(mac);
		script_error(to, question, kernel.bare_error);
		return;
	}
	kernel.asked++;
	assert_string_equal(mnl_attr_get_str(name), "lo0");
	assert_int_equal(mnl_attr_get_payload_len(mac), 6);
	assert_memory_equal(mnl_attr_get_payload(mac), "\x52\x54\0\1\2\xff", 6);
	script_extended(to, question, kernel.error, kernel.words, 0, 0, true);
}

static void answer_all(struct script *to, const struct nlmsghdr *question)
{
	switch (script_command(question)) {
	case VDPA_CMD_DEV_GET:
		answer_device(to, question);
		break;
	case VDPA_CMD_DEV_VSTATS_GET:
		answer_vstats(to, question);
		break;
	case VDPA_CMD_DEV_ATTR_SET:
		answer_set(to, question);
		break;
	default:
		fail();
	}
}

static int setup(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.manager = "test";
	kernel.type = 1;
	kernel.bare_error = -EINVAL;
	script_init(&script, answer_all);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	script_end(&script);
	vdpa_run_end();
	return 0;
}

#define MQ (UINT64_C(1) << 22)
#define RSS (UINT64_C(1) << 60)
#define CTRL_VQ (UINT64_C(1) << 17)

static void queue_types(void **state)
{
	static const struct {
		uint64_t negotiated;
		uint16_t max_vqp;
		uint32_t queue;
		const char *type;
	} rows[] = {
		{ 0, 0, 0, "rx" }, { 0, 0, 1, "tx" }, { 0, 0, 2, "rx" }, { 0, 0, 65535, "tx" },
		/* one pair, whatever else is told */
		{ CTRL_VQ, 0, 0, "rx" }, { CTRL_VQ, 0, 1, "tx" }, { CTRL_VQ, 0, 2, "control_vq" },
		{ CTRL_VQ, 4, 8, "rx" }, { CTRL_VQ, 4, 2, "control_vq" },
		{ CTRL_VQ | MQ, 4, 2, "rx" }, { CTRL_VQ | MQ, 4, 8, "control_vq" },
		{ CTRL_VQ | RSS, 4, 8, "control_vq" }, { CTRL_VQ | RSS, 4, 9, "tx" },
		{ MQ, 4, 8, "rx" },
		{ CTRL_VQ | MQ, 0x8000, 0x10000, "control_vq" },
		/* not told, and so not known */
		{ CTRL_VQ | MQ, 0, 0, "rx" },
	};
	char expected[100];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		kernel.negotiated = rows[i].negotiated;
		kernel.max_vqp = rows[i].max_vqp;
		kernel.queue = rows[i].queue;
		snprintf(expected, sizeof(expected),
			 "lo0: queue_type %s %%s\\x20%%n\\x0a\\xff 18446744073709551615 \n", rows[i].type);
		vdpa_prints("dev vstats show lo0 qidx 0", expected);
	}
}

static void json(void **state)
{
	(void)state;
	vdpa_prints("-j dev vstats show lo0 qidx 0",
	       "{\"vstats\":{\"lo0\":{\"queue_type\":\"rx\","
	       "\"%s %n\\n\xef\xbf\xbd\":18446744073709551615}}}\n");
	kernel.queue = UINT32_MAX;
	vdpa_prints("-j dev vstats show lo0 qidx 0",
	       "{\"vstats\":{\"lo0\":{\"%s %n\\n\xef\xbf\xbd\":18446744073709551615}}}\n");
}

/* Text has each, an object of JSON a key once, with the last value. */
static void names_twice(void **state)
{
	(void)state;
	kernel.twice = true;
	vdpa_prints("dev vstats show lo0 qidx 0",
	       "lo0: queue_type rx n 1 \\xff 2 \\xfe 3 n 4 \n");
	vdpa_prints("-j dev vstats show lo0 qidx 0",
	       "{\"vstats\":{\"lo0\":{\"queue_type\":\"rx\",\"n\":4,\"\xef\xbf\xbd\":3}}}\n");
	kernel.max_vqp = 1;
	vdpa_prints("dev vstats show lo0 qidx 0",
	       "lo0: queue_type rx n 1 \\xff 2 \\xfe 3 n 4 queue_type 5 \n");
	vdpa_prints("-j dev vstats show lo0 qidx 0",
	       "{\"vstats\":{\"lo0\":{\"n\":4,\"\xef\xbf\xbd\":3,\"queue_type\":5}}}\n");
}

static void a_record_without_its_name(void **state)
{
	(void)state;
	kernel.nameless = true;
	vdpa_run("-j dev vstats show lo0 qidx 0");
	assert_string_equal(vdpa_result.text, "{\"vstats\":{}}\n");
	assert_non_null(strstr(vdpa_result.diagnostics, "left out"));
	assert_int_equal(vdpa_result.status, 0);
}

static void refused_statistics(void **state)
{
	static const struct {
		int error;
		enum exit_status status;
		const char *words;
	} rows[] = {
		{ -ENODEV, STATUS_NOT_FOUND, "no vDPA device" },
		{ -EPERM, STATUS_DENIED, "CAP_NET_ADMIN" },
		{ -EAGAIN, STATUS_FAILED, "before a driver" },
		{ -EOPNOTSUPP, STATUS_FAILED, "management device test has no statistics" },
		{ -EINVAL, STATUS_FAILED, "it has 2 virtqueues" },
		{ -ERANGE, STATUS_FAILED, "it has 2 virtqueues" },
		{ -EBUSY, STATUS_BUSY, "busy" },
	};
	char words[501];
	size_t i;

	(void)state;
	memset(words, 'w', 500);
	words[500] = '\0';
	kernel.words = words;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		kernel.error = rows[i].error;
		vdpa_fails("dev vstats show lo0 qidx 2", rows[i].status, rows[i].words);
		assert_non_null(strstr(vdpa_result.diagnostics, words));
		assert_string_equal(vdpa_result.text, "");
	}
	kernel.error = -EINVAL;
	vdpa_run("dev vstats show lo0 qidx 1");
	assert_null(strstr(vdpa_result.diagnostics, "virtqueues"));
}

static void words(void **state)
{
	(void)state;
	vdpa_fails("dev vstats", STATUS_USAGE, "a word is missing");
	vdpa_fails("-j dev vstats", STATUS_USAGE, "a word is missing");
	vdpa_fails("dev vstats show", STATUS_USAGE, "DEV");
	vdpa_fails("dev vstats show lo0", STATUS_USAGE, "qidx");
	vdpa_fails("dev vstats show lo0 qidx 65536", STATUS_USAGE, "65536");
	vdpa_fails("dev set name lo0", STATUS_USAGE, "mac");
	vdpa_fails("dev set mac 52:54:00:01:02:ff", STATUS_USAGE, "name");
}

static void changed(void **state)
{
	(void)state;
	vdpa_prints("dev set name lo0 mac 52:54:00:01:02:ff", "");
	vdpa_prints("-j dev set name lo0 mac 52:54:00:01:02:FF", "{}\n");
}

/* Words beside a success are passed on as a warning. */
static void words_of_a_success(void **state)
{
	static const char line[] = "dev set name lo0 mac 52:54:00:01:02:ff";
	char words[2000];

	(void)state;
	kernel.words = "well\nthen";
	vdpa_run(line);
	assert_string_equal(vdpa_result.text, "");
	assert_string_equal(vdpa_result.diagnostics,
			    "vdpa dev set: warning: lo0: the kernel says \"well\\x0athen\"\n");
	assert_int_equal(vdpa_result.status, 0);
	vdpa_run("-j dev vstats show lo0 qidx 0");
	assert_memory_equal(vdpa_result.text, "{\"vstats\":{\"lo0\":{", 18);
	assert_string_equal(vdpa_result.diagnostics,
			    "{\"warning\":{\"command\":\"vdpa dev vstats show\",\"object\":\"lo0\","
			    "\"message\":\"the kernel says \\\"well\\nthen\\\"\"}}\n");
	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	kernel.words = words;
	vdpa_run("-T 5 dev vstats show lo0 qidx 0");
	assert_non_null(strstr(vdpa_result.diagnostics, words));
	assert_int_equal(vdpa_result.status, 0);
}

static void not_changed(void **state)
{
	static const char line[] = "dev set name lo0 mac 52:54:00:01:02:ff";

	(void)state;
	/* an older kernel, on which nothing but that is to be said */
	kernel.error = kernel.bare_error = -EOPNOTSUPP;
	vdpa_fails(line, STATUS_FAILED, "Linux 6.12");
	kernel.bare_error = -EINVAL;
	kernel.words = "words of the kernel";
	vdpa_fails(line, STATUS_FAILED, "management device test cannot change");
	assert_non_null(strstr(vdpa_result.diagnostics, "words of the kernel"));
	kernel.manager = "vduse";
	vdpa_fails(line, STATUS_FAILED, "vduse create lo0");
	kernel.error = -EPERM;
	vdpa_fails(line, STATUS_DENIED, "CAP_NET_ADMIN");
	kernel.error = -ENODEV;
	vdpa_fails(line, STATUS_NOT_FOUND, "no vDPA device");
	kernel.error = -EBUSY;
	vdpa_fails(line, STATUS_BUSY, "busy");
}

/* What changes something is asked once, whatever comes of it. */
static void asked_once(void **state)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 0xff };
	static const int errors[] = { 0, -EBUSY, -EAGAIN, -EINTR, -ENOBUFS };
	struct netlink netlink;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		assert_int_equal(netlink_open_wire(&netlink, "vdpa", 1, &script.wire), 0);
		kernel.error = errors[i];
		kernel.asked = 0;
		assert_int_equal(vdpa_set_mac(&netlink, "lo0", mac, NULL), errors[i]);
		assert_int_equal(kernel.asked, 1);
		netlink_close(&netlink);
	}
	kernel.error = -EOPNOTSUPP;
	assert_int_equal(netlink_open_wire(&netlink, "vdpa", 1, &script.wire), 0);
	assert_int_equal(vdpa_set_mac(&netlink, "lo0", mac, NULL), -EOPNOTSUPP);
	netlink_close(&netlink);
}

/* 6.12 acknowledges with 0 what it refuses in words. */
static void not_changed_but_acknowledged(void **state)
{
	(void)state;
	kernel.words = "lo0 device not supported";
	kernel.type = 2;
	vdpa_fails("dev set name lo0 mac 52:54:00:01:02:ff", STATUS_FAILED, "lo0 device not supported");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(queue_types), TEST(json), TEST(names_twice), TEST(a_record_without_its_name),
		TEST(refused_statistics), TEST(words), TEST(changed), TEST(words_of_a_success), TEST(not_changed),
		TEST(not_changed_but_acknowledged), TEST(asked_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vdpa_message: the statistics of a virtqueue, whatever a driver answers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#include "lib/vdpa_message.h"

static union {
	struct nlmsghdr header;
	char bytes[512 * 1024];
} message;

static void begin(void)
{
	memset(&message, 0, sizeof(message.header));
	mnl_nlmsg_put_header(&message);
}

static void put_name(const char *name)
{
	mnl_attr_put_strz(&message.header, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name);
}

static void put_value(uint64_t value, size_t size)
{
	mnl_attr_put(&message.header, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, size, &value);
}

static void put_statistic(const char *name, uint64_t value)
{
	put_name(name);
	put_value(value, sizeof(value));
}

/* The first @length bytes of the attributes, in memory that ends there. */
static void *first(size_t length)
{
	void *copy = malloc(length ? length : 1);

	memcpy(copy, &message.header + 1, length);
	return copy;
}

static size_t whole(void)
{
	return message.header.nlmsg_len - sizeof(message.header);
}

/* What is found, as "a=1 b=2 ". */
static void finds(const char *expected)
{
	void *attributes = first(whole());
	struct vdpa_statistic statistic;
	char text[1000] = "";
	size_t offset = 0, used = 0;

	while (vdpa_next_statistic(attributes, whole(), &offset, &statistic)) {
		assert_null(memchr(statistic.name, '\0', statistic.length));
		used += snprintf(text + used, sizeof(text) - used, "%.*s=%llu ",
				 (int)statistic.length, statistic.name,
				 (unsigned long long)statistic.value);
	}
	assert_false(vdpa_next_statistic(attributes, whole(), &offset, &statistic));
	free(attributes);
	assert_string_equal(text, expected);
}

static void a_record(void **state)
{
	struct vdpa_vstats vstats;
	void *attributes;

	(void)state;
	begin();
	mnl_attr_put_strz(&message.header, VDPA_ATTR_DEV_NAME, "lo0");
	mnl_attr_put_u32(&message.header, VDPA_ATTR_DEV_ID, 1);
	mnl_attr_put_u64(&message.header, VDPA_ATTR_DEV_NEGOTIATED_FEATURES, UINT64_C(1) << 63);
	mnl_attr_put_u16(&message.header, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, 4);
	mnl_attr_put_u32(&message.header, VDPA_ATTR_DEV_QUEUE_INDEX, 65535);
	put_statistic("a", UINT64_MAX);
	attributes = first(whole());
	assert_int_equal(vdpa_parse_vstats(attributes, whole(), &vstats), 0);
	free(attributes);
	assert_string_equal(vstats.name, "lo0");
	assert_int_equal(vstats.type, 1);
	assert_true(vstats.negotiated == UINT64_C(1) << 63);
	assert_int_equal(vstats.max_vqp, 4);
	assert_int_equal(vstats.queue, 65535);
	finds("a=18446744073709551615 ");
}

static void what_it_is_about(void **state)
{
	struct vdpa_vstats vstats;
	void *attributes;

	(void)state;
	begin();
	mnl_attr_put_u16(&message.header, VDPA_ATTR_DEV_QUEUE_INDEX, 7);
	attributes = first(whole());
	assert_int_equal(vdpa_parse_vstats(attributes, whole(), &vstats), -EBADMSG);
	assert_int_equal(vdpa_parse_vstats(attributes, 0, &vstats), -EBADMSG);
	/* a number of another size counts as none */
	assert_false(VDPA_HAS(&vstats, VDPA_ATTR_DEV_QUEUE_INDEX));
	free(attributes);
}

static void halves(void **state)
{
	(void)state;
	begin();
	finds("");
	put_name("name alone");
	finds("");
	begin();
	put_value(1, 8);
	put_statistic("a", 2);
	put_value(3, 8);
	finds("a=2 ");
	begin();
	put_name("no value");
	put_name("a");
	put_value(1, 8);
	put_value(2, 8);
	put_name("b");
	finds("a=1 ");
}

static void doubled(void **state)
{
	(void)state;
	begin();
	put_statistic("a", 1);
	put_statistic("a", 1);
	put_statistic("a", 2);
	finds("a=1 a=1 a=2 ");
}

static void sizes(void **state)
{
	static const size_t wrong[] = { 0, 1, 2, 4, 7 };
	char bytes[16] = { 1 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		begin();
		put_name("a");
		put_value(1, wrong[i]);
		finds("");
		put_value(2, 8);	/* the first one that can be read */
		finds("a=2 ");
	}
	begin();
	put_name("a");
	mnl_attr_put(&message.header, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, 9, bytes);
	mnl_attr_put(&message.header, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, 16, bytes);
	mnl_attr_put_u64(&message.header, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE | NLA_F_NESTED, 5);
	finds("");
}

static void names(void **state)
{
	(void)state;
	begin();
	put_statistic("", 1);
	mnl_attr_put(&message.header, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, 0, "");
	put_value(2, 8);
	mnl_attr_put(&message.header, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, 4, "four");
	put_value(3, 8);
	mnl_attr_put(&message.header, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, 6, "ab\0cd");
	put_value(4, 8);
	put_statistic("%s%n", 5);
	finds("=1 =2 four=3 ab=4 %s%n=5 ");
}

/* Wherever an answer ends, what is whole before is there, and nothing behind is read. */
static void nl_76_truncated(void **state)
{
	struct vdpa_statistic statistic;
	size_t length;

	(void)state;
	begin();
	put_statistic("abcdefg", 1);	/* 12 bytes, and 12 */
	put_statistic("b", 2);		/* 8, and 12 */
	assert_int_equal(whole(), 44);
	for (length = 0; length <= whole(); length++) {
		void *attributes = first(length);
		size_t offset = 0, found = 0;

		while (vdpa_next_statistic(attributes, length, &offset, &statistic))
			found++;
		assert_int_equal(found, (length >= 24) + (length >= 44));
		free(attributes);
	}
}

static void nl_76_broken_lengths(void **state)
{
	static const uint16_t lengths[] = { 0, 1, 3, 9, 0x7fff, 0xffff };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct nlattr *attr;

		begin();
		put_statistic("a", 1);
		attr = mnl_nlmsg_get_payload_tail(&message.header);
		put_name("b");
		attr->nla_len = lengths[i];
		finds("a=1 ");
	}
}

static void ten_thousand(void **state)
{
	struct vdpa_statistic statistic;
	uint64_t count = 0, sum = 0;
	void *attributes;
	size_t offset = 0;
	char name[16];
	int i;

	(void)state;
	begin();
	for (i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		put_statistic(name, i);
	}
	attributes = first(whole());
	while (vdpa_next_statistic(attributes, whole(), &offset, &statistic)) {
		snprintf(name, sizeof(name), "s%llu", (unsigned long long)count++);
		assert_string_equal(statistic.name, name);
		sum += statistic.value;
	}
	free(attributes);
	assert_int_equal(count, 10000);
	assert_int_equal(sum, 49995000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record), cmocka_unit_test(what_it_is_about),
		cmocka_unit_test(halves), cmocka_unit_test(doubled), cmocka_unit_test(sizes),
		cmocka_unit_test(names), cmocka_unit_test(nl_76_truncated),
		cmocka_unit_test(nl_76_broken_lengths), cmocka_unit_test(ten_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

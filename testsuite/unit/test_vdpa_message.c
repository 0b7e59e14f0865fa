// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vdpa_message: hardening cases 76 and 80, attribute by attribute. */
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

static struct {
	union {
		struct nlmsghdr header;
		char bytes[8192];
	};
} message;

static void begin(void)
{
	memset(&message, 0, sizeof(message));
	mnl_nlmsg_put_header(&message);
}

static void put_text(uint16_t type, const char *text)
{
	mnl_attr_put_strz(&message.header, type, text);
}

static void put_number(uint16_t type, uint64_t number, size_t size)
{
	mnl_attr_put(&message.header, type, size, &number);	/* little endian machines */
}

/* The attributes in memory that ends where they end. */
static void *taken(size_t *length)
{
	void *copy;

	*length = message.header.nlmsg_len - sizeof(message.header);
	copy = malloc(*length ? *length : 1);
	memcpy(copy, &message.header + 1, *length);
	return copy;
}

static int device(struct vdpa_device *record)
{
	size_t length;
	void *bytes = taken(&length);
	int rc = vdpa_parse_device(bytes, length, record);

	free(bytes);
	return rc;
}

static int mgmtdev(struct vdpa_mgmtdev *record)
{
	size_t length;
	void *bytes = taken(&length);
	int rc = vdpa_parse_mgmtdev(bytes, length, record);

	free(bytes);
	return rc;
}

static int config(struct vdpa_config *record)
{
	size_t length;
	void *bytes = taken(&length);
	int rc = vdpa_parse_config(bytes, length, record);

	free(bytes);
	return rc;
}

static void put_device(void)
{
	begin();
	put_text(VDPA_ATTR_DEV_NAME, "lo0");
	put_text(VDPA_ATTR_MGMTDEV_DEV_NAME, "vduse");
	put_number(VDPA_ATTR_DEV_ID, 1, 4);
}

static void a_device(void **state)
{
	struct vdpa_device record;

	(void)state;
	put_device();
	put_number(VDPA_ATTR_DEV_VENDOR_ID, 0x1af4, 4);
	put_number(VDPA_ATTR_DEV_MAX_VQS, 2, 4);
	put_number(VDPA_ATTR_DEV_MAX_VQ_SIZE, 256, 2);
	put_number(VDPA_ATTR_DEV_MIN_VQ_SIZE, 1, 2);
	assert_int_equal(device(&record), 0);
	assert_string_equal(record.name, "lo0");
	assert_string_equal(record.mgmtdev.bus, "");
	assert_string_equal(record.mgmtdev.name, "vduse");
	assert_int_equal(record.type, 1);
	assert_int_equal(record.vendor_id, 0x1af4);
	assert_int_equal(record.max_vqs, 2);
	assert_int_equal(record.max_vq_size, 256);
	assert_int_equal(record.min_vq_size, 1);
	assert_true(VDPA_HAS(&record, VDPA_ATTR_DEV_MIN_VQ_SIZE));
	assert_false(VDPA_HAS(&record, VDPA_ATTR_MGMTDEV_BUS_NAME));
}

static void what_a_device_is_about(void **state)
{
	struct vdpa_device record;

	(void)state;
	begin();
	assert_int_equal(device(&record), -EBADMSG);
	put_text(VDPA_ATTR_DEV_NAME, "lo0");
	assert_int_equal(device(&record), -EBADMSG);
	put_number(VDPA_ATTR_DEV_ID, 1, 4);
	assert_int_equal(device(&record), -EBADMSG);
	put_text(VDPA_ATTR_MGMTDEV_DEV_NAME, "vduse");
	assert_int_equal(device(&record), 0);
	/* all but what kind it is */
	begin();
	put_text(VDPA_ATTR_DEV_NAME, "lo0");
	put_text(VDPA_ATTR_MGMTDEV_DEV_NAME, "vduse");
	assert_int_equal(device(&record), -EBADMSG);
}

static void a_manager(void **state)
{
	struct vdpa_mgmtdev record;
	char text[VDPA_HANDLE_SIZE];

	(void)state;
	begin();
	assert_int_equal(mgmtdev(&record), -EBADMSG);
	put_text(VDPA_ATTR_MGMTDEV_BUS_NAME, "pci");
	assert_int_equal(mgmtdev(&record), -EBADMSG);
	put_text(VDPA_ATTR_MGMTDEV_DEV_NAME, "0000:03:00.2");
	put_number(VDPA_ATTR_MGMTDEV_SUPPORTED_CLASSES, 6, 8);
	put_number(VDPA_ATTR_DEV_MGMTDEV_MAX_VQS, 17, 4);
	put_number(VDPA_ATTR_DEV_SUPPORTED_FEATURES, UINT64_C(1) << 63, 8);
	assert_int_equal(mgmtdev(&record), 0);
	assert_string_equal(vdpa_handle_text(&record.handle, text), "pci/0000:03:00.2");
	assert_int_equal(record.classes, 6);
	assert_int_equal(record.max_vqs, 17);
	assert_true(record.features == UINT64_C(1) << 63);
}

static void a_net_configuration(void **state)
{
	struct vdpa_config record;

	(void)state;
	begin();
	put_text(VDPA_ATTR_DEV_NAME, "lo0");
	assert_int_equal(config(&record), -EBADMSG);
	put_number(VDPA_ATTR_DEV_ID, 1, 4);
	put_number(VDPA_ATTR_DEV_NEGOTIATED_FEATURES, 0x320, 8);
	put_number(VDPA_ATTR_DEV_NET_CFG_MACADDR, 0x563412005452, 6);
	put_number(VDPA_ATTR_DEV_NET_STATUS, 1, 2);
	put_number(VDPA_ATTR_DEV_NET_CFG_MTU, 1500, 2);
	put_number(VDPA_ATTR_DEV_NET_CFG_MAX_VQP, 3, 2);
	put_number(VDPA_ATTR_DEV_FEATURES, 0x321, 8);
	assert_int_equal(config(&record), 0);
	assert_memory_equal(record.mac, "\x52\x54\x00\x12\x34\x56", 6);
	assert_int_equal(record.status, 1);
	assert_int_equal(record.mtu, 1500);
	assert_int_equal(record.max_vqp, 3);
	assert_int_equal(record.negotiated, 0x320);
	assert_int_equal(record.features, 0x321);
	assert_false(VDPA_HAS(&record, VDPA_ATTR_DEV_BLK_CFG_CAPACITY));
}

static void a_block_configuration(void **state)
{
	static const struct {
		uint16_t type;
		size_t size;
	} fields[] = {
		{ 21, 8 }, { 22, 4 }, { 23, 4 }, { 24, 4 }, { 25, 2 }, { 26, 1 }, { 27, 1 },
		{ 28, 2 }, { 29, 4 }, { 30, 4 }, { 31, 4 }, { 32, 4 }, { 33, 4 }, { 34, 4 },
		{ 35, 1 }, { 36, 1 },
	};
	struct vdpa_config record;
	size_t i;

	(void)state;
	begin();
	put_text(VDPA_ATTR_DEV_NAME, "b0");
	put_number(VDPA_ATTR_DEV_ID, 2, 4);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put_number(fields[i].type, fields[i].type, fields[i].size);
	assert_int_equal(config(&record), 0);
	assert_int_equal(record.capacity, 21);
	assert_int_equal(record.size_max, 22);
	assert_int_equal(record.blk_size, 23);
	assert_int_equal(record.seg_max, 24);
	assert_int_equal(record.num_queues, 25);
	assert_int_equal(record.physical_block_exp, 26);
	assert_int_equal(record.alignment_offset, 27);
	assert_int_equal(record.min_io_size, 28);
	assert_int_equal(record.opt_io_size, 29);
	assert_int_equal(record.max_discard_sectors, 30);
	assert_int_equal(record.max_discard_seg, 31);
	assert_int_equal(record.discard_sector_alignment, 32);
	assert_int_equal(record.max_write_zeroes_sectors, 33);
	assert_int_equal(record.max_write_zeroes_seg, 34);
	assert_int_equal(record.read_only, 35);
	assert_int_equal(record.flush, 36);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_true(VDPA_HAS(&record, fields[i].type));
}

/* Every size but the right one leaves the field alone. */
static void nl_76_wrong_sizes(void **state)
{
	struct vdpa_device record;
	size_t size;

	(void)state;
	for (size = 0; size <= 8; size++) {
		put_device();
		put_number(VDPA_ATTR_DEV_MAX_VQS, 0x0101010101010101, size);
		assert_int_equal(device(&record), 0);
		assert_int_equal(VDPA_HAS(&record, VDPA_ATTR_DEV_MAX_VQS), size == 4);
		assert_int_equal(record.max_vqs, size == 4 ? 0x01010101 : 0);
		assert_int_equal(record.max_vq_size, 0);
	}
}

static void put_bytes(const char *bytes, size_t length)
{
	put_device();
	mnl_attr_put(&message.header, VDPA_ATTR_DEV_NAME, length, bytes);
}

static void nl_76_names_without_nul(void **state)
{
	struct vdpa_device record;
	char text[400];

	(void)state;
	put_bytes("bare", 4);		/* no NUL */
	assert_int_equal(device(&record), 0);
	assert_string_equal(record.name, "bare");
	put_bytes("two\0names", 10);
	assert_int_equal(device(&record), 0);
	assert_string_equal(record.name, "two");
	put_bytes("", 1);		/* empty: the one before stays */
	assert_int_equal(device(&record), 0);
	assert_string_equal(record.name, "lo0");
	put_bytes("", 0);
	assert_int_equal(device(&record), 0);
	assert_string_equal(record.name, "lo0");
	memset(text, 'n', sizeof(text));
	put_bytes(text, 255);
	assert_int_equal(device(&record), 0);
	assert_int_equal(strlen(record.name), 255);
	put_bytes(text, 256);
	assert_int_equal(device(&record), 0);
	assert_string_equal(record.name, "lo0");
}

static void nl_76_a_name_too_long_is_none(void **state)
{
	struct vdpa_device record;
	char text[4000];

	(void)state;
	memset(text, 'n', sizeof(text));
	begin();
	put_text(VDPA_ATTR_MGMTDEV_DEV_NAME, "vduse");
	put_number(VDPA_ATTR_DEV_ID, 1, 4);
	mnl_attr_put(&message.header, VDPA_ATTR_DEV_NAME, sizeof(text), text);
	assert_int_equal(device(&record), -EBADMSG);
}

static void nl_80_unknown_attributes(void **state)
{
	struct vdpa_device record;
	struct nlattr *nest;

	(void)state;
	put_device();
	put_number(37, 1, 4);
	put_number(63, 1, 8);
	put_number(64, 1, 8);
	put_number(0x3fff, 1, 8);
	put_number(0, 1, 8);
	nest = mnl_attr_nest_start(&message.header, VDPA_ATTR_DEV_MAX_VQS);
	mnl_attr_nest_end(&message.header, nest);
	put_number(VDPA_ATTR_DEV_VENDOR_ID | NLA_F_NESTED, 9, 4);
	put_number(VDPA_ATTR_DEV_VENDOR_ID | NLA_F_NET_BYTEORDER, 9, 4);
	assert_int_equal(device(&record), 0);
	assert_int_equal(record.max_vqs, 0);
	assert_int_equal(record.vendor_id, 0);
	assert_false(VDPA_HAS(&record, VDPA_ATTR_DEV_VENDOR_ID));
	assert_int_equal(record.present >> 16, 0);
}

static void last_of_two(void **state)
{
	struct vdpa_device record;

	(void)state;
	put_device();
	put_number(VDPA_ATTR_DEV_MAX_VQS, 1, 4);
	put_number(VDPA_ATTR_DEV_MAX_VQS, 2, 4);
	assert_int_equal(device(&record), 0);
	assert_int_equal(record.max_vqs, 2);
}

/* Every cut, and every attribute length that lies, ends within the bytes. */
static void nl_76_damaged(void **state)
{
	struct vdpa_device record;
	struct vdpa_config other;
	size_t length, cut, i;
	unsigned char *bytes;
	unsigned int value;

	(void)state;
	put_device();
	put_number(VDPA_ATTR_DEV_NET_CFG_MACADDR, 1, 6);
	put_number(VDPA_ATTR_DEV_MAX_VQ_SIZE, 256, 2);
	bytes = taken(&length);
	for (cut = 0; cut <= length; cut++) {
		void *part = malloc(cut ? cut : 1);

		memcpy(part, bytes, cut);
		vdpa_parse_device(part, cut, &record);
		vdpa_parse_config(part, cut, &other);
		free(part);
	}
	for (i = 0; i < length; i++) {
		unsigned char before = bytes[i];

		for (value = 0; value < 256; value++) {
			bytes[i] = value;
			if (vdpa_parse_device(bytes, length, &record) == 0)
				assert_true(strlen(record.name) < VDPA_NAME_SIZE);
			vdpa_parse_config(bytes, length, &other);
		}
		bytes[i] = before;
	}
	free(bytes);
}

static void handles(void **state)
{
	static const char *const bad[] = { "", "/", "a/", "/a", "a/b/c", "a//b", "//" };
	struct vdpa_handle handle;
	struct failure failure;
	char text[VDPA_HANDLE_SIZE], long_name[600];
	size_t i;

	(void)state;
	assert_int_equal(vdpa_handle_parse("vduse", &handle, &failure), 0);
	assert_true(vdpa_handle_is_vduse(&handle));
	assert_string_equal(vdpa_handle_text(&handle, text), "vduse");
	assert_int_equal(vdpa_handle_parse("pci/vduse", &handle, &failure), 0);
	assert_false(vdpa_handle_is_vduse(&handle));
	assert_string_equal(handle.bus, "pci");
	assert_string_equal(vdpa_handle_text(&handle, text), "pci/vduse");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(vdpa_handle_parse(bad[i], &handle, &failure) < 0);
		assert_int_equal(failure.status, STATUS_USAGE);
	}
	memset(long_name, 'm', sizeof(long_name));
	long_name[511] = '\0';
	long_name[255] = '/';
	assert_int_equal(vdpa_handle_parse(long_name, &handle, &failure), 0);
	assert_int_equal(strlen(vdpa_handle_text(&handle, text)), 511);
	long_name[511] = 'm';
	long_name[512] = '\0';
	assert_true(vdpa_handle_parse(long_name, &handle, &failure) < 0);
	long_name[255] = 'm';
	long_name[256] = '/';
	long_name[258] = '\0';
	assert_true(vdpa_handle_parse(long_name, &handle, &failure) < 0);
	assert_int_equal(failure.status, STATUS_USAGE);
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(vdpa_attribute_word(VDPA_ATTR_DEV_NAME), "name");
	assert_string_equal(vdpa_attribute_word(VDPA_ATTR_MGMTDEV_BUS_NAME), "mgmtdev");
	assert_null(vdpa_attribute_word(0));
	assert_null(vdpa_attribute_word(999));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device),
		cmocka_unit_test(what_a_device_is_about),
		cmocka_unit_test(a_manager),
		cmocka_unit_test(a_net_configuration),
		cmocka_unit_test(a_block_configuration),
		cmocka_unit_test(nl_76_wrong_sizes),
		cmocka_unit_test(nl_76_names_without_nul),
		cmocka_unit_test(nl_76_a_name_too_long_is_none),
		cmocka_unit_test(nl_80_unknown_attributes),
		cmocka_unit_test(last_of_two),
		cmocka_unit_test(nl_76_damaged),
		cmocka_unit_test(handles),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

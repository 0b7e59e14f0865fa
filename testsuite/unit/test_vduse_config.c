// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vduse_config: configuration spaces byte by byte (virtio 1.2, 5.1.4 and 5.2.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/vduse_config.h"

static uint8_t space[VDUSE_CONFIG_SIZE];

static uint64_t at(size_t offset, size_t length)
{
	uint64_t value = 0;

	while (length--)
		value = value << 8 | space[offset + length];
	return value;
}

static void net_space(void **state)
{
	static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };
	struct vduse_definition definition;

	(void)state;
	vduse_definition_default(&definition, "lo0", DEVICE_TYPE_NET);
	memcpy(definition.mac, mac, 6);
	definition.mtu = 9000;
	memset(space, 0xff, sizeof(space));
	assert_int_equal(vduse_config_encode(&definition, space), 24);
	assert_memory_equal(space, mac, 6);
	assert_int_equal(at(6, 2), 1);		/* status: LINK_UP, never ANNOUNCE */
	assert_int_equal(at(8, 2), 1);		/* max_virtqueue_pairs */
	assert_int_equal(at(10, 2), 9000);	/* mtu */
	assert_int_equal(at(12, 4), 10000);	/* speed */
	assert_int_equal(at(16, 1), 1);		/* duplex */
	assert_int_equal(at(17, 1), 0);		/* no RSS */
	assert_int_equal(at(18, 2), 0);
	assert_int_equal(at(20, 4), 0);
}

static void net_fields_without_their_feature_are_zero(void **state)
{
	struct vduse_definition definition;

	(void)state;
	vduse_definition_default(&definition, "lo0", DEVICE_TYPE_NET);
	definition.features = FEATURES_MANDATORY;
	definition.mtu = 0;
	assert_int_equal(vduse_config_encode(&definition, space), 24);
	assert_int_equal(at(6, 2), 0);
	assert_int_equal(at(10, 2), 0);
	assert_int_equal(at(12, 4), 0);
	assert_int_equal(at(16, 1), 0);
}

static struct vduse_definition disk(uint64_t features)
{
	struct vduse_definition definition;

	vduse_definition_default(&definition, "b0", DEVICE_TYPE_BLOCK);
	definition.size = UINT64_C(0x123456789abcde00);
	definition.vqs = 0x1234;
	definition.features |= features;
	return definition;
}

static void block_space_is_bare_by_default(void **state)
{
	struct vduse_definition definition = disk(0);
	size_t i;

	(void)state;
	memset(space, 0xff, sizeof(space));
	assert_int_equal(vduse_config_encode(&definition, space), 96);
	assert_true(at(0, 8) == UINT64_C(0x123456789abcde00) / 512);
	for (i = 8; i < sizeof(space); i++)
		assert_int_equal(space[i], 0);
}

static void block_space_in_full(void **state)
{
	struct vduse_definition definition = disk(0x37fff);

	(void)state;
	assert_int_equal(vduse_config_encode(&definition, space), 96);
	assert_int_equal(at(8, 4), 65536);	/* size_max */
	assert_int_equal(at(12, 4), 126);	/* seg_max */
	assert_int_equal(at(16, 2), 65535);	/* cylinders, cut */
	assert_int_equal(at(18, 1), 64);
	assert_int_equal(at(19, 1), 32);
	assert_int_equal(at(20, 4), 512);	/* blk_size */
	assert_int_equal(at(24, 2), 0);
	assert_int_equal(at(26, 2), 1);		/* min_io_size */
	assert_int_equal(at(32, 2), 0);		/* wce */
	assert_int_equal(at(34, 2), 0x1234);	/* num_queues */
	assert_int_equal(at(36, 4), 4194303);	/* discard: sectors, segments, alignment */
	assert_int_equal(at(40, 4), 1);
	assert_int_equal(at(44, 4), 1);
	assert_int_equal(at(48, 4), 4194303);	/* write zeroes */
	assert_int_equal(at(52, 4), 1);
	assert_int_equal(at(56, 4), 0);
	assert_int_equal(at(60, 4), 4194303);	/* secure erase */
	assert_int_equal(at(64, 4), 1);
	assert_int_equal(at(68, 4), 1);
	assert_int_equal(at(72, 8), 0);		/* zones */
	assert_int_equal(at(92, 1), 0);		/* model: not zoned */
}

/* Each feature fills its own fields and no others. */
static void block_fields_belong_to_their_features(void **state)
{
	static const struct {
		unsigned int bit;
		size_t first, last;
	} rows[] = {
		{ 1, 8, 11 }, { 2, 12, 15 }, { 4, 16, 19 }, { 6, 20, 23 }, { 10, 24, 31 },
		{ 12, 34, 35 }, { 13, 36, 47 }, { 14, 48, 59 }, { 16, 60, 71 },
	};
	size_t i, byte;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vduse_definition definition = disk(FEATURE(rows[i].bit));
		int filled = 0;

		vduse_config_encode(&definition, space);
		for (byte = 8; byte < sizeof(space); byte++) {
			if (byte >= rows[i].first && byte <= rows[i].last)
				filled += space[byte] != 0;
			else
				assert_int_equal(space[byte], 0);
		}
		assert_true(filled);
	}
}

static void small_disk_has_few_cylinders(void **state)
{
	struct vduse_definition definition = disk(FEATURE(4));

	(void)state;
	definition.size = 3 << 20;
	vduse_config_encode(&definition, space);
	assert_int_equal(at(16, 2), 3);
}

static void other_types_have_none(void **state)
{
	struct vduse_definition definition = disk(0);

	(void)state;
	definition.type = 26;
	memset(space, 0xff, sizeof(space));
	assert_int_equal(vduse_config_encode(&definition, space), 0);
	assert_int_equal(space[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(net_space),
		cmocka_unit_test(net_fields_without_their_feature_are_zero),
		cmocka_unit_test(block_space_is_bare_by_default),
		cmocka_unit_test(block_space_in_full),
		cmocka_unit_test(block_fields_belong_to_their_features),
		cmocka_unit_test(small_disk_has_few_cylinders),
		cmocka_unit_test(other_types_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/vduse_definition and lib/vduse_features: which devices are made, which are not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/vduse_definition.h"
#include "lib/vduse_features.h"

static struct failure failure;

static struct vduse_definition net(void)
{
	struct vduse_definition definition;

	vduse_definition_default(&definition, "lo0", DEVICE_TYPE_NET);
	definition.mac[0] = 2;
	return definition;
}

static struct vduse_definition block(void)
{
	struct vduse_definition definition;

	vduse_definition_default(&definition, "b0", DEVICE_TYPE_BLOCK);
	definition.size = 1 << 20;
	return definition;
}

static void expect_taken(struct vduse_definition definition)
{
	memset(&failure, 0, sizeof(failure));
	if (vduse_definition_check(&definition, &failure))
		fail_msg("%s", failure.message);
}

static void expect_refused(struct vduse_definition definition, const char *why)
{
	memset(&failure, 0, sizeof(failure));
	if (vduse_definition_check(&definition, &failure) != -EINVAL)
		fail_msg("not refused: %s", why);
	assert_int_equal(failure.status, STATUS_USAGE);
	assert_string_equal(failure.object, definition.name);
	if (!strstr(failure.message, why))
		fail_msg("\"%s\" does not say \"%s\"", failure.message, why);
	assert_int_equal(vduse_definition_check(&definition, NULL), -EINVAL);
}

static void types_by_name(void **state)
{
	(void)state;
	assert_string_equal(vduse_type_name(DEVICE_TYPE_NET), "net");
	assert_string_equal(vduse_type_name(DEVICE_TYPE_BLOCK), "block");
	assert_null(vduse_type_name(DEVICE_TYPE_NONE));
	assert_null(vduse_type_name(26));
	assert_int_equal(vduse_type_by_name("net"), DEVICE_TYPE_NET);
	assert_int_equal(vduse_type_by_name("block"), DEVICE_TYPE_BLOCK);
	assert_int_equal(vduse_type_by_name(""), DEVICE_TYPE_NONE);
	assert_int_equal(vduse_type_by_name("Net"), DEVICE_TYPE_NONE);
}

static void defaults_are_taken(void **state)
{
	(void)state;
	expect_taken(net());
	expect_taken(block());
	assert_int_equal(net().vqs, 2);
	assert_int_equal(net().mtu, 1500);
	assert_true(net().features == FEATURES_NET_DEFAULT);
	assert_int_equal(net().vq_align, 4096);
	assert_int_equal(net().vendor, 0);
	assert_int_equal(block().vqs, 1);
	assert_true(block().features == FEATURES_MANDATORY);
	assert_int_equal(block().mtu, 0);
}

static void long_name_is_not_overrun(void **state)
{
	struct vduse_definition definition;
	char name[600];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[599] = '\0';
	vduse_definition_default(&definition, name, DEVICE_TYPE_NET);
	assert_int_equal(strlen(definition.name), 255);
}

static void names_are_checked(void **state)
{
	struct vduse_definition definition = net();

	(void)state;
	strcpy(definition.name, "power");
	expect_refused(definition, "kernel uses this name");
	strcpy(definition.name, "a/b");
	expect_refused(definition, "made of");
	definition.name[0] = '\0';
	expect_refused(definition, "at least one");
}

static void alignment(void **state)
{
	static const uint32_t taken[] = { 4, 8, 64, 2048, 4096 };
	static const uint32_t refused[] = { 0, 1, 2, 3, 5, 6, 12, 4095, 4097, 8192, UINT32_MAX,
					    UINT32_C(0x80000000) };
	struct vduse_definition definition = net();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		definition.vq_align = taken[i];
		expect_taken(definition);
	}
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		definition.vq_align = refused[i];
		expect_refused(definition, "power of two");
	}
}

static void net_devices(void **state)
{
	struct vduse_definition definition = net();

	(void)state;
	definition.vqs = 1;
	expect_refused(definition, "CTRL_VQ");
	definition.vqs = 3;
	expect_refused(definition, "CTRL_VQ");
	definition = net();
	definition.size = 512;
	expect_refused(definition, "no size");
	definition = net();
	definition.mtu = 67;
	expect_refused(definition, "68");
	definition.mtu = 0;
	expect_refused(definition, "68");
	definition.mtu = 68;
	expect_taken(definition);
	definition.mtu = 65535;
	expect_taken(definition);
	definition = net();
	definition.mac[0] = 0;
	expect_refused(definition, "needs an address");
	definition.mac[0] = 3;
	expect_refused(definition, "unicast");
	definition = net();
	definition.features &= ~FEATURE(5);
	expect_refused(definition, "without the feature MAC");
	definition.mac[0] = 0;
	expect_taken(definition);
	definition = net();
	definition.features &= ~FEATURE(3);
	expect_refused(definition, "without the feature MTU");
	definition.mtu = 0;
	expect_taken(definition);
}

static void features_of_a_definition_are_checked(void **state)
{
	struct vduse_definition definition = net();

	(void)state;
	definition.features |= FEATURE(17);
	expect_refused(definition, "CTRL_VQ");
	definition = block();
	definition.features = 0;
	expect_refused(definition, "is missing");
}

static void block_devices(void **state)
{
	struct vduse_definition definition = block();

	(void)state;
	definition.size = 0;
	expect_refused(definition, "needs a size");
	definition.size = 513;
	expect_refused(definition, "multiple of 512");
	definition.size = 511;
	expect_refused(definition, "multiple of 512");
	definition.size = VDUSE_SIZE_MAX;
	expect_taken(definition);
	definition.size = VDUSE_SIZE_MAX + 512;
	expect_refused(definition, "2^63");
	definition = block();
	definition.mac[5] = 1;
	expect_refused(definition, "no mac");
	definition = block();
	definition.mtu = 1500;
	expect_refused(definition, "no mtu");
	definition = block();
	definition.vqs = 0;
	expect_refused(definition, "from 1");
	definition.vqs = 65536;
	definition.features |= FEATURE(12);
	expect_refused(definition, "from 1");
	definition.vqs = 65535;
	expect_taken(definition);
	definition.features &= ~FEATURE(12);
	expect_refused(definition, "needs the feature MQ");
}

static void other_types(void **state)
{
	struct vduse_definition definition = block();

	(void)state;
	definition.type = 26;
	expect_refused(definition, "net or block");
	definition.type = DEVICE_TYPE_NONE;
	expect_refused(definition, "net or block");
}

static int check(uint32_t type, uint64_t features)
{
	memset(&failure, 0, sizeof(failure));
	return vduse_features_check("lo0", type, features | FEATURES_MANDATORY, &failure);
}

static void mandatory_features(void **state)
{
	(void)state;
	assert_int_equal(vduse_features_check("x", 1, FEATURE(33), &failure), -EINVAL);
	assert_non_null(strstr(failure.message, "VERSION_1 is missing"));
	assert_string_equal(failure.hint, "with it the features are 0x300000000");
	assert_int_equal(vduse_features_check("x", 2, FEATURE(32), &failure), -EINVAL);
	assert_non_null(strstr(failure.message, "ACCESS_PLATFORM is missing: the kernel takes no "
						"VDUSE device"));
	assert_int_equal(vduse_features_check("x", 1, 0, &failure), -EINVAL);
	assert_int_equal(failure.status, STATUS_USAGE);
	assert_int_equal(vduse_features_check("x", 1, FEATURES_MANDATORY, &failure), 0);
}

/* Each bit alone: exactly these are refused for themselves or for what they lack. */
static void each_bit_of_a_net_device(void **state)
{
	static const char refused[] = {
		2, 17, 18, 19, 20, 21, 22, 23, 38, 51, 52, 53, 57, 60, 62,	/* for themselves */
		7, 8, 9, 10, 11, 12, 13, 14, 54, 55, 56, 61,	/* their prerequisite lacks */
	};
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		bool expected = memchr(refused, (int)bit, sizeof(refused));

		if ((check(DEVICE_TYPE_NET, FEATURE(bit)) != 0) != expected)
			fail_msg("bit %u: %s", bit, failure.message);
	}
	check(DEVICE_TYPE_NET, FEATURE(17));
	assert_string_equal(failure.message,
			    "the feature CTRL_VQ is refused by every kernel so far");
	check(DEVICE_TYPE_NET, FEATURE(22));
	assert_non_null(strstr(failure.message, "MQ needs CTRL_VQ"));
	check(DEVICE_TYPE_NET, FEATURE(62));
	assert_non_null(strstr(failure.message, "failover"));
}

static void each_bit_of_a_block_device(void **state)
{
	unsigned int bit;

	(void)state;
	for (bit = 0; bit < 64; bit++)
		if ((check(DEVICE_TYPE_BLOCK, FEATURE(bit)) != 0) != (bit == 11 || bit == 38))
			fail_msg("bit %u: %s", bit, failure.message);
	check(DEVICE_TYPE_BLOCK, FEATURE(11));
	assert_non_null(strstr(failure.message, "CONFIG_WCE"));
}

static void prerequisites(void **state)
{
	static const struct {
		unsigned int bit;
		uint64_t with;
	} rows[] = {
		{ 7, FEATURE(1) }, { 8, FEATURE(1) }, { 10, FEATURE(1) }, { 54, FEATURE(1) },
		{ 55, FEATURE(1) }, { 11, FEATURE(0) }, { 12, FEATURE(0) }, { 14, FEATURE(0) },
		{ 56, FEATURE(0) }, { 9, FEATURE(7) | FEATURE(1) }, { 9, FEATURE(8) | FEATURE(1) },
		{ 13, FEATURE(11) | FEATURE(0) }, { 13, FEATURE(12) | FEATURE(0) },
		{ 61, FEATURE(11) | FEATURE(0) },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(check(DEVICE_TYPE_NET, FEATURE(rows[i].bit) | rows[i].with), 0);
		assert_int_equal(check(DEVICE_TYPE_NET, FEATURE(rows[i].bit)), -EINVAL);
	}
	check(DEVICE_TYPE_NET, FEATURE(9) | FEATURE(1));
	assert_non_null(strstr(failure.message, "GUEST_ECN needs GUEST_TSO4 or GUEST_TSO6"));
}

/* A list of names says what a device can do; a mask or a change is taken as it is. */
static void words_become_features(void **state)
{
	static const struct {
		const char *text;
		uint32_t type;
		uint64_t features;
	} rows[] = {
		{ "CSUM", 1, FEATURES_MANDATORY | 1 },
		{ "VERSION_1", 1, FEATURES_MANDATORY },
		{ "0x1", 1, 1 },
		{ "0x300000001", 1, FEATURES_MANDATORY | 1 },
		{ "+RING_PACKED", 1, FEATURES_NET_DEFAULT | FEATURE(34) },
		{ "no_VERSION_1", 1, FEATURES_NET_DEFAULT & ~FEATURE(32) },
		{ "No_mac", 1, FEATURES_NET_DEFAULT & ~FEATURE(5) },
		{ "NOTF_COAL", 1, FEATURES_MANDATORY | FEATURE(53) },
		{ "FLUSH,RO", 2, FEATURES_MANDATORY | FEATURE(9) | FEATURE(5) },
		{ "+FLUSH", 2, FEATURES_MANDATORY | FEATURE(9) },
	};
	uint64_t features;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(vduse_features_read(rows[i].text, rows[i].type, &features,
						     &failure), 0);
		if (features != rows[i].features)
			fail_msg("%s: %#llx", rows[i].text, (unsigned long long)features);
	}
	assert_true(vduse_features_read("CSUM,nonsense", 1, &features, &failure) < 0);
	assert_int_equal(failure.status, STATUS_USAGE);
	assert_true(vduse_features_read("FLUSH", 1, &features, NULL) < 0);
}

static void bounce_sizes(void **state)
{
	static const struct {
		uint32_t type;
		uint64_t bytes;
		const char *why;	/* NULL: taken */
	} rows[] = {
		{ 2, 1 << 20, NULL }, { 2, (1 << 20) - 4096, "1048576" }, { 2, 1 << 30, NULL },
		{ 2, (1 << 30) + 4096, "1073741824" }, { 2, 0, "1048576" },
		{ 2, (1 << 20) + 1, "page size" }, { 2, (1 << 20) + 4096, NULL },
		{ 1, 4 << 20, NULL }, { 1, (4 << 20) - 4096, "4194304" }, { 1, 1 << 20, "4194304" },
		{ 1, UINT64_MAX, "1073741824" }, { 1, (4 << 20) + 512, "page size" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = vduse_bounce_size_check("lo0", rows[i].type, rows[i].bytes, 4096, &failure);

		if (rc != (rows[i].why ? -EINVAL : 0) ||
		    (rc && !strstr(failure.message, rows[i].why)))
			fail_msg("row %zu: %d", i, rc);
	}
	assert_int_equal(vduse_bounce_size_check("x", 2, (1 << 20) + 4096, 65536, NULL), -EINVAL);
}

static void derived_addresses(void **state)
{
	static const char machine[] = "0123456789abcdef0123456789abcdef";
	uint8_t one[6], again[6], other[6];
	unsigned int i;

	(void)state;
	vduse_derive_mac(machine, "lo0", one);
	vduse_derive_mac(machine, "lo0", again);
	assert_memory_equal(one, again, 6);
	vduse_derive_mac(machine, "lo1", other);
	assert_memory_not_equal(one, other, 6);
	vduse_derive_mac("1123456789abcdef0123456789abcdef", "lo0", other);
	assert_memory_not_equal(one, other, 6);
	vduse_derive_mac("0123456789abcdef0123456789abcdefl", "o0", other);
	assert_memory_not_equal(one, other, 6);
	/* Unicast and locally administered, whatever the name. */
	for (i = 0; i < 256; i++) {
		char name[2] = { (char)(i + 1), '\0' };

		vduse_derive_mac(machine, name, other);
		assert_int_equal(other[0] & 3, 2);
	}
}

/* No two of ten thousand names share an address, nor its last three octets often. */
static void derived_addresses_are_spread(void **state)
{
	static uint8_t macs[10000][6];
	char name[16];
	int i, j;

	(void)state;
	for (i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "lo%d", i);
		vduse_derive_mac("m", name, macs[i]);
	}
	for (i = 0; i < 10000; i += 7)
		for (j = i + 1; j < 10000; j++)
			assert_memory_not_equal(macs[i], macs[j], 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_by_name),
		cmocka_unit_test(defaults_are_taken),
		cmocka_unit_test(long_name_is_not_overrun),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(alignment),
		cmocka_unit_test(net_devices),
		cmocka_unit_test(features_of_a_definition_are_checked),
		cmocka_unit_test(block_devices),
		cmocka_unit_test(other_types),
		cmocka_unit_test(mandatory_features),
		cmocka_unit_test(each_bit_of_a_net_device),
		cmocka_unit_test(each_bit_of_a_block_device),
		cmocka_unit_test(prerequisites),
		cmocka_unit_test(words_become_features),
		cmocka_unit_test(bounce_sizes),
		cmocka_unit_test(derived_addresses),
		cmocka_unit_test(derived_addresses_are_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

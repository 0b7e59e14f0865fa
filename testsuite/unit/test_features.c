// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/features: bits by name, names by bit. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/features.h"

#define NET DEVICE_TYPE_NET
#define BLOCK DEVICE_TYPE_BLOCK

/* What is printed is read again, for each bit of each type. */
static void names_go_there_and_back(void **state)
{
	static const uint32_t types[] = { DEVICE_TYPE_NONE, NET, BLOCK, 26 };
	char buffer[FEATURE_NAME_MAX];
	unsigned int i, bit;

	(void)state;
	for (i = 0; i < 4; i++) {
		for (bit = 0; bit < 64; bit++) {
			const char *name = feature_name(types[i], bit, buffer);

			assert_true(strlen(name) < FEATURE_NAME_MAX);
			assert_int_equal(feature_bit(types[i], name, strlen(name)), bit);
		}
	}
}

static void names_are_those_of_iproute2(void **state)
{
	char buffer[FEATURE_NAME_MAX];

	(void)state;
	assert_string_equal(feature_name(NET, 0, buffer), "CSUM");
	assert_string_equal(feature_name(NET, 28, buffer), "RING_INDIRECT_DESC");
	assert_string_equal(feature_name(NET, 29, buffer), "RING_EVENT_IDX");
	assert_string_equal(feature_name(BLOCK, 9, buffer), "FLUSH");
	assert_string_equal(feature_name(NET, 4, buffer), "bit_4");
	assert_string_equal(feature_name(DEVICE_TYPE_NONE, 0, buffer), "bit_0");
	assert_string_equal(feature_name(26, 33, buffer), "ACCESS_PLATFORM");
	assert_string_equal(feature_name(NET, 64, buffer), "bit_64");
}

static int bit_of(uint32_t type, const char *name)
{
	return feature_bit(type, name, strlen(name));
}

static void any_case_and_optional_prefix(void **state)
{
	(void)state;
	assert_int_equal(bit_of(NET, "mrg_rxbuf"), 15);
	assert_int_equal(bit_of(NET, "Indirect_Desc"), 28);
	assert_int_equal(bit_of(NET, "ring_packed"), 34);
	assert_int_equal(bit_of(NET, "PACKED"), 34);
	assert_int_equal(bit_of(NET, "reset"), 40);
	assert_int_equal(bit_of(NET, "BIT_7"), 7);
	assert_int_equal(bit_of(NET, "bit_63"), 63);
	assert_int_equal(bit_of(BLOCK, "MQ"), 12);
	assert_int_equal(bit_of(NET, "MQ"), 22);
}

static void other_words_are_no_features(void **state)
{
	static const char *const names[] = {
		"", "CSU", "CSUMM", "ring_", "RING_CSUM", "bit_64", "bit_", "bit_-1", "bit_007",
		"bit_0x1", "bit", "0", "MRG RXBUF", "RING_RING_PACKED", "CTRL-VQ", "%s",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bit_of(NET, names[i]) >= 0)
			fail_msg("\"%s\" was taken for %d", names[i], bit_of(NET, names[i]));
	assert_int_equal(bit_of(DEVICE_TYPE_NONE, "CSUM"), -1);
	/* Only as many bytes as were given count. */
	assert_int_equal(feature_bit(NET, "CSUMX", 4), 0);
	assert_int_equal(feature_bit(NET, "CSUM", 3), -1);
}

static void default_set_is_that_of_the_reference_device(void **state)
{
	static const char list[] =
		"CSUM,GUEST_CSUM,MTU,MAC,GUEST_TSO4,GUEST_TSO6,GUEST_ECN,HOST_TSO4,HOST_TSO6,"
		"HOST_ECN,MRG_RXBUF,STATUS,INDIRECT_DESC,EVENT_IDX,VERSION_1,ACCESS_PLATFORM,"
		"SPEED_DUPLEX";
	uint64_t features = 0;

	(void)state;
	assert_int_equal(features_parse(list, NET, 0, false, &features, NULL), 0);
	assert_true(features == FEATURES_NET_DEFAULT);
	assert_true(FEATURES_MANDATORY == UINT64_C(0x300000000));
}

static void lists_masks_and_changes(void **state)
{
	static const struct {
		const char *text;
		bool bare_hex;
		uint64_t features;
	} rows[] = {
		{ "CSUM", false, 1 },
		{ "CSUM,CSUM", false, 1 },
		{ "mtu,bit_63", false, UINT64_C(0x8000000000000008) },
		{ "0x0", false, 0 },
		{ "0XFF", false, 0xff },
		{ "0xffffffffffffffff", false, UINT64_MAX },
		{ "+MTU", false, 0x18 },
		{ "no_bit_4", false, 0 },
		{ "no_bit_4,+CSUM", false, 1 },
		{ "+CSUM,NO_CSUM", false, 0x10 },
		{ "+CSUM,no_CSUM,+CSUM", false, 0x11 },
		{ "ff", true, 0xff },
		{ "0000000000000010", true, 0x10 },
		{ "ffffffffffffffff", true, UINT64_MAX },
		{ "CSUM", true, 1 },
		{ "0x10", true, 0x10 },
		{ "0", true, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t features = 0x77;

		/* The default set is bit 4 alone. */
		if (features_parse(rows[i].text, NET, 0x10, rows[i].bare_hex, &features, NULL) ||
		    features != rows[i].features)
			fail_msg("\"%s\" became %#llx", rows[i].text,
				 (unsigned long long)features);
	}
}

static void other_texts_are_no_set(void **state)
{
	static const char *const texts[] = {
		"", ",", "CSUM,", ",CSUM", "CSUM,,MTU", "CSUM MTU", " CSUM", "CSUM ", "+", "no_",
		"++CSUM", "-CSUM", "+no_CSUM", "no_+CSUM", "CSUM,+MTU", "+MTU,CSUM", "CSUM,no_MTU",
		"0x", "0xg", "0x1,CSUM", "CSUM,0x1", "0x10000000000000000", "0x-1", "ff", "10",
		"CSUM;MTU", "%n",
	};
	struct failure failure;
	uint64_t features = 77;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&failure, 0, sizeof(failure));
		if (features_parse(texts[i], NET, 0x10, false, &features, &failure) >= 0)
			fail_msg("\"%s\" was taken for %#llx", texts[i],
				 (unsigned long long)features);
		assert_int_equal(failure.status, STATUS_USAGE);
		assert_true(failure.message[0]);
	}
	assert_int_equal(features, 77);
	assert_true(features_parse("10000000000000000", NET, 0, true, &features, NULL) < 0);
	assert_true(features_parse("00000000000000001", NET, 0, true, &features, NULL) < 0);
	assert_true(features_parse("fg", NET, 0, true, &features, NULL) < 0);
	assert_true(features_parse("", NET, 0, true, &features, NULL) < 0);
}

static void long_word_is_cut_in_the_message(void **state)
{
	struct failure failure = { .status = STATUS_OK };
	static char text[1 << 20];
	uint64_t features;

	(void)state;
	memset(text, 'A', sizeof(text) - 1);
	assert_true(features_parse(text, NET, 0, false, &features, &failure) < 0);
	assert_true(strlen(failure.message) < 300);
	assert_true(features_parse(text, NET, 0, true, &features, &failure) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_go_there_and_back),
		cmocka_unit_test(names_are_those_of_iproute2),
		cmocka_unit_test(any_case_and_optional_prefix),
		cmocka_unit_test(other_words_are_no_features),
		cmocka_unit_test(default_set_is_that_of_the_reference_device),
		cmocka_unit_test(lists_masks_and_changes),
		cmocka_unit_test(other_texts_are_no_set),
		cmocka_unit_test(long_word_is_cut_in_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

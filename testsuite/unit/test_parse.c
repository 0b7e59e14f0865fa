// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/parse: a number, an address or a name is taken whole or not at all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void numbers_are_taken(void **state)
{
	static const struct {
		const char *text;
		uint64_t number;
	} rows[] = {
		{ "0", 0 }, { "1", 1 }, { "0x0", 0 }, { "0xff", 255 }, { "0XfF", 255 },
		{ "010", 10 }, { "0x0010", 16 }, { "4294967296", UINT64_C(4294967296) },
		{ "18446744073709551615", UINT64_MAX }, { "0xffffffffffffffff", UINT64_MAX },
		{ "00000000000000000000000000000000007", 7 },
	};
	uint64_t number;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		number = ~rows[i].number;
		assert_int_equal(parse_number(rows[i].text, 0, UINT64_MAX, &number), 0);
		assert_true(number == rows[i].number);
	}
}

/* Case 86, and what else a number is not. */
static void cli_86_other_texts_are_no_numbers(void **state)
{
	static const char *const texts[] = {
		"", "-1", "+1", " 1", "1 ", "\t1", "1\n", "1e3", "1.0", "0x", "0X", "x1", "ff",
		"0xg", "0x-1", "0x+1", "0x 1", "1k", "1,000", "1_000", "--1", "0b1", "0x1.8",
		"\xd9\xa1" /* an Arabic one */, "NaN", "inf", "1\x01", "0x0x1", "0 0", ":", "/",
		"18446744073709551616x",
	};
	uint64_t number = 77;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++)
		if (parse_number(texts[i], 0, UINT64_MAX, &number) >= 0)
			fail_msg("\"%s\" was taken for %llu", texts[i],
				 (unsigned long long)number);
	assert_int_equal(number, 77);
}

static void cli_86_overflow_is_no_number(void **state)
{
	static const char *const texts[] = {
		"18446744073709551616", "18446744073709551620", "99999999999999999999999",
		"0x10000000000000000", "0x1ffffffffffffffff", "0xfffffffffffffffff",
		"36893488147419103232",	/* 2^65: a wrapped product is zero again */
	};
	uint64_t number = 77;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++)
		assert_int_equal(parse_number(texts[i], 0, UINT64_MAX, &number), -ERANGE);
	assert_int_equal(number, 77);
}

static void number_range_is_inclusive(void **state)
{
	uint64_t number = 0;

	(void)state;
	assert_int_equal(parse_number("4", 5, 7, &number), -ERANGE);
	assert_int_equal(parse_number("5", 5, 7, &number), 0);
	assert_int_equal(parse_number("7", 5, 7, &number), 0);
	assert_int_equal(number, 7);
	assert_int_equal(parse_number("8", 5, 7, &number), -ERANGE);
	assert_int_equal(number, 7);
}

static void addresses_are_taken(void **state)
{
	static const uint8_t expected[6] = { 0x02, 0x0a, 0xbc, 0xde, 0xf0, 0x01 };
	static const uint8_t short_octets[6] = { 2, 1, 2, 3, 4, 5 };
	const char *reason = "left";
	uint8_t mac[6];

	(void)state;
	assert_int_equal(parse_mac("02:0a:bc:de:f0:01", mac, &reason), 0);
	assert_memory_equal(mac, expected, 6);
	assert_null(reason);
	assert_int_equal(parse_mac("02:0A:BC:DE:F0:01", mac, NULL), 0);
	assert_memory_equal(mac, expected, 6);
	assert_int_equal(parse_mac("2:1:2:3:4:5", mac, &reason), 0);
	assert_memory_equal(mac, short_octets, 6);
}

/* Case 87. */
static void cli_87_other_texts_are_no_addresses(void **state)
{
	static const char *const texts[] = {
		"", ":", "00:11", "02:11:22:33:44", "02:11:22:33:44:55:66", "02:11:22:33:44:",
		":11:22:33:44:55", "02::22:33:44:55", "02:11:22:33:44:5g", "02-11-22-33-44-55",
		"0211.2233.4455", "1.2.3.4", "021122334455", "02:11:22:33:44:555",
		"002:11:22:33:44:55", " 02:11:22:33:44:55", "02:11:22:33:44:55 ",
		"02:11:22:33:44:55\n", "0x2:11:22:33:44:55", "02:11:22:33:44:-5",
		"02:11:22:33:44:55:", "::::::", "02",
	};
	const char *reason;
	uint8_t mac[6];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		reason = NULL;
		if (parse_mac(texts[i], mac, &reason) != -EINVAL || !reason ||
		    !strstr(reason, "six"))
			fail_msg("\"%s\" was taken for an address", texts[i]);
		assert_int_equal(parse_mac(texts[i], mac, NULL), -EINVAL);
	}
}

static void cli_87_multicast_and_zero_are_refused(void **state)
{
	const char *reason;
	uint8_t mac[6];

	(void)state;
	assert_int_equal(parse_mac("01:00:5e:00:00:01", mac, &reason), -EINVAL);
	assert_non_null(strstr(reason, "multicast"));
	assert_int_equal(parse_mac("ff:ff:ff:ff:ff:ff", mac, &reason), -EINVAL);
	assert_non_null(strstr(reason, "multicast"));
	assert_int_equal(parse_mac("00:00:00:00:00:00", mac, &reason), -EINVAL);
	assert_non_null(strstr(reason, "zero"));
	assert_int_equal(parse_mac("00:00:00:00:00:01", mac, &reason), 0);
	assert_null(reason);
}

static void good_names_are_not_refused(void **state)
{
	static const char *const names[] = {
		"a", "0", "_", "lo0", "a.b", "a-b", "A_Z", "vq", "vqx", "vq0a", "Vq0", "powers",
		"x.power", "Control", "control0", "vdpa0", "help", "1.2.3",
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++)
		if (name_refused(names[i]))
			fail_msg("\"%s\": %s", names[i], name_refused(names[i]));
}

/* Case 85: each has its own reason. */
static void cli_85_names_that_we_do_not_give(void **state)
{
	static const struct {
		const char *name;
		const char *reason;
	} rows[] = {
		{ "", "at least one" }, { ".", "start" }, { "..", "start" }, { ".hidden", "start" },
		{ "-x", "start" }, { "--", "start" }, { "a/b", "made of" }, { "a b", "made of" },
		{ " a", "made of" }, { "a\n", "made of" }, { "%n", "made of" }, { "\"q\"", "made of" },
		{ "'q'", "made of" }, { "\033[31m", "made of" }, { "caf\xc3\xa9", "made of" },
		{ "\xff", "made of" }, { "a!b", "made of" }, { "a:b", "made of" },
		{ "a\\b", "made of" }, { "a\x7f", "made of" }, { "control", "kernel" },
		{ "power", "kernel" }, { "dev", "kernel" }, { "uevent", "kernel" },
		{ "subsystem", "kernel" }, { "device", "kernel" }, { "msg_timeout", "kernel" },
		{ "bounce_size", "kernel" }, { "vq0", "kernel" }, { "vq1", "kernel" },
		{ "vq65535", "kernel" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		const char *reason = name_refused(rows[i].name);

		if (!reason || !strstr(reason, rows[i].reason))
			fail_msg("\"%s\": %s", rows[i].name, reason ? reason : "not refused");
	}
}

static void cli_85_names_of_255_and_256_bytes(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_null(name_refused(name));
	assert_true(name_possible(name));
	name[255] = 'n';
	name[256] = '\0';
	assert_non_null(strstr(name_refused(name), "255"));
	assert_false(name_possible(name));
}

/* Of a device that someone else made, any name is possible. */
static void any_bytes_are_a_possible_name(void **state)
{
	(void)state;
	assert_true(name_possible("a"));
	assert_true(name_possible(".."));
	assert_true(name_possible("a/b\n\xff -x"));
	assert_false(name_possible(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_taken),
		cmocka_unit_test(cli_86_other_texts_are_no_numbers),
		cmocka_unit_test(cli_86_overflow_is_no_number),
		cmocka_unit_test(number_range_is_inclusive),
		cmocka_unit_test(addresses_are_taken),
		cmocka_unit_test(cli_87_other_texts_are_no_addresses),
		cmocka_unit_test(cli_87_multicast_and_zero_are_refused),
		cmocka_unit_test(good_names_are_not_refused),
		cmocka_unit_test(cli_85_names_that_we_do_not_give),
		cmocka_unit_test(cli_85_names_of_255_and_256_bytes),
		cmocka_unit_test(any_bytes_are_a_possible_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

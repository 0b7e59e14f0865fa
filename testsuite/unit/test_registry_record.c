// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/registry_record: records as text, read back like hostile input (case 70). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/registry_record.h"

static const char net_text[] =
	"{\"version\":1,\"name\":\"lo0\",\"type\":\"net\",\"vendor\":7,"
	"\"features\":\"0x800000033001bbab\",\"vqs\":2,\"vq_align\":4096,"
	"\"mac\":\"02:01:02:03:04:05\",\"mtu\":1500,"
	"\"boot\":\"23541ecc-e6c3-41c9-90f0-d027acf29759\",\"major\":243,\"minor\":1,"
	"\"folder\":18446744073709551615}\n";

static struct registry_record net_record(void)
{
	static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };
	struct registry_record record = {
		.identity = {
			.boot = "23541ecc-e6c3-41c9-90f0-d027acf29759",
			.major = 243, .minor = 1, .folder = UINT64_MAX,
		},
	};

	vduse_definition_default(&record.definition, "lo0", DEVICE_TYPE_NET);
	memcpy(record.definition.mac, mac, 6);
	record.definition.vendor = 7;
	return record;
}

static void expect_equal(const struct registry_record *a, const struct registry_record *b)
{
	assert_memory_equal(&a->definition, &b->definition, sizeof(a->definition));
	assert_true(device_identity_equal(&a->identity, &b->identity));
}

static void net_record_as_text(void **state)
{
	struct registry_record record = net_record(), read;
	char *text = registry_record_format(&record);
	const char *reason;

	(void)state;
	assert_string_equal(text, net_text);
	assert_int_equal(registry_record_parse(text, strlen(text), &read, &reason), 0);
	assert_null(reason);
	expect_equal(&record, &read);
	free(text);
}

static void block_record_goes_there_and_back(void **state)
{
	struct registry_record record = net_record(), read;
	const char *reason;
	char *text;

	(void)state;
	vduse_definition_default(&record.definition, "b0", DEVICE_TYPE_BLOCK);
	record.definition.size = VDUSE_SIZE_MAX;
	record.definition.vendor = UINT32_MAX;
	/* 3 and 5 are MTU and MAC of a net device */
	record.definition.features |= FEATURE(63) | FEATURE(12) | FEATURE(5) | FEATURE(3);
	record.definition.vqs = 65535;
	record.definition.vq_align = 4;
	text = registry_record_format(&record);
	assert_null(strstr(text, "mac"));
	assert_null(strstr(text, "mtu"));
	assert_int_equal(registry_record_parse(text, strlen(text), &read, &reason), 0);
	expect_equal(&record, &read);
	free(text);
}

static void record_without_mac_and_mtu(void **state)
{
	struct registry_record record = net_record(), read;
	const char *reason;
	char *text;

	(void)state;
	record.definition.features = FEATURES_MANDATORY;
	memset(record.definition.mac, 0, 6);
	record.definition.mtu = 0;
	text = registry_record_format(&record);
	assert_null(strstr(text, "mac"));
	assert_null(strstr(text, "mtu"));
	assert_int_equal(registry_record_parse(text, strlen(text), &read, &reason), 0);
	expect_equal(&record, &read);
	free(text);
}

static void longest_name_fits(void **state)
{
	struct registry_record record = net_record(), read;
	const char *reason;
	char *text;

	(void)state;
	memset(record.definition.name, 'n', 255);
	text = registry_record_format(&record);
	assert_true(strlen(text) < REGISTRY_RECORD_MAX);
	assert_int_equal(registry_record_parse(text, strlen(text), &read, &reason), 0);
	expect_equal(&record, &read);
	free(text);
}

static void expect_refused(const char *text, size_t length)
{
	struct registry_record record;
	const char *reason = NULL;

	if (registry_record_parse(text, length, &record, &reason) != -EBADMSG || !reason)
		fail_msg("taken: %.*s", (int)length, text);
}

/* Case 70: short. Every shorter text but the one without its line feed. */
static void proc_70_cut_record_is_refused(void **state)
{
	struct registry_record record;
	const char *reason;
	size_t length;

	(void)state;
	for (length = 0; length < sizeof(net_text) - 2; length++)
		expect_refused(net_text, length);
	assert_int_equal(registry_record_parse(net_text, sizeof(net_text) - 2, &record,
					       &reason), 0);
}

/* net_text with @from, which must stand in it, replaced by @to. */
static const char *with(const char *from, const char *to)
{
	static char text[4096];
	const char *place = strstr(net_text, from);

	assert_non_null(place);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(place - net_text), net_text, to,
		 place + strlen(from));
	return text;
}

/* Case 70: corrupt. */
static void proc_70_altered_record_is_refused(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "\"version\":1", "\"version\":0" }, { "\"version\":1", "\"version\":2" },
		{ "\"version\":1", "\"version\":\"1\"" }, { "\"version\":1", "\"version\":1.0" },
		{ "\"version\":1", "\"version\":-1" }, { "\"version\":1", "\"Version\":1" },
		{ "\"version\":1", "\"version\":true" },
		{ "\"lo0\"", "\"\"" }, { "\"lo0\"", "\"..\"" }, { "\"lo0\"", "\"a/b\"" },
		{ "\"lo0\"", "\"power\"" }, { "\"lo0\"", "7" }, { "\"lo0\"", "null" },
		{ "\"lo0\"", "[\"lo0\"]" }, { "\"lo0\"", "\"lo0\\u0000x\"" },
		{ "\"lo0\"", "\"\xff\"" },
		{ "\"net\"", "\"fs\"" }, { "\"net\"", "\"block\"" }, { "\"net\"", "1" },
		{ "\"vendor\":7", "\"vendor\":4294967296" }, { "\"vendor\":7", "\"vendor\":-7" },
		{ "\"vendor\":7", "\"vendor\":7e0" }, { "\"vendor\":7,", "" },
		{ "0x800000033001bbab", "800000033001bbab" }, { "0x800000033001bbab", "0x0" },
		{ "0x800000033001bbab", "0x800000033003bbab" },	/* CTRL_VQ */
		{ "0x800000033001bbab", "0x1800000033001bbab" },
		{ "\"vqs\":2", "\"vqs\":0" }, { "\"vqs\":2", "\"vqs\":3" },
		{ "\"vqs\":2", "\"vqs\":4294967298" },
		{ "\"vqs\":2", "\"vqs\":99999999999999999999999999999" },
		{ "4096", "4097" }, { "4096", "0" },
		{ "02:01:02:03:04:05", "03:01:02:03:04:05" }, { "02:01:02:03:04:05", "" },
		{ "02:01:02:03:04:05", "00:00:00:00:00:00" }, { "\"mac\"", "\"mca\"" },
		{ "1500", "67" }, { "1500", "65536" }, { "1500", "\"1500\"" }, { "\"mtu\"", "\"utm\"" },
		{ "23541ecc-e6c3-41c9-90f0-d027acf29759", "23541ecc-e6c3-41c9-90f0-d027acf29759xxxx" },
		{ "\"boot\"", "\"root\"" }, { "\"major\":243", "\"major\":-1" },
		{ "\"minor\":1", "\"minor\":4294967297" }, { "\"folder\":", "\"folder\":-" },
		{ "18446744073709551615", "\"x\"" },
		{ "{", "{{" }, { "{", "[" }, { "}\n", "}}" }, { "}\n", "}\n{}" }, { "}\n", "} x" },
		{ "}\n", ",}" }, { "{", "{\"x\":[[[[[[[[]]]]]]]]," }, { "{", "/**/{" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = with(rows[i].from, rows[i].to);

		expect_refused(text, strlen(text));
	}
}

static void proc_70_other_documents_are_refused(void **state)
{
	static const char *const texts[] = {
		"", " ", "\n", "null", "true", "1", "\"lo0\"", "[]", "{}", "{}\n", "{\"version\":1}",
		"\xff\xfe", "\xef\xbb\xbf{}", "{\"a\":", "NaN",
	};
	struct registry_record record;
	const char *reason;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_refused(texts[i], strlen(texts[i]));
	expect_refused("{\"version\":1\0}", 14);
	assert_int_equal(registry_record_parse("[]", 2, &record, &reason), -EBADMSG);
	assert_non_null(strstr(reason, "no whole JSON object"));
	assert_int_equal(registry_record_parse("{}", 2, &record, &reason), -EBADMSG);
	assert_non_null(strstr(reason, "another version"));
}

static void long_text_is_refused_unread(void **state)
{
	char *text = malloc(REGISTRY_RECORD_MAX + 1);
	struct registry_record record;
	const char *reason;

	(void)state;
	/* White space in front would make it valid. */
	memset(text, ' ', REGISTRY_RECORD_MAX + 1);
	memcpy(text + REGISTRY_RECORD_MAX + 1 - (sizeof(net_text) - 1), net_text,
	       sizeof(net_text) - 1);
	assert_int_equal(registry_record_parse(text, REGISTRY_RECORD_MAX + 1, &record, &reason),
			 -EBADMSG);
	assert_non_null(strstr(reason, "too long"));
	assert_int_equal(registry_record_parse(text + 1, REGISTRY_RECORD_MAX, &record, &reason), 0);
	free(text);
}

/* A byte changed anywhere: refused, or a device that could have been created. */
static void changed_bytes_do_no_harm(void **state)
{
	char text[sizeof(net_text)];
	struct registry_record record;
	const char *reason;
	size_t i;
	int byte;

	(void)state;
	for (i = 0; i < sizeof(net_text) - 1; i++) {
		for (byte = 0; byte < 256; byte++) {
			memcpy(text, net_text, sizeof(text));
			text[i] = (char)byte;
			if (!registry_record_parse(text, sizeof(text) - 1, &record, &reason))
				assert_int_equal(vduse_definition_check(&record.definition, NULL), 0);
		}
	}
}

/* What a later version adds is not in the way. */
static void unknown_keys_are_passed_over(void **state)
{
	const char *text = with("{", "{\"new\":{\"a\":[1]},");
	struct registry_record record;
	const char *reason;

	(void)state;
	assert_int_equal(registry_record_parse(text, strlen(text), &record, &reason), 0);
}

static void identities(void **state)
{
	struct device_identity one = net_record().identity, other = one;

	(void)state;
	assert_true(device_identity_equal(&one, &other));
	other.boot[0] = 'x';
	assert_false(device_identity_equal(&one, &other));
	other = one;
	other.major++;
	assert_false(device_identity_equal(&one, &other));
	other = one;
	other.minor++;
	assert_false(device_identity_equal(&one, &other));
	other = one;
	other.folder--;
	assert_false(device_identity_equal(&one, &other));
}

static void file_names(void **state)
{
	char name[256], file[REGISTRY_FILE_MAX], other[REGISTRY_FILE_MAX];

	(void)state;
	registry_file_name("lo0", file);
	assert_string_equal(file, "lo0.json");
	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	registry_file_name(name, file);
	assert_int_equal(strlen(file), 69);
	assert_memory_equal(file, name, 64);
	name[64] = 'n';
	name[65] = '\0';
	registry_file_name(name, file);
	assert_int_equal(file[0], '+');
	assert_int_equal(strlen(file), 1 + 16 + 5);
	name[255] = '\0';
	name[65] = 'n';
	registry_file_name(name, other);
	assert_string_not_equal(file, other);
	name[254] = 'm';
	registry_file_name(name, file);
	assert_string_not_equal(file, other);
	assert_int_equal(strlen(file), 1 + 16 + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(net_record_as_text),
		cmocka_unit_test(block_record_goes_there_and_back),
		cmocka_unit_test(record_without_mac_and_mtu),
		cmocka_unit_test(longest_name_fits),
		cmocka_unit_test(proc_70_cut_record_is_refused),
		cmocka_unit_test(proc_70_altered_record_is_refused),
		cmocka_unit_test(proc_70_other_documents_are_refused),
		cmocka_unit_test(long_text_is_refused_unread),
		cmocka_unit_test(changed_bytes_do_no_harm),
		cmocka_unit_test(unknown_keys_are_passed_over),
		cmocka_unit_test(identities),
		cmocka_unit_test(file_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

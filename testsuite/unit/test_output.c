// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/output: one record, stated once, as text, JSON and pretty JSON.
 * LDFLAGS: -Wl,--wrap=realloc */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "lib/output.h"

static int realloc_fails;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
	return realloc_fails ? NULL : __real_realloc(memory, size);
}

static void expect(enum output_form form, void (*fill)(struct output *out),
		   const char *expected)
{
	struct output *out = output_new(form);
	const char *text = NULL;
	struct buffer behind = { 0 };
	size_t length = 77;

	buffer_add_char(&behind, 'x');
	fill(out);
	assert_int_equal(output_finish(out, &text, &length), 0);
	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
	assert_int_equal(output_take(out, &behind), 0);
	assert_memory_equal(behind.text, "x", 1);
	assert_string_equal(behind.text + 1, expected);
	buffer_free(&behind);
	output_free(out);
}

static void nothing(struct output *out)
{
	(void)out;
}

static void nothing_said(void **state)
{
	(void)state;
	expect(OUTPUT_TEXT, nothing, "");
	expect(OUTPUT_JSON, nothing, "{}\n");
	expect(OUTPUT_PRETTY, nothing, "{}\n");
}

static void empty_listing_fill(struct output *out)
{
	output_begin_listing(out, "vduse");
	output_end_listing(out);
}

static void empty_listing(void **state)
{
	(void)state;
	expect(OUTPUT_TEXT, empty_listing_fill, "");
	expect(OUTPUT_JSON, empty_listing_fill, "{\"vduse\":{}}\n");
}

static void record_fill(struct output *out)
{
	output_begin_listing(out, "dev");
	output_begin_record(out, "lo0");
	output_string(out, OUT_BOTH, "type", "net");
	output_number(out, OUT_BOTH, "vqs", 2);
	output_number(out, OUT_JSON, "ifindex", 4);
	output_bool(out, OUT_BOTH, "served", true);
	output_bool(out, OUT_BOTH, "broken", false);
	output_string(out, OUT_TEXT, "only", "text");
	output_mask(out, OUT_BOTH, "mask", 0x8000000000000001);
	output_word(out, "word");
	output_begin_object(out, OUT_BOTH, "process");
	output_number(out, OUT_BOTH, "pid", UINT64_MAX);
	output_end_object(out, OUT_BOTH);
	output_begin_object(out, OUT_TEXT, "unseen");
	output_end_object(out, OUT_TEXT);
	output_line(out);
	output_features(out, OUT_BOTH, "features", 1, 0x11);
	output_begin_array(out, OUT_JSON, "list");
	output_element(out, OUT_JSON, "a b");
	output_end_array(out, OUT_JSON);
	output_end_record(out);
	output_begin_record(out, "lo1");
	output_end_record(out);
	output_end_listing(out);
}

static void record_in_each_form(void **state)
{
	(void)state;
	expect(OUTPUT_TEXT, record_fill,
	       "lo0: type net vqs 2 served true broken false only text "
	       "mask 0x8000000000000001 word pid 18446744073709551615\n"
	       "  features CSUM bit_4\n"
	       "lo1:\n");
	expect(OUTPUT_JSON, record_fill,
	       "{\"dev\":{\"lo0\":{\"type\":\"net\",\"vqs\":2,\"ifindex\":4,\"served\":true,"
	       "\"broken\":false,\"mask\":\"0x8000000000000001\","
	       "\"process\":{\"pid\":18446744073709551615},"
	       "\"features\":[\"CSUM\",\"bit_4\"],\"list\":[\"a b\"]},\"lo1\":{}}}\n");
}

static void pretty_is_the_same_document(void **state)
{
	struct output *plain = output_new(OUTPUT_JSON), *pretty = output_new(OUTPUT_PRETTY);
	json_object *one, *other;
	const char *text;
	size_t length;

	(void)state;
	record_fill(plain);
	record_fill(pretty);
	assert_int_equal(output_finish(plain, &text, &length), 0);
	one = json_tokener_parse(text);
	assert_int_equal(output_finish(pretty, &text, &length), 0);
	assert_non_null(strstr(text, "\n    \"lo0\":{\n"));
	other = json_tokener_parse(text);
	assert_non_null(one);
	assert_true(json_object_equal(one, other));
	json_object_put(one);
	json_object_put(other);
	output_free(plain);
	output_free(pretty);
}

static void hostile_fill(struct output *out)
{
	output_begin_listing(out, "dev");
	output_begin_record(out, "a b\n\033[31m\xff\"%n");
	output_string(out, OUT_BOTH, "command", "x y\r\xfe\\");
	output_end_record(out);
	output_end_listing(out);
}

/* A name cannot end the line, move the terminal's cursor or break the document. */
static void hostile_names_are_escaped(void **state)
{
	(void)state;
	expect(OUTPUT_TEXT, hostile_fill,
	       "a\\x20b\\x0a\\x1b[31m\\xff\"%n: command x y\\x0d\\xfe\\x5c\n");
	expect(OUTPUT_JSON, hostile_fill,
	       "{\"dev\":{\"a b\\n\\u001b[31m\xef\xbf\xbd\\\"%n\":"
	       "{\"command\":\"x y\\r\xef\xbf\xbd\\\\\"}}}\n");
}

static void too_deep_is_an_error(void **state)
{
	struct output *out = output_new(OUTPUT_JSON);
	const char *text;
	size_t length;
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		output_begin_object(out, OUT_BOTH, "deeper");
	for (i = 0; i < 20; i++)
		output_end_object(out, OUT_BOTH);
	assert_int_equal(output_finish(out, &text, &length), -ENOMEM);
	output_free(out);
}

static void closing_too_often_does_no_harm(void **state)
{
	struct output *out = output_new(OUTPUT_JSON);
	const char *text;
	size_t length;

	(void)state;
	output_end_object(out, OUT_BOTH);
	output_end_listing(out);
	output_number(out, OUT_BOTH, "n", 1);
	assert_int_equal(output_finish(out, &text, &length), 0);
	assert_string_equal(text, "{\"n\":1}\n");
	output_free(out);
}

static void short_memory_breaks_all_of_it(void **state)
{
	struct output *out = output_new(OUTPUT_TEXT);
	struct buffer untouched = { 0 };
	char value[400];
	const char *text;
	size_t length;

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	output_begin_record(out, "lo0");
	realloc_fails = 1;
	output_string(out, OUT_BOTH, "key", value);
	realloc_fails = 0;
	output_end_record(out);
	assert_int_equal(output_finish(out, &text, &length), -ENOMEM);
	assert_int_equal(output_take(out, &untouched), -ENOMEM);
	assert_null(untouched.text);
	output_free(out);
	output_free(NULL);
}

static void forms_are_told(void **state)
{
	struct output *out;

	(void)state;
	out = output_new(OUTPUT_TEXT);
	assert_false(output_is_json(out));
	output_free(out);
	out = output_new(OUTPUT_PRETTY);
	assert_true(output_is_json(out));
	output_free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said),
		cmocka_unit_test(empty_listing),
		cmocka_unit_test(record_in_each_form),
		cmocka_unit_test(pretty_is_the_same_document),
		cmocka_unit_test(hostile_names_are_escaped),
		cmocka_unit_test(too_deep_is_an_error),
		cmocka_unit_test(closing_too_often_does_no_harm),
		cmocka_unit_test(short_memory_breaks_all_of_it),
		cmocka_unit_test(forms_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

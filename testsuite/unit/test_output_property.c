// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/output and lib/text: documents of random bytes, read back by json-c; text that no
 * terminal obeys; memory that is short at each allocation in turn.
 * LDFLAGS: -Wl,--wrap=calloc -Wl,--wrap=realloc */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "lib/output.h"
#include "lib/text.h"
#include "random_line.h"

#define DOCUMENTS 3000

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static int left;	/* allocations that succeed before the one that does not; -1: all do */
static int failed;	/* how many did not */

static bool fails(void)
{
	if (left < 0 || left-- > 0)
		return false;
	failed++;
	return true;	/* the later ones succeed again */
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

/* -- what it should be ----------------------------------------------------------------- */

/* The number of bytes of the character that begins at @byte, or 0, from the definition
 * (RFC 3629): decode, and ask whether this is the form that encodes the number. */
static size_t character(const unsigned char *byte)
{
	static const struct {
		unsigned char mask, lead;
		unsigned long first, last;
	} forms[] = {
		{ 0x80, 0x00, 0x1, 0x7f }, { 0xe0, 0xc0, 0x80, 0x7ff },
		{ 0xf0, 0xe0, 0x800, 0xffff }, { 0xf8, 0xf0, 0x10000, 0x10ffff },
	};
	size_t length, i;

	for (length = 1; length <= 4; length++) {
		unsigned long number = byte[0] & ~forms[length - 1].mask;

		if ((byte[0] & forms[length - 1].mask) != forms[length - 1].lead)
			continue;
		for (i = 1; i < length && byte[i] >> 6 == 2; i++)
			number = number << 6 | (byte[i] & 0x3f);
		return i == length && number >= forms[length - 1].first &&
		       number <= forms[length - 1].last && number >> 11 != 0x1b ? length : 0;
	}
	return 0;
}

/* With U+FFFD for each byte that is none; at most three times as long. */
static void replace(const char *text, char *to)
{
	while (*text) {
		size_t length = character((const unsigned char *)text);

		memcpy(to, length ? text : "\xef\xbf\xbd", length ? length : 3);
		to += length ? length : 3;
		text += length ? length : 1;
	}
	*to = '\0';
}

#define TEXT_SIZE 200

/* Bytes that are special to someone, halves of characters, and any. */
static void random_text(uint64_t *seed, char text[TEXT_SIZE])
{
	static const char *const parts[] = {
		"\"", "\\", "/", "\\u0041", "\n", "\r", "\t", "\b", "\f", "\v", "\x1b[31m", "\x7f", " ",
		"\xc2\x80", "\xc2\x9b", "\xc2\xa0", "\xe2\x80\xa8", "\xed\xa0\x80", "\xed\x9f\xbf",
		"\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xc0\x80", "\xc3", "\xe2\x82",
		"\xf0\x9f\x98", "\xff", "\xef\xbf\xbd", "%n%s", "}", "]", ",", ":", "plain", "\x01", "\x1f",
		"0123456789012345678901234567890123456789012345678901234567890123",
	};
	size_t used = 0;

	text[0] = '\0';
	while (chance(seed, 8)) {
		const char *part = parts[chance(seed, sizeof(parts) / sizeof(*parts))];
		char any[2] = { 1 + chance(seed, 255), 0 };

		part = chance(seed, 3) ? part : any;
		if (used + strlen(part) >= TEXT_SIZE)
			break;
		strcpy(text + used, part);
		used += strlen(part);
	}
}

/* -- documents --------------------------------------------------------------------------- */

/* A document under way, and what json-c should make of it; NULL while that does not matter. */
struct document {
	struct output *out;
	json_object *within;
	uint64_t seed;
};

static void expect_member(struct document *document, const char *key, json_object *value)
{
	char name[3 * TEXT_SIZE];

	replace(key, name);
	if (!document->within)
		json_object_put(value);
	else if (json_object_is_type(document->within, json_type_array))
		json_object_array_add(document->within, value);
	else
		json_object_object_add(document->within, name, value);
}

static json_object *string_of(const char *text)
{
	char name[3 * TEXT_SIZE];

	replace(text, name);
	return json_object_new_string(name);
}

static void put_list(struct document *document, const char *key)
{
	json_object *outer = document->within, *list = json_object_new_array();
	char text[TEXT_SIZE];

	output_begin_array(document->out, OUT_JSON, key);
	expect_member(document, key, list);
	document->within = outer ? list : NULL;
	while (chance(&document->seed, 3)) {
		random_text(&document->seed, text);
		output_element(document->out, OUT_JSON, text);
		expect_member(document, "", string_of(text));
	}
	output_end_array(document->out, OUT_JSON);
	document->within = outer;
}

/* One field; keys of our own are plain, and each is there once. */
static void put_field(struct document *document, int number)
{
	char key[32], text[TEXT_SIZE], foreign[TEXT_SIZE + 32];
	uint64_t value = chance(&document->seed, 2) ? UINT64_MAX - number : (uint64_t)number;

	snprintf(key, sizeof(key), "key %d ", number);
	random_text(&document->seed, text);
	switch (chance(&document->seed, 5)) {
	case 0:
		output_string(document->out, OUT_BOTH, key, text);
		expect_member(document, key, string_of(text));
		break;
	case 1:
		output_number(document->out, OUT_BOTH, key, value);
		expect_member(document, key, json_object_new_uint64(value));
		break;
	case 2:
		output_bool(document->out, OUT_BOTH, key, number & 1);
		expect_member(document, key, json_object_new_boolean(number & 1));
		break;
	case 3:
		snprintf(foreign, sizeof(foreign), "%s.%d", text, number);
		output_counter(document->out, OUT_BOTH, foreign, value);
		expect_member(document, foreign, json_object_new_uint64(value));
		break;
	default:
		put_list(document, key);
	}
}

static void put_fields(struct document *document, int depth)
{
	json_object *outer = document->within, *inner;
	int number = 0;
	char key[32];

	while (chance(&document->seed, 5)) {
		put_field(document, number++);
		if (!depth || chance(&document->seed, 4))
			continue;
		snprintf(key, sizeof(key), "object %d", number);
		inner = json_object_new_object();
		output_begin_object(document->out, OUT_BOTH, key);
		expect_member(document, key, inner);
		document->within = outer ? inner : NULL;
		put_fields(document, depth - 1);
		output_end_object(document->out, OUT_BOTH);
		document->within = outer;
	}
}

/* A listing of records, or none; what is left open is closed by output_finish(). */
static void put_document(struct document *document)
{
	json_object *root = document->within, *listing = json_object_new_object(), *record;
	char name[TEXT_SIZE], numbered[TEXT_SIZE + 32];
	int number = 0;

	output_begin_listing(document->out, "dev");
	expect_member(document, "dev", listing);
	document->within = root ? listing : NULL;
	while (chance(&document->seed, 4)) {
		random_text(&document->seed, name);
		snprintf(numbered, sizeof(numbered), "%s.%d", name, number++);
		record = json_object_new_object();
		output_begin_record(document->out, numbered);
		expect_member(document, numbered, record);
		document->within = root ? record : NULL;
		put_fields(document, 3);
		output_end_record(document->out);
		document->within = root ? listing : NULL;
	}
	if (chance(&document->seed, 2))
		output_end_listing(document->out);
	document->within = root;
}

static void expect_document(uint64_t seed, enum output_form form)
{
	json_object *expected = json_object_new_object(), *parsed;
	struct document document = { output_new(form), expected, seed };
	struct json_tokener *tokener = json_tokener_new();
	const char *text;
	size_t length;

	put_document(&document);
	assert_int_equal(output_finish(document.out, &text, &length), 0);
	assert_int_equal(strlen(text), length);
	assert_int_equal(text[length - 1], '\n');
	if (form == OUTPUT_JSON)
		assert_ptr_equal(strchr(text, '\n'), text + length - 1);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	parsed = json_tokener_parse_ex(tokener, text, length - 1);
	if (!parsed)
		fail_msg("seed %d: no JSON: %s", (int)seed, text);
	assert_string_equal(json_object_to_json_string(parsed), json_object_to_json_string(expected));
	json_tokener_free(tokener);
	json_object_put(parsed);
	json_object_put(expected);
	output_free(document.out);
}

static void documents_are_read_back(void **state)
{
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= DOCUMENTS; seed++) {
		expect_document(seed, OUTPUT_JSON);
		expect_document(seed, OUTPUT_PRETTY);
	}
}

/* -- what a terminal sees ------------------------------------------------------------------ */

static void expect_harmless(const char *text)
{
	while (*text) {
		size_t length = character((const unsigned char *)text);
		unsigned char c = *text;

		if (!length || (c < 0x20 && c != '\n') || c == 0x7f ||
		    (c == 0xc2 && (unsigned char)text[1] < 0xa0))
			fail_msg("a terminal would obey %s", text);
		text += length;
	}
}

static void no_terminal_obeys(void **state)
{
	enum output_form form;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= DOCUMENTS; seed++)
		for (form = OUTPUT_TEXT; form <= OUTPUT_PRETTY; form++) {
			struct document document = { output_new(form), NULL, seed };
			const char *text;
			size_t length;

			put_document(&document);
			assert_int_equal(output_finish(document.out, &text, &length), 0);
			expect_harmless(text);
			output_free(document.out);
		}
}

/* Take the \xNN back. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		unsigned int byte;

		if (*text == '\\' && sscanf(text, "\\x%2x", &byte) == 1) {
			*to++ = byte;
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static void escaping_loses_nothing(void **state)
{
	char text[TEXT_SIZE], *escaped;
	uint64_t seed = 1;
	int i;

	(void)state;
	for (i = 0; i < 10 * DOCUMENTS; i++) {
		random_text(&seed, text);
		escaped = text_escape(text, i & 1);
		expect_harmless(escaped);
		assert_null(strchr(escaped, '\n'));
		if (!(i & 1))
			assert_null(strchr(escaped, ' '));
		unescape(escaped);
		assert_string_equal(escaped, text);
		free(escaped);
	}
}

/* -- limits -------------------------------------------------------------------------------- */

static int nested(int depth, const char **text, struct output **out)
{
	size_t length;
	int i;

	*out = output_new(OUTPUT_JSON);
	for (i = 0; i < depth; i++)
		output_begin_object(*out, OUT_BOTH, "o");
	output_number(*out, OUT_BOTH, "n", depth);
	return output_finish(*out, text, &length);
}

/* The document and seven in it; the eighth makes an error, and no broken document. */
static void depth(void **state)
{
	struct output *out;
	const char *text = NULL;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		assert_int_equal(nested(i, &text, &out), i <= 7 ? 0 : -ENOMEM);
		output_free(out);
	}
	assert_int_equal(nested(7, &text, &out), 0);
	assert_string_equal(text, "{\"o\":{\"o\":{\"o\":{\"o\":{\"o\":{\"o\":{\"o\":{\"n\":7}}}}}}}}\n");
	output_free(out);
}

/* Whichever allocation fails, and however many after it do not: nothing is given. */
static void short_memory(void **state)
{
	enum output_form form;
	uint64_t seed;
	int nth, failures = 0;

	(void)state;
	for (seed = 1; seed <= 300; seed++)
		for (form = OUTPUT_TEXT; form <= OUTPUT_PRETTY; form++)
			for (nth = 0;; nth++) {
				struct document document = { NULL, NULL, seed };
				const char *text;
				size_t length;

				left = nth;
				failed = 0;
				document.out = output_new(form);
				if (document.out) {
					put_document(&document);
					assert_int_equal(output_finish(document.out, &text, &length),
							 failed ? -ENOMEM : 0);
				}
				output_free(document.out);
				left = -1;
				failures += failed;
				if (!failed)
					break;
			}
	assert_in_range(failures, 2000, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_read_back), cmocka_unit_test(no_terminal_obeys),
		cmocka_unit_test(escaping_loses_nothing), cmocka_unit_test(depth),
		cmocka_unit_test(short_memory),
	};

	left = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/text.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"

#define REPLACEMENT "\xef\xbf\xbd"	/* U+FFFD */

static bool is_continuation(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The second byte's range narrows for some first bytes (RFC 3629, section 4). */
static bool second_byte_allowed(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return is_continuation(second);
	}
}

size_t utf8_sequence(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;
	size_t i, length;

	if (!byte[0])
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	length = byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
	if (!second_byte_allowed(byte[0], byte[1]))
		return 0;
	for (i = 2; i < length; i++)
		if (!is_continuation(byte[i]))
			return 0;
	return length;
}

#define STEP 64

/* Where printable ASCII stands for itself. */
enum { IN_TEXT = 1, IN_JSON = 2 };

static const unsigned char plain[256] = {
	['!'] = IN_TEXT | IN_JSON,
	['"'] = IN_TEXT,
	['#' ... '['] = IN_TEXT | IN_JSON,
	[']' ... '~'] = IN_TEXT | IN_JSON,
};

/* Copy what is plain of @text, at most STEP bytes: how many. Most names are plain to their
 * end, and a listing has thousands. */
static size_t copy_plain(char *to, const char *text, unsigned char where)
{
	size_t i;

	for (i = 0; i < STEP && plain[(unsigned char)text[i]] & where; i++)
		to[i] = text[i];
	return i;
}

/* Add what is plain of @text, and return where that ends. */
static const char *add_plain(struct buffer *buffer, const char *text, unsigned char where)
{
	size_t length;

	do {
		char *at = buffer_room(buffer, STEP);

		if (!at)
			return "";
		length = copy_plain(at, text, where);
		buffer_used(buffer, length);
		text += length;
	} while (length == STEP);
	return text;
}

/* U+0080 to U+009F, which terminals obey as well (ECMA-48, 8-bit forms). */
static bool is_c1(const char *text, size_t length)
{
	return length == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0;
}

static bool printable(const char *text, size_t length, bool keep_blanks)
{
	unsigned char c = text[0];

	if (length != 1)
		return length > 1 && !is_c1(text, length);
	if (c == ' ')
		return keep_blanks;
	return c > 0x20 && c != 0x7f && c != '\\';
}

void text_add_escaped(struct buffer *buffer, const char *text, bool keep_blanks)
{
	for (;;) {
		size_t i, length;

		text = add_plain(buffer, text, IN_TEXT);
		if (!*text)
			return;
		length = utf8_sequence(text);
		if (printable(text, length, keep_blanks)) {
			buffer_add(buffer, text, length);
		} else {
			length = length ? length : 1;
			for (i = 0; i < length; i++)
				buffer_format(buffer, "\\x%02x", (unsigned char)text[i]);
		}
		text += length;
	}
}

/* A character that is not plain, of @length bytes; 0: a byte that is not UTF-8. */
static void add_json_character(struct buffer *buffer, const char *text, size_t length)
{
	static const char letters[] = "btn\0fr";
	char c = *text;

	if (!length)
		buffer_add_text(buffer, REPLACEMENT);
	else if (is_c1(text, length))
		buffer_format(buffer, "\\u%04x", (unsigned char)text[1]);
	else if (length > 1 || c == ' ')
		buffer_add(buffer, text, length);
	else if (c == '"' || c == '\\')
		buffer_format(buffer, "\\%c", c);
	else if (c >= '\b' && c <= '\r' && letters[c - '\b'])
		buffer_format(buffer, "\\%c", letters[c - '\b']);
	else
		buffer_format(buffer, "\\u%04x", (unsigned char)c);
}

/* From what is not plain, or the STEPth byte, to the closing quote. */
static void add_json_rest(struct buffer *buffer, const char *text)
{
	for (;;) {
		size_t length;

		text = add_plain(buffer, text, IN_JSON);
		if (!*text)
			break;
		length = utf8_sequence(text);
		add_json_character(buffer, text, length);
		text += length ? length : 1;
	}
	buffer_add_char(buffer, '"');
}

void text_add_json(struct buffer *buffer, const char *text)
{
	char *at = buffer_room(buffer, STEP + 2);
	size_t length;

	if (!at)
		return;
	*at++ = '"';
	length = copy_plain(at, text, IN_JSON);
	if (text[length]) {
		buffer_used(buffer, length + 1);
		add_json_rest(buffer, text + length);
		return;
	}
	at[length] = '"';
	buffer_used(buffer, length + 2);
}

char *text_escape(const char *text, bool keep_blanks)
{
	struct buffer buffer = { 0 };

	text_add_escaped(&buffer, text, keep_blanks);
	return buffer_take(&buffer);
}

char *text_to_utf8(const char *text)
{
	struct buffer buffer = { 0 };

	while (*text) {
		size_t length = utf8_sequence(text);

		if (length)
			buffer_add(&buffer, text, length);
		else
			buffer_add_text(&buffer, REPLACEMENT);
		text += length ? length : 1;
	}
	return buffer_take(&buffer);
}

static void add_member(struct buffer *buffer, const char *key, const char *text)
{
	bool first = buffer->length && buffer->text[buffer->length - 1] == '{';

	if (!text || !*text)
		return;
	buffer_format(buffer, "%s\"%s\":", first ? "" : ",", key);
	text_add_json(buffer, text);
}

/* {"error":{...}}; status and errno only where something failed. */
static void add_object(struct buffer *buffer, const struct failure *failure,
		       const char *command, bool warning, const struct text_place *place)
{
	buffer_format(buffer, "{\"%s\":{", warning ? "warning" : "error");
	add_member(buffer, "command", command);
	add_member(buffer, "object", failure->object);
	if (failure->status != STATUS_OK)
		buffer_format(buffer, ",\"status\":%d", (int)failure->status);
	add_member(buffer, "errno", errno_name(failure->errnum));
	add_member(buffer, "message", failure->message);
	add_member(buffer, "hint", failure->hint);
	if (place) {
		add_member(buffer, "file", place->file);
		buffer_format(buffer, ",\"line\":%lu", place->line);
	}
	buffer_add_text(buffer, "}}\n");
}

static void add_part(struct buffer *buffer, const char *before, const char *text)
{
	if (!*text)
		return;
	buffer_add_text(buffer, before);
	text_add_escaped(buffer, text, true);
}

static void add_sentence(struct buffer *buffer, const struct failure *failure,
			 const char *command, bool warning, const struct text_place *place)
{
	if (place) {
		add_part(buffer, "", place->file);
		buffer_format(buffer, ":%lu: ", place->line);
	}
	buffer_add_text(buffer, command);
	add_part(buffer, ": ", warning ? "warning" : "");
	add_part(buffer, ": ", failure->object);
	add_part(buffer, ": ", failure->message);
	add_part(buffer, "; ", failure->hint);
	buffer_add_text(buffer, "\n");
}

char *text_diagnostic(const struct failure *failure, const char *command, bool warning,
		      bool json, const struct text_place *place)
{
	struct buffer buffer = { 0 };

	if (json)
		add_object(&buffer, failure, command, warning, place);
	else
		add_sentence(&buffer, failure, command, warning, place);
	return buffer_take(&buffer);
}

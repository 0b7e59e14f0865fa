// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/text.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"

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

static bool printable(const char *text, size_t length, bool keep_blanks)
{
	unsigned char c = text[0];

	if (length == 2 && c == 0xc2)	/* U+0080 to U+009F: C1 controls */
		return (unsigned char)text[1] >= 0xa0;
	if (length != 1)
		return length > 1;
	if (c == ' ')
		return keep_blanks;
	return c > 0x20 && c != 0x7f && c != '\\';
}

char *text_escape(const char *text, bool keep_blanks)
{
	struct buffer buffer = { 0 };

	while (*text) {
		size_t i, length = utf8_sequence(text);

		if (printable(text, length, keep_blanks)) {
			buffer_add(&buffer, text, length);
		} else {
			length = length ? length : 1;
			for (i = 0; i < length; i++)
				buffer_format(&buffer, "\\x%02x", (unsigned char)text[i]);
		}
		text += length;
	}
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
			buffer_add_text(&buffer, "\xef\xbf\xbd");
		text += length ? length : 1;
	}
	return buffer_take(&buffer);
}

char *text_json_string(const char *text)
{
	char *clean = text_to_utf8(text), *quoted = NULL;
	json_object *string = clean ? json_object_new_string(clean) : NULL;

	if (string)
		quoted = strdup(json_object_to_json_string_ext(string,
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(string);
	free(clean);
	return quoted;
}

static void add_string(json_object *object, const char *key, const char *text)
{
	char *clean;

	if (!text || !*text)
		return;
	clean = text_to_utf8(text);
	if (clean)
		json_object_object_add(object, key, json_object_new_string(clean));
	free(clean);
}

/* {"error":{...}}; status and errno only where something failed. */
static char *diagnostic_json(const struct failure *failure, const char *command, bool warning,
			     const struct text_place *place)
{
	json_object *document = json_object_new_object();
	json_object *object = json_object_new_object();
	struct buffer buffer = { 0 };

	add_string(object, "command", command);
	add_string(object, "object", failure->object);
	if (failure->status != STATUS_OK)
		json_object_object_add(object, "status",
				       json_object_new_int(failure->status));
	add_string(object, "errno", errno_name(failure->errnum));
	add_string(object, "message", failure->message);
	add_string(object, "hint", failure->hint);
	if (place) {
		add_string(object, "file", place->file);
		json_object_object_add(object, "line", json_object_new_uint64(place->line));
	}
	json_object_object_add(document, warning ? "warning" : "error", object);
	buffer_format(&buffer, "%s\n",
		      json_object_to_json_string_ext(document, JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(document);
	return buffer_take(&buffer);
}

static void add_escaped(struct buffer *buffer, const char *before, const char *text)
{
	char *escaped;

	if (!*text)
		return;
	escaped = text_escape(text, true);
	if (escaped)
		buffer_format(buffer, "%s%s", before, escaped);
	else
		buffer->broken = true;
	free(escaped);
}

char *text_diagnostic(const struct failure *failure, const char *command, bool warning,
		      bool json, const struct text_place *place)
{
	struct buffer buffer = { 0 };

	if (json)
		return diagnostic_json(failure, command, warning, place);
	if (place) {
		add_escaped(&buffer, "", place->file);
		buffer_format(&buffer, ":%lu: ", place->line);
	}
	buffer_add_text(&buffer, command);
	add_escaped(&buffer, ": ", warning ? "warning" : "");
	add_escaped(&buffer, ": ", failure->object);
	add_escaped(&buffer, ": ", failure->message);
	add_escaped(&buffer, "; ", failure->hint);
	buffer_add_text(&buffer, "\n");
	return buffer_take(&buffer);
}

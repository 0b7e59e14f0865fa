// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/output.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/features.h"
#include "lib/text.h"

/* Document, listing, record, object, array: deeper than any record here. */
#define OUTPUT_DEPTH 8

struct output {
	enum output_form form;
	struct buffer text;
	json_object *stack[OUTPUT_DEPTH];
	int depth;		/* of the innermost open container */
	bool broken;
};

struct output *output_new(enum output_form form)
{
	struct output *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->form = form;
	if (form == OUTPUT_TEXT)
		return out;
	out->stack[0] = json_object_new_object();
	if (!out->stack[0]) {
		free(out);
		return NULL;
	}
	return out;
}

void output_free(struct output *out)
{
	if (!out)
		return;
	if (out->stack[0])
		json_object_put(out->stack[0]);
	buffer_free(&out->text);
	free(out);
}

bool output_is_json(const struct output *out)
{
	return out->form != OUTPUT_TEXT;
}

static bool wants_text(const struct output *out, enum output_where where)
{
	return out->form == OUTPUT_TEXT && where != OUT_JSON;
}

static bool wants_json(const struct output *out, enum output_where where)
{
	return out->form != OUTPUT_TEXT && where != OUT_TEXT;
}

/* Add @value, which is taken over, to the innermost open container. */
static bool json_put(struct output *out, const char *key, json_object *value)
{
	json_object *parent = out->stack[out->depth];
	char *clean = NULL;
	int rc = -1;

	if (!out->broken && value) {
		if (json_object_is_type(parent, json_type_array)) {
			rc = json_object_array_add(parent, value);
		} else {
			clean = text_to_utf8(key);
			if (clean)
				rc = json_object_object_add(parent, clean, value);
		}
	}
	free(clean);
	if (rc < 0) {
		json_object_put(value);
		out->broken = true;
	}
	return rc == 0;
}

static void json_open(struct output *out, const char *key, json_object *container)
{
	if (!json_put(out, key, container))
		return;
	if (out->depth + 1 == OUTPUT_DEPTH) {
		out->broken = true;
		return;
	}
	out->stack[++out->depth] = container;
}

static void json_close(struct output *out)
{
	if (!out->broken && out->depth)
		out->depth--;
}

void output_begin_listing(struct output *out, const char *key)
{
	if (wants_json(out, OUT_JSON))
		json_open(out, key, json_object_new_object());
}

void output_end_listing(struct output *out)
{
	if (wants_json(out, OUT_JSON))
		json_close(out);
}

void output_begin_record(struct output *out, const char *name)
{
	char *escaped;

	if (wants_json(out, OUT_JSON)) {
		json_open(out, name, json_object_new_object());
		return;
	}
	escaped = text_escape(name, false);
	if (escaped)
		buffer_format(&out->text, "%s:", escaped);
	else
		out->broken = true;
	free(escaped);
}

void output_end_record(struct output *out)
{
	if (wants_json(out, OUT_JSON))
		json_close(out);
	else
		buffer_add_text(&out->text, "\n");
}

void output_begin_object(struct output *out, enum output_where where, const char *key)
{
	if (wants_json(out, where))
		json_open(out, key, json_object_new_object());
}

void output_end_object(struct output *out, enum output_where where)
{
	if (wants_json(out, where))
		json_close(out);
}

void output_begin_array(struct output *out, enum output_where where, const char *key)
{
	if (wants_json(out, where))
		json_open(out, key, json_object_new_array());
	if (wants_text(out, where))
		buffer_format(&out->text, " %s", key);
}

static json_object *json_string(const char *text)
{
	char *clean = text_to_utf8(text);
	json_object *value = clean ? json_object_new_string(clean) : NULL;

	free(clean);
	return value;
}

void output_element(struct output *out, enum output_where where, const char *text)
{
	if (wants_json(out, where))
		json_put(out, NULL, json_string(text));
	if (wants_text(out, where))
		output_word(out, text);
}

void output_end_array(struct output *out, enum output_where where)
{
	if (wants_json(out, where))
		json_close(out);
}

void output_line(struct output *out)
{
	if (wants_text(out, OUT_TEXT))
		buffer_add_text(&out->text, "\n ");
}

void output_string(struct output *out, enum output_where where, const char *key,
		   const char *value)
{
	char *escaped;

	if (wants_json(out, where))
		json_put(out, key, json_string(value));
	if (!wants_text(out, where))
		return;
	escaped = text_escape(value, true);
	if (escaped)
		buffer_format(&out->text, " %s %s", key, escaped);
	else
		out->broken = true;
	free(escaped);
}

void output_number(struct output *out, enum output_where where, const char *key,
		   uint64_t value)
{
	if (wants_json(out, where))
		json_put(out, key, json_object_new_uint64(value));
	if (wants_text(out, where))
		buffer_format(&out->text, " %s %llu", key, (unsigned long long)value);
}

void output_counter(struct output *out, enum output_where where, const char *key,
		    uint64_t value)
{
	char *escaped = text_escape(key, false);

	if (!escaped)
		out->broken = true;
	else
		output_number(out, where, output_is_json(out) ? key : escaped, value);
	free(escaped);
}

void output_bool(struct output *out, enum output_where where, const char *key, bool value)
{
	if (wants_json(out, where))
		json_put(out, key, json_object_new_boolean(value));
	if (wants_text(out, where))
		buffer_format(&out->text, " %s %s", key, value ? "true" : "false");
}

void output_mask(struct output *out, enum output_where where, const char *key,
		 uint64_t value)
{
	char text[20];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	output_string(out, where, key, text);
}

void output_features(struct output *out, enum output_where where, const char *key,
		     uint32_t type, uint64_t features)
{
	char buffer[FEATURE_NAME_MAX];
	unsigned int bit;

	output_begin_array(out, where, key);
	for (bit = 0; bit < 64; bit++)
		if (features & FEATURE(bit))
			output_element(out, where, feature_name(type, bit, buffer));
	output_end_array(out, where);
}

void output_word(struct output *out, const char *word)
{
	if (wants_text(out, OUT_TEXT))
		buffer_format(&out->text, " %s", word);
}

int output_finish(struct output *out, const char **text, size_t *length)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

	if (out->broken || out->text.broken)
		return -ENOMEM;
	if (out->form != OUTPUT_TEXT && !out->text.length) {
		const char *document;

		if (out->form == OUTPUT_PRETTY)
			flags |= JSON_C_TO_STRING_PRETTY;
		document = json_object_to_json_string_ext(out->stack[0], flags);
		if (!document)
			return -ENOMEM;
		buffer_format(&out->text, "%s\n", document);
	}
	if (out->text.broken)
		return -ENOMEM;
	*text = out->text.text ? out->text.text : "";
	*length = out->text.length;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Both forms are written as the fields come. A tree of json-c would do for JSON, but it
 * costs ten times what a listing of a thousand devices costs without it.
 */
#include "lib/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/features.h"
#include "lib/text.h"

/* Document, listing, record, object, array: deeper than any record here. */
#define OUTPUT_DEPTH 8
#define KEY_MAX 64

struct output {
	enum output_form form;
	struct buffer text;
	char closing[OUTPUT_DEPTH];	/* '}' or ']' of each open container */
	bool filled[OUTPUT_DEPTH];	/* it has a member already */
	int depth;			/* of the innermost one; the document's is 0 */
	bool broken;
	bool finished;
};

struct output *output_new(enum output_form form)
{
	struct output *out = calloc(1, sizeof(*out));

	if (!out)
		return NULL;
	out->form = form;
	out->closing[0] = '}';
	if (form != OUTPUT_TEXT)
		buffer_add_text(&out->text, "{");
	return out;
}

void output_free(struct output *out)
{
	if (!out)
		return;
	buffer_free(&out->text);
	free(out);
}

void output_expect(struct output *out, size_t bytes)
{
	buffer_room(&out->text, bytes);
}

bool output_is_json(const struct output *out)
{
	return out->form != OUTPUT_TEXT;
}

void output_as_json(struct output *out)
{
	if (output_is_json(out))
		return;
	out->form = OUTPUT_PRETTY;
	buffer_add_text(&out->text, "{");
}

static bool wants_text(const struct output *out, enum output_where where)
{
	return out->form == OUTPUT_TEXT && where != OUT_JSON;
}

static bool wants_json(const struct output *out, enum output_where where)
{
	return out->form != OUTPUT_TEXT && where != OUT_TEXT && !out->finished;
}

/* A key with a character before and one behind it. Keys are short words of our own. */
static void add_key(struct output *out, char before, const char *key, char behind)
{
	char *at = buffer_room(&out->text, KEY_MAX + 2);
	size_t i;

	if (!at)
		return;
	*at++ = before;
	for (i = 0; key[i] && i < KEY_MAX; i++)
		at[i] = key[i];
	at[i] = behind;
	buffer_used(&out->text, i + 2);
}

/* -- JSON ------------------------------------------------------------------------------ */

static void json_line(struct output *out)
{
	int i;

	buffer_add_char(&out->text, '\n');
	for (i = 0; i <= out->depth; i++)
		buffer_add_text(&out->text, "  ");
}

static void json_separate(struct output *out)
{
	if (out->filled[out->depth])
		buffer_add_char(&out->text, ',');
	out->filled[out->depth] = true;
	if (out->form == OUTPUT_PRETTY)
		json_line(out);
}

/* What stands before a member: a comma, and the key unless it is an array's. Keys are
 * our own words. */
static void json_member(struct output *out, const char *key)
{
	json_separate(out);
	if (out->closing[out->depth] == ']')
		return;
	add_key(out, '"', key, '"');
	buffer_add_char(&out->text, ':');
}

/* The same for a key that is foreign. */
static void json_name(struct output *out, const char *name)
{
	json_separate(out);
	text_add_json(&out->text, name);
	buffer_add_char(&out->text, ':');
}

/* Behind a key: a container begins. */
static void json_begin(struct output *out, char opening, char closing)
{
	if (out->depth + 1 == OUTPUT_DEPTH)
		out->broken = true;
	if (out->broken)
		return;
	buffer_add_char(&out->text, opening);
	out->depth++;
	out->closing[out->depth] = closing;
	out->filled[out->depth] = false;
}

static void json_open(struct output *out, const char *key, char opening, char closing)
{
	json_member(out, key);
	json_begin(out, opening, closing);
}

/* The end of the innermost container, the document's included. */
static void json_end(struct output *out)
{
	char closing = out->closing[out->depth];
	bool filled = out->filled[out->depth];

	if (out->broken)
		return;
	out->depth--;
	if (filled && out->form == OUTPUT_PRETTY)
		json_line(out);
	buffer_add_char(&out->text, closing);
}

/* The end of what json_open() began; the document stays open. */
static void json_close(struct output *out)
{
	if (out->depth > 0)
		json_end(out);
}

static void json_string(struct output *out, const char *key, const char *value)
{
	json_member(out, key);
	text_add_json(&out->text, value);
}

/* -- text ------------------------------------------------------------------------------ */

/* What stands before a value. */
static void text_key(struct output *out, const char *key)
{
	add_key(out, ' ', key, ' ');
}

/* -- either ---------------------------------------------------------------------------- */

void output_begin_listing(struct output *out, const char *key)
{
	if (wants_json(out, OUT_JSON))
		json_open(out, key, '{', '}');
}

void output_end_listing(struct output *out)
{
	if (wants_json(out, OUT_JSON))
		json_close(out);
}

void output_begin_record(struct output *out, const char *name)
{
	if (wants_json(out, OUT_JSON)) {
		json_name(out, name);
		json_begin(out, '{', '}');
		return;
	}
	text_add_escaped(&out->text, name, false);
	buffer_add_char(&out->text, ':');
}

void output_end_record(struct output *out)
{
	if (wants_json(out, OUT_JSON))
		json_close(out);
	else
		buffer_add_char(&out->text, '\n');
}

void output_begin_object(struct output *out, enum output_where where, const char *key)
{
	if (wants_json(out, where))
		json_open(out, key, '{', '}');
}

void output_end_object(struct output *out, enum output_where where)
{
	if (wants_json(out, where))
		json_close(out);
}

void output_begin_array(struct output *out, enum output_where where, const char *key)
{
	if (wants_json(out, where))
		json_open(out, key, '[', ']');
	if (wants_text(out, where))
		buffer_format(&out->text, " %s", key);
}

void output_element(struct output *out, enum output_where where, const char *text)
{
	if (wants_json(out, where))
		json_string(out, NULL, text);
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
	if (wants_json(out, where))
		json_string(out, key, value);
	if (!wants_text(out, where))
		return;
	text_key(out, key);
	text_add_escaped(&out->text, value, true);
}

void output_number(struct output *out, enum output_where where, const char *key,
		   uint64_t value)
{
	if (wants_json(out, where))
		json_member(out, key);
	else if (wants_text(out, where))
		text_key(out, key);
	else
		return;
	buffer_add_number(&out->text, value);
}

void output_counter(struct output *out, enum output_where where, const char *key,
		    uint64_t value)
{
	if (wants_json(out, where)) {
		json_name(out, key);
	} else if (wants_text(out, where)) {
		buffer_add_char(&out->text, ' ');
		text_add_escaped(&out->text, key, false);
		buffer_add_char(&out->text, ' ');
	} else {
		return;
	}
	buffer_add_number(&out->text, value);
}

void output_bool(struct output *out, enum output_where where, const char *key, bool value)
{
	const char *word = value ? "true" : "false";

	if (wants_json(out, where)) {
		json_member(out, key);
		buffer_add_text(&out->text, word);
	}
	if (wants_text(out, where)) {
		text_key(out, key);
		buffer_add_text(&out->text, word);
	}
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
	if (!wants_text(out, OUT_TEXT))
		return;
	buffer_add_char(&out->text, ' ');
	buffer_add_text(&out->text, word);
}

int output_finish(struct output *out, const char **text, size_t *length)
{
	if (output_is_json(out) && !out->finished) {
		while (out->depth >= 0 && !out->broken)
			json_end(out);
		buffer_add_text(&out->text, "\n");
	}
	out->finished = true;
	if (out->broken || out->text.broken)
		return -ENOMEM;
	*text = out->text.text ? out->text.text : "";
	*length = out->text.length;
	return 0;
}

int output_take(struct output *out, struct buffer *to)
{
	const char *text;
	size_t length;
	int rc = output_finish(out, &text, &length);

	if (rc == 0)
		buffer_move(to, &out->text);
	return rc;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One record, stated once, gives its text and its JSON.
 *
 * A verb opens a listing, opens a record for each object and names its fields;
 * whether that becomes "lo0: type net vqs 2" or {"vduse":{"lo0":{"type":"net",
 * "vqs":2}}} is decided here. Nothing is printed: the text grows in memory and
 * main writes it, all or nothing.
 *
 * An allocation that fails makes the output broken for good: everything after it
 * is ignored and output_finish() returns -ENOMEM. Callers need no checks between.
 */
#ifndef VT_LIB_OUTPUT_H
#define VT_LIB_OUTPUT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"

enum output_form {
	OUTPUT_TEXT,
	OUTPUT_JSON,
	OUTPUT_PRETTY,	/* JSON with line breaks */
};

/* Which of the two a field goes to. */
enum output_where {
	OUT_BOTH,
	OUT_TEXT,
	OUT_JSON,
};

struct output;

/* Returns NULL when memory is short; freed by output_free(). */
struct output *output_new(enum output_form form);
void output_free(struct output *out);

/* About @bytes are to come: room for them at once spares moving what is there. */
void output_expect(struct output *out, size_t bytes);

/* Whether JSON is asked for, and not text. */
bool output_is_json(const struct output *out);

/* What is to be said is a JSON document in any form: as text it has line breaks. For a verb
 * that says nothing else, before it says anything. */
void output_as_json(struct output *out);

/* The container {"KEY":{...}}; text prints nothing for it. */
void output_begin_listing(struct output *out, const char *key);
void output_end_listing(struct output *out);

/* One object of a listing: "NAME: " in text, "NAME":{...} in JSON. */
void output_begin_record(struct output *out, const char *name);
void output_end_record(struct output *out);	/* ends the text line */

/* A structure inside a record, or without @key (NULL) inside an array; in text its fields
 * just follow. */
void output_begin_object(struct output *out, enum output_where where, const char *key);
void output_end_object(struct output *out, enum output_where where);

/* A list of strings: "KEY A B C" in text, "KEY":["A","B","C"] in JSON. */
void output_begin_array(struct output *out, enum output_where where, const char *key);
void output_element(struct output *out, enum output_where where, const char *text);
void output_end_array(struct output *out, enum output_where where);

/* A new, indented text line inside a record; nothing in JSON. */
void output_line(struct output *out);

/* Fields: "KEY VALUE" in text. A string is escaped in both forms. */
void output_string(struct output *out, enum output_where where, const char *key,
		   const char *value);
void output_number(struct output *out, enum output_where where, const char *key,
		   uint64_t value);
/* The same with a foreign @key, any bytes: escaped in text so that it stays one word. */
void output_counter(struct output *out, enum output_where where, const char *key,
		    uint64_t value);
void output_bool(struct output *out, enum output_where where, const char *key, bool value);
/* A 64-bit mask: 0x... in text, the same as a string in JSON. */
void output_mask(struct output *out, enum output_where where, const char *key,
		 uint64_t value);
/* The names of the bits set in @features, as an array (lib/features.h). */
void output_features(struct output *out, enum output_where where, const char *key,
		     uint32_t type, uint64_t features);
/* A text-only word, as it is. */
void output_word(struct output *out, const char *word);

/*
 * The whole text, owned by @out and valid until output_free(). In JSON one
 * document and a line feed ("{}" where nothing was opened); "" in text where
 * nothing was said. 0 or -ENOMEM.
 */
int output_finish(struct output *out, const char **text, size_t *length);

/* The same, moved behind what @to holds: @out keeps nothing but the right to be freed. */
int output_take(struct output *out, struct buffer *to);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Foreign bytes made safe to print: names come from kernels and users. */
#ifndef VT_LIB_TEXT_H
#define VT_LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buffer.h"
#include "lib/error.h"

/* The length of the valid UTF-8 sequence at @text (1 to 4), 0 where there is none
 * (also at the terminating NUL). RFC 3629: no surrogates, nothing over U+10FFFF,
 * shortest form only. */
size_t utf8_sequence(const char *text);

/*
 * Add @text, in which control bytes, backslashes and bytes that are not UTF-8 are written
 * \xNN, blanks too unless @keep_blanks, so that it stays one word on one line and no
 * terminal obeys it.
 */
void text_add_escaped(struct buffer *buffer, const char *text, bool keep_blanks);

/* Add @text as a JSON string (RFC 8259, section 7), with its quotes; every byte that is
 * not UTF-8 becomes U+FFFD. Control characters are escaped, also those that JSON does not
 * ask for (U+007F to U+009F): a terminal may be what reads it. */
void text_add_json(struct buffer *buffer, const char *text);

/* text_add_escaped() on its own. NULL when memory is short; the caller frees it. */
char *text_escape(const char *text, bool keep_blanks);

/* A copy of @text in which every byte that is not UTF-8 became U+FFFD. NULL when
 * memory is short; the caller frees it. */
char *text_to_utf8(const char *text);

/* Where a command of a batch stands. */
struct text_place {
	const char *file;
	unsigned long line;	/* 1 on */
};

/*
 * What went wrong, or with @warning what the user should know. With @json an object on
 * one line, {"error":{"command":..,"object":..,"status":..,"errno":..,"message":..,
 * "hint":..}} or {"warning":{..}}, where object, errno and hint are absent when there is
 * none; else "COMMAND: OBJECT: MESSAGE; HINT" and a line feed. @place (may be NULL)
 * becomes the keys "file" and "line" of the object, or "FILE:LINE: " before the text.
 * NULL when memory is short; the caller frees it.
 */
char *text_diagnostic(const struct failure *failure, const char *command, bool warning,
		      bool json, const struct text_place *place);

#endif

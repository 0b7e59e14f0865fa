/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Foreign bytes made safe to print: names come from kernels and users. */
#ifndef VT_LIB_TEXT_H
#define VT_LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

/* The length of the valid UTF-8 sequence at @text (1 to 4), 0 where there is none
 * (also at the terminating NUL). RFC 3629: no surrogates, nothing over U+10FFFF,
 * shortest form only. */
size_t utf8_sequence(const char *text);

/*
 * A copy of @text in which control bytes, backslashes and bytes that are not UTF-8
 * are written \xNN, blanks too unless @keep_blanks, so that it stays one word on
 * one line and no terminal obeys it. NULL when memory is short; the caller frees it.
 */
char *text_escape(const char *text, bool keep_blanks);

/* A copy of @text in which every byte that is not UTF-8 became U+FFFD. NULL when
 * memory is short; the caller frees it. */
char *text_to_utf8(const char *text);

/*
 * The error object of a JSON caller, one line:
 * {"error":{"command":..,"object":..,"status":..,"errno":..,"message":..,"hint":..}}.
 * object, errno and hint are absent where there is none. NULL when memory is short;
 * the caller frees it.
 */
char *failure_json(const struct failure *failure, const char *command);

/* "COMMAND: OBJECT: MESSAGE; HINT" and a line feed; the caller frees it. */
char *failure_text(const struct failure *failure, const char *command);

/* The same for what is no failure: {"warning":{..}} and "COMMAND: warning: ...". */
char *warning_json(const struct failure *failure, const char *command);
char *warning_text(const struct failure *failure, const char *command);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a parser of JSON forgives, looked for before it reads: a key that stands twice in one
 * object (the last one would win without a word), strings in single quotes, control
 * characters in strings, NUL bytes. Whether the rest is JSON is the parser's to say.
 */
#ifndef VDUSE_APPLY_SCAN_H
#define VDUSE_APPLY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#define APPLY_DEPTH 6	/* of arrays and objects; one more than a file has a use for */
#define APPLY_PATH_MAX 200

struct apply_fault {
	char path[APPLY_PATH_MAX];	/* "$.devices[2].mtu", cut where it is longer */
	char why[200];
	size_t line, column;		/* from 1 on */
};

/* false with @fault where there is something in the @length bytes at @text. */
bool apply_scan(const char *text, size_t length, struct apply_fault *fault);

/* Where the byte @at of @text is, as line and column of @fault. */
void apply_scan_place(const char *text, size_t at, struct apply_fault *fault);

#endif

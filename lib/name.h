/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of a few characters. A listing of many devices copies and compares a dozen for
 * each; the functions of the C library, made for long texts, take longer to begin than
 * these take to end.
 */
#ifndef VT_LIB_NAME_H
#define VT_LIB_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Are they the same? */
static inline bool name_equal(const char *one, const char *other)
{
	for (; *one && *one == *other; one++)
		other++;
	return *one == *other;
}

/* Is @prefix the beginning of @name? */
static inline bool name_begins(const char *name, const char *prefix)
{
	for (; *prefix && *name == *prefix; name++)
		prefix++;
	return !*prefix;
}

/* Copy a name of up to @size - 1 bytes; of a longer one, "". */
static inline void name_copy(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; from[i] && i < size - 1; i++)
		to[i] = from[i];
	to[from[i] ? 0 : i] = '\0';
}

#endif

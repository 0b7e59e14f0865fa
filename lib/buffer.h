/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text that grows. A failed allocation is remembered and makes every later call
 * do nothing, so that only the end has to be checked.
 */
#ifndef VT_LIB_BUFFER_H
#define VT_LIB_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *text;	/* ends with NUL; NULL as long as there is no room */
	size_t length;
	size_t size;
	bool broken;	/* memory was short */
};

/* Room for @length bytes more, behind what is there; NULL when memory was short. What was
 * written there counts after buffer_used(). */
char *buffer_make_room(struct buffer *buffer, size_t length);

static inline char *buffer_room(struct buffer *buffer, size_t length)
{
	if (!buffer->broken && buffer->size > length && buffer->length < buffer->size - length)
		return buffer->text + buffer->length;
	return buffer_make_room(buffer, length);
}

/* @length bytes were written into the room of buffer_room(). */
static inline void buffer_used(struct buffer *buffer, size_t length)
{
	buffer->length += length;
	buffer->text[buffer->length] = '\0';
}

/* Add one byte. */
static inline void buffer_add_char(struct buffer *buffer, char c)
{
	char *at = buffer_room(buffer, 1);

	if (!at)
		return;
	*at = c;
	buffer_used(buffer, 1);
}

/* Add bytes, a text, a number, or what printf() makes of it. */
void buffer_add(struct buffer *buffer, const void *bytes, size_t length);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_number(struct buffer *buffer, unsigned long long number);	/* decimal */
void buffer_format(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds what @from holds, which is empty afterwards; nothing is copied where @to is empty. */
void buffer_move(struct buffer *to, struct buffer *from);
/* Frees the text; the buffer is empty and usable again. */
void buffer_free(struct buffer *buffer);
/* Hands the text over to the caller, who frees it; NULL when memory was short.
 * The buffer is empty afterwards. */
char *buffer_take(struct buffer *buffer);

#endif

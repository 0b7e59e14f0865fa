// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buffer_make_room(struct buffer *buffer, size_t length)
{
	size_t need, size = buffer->size ? 2 * buffer->size : 256;
	char *text;

	if (buffer->broken || __builtin_add_overflow(buffer->length, length, &need) ||
	    need >= ((size_t)-1) / 2) {
		buffer->broken = true;
		return NULL;
	}
	if (size <= need)
		size = need + 1;
	text = realloc(buffer->text, size);
	if (!text) {
		buffer->broken = true;
		return NULL;
	}
	buffer->text = text;
	buffer->size = size;
	text[buffer->length] = '\0';
	return text + buffer->length;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
	char *at = buffer_room(buffer, length);

	if (!at)
		return;
	if (length)
		memcpy(at, bytes, length);
	buffer_used(buffer, length);
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_add_number(struct buffer *buffer, unsigned long long number)
{
	unsigned long long rest;
	size_t i, digits = 1;
	char *at;

	for (rest = number; rest >= 10; rest /= 10)
		digits++;
	at = buffer_room(buffer, digits);
	if (!at)
		return;
	for (i = digits; i--; number /= 10)
		at[i] = '0' + number % 10;
	buffer_used(buffer, digits);
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !buffer_room(buffer, length))
		return;
	va_start(args, format);
	vsnprintf(buffer->text + buffer->length, length + 1, format, args);
	va_end(args);
	buffer_used(buffer, length);
}

void buffer_move(struct buffer *to, struct buffer *from)
{
	if (to->broken || to->length) {
		to->broken = to->broken || from->broken;
		buffer_add(to, from->text, from->length);
		buffer_free(from);
		return;
	}
	buffer_free(to);
	*to = *from;
	*from = (struct buffer){ 0 };
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->text);
	*buffer = (struct buffer){ 0 };
}

char *buffer_take(struct buffer *buffer)
{
	char *text;

	if (!buffer->broken && !buffer->text)
		buffer_add(buffer, "", 0);
	text = buffer->text;
	if (buffer->broken) {
		free(text);
		text = NULL;
	}
	*buffer = (struct buffer){ 0 };
	return text;
}

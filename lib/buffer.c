// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buffer_make_room(struct buffer *buffer, size_t length)
{
	size_t need, size = buffer->size ? buffer->size : 256;
	char *text;

	if (buffer->broken || __builtin_add_overflow(buffer->length, length, &need) ||
	    need >= ((size_t)-1) / 2) {
		buffer->broken = true;
		return NULL;
	}
	while (size <= need)
		size *= 2;
	text = realloc(buffer->text, size);
	if (!text) {
		buffer->broken = true;
		return NULL;
	}
	buffer->text = text;
	buffer->size = size;
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
	char digits[24], *end = digits + sizeof(digits), *first = end;

	do {
		*--first = '0' + number % 10;
		number /= 10;
	} while (number);
	buffer_add(buffer, first, end - first);
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

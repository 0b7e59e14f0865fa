// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t need, size = buffer->size ? buffer->size : 256;
	char *text;

	if (buffer->broken || __builtin_add_overflow(buffer->length, more, &need) ||
	    need >= ((size_t)-1) / 2) {
		buffer->broken = true;
		return false;
	}
	if (need < buffer->size)
		return true;
	while (size <= need)
		size *= 2;
	text = realloc(buffer->text, size);
	if (!text) {
		buffer->broken = true;
		return false;
	}
	buffer->text = text;
	buffer->size = size;
	return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
	if (!buffer_reserve(buffer, length))
		return;
	if (length)
		memcpy(buffer->text + buffer->length, bytes, length);
	buffer->length += length;
	buffer->text[buffer->length] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !buffer_reserve(buffer, length))
		return;
	va_start(args, format);
	vsnprintf(buffer->text + buffer->length, length + 1, format, args);
	va_end(args);
	buffer->length += length;
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

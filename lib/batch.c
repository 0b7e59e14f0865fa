// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line being split: words are written over the text they come from, which they never
 * overtake. */
struct splitter {
	const char *from;
	char *to;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* One word, up to a blank or the end: its quotes go, what they hold stays. */
static int take_word(struct splitter *splitter, struct failure *failure)
{
	while (*splitter->from && !is_blank(*splitter->from)) {
		char quote = *splitter->from;

		if (quote != '\'' && quote != '"') {
			*splitter->to++ = *splitter->from++;
			continue;
		}
		while (*++splitter->from != quote) {
			if (!*splitter->from)
				return failure_set(failure, STATUS_USAGE, EINVAL, NULL,
						   "a quote (%c) is not closed", quote);
			*splitter->to++ = *splitter->from;
		}
		splitter->from++;
	}
	/* what ends it is read before the NUL takes its place */
	if (*splitter->from)
		splitter->from++;
	*splitter->to++ = '\0';
	return 0;
}

int batch_split(const char *text, struct batch_words *words, struct failure *failure)
{
	size_t length = strlen(text);
	struct splitter splitter;
	int rc = 0;

	/* A word and the blank behind it have two bytes at least. */
	words->list = calloc(length / 2 + 2, sizeof(*words->list));
	words->storage = strdup(text);
	words->count = 0;
	if (!words->list || !words->storage) {
		batch_words_free(words);
		return failure_errno(failure, ENOMEM, NULL, "cannot split a line into words");
	}
	splitter = (struct splitter){ words->storage, words->storage };
	for (;;) {
		while (is_blank(*splitter.from))
			splitter.from++;
		if (rc < 0 || !*splitter.from || *splitter.from == '#')
			break;
		words->list[words->count++] = splitter.to;
		rc = take_word(&splitter, failure);
	}
	if (rc < 0)
		batch_words_free(words);
	return rc;
}

void batch_words_free(struct batch_words *words)
{
	free(words->list);
	free(words->storage);
	*words = (struct batch_words){ 0 };
}

static int read_more(struct batch_reader *reader)
{
	char bytes[4096];
	ssize_t n;

	do {
		n = read(reader->fd, bytes, sizeof(bytes));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	reader->ended = n == 0;
	buffer_add(&reader->pending, bytes, n);
	if (reader->pending.broken)
		return -ENOMEM;
	return 0;
}

/* The length of the first pending line, when it is there whole; else negative errno,
 * or -EAGAIN. */
static ssize_t pending_line(const struct batch_reader *reader)
{
	const struct buffer *pending = &reader->pending;
	const char *end = pending->length ? memchr(pending->text, '\n', pending->length) : NULL;

	if (!end && !reader->ended)
		return pending->length > BATCH_LINE_MAX ? -EMSGSIZE : -EAGAIN;
	return end ? end - pending->text : (ssize_t)pending->length;
}

/* Move the first @length bytes of what is pending, and their line feed, to the text. */
static void take_line(struct batch_reader *reader, size_t length)
{
	struct buffer *pending = &reader->pending;
	size_t used = length < pending->length ? length + 1 : length;

	buffer_add(&reader->text, pending->text, length);
	pending->length -= used;
	memmove(pending->text, pending->text + used, pending->length);
	reader->lines++;
}

static bool take_continuation(struct batch_reader *reader)
{
	struct buffer *text = &reader->text;

	if (!text->length || text->text[text->length - 1] != '\\')
		return false;
	text->text[--text->length] = '\0';
	return true;
}

static int check_line(const struct buffer *text)
{
	if (text->broken)
		return -ENOMEM;
	if (text->length > BATCH_LINE_MAX)
		return -EMSGSIZE;
	return text->length && memchr(text->text, '\0', text->length) ? -EILSEQ : 0;
}

int batch_next(struct batch_reader *reader)
{
	buffer_free(&reader->text);
	reader->number = reader->lines + 1;
	for (;;) {
		ssize_t length = pending_line(reader);
		int rc = 0;

		if (length == -EAGAIN)
			rc = read_more(reader);
		else if (length < 0)
			rc = length;
		else if (!reader->pending.length)
			return reader->text.length > 0;
		else
			take_line(reader, length);
		if (rc < 0)
			return rc;
		if (length < 0)
			continue;
		rc = check_line(&reader->text);
		if (rc < 0)
			return rc;
		if (!take_continuation(reader)) {
			buffer_add_text(&reader->text, "");
			return 1;
		}
	}
}

void batch_end(struct batch_reader *reader)
{
	buffer_free(&reader->pending);
	buffer_free(&reader->text);
}

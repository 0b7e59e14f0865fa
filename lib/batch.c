// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/batch.h"

#include <errno.h>
#include <poll.h>
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

static bool is_quote(char c)
{
	return c == '\'' || c == '"';
}

/* One word, up to a blank or the end: its quotes go, what they hold stays. */
static int take_word(struct splitter *splitter, struct failure *failure)
{
	while (*splitter->from && !is_blank(*splitter->from)) {
		char quote = *splitter->from;

		if (!is_quote(quote)) {
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

static void wait_until_readable(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	poll(&pollfd, 1, -1);
}

/* Somebody else may have made stdin non-blocking: then it is waited for. */
static int read_more(struct batch_reader *reader)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(reader->fd, bytes, sizeof(bytes))) < 0) {
		if (errno == EAGAIN)
			wait_until_readable(reader->fd);
		else if (errno != EINTR)
			return -errno;
	}
	reader->ended = n == 0;
	buffer_add(&reader->pending, bytes, n);
	return reader->pending.broken ? -ENOMEM : 0;
}

/* The length of the first pending line, when it is there whole; else negative errno,
 * or -EAGAIN. What ends a line ("\\\r") is not counted. */
static ssize_t pending_line(struct batch_reader *reader)
{
	const struct buffer *pending = &reader->pending;
	size_t length = pending->length;
	const char *end = NULL;

	if (length > reader->searched)
		end = memchr(pending->text + reader->searched, '\n', length - reader->searched);
	reader->searched = length;
	if (!end && !reader->ended)
		return length > BATCH_LINE_MAX + 2 ? -EMSGSIZE : -EAGAIN;
	return end ? end - pending->text : (ssize_t)length;
}

/* What batch_split() would make of these bytes, as far as a comment begins in them. */
static void follow(struct batch_state *state, const char *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length && !state->comment; i++) {
		char c = bytes[i];

		if (state->quote) {
			if (c == state->quote)
				state->quote = '\0';
		} else if (is_blank(c)) {
			state->in_word = false;
		} else if (c == '#' && !state->in_word) {
			state->comment = true;
		} else {
			state->in_word = true;
			if (is_quote(c))
				state->quote = c;
		}
	}
}

/* Move the first @length bytes of what is pending to the text, and drop what ends them.
 * 1 where the next line belongs to them, 0, or negative errno as batch_next(). */
static int take_line(struct batch_reader *reader, size_t length)
{
	struct buffer *pending = &reader->pending, *text = &reader->text;
	size_t used = length < pending->length ? length + 1 : length;
	const char *line = pending->text;
	bool joined, zero;

	if (length && line[length - 1] == '\r')
		length--;
	joined = length && line[length - 1] == '\\';
	follow(&reader->state, line, length - joined);
	joined = joined && !reader->state.comment;
	zero = memchr(line, '\0', length);
	buffer_add(text, line, length - joined);
	pending->length -= used;
	memmove(pending->text, pending->text + used, pending->length);
	reader->searched = 0;
	reader->lines++;
	if (text->broken)
		return -ENOMEM;
	if (text->length > BATCH_LINE_MAX)
		return -EMSGSIZE;
	return zero ? -EILSEQ : joined;
}

int batch_next(struct batch_reader *reader)
{
	int rc = 1;

	buffer_free(&reader->text);
	reader->state = (struct batch_state){ 0 };
	reader->number = reader->lines + 1;
	while (rc > 0) {
		ssize_t length = pending_line(reader);

		if (length < 0 && length != -EAGAIN)
			return length;
		if (length == 0 && !reader->pending.length)
			return reader->text.length > 0;
		if (length >= 0)
			rc = take_line(reader, length);
		else
			rc = read_more(reader) ?: 1;
	}
	return rc < 0 ? rc : 1;
}

void batch_end(struct batch_reader *reader)
{
	buffer_free(&reader->pending);
	buffer_free(&reader->text);
}

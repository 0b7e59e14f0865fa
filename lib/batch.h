/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of a batch: a command a line, in words.
 *
 * Words stand between blanks and tabs. '...' and "..." hold blanks, also in the middle of
 * a word, and nothing in them has a meaning but the quote that ends them. A word that
 * begins with # begins a comment, which ends with its line. A backslash at the end of any
 * other line joins the next line to it. A carriage return before the line feed is no part
 * of the line. Lines without a word are passed over.
 */
#ifndef VT_LIB_BATCH_H
#define VT_LIB_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buffer.h"
#include "lib/error.h"

#define BATCH_LINE_MAX (1 << 20)	/* bytes, joined lines together */

/* A line in words. */
struct batch_words {
	int count;
	char **list;		/* count of them, then NULL */
	char *storage;
};

/* Split @text (without a line feed at its end). 0, -EINVAL with @failure where a quote
 * is left open, or -ENOMEM; batch_words_free() is due only after success. */
int batch_split(const char *text, struct batch_words *words, struct failure *failure);
void batch_words_free(struct batch_words *words);

/* How far a line has come of which there is more to be read. */
struct batch_state {
	char quote;		/* the one that is open, or NUL */
	bool in_word, comment;
};

/* A file being read, as it comes: a pipe gives each line when it is there. */
struct batch_reader {
	int fd;			/* not owned */
	struct buffer pending;	/* read, and not yet given out */
	size_t searched;	/* bytes of it in which there is no line feed */
	bool ended;
	unsigned long lines;	/* given out so far */
	struct buffer text;	/* the last one, without its line feed */
	struct batch_state state;
	unsigned long number;	/* where that began, 1 on */
};

/*
 * Read the next line into @reader->text, blank ones and comments as well. 1, 0 at the
 * end of the file, or negative errno: -EILSEQ for a NUL byte, -EMSGSIZE for a line over
 * BATCH_LINE_MAX, -ENOMEM, or what read(2) said. A last line needs no line feed.
 */
int batch_next(struct batch_reader *reader);

/* Frees what the reader holds; the descriptor stays open. */
void batch_end(struct batch_reader *reader);

#endif

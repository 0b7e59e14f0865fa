// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/up_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/batch.h"
#include "vduse/grammar.h"

static void add_word(struct buffer *text, const char *word)
{
	buffer_add(text, word, strlen(word) + 1);
}

static int add_line(struct buffer *text, const char *line, struct failure *failure)
{
	struct batch_words words;
	int i, rc = batch_split(line, &words, failure);

	if (rc < 0)
		return rc;
	for (i = 0; i < words.count; i++)
		add_word(text, words.list[i]);
	batch_words_free(&words);
	if (text->length > UP_FILE_MAX)
		return failure_set(failure, STATUS_USAGE, E2BIG, NULL, "these are too many words");
	return text->broken ? failure_errno(failure, ENOMEM, NULL, "cannot keep its words") : 0;
}

static int explain(int rc, struct failure *failure)
{
	if (rc == -EILSEQ)
		return failure_set(failure, STATUS_USAGE, EILSEQ, NULL, "it has a NUL byte");
	if (rc == -EMSGSIZE)
		return failure_set(failure, STATUS_USAGE, EMSGSIZE, NULL, "a line of it is too long");
	return failure_errno(failure, -rc, NULL, "cannot read it");
}

static int read_words(int fd, const char *path, struct buffer *text, struct failure *failure)
{
	struct batch_reader reader = { .fd = fd };
	int rc = 0, more = 1;

	while (rc == 0 && (more = batch_next(&reader)) > 0)
		rc = add_line(text, reader.text.text ?: "", failure);
	if (more < 0)
		rc = explain(more, failure);
	if (failure->status == STATUS_USAGE)
		snprintf(failure->object, sizeof(failure->object), "%.270s:%lu", path,
			 reader.number);
	batch_end(&reader);
	return rc;
}

/* What the file says is nothing but words: "--" ends the options before NAME. */
static int parse(struct up_file *file, struct failure *failure)
{
	const char *end = file->text.text + file->text.length;
	char **argv = calloc(file->text.length + 1, sizeof(*argv)), *word;
	int argc = 0, rc;

	if (!argv)
		return failure_errno(failure, ENOMEM, NULL, "cannot keep its words");
	for (word = file->text.text; word < end; word += strlen(word) + 1)
		argv[argc++] = word;
	rc = cli_parse(&vduse_command, argc, argv, &file->line, failure);
	free(argv);
	return rc;
}

static int take(const char *path, const char *name, struct up_file *file,
		struct failure *failure)
{
	int rc, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return failure_errno(failure, errno, NULL, "cannot open it");
	add_word(&file->text, "up");
	add_word(&file->text, "--");
	add_word(&file->text, name);
	rc = read_words(fd, path, &file->text, failure);
	close(fd);
	return rc < 0 ? rc : parse(file, failure);
}

int up_file_read(const char *path, const char *name, struct up_file *file,
		 struct failure *failure)
{
	int rc;

	memset(file, 0, sizeof(*file));
	rc = take(path, name, file, failure);
	if (rc < 0 && !failure->object[0])
		snprintf(failure->object, sizeof(failure->object), "%s", path);
	return rc;
}

void up_file_free(struct up_file *file)
{
	buffer_free(&file->text);
}

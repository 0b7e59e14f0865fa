// SPDX-License-Identifier: GPL-2.0-or-later
/* The grammar as text: usage, and the lines of a man page's SYNOPSIS. */
#include "lib/cli.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/cli_options.h"

#define LINE_WIDTH 80

/* Text that is wrapped between its pieces, never inside one; it begins with a word. */
struct wrapped {
	struct buffer *buffer;
	size_t column;
	size_t indent;
};

static void wrap_piece(struct wrapped *wrapped, const char *piece)
{
	size_t length = strlen(piece);

	if (wrapped->column + 1 + length > LINE_WIDTH) {
		buffer_format(wrapped->buffer, "\n%*s", (int)wrapped->indent, "");
		wrapped->column = wrapped->indent;
	} else {
		buffer_add_text(wrapped->buffer, " ");
		wrapped->column++;
	}
	buffer_add_text(wrapped->buffer, piece);
	wrapped->column += length;
}

static void add_choices(struct buffer *piece, const char *const *choices)
{
	int i;

	if (choices[0] && !choices[1]) {
		buffer_add_text(piece, choices[0]);
		return;
	}
	for (i = 0; choices[i]; i++)
		buffer_format(piece, "%s %s", i ? " |" : "{", choices[i]);
	buffer_add_text(piece, " }");
}

/* "[ type { net | block } ]" */
static void wrap_word(struct wrapped *wrapped, const struct cli_word *word, bool in_section)
{
	bool optional = !(word->flags & CLI_REQUIRED);
	struct buffer piece = { 0 };

	if (optional)
		buffer_add_text(&piece, "[ ");
	if (word->keyword)
		buffer_add_text(&piece, word->keyword);
	if (word->keyword && word->kind != CLI_FLAG)
		buffer_add_text(&piece, " ");
	if (word->kind == CLI_CHOICE)
		add_choices(&piece, word->choices);
	else if (word->kind != CLI_FLAG)
		buffer_add_text(&piece, word->value);
	/* that of a section ends behind its last word */
	if (optional && !(word->flags & CLI_SECTION))
		buffer_add_text(&piece, " ]");
	if (in_section && word[1].kind == CLI_END)
		buffer_add_text(&piece, " ]");
	if (piece.broken)
		wrapped->buffer->broken = true;
	else
		wrap_piece(wrapped, piece.text);
	buffer_free(&piece);
}

/* "dev { show | list }" */
static void add_path(struct buffer *buffer, const char *path)
{
	while (*path) {
		size_t length = strcspn(path, " ");
		bool alternatives = memchr(path, '|', length);
		size_t i;

		buffer_add_text(buffer, alternatives ? " { " : " ");
		for (i = 0; i < length; i++) {
			if (path[i] == '|')
				buffer_add_text(buffer, " | ");
			else
				buffer_add(buffer, path + i, 1);
		}
		if (alternatives)
			buffer_add_text(buffer, " }");
		path += length + (path[length] ? 1 : 0);
	}
}

static void add_verb(struct buffer *buffer, const struct cli_command *command,
		     const struct cli_verb *verb, size_t indent)
{
	struct wrapped wrapped = { .buffer = buffer };
	struct buffer path = { 0 };
	bool in_section = false;
	int i;

	add_path(&path, verb->path);
	buffer->broken |= path.broken;
	buffer_format(buffer, "%s%s", command->program, path.text ? path.text : "");
	wrapped.column = indent + strlen(command->program) + path.length;
	wrapped.indent = indent + strlen(command->program) + 6;
	for (i = 0; verb->words && verb->words[i].kind != CLI_END; i++) {
		in_section |= verb->words[i].flags & CLI_SECTION;
		wrap_word(&wrapped, &verb->words[i], in_section);
	}
	buffer_free(&path);
}

char *cli_verb_usage(const struct cli_command *command, const struct cli_verb *verb)
{
	struct buffer buffer = { 0 };

	add_verb(&buffer, command, verb, 0);
	return buffer_take(&buffer);
}

static void add_options(struct buffer *buffer)
{
	const struct cli_option *option;

	buffer_add_text(buffer, "\nOPTIONS\n");
	for (option = cli_option_table; option->name; option++) {
		struct buffer left = { 0 };

		if (option->letter)
			buffer_format(&left, "-%c, --%s", option->letter, option->name);
		else
			buffer_format(&left, "    --%s", option->name);
		if (option->value)
			buffer_format(&left, option->value[0] == '=' ? "[%s]" : " %s",
				      option->value);
		buffer_format(buffer, "  %-34s %s\n", left.text ? left.text : "", option->help);
		buffer->broken |= left.broken;
		buffer_free(&left);
	}
}

/* Does the verb stand below the object that was asked about? */
static bool below(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);

	return !strncmp(path, prefix, length) &&
	       (!length || !path[length] || path[length] == ' ' || path[length] == '|');
}

char *cli_usage(const struct cli_command *command, const char *prefix)
{
	struct buffer buffer = { 0 };
	bool first = true;
	size_t i;

	for (i = 0; i < command->verb_count; i++) {
		if (!below(command->verbs[i].path, prefix))
			continue;
		buffer_add_text(&buffer, first ? "Usage: " : "       ");
		add_verb(&buffer, command, &command->verbs[i], 7);
		buffer_add_text(&buffer, "\n");
		first = false;
	}
	if (!*prefix) {
		buffer_format(&buffer, "       %s [ OPTIONS ] help\n", command->program);
		buffer_format(&buffer, "\n%s\n", command->summary);
		add_options(&buffer);
	}
	return buffer_take(&buffer);
}

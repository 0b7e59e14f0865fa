// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/cli_options.h"
#include "lib/parse.h"

/* Where the parser stands. */
struct parser {
	const struct cli_command *command;
	struct cli_line *line;
	struct failure *failure;
	const struct cli_verb *found;	/* some verb with the path words read so far */
	int depth;			/* path words read */
	int positional;			/* positional words read */
	bool value_taken;		/* the word after the one in work is its value */
	bool literal;			/* behind "--" */
};

bool cli_word_matches(const char *alternatives, const char *text, bool prefixes)
{
	size_t length = strlen(text);

	for (;;) {
		size_t whole = strcspn(alternatives, "|");

		if (length && (length == whole || (prefixes && length < whole)) &&
		    !strncmp(alternatives, text, length))
			return true;
		if (!alternatives[whole])
			return false;
		alternatives += whole + 1;
	}
}

/* Path word @depth of @verb into @word; false where the path is shorter. */
static bool path_word(const struct cli_verb *verb, int depth, char *word, size_t size)
{
	const char *path = verb->path;
	size_t length;

	while (depth-- > 0) {
		path += strcspn(path, " ");
		if (!*path)
			return false;
		path++;
	}
	length = strcspn(path, " ");
	if (length >= size)
		return false;
	memcpy(word, path, length);
	word[length] = '\0';
	return true;
}

static bool same_path(const struct cli_verb *a, const struct cli_verb *b, int depth)
{
	char one[32], other[32];
	int i;

	for (i = 0; i < depth; i++)
		if (!path_word(a, i, one, sizeof(one)) ||
		    !path_word(b, i, other, sizeof(other)) || strcmp(one, other))
			return false;
	return true;
}

/* The program and the path words read so far, each in its first spelling. */
static void name_line(struct parser *parser)
{
	char *name = parser->line->name;
	size_t size = sizeof(parser->line->name);
	int i, used = snprintf(name, size, "%s", parser->command->program);
	char word[32];

	for (i = 0; i < parser->depth; i++)
		if (path_word(parser->found, i, word, sizeof(word)) && used < (int)size)
			used += snprintf(name + used, size - used, " %.*s",
					 (int)strcspn(word, "|"), word);
}

static int usage_error(struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int usage_error(struct parser *parser, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	failure_set(parser->failure, STATUS_USAGE, EINVAL, NULL, "%s", text);
	failure_hint(parser->failure, "see \"%s --help\"", parser->line->name);
	return -EINVAL;
}

static bool path_complete(const struct parser *parser)
{
	char word[32];

	return parser->depth && !path_word(parser->found, parser->depth, word, sizeof(word));
}

/* One word of the path: "dev", then "config", then "show". */
static int take_path_word(struct parser *parser, const char *text)
{
	const struct cli_command *command = parser->command;
	char word[32];
	size_t i;

	for (i = 0; i < command->verb_count; i++) {
		const struct cli_verb *verb = &command->verbs[i];
		bool prefixes = verb->flags & CLI_PREFIXES;

		if (parser->depth && !same_path(verb, parser->found, parser->depth))
			continue;
		if (cli_word_matches("help", text, prefixes)) {
			parser->line->options.help = true;
			return 0;
		}
		if (!path_word(verb, parser->depth, word, sizeof(word)) ||
		    !cli_word_matches(word, text, prefixes))
			continue;
		parser->found = verb;
		parser->depth++;
		name_line(parser);
		return 0;
	}
	return usage_error(parser, "there is no command \"%.100s\"", text);
}

static int bad_value(struct parser *parser, const struct cli_word *word, const char *text,
		     const char *why)
{
	failure_set(parser->failure, STATUS_USAGE, EINVAL, NULL, "%s \"%.100s\": %s",
		    word->keyword ? word->keyword : word->value, text, why);
	failure_hint(parser->failure, "see \"%s --help\"", parser->line->name);
	return -EINVAL;
}

static int bad_choice(struct parser *parser, const struct cli_word *word, const char *text)
{
	char why[200] = "is none of";
	size_t i, used = strlen(why);

	for (i = 0; word->choices[i] && used < sizeof(why); i++)
		used += snprintf(why + used, sizeof(why) - used, "%s %s", i ? "," : "",
				 word->choices[i]);
	return bad_value(parser, word, text, why);
}

static int read_choice(struct parser *parser, const struct cli_word *word,
		       const char *text, struct cli_value *value)
{
	uint64_t i;

	for (i = 0; word->choices[i]; i++) {
		if (!strcmp(word->choices[i], text)) {
			value->number = i;
			return 0;
		}
	}
	return bad_choice(parser, word, text);
}

static int read_number(struct parser *parser, const struct cli_word *word,
		       const char *text, struct cli_value *value)
{
	char why[100];

	if (!parse_number(text, word->min, word->max, &value->number))
		return 0;
	snprintf(why, sizeof(why), "is not a number from %llu to %llu",
		 (unsigned long long)word->min, (unsigned long long)word->max);
	return bad_value(parser, word, text, why);
}

static int read_value(struct parser *parser, const struct cli_word *word,
		      const char *text, struct cli_value *value)
{
	const char *why = NULL;

	value->text = text;
	switch (word->kind) {
	case CLI_NAME:
		if (!name_possible(text))
			why = "a name has 1 to 255 bytes";
		break;
	case CLI_NEW_NAME:
		why = name_refused(text);
		break;
	case CLI_NUMBER:
		return read_number(parser, word, text, value);
	case CLI_CHOICE:
		return read_choice(parser, word, text, value);
	case CLI_MAC:
		parse_mac(text, value->mac, &why);
		break;
	default:
		break;
	}
	return why ? bad_value(parser, word, text, why) : 0;
}

/* The index of the keyword that @text spells, from @first on; or -1. */
static int find_exact(const struct cli_word *words, int first, const char *text)
{
	int i;

	for (i = first; words[i].kind != CLI_END; i++)
		if (words[i].keyword && !strcmp(words[i].keyword, text))
			return i;
	return -1;
}

/* The word of a section that was said, or 0: what stands behind it comes first. */
static int find_section(const struct parser *parser, const struct cli_word *words)
{
	int i;

	for (i = 0; words[i].kind != CLI_END; i++)
		if ((words[i].flags & CLI_SECTION) && parser->line->values[i].given)
			return i;
	return 0;
}

/* The index of the keyword that @text spells, else of the first that it begins. */
static int find_keyword(const struct parser *parser, const struct cli_word *words,
			const char *text)
{
	int section = find_section(parser, words);
	int i = section ? find_exact(words, section, text) : -1;

	if (i < 0)
		i = find_exact(words, 0, text);
	if (i >= 0)
		return i;
	for (i = 0; *text && words[i].kind != CLI_END; i++)
		if (words[i].keyword && (words[i].flags & CLI_ABBREVIATED) &&
		    !strncmp(words[i].keyword, text, strlen(text)))
			return i;
	return -1;
}

/* The index of the next positional word that is still to come, or -1. */
static int next_positional(struct parser *parser, const struct cli_word *words)
{
	int i, seen = 0;

	for (i = 0; words[i].kind != CLI_END; i++)
		if (!words[i].keyword && seen++ == parser->positional)
			return i;
	return -1;
}

/*
 * A keyword with its value, where a word that may be left out could stand: it was left out.
 * Behind "--" it is the word.
 */
static bool is_left_out(const struct parser *parser, const struct cli_word *words, int positional,
			const char *text, const char *next)
{
	int i = find_keyword(parser, words, text);

	return !(words[positional].flags & CLI_REQUIRED) && !parser->literal && next && i >= 0 &&
	       !strcmp(words[i].keyword, text);
}

/*
 * "help" behind the path is usage, but not where a device of that name could be meant:
 * @next is the positional word that is due, or -1. A name that we give is none.
 */
static bool asks_for_help(const struct parser *parser, const struct cli_word *words, int next)
{
	int i;

	if (parser->literal || (next >= 0 && words[next].kind != CLI_NEW_NAME))
		return false;
	for (i = 0; words[i].kind != CLI_END; i++)
		if (parser->line->values[i].given)
			return false;
	return true;
}

/* Returns how many words were used, or negative. */
static int take_word(struct parser *parser, const char *text, const char *next)
{
	static const struct cli_word none[] = { { .kind = CLI_END } };
	const struct cli_word *words = parser->found->words ? parser->found->words : none;
	struct cli_value *values = parser->line->values;
	int rc, i = next_positional(parser, words);

	if (!strcmp(text, "help") && asks_for_help(parser, words, i)) {
		parser->line->options.help = true;
		return 1;
	}
	if (i >= 0 && !is_left_out(parser, words, i, text, next)) {
		parser->positional++;
		values[i].given = true;
		rc = read_value(parser, &words[i], text, &values[i]);
		return rc ? rc : 1;
	}
	i = find_keyword(parser, words, text);
	if (i < 0)
		return usage_error(parser, "the word \"%.100s\" has no meaning here", text);
	if (values[i].given)
		return usage_error(parser, "\"%s\" is said twice", words[i].keyword);
	values[i].given = true;
	if (words[i].kind == CLI_FLAG)
		return 1;
	if (!next)
		return usage_error(parser, "\"%s\" needs a value", words[i].keyword);
	parser->value_taken = true;
	rc = read_value(parser, &words[i], next, &values[i]);
	parser->value_taken = rc;
	return rc ? rc : 2;
}

static int take_option(struct parser *parser, const char *text, const char *next)
{
	const struct cli_word *words = path_complete(parser) ? parser->found->words : NULL;
	struct cli_line *line = parser->line;
	int i = cli_find_option(words, text);

	if (i < 0)
		return cli_take_option(&line->options, text, next, parser->failure);
	if (line->values[i].given)
		return usage_error(parser, "\"%s\" is said twice", words[i].keyword);
	line->values[i].given = true;
	return 1;
}

static int check_required(struct parser *parser)
{
	const struct cli_word *words = parser->found->words;
	int i;

	for (i = 0; words && words[i].kind != CLI_END; i++)
		if ((words[i].flags & CLI_REQUIRED) && !parser->line->values[i].given)
			return usage_error(parser, "\"%s\" is missing",
					   words[i].keyword ? words[i].keyword : words[i].value);
	return 0;
}

/* The verb for a path that stops early: "vdpa dev" shows. NULL means usage. */
static const struct cli_verb *default_verb(const struct parser *parser)
{
	size_t i;

	for (i = 0; parser->depth && i < parser->command->verb_count; i++) {
		const struct cli_verb *verb = &parser->command->verbs[i];
		char word[32];

		if ((verb->flags & CLI_DEFAULT) &&
		    same_path(verb, parser->found, parser->depth) &&
		    !path_word(verb, parser->depth + 1, word, sizeof(word)))
			return verb;
	}
	return NULL;
}

static int finish(struct parser *parser)
{
	const struct cli_options *options = &parser->line->options;

	if (options->help || options->version)
		return 0;
	if (options->batch)
		return parser->depth ? usage_error(parser, "a batch takes its commands from %.100s "
						   "alone", options->batch) : 0;
	if (!path_complete(parser)) {
		const struct cli_verb *verb = default_verb(parser);

		if (!verb && parser->depth > 1)	/* "vdpa dev vstats" does nothing there, too */
			return usage_error(parser, "a word is missing");
		if (!verb)
			return 0;
		parser->found = verb;
		parser->depth++;
		name_line(parser);
	}
	parser->line->verb = parser->found;
	return check_required(parser);
}

/* The line was not understood: was -j asked for behind the place that was not? */
static void note_rest(struct parser *parser, int argc, char **argv)
{
	struct cli_options options = parser->line->options;
	int i;

	for (i = 0; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1])
			cli_take_option(&options, argv[i], "", NULL);
	parser->line->options.json = options.json;
	parser->line->options.pretty = options.pretty;
	if (path_complete(parser))
		parser->line->verb = parser->found;
}

static int parse(const struct cli_command *command, int argc, char **argv,
		 struct cli_line *line, struct failure *failure)
{
	struct parser parser = { .command = command, .line = line, .failure = failure };
	int used, i;

	name_line(&parser);
	for (i = 0; i < argc; i += used) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;

		used = 1;
		if (!parser.literal && !strcmp(argv[i], "--"))
			parser.literal = true;
		else if (!parser.literal && argv[i][0] == '-' && argv[i][1])
			used = take_option(&parser, argv[i], next);
		else if (line->options.help || line->options.version)
			continue;
		else if (path_complete(&parser))
			used = take_word(&parser, argv[i], next);
		else
			used = take_path_word(&parser, argv[i]) ?: 1;
		if (used < 0) {
			i += parser.value_taken ? 2 : 1;
			note_rest(&parser, argc - i, argv + i);
			return used;
		}
	}
	return finish(&parser);
}

int cli_parse(const struct cli_command *command, int argc, char **argv,
	      struct cli_line *line, struct failure *failure)
{
	memset(line, 0, sizeof(*line));
	return parse(command, argc, argv, line, failure);
}

int cli_parse_line(const struct cli_command *command, const struct cli_options *base,
		   int argc, char **argv, struct cli_line *line, struct failure *failure)
{
	const struct cli_options *own = &line->options;
	int rc;

	memset(line, 0, sizeof(*line));
	line->options = *base;
	line->options.batch = NULL;
	rc = parse(command, argc, argv, line, failure);
	if (own->batch ||
	    (rc == 0 && (own->json != base->json || own->pretty != base->pretty ||
			 own->force != base->force || own->color != base->color))) {
		failure_set(failure, STATUS_USAGE, EINVAL, NULL,
			    "an option for the whole batch stands in a line of it");
		failure_hint(failure, "say it before -b");
		rc = -EINVAL;
	}
	line->options.json = base->json;
	line->options.pretty = base->pretty;
	return rc;
}

bool cli_is_batch(const struct cli_line *line)
{
	const struct cli_options *options = &line->options;

	return options->batch && !options->help && !options->version;
}

bool cli_goes_on(const struct cli_line *line)
{
	const struct cli_word *words = line->verb->words;
	int i;

	for (i = 0; words && words[i].kind != CLI_END; i++) {
		if ((words[i].flags & CLI_RETURNS) && line->values[i].given)
			return false;
		if ((words[i].flags & CLI_GOES_ON) && line->values[i].given)
			return true;
	}
	return line->verb->running == CLI_SERVES;
}

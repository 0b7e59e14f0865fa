// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command tables as other programs read them, at build time and in the tests:
 *
 *	tables sh|fish PROGRAM		the tables of a completion script (README)
 *	tables verbs PROGRAM		a verb a line: its path, and "changes" or "reads"
 *	tables synopsis PROGRAM		the usage of each verb, one line each
 *
 * A row of a completion script has five fields with tabs between, "-" for an empty one:
 *
 *	WORD FLAGS TYPE ARGUMENT HELP
 *
 * WORD is "-" for a positional word. FLAGS: a, any prefix will do; o, may be left out; s, a
 * section begins; of options the letter. TYPE: path, a word of the verb's path; flag, the
 * word alone; choice, one of the words of ARGUMENT; attached, the same behind '='; else what
 * the value is, see value_type().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cli.h"
#include "lib/cli_options.h"
#include "lib/features.h"
#include "vdpa/vdpa.h"
#include "vduse/grammar.h"

/* How a shell frames the tables. */
struct shell {
	const char *head, *head_end;	/* the program's name between */
	const char *open, *open_end;	/* the table's name between */
	const char *close, *foot;
	const char *quote, *backslash;	/* for those two, inside of '...' */
};

static const struct shell sh = {
	.head = "_",
	.head_end = "_table()\n{\n\ttable=()\n\tcase $1 in\n",
	.open = "\t'",
	.open_end = "')\n\t\ttable=(\n",
	.close = "\t\t)\n\t\t;;\n",
	.foot = "\tesac\n}\n",
	.quote = "'\\''",
	.backslash = "\\",
};

static const struct shell fish = {
	.head = "function __",
	.head_end = "_table\n\tswitch \"$argv[1]\"\n",
	.open = "\tcase '",
	.open_end = "'\n\t\tprintf '%s\\n' \\\n",
	.close = "\n",
	.foot = "\tend\nend\n",
	.quote = "\\'",
	.backslash = "\\\\",
};

static void print_quoted(const struct shell *shell, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs(shell->quote, stdout);
		else if (*text == '\\')
			fputs(shell->backslash, stdout);
		else
			putchar(*text);
	}
}

/* An empty field would be lost between two tabs. */
static const char *field(const char *text)
{
	return text && *text ? text : "-";
}

static void print_row(const struct shell *shell, const char *word, const char *flags,
		      const char *type, const char *argument, const char *help)
{
	const char *const fields[] = { word, flags, type, argument, help };
	size_t i;

	fputs("\t\t\t'", stdout);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (i)
			putchar('\t');
		print_quoted(shell, field(fields[i]));
	}
	fputs(shell == &fish ? "' \\\n" : "'\n", stdout);
}

/* What completion looks for; "text" for nothing. */
static const char *value_type(const struct cli_word *word)
{
	static const char *const types[] = {
		[CLI_NOTHING] = "text",
		[CLI_VDUSE_DEVICES] = "vduse",
		[CLI_VDPA_DEVICES] = "vdpa",
		[CLI_EITHER_DEVICES] = "either",
		[CLI_FREE_DEVICES] = "free",
		[CLI_MANAGERS] = "manager",
		[CLI_FEATURE_NAMES] = "features",
		[CLI_FILES] = "file",
		[CLI_USERS] = "user",
		[CLI_PROCESSORS] = "processors",
	};

	if (word->kind == CLI_FLAG)
		return "flag";
	return word->kind == CLI_CHOICE ? "choice" : types[word->candidates];
}

/* The words of @choices with blanks between, in @text. */
static void join_choices(const char *const *choices, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (; *choices && used < size; choices++)
		used += snprintf(text + used, size - used, "%s%s", used ? " " : "", *choices);
	if (used >= size)
		abort();
}

/* Is there a word "type" that tells which features are meant? */
static bool has_type(const struct cli_word *words)
{
	for (; words->kind != CLI_END; words++)
		if (words->keyword && !strcmp(words->keyword, "type"))
			return true;
	return false;
}

static void print_words(const struct shell *shell, const struct cli_word *words)
{
	const struct cli_word *word;
	char argument[200], flags[8];

	for (word = words; word && word->kind != CLI_END; word++) {
		if (word->kind == CLI_CHOICE)
			join_choices(word->choices, argument, sizeof(argument));
		else if (word->candidates == CLI_FEATURE_NAMES)
			strcpy(argument, has_type(words) ? "net" : "any");
		else
			snprintf(argument, sizeof(argument), "%s", word->value ? word->value : "");
		snprintf(flags, sizeof(flags), "%s%s%s",
			 word->flags & CLI_ABBREVIATED ? "a" : "",
			 word->keyword || word->flags & CLI_REQUIRED ? "" : "o",
			 word->flags & CLI_SECTION ? "s" : "");
		print_row(shell, word->keyword, flags, value_type(word), argument, word->help);
	}
}

static void open_table(const struct shell *shell, const char *name)
{
	printf("%s%s%s", shell->open, name, shell->open_end);
}

static void close_table(const struct shell *shell)
{
	fputs(shell->close, stdout);
}

/* The word at @path into @word; what is behind it, or NULL at the end. */
static const char *next_word(const char *path, char *word, size_t size)
{
	size_t length = strcspn(path, " |");

	snprintf(word, size, "%.*s", (int)length, path);
	path += strcspn(path, " ");
	return *path ? path + 1 : NULL;
}

/* Does @path stand below @above, which is a path in first spellings ("" for all)? */
static const char *below(const char *path, const char *above)
{
	size_t length = strlen(above);

	if (!length)
		return path;
	return !strncmp(path, above, length) && path[length] == ' ' ? path + length + 1 : NULL;
}

/* Was the word of @verb below @above that of a verb before it, too? */
static bool seen_before(const struct cli_command *command, size_t verb, const char *above,
			const char *word)
{
	char other[32];
	size_t i;

	for (i = 0; i < verb; i++) {
		const char *rest = below(command->verbs[i].path, above);

		if (!rest)
			continue;
		next_word(rest, other, sizeof(other));
		if (!strcmp(other, word))
			return true;
	}
	return false;
}

/* "show|list": a row for each; the second is the first for the tables ("show"). */
static void print_spellings(const struct shell *shell, const struct cli_verb *verb,
			    const char *rest)
{
	char first[32], spelling[32];
	const char *help = next_word(rest, first, sizeof(first)) ? NULL : verb->help;

	for (;;) {
		size_t length = strcspn(rest, " |");

		snprintf(spelling, sizeof(spelling), "%.*s", (int)length, rest);
		print_row(shell, spelling, verb->flags & CLI_PREFIXES ? "a" : "", "path", first,
			  help);
		if (rest[length] != '|')
			break;
		rest += length + 1;
	}
}

/* The rows of a path that goes on: "dev" has show, list, add ... */
static void print_path(const struct shell *shell, const struct cli_command *command,
		       const char *above)
{
	char word[32];
	size_t i;

	open_table(shell, above);
	for (i = 0; i < command->verb_count; i++) {
		const char *rest = below(command->verbs[i].path, above);

		if (!rest)
			continue;
		next_word(rest, word, sizeof(word));
		if (!seen_before(command, i, above, word))
			print_spellings(shell, &command->verbs[i], rest);
	}
	if (!*above)
		print_row(shell, "help", "", "path", "help", "print the usage");
	close_table(shell);
}

/* The tables of all paths, each once: "", "dev", "dev config", "dev config show". */
static void print_verb(const struct shell *shell, const struct cli_command *command, size_t at)
{
	const struct cli_verb *verb = &command->verbs[at];
	const char *path = verb->path;
	char above[64] = "", word[32];

	while (path) {
		path = next_word(path, word, sizeof(word));
		if (path && !seen_before(command, at, above, word)) {
			snprintf(above + strlen(above), sizeof(above) - strlen(above), "%s%s",
				 *above ? " " : "", word);
			print_path(shell, command, above);
			continue;
		}
		snprintf(above + strlen(above), sizeof(above) - strlen(above), "%s%s",
			 *above ? " " : "", word);
	}
	open_table(shell, above);
	print_words(shell, verb->words);
	close_table(shell);
}

static void print_options(const struct shell *shell)
{
	const struct cli_option *option;
	char name[32], argument[100];

	open_table(shell, "options");
	for (option = cli_option_table; option->name; option++) {
		char letter[2] = { option->letter };
		const char *value = option->value, *type = "flag";
		char *bar;

		snprintf(name, sizeof(name), "--%s", option->name);
		snprintf(argument, sizeof(argument), "%s", value ? value : "");
		if (value && value[0] == '=') {
			type = "attached";
			snprintf(argument, sizeof(argument), "%s", value + 1);
			while ((bar = strchr(argument, '|')))
				*bar = ' ';
		} else if (value) {
			type = strcmp(value, "FILE") ? "text" : "file";
		}
		print_row(shell, name, letter, type, argument, option->help);
	}
	close_table(shell);
}

/* Names only: "bit_7" helps nobody. Those of all types have common bits once. */
static void print_features(const struct shell *shell, const char *name, bool net, bool block)
{
	char buffer[FEATURE_NAME_MAX];
	unsigned int bit;

	open_table(shell, name);
	for (bit = 0; bit < 64; bit++) {
		const char *of_net = feature_name(DEVICE_TYPE_NET, bit, buffer);
		const char *of_block;

		if (net && of_net != buffer)
			print_row(shell, of_net, "", "feature", "", "");
		of_block = feature_name(DEVICE_TYPE_BLOCK, bit, buffer);
		if (block && of_block != buffer && !(net && of_net == of_block))
			print_row(shell, of_block, "", "feature", "", "");
	}
	close_table(shell);
}

static void print_tables(const struct shell *shell, const struct cli_command *command)
{
	size_t i;

	printf("%s%s%s", shell->head, command->program, shell->head_end);
	print_path(shell, command, "");
	for (i = 0; i < command->verb_count; i++)
		print_verb(shell, command, i);
	print_options(shell);
	print_features(shell, "features net", true, false);
	print_features(shell, "features block", false, true);
	print_features(shell, "features any", true, true);
	fputs(shell->foot, stdout);
}

static void print_verbs(const struct cli_command *command)
{
	static const char *const running[] = {
		[CLI_READS] = "reads",
		[CLI_CHANGES] = "changes",
		[CLI_KEEPS_TIME] = "changes",
		[CLI_SERVES] = "serves",
	};
	char word[32];
	size_t i;

	for (i = 0; i < command->verb_count; i++) {
		const char *path = command->verbs[i].path;

		fputs(command->program, stdout);
		while (path) {
			path = next_word(path, word, sizeof(word));
			printf(" %s", word);
		}
		printf("\t%s\n", running[command->verbs[i].running]);
	}
}

static void print_synopsis(const struct cli_command *command)
{
	size_t i;

	for (i = 0; i < command->verb_count; i++) {
		char *usage = cli_verb_usage(command, &command->verbs[i]), *word;

		if (!usage)
			abort();
		for (word = strtok(usage, " \n"); word; word = strtok(NULL, " \n"))
			printf("%s ", word);
		putchar('\n');
		free(usage);
	}
}

int main(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc != 3) {
		fputs("usage: tables { sh | fish | verbs | synopsis } { vdpa | vduse }\n", stderr);
		return 2;
	}
	command = strcmp(argv[2], "vdpa") ? &vduse_command : &vdpa_command;
	if (!strcmp(argv[1], "verbs"))
		print_verbs(command);
	else if (!strcmp(argv[1], "synopsis"))
		print_synopsis(command);
	else
		print_tables(strcmp(argv[1], "fish") ? &sh : &fish, command);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}

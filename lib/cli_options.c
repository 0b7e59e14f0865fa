// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/cli_options.h"

#include <errno.h>
#include <string.h>

#include "lib/parse.h"

static int take_version(struct cli_options *options, const char *value)
{
	(void)value;
	options->version = true;
	return 0;
}

static int take_help(struct cli_options *options, const char *value)
{
	(void)value;
	options->help = true;
	return 0;
}

static int take_json(struct cli_options *options, const char *value)
{
	(void)value;
	options->json = true;
	return 0;
}

static int take_pretty(struct cli_options *options, const char *value)
{
	(void)value;
	options->pretty = true;
	return 0;
}

static int take_details(struct cli_options *options, const char *value)
{
	(void)value;
	options->details = true;
	return 0;
}

static int take_statistics(struct cli_options *options, const char *value)
{
	(void)value;
	options->statistics = true;
	return 0;
}

/* Once: the commands of two files would have no order. */
static int take_batch(struct cli_options *options, const char *value)
{
	if (options->batch || !*value)
		return -EINVAL;
	options->batch = value;
	return 0;
}

static int take_force(struct cli_options *options, const char *value)
{
	(void)value;
	options->force = true;
	return 0;
}

static int take_timestamp(struct cli_options *options, const char *value)
{
	(void)value;
	options->timestamp = true;
	return 0;
}

static int take_short_timestamp(struct cli_options *options, const char *value)
{
	(void)value;
	options->short_timestamp = true;
	return 0;
}

static int take_timeout(struct cli_options *options, const char *value)
{
	options->timeout_given = true;
	return parse_number(value, 1, 86400, &options->timeout);
}

static int take_color(struct cli_options *options, const char *value)
{
	if (!value || !strcmp(value, "always"))
		options->color = CLI_COLOR_ALWAYS;
	else if (!strcmp(value, "auto"))
		options->color = CLI_COLOR_AUTO;
	else if (!strcmp(value, "never"))
		options->color = CLI_COLOR_NEVER;
	else
		return -EINVAL;
	return 0;
}

const struct cli_option cli_option_table[] = {
	{ 'V', "version", NULL, "print the version", take_version },
	{ 0, "Version", NULL, "the same", take_version },
	{ 'h', "help", NULL, "print the usage", take_help },
	{ 'j', "json", NULL, "print JSON", take_json },
	{ 'p', "pretty", NULL, "with line breaks (needs -j)", take_pretty },
	{ 'd', "details", NULL, "print more of each device", take_details },
	{ 's', "statistics", NULL, "print counters", take_statistics },
	{ 'b', "batch", "FILE", "take a command from each line (-: stdin)",
	  take_batch },
	{ 'f', "force", NULL, "in a batch: go on when a command failed", take_force },
	{ 't', "timestamp", NULL, "monitor: the time, in a line before each",
	  take_timestamp },
	{ 0, "tshort", NULL, "monitor: the time, in the line itself", take_short_timestamp },
	{ 'T', "timeout", "SECONDS", "the longest the command may take", take_timeout },
	{ 'c', "color", "=auto|always|never", "color the output", take_color },
	{ 0, NULL, NULL, NULL, NULL },
};

static const struct cli_option *by_letter(char letter)
{
	const struct cli_option *option;

	for (option = cli_option_table; option->name; option++)
		if (option->letter == letter)
			return option;
	return NULL;
}

/* An exact name, or the only one that begins so (getopt_long takes that too). */
static const struct cli_option *by_name(const char *name, size_t length)
{
	const struct cli_option *option, *found = NULL;

	for (option = cli_option_table; option->name; option++) {
		if (strncmp(option->name, name, length))
			continue;
		if (!option->name[length])
			return option;
		if (found)
			return NULL;
		found = option;
	}
	return found;
}

static bool needs_value(const struct cli_option *option)
{
	return option->value && option->value[0] != '=';
}

static int bad_option(struct failure *failure, const char *word, const char *what)
{
	failure_set(failure, STATUS_USAGE, EINVAL, NULL, "option \"%.100s\" %s", word, what);
	failure_hint(failure, "see --help");
	return -EINVAL;
}

static int take(struct cli_options *options, const struct cli_option *option,
		const char *value, int used, struct failure *failure)
{
	if (option->take(options, value) >= 0)
		return used;
	failure_set(failure, STATUS_USAGE, EINVAL, NULL,
		    "option \"--%s\" has a bad value: \"%.100s\"", option->name, value ? value : "");
	failure_hint(failure, "see --help");
	return -EINVAL;
}

static int take_long(struct cli_options *options, const char *word, const char *next,
		     struct failure *failure)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? name + length + 1 : NULL;
	const struct cli_option *option = length ? by_name(name, length) : NULL;

	if (!option)
		return bad_option(failure, word, "is not known");
	if (value && !option->value)
		return bad_option(failure, word, "takes no value");
	if (!needs_value(option) || value)
		return take(options, option, value, 1, failure);
	if (!next)
		return bad_option(failure, word, "needs a value");
	return take(options, option, next, 2, failure);
}

int cli_take_option(struct cli_options *options, const char *word, const char *next,
		    struct failure *failure)
{
	const char *letter;

	if (word[1] == '-')
		return take_long(options, word, next, failure);
	for (letter = word + 1; *letter; letter++) {
		const struct cli_option *option = by_letter(*letter);

		if (!option)
			return bad_option(failure, word, "is not known");
		if (option->value && letter[1] == '=')
			return take(options, option, letter + 2, 1, failure);
		if (!needs_value(option)) {
			take(options, option, NULL, 1, failure);
			continue;
		}
		if (letter[1])
			return take(options, option, letter + 1, 1, failure);
		if (!next)
			return bad_option(failure, word, "needs a value");
		return take(options, option, next, 2, failure);
	}
	return 1;
}

/* Is @text the other spelling of @keyword? */
static bool spells(const char *text, const char *keyword)
{
	if (strncmp(text, "--", 2))
		return false;
	for (text += 2; *text && (*keyword == *text || (*keyword == '_' && *text == '-')); text++)
		keyword++;
	return !*text && !*keyword;
}

int cli_find_option(const struct cli_word *words, const char *text)
{
	int i;

	for (i = 0; words && words[i].kind != CLI_END; i++)
		if ((words[i].flags & CLI_OPTION) && spells(text, words[i].keyword))
			return i;
	return -1;
}

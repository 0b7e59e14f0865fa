// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/cli: command lines understood, or refused with the word that was wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cli.h"
#include "sample_grammar.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 40

static char storage[4096];
static char *arguments[WORDS_MAX];
static struct cli_line line;
static struct failure failure;

/* Split at single blanks ("" is an empty word) and understand. */
static int parse_with(const struct cli_command *grammar, const char *text)
{
	int count = 0;
	char *word = storage;

	memset(&failure, 0, sizeof(failure));
	assert_true(strlen(text) < sizeof(storage));
	strcpy(storage, text);
	while (*text) {
		arguments[count++] = word;
		word = strchr(word, ' ');
		if (!word)
			break;
		*word++ = '\0';
	}
	return cli_parse(grammar, count, arguments, &line, &failure);
}

static int parse(const char *text)
{
	return parse_with(&sample_command, text);
}

/* Up to four words as they are. */
static int parse_words(const char *one, const char *two, const char *three, const char *four)
{
	const char *words[] = { one, two, three, four };
	int count = 0;

	while (count < 4 && words[count])
		count++;
	return cli_parse(&sample_command, count, (char **)words, &line, &failure);
}

static void expect_verb(const char *text, const char *path, const char *name)
{
	int rc = parse(text);

	if (rc)
		fail_msg("\"%s\": %s", text, failure.message);
	assert_non_null(line.verb);
	assert_string_equal(line.verb->path, path);
	assert_string_equal(line.name, name);
}

static void expect_refused(const char *text, const char *why)
{
	if (parse(text) != -EINVAL)
		fail_msg("\"%s\" was understood", text);
	assert_int_equal(failure.status, STATUS_USAGE);
	assert_int_equal(failure.errnum, EINVAL);
	if (!strstr(failure.message, why))
		fail_msg("\"%s\": %s", text, failure.message);
	assert_true(failure.hint[0]);
}

static void paths_are_found(void **state)
{
	(void)state;
	expect_verb("make x", "make", "prog make");
	expect_verb("show", "show|list", "prog show");
	expect_verb("list", "show|list", "prog show");
	expect_verb("bare", "bare", "prog bare");
	expect_verb("dev show", "dev show|list", "prog dev show");
	expect_verb("dev config show a", "dev config show", "prog dev config show");
	assert_string_equal(line.values[0].text, "a");
}

static void paths_may_be_abbreviated_where_the_table_says(void **state)
{
	(void)state;
	expect_verb("d s", "dev show|list", "prog dev show");
	expect_verb("d l x", "dev show|list", "prog dev show");
	expect_verb("de c s", "dev config show", "prog dev config show");
	expect_verb("d a n x", "dev add", "prog dev add");
	expect_refused("mak x", "there is no command \"mak\"");
	expect_refused("dev bin x", "there is no command \"bin\"");
	expect_refused("dev showx", "there is no command \"showx\"");
	expect_refused("devx", "there is no command \"devx\"");
	expect_verb("link flush", "link flush", "prog link flush");
	expect_refused("dev flush", "there is no command \"flush\"");	/* another's word */
}

static void short_path_shows_or_is_usage(void **state)
{
	(void)state;
	expect_verb("dev", "dev show|list", "prog dev show");
	expect_verb("dev config", "dev config show", "prog dev config show");
	expect_verb("-j dev", "dev show|list", "prog dev show");
	assert_true(line.options.json);
	assert_int_equal(cli_parse(&sample_command, 0, NULL, &line, &failure), 0);
	assert_null(line.verb);
	assert_string_equal(line.name, "prog");
}

static void help_wherever_it_is_asked_for(void **state)
{
	static const char *const texts[] = {
		"help", "-h", "--help", "-h make", "make -h", "make x --help", "dev help", "d h",
		"dev config help", "make help", "bare help", "dev add help", "help nonsense",
		"make --help size",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		if (parse(texts[i]))
			fail_msg("\"%s\": %s", texts[i], failure.message);
		assert_true(line.options.help);
		assert_null(line.verb);
	}
	parse("make help");
	assert_string_equal(line.name, "prog make");
}

/* A device of that name can be shown and ended; it cannot be made in passing. */
static void help_as_a_name(void **state)
{
	(void)state;
	expect_verb("show help", "show|list", "prog show");
	assert_string_equal(line.values[0].text, "help");
	expect_verb("dev add name help", "dev add", "prog dev add");
	expect_verb("make -- help", "make", "prog make");
	assert_string_equal(line.values[MAKE_NAME].text, "help");
	expect_verb("make help0", "make", "prog make");
	expect_verb("make x text help", "make", "prog make");
	expect_refused("make x help", "has no meaning");
}

static void values_are_read(void **state)
{
	static const uint8_t mac[6] = { 2, 0x11, 0x22, 0x33, 0x44, 0x55 };

	(void)state;
	expect_verb("make lo0 mac 02:11:22:33:44:55 flag size 0x9 kind block text -j", "make",
		    "prog make");
	assert_string_equal(line.values[MAKE_NAME].text, "lo0");
	assert_memory_equal(line.values[MAKE_MAC].mac, mac, 6);
	assert_true(line.values[MAKE_FLAG].given);
	assert_int_equal(line.values[MAKE_SIZE].number, 9);
	assert_int_equal(line.values[MAKE_KIND].number, 1);
	assert_string_equal(line.values[MAKE_TEXT].text, "-j");
	assert_false(line.options.json);
	assert_false(line.values[MAKE_ONLY].given);
	expect_verb("make lo0 only one", "make", "prog make");
	assert_int_equal(line.values[MAKE_ONLY].number, 0);
}

static void words_that_are_refused(void **state)
{
	(void)state;
	expect_refused("make", "\"NAME\" is missing");
	expect_refused("make x y", "\"y\" has no meaning");
	expect_refused("make x size", "\"size\" needs a value");
	expect_refused("make x size 3 size 3", "\"size\" is said twice");
	expect_refused("make x flag flag", "\"flag\" is said twice");
	expect_refused("make x kind disk", "kind \"disk\": is none of net, block");
	expect_refused("make x kind ne", "kind \"ne\"");
	expect_refused("make x siz 3", "\"siz\" has no meaning");
	expect_refused("make x Size 3", "\"Size\" has no meaning");
	expect_refused("show a b", "\"b\" has no meaning");
	expect_refused("join a", "\"SECOND\" is missing");
	expect_refused("join a b c", "\"c\" has no meaning");
	expect_refused("bare x", "\"x\" has no meaning");
	expect_refused("dev add mgmtdev v", "\"name\" is missing");
}

static void keywords_may_be_abbreviated_where_the_table_says(void **state)
{
	(void)state;
	expect_verb("dev add n x m vduse", "dev add", "prog dev add");
	assert_string_equal(line.values[1].text, "vduse");	/* mgmtdev is first */
	expect_verb("dev add name x ma 02:00:00:00:00:01", "dev add", "prog dev add");
	assert_true(line.values[2].given);
	expect_refused("dev add name x d y", "\"d\" has no meaning");
	expect_refused("dev add name x ", "\"\" has no meaning");
}

static void value_after_a_keyword_whatever_it_begins_with(void **state)
{
	(void)state;
	expect_verb("make x text -- flag", "make", "prog make");
	assert_string_equal(line.values[MAKE_TEXT].text, "--");
	assert_true(line.values[MAKE_FLAG].given);
	expect_verb("make x text --nonsense", "make", "prog make");
	expect_verb("make x text size", "make", "prog make");
	expect_refused("make x size -j", "size \"-j\"");
	expect_refused("make x size -- 3", "size \"--\"");
}

static void options_anywhere_else(void **state)
{
	(void)state;
	expect_verb("-j -p make x -d size 3 -s", "make", "prog make");
	assert_true(line.options.json && line.options.pretty && line.options.details &&
		    line.options.statistics);
	expect_verb("-jpd show", "show|list", "prog show");
	assert_true(line.options.json && line.options.pretty && line.options.details);
	expect_verb("show -- -j", "show|list", "prog show");
	assert_string_equal(line.values[0].text, "-j");
	assert_false(line.options.json);
	expect_verb("show -", "show|list", "prog show");
	assert_string_equal(line.values[0].text, "-");
	expect_refused("show -- -j -j", "\"-j\" has no meaning");
	assert_int_equal(parse("-V nonsense"), 0);
	assert_true(line.options.version);
	assert_int_equal(parse("-V"), 0);
	assert_true(line.options.version);
}

static void options_and_their_values(void **state)
{
	(void)state;
	expect_verb("-T 5 show", "show|list", "prog show");
	assert_true(line.options.timeout_given);
	assert_int_equal(line.options.timeout, 5);
	expect_verb("-T5 show", "show|list", "prog show");
	assert_int_equal(line.options.timeout, 5);
	expect_verb("--timeout=86400 show", "show|list", "prog show");
	assert_int_equal(line.options.timeout, 86400);
	expect_verb("--timeout 1 show", "show|list", "prog show");
	expect_verb("-jT 7 show", "show|list", "prog show");
	assert_int_equal(line.options.timeout, 7);
	expect_verb("show --color", "show|list", "prog show");
	assert_int_equal(line.options.color, CLI_COLOR_ALWAYS);
	expect_verb("--color=auto show", "show|list", "prog show");
	assert_int_equal(line.options.color, CLI_COLOR_AUTO);
	expect_verb("--color=never show", "show|list", "prog show");
	assert_int_equal(line.options.color, CLI_COLOR_NEVER);
	expect_verb("-c=never show", "show|list", "prog show");
	assert_int_equal(line.options.color, CLI_COLOR_NEVER);
	expect_verb("--stat show", "show|list", "prog show");
	assert_true(line.options.statistics);
}

static void options_that_are_refused(void **state)
{
	static const char *const texts[] = {
		"-x", "--nonsense", "-jx", "--", "-T", "-T 0", "-T -1", "-T 86401", "-T 1s", "-T ",
		"--timeout=", "--timeout", "--json=1", "--=x", "--color=blue",
		"-c=blue", "---json",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++) {
		int rc = parse(texts[i]);

		if (!strcmp(texts[i], "--"))	/* ends the options, there are none */
			assert_int_equal(rc, 0);
		else if (rc != -EINVAL || failure.status != STATUS_USAGE)
			fail_msg("\"%s\" was understood", texts[i]);
	}
}

/* Whoever asked for JSON gets it, also where the line is wrong before that. */
static void json_is_noted_on_a_bad_line(void **state)
{
	(void)state;
	assert_int_equal(parse("make x nonsense -j"), -EINVAL);
	assert_true(line.options.json);
	assert_non_null(line.verb);
	assert_int_equal(parse("nonsense -jp"), -EINVAL);
	assert_true(line.options.json && line.options.pretty);
	assert_null(line.verb);
	assert_int_equal(parse("dev nonsense -j"), -EINVAL);
	assert_true(line.options.json);
	assert_null(line.verb);
	assert_int_equal(parse("make x size -1 -x -j"), -EINVAL);
	assert_true(line.options.json);
	assert_int_equal(parse("nonsense"), -EINVAL);
	assert_false(line.options.json);
}

/* Case 85, where a device gets its name and where it has one. */
static void cli_85_hostile_names(void **state)
{
	static const char *const names[] = {
		"", "..", ".", "a/b", "a b", "a\nb", "-x", "%n%s%n", "\"'", "\033[2J", "\xff\xfe",
		"control", "power", "vq0",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(names); i++) {
		assert_int_equal(parse_words("make", "--", names[i], NULL), -EINVAL);
		assert_int_equal(failure.status, STATUS_USAGE);
		assert_int_equal(parse_words("show", "--", names[i], NULL),
				 names[i][0] ? 0 : -EINVAL);
	}
}

static void cli_85_long_names(void **state)
{
	char name[257];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[255] = '\0';
	assert_int_equal(parse_words("show", name, NULL, NULL), 0);
	assert_int_equal(parse_words("make", name, NULL, NULL), 0);
	name[255] = 'a';
	name[256] = '\0';
	assert_int_equal(parse_words("make", name, NULL, NULL), -EINVAL);
	assert_int_equal(parse_words("show", name, NULL, NULL), -EINVAL);
	assert_non_null(strstr(failure.message, "255"));
}

static void cli_86_numbers_out_of_range(void **state)
{
	(void)state;
	expect_refused("make x size 1", "from 2 to 9");
	expect_refused("make x size 10", "from 2 to 9");
	expect_refused("make x size -1", "from 2 to 9");
	expect_refused("make x size +3", "from 2 to 9");
	expect_refused("make x size 3e0", "from 2 to 9");
	expect_refused("make x size 18446744073709551619", "from 2 to 9");
	expect_refused("make x size ", "from 2 to 9");
}

static void cli_87_bad_addresses(void **state)
{
	(void)state;
	expect_refused("make x mac 00:11", "six");
	expect_refused("make x mac 1.2.3.4", "six");
	expect_refused("make x mac 02:11:22:33:44:55:66", "six");
	expect_refused("make x mac 01:11:22:33:44:55", "multicast");
	expect_refused("make x mac 00:00:00:00:00:00", "zero");
}

static void cli_88_no_word_an_empty_one_and_a_very_long_one(void **state)
{
	char *huge = malloc((1 << 20) + 1);

	(void)state;
	assert_int_equal(cli_parse(&sample_command, 0, NULL, &line, &failure), 0);
	assert_int_equal(parse_words("", NULL, NULL, NULL), -EINVAL);
	memset(huge, 'w', 1 << 20);
	huge[1 << 20] = '\0';
	assert_int_equal(parse_words(huge, NULL, NULL, NULL), -EINVAL);
	assert_int_equal(parse_words("make", huge, NULL, NULL), -EINVAL);
	assert_int_equal(parse_words("make", "x", huge, NULL), -EINVAL);
	assert_int_equal(parse_words("make", "x", "size", huge), -EINVAL);
	huge[0] = huge[1] = '-';
	assert_int_equal(parse_words(huge, NULL, NULL, NULL), -EINVAL);
	assert_true(strlen(failure.message) < 300);
	free(huge);
}

static void formats_in_words_stay_words(void **state)
{
	(void)state;
	expect_refused("%s%n", "\"%s%n\"");
	expect_refused("make x %s%n%x", "\"%s%n%x\"");
	expect_refused("make x size %s%n", "\"%s%n\"");
	expect_refused("--%s%n", "\"--%s%n\"");
}

static void words_of_alternatives(void **state)
{
	(void)state;
	assert_true(cli_word_matches("show|list", "list", false));
	assert_false(cli_word_matches("show|list", "lis", false));
	assert_true(cli_word_matches("show|list", "lis", true));
	assert_true(cli_word_matches("show|list", "s", true));
	assert_false(cli_word_matches("show|list", "show|list", true));
	assert_false(cli_word_matches("show|list", "showx", true));
	assert_false(cli_word_matches("show", "", false));
	assert_false(cli_word_matches("show|list", "", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_found),
		cmocka_unit_test(paths_may_be_abbreviated_where_the_table_says),
		cmocka_unit_test(short_path_shows_or_is_usage),
		cmocka_unit_test(help_wherever_it_is_asked_for),
		cmocka_unit_test(help_as_a_name),
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(words_that_are_refused),
		cmocka_unit_test(keywords_may_be_abbreviated_where_the_table_says),
		cmocka_unit_test(value_after_a_keyword_whatever_it_begins_with),
		cmocka_unit_test(options_anywhere_else),
		cmocka_unit_test(options_and_their_values),
		cmocka_unit_test(options_that_are_refused),
		cmocka_unit_test(json_is_noted_on_a_bad_line),
		cmocka_unit_test(cli_85_hostile_names),
		cmocka_unit_test(cli_85_long_names),
		cmocka_unit_test(cli_86_numbers_out_of_range),
		cmocka_unit_test(cli_87_bad_addresses),
		cmocka_unit_test(cli_88_no_word_an_empty_one_and_a_very_long_one),
		cmocka_unit_test(formats_in_words_stay_words),
		cmocka_unit_test(words_of_alternatives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

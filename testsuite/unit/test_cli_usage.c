// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/cli_text: the grammar as usage text, and what the tables must be like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cli.h"
#include "sample_grammar.h"
#include "vduse/grammar.h"

static void expect_usage(const char *prefix, const char *expected)
{
	char *usage = cli_usage(&sample_command, prefix);

	assert_string_equal(usage, expected);
	free(usage);
}

static void usage_comes_from_the_table(void **state)
{
	char *usage;

	(void)state;
	expect_usage("make", "Usage: prog make NAME [ kind { net | block } ] [ size N ] [ mac MAC ]\n"
			     "                 [ text TEXT ] [ flag ] [ only one ]\n");
	expect_usage("show", "Usage: prog { show | list } [ NAME ]\n");
	expect_usage("join", "Usage: prog join FIRST SECOND\n");
	expect_usage("dev", "Usage: prog dev { show | list } [ NAME ]\n"
			    "       prog dev add name NAME [ mgmtdev MGMTDEV ] [ mac MAC ] [ driver D ]\n"
			    "       prog dev config show [ NAME ]\n"
			    "       prog dev bind [ NAME ]\n");
	expect_usage("dev config", "Usage: prog dev config show [ NAME ]\n");
	usage = cli_usage(&sample_command, "");
	assert_non_null(strstr(usage, "A grammar."));
	assert_non_null(strstr(usage, "\n  -j, --json "));
	assert_non_null(strstr(usage, "\n      --Version "));
	assert_non_null(strstr(usage, "--timeout SECONDS"));
	assert_non_null(strstr(usage, "--color[=auto|always|never]"));
	free(usage);
	usage = cli_verb_usage(&sample_command, &sample_verbs[SAMPLE_BARE]);
	assert_string_equal(usage, "prog bare");
	free(usage);
}

static void no_line_of_usage_is_too_wide(void **state)
{
	char *usage = cli_usage(&vduse_command, ""), *rest = usage, *part;

	(void)state;
	while ((part = strsep(&rest, "\n")))
		if (strlen(part) > 80)
			fail_msg("\"%s\"", part);
	free(usage);
}

/* What the parser relies on, in the grammar of the program itself. */
static void tables_are_well_formed(void **state)
{
	size_t v;
	int i;

	(void)state;
	for (v = 0; v < vduse_command.verb_count; v++) {
		const struct cli_verb *verb = &vduse_command.verbs[v];
		bool keyword_seen = false;

		assert_non_null(verb->run);
		assert_non_null(verb->help);
		for (i = 0; verb->words && verb->words[i].kind != CLI_END; i++) {
			const struct cli_word *word = &verb->words[i];

			assert_true(i < CLI_WORDS_MAX);
			assert_non_null(word->help);
			assert_false(keyword_seen && !word->keyword);
			keyword_seen = word->keyword;
			if (word->kind == CLI_CHOICE)
				assert_non_null(word->choices);
			else if (word->kind != CLI_FLAG)
				assert_non_null(word->value);
			if (word->kind == CLI_NUMBER)
				assert_true(word->min <= word->max);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_comes_from_the_table),
		cmocka_unit_test(no_line_of_usage_is_too_wide),
		cmocka_unit_test(tables_are_well_formed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

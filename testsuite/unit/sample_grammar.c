// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample_grammar.h"

#include <stddef.h>

static const char *const kinds[] = { "net", "block", NULL };
static const char *const only[] = { "one", NULL };

static const struct cli_word make_words[] = {
	{ .value = "NAME", .kind = CLI_NEW_NAME, .flags = CLI_REQUIRED },
	{ .keyword = "kind", .kind = CLI_CHOICE, .choices = kinds },
	{ .keyword = "size", .value = "N", .kind = CLI_NUMBER, .min = 2, .max = 9 },
	{ .keyword = "mac", .value = "MAC", .kind = CLI_MAC },
	{ .keyword = "text", .value = "TEXT", .kind = CLI_TEXT },
	{ .keyword = "flag", .kind = CLI_FLAG },
	{ .keyword = "only", .kind = CLI_CHOICE, .choices = only },
	{ .kind = CLI_END },
};

static const struct cli_word name_words[] = {
	{ .value = "NAME", .kind = CLI_NAME },
	{ .kind = CLI_END },
};

static const struct cli_word pair_words[] = {
	{ .value = "FIRST", .kind = CLI_NAME, .flags = CLI_REQUIRED },
	{ .value = "SECOND", .kind = CLI_NAME, .flags = CLI_REQUIRED },
	{ .kind = CLI_END },
};

static const struct cli_word add_words[] = {
	{ .keyword = "name", .value = "NAME", .kind = CLI_NAME,
	  .flags = CLI_REQUIRED | CLI_ABBREVIATED },
	{ .keyword = "mgmtdev", .value = "MGMTDEV", .kind = CLI_TEXT, .flags = CLI_ABBREVIATED },
	{ .keyword = "mac", .value = "MAC", .kind = CLI_MAC, .flags = CLI_ABBREVIATED },
	{ .keyword = "driver", .value = "D", .kind = CLI_TEXT },
	{ .kind = CLI_END },
};

const struct cli_verb sample_verbs[] = {
	{ .path = "make", .words = make_words },
	{ .path = "show|list", .words = name_words },
	{ .path = "join", .words = pair_words },
	{ .path = "dev show|list", .words = name_words, .flags = CLI_PREFIXES | CLI_DEFAULT },
	{ .path = "dev add", .words = add_words, .flags = CLI_PREFIXES },
	{ .path = "dev config show", .words = name_words, .flags = CLI_PREFIXES | CLI_DEFAULT },
	{ .path = "dev bind", .words = name_words },
	{ .path = "bare" },
	{ .path = "link flush" },
};

const struct cli_command sample_command = {
	.program = "prog", .summary = "A grammar.", .verbs = sample_verbs,
	.verb_count = sizeof(sample_verbs) / sizeof(sample_verbs[0]),
};

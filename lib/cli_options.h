/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options that both programs take, as one table. */
#ifndef VT_LIB_CLI_OPTIONS_H
#define VT_LIB_CLI_OPTIONS_H

#include "lib/cli.h"

struct cli_option {
	char letter;		/* 0 for none */
	const char *name;	/* without the dashes */
	const char *value;	/* NULL for none; "=..." only after '=' */
	const char *help;
	int (*take)(struct cli_options *options, const char *value);
};

extern const struct cli_option cli_option_table[];	/* ends with name NULL */

/*
 * Understand one word that begins with '-' and is not "-" or "--". @next is the
 * word after it or NULL. Returns how many words it used (1 or 2), or negative with
 * @failure (STATUS_USAGE).
 */
int cli_take_option(struct cli_options *options, const char *word, const char *next,
		    struct failure *failure);

/* The flag among @words (may be NULL) that the option @text spells (CLI_OPTION), or -1. */
int cli_find_option(const struct cli_word *words, const char *text);

#endif

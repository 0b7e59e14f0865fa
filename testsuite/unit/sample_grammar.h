/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A grammar with every kind of word, of a program called "prog". */
#ifndef VT_UNIT_SAMPLE_GRAMMAR_H
#define VT_UNIT_SAMPLE_GRAMMAR_H

#include "lib/cli.h"

/* The words of "prog make", in their order. */
enum { MAKE_NAME, MAKE_KIND, MAKE_SIZE, MAKE_MAC, MAKE_TEXT, MAKE_FLAG, MAKE_ONLY };

#define SAMPLE_BARE 7	/* index of the verb without words */

extern const struct cli_verb sample_verbs[];
extern const struct cli_command sample_command;

#endif

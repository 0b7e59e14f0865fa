/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a command line to its result: what both main functions share.
 *
 * Nothing is printed here: the result says what belongs on stdout and on stderr and
 * which status to exit with, and main writes it. A verb that goes on (loopback,
 * monitor) prints its lines through call->print, which main supplies.
 */
#ifndef VT_LIB_COMMAND_H
#define VT_LIB_COMMAND_H

#include "lib/buffer.h"
#include "lib/cli.h"
#include "lib/error.h"
#include "lib/output.h"

/* What a verb is given. */
struct call {
	const struct cli_line *line;
	const struct cli_options *options;	/* &line->options */
	const struct cli_value *values;		/* line->values, one for each word */
	struct output *out;
	struct buffer *warnings;		/* see call_warn() */
	/* Write @length bytes to stdout now. 0 or negative errno. */
	int (*print)(const char *text, size_t length);
};

/* Something the user should know although the command did what it was asked: a
 * line for stderr, JSON with -j. */
void call_warn(struct call *call, const char *object, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct command_result {
	char *text;		/* for stdout, never NULL after command_run() */
	size_t length;
	char *diagnostics;	/* for stderr, never NULL after command_run() */
	enum exit_status status;
};

/*
 * Understand and run @argv (without the program's name). @result is filled in any
 * case, freed by command_result_free(). The program exits with @result->status
 * after a successful write of @result->text; a failed write is command_write_failed().
 */
void command_run(const struct cli_command *command, int argc, char **argv,
		 int (*print)(const char *text, size_t length),
		 struct command_result *result);
void command_result_free(struct command_result *result);

/* The line for stderr where writing stdout failed with @errnum; the caller frees it. */
char *command_write_failed(const struct cli_command *command, bool json, int errnum);

#endif

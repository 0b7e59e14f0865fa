/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a command line to its result: what both main functions share.
 *
 * Nothing is printed here: the result says what belongs on stdout and on stderr and
 * which status to exit with, and main writes it. A verb that goes on (loopback,
 * monitor) prints its lines with call_print().
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
	int (*print)(const char *text, size_t length);	/* see call_print() */
	bool printed;				/* it was called */
};

/* Write @length bytes to stdout now, for a verb that goes on. 0 or negative errno. */
int call_print(struct call *call, const char *text, size_t length);

/* Something the user should know although the command did what it was asked: a
 * line for stderr, JSON with -j. */
void call_warn(struct call *call, const char *object, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct command_result {
	char *text;		/* for stdout, never NULL after command_run() */
	size_t length;
	char *diagnostics;	/* for stderr, never NULL after command_run() */
	enum exit_status status;
	bool json;		/* -j was given: a later error is an object, too */
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

/*
 * All of main: run @argv (without the program's name) and write what came of it,
 * first stdout, whole, by @print, then stderr by @complain; both return 0 or a
 * negative errno. A closed pipe is such an error: SIGPIPE is ignored from here on.
 * Returns the status to exit with: the command's, or STATUS_FAILED where it went
 * well and stdout could not be written.
 */
int command_main(const struct cli_command *command, int argc, char **argv,
		 int (*print)(const char *text, size_t length),
		 int (*complain)(const char *text, size_t length));

#endif

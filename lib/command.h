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

#include <sys/types.h>

#include "lib/buffer.h"
#include "lib/cli.h"
#include "lib/error.h"
#include "lib/output.h"

/* Where text goes: 0 or negative errno. */
struct sink {
	int (*write)(void *context, const char *text, size_t length);
	void *context;
};

/* What a program gives its commands. */
struct command_host {
	struct sink out;	/* stdout */
	struct sink errors;	/* stderr */
	void *session;		/* what its verbs keep between the lines of a batch */
};

/* What a verb is given. */
struct call {
	const struct cli_line *line;
	const struct cli_options *options;	/* &line->options */
	const struct cli_value *values;		/* line->values, one for each word */
	struct output *out;
	struct buffer *warnings;		/* of struct failure; see call_warn() */
	const struct sink *sink;		/* see call_print() */
	bool printed;				/* it was called */
	void *session;				/* struct command_host */
	pid_t left;				/* in explain_timeout: the process that waits on */
};

/* Write @length bytes to stdout now, for a verb that goes on. 0 or negative errno. */
int call_print(struct call *call, const char *text, size_t length);

/* The time-out of a verb that sees to it itself (CLI_KEEPS_TIME), in seconds. */
uint64_t call_seconds(const struct call *call);

/* Of @milliseconds that a verb would wait for other processes, at most half of -T, so that it
 * comes to its own end, with its own sentence, before its time is over. */
int call_patience(const struct call *call, int milliseconds);

/* Something the user should know although the command did what it was asked: a
 * line for stderr, JSON with -j. */
void call_warn(struct call *call, const char *object, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, of what is no failure of the command: @failure's object, message and hint. */
void call_warn_of(struct call *call, const struct failure *failure);

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
 * A batch writes to @host as it goes, and leaves no more than its status.
 */
void command_run(const struct cli_command *command, int argc, char **argv,
		 const struct command_host *host, struct command_result *result);
void command_result_free(struct command_result *result);

/* The line for stderr where writing stdout failed with @errnum; the caller frees it. */
char *command_write_failed(const struct cli_command *command, bool json, int errnum);

/*
 * All of main: run @argv (without the program's name) and write what came of it,
 * first stdout, whole, then stderr. A closed pipe is an error of the write: SIGPIPE is
 * ignored from here on. Returns the status to exit with: the command's, or STATUS_FAILED
 * where it went well and stdout could not be written.
 */
int command_main(const struct cli_command *command, int argc, char **argv,
		 const struct command_host *host);

#endif

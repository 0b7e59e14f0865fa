/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a single command and the lines of a batch share: running what was parsed. */
#ifndef VT_LIB_COMMAND_LINE_H
#define VT_LIB_COMMAND_LINE_H

#include "lib/blocking.h"
#include "lib/command.h"
#include "lib/text.h"

/* Run the verb of @line in this process. @result is filled; a verb that goes on prints
 * by @sink. Returns whether it did. */
bool command_line_run(const struct cli_line *line, const struct sink *sink, void *session,
		      struct blocking_result *result);

/* The seconds after which @line is given up; 0: never. */
uint64_t command_line_seconds(const struct cli_line *line);

/* Say in the failure of @result, which timed out, what the kernel waits for. */
void command_line_explain(const struct cli_line *line, struct blocking_result *result);

/* What @line prints that has no verb: the version, or usage. */
void command_line_tell(const struct cli_command *command, const struct cli_line *line,
		       struct buffer *text);

/* The document that stdout holds where @line failed or had nothing to print; nothing
 * in text. */
void command_line_empty(const struct cli_line *line, struct buffer *text);

/* Add the warnings of @result and, where it failed, its failure, each as a line for
 * stderr; @place is NULL outside of a batch. */
void command_line_diagnostics(const struct cli_line *line, const struct blocking_result *result,
			      const struct text_place *place, struct buffer *diagnostics);

/*
 * Run the lines of the batch that @options name, each as it is read, and write what comes
 * of them. The status of the first that failed, of the file or of the write, or 0.
 */
enum exit_status command_batch(const struct cli_command *command,
			       const struct cli_options *options,
			       const struct command_host *host);

#endif

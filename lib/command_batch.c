// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A batch: a command a line, each with a result of its own.
 *
 * All lines are run by one worker process (lib/blocking.h), which keeps its session, and
 * with it the netlink socket. A line that the kernel keeps waiting too long is left
 * behind with its worker, and the next one gets a new worker. Only a verb that serves
 * in the background runs here, as it must outlive the worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/batch.h"
#include "lib/command_line.h"
#include "lib/text.h"

struct batch {
	const struct cli_command *command;
	const struct cli_options *options;
	const struct command_host *host;
	struct batch_reader reader;
	struct blocking_worker worker;
	enum exit_status status;	/* of the first that failed */
	unsigned long records;		/* written so far */
	int write_error;
	bool unmade;			/* memory was short for what was to be written */
};

/* One line of it, and what came of it. */
struct batch_line {
	struct cli_line line;
	struct blocking_result result;
	bool prose;		/* its text is usage or a version: no JSON */
	bool events;		/* its text is a JSON object a line */
};

/* Parse what a line says; a verb of it is still to be run. */
static void understand(const struct batch *batch, struct batch_words *words,
		       struct batch_line *line)
{
	struct blocking_result *result = &line->result;

	result->rc = cli_parse_line(batch->command, batch->options, words->count, words->list,
				    &line->line, &result->failure);
	if (result->rc < 0 || !line->line.verb || !cli_goes_on(&line->line))
		return;
	result->rc = failure_set(&result->failure, STATUS_USAGE, EINVAL, NULL,
				 "it goes on until it is told to end, and the batch would wait");
	failure_hint(&result->failure, "see \"%s --help\" for a word that makes it return",
		     line->line.name);
}

/* In the worker: understand the line once more, and run it. */
static void serve_line(void *context, const void *request, size_t length,
		       struct blocking_result *result)
{
	struct batch *batch = context;
	struct batch_words words;
	struct cli_line line;

	(void)length;
	result->rc = batch_split(request, &words, &result->failure);
	if (result->rc < 0)
		return;
	result->rc = cli_parse_line(batch->command, batch->options, words.count, words.list,
				    &line, &result->failure);
	if (result->rc == 0)
		command_line_run(&line, NULL, batch->host->session, result);
	batch_words_free(&words);
}

static void run_in_worker(struct batch *batch, struct batch_line *line)
{
	struct blocking_result *result = &line->result;
	int rc = 0;

	if (!batch->worker.pid)
		rc = blocking_start(&batch->worker, serve_line, batch, &result->failure);
	if (rc == 0)
		rc = blocking_call(&batch->worker, batch->reader.text.text,
				   batch->reader.text.length + 1,
				   command_line_seconds(&line->line), result);
	if (rc < 0)
		result->rc = rc;
	if (rc == -ETIMEDOUT)
		command_line_explain(&line->line, result);
}

static int collect(void *context, const char *text, size_t length)
{
	struct buffer *buffer = context;

	buffer_add(buffer, text, length);
	return buffer->broken ? -ENOMEM : 0;
}

/* The process that it leaves behind must not hold a worker's pipes. */
static void run_here(struct batch *batch, struct batch_line *line)
{
	const struct sink sink = { collect, &line->result.text };

	blocking_end(&batch->worker);
	line->events = command_line_run(&line->line, &sink, batch->host->session, &line->result);
}

static void run_line(struct batch *batch, struct batch_words *words, struct batch_line *line)
{
	struct blocking_result *result = &line->result;

	understand(batch, words, line);
	if (result->rc < 0)
		return;
	line->prose = !line->line.verb;
	if (line->prose)
		command_line_tell(batch->command, &line->line, &result->text);
	else if (line->line.verb->running == CLI_SERVES ||
		 line->line.verb->running == CLI_KEEPS_TIME)
		run_here(batch, line);
	else
		run_in_worker(batch, line);
	if (result->rc >= 0 && result->text.broken)
		result->rc = failure_errno(&result->failure, ENOMEM, NULL, "cannot print");
}

/* -- what is written ----------------------------------------------------------------- */

static void write_out(struct batch *batch, const struct buffer *text)
{
	const struct sink *out = &batch->host->out;

	if (text->broken)
		batch->unmade = true;
	else if (text->length && !batch->write_error)
		batch->write_error = out->write(out->context, text->text, text->length);
}

static void write_err(struct batch *batch, const struct buffer *text)
{
	if (text->broken)
		batch->unmade = true;
	if (text->length)
		batch->host->errors.write(batch->host->errors.context, text->text, text->length);
}

/* @text without white space at its end; each line feed in it is followed by @indent
 * blanks. JSON has none in its strings. */
static void add_indented(struct buffer *record, const struct buffer *text, int indent)
{
	const char *at = text->text, *feed;
	size_t length = text->length;

	while (length && at[length - 1] == '\n')
		length--;
	while ((feed = length ? memchr(at, '\n', length) : NULL)) {
		buffer_add(record, at, feed + 1 - at);
		buffer_format(record, "%*s", indent, "");
		length -= feed + 1 - at;
		at = feed + 1;
	}
	buffer_add(record, at, length);
}

/* Objects, one a line, as an array. */
static void add_events(struct buffer *record, const struct buffer *text)
{
	size_t i;

	buffer_add_text(record, "[");
	for (i = 0; i + 1 < text->length; i++)
		buffer_add(record, text->text[i] == '\n' ? "," : text->text + i, 1);
	buffer_add_text(record, "]");
}

/* The next member of a record; -p gives each a line. */
static void add_key(const struct batch *batch, struct buffer *record, const char *key)
{
	bool first = record->length && record->text[record->length - 1] == '{';

	buffer_format(record, "%s%s\"%s\":", first ? "" : ",",
		      batch->options->pretty ? "\n    " : "", key);
}

static void add_output(const struct batch *batch, struct buffer *record,
		       const struct batch_line *line)
{
	const struct buffer *text = &line->result.text;

	add_key(batch, record, "output");
	if (line->prose)
		text_add_json(record, text->text ? text->text : "");
	else if (line->events)
		add_events(record, text);
	else
		add_indented(record, text, 4);
}

/* Members of the objects {"warning":{..}} and {"error":{..}}, of which each stands on a
 * line of @diagnostics; warnings come first, and become an array. */
static void add_diagnostics(const struct batch *batch, struct buffer *record,
			    const struct buffer *diagnostics)
{
	static const char warning[] = "{\"warning\":", error[] = "{\"error\":";
	const char *at = diagnostics->text, *end;
	bool first = true;

	record->broken |= diagnostics->broken;
	for (; at && (end = strchr(at, '\n')); at = end + 1) {
		if (strncmp(at, warning, strlen(warning))) {
			if (!first)
				buffer_add_text(record, "]");
			first = true;
			add_key(batch, record, "error");
			buffer_add(record, at + strlen(error), end - 1 - at - strlen(error));
			continue;
		}
		if (first)
			add_key(batch, record, "warnings");
		buffer_add_text(record, first ? "[" : ",");
		buffer_add(record, at + strlen(warning), end - 1 - at - strlen(warning));
		first = false;
	}
	if (!first)
		buffer_add_text(record, "]");
}

/* Without -p it is a line, which goes out with its line feed: whoever reads lines has it
 * whole, and the comma stands before the next one. */
static void write_record(struct batch *batch, const struct batch_line *line,
			 const struct buffer *diagnostics)
{
	const struct blocking_result *result = &line->result;
	const bool pretty = batch->options->pretty, first = !batch->records;
	struct buffer record = { 0 };

	buffer_format(&record, "%s%s{", first ? "[" : ",", pretty ? "\n  " : first ? "\n" : "");
	add_key(batch, &record, "line");
	buffer_format(&record, "%lu", batch->reader.number);
	add_key(batch, &record, "command");
	text_add_json(&record, batch->reader.text.text);
	add_key(batch, &record, "status");
	buffer_format(&record, "%d", result->rc < 0 ? (int)result->failure.status : 0);
	if (result->rc >= 0)
		add_output(batch, &record, line);
	add_diagnostics(batch, &record, diagnostics);
	buffer_add_text(&record, pretty ? "\n  }" : "}\n");
	write_out(batch, &record);
	batch->records += !record.broken;
	buffer_free(&record);
}

/* With -j what stands on standard error is in the record, too. */
static void write_line(struct batch *batch, struct batch_line *line)
{
	const struct text_place place = { batch->options->batch, batch->reader.number };
	struct blocking_result *result = &line->result;
	struct buffer diagnostics = { 0 }, own = { 0 };

	if (batch->options->json) {
		command_line_diagnostics(&line->line, result, NULL, &own);
		write_record(batch, line, &own);
		buffer_free(&result->warnings);
	} else if (result->rc >= 0) {
		write_out(batch, &result->text);
	}
	command_line_diagnostics(&line->line, result, &place, &diagnostics);
	write_err(batch, &diagnostics);
	buffer_free(&diagnostics);
	buffer_free(&own);
}

/* -- the whole of it ----------------------------------------------------------------- */

static void note(struct batch *batch, const struct blocking_result *result)
{
	if (result->rc < 0 && batch->status == STATUS_OK)
		batch->status = result->failure.status ? result->failure.status : STATUS_FAILED;
}

/* The words of the line that was read; a line without any is passed over. */
static void take_line(struct batch *batch)
{
	struct batch_line line = { .line = { .options = *batch->options } };
	struct batch_words words = { 0 };

	strcpy(line.line.name, batch->command->program);
	line.result.rc = batch_split(batch->reader.text.text, &words, &line.result.failure);
	if (line.result.rc == 0 && words.count)
		run_line(batch, &words, &line);
	if (line.result.rc < 0 || words.count) {
		write_line(batch, &line);
		note(batch, &line.result);
	}
	batch_words_free(&words);
	buffer_free(&line.result.text);
	buffer_free(&line.result.warnings);
}

/* What is wrong with the file, or with the writing, and not with a line of it. */
static void fail(struct batch *batch, const struct blocking_result *result)
{
	struct cli_line line = { .options = *batch->options };
	struct buffer text = { 0 };

	strcpy(line.name, batch->command->program);
	command_line_diagnostics(&line, result, NULL, &text);
	write_err(batch, &text);
	note(batch, result);
	buffer_free(&text);
}

static void fail_read(struct batch *batch, int errnum)
{
	struct blocking_result result = { .rc = -errnum };
	unsigned long number = batch->reader.number;
	const char *file = batch->options->batch;

	if (errnum == EILSEQ)
		failure_set(&result.failure, STATUS_USAGE, EILSEQ, file,
			    "at line %lu there is a NUL byte: this is no text", number);
	else if (errnum == EMSGSIZE)
		failure_set(&result.failure, STATUS_USAGE, EMSGSIZE, file,
			    "line %lu is longer than %d bytes", number, BATCH_LINE_MAX);
	else
		failure_errno(&result.failure, errnum, file, "cannot read it");
	fail(batch, &result);
}

/* Servers that have ended, and workers that were left behind, are our children. */
static void reap(const struct batch *batch)
{
	siginfo_t ended = { 0 };

	while (!waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) && ended.si_pid &&
	       ended.si_pid != batch->worker.pid) {
		waitpid(ended.si_pid, NULL, 0);
		ended.si_pid = 0;
	}
}

static void run_lines(struct batch *batch)
{
	int rc;

	while ((rc = batch_next(&batch->reader)) > 0) {
		reap(batch);
		take_line(batch);
		if (batch->write_error || batch->unmade ||
		    (batch->status && !batch->options->force))
			break;
	}
	if (rc < 0)
		fail_read(batch, -rc);
}

/* The file takes the place of stdin: that is what the processes made here let go of, so
 * that one left behind, or a serving one, holds no file of the user's. */
static int open_file(const char *name, struct failure *failure)
{
	int fd, rc = 0;

	if (!strcmp(name, "-"))
		return 0;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		rc = failure_errno(failure, errno, name, "cannot open it");
	if (fd > STDIN_FILENO)
		close(fd);
	return rc;
}

static void end_document(struct batch *batch)
{
	char none[] = "[]\n", plain[] = "]\n", pretty[] = "\n]\n";
	char *text = !batch->records ? none : batch->options->pretty ? pretty : plain;
	const struct buffer end = { .text = text, .length = strlen(text) };

	if (batch->options->json)
		write_out(batch, &end);
}

static void report_write_error(struct batch *batch)
{
	int errnum = batch->write_error ? -batch->write_error : ENOMEM;
	char *line = command_write_failed(batch->command, batch->options->json, errnum);

	if (line)
		batch->host->errors.write(batch->host->errors.context, line, strlen(line));
	free(line);
	batch->status = batch->status ? batch->status : STATUS_FAILED;
}

enum exit_status command_batch(const struct cli_command *command,
			       const struct cli_options *options,
			       const struct command_host *host)
{
	struct batch batch = { .command = command, .options = options, .host = host };
	struct blocking_result unopened = { 0 };

	batch.reader.fd = STDIN_FILENO;
	unopened.rc = open_file(options->batch, &unopened.failure);
	if (unopened.rc < 0)
		fail(&batch, &unopened);
	else
		run_lines(&batch);
	blocking_end(&batch.worker);
	batch_end(&batch.reader);
	end_document(&batch);
	if (batch.write_error || batch.unmade)
		report_write_error(&batch);
	return batch.status;
}

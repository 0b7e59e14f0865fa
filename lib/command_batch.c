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
	understand(batch, words, line);
	if (line->result.rc < 0)
		return;
	line->prose = !line->line.verb;
	if (line->prose)
		command_line_tell(batch->command, &line->line, &line->result.text);
	else if (line->line.verb->running == CLI_SERVES)
		run_here(batch, line);
	else
		run_in_worker(batch, line);
}

/* -- what is written ----------------------------------------------------------------- */

static void write_out(struct batch *batch, const struct buffer *text)
{
	const struct sink *out = &batch->host->out;

	if (batch->write_error || (!text->length && !text->broken))
		return;
	batch->write_error = text->broken ? -ENOMEM
					  : out->write(out->context, text->text, text->length);
}

static void write_err(struct batch *batch, const struct buffer *text)
{
	if (text->length)
		batch->host->errors.write(batch->host->errors.context, text->text, text->length);
}

/* @text without white space at its end; each line feed in it is followed by @indent
 * blanks. JSON has none in its strings. */
static void add_indented(struct buffer *record, const struct buffer *text, int indent)
{
	size_t i, length = text->length;

	while (length && text->text[length - 1] == '\n')
		length--;
	for (i = 0; i < length; i++) {
		buffer_add(record, text->text + i, 1);
		if (text->text[i] == '\n')
			buffer_format(record, "%*s", indent, "");
	}
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

static void add_string(struct buffer *record, const char *string)
{
	char *quoted = text_json_string(string);

	if (quoted)
		buffer_add_text(record, quoted);
	else
		record->broken = true;
	free(quoted);
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
		add_string(record, text->text ? text->text : "");
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

static void write_record(struct batch *batch, const struct batch_line *line,
			 const struct buffer *diagnostics)
{
	const struct blocking_result *result = &line->result;
	const char *line_break = batch->options->pretty ? "\n  " : "\n";
	struct buffer record = { 0 };

	buffer_format(&record, "%s%s{", batch->records++ ? "," : "[", line_break);
	add_key(batch, &record, "line");
	buffer_format(&record, "%lu", batch->reader.number);
	add_key(batch, &record, "command");
	add_string(&record, batch->reader.text.text);
	add_key(batch, &record, "status");
	buffer_format(&record, "%d", result->rc < 0 ? (int)result->failure.status : 0);
	if (result->rc >= 0)
		add_output(batch, &record, line);
	add_diagnostics(batch, &record, diagnostics);
	buffer_add_text(&record, batch->options->pretty ? "\n  }" : "}");
	write_out(batch, &record);
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

static void run_lines(struct batch *batch)
{
	int rc;

	while ((rc = batch_next(&batch->reader)) > 0) {
		take_line(batch);
		if (batch->write_error || (batch->status && !batch->options->force))
			break;
	}
	if (rc < 0)
		fail_read(batch, -rc);
}

static int open_file(const char *name, struct failure *failure)
{
	int fd;

	if (!strcmp(name, "-"))
		return STDIN_FILENO;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? failure_errno(failure, errno, name, "cannot open it") : fd;
}

static void end_document(struct batch *batch)
{
	struct buffer end = { 0 };

	if (batch->options->json)
		buffer_add_text(&end, batch->records ? "\n]\n" : "[]\n");
	write_out(batch, &end);
	buffer_free(&end);
}

static void report_write_error(struct batch *batch)
{
	char *line = command_write_failed(batch->command, batch->options->json,
					  -batch->write_error);

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

	batch.reader.fd = open_file(options->batch, &unopened.failure);
	if (batch.reader.fd < 0) {
		unopened.rc = batch.reader.fd;
		fail(&batch, &unopened);
	} else {
		run_lines(&batch);
	}
	blocking_end(&batch.worker);
	batch_end(&batch.reader);
	if (batch.reader.fd > STDIN_FILENO)
		close(batch.reader.fd);
	end_document(&batch);
	if (batch.write_error)
		report_write_error(&batch);
	return batch.status;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/command.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/command_line.h"
#include "lib/descriptor.h"

#ifndef VDUSE_TOOLS_VERSION
#define VDUSE_TOOLS_VERSION "unknown"
#endif

/* Commands that change something are given this long unless -T says otherwise. */
#define DEFAULT_TIMEOUT 60

void call_warn(struct call *call, const char *object, const char *format, ...)
{
	struct failure warning = { .status = STATUS_OK };
	va_list args;

	if (object)
		snprintf(warning.object, sizeof(warning.object), "%s", object);
	va_start(args, format);
	vsnprintf(warning.message, sizeof(warning.message), format, args);
	va_end(args);
	buffer_add(call->warnings, &warning, sizeof(warning));
}

int call_print(struct call *call, const char *text, size_t length)
{
	call->printed = true;
	return call->sink->write(call->sink->context, text, length);
}

uint64_t call_seconds(const struct call *call)
{
	return call->options->timeout_given ? call->options->timeout : DEFAULT_TIMEOUT;
}

void call_warn_of(struct call *call, const struct failure *failure)
{
	struct failure warning = *failure;

	warning.status = STATUS_OK;
	warning.errnum = 0;
	buffer_add(call->warnings, &warning, sizeof(warning));
}

int call_patience(const struct call *call, int milliseconds)
{
	uint64_t most = call->options->timeout * 500;	/* half of it, in milliseconds */

	return call->options->timeout_given && most < (uint64_t)milliseconds ? (int)most :
									       milliseconds;
}

static enum output_form form_of(const struct cli_options *options)
{
	if (!options->json)
		return OUTPUT_TEXT;
	return options->pretty ? OUTPUT_PRETTY : OUTPUT_JSON;
}

/* What a verb that printed by itself has left over is not printed. */
static int take_text(struct call *call, struct buffer *text)
{
	struct buffer unsaid = { 0 };
	int rc = output_take(call->out, call->printed ? &unsaid : text);

	buffer_free(&unsaid);
	return rc;
}

static void run_call(struct call *call, struct blocking_result *result)
{
	result->rc = call->line->verb->run(call, &result->failure);
	if (result->rc >= 0 && take_text(call, &result->text) < 0)
		result->rc = failure_errno(&result->failure, ENOMEM, NULL, "cannot print");
}

bool command_line_run(const struct cli_line *line, const struct sink *sink, void *session,
		      struct blocking_result *result)
{
	struct call call = {
		.line = line,
		.options = &line->options,
		.values = line->values,
		.out = output_new(form_of(&line->options)),
		.warnings = &result->warnings,
		.sink = sink,
		.session = session,
	};

	if (call.out)
		run_call(&call, result);
	else
		result->rc = failure_errno(&result->failure, ENOMEM, NULL, "cannot begin");
	if (result->rc < 0 && result->failure.status == STATUS_OK)
		failure_errno(&result->failure, -result->rc, NULL, "failed");
	output_free(call.out);
	return call.printed;
}

uint64_t command_line_seconds(const struct cli_line *line)
{
	if (line->verb->running == CLI_SERVES || line->verb->running == CLI_KEEPS_TIME ||
	    cli_goes_on(line))
		return 0;
	if (line->options.timeout_given)
		return line->options.timeout;
	return line->verb->running == CLI_CHANGES ? DEFAULT_TIMEOUT : 0;
}

void command_line_explain(const struct cli_line *line, struct blocking_result *result)
{
	struct call call = {
		.line = line,
		.options = &line->options,
		.values = line->values,
		.left = result->left,
	};

	if (line->verb->explain_timeout)
		line->verb->explain_timeout(&call, &result->failure);
}

void command_line_empty(const struct cli_line *line, struct buffer *text)
{
	if (!line->options.json)
		return;
	if (line->options.batch)
		buffer_add_text(text, "[]\n");
	else if (line->verb && line->verb->container)
		buffer_format(text, "{\"%s\":{}}\n", line->verb->container);
	else
		buffer_add_text(text, "{}\n");
}

static void add_diagnostic(struct buffer *buffer, const struct failure *failure, bool warning,
			   const struct cli_line *line, const struct text_place *place)
{
	char *text = text_diagnostic(failure, line->name, warning, line->options.json, place);

	if (text)
		buffer_add_text(buffer, text);
	else
		buffer->broken = true;
	free(text);
}

void command_line_diagnostics(const struct cli_line *line, const struct blocking_result *result,
			      const struct text_place *place, struct buffer *diagnostics)
{
	struct failure warning;
	size_t at;

	for (at = 0; at + sizeof(warning) <= result->warnings.length; at += sizeof(warning)) {
		memcpy(&warning, result->warnings.text + at, sizeof(warning));
		add_diagnostic(diagnostics, &warning, true, line, place);
	}
	if (result->rc < 0)
		add_diagnostic(diagnostics, &result->failure, false, line, place);
	if (result->warnings.broken)
		diagnostics->broken = true;
}

/* A line that runs in a child. */
struct job {
	const struct cli_line *line;
	const struct command_host *host;
};

static void run_job(void *context, struct blocking_result *result)
{
	struct job *job = context;

	command_line_run(job->line, &job->host->out, job->host->session, result);
}

/* Returns whether the verb printed by itself. */
static bool run_under_deadline(const struct cli_line *line, const struct command_host *host,
			       struct blocking_result *result)
{
	struct job job = { line, host };
	uint64_t seconds = command_line_seconds(line);
	int rc;

	if (!seconds)
		return command_line_run(line, &host->out, host->session, result);
	rc = blocking_run(run_job, &job, seconds, result);
	if (rc < 0)
		result->rc = rc;
	if (rc == -ETIMEDOUT)
		command_line_explain(line, result);
	return false;
}

static void take_buffers(struct buffer *text, struct buffer *diagnostics,
			 struct command_result *result)
{
	if (text->broken || diagnostics->broken)
		result->status = STATUS_FAILED;
	result->length = text->broken ? 0 : text->length;
	result->text = buffer_take(text);
	result->diagnostics = buffer_take(diagnostics);
}

/* Turn what came of @line into what is written. */
static void give(const struct cli_line *line, struct blocking_result *outcome, bool printed,
		 struct command_result *result)
{
	struct buffer diagnostics = { 0 };

	command_line_diagnostics(line, outcome, NULL, &diagnostics);
	if (outcome->rc < 0) {
		buffer_free(&outcome->text);
		if (!printed)
			command_line_empty(line, &outcome->text);
		result->status = outcome->failure.status;
	}
	take_buffers(&outcome->text, &diagnostics, result);
	buffer_free(&outcome->warnings);
}

/* The part of the line's name behind the program's: "dev config". */
static const char *object_of(const struct cli_line *line)
{
	const char *space = strchr(line->name, ' ');

	return space ? space + 1 : "";
}

static void give_usage(const struct cli_command *command, const struct cli_line *line,
		       struct buffer *text)
{
	char *usage = cli_usage(command, object_of(line));

	if (usage)
		buffer_add_text(text, usage);
	else
		text->broken = true;
	free(usage);
}

void command_line_tell(const struct cli_command *command, const struct cli_line *line,
		       struct buffer *text)
{
	if (line->options.version)
		buffer_format(text, "%s utility, vduse-tools-%s\n", command->program,
			      VDUSE_TOOLS_VERSION);
	else
		give_usage(command, line, text);
}

void command_run(const struct cli_command *command, int argc, char **argv,
		 const struct command_host *host, struct command_result *result)
{
	struct blocking_result outcome = { 0 };
	struct cli_line line;
	bool printed = false;

	memset(result, 0, sizeof(*result));
	outcome.rc = cli_parse(command, argc, argv, &line, &outcome.failure);
	result->json = line.options.json;
	if (outcome.rc == 0 && line.verb)
		printed = run_under_deadline(&line, host, &outcome);
	else if (outcome.rc == 0 && cli_is_batch(&line))
		result->status = command_batch(command, &line.options, host);
	else if (outcome.rc == 0)
		command_line_tell(command, &line, &outcome.text);
	give(&line, &outcome, printed, result);
}

void command_result_free(struct command_result *result)
{
	free(result->text);
	free(result->diagnostics);
	memset(result, 0, sizeof(*result));
}

char *command_write_failed(const struct cli_command *command, bool json, int errnum)
{
	struct failure failure = { .status = STATUS_OK };

	failure_errno(&failure, errnum, "stdout", "cannot write");
	return text_diagnostic(&failure, command->program, false, json, NULL);
}

/* The text that could not be made is worth a word, too. */
static int print_text(const struct command_result *result, const struct sink *out)
{
	if (!result->text)
		return -ENOMEM;
	return result->length ? out->write(out->context, result->text, result->length) : 0;
}

static void complain(const struct sink *sink, const char *text)
{
	if (text && *text)
		sink->write(sink->context, text, strlen(text));
}

int command_main(const struct cli_command *command, int argc, char **argv,
		 const struct command_host *host)
{
	struct command_result result;
	enum exit_status status;
	int rc;

	if (descriptor_reserve_standard() < 0)
		return STATUS_FAILED;
	signal(SIGPIPE, SIG_IGN);
	command_run(command, argc, argv, host, &result);
	status = result.status;
	rc = print_text(&result, &host->out);
	complain(&host->errors, result.diagnostics);
	if (rc < 0) {
		char *line = command_write_failed(command, result.json, -rc);

		complain(&host->errors, line);
		free(line);
		status = status ? status : STATUS_FAILED;
	}
	command_result_free(&result);
	return status;
}

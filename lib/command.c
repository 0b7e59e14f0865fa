// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/command.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/blocking.h"
#include "lib/descriptor.h"
#include "lib/text.h"

#ifndef VDUSE_TOOLS_VERSION
#define VDUSE_TOOLS_VERSION "unknown"
#endif

/* Commands that change something are given this long unless -T says otherwise. */
#define DEFAULT_TIMEOUT 60

void call_warn(struct call *call, const char *object, const char *format, ...)
{
	struct failure failure = { .status = STATUS_OK };
	char *text = NULL;
	va_list args;

	if (object)
		snprintf(failure.object, sizeof(failure.object), "%s", object);
	va_start(args, format);
	vsnprintf(failure.message, sizeof(failure.message), format, args);
	va_end(args);
	text = call->options->json ? warning_json(&failure, call->line->name)
				   : warning_text(&failure, call->line->name);
	if (text)
		buffer_add_text(call->warnings, text);
	else
		call->warnings->broken = true;
	free(text);
}

int call_print(struct call *call, const char *text, size_t length)
{
	call->printed = true;
	return call->print(text, length);
}

static enum output_form form_of(const struct cli_options *options)
{
	if (!options->json)
		return OUTPUT_TEXT;
	return options->pretty ? OUTPUT_PRETTY : OUTPUT_JSON;
}

struct job {
	struct call call;
	const struct cli_verb *verb;
};

/* Runs in the caller's process or in a child; leaves all that it says in @result. */
static void run_verb(void *context, struct blocking_result *result)
{
	struct job *job = context;
	const char *text = "";
	size_t length = 0;

	job->call.warnings = &result->warnings;
	job->call.out = output_new(form_of(job->call.options));
	if (!job->call.out) {
		result->rc = failure_errno(&result->failure, ENOMEM, NULL, "cannot begin");
		return;
	}
	result->rc = job->verb->run(&job->call, &result->failure);
	if (result->rc >= 0 && output_finish(job->call.out, &text, &length) < 0)
		result->rc = failure_errno(&result->failure, ENOMEM, NULL, "cannot print");
	if (result->rc >= 0 && !job->call.printed)
		buffer_add(&result->text, text, length);
	output_free(job->call.out);
	job->call.out = NULL;
}

static void run_under_deadline(struct job *job, struct blocking_result *result)
{
	const struct cli_options *options = job->call.options;
	uint64_t seconds = options->timeout_given ? options->timeout : DEFAULT_TIMEOUT;
	int rc;

	if (job->verb->running == CLI_SERVES ||
	    (job->verb->running == CLI_READS && !options->timeout_given)) {
		run_verb(job, result);
		return;
	}
	rc = blocking_run(run_verb, job, seconds, result);
	if (rc < 0)
		result->rc = rc;
	if (rc == -ETIMEDOUT && job->verb->explain_timeout)
		job->verb->explain_timeout(&job->call, &result->failure);
}

/* The document that stdout holds where a command failed or had nothing to print. */
static void add_empty_document(struct buffer *text, const struct cli_line *line)
{
	if (!line->options.json)
		return;
	if (line->verb && line->verb->container)
		buffer_format(text, "{\"%s\":{}}\n", line->verb->container);
	else
		buffer_add_text(text, "{}\n");
}

static void add_failure(struct buffer *diagnostics, const struct failure *failure,
			const struct cli_line *line)
{
	char *text = line->options.json ? failure_json(failure, line->name)
					: failure_text(failure, line->name);

	if (text)
		buffer_add_text(diagnostics, text);
	else
		diagnostics->broken = true;
	free(text);
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

static void run_line(struct cli_line *line, int (*print)(const char *text, size_t length),
		     struct command_result *result)
{
	struct blocking_result outcome = { 0 };
	struct job job = {
		.verb = line->verb,
		.call = {
			.line = line,
			.options = &line->options,
			.values = line->values,
			.print = print,
		},
	};

	run_under_deadline(&job, &outcome);
	if (outcome.rc < 0) {
		if (outcome.failure.status == STATUS_OK)
			failure_errno(&outcome.failure, -outcome.rc, NULL, "failed");
		buffer_free(&outcome.text);
		if (!job.call.printed)
			add_empty_document(&outcome.text, line);
		add_failure(&outcome.warnings, &outcome.failure, line);
		result->status = outcome.failure.status;
	}
	take_buffers(&outcome.text, &outcome.warnings, result);
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

void command_run(const struct cli_command *command, int argc, char **argv,
		 int (*print)(const char *text, size_t length),
		 struct command_result *result)
{
	struct buffer text = { 0 }, diagnostics = { 0 };
	struct failure failure = { .status = STATUS_OK };
	struct cli_line line;

	memset(result, 0, sizeof(*result));
	if (cli_parse(command, argc, argv, &line, &failure) < 0) {
		add_empty_document(&text, &line);
		add_failure(&diagnostics, &failure, &line);
		result->status = failure.status;
	} else if (line.options.version) {
		buffer_format(&text, "%s utility, vduse-tools-%s\n", command->program,
			      VDUSE_TOOLS_VERSION);
	} else if (line.verb) {
		result->json = line.options.json;
		run_line(&line, print, result);
		return;
	} else {
		give_usage(command, &line, &text);
	}
	result->json = line.options.json;
	take_buffers(&text, &diagnostics, result);
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
	return json ? failure_json(&failure, command->program)
		    : failure_text(&failure, command->program);
}

/* The text that could not be made is worth a word, too. */
static int print_text(const struct command_result *result,
		      int (*print)(const char *text, size_t length))
{
	if (!result->text)
		return -ENOMEM;
	return result->length ? print(result->text, result->length) : 0;
}

int command_main(const struct cli_command *command, int argc, char **argv,
		 int (*print)(const char *text, size_t length),
		 int (*complain)(const char *text, size_t length))
{
	struct command_result result;
	enum exit_status status;
	int rc;

	if (descriptor_reserve_standard() < 0)
		return STATUS_FAILED;
	signal(SIGPIPE, SIG_IGN);
	command_run(command, argc, argv, print, &result);
	status = result.status;
	rc = print_text(&result, print);
	if (result.diagnostics)
		complain(result.diagnostics, strlen(result.diagnostics));
	if (rc < 0) {
		char *line = command_write_failed(command, result.json, -rc);

		if (line)
			complain(line, strlen(line));
		free(line);
		status = status ? status : STATUS_FAILED;
	}
	command_result_free(&result);
	return status;
}

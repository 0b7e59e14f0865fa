// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A fuzzer's way into the command line of both tools, and into batches: any words, any lines,
 * with the grammars as they are and verbs that do nothing but look at what they were given
 * and print it. Nothing is opened, and no process is made.
 *
 * LDFLAGS: -Wl,--wrap=open,--wrap=read,--wrap=dup2,--wrap=blocking_run,--wrap=blocking_start,--wrap=blocking_call,--wrap=blocking_end
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <unistd.h>

#include "lib/blocking.h"
#include "lib/command.h"
#include "testsuite/fuzz/input.h"
#include "testsuite/fuzz/strict.h"
#include "vdpa/vdpa.h"
#include "vduse/grammar.h"

#define WORDS_MAX 40
#define VERBS_MAX 16

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);
int __real_dup2(int from, int to);
int __wrap_dup2(int from, int to);
int __wrap_blocking_run(void (*call)(void *context, struct blocking_result *result), void *context,
			uint64_t seconds, struct blocking_result *result);
int __wrap_blocking_start(struct blocking_worker *worker, blocking_serve *serve, void *context,
			  struct failure *failure);
int __wrap_blocking_call(struct blocking_worker *worker, const void *request, size_t length,
			 uint64_t seconds, struct blocking_result *result);
void __wrap_blocking_end(struct blocking_worker *worker);

/* What the wraps know; they are given no context. */
static struct {
	bool on;		/* an input is being run */
	struct fuzz_input file;	/* what the batch's file has */
	unsigned int piece;	/* bytes that one read gives */
	unsigned int opened;
	blocking_serve *serve;
	void *context;
	bool hangs;		/* the worker, at the next line */
	bool batch, force, zero;
	bool failed;		/* a verb has */
	unsigned int empty;	/* words of the command line that are */
	unsigned int runs;	/* of verbs */
} world;

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	if (!world.on)
		return __real_open(path, flags, mode);
	/* a batch cannot be named in a batch */
	fuzz_check(!world.opened++);
	return STDIN_FILENO;
}

int __wrap_dup2(int from, int to)
{
	return world.on ? to : __real_dup2(from, to);
}

ssize_t __wrap_read(int fd, void *to, size_t size)
{
	if (!world.on)
		return __real_read(fd, to, size);
	fuzz_check(fd == STDIN_FILENO);
	return (ssize_t)fuzz_bytes(&world.file, to, size < world.piece ? size : world.piece);
}

int __wrap_blocking_run(void (*call)(void *context, struct blocking_result *result), void *context,
			uint64_t seconds, struct blocking_result *result)
{
	fuzz_check(seconds >= 1 && seconds <= 86400);
	call(context, result);
	return 0;
}

int __wrap_blocking_start(struct blocking_worker *worker, blocking_serve *serve, void *context,
			  struct failure *failure)
{
	(void)failure;
	world.serve = serve;
	world.context = context;
	*worker = (struct blocking_worker){ .pid = 1, .requests = -1, .results = -1 };
	return 0;
}

int __wrap_blocking_call(struct blocking_worker *worker, const void *request, size_t length,
			 uint64_t seconds, struct blocking_result *result)
{
	fuzz_check(worker->pid == 1 && seconds <= 86400);
	if (!world.hangs) {
		world.serve(world.context, request, length, result);
		return 0;
	}
	world.hangs = false;
	worker->pid = 0;
	return failure_set(&result->failure, STATUS_TIMED_OUT, ETIMEDOUT, NULL, "no answer");
}

void __wrap_blocking_end(struct blocking_worker *worker)
{
	worker->pid = 0;
}

/* -- the verbs ----------------------------------------------------------------------------- */

/* What a device that we make may be called. */
static bool strict_name(const char *text)
{
	return *text && strlen(text) < 256 && *text != '-' && *text != '.' &&
	       strlen(text) == strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "0123456789_.-");
}

static void check_value(const struct cli_word *word, const struct cli_value *value)
{
	unsigned int choices = 0;
	uint64_t number;

	fuzz_check(value->given || !(word->flags & CLI_REQUIRED));
	if (!value->given)
		return;
	switch (word->kind) {
	case CLI_NUMBER:
		fuzz_check(value->number >= word->min && value->number <= word->max);
		fuzz_check(strict_number(value->text, &number) && number == value->number);
		break;
	case CLI_NAME:
		fuzz_check(*value->text && strlen(value->text) < 256);
		break;
	case CLI_NEW_NAME:
		fuzz_check(strict_name(value->text));
		break;
	case CLI_CHOICE:
		while (word->choices[choices])
			choices++;
		fuzz_check(value->number < choices);
		break;
	case CLI_MAC:
		fuzz_check(strict_mac(value->text, value->mac));
		break;
	case CLI_FLAG:
		return;
	default:
		break;
	}
	fuzz_check(value->text);
}

static int run_verb(struct call *call, struct failure *failure)
{
	const struct cli_word *word = call->line->verb->words;
	unsigned int i, empty = 0;

	/* without -f, a batch ends with the first line that fails */
	fuzz_check(!world.failed || world.force);
	output_begin_record(call->out, call->line->name);
	for (i = 0; word && word[i].kind != CLI_END; i++) {
		check_value(&word[i], &call->values[i]);
		empty += call->values[i].given && call->values[i].text && !*call->values[i].text;
		if (call->values[i].given && call->values[i].text)
			output_string(call->out, OUT_BOTH, word[i].keyword ? word[i].keyword : "word",
				      call->values[i].text);
	}
	output_end_record(call->out);
	/* an empty word is a value, and no abbreviation of anything */
	fuzz_check(world.batch || world.empty <= empty);
	world.failed = call->options->details;
	world.runs++;
	if (call->options->statistics)
		call_warn(call, call->line->name, "a warning");
	return call->options->details ?
		failure_set(failure, STATUS_BUSY, EBUSY, call->values[0].text, "busy") : 0;
}

static void explain(struct call *call, struct failure *failure)
{
	failure_hint(failure, "%s", call->line->name);
}

static int print(void *context, const char *text, size_t length)
{
	buffer_add(context, text, length);
	return 0;
}

/* Verbs that print by themselves what they do would wait for are left to do nothing. */
static struct cli_command without_effect(const struct cli_command *command, struct cli_verb *verbs)
{
	struct cli_command copy = *command;
	size_t i;

	fuzz_check(command->verb_count <= VERBS_MAX);
	for (i = 0; i < command->verb_count; i++) {
		verbs[i] = command->verbs[i];
		verbs[i].run = run_verb;
		verbs[i].explain_timeout = explain;
	}
	copy.verbs = verbs;
	return copy;
}

/* -- an input ------------------------------------------------------------------------------ */

static void check_json(const char *text, size_t length)
{
	json_tokener *tokener = json_tokener_new();
	json_object *object;

	fuzz_check(tokener && length);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)length + 1);
	fuzz_check(json_tokener_get_error(tokener) == json_tokener_success);
	json_object_put(object);
	json_tokener_free(tokener);
}

/* How many lines a file has that all say "list"; 0: others as well. */
static unsigned int lists(const struct fuzz_input *file)
{
	size_t length = strlen("list\n"), count = file->left / length;

	for (size_t i = 0; i < count; i++)
		if (memcmp(file->at + i * length, "list\n", length))
			return 0;
	return file->left % length ? 0 : (unsigned int)count;
}

/* An empty word begins no command. */
static bool is_nothing(int argc, char **argv)
{
	bool option = false;

	for (int i = 0; i < argc; i++)
		option |= *argv[i] == '-';
	return argc && !*argv[0] && !option;
}

static enum exit_status run(const struct cli_command *command, int argc, char **argv, bool json)
{
	struct buffer out = { 0 }, errors = { 0 };
	const struct command_host host = { .out = { print, &out }, .errors = { print, &errors } };
	struct command_result result;
	enum exit_status status;

	world.on = true;
	command_run(command, argc, argv, &host, &result);
	world.on = false;
	fuzz_check(result.text && result.diagnostics);
	fuzz_check(result.status <= STATUS_UNSUPPORTED);
	/* whoever fails says why */
	fuzz_check(!result.status || result.diagnostics[0] || errors.length);
	fuzz_check(result.status || !world.failed);
	/* a line with a zero in it is none */
	fuzz_check(result.status || !world.batch || !world.zero);
	if (json)
		check_json(out.text, out.length);
	else if (result.json && (result.text[0] == '{' || result.text[0] == '['))
		check_json(result.text, result.length);
	status = result.status;
	command_result_free(&result);
	buffer_free(&out);
	buffer_free(&errors);
	return status;
}

/* What is left of the input is the batch's file. */
static void run_batch(const struct cli_command *command, struct fuzz_input *input)
{
	static const char *const options[] = { "-j", "-p", "-f", "-d", "-s" };
	uint8_t chosen = fuzz_byte(input);
	unsigned int count;
	char words[8][8];
	char *argv[8];
	int i, argc = 0;

	world.piece = 1u + fuzz_byte(input) * 4u;
	world.hangs = chosen & 0x40;
	world.batch = true;
	world.force = chosen & 4;
	world.zero = input->left && memchr(input->at, '\0', input->left);
	for (i = 0; i < 5; i++)
		if (chosen >> i & 1)
			strcpy(words[argc++], options[i]);
	strcpy(words[argc++], "-b");
	strcpy(words[argc++], chosen & 0x20 ? "-" : "f");
	for (i = 0; i < argc; i++)
		argv[i] = words[i];
	world.file = *input;
	count = !strcmp(command->program, "vduse") && !world.hangs ? lists(input) : 0;
	run(command, argc, argv, chosen & 1);
	/* with -f, a line that fails is not the last one */
	fuzz_check(!world.force || !count || world.runs == count);
}

/* Words that end with a byte of zero. */
static void run_words(const struct cli_command *command, struct fuzz_input *input)
{
	char *argv[WORDS_MAX + 1], *text = malloc(input->left + 1), *at = text;
	size_t length = input->left;
	enum exit_status status;
	int argc = 0;

	fuzz_check(text);
	fuzz_bytes(input, text, length);
	text[length] = '\0';
	world.piece = 1;
	/* each an allocation of its own: its end is the sanitizer's to guard */
	for (; at < text + length && argc < WORDS_MAX; at += strlen(at) + 1) {
		argv[argc] = strdup(at);
		fuzz_check(argv[argc++]);
		world.empty += !*at;
	}
	argv[argc] = NULL;
	status = run(command, argc, argv, false);
	fuzz_check(status || !is_nothing(argc, argv));
	while (argc)
		free(argv[--argc]);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	uint8_t what = fuzz_byte(&input);
	struct cli_verb verbs[VERBS_MAX];
	struct cli_command command = without_effect(what & 1 ? &vduse_command : &vdpa_command, verbs);

	memset(&world, 0, sizeof(world));
	if (what & 2)
		run_batch(&command, &input);
	else
		run_words(&command, &input);
	return 0;
}

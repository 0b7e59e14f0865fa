// SPDX-License-Identifier: GPL-2.0-or-later
#include "batch_stage.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/command.h"
#include "lib/text.h"

struct stage_session session;
const char *printed = "", *complained = "";
int status;

static const char *file;
static volatile pid_t *hanging;		/* shared with the workers; ended by 0 */
static int reallocs_left = -1;		/* until one fails; -1: none does */
static bool fails_for_good, main_only;
static pid_t main_process;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
	if (reallocs_left < 0 || (main_only && getpid() != main_process))
		return __real_realloc(memory, size);
	if (reallocs_left > 0) {
		reallocs_left--;
		return __real_realloc(memory, size);
	}
	if (!fails_for_good)
		reallocs_left = -1;
	return NULL;
}

/* -- verbs --------------------------------------------------------------------------- */

static int run_say(struct call *call, struct failure *failure)
{
	(void)failure;
	output_begin_record(call->out, call->values[0].given ? call->values[0].text : "empty");
	output_end_record(call->out);
	return 0;
}

static int run_silent(struct call *call, struct failure *failure)
{
	(void)call;
	(void)failure;
	return 0;
}

static int run_warning(struct call *call, struct failure *failure)
{
	call_warn(call, "lo0", "only %s", "half");
	call_warn(call, NULL, "and \"more\"");
	return run_say(call, failure);
}

static int run_bad(struct call *call, struct failure *failure)
{
	output_begin_record(call->out, "half");
	call_warn(call, NULL, "before");
	failure_set(failure, STATUS_BUSY, EBUSY, "lo0", "taken");
	failure_hint(failure, "wait");
	return -EBUSY;
}

static int run_mute(struct call *call, struct failure *failure)
{
	(void)call;
	(void)failure;
	return -ENODEV;
}

static int run_deep(struct call *call, struct failure *failure)
{
	int i;

	(void)failure;
	for (i = 0; i < 20; i++)	/* deeper than an output can be */
		output_begin_object(call->out, OUT_BOTH, "x");
	return 0;
}

static int run_options(struct call *call, struct failure *failure)
{
	const struct cli_options *options = call->options;

	(void)failure;
	output_begin_record(call->out, "options");
	output_number(call->out, OUT_BOTH, "d", options->details);
	output_number(call->out, OUT_BOTH, "s", options->statistics);
	output_number(call->out, OUT_BOTH, "T", options->timeout_given ? options->timeout : 0);
	output_end_record(call->out);
	return 0;
}

static int run_count(struct call *call, struct failure *failure)
{
	struct stage_session *own = call->session;

	(void)failure;
	if (!own->opened)
		own->opened++;
	own->used++;
	output_begin_record(call->out, "session");
	output_number(call->out, OUT_BOTH, "opened", own->opened);
	output_number(call->out, OUT_BOTH, "used", own->used);
	output_end_record(call->out);
	return 0;
}

static int run_much(struct call *call, struct failure *failure)
{
	(void)failure;
	output_begin_record(call->out, call->values[0].text);
	output_string(call->out, OUT_BOTH, "again", call->values[0].text);
	output_end_record(call->out);
	return 0;
}

static int run_die(struct call *call, struct failure *failure)
{
	(void)failure;
	raise((int)call->values[0].number);
	return 0;
}

static int run_hang(struct call *call, struct failure *failure)
{
	int i = 0;

	(void)call;
	(void)failure;
	while (hanging[i])
		i++;
	hanging[i] = getpid();
	alarm(30);	/* nobody ends it but this, and run_argv() */
	while (getpid())
		pause();
	return 0;
}

static pid_t last_hanging(void)
{
	int i = 0;

	while (hanging[i])
		i++;
	return i ? hanging[i - 1] : 0;
}

static void explain_hang(struct call *call, struct failure *failure)
{
	assert_int_equal(failure->status, STATUS_TIMED_OUT);
	assert_true(call->left > 0 && call->left == last_hanging());
	failure_hint(failure, "end process %s", call->values[0].text);
}

static int put_number(struct call *call, const char *key, uint64_t value)
{
	output_begin_record(call->out, key);
	output_number(call->out, OUT_BOTH, "n", value);
	output_end_record(call->out);
	return 0;
}

static int run_holds(struct call *call, struct failure *failure)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned int count = 0;

	(void)failure;
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		char target[200] = "";

		if (readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1) > 0)
			count += !strcmp(target, file);
	}
	closedir(folder);
	return put_number(call, "holds", count);
}

enum { SERVE_NAME, SERVE_BACKGROUND, SERVE_TWICE, SERVE_BAD };

static int run_serve(struct call *call, struct failure *failure)
{
	const struct cli_value *values = call->values;
	struct buffer quoted = { 0 };
	char *name, *event;
	int length, i;

	text_add_json(&quoted, values[SERVE_NAME].text);
	name = buffer_take(&quoted);
	if (!name)
		return failure_errno(failure, ENOMEM, NULL, "no name");
	length = call->options->json ? asprintf(&event, "{\"ready\":%s}\n", name)
				     : asprintf(&event, "ready %s\n", values[SERVE_NAME].text);
	assert_true(length > 0);
	for (i = 0; i <= values[SERVE_TWICE].given; i++)
		call_print(call, event, (size_t)length);
	free(event);
	free(name);
	if (values[SERVE_BAD].given)
		return failure_set(failure, STATUS_FAILED, EIO, NULL, "ended");
	return 0;
}

static int count_zombies(void)
{
	siginfo_t ended = { 0 };

	waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT);
	return ended.si_pid != 0;
}

/* A server that ends at once. */
static int run_fork(struct call *call, struct failure *failure)
{
	siginfo_t ended = { 0 };
	pid_t child = fork();

	(void)failure;
	if (child == 0)
		_exit(0);
	waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT);
	return put_number(call, "zombies", (uint64_t)count_zombies());
}

static int run_children(struct call *call, struct failure *failure)
{
	(void)failure;
	return put_number(call, "zombies", (uint64_t)count_zombies());
}

/* Pipes that a server would take along, but for the standard descriptors. */
static int run_pipes(struct call *call, struct failure *failure)
{
	unsigned int count = 0;
	int fd;

	(void)failure;
	for (fd = 3; fd < 1024; fd++) {
		struct stat what;

		count += !fstat(fd, &what) && S_ISFIFO(what.st_mode);
	}
	return put_number(call, "pipes", count);
}

/* -- the grammar --------------------------------------------------------------------- */

static const struct cli_word name_words[] = {
	{ .value = "NAME", .kind = CLI_NAME },
	{ .kind = CLI_END },
};

static const struct cli_word much_words[] = {
	{ .value = "TEXT", .kind = CLI_TEXT, .flags = CLI_REQUIRED },
	{ .kind = CLI_END },
};

static const struct cli_word die_words[] = {
	{ .value = "SIGNAL", .kind = CLI_NUMBER, .flags = CLI_REQUIRED, .min = 1, .max = 64 },
	{ .kind = CLI_END },
};

static const struct cli_word serve_words[] = {
	[SERVE_NAME] = { .value = "NAME", .kind = CLI_NAME, .flags = CLI_REQUIRED },
	[SERVE_BACKGROUND] = { .keyword = "background", .kind = CLI_FLAG, .flags = CLI_RETURNS },
	[SERVE_TWICE] = { .keyword = "twice", .kind = CLI_FLAG },
	[SERVE_BAD] = { .keyword = "bad", .kind = CLI_FLAG },
	{ .kind = CLI_END },
};

static const struct cli_word background_words[] = {
	{ .keyword = "background", .kind = CLI_FLAG, .flags = CLI_RETURNS },
	{ .kind = CLI_END },
};

static const struct cli_verb verbs[] = {
	{ .path = "say", .words = name_words, .run = run_say },
	{ .path = "silent", .run = run_silent },
	{ .path = "warning", .words = name_words, .run = run_warning },
	{ .path = "bad", .container = "dev", .run = run_bad },
	{ .path = "mute", .run = run_mute },
	{ .path = "deep", .run = run_deep },
	{ .path = "options", .run = run_options },
	{ .path = "count", .run = run_count },
	{ .path = "change", .run = run_count, .running = CLI_CHANGES },
	{ .path = "much", .words = much_words, .run = run_much },
	{ .path = "die", .words = die_words, .run = run_die },
	{ .path = "hang", .words = name_words, .run = run_hang, .running = CLI_CHANGES,
	  .explain_timeout = explain_hang },
	{ .path = "holds", .run = run_holds },
	{ .path = "serve", .words = serve_words, .run = run_serve, .running = CLI_SERVES },
	{ .path = "quiet", .words = background_words, .run = run_silent, .running = CLI_SERVES },
	{ .path = "fork", .words = background_words, .run = run_fork, .running = CLI_SERVES },
	{ .path = "children", .words = background_words, .run = run_children,
	  .running = CLI_SERVES },
	{ .path = "pipes", .words = background_words, .run = run_pipes,
	  .running = CLI_SERVES },
};

static const struct cli_command command = {
	.program = "prog", .summary = "A grammar.", .verbs = verbs,
	.verb_count = sizeof(verbs) / sizeof(verbs[0]),
};

/* -- running ------------------------------------------------------------------------- */

static struct buffer out, errors;
static int fail_at, fail_with, writes;

static int print(void *context, const char *bytes, size_t length)
{
	int left = reallocs_left;

	(void)context;
	writes++;
	if (fail_at && writes >= fail_at) {
		assert_int_equal(writes, fail_at);	/* nothing is tried after it */
		return fail_with;
	}
	reallocs_left = -1;	/* the memory of the test is not short */
	buffer_add(&out, bytes, length);
	reallocs_left = left;
	return 0;
}

/* The file's name is another one in each run. */
static int complain(void *context, const char *bytes, size_t length)
{
	const char *end = bytes + length, *at;
	int left = reallocs_left;

	(void)context;
	reallocs_left = -1;
	while ((at = memmem(bytes, (size_t)(end - bytes), file, strlen(file))) && file[1]) {
		buffer_add(&errors, bytes, (size_t)(at - bytes));
		buffer_add_text(&errors, "FILE");
		bytes = at + strlen(file);
	}
	buffer_add(&errors, bytes, (size_t)(end - bytes));
	reallocs_left = left;
	return 0;
}

void short_memory(int left, bool for_good, bool workers)
{
	reallocs_left = left;
	fails_for_good = for_good;
	main_only = !workers;
	main_process = getpid();
}

bool memory_was_short(void)
{
	bool was = fails_for_good ? !reallocs_left : reallocs_left < 0;

	reallocs_left = -1;
	return was;
}

void fail_write(int nth, int error)
{
	fail_at = nth;
	fail_with = error;
}

static const struct command_host host = {
	.out = { print, NULL },
	.errors = { complain, NULL },
	.session = &session,
};

/* Workers that were left behind are children of ours, unless they were reaped. */
static void end_hanging(void)
{
	for (; *hanging; hanging++) {
		kill(*hanging, SIGKILL);
		waitpid(*hanging, NULL, 0);
	}
}

static void run_argv(int argc, char **argv)
{
	int stdin_before = dup(STDIN_FILENO);

	if (!hanging)
		hanging = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	buffer_free(&out);
	buffer_free(&errors);
	session = (struct stage_session){ 0 };
	writes = 0;
	status = command_main(&command, argc, argv, &host);
	dup2(stdin_before, STDIN_FILENO);
	close(stdin_before);
	assert_int_equal(dup(STDIN_FILENO), stdin_before);	/* nothing is left open */
	close(stdin_before);
	end_hanging();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);	/* no worker, no zombie */
	buffer_add_text(&out, "");
	buffer_add_text(&errors, "");
	assert_int_equal(strlen(out.text), out.length);
	printed = out.text;
	complained = errors.text;
}

void run_file(const char *name, const char *options)
{
	char *words = strdup(options), *rest = words, *argv[12];
	int argc = 0;

	file = name;
	while (argc < 9 && (argv[argc] = strsep(&rest, " ")))
		argc += !!*argv[argc];
	argv[argc++] = (char *)"-b";
	argv[argc++] = (char *)name;
	argv[argc] = NULL;
	run_argv(argc, argv);
	free(words);
}

void run_bytes(const char *options, const char *bytes, size_t length)
{
	char path[] = "/tmp/batch.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
	run_file(path, options);
	unlink(path);
}

void run(const char *options, const char *lines)
{
	run_bytes(options, lines, strlen(lines));
}

void expect_run(const char *options, const char *lines, int expected, const char *output,
		const char *diagnostics)
{
	run(options, lines);
	if (status != expected || (output && strcmp(printed, output)) ||
	    (diagnostics && strcmp(complained, diagnostics)))
		fail_msg("\"%s\": %d\n%s\n%s", lines, status, printed, complained);
}

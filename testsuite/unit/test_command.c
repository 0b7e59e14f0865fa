// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/command: from a command line to stdout, stderr and an exit status. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/command.h"

static int run_good(struct call *call, struct failure *failure)
{
	(void)failure;
	output_begin_listing(call->out, "dev");
	output_begin_record(call->out, "lo0");
	output_number(call->out, OUT_BOTH, "pid", getpid());
	output_end_record(call->out);
	output_end_listing(call->out);
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
	(void)failure;
	call_warn(call, "lo0", "only %s", "half");
	output_begin_record(call->out, "lo0");
	output_end_record(call->out);
	return 0;
}

static int run_bad(struct call *call, struct failure *failure)
{
	output_begin_listing(call->out, "dev");
	output_begin_record(call->out, "half");
	call_warn(call, NULL, "before");
	failure_set(failure, STATUS_BUSY, EBUSY, "lo0", "taken");
	failure_hint(failure, "wait");
	return -EBUSY;
}

/* A verb that forgot to say why. */
static int run_mute(struct call *call, struct failure *failure)
{
	(void)call;
	(void)failure;
	return -ENODEV;
}

static int run_hang(struct call *call, struct failure *failure)
{
	(void)call;
	(void)failure;
	alarm(200);	/* nobody ends it but this */
	while (getpid())
		pause();
	return 0;
}

static void explain_hang(struct call *call, struct failure *failure)
{
	assert_int_equal(failure->status, STATUS_TIMED_OUT);
	failure_hint(failure, "end process %s", call->values[0].text);
}

static int run_serving(struct call *call, struct failure *failure)
{
	call_print(call, "ready\n", 6);
	return failure_set(failure, STATUS_FAILED, EIO, NULL, "ended with %d", getpid());
}

static int run_deep(struct call *call, struct failure *failure)
{
	int i;

	(void)failure;
	for (i = 0; i < 20; i++)	/* deeper than an output can be */
		output_begin_object(call->out, OUT_BOTH, "x");
	return 0;
}

static const struct cli_word name_words[] = {
	{ .value = "NAME", .kind = CLI_NAME },
	{ .kind = CLI_END },
};

static const struct cli_verb verbs[] = {
	{ .path = "good", .container = "dev", .run = run_good },
	{ .path = "silent", .run = run_silent },
	{ .path = "warning", .run = run_warning },
	{ .path = "bad", .container = "dev", .run = run_bad },
	{ .path = "mute", .run = run_mute },
	{ .path = "change", .run = run_good, .running = CLI_CHANGES },
	{ .path = "changebad", .run = run_bad, .running = CLI_CHANGES },
	{ .path = "hang", .words = name_words, .run = run_hang, .running = CLI_CHANGES,
	  .explain_timeout = explain_hang },
	{ .path = "serve", .run = run_serving, .running = CLI_SERVES },
	{ .path = "deep", .run = run_deep },
};

static const struct cli_command command = {
	.program = "prog", .summary = "A grammar.", .verbs = verbs,
	.verb_count = sizeof(verbs) / sizeof(verbs[0]),
};

static char printed[4096], complained[4096];
static int write_error;

static int print(void *context, const char *text, size_t length)
{
	(void)context;
	if (write_error)
		return write_error;
	strncat(printed, text, length);
	return 0;
}

static int complain(void *context, const char *text, size_t length)
{
	(void)context;
	strncat(complained, text, length);
	return 0;
}

static const struct command_host host = { .out = { print, NULL }, .errors = { complain, NULL } };
static struct command_result result;
static char *words[8];
static char storage[256];

static int split(const char *text)
{
	char *rest = storage;
	int count = 0;

	snprintf(storage, sizeof(storage), "%s", text);
	while ((words[count] = strsep(&rest, " ")) && *words[count])
		count++;
	return count;
}

static void run(const char *text)
{
	int count = split(text);

	command_result_free(&result);
	printed[0] = '\0';
	command_run(&command, count, words, &host, &result);
}

static void expect(const char *text, int status, const char *output, const char *diagnostics)
{
	run(text);
	if (result.status != (enum exit_status)status || strcmp(result.text, output) ||
	    strcmp(result.diagnostics, diagnostics))
		fail_msg("\"%s\": %d\n%s\n%s", text, result.status, result.text,
			 result.diagnostics);
	assert_int_equal(result.length, strlen(output));
}

static void nothing_to_print(void **state)
{
	(void)state;
	expect("silent", 0, "", "");
	expect("-j silent", 0, "{}\n", "");
}

static void warnings_go_to_stderr(void **state)
{
	(void)state;
	expect("warning", 0, "lo0:\n", "prog warning: warning: lo0: only half\n");
	expect("-j warning", 0, "{\"lo0\":{}}\n",
	       "{\"warning\":{\"command\":\"prog warning\",\"object\":\"lo0\","
	       "\"message\":\"only half\"}}\n");
}

/* stdout stays a whole document; what was begun is thrown away. */
static void failures_leave_an_empty_document(void **state)
{
	(void)state;
	expect("bad", 5, "", "prog bad: warning: before\nprog bad: lo0: taken; wait\n");
	expect("bad -j", 5, "{\"dev\":{}}\n",
	       "{\"warning\":{\"command\":\"prog bad\",\"message\":\"before\"}}\n"
	       "{\"error\":{\"command\":\"prog bad\",\"object\":\"lo0\",\"status\":5,"
	       "\"errno\":\"EBUSY\",\"message\":\"taken\",\"hint\":\"wait\"}}\n");
	expect("mute -j", 3, "{}\n",
	       "{\"error\":{\"command\":\"prog mute\",\"status\":3,\"errno\":\"ENODEV\","
	       "\"message\":\"failed: No such device\"}}\n");
}

static void usage_errors_are_failures_too(void **state)
{
	(void)state;
	expect("bad word", 2, "",
	       "prog bad: the word \"word\" has no meaning here; see \"prog bad --help\"\n");
	run("bad word -j");
	assert_int_equal(result.status, 2);
	assert_string_equal(result.text, "{\"dev\":{}}\n");
	assert_true(result.json);
	run("-j nonsense");
	assert_int_equal(result.status, 2);
	assert_string_equal(result.text, "{}\n");
	assert_non_null(strstr(result.diagnostics, "\"command\":\"prog\""));
}

static void output_that_cannot_be_made(void **state)
{
	(void)state;
	run("-j deep");
	assert_int_equal(result.status, 1);
	assert_string_equal(result.text, "{}\n");
	assert_non_null(strstr(result.diagnostics, "\"errno\":\"ENOMEM\""));
}

static long pid_told(void)
{
	const char *pid = strstr(result.text, "pid ");

	assert_non_null(pid);
	return strtol(pid + 4, NULL, 10);
}

/* Reads run here unless they are given a time; changes never do. */
static void who_runs_the_verb(void **state)
{
	(void)state;
	run("good");
	assert_int_equal(pid_told(), getpid());
	run("-T 10 good");
	assert_int_not_equal(pid_told(), getpid());
	run("change");
	assert_int_not_equal(pid_told(), getpid());
	expect("changebad", 5, "",
	       "prog changebad: warning: before\nprog changebad: lo0: taken; wait\n");
	expect("changebad -T 10 -j", 5, "{}\n",
	       "{\"warning\":{\"command\":\"prog changebad\",\"message\":\"before\"}}\n"
	       "{\"error\":{\"command\":\"prog changebad\",\"object\":\"lo0\",\"status\":5,"
	       "\"errno\":\"EBUSY\",\"message\":\"taken\",\"hint\":\"wait\"}}\n");
}

static void time_is_over(void **state)
{
	(void)state;
	expect("-T 1 hang 231", 6, "",
	       "prog hang: no answer within 1 s, the kernel may still carry it out; "
	       "end process 231\n");
	run("-jT 1 hang 231");
	assert_int_equal(result.status, 6);
	assert_string_equal(result.text, "{}\n");
	assert_non_null(strstr(result.diagnostics, "\"errno\":\"ETIMEDOUT\""));
	assert_non_null(strstr(result.diagnostics, "\"hint\":\"end process 231\""));
}

/* What goes on prints by itself; its end adds no document to its lines. */
static void a_serving_verb(void **state)
{
	char expected[64];

	(void)state;
	snprintf(expected, sizeof(expected), "prog serve: ended with %d\n", getpid());
	expect("serve", 1, "", expected);
	assert_string_equal(printed, "ready\n");
	run("-j -T 1 serve");
	assert_string_equal(result.text, "");
	assert_string_equal(printed, "ready\n");
}

static void usage_and_version(void **state)
{
	(void)state;
	run("");
	assert_int_equal(result.status, 0);
	assert_non_null(strstr(result.text, "Usage: prog good\n"));
	run("help");
	assert_non_null(strstr(result.text, "OPTIONS"));
	run("bad -h");
	assert_string_equal(result.text, "Usage: prog bad\n");
	assert_string_equal(result.diagnostics, "");
	run("-V");
	assert_int_equal(result.status, 0);
	assert_memory_equal(result.text, "prog utility, vduse-tools-", 26);
	run("bad -V");
	assert_int_equal(result.status, 0);
}

static int run_main(const char *text, int error)
{
	int count = split(text);

	printed[0] = complained[0] = '\0';
	write_error = error;
	return command_main(&command, count, words, &host);
}

static void main_writes_and_exits(void **state)
{
	(void)state;
	assert_int_equal(run_main("warning", 0), 0);
	assert_string_equal(printed, "lo0:\n");
	assert_string_equal(complained, "prog warning: warning: lo0: only half\n");
	assert_int_equal(run_main("bad", 0), 5);
	assert_int_equal(run_main("silent", -ENOSPC), 0);	/* nothing to write */
}

static void proc_67_failed_write_is_a_failure(void **state)
{
	(void)state;
	assert_int_equal(run_main("warning", -ENOSPC), 1);
	assert_string_equal(complained, "prog warning: warning: lo0: only half\n"
					"prog: stdout: cannot write: No space left on device\n");
	assert_int_equal(run_main("-j silent", -EPIPE), 1);
	assert_string_equal(complained,
			    "{\"error\":{\"command\":\"prog\",\"object\":\"stdout\",\"status\":1,"
			    "\"errno\":\"EPIPE\",\"message\":\"cannot write: Broken pipe\"}}\n");
	/* The command's own failure counts. */
	assert_int_equal(run_main("-j bad", -EPIPE), 5);
	assert_int_equal(run_main("-V", -EPIPE), 1);
}

static void cli_91_closed_pipe_is_no_signal(void **state)
{
	struct sigaction action;

	(void)state;
	run_main("silent", 0);
	sigaction(SIGPIPE, NULL, &action);
	assert_true(action.sa_handler == SIG_IGN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_print),
		cmocka_unit_test(warnings_go_to_stderr),
		cmocka_unit_test(failures_leave_an_empty_document),
		cmocka_unit_test(usage_errors_are_failures_too),
		cmocka_unit_test(output_that_cannot_be_made),
		cmocka_unit_test(who_runs_the_verb),
		cmocka_unit_test(time_is_over),
		cmocka_unit_test(a_serving_verb),
		cmocka_unit_test(usage_and_version),
		cmocka_unit_test(main_writes_and_exits),
		cmocka_unit_test(proc_67_failed_write_is_a_failure),
		cmocka_unit_test(cli_91_closed_pipe_is_no_signal),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	command_result_free(&result);
	return failed;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "vduse loopback": the reference device, served by this process until SIGTERM or SIGINT,
 * or in the background.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vduse/counters.h"
#include "vduse/device/session.h"
#include "vduse/process/readiness.h"
#include "vduse/serving.h"
#include "vduse/verbs.h"

enum loopback_word {
	WORD_NAME,
	WORD_TYPE,
	WORD_PEER,
	WORD_QUEUE_SIZE,
	WORD_USER,
	WORD_POLL,
	WORD_UMEM,
	WORD_PCAP,
	WORD_FD,
	WORD_ISOLATION,
	WORD_BACKGROUND,
};

static const char *const served_types[] = { "net", NULL };

const struct cli_word loopback_words[] = {
	[WORD_NAME] = { .value = "NAME", .kind = CLI_NAME, .flags = CLI_REQUIRED,
			.candidates = CLI_VDUSE_DEVICES,
			.help = "the device to serve" },
	[WORD_TYPE] = { .keyword = "type", .kind = CLI_CHOICE, .choices = served_types,
			.help = "what a device without a record is" },
	[WORD_PEER] = { .keyword = "peer", .value = "NAME2", .kind = CLI_NAME,
			.candidates = CLI_VDUSE_DEVICES,
			.help = "the device that receives what NAME transmits" },
	[WORD_QUEUE_SIZE] = { .keyword = "vq_size", .value = "N", .kind = CLI_NUMBER,
			      .min = SESSION_QUEUE_SIZE_MIN, .max = SESSION_QUEUE_SIZE_MAX,
			      .help = "the most entries of a virtqueue, a power of two" },
	[WORD_USER] = { .keyword = "user", .value = "USER", .kind = CLI_TEXT, .candidates = CLI_USERS,
			.help = "the user to become before serving" },
	[WORD_POLL] = { .keyword = "poll", .value = "USECS", .kind = CLI_NUMBER, .min = 1,
			.max = SERVING_POLL_USECS_MAX,
			.help = "after work, look for more for so long before sleeping" },
	[WORD_UMEM] = { .keyword = "umem", .kind = CLI_FLAG,
			.help = "bring memory of its own as the bounce buffer" },
	[WORD_PCAP] = { .keyword = "pcap", .value = "FILE", .kind = CLI_TEXT, .candidates = CLI_FILES,
			.help = "the file to record all frames in, as pcapng" },
	[WORD_FD] = { .keyword = "fd", .value = "N", .kind = CLI_NUMBER, .min = 3, .max = 1048575,
		      .help = "the descriptor on which the node of NAME is open already" },
	[WORD_ISOLATION] = { .keyword = "isolation", .kind = CLI_CHOICE,
			     .choices = serving_isolations,
			     .help = "what to do where the process cannot be isolated in full" },
	[WORD_BACKGROUND] = { .keyword = "background", .kind = CLI_FLAG, .flags = CLI_RETURNS,
			      .help = "return when the device is ready" },
	{ .kind = CLI_END },
};

/* One call of the verb. */
struct loopback {
	struct call *call;
	struct serving serving;
	int *ready_fd;		/* background: who waits for us; NULL in the foreground */
};

static const char *name_of(const struct loopback *loopback, unsigned int index)
{
	return loopback->call->values[index ? WORD_PEER : WORD_NAME].text;
}

/* "lo0: ready vq_size 256 pid 231", or an event in the form of "vduse monitor". */
static int print_ready(struct call *call, const char *name, uint16_t queue_size, int pid)
{
	bool json = call->options->json;
	struct output *out = output_new(json ? OUTPUT_JSON : OUTPUT_TEXT);
	const char *text;
	size_t length;
	int rc;

	if (!out)
		return -ENOMEM;
	output_string(out, OUT_JSON, "object", "virtio");
	output_string(out, OUT_JSON, "event", "start");
	output_string(out, OUT_JSON, "name", name);
	if (!json) {
		output_begin_record(out, name);
		output_word(out, "ready");
	}
	output_number(out, OUT_BOTH, "vq_size", queue_size);
	output_number(out, OUT_BOTH, "pid", pid);
	if (!json)
		output_end_record(out);
	rc = output_finish(out, &text, &length);
	if (rc == 0)
		rc = call_print(call, text, length);
	output_free(out);
	return rc;
}

static int print_all_ready(struct loopback *loopback, int pid)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < loopback->serving.plan.count && rc == 0; i++)
		rc = print_ready(loopback->call, name_of(loopback, i),
				 loopback->serving.plan.queue_size, pid);
	return rc;
}

static int on_ready(void *context)
{
	struct loopback *loopback = context;

	notify_manager("READY=1");
	if (!loopback->ready_fd)
		return print_all_ready(loopback, getpid());
	background_ready(loopback->ready_fd);
	return 0;
}

static void on_report(void *context, const char *name, const char *sentence)
{
	(void)context;
	serving_report("loopback", name, sentence);
}

/* On standard error: what standard output says may be for a program that wants no more. */
static void on_count(void *context, const char *name, const struct port_counters *counters)
{
	const struct loopback *loopback = context;
	struct output *out = output_new(loopback->call->options->json ? OUTPUT_JSON : OUTPUT_TEXT);
	const char *text;
	size_t length;

	if (!out)
		return;
	output_begin_listing(out, "stats");
	counters_output(out, name, counters);
	output_end_listing(out);
	if (output_finish(out, &text, &length) == 0)
		fwrite(text, 1, length, stderr);
	output_free(out);
}

/* The body of both the foreground and the background process. */
static int serve(void *context, int *ready_fd, struct failure *failure)
{
	struct loopback *loopback = context;

	loopback->ready_fd = ready_fd;
	return serving_run(&loopback->serving, failure);
}

/* A background process stands in /: relative paths begin here. */
static int serve_in_background(struct loopback *loopback, struct failure *failure)
{
	int rc, pid, folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	loopback->serving.folder = folder;
	rc = background_start(serve, loopback, SERVING_READY_SECONDS, &pid, failure);
	if (folder >= 0)
		close(folder);
	if (rc < 0)
		return rc;
	rc = print_all_ready(loopback, pid);
	return rc < 0 ? failure_errno(failure, -rc, "stdout", "cannot write") : 0;
}

int loopback_run(struct call *call, struct failure *failure)
{
	const struct cli_value *values = call->values;
	const struct cli_value *size = &values[WORD_QUEUE_SIZE], *fd = &values[WORD_FD];
	struct loopback loopback = {
		.call = call,
		.serving = {
			.verb = "loopback",
			.typed = values[WORD_TYPE].given,
			.sized = size->given,
			.handed = fd->given,
			.pcap = values[WORD_PCAP].text,
			.folder = AT_FDCWD,
			.isolation = (enum serving_isolation)values[WORD_ISOLATION].number,
		},
	};
	int rc;

	loopback.serving.plan = (struct serve_plan){
		.devices = { serving_device(values[WORD_NAME].text,
					    fd->given ? (int)fd->number : -1),
			     serving_device(values[WORD_PEER].text, -1) },
		.count = values[WORD_PEER].given ? 2 : 1,
		.queue_size = (uint16_t)(size->given ? size->number : SERVING_QUEUE_SIZE),
		.umem = values[WORD_UMEM].given,
		.pcap_fd = -1,
		.poll_ns = values[WORD_POLL].number * 1000,
		.user = values[WORD_USER].text,
		.context = &loopback,
		.ready = on_ready,
		.report = on_report,
		.count_device = on_count,
	};
	rc = serving_check(&loopback.serving, failure);
	if (rc < 0)
		return rc;
	if (values[WORD_BACKGROUND].given)
		return serve_in_background(&loopback, failure);
	return serve(&loopback, NULL, failure);
}

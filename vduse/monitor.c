// SPDX-License-Identifier: GPL-2.0-or-later
/* "vduse monitor": what happens to devices, line by line, until SIGINT or SIGTERM. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/parse.h"
#include "vduse/hold.h"
#include "vduse/verbs.h"
#include "vduse/watch/sources.h"

/* Events of some ten thousand devices; nothing is taken before they come. */
#define KERNEL_BUFFER (UINT64_C(64) << 20)
#define READER_BUFFER (UINT64_C(4) << 20)
/* Less than one event, and more than the kernel takes. */
#define BUFFER_MIN 1024
#define BUFFER_MAX (UINT64_C(1) << 30)
#define BUFFER_VARIABLE "VDUSE_MONITOR_BUFFER"

enum monitor_word { WORD_VDUSE, WORD_VDPA, WORD_VIRTIO, WORD_NAME, WORD_INITIAL };

const struct cli_word monitor_words[] = {
	[WORD_VDUSE] = { .keyword = "vduse", .kind = CLI_FLAG,
			 .help = "VDUSE devices: create, destroy, open, close" },
	[WORD_VDPA] = { .keyword = "vdpa", .kind = CLI_FLAG,
			.help = "vDPA devices: add, del, bind, unbind, and their interfaces" },
	[WORD_VIRTIO] = { .keyword = "virtio", .kind = CLI_FLAG,
			  .help = "what the processes that serve devices see" },
	[WORD_NAME] = { .keyword = "name", .value = "NAME", .kind = CLI_NAME,
			.candidates = CLI_EITHER_DEVICES,
			.help = "one device; all unless it is said" },
	[WORD_INITIAL] = { .keyword = "initial", .kind = CLI_FLAG,
			   .help = "begin with what is there" },
	{ .kind = CLI_END },
};

static struct event_form read_form(const struct call *call)
{
	const struct cli_value *values = call->values;
	struct event_form form = {
		.json = call->options->json,
		.timestamp = call->options->timestamp,
		.short_timestamp = call->options->short_timestamp,
		.name = values[WORD_NAME].text,
	};

	if (values[WORD_VDUSE].given)
		form.objects |= 1u << EVENT_VDUSE;
	if (values[WORD_VDPA].given)
		form.objects |= 1u << EVENT_VDPA;
	if (values[WORD_VIRTIO].given)
		form.objects |= 1u << EVENT_VIRTIO;
	return form;
}

/* How many bytes the kernel keeps for us, and we for the reader. */
static int read_buffers(uint64_t *kernel, uint64_t *reader, struct failure *failure)
{
	const char *text = getenv(BUFFER_VARIABLE);

	*kernel = KERNEL_BUFFER;
	*reader = READER_BUFFER;
	if (!text)
		return 0;
	if (parse_number(text, BUFFER_MIN, BUFFER_MAX, kernel))
		return failure_set(failure, STATUS_USAGE, EINVAL, BUFFER_VARIABLE,
				   "\"%.100s\" is not a number of bytes from %d to %llu", text,
				   BUFFER_MIN, (unsigned long long)BUFFER_MAX);
	*reader = *kernel;
	return 0;
}

/* Not asked of those who do not want to know: a server has few places. */
static int add_servers(struct monitor *monitor)
{
	struct source *servers;
	int rc;

	if (monitor->form.objects && !(monitor->form.objects & 1u << EVENT_VIRTIO))
		return 0;
	rc = source_servers(monitor->changes.fs, &servers);
	if (rc == 0)
		monitor_add(monitor, servers);
	return rc;
}

/* One after the other: nodes before uevents, so that a node's closing is told before its
 * device's end. */
static int add_sources(struct monitor *monitor, size_t buffer)
{
	struct source *nodes = NULL, *uevents = NULL, *links = NULL;
	int rc = source_nodes(&nodes);

	if (rc == 0)
		monitor_add(monitor, nodes);
	if (rc == 0)
		rc = source_uevents(buffer, &uevents);
	if (rc == 0)
		monitor_add(monitor, uevents);
	monitor->nodes = nodes;
	monitor->devices = uevents;
	if (rc == 0)
		rc = source_links(buffer, &links);
	if (rc == 0)
		monitor_add(monitor, links);
	return rc ? rc : add_servers(monitor);
}

static int follow(struct monitor *monitor, size_t buffer, bool initial, struct failure *failure)
{
	int rc = monitor->signals = hold_for_reading();

	if (rc >= 0)
		rc = add_sources(monitor, buffer);
	if (rc == 0)
		rc = monitor_begin(monitor, initial);
	if (rc < 0)
		return failure_errno(failure, -rc, NULL, "cannot begin to follow what happens");
	return monitor_run(monitor, failure);
}

int monitor_verb_run(struct call *call, struct failure *failure)
{
	struct event_form form = read_form(call);
	struct monitor monitor;
	uint64_t kernel, reader;
	int rc = read_buffers(&kernel, &reader, failure);

	if (rc < 0)
		return rc;
	monitor_open(&monitor, &sysfs_machine, &form, reader, STDOUT_FILENO);
	call->printed = true;	/* by the writer of its own, which never waits */
	rc = follow(&monitor, kernel, call->values[WORD_INITIAL].given, failure);
	if (monitor.signals >= 0)
		close(monitor.signals);
	monitor_close(&monitor);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "vduse stats": what the processes that serve devices have counted, once or at intervals as
 * rates. Only devices of "vduse loopback" can be asked.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/control_socket.h"
#include "vduse/asked.h"
#include "vduse/counters.h"
#include "vduse/hold.h"
#include "vduse/rates.h"
#include "vduse/verbs.h"

enum { STATS_NAME, STATS_INTERVAL, STATS_WORDS };

const struct cli_word stats_words[] = {
	[STATS_NAME] = {
		.value = "NAME", .kind = CLI_NAME, .help = "one device; all unless it is said",
	},
	[STATS_INTERVAL] = {
		.keyword = "interval", .value = "SECONDS", .kind = CLI_NUMBER,
		.min = 1, .max = 86400, .flags = CLI_GOES_ON,
		.help = "go on, and tell how much came in so many seconds",
	},
	[STATS_WORDS] = { .kind = CLI_END },
};

/* -- once -------------------------------------------------------------------------------- */

static bool is_not_ours(int rc)
{
	return rc == -ENOENT || rc == -ECONNREFUSED;
}

static int put_one(struct call *call, const struct vduse_device *device, struct failure *failure)
{
	struct port_counters counters;
	int rc = ask_counters(device->name, CONTROL_PATIENCE_MS, &counters);

	if (rc < 0)
		return asked_explain(rc, device->name, device, failure);
	counters_output(call->out, device->name, &counters);
	return 0;
}

/* Of all: who cannot be asked has no counters, and who does not answer is worth a word. */
static int put_all(struct call *call, struct failure *failure)
{
	struct vduse_device_list list;
	struct port_counters counters;
	struct failure why;
	size_t i;
	int rc = vduse_device_list_read(&sysfs_machine, &list, failure);

	for (i = 0; rc == 0 && i < list.count; i++) {
		int asked = ask_counters(list.devices[i].name, CONTROL_PATIENCE_MS, &counters);

		if (asked == 0) {
			counters_output(call->out, list.devices[i].name, &counters);
		} else if (!is_not_ours(asked)) {
			asked_explain(asked, list.devices[i].name, &list.devices[i], &why);
			call_warn(call, why.object, "%s", why.message);
		}
	}
	vduse_device_list_free(&list);
	return rc;
}

static int stats_once(struct call *call, struct failure *failure)
{
	const char *name = call->values[STATS_NAME].text;
	struct vduse_device device;
	int rc = 0;

	if (name)
		rc = vduse_device_read(&sysfs_machine, name, &device, failure);
	if (rc < 0)
		return rc;
	output_begin_listing(call->out, "stats");
	rc = name ? put_one(call, &device, failure) : put_all(call, failure);
	output_end_listing(call->out);
	return rc;
}

/* -- at intervals ------------------------------------------------------------------------ */

/* A device that is followed. */
struct followed {
	char name[SYSFS_NAME_SIZE];
	bool known;			/* counters are those of @when */
	int64_t when;			/* clock_ms() */
	struct port_counters counters;
};

struct following {
	struct call *call;
	struct failure *failure;
	const char *only;		/* NULL: all */
	bool table;			/* on a terminal: the last one is replaced */
	int lines;			/* of the last table */
	struct buffer text;
	size_t count;
	struct followed *devices;
};

/* The one called @name, which may be new; NULL when memory is short. */
static struct followed *find(struct following *following, const char *name)
{
	struct followed *grown, *device;
	size_t i;

	for (i = 0; i < following->count; i++)
		if (!strcmp(following->devices[i].name, name))
			return &following->devices[i];
	grown = reallocarray(following->devices, following->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	following->devices = grown;
	device = &grown[following->count++];
	*device = (struct followed){ .known = false };
	snprintf(device->name, sizeof(device->name), "%s", name);
	return device;
}

static void add_rates(struct following *following, const struct followed *device,
		      const struct rates *rates)
{
	if (following->call->options->json)
		rates_add_json(&following->text, device->name, rates);
	else
		rates_add_row(&following->text, device->name, rates);
}

/* Rates come from the second look on; a server that began anew counts from 0. */
static int look_at(struct following *following, const char *name)
{
	struct followed *device = find(following, name);
	struct port_counters counters;
	struct rates rates;
	int rc = device ? ask_counters(name, CONTROL_PATIENCE_MS, &counters) : -ENOMEM;
	int64_t now = clock_ms();

	if (rc < 0) {
		if (device)
			device->known = false;
		return rc;
	}
	if (device->known && rates_between(&device->counters, &counters, now - device->when, &rates))
		add_rates(following, device, &rates);
	device->counters = counters;
	device->when = now;
	device->known = true;
	return 0;
}

static int look_at_only(struct following *following)
{
	struct vduse_device device;
	int rc = look_at(following, following->only);

	if (rc == 0)
		return 0;
	if (vduse_device_read(&sysfs_machine, following->only, &device, following->failure))
		return -ENODEV;
	return asked_explain(rc, following->only, &device, following->failure);
}

static int look_at_all(struct following *following)
{
	struct vduse_device_list list;
	size_t i;
	int rc = vduse_device_list_read(&sysfs_machine, &list, following->failure);

	for (i = 0; rc == 0 && i < list.count; i++)
		look_at(following, list.devices[i].name);
	vduse_device_list_free(&list);
	return rc;
}

/* The table of a terminal takes the place of the one before it (ECMA-48: CUU, ED). */
static int print(struct following *following)
{
	struct buffer page = { 0 };
	int rc;

	if (!following->text.length)
		return 0;
	if (following->table && following->lines)
		buffer_format(&page, "\033[%dA\033[J", following->lines);
	if (!following->call->options->json && (following->table || !following->lines))
		rates_add_head(&page);
	buffer_add(&page, following->text.text, following->text.length);
	following->lines = 1;
	for (size_t i = 0; i < following->text.length; i++)
		following->lines += following->text.text[i] == '\n';
	rc = page.broken ? -ENOMEM : call_print(following->call, page.text, page.length);
	buffer_free(&page);
	buffer_free(&following->text);
	return rc < 0 ? failure_errno(following->failure, -rc, "stdout", "cannot write") : 0;
}

/* Until @due (clock_ms()). 1 when it is time, 0 when a signal says to end. */
static int wait_until(int signals, int64_t due)
{
	struct pollfd pollfd = { .fd = signals, .events = POLLIN };

	for (;;) {
		int64_t left = due - clock_ms();
		int n = poll(&pollfd, 1, left > 0 ? (int)left : 0);

		if (n == 0)
			return 1;
		if (n > 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

static int follow(struct following *following, int signals, int64_t period)
{
	int64_t due = clock_ms();
	int rc = 1;

	while (rc > 0) {
		rc = following->only ? look_at_only(following) : look_at_all(following);
		if (rc == 0)
			rc = print(following);
		if (rc < 0)
			return rc;
		/* what took too long is not made up for */
		due += period;
		if (due < clock_ms())
			due = clock_ms();
		rc = wait_until(signals, due);
	}
	return rc < 0 ? failure_errno(following->failure, -rc, NULL, "cannot wait") : 0;
}

static int stats_interval(struct call *call, struct failure *failure)
{
	struct following *following = calloc(1, sizeof(*following));
	int rc, signals;

	if (!following)
		return failure_errno(failure, ENOMEM, NULL, "cannot begin");
	following->call = call;
	following->failure = failure;
	following->only = call->values[STATS_NAME].text;
	following->table = !call->options->json && isatty(STDOUT_FILENO);
	signals = hold_for_reading();
	if (signals < 0)
		rc = failure_errno(failure, -signals, NULL, "cannot wait for signals");
	else
		rc = follow(following, signals, (int64_t)call->values[STATS_INTERVAL].number * 1000);
	if (signals >= 0)
		close(signals);
	buffer_free(&following->text);
	free(following->devices);
	free(following);
	return rc;
}

int stats_run(struct call *call, struct failure *failure)
{
	return call->values[STATS_INTERVAL].given ? stats_interval(call, failure) :
						    stats_once(call, failure);
}

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
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/control_socket.h"
#include "vduse/asked.h"
#include "vduse/counters.h"
#include "vduse/hold.h"
#include "vduse/patience.h"
#include "vduse/rates.h"
#include "vduse/verbs.h"

enum { STATS_NAME, STATS_INTERVAL, STATS_WORDS };

const struct cli_word stats_words[] = {
	[STATS_NAME] = {
		.value = "NAME", .kind = CLI_NAME, .candidates = CLI_VDUSE_DEVICES,
		.help = "one device; all unless it is said",
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
	int rc = ask_counters(device->name, call_patience(call, CONTROL_PATIENCE_MS), &counters);

	if (rc < 0)
		return asked_explain(rc, device->name, device, failure);
	counters_output(call->out, device->name, &counters);
	return 0;
}

/* All devices there are, and who serves them: freed by crowd_free(), whatever came of it. */
struct crowd {
	struct vduse_device_list list;
	struct holders holders;
	struct patience patience;
};

static int crowd_read(struct crowd *crowd, bool look, int milliseconds, struct failure *failure)
{
	int rc;

	*crowd = (struct crowd){ .list = { .count = 0 } };
	rc = vduse_device_list_read(&sysfs_machine, &crowd->list, failure);
	if (rc < 0)
		return rc;
	if (look && crowd->list.count)
		holders_scan(&sysfs_machine, major(crowd->list.devices[0].node), &crowd->holders);
	crowd->patience = patience_begin(milliseconds, crowd->list.count);
	return 0;
}

static void crowd_free(struct crowd *crowd)
{
	vduse_device_list_free(&crowd->list);
	holders_free(&crowd->holders);
}

/* Milliseconds for @device's server to answer. */
static int crowd_patience(const struct crowd *crowd, const struct vduse_device *device)
{
	return patience_share(&crowd->patience, holders_find(&crowd->holders, device->node));
}

/* Of all: who cannot be asked has no counters, and who does not answer is worth a word. */
static int put_all(struct call *call, struct failure *failure)
{
	struct port_counters counters;
	struct failure why;
	struct crowd crowd;
	size_t i;
	int rc = crowd_read(&crowd, true, call_patience(call, CONTROL_PATIENCE_MS), failure);

	for (i = 0; rc == 0 && i < crowd.list.count; i++) {
		const struct vduse_device *device = &crowd.list.devices[i];
		int asked = ask_counters(device->name, crowd_patience(&crowd, device), &counters);

		if (asked == 0) {
			counters_output(call->out, device->name, &counters);
		} else if (!is_not_ours(asked)) {
			asked_explain(asked, device->name, device, &why);
			call_warn_of(call, &why);
		}
	}
	crowd_free(&crowd);
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
	bool silent;			/* it did not answer, and that was said */
	int64_t when;			/* clock_ms() */
	struct port_counters counters;
};

struct following {
	struct call *call;
	struct failure *failure;
	const char *only;		/* NULL: all */
	bool all_answered;		/* when they were asked last */
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
static int look_at(struct following *following, const char *name, int milliseconds)
{
	struct followed *device = find(following, name);
	struct port_counters counters;
	struct rates rates;
	int rc = device ? ask_counters(name, milliseconds, &counters) : -ENOMEM;
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
	int rc = look_at(following, following->only,
			 call_patience(following->call, CONTROL_PATIENCE_MS));

	if (rc == 0)
		return 0;
	if (vduse_device_read(&sysfs_machine, following->only, &device, following->failure))
		return -ENODEV;
	return asked_explain(rc, following->only, &device, following->failure);
}

/* Who does not answer has no rates, and is told of at the end, once. */
static void tell_silent(struct following *following, const struct vduse_device *device)
{
	struct followed *followed = find(following, device->name);
	struct failure why;

	if (!followed || followed->silent)
		return;
	followed->silent = true;
	asked_explain(-ETIMEDOUT, device->name, device, &why);
	call_warn_of(following->call, &why);
}

/* Of @period, in milliseconds, those who do not answer have half. Who they are is looked up
 * when there are any, and at first. */
static int look_at_all(struct following *following, int64_t period)
{
	int most = period / 2 < CONTROL_PATIENCE_MS ? (int)(period / 2) : CONTROL_PATIENCE_MS;
	struct crowd crowd;
	size_t i;
	int rc = crowd_read(&crowd, !following->all_answered, most, following->failure);

	following->all_answered = true;
	for (i = 0; rc == 0 && i < crowd.list.count; i++) {
		const struct vduse_device *device = &crowd.list.devices[i];

		if (look_at(following, device->name, crowd_patience(&crowd, device)) !=
		    -ETIMEDOUT)
			continue;
		following->all_answered = false;
		tell_silent(following, device);
	}
	crowd_free(&crowd);
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
		rc = following->only ? look_at_only(following) :
				       look_at_all(following, period);
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

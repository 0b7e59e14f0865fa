// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/watch/monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "vduse/watch/listing.h"

#define NEVER INT64_MAX
/* Who opens and closes nodes without end does not keep others from being heard. */
#define NODES_MOST 1000

void monitor_report(struct monitor *monitor, const struct event *event)
{
	struct timespec now;

	if (monitor->silent || !event_wanted(&monitor->form, event))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	event_add(&monitor->form, event, &now, &monitor->writer.text);
	if (!monitor->listing && writer_pending(&monitor->writer) > monitor->limit)
		monitor->lost = LOST_READER;
}

static void report(void *context, const struct event *event)
{
	monitor_report(context, event);
}

void monitor_open(struct monitor *monitor, const struct sysfs *fs,
		  const struct event_form *form, size_t limit, int fd)
{
	*monitor = (struct monitor){
		.form = *form,
		.limit = limit,
		.changes = { .fs = fs, .report = report, .context = monitor },
		.resync_due = NEVER,
		.verify_due = NEVER,
		.owed_due = NEVER,
		.signals = -1,
	};
	writer_open(&monitor->writer, fd);
}

void monitor_close(struct monitor *monitor)
{
	struct source *source, *next;

	for (source = monitor->sources; source; source = next) {
		next = source->next;
		source->close(source);
	}
	monitor->sources = NULL;
	table_free(&monitor->changes.table);
	writer_close(&monitor->writer);
	free(monitor->polls);
	monitor->polls = NULL;
}

void monitor_add(struct monitor *monitor, struct source *source)
{
	struct source **at = &monitor->sources;

	while (*at)
		at = &(*at)->next;
	source->next = NULL;
	*at = source;
}

/* -- listings ---------------------------------------------------------------------------- */

static int tell_differences(struct monitor *monitor)
{
	struct listing listing;
	struct source *source;
	int rc = listing_read(monitor->changes.fs, &listing);

	if (rc < 0)
		return rc;
	monitor->listing = true;
	rc = listing_differences(&monitor->changes, &listing, clock_ms());
	for (source = monitor->sources; source && rc == 0; source = source->next)
		rc = source->tell ? source->tell(source, monitor) : 0;
	monitor->listing = false;
	monitor->changes.nodes = true;
	listing_free(&listing);
	return rc;
}

static int update(struct monitor *monitor)
{
	struct source *source;
	int rc = 0;

	if (!monitor->changes.nodes)
		return 0;
	monitor->changes.nodes = false;
	for (source = monitor->sources; source && rc == 0; source = source->next)
		rc = source->update ? source->update(source, monitor) : 0;
	return rc;
}

/* Whoever opens a node from here on is heard of; who did before is seen by the listing. */
int monitor_begin(struct monitor *monitor, bool tell)
{
	int rc;

	monitor->changes.nodes = true;
	rc = update(monitor);
	monitor->silent = !tell;
	if (rc == 0)
		rc = tell_differences(monitor);
	if (rc == 0)
		rc = update(monitor);
	monitor->silent = false;
	monitor->more = true;
	monitor->verify_due = clock_ms() + MONITOR_VERIFY_MS;
	return rc;
}

static void put_reason(struct output *out, const void *context)
{
	const enum monitor_lost *lost = context;

	output_string(out, OUT_BOTH, "reason", *lost == LOST_READER ? "reader" : "overrun");
}

static int resync(struct monitor *monitor)
{
	const struct event event = {
		.kind = EVENT_MONITOR_RESYNC,
		.put = put_reason,
		.context = &monitor->lost,
	};
	struct source *source;

	for (source = monitor->sources; source; source = source->next)
		source->discard(source);
	monitor_report(monitor, &event);
	monitor->lost = LOST_NOTHING;
	monitor->resync_due = NEVER;
	monitor->verify_due = clock_ms() + MONITOR_VERIFY_MS;
	return tell_differences(monitor);
}

/* -- turns ------------------------------------------------------------------------------- */

static void note_loss(struct monitor *monitor)
{
	monitor->lost = LOST_OVERRUN;
	monitor->resync_due = clock_ms() + MONITOR_SETTLE_MS;
}

/* A reader that is behind is waited for. */
static bool resync_is_due(const struct monitor *monitor, int64_t now)
{
	if (writer_pending(&monitor->writer))
		return false;
	return monitor->lost == LOST_READER ||
	       (monitor->lost == LOST_OVERRUN && monitor->resync_due <= now);
}

static int run_due(struct monitor *monitor)
{
	int64_t now = clock_ms();
	int rc = 0;

	if (resync_is_due(monitor, now))
		rc = resync(monitor);
	if (rc == 0 && monitor->verify_due <= now && !monitor_lost(monitor)) {
		monitor->verify_due = NEVER;
		rc = tell_differences(monitor);
	}
	if (monitor->changes.doubt && monitor->verify_due == NEVER)
		monitor->verify_due = now + MONITOR_VERIFY_MS;
	monitor->changes.doubt = false;
	if (!monitor_lost(monitor) && monitor->changes.owed)
		monitor->owed_due = changes_settle(&monitor->changes, now);
	return rc;
}

/* Milliseconds until something is due, at most @most (-1: no end). */
static int time_to_wait(const struct monitor *monitor, int most)
{
	int64_t due = monitor->resync_due, now = clock_ms();

	if (monitor->more || resync_is_due(monitor, now))
		return 0;
	if (!monitor_lost(monitor) && monitor->verify_due < due)
		due = monitor->verify_due;
	if (!monitor_lost(monitor) && monitor->owed_due < due)
		due = monitor->owed_due;
	if (due == NEVER || (monitor_lost(monitor) && writer_pending(&monitor->writer)))
		return most;
	due = due > now ? due - now : 0;
	return most >= 0 && due > most ? most : due > 60000 ? 60000 : (int)due;
}

static bool is_known(const struct monitor *monitor, const char *name)
{
	const struct device *device = table_find(&monitor->changes.table, name);

	return device && device->vduse.exists;
}

bool monitor_stops(const struct monitor *monitor)
{
	return monitor_lost(monitor) || (monitor->sought && is_known(monitor, monitor->sought));
}

/*
 * These two may be called while a source is in the middle of its messages, so neither lets
 * the other one begin again. Nor is that needed: what was done to a node happened between
 * its device's creation and end, and each source is heard in its order.
 */
int monitor_hear_devices(struct monitor *monitor, const char *name)
{
	struct source *devices = monitor->devices, *nodes = monitor->nodes;
	int rc = devices ? 1 : 0;

	monitor->nodes = NULL;
	monitor->sought = name;
	while (rc > 0 && !monitor_stops(monitor))
		rc = devices->ready(devices, monitor);
	monitor->sought = NULL;
	monitor->nodes = nodes;
	return rc < 0 ? rc : 0;
}

int monitor_hear_nodes(struct monitor *monitor)
{
	struct source *devices = monitor->devices, *nodes = monitor->nodes;
	unsigned int i;
	int rc = nodes ? 1 : 0;

	monitor->devices = NULL;
	for (i = 0; i < NODES_MOST && rc > 0; i++)
		rc = nodes->ready(nodes, monitor);
	monitor->devices = devices;
	return rc < 0 ? rc : 0;
}

/* Hear one source, and tell what it said before the next one may take its time. */
static int hear(struct monitor *monitor, struct source *source)
{
	int rc = source->ready(source, monitor);

	if (rc == -ENOBUFS)
		note_loss(monitor);
	else if (rc > 0)
		monitor->more = true;
	else if (rc < 0)
		return rc;
	if (monitor->changes.broken)
		return -ENOMEM;
	return update(monitor);
}

/* The first two are the reader and the signals. */
#define OTHERS 2

static int prepare_polls(struct monitor *monitor, size_t *count)
{
	struct source *source;
	struct pollfd *polls;

	*count = OTHERS;
	for (source = monitor->sources; source; source = source->next)
		(*count)++;
	if (*count > monitor->poll_room) {
		polls = reallocarray(monitor->polls, *count, sizeof(*polls));
		if (!polls)
			return -ENOMEM;
		monitor->polls = polls;
		monitor->poll_room = *count;
	}
	polls = monitor->polls;
	*polls++ = (struct pollfd){ monitor->writer.fd, writer_events(&monitor->writer), 0 };
	*polls++ = (struct pollfd){ monitor->signals, POLLIN, 0 };
	/* a negative descriptor is passed over */
	for (source = monitor->sources; source; source = source->next)
		*polls++ = (struct pollfd){ monitor_lost(monitor) ? -1 : source->fd, POLLIN, 0 };
	return 0;
}

static int hear_all(struct monitor *monitor)
{
	const struct pollfd *polls = monitor->polls + OTHERS;
	bool more = monitor->more;
	struct source *source;
	int rc = 0;

	monitor->more = false;
	for (source = monitor->sources; source && rc == 0; source = source->next, polls++)
		if (!monitor_lost(monitor) && (more || polls->revents))
			rc = hear(monitor, source);
	return rc;
}

static int write_lines(struct monitor *monitor, bool gone, struct failure *failure)
{
	int rc = writer_flush(&monitor->writer);

	if (rc == 0 && gone)
		rc = -EPIPE;
	return rc ? failure_errno(failure, -rc, "stdout", "cannot write") : 0;
}

int monitor_turn(struct monitor *monitor, int milliseconds, struct failure *failure)
{
	size_t count;
	int rc = prepare_polls(monitor, &count);

	if (rc == 0 && poll(monitor->polls, count, time_to_wait(monitor, milliseconds)) < 0)
		rc = errno == EINTR ? 0 : -errno;
	else if (rc == 0) {
		monitor->ended = monitor->polls[1].revents;
		rc = write_lines(monitor, monitor->polls[0].revents & (POLLERR | POLLHUP),
				 failure);
		if (rc < 0)
			return rc;
		if (!monitor->ended)
			rc = hear_all(monitor);
	}
	if (rc == 0)
		rc = run_due(monitor);
	if (rc == 0)
		rc = update(monitor);
	if (rc < 0)
		return failure_errno(failure, -rc, NULL, "cannot follow what happens");
	return write_lines(monitor, false, failure);
}

int monitor_run(struct monitor *monitor, struct failure *failure)
{
	int rc = 0;

	while (rc == 0 && !monitor->ended)
		rc = monitor_turn(monitor, -1, failure);
	return rc;
}

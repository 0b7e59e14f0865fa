/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources say what happens, the reader is told.
 *
 * A source is a descriptor and a function that turns its readiness into events: it takes
 * steps (vduse/watch/change.h), or reports events of its own with monitor_report(). One
 * more source is one more file, and a call of monitor_add().
 *
 * Nothing is lost silently. Where a source had to leave something out (-ENOBUFS), and
 * where the reader did not take @limit bytes, the sources are left alone for a while (a
 * moment; until the reader took all). Then what they have is thrown away, the record
 * "resync" is told, and how a fresh listing differs from what the reader knows. A second
 * listing a moment later finds what was about to go during the first: the kernel tells of
 * a device's end before the device is gone from sysfs (device_del() in
 * drivers/base/core.c).
 */
#ifndef VDUSE_WATCH_MONITOR_H
#define VDUSE_WATCH_MONITOR_H

#include "lib/error.h"
#include "vduse/watch/change.h"
#include "vduse/watch/writer.h"

#define MONITOR_SETTLE_MS 50	/* between an overrun and the listing */
#define MONITOR_VERIFY_MS 200	/* between the two listings */

struct monitor;

struct source {
	struct source *next;
	int fd;		/* readable when something happened */
	/* Take some of what happened, and stop when monitor_stops(): 0; 1 where there is
	 * more, though @fd may not be readable; -ENOBUFS where something was left out;
	 * or another negative errno, which ends the monitor. */
	int (*ready)(struct source *source, struct monitor *monitor);
	/* Throw away what waits. */
	void (*discard)(struct source *source);
	/* There are devices or nodes that were not there. May be NULL. */
	int (*update)(struct source *source, struct monitor *monitor);
	/* Tell what is so, after a resync, beyond the tables of devices. May be NULL. */
	int (*tell)(struct source *source, struct monitor *monitor);
	void (*close)(struct source *source);	/* frees it */
};

enum monitor_lost {
	LOST_NOTHING,
	LOST_OVERRUN,	/* a source left something out */
	LOST_READER,	/* too much waits for the reader */
};

struct monitor {
	struct event_form form;
	size_t limit;		/* bytes kept for the reader */
	struct changes changes;
	struct writer writer;
	struct source *sources;
	/* Among them, where each may have to hear the other first; may be NULL: */
	struct source *devices;	/* tells of devices that come and go */
	struct source *nodes;	/* tells of nodes of theirs */
	const char *sought;	/* the device that monitor_hear_devices() hears for */
	bool silent;		/* what is noted is not told */
	bool listing;		/* differences are told: no limit */
	enum monitor_lost lost;
	bool more;		/* a source has more */
	int64_t resync_due, verify_due, owed_due;	/* clock_ms() */
	int signals;		/* what ends it when readable; -1: nothing */
	bool ended;
	struct pollfd *polls;
	size_t poll_room;
};

/* Prepare @monitor to tell of what is below @fs to @fd in @form. monitor_close() is due. */
void monitor_open(struct monitor *monitor, const struct sysfs *fs,
		  const struct event_form *form, size_t limit, int fd);
void monitor_close(struct monitor *monitor);

/* @source is heard after those that were added before it, and closed by monitor_close(). */
void monitor_add(struct monitor *monitor, struct source *source);

/* Read what there is, and tell it with @tell. 0 or negative errno. */
int monitor_begin(struct monitor *monitor, bool tell);

/* Hear and tell, until monitor->signals is readable (0), or something fails: negative
 * errno. What @failure says then is about the sources, or the reader (-EPIPE ...). */
int monitor_run(struct monitor *monitor, struct failure *failure);

/* One turn of monitor_run(): wait no longer than @milliseconds (-1: as long as it takes). */
int monitor_turn(struct monitor *monitor, int milliseconds, struct failure *failure);

/* Before a source tells that the node of a device was opened that nobody knows: hear of
 * devices until @name is known, or no more is told. 0 or negative errno, as from ready(). */
int monitor_hear_devices(struct monitor *monitor, const char *name);

/* Before a source tells that a device is gone: hear all that happened to nodes. */
int monitor_hear_nodes(struct monitor *monitor);

/* Tell @event, where the reader wants it. */
void monitor_report(struct monitor *monitor, const struct event *event);

/* Something was lost: what a source has is of no use any more. */
static inline bool monitor_lost(const struct monitor *monitor)
{
	return monitor->lost != LOST_NOTHING;
}

/* Is a source to stop before its next message: something was lost, or what another waits
 * for was told? */
bool monitor_stops(const struct monitor *monitor);

#endif

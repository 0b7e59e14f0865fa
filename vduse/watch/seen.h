/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the process that serves a device says of it (vduse/asked.h), as events of the object
 * virtio. */
#ifndef VDUSE_WATCH_SEEN_H
#define VDUSE_WATCH_SEEN_H

#include "vduse/asked.h"
#include "vduse/watch/monitor.h"

/* Tell of something that happened; not ASKED_EXIT. */
void seen_event(struct monitor *monitor, const char *name, const struct asked_event *event);

/*
 * Tell the state, as the events that led to it: of a server that the reader was not told of
 * (@began), or else all of it in which the reader can be wrong.
 */
void seen_state(struct monitor *monitor, const char *name, const struct asked_state *state,
		bool began);

/* Tell that the server has gone: *@clean, with a word; NULL where nobody heard. */
void seen_exit(struct monitor *monitor, const char *name, const bool *clean);

/* Tell that the server cannot be followed, though it is there (@rc, negative errno); also
 * while nothing else is told. */
void seen_refusal(struct monitor *monitor, const char *name, int rc);

#endif

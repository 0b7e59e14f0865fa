/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How one device stands, from all that can be asked without waiting for it. */
#ifndef VDUSE_STANDING_H
#define VDUSE_STANDING_H

#include <stdbool.h>

#include "lib/holders.h"
#include "lib/vdpa_attached.h"
#include "lib/vduse_device.h"
#include "vduse/asked.h"

/* How long a server is waited for that may be stopped, or hang. */
#define STANDING_PATIENCE_MS 1500

struct standing {
	const char *name;
	bool there;			/* there is a VDUSE device of this name */
	struct vduse_device device;	/* where it is there */
	bool recorded;			/* and a record of it */
	struct vduse_definition definition;	/* where recorded */
	bool held;			/* a process has its node open */
	bool ours;			/* and that is one of ours */
	struct holder holder;		/* where held */
	pid_t supervisor;		/* of a worker of ours; or 0 */
	int asked;			/* where ours: what ask_state() returned */
	struct asked_state state;	/* where that is 0 */
	struct vdpa_attached attached;	/* "" throughout where it is not attached */
};

/* Fill @standing for @name, which it keeps; a server of ours is asked, and waited for at most
 * @milliseconds; with a negative number it is not asked (asked is -EAGAIN). */
void standing_read(const char *name, int milliseconds, struct standing *standing);

/* Is this a "vduse loopback"? Only that and "vduse up" open nodes in a process of this name. */
bool standing_is_ours(const struct holder *holder);

/* The process of ours that ends with the service: the supervisor, where there is one. */
pid_t standing_server(const struct standing *standing);

/* Is what it is attached to what a driver that works has? A server's word counts for an
 * interface that has left this network namespace. */
bool standing_works(const struct standing *standing);

/* Has the kernel broken it, because a message was not answered in time? Its server says so;
 * where nobody serves it, its node. */
bool standing_is_broken(const struct standing *standing);

/* Is anything of it left in /run/vduse: its record, what was to be of it, a control socket? */
bool standing_leaves_files(const char *name);

/* Is a control socket left, though nobody serves it? Who serves takes it along at its end,
 * unless it is killed. */
bool standing_was_killed(const char *name);

/* Remove what is left of it there, but for what was to be of it (vduse/unit.h). 0, or negative
 * with @failure. */
int standing_remove_files(const char *name, struct failure *failure);

#endif

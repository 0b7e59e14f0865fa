/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All devices as sysfs and /proc show them, and what the reader does not know of that. */
#ifndef VDUSE_WATCH_LISTING_H
#define VDUSE_WATCH_LISTING_H

#include "vduse/watch/change.h"

struct listing {
	struct table table;
	uint64_t seqnum;	/* of the last uevent when it was complete */
	bool complete;		/* all processes could be looked into */
};

/* What is there now. Neither the generic netlink family nor rtnetlink is asked: both can
 * be held up by a device process that does not answer. 0, or -ENOMEM or another negative
 * errno with nothing to free. */
int listing_read(const struct sysfs *fs, struct listing *listing);
void listing_free(struct listing *listing);

/*
 * Tell, as events, how the reader's knowledge differs from @listing: first what is gone,
 * then what came, each by name. 0 or -ENOMEM; then what was told is true nevertheless.
 */
int listing_differences(struct changes *changes, const struct listing *listing, int64_t now);

#endif

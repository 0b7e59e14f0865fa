/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals held back: while something is done that must be whole, or to be waited for. */
#ifndef VDUSE_HOLD_H
#define VDUSE_HOLD_H

#include <signal.h>
#include <stdbool.h>

struct hold {
	sigset_t before;	/* the mask to go back to */
};

/* Hold back SIGINT, SIGTERM, SIGHUP and SIGQUIT. */
void hold_begin(struct hold *hold);

/* true when one of them came meanwhile that this process does not ignore. */
bool hold_interrupted(const struct hold *hold);

/* A descriptor that can be read when hold_interrupted() is true; reading it takes the signal
 * away (signalfd(2)). The caller closes it. Or negative errno. */
int hold_descriptor(const struct hold *hold);

/* Let them through again; one that came may end the process here. */
void hold_end(const struct hold *hold);

/* SIGINT and SIGTERM end nothing from here on: one that comes makes the descriptor that is
 * returned readable (or negative errno). The caller closes it. */
int hold_for_reading(void);

#endif

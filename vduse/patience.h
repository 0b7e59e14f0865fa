/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a listing takes of its user's time for processes that do not answer.
 *
 * Each of several has a quarter of what is left, so that one that does not answer leaves the
 * others, which take next to none, enough.
 */
#ifndef VDUSE_PATIENCE_H
#define VDUSE_PATIENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/holders.h"

struct patience {
	int64_t end;		/* clock_ms() */
	bool alone;		/* there is but one to ask */
};

/* For @count processes, from now on: @milliseconds in all. */
struct patience patience_begin(int milliseconds, size_t count);

/* Milliseconds for the next of them; @holder is the process, if it is known. One that is
 * stopped has none. */
int patience_share(const struct patience *patience, const struct holder *holder);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of "vduse up". */
#ifndef VDUSE_UP_H
#define VDUSE_UP_H

#include <limits.h>

#include "lib/cli.h"
#include "vduse/unit.h"

/*
 * What @values, those of up_words, ask for, the defaults filled in; @pcap holds the path of a
 * capture. 0, or negative with @failure (status 2).
 */
int up_read_words(const struct cli_value *values, struct unit *unit, char pcap[PATH_MAX],
		  struct failure *failure);

#endif

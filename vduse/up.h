/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of "vduse up". */
#ifndef VDUSE_UP_H
#define VDUSE_UP_H

#include <limits.h>

#include "lib/cli.h"
#include "vduse/unit.h"
#include "vduse/up_file.h"

/*
 * Where *@values, those of up_words, name a file: its words take the place of *@values, and
 * belong to @file. 0, or negative with @failure: status 2 where words of the device are said
 * beside the file, or "file" or "foreground" in it; otherwise as up_file_read(). In any case
 * up_file_free() is due.
 */
int up_take_file(const struct cli_value **values, struct up_file *file, struct failure *failure);

/*
 * What @values, those of up_words, ask for, the defaults filled in; @pcap holds the path of a
 * capture. 0, or negative with @failure (status 2).
 */
int up_read_words(const struct cli_value *values, struct unit *unit, char pcap[PATH_MAX],
		  struct failure *failure);

#endif

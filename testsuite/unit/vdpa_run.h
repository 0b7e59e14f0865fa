/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command line of vdpa, run in this process, and what came of it. */
#ifndef VT_UNIT_VDPA_RUN_H
#define VT_UNIT_VDPA_RUN_H

#include "lib/command.h"

/* Of the last run; vdpa_run_end() frees it. */
extern struct command_result vdpa_result;

/* Run the words of @line; they must not have blanks. */
void vdpa_run(const char *line);

/* It prints just @expected, and complains of nothing. */
void vdpa_prints(const char *line, const char *expected);

/* It fails with @status, and @words are in what it complains of. */
void vdpa_fails(const char *line, enum exit_status status, const char *words);

void vdpa_run_end(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The grammar of vduse: parser, usage, completion and SYNOPSIS come from it. */
#ifndef VDUSE_GRAMMAR_H
#define VDUSE_GRAMMAR_H

#include "lib/cli.h"

extern const struct cli_command vduse_command;

#endif

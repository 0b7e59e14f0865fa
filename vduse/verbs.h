/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of vduse: the words of each and what it runs (lib/cli.h, lib/command.h). */
#ifndef VDUSE_VERBS_H
#define VDUSE_VERBS_H

#include "lib/cli.h"
#include "lib/command.h"
#include "lib/error.h"

extern const struct cli_word create_words[];
int create_run(struct call *call, struct failure *failure);

extern const struct cli_word destroy_words[];
int destroy_run(struct call *call, struct failure *failure);

extern const struct cli_word show_words[];
int show_run(struct call *call, struct failure *failure);

extern const struct cli_word stats_words[];
int stats_run(struct call *call, struct failure *failure);

extern const struct cli_word set_words[];
int set_run(struct call *call, struct failure *failure);

extern const struct cli_word loopback_words[];
int loopback_run(struct call *call, struct failure *failure);

extern const struct cli_word monitor_words[];
int monitor_verb_run(struct call *call, struct failure *failure);

extern const struct cli_word up_words[];
int up_run(struct call *call, struct failure *failure);

extern const struct cli_word apply_words[];
int apply_run(struct call *call, struct failure *failure);

extern const struct cli_word down_words[];
int down_run(struct call *call, struct failure *failure);

#endif

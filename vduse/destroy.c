// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "vduse/lifecycle.h"
#include "vduse/standing.h"
#include "vduse/unit.h"
#include "vduse/verbs.h"

enum { DESTROY_NAME, DESTROY_WORDS };

const struct cli_word destroy_words[] = {
	[DESTROY_NAME] = {
		.value = "NAME", .kind = CLI_NAME, .flags = CLI_REQUIRED,
		.candidates = CLI_VDUSE_DEVICES,
		.help = "the device's name",
	},
	[DESTROY_WORDS] = { .kind = CLI_END },
};

/* What "vduse up" was to make of it. A file that stays is not believed. */
static void forget(const char *name)
{
	struct unit_names names = { .count = 1 };

	if (standing_leaves_files(name)) {
		strncpy(names.names[0], name, sizeof(names.names[0]) - 1);
		unit_remove(&names, NULL);
	}
}

int destroy_run(struct call *call, struct failure *failure)
{
	const char *name = call->values[DESTROY_NAME].text;
	struct failure warning;
	int rc = lifecycle_destroy(name, failure, &warning);

	if (rc == 0)
		forget(name);
	if (rc == 0 && warning.message[0])
		call_warn(call, name, "its record stays in /run/vduse, and is not believed for "
				      "another device: %s", warning.message);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/lifecycle.h"
#include "vduse/verbs.h"

enum { DESTROY_NAME, DESTROY_WORDS };

const struct cli_word destroy_words[] = {
	[DESTROY_NAME] = {
		.value = "NAME", .kind = CLI_NAME, .flags = CLI_REQUIRED,
		.help = "the device's name",
	},
	[DESTROY_WORDS] = { .kind = CLI_END },
};

int destroy_run(struct call *call, struct failure *failure)
{
	const char *name = call->values[DESTROY_NAME].text;
	struct failure warning;
	int rc = lifecycle_destroy(name, failure, &warning);

	if (rc == 0 && warning.message[0])
		call_warn(call, name, "its record stays in /run/vduse, and is not believed for "
				      "another device: %s", warning.message);
	return rc;
}

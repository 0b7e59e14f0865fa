// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include <unistd.h>

#include "lib/command.h"
#include "lib/descriptor.h"
#include "lib/sysfs.h"
#include "lib/vdpa_autoprobe.h"
#include "vduse/grammar.h"
#include "vduse/process/worker.h"

static int print(void *context, const char *text, size_t length)
{
	(void)context;
	return descriptor_write(STDOUT_FILENO, text, length);
}

static int complain(void *context, const char *text, size_t length)
{
	(void)context;
	return descriptor_write(STDERR_FILENO, text, length);
}

int main(int argc, char **argv)
{
	const struct command_host host = { .out = { print, NULL }, .errors = { complain, NULL } };

	if (argc > 1 && !strcmp(argv[1], WORKER_ARGUMENT) && worker_is_one())
		return worker_main();
	vdpa_autoprobe_repair(&sysfs_machine);
	/* argv may be empty: execve(2) asks for nothing else. */
	return command_main(&vduse_command, argc > 1 ? argc - 1 : 0, argv + (argc > 0), &host);
}

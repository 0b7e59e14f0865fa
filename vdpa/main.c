// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "lib/descriptor.h"
#include "lib/sysfs.h"
#include "lib/vdpa_autoprobe.h"
#include "vdpa/vdpa.h"

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
	struct vdpa_session session = { .open = false };
	const struct command_host host = {
		.out = { print, NULL },
		.errors = { complain, NULL },
		.session = &session,
	};
	int named = argc > 0;	/* execve() may have given no words at all */
	int status;

	vdpa_autoprobe_repair(&sysfs_machine);
	status = command_main(&vdpa_command, argc - named, argv + named, &host);
	vdpa_autoprobe_repair(&sysfs_machine);
	vdpa_session_end(&session);
	return status;
}

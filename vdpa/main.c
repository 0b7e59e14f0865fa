// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "lib/descriptor.h"
#include "vdpa/vdpa.h"

static int print(const char *text, size_t length)
{
	return descriptor_write(STDOUT_FILENO, text, length);
}

static int complain(const char *text, size_t length)
{
	return descriptor_write(STDERR_FILENO, text, length);
}

int main(int argc, char **argv)
{
	int named = argc > 0;	/* execve() may have given no words at all */

	return command_main(&vdpa_command, argc - named, argv + named, print, complain);
}

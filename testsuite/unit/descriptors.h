/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For unit tests that look whether what was opened was closed. */
#ifndef TESTSUITE_UNIT_DESCRIPTORS_H
#define TESTSUITE_UNIT_DESCRIPTORS_H

#include <fcntl.h>
#include <unistd.h>

/* The lowest descriptor that is not open. */
static inline int lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For unit tests that look whether what was opened was closed. */
#ifndef TESTSUITE_UNIT_DESCRIPTORS_H
#define TESTSUITE_UNIT_DESCRIPTORS_H

#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

/* The lowest descriptor that is not open. */
static inline int lowest_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/* Those of the first 64 that are open, a bit for each. */
static inline uint64_t open_descriptors(void)
{
	uint64_t open = 0;

	for (int fd = 0; fd < 64; fd++)
		open |= (uint64_t)(fcntl(fd, F_GETFD) >= 0) << fd;
	return open;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many frames a program that sends has on their way, in a file, for another program that
 * wants to do its deed while there are some.
 */
#ifndef TESTSUITE_GUEST_FLIGHT_H
#define TESTSUITE_GUEST_FLIGHT_H

#include <err.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct flight {
	_Atomic uint64_t frames;
};

/* Of the file @path, made if it is not there, for as long as the process lives. NULL: nobody looks. */
static inline struct flight *flight_map(const char *path)
{
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	int how = path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	void *memory;

	if (path && (fd < 0 || ftruncate(fd, sizeof(struct flight))))
		err(2, "%s", path);
	memory = mmap(NULL, sizeof(struct flight), PROT_READ | PROT_WRITE, how, fd, 0);
	if (memory == MAP_FAILED)
		err(2, "mmap");
	if (fd >= 0)
		close(fd);
	return memory;
}

#endif

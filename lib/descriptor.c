// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/again.h"

static void wait_until_writable(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

	poll(&pollfd, 1, -1);
}

int descriptor_write(int fd, const void *bytes, size_t length)
{
	const char *from = bytes;

	while (length) {
		ssize_t n = write(fd, from, length);

		if (n > 0) {
			from += n;
			length -= n;
		} else if (n == 0) {
			return -EIO;
		} else if (errno == EAGAIN) {
			wait_until_writable(fd);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int descriptor_reserve_standard(void)
{
	int fd, got;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		got = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
		if (got < 0)
			return -errno;
	}
	return 0;
}

void descriptor_leave_standard(void)
{
	int fd, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (fd = 0; fd <= 2; fd++) {
		if (null >= 0)
			dup2(null, fd);
		else
			close(fd);
	}
	if (null > 2)
		close(null);
}

int descriptor_call(int fd, unsigned long request, void *argument)
{
	return AGAIN(ioctl(fd, request, argument));
}

ssize_t descriptor_read(int fd, void *bytes, size_t size)
{
	return AGAIN(read(fd, bytes, size));
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/watch/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void writer_open(struct writer *writer, int fd)
{
	struct stat status;
	int again;

	*writer = (struct writer){ .fd = fd };
	if (fstat(fd, &status) < 0)
		return;
	writer->socket = S_ISSOCK(status.st_mode);
	if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode))
		return;
	again = open_again(fd);
	writer->own = again >= 0;
	if (writer->own)
		writer->fd = again;
	else
		writer->most = PIPE_BUF;
}

void writer_close(struct writer *writer)
{
	if (writer->own)
		close(writer->fd);
	buffer_free(&writer->text);
	*writer = (struct writer){ .fd = -1 };
}

size_t writer_pending(const struct writer *writer)
{
	return writer->text.length - writer->taken;
}

short writer_events(const struct writer *writer)
{
	return writer_pending(writer) ? POLLOUT : 0;
}

/* A pipe that poll() calls writable has room for PIPE_BUF bytes (pipe(7)). */
static bool has_room(const struct writer *writer)
{
	struct pollfd pollfd = { .fd = writer->fd, .events = POLLOUT };

	return !writer->most || poll(&pollfd, 1, 0) > 0;
}

static ssize_t write_some(const struct writer *writer)
{
	const char *from = writer->text.text + writer->taken;
	size_t length = writer_pending(writer);

	if (writer->most && length > writer->most)
		length = writer->most;
	if (writer->socket)
		return send(writer->fd, from, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(writer->fd, from, length);
}

/* A buffer that was large once does not stay so. */
static void forget(struct writer *writer)
{
	writer->taken = 0;
	if (writer->text.size > 65536)
		buffer_free(&writer->text);
	writer->text.length = 0;
}

int writer_flush(struct writer *writer)
{
	if (writer->text.broken)
		return -ENOMEM;
	while (writer_pending(writer) && has_room(writer)) {
		ssize_t n = write_some(writer);

		if (n > 0)
			writer->taken += n;
		else if (n == 0)
			return -EIO;
		else if (errno == EAGAIN)
			return 0;
		else if (errno != EINTR)
			return -errno;
	}
	if (!writer_pending(writer))
		forget(writer);
	return 0;
}

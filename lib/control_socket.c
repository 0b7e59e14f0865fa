// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/registry_record.h"

#define BACKLOG 16
#define ASK_TRIES 16	/* of who lost its place to somebody else before it could ask */

/* The address of @name's socket, with @suffix behind it. 0 or -ENAMETOOLONG. */
static int address_of(const char *folder, const char *name, const char *suffix,
		      struct sockaddr_un *address)
{
	char file[REGISTRY_FILE_MAX];
	int length;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	registry_socket_name(name, file);
	length = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s%s", folder, file,
			  suffix);
	return length < (int)sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	unlink(address->sun_path);
	/* the file gets the mode of the socket's inode, less the umask (unix_bind_bsd()) */
	if (fchmod(fd, 0600) || bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return -errno;
	return 0;
}

/* Under a name of our own first: nobody meets a socket that does not listen yet. */
static int listen_at(int fd, const char *folder, const char *name)
{
	struct sockaddr_un address, temporary;
	char suffix[16];
	int rc;

	snprintf(suffix, sizeof(suffix), ".%d", getpid());
	rc = address_of(folder, name, suffix, &temporary);
	if (rc == 0)
		rc = address_of(folder, name, "", &address);
	if (rc == 0)
		rc = bind_private(fd, &temporary);
	if (rc < 0)
		return rc;
	if (listen(fd, BACKLOG) == 0 && rename(temporary.sun_path, address.sun_path) == 0)
		return 0;
	rc = -errno;
	unlink(temporary.sun_path);
	return rc;
}

int control_socket_listen(const char *folder, const char *name, struct failure *failure)
{
	int rc, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return failure_errno(failure, errno, name, "cannot make a control socket");
	rc = listen_at(fd, folder, name);
	if (rc == 0)
		return fd;
	close(fd);
	return failure_errno(failure, -rc, name, "cannot make a control socket in %s", folder);
}

int control_socket_remove(const char *folder, const char *name)
{
	struct sockaddr_un address;
	int rc = address_of(folder, name, "", &address);

	if (rc < 0)
		return rc;
	return unlink(address.sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* Wait in the queue of those for whom it has no room: the kernel lets them in in their
 * order, so nobody is kept out by many others. -EAGAIN when the time is over. */
static int connect_within(int fd, const struct sockaddr_un *address, int milliseconds)
{
	int64_t end = clock_ms() + milliseconds, left = milliseconds;
	int rc;

	do {
		struct timeval time = { left / 1000, left % 1000 * 1000 };

		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)))
			return -errno;
		rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
		left = end - clock_ms();
	} while (rc && errno == EINTR && left > 0);
	return rc ? -errno : 0;
}

/* The same without waiting. */
static int connect_now(int fd, const struct sockaddr_un *address)
{
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
}

static int make_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : 0;
}

int control_socket_connect(const char *folder, const char *name, int milliseconds)
{
	struct sockaddr_un address;
	int rc = address_of(folder, name, "", &address), fd;

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (milliseconds > 0)
		rc = connect_within(fd, &address, milliseconds);
	if (rc == 0)
		rc = make_nonblocking(fd);
	if (rc == 0 && milliseconds <= 0)
		rc = connect_now(fd, &address);
	if (rc == 0)
		return fd;
	close(fd);
	return rc == -EAGAIN ? -ETIMEDOUT : rc;
}

int control_socket_send(int fd, const char *request)
{
	ssize_t n;

	do
		n = send(fd, request, strlen(request), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Milliseconds, not less than none. */
static int until(int64_t end)
{
	int64_t left = end - clock_ms();

	return left > 0 ? (int)left : 0;
}

/* 0 when there is something to read, or the other side has gone. */
static int wait_readable(int fd, int milliseconds)
{
	int64_t end = clock_ms() + milliseconds;
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int n, left = milliseconds;

	while ((n = poll(&pollfd, 1, left)) < 0) {
		if (errno != EINTR)
			return -errno;
		if (milliseconds >= 0)
			left = until(end);
	}
	return n ? 0 : -ETIMEDOUT;
}

int control_socket_receive(int fd, int milliseconds, struct buffer *packet)
{
	char *room;
	ssize_t n;
	int rc = wait_readable(fd, milliseconds);

	buffer_free(packet);
	if (rc < 0)
		return rc;
	room = buffer_room(packet, CONTROL_ANSWER_SIZE);
	if (!room)
		return -ENOMEM;
	do
		n = recv(fd, room, CONTROL_ANSWER_SIZE, MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n > CONTROL_ANSWER_SIZE)
		return -EMSGSIZE;
	buffer_used(packet, n);
	return n ? 0 : -EPIPE;
}

static int ask_once(const char *folder, const char *name, const char *request,
		    int milliseconds, struct buffer *answer)
{
	int64_t end = clock_ms() + milliseconds;
	int rc, fd = control_socket_connect(folder, name, milliseconds);

	if (fd < 0)
		return fd;
	rc = control_socket_send(fd, request);
	if (rc == 0)
		rc = control_socket_receive(fd, until(end), answer);
	close(fd);
	return rc;
}

int control_socket_ask(const char *folder, const char *name, const char *request,
		       int milliseconds, struct buffer *answer)
{
	int64_t end = clock_ms() + milliseconds, left = milliseconds;
	unsigned int tries = ASK_TRIES;
	int rc;

	do {
		rc = ask_once(folder, name, request, (int)left, answer);
		left = end - clock_ms();
	} while (rc == -EPIPE && --tries && left > 0);
	return rc;
}

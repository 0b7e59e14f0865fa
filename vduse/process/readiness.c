// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/descriptor.h"

int notify_manager(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length;
	ssize_t sent;
	int fd;

	if (!path || !*path)
		return 0;
	length = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		      offsetof(struct sockaddr_un, sun_path) + length);
	close(fd);
	return sent < 0 ? -errno : 0;
}

static void leave_terminal(void)
{
	setsid();
	descriptor_leave_standard();
	if (chdir("/"))
		return;	/* then the folder we stand in stays in use, no more than that */
}

/* What the child sends: a failure, whose status says whether it is one. */
static void send_outcome(int fd, const struct failure *failure)
{
	ssize_t n = write(fd, failure, sizeof(*failure));

	(void)n;	/* a parent that has gone needs no answer */
	close(fd);
}

void background_ready(int *ready_fd)
{
	static const struct failure ready = { .status = STATUS_OK };

	if (*ready_fd >= 0)
		send_outcome(*ready_fd, &ready);
	*ready_fd = -1;
}

static int child_main(int (*serve)(void *context, int *ready_fd, struct failure *failure),
		      void *context, int ready_fd)
{
	struct failure failure = { .status = STATUS_OK };

	leave_terminal();
	if (serve(context, &ready_fd, &failure) >= 0)
		return STATUS_OK;
	if (ready_fd >= 0)
		send_outcome(ready_fd, &failure);
	return failure.status;
}

static int read_outcome(int fd, unsigned int seconds, struct failure *outcome)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int rc = poll(&pollfd, 1, (int)seconds * 1000);

	if (rc < 0)
		return -errno;
	if (rc == 0)
		return -ETIMEDOUT;
	if (read(fd, outcome, sizeof(*outcome)) != sizeof(*outcome))
		return -EPIPE;
	return 0;
}

/* The child is there to be ended: it never became ready. */
static int give_up(pid_t child, int rc, unsigned int seconds, struct failure *failure)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (rc == -ETIMEDOUT)
		return failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, NULL,
				   "the background process was not ready within %u s and was ended",
				   seconds);
	return failure_set(failure, STATUS_FAILED, -rc, NULL,
			   "the background process ended before it was ready");
}

int background_start(int (*serve)(void *context, int *ready_fd, struct failure *failure),
		     void *context, unsigned int seconds, int *pid, struct failure *failure)
{
	struct failure outcome = { .status = STATUS_OK };
	int rc, ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return failure_errno(failure, errno, NULL, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		close(ends[0]);
		_exit(child_main(serve, context, ends[1]));
	}
	rc = child < 0 ? -errno : 0;
	close(ends[1]);
	if (rc < 0) {
		failure_errno(failure, -rc, NULL, "cannot make a process");
		goto out;
	}
	rc = read_outcome(ends[0], seconds, &outcome);
	if (rc < 0) {
		rc = give_up(child, rc, seconds, failure);
	} else if (outcome.status != STATUS_OK) {
		*failure = outcome;
		rc = outcome.errnum ? -outcome.errnum : -EINVAL;
		waitpid(child, NULL, 0);
	} else {
		*pid = child;
	}
out:
	close(ends[0]);
	return rc;
}

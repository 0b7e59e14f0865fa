// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/descriptor.h"

/* What goes through the pipe first; the texts follow. */
struct header {
	int rc;
	struct failure failure;
	size_t text_length;
	size_t warnings_length;
};

static bool send_result(int fd, const struct blocking_result *result)
{
	struct header header = {
		.rc = result->rc,
		.failure = result->failure,
		.text_length = result->text.length,
		.warnings_length = result->warnings.length,
	};

	return !descriptor_write(fd, &header, sizeof(header)) &&
	       !descriptor_write(fd, result->text.text, header.text_length) &&
	       !descriptor_write(fd, result->warnings.text, header.warnings_length);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Read what there is, until end of file (1), the deadline (-ETIMEDOUT) or an error. */
static int read_until_end(int fd, int64_t deadline, struct buffer *buffer)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	char bytes[4096];

	for (;;) {
		int64_t left = deadline - now_ms();
		ssize_t n;
		int rc;

		if (left <= 0)
			return -ETIMEDOUT;
		rc = poll(&pollfd, 1, left > 60000 ? 60000 : (int)left);
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n == 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			buffer_add(buffer, bytes, n);
	}
}

static int unpack(const struct buffer *received, struct blocking_result *result)
{
	const struct header *header = (const void *)received->text;
	const char *texts = received->text + sizeof(*header);

	if (received->broken)
		return -ENOMEM;
	if (received->length < sizeof(*header) ||
	    received->length != sizeof(*header) + header->text_length + header->warnings_length)
		return -EPROTO;
	result->rc = header->rc;
	result->failure = header->failure;
	buffer_add(&result->text, texts, header->text_length);
	buffer_add(&result->warnings, texts + header->text_length, header->warnings_length);
	return result->text.broken || result->warnings.broken ? -ENOMEM : 0;
}

static int wait_for_child(pid_t child, int *status)
{
	while (waitpid(child, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int collect(pid_t child, int fd, uint64_t seconds, struct blocking_result *result)
{
	struct buffer received = { 0 };
	int status = 0;
	int rc = read_until_end(fd, now_ms() + (int64_t)seconds * 1000, &received);

	if (rc == -ETIMEDOUT) {
		failure_set(&result->failure, STATUS_TIMED_OUT, ETIMEDOUT, NULL,
			    "no answer within %llu s, the kernel may still carry it out",
			    (unsigned long long)seconds);
		goto out;
	}
	if (rc > 0)
		rc = wait_for_child(child, &status);
	if (rc == 0)
		rc = unpack(&received, result);
	if (rc < 0 && WIFSIGNALED(status))
		failure_set(&result->failure, STATUS_FAILED, -rc, NULL,
			    "the process that made the call was ended by signal %d",
			    WTERMSIG(status));
	else if (rc < 0)
		failure_errno(&result->failure, -rc, NULL, "the result of the call was lost");
out:
	buffer_free(&received);
	return rc;
}

int blocking_run(void (*call)(void *context, struct blocking_result *result),
		 void *context, uint64_t seconds, struct blocking_result *result)
{
	int rc, ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return failure_errno(&result->failure, errno, NULL, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		descriptor_leave_standard();
		close(ends[0]);
		call(context, result);
		if (result->text.broken || result->warnings.broken)
			result->rc = failure_errno(&result->failure, ENOMEM, NULL,
						   "the result of the call was lost");
		_exit(send_result(ends[1], result) ? 0 : 1);
	}
	rc = child < 0 ? -errno : 0;
	close(ends[1]);
	if (rc < 0)
		failure_errno(&result->failure, -rc, NULL, "cannot make a process");
	else
		rc = collect(child, ends[0], seconds, result);
	close(ends[0]);
	return rc;
}

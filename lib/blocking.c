// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/again.h"
#include "lib/clock.h"
#include "lib/descriptor.h"

#define NEVER INT64_MAX		/* the deadline of what may take as long as it likes */

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

/* Wait until there is something to read: 0, -ETIMEDOUT at the deadline, or an error. */
static int wait_readable(int fd, int64_t deadline)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	while (deadline != NEVER) {
		int64_t left = deadline - clock_ms();
		int rc;

		if (left <= 0)
			return -ETIMEDOUT;
		rc = poll(&pollfd, 1, left > 60000 ? 60000 : (int)left);
		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return -errno;
	}
	return 0;	/* the read waits */
}

/* Read just @length bytes: 0, -EPROTO where the other end is closed before, or as
 * wait_readable(). */
static int read_exactly(int fd, int64_t deadline, void *bytes, size_t length)
{
	size_t used = 0;

	while (used < length) {
		ssize_t n;
		int rc = wait_readable(fd, deadline);

		if (rc < 0)
			return rc;
		n = read(fd, (char *)bytes + used, length - used);
		if (n == 0)
			return -EPROTO;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			used += n;
	}
	return 0;
}

static int read_text(int fd, int64_t deadline, size_t length, struct buffer *buffer)
{
	char bytes[4096];

	while (length) {
		size_t step = length < sizeof(bytes) ? length : sizeof(bytes);
		int rc = read_exactly(fd, deadline, bytes, step);

		if (rc < 0)
			return rc;
		buffer_add(buffer, bytes, step);
		length -= step;
	}
	return buffer->broken ? -ENOMEM : 0;
}

static int read_result(int fd, int64_t deadline, struct blocking_result *result)
{
	struct header header;
	int rc = read_exactly(fd, deadline, &header, sizeof(header));

	if (rc == 0)
		rc = read_text(fd, deadline, header.text_length, &result->text);
	if (rc == 0)
		rc = read_text(fd, deadline, header.warnings_length, &result->warnings);
	if (rc < 0)
		return rc;
	result->rc = header.rc;
	result->failure = header.failure;
	return 0;
}

/* In the child: one request. */
static void do_request(blocking_serve *serve, void *context, const struct buffer *request,
		       struct blocking_result *result)
{
	if (request->broken) {
		result->rc = failure_errno(&result->failure, ENOMEM, NULL, "cannot begin");
		return;
	}
	serve(context, request->text, request->length, result);
	if (result->text.broken || result->warnings.broken)
		result->rc = failure_errno(&result->failure, ENOMEM, NULL,
					   "the result of the call was lost");
}

/* In the child: requests, each with its length before it, until no more can come. */
static void work(blocking_serve *serve, void *context, int requests, int results)
{
	size_t length;
	bool sent = true;

	while (sent && !read_exactly(requests, NEVER, &length, sizeof(length))) {
		struct blocking_result result = { 0 };
		struct buffer request = { 0 };

		if (read_text(requests, NEVER, length, &request) < 0 && !request.broken)
			_exit(1);
		do_request(serve, context, &request, &result);
		sent = send_result(results, &result);
		buffer_free(&request);
		buffer_free(&result.text);
		buffer_free(&result.warnings);
	}
	_exit(sent ? 0 : 1);
}

static int make_pipes(int to_child[2], int from_child[2])
{
	int rc;

	if (pipe2(to_child, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(from_child, O_CLOEXEC) == 0)
		return 0;
	rc = -errno;
	close(to_child[0]);
	close(to_child[1]);
	return rc;
}

int blocking_start(struct blocking_worker *worker, blocking_serve *serve, void *context,
		   struct failure *failure)
{
	int rc, to_child[2], from_child[2];
	pid_t child;

	*worker = (struct blocking_worker){ 0 };
	rc = make_pipes(to_child, from_child);
	if (rc < 0)
		return failure_errno(failure, -rc, NULL, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		descriptor_leave_standard();
		close(to_child[1]);
		close(from_child[0]);
		work(serve, context, to_child[0], from_child[1]);
	}
	rc = child < 0 ? -errno : 0;
	close(to_child[0]);
	close(from_child[1]);
	*worker = (struct blocking_worker){ child, to_child[1], from_child[0] };
	if (rc == 0)
		return 0;
	close(to_child[1]);
	close(from_child[0]);
	worker->pid = 0;
	return failure_errno(failure, -rc, NULL, "cannot make a process");
}

static void close_ends(struct blocking_worker *worker)
{
	close(worker->requests);
	close(worker->results);
	worker->pid = 0;
}

/* Reap it; returns its wait status. */
static int wait_for_end(pid_t child)
{
	int status = 0;

	AGAIN(waitpid(child, &status, 0));
	return status;
}

void blocking_end(struct blocking_worker *worker)
{
	pid_t child = worker->pid;

	if (!child)
		return;
	close_ends(worker);
	wait_for_end(child);
}

/* The worker gave no result; says why. */
static int lose(struct blocking_worker *worker, int rc, uint64_t seconds,
		struct blocking_result *result)
{
	struct failure *failure = &result->failure;
	pid_t child = worker->pid;
	int status;

	close_ends(worker);
	if (rc == -ETIMEDOUT) {
		result->left = child;
		return failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, NULL,
				   "no answer within %llu s, the kernel may still carry it out",
				   (unsigned long long)seconds);
	}
	/* it has ended, or ends now that nobody reads its result */
	status = wait_for_end(child);
	if (WIFSIGNALED(status))
		failure_set(failure, STATUS_FAILED, -rc, NULL,
			    "the process that made the call was ended by signal %d",
			    WTERMSIG(status));
	else
		failure_errno(failure, -rc, NULL, "the result of the call was lost");
	return rc;
}

int blocking_call(struct blocking_worker *worker, const void *request, size_t length,
		  uint64_t seconds, struct blocking_result *result)
{
	int64_t deadline = seconds ? clock_ms() + (int64_t)seconds * 1000 : NEVER;
	int rc = descriptor_write(worker->requests, &length, sizeof(length));

	if (rc == 0)
		rc = descriptor_write(worker->requests, request, length);
	if (rc == 0)
		rc = read_result(worker->results, deadline, result);
	return rc < 0 ? lose(worker, rc, seconds, result) : 0;
}

/* A call that needs no request. */
struct single {
	void (*call)(void *context, struct blocking_result *result);
	void *context;
};

static void serve_single(void *context, const void *request, size_t length,
			 struct blocking_result *result)
{
	struct single *single = context;

	(void)request;
	(void)length;
	single->call(single->context, result);
}

int blocking_run(void (*call)(void *context, struct blocking_result *result),
		 void *context, uint64_t seconds, struct blocking_result *result)
{
	struct single single = { call, context };
	struct blocking_worker worker;
	int rc = blocking_start(&worker, serve_single, &single, &result->failure);

	if (rc < 0)
		return rc;
	rc = blocking_call(&worker, NULL, 0, seconds, result);
	blocking_end(&worker);
	return rc;
}

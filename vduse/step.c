// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/step.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/descriptor.h"
#include "lib/sysfs.h"
#include "lib/vdpa_blocked.h"

/* How long a child that was killed may take to end: one that waits for a lock of the kernel
 * ends when it has it. */
#define REAP_MS 200

/* What goes through the pipe, in one piece. */
struct outcome {
	int rc;
	struct failure failure;
	char answer[STEP_ANSWER_MAX];
};

_Static_assert(sizeof(struct outcome) <= PIPE_BUF, "an outcome is written at once");

int pace_begin(struct pace *pace, int64_t milliseconds, struct failure *failure)
{
	hold_begin(&pace->hold);
	pace->end = clock_ms() + milliseconds;
	pace->signals = hold_descriptor(&pace->hold);
	if (pace->signals >= 0)
		return 0;
	failure_errno(failure, -pace->signals, NULL, "cannot wait for signals");
	hold_end(&pace->hold);
	return pace->signals;
}

void pace_end(struct pace *pace)
{
	if (pace->signals >= 0)
		close(pace->signals);
	pace->signals = -1;
	hold_end(&pace->hold);
}

int pace_left(const struct pace *pace, int most)
{
	int64_t left = pace->end - clock_ms();

	return left <= 0 ? 0 : left < most ? (int)left : most;
}

static int tell_end(int rc, const char *name, struct failure *failure)
{
	if (rc == -EINTR)
		return failure_set(failure, STATUS_FAILED, EINTR, name,
				   "it was interrupted by a signal");
	return failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, name, "the time is over");
}

int pace_check(const struct pace *pace, const char *name, struct failure *failure)
{
	int rc = pace->signals >= 0 && hold_interrupted(&pace->hold) ? -EINTR :
		 pace_left(pace, INT_MAX) == 0 ? -ETIMEDOUT : 0;

	return rc < 0 ? tell_end(rc, name, failure) : 0;
}

int pace_wait(const struct pace *pace, int fd, int milliseconds)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLIN },
				 { .fd = pace->signals, .events = POLLIN } };
	int64_t end = clock_ms() + pace_left(pace, milliseconds);
	int n;

	do {
		int64_t left = end - clock_ms();

		n = poll(fds, 2, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (fds[0].revents)
		return 0;
	return n ? -EINTR : -ETIMEDOUT;
}

static void child_main(const struct step *step, int fd, pid_t parent)
{
	struct outcome outcome = { .rc = 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	descriptor_leave_standard();
	outcome.rc = step->call(step->context, fd, outcome.answer, &outcome.failure);
	_exit(descriptor_write(fd, &outcome, sizeof(outcome)) ? 1 : 0);
}

/* A child that was killed; one that does not end yet is left behind. */
static void reap(pid_t child)
{
	const struct pace pace = { .signals = -1, .end = clock_ms() + REAP_MS };

	while (waitpid(child, NULL, WNOHANG) == 0 && pace_left(&pace, 1))
		poll(NULL, 0, 2);
}

/* The child gave no outcome in time: why, and an end to it. */
static int give_up(const struct step *step, pid_t child, int rc, struct failure *failure)
{
	if (rc == -ETIMEDOUT && failure) {
		failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, step->name,
			    "the kernel did not come to an end within the time");
		vdpa_blocked_explain(&sysfs_machine, step->name, child, failure);
	} else if (rc == -EINTR || rc == -ETIMEDOUT) {
		tell_end(rc, step->name, failure);
	} else {
		failure_errno(failure, -rc, step->name,
			      "cannot wait for a process that worked on it, which was ended");
		rc = -ECHILD;
	}
	kill(child, SIGKILL);
	reap(child);
	return rc;
}

static int take_outcome(const struct step *step, pid_t child, int fd, struct failure *failure)
{
	struct outcome outcome;
	ssize_t n = descriptor_read(fd, &outcome, sizeof(outcome));

	reap(child);
	if (n != sizeof(outcome))
		return failure_set(failure, STATUS_FAILED, ECHILD, step->name,
				   "a process that worked on it was ended");
	if (outcome.rc < 0 && failure)
		*failure = outcome.failure;
	if (step->answer)
		memcpy(step->answer, outcome.answer, step->size);
	return outcome.rc;
}

int step_run(const struct pace *pace, const struct step *step, struct failure *failure)
{
	pid_t child, parent = getpid();
	int rc, ends[2];

	rc = pace_check(pace, step->name, failure);
	if (rc < 0)
		return rc;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return failure_errno(failure, errno, step->name, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		close(ends[0]);
		child_main(step, ends[1], parent);
	}
	rc = child < 0 ? -errno : 0;
	close(ends[1]);
	if (rc < 0) {
		failure_errno(failure, -rc, step->name, "cannot make a process");
	} else {
		rc = pace_wait(pace, ends[0], INT_MAX);
		rc = rc < 0 ? give_up(step, child, rc, failure)
			    : take_outcome(step, child, ends[0], failure);
	}
	close(ends[0]);
	return rc;
}

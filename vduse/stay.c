// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/stay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clock.h"
#include "vduse/process/readiness.h"
#include "vduse/unit_lock.h"

/* One after the other, killed as young as this: somebody means it. */
#define YOUNG_MS 10000
#define YOUNG_MAX 5

int stay_errors(void)
{
	return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static int say(struct call *call, struct failure *failure)
{
	const char *text;
	size_t length;
	int rc = output_finish(call->out, &text, &length);

	if (rc == 0)
		rc = call_print(call, text, length);
	return rc < 0 ? failure_errno(failure, -rc, "stdout", "cannot write") : 0;
}

/* Signals that were waited for, and are not to end this process. */
static void take_signals(const struct pace *pace)
{
	struct signalfd_siginfo info;

	while (read(pace->signals, &info, sizeof(info)) == sizeof(info))
		;
}

/* -EINTR for a signal, 0 for the end of the device process. A service manager that signals
 * both of us (KillMode=control-group) may end that one first. */
static int wait_end(const struct bring *bring)
{
	int rc = 0, server = (int)syscall(SYS_pidfd_open, standing_server(&bring->now[0]), 0);

	if (server >= 0) {
		do
			rc = pace_wait(&bring->pace, server, INT_MAX);
		while (rc == -ETIMEDOUT);
		close(server);
	}
	return rc == 0 && hold_interrupted(&bring->pace.hold) ? -EINTR : rc;
}

static bool any_left(const struct bring *bring)
{
	struct vduse_device device;
	unsigned int i;

	for (i = 0; i < bring->names.count; i++)
		if (vduse_device_read(&sysfs_machine, bring->names.names[i], &device, NULL) == 0)
			return true;
	return false;
}

/* Signals that come while it ends change nothing. */
static int end_all(struct bring *bring, int64_t milliseconds, bool *left, struct failure *failure)
{
	const struct pace pace = { .hold = bring->pace.hold, .signals = -1,
				   .end = clock_ms() + milliseconds };
	struct ending all = ending_of_all(&bring->names);
	int rc = bring->lock;

	if (rc < 0)
		rc = bring->lock = unit_lock(&bring->names, &pace, failure);
	if (rc < 0)
		return rc;
	*left = any_left(bring);
	rc = ending_refuse(&all, &pace, failure);
	return rc < 0 ? rc : ending_run(&all, &pace, NULL, failure);
}

/* Let go of what others may change while this process waits. */
static void let_go(struct bring *bring)
{
	bring->pace.end = INT64_MAX;
	unit_unlock(bring->lock);
	bring->lock = -1;
}

/*
 * The device process has ended. Was it killed, and is there another one now? Under the lock, for
 * "vduse down" kills as well, and leaves nothing. 1; 0 where it is over; -EINTR for a signal.
 */
static int revive(struct bring *bring, int64_t milliseconds)
{
	struct failure failure = { .status = STATUS_OK };
	pid_t pid = standing_server(&bring->now[0]);
	int rc;

	bring->pace.end = clock_ms() + milliseconds;
	rc = bring->lock = unit_lock(&bring->names, &bring->pace, &failure);
	if (rc >= 0 && (!any_left(bring) || !standing_was_killed(bring->names.names[0])))
		return 0;
	if (rc >= 0)
		rc = bring_up(bring, &failure);
	if (rc < 0)
		return rc == -EINTR ? rc : 0;
	if (bring->errors >= 0)
		dprintf(bring->errors, "vduse: %s: its device process %d was killed; process %d "
			"goes on\n", bring->names.names[0], (int)pid,
			(int)standing_server(&bring->now[0]));
	let_go(bring);
	return 1;
}

/* As wait_end(), of the last of the device processes, which is @pid then. */
static int wait_last(struct bring *bring, int64_t milliseconds, pid_t *pid)
{
	unsigned int young = 0;
	int64_t since;
	int rc;

	do {
		since = clock_ms();
		*pid = standing_server(&bring->now[0]);
		rc = wait_end(bring);
		young = clock_ms() - since < YOUNG_MS ? young + 1 : 0;
		if (rc == 0 && young <= YOUNG_MAX)
			rc = revive(bring, milliseconds);
	} while (rc == 1);
	return rc;
}

int stay(struct call *call, struct bring *bring, int64_t milliseconds, struct failure *failure)
{
	int ended = -EINTR, said = say(call, failure), rc;
	struct failure second = { .status = STATUS_OK };
	bool left = true;
	pid_t pid = 0;

	if (said == 0) {
		let_go(bring);
		notify_manager("READY=1");
		ended = wait_last(bring, milliseconds, &pid);
		notify_manager("STOPPING=1");
	}
	rc = end_all(bring, milliseconds, &left, &second);
	take_signals(&bring->pace);
	if (said < 0)
		return said;
	if (rc < 0) {
		*failure = second;
		return rc;
	}
	if (ended == 0 && left)
		return failure_set(failure, STATUS_FAILED, ECHILD, bring->names.names[0],
				   "its device process %d ended; all of it was taken down",
				   (int)pid);
	return 0;
}

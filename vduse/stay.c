// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/stay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/clock.h"
#include "vduse/process/readiness.h"
#include "vduse/unit_lock.h"

/* One after the other, killed as young as this: somebody means it. */
#define YOUNG_MS 10000
#define YOUNG_MAX 5

/* How often what we lacked is asked for again. */
#define SHORTAGE_MS 1000

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

/* It says nothing of the device process, and can pass. */
static bool is_shortage(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE;
}

/* The end of @server: 0; -EINTR for a signal, another negative errno where it cannot be
 * waited for. One that has gone is told as such also where descriptors are short
 * (pidfd_open() in kernel/pid.c looks for it first). */
static int watch(const struct pace *pace, pid_t server)
{
	int rc, process = server ? (int)syscall(SYS_pidfd_open, server, 0) : -1;

	if (process < 0)
		return !server || errno == ESRCH ? 0 : -errno;
	do
		rc = pace_wait(pace, process, INT_MAX);
	while (rc == -ETIMEDOUT);
	close(process);
	return rc;
}

/* As watch(); what is short is waited for, and told once. A service manager that signals
 * both of us (KillMode=control-group) may end the device process first. */
static int wait_end(const struct bring *bring, pid_t server)
{
	bool told = bring->errors < 0;
	int rc;

	do {
		rc = watch(&bring->pace, server);
		if (!is_shortage(rc))
			return rc == 0 && hold_interrupted(&bring->pace.hold) ? -EINTR : rc;
		if (!told)
			dprintf(bring->errors, "vduse: %s: cannot wait for the end of its device "
				"process %d: %s; it is tried again\n", bring->names.names[0],
				(int)server, strerror(-rc));
		told = true;
		rc = pace_wait(&bring->pace, -1, SHORTAGE_MS);
	} while (rc == -ETIMEDOUT);
	return rc;
}

static bool any_left(const struct bring *bring)
{
	struct vduse_device device;
	unsigned int i;
	int rc;

	for (i = 0; i < bring->names.count; i++) {
		rc = vduse_device_read(&sysfs_machine, bring->names.names[i], &device, NULL);
		if (rc == 0 || is_shortage(rc))
			return true;
	}
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
 * "vduse down" kills as well, and leaves nothing. 1; 0 where it is over, with @why where one
 * could not be started; -EINTR for a signal.
 */
static int revive(struct bring *bring, int64_t milliseconds, struct failure *why)
{
	pid_t pid = standing_server(&bring->now[0]);
	int rc;

	bring->pace.end = clock_ms() + milliseconds;
	rc = bring->lock = unit_lock(&bring->names, &bring->pace, why);
	if (rc >= 0 && (!any_left(bring) || !standing_was_killed(bring->names.names[0])))
		return 0;
	if (rc >= 0)
		rc = bring_up(bring, why);
	if (rc < 0)
		return rc == -EINTR ? rc : 0;
	if (bring->errors >= 0)
		dprintf(bring->errors, "vduse: %s: its device process %d was killed; process %d "
			"goes on\n", bring->names.names[0], (int)pid,
			(int)standing_server(&bring->now[0]));
	let_go(bring);
	return 1;
}

/* What it comes to, when all is taken down: -ECHILD or another negative errno with @failure. */
static int tell(const struct bring *bring, pid_t server, int rc, const struct failure *why,
		struct failure *failure)
{
	const char *name = bring->names.names[0];

	if (rc < 0)
		return failure_set(failure, STATUS_FAILED, -rc, name, "cannot wait for the end of "
				   "its device process %d: %s; all of it was taken down",
				   (int)server, strerror(-rc));
	failure_set(failure, STATUS_FAILED, ECHILD, name, "its device process %d ended; all of it "
		    "was taken down", (int)server);
	if (why->message[0])
		failure_hint(failure, "another could not be started: %.300s", why->message);
	return -ECHILD;
}

/* Wait for the end of the last of the device processes: -EINTR for a signal, or another
 * negative errno with @failure, which takes for granted that all is taken down then. */
static int wait_last(struct bring *bring, int64_t milliseconds, struct failure *failure)
{
	struct failure why = { .status = STATUS_OK };
	unsigned int young = 0;
	int64_t since;
	pid_t server;
	int rc;

	do {
		since = clock_ms();
		server = standing_server(&bring->now[0]);
		rc = wait_end(bring, server);
		young = clock_ms() - since < YOUNG_MS ? young + 1 : 0;
		if (rc == 0 && young <= YOUNG_MAX)
			rc = revive(bring, milliseconds, &why);
	} while (rc == 1);
	return rc == -EINTR ? rc : tell(bring, server, rc, &why, failure);
}

int stay(struct call *call, struct bring *bring, int64_t milliseconds, struct failure *failure)
{
	int ended = -EINTR, said = say(call, failure), rc;
	struct failure first = { .status = STATUS_OK }, second = first;
	bool left = true;

	if (said == 0) {
		let_go(bring);
		notify_manager("READY=1");
		ended = wait_last(bring, milliseconds, &first);
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
	if (ended == -EINTR || !left)
		return 0;
	*failure = first;
	return ended;
}

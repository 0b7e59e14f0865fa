// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/end_server.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What each way of saying it may take. The last is in the hands of the kernel. */
#define STOP_MS 2000
#define TERM_MS 1000
#define KILL_MS 5000

/*
 * The process that has the node open, as a descriptor: its number may be another's a moment
 * later, the descriptor is not. Negative errno; -ESRCH where nobody of ours has it open.
 */
static int open_server(const struct standing *standing, struct holder *holder)
{
	struct holder now;
	int fd;

	if (holder_of(&sysfs_machine, standing->device.node, holder) != 1 ||
	    !standing_is_ours(holder))
		return -ESRCH;
	fd = (int)syscall(SYS_pidfd_open, holder->pid, 0);
	if (fd < 0)
		return -errno;
	if (holder_of(&sysfs_machine, standing->device.node, &now) == 1 && now.pid == holder->pid)
		return fd;
	close(fd);
	return -ESRCH;
}

static int send_signal(int server, int signal)
{
	return syscall(SYS_pidfd_send_signal, server, signal, NULL, 0) ? -errno : 0;
}

int end_server_wake(const struct standing *standing)
{
	struct holder holder;
	int rc, server = open_server(standing, &holder);

	if (server < 0)
		return server;
	rc = send_signal(server, SIGCONT);
	close(server);
	return rc;
}

/* 0 when it has ended. */
static int end_process(int server, const struct standing *standing, const struct pace *pace)
{
	int rc = -ETIMEDOUT;

	if (standing->asked == 0 &&
	    ask_to(standing->device.name, "stop", pace_left(pace, STOP_MS)) == 0)
		rc = pace_wait(pace, server, STOP_MS);
	if (rc == -ETIMEDOUT && standing->asked != -ETIMEDOUT && send_signal(server, SIGTERM) == 0)
		rc = pace_wait(pace, server, TERM_MS);
	if (rc == -ETIMEDOUT && send_signal(server, SIGKILL) == 0)
		rc = pace_wait(pace, server, KILL_MS);
	return rc;
}

int end_server(const struct standing *standing, const struct pace *pace,
	       struct failure *failure)
{
	struct holder holder;
	int rc, server;

	if (!standing->there)
		return 0;
	server = open_server(standing, &holder);
	if (server == -ESRCH)
		return 0;
	if (server < 0)
		return failure_errno(failure, -server, standing->name, "cannot end process %d",
				     (int)holder.pid);
	rc = end_process(server, standing, pace);
	close(server);
	if (rc == -EINTR)
		return pace_check(pace, standing->name, failure);
	if (rc < 0)
		failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, standing->name,
			    "process %d (%s), which serves it, does not end",
			    (int)holder.pid, holder.command);
	return rc;
}

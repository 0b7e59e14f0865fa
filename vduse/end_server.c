// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/end_server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vduse/journal_file.h"

/* What each way of saying it may take. The last is in the hands of the kernel. */
#define STOP_MS 2000
#define TERM_MS 1000
#define KILL_MS 5000

/*
 * Who serves a device, as descriptors: a number may be another process's a moment later, a
 * descriptor is not. -1 where there is none: a worker that has just died, a process that serves
 * without a supervisor.
 */
struct servers {
	int supervisor;
	int worker;		/* the one that has the node open */
	struct holder holder;	/* that one, or, where there is none, the supervisor */
};

static int open_process(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

static int open_supervisor(const char *name, struct holder *holder)
{
	pid_t owner = journal_owner(name);
	int fd = owner ? open_process(owner) : -ESRCH;

	if (fd < 0 || journal_owner(name) == owner) {
		holder->pid = owner;
		snprintf(holder->command, sizeof(holder->command), "vduse");
		return fd;
	}
	close(fd);
	return -ESRCH;
}

static int open_worker(const struct standing *standing, struct holder *holder)
{
	struct holder found, now;
	int fd;

	if (holder_of(&sysfs_machine, standing->device.node, &found) != 1 ||
	    !standing_is_ours(&found))
		return -ESRCH;
	fd = open_process(found.pid);
	if (fd >= 0 && (holder_of(&sysfs_machine, standing->device.node, &now) != 1 ||
			now.pid != found.pid)) {
		close(fd);
		return -ESRCH;
	}
	*holder = found;
	return fd;
}

static void close_servers(const struct servers *servers)
{
	if (servers->supervisor >= 0)
		close(servers->supervisor);
	if (servers->worker >= 0)
		close(servers->worker);
}

/* 0; -ESRCH where nobody of ours serves it, or another negative errno: then nothing is open. */
static int open_servers(const struct standing *standing, struct servers *servers)
{
	int rc;

	servers->supervisor = open_supervisor(standing->device.name, &servers->holder);
	servers->worker = open_worker(standing, &servers->holder);
	rc = servers->worker < 0 ? servers->worker : servers->supervisor;
	if (rc < 0 && rc != -ESRCH) {
		close_servers(servers);
		return rc;
	}
	return servers->supervisor < 0 && servers->worker < 0 ? -ESRCH : 0;
}

static int send_signal(int process, int signal)
{
	if (process < 0)
		return 0;
	return syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) ? -errno : 0;
}

int end_server_wake(const struct standing *standing)
{
	struct servers servers;
	int rc = open_servers(standing, &servers);

	if (rc < 0)
		return rc;
	rc = send_signal(servers.supervisor, SIGCONT);
	if (rc == 0)
		rc = send_signal(servers.worker, SIGCONT);
	close_servers(&servers);
	return rc;
}

/* Both have ended: 0. A supervisor ends after its worker. */
static int wait_end(const struct servers *servers, const struct pace *pace, int milliseconds)
{
	int rc = 0;

	if (servers->supervisor >= 0)
		rc = pace_wait(pace, servers->supervisor, milliseconds);
	if (rc == 0 && servers->worker >= 0)
		rc = pace_wait(pace, servers->worker, milliseconds);
	return rc;
}

/* A supervisor passes SIGTERM on, and would replace a worker that was killed before it. */
static int tell_end(const struct servers *servers, int signal)
{
	int rc = 0;

	if (servers->supervisor >= 0)
		rc = send_signal(servers->supervisor, signal);
	if (rc == 0 && (signal == SIGKILL || servers->supervisor < 0))
		rc = send_signal(servers->worker, signal);
	return rc == -ESRCH ? 0 : rc;
}

/* 0 when it has ended. */
static int end_processes(const struct servers *servers, const struct standing *standing,
			 const struct pace *pace)
{
	int rc = -ETIMEDOUT;

	if (standing->asked == 0 &&
	    ask_to(standing->device.name, "stop", pace_left(pace, STOP_MS)) == 0)
		rc = wait_end(servers, pace, STOP_MS);
	if (rc == -ETIMEDOUT && standing->asked != -ETIMEDOUT && tell_end(servers, SIGTERM) == 0)
		rc = wait_end(servers, pace, TERM_MS);
	if (rc == -ETIMEDOUT && tell_end(servers, SIGKILL) == 0)
		rc = wait_end(servers, pace, KILL_MS);
	return rc;
}

int end_server(const struct standing *standing, const struct pace *pace,
	       struct failure *failure)
{
	struct servers servers = { .holder = { .pid = 0 } };
	const struct holder *holder = &servers.holder;
	int rc;

	if (!standing->there)
		return 0;
	rc = open_servers(standing, &servers);
	if (rc == -ESRCH)
		return 0;
	if (rc < 0)
		return failure_errno(failure, -rc, standing->name, "cannot end process %d",
				     (int)holder->pid);
	rc = end_processes(&servers, standing, pace);
	close_servers(&servers);
	if (rc == -EINTR)
		return pace_check(pace, standing->name, failure);
	if (rc == -ETIMEDOUT)
		failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, standing->name,
			    "process %d (%s), which serves it, does not end",
			    (int)holder->pid, holder->command);
	else if (rc < 0)
		failure_errno(failure, -rc, standing->name, "cannot wait for the end of process %d",
			      (int)holder->pid);
	return rc;
}

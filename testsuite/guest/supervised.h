/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the programs that end workers of a service (vduse/process/supervisor.h): which process
 * is its worker, whether a worker serves, and how its journal is taken away from the next one.
 */
#ifndef TESTSUITE_GUEST_SUPERVISED_H
#define TESTSUITE_GUEST_SUPERVISED_H

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/control_socket.h"
#include "lib/registry.h"
#include "testsuite/guest/pattern.h"
#include "vduse/device/journal.h"

/* Whatever a machine is busy with. */
#define SUPERVISED_PATIENCE_US UINT64_C(60000000)

/* A worker that has served for so long is followed at once (LIFE_MS in supervisor.c). */
#define SUPERVISED_LIFE_US 260000

struct supervised {
	pid_t supervisor;
	const char *name;	/* of its (first) device */
	bool forget;		/* its journal is emptied after each end of a worker */
};

static inline void nap_us(uint64_t microseconds)
{
	const struct timespec time = { .tv_sec = (time_t)(microseconds / 1000000),
				       .tv_nsec = (long)(microseconds % 1000000 * 1000) };

	nanosleep(&time, NULL);
}

/* Its child, or 0. (What makes the network namespace at the beginning is nobody's child.) */
static inline pid_t worker_now(const struct supervised *service)
{
	char path[64], text[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", service->supervisor,
		 service->supervisor);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(EXIT_BAD_USAGE, "%s", path);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

/* The next one after @last; while the supervisor pauses, there is none. */
static inline pid_t worker_after(const struct supervised *service, pid_t last)
{
	uint64_t end = now_usec() + SUPERVISED_PATIENCE_US;
	pid_t pid;

	while (now_usec() < end) {
		pid = worker_now(service);
		if (pid && pid != last)
			return pid;
		nap_us(200);
	}
	errx(EXIT_FAILURE, "%s: no worker comes after process %d", service->name, last);
}

/* What the worker says at the control socket. Who connects while there is none waits until the
 * next one serves. */
static inline void worker_answer(const struct supervised *service, struct buffer *answer)
{
	int rc = control_socket_ask(REGISTRY_FOLDER, service->name, "state",
				    (int)(SUPERVISED_PATIENCE_US / 1000), answer);

	if (rc < 0)
		errx(EXIT_FAILURE, "%s: its worker does not answer: %s", service->name, strerror(-rc));
}

/* Until a worker serves. */
static inline void worker_serves(const struct supervised *service)
{
	struct buffer answer = { 0 };

	worker_answer(service, &answer);
	buffer_free(&answer);
}

/* Zeroes, as if nobody had served it before. The page with whose it is stays. */
static inline void journal_forget(const struct supervised *service)
{
	static const uint8_t zeroes[JOURNAL_PORTS * sizeof(struct journal_port)];
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.journal", REGISTRY_FOLDER, service->name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, zeroes, sizeof(zeroes), JOURNAL_OFFSET) != sizeof(zeroes))
		err(EXIT_BAD_USAGE, "%s", path);
	close(fd);
}

static inline char process_state(pid_t pid)
{
	char path[40], text[300], *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ')');
	return at && at[1] ? at[2] : 'X';
}

/* Its supervisor must not be quicker than we where its journal is to be forgotten. */
static inline void supervisor_hold(const struct supervised *service)
{
	if (!service->forget)
		return;
	kill(service->supervisor, SIGSTOP);
	while (process_state(service->supervisor) != 'T')
		nap_us(200);
}

/* After the end of the worker @pid. */
static inline void supervisor_go_on(const struct supervised *service, pid_t pid)
{
	if (!service->forget)
		return;
	while (!strchr("ZX", process_state(pid)))
		nap_us(200);
	journal_forget(service);
	kill(service->supervisor, SIGCONT);
}

static inline unsigned int supervisor_descriptors(const struct supervised *service)
{
	unsigned int count = 0;
	char path[40];
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", service->supervisor);
	folder = opendir(path);
	if (!folder)
		err(EXIT_BAD_USAGE, "%s", path);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2;
}

/* Numbers that @seed tells (xorshift64*), below @below. */
static inline uint64_t random_below(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (*seed * UINT64_C(0x2545f4914f6cdd1d) >> 33) % below;
}

#endif

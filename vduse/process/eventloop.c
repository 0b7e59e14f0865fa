// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/eventloop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 16

int eventloop_open(struct eventloop *loop)
{
	*loop = (struct eventloop){ .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	return loop->epoll_fd < 0 ? -errno : 0;
}

void eventloop_close(struct eventloop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

static int control(struct eventloop *loop, int operation, struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) ? -errno : 0;
}

int eventloop_watch(struct eventloop *loop, struct watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, watch, events);
}

int eventloop_rewatch(struct eventloop *loop, struct watch *watch, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, watch, events);
}

void eventloop_unwatch(struct eventloop *loop, struct watch *watch)
{
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

void eventloop_add_task(struct eventloop *loop, struct task *task)
{
	task->next = loop->tasks;
	loop->tasks = task;
}

uint64_t eventloop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The earliest time that a task is due; EVENTLOOP_NEVER without any. */
static uint64_t first_due(const struct eventloop *loop)
{
	uint64_t first = EVENTLOOP_NEVER;
	const struct task *task;

	for (task = loop->tasks; task; task = task->next)
		if (task->due < first)
			first = task->due;
	return first;
}

static void run_due_tasks(struct eventloop *loop)
{
	struct task *task;

	for (task = loop->tasks; task && !loop->ended; task = task->next) {
		if (task->due > loop->now)
			continue;
		task->due = EVENTLOOP_NEVER;
		task->run(task);
	}
}

/* Run what is due; while something is due at once, again, until it is the descriptors' turn. */
static void run_tasks(struct eventloop *loop)
{
	uint64_t end;

	loop->now = eventloop_now();
	end = loop->now + EVENTLOOP_SPIN_NS;
	do {
		run_due_tasks(loop);
		loop->now = eventloop_now();
	} while (!loop->ended && loop->now < end && first_due(loop) == 0);
}

/* Milliseconds until the first task is due, rounded up; -1 for no end. */
static int time_to_wait(const struct eventloop *loop)
{
	uint64_t first = first_due(loop), now, milliseconds;

	if (first == EVENTLOOP_NEVER)
		return -1;
	now = eventloop_now();
	if (first <= now)
		return 0;
	milliseconds = (first - now + 999999) / 1000000;
	return milliseconds > 60000 ? 60000 : (int)milliseconds;
}

int eventloop_run(struct eventloop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	while (!loop->ended) {
		int i, n = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE,
				      time_to_wait(loop));

		if (n < 0 && errno != EINTR)
			return -errno;
		for (i = 0; i < n && !loop->ended; i++) {
			struct watch *watch = events[i].data.ptr;

			watch->ready(watch, events[i].events);
		}
		run_tasks(loop);
	}
	return 0;
}

void eventloop_end(struct eventloop *loop)
{
	loop->ended = true;
}

int eventloop_open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for several descriptors and points in time at once, on one thread.
 *
 * A watch is embedded in what it belongs to. Nothing runs while nothing happens:
 * an idle loop sleeps in epoll_wait() without a time-out.
 *
 * Work that is not finished is put into a task. While a task is due at once, tasks run
 * again and again, and every EVENTLOOP_SPIN_NS the descriptors have their turn: so a task
 * that polls memory pays no system call for each look, and a control message or a signal
 * waits for no longer than that and one run of each task.
 */
#ifndef VDUSE_PROCESS_EVENTLOOP_H
#define VDUSE_PROCESS_EVENTLOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What @pointer, its member @member, is embedded in: a struct @type. */
#define eventloop_owner(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

struct eventloop;

/* A descriptor that is waited for. @events are EPOLLIN and so on. */
struct watch {
	int fd;
	void (*ready)(struct watch *watch, uint32_t events);
};

/*
 * Something to do at a time, or as soon as may be. @due is in nanoseconds of
 * CLOCK_MONOTONIC, EVENTLOOP_NEVER while there is nothing to do, 0 for at once.
 * eventloop_run() sets it to EVENTLOOP_NEVER before it calls @run.
 */
struct task {
	struct task *next;
	uint64_t due;
	void (*run)(struct task *task);
};

#define EVENTLOOP_NEVER UINT64_MAX
#define EVENTLOOP_SPIN_NS UINT64_C(50000)

struct eventloop {
	int epoll_fd;
	struct task *tasks;
	uint64_t now;		/* CLOCK_MONOTONIC, before the tasks that run were called */
	bool ended;
};

/* 0 or negative errno. Closed by eventloop_close(). */
int eventloop_open(struct eventloop *loop);
void eventloop_close(struct eventloop *loop);

/* Begin waiting for @watch->fd, which must be open; wait for other events; end it. 0 or
 * negative errno. */
int eventloop_watch(struct eventloop *loop, struct watch *watch, uint32_t events);
int eventloop_rewatch(struct eventloop *loop, struct watch *watch, uint32_t events);
void eventloop_unwatch(struct eventloop *loop, struct watch *watch);

/* @task must outlive the loop. */
void eventloop_add_task(struct eventloop *loop, struct task *task);

/* Wait and call until eventloop_end(). 0 or negative errno. */
int eventloop_run(struct eventloop *loop);
void eventloop_end(struct eventloop *loop);

/* Block SIGTERM, SIGINT and SIGUSR1, which end a serving process and ask it for its counters, for
 * good: a descriptor, non-blocking, that tells when they come (signalfd(2)), or negative errno. */
int eventloop_open_signals(void);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t eventloop_now(void);

#endif

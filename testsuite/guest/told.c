// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * told ROUNDS
 *
 * How long after a device was made has a reader of "vduse -j monitor" the line? Makes and
 * destroys a device ROUNDS times and prints, in microseconds, p50, p99 and the longest of
 * the calls themselves and of the time from the end of each call until the line was read.
 * A line that is there when its call ends counts as 0: the kernel tells of a device before
 * the call that made it returns.
 */
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/vduse_control.h"

#define NAME "told0"

struct sample {
	double call, line;	/* microseconds */
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static pid_t start(int *lines)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("vduse", "vduse", "-j", "monitor", "vduse", "name", NAME, "initial", NULL);
		err(1, "vduse");
	}
	close(ends[1]);
	*lines = ends[0];
	return pid;
}

/* The next lines until one that has @event; the time when it was there. */
static double wait_for(int lines, const char *event)
{
	struct pollfd pollfd = { .fd = lines, .events = POLLIN };
	char text[4096];

	for (;;) {
		double when;
		ssize_t n;

		if (poll(&pollfd, 1, 10000) <= 0)
			errx(1, "no line \"%s\" within 10 s", event);
		when = now();
		n = read(lines, text, sizeof(text) - 1);
		if (n <= 0)
			errx(1, "the monitor ended");
		text[n] = '\0';
		if (strstr(text, event))
			return when;
	}
}

static void create(int control)
{
	struct vduse_definition definition;
	struct failure failure;

	vduse_definition_default(&definition, NAME, DEVICE_TYPE_NET);
	vduse_derive_mac("told", NAME, definition.mac);
	if (vduse_control_create(control, &definition, &failure) < 0)
		errx(1, "%s", failure.message);
}

static void destroy(int control)
{
	struct failure failure;

	if (vduse_control_destroy(control, NAME, &failure) < 0)
		errx(1, "%s", failure.message);
}

static struct sample measure(int control, int lines)
{
	double before = now(), after, told;

	create(control);
	after = now();
	told = wait_for(lines, "\"create\"");
	destroy(control);
	wait_for(lines, "\"destroy\"");
	return (struct sample){ after - before, told > after ? told - after : 0 };
}

static int by_value(const void *one, const void *other)
{
	const double *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

static void print(const char *what, double *values, long count)
{
	qsort(values, count, sizeof(*values), by_value);
	printf("%-36s %9.0f %9.0f %9.0f\n", what, values[count / 2], values[count * 99 / 100],
	       values[count - 1]);
}

int main(int argc, char **argv)
{
	long i, rounds = argc == 2 ? atol(argv[1]) : 0;
	struct failure failure;
	double *calls, *told;
	int control, lines;
	pid_t pid;

	if (rounds < 1)
		errx(2, "Usage: told ROUNDS");
	calls = calloc(rounds, sizeof(*calls));
	told = calloc(rounds, sizeof(*told));
	control = vduse_control_open(&failure);
	if (control < 0 || !calls || !told)
		errx(1, "cannot begin");
	create(control);
	pid = start(&lines);
	wait_for(lines, "\"create\"");
	destroy(control);
	wait_for(lines, "\"destroy\"");
	for (i = 0; i < rounds; i++) {
		struct sample sample = measure(control, lines);

		calls[i] = sample.call;
		told[i] = sample.line;
	}
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	printf("%-36s %9s %9s %9s\n", "microseconds", "p50", "p99", "longest");
	print("the call that makes a device", calls, rounds);
	print("from its end to the line read", told, rounds);
	return 0;
}

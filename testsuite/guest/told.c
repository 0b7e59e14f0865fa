// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * told ROUNDS
 * told ROUNDS virtio NAME NODE
 * told ROUNDS link NAME INTERFACE
 *
 * How soon has a reader of "vduse -j monitor" the line of something that happened? ROUNDS
 * times
 *
 *	a device is made, and destroyed
 *	virtio: a driver of NAME, through the vhost-vdpa NODE, writes a status, settles on
 *		features, makes the virtqueues run, and resets
 *	link: the INTERFACE of NAME is set up and down
 *
 * Prints, in microseconds, p50, p99 and the longest of the calls that do it, and of the
 * time from the end of each call until the line was read, and from its beginning: who is
 * told may know of it before the call returns, which counts as 0 from the end.
 */
#include <err.h>
#include <linux/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/vduse_control.h"
#include "testsuite/guest/vhost_life.h"

#define NAME "told0"

/* Of one thing that happens again and again. */
struct series {
	const char *what;
	double *calls, *lines, *all;	/* microseconds, by round */
	long count;
};

struct told {
	int lines;		/* of the monitor */
	pid_t monitor;
	long rounds;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void start(struct told *told, const char *object, const char *name)
{
	int ends[2];

	if (pipe(ends))
		err(1, "pipe");
	told->monitor = fork();
	if (told->monitor < 0)
		err(1, "fork");
	if (told->monitor == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("vduse", "vduse", "-j", "monitor", object, "name", name, "initial", NULL);
		err(1, "vduse");
	}
	close(ends[1]);
	told->lines = ends[0];
}

/* The next lines until one that has @event; the time when it was there. */
static double wait_for(int lines, const char *event)
{
	struct pollfd pollfd = { .fd = lines, .events = POLLIN };
	char text[4096];

	for (;;) {
		double when;
		ssize_t n;

		if (poll(&pollfd, 1, 120000) <= 0)
			errx(1, "no line \"%s\" within 120 s", event);
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

/* -- series ---------------------------------------------------------------------------- */

static struct series begin_series(const struct told *told, const char *what)
{
	double *values = calloc(3 * (size_t)told->rounds, sizeof(*values));

	if (!values)
		err(1, "memory");
	return (struct series){ what, values, values + told->rounds, values + 2 * told->rounds, 0 };
}

/* A call from @before to @after, whose last line has @event. */
static void take(const struct told *told, struct series *series, double before, double after,
		 const char *event)
{
	double line = wait_for(told->lines, event);

	series->calls[series->count] = after - before;
	series->lines[series->count] = line > after ? line - after : 0;
	series->all[series->count++] = line - before;
}

static int by_value(const void *one, const void *other)
{
	const double *a = one, *b = other;

	return (*a > *b) - (*a < *b);
}

static void print(const char *what, const char *part, double *values, long count)
{
	qsort(values, count, sizeof(*values), by_value);
	printf("%-24s %-32s %7.0f %9.0f %9.0f\n", what, part, values[count / 2],
	       values[count * 99 / 100], values[count - 1]);
}

static void end_series(struct series *series)
{
	print(series->what, "the call", series->calls, series->count);
	print("", "from its end to the line", series->lines, series->count);
	print("", "from its beginning to the line", series->all, series->count);
	free(series->calls);
}

/* -- what happens ------------------------------------------------------------------------ */

static void measure_devices(struct told *told)
{
	struct series made = begin_series(told, "a device is made");
	struct failure failure;
	int control = vduse_control_open(&failure);
	double before, after;

	if (control < 0)
		errx(1, "%s", failure.message);
	create(control);
	start(told, "vduse", NAME);
	wait_for(told->lines, "\"create\"");
	destroy(control);
	wait_for(told->lines, "\"destroy\"");
	while (made.count < told->rounds) {
		before = now();
		create(control);
		after = now();
		take(told, &made, before, after, "\"create\"");
		destroy(control);
		wait_for(told->lines, "\"destroy\"");
	}
	end_series(&made);
}

static void write_status(const struct told *told, struct series *series, const struct life *life,
			 uint8_t status, const char *event)
{
	double before = now();

	client_set_status(&life->client, status);
	take(told, series, before, now(), event);
}

static void measure_virtio(struct told *told, const char *name, const char *node)
{
	struct series status = begin_series(told, "status"),
		      features = begin_series(told, "features"),
		      queues = begin_series(told, "two virtqueues ready"),
		      reset = begin_series(told, "reset");
	static struct life life;

	start(told, "virtio", name);
	wait_for(told->lines, "\"start\"");
	life_begin(&life, node);
	client_map(&life.client);
	client_set_status(&life.client, 0);
	wait_for(told->lines, "[\"reset\"]");
	while (status.count < told->rounds) {
		client_set_status(&life.client, VIRTIO_CONFIG_S_ACKNOWLEDGE);
		wait_for(told->lines, "[\"ACKNOWLEDGE\"]");
		write_status(told, &status, &life, LIFE_DRIVER, "[\"ACKNOWLEDGE\",\"DRIVER\"]");
		life_take_features(&life);
		write_status(told, &features, &life, LIFE_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK,
			     "\"features\"");
		life_set_up(&life);
		write_status(told, &queues, &life, LIFE_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
			     VIRTIO_CONFIG_S_DRIVER_OK, "\"index\":1");
		write_status(told, &reset, &life, 0, "[\"reset\"]");
	}
	end_series(&status);
	end_series(&features);
	end_series(&queues);
	end_series(&reset);
}

static void set_flags(int fd, const char *interface, short flags)
{
	struct ifreq request = { .ifr_flags = flags };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		err(1, "%s", interface);
}

static void measure_links(struct told *told, const char *name, const char *interface)
{
	struct series up = begin_series(told, "the interface is set up"),
		      down = begin_series(told, "and down");
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	double before;

	set_flags(fd, interface, 0);
	start(told, "vdpa", name);
	wait_for(told->lines, "\"bind\"");
	while (up.count < told->rounds) {
		before = now();
		set_flags(fd, interface, IFF_UP);
		take(told, &up, before, now(), "\"link\":\"up\"");
		before = now();
		set_flags(fd, interface, 0);
		take(told, &down, before, now(), "\"link\":\"down\"");
	}
	end_series(&up);
	end_series(&down);
	close(fd);
}

int main(int argc, char **argv)
{
	struct told told = { .rounds = argc >= 2 ? atol(argv[1]) : 0 };
	const char *what = argc == 5 ? argv[2] : "";

	if (told.rounds < 1 ||
	    (argc != 2 && strcmp(what, "virtio") != 0 && strcmp(what, "link") != 0))
		errx(2, "Usage: told ROUNDS [ virtio NAME NODE | link NAME INTERFACE ]");
	printf("%-57s %7s %9s %9s\n", "microseconds", "p50", "p99", "longest");
	if (argc == 2)
		measure_devices(&told);
	else if (!strcmp(what, "virtio"))
		measure_virtio(&told, argv[3], argv[4]);
	else
		measure_links(&told, argv[3], argv[4]);
	kill(told.monitor, SIGTERM);
	waitpid(told.monitor, NULL, 0);
	return 0;
}

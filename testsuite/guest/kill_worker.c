// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kill_worker SUPERVISOR NAME [ WORD VALUE ]...
 *
 * Kills (SIGKILL) the worker of the service of NAME at random moments, by turns:
 *
 *	- when it has served for a quarter of a second: the next one is started at once
 *	- after the answer of the next one, within 60 ms: it is busy with what it found
 *	- while the next one starts, within 40 ms: mostly it does not come to serve
 *
 *	count N		so often, default 1. With 0 it only looks.
 *	seed N		of the moments; told, drawn where it is not given
 *	flight FILE	of the traffic: killed is only while it has frames on their way; "and FILE"
 *			the same of other traffic
 *	times FILE	to which each recovery time is added, a line each, in microseconds
 *	forget		the journal is emptied each time before the next worker looks at it
 *
 * The recovery time is that from the kill to the answer of the next worker at its control
 * socket, which is the moment in which its loop runs: its first frames have passed by then.
 * (Kills of the third turn are counted in the one before.) One JSON object says all that, and
 * what the device says of itself at the end; exit status 1 where that is not as it should be.
 */
#include <sys/random.h>

#include "testsuite/guest/flight.h"
#include "testsuite/guest/supervised.h"

#define LIFE_MORE_US 60000
#define BUSY_US 60000
#define START_US 40000

struct killer {
	struct supervised service;
	uint64_t count, seed;
	uint64_t *recovery;	/* microseconds */
	uint64_t recoveries, kills;
	struct flight *flights[2];
	uint64_t flying;	/* frames on their way, of all kills */
	unsigned int descriptors;	/* of the supervisor, at the beginning */
};

/* Not before there is traffic of each kind. */
static void await_traffic(struct killer *killer)
{
	uint64_t end = now_usec() + SUPERVISED_PATIENCE_US, frames;
	unsigned int i;

	for (i = 0; i < 2 && killer->flights[i]; i++) {
		while (!(frames = killer->flights[i]->frames)) {
			if (now_usec() > end)
				errx(EXIT_FAILURE, "no traffic");
			nap_us(100);
		}
		killer->flying += frames;
	}
}

/* Returns when it is gone: what it had open is closed by then. */
static void kill_now(struct killer *killer, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return;		/* it has gone by itself: nothing to be counted */
	await_traffic(killer);
	supervisor_hold(&killer->service);
	killer->kills += !syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	poll(&pollfd, 1, -1);
	close(fd);
	supervisor_go_on(&killer->service, pid);
}

static void kill_and_measure(struct killer *killer)
{
	uint64_t started = now_usec();
	pid_t pid = worker_after(&killer->service, 0);

	kill_now(killer, pid);
	if (killer->recoveries % 2 == 0 && killer->kills < killer->count) {
		pid = worker_after(&killer->service, pid);
		nap_us(random_below(&killer->seed, START_US));
		kill_now(killer, pid);
	}
	worker_after(&killer->service, pid);
	worker_serves(&killer->service);
	killer->recovery[killer->recoveries++] = now_usec() - started;
}

static void run(struct killer *killer)
{
	while (killer->kills < killer->count) {
		uint64_t life = killer->recoveries % 2 ?
				SUPERVISED_LIFE_US + random_below(&killer->seed, LIFE_MORE_US) :
				random_below(&killer->seed, BUSY_US);

		nap_us(life);
		kill_and_measure(killer);
	}
}

static int shorter(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static uint64_t percentile(const struct killer *killer, uint64_t percent)
{
	return killer->recoveries ? killer->recovery[(killer->recoveries - 1) * percent / 100] : 0;
}

/* The sum of the numbers behind each "@name": in @text. */
static uint64_t sum_of(const char *text, const char *name)
{
	uint64_t sum = 0;

	for (text = strstr(text, name); text; text = strstr(text + 1, name))
		sum += strtoull(text + strlen(name), NULL, 10);
	return sum;
}

static void add_times(const struct killer *killer, const char *path)
{
	FILE *file = path ? fopen(path, "ae") : NULL;
	uint64_t i;

	if (path && !file)
		err(EXIT_BAD_USAGE, "%s", path);
	for (i = 0; file && i < killer->recoveries; i++)
		fprintf(file, "%llu\n", (unsigned long long)killer->recovery[i]);
	if (file && fclose(file))
		err(EXIT_BAD_USAGE, "%s", path);
}

static int report(struct killer *killer)
{
	unsigned int descriptors = supervisor_descriptors(&killer->service);
	struct buffer answer = { 0 };
	bool fine;

	worker_answer(&killer->service, &answer);
	fine = strstr(answer.text, "\"broken\":false") && descriptors == killer->descriptors;
	qsort(killer->recovery, killer->recoveries, sizeof(*killer->recovery), shorter);
	printf("{\"kills\":%llu,\"flying\":%llu,\"recoveries\":%llu,\"recovery_p50\":%llu,\"recovery_p99\":%llu,"
	       "\"recovery_max\":%llu,\"descriptors\":%u,\"descriptors_before\":%u,"
	       "\"in_flight\":%llu,\"running\":%u,\"broken\":%s}\n",
	       (unsigned long long)killer->kills, (unsigned long long)killer->flying,
	       (unsigned long long)killer->recoveries,
	       (unsigned long long)percentile(killer, 50), (unsigned long long)percentile(killer, 99),
	       (unsigned long long)percentile(killer, 100), descriptors, killer->descriptors,
	       (unsigned long long)sum_of(answer.text, "\"in_flight\":"),
	       !strstr(answer.text, "\"running\":false"),
	       strstr(answer.text, "\"broken\":false") ? "false" : answer.text);
	buffer_free(&answer);
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct killer killer = { .count = 1 };
	const char *flights[2] = { NULL, NULL }, *times = NULL;
	unsigned int i;
	const struct word words[] = {
		{ .name = "count", .number = &killer.count },
		{ .name = "seed", .number = &killer.seed },
		{ .name = "times", .text = &times },
		{ .name = "flight", .text = &flights[0] }, { .name = "and", .text = &flights[1] },
		{ .name = "forget", .flag = &killer.service.forget },
		{ .name = NULL },
	};

	if (argc < 3)
		errx(EXIT_BAD_USAGE, "usage: kill_worker SUPERVISOR NAME [WORD VALUE]...");
	killer.service.supervisor = (pid_t)atoi(argv[1]);
	killer.service.name = argv[2];
	words_read(words, argv + 3);
	for (i = 0; i < 2; i++)
		killer.flights[i] = flights[i] ? flight_map(flights[i]) : NULL;
	while (!killer.seed)
		if (getrandom(&killer.seed, 4, 0) != 4)
			err(EXIT_BAD_USAGE, "seed");
	fprintf(stderr, "seed %llu\n", (unsigned long long)killer.seed);
	killer.recovery = calloc(killer.count + 1, sizeof(*killer.recovery));
	if (!killer.recovery)
		err(EXIT_BAD_USAGE, "memory");
	worker_serves(&killer.service);
	killer.descriptors = supervisor_descriptors(&killer.service);
	run(&killer);
	add_times(&killer, times);
	return report(&killer);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cost ROUNDS COMMAND...
 *
 * What each COMMAND, one word that is split at blanks, costs as a whole process: user and
 * system time in microseconds, of ROUNDS runs each, taken in turns so that what else the
 * machine does falls on all of them alike. Prints a line for each, "MINIMUM QUARTER MEDIAN
 * COMMAND"; QUARTER is the mean of the quickest quarter, which a single lucky run does not
 * decide. Their output is thrown away; a command that fails ends it all with 1.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS 32

static void run(const char *command)
{
	char *words[WORDS], *copy = strdup(command), *save = NULL;
	int count = 0, null = open("/dev/null", O_RDWR);

	words[0] = strtok_r(copy, " ", &save);
	while (words[count] && count < WORDS - 1)
		words[++count] = strtok_r(NULL, " ", &save);
	dup2(null, STDOUT_FILENO);
	execvp(words[0], words);
	err(127, "%s", words[0]);
}

static uint64_t microseconds(struct timeval time)
{
	return time.tv_sec * UINT64_C(1000000) + time.tv_usec;
}

static uint64_t cost_of(const char *command)
{
	struct rusage usage;
	pid_t child = fork();
	int status;

	if (child == 0)
		run(command);
	if (child < 0 || wait4(child, &status, 0, &usage) != child)
		err(1, "%s", command);
	if (status)
		errx(1, "%s: status %x", command, status);
	return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

static int by_size(const void *one, const void *other)
{
	const uint64_t *a = one, *b = other;

	return *a < *b ? -1 : *a > *b;
}

static uint64_t quickest_quarter(const uint64_t *sorted, int rounds)
{
	int i, count = (rounds + 3) / 4;
	uint64_t sum = 0;

	for (i = 0; i < count; i++)
		sum += sorted[i];
	return sum / count;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 0, commands = argc - 2, round, i;
	uint64_t *costs;

	if (rounds < 1)
		errx(2, "Usage: cost ROUNDS COMMAND...");
	costs = calloc((size_t)rounds * commands, sizeof(*costs));
	if (!costs)
		err(1, "calloc");
	for (round = 0; round < rounds; round++)
		for (i = 0; i < commands; i++)
			costs[i * rounds + round] = cost_of(argv[2 + i]);
	for (i = 0; i < commands; i++) {
		const uint64_t *own = costs + i * rounds;

		qsort(costs + i * rounds, rounds, sizeof(*costs), by_size);
		printf("%llu %llu %llu %s\n", (unsigned long long)own[0],
		       (unsigned long long)quickest_quarter(own, rounds),
		       (unsigned long long)own[rounds / 2], argv[2 + i]);
	}
	free(costs);
	return 0;
}

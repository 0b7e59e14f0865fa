/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the virtqueue engine costs beside a floor, as ratios within one run: `make bench-ring`.
 * driver.h, floor.h and measure.h say what is compared and how.
 *
 *	main [ROUNDS [WORDS]]	ROUNDS: 1000 unless said; 20 for a glance;
 *				WORDS: only the rows that contain them, the ring's name included
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure.h"

struct row {
	const char *text;
	enum device floor;
	enum shape transmit, receive;
	uint32_t length;
	unsigned int batch;	/* 0: two threads */
	double target;		/* at most; two threads: at least */
};

static const struct row rows[] = {
	{ "64 B, batches of 32", FLOOR, ONE, ONE, 64, 32, 1.25 },
	{ "1500 B, batches of 32", FLOOR, ONE, ONE, 1500, 32, 1.1 },
	{ "64 B, batches of 1, floor with fence", FLOOR_FENCE, ONE, ONE, 64, 1, 1.2 },
	{ "64 B, batches of 32, sent in two descriptors", FLOOR, TWO, ONE, 64, 32, 4 },
	{ "  and received in two", FLOOR, TWO, TWO, 64, 32, 4 },
	{ "64 B, batches of 32, sent in an indirect table", FLOOR, TABLE, ONE, 64, 32, 4 },
	{ "  and received in one", FLOOR, TABLE, TABLE, 64, 32, 4 },
	{ "two threads, 64 B, frames/s", FLOOR, ONE, ONE, 64, 0, 0.95 },
	{ "two threads, 1500 B, frames/s", FLOOR, ONE, ONE, 1500, 0, 0.95 },
};

static void print_processor(void)
{
	char line[256], *name;
	FILE *file = fopen("/proc/cpuinfo", "re");

	while (file && fgets(line, sizeof(line), file)) {
		name = strstr(line, ": ");
		if (name && !strncmp(line, "model name", 10)) {
			printf("processor: %s", name + 2);
			break;
		}
	}
	if (file)
		fclose(file);
}

/*
 * Rows of one thread are measured in several passes over all of them: a machine that has other
 * work for some seconds does not decide about one row.
 */
#define PASSES 5

static void measure(struct bench *bench, const struct row *row, bool packed, unsigned int rounds,
		    struct result *result)
{
	struct bench_case floor = { row->floor, packed, ONE, ONE, row->length };
	struct bench_case engine = { row->batch ? ENGINE : ENGINE_POLL, packed, row->transmit,
				     row->receive, row->length };

	if (row->batch)
		measure_rounds(bench, &floor, &engine, row->batch, rounds / PASSES + 1, result);
	else
		*result = measure_threads(bench, &floor, &engine, rounds / 20 + 1);
}

/* Whether a row was asked for. */
static bool chosen(const struct row *row, const char *ring, const char *words)
{
	char line[128];

	snprintf(line, sizeof(line), "%s %s", ring, row->text);
	return !words || strstr(line, words);
}

/* Prints a row; true when its target was met. */
static bool print_row(const struct row *row, const struct result *result, const char *ring)
{
	double ratio = result->floor > 0 ? result->engine / result->floor : 0;
	bool met = result->right && (row->batch ? ratio <= row->target : ratio >= row->target);

	printf("%-7s %-47s ", ring, row->text);
	if (!result->right) {
		printf("NOT MEASURED: it does not start, loses or changes frames, or has one processor\n");
		return false;
	}
	if (row->batch)
		printf("%7.1f %7.1f ns", result->floor, result->engine);
	else
		printf("%7.2f %7.2f M/s", result->floor / 1e6, result->engine / 1e6);
	printf("%s  %5.2f  %s %4.2f  %s\n", row->batch ? " " : "", ratio,
	       row->batch ? "at most " : "at least", row->target, met ? "met" : "MISSED");
	return met;
}

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *const rings[] = { "split", "packed" };

static void measure_all(struct bench *bench, const char *words, unsigned int rounds,
			struct result results[2][ROWS])
{
	for (unsigned int pass = 0; pass < PASSES; pass++)
		for (unsigned int i = 0; i < 2 * ROWS; i++) {
			const struct row *row = &rows[i % ROWS];
			struct result *result = &results[i / ROWS][i % ROWS];

			if (!chosen(row, rings[i / ROWS], words) || (!row->batch && pass))
				continue;
			if (!pass)
				*result = (struct result){ .right = true };
			measure(bench, row, i / ROWS, rounds, result);
		}
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 1000;
	const char *words = argc > 2 ? argv[2] : NULL;
	struct bench *bench = bench_new();
	unsigned int met = 0, printed = 0;
	struct result results[2][ROWS];

	if (!bench || !rounds)
		return 1;
	print_processor();
	printf("rings of %u, MRG_RXBUF, EVENT_IDX; a frame: one thread ns, two threads frames/s\n\n",
	       RING_SIZE);
	fflush(stdout);
	measure_all(bench, words, rounds, results);
	printf("%-7s %-47s %7s %7s     %5s  target\n", "ring", "", "floor", "engine", "ratio");
	for (unsigned int i = 0; i < 2 * ROWS; i++) {
		if (!chosen(&rows[i % ROWS], rings[i / ROWS], words))
			continue;
		met += print_row(&rows[i % ROWS], &results[i / ROWS][i % ROWS], rings[i / ROWS]);
		printed++;
	}
	printf("\n%u of %u targets met\n", met, printed);
	return 0;
}

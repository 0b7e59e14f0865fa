// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * replay FOLDER|FILE...
 *
 * A main for a fuzz target that fuzzes nothing: every input that was kept is run once, in the
 * order of their names, so that it needs no more than a compiler with sanitizers. TAP: one test a
 * folder or file; the first input that something is wrong with ends the program, and its name
 * is the last thing said.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testsuite/fuzz/input.h"

/* An input that takes longer hangs. */
#define SECONDS 60

static bool run_file(const char *path)
{
	FILE *file = fopen(path, "r");
	struct stat status;
	uint8_t *bytes;
	bool done = false;

	if (!file || fstat(fileno(file), &status))
		return false;
	/* exactly as long, so that the sanitizer sees a step too far */
	bytes = malloc(status.st_size ? (size_t)status.st_size : 1);
	if (bytes && fread(bytes, 1, (size_t)status.st_size, file) == (size_t)status.st_size) {
		fprintf(stderr, "# %s\n", path);
		alarm(SECONDS);
		LLVMFuzzerTestOneInput(bytes, (size_t)status.st_size);
		alarm(0);
		done = true;
	}
	free(bytes);
	fclose(file);
	return done;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Returns how many inputs were run, negative for one that could not be read. */
static long run_folder(const char *path)
{
	struct dirent **entries;
	int i, count = scandir(path, &entries, not_hidden, alphasort);
	long done = 0;

	if (count < 0)
		return errno == ENOTDIR && run_file(path) ? 1 : -1;
	for (i = 0; i < count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (done >= 0)
			done = run_file(name) ? done + 1 : -1;
		free(entries[i]);
	}
	free(entries);
	return done;
}

int main(int argc, char **argv)
{
	int i, failed = 0;

	printf("1..%d\n", argc - 1);
	fflush(stdout);
	for (i = 1; i < argc; i++) {
		long count = run_folder(argv[i]);
		const char *name = strrchr(argv[i], '/');

		printf("%s %d - %s: %ld inputs\n", count > 0 ? "ok" : "not ok", i,
		       name ? name + 1 : argv[i], count);
		failed |= count <= 0;
	}
	return failed;
}

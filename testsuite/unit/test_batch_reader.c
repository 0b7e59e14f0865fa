// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/batch: lines as they come from a file or a pipe.
 * LDFLAGS: -Wl,--wrap=read -Wl,--wrap=malloc -Wl,--wrap=realloc */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/batch.h"
#include "random_line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static size_t piece = SIZE_MAX;		/* the most bytes that one read gives */
static int interruptions;		/* reads that end with EINTR first */
static int allocations_left = -1;	/* -1: all succeed */

ssize_t __real_read(int fd, void *bytes, size_t size);
ssize_t __wrap_read(int fd, void *bytes, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

ssize_t __wrap_read(int fd, void *bytes, size_t size)
{
	if (interruptions > 0) {
		interruptions--;
		errno = EINTR;
		return -1;
	}
	return __real_read(fd, bytes, size < piece ? size : piece);
}

static bool refused(void)
{
	if (allocations_left < 0)
		return false;
	return allocations_left-- == 0;	/* the next one succeeds again */
}

/* A realloc(NULL) may be compiled to a malloc(). */
void *__wrap_malloc(size_t size)
{
	return refused() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return refused() ? NULL : __real_realloc(memory, size);
}

/* A file with these bytes; a file gives what is asked for, so `piece` rules. */
static struct batch_reader reader_of(const void *bytes, size_t length)
{
	struct batch_reader reader = { .fd = memfd_create("batch", MFD_CLOEXEC) };

	assert_true(reader.fd >= 0);
	assert_int_equal(write(reader.fd, bytes, length), length);
	lseek(reader.fd, 0, SEEK_SET);
	return reader;
}

static void reader_end(struct batch_reader *reader)
{
	batch_end(reader);
	assert_true(fcntl(reader->fd, F_GETFD) >= 0);	/* it is the caller's */
	close(reader->fd);
}

static void expect_next(struct batch_reader *reader, unsigned long number, const char *text)
{
	int rc = batch_next(reader);

	if (rc != 1)
		fail_msg("line %lu, \"%.50s\": %d", number, text, rc);
	assert_string_equal(reader->text.text, text);
	assert_int_equal(reader->text.length, strlen(text));
	assert_int_equal(reader->number, number);
}

static void lines_in_pieces_of_any_size(void **state)
{
	static const char text[] = "one\n\n three \\\nfour\n#five\nsix\r\nseven\\\r\n eight\n"
				   "it's \\\nopen\nlast";

	(void)state;
	for (piece = 1; piece <= sizeof(text); piece++) {
		struct batch_reader reader = reader_of(text, sizeof(text) - 1);

		expect_next(&reader, 1, "one");
		expect_next(&reader, 2, "");
		expect_next(&reader, 3, " three four");
		expect_next(&reader, 5, "#five");
		expect_next(&reader, 6, "six");
		expect_next(&reader, 7, "seven eight");
		expect_next(&reader, 9, "it's open");
		expect_next(&reader, 11, "last");
		assert_int_equal(batch_next(&reader), 0);
		assert_int_equal(batch_next(&reader), 0);
		reader_end(&reader);
	}
	piece = SIZE_MAX;
}

static void expect_lines(const char *text, const char *first, const char *second)
{
	struct batch_reader reader = reader_of(text, strlen(text));

	if (first)
		expect_next(&reader, 1, first);
	if (second) {
		assert_int_equal(batch_next(&reader), 1);
		assert_string_equal(reader.text.text, second);
	}
	assert_int_equal(batch_next(&reader), 0);
	reader_end(&reader);
}

static void cli_89_ends_of_files(void **state)
{
	(void)state;
	expect_lines("", NULL, NULL);
	expect_lines("\n", "", NULL);
	expect_lines("x", "x", NULL);
	expect_lines("x\n", "x", NULL);
	expect_lines("x\n\n", "x", "");
	expect_lines("x\ny", "x", "y");
	expect_lines("x\\", "x", NULL);
	expect_lines("x\\\n", "x", NULL);
	expect_lines("\\\n", NULL, NULL);
	expect_lines("\\\n\n", "", NULL);
	expect_lines("\\\n\\\n\\\nx\n", "x", NULL);
	expect_lines("x\r", "x", NULL);
	expect_lines("\r\n", "", NULL);
}

static void expect_three(const char *text, const char *first, const char *second,
			 const char *third)
{
	struct batch_reader reader = reader_of(text, strlen(text));

	expect_next(&reader, 1, first);
	expect_next(&reader, 2, second);
	expect_next(&reader, 3, third);
	assert_int_equal(batch_next(&reader), 0);
	reader_end(&reader);
}

/* A command must not be lost because a comment before it ends in a backslash. */
static void backslashes(void **state)
{
	(void)state;
	expect_lines("# a \\\nb\n", "# a \\", "b");
	expect_lines("a # b\\\nc", "a # b\\", "c");
	expect_lines("a\\\n#b", "a#b", NULL);		/* joined, it is one word */
	expect_lines("a \\\n#b\\\nc", "a #b\\", "c");
	expect_lines("a#b \\\nc", "a#b c", NULL);
	expect_lines("'#' \\\nc", "'#' c", NULL);
	expect_lines("'a \\\n#' \\\nc", "'a #' c", NULL);
	expect_lines("\"'\" # \\\nc", "\"'\" # \\", "c");
	expect_lines("a\\\\\nb", "a\\b", NULL);		/* one of the two is left */
	expect_lines("a\\ \nb", "a\\ ", "b");
	expect_lines("a\\x\nb", "a\\x", "b");
	/* each line begins anew */
	expect_lines("#\na\\\nb", "#", "ab");
	expect_lines("#a\n'#' \\\nb", "#a", "'#' b");
	expect_three("it's\n#a\\\nb", "it's", "#a\\", "b");
}

/* Random words, over random line ends that a backslash takes away. */
static void random_lines_come_back(void **state)
{
	uint64_t start;

	(void)state;
	for (start = 1; start < 3000; start++) {
		uint64_t seed = start;
		struct random_line line;
		struct buffer file = { 0 };
		struct batch_reader reader;
		size_t i;

		random_line_make(&seed, &line);
		for (i = 0; i < line.text.length; i++) {
			if (i < line.comment && !chance(&seed, 8))
				buffer_add_text(&file, chance(&seed, 2) ? "\\\n" : "\\\r\n");
			buffer_add(&file, line.text.text + i, 1);
		}
		buffer_add_text(&file, chance(&seed, 2) ? "\n" : "\r\n");
		buffer_add_text(&file, "next");
		piece = 1 + chance(&seed, 40);
		reader = reader_of(file.text, file.length);
		assert_int_equal(batch_next(&reader), 1);
		assert_string_equal(reader.text.text, line.text.text);
		random_line_expect(&line, reader.text.text);
		assert_int_equal(batch_next(&reader), 1);
		assert_string_equal(reader.text.text, "next");
		assert_int_equal(batch_next(&reader), 0);
		reader_end(&reader);
		buffer_free(&file);
		buffer_free(&line.text);
	}
	piece = SIZE_MAX;
}

static void pipe_gives_each_line_when_it_is_there(void **state)
{
	struct batch_reader reader = { 0 };
	int ends[2];

	(void)state;
	alarm(200);	/* a reader that waits for more ends here */
	assert_int_equal(pipe(ends), 0);
	reader.fd = ends[0];
	assert_int_equal(write(ends[1], "one\ntwo\nth", 10), 10);
	expect_next(&reader, 1, "one");
	expect_next(&reader, 2, "two");
	assert_int_equal(write(ends[1], "ree\n", 4), 4);
	expect_next(&reader, 3, "three");
	assert_int_equal(write(ends[1], "four", 4), 4);
	close(ends[1]);
	expect_next(&reader, 4, "four");
	assert_int_equal(batch_next(&reader), 0);
	reader_end(&reader);
	alarm(0);
}

/* Write after a while, from another process. */
static pid_t write_later(int fd, const char *text)
{
	const struct timespec pause_time = { .tv_nsec = 100000000 };
	pid_t child = fork();

	if (child == 0) {
		nanosleep(&pause_time, NULL);
		if (write(fd, text, strlen(text)) < 0)
			_exit(1);
		_exit(0);
	}
	return child;
}

static void pipe_that_does_not_block_is_waited_for(void **state)
{
	struct batch_reader reader = { 0 };
	pid_t writer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	reader.fd = ends[0];
	writer = write_later(ends[1], "late\n");
	expect_next(&reader, 1, "late");
	waitpid(writer, NULL, 0);
	close(ends[1]);
	reader_end(&reader);
}

static void proc_64_interrupted_read_is_made_again(void **state)
{
	struct batch_reader reader = reader_of("one\ntwo\n", 8);

	(void)state;
	piece = 1;
	interruptions = 3;
	expect_next(&reader, 1, "one");
	interruptions = 2;
	expect_next(&reader, 2, "two");
	interruptions = 1;
	assert_int_equal(batch_next(&reader), 0);
	piece = SIZE_MAX;
	reader_end(&reader);
}

/* What stood before it is good. */
static void cli_89_zero_byte_ends_it_where_it_stands(void **state)
{
	static const char text[] = "one\n\\\n\\\nwo\0rd\nthree\n";
	struct batch_reader reader = reader_of(text, sizeof(text) - 1);

	(void)state;
	expect_next(&reader, 1, "one");
	assert_int_equal(batch_next(&reader), -EILSEQ);
	assert_int_equal(reader.number, 2);
	reader_end(&reader);
	reader = reader_of("x\\\n\0", 4);
	assert_int_equal(batch_next(&reader), -EILSEQ);
	reader_end(&reader);
	reader = reader_of("#\0", 2);
	assert_int_equal(batch_next(&reader), -EILSEQ);
	reader_end(&reader);
}

/* A line of @length bytes behind a good one; what ends the file is @end. */
static void expect_long(size_t length, const char *end, int rc)
{
	char *text = __real_malloc(length + 20);
	struct batch_reader reader;

	strcpy(text, "one\n");
	memset(text + 4, 'x', length);
	strcpy(text + 4 + length, end);
	reader = reader_of(text, strlen(text));
	expect_next(&reader, 1, "one");
	assert_int_equal(batch_next(&reader), rc);
	assert_int_equal(reader.number, 2);
	if (rc == 1)
		assert_int_equal(reader.text.length, length);
	reader_end(&reader);
	free(text);
}

static void cli_89_lines_that_are_too_long(void **state)
{
	static const char *const ends[] = { "", "\n", "\r\n", "\nmore\n" };
	size_t i;

	(void)state;
	/* a read may end between the two bytes that end the line */
	piece = 9;
	assert_int_equal((strlen("one\n") + BATCH_LINE_MAX + 1) % piece, 0);
	expect_long(BATCH_LINE_MAX, "\r\n", 1);
	piece = SIZE_MAX;
	for (i = 0; i < COUNT(ends); i++) {
		expect_long(BATCH_LINE_MAX, ends[i], 1);
		expect_long(BATCH_LINE_MAX + 1, ends[i], -EMSGSIZE);
		expect_long(10 << 20, ends[i], -EMSGSIZE);
	}
}

static void cli_89_joined_lines_that_are_too_long(void **state)
{
	struct buffer text = { 0 };
	struct batch_reader reader;
	unsigned int i;

	(void)state;
	for (i = 0; i < BATCH_LINE_MAX / 4; i++)
		buffer_add_text(&text, "abcd\\\n");
	reader = reader_of(text.text, text.length);
	assert_int_equal(batch_next(&reader), 1);
	assert_int_equal(reader.text.length, BATCH_LINE_MAX);
	reader_end(&reader);
	buffer_add_text(&text, "x\nmore\n");
	reader = reader_of(text.text, text.length);
	assert_int_equal(batch_next(&reader), -EMSGSIZE);
	assert_int_equal(reader.number, 1);
	reader_end(&reader);
	buffer_free(&text);
}

/* More than can be a line is not read to its end. */
static void cli_89_endless_line(void **state)
{
	struct batch_reader reader = { .fd = open("/dev/zero", O_RDONLY | O_CLOEXEC) };

	(void)state;
	alarm(200);
	assert_int_equal(batch_next(&reader), -EMSGSIZE);
	assert_true(reader.pending.length < 2 * BATCH_LINE_MAX);
	reader_end(&reader);
	alarm(0);
}

static void cli_89_what_cannot_be_read(void **state)
{
	struct batch_reader reader = { .fd = open("/", O_RDONLY | O_CLOEXEC) };

	(void)state;
	assert_int_equal(batch_next(&reader), -EISDIR);
	reader_end(&reader);
	reader = (struct batch_reader){ .fd = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	assert_int_equal(batch_next(&reader), -EBADF);
	reader_end(&reader);
}

static void reading_without_memory(void **state)
{
	int left, lines = 0;

	(void)state;
	piece = 200;
	for (left = 0; lines < 3; left++) {
		char text[1000];
		struct batch_reader reader;
		int rc;

		memset(text, 'x', sizeof(text));
		text[0] = text[500] = '\n';
		reader = reader_of(text, sizeof(text));
		assert_true(left < 20);
		allocations_left = left;
		for (lines = 0; (rc = batch_next(&reader)) > 0; lines++)
			assert_int_equal(reader.text.length, lines ? 499 : 0);
		allocations_left = -1;
		assert_true(rc == (lines < 3 ? -ENOMEM : 0));
		reader_end(&reader);
	}
	assert_true(left > 3);
	piece = SIZE_MAX;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_in_pieces_of_any_size),
		cmocka_unit_test(cli_89_ends_of_files),
		cmocka_unit_test(backslashes),
		cmocka_unit_test(random_lines_come_back),
		cmocka_unit_test(pipe_gives_each_line_when_it_is_there),
		cmocka_unit_test(pipe_that_does_not_block_is_waited_for),
		cmocka_unit_test(proc_64_interrupted_read_is_made_again),
		cmocka_unit_test(cli_89_zero_byte_ends_it_where_it_stands),
		cmocka_unit_test(cli_89_lines_that_are_too_long),
		cmocka_unit_test(cli_89_joined_lines_that_are_too_long),
		cmocka_unit_test(cli_89_endless_line),
		cmocka_unit_test(cli_89_what_cannot_be_read),
		cmocka_unit_test(reading_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

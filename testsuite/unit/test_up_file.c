// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of "vduse up" in a file: vduse/up_file, and what vduse/up makes of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/grammar.h"
#include "vduse/unit.h"
#include "vduse/up.h"

static struct failure failure;
static char path[40];

/* A file with these bytes, as @path. Returns its descriptor. */
static int make_file(const char *bytes, size_t length)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	memset(&failure, 0, sizeof(failure));
	return fd;
}

/* "up a WORD... file @path", with @words between. 0, or negative with `failure`; the text of
 * what is asked for is then in @text. */
static int take(const char *words, char **text)
{
	char copy[100], *argv[20] = { (char *)"up", (char *)"a" }, *save = NULL, *word, pcap[PATH_MAX];
	const struct cli_value *values;
	struct up_file file;
	struct cli_line line;
	struct unit unit;
	int argc = 2, rc;

	snprintf(copy, sizeof(copy), "%s", words);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	if (path[0]) {
		argv[argc++] = (char *)"file";
		argv[argc++] = path;
	}
	rc = cli_parse(&vduse_command, argc, argv, &line, &failure);
	assert_int_equal(rc, 0);
	values = line.values;
	rc = up_take_file(&values, &file, &failure);
	if (rc == 0)
		rc = up_read_words(values, &unit, pcap, &failure);
	if (rc == 0)
		*text = unit_format(&unit);
	up_file_free(&file);
	return rc;
}

static void a_file_says_what_the_line_would(void **state)
{
	static const struct { const char *file, *words; } rows[] = {
		{ "", "" },
		{ "\n\n# nothing\n", "" },
		{ "mtu 1400", "mtu 1400" },
		{ "mtu\n1400 # a comment mtu 3\n", "mtu 1400" },
		{ "mtu 1400\r\numem\r\n", "mtu 1400 umem" },
		{ "\tuser 'x' poll \\\n 50", "user x poll 50" },
		{ "mtu 1400 peer \"b\"\nmtu 1300\ndriver vhost_vdpa",
		  "mtu 1400 peer b mtu 1300 driver vhost_vdpa" },
	};
	char *of_file, *of_line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = make_file(rows[i].file, strlen(rows[i].file));

		if (take("", &of_file))
			fail_msg("\"%s\": %s", rows[i].file, failure.message);
		close(fd);
		path[0] = '\0';
		assert_int_equal(take(rows[i].words, &of_line), 0);
		assert_non_null(of_file);
		assert_string_equal(of_file, of_line);
		free(of_file);
		free(of_line);
	}
}

/* @where: what follows the path in the object. */
static void expect_refused(const char *bytes, size_t length, const char *where, const char *why)
{
	int fd = make_file(bytes, length);
	char object[60], *text;

	if (take("", &text) != -EINVAL && failure.status != STATUS_USAGE)
		fail_msg("\"%s\" is taken", bytes);
	close(fd);
	snprintf(object, sizeof(object), "%s%s", path, where);
	assert_string_equal(failure.object, object);
	assert_int_equal(failure.status, STATUS_USAGE);
	if (!strstr(failure.message, why))
		fail_msg("\"%s\" does not say \"%s\"", failure.message, why);
}

static void other_words_are_refused_with_their_place(void **state)
{
	static const struct { const char *file, *where, *why; } rows[] = {
		{ "mtu 3", "", "mtu \"3\"" },
		{ "mtu 1400\nmtu 1400", "", "said twice" },
		{ "mtu", "", "needs a value" },
		{ "-j", "", "the word \"-j\" has no meaning" },
		{ "--", "", "the word \"--\" has no meaning" },
		{ "help", "", "the word \"help\" has no meaning" },
		{ "foreground", "", "\"foreground\" stands in it" },
		{ "file x", "", "\"file\" stands in it" },
		{ "umem\n\nuser \"x", ":3", "a quote (\") is not closed" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_refused(rows[i].file, strlen(rows[i].file), rows[i].where, rows[i].why);
	expect_refused("umem\nmtu\0001400", 13, ":2", "NUL byte");
}

static void too_much_is_refused(void **state)
{
	size_t length = (1 << 20) + 10, i;
	char *bytes = malloc(length);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 'x', length);
	expect_refused(bytes, length, ":1", "too long");
	for (i = 0; i < 40000; i++)
		memcpy(bytes + 2 * i, "x\n", 2);
	/* "up", "--" and "a" are 8 of the 65536 bytes */
	expect_refused(bytes, 80000, ":32765", "too many words");
	/* one fewer is about the words */
	expect_refused(bytes, 2 * 32764, "", "has no meaning");
	free(bytes);
}

static void what_stands_beside_it_is_refused(void **state)
{
	static const char *const words[] = { "mtu 1400", "umem", "type net", "driver vhost_vdpa" };
	int fd = make_file("", 0);
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_equal(take(words[i], &text), -EINVAL);
		assert_int_equal(failure.status, STATUS_USAGE);
		assert_non_null(strstr(failure.message, "is said beside \"file\""));
		assert_memory_equal(failure.message + 1, words[i], strcspn(words[i], " "));
	}
	assert_int_equal(take("foreground", &text), 0);
	free(text);
	close(fd);
	/* which is gone now */
	assert_int_equal(take("", &text), -ENOENT);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_string_equal(failure.object, path);
	snprintf(path, sizeof(path), "/proc/self");
	assert_int_equal(take("", &text), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_says_what_the_line_would),
		cmocka_unit_test(other_words_are_refused_with_their_place),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(what_stands_beside_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

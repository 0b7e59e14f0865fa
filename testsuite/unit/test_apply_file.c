// SPDX-License-Identifier: GPL-2.0-or-later
/* What a file of "vduse apply" may say, and what it becomes: vduse/apply_scan, apply_file and
 * apply_entry, over the real tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vduse/apply_file.h"
#include "vduse/grammar.h"
#include "vduse/up.h"
#include "vduse/verbs.h"

static struct failure failure;
static struct apply_file file;

static int setup(void **state)
{
	(void)state;
	memset(&failure, 0, sizeof(failure));
	memset(&file, 0, sizeof(file));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	apply_file_free(&file);
	return 0;
}

static int parse(const char *text)
{
	apply_file_free(&file);
	return apply_file_parse("F", text, strlen(text), &file, &failure);
}

/* The file that has @entries is understood. */
static void takes(const char *entries)
{
	char text[4000];

	snprintf(text, sizeof(text), "{\"version\": 1, \"devices\": [%s]}\n", entries);
	if (parse(text))
		fail_msg("%s: %s", text, failure.message);
}

/* Each is refused with status 2 and a sentence that has @words; nothing of it stays. */
static void refuses(const char *text, const char *words)
{
	if (!parse(text))
		fail_msg("it takes %s", text);
	if (failure.status != STATUS_USAGE || !strstr(failure.message, words))
		fail_msg("%s: status %d: %s", text, failure.status, failure.message);
	assert_string_equal(failure.object, "F");
	assert_null(file.entries);
	assert_null(file.root);
}

static void refuses_entry(const char *entries, const char *words)
{
	char text[4000];

	snprintf(text, sizeof(text), "{\"version\":1,\"devices\":[%s]}", entries);
	refuses(text, words);
}

/* What "vduse up" makes of @command is what the first entry is. */
static void is_up(const char *command)
{
	char copy[600], pcap[PATH_MAX], *argv[40], *save = NULL, *word, *text;
	struct cli_line line;
	struct unit unit;
	int argc = 0;

	snprintf(copy, sizeof(copy), "up %s", command);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	assert_int_equal(cli_parse(&vduse_command, argc, argv, &line, NULL), 0);
	assert_int_equal(up_read_words(line.values, &unit, pcap, NULL), 0);
	text = unit_format(&unit);
	assert_string_equal(file.entries[0].text, text);
	free(text);
}

static void words_are_those_of_up(void **state)
{
	(void)state;
	takes("{\"name\":\"lo0\"}");
	assert_int_equal(file.count, 1);
	is_up("lo0");
	takes("{\"name\":\"lo0\",\"type\":\"net\",\"features\":\"+RING_PACKED,no_SPEED_DUPLEX\",\"vqs\":2,"
	      "\"vq_align\":4096,\"vendor\":4294967295,\"mac\":\"02:00:00:00:00:01\",\"mtu\":68,"
	      "\"bounce_size\":16777216,\"msg_timeout\":1,\"vq_size\":64,\"user\":\"nobody\","
	      "\"poll\":50,\"umem\":true,\"pcap\":\"/tmp/a b.pcap\",\"isolation\":\"none\","
	      "\"driver\":\"vhost_vdpa\",\"state\":\"present\"}");
	assert_string_equal(file.entries[0].unit.pcap, "/tmp/a b.pcap");
	assert_string_equal(file.entries[0].unit.user, "nobody");
	takes("{\"name\":\"lo0\",\"umem\":false,\"features\":\"0x300000020\"}");
	assert_false(file.entries[0].unit.umem);
	takes("{\"peer\":{\"mtu\":1300,\"name\":\"b\"},\"mtu\":1400,\"poll\":7,\"name\":\"a\"}");
	is_up("a mtu 1400 poll 7 peer b mtu 1300");
}

/* Each word of the table is one here, but for those that are about the command, and of the peer
 * those behind it. */
static void every_word(void **state)
{
	unsigned int i, section = 0, count = 0;
	char entry[200];

	(void)state;
	for (i = 1; up_words[i].kind != CLI_END; i++) {
		const struct cli_word *word = &up_words[i];

		section = section ? section : word->flags & CLI_SECTION ? i : 0;
		/* a value that none has: it is the value that is wrong, and not the key */
		snprintf(entry, sizeof(entry), "{\"name\":\"a\",%s\"%s\":[]%s}",
			 section && i > section ? "\"peer\":{\"name\":\"b\"," : "", word->keyword,
			 section && i > section ? "}" : "");
		if (word->flags & CLI_GOES_ON || !strcmp(word->keyword, "file"))
			refuses_entry(entry, ": there is no such word");
		else
			refuses_entry(entry, "it is n");
		count += !strstr(failure.message, "no such word");
	}
	assert_int_equal(count, i - 3);
	refuses_entry("{\"name\":\"a\",\"peer\":{\"name\":\"b\",\"umem\":true}}",
		      "$.devices[0].peer.umem: there is no such word");
	refuses_entry("{\"name\":\"a\",\"peer\":{\"name\":\"b\",\"state\":\"absent\"}}",
		      "$.devices[0].peer.state: there is no such word");
}

static void own_keys(void **state)
{
	(void)state;
	takes("{\"name\":\"a\",\"link\":\"down\",\"peer\":{\"name\":\"b\",\"link\":\"up\"}},"
	      "{\"name\":\"c\",\"state\":\"absent\"}");
	assert_int_equal(file.count, 2);
	assert_int_equal(file.entries[0].link[0], APPLY_LINK_DOWN);
	assert_int_equal(file.entries[0].link[1], APPLY_LINK_UP);
	assert_true(file.entries[1].absent);
	assert_int_equal(file.entries[1].names.count, 1);
	assert_ptr_equal(apply_file_find(&file, "b"), &file.entries[0]);
	assert_ptr_equal(apply_file_find(&file, "c"), &file.entries[1]);
	assert_null(apply_file_find(&file, "d"));
	takes("");
	assert_int_equal(file.count, 0);
	refuses_entry("{\"name\":\"a\",\"link\":\"left\"}", "$.devices[0].link: link \"left\"");
	refuses_entry("{\"name\":\"a\",\"link\":true}", "$.devices[0].link: it is no string");
	refuses_entry("{\"name\":\"a\",\"state\":\"gone\"}", "$.devices[0].state: ");
	refuses_entry("{\"name\":\"a\",\"state\":\"absent\",\"mtu\":1400}", "$.devices[0].mtu: ");
	refuses_entry("{\"name\":\"a\",\"state\":\"absent\",\"link\":\"up\"}", "$.devices[0].link: ");
	refuses_entry("{\"name\":\"a\",\"state\":\"absent\",\"peer\":{\"name\":\"b\"}}",
		      "$.devices[0].peer: ");
	refuses_entry("{\"mtu\":1400}", "$.devices[0].name: it is missing");
	refuses_entry("{\"name\":\"a\",\"peer\":{}}", "$.devices[0].peer.name: it is missing");
	refuses_entry("{\"name\":\"a\",\"peer\":\"b\"}", "$.devices[0].peer: it is no object");
	refuses_entry("{\"name\":\"a\",\"peer\":{\"name\":\"a\"}}", "$.devices[0].peer.name: ");
}

static void values(void **state)
{
	(void)state;
	refuses_entry("{\"name\":\"a\",\"mtu\":67}", "$.devices[0].mtu: mtu \"67\": is not a number from 68");
	refuses_entry("{\"name\":\"a\",\"mtu\":65536}", "$.devices[0].mtu: ");
	refuses_entry("{\"name\":\"a\",\"vendor\":-1}", "$.devices[0].vendor: ");
	refuses_entry("{\"name\":\"a\",\"vendor\":99999999999999999999999}", "$.devices[0].vendor: ");
	refuses_entry("{\"name\":\"a\",\"mtu\":1400.0}", "$.devices[0].mtu: it is no whole number");
	refuses_entry("{\"name\":\"a\",\"mtu\":14e2}", "$.devices[0].mtu: it is no whole number");
	refuses_entry("{\"name\":\"a\",\"mtu\":\"1400\"}", "$.devices[0].mtu: it is no whole number");
	refuses_entry("{\"name\":\"a\",\"mtu\":NaN}", "$.devices[0].mtu: it is no whole number");
	refuses_entry("{\"name\":\"a\",\"mtu\":null}", "$.devices[0].mtu: it is no whole number");
	refuses_entry("{\"name\":\"a\",\"umem\":1}", "$.devices[0].umem: ");
	refuses_entry("{\"name\":\"a\",\"umem\":null}", "$.devices[0].umem: ");
	refuses_entry("{\"name\":\"a\",\"mac\":\"01:00:00:00:00:01\"}", "$.devices[0].mac: ");
	refuses_entry("{\"name\":\"a\",\"mac\":2}", "$.devices[0].mac: it is no string");
	refuses_entry("{\"name\":\"a\",\"user\":\"a\\u0000b\"}", "$.devices[0].user: it is no string");
	refuses_entry("{\"name\":\"a\"},{\"name\":\"b\",\"driver\":\"vfio\"}", "$.devices[1].driver: ");
	refuses_entry("{\"name\":\"a\",\"peer\":{\"name\":\"b\",\"mtu\":1}}", "$.devices[0].peer.mtu: ");
	/* words that do not go together, as "vduse up" says it */
	refuses_entry("{\"name\":\"a\",\"vq_size\":65}", "$.devices[0]: vq_size is not a power of two");
	refuses_entry("{\"name\":\"a\",\"features\":\"NONE\"}", "$.devices[0]: \"NONE\" is not");
	refuses_entry("{\"name\":\"a\",\"vqs\":4}", "$.devices[0]: ");
}

static void names(void **state)
{
	(void)state;
	refuses_entry("{\"name\":\"../x\"}", "$.devices[0].name: ");
	refuses_entry("{\"name\":\"\"}", "$.devices[0].name: ");
	refuses_entry("{\"name\":\"control\"}", "$.devices[0].name: ");
	refuses_entry("{\"name\":7}", "$.devices[0].name: it is no string");
	refuses_entry("{\"name\":\"a\\u0000\"}", "$.devices[0].name: ");
	refuses_entry("{\"name\":\"a\",\"peer\":{\"name\":\"b/c\"}}", "$.devices[0].peer.name: ");
	takes("{\"name\":\"help\"},{\"name\":\"up\"}");
	refuses_entry("{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"a\"}",
		      "$.devices[2]: the device \"a\" is in $.devices[0] already");
	refuses_entry("{\"name\":\"a\"},{\"name\":\"b\",\"peer\":{\"name\":\"a\"}}", "$.devices[1]: ");
	refuses_entry("{\"name\":\"b\",\"peer\":{\"name\":\"a\"}},{\"name\":\"a\",\"state\":\"absent\"}",
		      "$.devices[1]: ");
}

static void form(void **state)
{
	static const char *const rows[][2] = {
		{ "", "line 1, column 1: it ends too early" },
		{ "{", "it ends too early" },
		{ "[]", "it is no object" },
		{ "1 ", "it is no object" },
		{ "{\"version\":1,\"devices\":[]} x", "line 1, column 28: " },
		{ "{\"version\":1,\"devices\":[]}{}", "line 1, column 27: " },
		{ "{\"version\":1,\"devices\":[],}", "line 1, column 27: " },
		{ "{\n\"version\":1,\n \"devices\":[{]}", "line 3, column 14: " },
		{ "{\"version\":1,\"devices\":[]/**/}", "separator" },
		{ "{'version':1,\"devices\":[]}", "line 1, column 2, at $: a string stands in single" },
		{ "{\"version\":1,\"devices\":[],\"x\":\"\t\"}", "at $.x: a control character" },
		{ "{\"version\":1,\"devices\":[],\"x\":\"y}", "at $.x: a string does not end" },
		{ "{\"version\":1,\"devices\":[],\"x\":\"\xff\"}", "invalid utf-8" },
		{ "{\"version\":01,\"devices\":[]}", "number expected" },
		{ "{\"version\":1,\"devices\":[[[[[[[[]]]]]]]]}", "nested too deep" },
		{ "\xef\xbb\xbf{\"version\":1,\"devices\":[]}", "line 1, column 1: " },
		{ "{\"devices\":[]}", "$.version: it is not 1" },
		{ "{\"version\":2,\"devices\":[]}", "$.version: it is not 1" },
		{ "{\"version\":\"1\",\"devices\":[]}", "$.version: it is not 1" },
		{ "{\"version\":1}", "$.devices: it is no array" },
		{ "{\"version\":1,\"devices\":{}}", "$.devices: it is no array" },
		{ "{\"version\":1,\"devices\":[],\"device\":1}", "$: the key \"device\" has no meaning" },
		{ "{\"version\":1,\"devices\":[null]}", "$.devices[0]: it is no object" },
		{ "{\"version\":1,\"devices\":[\"lo0\"]}", "$.devices[0]: it is no object" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refuses(rows[i][0], rows[i][1]);
	assert_int_equal(apply_file_parse("F", "{\"version\":1,\0\"devices\":[]}", 27, &file, &failure),
			 -EINVAL);
	assert_non_null(strstr(failure.message, "NUL byte"));
}

/* The parser would take the last of two without a word. */
static void keys_that_stand_twice(void **state)
{
	(void)state;
	refuses("{\"version\":1,\"version\":1,\"devices\":[]}", "at $.version: this key stands twice");
	refuses_entry("{\"name\":\"a\",\"mtu\":1400,\"mtu\":1400}", "at $.devices[0].mtu: this key stands twice");
	refuses_entry("{\"name\":\"a\"},{\"name\":\"b\",\"peer\":{\"name\":\"c\",\"name\":\"d\"}}",
		      "at $.devices[1].peer.name: this key stands twice");
	refuses_entry("{\"name\":\"a\",\"m\\u0074u\":1400,\"mtu\":1400}", "a key is written with a backslash");
	/* the same key in two objects, and as a value, is none of that */
	takes("{\"name\":\"mtu\",\"mtu\":1400,\"peer\":{\"name\":\"name\",\"mtu\":1300}},{\"name\":\"b\"}");
	takes("{\"name\":\"a\",\"pcap\":\"/x\\\"{,:[\",\"mtu\":1400},{\"name\":\"b\",\"pcap\":\"/y\\\\\",\"mtu\":1400}");
	assert_string_equal(file.entries[0].unit.pcap, "/x\"{,:[");
}

static void limits(void **state)
{
	char text[100000] = "{\"version\":1,\"devices\":[";
	size_t used = strlen(text);
	int i;

	(void)state;
	for (i = 0; i < APPLY_DEVICES_MAX; i++)
		used += snprintf(text + used, sizeof(text) - used, "%s{\"name\":\"n%d\"}", i ? "," : "", i);
	strcpy(text + used, "]}");
	assert_int_equal(parse(text), 0);
	assert_int_equal(file.count, APPLY_DEVICES_MAX);
	strcpy(text + used, ",{\"name\":\"x\"}]}");
	refuses(text, "$.devices: it has more than 1000");
	used = snprintf(text, sizeof(text), "{\"version\":1,\"devices\":[],\"");
	memset(text + used, 'k', 65);
	strcpy(text + used + 65, "\":1}");
	refuses(text, "an object has more keys, or a longer one");
	used = snprintf(text, sizeof(text), "{\"version\":1,\"devices\":[]");
	for (i = 0; i < 63; i++)
		used += snprintf(text + used, sizeof(text) - used, ",\"k%d\":1", i);
	strcpy(text + used, "}");
	refuses(text, "an object has more keys, or a longer one");
}

/* A file that is too long is not read to its end. */
static void bytes(void **state)
{
	char path[] = "/tmp/test_apply_file.XXXXXX";
	FILE *stream = fdopen(mkstemp(path), "w");
	long i;

	(void)state;
	assert_non_null(stream);
	fputs("{\"version\":1,\"devices\":[]}", stream);
	for (i = 26; i < APPLY_FILE_MAX; i++)
		fputc(' ', stream);
	fflush(stream);
	assert_int_equal(apply_file_read(path, &file, &failure), 0);
	apply_file_free(&file);
	fputc(' ', stream);
	fflush(stream);
	assert_int_equal(apply_file_read(path, &file, &failure), -EINVAL);
	assert_int_equal(failure.status, STATUS_USAGE);
	assert_non_null(strstr(failure.message, "longer than 1 MiB"));
	fclose(stream);
	remove(path);
	assert_int_equal(apply_file_read(path, &file, &failure), -ENOENT);
	assert_int_equal(failure.status, STATUS_NOT_FOUND);
	assert_int_equal(apply_file_read("/", &file, &failure), -EISDIR);
}

/* The words of the command itself. */
static int line_of(const char *text, struct cli_line *line)
{
	static char copy[200];
	char *argv[10], *save = NULL, *word;
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return cli_parse(&vduse_command, argc, argv, line, &failure);
}

static void dry_run_is_a_word_and_an_option(void **state)
{
	static const char *const good[] = { "apply F dry_run", "apply F --dry-run", "apply --dry-run F",
					    "-j apply F --dry-run -T 1", "apply --dry_run F" };
	static const char *const bad[] = { "--dry-run apply F", "apply F --dry-ru", "apply F --dry-runs",
					   "apply F dry-run", "apply F --dry-run dry_run",
					   "apply F --dry-run --dry-run", "apply F -- --dry-run",
					   "apply F -dry-run", "apply F -xdry-run", "up F --foreground", "apply --dry-run" };
	struct cli_line line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (line_of(good[i], &line))
			fail_msg("%s: %s", good[i], failure.message);
		assert_true(line.values[1].given);
		assert_string_equal(line.values[0].text, "F");
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!line_of(bad[i], &line))
			fail_msg("it takes: %s", bad[i]);
	assert_int_equal(line_of("apply F", &line), 0);
	assert_false(line.values[1].given);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(words_are_those_of_up), TEST(every_word), TEST(own_keys), TEST(values),
		TEST(names), TEST(form), TEST(keys_that_stand_twice), TEST(limits), TEST(bytes),
		TEST(dry_run_is_a_word_and_an_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

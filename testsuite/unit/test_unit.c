// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of "vduse up", and what is written down of them: vduse/up, vduse/unit. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/sysfs.h"
#include "vduse/grammar.h"
#include "vduse/unit.h"
#include "vduse/up.h"

static struct failure failure;
static struct cli_line line;
static char pcap[PATH_MAX];

/* The unit of a command line, words with one blank between. 0 or negative. */
static int unit_of(const char *text, struct unit *unit)
{
	static char copy[600];	/* the values point into it */
	char *argv[40], *save = NULL, *word;
	int argc = 0, rc;

	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	memset(&failure, 0, sizeof(failure));
	rc = cli_parse(&vduse_command, argc, argv, &line, &failure);
	return rc ? rc : up_read_words(line.values, unit, pcap, &failure);
}

static char *text_of(const char *command)
{
	struct unit unit;
	char *text;

	if (unit_of(command, &unit))
		fail_msg("%s: %s", command, failure.message);
	text = unit_format(&unit);
	assert_non_null(text);
	return text;
}

static void words_belong_to_their_device(void **state)
{
	struct unit unit;

	(void)state;
	assert_int_equal(unit_of("up a mac 02:00:00:00:00:01 mtu 1400 vq_size 128 peer b "
				 "mac 02:00:00:00:00:02 msg_timeout 7 poll 50", &unit), 0);
	assert_int_equal(unit.count, 2);
	assert_string_equal(unit.names[0], "a");
	assert_string_equal(unit.names[1], "b");
	assert_int_equal(unit.requests[0].definition.mac[5], 1);
	assert_int_equal(unit.requests[1].definition.mac[5], 2);
	assert_int_equal(unit.requests[0].definition.mtu, 1400);
	assert_int_equal(unit.requests[1].definition.mtu, 1500);
	assert_int_equal(unit.requests[0].msg_timeout, 0);
	assert_int_equal(unit.requests[1].msg_timeout, 7);
	/* what only the whole has may stand behind peer as well */
	assert_int_equal(unit.queue_size, 128);
	assert_int_equal(unit.poll_usecs, 50);
	assert_string_equal(unit.driver, "virtio_vdpa");
}

static void bad_words_are_usage(void **state)
{
	static const char *const lines[] = {
		"up a peer a", "up a vq_size 100", "up a mtu 1400 mtu 1500", "up a type block",
		"up a peer b mtu 1400 mtu 1500", "up a peer b peer c", "up a vqs 4", "up -x",
		"up a size 4096", "up a peer b vqs 3", "up a background", "up a driver vfio",
	};
	struct unit unit;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (unit_of(lines[i], &unit) == 0)
			fail_msg("\"%s\" is taken", lines[i]);
		assert_int_equal(failure.status, STATUS_USAGE);
		/* it is the words of this command that are to be looked up */
		assert_null(strstr(failure.hint, "loopback"));
	}
	assert_int_equal(unit_of("up a vq_size 100", &unit), -EINVAL);
	assert_string_equal(failure.hint, "see \"vduse up --help\"");
}

static void a_capture_is_found_from_anywhere(void **state)
{
	struct unit unit;

	(void)state;
	assert_int_equal(unit_of("up a pcap /tmp/x", &unit), 0);
	assert_string_equal(unit.pcap, "/tmp/x");
	assert_int_equal(unit_of("up a pcap x", &unit), 0);
	assert_int_equal(unit.pcap[0], '/');
	assert_string_equal(strrchr(unit.pcap, '/'), "/x");
	assert_int_equal(unit_of("up a", &unit), 0);
	assert_null(unit.pcap);
}

static void the_first_word_that_differs_is_told(void **state)
{
	static const struct { const char *was, *now, *difference; } rows[] = {
		{ "up a", "up a", NULL },
		{ "up a", "up a mtu 1500 vq_size 256 driver virtio_vdpa type net", NULL },
		{ "up a", "up a foreground", NULL },
		{ "up a", "up a mtu 1400", "mtu 1500, not mtu 1400" },
		{ "up a mtu 1400", "up a", "mtu 1400, not mtu 1500" },
		{ "up a", "up a msg_timeout 5", "msg_timeout default, not msg_timeout 5" },
		{ "up a user x", "up a", "user x, not no user" },
		{ "up a", "up a umem", "no umem, not umem" },
		{ "up a", "up a driver vhost_vdpa", "driver virtio_vdpa, not driver vhost_vdpa" },
		{ "up a", "up a peer b", "no peer, not peer b" },
		{ "up a peer b", "up a", "peer b, not no peer" },
		{ "up a peer b", "up b", "up a peer b, not up b" },
		{ "up a peer b", "up b peer a", "up a peer b, not up b" },
		{ "up a peer b", "up a peer b mtu 1400", "peer's mtu 1500, not peer's mtu 1400" },
	};
	char difference[200];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *was = text_of(rows[i].was), *now = text_of(rows[i].now);
		bool differ = unit_differ(was, now, difference, sizeof(difference));

		if (differ != (rows[i].difference != NULL))
			fail_msg("%s, then %s: %s", rows[i].was, rows[i].now, difference);
		if (differ)
			assert_string_equal(difference, rows[i].difference);
		free(was);
		free(now);
	}
}

static void what_is_written_is_read(void **state)
{
	char *text = text_of("up a-1 peer b.2");
	struct unit_names names;

	(void)state;
	assert_int_equal(unit_parse(text, strlen(text), &names), 0);
	assert_int_equal(names.count, 2);
	assert_string_equal(names.names[0], "a-1");
	assert_string_equal(names.names[1], "b.2");
	free(text);
}

/* A file with these devices and words. */
static int parse_with(const char *version, const char *boot, const char *devices,
		      const char *words)
{
	struct unit_names names;
	char text[2000];

	snprintf(text, sizeof(text), "{\"version\":%s,\"boot\":%s,\"devices\":%s,\"words\":%s}\n",
		 version, boot, devices, words);
	return unit_parse(text, strlen(text), &names);
}

static void a_file_is_not_believed(void **state)
{
	char boot[40], quoted[48];
	static const char *const devices[] = {
		"[]", "\"a\"", "[1]", "[\"a\",\"a\"]", "[\"a\",\"b\",\"c\"]", "[\"../a\"]",
		"[\"\"]", "[\"a\\u0000b\"]", "[\"control\"]", "{}", "null", "[[\"a\"]]",
	};
	static const char *const words[] = { "[]", "[1]", "\"mtu\"", "[\"a\\u0000\"]", "null" };
	struct unit_names names;
	size_t i;

	(void)state;
	assert_true(sysfs_read(&sysfs_machine, boot, sizeof(boot),
			       "proc/sys/kernel/random/boot_id") > 0);
	snprintf(quoted, sizeof(quoted), "\"%s\"", boot);
	assert_int_equal(parse_with("1", quoted, "[\"a\"]", "[\"mtu 1\"]"), 0);
	assert_int_equal(parse_with("2", quoted, "[\"a\"]", "[\"mtu 1\"]"), -EBADMSG);
	assert_int_equal(parse_with("\"1\"", quoted, "[\"a\"]", "[\"mtu 1\"]"), -EBADMSG);
	assert_int_equal(parse_with("1", "\"x\"", "[\"a\"]", "[\"mtu 1\"]"), -ESTALE);
	assert_int_equal(parse_with("1", "1", "[\"a\"]", "[\"mtu 1\"]"), -EBADMSG);
	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (parse_with("1", quoted, devices[i], "[\"mtu 1\"]") != -EBADMSG)
			fail_msg("devices %s are taken", devices[i]);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (parse_with("1", quoted, "[\"a\"]", words[i]) != -EBADMSG)
			fail_msg("words %s are taken", words[i]);
	assert_int_equal(unit_parse("", 0, &names), -EBADMSG);
	assert_int_equal(unit_parse("{}", 2, &names), -EBADMSG);
	assert_int_equal(unit_parse("[[[[[[[[", 8, &names), -EBADMSG);
}

/* Cut anywhere it is refused; no byte more or less is read than there is. */
static void a_cut_file_is_refused(void **state)
{
	char *text = text_of("up a peer b");
	size_t length = strlen(text) - 1, i;
	struct unit_names names;

	(void)state;
	for (i = 0; i < length; i++) {
		char *part = malloc(i ? i : 1);

		assert_non_null(part);
		memcpy(part, text, i);
		assert_int_equal(unit_parse(part, i, &names), -EBADMSG);
		free(part);
	}
	free(text);
}

static void usage_closes_the_section(void **state)
{
	char *usage = cli_usage(&vduse_command, "up");

	(void)state;
	assert_non_null(strstr(usage, "[ peer NAME2 [ features FEATURES ]"));
	assert_non_null(strstr(usage, "[ msg_timeout SECONDS ] ]\n"));
	free(usage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_belong_to_their_device),
		cmocka_unit_test(bad_words_are_usage),
		cmocka_unit_test(a_capture_is_found_from_anywhere),
		cmocka_unit_test(the_first_word_that_differs_is_told),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_file_is_not_believed),
		cmocka_unit_test(a_cut_file_is_refused),
		cmocka_unit_test(usage_closes_the_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

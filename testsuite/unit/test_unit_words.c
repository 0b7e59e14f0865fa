// SPDX-License-Identifier: GPL-2.0-or-later
/* What was written down of a unit, as words once more: vduse/unit_words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buffer.h"
#include "vduse/grammar.h"
#include "vduse/unit_words.h"
#include "vduse/up.h"

/* The text for a command line; the caller frees it. */
static char *text_of(const char *command)
{
	char copy[600], pcap[PATH_MAX], *argv[40], *save = NULL, *word, *text;
	struct failure failure;
	struct cli_line line;
	struct unit unit;
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", command);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	if (cli_parse(&vduse_command, argc, argv, &line, &failure) ||
	    up_read_words(line.values, &unit, pcap, &failure))
		fail_msg("%s: %s", command, failure.message);
	text = unit_format(&unit);
	assert_non_null(text);
	return text;
}

static const char *const commands[] = {
	"up a", "up a driver vhost_vdpa umem poll 9 isolation possible", "up a features 0x300000000",
	"up a mac 02:00:00:00:00:01 mtu 68 vendor 7 vq_align 64 msg_timeout 5 bounce_size 16777216",
	"up a vq_size 1024 user nobody pcap /x/y", "up a peer b", "up a user default pcap /default",
	"up -- help features +RING_PACKED mtu 1400 peer b mac 02:00:00:00:00:02 mtu 1300 msg_timeout 9",
	"up a features no_MAC,no_MTU peer b features no_MTU",
};

/* It comes to the same text: nothing that "vduse up" wrote down is lost on the way back. */
static void round_trip(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char *text = text_of(commands[i]), *again;
		struct unit_words words;

		if (unit_words_read(text, &words))
			fail_msg("%s: %s", commands[i], text);
		again = unit_format(&words.unit);
		assert_string_equal(again, text);
		assert_string_equal(words.text, text);
		assert_string_equal(words.names.names[0], words.unit.names[0]);
		unit_words_free(&words);
		free(again);
		free(text);
	}
}

/* @text with the first @was in it become @now, of the same length. */
static void put(char *text, const char *was, const char *now)
{
	char *at = strstr(text, was);

	assert_non_null(at);
	assert_int_equal(strlen(was), strlen(now));
	memcpy(at, now, strlen(now));
}

static void not_of_now(void **state)
{
	static const char *const rows[][2] = {
		{ "\"mtu 1500\"", "\"mtx 1500\"" }, { "\"mtu 1500\"", "\"mtu 15oo\"" },
		{ "\"mtu 1500\"", "\"mtu 0x5d\"" }, { "\"no umem\"", "\"no uMem\"" },
		{ "\"vqs 2\"", "\"vqs 9\"" }, { "\"version\":1", "\"version\":2" },
		{ "\"devices\"", "\"device_\"" },
	};
	struct unit_words words;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = text_of("up a");

		put(text, rows[i][0], rows[i][1]);
		assert_int_equal(unit_words_read(text, &words), -EBADMSG);
		free(text);
	}
	assert_int_equal(unit_words_read("", &words), -EBADMSG);
	assert_int_equal(unit_words_read("{}", &words), -EBADMSG);
}

static void note(void *context, const char *was, const char *now)
{
	buffer_format(context, "%s -> %s\n", was, now);
}

/* NULL: they are not about the same. */
static void compares(const char *was, const char *now, const char *differences)
{
	char *old = text_of(was), *new = text_of(now);
	struct buffer told = { 0 };

	assert_int_equal(unit_words_compare(old, new, note, &told), differences != NULL);
	assert_string_equal(told.text ? told.text : "", differences ? differences : "");
	buffer_free(&told);
	free(old);
	free(new);
}

static void compared(void **state)
{
	struct buffer told = { 0 };
	char *text = text_of("up a");

	(void)state;
	compares("up a mtu 1400", "up a mtu 1400", "");
	compares("up a mtu 1400", "up a msg_timeout 5 umem",
		 "mtu 1400 -> mtu 1500\nmsg_timeout default -> msg_timeout 5\nno umem -> umem\n");
	compares("up a peer b mtu 1400", "up a peer b driver vhost_vdpa",
		 "peer's mtu 1400 -> peer's mtu 1500\ndriver virtio_vdpa -> driver vhost_vdpa\n");
	compares("up a", "up b", NULL);
	compares("up a", "up a peer b", NULL);
	compares("up a peer b", "up b peer a", NULL);
	compares("up a peer b", "up a peer c", NULL);
	assert_false(unit_words_compare("{}", text, note, &told));
	assert_false(unit_words_compare(text, "x", note, &told));
	assert_null(told.text);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(not_of_now), cmocka_unit_test(compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

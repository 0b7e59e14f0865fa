// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What "vduse apply" plans and does, over a made-up machine (made_units.h): from the words of
 * the command to its document, its status, and what there is afterwards.
 *
 * LDFLAGS: -Wl,--wrap=unit_read,--wrap=unit_is_there,--wrap=unit_members,--wrap=unit_write,--wrap=unit_lock,--wrap=unit_unlock,--wrap=bring_check,--wrap=bring_up,--wrap=bring_undo,--wrap=ending_refuse,--wrap=ending_run,--wrap=down_is_there,--wrap=down_lock,--wrap=down_end,--wrap=vduse_device_read,--wrap=vduse_device_set,--wrap=ask_state,--wrap=ask_to
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "made_units.h"
#include "lib/buffer.h"
#include "lib/command.h"
#include "vduse/grammar.h"

static struct buffer said;		/* on standard output */
static struct command_result result;

static int collect(void *context, const char *text, size_t length)
{
	buffer_add(context, text, length);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(made_failures.locks, 0);
	buffer_free(&said);
	command_result_free(&result);
	made_units_free();
	return 0;
}

/* Run it with a file that has @entries; @word may be NULL. */
static void apply(const char *entries, const char *word)
{
	char path[] = "/tmp/test_apply.XXXXXX";
	char *argv[] = { (char *)"-j", (char *)"apply", path, (char *)word };
	const struct command_host host = { .out = { collect, &said }, .errors = { collect, &said } };
	FILE *stream = fdopen(mkstemp(path), "w");

	assert_non_null(stream);
	fprintf(stream, "{\"version\":1,\"devices\":[%s]}", entries);
	fclose(stream);
	buffer_free(&said);
	command_result_free(&result);
	command_run(&vduse_command, word ? 4 : 3, argv, &host, &result);
	remove(path);
	buffer_add_text(&said, result.text);
}

static void says(enum exit_status status, const char *records)
{
	char document[2000];

	snprintf(document, sizeof(document), "{\"apply\":{%s}}\n", records);
	assert_string_equal(said.text, document);
	assert_int_equal(result.status, status);
	if (status == STATUS_OK)
		assert_string_equal(result.diagnostics, "");
}

/* Its status and pieces of its document or of standard error, up to NULL, in this order. */
static void has(enum exit_status status, ...)
{
	const char *piece, *at = said.text;
	va_list args;

	assert_int_equal(result.status, status);
	va_start(args, status);
	while ((piece = va_arg(args, const char *))) {
		at = at == said.text || strstr(at, piece) ? strstr(at, piece) : NULL;
		if (!at)
			fail_msg("there is no %s in %s", piece, said.text);
	}
	va_end(args);
}

/* What was written down has @word. */
static bool words_have(const char *name, const char *word)
{
	return made_unit(name)->text && strstr(made_unit(name)->text, word);
}

static void is_as(const char *name, const char *driver, uint32_t msg_timeout, bool link_down)
{
	const struct made_unit *unit = made_unit(name);

	assert_true(unit->there);
	assert_string_equal(unit->driver, driver);
	assert_int_equal(unit->msg_timeout, msg_timeout);
	assert_int_equal(unit->link_down, link_down);
}

#define A "{\"name\":\"a\"}"
#define PAIR "{\"name\":\"a\",\"peer\":{\"name\":\"b\"}}"
#define ABSENT(name) "{\"name\":\"" name "\",\"state\":\"absent\"}"
#define NOTHING(name) "\"" name "\":{\"action\":\"nothing\",\"result\":\"done\"}"
#define DONE(name, action) "\"" name "\":{\"action\":\"" action "\",\"result\":\"done\"}"

static void from_nothing(void **state)
{
	(void)state;
	apply(A "," ABSENT("c"), "--dry-run");
	says(0, "\"a\":{\"action\":\"create\",\"result\":\"planned\"},"
	     "\"c\":{\"action\":\"nothing\",\"result\":\"planned\"}");
	assert_int_equal(made_failures.changes, 0);
	assert_false(made_unit("a")->there);
	apply(A "," ABSENT("c"), NULL);
	says(0, DONE("a", "create") "," NOTHING("c"));
	is_as("a", "virtio_vdpa", 30, false);
	made_failures.changes = 0;
	apply(A "," ABSENT("c"), NULL);
	says(0, NOTHING("a") "," NOTHING("c"));
	/* words of a device that has gone count no more */
	made_unit("a")->there = false;
	apply("{\"name\":\"a\",\"mtu\":1400}", NULL);
	says(0, DONE("a", "create"));
	apply(A, NULL);
	made_failures.changes = 0;
	apply("", NULL);
	says(0, "");
	assert_int_equal(made_failures.changes, 0);
	assert_true(made_unit("a")->there);
	apply("{\"name\":\"d\",\"link\":\"down\",\"msg_timeout\":7}", NULL);
	is_as("d", "virtio_vdpa", 7, true);
}

static void changed_in_place(void **state)
{
	(void)state;
	apply(PAIR, NULL);
	made_failures.changes = 0;
	apply("{\"name\":\"a\",\"msg_timeout\":9,\"link\":\"down\",\"driver\":\"vhost_vdpa\","
	      "\"peer\":{\"name\":\"b\",\"msg_timeout\":8,\"link\":\"down\"}}", "dry_run");
	assert_int_equal(made_failures.changes, 0);
	apply("{\"name\":\"a\",\"msg_timeout\":9,\"link\":\"down\",\"driver\":\"vhost_vdpa\","
	      "\"peer\":{\"name\":\"b\",\"msg_timeout\":8,\"link\":\"down\"}}", NULL);
	says(0, "\"a\":{\"action\":\"change\",\"peer\":\"b\",\"result\":\"done\",\"reasons\":["
	     "\"msg_timeout default, not msg_timeout 9\","
	     "\"peer's msg_timeout default, not peer's msg_timeout 8\","
	     "\"driver virtio_vdpa, not driver vhost_vdpa\",\"link up, not down\","
	     "\"peer's link up, not down\"]}");
	is_as("a", "vhost_vdpa", 9, true);
	is_as("b", "vhost_vdpa", 8, true);
	assert_true(words_have("b", "peer's msg_timeout 8"));
	/* what was said once is the default again; a link stays */
	apply("{\"name\":\"a\",\"driver\":\"vhost_vdpa\",\"peer\":{\"name\":\"b\"}}", NULL);
	is_as("a", "vhost_vdpa", 30, true);
	is_as("b", "vhost_vdpa", 30, true);
	/* what nobody said is left alone */
	made_unit("a")->msg_timeout = 12;
	made_failures.changes = 0;
	apply("{\"name\":\"a\",\"driver\":\"vhost_vdpa\",\"peer\":{\"name\":\"b\"}}", NULL);
	has(0, "\"nothing\"", NULL);
	assert_int_equal(made_failures.changes, 0);
}

/* The words are those of before, and what there is has changed. */
static void put_right(void **state)
{
	(void)state;
	apply("{\"name\":\"a\",\"msg_timeout\":9}", NULL);
	made_unit("a")->msg_timeout = 10;
	apply("{\"name\":\"a\",\"msg_timeout\":9}", NULL);
	has(0, "\"change\"", "[\"msg_timeout 10, not 9\"]", NULL);
	is_as("a", "virtio_vdpa", 9, false);
	made_unit("a")->served = false;
	apply("{\"name\":\"a\",\"msg_timeout\":9}", NULL);
	has(0, "\"change\"", "[\"device is not served\"]", NULL);
	assert_true(made_unit("a")->served);
	made_unit("a")->driver[0] = '\0';
	apply("{\"name\":\"a\",\"msg_timeout\":9}", NULL);
	has(0, "\"change\"", "[\"device is not attached\"]", NULL);
	strcpy(made_unit("a")->driver, "vhost_vdpa");
	apply("{\"name\":\"a\",\"msg_timeout\":9}", NULL);
	has(0, "\"change\"", "[\"driver vhost_vdpa, not virtio_vdpa\"]", NULL);
	is_as("a", "virtio_vdpa", 9, false);
	made_unit("a")->broken = true;
	apply("{\"name\":\"a\",\"msg_timeout\":9}", NULL);
	has(0, "\"change\"", "[\"device is broken\"]", NULL);
	/* of a pair one has gone, or a process of its own */
	apply(ABSENT("a"), NULL);
	apply(PAIR, NULL);
	made_unit("b")->there = false;
	apply(PAIR, NULL);
	has(0, "\"change\"", "[\"peer's device is not there\"]", NULL);
	made_unit("b")->pid = 101;
	apply(PAIR, NULL);
	has(0, "\"change\"", "[\"two processes serve the pair\"]", NULL);
	apply(PAIR, NULL);
	has(0, "\"nothing\"", NULL);
}

static void replaced(void **state)
{
	(void)state;
	apply(A, NULL);
	made_failures.changes = 0;
	apply("{\"name\":\"a\",\"mtu\":1400}", "--dry-run");
	assert_int_equal(made_failures.changes, 0);
	apply("{\"name\":\"a\",\"mtu\":1400}", NULL);
	says(0, "\"a\":{\"action\":\"replace\",\"result\":\"done\",\"reasons\":[\"mtu 1500, not mtu 1400\"]}");
	assert_true(words_have("a", "mtu 1400"));
	/* into a pair, two into one pair, and back */
	apply("{\"name\":\"c\"}", NULL);
	apply("{\"name\":\"a\",\"peer\":{\"name\":\"c\"}}", NULL);
	has(0, "\"replace\"", NULL);
	assert_true(words_have("a", "peer's mtu") && words_have("c", "peer's mtu"));
	apply("{\"name\":\"a\"}," ABSENT("c"), NULL);
	says(0, "\"a\":{\"action\":\"replace\",\"result\":\"done\",\"reasons\":[\"peer c, not no peer\"]},"
	     NOTHING("c"));
	assert_false(made_unit("c")->there);
}

/* Half of it done, and a step fails: all is what it was, with what was set by hand. */
static void change_put_back(void **state)
{
	char *before;

	(void)state;
	apply(A, NULL);
	made_unit("a")->msg_timeout = 12;
	made_unit("a")->link_down = true;
	before = strdup(made_unit("a")->text);
	made_failures.up = "driver vhost_vdpa";
	apply("{\"name\":\"a\",\"driver\":\"vhost_vdpa\",\"msg_timeout\":9}", NULL);
	has(1, "\"change\",\"result\":\"failed\"", "up was made to fail", "was put back", NULL);
	is_as("a", "virtio_vdpa", 12, true);
	assert_string_equal(made_unit("a")->text, before);
	made_failures.up = NULL;
	made_failures.timeout = "a";
	apply("{\"name\":\"a\",\"driver\":\"vhost_vdpa\",\"msg_timeout\":9}", NULL);
	has(1, "msg_timeout was made to fail", "was put back", NULL);
	is_as("a", "virtio_vdpa", 12, true);
	assert_string_equal(made_unit("a")->text, before);
	made_failures.link = "a";
	apply("{\"name\":\"a\",\"driver\":\"vhost_vdpa\",\"msg_timeout\":9,\"link\":\"up\"}", NULL);
	has(1, "\"failed\"", "was put back", NULL);
	is_as("a", "virtio_vdpa", 12, true);
	assert_string_equal(made_unit("a")->text, before);
	free(before);
}

static void replacement_put_back(void **state)
{
	char *before;

	(void)state;
	apply(PAIR ",{\"name\":\"c\",\"mtu\":1300}", NULL);
	made_unit("b")->msg_timeout = 12;
	made_unit("b")->link_down = true;
	before = strdup(made_unit("a")->text);
	made_failures.up = "\"mtu 1400\"";
	apply("{\"name\":\"a\",\"mtu\":1400,\"peer\":{\"name\":\"b\"}}", NULL);
	has(1, "\"replace\"", "\"failed\"", "up was made to fail", "was put back", NULL);
	is_as("a", "virtio_vdpa", 30, false);
	is_as("b", "virtio_vdpa", 12, true);
	assert_string_equal(made_unit("b")->text, before);
	/* two units have to go, and both come back */
	apply("{\"name\":\"a\",\"mtu\":1400,\"peer\":{\"name\":\"c\"}}," ABSENT("b"), NULL);
	has(1, "\"a\":{\"action\":\"replace\",\"peer\":\"c\",\"result\":\"failed\"", "was put back",
	    "\"b\":{\"action\":\"refuse\"", "is a pair with a", NULL);
	assert_string_equal(made_unit("a")->text, before);
	assert_true(words_have("c", "mtu 1300") && made_unit("c")->there);
	/* the old one does not end as a whole */
	made_failures.up = NULL;
	made_failures.end = "b";
	apply("{\"name\":\"a\",\"mtu\":1400,\"peer\":{\"name\":\"b\"}}", NULL);
	has(1, "ending was made to fail", "was put back", NULL);
	is_as("a", "virtio_vdpa", 30, false);
	is_as("b", "virtio_vdpa", 12, true);
	/* nor can be brought back: that is said */
	made_failures.end = NULL;
	made_failures.up = "\"words\"";
	apply("{\"name\":\"a\",\"mtu\":1400,\"peer\":{\"name\":\"b\"}}", NULL);
	has(1, "up was made to fail", "could not be put back (up was made to fail)", NULL);
	free(before);
}

static void nothing_of_what_failed(void **state)
{
	(void)state;
	made_failures.up = "\"mtu 1400\"";
	apply("{\"name\":\"a\",\"mtu\":1400}", NULL);
	has(1, "\"create\",\"result\":\"failed\"", NULL);
	assert_false(made_unit("a")->there || made_unit("a")->text);
	made_failures.link = "a";
	apply("{\"name\":\"a\",\"link\":\"down\"}", NULL);
	has(1, "\"create\",\"result\":\"failed\"", NULL);
	assert_false(made_unit("a")->there || made_unit("a")->text);
}

static void refused(enum exit_status status, const char *entry, const char *words)
{
	unsigned int before = made_failures.changes;

	apply(entry, "dry_run");
	has(status, "\"refuse\"", "\"failed\"", words, NULL);
	apply(entry, NULL);
	has(status, "\"refuse\"", "\"failed\"", words, NULL);
	assert_int_equal(made_failures.changes, before);
}

static void refusals(void **state)
{
	char *mtu;

	(void)state;
	apply(A, NULL);
	made_unit("a")->used = true;
	refused(5, "{\"name\":\"a\",\"driver\":\"vhost_vdpa\"}", "in use");
	refused(5, "{\"name\":\"a\",\"mtu\":1400}", "in use");
	refused(5, ABSENT("a"), "in use");
	apply("{\"name\":\"a\",\"link\":\"down\",\"msg_timeout\":3}", NULL);
	has(0, "\"change\"", NULL);
	made_unit("a")->used = false;
	made_unit("a")->hung = true;
	refused(6, "{\"name\":\"a\",\"mtu\":1400}", "no answer");
	made_unit("a")->hung = false;
	made_unit("a")->foreign = true;
	refused(5, A, "none of ours");
	refused(5, ABSENT("a"), "in use");
	made_unit("h")->there = true;
	refused(5, "{\"name\":\"h\"}", "not made by");
	/* words that an older or newer command wrote, and could not be made once more */
	apply("{\"name\":\"c\"}", NULL);
	mtu = strstr(made_unit("c")->text, "\"mtu 1500\"");
	memcpy(mtu, "\"mtu 15oo\"", 10);
	refused(5, "{\"name\":\"c\"}", "could not be put back, so it is not replaced");
}

static void pairs(void **state)
{
	(void)state;
	apply(PAIR, NULL);
	refused(5, A, "is a pair with b, which would end with it");
	refused(5, ABSENT("b"), "is a pair with a");
	refused(5, "{\"name\":\"b\",\"peer\":{\"name\":\"c\"}}", "is a pair with a");
	refused(5, "{\"name\":\"b\",\"peer\":{\"name\":\"c\"}},{\"name\":\"a\"}", "is a pair with");
	apply(ABSENT("b") "," ABSENT("a"), "--dry-run");
	says(0, "\"b\":{\"action\":\"destroy\",\"result\":\"planned\",\"reasons\":[\"with a\"]},"
	     "\"a\":{\"action\":\"destroy\",\"result\":\"planned\",\"reasons\":[\"with b\"]}");
	/* the one that stays is made before the other is looked at */
	apply(ABSENT("a") ",{\"name\":\"b\"}", "dry_run");
	has(0, "\"a\":{\"action\":\"destroy\",\"result\":\"planned\",\"reasons\":[\"with b\"]}",
	    "\"b\":{\"action\":\"replace\"", NULL);
	apply(ABSENT("a") ",{\"name\":\"b\"}", NULL);
	says(0, NOTHING("a") ",\"b\":{\"action\":\"replace\",\"result\":\"done\","
	     "\"reasons\":[\"up a peer b, not up b\"]}");
	assert_false(made_unit("a")->there);
	apply(ABSENT("b"), NULL);
	says(0, DONE("b", "destroy"));
	assert_false(made_unit("b")->there || made_unit("b")->text);
}

/* The others go on; the first that failed is the command's error, the others are warnings. */
static void mixed(void **state)
{
	const char *warning;

	(void)state;
	made_unit("h")->there = true;
	made_failures.up = "\"mtu 1400\"";
	apply("{\"name\":\"c\",\"mtu\":1400},{\"name\":\"h\"},{\"name\":\"d\"}", NULL);
	has(1, "\"c\":{\"action\":\"create\",\"result\":\"failed\",\"error\":{\"object\":\"c\",\"status\":1,"
	    "\"errno\":\"EIO\",\"message\":\"up was made to fail\"}}",
	    "\"h\":{\"action\":\"refuse\",\"result\":\"failed\",\"error\":{\"object\":\"h\",\"status\":5",
	    DONE("d", "create"), NULL);
	assert_true(made_unit("d")->there);
	warning = strstr(result.diagnostics, "{\"warning\":{\"command\":\"vduse apply\",\"object\":\"h\"");
	assert_non_null(warning);
	assert_non_null(strstr(warning, "{\"error\":{\"command\":\"vduse apply\",\"object\":\"c\",\"status\":1"));
	/* what is about a file is told of the device */
	made_failures.object = "/some/file";
	apply("{\"name\":\"c\",\"mtu\":1400}", NULL);
	has(1, "\"object\":\"c\",\"status\":1,\"errno\":\"EIO\",\"message\":\"/some/file: up was", NULL);
	/* an error in the file is no plan */
	made_failures.changes = 0;
	apply("{\"name\":\"e\"},{\"name\":\"f\",\"mtu\":1}", NULL);
	assert_int_equal(result.status, STATUS_USAGE);
	assert_string_equal(said.text, "{\"apply\":{}}\n");
	assert_int_equal(made_failures.changes, 0);
}

/* From @old to @new, killed before each change: the same once more comes to the same. */
static void killed_between(const char *old, const char *new)
{
	unsigned int kill = 0;
	bool left;

	do {
		apply(ABSENT("a") "," ABSENT("b"), NULL);
		apply(old, NULL);
		made_failures.changes = 0;
		made_failures.kill = ++kill;
		apply(new, NULL);
		has(0, "\"done\"", NULL);
		left = made_units_killed();
		made_failures.kill = 0;
		apply(new, NULL);
		has(0, "\"done\"", NULL);
		made_failures.changes = 0;
		apply(new, NULL);
		has(0, "\"nothing\"", NULL);
		assert_int_equal(made_failures.changes, 0);
		assert_int_equal(made_unit("a")->msg_timeout, strstr(new, ":9") ? 9 : 30);
		assert_int_equal(made_unit("a")->link_down, !!strstr(new, "down"));
		assert_string_equal(made_unit("a")->driver,
				    strstr(new, "vhost") ? "vhost_vdpa" : "virtio_vdpa");
		assert_int_equal(words_have("a", "mtu 1400"), !!strstr(new, "1400"));
		assert_int_equal(made_unit("b")->there, !!strstr(new, "\"b\",\"mtu"));
		if (made_unit("b")->there)
			assert_int_equal(made_unit("b")->msg_timeout, strstr(new, ":8") ? 8 : 30);
	} while (left);
	assert_true(kill > 1);
}

#define PAIR_OF(a, b) "{\"name\":\"a\"," a ",\"peer\":{\"name\":\"b\",\"mtu\":1500" b "}}"

static void killed(void **state)
{
	const char *const files[] = {
		"{\"name\":\"a\",\"link\":\"up\"}," ABSENT("b"),
		"{\"name\":\"a\",\"link\":\"down\",\"msg_timeout\":9,\"driver\":\"vhost_vdpa\"}," ABSENT("b"),
		"{\"name\":\"a\",\"link\":\"up\",\"mtu\":1400}," ABSENT("b"),
		PAIR_OF("\"link\":\"up\"", ",\"msg_timeout\":8"),
		PAIR_OF("\"link\":\"down\",\"msg_timeout\":9", ""),
	};
	size_t old, new, count = sizeof(files) / sizeof(files[0]);

	(void)state;
	for (old = 0; old < count; old++)
		for (new = 0; new < count; new++)
			if (old != new)
				killed_between(files[old], files[new]);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_nothing), TEST(changed_in_place), TEST(put_right), TEST(replaced),
		TEST(change_put_back), TEST(replacement_put_back), TEST(nothing_of_what_failed),
		TEST(refusals), TEST(pairs), TEST(mixed), TEST(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that is short at each allocation in turn, from the words of a command to what
 * it prints: either all of it comes out with status 0, or nothing but an empty document
 * with another status and a word about it.
 * LDFLAGS: -Wl,--wrap=netlink_open -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
 * LDFLAGS: -Wl,--wrap=strdup -Wl,--wrap=strndup
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netlink_script.h"
#include "vdpa/vdpa.h"

int __wrap_netlink_open(struct netlink *netlink, const char *name, uint8_t version);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
char *__wrap_strndup(const char *text, size_t length);

static struct script script;
static struct command_result result;
static int left = -1;		/* allocations before the one that fails; -1: none does */
static bool failed;

static bool fails(void)
{
	if (left < 0 || left-- > 0)
		return false;
	failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
	return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length)
{
	return fails() ? NULL : __real_strndup(text, length);
}

static int (*script_send)(void *context, const void *message, size_t length);

/* The kernel has memory. */
static int send_whole(void *context, const void *message, size_t length)
{
	int rc, rest = left;

	left = -1;
	rc = script_send(context, message, length);
	left = rest;
	return rc;
}

int __wrap_netlink_open(struct netlink *netlink, const char *name, uint8_t version)
{
	struct netlink_wire wire = script.wire;

	script_send = wire.send;
	wire.send = send_whole;
	return netlink_open_wire(netlink, name, version, &wire);
}

/* -- the kernel --------------------------------------------------------------------------- */

static void put_device(struct script *to, const struct nlmsghdr *question, const char *name)
{
	struct script_message message;
	struct nlmsghdr *header = script_begin(&message, question, VDPA_CMD_DEV_NEW, 0);

	mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_DEV_NAME, "test");
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, name);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_ID, 1);
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_FEATURES, 0x7fff);
	mnl_attr_put_u32(header, VDPA_ATTR_DEV_QUEUE_INDEX, 0);
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_NEGOTIATED_FEATURES, 0);
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, "counter");
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, 7);
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, "counter");
	mnl_attr_put_u64(header, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, 8);
	script_put(to, &message);
}

/* Every question is answered by the same record; a listing has twenty. */
static void answer_all(struct script *to, const struct nlmsghdr *question)
{
	const struct nlattr *name = script_attribute(question, VDPA_ATTR_DEV_NAME);
	int i;
	char text[16];

	if (name) {
		put_device(to, question, mnl_attr_get_str(name));
		script_extended(to, question, 0, "words beside it", 0, 0, true);
	} else {
		for (i = 0; i < 20; i++) {
			snprintf(text, sizeof(text), "device %d", i);
			put_device(to, question, text);
		}
		script_done(to, question, 0);
	}
}

/* -- commands ------------------------------------------------------------------------------- */

static void run(const char *line)
{
	char words[200], *arguments[20], *save = NULL, *word;
	struct vdpa_session session = { .open = false };
	const struct command_host host = { .session = &session };
	int count = 0;

	snprintf(words, sizeof(words), "%s", line);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save))
		arguments[count++] = word;
	command_run(&vdpa_command, count, arguments, &host, &result);
	vdpa_session_end(&session);
}

static void start(int allocations)
{
	script_init(&script, answer_all);
	failed = false;
	left = allocations;
}

static void end(void)
{
	left = -1;
	script_end(&script);
	command_result_free(&result);
}

/* One allocation fails: nothing is half told. */
static void expect_all_or_nothing(const char *line, const char *whole, const char *empty, int nth)
{
	const char *text = result.text ? result.text : "";

	if (result.status == STATUS_OK && strcmp(text, whole))
		fail_msg("%s, allocation %d: status 0 and %s", line, nth, text);
	if (result.status != STATUS_OK && *text && strcmp(text, empty) && strcmp(text, "{}\n") &&
	    strcmp(text, whole))
		fail_msg("%s, allocation %d: status %d and %s", line, nth, result.status, text);
	if (result.status != STATUS_OK && result.diagnostics && !*result.diagnostics && result.text)
		fail_msg("%s, allocation %d: not a word", line, nth);
}

static void try_each(const char *line, const char *empty)
{
	char *whole;
	int nth, failures = 0;

	start(-1);
	run(line);
	assert_int_equal(result.status, STATUS_OK);
	whole = __real_strdup(result.text);
	end();
	for (nth = 0;; nth++) {
		start(nth);
		run(line);
		left = -1;
		failures += result.status != STATUS_OK;
		if (failed)
			expect_all_or_nothing(line, whole, empty, nth);
		end();
		if (!failed)
			break;
	}
	assert_true(nth >= 5 && failures >= nth / 2);
	free(whole);
}

static void proc_66_each_allocation(void **state)
{
	static const struct {
		const char *line, *empty;
	} rows[] = {
		{ "dev show", "" }, { "-j dev show", "{\"dev\":{}}\n" },
		{ "-d dev show", "" }, { "-jp dev show", "{\"dev\":{}}\n" },
		{ "dev show x", "" }, { "dev config show", "" },
		{ "-j dev config show", "{\"config\":{}}\n" },
		{ "dev vstats show x qidx 0", "" },
		{ "-j dev vstats show x qidx 0", "{\"vstats\":{}}\n" },
		{ "mgmtdev show", "" }, { "-j mgmtdev show", "{\"mgmtdev\":{}}\n" },
		{ "help", "" }, { "-j help", "{}\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		try_each(rows[i].line, rows[i].empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(proc_66_each_allocation) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

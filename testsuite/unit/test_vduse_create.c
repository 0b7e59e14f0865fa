// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse/create: the words of a create become a request, with the program's own grammar.
 * LDFLAGS: -Wl,--wrap=sysfs_read -Wl,--wrap=lifecycle_create */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cli.h"
#include "lib/sysfs.h"
#include "lib/text.h"
#include "vduse/create.h"
#include "vduse/grammar.h"
#include "vduse/verbs.h"

static struct create_request request;
static struct failure failure;

/* What the machine says of itself; NULL: the file is not there. */
static const char *machine_id = "0123456789abcdef0123456789abcdef";
static const char *boot_id = "23541ecc-e6c3-41c9-90f0-d027acf29759";

int __wrap_sysfs_read(const struct sysfs *fs, char *value, size_t size, const char *format, ...);

int __wrap_sysfs_read(const struct sysfs *fs, char *value, size_t size, const char *format, ...)
{
	const char *text = !strcmp(format, "etc/machine-id") ? machine_id :
			   !strcmp(format, "proc/sys/kernel/random/boot_id") ? boot_id : NULL;

	assert_ptr_equal(fs, &sysfs_machine);
	snprintf(value, size, "%s", text ? text : "");
	return text ? (int)strlen(text) : -ENOENT;
}

static int created;		/* how often */
static int create_answer;

int __wrap_lifecycle_create(const struct create_request *asked, struct failure *out);

int __wrap_lifecycle_create(const struct create_request *asked, struct failure *out)
{
	request = *asked;
	created++;
	return create_answer ? failure_errno(out, -create_answer, "lo0", "played") : 0;
}

/* 0, or what refused the line: the grammar, or the request. */
static int read_line(const char *text)
{
	static char storage[1024];
	static struct cli_line line;
	char *words[40], *rest = storage;
	int rc, count = 0;

	snprintf(storage, sizeof(storage), "%s", text);
	while ((words[count] = strsep(&rest, " ")))
		count++;
	memset(&failure, 0, sizeof(failure));
	rc = cli_parse(&vduse_command, count, words, &line, &failure);
	if (rc)
		return rc;
	assert_ptr_equal(line.verb->words, create_words);
	return create_read_words(line.values, &request, &failure);
}

static void expect_refused(const char *text, const char *why)
{
	if (read_line(text) != -EINVAL)
		fail_msg("\"%s\" was taken", text);
	assert_int_equal(failure.status, STATUS_USAGE);
	if (!strstr(failure.message, why))
		fail_msg("\"%s\": %s", text, failure.message);
}

static void expect_taken(const char *text)
{
	if (read_line(text))
		fail_msg("\"%s\": %s", text, failure.message);
}

static void table_is_in_the_order_of_the_enumeration(void **state)
{
	static const char *const keywords[CREATE_WORDS] = {
		NULL, "type", "features", "vqs", "vq_align", "vendor", "mac", "mtu", "size",
		"bounce_size", "msg_timeout",
	};
	int i;

	(void)state;
	assert_string_equal(create_words[CREATE_NAME].value, "NAME");
	for (i = 1; i < CREATE_WORDS; i++)
		assert_string_equal(create_words[i].keyword, keywords[i]);
	assert_int_equal(create_words[CREATE_WORDS].kind, CLI_END);
}

static void net_device_by_default(void **state)
{
	struct vduse_definition *definition = &request.definition;
	uint8_t mac[6];

	(void)state;
	expect_taken("create lo0");
	assert_string_equal(definition->name, "lo0");
	assert_int_equal(definition->type, DEVICE_TYPE_NET);
	assert_true(definition->features == FEATURES_NET_DEFAULT);
	assert_int_equal(definition->vqs, 2);
	assert_int_equal(definition->vq_align, 4096);
	assert_int_equal(definition->vendor, 0);
	assert_int_equal(definition->mtu, 1500);
	assert_int_equal(definition->mac[0] & 3, 2);
	assert_int_equal(request.bounce_size, 0);
	assert_int_equal(request.msg_timeout, 0);
	memcpy(mac, definition->mac, 6);
	expect_taken("create lo0");
	assert_memory_equal(mac, definition->mac, 6);
	expect_taken("create lo1");
	assert_memory_not_equal(mac, definition->mac, 6);
}

static void every_word_of_a_net_device(void **state)
{
	static const uint8_t mac[6] = { 2, 0x11, 0x22, 0x33, 0x44, 0x55 };
	struct vduse_definition *definition = &request.definition;

	(void)state;
	expect_taken("create lo0 msg_timeout 7 bounce_size 0x400000 mtu 9000 mac 02:11:22:33:44:55 "
		     "vendor 0xffffffff vq_align 64 vqs 2 features +PACKED type net");
	assert_true(definition->features == (FEATURES_NET_DEFAULT | FEATURE(34)));
	assert_memory_equal(definition->mac, mac, 6);
	assert_int_equal(definition->mtu, 9000);
	assert_int_equal(definition->vendor, UINT32_MAX);
	assert_int_equal(definition->vq_align, 64);
	assert_int_equal(request.bounce_size, 4194304);
	assert_int_equal(request.msg_timeout, 7);
	assert_false(request.mac_of_boot);
}

static void every_word_of_a_block_device(void **state)
{
	struct vduse_definition *definition = &request.definition;
	static const uint8_t zero[6];

	(void)state;
	expect_taken("create b0 type block size 1048576");
	assert_int_equal(definition->type, DEVICE_TYPE_BLOCK);
	assert_true(definition->features == FEATURES_MANDATORY);
	assert_int_equal(definition->vqs, 1);
	assert_int_equal(definition->mtu, 0);
	assert_memory_equal(definition->mac, zero, 6);
	expect_taken("create b0 type block size 512 vqs 65535 features MQ,FLUSH bounce_size 1048576");
	assert_int_equal(definition->vqs, 65535);
	assert_int_equal(definition->size, 512);
	expect_taken("create b0 type block size 0x7ffffffffffffe00");
}

static void features_decide_about_mac_and_mtu(void **state)
{
	static const uint8_t zero[6];

	(void)state;
	expect_taken("create lo0 features VERSION_1");
	assert_true(request.definition.features == FEATURES_MANDATORY);
	assert_int_equal(request.definition.mtu, 0);
	assert_memory_equal(request.definition.mac, zero, 6);
	expect_taken("create lo0 features MTU mtu 68");
	assert_int_equal(request.definition.mtu, 68);
	expect_taken("create lo0 features MTU");
	assert_int_equal(request.definition.mtu, 1500);
	expect_refused("create lo0 features MTU mac 02:00:00:00:00:01", "without the feature MAC");
	expect_refused("create lo0 features MAC mtu 68", "without the feature MTU");
}

static void requests_that_are_refused(void **state)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{ "create lo0 type fs", "type \"fs\"" },
		{ "create lo0 vqs 4", "CTRL_VQ" },
		{ "create lo0 vqs 0", "from 1 to 65535" },
		{ "create lo0 vqs 65536", "from 1 to 65535" },
		{ "create lo0 size 512", "no size" },
		{ "create lo0 vq_align 3", "from 4 to 4096" },
		{ "create lo0 vq_align 12", "power of two" },
		{ "create lo0 vendor 4294967296", "from 0 to 4294967295" },
		{ "create lo0 mtu 67", "from 68 to 65535" },
		{ "create lo0 mtu 65536", "from 68 to 65535" },
		{ "create lo0 msg_timeout 0", "from 1 to 2147483" },
		{ "create lo0 msg_timeout 2147484", "from 1 to 2147483" },
		{ "create lo0 bounce_size 1048575", "from 1048576 to 1073741824" },
		{ "create lo0 bounce_size 1073741825", "from 1048576 to 1073741824" },
		{ "create lo0 bounce_size 1048576", "4194304" },
		{ "create lo0 bounce_size 4194305", "page size" },
		{ "create lo0 features", "needs a value" },
		{ "create lo0 features ", "not the name" },
		{ "create lo0 features FLUSH", "not the name" },
		{ "create lo0 features 0x0", "VERSION_1 is missing" },
		{ "create lo0 features no_ACCESS_PLATFORM", "ACCESS_PLATFORM is missing" },
		{ "create lo0 features +MQ", "MQ needs CTRL_VQ" },
		{ "create lo0 features no_CSUM", "needs CSUM" },
		{ "create b0 type block", "needs a size" },
		{ "create b0 type block size 0", "from 512" },
		{ "create b0 type block size 1000", "multiple of 512" },
		{ "create b0 type block size 0x8000000000000000", "from 512" },
		{ "create b0 type block size 512 mac 02:00:00:00:00:01", "no mac" },
		{ "create b0 type block size 512 mtu 1500", "no mtu" },
		{ "create b0 type block size 512 vqs 2", "feature MQ" },
		{ "create b0 type block size 512 features CONFIG_WCE", "CONFIG_WCE" },
		{ "create b0 type block size 512 bounce_size 1048577", "page size" },
		{ "create", "\"NAME\" is missing" },
		{ "create a/b", "made of" },
		{ "create control", "kernel" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_refused(rows[i].line, rows[i].why);
}

static void expect_mac(const char *machine, bool of_boot)
{
	uint8_t mac[6];

	expect_taken("create lo0");
	vduse_derive_mac(machine, "lo0", mac);
	assert_memory_equal(request.definition.mac, mac, 6);
	assert_int_equal(request.mac_of_boot, of_boot);
}

/* An image may come with an empty file, or with "uninitialized" in it. */
static void address_of_the_machine_or_of_the_boot(void **state)
{
	const char *own = machine_id;

	(void)state;
	expect_mac(own, false);
	machine_id = NULL;
	expect_mac(boot_id, true);
	machine_id = "";
	expect_mac(boot_id, true);
	machine_id = "uninitialized";
	expect_mac(boot_id, true);
	expect_taken("create lo0 mac 02:00:00:00:00:01");
	assert_false(request.mac_of_boot);
	machine_id = own;
}

/* The one warning there is, as text. */
static char *warnings_text(struct buffer *warnings)
{
	struct failure warning;
	char *text = strdup("");

	assert_true(warnings->length == 0 || warnings->length == sizeof(warning));
	if (warnings->length) {
		free(text);
		memcpy(&warning, warnings->text, sizeof(warning));
		text = text_diagnostic(&warning, "vduse create", true, false, NULL);
	}
	buffer_free(warnings);
	return text;
}

/* Runs create_run(); the warnings, which the caller frees. */
static char *run(const char *text, int *rc)
{
	static char storage[256];
	struct cli_line line;
	struct buffer warnings = { 0 };
	struct call call = { .line = &line, .options = &line.options, .values = line.values,
			     .warnings = &warnings };
	char *words[8], *rest = storage;
	int count = 0;

	snprintf(storage, sizeof(storage), "%s", text);
	while ((words[count] = strsep(&rest, " ")))
		count++;
	assert_int_equal(cli_parse(&vduse_command, count, words, &line, &failure), 0);
	created = 0;
	*rc = create_run(&call, &failure);
	return warnings_text(&warnings);
}

static void only_a_device_that_was_made_is_warned_of(void **state)
{
	const char *own = machine_id;
	char *warnings;
	int rc;

	(void)state;
	warnings = run("create lo0", &rc);
	assert_int_equal(rc, 0);
	assert_int_equal(created, 1);
	assert_string_equal(warnings, "");
	free(warnings);
	machine_id = NULL;
	warnings = run("create lo0", &rc);
	assert_int_equal(rc, 0);
	assert_non_null(strstr(warnings, "lo0: there is no /etc/machine-id"));
	free(warnings);
	create_answer = -EEXIST;
	warnings = run("create lo0", &rc);
	assert_int_equal(rc, -EEXIST);
	assert_string_equal(warnings, "");
	free(warnings);
	create_answer = 0;
	machine_id = own;
	warnings = run("create lo0 vqs 4", &rc);
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(created, 0);
	free(warnings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_in_the_order_of_the_enumeration),
		cmocka_unit_test(net_device_by_default),
		cmocka_unit_test(every_word_of_a_net_device),
		cmocka_unit_test(every_word_of_a_block_device),
		cmocka_unit_test(features_decide_about_mac_and_mtu),
		cmocka_unit_test(requests_that_are_refused),
		cmocka_unit_test(address_of_the_machine_or_of_the_boot),
		cmocka_unit_test(only_a_device_that_was_made_is_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

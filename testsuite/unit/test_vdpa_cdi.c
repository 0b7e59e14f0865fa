// SPDX-License-Identifier: GPL-2.0-or-later
/* vdpa dev cdi: the document, and who has none.
 * LDFLAGS: -Wl,--wrap=vdpa_attached_read -Wl,--wrap=sysfs_exists */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "lib/vdpa_attached.h"
#include "vdpa_run.h"

int __wrap_vdpa_attached_read(const struct sysfs *fs, const char *device,
			      struct vdpa_attached *attached);
bool __wrap_sysfs_exists(const struct sysfs *fs, const char *format, ...);

static struct vdpa_attached now;	/* what every device is attached to */
static int answer;
static bool bus;

int __wrap_vdpa_attached_read(const struct sysfs *fs, const char *device,
			      struct vdpa_attached *attached)
{
	(void)fs;
	(void)device;
	*attached = now;
	return answer;
}

bool __wrap_sysfs_exists(const struct sysfs *fs, const char *format, ...)
{
	(void)fs;
	(void)format;
	return bus;
}

static void attach(const char *driver, const char *chardev, dev_t rdev)
{
	now = (struct vdpa_attached){ .rdev = rdev };
	snprintf(now.driver, sizeof(now.driver), "%s", driver);
	snprintf(now.chardev, sizeof(now.chardev), "%s", chardev);
}

static int setup(void **state)
{
	(void)state;
	answer = 0;
	bus = true;
	attach("vhost_vdpa", "vhost-vdpa-12", makedev(242, 12));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vdpa_run_end();
	return 0;
}

#define DOCUMENT(name) \
	"{\"cdiVersion\":\"0.5.0\",\"kind\":\"vduse-tools/vdpa\",\"devices\":[{\"name\":\"" name "\"," \
	"\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/dev/vhost-vdpa-12\",\"type\":\"c\"," \
	"\"major\":242,\"minor\":12,\"permissions\":\"rw\"}]}}]}\n"

static void document(void **state)
{
	(void)state;
	vdpa_prints("-j dev cdi lo0", DOCUMENT("lo0"));
	vdpa_prints("dev cdi -j a", DOCUMENT("a"));
	vdpa_prints("-j dev cdi 0a_.-:9", DOCUMENT("0a_.-:9"));
}

/* What one reads is what a file is to have. */
static void text_is_json_too(void **state)
{
	char pretty[1000];

	(void)state;
	vdpa_run("-j -p dev cdi lo0");
	assert_int_equal(vdpa_result.status, 0);
	snprintf(pretty, sizeof(pretty), "%s", vdpa_result.text);
	assert_int_equal(strncmp(pretty, "{\n  \"cdiVersion\":\"0.5.0\",\n  \"kind\":", 35), 0);
	vdpa_prints("dev cdi lo0", pretty);
	vdpa_prints("-p dev cdi lo0", pretty);
}

static void not_attached_so(void **state)
{
	(void)state;
	attach("virtio_vdpa", "", 0);
	vdpa_fails("dev cdi lo0", STATUS_FAILED, "its bus driver is virtio_vdpa; \"vdpa dev bind lo0 "
		   "driver vhost_vdpa\" makes one");
	assert_string_equal(vdpa_result.text, "");
	vdpa_fails("-j dev cdi lo0", STATUS_FAILED, "\"errno\":\"ENXIO\"");
	assert_string_equal(vdpa_result.text, "{}\n");
	attach("", "", 0);
	vdpa_fails("dev cdi lo0", STATUS_FAILED, "its bus driver is none");
	attach("vhost_vdpa", "", 0);
	vdpa_fails("dev cdi lo0", STATUS_FAILED, "its node is not there");
	attach("vhost_vdpa", "vhost-vdpa-0", 0);
	vdpa_fails("dev cdi lo0", STATUS_FAILED, "its node is not there");
}

static void names(void **state)
{
	static const char *const lines[] = {
		"dev cdi _a", "dev cdi a_", "dev cdi a.", "dev cdi a+b", "dev cdi .", "dev cdi :",
		"dev cdi a!b", "dev cdi \xc3\xa4", ("dev cdi a\xff" "b"), "dev cdi a\"b",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		vdpa_fails(lines[i], STATUS_FAILED, "CDI has no such name");
}

static void not_there(void **state)
{
	(void)state;
	answer = -ENODEV;
	vdpa_fails("dev cdi lo0", STATUS_NOT_FOUND, "there is no vDPA device of this name");
	bus = false;
	vdpa_fails("dev cdi lo0", STATUS_UNSUPPORTED, "modprobe");
	answer = -EACCES;
	vdpa_fails("dev cdi lo0", STATUS_DENIED, "cannot read its state");
}

/* "c" and "co" stay what they are to iproute2's tool. */
static void words(void **state)
{
	(void)state;
	vdpa_fails("dev cdi", STATUS_USAGE, "\"DEV\" is missing");
	vdpa_fails("dev cd lo0", STATUS_USAGE, "there is no command \"cd\"");
	vdpa_fails("dev cdi lo0 lo1", STATUS_USAGE, "lo1");
	vdpa_run("dev c help");
	assert_non_null(strstr(vdpa_result.text, "vdpa dev config show"));
	assert_null(strstr(vdpa_result.text, "cdi"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(document), TEST(text_is_json_too), TEST(not_attached_so), TEST(names),
		TEST(not_there), TEST(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vdpa_usable_ready(), and what the commands say: a device that was attached, and did or did not
 * take DRIVER_OK, over a made sysfs. Time goes on while somebody sleeps, and only then.
 *
 * LDFLAGS: -Wl,--wrap=clock_ms,--wrap=nanosleep
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/vdpa_usable.h"
#include "vdpa_tree.h"

static struct {
	struct tree tree;
	struct vdpa_attached attached;
	int64_t now;
	unsigned int sleeps;
	const char *later;	/* the status after the third sleep */
	uint8_t status;
} it;

int64_t __wrap_clock_ms(void);
int64_t __wrap_clock_ms(void)
{
	return it.now;
}

int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	it.now += time->tv_sec * 1000 + time->tv_nsec / 1000000;
	if (++it.sleeps == 3 && it.later)
		tree_file(&it.tree, it.later, "sys/bus/virtio/devices/virtio2/status");
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	tree_make(&it.tree);
	tree_device(&it.tree, "lo0");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_remove(&it.tree);
	return 0;
}

static bool is_ready(void)
{
	assert_int_equal(vdpa_attached_read(&it.tree.fs, "lo0", &it.attached), 0);
	return vdpa_usable_ready(&it.tree.fs, &it.attached, &it.status);
}

static void nothing_is_waited_for_when_it_is_well(void **state)
{
	(void)state;
	assert_true(is_ready());	/* no driver */
	tree_vhost(&it.tree, "lo0", 0, true);
	assert_true(is_ready());
	tree_unbind(&it.tree, "lo0");
	tree_virtio(&it.tree, "lo0", 2, NULL, 0x1);
	assert_true(is_ready());	/* whose matter that is, vdpa_usable_wait() has told */
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 0xf);
	assert_true(is_ready());
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 0x4f);
	assert_true(is_ready());	/* it was, and wants a reset now */
	tree_delete(&it.tree, "sys/bus/virtio/devices/virtio2");
	assert_true(is_ready());	/* it goes just now */
	assert_int_equal(it.sleeps, 0);
}

static void a_device_that_refused(void **state)
{
	(void)state;
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 0xb);
	assert_false(is_ready());
	assert_int_equal(it.status, 0xb);
	assert_int_equal(it.now, VDPA_READY_MS);
}

static void a_driver_that_is_on_its_way(void **state)
{
	(void)state;
	tree_virtio(&it.tree, "lo0", 2, "virtio_blk", 0xb);
	it.later = "0x0000000f\n";
	assert_true(is_ready());
	assert_int_equal(it.sleeps, 3);
}

static void a_driver_that_fails(void **state)
{
	(void)state;
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 0x8f);
	assert_false(is_ready());
	assert_int_equal(it.status, 0x8f);
	assert_int_equal(it.sleeps, 0);
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 0xb);
	it.later = "0x0000008b\n";
	assert_false(is_ready());
	assert_int_equal(it.status, 0x8b);
	assert_int_equal(it.sleeps, 3);
}

static void what_is_said(void **state)
{
	struct buffer warnings = { 0 };
	struct call call = { .warnings = &warnings };
	const struct failure *warning;

	(void)state;
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 0xf);
	assert_true(is_ready());
	vdpa_usable_warn(&call, &it.tree.fs, "lo0", &it.attached);
	assert_int_equal(warnings.length, 0);
	tree_virtio(&it.tree, "lo0", 2, "virtio_net", 0xb);
	vdpa_usable_warn(&call, &it.tree.fs, "lo0", &it.attached);
	assert_int_equal(warnings.length, sizeof(*warning));
	warning = (const struct failure *)(const void *)warnings.text;
	assert_int_equal(warning->status, STATUS_OK);
	assert_string_equal(warning->object, "lo0");
	assert_string_equal(warning->message, "virtio_net is its driver, but the device has not "
			    "accepted DRIVER_OK (status ACKNOWLEDGE DRIVER FEATURES_OK): nothing "
			    "passes through it");
	buffer_free(&warnings);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_waited_for_when_it_is_well), TEST(a_device_that_refused),
		TEST(a_driver_that_is_on_its_way), TEST(a_driver_that_fails), TEST(what_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

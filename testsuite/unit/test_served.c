// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vduse/process/served: what those who follow a device are told of it. Who they are is played.
 *
 * LDFLAGS: -Wl,--wrap=control_followed,--wrap=control_tell,--wrap=realloc
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vduse/process/served.h"

static struct served served;
static struct {
	bool followed, short_of_memory;
	unsigned int tells;	/* how often somebody was told */
	struct buffer told;	/* objects, a line each */
} it;

bool __wrap_control_followed(const struct control *control);
bool __wrap_control_followed(const struct control *control)
{
	assert_ptr_equal(control, &served.control);
	return it.followed;
}

void __wrap_control_tell(struct control *control, const char *event, size_t length);
void __wrap_control_tell(struct control *control, const char *event, size_t length)
{
	assert_ptr_equal(control, &served.control);
	it.tells++;
	buffer_add(&it.told, event, length);
	buffer_add_char(&it.told, '\n');
}

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	return it.short_of_memory ? NULL : __real_realloc(old, size);
}

static int setup(void **state)
{
	(void)state;
	memset(&served, 0, sizeof(served));
	memset(&it, 0, sizeof(it));
	served.controlled = it.followed = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	buffer_free(&it.told);
	return 0;
}

static void all_of_it(void)
{
	served.port.session.status = 11;
	served_tell_event(&served, SESSION_STATUS, 0);
	served.port.session.queues[1].vq.size = 256;
	served_tell_event(&served, SESSION_QUEUE_READY, 1);
	served_tell_event(&served, SESSION_IOTLB, 3);
	served_tell_error(&served, "a \"word\"");
	served_tell_event(&served, SESSION_RESET, 0);
	served_tell_exit(&served);
}

static void who_follows_is_told(void **state)
{
	(void)state;
	all_of_it();
	assert_string_equal(it.told.text,
			    "{\"event\":\"status\",\"status\":11}\n"
			    "{\"event\":\"vq\",\"index\":1,\"size\":256}\n"
			    "{\"event\":\"iotlb\",\"regions\":3}\n"
			    "{\"event\":\"error\",\"message\":\"a \\\"word\\\"\"}\n"
			    "{\"event\":\"reset\"}\n"
			    "{\"event\":\"exit\"}\n");
}

static void where_nobody_follows_nobody_is_told(void **state)
{
	(void)state;
	it.followed = false;
	all_of_it();
	assert_int_equal(it.tells, 0);
	/* there is no control socket */
	it.followed = true;
	served.controlled = false;
	all_of_it();
	assert_int_equal(it.tells, 0);
}

static void half_an_object_is_not_told(void **state)
{
	(void)state;
	it.short_of_memory = true;
	all_of_it();
	it.short_of_memory = false;
	assert_int_equal(it.tells, 0);
}

/* For who comes later, until the driver is another one. */
static void an_error_is_kept_until_the_reset(void **state)
{
	(void)state;
	it.followed = false;
	served_tell_error(&served, "this");
	served_tell_error(&served, "that");
	served_tell_event(&served, SESSION_STATUS, 0);
	served_tell_event(&served, SESSION_RECONNECT, 0);
	assert_string_equal(served.error, "that");
	served_tell_event(&served, SESSION_RESET, 0);
	assert_string_equal(served.error, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_follows_is_told), TEST(where_nobody_follows_nobody_is_told),
		TEST(half_an_object_is_not_told), TEST(an_error_is_kept_until_the_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

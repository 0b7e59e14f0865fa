// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Becoming another user: all the steps, in the order in which each is still allowed, or a failure
 * that names the user. None of the calls is made.
 *
 * LDFLAGS: -Wl,--wrap=getpwnam,--wrap=initgroups,--wrap=setresgid,--wrap=setresuid,--wrap=prctl
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/process/privilege.h"

#define UID 4711
#define GID 4712
#define STEPS "groups gid uid no_new_privs "

static struct {
	char steps[80];
	const char *fails;	/* the step that does, with EPERM */
	int search_error;
} it;

struct passwd *__wrap_getpwnam(const char *name);
int __wrap_initgroups(const char *user, gid_t group);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_prctl(int option, ...);

static int step(const char *name)
{
	snprintf(it.steps + strlen(it.steps), sizeof(it.steps) - strlen(it.steps), "%s ", name);
	errno = EPERM;
	return it.fails && !strcmp(it.fails, name) ? -1 : 0;
}

struct passwd *__wrap_getpwnam(const char *name)
{
	static struct passwd entry = { .pw_uid = UID, .pw_gid = GID };

	errno = it.search_error;
	return strcmp(name, "vduse") ? NULL : &entry;
}

int __wrap_initgroups(const char *user, gid_t group)
{
	assert_string_equal(user, "vduse");
	assert_int_equal(group, GID);
	return step("groups");
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	assert_true(real == GID && effective == GID && saved == GID);
	return step("gid");
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	assert_true(real == UID && effective == UID && saved == UID);
	return step("uid");
}

int __wrap_prctl(int option, ...)
{
	assert_int_equal(option, PR_SET_NO_NEW_PRIVS);
	return step("no_new_privs");
}

static int setup(void **state)
{
	(void)state;
	memset(&it, 0, sizeof(it));
	return 0;
}

static void all_the_steps_in_their_order(void **state)
{
	struct failure failure = { .status = STATUS_OK };

	(void)state;
	assert_int_equal(privilege_drop("vduse", &failure), 0);
	assert_string_equal(it.steps, STEPS);
}

static void each_step_fails(void **state)
{
	static const char *const steps[] = { "groups", "gid", "uid", "no_new_privs" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct failure failure = { .status = STATUS_OK };

		setup(NULL);
		it.fails = steps[i];
		assert_int_equal(privilege_drop("vduse", &failure), -EPERM);
		assert_int_equal(failure.status, STATUS_DENIED);
		assert_string_equal(failure.object, "vduse");
		/* and nothing comes behind it */
		assert_string_equal(it.steps + strlen(it.steps) - strlen(steps[i]) - 1,
				    strstr(it.steps, steps[i]));
	}
}

static void there_is_no_such_user(void **state)
{
	struct failure failure = { .status = STATUS_OK };
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(privilege_drop("nobody-at-all", &failure), -ENOENT);
	assert_int_equal(failure.status, STATUS_USAGE);
	assert_string_equal(it.steps, "");
	it.search_error = EMFILE;
	assert_int_equal(privilege_find_user("nobody-at-all", &uid, &gid, &failure), -EMFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_the_steps_in_their_order, setup),
		cmocka_unit_test_setup(each_step_fails, setup),
		cmocka_unit_test_setup(there_is_no_such_user, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

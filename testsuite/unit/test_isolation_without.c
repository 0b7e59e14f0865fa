// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A build without libseccomp and libcap-ng: what is missing is said, and why.
 *
 * LDFLAGS: -Wl,--wrap=mount,--wrap=umount2,--wrap=chdir,--wrap=syscall,--wrap=setrlimit
 * LDFLAGS: -Wl,--wrap=setgroups,--wrap=setresgid,--wrap=setresuid,--wrap=prctl
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#undef HAVE_SECCOMP
#undef HAVE_LIBCAP_NG
#include "vduse/process/isolation.c"
#include "vduse/process/isolation_calls.c"

#include <cmocka.h>

static unsigned int sentences;
static char said[8][200];

static void on_lacking(void *context, const char *sentence)
{
	(void)context;
	snprintf(said[sentences++ % 8], sizeof(said[0]), "%s", sentence);
}

/* All else can be had. */
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
		 const void *data);
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags,
		 const void *data)
{
	(void)source;
	(void)target;
	(void)type;
	(void)flags;
	(void)data;
	return 0;
}

int __wrap_umount2(const char *target, int flags);
int __wrap_umount2(const char *target, int flags)
{
	(void)target;
	(void)flags;
	return 0;
}

int __wrap_chdir(const char *path);
int __wrap_chdir(const char *path)
{
	(void)path;
	return 0;
}

long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	(void)number;
	return 0;
}

int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit);
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	(void)resource;
	(void)limit;
	return 0;
}

int __wrap_setgroups(size_t count, const gid_t *groups);
int __wrap_setgroups(size_t count, const gid_t *groups)
{
	(void)count;
	(void)groups;
	return 0;
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	(void)real;
	(void)effective;
	(void)saved;
	return 0;
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	(void)real;
	(void)effective;
	(void)saved;
	return 0;
}

int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
	(void)option;
	return 0;
}

static void it_refuses(void **state)
{
	struct isolation isolation = { .uid = 1, .gid = 1, .insist = true };
	struct failure failure = { .status = STATUS_OK };

	(void)state;
	assert_int_equal(isolation_enter(&isolation, &failure), -ENOSYS);
	assert_string_equal(failure.message, "cannot isolate the device process: capabilities stay "
			    "in its bounding set: this build has no library for it");
	assert_int_equal(failure.status, STATUS_FAILED);
	assert_int_equal(isolation_confine(&isolation, &failure), -ENOSYS);
	assert_string_equal(failure.message, "cannot isolate the device process: no filter of "
			    "system calls: this build has no library for it");
}

static void it_says_what_is_missing(void **state)
{
	static const char *const parts[] = {
		"capabilities stay in its bounding set", "capabilities cannot be given up",
		"no filter of system calls", "no filter of system calls",
	};
	struct isolation isolation = { .uid = 1, .gid = 1, .lacking = on_lacking };
	struct failure failure = { .status = STATUS_OK };
	char expected[200];
	unsigned int i;

	(void)state;
	assert_int_equal(isolation_enter(&isolation, &failure), 0);
	assert_int_equal(isolation_confine(&isolation, &failure), 0);
	assert_int_equal(sentences, 4);
	for (i = 0; i < 4; i++) {
		snprintf(expected, sizeof(expected), "it is not isolated in full: %s: this build "
			 "has no library for it", parts[i]);
		assert_string_equal(said[i], expected);
	}
}

static void calls_have_numbers_only(void **state)
{
	siginfo_t info = { .si_signo = SIGSYS };
	char name[40];

	(void)state;
	info.si_syscall = 5;
	isolation_call_name(isolation_call_of(&info), name);
	assert_string_equal(name, "number 5");
	assert_int_equal(isolation_count(ISOLATION_SERVING), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_refuses),
		cmocka_unit_test(it_says_what_is_missing),
		cmocka_unit_test(calls_have_numbers_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

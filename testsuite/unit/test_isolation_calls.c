// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The filters of system calls in a process of ours, what is done where they cannot be had, and
 * the names of calls.
 *
 * LDFLAGS: -Wl,--wrap=seccomp_init,--wrap=seccomp_load,--wrap=seccomp_rule_add
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/process/isolation_calls.h"

#ifdef HAVE_SECCOMP
#include <seccomp.h>

#ifdef __SANITIZE_ADDRESS__
#define FILTERS 0
#else
#define FILTERS 1
#endif

static struct {
	bool no_memory;
	int load_error, rule_error;	/* negative errno */
} it;

scmp_filter_ctx __real_seccomp_init(uint32_t action);
scmp_filter_ctx __wrap_seccomp_init(uint32_t action);
scmp_filter_ctx __wrap_seccomp_init(uint32_t action)
{
	return it.no_memory ? NULL : __real_seccomp_init(action);
}

int __real_seccomp_load(const scmp_filter_ctx filter);
int __wrap_seccomp_load(const scmp_filter_ctx filter);
int __wrap_seccomp_load(const scmp_filter_ctx filter)
{
	return it.load_error ? it.load_error : __real_seccomp_load(filter);
}

/* It is variadic with up to one comparison here. */
int __real_seccomp_rule_add(scmp_filter_ctx filter, uint32_t action, int call,
			    unsigned int count, ...);
int __wrap_seccomp_rule_add(scmp_filter_ctx filter, uint32_t action, int call,
			    unsigned int count, ...);
int __wrap_seccomp_rule_add(scmp_filter_ctx filter, uint32_t action, int call,
			    unsigned int count, ...)
{
	struct scmp_arg_cmp comparison;
	va_list list;

	if (it.rule_error)
		return it.rule_error;
	if (!count)
		return __real_seccomp_rule_add(filter, action, call, 0);
	assert_int_equal(count, 1);
	va_start(list, count);
	comparison = va_arg(list, struct scmp_arg_cmp);
	va_end(list);
	return __real_seccomp_rule_add(filter, action, call, 1, comparison);
}

/* An end without any other call: _exit() of a build for gcov (coverage.c) writes a file, which the
 * filters forbid. */
static void leave(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

/* The end of a process says which call it was. */
static void on_forbidden(int signal, siginfo_t *info, void *machine)
{
	(void)signal;
	(void)machine;
	leave(isolation_call_of(info) == SYS_socket ? 42 : 43);
}

/* The exit status of @body in a process of its own, with the filters up to @stage. */
static int in_process(enum isolation_stage stage, void (*body)(void))
{
	struct sigaction action = { .sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		sigaction(SIGSYS, &action, NULL);
		if (isolation_filter(ISOLATION_SETTING_UP) ||
		    (stage == ISOLATION_SERVING && isolation_filter(ISOLATION_SERVING)))
			leave(99);
		body();
		leave(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void make_socket(void)
{
	socket(AF_INET, SOCK_DGRAM, 0);
}

static void open_file(void)
{
	__attribute__((unused)) int fd = open("/", O_RDONLY);
}

static void make_process(void)
{
	if (fork() == 0)
		leave(0);
}

static void map_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void map_memory(void)
{
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		leave(1);
}

static void handle_bus(void)
{
	if (signal(SIGBUS, SIG_DFL) == SIG_ERR)
		leave(1);
}

static void handle_term(void)
{
	signal(SIGTERM, SIG_DFL);
}

static void proc_75_a_forbidden_call_raises_a_signal_that_names_it(void **state)
{
	(void)state;
	if (!FILTERS)
		return;
	assert_int_equal(in_process(ISOLATION_SETTING_UP, make_socket), 42);
	assert_int_equal(in_process(ISOLATION_SERVING, make_socket), 42);
	assert_int_equal(in_process(ISOLATION_SETTING_UP, open_file), 43);
	assert_int_equal(in_process(ISOLATION_SETTING_UP, make_process), 43);
	assert_int_equal(in_process(ISOLATION_SETTING_UP, map_code), 43);
	assert_int_equal(in_process(ISOLATION_SERVING, map_memory), 0);
	assert_int_equal(in_process(ISOLATION_SETTING_UP, handle_term), 0);
	assert_int_equal(in_process(ISOLATION_SERVING, handle_term), 43);
	assert_int_equal(in_process(ISOLATION_SERVING, handle_bus), 0);
}

static void a_filter_that_cannot_be_had_is_an_error(void **state)
{
	(void)state;
	if (!FILTERS)
		return;
	it.no_memory = true;
	assert_int_equal(isolation_filter(ISOLATION_SERVING), ENOMEM);
	it.no_memory = false;
	it.load_error = -EINVAL;	/* a kernel without seccomp */
	assert_int_equal(isolation_filter(ISOLATION_SERVING), EINVAL);
	it.load_error = 0;
	it.rule_error = -EFAULT;
	assert_int_equal(isolation_filter(ISOLATION_SERVING), EFAULT);
	assert_int_equal(isolation_filter(ISOLATION_SETTING_UP), EFAULT);
	it.rule_error = 0;
}

static void names_and_numbers(void **state)
{
	siginfo_t info = { .si_signo = SIGSYS };
	char name[40];

	(void)state;
	isolation_call_name(SYS_openat, name);
	assert_string_equal(name, "openat");
	isolation_call_name(100000, name);
	assert_string_equal(name, "number 100000");
	info.si_syscall = SYS_openat;
	info.si_arch = seccomp_arch_native();
	assert_int_equal(isolation_call_of(&info), SYS_openat);
	info.si_arch = SCMP_ARCH_MIPS;
	isolation_call_name(isolation_call_of(&info), name);
	assert_string_equal(name, "one of another architecture");
	/* so many has SECURITY; isolation.bats names the second ones, and tries all others */
	assert_int_equal(isolation_count(ISOLATION_SETTING_UP), 52);
	assert_int_equal(isolation_count(ISOLATION_SERVING), 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proc_75_a_forbidden_call_raises_a_signal_that_names_it),
		cmocka_unit_test(a_filter_that_cannot_be_had_is_an_error),
		cmocka_unit_test(names_and_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else /* as one says it in a build without libseccomp: test_isolation_without.c */

int main(void)
{
	puts("1..0 # skip built without libseccomp");
	return 0;
}

#endif

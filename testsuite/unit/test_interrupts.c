// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The processor that a device's interrupts come to, on machines that are made up.
 *
 * LDFLAGS: -Wl,--wrap=sched_getaffinity,--wrap=pread,--wrap=pwrite
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "vduse/process/interrupts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FD 1000
#define ALL_64 "ffffffff,ffffffff\n"

static struct {
	cpu_set_t allowed;
	long online;
	int denied, read_error;		/* errno of the two calls, or 0 */
	const char *mask;		/* as irq_cb_affinity is read */
	char written[1024];		/* empty: nothing was */
} it;

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	assert_int_equal(pid, 0);
	assert_int_equal(size, sizeof(*set));
	*set = it.allowed;
	errno = it.denied;
	return it.denied ? -1 : 0;
}

ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t size, off_t offset)
{
	size_t length = strlen(it.mask);

	assert_int_equal(fd, FD);
	assert_int_equal(offset, 0);
	assert_true(length <= size);
	memcpy(to, it.mask, length);
	errno = it.read_error;
	return it.read_error ? -1 : (ssize_t)length;
}

ssize_t __wrap_pwrite(int fd, const void *from, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *from, size_t size, off_t offset)
{
	assert_int_equal(fd, FD);
	assert_int_equal(offset, 0);
	assert_true(size < sizeof(it.written));
	memcpy(it.written, from, size);
	it.written[size] = '\0';
	return (ssize_t)size;
}

/* As many processors, all of which the process may use. */
static void machine(unsigned int processors)
{
	memset(&it, 0, sizeof(it));
	it.online = processors;
	for (unsigned int cpu = 0; cpu < processors; cpu++)
		CPU_SET(cpu, &it.allowed);
}

/* What is written to an irq_cb_affinity that says `mask`. */
static const char *settled(const char *mask, int cpu, unsigned int nth)
{
	it.mask = mask;
	it.written[0] = '\0';
	interrupts_settle(FD, cpu, nth, it.online);
	return it.written;
}

static void one_processor_is_left(void **state)
{
	(void)state;
	machine(2);
	assert_string_equal(settled("3\n", 0, 0), "1");
	assert_string_equal(settled("3\n", 1, 0), "2");
	machine(64);
	assert_string_equal(settled(ALL_64, 3, 0), "8");
	assert_string_equal(settled(ALL_64, 4, 0), "10");
	assert_string_equal(settled(ALL_64, 31, 0), "80000000");
	assert_string_equal(settled(ALL_64, 32, 0), "1,00000000");
	assert_string_equal(settled(ALL_64, 63, 0), "80000000,00000000");
}

static void every_processor_of_the_largest_machine(void **state)
{
	static char mask[CPU_SETSIZE / 4 + CPU_SETSIZE / 32 + 1];

	(void)state;
	machine(CPU_SETSIZE);
	for (size_t i = 0; i < sizeof(mask) - 1; i++)
		mask[i] = i % 9 == 8 ? ',' : 'f';
	mask[sizeof(mask) - 2] = '\n';
	assert_string_equal(settled(mask, 0, 0), "1");
	settled(mask, CPU_SETSIZE - 1, 0);
	assert_int_equal(strlen(it.written), sizeof(mask) - 2);
	assert_memory_equal(it.written, "80000000,00000000,", 18);
	assert_string_equal(settled(mask, CPU_SETSIZE - 1, 1), "1");
	assert_string_equal(settled(mask, CPU_SETSIZE, 0), "");
}

static void the_nth_after_it_goes_round_those_that_may_be_used(void **state)
{
	static const char *const masks[] = { "4", "10", "2" };

	(void)state;
	machine(6);
	CPU_CLR(0, &it.allowed);
	CPU_CLR(3, &it.allowed);
	CPU_CLR(5, &it.allowed);
	for (unsigned int nth = 0; nth < 3 * COUNT(masks); nth++)
		assert_string_equal(settled("3f\n", 2, nth), masks[nth % COUNT(masks)]);
}

/* A process that polls has its processor to itself, if there is another one. */
static void who_polls_is_not_interrupted(void **state)
{
	(void)state;
	machine(2);
	assert_string_equal(settled("3\n", 0, interrupts_nth(0, false)), "1");
	assert_string_equal(settled("3\n", 0, interrupts_nth(1, false)), "2");
	assert_string_equal(settled("3\n", 0, interrupts_nth(0, true)), "2");
	assert_string_equal(settled("3\n", 1, interrupts_nth(0, true)), "1");
	machine(1);
	assert_string_equal(settled("1\n", 0, interrupts_nth(0, true)), "1");
}

/* Upper case counts, too. */
static void masks_without_some_processor_stay(void **state)
{
	static const char *const less[] = { "1\n", "7\n", "8\n", "b\n", "e\n", "0,00000007\n", "0\n" };
	static const char *const all[] = { "f", "f\n", "F\n", "0000000f\n", "0,0000000f\n", "ff\n",
					   "1,00000007\n", "a,00000005\n", "9,00000006\n" };

	(void)state;
	machine(4);
	for (size_t i = 0; i < COUNT(less); i++)
		assert_string_equal(settled(less[i], 0, 0), "");
	for (size_t i = 0; i < COUNT(all); i++)
		assert_string_equal(settled(all[i], 0, 0), "1");
}

static void what_goes_wrong_is_ignored(void **state)
{
	(void)state;
	machine(2);
	assert_string_equal(settled("3\n", -1, 0), "");
	assert_string_equal(settled("", 0, 0), "");
	it.denied = EPERM;
	assert_string_equal(settled("3\n", 0, 0), "");
	it.denied = 0;
	it.read_error = EIO;
	assert_string_equal(settled("3\n", 0, 0), "");
	it.read_error = 0;
	/* nothing is read there: __wrap_pread() would object */
	interrupts_settle(-1, 0, 0, 1);
	assert_string_equal(it.written, "");
	assert_string_equal(settled("3\n", 0, 0), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_processor_is_left),
		cmocka_unit_test(every_processor_of_the_largest_machine),
		cmocka_unit_test(the_nth_after_it_goes_round_those_that_may_be_used),
		cmocka_unit_test(who_polls_is_not_interrupted),
		cmocka_unit_test(masks_without_some_processor_stay),
		cmocka_unit_test(what_goes_wrong_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

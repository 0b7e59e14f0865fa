// SPDX-License-Identifier: GPL-2.0-or-later
/* lib/cpus: lists of processors in, the kernel's masks out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cpus.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct cpus cpus, machine;
static char text[CPUS_MASK_SIZE];

static void lists_become_masks(void **state)
{
	static const struct {
		const char *list, *mask;
	} rows[] = {
		{ "0", "1" }, { "1", "2" }, { "0-1", "3" }, { "0,1", "3" }, { "3-3", "8" },
		{ "0-3,8", "10f" }, { "8,0-3,2", "10f" }, { "31", "80000000" },
		{ "32", "1,00000000" }, { "30-33", "3,c0000000" }, { "007", "80" },
		{ "0,64", "1,00000000,00000001" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		assert_int_equal(cpus_parse(rows[i].list, &cpus), 0);
		assert_string_equal(cpus_mask(&cpus, text), rows[i].mask);
	}
}

static void other_texts_are_no_lists(void **state)
{
	static const char *const rows[] = {
		"", ",", "0,", ",0", "0,,1", "-", "-1", "1-", "2-1", "0 ", " 0", "0-1-2", "0x1",
		"a", "0-a", "+1", "all", "0-1:2", "0\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++)
		assert_int_equal(cpus_parse(rows[i], &cpus), -EINVAL);
	assert_int_equal(cpus_parse("8192", &cpus), -ERANGE);
	assert_int_equal(cpus_parse("0-99999999999999999999", &cpus), -ERANGE);
}

static void the_longest_mask(void **state)
{
	(void)state;
	assert_int_equal(cpus_parse("8191", &cpus), 0);
	cpus_mask(&cpus, text);
	assert_int_equal(strlen(text), CPUS_MASK_SIZE - 1);
	assert_memory_equal(text, "80000000,00000000,", 18);
}

static void foreign_ones(void **state)
{
	(void)state;
	assert_int_equal(cpus_parse("0-3", &machine), 0);
	assert_int_equal(cpus_parse("1,3", &cpus), 0);
	assert_int_equal(cpus_foreign(&cpus, &machine), -1);
	assert_int_equal(cpus_parse("2-70", &cpus), 0);
	assert_int_equal(cpus_foreign(&cpus, &machine), 4);
	assert_int_equal(cpus_parse("8191", &cpus), 0);
	assert_int_equal(cpus_foreign(&cpus, &machine), 8191);
}

static void the_empty_set(void **state)
{
	(void)state;
	memset(&cpus, 0, sizeof(cpus));
	assert_string_equal(cpus_mask(&cpus, text), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_become_masks),
		cmocka_unit_test(other_texts_are_no_lists),
		cmocka_unit_test(the_longest_mask),
		cmocka_unit_test(foreign_ones),
		cmocka_unit_test(the_empty_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* vduse/patience and call_patience(): what those who do not answer may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/command.h"
#include "vduse/patience.h"

static void the_only_one_has_all(void **state)
{
	const struct patience patience = patience_begin(100000, 1);

	(void)state;
	assert_in_range(patience_share(&patience, NULL), 90000, 100000);
}

static void of_several_each_has_a_quarter(void **state)
{
	struct patience patience = patience_begin(100000, 2);
	int i, share, sum = 0;

	(void)state;
	/* ten that take all they get leave the eleventh a good deal */
	for (i = 0; i < 10; i++) {
		share = patience_share(&patience, NULL);
		patience.end -= share;
		sum += share;
	}
	assert_in_range(sum, 85000, 100000);
	assert_in_range(patience_share(&patience, NULL), 1000, 2000);
}

static void who_is_stopped_has_none(void **state)
{
	const struct patience patience = patience_begin(100000, 1);
	struct holder holder = { .pid = 1, .state = 'S' };

	(void)state;
	assert_in_range(patience_share(&patience, &holder), 90000, 100000);
	holder.state = 'T';
	assert_int_equal(patience_share(&patience, &holder), 0);
	holder.state = 't';	/* by a debugger */
	assert_int_equal(patience_share(&patience, &holder), 0);
}

static void it_ends(void **state)
{
	const struct patience patience = { .end = clock_ms() - 1, .alone = true };

	(void)state;
	assert_int_equal(patience_share(&patience, NULL), 0);
}

/* The time-out of the command stays longer than its patience. */
static void within_the_time_out(void **state)
{
	struct cli_options options = { .timeout_given = false, .timeout = 1 };
	const struct call call = { .options = &options };

	(void)state;
	assert_int_equal(call_patience(&call, 2000), 2000);
	options.timeout_given = true;
	assert_int_equal(call_patience(&call, 2000), 500);
	options.timeout = 86400;
	assert_int_equal(call_patience(&call, 2000), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_only_one_has_all),
		cmocka_unit_test(of_several_each_has_a_quarter),
		cmocka_unit_test(who_is_stopped_has_none),
		cmocka_unit_test(it_ends),
		cmocka_unit_test(within_the_time_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/patience.h"

#include "lib/clock.h"

struct patience patience_begin(int milliseconds, size_t count)
{
	return (struct patience){ .end = clock_ms() + milliseconds, .alone = count < 2 };
}

int patience_share(const struct patience *patience, const struct holder *holder)
{
	int64_t left = patience->end - clock_ms();

	/* by a signal, or by a debugger (proc_pid_stat(5)) */
	if (left <= 0 || (holder && (holder->state == 'T' || holder->state == 't')))
		return 0;
	return (int)(patience->alone ? left : left / 4);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/clock.h"

#include <stdio.h>
#include <string.h>

int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void clock_text(const struct tm *time, const struct timespec *when, char text[CLOCK_TEXT])
{
	size_t length = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", time);

	snprintf(text + length, CLOCK_TEXT - length, ".%06ld", when->tv_nsec / 1000);
}

void clock_utc_text(const struct timespec *when, char text[CLOCK_TEXT])
{
	struct tm time = { 0 };

	gmtime_r(&when->tv_sec, &time);
	clock_text(&time, when, text);
	strcat(text, "Z");
}

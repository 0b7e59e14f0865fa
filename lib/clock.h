/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VT_LIB_CLOCK_H
#define VT_LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_TEXT 64

/* Milliseconds since some moment; they only go forward (CLOCK_MONOTONIC). */
int64_t clock_ms(void);

/* A moment in universal time, with microseconds: "2026-11-22T05:04:22.145254Z". */
void clock_utc_text(const struct timespec *when, char text[CLOCK_TEXT]);

/* The same of @time, of which @when has the microseconds, without a letter at its end. */
void clock_text(const struct tm *time, const struct timespec *when, char text[CLOCK_TEXT]);

#endif

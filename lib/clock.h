/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VT_LIB_CLOCK_H
#define VT_LIB_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment; they only go forward (CLOCK_MONOTONIC). */
int64_t clock_ms(void);

#endif

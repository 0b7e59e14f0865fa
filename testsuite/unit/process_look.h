/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of processes look at. */
#ifndef VT_UNIT_PROCESS_LOOK_H
#define VT_UNIT_PROCESS_LOOK_H

/* A clock that only goes forward. */
double seconds_now(void);

/* How many descriptors below 256 this process has. */
int open_descriptors(void);

#endif

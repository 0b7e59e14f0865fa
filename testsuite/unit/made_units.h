/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made-up machine for tests of "vduse apply": devices with what was written down of them, and
 * the ways up and down as what they come to. The wraps of made_units.c take the place of what
 * would ask a kernel; a test that links them names each (LDFLAGS of test_apply.c).
 */
#ifndef VT_UNIT_MADE_UNITS_H
#define VT_UNIT_MADE_UNITS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MADE_UNITS 8

struct made_unit {
	char name[20];
	bool there;
	char *text;		/* what was written down; NULL: nothing */
	bool served;
	pid_t pid;		/* of who serves it */
	char driver[20];	/* "" where it is not attached */
	uint32_t msg_timeout;
	bool link_down;
	bool broken;
	bool foreign;		/* another program serves it */
	bool used;		/* somebody has its node open */
	bool hung;		/* its server does not answer */
};

extern struct made_unit made_units[MADE_UNITS];

/* What fails, and how often something was changed. */
extern struct made_failures {
	const char *up;		/* bringing up a unit with this in its words */
	const char *end;	/* ending this device, half-way */
	const char *timeout;	/* setting msg_timeout of this device */
	const char *link;	/* asking this device's server for a link */
	const char *write;	/* writing down the words of this device */
	const char *object;	/* what failures are about, instead of the device */
	unsigned int changes;
	unsigned int kill;	/* what there is before this change is kept; 0: none */
	unsigned int locks;	/* that are held */
} made_failures;

/* The device called @name, made if it is not there. */
struct made_unit *made_unit(const char *name);
void made_units_free(void);
/* Make the machine what it was before the change made_failures.kill, as if the command had been
 * killed there, without a chance to put anything back. False where there were fewer. */
bool made_units_killed(void);

#endif

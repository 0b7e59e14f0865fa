/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel and the records, played for vduse/lifecycle: each step is written down, one
 * may fail, and a signal may come during one. The test that uses it links with --wrap
 * for each of the functions that lifecycle_stage.c defines.
 */
#ifndef VT_UNIT_LIFECYCLE_STAGE_H
#define VT_UNIT_LIFECYCLE_STAGE_H

struct lifecycle_stage {
	char calls[512];	/* "open create set:bounce_size ..." */
	const char *fails;	/* the step that does not succeed, or NULL */
	int error;
	const char *also_fails;
	const char *signalled;	/* the step during which a signal comes, or NULL */
	int signal;
	int in_use;		/* looks of in_use_check() until it says yes; 0: never */
};

extern struct lifecycle_stage stage;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What "vduse up" is asked for: one device, or two that are connected. It is written beside
 * the records (/run/vduse/NAME.up, of a pair one for each, alike) before anything is made, so
 * that whoever comes next knows what belongs together, and what was asked for, however far
 * the command came. Such a file is read with the checks of a record (lib/registry.h); it says
 * nothing about what there is now.
 */
#ifndef VDUSE_UNIT_H
#define VDUSE_UNIT_H

#include <stdbool.h>

#include "lib/error.h"
#include "lib/parse.h"
#include "vduse/lifecycle.h"
#include "vduse/serving.h"

#define UNIT_DEVICES SERVE_DEVICES

struct unit {
	unsigned int count;	/* 1 or 2 */
	const char *names[UNIT_DEVICES];
	struct create_request requests[UNIT_DEVICES];
	const char *driver;	/* bus driver */
	uint16_t queue_size;
	uint64_t poll_usecs;	/* 0: none */
	bool umem;
	const char *user;	/* NULL: none */
	const char *pcap;	/* from the root on; NULL: none */
	enum serving_isolation isolation;
};

/* The text of the file for @unit; NULL when memory is short or the boot cannot be told. The
 * caller frees it. */
char *unit_format(const struct unit *unit);

/* Names of the devices that a file is about. */
struct unit_names {
	unsigned int count;
	char names[UNIT_DEVICES][DEVICE_NAME_MAX + 1];
};

/* Which devices is @text, of @length bytes, about? 0; -ESTALE for one of an earlier boot;
 * -EBADMSG for what unit_format() could not have written. */
int unit_parse(const char *text, size_t length, struct unit_names *names);

/*
 * The first word in which two files, each one that unit_parse() takes, differ, as
 * "mtu 1400, not mtu 1500" for @was and @now; cut to @size. false where none does.
 */
bool unit_differ(const char *was, const char *now, char *difference, size_t size);

/*
 * The file of the device called @name: the text (the caller frees it) with @names filled;
 * NULL where there is none that can be used and is about @name. *@unusable (may be NULL) says
 * whether there is a file nevertheless. Of a pair, the words are those in the file of the one
 * that is named first, where that is about both: it is written first.
 */
char *unit_read(const char *name, struct unit_names *names, bool *unusable);

/* Is there a file of @name that says nothing, because unit_format() did not make it, or in an
 * earlier boot? Does the file of each of @names say @text? */
bool unit_is_unusable(const char *name);
bool unit_is_written(const struct unit_names *names, const char *text);

/* Is there a device of one of @names? */
bool unit_is_there(const struct unit_names *names);

/* Write @text for each of @names, and remove their files. 0, or negative with @failure. */
int unit_write(const struct unit_names *names, const char *text, struct failure *failure);
int unit_remove(const struct unit_names *names, struct failure *failure);

/*
 * Which devices belong with @name: those of its file, if the other's file is the same; those
 * that the same process of ours serves; and @name, which is the first.
 */
void unit_members(const char *name, struct unit_names *names);

#endif

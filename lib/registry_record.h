/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One record of /run/vduse as text: what a device was created as, and which device
 * that was. Pure: text in, structure out, and back. What is read is checked like
 * hostile input; a record that "vduse create" could not have written is refused.
 */
#ifndef VT_LIB_REGISTRY_RECORD_H
#define VT_LIB_REGISTRY_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/vduse_definition.h"

/* Of the file's form: raised when a reader of the old form would misunderstand it. */
#define REGISTRY_VERSION 1

/* The longest record that is read, in bytes; the longest written is far shorter. */
#define REGISTRY_RECORD_MAX 16384

/*
 * Which device a record is about. Names and minor numbers are used again, the number
 * of a sysfs folder is not while the machine runs (kernfs gives it with a generation).
 */
struct device_identity {
	char boot[40];		/* /proc/sys/kernel/random/boot_id */
	uint32_t major, minor;	/* of the node */
	uint64_t folder;	/* inode of the device's folder in sysfs */
};

struct registry_record {
	struct vduse_definition definition;
	struct device_identity identity;
};

/* Are they the same device of the same boot? */
bool device_identity_equal(const struct device_identity *a, const struct device_identity *b);

/* @record as one line of JSON; NULL when memory is short. The caller frees it. */
char *registry_record_format(const struct registry_record *record);

/*
 * Understand @length bytes at @text. 0, or -EBADMSG with *@reason, a static sentence
 * that goes on from "the record FILE is not used: ".
 */
int registry_record_parse(const char *text, size_t length, struct registry_record *record,
			  const char **reason);

/*
 * The name of the file that holds the record of the device @name: the name itself, or
 * for one of more than 64 bytes '+' and a hash of it (no device that we create begins
 * with '+'), then ".json". @file holds REGISTRY_FILE_MAX bytes.
 */
#define REGISTRY_FILE_MAX 80
void registry_file_name(const char *name, char file[REGISTRY_FILE_MAX]);

/* The same for the control socket of who serves it (lib/control_socket.h): ".sock". */
void registry_socket_name(const char *name, char file[REGISTRY_FILE_MAX]);

/* The same for what "vduse up" was told to make of it (vduse/unit.h): ".up". */
void registry_unit_name(const char *name, char file[REGISTRY_FILE_MAX]);
/* The same for how far its service has come (vduse/journal_file.h): ".journal". */
void registry_journal_name(const char *name, char file[REGISTRY_FILE_MAX]);

#endif

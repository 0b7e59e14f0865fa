/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that "vduse apply" reads: devices, each with the words of "vduse up" as keys.
 *
 *	{ "version": 1, "devices": [
 *		{ "name": "lo0", "mtu": 1400, "driver": "vhost_vdpa" },
 *		{ "name": "a", "umem": true, "link": "down", "peer": { "name": "b" } },
 *		{ "name": "old", "state": "absent" } ] }
 *
 * There is no second grammar: a device becomes a command line of "vduse up", which the table
 * of that verb understands, and is then what "vduse up" makes of it. The value of a word is a
 * string, of a number a number, of a word without a value true or false. Only "name",
 * "state", "link" (a word of "vduse set") and the object "peer" are the file's own.
 */
#ifndef VDUSE_APPLY_FILE_H
#define VDUSE_APPLY_FILE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"
#include "vduse/unit.h"

#define APPLY_VERSION 1
#define APPLY_FILE_MAX (1024 * 1024)	/* bytes */
#define APPLY_DEVICES_MAX 1000		/* entries */

enum apply_link {
	APPLY_LINK_ANY,		/* it was not said: it stays as it is */
	APPLY_LINK_UP,
	APPLY_LINK_DOWN,
};

/* An entry of the list: a device, or a pair. */
struct apply_entry {
	bool absent;			/* it is not to be there; only names count */
	struct unit_names names;
	struct unit unit;		/* its texts are the file's */
	char *text;			/* unit_format() */
	char *pcap;			/* of the unit; or NULL */
	enum apply_link link[UNIT_DEVICES];
};

struct apply_file {
	json_object *root;
	struct apply_entry *entries;
	size_t count;
};

/*
 * Read @path ("-" is standard input) whole. 0, freed by apply_file_free(), or negative with
 * @failure: status 2 for anything that is wrong in it, with the place; what opening and
 * reading gave otherwise.
 */
int apply_file_read(const char *path, struct apply_file *file, struct failure *failure);

/* The same of @length bytes at @text, which is from a file called @path. */
int apply_file_parse(const char *path, const char *text, size_t length, struct apply_file *file,
		     struct failure *failure);
void apply_file_free(struct apply_file *file);

/*
 * Understand the JSON object @object as entry @index (apply_entry.c). 0, with what
 * apply_file_free() frees, or negative with @failure (status 2; @path is the file's name).
 */
int apply_entry_read(const char *path, size_t index, json_object *object,
		     struct apply_entry *entry, struct failure *failure);

/* Is a device called @name in one of its entries? NULL where it is not. */
const struct apply_entry *apply_file_find(const struct apply_file *file, const char *name);

#endif

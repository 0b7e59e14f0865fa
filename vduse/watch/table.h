/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the reader of a monitor was told is there: devices by name, each a VDUSE device, a
 * vDPA device or both. The differences between this and a fresh listing are what the
 * reader does not know.
 */
#ifndef VDUSE_WATCH_TABLE_H
#define VDUSE_WATCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/holders.h"
#include "lib/vdpa_attached.h"

/* A node, and who has it open. */
struct opened {
	bool open;
	struct holder holder;	/* pid 0: nobody knows */
};

/* What is still owed about a device. */
enum owed {
	OWED_NOTHING,
	OWED_BIND,	/* bound, but what came of it is not known yet */
	OWED_LEAVE,	/* the interface is gone, and it is not known why */
};

struct device {
	struct device *next;
	char name[SYSFS_NAME_SIZE];
	struct {
		bool exists;
		bool listed;	/* found by a listing: its uevent may still come */
		struct opened opened;
	} vduse;
	struct {
		bool exists;
		bool listed;
		bool bound;	/* and told */
		char *path;	/* below /sys; NULL where unknown */
		struct vdpa_attached attached;
		bool up;	/* the interface passes data */
		struct opened opened;	/* the vhost-vdpa node */
		int node_watch;	/* of inotify; -1: none */
		enum owed owed;
		int64_t due;	/* clock_ms() at which what is owed is told as it is */
	} vdpa;
};

#define TABLE_SLOTS 1024

struct table {
	struct device *slots[TABLE_SLOTS];
	size_t count;
};

/* A table whose bytes are zero is empty. */
void table_free(struct table *table);

/* The device called @name, or NULL. */
struct device *table_find(const struct table *table, const char *name);

/* The same; made where there is none. NULL when memory is short, or where no device can
 * have the name. */
struct device *table_get(struct table *table, const char *name);

/* Forget it where nothing of it exists; the pointer is not valid then. */
void table_settle(struct table *table, struct device *device);

/* The one behind @device, the first for NULL; NULL at the end. In no particular order; the
 * table must not change meanwhile. */
struct device *table_next(const struct table *table, const struct device *device);

/* All of them, by name (lo2 before lo10), and NULL behind the last. The caller frees the
 * array; NULL when memory is short. */
struct device **table_sorted(const struct table *table);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A made /sys, /proc and /dev below a temporary folder: what a kernel with vDPA
 * devices shows, for lib/sysfs.h. Device nodes are links to /dev/null and /dev/zero
 * (1:3 and 1:5), so that no privilege is needed.
 */
#ifndef VT_UNIT_VDPA_TREE_H
#define VT_UNIT_VDPA_TREE_H

#include "lib/sysfs.h"

struct tree {
	char root[64];
	struct sysfs fs;	/* that of the root */
};

void tree_make(struct tree *tree);
void tree_remove(struct tree *tree);

/* Paths are formats without the leading slash; folders in between are made. A failure
 * ends the program. */
void tree_file(struct tree *tree, const char *contents, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void tree_link(struct tree *tree, const char *target, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void tree_folder(struct tree *tree, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Remove a file, a link or a folder with all that is in it; none is all right. */
void tree_delete(struct tree *tree, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The bus with @driver loaded (NULL: just the bus). */
void tree_driver(struct tree *tree, const char *driver);

/* A device on the bus, without driver. */
void tree_device(struct tree *tree, const char *device);

/* What virtio_vdpa makes of it: virtioN, with driver (NULL: none), status and, for
 * virtio_net and virtio_blk, eth0 (index 4) or vda (254:16). */
void tree_virtio(struct tree *tree, const char *device, int number, const char *driver,
		 unsigned int status);

/* What vhost_vdpa makes of it: vhost-vdpa-N, 1:3; its node too with @node. */
void tree_vhost(struct tree *tree, const char *device, int number, bool node);

/* Take the driver of the device, and what it made, away. */
void tree_unbind(struct tree *tree, const char *device);

/* A VDUSE device, its node 1:5, on the bus with @attached. */
void tree_vduse(struct tree *tree, const char *device, bool attached);

/* The record that "vduse create" would have made of it, a net or a block device. */
void tree_record(struct tree *tree, const char *device, unsigned int type);

/* A process in @state that has @node ("/dev/null") open (NULL: nothing). */
void tree_process(struct tree *tree, int pid, const char *command, char state, int parent,
		  const char *node);

#endif

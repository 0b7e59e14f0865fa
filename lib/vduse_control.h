/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /dev/vduse/control and the nodes beside it: the calls that make, end and open VDUSE
 * devices, each errno turned into a sentence. Source: <linux/vduse.h> and
 * drivers/vdpa/vdpa_user/vduse_dev.c of Linux 6.12.
 */
#ifndef VT_LIB_VDUSE_CONTROL_H
#define VT_LIB_VDUSE_CONTROL_H

#include <stdbool.h>

#include "lib/error.h"
#include "lib/vduse_definition.h"

/*
 * Open the control node and agree on a version of the interface, 1 or 0: without that word
 * kernels from 7.0 on speak the newest they know. Returns a descriptor (O_CLOEXEC; the
 * caller closes it), or negative with @failure: status 7 without the kernel module, 4
 * without the privilege.
 */
int vduse_control_open(struct failure *failure);

/* CREATE_DEV. @definition has been checked (vduse_definition_check()). 0, or negative
 * with @failure: status 5 where the name is taken, 4 without CAP_NET_ADMIN. */
int vduse_control_create(int control, const struct vduse_definition *definition,
			 struct failure *failure);

/*
 * DESTROY_DEV of the device called @name (1 to 255 bytes, a slash where it has one). 0,
 * or negative with @failure: status 3 where there is none, 5 while it is attached or
 * its node is open.
 */
int vduse_control_destroy(int control, const char *name, struct failure *failure);

/*
 * Open the node of the device @name for serving it: O_RDWR, O_NONBLOCK, O_CLOEXEC; the
 * caller closes it. A name that the kernel's own entries have ("control", "..") is no
 * device. Or negative with @failure: status 3 where there is none, 5 while another
 * process has it open (which one: lib/holders.h), 4 without the privilege.
 */
int vduse_node_open(const char *name, struct failure *failure);

/*
 * Has the kernel broken the device @name for good, as a message was not answered within its
 * msg_timeout? Only an open node tells, with EPERM for every ioctl (vduse_dev_ioctl() in
 * vduse_dev.c), and one process at a time has it open: to be asked where nobody serves it.
 * 1, 0, or negative errno where that cannot be known.
 */
int vduse_node_is_broken(const char *name);

/*
 * The sentences, apart from the calls. Each fills @failure for a positive @errnum and
 * returns -@errnum. @loaded: /sys/class/vduse is there.
 */
int vduse_explain_control(int errnum, bool loaded, struct failure *failure);
int vduse_explain_create(int errnum, const struct vduse_definition *definition,
			 struct failure *failure);
int vduse_explain_destroy(int errnum, const char *name, struct failure *failure);
int vduse_explain_node(int errnum, const char *name, bool loaded, struct failure *failure);

/* The kernel has broken the device @name: status 1, the way out. Returns -EPIPE. */
int vduse_explain_broken(const char *name, struct failure *failure);

/* There is no VDUSE in the kernel: status 7, how to load it. Returns -ENODEV. */
int vduse_explain_missing(struct failure *failure);

#endif

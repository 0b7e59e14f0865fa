/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that serves a device, in a record. */
#ifndef VDUSE_SERVER_H
#define VDUSE_SERVER_H

#include "lib/holders.h"
#include "lib/output.h"

/* The fields "pid", "supervisor" where that is not 0, and "command" of @holder, in JSON as the
 * object "process"; nothing where it is NULL or its pid is 0. */
void server_put(struct output *out, const struct holder *holder, pid_t supervisor);

/* @holder has the node of @name open. Where that is a worker of ours, or its supervisor for the
 * moment in which it hands the node over, make it the supervisor. */
void server_name_owner(const char *name, struct holder *holder);

/*
 * @holder, of ours, has a node open. The process that ends with the service, where that one looks
 * at other mounts than we do, so that its /run is not ours; 0 where it does not, or that cannot be
 * known.
 */
pid_t server_elsewhere(const struct sysfs *fs, const struct holder *holder);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up what serving does not need. */
#ifndef VDUSE_PROCESS_PRIVILEGE_H
#define VDUSE_PROCESS_PRIVILEGE_H

#include <sys/types.h>

#include "lib/error.h"

/* The numbers of @user and of its first group, from the user database (getpwnam(3)). 0, or
 * negative with @failure (status 2): there is no such user. */
int privilege_find_user(const char *user, uid_t *uid, gid_t *gid, struct failure *failure);

/*
 * Become @user for good: its groups, all three user ids, no capability, and no way to get
 * any back by running something (no_new_privs). 0, or negative with @failure; the process
 * must not go on then, for part of it may be done.
 */
int privilege_drop(const char *user, struct failure *failure);

#endif

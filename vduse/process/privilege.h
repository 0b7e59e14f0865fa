/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up what serving does not need. */
#ifndef VDUSE_PROCESS_PRIVILEGE_H
#define VDUSE_PROCESS_PRIVILEGE_H

#include "lib/error.h"

/*
 * Become @user for good: its groups, all three user ids, no capability, and no way to get
 * any back by running something (no_new_privs). 0, or negative with @failure; the process
 * must not go on then, for part of it may be done.
 */
int privilege_drop(const char *user, struct failure *failure);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of a session's driver: regions are mapped when they are first needed and
 * unmapped when the map lets go of them.
 *
 * A mapped page can turn out not to be there: the file of a vhost client can be truncated
 * after we mapped it, and pages of the bounce region that the kernel never used do not
 * exist (SIGBUS on touch, seen on 6.12). session_memory_guard() makes that survivable:
 * an empty page is put where the missing one should be, and the access goes on with
 * zeroes. The virtqueue engine copies before it checks, so it can stand any content.
 */
#ifndef VDUSE_DEVICE_SESSION_MEMORY_H
#define VDUSE_DEVICE_SESSION_MEMORY_H

#include "vduse/device/session.h"

/* Make the empty map of @session, and unmap everything at its end. */
void session_memory_open(struct session *session);
void session_memory_close(struct session *session);

/*
 * Survive missing pages of @session's memory from now on; called again after a fork is
 * not needed. At most SESSION_GUARDS sessions in a process: -ENOSPC beyond. The end of
 * the session takes the guard away.
 */
#define SESSION_GUARDS 64
int session_memory_guard(struct session *session);

/* Pages that were missing so far. */
uint64_t session_memory_missing(void);

#endif

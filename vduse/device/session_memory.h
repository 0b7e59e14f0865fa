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
 *
 * Memory of our own (session_bring_memory()) takes the place of the bounce region's file.
 * The kernel takes it only while the region is in use, that is after the driver's first
 * mapping, so it is brought when an address of the region is first needed; the pages in use
 * are copied then (vduse_domain_add_user_bounce_pages() in iova_domain.c). A reset empties
 * the region and leaves the registration, so neither a reset nor another bus driver costs
 * it anew. The end gives it back, and so does the kernel when the process dies
 * (vduse_dev_release()): either way what is in use is copied back, and no frame is lost.
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
#define SESSION_GUARDS 1024
int session_memory_guard(struct session *session);

/* Pages that were missing so far. */
uint64_t session_memory_missing(void);

#endif

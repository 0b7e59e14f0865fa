/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One at a time: locks of those who add, bind, unbind and delete vDPA devices.
 *
 * The kernel orders single steps. A bind is several of them, with looks at what came of
 * each, and a driver that fails is taken off again: without a lock, that would be the
 * driver that somebody else has just bound. The locks are those of fcntl(2), on bytes of
 * files in REGISTRY_FOLDER; they end with their process, and nothing is left of them.
 */
#ifndef VT_LIB_VDPA_LOCK_H
#define VT_LIB_VDPA_LOCK_H

#include <signal.h>
#include <sys/types.h>

#include "lib/error.h"
#include "lib/sysfs.h"

/* How long to wait for another process's lock. */
#define VDPA_LOCK_MS 5000

/* Open the file @name in REGISTRY_FOLDER below the root of @fs; both are made where they
 * are missing. Returns a descriptor, which the caller closes, or negative with @failure. */
int vdpa_lock_open(const struct sysfs *fs, const char *name, struct failure *failure);

/*
 * Lock the byte at @offset of @file, F_RDLCK or F_WRLCK. 0; -EBUSY after waiting
 * VDPA_LOCK_MS, with the process that has it in *@holder, 0 where that has just ended; or
 * another negative errno. Closing any descriptor of the file lets all its locks go.
 */
int vdpa_lock_byte(int file, short type, off_t offset, pid_t *holder);

/*
 * Lock the device @name, which need not exist. Returns what vdpa_lock_end() takes: a
 * descriptor; negative, -1, where there can be no lock (no privilege, /run read-only),
 * which is no failure; or -EBUSY with @failure, where the caller gives up: it says who
 * has the lock, and which device process that one waits for, if it does.
 */
int vdpa_lock_device(const struct sysfs *fs, const char *name, struct failure *failure);
void vdpa_lock_end(int lock);

/*
 * Hold SIGHUP, SIGINT, SIGQUIT and SIGTERM back, so that only SIGKILL ends this process
 * between two steps that belong together; and let them through again, as they were.
 */
void signals_hold(sigset_t *before);
void signals_release(const sigset_t *before);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of devices in files: a folder (/run/vduse, 0755, root's), a file a device
 * (0644), a lock.
 *
 * A record is written whole: to a temporary file that is then renamed. Whoever creates
 * or destroys a device holds the lock from before the kernel's part until the record is
 * written or gone, so that a record is never that of the device before or after. A
 * record that is not what these tools write, or that belongs to another device of the
 * same name, is not believed.
 */
#ifndef VT_LIB_REGISTRY_H
#define VT_LIB_REGISTRY_H

#include <stdbool.h>

#include "lib/error.h"
#include "lib/registry_record.h"

#define REGISTRY_FOLDER "/run/vduse"

/* How long to wait for another process that creates or destroys a device. */
#define REGISTRY_LOCK_MS 5000

/*
 * Open the folder @path, and make it (0755) with @create where it is missing. It is
 * refused when it is a symbolic link, not root's or our own, or when others may write
 * into it. Returns a descriptor (O_CLOEXEC; the caller closes it), or negative with
 * @failure; -ENOENT where it is missing and @create is false.
 */
int registry_open(const char *path, bool create, struct failure *failure);

/*
 * Take the lock of the folder @registry, waiting at most @milliseconds for another
 * process. Returns a descriptor that holds the lock until it is closed by
 * registry_unlock(), or negative with @failure (-EBUSY, status 5, after the wait, with
 * the other's process id). The lock belongs to the process: one at a time.
 */
int registry_lock(int registry, int milliseconds, struct failure *failure);
void registry_unlock(int lock);

/* Write @record, in place of one of the same name; the lock must be held. 0, or
 * negative with @failure, nothing left behind. */
int registry_write(int registry, const struct registry_record *record,
		   struct failure *failure);

/* Remove the record of the device @name, and the journal of its service; the lock must be
 * held. 0 also where there is none, or negative with @failure. */
int registry_remove(int registry, const char *name, struct failure *failure);

/*
 * Read the record of the device @name into @record. 0; -ENOENT where there is none;
 * -ESTALE where it belongs to an earlier device, that is, @identity (NULL: not
 * checked) is another; or negative with @failure where the file cannot be used:
 * -EBADMSG for one that is corrupt, cut short, of another version or of another
 * device, -ELOOP for a symbolic link, -EPERM for one that someone else could have
 * written, or what opening or reading it gave. @failure is filled in each case.
 */
int registry_read(int registry, const char *name, const struct device_identity *identity,
		  struct registry_record *record, struct failure *failure);

/*
 * The same for another file of the folder, @file: written whole, under the lock, 0 or
 * negative errno; read where only root or we could have written it: the length of @text,
 * which is not terminated and longer than REGISTRY_RECORD_MAX where the file is, or
 * negative errno with *@reason.
 */
int registry_write_file(int registry, const char *file, const char *text);
int registry_read_file(int registry, const char *file, char text[REGISTRY_RECORD_MAX + 1],
		       const char **reason);

#endif

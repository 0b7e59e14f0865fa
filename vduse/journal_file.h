/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journals of a service (vduse/device/journal.h) in files: /run/vduse/NAME.journal for each
 * of its devices.
 *
 * The first device's file has it all: a page that says whose it is, and behind it the journals
 * of both. The second one's has that page alone. A page names the device, by its folder in
 * sysfs as records do (lib/registry_record.h), and the service by a number drawn at random:
 * only when the pages of all devices have the same number, the journals belong together. So
 * whoever serves one of two devices alone, or the other way round, begins anew, and what was
 * left by the two of them is worth nothing any more.
 *
 * What is read is checked like hostile input: a file of another kind, owner, size or version,
 * or that others may write, is put aside for a new one. What lies behind the page is for those
 * to check who use it.
 *
 * A file is also a lock: the process that serves holds one on its first byte, and so anyone can
 * ask the kernel which one that is (F_GETLK), also in the moments in which nobody has the node
 * open.
 */
#ifndef VDUSE_JOURNAL_FILE_H
#define VDUSE_JOURNAL_FILE_H

#include <sys/types.h>

#include "lib/error.h"

/*
 * Find the journals of the devices @names (@count of them: 1 or 2), or make them: zeroes. The
 * devices must be there. @fds are filled with @count descriptors, closed by the caller, and
 * none of them before the end of the service, for the locks end then as well. The first one has
 * two struct journal_port at JOURNAL_OFFSET. 0, or negative with @failure and nothing open:
 * -EBUSY, status 5, where another process serves one of them.
 */
int journal_open(const char *const names[], unsigned int count, int fds[2],
		 struct failure *failure);

/* Such a descriptor, of memory alone, for a service that cannot be gone on with; or negative
 * errno. */
int journal_in_memory(void);

/* The process that serves @name, as the lock tells, or 0. */
pid_t journal_owner(const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /sys/bus/vdpa/drivers_autoprobe, which belongs to the whole machine.
 *
 * To attach a device to a driver of our choice, without an interface that comes and
 * goes, autoprobe is off while the device is added, or while a bus driver's module is
 * loaded. Meanwhile nobody else's add would be attached. So whoever turns it off
 * holds a write lock on a file, in which the former value stands; whoever only adds
 * holds a read lock. The locks end with their process. A value that is found in the
 * file by someone who has got a lock was left by a process that was killed: it is put
 * back at once.
 */
#ifndef VT_LIB_VDPA_AUTOPROBE_H
#define VT_LIB_VDPA_AUTOPROBE_H

#include <signal.h>
#include <stdbool.h>

#include "lib/error.h"
#include "lib/sysfs.h"

struct vdpa_autoprobe {
	const struct sysfs *fs;
	int file;			/* negative: without lock */
	bool exclusive;			/* the write lock: signals are held back */
	sigset_t signals;		/* as they were */
};

/*
 * Take the read lock (in REGISTRY_FOLDER below the root of @fs), for an add by whatever
 * driver there is. Where the folder or the file cannot be had, there is no lock and no
 * complaint. 0, or -EBUSY with @failure after waiting VDPA_LOCK_MS (lib/vdpa_lock.h).
 * vdpa_autoprobe_end() is due after success.
 */
int vdpa_autoprobe_share(const struct sysfs *fs, struct vdpa_autoprobe *autoprobe,
			 struct failure *failure);

/*
 * Take the write lock and turn autoprobe off. Until vdpa_autoprobe_end() SIGHUP,
 * SIGINT, SIGQUIT and SIGTERM are held back, so that only SIGKILL leaves it off. 0,
 * or negative with @failure.
 */
int vdpa_autoprobe_off(const struct sysfs *fs, struct vdpa_autoprobe *autoprobe,
		       struct failure *failure);

/*
 * Put back what a process that was killed left, if one did and nobody holds the lock.
 * For every command to begin and to end with: it costs a look at a file. What cannot be
 * done stays for the next one.
 */
void vdpa_autoprobe_repair(const struct sysfs *fs);

/* Put the former value back, let the lock go and the signals through. */
void vdpa_autoprobe_end(struct vdpa_autoprobe *autoprobe);

#endif

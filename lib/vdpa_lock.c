// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/registry.h"
#include "lib/vdpa_blocked.h"
#include "lib/vduse_definition.h"

/* No device can have this name: that of a record does not begin with a full stop. */
#define DEVICES_FILE ".vdpa"
#define POLL_MS 20

int vdpa_lock_open(const struct sysfs *fs, const char *name, struct failure *failure)
{
	char folder[SYSFS_PATH_MAX];
	int file, registry;

	snprintf(folder, sizeof(folder), "%s" REGISTRY_FOLDER, fs->root);
	registry = registry_open(folder, true, failure);
	if (registry < 0)
		return registry;
	file = openat(registry, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0)
		file = failure_errno(failure, errno, name, "cannot open it in %s", folder);
	close(registry);
	return file;
}

static pid_t holder_of_byte(int file, off_t offset)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = offset, .l_len = 1 };

	return fcntl(file, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

/*
 * Wait for the lock, but not longer than our parent waits for us: a caller that was
 * left behind (lib/blocking.h) must not begin something when everybody has gone.
 */
int vdpa_lock_byte(int file, short type, off_t offset, pid_t *holder)
{
	const struct timespec moment = { .tv_nsec = POLL_MS * 1000000L };
	struct flock lock = { .l_type = type, .l_start = offset, .l_len = 1 };
	pid_t parent = getppid();
	int waited;

	for (waited = 0; waited < VDPA_LOCK_MS; waited += POLL_MS) {
		if (fcntl(file, F_SETLK, &lock) == 0)
			return 0;
		if (errno != EACCES && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (getppid() != parent)
			break;
		nanosleep(&moment, NULL);
	}
	*holder = holder_of_byte(file, offset);
	return -EBUSY;
}

/* A byte for each name, whichever way its slashes are written: a hash, as an offset that
 * a file can have. */
static off_t offset_of(const char *name)
{
	char entry[SYSFS_NAME_SIZE];

	return hash_text(HASH_START, sysfs_name(name, entry) < 0 ? name : entry) >> 2;
}

/* A holder that waits for a device process is not the one to wait for. */
static int told_busy(const struct sysfs *fs, const char *name, pid_t holder,
		     struct failure *failure)
{
	char function[64];

	if (!holder)
		failure_set(failure, STATUS_BUSY, EBUSY, name,
			    "other processes keep adding, binding or deleting it");
	else
		failure_set(failure, STATUS_BUSY, EBUSY, name,
			    "process %d is adding, binding or deleting it just now", (int)holder);
	failure_hint(failure, "try again when it has ended");
	if (failure && holder &&
	    sysfs_read(fs, function, sizeof(function), "proc/%d/wchan", (int)holder) > 0 &&
	    !strcmp(function, "vduse_dev_msg_sync"))
		vdpa_blocked_explain(fs, name, holder, failure);
	return -EBUSY;
}

int vdpa_lock_device(const struct sysfs *fs, const char *name, struct failure *failure)
{
	int rc, file = vdpa_lock_open(fs, DEVICES_FILE, NULL);
	pid_t holder;

	if (file < 0)
		return -1;
	rc = vdpa_lock_byte(file, F_WRLCK, offset_of(name), &holder);
	if (rc == 0)
		return file;
	close(file);
	return rc == -EBUSY ? told_busy(fs, name, holder, failure) : -1;
}

void vdpa_lock_end(int lock)
{
	if (lock >= 0)
		close(lock);
}

void signals_hold(sigset_t *before)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, before);
}

void signals_release(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

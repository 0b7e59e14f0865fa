// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_autoprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/registry.h"

#define ATTRIBUTE "sys/bus/vdpa/drivers_autoprobe"
#define POLL_MS 20

static int open_file(const struct sysfs *fs, struct failure *failure)
{
	char folder[SYSFS_PATH_MAX];
	int file, registry;

	snprintf(folder, sizeof(folder), "%s" REGISTRY_FOLDER, fs->root);
	registry = registry_open(folder, true, failure);
	if (registry < 0)
		return registry;
	file = openat(registry, "drivers_autoprobe", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      0600);
	if (file < 0)
		file = failure_errno(failure, errno, "drivers_autoprobe", "cannot open it in %s",
				     folder);
	close(registry);
	return file;
}

static int told_busy(int file, struct failure *failure)
{
	struct flock lock = { .l_type = F_WRLCK };

	if (fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		failure_set(failure, STATUS_BUSY, EBUSY, NULL,
			    "process %d is adding or binding a vDPA device just now",
			    (int)lock.l_pid);
	else
		failure_set(failure, STATUS_BUSY, EBUSY, NULL,
			    "other processes keep adding and binding vDPA devices");
	failure_hint(failure, "try again when it has ended");
	return -EBUSY;
}

/*
 * Wait for the lock, but not longer than our parent waits for us: a caller that was
 * left behind (lib/blocking.h) must not begin something when everybody has gone.
 */
static int take_lock(int file, short type, struct failure *failure)
{
	const struct timespec moment = { .tv_nsec = POLL_MS * 1000000L };
	struct flock lock = { .l_type = type };
	pid_t parent = getppid();
	int waited;

	for (waited = 0; waited < VDPA_AUTOPROBE_MS; waited += POLL_MS) {
		if (fcntl(file, F_SETLK, &lock) == 0)
			return 0;
		if (errno != EACCES && errno != EAGAIN && errno != EINTR)
			return failure_errno(failure, errno, "drivers_autoprobe",
					     "cannot lock it");
		if (getppid() != parent)
			break;
		nanosleep(&moment, NULL);
	}
	return told_busy(file, failure);
}

static void put_back(const struct sysfs *fs, int file)
{
	char value[8];
	ssize_t n = pread(file, value, sizeof(value) - 1, 0);

	if (n <= 0)
		return;
	value[n] = '\0';
	if (sysfs_write(fs, value, ATTRIBUTE) == 0)
		n = ftruncate(file, 0);
}

int vdpa_autoprobe_share(const struct sysfs *fs, struct vdpa_autoprobe *autoprobe,
			 struct failure *failure)
{
	int rc;

	*autoprobe = (struct vdpa_autoprobe){ .fs = fs };
	autoprobe->file = open_file(fs, NULL);
	if (autoprobe->file < 0)
		return 0;
	rc = take_lock(autoprobe->file, F_RDLCK, failure);
	if (rc < 0)
		close(autoprobe->file);
	else
		put_back(fs, autoprobe->file);
	return rc;
}

static void hold_signals(sigset_t *before)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, before);
}

/*
 * The value first, the change afterwards: whatever happens in between, it is known.
 * Where autoprobe is off already, a value that a killed process left stays for
 * vdpa_autoprobe_end() to put back.
 */
static int turn_off(struct vdpa_autoprobe *autoprobe, struct failure *failure)
{
	char value[8];
	int length = sysfs_read(autoprobe->fs, value, sizeof(value), ATTRIBUTE);
	int rc = length < 0 ? length : 0;

	if (rc == 0 && !strcmp(value, "0"))
		return 0;
	if (rc == 0 && pwrite(autoprobe->file, value, length, 0) != length)
		rc = -EIO;
	if (rc == 0)
		rc = sysfs_write(autoprobe->fs, "0", ATTRIBUTE);
	if (rc < 0)
		return failure_errno(failure, -rc, "drivers_autoprobe", "cannot turn it off");
	return 0;
}

int vdpa_autoprobe_off(const struct sysfs *fs, struct vdpa_autoprobe *autoprobe,
		       struct failure *failure)
{
	int rc;

	*autoprobe = (struct vdpa_autoprobe){ .fs = fs };
	autoprobe->file = open_file(fs, failure);
	if (autoprobe->file < 0 && failure && failure->status == STATUS_DENIED)
		failure_hint(failure, "run it as root");
	if (autoprobe->file < 0)
		return autoprobe->file;
	rc = take_lock(autoprobe->file, F_WRLCK, failure);
	if (rc < 0) {
		close(autoprobe->file);
		return rc;
	}
	autoprobe->exclusive = true;
	hold_signals(&autoprobe->signals);
	rc = turn_off(autoprobe, failure);
	if (rc < 0)
		vdpa_autoprobe_end(autoprobe);
	return rc;
}

void vdpa_autoprobe_end(struct vdpa_autoprobe *autoprobe)
{
	if (autoprobe->file < 0)
		return;
	if (autoprobe->exclusive)
		put_back(autoprobe->fs, autoprobe->file);
	close(autoprobe->file);
	autoprobe->file = -1;
	if (autoprobe->exclusive)
		sigprocmask(SIG_SETMASK, &autoprobe->signals, NULL);
}

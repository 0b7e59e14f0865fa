// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vdpa_autoprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/registry.h"
#include "lib/vdpa_lock.h"

#define ATTRIBUTE "sys/bus/vdpa/drivers_autoprobe"
#define SAVED_FILE "drivers_autoprobe"

static int take_lock(int file, short type, struct failure *failure)
{
	pid_t holder;
	int rc = vdpa_lock_byte(file, type, 0, &holder);

	if (rc == 0)
		return 0;
	if (rc != -EBUSY)
		return failure_errno(failure, -rc, SAVED_FILE, "cannot lock it");
	if (holder)
		failure_set(failure, STATUS_BUSY, EBUSY, NULL,
			    "process %d is adding or binding a vDPA device just now", (int)holder);
	else
		failure_set(failure, STATUS_BUSY, EBUSY, NULL,
			    "other processes keep adding and binding vDPA devices");
	failure_hint(failure, "try again when it has ended");
	return rc;
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
	autoprobe->file = vdpa_lock_open(fs, SAVED_FILE, NULL);
	if (autoprobe->file < 0)
		return 0;
	rc = take_lock(autoprobe->file, F_RDLCK, failure);
	if (rc < 0)
		close(autoprobe->file);
	else
		put_back(fs, autoprobe->file);
	return rc;
}

void vdpa_autoprobe_repair(const struct sysfs *fs)
{
	struct flock lock = { .l_type = F_RDLCK, .l_len = 1 };
	char path[SYSFS_PATH_MAX];
	struct stat status;
	int file;

	snprintf(path, sizeof(path), "%s" REGISTRY_FOLDER "/" SAVED_FILE, fs->root);
	if (lstat(path, &status) < 0 || !status.st_size)
		return;
	file = vdpa_lock_open(fs, SAVED_FILE, NULL);
	if (file < 0)
		return;
	if (fcntl(file, F_SETLK, &lock) == 0)
		put_back(fs, file);
	close(file);
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
	autoprobe->file = vdpa_lock_open(fs, SAVED_FILE, failure);
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
	signals_hold(&autoprobe->signals);
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
		signals_release(&autoprobe->signals);
}

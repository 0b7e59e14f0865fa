// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/unit_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "lib/vdpa_lock.h"
#include "lib/vduse_definition.h"

/* No device can have this name: that of a record does not begin with a full stop. */
#define UNITS_FILE ".up"
#define POLL_MS 10

/* Two bytes for each name: the lock, and who has it. */
static off_t offset_of(const char *name)
{
	return (off_t)((hash_text(HASH_START, name) >> 2) & ~UINT64_C(1));
}

static int try_byte(int file, int command, off_t offset)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = offset, .l_len = 1 };

	if (fcntl(file, command, &lock) == 0)
		return 0;
	return errno == EACCES || errno == EINTR ? -EAGAIN : -errno;
}

static pid_t owner_of(int file, off_t offset)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = offset + 1, .l_len = 1 };

	return fcntl(file, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static int tell_owner(int file, const char *name, struct failure *failure)
{
	pid_t owner = owner_of(file, offset_of(name));

	if (owner)
		failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, name,
			    "process %d is bringing it up or down and does not come to an end",
			    (int)owner);
	else
		failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, name,
			    "what a command that was killed left behind is still at it");
	failure_hint(failure, "nothing was done; try again when it has ended");
	return -ETIMEDOUT;
}

static int lock_name(int file, const char *name, const struct pace *pace,
		     struct failure *failure)
{
	off_t offset = offset_of(name);
	int rc;

	while ((rc = try_byte(file, F_OFD_SETLK, offset)) == -EAGAIN) {
		rc = pace_check(pace, name, failure);
		if (rc == -ETIMEDOUT)
			return tell_owner(file, name, failure);
		if (rc < 0)
			return rc;
		poll(NULL, 0, POLL_MS);
	}
	if (rc < 0)
		return failure_errno(failure, -rc, name, "cannot lock it");
	try_byte(file, F_SETLK, offset + 1);	/* only to be named */
	return 0;
}

int unit_lock(const struct unit_names *names, const struct pace *pace, struct failure *failure)
{
	unsigned int first = names->count == 2 &&
			     offset_of(names->names[1]) < offset_of(names->names[0]);
	int rc, file = vdpa_lock_open(&sysfs_machine, UNITS_FILE, failure);

	if (file < 0)
		return file;
	/* in one order, so that no two wait for each other */
	rc = lock_name(file, names->names[first], pace, failure);
	if (rc == 0 && names->count == 2)
		rc = lock_name(file, names->names[!first], pace, failure);
	if (rc == 0)
		return file;
	close(file);
	return rc;
}

void unit_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static int explain_open(int errnum, const char *path, struct failure *failure)
{
	switch (errnum) {
	case ELOOP:
		failure_set(failure, STATUS_FAILED, errnum, path,
			    "it is a symbolic link, which is not followed");
		failure_hint(failure, "name the file that it leads to");
		return -errnum;
	case ENXIO:
		failure_set(failure, STATUS_FAILED, errnum, path,
			    "it is a FIFO that nobody reads");
		failure_hint(failure, "start its reader first");
		return -errnum;
	default:
		return failure_errno(failure, errnum, path, "cannot open it to record frames");
	}
}

/* What was there before belongs to us, and is nobody else's to read from now on. */
static int take_over(int fd, const char *path, struct failure *failure)
{
	struct stat status;

	if (fstat(fd, &status))
		return failure_errno(failure, errno, path, "cannot look at it");
	if (!S_ISREG(status.st_mode))
		return 0;
	if (status.st_uid != geteuid()) {
		failure_set(failure, STATUS_DENIED, EPERM, path,
			    "it belongs to another user: frames are not recorded there");
		failure_hint(failure, "remove it, or name another file");
		return -EPERM;
	}
	if (fchmod(fd, 0600) || ftruncate(fd, 0))
		return failure_errno(failure, errno, path, "cannot empty it");
	return 0;
}

int capture_open(int folder, const char *path, struct failure *failure)
{
	/* O_NONBLOCK: a FIFO without a reader is an error, not a reason to wait. */
	int rc, fd = openat(folder, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
			    O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		return explain_open(errno, path, failure);
	rc = take_over(fd, path, failure);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	/* A file that may not grow gives EFBIG; the signal's default would end us. */
	signal(SIGXFSZ, SIG_IGN);
	return fd;
}

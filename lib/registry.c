// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/descriptor.h"

#define LOCK_FILE ".lock"
/* One name is enough: it is used under the lock. */
#define TEMPORARY_FILE ".record"
#define LOCK_POLL_MS 10

/* Root's or our own, and for nobody else to write. */
static bool trusted(const struct stat *status)
{
	return (status->st_uid == 0 || status->st_uid == geteuid()) &&
	       !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* Made by us: the umask has no say in who may read it. */
static int make_folder(const char *path)
{
	if (mkdir(path, 0755) == 0)
		return chmod(path, 0755) ? -errno : 0;
	return errno == EEXIST ? 0 : -errno;
}

/* None of these errors says that something the user named is missing. */
static int explain_folder(int errnum, const char *path, struct failure *failure)
{
	if (errnum == ENOTDIR || errnum == ELOOP) {
		failure_set(failure, STATUS_FAILED, errnum, path,
			    "the folder of records is not used: it is a symbolic link, or no "
			    "folder");
		failure_hint(failure, "remove it");
		return -errnum;
	}
	failure_errno(failure, errnum, path, "cannot make or open the folder of records");
	if (failure && failure->status == STATUS_NOT_FOUND)
		failure->status = STATUS_FAILED;
	return -errnum;
}

int registry_open(const char *path, bool create, struct failure *failure)
{
	struct stat status;
	int rc, fd;

	rc = create ? make_folder(path) : 0;
	if (rc < 0)
		return explain_folder(-rc, path, failure);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return explain_folder(errno, path, failure);
	rc = fstat(fd, &status) ? -errno : trusted(&status) ? 0 : -EPERM;
	if (rc == 0)
		return fd;
	close(fd);
	failure_set(failure, STATUS_FAILED, -rc, path,
		    "the folder of records is not used: others than root may write into it");
	failure_hint(failure, "remove it, or give it to root with mode 0755");
	return rc;
}

/* 0, or -EAGAIN while another process holds it, with its id in *@holder. */
static int try_lock(int fd, pid_t *holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return -errno;
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		*holder = lock.l_pid;
	return -EAGAIN;
}

static int wait_for_lock(int fd, int milliseconds, pid_t *holder)
{
	const struct timespec pause = { .tv_nsec = LOCK_POLL_MS * 1000000L };
	int rc;

	for (;;) {
		rc = try_lock(fd, holder);
		if (rc != -EAGAIN || milliseconds <= 0)
			return rc;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		milliseconds -= LOCK_POLL_MS;
	}
}

int registry_lock(int registry, int milliseconds, struct failure *failure)
{
	pid_t holder = 0;
	int rc, fd;

	fd = openat(registry, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failure_errno(failure, errno, NULL,
				     "cannot open " LOCK_FILE " in the folder of records");
	rc = wait_for_lock(fd, milliseconds, &holder);
	if (rc == 0)
		return fd;
	close(fd);
	if (rc != -EAGAIN)
		return failure_errno(failure, -rc, NULL, "cannot lock the records");
	failure_set(failure, STATUS_BUSY, EBUSY, NULL,
		    "process %d is creating or destroying a device and does not come to an "
		    "end", (int)holder);
	failure_hint(failure, "continue or end process %d", (int)holder);
	return -EBUSY;
}

void registry_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

static int write_temporary(int registry, const char *text)
{
	int rc, fd;

	if (unlinkat(registry, TEMPORARY_FILE, 0) && errno != ENOENT)
		return -errno;
	fd = openat(registry, TEMPORARY_FILE,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	rc = descriptor_write(fd, text, strlen(text));
	if (rc == 0 && fchmod(fd, 0644))
		rc = -errno;
	if (close(fd) && rc == 0)
		rc = -errno;
	return rc;
}

int registry_write_file(int registry, const char *file, const char *text)
{
	int rc = write_temporary(registry, text);

	if (rc == 0 && renameat(registry, TEMPORARY_FILE, registry, file))
		rc = -errno;
	if (rc < 0)
		unlinkat(registry, TEMPORARY_FILE, 0);
	return rc;
}

int registry_write(int registry, const struct registry_record *record,
		   struct failure *failure)
{
	char file[REGISTRY_FILE_MAX];
	char *text = registry_record_format(record);
	int rc;

	registry_file_name(record->definition.name, file);
	rc = text ? registry_write_file(registry, file, text) : -ENOMEM;
	free(text);
	return rc == 0 ? 0 : failure_errno(failure, -rc, record->definition.name,
			     "cannot write its record %s", file);
}

int registry_remove(int registry, const char *name, struct failure *failure)
{
	char file[REGISTRY_FILE_MAX];

	registry_journal_name(name, file);
	if (unlinkat(registry, file, 0) == 0 || errno == ENOENT) {
		registry_file_name(name, file);
		if (unlinkat(registry, file, 0) == 0 || errno == ENOENT)
			return 0;
	}
	return failure_errno(failure, errno, name, "cannot remove %s", file);
}

/* Fill @text with the file, REGISTRY_RECORD_MAX + 1 bytes at most. */
static ssize_t read_all(int fd, char *text)
{
	size_t length = 0;

	while (length <= REGISTRY_RECORD_MAX) {
		ssize_t n = read(fd, text + length, REGISTRY_RECORD_MAX + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += n;
	}
	return length;
}

/* A descriptor of a regular file that only root or we could have written. O_NONBLOCK:
 * nothing that lies there keeps us waiting. */
static int open_record(int registry, const char *file, const char **reason)
{
	struct stat status;
	int rc, fd;

	fd = openat(registry, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		*reason = rc == -ELOOP ? "it is a symbolic link" : strerror(-rc);
		return rc;
	}
	rc = fstat(fd, &status) ? -errno : 0;
	if (rc == 0 && !S_ISREG(status.st_mode)) {
		*reason = "it is no file";
		rc = -EBADMSG;
	} else if (rc == 0 && !trusted(&status)) {
		*reason = "others than root may write it";
		rc = -EPERM;
	} else if (rc) {
		*reason = strerror(-rc);
	}
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int registry_read_file(int registry, const char *file, char text[REGISTRY_RECORD_MAX + 1],
		       const char **reason)
{
	int fd = open_record(registry, file, reason);
	ssize_t length;

	if (fd < 0)
		return fd;
	length = read_all(fd, text);
	close(fd);
	if (length < 0)
		*reason = strerror((int)-length);
	return (int)length;
}

static int read_record(int registry, const char *file, struct registry_record *record,
		       const char **reason)
{
	char text[REGISTRY_RECORD_MAX + 1];
	int length = registry_read_file(registry, file, text, reason);

	return length < 0 ? length : registry_record_parse(text, length, record, reason);
}

int registry_read(int registry, const char *name, const struct device_identity *identity,
		  struct registry_record *record, struct failure *failure)
{
	char file[REGISTRY_FILE_MAX];
	const char *reason = NULL;
	int rc;

	registry_file_name(name, file);
	rc = strchr(name, '/') ? -ENOENT : read_record(registry, file, record, &reason);
	if (rc == 0 && strcmp(record->definition.name, name)) {
		reason = "it is that of another device";
		rc = -EBADMSG;
	}
	if (rc == -ENOENT)
		return failure_set(failure, STATUS_NOT_FOUND, ENOENT, name,
				   "there is no record of what it was created as");
	if (rc < 0)
		return failure_set(failure, STATUS_FAILED, -rc, name,
				   "the record %s is not used: %s", file, reason);
	if (identity && !device_identity_equal(identity, &record->identity))
		return failure_set(failure, STATUS_NOT_FOUND, ESTALE, name,
				   "the record %s is that of an earlier device of this name",
				   file);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/descriptor.h"
#include "lib/registry.h"
#include "lib/sysfs.h"
#include "lib/vduse_device.h"
#include "vduse/device/journal.h"

#define MAGIC "vduse-j"
#define VERSION 1
#define CONTENT (JOURNAL_PORTS * sizeof(struct journal_port))
/* A file that is put aside by others as often as this is somebody's game. */
#define TRIES 5

/* The page at the beginning of a file. */
struct page {
	char magic[8];
	uint32_t version;
	uint32_t content;	/* bytes behind JOURNAL_OFFSET */
	uint64_t service;
	uint32_t index, count;	/* which of its devices this is */
	struct device_identity device;
	char name[256];
};

/* 0 where a call has read or written all @length bytes, of which @n is what it returned; or
 * negative errno. */
static int whole(ssize_t n, size_t length)
{
	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

static off_t length_of(unsigned int index)
{
	return index == 0 ? JOURNAL_OFFSET + (off_t)CONTENT : (off_t)sizeof(struct page);
}

/* Nobody but us can have written it, or can write it. */
static bool is_private(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 &&
	       (status.st_uid == 0 || status.st_uid == geteuid()) &&
	       !(status.st_mode & (S_IRWXG | S_IRWXO));
}

/* The file that is there, if it is one to be trusted, or a new one in its place. */
static int open_file(int folder, const char *file)
{
	int fd = openat(folder, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && is_private(fd))
		return fd;
	if (fd >= 0)
		close(fd);
	if (unlinkat(folder, file, 0) && errno != ENOENT)
		return -errno;
	fd = openat(folder, file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int lock_file(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	if (fcntl(fd, F_SETLK, &lock) == 0)
		return 0;
	return errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
}

/* Is it still the one of this name? Whoever removes it does not wait for locks. */
static bool is_current(int folder, const char *file, int fd)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 &&
	       fstatat(folder, file, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static int open_locked(int folder, const char *name)
{
	char file[REGISTRY_FILE_MAX];
	int fd, rc, tries;

	registry_journal_name(name, file);
	for (tries = 0; tries < TRIES; tries++) {
		fd = open_file(folder, file);
		if (fd < 0 && fd != -EEXIST)
			return fd;
		rc = fd < 0 ? fd : lock_file(fd);
		if (rc == 0 && is_current(folder, file, fd))
			return fd;
		if (fd >= 0)
			close(fd);
		if (rc < 0 && rc != -EEXIST)
			return rc;
	}
	return -EBUSY;
}

static int make_page(const char *name, unsigned int index, unsigned int count, struct page *page,
		     struct failure *failure)
{
	struct vduse_device device;
	int rc = vduse_device_read(&sysfs_machine, name, &device, failure);

	memset(page, 0, sizeof(*page));
	if (rc == 0)
		rc = vduse_device_identity(&sysfs_machine, &device, &page->device, failure);
	memcpy(page->magic, MAGIC, sizeof(page->magic));
	page->version = VERSION;
	page->content = CONTENT;
	page->index = index;
	page->count = count;
	strncpy(page->name, name, sizeof(page->name) - 1);
	return rc;
}

/* The number of the service that wrote the file at @fd, where it says that of @page; or 0. */
static uint64_t service_of(int fd, const struct page *page)
{
	struct page found, wanted = *page;
	struct stat status;

	if (fstat(fd, &status) || status.st_size != length_of(page->index) ||
	    pread(fd, &found, sizeof(found), 0) != sizeof(found))
		return 0;
	wanted.service = found.service;
	/* the identity has bytes that mean nothing: both are zeroed before they are filled */
	return memcmp(&found, &wanted, sizeof(found)) ? 0 : found.service;
}

/* Zeroes, and memory for all of it: a page that is missing later would be a SIGBUS. */
static int make_content(int fd, unsigned int index)
{
	if (ftruncate(fd, 0))
		return -errno;
	return -posix_fallocate(fd, 0, length_of(index));
}

static int begin(const int fds[], struct page pages[], unsigned int count)
{
	uint64_t service = 0;
	unsigned int i;
	int rc = 0;

	while (!service && rc == 0)
		rc = whole(getrandom(&service, sizeof(service), 0), sizeof(service));
	for (i = 0; i < count && rc == 0; i++)
		rc = make_content(fds[i], i);
	for (i = 0; i < count && rc == 0; i++) {
		pages[i].service = service;
		rc = whole(pwrite(fds[i], &pages[i], sizeof(pages[i]), 0), sizeof(pages[i]));
	}
	return rc;
}

/* That of the virtqueue at @at, if it has ended. */
static int forget_queue(int fd, off_t at)
{
	const size_t head = offsetof(struct journal_queue, slots);
	struct journal_queue queue;
	int rc = whole(pread(fd, &queue, head, at), head);

	if (rc < 0 || queue.valid || !queue.size)
		return rc;
	queue.size = 0;
	return whole(pwrite(fd, &queue, head, at), head);
}

/*
 * A virtqueue that a reset has ended is left without a size, which no virtqueue is without: the
 * journal is about none then. For what came after the reset may have been another program's,
 * whose driver has put the rings in the same place; and what was going on in the kernel when
 * our last process ended, of which it is enough for the successor of a worker to know
 * (session_resume.c), is over when a service begins.
 */
static int forget_ended(int fd)
{
	unsigned int port, queue;
	int rc = 0;

	for (port = 0; port < JOURNAL_PORTS; port++)
		for (queue = 0; queue < JOURNAL_QUEUES && rc == 0; queue++)
			rc = forget_queue(fd, JOURNAL_OFFSET +
					  (off_t)(port * sizeof(struct journal_port)) +
					  (off_t)offsetof(struct journal_port, session.queues) +
					  (off_t)(queue * sizeof(struct journal_queue)));
	return rc;
}

/* Go on with what is there, where it all belongs together, or begin anew. */
static int settle(const char *const names[], const int fds[], unsigned int count,
		  struct failure *failure)
{
	struct page pages[2];
	uint64_t service = 0;
	bool together = true;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		uint64_t its;

		rc = make_page(names[i], i, count, &pages[i], failure);
		its = rc == 0 ? service_of(fds[i], &pages[i]) : 0;
		together &= its && (i == 0 || its == service);
		service = its;
	}
	if (rc < 0)
		return rc;
	rc = together ? forget_ended(fds[0]) : begin(fds, pages, count);
	return rc < 0 ? failure_errno(failure, -rc, names[0], "cannot write its journal in %s",
				      REGISTRY_FOLDER) : 0;
}

static int explain(const char *name, int rc, struct failure *failure)
{
	pid_t owner = rc == -EBUSY ? journal_owner(name) : 0;

	if (rc != -EBUSY)
		return failure_errno(failure, -rc, name, "cannot open its journal in %s",
				     REGISTRY_FOLDER);
	failure_set(failure, STATUS_BUSY, EBUSY, name, "it is served already");
	if (owner)
		failure_hint(failure, "process %d (vduse) serves it", (int)owner);
	return rc;
}

int journal_open(const char *const names[], unsigned int count, int fds[2],
		 struct failure *failure)
{
	int rc = 0, folder = registry_open(REGISTRY_FOLDER, true, failure);
	unsigned int i;

	fds[0] = fds[1] = -1;
	if (folder < 0)
		return folder;
	for (i = 0; i < count && rc == 0; i++) {
		fds[i] = open_locked(folder, names[i]);
		if (fds[i] < 0)
			rc = explain(names[i], fds[i], failure);
	}
	if (rc == 0)
		rc = settle(names, fds, count, failure);
	for (i = 0; i < count && rc < 0; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	close(folder);
	return rc;
}

int journal_in_memory(void)
{
	int rc, fd = memfd_create("vduse journal", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	rc = make_content(fd, 0);
	if (rc < 0)
		close(fd);
	return rc < 0 ? rc : fd;
}

pid_t journal_owner(const char *name)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int fd, folder = registry_open(REGISTRY_FOLDER, false, NULL);
	char file[REGISTRY_FILE_MAX];
	pid_t owner = 0;

	if (folder < 0)
		return 0;
	registry_journal_name(name, file);
	fd = openat(folder, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(folder);
	if (fd < 0)
		return 0;
	/* our own would not be told, and the lock would end here: nobody asks about itself */
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
		owner = lock.l_pid;
	close(fd);
	return owner;
}

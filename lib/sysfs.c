// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/again.h"
#include "lib/parse.h"

/* Bytes of a folder that are read at once. */
#define ENTRIES_SIZE 4096

const struct sysfs sysfs_machine = { .root = "" };

/* "." or "..". */
static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

int sysfs_name(const char *device, char name[SYSFS_NAME_SIZE])
{
	size_t i;

	for (i = 0; device[i] && i < SYSFS_NAME_SIZE - 1; i++)
		name[i] = device[i] == '/' ? '!' : device[i];
	name[i] = '\0';
	return !i || device[i] || is_dots(name) ? -EINVAL : 0;
}

struct path {
	char text[SYSFS_PATH_MAX];
	int rc;
};

static struct path path_format(const struct sysfs *fs, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static struct path path_format(const struct sysfs *fs, const char *format, va_list args)
{
	struct path path = { .rc = 0 };
	int root = snprintf(path.text, sizeof(path.text), "%s/", fs->root);
	int rest = -1;

	if (root >= 0 && root < SYSFS_PATH_MAX)
		rest = vsnprintf(path.text + root, SYSFS_PATH_MAX - root, format, args);
	if (rest < 0 || root + rest >= SYSFS_PATH_MAX)
		path.rc = -ENAMETOOLONG;
	return path;
}

/* struct path PATH, made of the caller's last arguments. */
#define PATH_FROM_ARGUMENTS(path, fs, format)		\
	struct path path;				\
	do {						\
		va_list args_;				\
		va_start(args_, format);		\
		path = path_format(fs, format, args_);	\
		va_end(args_);				\
	} while (0)

/* These files give all they have at once, or as much as was asked for. */
static int read_all(int fd, char *value, size_t size)
{
	size_t length = 0, asked;
	ssize_t n;

	do {
		asked = size - 1 - length;
		n = read(fd, value + length, asked);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			length += n;
	} while (n < 0 || ((size_t)n == asked && length < size - 1));
	if (length && value[length - 1] == '\n')
		length--;
	value[length] = '\0';
	return length;
}

static int path_read(const struct path *path, char *value, size_t size)
{
	int fd, rc;

	value[0] = '\0';
	if (path->rc < 0)
		return path->rc;
	fd = open(path->text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = read_all(fd, value, size);
	if (rc < 0)
		value[0] = '\0';
	close(fd);
	return rc;
}

int sysfs_read(const struct sysfs *fs, char *value, size_t size, const char *format, ...)
{
	PATH_FROM_ARGUMENTS(path, fs, format);

	return path_read(&path, value, size);
}

int sysfs_read_number(const struct sysfs *fs, uint64_t *number, const char *format, ...)
{
	char value[32];
	int rc;
	PATH_FROM_ARGUMENTS(path, fs, format);

	rc = path_read(&path, value, sizeof(value));
	if (rc < 0)
		return rc;
	return parse_number(value, 0, UINT64_MAX, number) ? -EPROTO : 0;
}

/* "252:3": 12 bits of major number, 20 of minor number (include/linux/kdev_t.h). */
static int parse_device(char *value, dev_t *device)
{
	char *colon = strchr(value, ':');
	uint64_t major, minor;

	if (!colon)
		return -EPROTO;
	*colon = '\0';
	if (parse_number(value, 0, 0xfff, &major) || parse_number(colon + 1, 0, 0xfffff, &minor))
		return -EPROTO;
	*device = makedev(major, minor);
	return 0;
}

int sysfs_read_device(const struct sysfs *fs, dev_t *device, const char *format, ...)
{
	char value[32];
	int rc;
	PATH_FROM_ARGUMENTS(path, fs, format);

	rc = path_read(&path, value, sizeof(value));
	return rc < 0 ? rc : parse_device(value, device);
}

int sysfs_write(const struct sysfs *fs, const char *value, const char *format, ...)
{
	size_t length = strlen(value);
	ssize_t n;
	int fd, rc;
	PATH_FROM_ARGUMENTS(path, fs, format);

	if (path.rc < 0)
		return path.rc;
	fd = open(path.text, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = AGAIN(write(fd, value, length));
	rc = n < 0 ? (int)n : (size_t)n == length ? 0 : -EIO;
	close(fd);
	return rc;
}

int sysfs_link_name(const struct sysfs *fs, char *name, size_t size, const char *format, ...)
{
	char target[SYSFS_PATH_MAX];
	const char *last;
	ssize_t n;
	PATH_FROM_ARGUMENTS(path, fs, format);

	name[0] = '\0';
	if (path.rc < 0)
		return path.rc;
	n = readlink(path.text, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return -ENAMETOOLONG;
	memcpy(name, last, strlen(last) + 1);
	return 0;
}

bool sysfs_exists(const struct sysfs *fs, const char *format, ...)
{
	PATH_FROM_ARGUMENTS(path, fs, format);

	return path.rc == 0 && access(path.text, F_OK) == 0;
}

int sysfs_node_device(const struct sysfs *fs, dev_t *device, const char *format, ...)
{
	struct stat stat_buffer;
	PATH_FROM_ARGUMENTS(path, fs, format);

	if (path.rc < 0)
		return path.rc;
	if (stat(path.text, &stat_buffer) < 0)
		return -errno;
	if (!S_ISCHR(stat_buffer.st_mode))
		return -ENOTTY;
	*device = stat_buffer.st_rdev;
	return 0;
}

/*
 * opendir() would take 32 KiB of memory and ask once more whether it is a folder. One that
 * was removed meanwhile has no more entries (fs/readdir.c, iterate_dir: ENOENT).
 */
static int visit_entries(int folder, int (*visit)(void *context, int fd, const char *name),
			 void *context)
{
	_Alignas(struct dirent64) char entries[ENTRIES_SIZE];
	const struct dirent64 *entry;
	ssize_t length, at;
	int rc;

	while ((length = getdents64(folder, entries, sizeof(entries))) > 0) {
		for (at = 0; at < length; at += entry->d_reclen) {
			entry = (const void *)(entries + at);
			rc = is_dots(entry->d_name) ? 0 : visit(context, folder, entry->d_name);
			if (rc)
				return rc;
		}
	}
	return length < 0 && errno != ENOENT ? -errno : 0;
}

int sysfs_each(const struct sysfs *fs, int (*visit)(void *context, int fd, const char *name),
	       void *context, const char *format, ...)
{
	int folder, rc;
	PATH_FROM_ARGUMENTS(path, fs, format);

	if (path.rc < 0)
		return path.rc;
	folder = open(path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	rc = visit_entries(folder, visit, context);
	close(folder);
	return rc;
}

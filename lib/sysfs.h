/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /sys, /proc and /dev as small questions, below a root that a test can move.
 *
 * Every function takes the path as a format without the leading slash:
 * sysfs_read(fs, value, sizeof(value), "sys/class/vduse/%s/dev", name). A path that
 * does not fit is -ENAMETOOLONG. Device names go through sysfs_name() first.
 */
#ifndef VT_LIB_SYSFS_H
#define VT_LIB_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SYSFS_PATH_MAX 1024
#define SYSFS_NAME_SIZE 256

struct sysfs {
	const char *root;	/* "" for the machine's own; no slash at its end */
};

/* The file system that this process sees. */
extern const struct sysfs sysfs_machine;

/*
 * What the device called @device is called in sysfs and /dev: '/' became '!'
 * (drivers/base/core.c, kobject_set_name). 0, or -EINVAL for a name that no folder
 * can have: "", ".", ".." and more than 255 bytes.
 */
int sysfs_name(const char *device, char name[SYSFS_NAME_SIZE]);

/*
 * The contents of a file, cut at @size - 1 bytes, without the line feed at its end;
 * always NUL-terminated. Returns the length or negative errno.
 */
int sysfs_read(const struct sysfs *fs, char *value, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A file that holds one decimal or 0x number. 0, -EPROTO for other contents, or
 * another negative errno. */
int sysfs_read_number(const struct sysfs *fs, uint64_t *number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A file that holds MAJOR:MINOR. 0, -EPROTO for other contents, or another negative
 * errno. */
int sysfs_read_device(const struct sysfs *fs, dev_t *device, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Write @value in one call, as an attribute wants it. 0 or negative errno, which may
 * be the answer of the attribute itself. */
int sysfs_write(const struct sysfs *fs, const char *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The last component of what a symbolic link points at. 0, -ENAMETOOLONG where it
 * does not fit, or another negative errno. */
int sysfs_link_name(const struct sysfs *fs, char *name, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* true where the path leads to something. */
bool sysfs_exists(const struct sysfs *fs, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The device number of a character device node. 0, -ENOTTY where it is something
 * else, or another negative errno. */
int sysfs_node_device(const struct sysfs *fs, dev_t *device, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Call @visit for each entry of a folder but "." and "..", in the order of the
 * kernel, until it returns something other than 0, which is then returned. 0 at the
 * end, or negative errno. @fd is the folder's descriptor.
 */
int sysfs_each(const struct sysfs *fs, int (*visit)(void *context, int fd, const char *name),
	       void *context, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif

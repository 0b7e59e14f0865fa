// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An exclusive open of a block device that something else holds exclusively, or a
 * partition of it, is refused (bd_may_claim() in block/bdev.c). */
static bool is_claimed(const struct sysfs *fs, const char *name)
{
	char path[SYSFS_PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/%s", fs->root, name);
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

/* "/dev/vdb" or a partition, "/dev/vdb1"? */
static bool is_of_disk(const char *node, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(node, "/dev/", 5) || strncmp(node + 5, name, length))
		return false;
	node += 5 + length;
	return !node[strspn(node, "0123456789")];
}

/* Does a line tell of @name, and if so, where is it mounted ("" for nowhere)? */
typedef bool (*line_reader)(char *line, const char *name, char *where, size_t size);

/* "36 25 254:16 / /mnt rw,relatime shared:1 - ext4 /dev/vdb rw" (proc(5)) */
static bool read_mount(char *line, const char *name, char *where, size_t size)
{
	char *source = strstr(line, " - ");
	char *save = NULL, *word;
	int i;

	if (!source || !strtok_r(source + 3, " ", &save))
		return false;
	word = strtok_r(NULL, " \n", &save);
	if (!word || !is_of_disk(word, name))
		return false;
	*source = '\0';
	word = strtok_r(line, " ", &save);
	for (i = 0; word && i < 4; i++)
		word = strtok_r(NULL, " ", &save);
	snprintf(where, size, "%s", word ? word : "");
	return true;
}

/* "/dev/vdb   partition   131068   0   -2" */
static bool read_swap(char *line, const char *name, char *where, size_t size)
{
	char *save = NULL, *word = strtok_r(line, " \t", &save);

	snprintf(where, size, "%s", "");
	return word && is_of_disk(word, name);
}

static bool find_line(const struct sysfs *fs, const char *file, line_reader read,
		      const char *name, char *where, size_t size)
{
	char path[SYSFS_PATH_MAX], *line = NULL;
	size_t room = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/proc/%s", fs->root, file);
	f = fopen(path, "re");
	if (!f)
		return false;
	while (!found && getline(&line, &room, f) >= 0)
		found = read(line, name, where, size);
	free(line);
	fclose(f);
	return found;
}

enum disk_use disk_use(const struct sysfs *fs, const char *name, char *where, size_t size)
{
	where[0] = '\0';
	if (!is_claimed(fs, name))
		return DISK_FREE;
	if (find_line(fs, "self/mountinfo", read_mount, name, where, size))
		return DISK_MOUNTED;
	if (find_line(fs, "swaps", read_swap, name, where, size))
		return DISK_SWAP;
	return DISK_CLAIMED;
}

bool disk_has_requests(const struct sysfs *fs, const char *name)
{
	char text[64];

	/* how many reads, how many writes (Documentation/block/stat.rst) */
	return sysfs_read(fs, text, sizeof(text), "sys/block/%s/inflight", name) > 0 &&
	       strpbrk(text, "123456789");
}

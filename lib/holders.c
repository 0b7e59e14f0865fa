// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/holders.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/parse.h"

/* The inode number of the first pid namespace (include/linux/proc_ns.h). */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

struct scan {
	const struct sysfs *fs;
	unsigned int major_number;
	dev_t device;		/* the only one, and the first holder will do; 0: all */
	struct holders *holders;
	size_t room;
	pid_t pid;
};

static int compare(const void *one, const void *other)
{
	const struct holder *a = one, *b = other;

	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

/* The character behind the name, which stands in parentheses and may hold any. */
static char read_state(const struct sysfs *fs, pid_t pid)
{
	char text[128];
	const char *end;

	if (sysfs_read(fs, text, sizeof(text), "proc/%d/stat", pid) < 0)
		return '?';
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] ? end[2] : '?';
}

/*
 * The kernel keeps 15 bytes of a name (TASK_COMM_LEN, include/linux/sched.h). Where it
 * has as many, its program's file may have the rest. Its command line is not read: that
 * takes the lock of its memory (get_mm_cmdline() in fs/proc/base.c), which a client of
 * vhost-vdpa has while the kernel waits for a device process.
 */
static void read_command(const struct sysfs *fs, pid_t pid, char command[32])
{
	char name[64], *removed;
	int length = sysfs_read(fs, command, 32, "proc/%d/comm", pid);

	if (length != 15 || sysfs_link_name(fs, name, sizeof(name), "proc/%d/exe", pid) < 0)
		return;
	removed = strstr(name, " (deleted)");
	if (removed)
		*removed = '\0';
	if (!strncmp(name, command, length) && strlen(name) < 32)
		strcpy(command, name);
}

static int add_holder(struct scan *scan, dev_t device)
{
	struct holders *holders = scan->holders;
	struct holder *holder;
	size_t i;

	for (i = holders->count; i > 0 && holders->list[i - 1].pid == scan->pid; i--)
		if (holders->list[i - 1].device == device)
			return 0;
	if (holders->count == scan->room) {
		size_t room = scan->room ? 2 * scan->room : 16;
		struct holder *list = realloc(holders->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		holders->list = list;
		scan->room = room;
	}
	holder = &holders->list[holders->count++];
	*holder = (struct holder){ .device = device, .pid = scan->pid };
	if (holders->count > 1 && holder[-1].pid == scan->pid) {
		memcpy(holder->command, holder[-1].command, sizeof(holder->command));
		holder->state = holder[-1].state;
		return 0;
	}
	read_command(scan->fs, scan->pid, holder->command);
	holder->state = read_state(scan->fs, scan->pid);
	return 0;
}

/* Whose descriptors are kept from us may have it. */
static void note_refusal(struct scan *scan, int errnum)
{
	if (errnum == EACCES || errnum == EPERM)
		scan->holders->complete = false;
}

/*
 * A file of another kind may lie on a dead network file system: ask for its type
 * alone and for what is known without a question to a server. To root without CAP_SYS_PTRACE
 * the kernel lists the descriptors, and says no more (proc_pid_get_link() in fs/proc/base.c).
 */
static int note_descriptor(void *context, int fd, const char *name)
{
	struct scan *scan = context;
	struct statx file;
	dev_t device;
	int rc;

	if (statx(fd, name, AT_STATX_DONT_SYNC, STATX_TYPE, &file) < 0) {
		note_refusal(scan, errno);
		return 0;
	}
	if (!S_ISCHR(file.stx_mode) || file.stx_rdev_major != scan->major_number)
		return 0;
	device = makedev(file.stx_rdev_major, file.stx_rdev_minor);
	if (scan->device && scan->device != device)
		return 0;
	rc = add_holder(scan, device);
	return rc == 0 && scan->device ? 1 : rc;
}

static int note_process(void *context, int fd, const char *name)
{
	struct scan *scan = context;
	uint64_t pid;
	int rc;

	(void)fd;
	if (!isdigit((unsigned char)name[0]) || parse_number(name, 1, 1 << 30, &pid))
		return 0;
	scan->pid = pid;
	rc = sysfs_each(scan->fs, note_descriptor, scan, "proc/%d/fd", scan->pid);
	note_refusal(scan, -rc);
	return rc == -ENOMEM || rc == 1 ? rc : 0;	/* others: it ended meanwhile */
}

static bool sees_all_processes(const struct sysfs *fs)
{
	char name[64];

	return sysfs_link_name(fs, name, sizeof(name), "proc/self/ns/pid") == 0 &&
	       !strcmp(name, FIRST_PID_NAMESPACE);
}

static int scan(const struct sysfs *fs, unsigned int major_number, dev_t device,
		struct holders *holders)
{
	struct scan scan = {
		.fs = fs,
		.major_number = major_number,
		.device = device,
		.holders = holders,
	};
	int rc;

	*holders = (struct holders){ .complete = sees_all_processes(fs) };
	rc = sysfs_each(fs, note_process, &scan, "proc");
	if (rc < 0)
		holders_free(holders);
	return rc < 0 ? rc : 0;
}

int holders_scan(const struct sysfs *fs, unsigned int major_number, struct holders *holders)
{
	int rc = scan(fs, major_number, 0, holders);

	if (rc == 0 && holders->count)
		qsort(holders->list, holders->count, sizeof(*holders->list), compare);
	return rc;
}

void holders_free(struct holders *holders)
{
	free(holders->list);
	*holders = (struct holders){ 0 };
}

const struct holder *holders_find(const struct holders *holders, dev_t device)
{
	size_t low = 0, high = holders->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (holders->list[middle].device < device)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == holders->count || holders->list[low].device != device)
		return NULL;
	return &holders->list[low];
}

int holder_of(const struct sysfs *fs, dev_t device, struct holder *holder)
{
	struct holders holders;
	int rc = scan(fs, major(device), device, &holders);

	if (rc < 0)
		return rc;
	rc = holders.count ? 1 : holders.complete ? 0 : -EPERM;
	if (holders.count)
		*holder = holders.list[0];
	holders_free(&holders);
	return rc;
}

void holder_hint_stopped(const struct holder *holder, struct failure *failure)
{
	size_t used;

	if (!failure || holder->state != 'T')
		return;
	used = strlen(failure->hint);
	snprintf(failure->hint + used, sizeof(failure->hint) - used,
		 "%sit is stopped: \"kill -CONT %d\" lets it go on", used ? "; " : "",
		 (int)holder->pid);
}

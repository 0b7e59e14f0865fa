// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A task that waits for a device process sleeps in vduse_dev_msg_sync()
 * (drivers/vdpa/vdpa_user/vduse_dev.c), and holds the family's lock meanwhile; everyone
 * else waits for that lock. /proc/PID/wchan tells the one from the others, for root.
 */
#include "lib/vdpa_blocked.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "lib/holders.h"
#include "lib/parse.h"
#include "lib/vdpa_attached.h"
#include "lib/vduse_device.h"

#define COMMAND_SIZE 256

static void append(struct failure *failure, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void append(struct failure *failure, const char *format, ...)
{
	size_t used = strlen(failure->message);
	va_list args;

	va_start(args, format);
	vsnprintf(failure->message + used, sizeof(failure->message) - used, format, args);
	va_end(args);
}

static int note_thread(void *context, int fd, const char *name)
{
	int *threads = context;

	(void)fd;
	(void)name;
	++*threads;
	return 0;
}

/*
 * The words of a process with NULs between; returns their length in bytes.
 *
 * Reading them takes the lock of its memory (get_mm_cmdline() in fs/proc/base.c). A client
 * of vhost-vdpa has that lock while the kernel waits for a device process, and once another
 * of its threads wants it, too, whoever reads is kept waiting: so only those of a process
 * that has no other thread are read.
 */
static int read_command(const struct sysfs *fs, pid_t pid, char *command)
{
	int threads = 0, length = 0;

	sysfs_each(fs, note_thread, &threads, "proc/%d/task", pid);
	if (threads < 2)
		length = sysfs_read(fs, command, COMMAND_SIZE, "proc/%d/cmdline", pid);
	if (length <= 0)
		length = sysfs_read(fs, command, COMMAND_SIZE, "proc/%d/comm", pid);
	if (length < 0)
		length = 0;
	memset(command + length, 0, COMMAND_SIZE - length);
	return length;
}

static void join_words(char *command, int length)
{
	int i;

	for (i = 0; i + 1 < length; i++)
		if (!command[i])
			command[i] = ' ';
}

struct waiter {
	const struct sysfs *fs;
	pid_t child;		/* makes our own call, if that goes on */
	pid_t pid;		/* another one, 0 for none */
	bool family;		/* that one keeps everyone else waiting, too */
	bool ours;		/* our own call waits for a device process */
};

/*
 * A call of the family is a message that is sent; whoever binds, unbinds or has a node of
 * vhost-vdpa waits for itself alone. The number of the system call stands first (proc(5)).
 */
static bool calls_family(const struct sysfs *fs, int pid)
{
	char text[128];

	if (sysfs_read(fs, text, sizeof(text), "proc/%d/syscall", pid) <= 0)
		return false;
	return atoi(text) == SYS_sendto || atoi(text) == SYS_sendmsg;
}

static int note_process(void *context, int fd, const char *name)
{
	struct waiter *waiter = context;
	char function[64];
	uint64_t pid;

	(void)fd;
	if (parse_number(name, 1, 1 << 30, &pid) < 0)
		return 0;
	if (sysfs_read(waiter->fs, function, sizeof(function), "proc/%d/wchan", (int)pid) < 0 ||
	    strcmp(function, "vduse_dev_msg_sync"))
		return 0;
	if ((pid_t)pid == waiter->child) {
		waiter->ours = true;
	} else if (!waiter->pid || !waiter->family) {
		waiter->family = calls_family(waiter->fs, (int)pid);
		waiter->pid = waiter->pid && !waiter->family ? waiter->pid : (pid_t)pid;
	}
	return 0;
}

/* Who should answer for the device @name: appended, with what to do as the hint. */
static bool tell_process(const struct sysfs *fs, const char *name, struct failure *failure)
{
	struct vduse_device device;
	struct holder holder;
	int rc;

	if (vduse_device_read(fs, name, &device, NULL) < 0)
		return false;
	rc = holder_of(fs, device.node, &holder);
	if (rc < 0)
		return false;
	if (rc == 0) {
		append(failure, ": no process serves the VDUSE device %s", name);
		failure_hint(failure, vduse_device_is_ours(fs, &device) ?
			     "serve it again, as with \"vduse loopback %s\", or wait for its "
			     "msg_timeout" :
			     "start its device process again, or wait for its msg_timeout", name);
		return true;
	}
	append(failure, ": device process %d (%s) of %s %s", (int)holder.pid, holder.command,
	       name, holder.state == 'T' ? "is stopped" : "does not answer");
	failure_hint(failure, holder.state == 'T' ? "\"kill -CONT %d\" lets it go on" :
		     "end process %d, or wait for the device's msg_timeout", (int)holder.pid);
	return true;
}

static bool tell_holder(const struct sysfs *fs, const char *name, struct failure *failure)
{
	struct vdpa_attached attached;
	struct holder holder;

	if (vdpa_attached_read(fs, name, &attached) < 0 || !attached.chardev[0] ||
	    holder_of(fs, attached.rdev, &holder) != 1)
		return false;
	append(failure, ": process %d (%s) has /dev/%s open", (int)holder.pid, holder.command,
	       attached.chardev);
	failure_hint(failure, "end process %d", (int)holder.pid);
	return true;
}

/* The first device on the bus that nobody serves, or whose process is stopped. */
static const char *find_suspect(const struct sysfs *fs, const struct vduse_device_list *list)
{
	const char *name = NULL;
	struct holders holders;
	size_t i;

	if (!list->count || holders_scan(fs, major(list->devices[0].node), &holders) < 0)
		return NULL;
	for (i = 0; i < list->count && !name; i++) {
		const struct holder *holder = holders_find(&holders, list->devices[i].node);

		if (!list->devices[i].attached)
			continue;
		if (holder ? holder->state == 'T' : holders.complete)
			name = list->devices[i].name;
	}
	holders_free(&holders);
	return name;
}

static bool tell_suspect(const struct sysfs *fs, struct failure *failure)
{
	struct vduse_device_list list;
	const char *name;
	bool told;

	if (vduse_device_list_read(fs, &list, NULL) < 0)
		return false;
	name = find_suspect(fs, &list);
	told = name && tell_process(fs, name, failure);
	vduse_device_list_free(&list);
	return told;
}

/* Which of the words that another command was given is a VDUSE device? Those of a batch do
 * not stand in its command line. */
static void tell_waiter(const struct sysfs *fs, pid_t pid, struct failure *failure)
{
	char command[COMMAND_SIZE];
	int word, length = read_command(fs, pid, command);

	for (word = 0; word < length; word += strlen(command + word) + 1)
		if (command[word] && tell_process(fs, command + word, failure))
			return;
	if (tell_suspect(fs, failure))
		return;
	join_words(command, length);
	append(failure, ": process %d (%s) waits for a device process", (int)pid, command);
}

void vdpa_blocked_explain(const struct sysfs *fs, const char *device, pid_t child,
			  struct failure *failure)
{
	struct waiter waiter = { .fs = fs, .child = child };

	if (device) {
		snprintf(failure->object, sizeof(failure->object), "%s", device);
		if (tell_holder(fs, device, failure))
			return;
	}
	sysfs_each(fs, note_process, &waiter, "proc");
	if (device && waiter.ours && tell_process(fs, device, failure))
		return;
	if (waiter.pid) {
		tell_waiter(fs, waiter.pid, failure);
		return;
	}
	if (tell_suspect(fs, failure))
		return;
	if (device)
		tell_process(fs, device, failure);
}

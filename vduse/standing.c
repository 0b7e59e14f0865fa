// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/standing.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/control_socket.h"
#include "lib/registry.h"
#include "lib/vduse_control.h"
#include "vduse/journal_file.h"

bool standing_is_ours(const struct holder *holder)
{
	return !strcmp(holder->command, "vduse");
}

static void ask(struct standing *standing, int milliseconds)
{
	standing->asked = milliseconds < 0 ? -EAGAIN : -ETIMEDOUT;
	if (milliseconds >= 0 && standing->holder.state != 'T')
		standing->asked = ask_state(standing->device.name, milliseconds,
					    &standing->state);
}

void standing_read(const char *name, int milliseconds, struct standing *standing)
{
	struct registry_record record;

	memset(standing, 0, sizeof(*standing));
	standing->name = name;
	if (vduse_device_read(&sysfs_machine, name, &standing->device, NULL))
		return;
	standing->there = true;
	standing->recorded = vduse_device_record(&sysfs_machine, REGISTRY_FOLDER,
						 &standing->device, &record, NULL) == 0;
	if (standing->recorded)
		standing->definition = record.definition;
	if (standing->device.attached)
		vdpa_attached_read(&sysfs_machine, standing->device.name, &standing->attached);
	standing->held = holder_of(&sysfs_machine, standing->device.node, &standing->holder) == 1;
	standing->ours = standing->held && standing_is_ours(&standing->holder);
	standing->supervisor = journal_owner(standing->device.name);
	if (standing->ours)
		ask(standing, milliseconds);
}

pid_t standing_server(const struct standing *standing)
{
	return standing->supervisor ? standing->supervisor : standing->holder.pid;
}

bool standing_works(const struct standing *standing)
{
	const struct vdpa_attached *attached = &standing->attached;

	if (vdpa_attached_works(attached))
		return true;
	return attached->virtio_driver[0] && standing->ours && standing->asked == 0 &&
	       standing->state.live;
}

bool standing_is_broken(const struct standing *standing)
{
	if (standing->held)
		return standing->ours && standing->asked == 0 && standing->state.broken;
	return standing->there && vduse_node_is_broken(standing->device.name) == 1;
}

/* "NAME.sock.231": of a server that was killed before the socket had its name. */
static bool is_half_socket(const char *entry, const char *socket)
{
	size_t length = strlen(socket);

	return !strncmp(entry, socket, length) && entry[length] == '.' &&
	       isdigit((unsigned char)entry[length + 1]);
}

struct files {
	const char *socket;
	int remove;	/* the folder's descriptor to remove from, or -1: only look */
	bool found;
};

static int visit(void *context, int fd, const char *entry)
{
	struct files *files = context;

	(void)fd;
	if (!is_half_socket(entry, files->socket))
		return 0;
	files->found = true;
	if (files->remove >= 0)
		unlinkat(files->remove, entry, 0);
	return 0;
}

static bool each_half_socket(const char *name, int remove)
{
	char socket[REGISTRY_FILE_MAX];
	struct files files = { .socket = socket, .remove = remove };

	registry_socket_name(name, socket);
	sysfs_each(&sysfs_machine, visit, &files, "%s", &REGISTRY_FOLDER[1]);
	return files.found;
}

static bool exists(const char *file)
{
	return sysfs_exists(&sysfs_machine, "%s/%s", &REGISTRY_FOLDER[1], file);
}

bool standing_leaves_files(const char *name)
{
	char record[REGISTRY_FILE_MAX], socket[REGISTRY_FILE_MAX], unit[REGISTRY_FILE_MAX],
	     journal[REGISTRY_FILE_MAX];

	if (strchr(name, '/'))
		return false;
	registry_file_name(name, record);
	registry_socket_name(name, socket);
	registry_unit_name(name, unit);
	registry_journal_name(name, journal);
	return exists(record) || exists(socket) || exists(unit) || exists(journal) ||
	       each_half_socket(name, -1);
}

bool standing_was_killed(const char *name)
{
	char socket[REGISTRY_FILE_MAX];

	registry_socket_name(name, socket);
	return exists(socket);
}

static int remove_socket(const char *name, struct failure *failure)
{
	int rc = control_socket_remove(REGISTRY_FOLDER, name);

	return rc == 0 ? 0 : failure_errno(failure, -rc, name, "cannot remove its control socket");
}

int standing_remove_files(const char *name, struct failure *failure)
{
	int rc, lock, registry;

	if (strchr(name, '/') || !standing_leaves_files(name))
		return 0;
	registry = registry_open(REGISTRY_FOLDER, false, failure);
	if (registry < 0)
		return registry;
	lock = registry_lock(registry, REGISTRY_LOCK_MS, failure);
	rc = lock < 0 ? lock : registry_remove(registry, name, failure);
	if (rc == 0)
		rc = remove_socket(name, failure);
	if (rc == 0)
		each_half_socket(name, registry);
	registry_unlock(lock);
	close(registry);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The file of a unit, and what belongs together. */
#include "vduse/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/holders.h"
#include "lib/registry.h"
#include "lib/vduse_device.h"
#include "vduse/standing.h"

static bool is_about(const struct unit_names *names, const char *name)
{
	return !strcmp(names->names[0], name) ||
	       (names->count == 2 && !strcmp(names->names[1], name));
}

/* 1 where @text was filled, 0 where there is no file, negative for one that is not used. */
static int read_text(const char *name, char text[REGISTRY_RECORD_MAX + 1])
{
	int length, registry = registry_open(REGISTRY_FOLDER, false, NULL);
	char file[REGISTRY_FILE_MAX];
	const char *reason;

	if (registry < 0)
		return 0;
	registry_unit_name(name, file);
	length = strchr(name, '/') ? -ENOENT : registry_read_file(registry, file, text, &reason);
	close(registry);
	if (length == -ENOENT)
		return 0;
	if (length < 0 || length > REGISTRY_RECORD_MAX)
		return -EBADMSG;
	text[length] = '\0';
	return strlen(text) == (size_t)length ? 1 : -EBADMSG;
}

/* The same, of one that is about @name. */
static int read_words(const char *name, char text[REGISTRY_RECORD_MAX + 1],
		      struct unit_names *names)
{
	int rc = read_text(name, text);

	memset(names, 0, sizeof(*names));
	if (rc > 0 && (unit_parse(text, strlen(text), names) || !is_about(names, name)))
		rc = -EBADMSG;
	return rc;
}

/*
 * A pair's files are written one after the other, so they differ where a command was killed
 * between the two: what the first one says is said, of both.
 */
static void prefer_first(const char *name, char text[REGISTRY_RECORD_MAX + 1],
			 const struct unit_names *names)
{
	char first[REGISTRY_RECORD_MAX + 1];
	struct unit_names said;

	if (names->count == 2 && strcmp(names->names[0], name) &&
	    read_words(names->names[0], first, &said) > 0 && said.count == 2 &&
	    !strcmp(said.names[0], names->names[0]) && !strcmp(said.names[1], name))
		strcpy(text, first);
}

char *unit_read(const char *name, struct unit_names *names, bool *unusable)
{
	char text[REGISTRY_RECORD_MAX + 1];
	int rc = read_words(name, text, names);

	if (rc > 0)
		prefer_first(name, text, names);
	if (unusable)
		*unusable = rc < 0;
	return rc > 0 ? strdup(text) : NULL;
}

bool unit_is_unusable(const char *name)
{
	struct unit_names names;
	bool unusable;

	free(unit_read(name, &names, &unusable));
	return unusable;
}

bool unit_is_written(const struct unit_names *names, const char *text)
{
	char was[REGISTRY_RECORD_MAX + 1];
	bool same = true;
	unsigned int i;

	for (i = 0; i < names->count && same; i++)
		same = read_text(names->names[i], was) > 0 && !strcmp(was, text);
	return same;
}

bool unit_is_there(const struct unit_names *names)
{
	struct vduse_device device;
	unsigned int i;

	for (i = 0; i < names->count; i++)
		if (vduse_device_read(&sysfs_machine, names->names[i], &device, NULL) == 0)
			return true;
	return false;
}

/* Both under the lock of the folder; @text NULL: remove. */
static int change(const struct unit_names *names, const char *text, int registry)
{
	char file[REGISTRY_FILE_MAX];
	unsigned int i;
	int rc = 0;

	for (i = 0; i < names->count && rc == 0; i++) {
		registry_unit_name(names->names[i], file);
		if (text)
			rc = registry_write_file(registry, file, text);
		else if (!strchr(names->names[i], '/') && unlinkat(registry, file, 0) &&
			 errno != ENOENT)
			rc = -errno;
	}
	return rc;
}

static int change_locked(const struct unit_names *names, const char *text,
			 struct failure *failure)
{
	int rc, lock, registry = registry_open(REGISTRY_FOLDER, text != NULL, failure);

	if (registry < 0)
		return registry;
	lock = registry_lock(registry, REGISTRY_LOCK_MS, failure);
	rc = lock < 0 ? lock : change(names, text, registry);
	if (lock >= 0 && rc < 0)
		failure_errno(failure, -rc, names->names[0],
			      text ? "cannot write what is to be of it" :
				     "cannot remove what was to be of it");
	registry_unlock(lock);
	close(registry);
	return rc;
}

int unit_write(const struct unit_names *names, const char *text, struct failure *failure)
{
	return change_locked(names, text, failure);
}

int unit_remove(const struct unit_names *names, struct failure *failure)
{
	int rc = change_locked(names, NULL, failure);

	return rc == -ENOENT ? 0 : rc;
}

static void add_name(struct unit_names *names, const char *name)
{
	if (names->count < UNIT_DEVICES && !is_about(names, name) &&
	    strlen(name) < sizeof(names->names[0]))
		strcpy(names->names[names->count++], name);
}

/* The other of a pair, where its file says the same. */
static void add_recorded(struct unit_names *names)
{
	struct unit_names said, others;
	char *text = unit_read(names->names[0], &said, NULL), *other = NULL;
	const char *peer;

	if (text && said.count == 2) {
		peer = said.names[!strcmp(said.names[0], names->names[0])];
		other = unit_read(peer, &others, NULL);
		if (other && !strcmp(text, other))
			add_name(names, peer);
	}
	free(text);
	free(other);
}

static void add_served(struct unit_names *names)
{
	struct vduse_device_list list;
	struct vduse_device device;
	struct holder holder;
	struct holders holders;
	size_t i, j;

	if (vduse_device_read(&sysfs_machine, names->names[0], &device, NULL) ||
	    holder_of(&sysfs_machine, device.node, &holder) != 1 || !standing_is_ours(&holder) ||
	    vduse_device_list_read(&sysfs_machine, &list, NULL))
		return;
	if (holders_scan(&sysfs_machine, major(device.node), &holders) == 0) {
		for (i = 0; i < holders.count; i++)
			for (j = 0; j < list.count && holders.list[i].pid == holder.pid; j++)
				if (list.devices[j].node == holders.list[i].device)
					add_name(names, list.devices[j].name);
		holders_free(&holders);
	}
	vduse_device_list_free(&list);
}

void unit_members(const char *name, struct unit_names *names)
{
	memset(names, 0, sizeof(*names));
	names->count = 1;
	strncpy(names->names[0], name, sizeof(names->names[0]) - 1);
	add_recorded(names);
	add_served(names);
}

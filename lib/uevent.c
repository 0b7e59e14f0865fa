// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/uevent.h"

#include <errno.h>
#include <string.h>

#include "lib/parse.h"

/* A key and where its value goes. */
struct key {
	const char *name;	/* "DRIVER=" */
	size_t text, number;	/* offset in struct uevent; 0: not of this kind */
};

#define TEXT(name, member) { name "=", .text = offsetof(struct uevent, member) }
#define NUMBER(name, member) { name "=", .number = offsetof(struct uevent, member) }

static const struct key keys[] = {
	TEXT("DEVPATH", devpath),
	TEXT("SUBSYSTEM", subsystem),
	TEXT("DRIVER", driver),
	TEXT("INTERFACE", interface),
	NUMBER("IFINDEX", ifindex),
	NUMBER("MAJOR", major),
	NUMBER("MINOR", minor),
	NUMBER("SEQNUM", seqnum),
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

/* What was read so far. */
struct reading {
	struct uevent uevent;
	const char *action;	/* NULL before ACTION */
	unsigned int seen;	/* a bit for each of keys */
};

static enum uevent_action action_of(const char *word)
{
	static const char *const words[] = {
		[UEVENT_ADD] = "add",
		[UEVENT_REMOVE] = "remove",
		[UEVENT_BIND] = "bind",
		[UEVENT_UNBIND] = "unbind",
		[UEVENT_MOVE] = "move",
	};
	unsigned int i;

	for (i = UEVENT_ADD; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word))
			return i;
	return UEVENT_OTHER;
}

static int take_value(struct uevent *uevent, const struct key *key, const char *value)
{
	char *base = (char *)uevent;

	if (key->text) {
		memcpy(base + key->text, &value, sizeof(value));
		return 0;
	}
	return parse_number(value, 0, UINT64_MAX, (uint64_t *)(void *)(base + key->number)) ?
		       -EBADMSG : 0;
}

/* One line, "KEY=VALUE". Unknown keys are somebody else's. */
static int take_line(struct reading *reading, const char *line)
{
	size_t i;

	if (!strncmp(line, "ACTION=", 7) && !reading->action)
		reading->action = line + 7;
	if (!strncmp(line, "SYNTH_UUID=", 11))
		reading->uevent.synthetic = true;
	for (i = 0; i < KEY_COUNT; i++) {
		size_t length = strlen(keys[i].name);

		if (strncmp(line, keys[i].name, length) || reading->seen & 1u << i)
			continue;
		reading->seen |= 1u << i;
		return take_value(&reading->uevent, &keys[i], line + length);
	}
	return 0;
}

/* The head says "ACTION@DEVPATH", and so do the lines. */
static int check(const struct reading *reading, const char *head)
{
	const struct uevent *uevent = &reading->uevent;
	size_t length;

	if (!reading->action || !uevent->subsystem[0] || uevent->devpath[0] != '/' ||
	    !uevent_name(uevent->devpath)[0])
		return -EBADMSG;
	length = strlen(reading->action);
	if (strncmp(head, reading->action, length) || head[length] != '@' ||
	    strcmp(head + length + 1, uevent->devpath))
		return -EBADMSG;
	return 0;
}

int uevent_parse(const char *bytes, size_t length, struct uevent *uevent)
{
	struct reading reading = {
		.uevent = { .devpath = "", .subsystem = "", .driver = "",
			    .interface = "" },
	};
	const char *line, *end = bytes + length;
	int rc = 0;

	if (!length || length > UEVENT_SIZE_MAX || end[-1])
		return -EBADMSG;
	for (line = bytes + strlen(bytes) + 1; line < end && rc == 0; line += strlen(line) + 1)
		rc = take_line(&reading, line);
	if (rc == 0)
		rc = check(&reading, bytes);
	if (rc < 0)
		return rc;
	reading.uevent.action = action_of(reading.action);
	*uevent = reading.uevent;
	return 0;
}

const char *uevent_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool uevent_is_below(const char *path, const char *parent, unsigned int levels)
{
	size_t length = strlen(parent);

	if (!length || strncmp(path, parent, length))
		return false;
	for (path += length; *path == '/' && path[1] && path[1] != '/' && levels; levels--)
		path += 1 + strcspn(path + 1, "/");
	return !*path && !levels;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/watch/table.h"

#include <stdlib.h>
#include <string.h>

#include "lib/vduse_definition.h"

static size_t slot_of(const char *name)
{
	return hash_text(HASH_START, name) % TABLE_SLOTS;
}

static void release(struct device *device)
{
	free(device->vdpa.path);
	free(device);
}

void table_free(struct table *table)
{
	struct device *device, *next;
	size_t i;

	for (i = 0; i < TABLE_SLOTS; i++) {
		for (device = table->slots[i]; device; device = next) {
			next = device->next;
			release(device);
		}
		table->slots[i] = NULL;
	}
	table->count = 0;
}

struct device *table_find(const struct table *table, const char *name)
{
	struct device *device = table->slots[slot_of(name)];

	while (device && strcmp(device->name, name))
		device = device->next;
	return device;
}

struct device *table_get(struct table *table, const char *name)
{
	struct device *device = table_find(table, name);
	size_t slot = slot_of(name), length = strlen(name);

	if (device)
		return device;
	device = length && length < sizeof(device->name) ? calloc(1, sizeof(*device)) : NULL;
	if (!device)
		return NULL;
	memcpy(device->name, name, length);
	device->vdpa.node_watch = -1;
	device->next = table->slots[slot];
	table->slots[slot] = device;
	table->count++;
	return device;
}

void table_settle(struct table *table, struct device *device)
{
	struct device **at = &table->slots[slot_of(device->name)];

	if (device->vduse.exists || device->vdpa.exists || device->vduse.opened.open)
		return;
	while (*at != device)
		at = &(*at)->next;
	*at = device->next;
	table->count--;
	release(device);
}

struct device *table_next(const struct table *table, const struct device *device)
{
	size_t slot = device ? slot_of(device->name) + 1 : 0;

	if (device && device->next)
		return device->next;
	while (slot < TABLE_SLOTS && !table->slots[slot])
		slot++;
	return slot < TABLE_SLOTS ? table->slots[slot] : NULL;
}

static int by_name(const void *one, const void *other)
{
	const struct device *const *a = one, *const *b = other;

	return strverscmp((*a)->name, (*b)->name);
}

struct device **table_sorted(const struct table *table)
{
	struct device **list = calloc(table->count + 1, sizeof(struct device *));
	struct device *device = NULL;
	size_t i = 0;

	if (!list)
		return NULL;
	while ((device = table_next(table, device)))
		list[i++] = device;
	qsort(list, i, sizeof(struct device *), by_name);
	return list;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "made_units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vduse/bring.h"
#include "vduse/down.h"
#include "vduse/unit_lock.h"

struct made_unit made_units[MADE_UNITS];
struct made_failures made_failures;

static struct made_unit *find(const char *name)
{
	unsigned int i;

	for (i = 0; i < MADE_UNITS; i++)
		if (!strcmp(made_units[i].name, name))
			return &made_units[i];
	return NULL;
}

struct made_unit *made_unit(const char *name)
{
	struct made_unit *unit = find(name);

	if (unit)
		return unit;
	unit = find("");
	if (!unit)
		abort();
	snprintf(unit->name, sizeof(unit->name), "%s", name);
	return unit;
}

static void write_down(struct made_unit *unit, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	free(unit->text);
	unit->text = copy;
}

static struct made_unit kept[MADE_UNITS];	/* what a kill left */

static void empty(struct made_unit *units)
{
	unsigned int i;

	for (i = 0; i < MADE_UNITS; i++)
		free(units[i].text);
	memset(units, 0, sizeof(made_units));
}

/* Before each change. */
static void step(void)
{
	unsigned int i;

	if (++made_failures.changes != made_failures.kill)
		return;
	empty(kept);
	memcpy(kept, made_units, sizeof(kept));
	for (i = 0; i < MADE_UNITS; i++)
		kept[i].text = kept[i].text ? strdup(kept[i].text) : NULL;
}

bool made_units_killed(void)
{
	if (made_failures.changes < made_failures.kill)
		return false;
	empty(made_units);
	memcpy(made_units, kept, sizeof(kept));
	memset(kept, 0, sizeof(kept));
	return true;
}

void made_units_free(void)
{
	empty(made_units);
	empty(kept);
	memset(&made_failures, 0, sizeof(made_failures));
}

static int fail(struct failure *failure, const char *name, const char *what)
{
	return failure_set(failure, STATUS_FAILED, EIO, made_failures.object ?: name,
			   "%s was made to fail", what);
}

/* -- what is written down ------------------------------------------------------------------ */

char *__wrap_unit_read(const char *name, struct unit_names *names, bool *unusable);
bool __wrap_unit_is_there(const struct unit_names *names);
void __wrap_unit_members(const char *name, struct unit_names *names);
int __wrap_unit_write(const struct unit_names *names, const char *text, struct failure *failure);
int __wrap_unit_lock(const struct unit_names *names, const struct pace *pace,
		     struct failure *failure);
void __wrap_unit_unlock(int lock);

char *__wrap_unit_read(const char *name, struct unit_names *names, bool *unusable)
{
	struct made_unit *unit = find(name);

	memset(names, 0, sizeof(*names));
	if (unusable)
		*unusable = false;
	if (!unit || !unit->text || unit_parse(unit->text, strlen(unit->text), names) < 0)
		return NULL;
	return strdup(unit->text);
}

bool __wrap_unit_is_there(const struct unit_names *names)
{
	unsigned int i;

	for (i = 0; i < names->count; i++)
		if (find(names->names[i]) && find(names->names[i])->there)
			return true;
	return false;
}

void __wrap_unit_members(const char *name, struct unit_names *names)
{
	struct unit_names said;
	char *text = __wrap_unit_read(name, &said, NULL);

	*names = (struct unit_names){ .count = 1 };
	strcpy(names->names[0], name);
	if (text && said.count == 2) {
		names->count = 2;
		strcpy(names->names[1], said.names[!strcmp(said.names[0], name)]);
	}
	free(text);
}

int __wrap_unit_write(const struct unit_names *names, const char *text, struct failure *failure)
{
	unsigned int i;

	step();
	for (i = 0; i < names->count; i++) {
		if (made_failures.write && !strcmp(names->names[i], made_failures.write))
			return fail(failure, names->names[i], "writing");
		write_down(made_unit(names->names[i]), text);
	}
	return 0;
}

int __wrap_unit_lock(const struct unit_names *names, const struct pace *pace,
		     struct failure *failure)
{
	(void)names;
	(void)pace;
	(void)failure;
	if (made_failures.locks++)	/* a process that locks twice waits for itself */
		abort();
	return 1000;
}

void __wrap_unit_unlock(int lock)
{
	if (lock >= 0)
		made_failures.locks--;
}

/* -- the way up ---------------------------------------------------------------------------- */

int __wrap_bring_check(struct bring *bring, struct failure *failure);
int __wrap_bring_up(struct bring *bring, struct failure *failure);
void __wrap_bring_undo(struct bring *bring, int milliseconds, struct failure *failure);

static void stand(struct standing *now, const char *name)
{
	const struct made_unit *unit = find(name);

	*now = (struct standing){ .name = name };
	if (!unit || !unit->there)
		return;
	now->there = now->recorded = true;
	now->device.has_msg_timeout = true;
	now->device.msg_timeout = unit->msg_timeout;
	now->device.attached = unit->driver[0];
	now->held = unit->served || unit->foreign;
	now->ours = unit->served;
	now->holder.pid = unit->pid;
	now->asked = unit->hung ? -ETIMEDOUT : 0;
	now->state.link_down = unit->link_down;
	now->state.broken = unit->broken;
	strcpy(now->attached.driver, unit->driver);
	if (!strcmp(unit->driver, VDPA_DRIVER_VHOST))
		strcpy(now->attached.chardev, "vhost-vdpa-0");
	else if (unit->driver[0])
		strcpy(now->attached.virtio_driver, "virtio_net");
	if (unit->driver[0])
		strcpy(now->attached.netdev, "eth0");
}

int __wrap_bring_check(struct bring *bring, struct failure *failure)
{
	unsigned int i;

	for (i = 0; i < bring->names.count; i++) {
		const char *name = bring->names.names[i];
		const struct made_unit *unit = find(name);

		stand(&bring->now[i], name);
		if (!unit || !unit->there)
			continue;
		if (!unit->text || strcmp(unit->text, bring->text))
			return failure_set(failure, STATUS_BUSY, EEXIST, name, "%s", unit->text ?
					   "it is up with other words" : "not made by \"vduse up\"");
		if (unit->foreign)
			return failure_set(failure, STATUS_BUSY, EBUSY, name, "none of ours");
		if (unit->hung)
			return failure_set(failure, STATUS_TIMED_OUT, ETIMEDOUT, name, "no answer");
	}
	return 0;
}

/* What bring_undo() is to take away again stands in @bring->undo, as of the real one. */
static void make(struct bring *bring, unsigned int index)
{
	struct made_unit *unit = made_unit(bring->names.names[index]);
	const struct create_request *request = &bring->unit->requests[index];

	if (!unit->there) {
		unit->msg_timeout = request->msg_timeout ? request->msg_timeout : 30;
		unit->link_down = false;
		bring->undo.destroy[index] = true;
	}
	write_down(unit, bring->text);
	unit->there = unit->served = true;
	unit->broken = false;
	unit->pid = 100;
	strcpy(unit->driver, bring->unit->driver);
}

int __wrap_bring_up(struct bring *bring, struct failure *failure)
{
	unsigned int i;
	int rc;

	bring->lock = __wrap_unit_lock(&bring->names, &bring->pace, failure);
	rc = __wrap_bring_check(bring, failure);
	if (rc < 0)
		return rc;
	step();
	bring->undo = (struct ending){ .names = bring->names };
	if (made_failures.up && strstr(bring->text, made_failures.up)) {
		if (!__wrap_unit_is_there(&bring->names))
			make(bring, 0);
		return fail(failure, bring->names.names[0], "up");
	}
	for (i = 0; i < bring->names.count; i++) {
		make(bring, i);
		step();
	}
	return 0;
}

static void take_away(struct made_unit *unit)
{
	write_down(unit, NULL);
	unit->there = unit->served = false;
	unit->driver[0] = '\0';
}

void __wrap_bring_undo(struct bring *bring, int milliseconds, struct failure *failure)
{
	unsigned int i;

	(void)failure;
	if (milliseconds <= 0)
		abort();
	for (i = 0; i < bring->names.count; i++)
		if (bring->undo.destroy[i])
			take_away(made_unit(bring->names.names[i]));
}

/* -- the way down -------------------------------------------------------------------------- */

int __wrap_ending_refuse(const struct ending *ending, const struct pace *pace,
			 struct failure *failure);
int __wrap_ending_run(const struct ending *ending, const struct pace *pace,
		      struct buffer found[UNIT_DEVICES], struct failure *failure);
bool __wrap_down_is_there(const char *name);
int __wrap_down_lock(const char *name, const struct pace *pace, struct unit_names *names,
		     struct failure *failure);
int __wrap_down_end(struct call *call, const struct unit_names *names, const struct pace *pace,
		    struct failure *failure);

int __wrap_ending_refuse(const struct ending *ending, const struct pace *pace,
			 struct failure *failure)
{
	unsigned int i;

	(void)pace;
	for (i = 0; i < ending->names.count; i++) {
		const struct made_unit *unit = find(ending->names.names[i]);

		if (unit && (unit->used || unit->foreign))
			return failure_set(failure, STATUS_BUSY, EBUSY, unit->name, "in use");
	}
	return 0;
}

int __wrap_ending_run(const struct ending *ending, const struct pace *pace,
		      struct buffer found[UNIT_DEVICES], struct failure *failure)
{
	unsigned int i;

	(void)pace;
	(void)found;
	step();
	for (i = 0; i < ending->names.count; i++) {
		struct made_unit *unit = made_unit(ending->names.names[i]);

		unit->driver[0] = '\0';
		if (made_failures.end && !strcmp(unit->name, made_failures.end))
			return fail(failure, unit->name, "ending");
		step();
	}
	for (i = 0; i < ending->names.count; i++)
		take_away(made_unit(ending->names.names[i]));
	return 0;
}

bool __wrap_down_is_there(const char *name)
{
	return find(name) && (find(name)->there || find(name)->text);
}

int __wrap_down_lock(const char *name, const struct pace *pace, struct unit_names *names,
		     struct failure *failure)
{
	__wrap_unit_members(name, names);
	return __wrap_unit_lock(names, pace, failure);
}

int __wrap_down_end(struct call *call, const struct unit_names *names, const struct pace *pace,
		    struct failure *failure)
{
	const struct ending all = ending_of_all(names);

	(void)call;
	return __wrap_ending_run(&all, pace, NULL, failure);
}

/* -- attributes ---------------------------------------------------------------------------- */

int __wrap_vduse_device_read(const struct sysfs *fs, const char *name,
			     struct vduse_device *device, struct failure *failure);
int __wrap_vduse_device_set(const struct sysfs *fs, const char *name, const char *attribute,
			    uint64_t value, struct failure *failure);
int __wrap_ask_state(const char *name, int milliseconds, struct asked_state *state);
int __wrap_ask_to(const char *name, const char *request, int milliseconds);

int __wrap_vduse_device_read(const struct sysfs *fs, const char *name,
			     struct vduse_device *device, struct failure *failure)
{
	const struct made_unit *unit = find(name);

	(void)fs;
	memset(device, 0, sizeof(*device));
	if (!unit || !unit->there)
		return failure_set(failure, STATUS_NOT_FOUND, ENODEV, name, "it is not there");
	device->has_msg_timeout = true;
	device->msg_timeout = unit->msg_timeout;
	return 0;
}

int __wrap_vduse_device_set(const struct sysfs *fs, const char *name, const char *attribute,
			    uint64_t value, struct failure *failure)
{
	(void)fs;
	step();
	if (strcmp(attribute, "msg_timeout"))
		abort();
	if (made_failures.timeout && !strcmp(name, made_failures.timeout)) {
		made_failures.timeout = NULL;	/* once */
		return fail(failure, name, "msg_timeout");
	}
	made_unit(name)->msg_timeout = (uint32_t)value;
	return 0;
}

int __wrap_ask_state(const char *name, int milliseconds, struct asked_state *state)
{
	(void)milliseconds;
	memset(state, 0, sizeof(*state));
	state->link_down = made_unit(name)->link_down;
	return 0;
}

int __wrap_ask_to(const char *name, const char *request, int milliseconds)
{
	(void)milliseconds;
	step();
	if (made_failures.link && !strcmp(name, made_failures.link)) {
		made_failures.link = NULL;	/* once */
		return -EPROTO;
	}
	made_unit(name)->link_down = !strcmp(request, "link down");
	return 0;
}

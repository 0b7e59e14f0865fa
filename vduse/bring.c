// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/bring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/netlink.h"
#include "lib/vdpa_attach.h"
#include "lib/vdpa_autoprobe.h"
#include "lib/vdpa_driver.h"
#include "lib/vdpa_family.h"
#include "lib/vdpa_usable.h"
#include "vduse/create.h"
#include "vduse/end_server.h"
#include "vduse/unit_lock.h"

/* -- steps, each in a child --------------------------------------------------------------- */

/* The bus driver's module is loaded with the attaching, so that it takes no other device. */
static int modules_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	(void)context;
	(void)result_fd;
	(void)answer;
	if (vduse_supported(&sysfs_machine, NULL) < 0)
		module_load(&sysfs_machine, "vduse");
	return vduse_supported(&sysfs_machine, failure);
}

static int write_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	const struct bring *bring = context;

	(void)result_fd;
	(void)answer;
	return unit_write(&bring->names, bring->text, failure);
}

static int create_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	(void)result_fd;
	(void)answer;
	return lifecycle_create(context, failure);
}

/* What attaching one device needs. */
struct attaching {
	const char *name;
	const char *driver;
};

static int attach_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	const struct attaching *attaching = context;
	struct vdpa_new device = { .name = attaching->name };
	struct vdpa_attached attached;
	struct netlink netlink;
	int rc;

	(void)result_fd;
	(void)answer;
	rc = vdpa_handle_parse("vduse", &device.mgmtdev, failure);
	if (rc == 0)
		rc = vdpa_family_open(&sysfs_machine, &netlink, failure);
	if (rc < 0)
		return rc;
	rc = vdpa_attach(&sysfs_machine, &netlink, &device, attaching->driver, &attached,
			 failure);
	netlink_close(&netlink);
	return rc;
}

static int bind_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	const struct attaching *attaching = context;

	(void)result_fd;
	(void)answer;
	return vdpa_bind(&sysfs_machine, attaching->name, attaching->driver, failure);
}

static int run(const struct bring *bring, const char *name, void *context,
	       int (*call)(void *, int, void *, struct failure *), struct failure *failure)
{
	const struct step step = { call, context, name, NULL, 0 };

	return step_run(&bring->pace, &step, failure);
}

/* -- the way up --------------------------------------------------------------------------- */

/* A step that ended by itself has undone itself; one that was killed has not. */
static bool was_killed(int rc)
{
	return rc == -EINTR || rc == -ETIMEDOUT || rc == -ECHILD;
}

static int create(struct bring *bring, unsigned int index, struct failure *failure)
{
	const struct standing *now = &bring->now[index];
	struct ending half = { .names = { .count = 1 }, .destroy = { true } };
	int rc = 0;

	if (now->there && now->recorded)
		return 0;
	strcpy(half.names.names[0], now->name);
	if (now->there)
		rc = ending_run(&half, &bring->pace, NULL, failure);
	if (rc < 0)
		return rc;
	bring->undo.destroy[index] = true;
	rc = run(bring, now->name, (void *)&bring->unit->requests[index], create_step, failure);
	bring->undo.destroy[index] = rc == 0 || was_killed(rc);
	return rc;
}

/* One process that serves all of it, and is well? */
static bool is_served(const struct bring *bring)
{
	const struct standing *now = bring->now;
	unsigned int i;

	for (i = 0; i < bring->names.count; i++)
		if (!now[i].ours || now[i].holder.pid != now[0].holder.pid)
			return false;
	return true;
}

static int serve(struct bring *bring, struct failure *failure)
{
	unsigned int i;
	int rc = 0;

	if (is_served(bring))
		return 0;
	/* of a pair, one that is served alone */
	for (i = 0; i < bring->names.count && rc == 0; i++)
		rc = end_server(&bring->now[i], &bring->pace, failure);
	if (rc < 0)
		return rc;
	bring->undo.stop = true;
	return bring_serve(bring, failure);
}

static int attach(struct bring *bring, unsigned int index, struct failure *failure)
{
	struct standing *now = &bring->now[index];
	struct attaching attaching = { now->name, bring->unit->driver };
	const char *driver = now->attached.driver;
	struct ending failed = { .names = { .count = 1 }, .detach = { true } };
	int rc = 0;

	if (now->there && now->device.attached && strcmp(driver, bring->unit->driver))
		return run(bring, now->name, &attaching, bind_step, failure);
	if (now->there && now->device.attached) {
		/* a server that has just begun is live now, if the driver works */
		standing_read(now->name, pace_left(&bring->pace, STANDING_PATIENCE_MS), now);
		if (standing_works(now))
			return 0;
		strcpy(failed.names.names[0], now->name);
		rc = ending_run(&failed, &bring->pace, NULL, failure);
	}
	if (rc < 0)
		return rc;
	bring->undo.detach[index] = true;
	return run(bring, now->name, &attaching, attach_step, failure);
}

static int build(struct bring *bring, struct failure *failure)
{
	unsigned int i;
	int rc = 0;

	if (!unit_is_written(&bring->names, bring->text))
		rc = run(bring, bring->names.names[0], bring, write_step, failure);
	for (i = 0; i < bring->names.count && rc == 0; i++)
		rc = create(bring, i, failure);
	if (rc == 0)
		rc = serve(bring, failure);
	for (i = 0; i < bring->names.count && rc == 0; i++)
		rc = attach(bring, i, failure);
	return rc;
}

/* What the kernel has broken stays so: a new one takes its place. */
static int clear_broken(struct bring *bring, struct failure *failure)
{
	struct ending all = ending_of_all(&bring->names);
	bool broken = false;
	unsigned int i;
	int rc;

	for (i = 0; i < bring->names.count; i++)
		broken = broken || (bring->now[i].there && standing_is_broken(&bring->now[i]));
	if (!broken)
		return 0;
	all.forget = false;
	rc = ending_refuse(&all, &bring->pace, failure);
	if (rc == 0)
		rc = ending_run(&all, &bring->pace, NULL, failure);
	for (i = 0; i < bring->names.count && rc == 0; i++)
		standing_read(bring->names.names[i], 0, &bring->now[i]);
	return rc;
}

static void look(struct bring *bring)
{
	unsigned int i;

	for (i = 0; i < bring->names.count; i++)
		standing_read(bring->names.names[i], pace_left(&bring->pace, STANDING_PATIENCE_MS),
			      &bring->now[i]);
}

int bring_up(struct bring *bring, struct failure *failure)
{
	bool none = true;
	unsigned int i;
	int rc = run(bring, bring->names.names[0], NULL, modules_step, failure);

	bring->undo = (struct ending){ .names = bring->names };
	if (rc == 0 && bring->lock < 0)
		rc = bring->lock = unit_lock(&bring->names, &bring->pace, failure);
	if (rc < 0)
		return rc;
	vdpa_autoprobe_repair(&sysfs_machine);
	rc = bring_check(bring, failure);
	if (rc == 0)
		rc = clear_broken(bring, failure);
	if (rc < 0)
		return rc;
	for (i = 0; i < bring->names.count; i++)
		none = none && !bring->now[i].there;
	bring->undo.forget = none;
	rc = build(bring, failure);
	if (rc == 0)
		look(bring);
	return rc;
}

void bring_warn(struct call *call, const struct bring *bring)
{
	unsigned int i;

	for (i = 0; i < bring->names.count; i++) {
		create_warn(call, &bring->unit->requests[i]);
		vdpa_usable_warn(call, &sysfs_machine, bring->names.names[i],
				 &bring->now[i].attached);
	}
}

static bool did_something(const struct ending *undo)
{
	return undo->forget || undo->stop || undo->destroy[0] || undo->destroy[1] ||
	       undo->detach[0] || undo->detach[1];
}

void bring_undo(struct bring *bring, int milliseconds, struct failure *failure)
{
	const struct pace pace = { .hold = bring->pace.hold, .signals = -1,
				   .end = clock_ms() + milliseconds };
	struct failure second = { .status = STATUS_OK };
	char first[sizeof(failure->hint)];

	vdpa_autoprobe_repair(&sysfs_machine);
	if (!did_something(&bring->undo) ||
	    ending_run(&bring->undo, &pace, NULL, &second) == 0)
		return;
	snprintf(first, sizeof(first), "%s", failure->hint);
	failure_hint(failure, "%.150s%snot all of it could be undone (%.100s): \"vduse down %.100s\" "
		     "ends the rest", first, first[0] ? "; " : "", second.message,
		     bring->names.names[0]);
}

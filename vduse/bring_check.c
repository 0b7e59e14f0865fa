// SPDX-License-Identifier: GPL-2.0-or-later
/* Before anything is changed: what is there of a unit, and is it the one that is asked for? */
#include "vduse/bring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/registry.h"

static int refuse_other(const struct bring *bring, const char *name, const char *was,
			struct failure *failure)
{
	char difference[600];

	if (!unit_differ(was, bring->text, difference, sizeof(difference)))
		return 0;
	failure_set(failure, STATUS_BUSY, EEXIST, name, "it is up with other words: %s",
		    difference);
	failure_hint(failure, "\"vduse down %.200s\" ends it", name);
	return -EEXIST;
}

static int refuse_unknown(const char *name, struct failure *failure)
{
	failure_set(failure, STATUS_BUSY, EEXIST, name,
		    unit_is_unusable(name) ?
		    "it exists already, and what it was to be cannot be read from " REGISTRY_FOLDER :
		    "it exists already, and was not made by \"vduse up\"");
	failure_hint(failure, "\"vduse down %.200s\" ends it", name);
	return -EEXIST;
}

/* What was to be of a device that is there must be what is asked for now. What was to be of
 * devices that are gone counts no more. */
static int check_words(const struct bring *bring, const char *name, bool there,
		       struct failure *failure)
{
	struct unit_names said;
	char *was = unit_read(name, &said, NULL);
	int rc = 0;

	if (was && unit_is_there(&said))
		rc = refuse_other(bring, name, was, failure);
	else if (!was && there)
		rc = refuse_unknown(name, failure);
	free(was);
	return rc;
}

static bool same_definition(const struct vduse_definition *a, const struct vduse_definition *b)
{
	return a->type == b->type && a->vendor == b->vendor && a->features == b->features &&
	       a->vqs == b->vqs && a->vq_align == b->vq_align && a->mtu == b->mtu &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac));
}

/* Of a create that was killed there is no record, and no more than the device. */
static bool half_made(const struct standing *now)
{
	return now->there && !now->recorded && !now->held && !now->device.attached;
}

static int check_device(const struct bring *bring, unsigned int index, struct failure *failure)
{
	const struct standing *now = &bring->now[index];

	if (!now->there || half_made(now))
		return 0;
	if (!now->recorded ||
	    !same_definition(&now->definition, &bring->unit->requests[index].definition))
		return refuse_unknown(now->name, failure);
	if (now->held && !now->ours)
		return failure_set(failure, STATUS_BUSY, EBUSY, now->name,
				   "process %d (%s) serves it, which is none of ours",
				   (int)now->holder.pid, now->holder.command);
	if (now->ours && now->asked == -ETIMEDOUT)
		return asked_explain(now->asked, now->name, &now->device, failure);
	return 0;
}

int bring_check(struct bring *bring, struct failure *failure)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < bring->names.count && rc == 0; i++) {
		standing_read(bring->names.names[i], pace_left(&bring->pace, STANDING_PATIENCE_MS),
			      &bring->now[i]);
		rc = check_words(bring, bring->names.names[i], bring->now[i].there, failure);
	}
	for (i = 0; i < bring->names.count && rc == 0; i++)
		rc = check_device(bring, i, failure);
	return rc;
}

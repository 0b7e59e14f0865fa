// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/lifecycle.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/control_socket.h"
#include "lib/registry.h"
#include "lib/sysfs.h"
#include "lib/vduse_control.h"
#include "lib/vduse_device.h"
#include "vduse/hold.h"
#include "vduse/in_use.h"

int lifecycle_check(const struct create_request *request, struct failure *failure)
{
	const struct vduse_definition *definition = &request->definition;
	int rc = vduse_definition_check(definition, failure);

	if (rc == 0 && request->bounce_size)
		rc = vduse_bounce_size_check(definition->name, definition->type,
					     request->bounce_size, sysconf(_SC_PAGESIZE),
					     failure);
	return rc;
}

/* What a change of the set of devices needs; -1 where it is not open. */
struct work {
	int control;
	int registry;
	int lock;
};

static void work_end(struct work *work)
{
	registry_unlock(work->lock);
	if (work->registry >= 0)
		close(work->registry);
	if (work->control >= 0)
		close(work->control);
}

/* On failure the caller still calls work_end(). */
static int work_begin(struct work *work, struct failure *failure)
{
	*work = (struct work){ -1, -1, -1 };
	work->control = vduse_control_open(failure);
	if (work->control < 0)
		return work->control;
	work->registry = registry_open(REGISTRY_FOLDER, true, failure);
	if (work->registry < 0)
		return work->registry;
	work->lock = registry_lock(work->registry, REGISTRY_LOCK_MS, failure);
	return work->lock < 0 ? work->lock : 0;
}

static int write_record(const struct work *work, const struct create_request *request,
			struct failure *failure)
{
	struct registry_record record = { .definition = request->definition };
	struct vduse_device device;
	int rc;

	rc = vduse_device_read(&sysfs_machine, request->definition.name, &device, failure);
	if (rc == 0)
		rc = vduse_device_identity(&sysfs_machine, &device, &record.identity, failure);
	return rc ? rc : registry_write(work->registry, &record, failure);
}

/* The steps after the one that makes the device. */
static int furnish(const struct work *work, const struct create_request *request,
		   struct failure *failure)
{
	const char *name = request->definition.name;
	int rc = 0;

	if (request->bounce_size)
		rc = vduse_device_set(&sysfs_machine, name, "bounce_size",
				      request->bounce_size, failure);
	if (rc == 0 && request->msg_timeout)
		rc = vduse_device_set(&sysfs_machine, name, "msg_timeout",
				      request->msg_timeout, failure);
	return rc ? rc : write_record(work, request, failure);
}

/* @failure keeps saying why; that the device could not be undone is added. */
static void undo(const struct work *work, const char *name, struct failure *failure)
{
	struct failure second = { .status = STATUS_OK };

	if (vduse_control_destroy(work->control, name, &second) == 0)
		registry_remove(work->registry, name, NULL);
	else
		failure_hint(failure, "the device is left behind (%s): end it with \"vduse "
				      "destroy %s\"", second.message, name);
}

static int create_held(const struct work *work, const struct create_request *request,
		       const struct hold *hold, struct failure *failure)
{
	const char *name = request->definition.name;
	int rc = vduse_control_create(work->control, &request->definition, failure);

	if (rc < 0)
		return rc;
	rc = furnish(work, request, failure);
	if (rc == 0 && hold_interrupted(hold))
		rc = failure_set(failure, STATUS_FAILED, EINTR, name,
				 "creating it was interrupted by a signal");
	if (rc < 0)
		undo(work, name, failure);
	return rc;
}

int lifecycle_create(const struct create_request *request, struct failure *failure)
{
	struct work work;
	struct hold hold;
	int rc = lifecycle_check(request, failure);

	if (rc < 0)
		return rc;
	rc = work_begin(&work, failure);
	if (rc == 0) {
		hold_begin(&hold);
		rc = create_held(&work, request, &hold, failure);
		hold_end(&hold);
	}
	work_end(&work);
	return rc;
}

/*
 * The folder of records is of use here, not a condition: a device can be ended where
 * /run cannot be written. Only another process that holds the lock is waited for, and
 * then refused: it may be creating this very device.
 */
static int open_records(struct work *work, struct failure *failure, struct failure *warning)
{
	work->registry = registry_open(REGISTRY_FOLDER, false, warning);
	if (work->registry >= 0)
		work->lock = registry_lock(work->registry, REGISTRY_LOCK_MS, warning);
	if (work->lock == -EBUSY) {
		*failure = *warning;
		return -EBUSY;
	}
	if (work->registry == -ENOENT)	/* nothing was ever recorded */
		warning->message[0] = '\0';
	return 0;
}

/*
 * sysfs shows a slash of the name as '!', and so may the one who asks: what was said is
 * tried first, then with slashes.
 */
static int destroy_spelled(int control, const char *name, struct failure *failure)
{
	char slashed[SYSFS_NAME_SIZE];
	char *mark;
	int rc = vduse_control_destroy(control, name, failure);

	if (rc != -ENODEV || !strchr(name, '!') || sysfs_name(name, slashed))
		return rc;
	while ((mark = strchr(slashed, '!')))
		*mark = '/';
	return vduse_control_destroy(control, slashed, failure);
}

static int destroy_locked(const struct work *work, const struct vduse_device *device,
			  const char *name, struct failure *failure,
			  struct failure *warning)
{
	struct hold hold;
	int rc;

	hold_begin(&hold);
	rc = destroy_spelled(work->control, name, failure);
	if (rc == 0 && work->lock >= 0)
		registry_remove(work->registry, device->name, warning);
	if (rc == 0)	/* a server that was killed left it behind */
		control_socket_remove(REGISTRY_FOLDER, device->name);
	hold_end(&hold);
	/* Between the look and the call it came into use: by whom? */
	if (rc == -EBUSY)
		in_use_check(&sysfs_machine, name, failure);
	return rc;
}

int lifecycle_destroy(const char *name, struct failure *failure, struct failure *warning)
{
	struct work work = { -1, -1, -1 };
	struct vduse_device device;
	int rc;

	memset(warning, 0, sizeof(*warning));
	rc = vduse_device_read(&sysfs_machine, name, &device, failure);
	if (rc == 0)
		rc = in_use_check(&sysfs_machine, name, failure);
	if (rc < 0)
		return rc;
	work.control = vduse_control_open(failure);
	rc = work.control < 0 ? work.control : open_records(&work, failure, warning);
	if (rc == 0)
		rc = destroy_locked(&work, &device, name, failure, warning);
	work_end(&work);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/ending.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/netlink.h"
#include "lib/registry.h"
#include "lib/vdpa_attach.h"
#include "lib/vdpa_family.h"
#include "vduse/end_server.h"
#include "vduse/lifecycle.h"

/* A process that ends closes its node in a moment. */
#define BUSY_MS 2000
#define BUSY_POLL_MS 20

struct ending ending_of_all(const struct unit_names *names)
{
	struct ending ending = { .names = *names, .stop = true, .forget = true };
	unsigned int i;

	for (i = 0; i < names->count; i++)
		ending.detach[i] = ending.destroy[i] = true;
	return ending;
}

/* -- what stands in the way --------------------------------------------------------------- */

/* Told first, also where a disk is mounted: looking at that would wait for a server that hangs. */
static int refuse_foreign(const struct standing *standing, struct failure *failure)
{
	if (!standing->held || standing->ours)
		return 0;
	failure_set(failure, STATUS_BUSY, EBUSY, standing->name,
		    "process %d (%s) serves it, which is none of ours", (int)standing->holder.pid,
		    standing->holder.command);
	if (standing->device.attached)
		failure_hint(failure, "first \"vdpa dev del %.100s\", then end that process in its own "
			     "way", standing->name);
	else
		failure_hint(failure, "end that process in its own way");
	return -EBUSY;
}

static int refuse_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	const struct standing *standing = context;

	(void)result_fd;
	(void)answer;
	return vdpa_refuse_detach(&sysfs_machine, standing->device.name, failure);
}

int ending_refuse(const struct ending *ending, const struct pace *pace,
		  struct failure *failure)
{
	struct standing standing;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < ending->names.count && rc == 0; i++) {
		const struct step step = { refuse_step, &standing, ending->names.names[i],
					   NULL, 0 };

		standing_read(ending->names.names[i], -1, &standing);
		rc = refuse_foreign(&standing, failure);
		if (rc == 0 && standing.device.attached)
			rc = step_run(pace, &step, failure);
	}
	return rc;
}

/* -- what was found ----------------------------------------------------------------------- */

static void add(struct buffer *found, const char *text)
{
	if (found->length)
		buffer_add_text(found, "; ");
	buffer_add_text(found, text);
}

static void tell_server(const struct standing *standing, struct buffer *found)
{
	char text[80];
	const char *what = NULL;

	if (standing_is_broken(standing))
		add(found, "the kernel had broken it");
	if (!standing->held)
		add(found, "no process served it");
	else if (standing->holder.state == 'T')
		what = "was stopped";
	else if (standing->ours && standing->asked == -ETIMEDOUT)
		what = "did not answer";
	if (what) {
		snprintf(text, sizeof(text), "its device process %d %s",
			 (int)standing->holder.pid, what);
		add(found, text);
	}
}

static void tell(const struct standing *standing, struct buffer *found)
{
	if (!found)
		return;
	if (!standing->there) {
		add(found, "there was no device, only files of it");
		return;
	}
	if (!standing->recorded)
		add(found, "there was no record of it");
	if (unit_is_unusable(standing->name))
		add(found, "what it was to be could not be read");
	tell_server(standing, found);
	if (vduse_device_is_leaving(&sysfs_machine, &standing->device))
		add(found, "its vDPA device was being deleted");
	else if (!standing->device.attached)
		add(found, "it was not attached");
	else if (!standing->attached.driver[0])
		add(found, "it had no bus driver");
	else if (!standing_works(standing))
		add(found, "its driver did not work");
}

/* -- steps -------------------------------------------------------------------------------- */

static int detach_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	const struct standing *standing = context;
	struct netlink netlink;
	int rc;

	(void)result_fd;
	(void)answer;
	rc = vdpa_family_open(&sysfs_machine, &netlink, failure);
	if (rc < 0)
		return rc;
	rc = vdpa_detach(&sysfs_machine, &netlink, standing->device.name, failure);
	netlink_close(&netlink);
	return rc == -ENODEV ? 0 : rc;
}

/* A server that may not answer would keep the kernel for the whole of msg_timeout. */
static int detach(struct standing *standing, const struct pace *pace, struct failure *failure)
{
	const struct step step = { detach_step, standing, standing->name, NULL, 0 };
	const struct vduse_device *device = &standing->device;
	bool hurry = device->has_msg_timeout && (!standing->ours || standing->asked != 0);
	int rc;

	if (hurry)
		vduse_device_set(&sysfs_machine, device->name, "msg_timeout", 1, NULL);
	rc = step_run(pace, &step, failure);
	if (hurry && rc == -EBUSY)
		vduse_device_set(&sysfs_machine, device->name, "msg_timeout",
				 device->msg_timeout, NULL);
	return rc;
}

/* The family answers when it has let go of its lock (vdpa_nl_cmd_dev_del_set_doit() in
 * drivers/vdpa/vdpa.c); the answer itself is of no interest. */
static int deleted_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	const struct standing *standing = context;
	struct buffer device = { 0 };
	struct netlink netlink;

	(void)result_fd;
	(void)answer;
	(void)failure;
	if (vdpa_family_open(&sysfs_machine, &netlink, NULL) < 0)
		return 0;
	vdpa_get_device(&netlink, standing->device.name, &device, NULL);
	buffer_free(&device);
	netlink_close(&netlink);
	return 0;
}

/* Somebody has begun to delete it, as a "dev del" whose time was over: without a device process
 * that answers, the kernel would go on with it for the whole of msg_timeout. */
static int wait_deleted(struct standing *standing, const struct pace *pace,
			struct failure *failure)
{
	const struct step step = { deleted_step, standing, standing->name, NULL, 0 };

	if (!standing->there || !vduse_device_is_leaving(&sysfs_machine, &standing->device))
		return 0;
	return step_run(pace, &step, failure);
}

static int destroy_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	const char *name = context;
	struct failure warning;
	int rc, waited;

	(void)result_fd;
	(void)answer;
	for (waited = 0; ; waited += BUSY_POLL_MS) {
		rc = lifecycle_destroy(name, failure, &warning);
		if (rc != -EBUSY || waited >= BUSY_MS)
			break;
		poll(NULL, 0, BUSY_POLL_MS);
	}
	/* no device, or no VDUSE in the kernel: files can be there all the same */
	return rc == -ENODEV || rc == 0 ? standing_remove_files(name, failure) : rc;
}

static int forget_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	(void)result_fd;
	(void)answer;
	return unit_remove(context, failure);
}

/* -- the whole of it ---------------------------------------------------------------------- */

static int detach_all(const struct ending *ending, struct standing *standings,
		      const struct pace *pace, struct failure *failure)
{
	unsigned int i = ending->names.count;
	int rc = 0;

	while (i-- > 0 && rc == 0)
		if (ending->detach[i])
			rc = standings[i].device.attached ?
			     detach(&standings[i], pace, failure) :
			     wait_deleted(&standings[i], pace, failure);
	return rc;
}

/* What the next "up" finds of a device that has gone is not believed: files that cannot be
 * removed do no harm. */
static int leave_files(int rc, struct buffer *found)
{
	if (rc != -EROFS)
		return rc;
	if (found)
		add(found, "its files in " REGISTRY_FOLDER " stay, where nothing can be written");
	return 0;
}

static int destroy_all(const struct ending *ending, const struct pace *pace,
		       struct buffer *found, struct failure *failure)
{
	unsigned int i = ending->names.count;
	int rc = 0;

	while (i-- > 0 && rc == 0) {
		const char *name = ending->names.names[i];
		const struct step step = { destroy_step, (void *)name, name, NULL, 0 };

		if (ending->destroy[i])
			rc = leave_files(step_run(pace, &step, failure),
					 found ? &found[i] : NULL);
	}
	return rc;
}

static void look(const struct ending *ending, const struct pace *pace,
		 struct standing *standings, struct buffer *found)
{
	unsigned int i;

	for (i = 0; i < ending->names.count; i++) {
		standing_read(ending->names.names[i], pace_left(pace, STANDING_PATIENCE_MS),
			      &standings[i]);
		tell(&standings[i], found ? &found[i] : NULL);
	}
}

/* A device process that was stopped is let go on: it can answer then, and end its capture. */
static void wake_servers(const struct ending *ending, const struct pace *pace,
			 struct standing *standings)
{
	unsigned int i;

	for (i = 0; i < ending->names.count && ending->stop; i++)
		if (standings[i].ours && standings[i].holder.state == 'T' &&
		    end_server_wake(&standings[i]) == 0)
			standing_read(ending->names.names[i],
				      pace_left(pace, STANDING_PATIENCE_MS), &standings[i]);
}

int ending_run(const struct ending *ending, const struct pace *pace,
	       struct buffer found[UNIT_DEVICES], struct failure *failure)
{
	const struct step forget = { forget_step, (void *)&ending->names, ending->names.names[0],
				     NULL, 0 };
	struct standing standings[UNIT_DEVICES];
	unsigned int i;
	int rc;

	look(ending, pace, standings, found);
	wake_servers(ending, pace, standings);
	rc = detach_all(ending, standings, pace, failure);
	for (i = 0; i < ending->names.count && rc == 0 && ending->stop; i++)
		rc = end_server(&standings[i], pace, failure);
	if (rc == 0)
		rc = destroy_all(ending, pace, found, failure);
	if (rc == 0 && ending->forget)
		rc = leave_files(step_run(pace, &forget, failure), NULL);
	return rc;
}

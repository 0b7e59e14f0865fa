// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/serving.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/control_socket.h"
#include "lib/features.h"
#include "lib/holders.h"
#include "lib/registry.h"
#include "lib/sysfs.h"
#include "lib/text.h"
#include "lib/vduse_control.h"
#include "lib/vduse_device.h"
#include "vduse/capture.h"
#include "vduse/device/session.h"
#include "vduse/memlock.h"
#include "vduse/serving_worker.h"

/* Offloads that make a driver without MRG_RXBUF offer buffers for whole super-frames:
 * GUEST_TSO4, GUEST_TSO6, GUEST_ECN, GUEST_UFO, GUEST_USO4, GUEST_USO6 */
#define FEATURES_GUEST_GSO (FEATURE(7) | FEATURE(8) | FEATURE(9) | FEATURE(10) | FEATURE(54) | \
			    FEATURE(55))
#define FEATURE_MRG_RXBUF FEATURE(15)
#define SUPER_FRAME 65536
#define OPEN_BUSY_MS 60
#define OPEN_RETRY_MS 5

const char *const serving_isolations[] = {
	[SERVING_FULL] = "full", [SERVING_POSSIBLE] = "possible", [SERVING_NONE] = "none", NULL,
};

void serving_report(const char *verb, const char *name, const char *sentence)
{
	char *device = text_escape(name, false), *what = text_escape(sentence, true);

	fprintf(stderr, "vduse %s: %s: %s\n", verb, device ? device : "?", what ? what : "?");
	free(device);
	free(what);
}

static int refuse(struct failure *failure, const char *name, const char *why, const char *hint)
{
	failure_set(failure, STATUS_FAILED, EINVAL, name, "%s", why);
	failure_hint(failure, "%s", hint);
	return -EINVAL;
}

static int bad_words(const struct serving *serving, struct failure *failure, const char *name,
		     const char *why)
{
	failure_set(failure, STATUS_USAGE, EINVAL, name, "%s", why);
	failure_hint(failure, "see \"vduse %s --help\"", serving->verb);
	return -EINVAL;
}

int serving_check(const struct serving *serving, struct failure *failure)
{
	const struct serve_plan *plan = &serving->plan;
	const struct serve_device *devices = plan->devices;

	if (plan->queue_size & (plan->queue_size - 1))
		return bad_words(serving, failure, NULL,
				 "vq_size is not a power of two from 64 to 1024");
	if (plan->count == 2 && !strcmp(devices[0].name, devices[1].name))
		return bad_words(serving, failure, devices[0].name,
				 "a device is its own peer when no other is named");
	if (plan->count == 2 && serving->handed)
		return bad_words(serving, failure, NULL,
				 "one descriptor is not enough for two devices");
	return 0;
}

static int check_features(const struct vduse_definition *definition, struct failure *failure)
{
	uint64_t missing = definition->features & ~FEATURES_NET_IMPLEMENTED;
	char buffer[FEATURE_NAME_MAX];

	if (!missing)
		return 0;
	failure_set(failure, STATUS_FAILED, EOPNOTSUPP, definition->name,
		    "it offers %s, which the bundled device does not implement",
		    feature_name(definition->type, __builtin_ctzll(missing), buffer));
	failure_hint(failure, "serve it with the program it was created for, or create it again "
		     "without a word about features");
	return -EOPNOTSUPP;
}

/*
 * Bytes of the bounce buffer that a receive buffer may take. Without MRG_RXBUF one buffer
 * holds the largest frame, in whole pages, and the virtio header has a page as well
 * (virtnet_set_big_packets() and add_recvbuf_big() in virtio_net.c). Receive buffers that
 * fill it leave nothing to transmit with (seen with 1024 of them and 64 MiB).
 */
static uint64_t bounce_per_buffer(const struct vduse_definition *definition)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), largest = definition->mtu;

	if (definition->features & FEATURE_MRG_RXBUF)
		return SERVING_BOUNCE_PER_DESCRIPTOR;
	if (definition->features & FEATURES_GUEST_GSO)
		largest = SUPER_FRAME;
	largest = (largest + page - 1) / page * page + 3 * page;
	return largest > SERVING_BOUNCE_PER_DESCRIPTOR ? largest : SERVING_BOUNCE_PER_DESCRIPTOR;
}

static int check_bounce(struct serving *serving, const struct vduse_device *device,
			uint64_t per_buffer, struct failure *failure)
{
	if (!device->has_bounce_size ||
	    serving->plan.queue_size * per_buffer <= device->bounce_size)
		return 0;
	failure_set(failure, serving->sized ? STATUS_USAGE : STATUS_FAILED, EINVAL,
		    device->name, "its bounce_size is too small for a vq_size of %u: %llu "
		    "bytes an entry are needed", serving->plan.queue_size,
		    (unsigned long long)per_buffer);
	failure_hint(failure, "say a smaller vq_size, or create it with a larger bounce_size");
	return -EINVAL;
}

/* Is it a device that we can serve, as far as its record tells? */
static int check_record(struct serving *serving, const struct vduse_device *device,
			struct serve_device *served, struct failure *failure)
{
	struct registry_record record;
	int rc = vduse_device_record(&sysfs_machine, REGISTRY_FOLDER, device, &record, failure);

	if (rc < 0 && serving->typed)
		return check_bounce(serving, device, SERVING_BOUNCE_PER_DESCRIPTOR, failure);
	if (rc < 0) {
		failure->status = STATUS_FAILED;
		failure_hint(failure, "if it is a network device with two virtqueues, say so: "
			     "\"type net\"");
		return rc;
	}
	if (record.definition.type != DEVICE_TYPE_NET)
		return refuse(failure, device->name, "it was created as a block device",
			      "the bundled device is a network device: \"type net\"");
	served->mtu = record.definition.mtu;
	served->has_link = record.definition.features & FEATURE(16);	/* VIRTIO_NET_F_STATUS */
	rc = check_features(&record.definition, failure);
	if (rc < 0)
		return rc;
	return check_bounce(serving, device, bounce_per_buffer(&record.definition), failure);
}

static int check_device(struct serving *serving, struct serve_device *served,
			struct failure *failure)
{
	struct vduse_device device;
	int rc = vduse_device_read(&sysfs_machine, served->name, &device, failure);

	if (rc < 0)
		return rc;
	serving->bounce += device.has_bounce_size ? device.bounce_size : 0;
	rc = check_record(serving, &device, served, failure);
	if (rc < 0)
		return rc;
	if (device.vqs && device.vqs != SESSION_QUEUES)
		return refuse(failure, served->name, "it has not the two virtqueues of a network "
			      "device", "create it as one: \"vduse create NAME\"");
	return 0;
}

static int explain_holder(const char *name, struct failure *failure)
{
	struct vduse_device device;
	struct holder holder;

	if (vduse_device_read(&sysfs_machine, name, &device, NULL) == 0 &&
	    holder_of(&sysfs_machine, device.node, &holder) == 1) {
		failure_hint(failure, "process %d (%s) serves it", holder.pid, holder.command);
		holder_hint_stopped(&holder, failure);
	}
	return -EBUSY;
}

/* Someone else opened the node, with the privilege that takes, and handed it to us. */
static int take_descriptor(const struct serving *serving, int fd, const char *name,
			   struct failure *failure)
{
	struct stat status;
	int flags = fcntl(fd, F_GETFL);
	uint64_t features;
	char why[100];

	if (flags < 0 || fstat(fd, &status) || !S_ISCHR(status.st_mode) ||
	    (flags & O_ACCMODE) != O_RDWR || node_get_features(fd, &features) == -ENOTTY) {
		snprintf(why, sizeof(why), "descriptor %d is not that of a VDUSE device, open for "
			 "reading and writing", fd);
		return bad_words(serving, failure, name, why);
	}
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return failure_errno(failure, errno, name, "descriptor %d", fd);
	return 0;
}

/* It can be served without: then the driver's choice stays (vduse/process/interrupts.h). */
static void open_affinity(struct serve_device *served)
{
	char entry[SYSFS_NAME_SIZE], path[SYSFS_PATH_MAX];
	unsigned int i;

	for (i = 0; i < SESSION_QUEUES && sysfs_name(served->name, entry) == 0; i++) {
		snprintf(path, sizeof(path), "/sys/class/vduse/%s/vq%u/irq_cb_affinity", entry, i);
		served->affinity[i] = open(path, O_RDWR | O_CLOEXEC);
	}
}

int serving_open_node(const char *name, int milliseconds, struct failure *failure)
{
	int waited, fd = vduse_node_open(name, failure);

	for (waited = 0; fd == -EBUSY && waited < milliseconds; waited += OPEN_RETRY_MS) {
		poll(NULL, 0, OPEN_RETRY_MS);
		fd = vduse_node_open(name, failure);
	}
	return fd;
}

static int open_device(struct serving *serving, struct serve_device *served,
		       struct failure *failure)
{
	int rc;

	if (serving->handed)
		return take_descriptor(serving, served->fd, served->name, failure);
	rc = check_device(serving, served, failure);
	if (rc < 0)
		return rc;
	open_affinity(served);
	/* "vduse show" has the node of a device without a server open for a moment */
	served->fd = serving_open_node(served->name, OPEN_BUSY_MS, failure);
	return served->fd == -EBUSY ? explain_holder(served->name, failure) : served->fd;
}

/* The socket of one that @broke stays, which tells "vduse show" where to look. */
static void close_device(const struct serve_device *served, bool broke)
{
	unsigned int i;

	/* first: the next server's stands there as soon as the node is free */
	if (served->control_fd >= 0 && !broke)
		control_socket_remove(REGISTRY_FOLDER, served->name);
	if (served->fd >= 0)
		close(served->fd);
	for (i = 0; i < SESSION_QUEUES; i++)
		if (served->affinity[i] >= 0)
			close(served->affinity[i]);
}

/* The kernel has broken a device, which is named (serve_run()). EPIPE of nothing is that of a
 * reader of ours who has gone. */
static bool is_broken(const struct failure *failure)
{
	return failure->errnum == EPIPE && failure->object[0];
}

static void close_devices(struct serving *serving, bool broke)
{
	unsigned int i;

	for (i = 0; i < serving->plan.count; i++)
		close_device(&serving->plan.devices[i], broke);
}

/*
 * Who asks about the device is answered at its control socket. A process that may not write
 * into /run serves all the same.
 */
static void open_control(struct serving *serving, struct serve_device *served)
{
	struct failure failure = { .status = STATUS_OK };
	int rc, folder = registry_open(REGISTRY_FOLDER, true, &failure);
	char sentence[2500];

	rc = folder;
	if (folder >= 0)
		rc = control_socket_listen(REGISTRY_FOLDER, served->name, &failure);
	if (folder >= 0)
		close(folder);
	served->control_fd = rc < 0 ? -1 : rc;
	if (rc >= 0)
		return;
	snprintf(sentence, sizeof(sentence), "nobody can ask how it is: %s", failure.message);
	serving->plan.report(serving->plan.context, served->name, sentence);
}

static int open_capture(struct serving *serving, struct failure *failure)
{
	if (serving->pcap)
		serving->plan.pcap_fd = capture_open(serving->folder, serving->pcap, failure);
	if (serving->folder >= 0)
		close(serving->folder);	/* ours; who started us has its own */
	return serving->pcap ? serving->plan.pcap_fd : 0;
}

int serving_run(struct serving *serving, struct failure *failure)
{
	struct serve_plan *plan = &serving->plan;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < SERVE_DEVICES; i++)
		serving->journals[i] = -1;
	plan->processors = sysconf(_SC_NPROCESSORS_ONLN);
	plan->pid = getpid();
	for (i = 0; i < plan->count && rc >= 0; i++)
		rc = open_device(serving, &plan->devices[i], failure);
	if (rc >= 0 && plan->umem)
		rc = memlock_allow(serving->bounce, plan->devices[0].name, failure);
	if (rc >= 0)
		rc = open_capture(serving, failure);
	for (i = 0; i < plan->count && rc >= 0; i++)
		open_control(serving, &plan->devices[i]);
	if (rc >= 0 && serving->isolation == SERVING_NONE)
		rc = serving_alone(serving, failure);
	else if (rc >= 0)
		rc = serving_supervise(serving, failure);
	close_devices(serving, rc < 0 && is_broken(failure));
	for (i = 0; i < SERVE_DEVICES; i++)
		if (serving->journals[i] >= 0)
			close(serving->journals[i]);
	if (plan->pcap_fd >= 0)
		close(plan->pcap_fd);
	return rc < 0 ? rc : 0;
}

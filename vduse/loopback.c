// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "vduse loopback": the reference device, served by this process until SIGTERM or SIGINT,
 * or in the background.
 */

#include <errno.h>
#include <fcntl.h>
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
#include "vduse/counters.h"
#include "vduse/device/session.h"
#include "vduse/memlock.h"
#include "vduse/process/readiness.h"
#include "vduse/process/serve.h"
#include "vduse/verbs.h"

#define DEFAULT_QUEUE_SIZE 256
/* A descriptor of a receive buffer may have 16 KiB in the bounce buffer: with fewer,
 * transmission starves (seen with 256 buffers and 1 MiB). */
#define BOUNCE_PER_DESCRIPTOR UINT64_C(16384)
/* Offloads that make a driver without MRG_RXBUF offer buffers for whole super-frames:
 * GUEST_TSO4, GUEST_TSO6, GUEST_ECN, GUEST_UFO, GUEST_USO4, GUEST_USO6 */
#define FEATURES_GUEST_GSO (FEATURE(7) | FEATURE(8) | FEATURE(9) | FEATURE(10) | FEATURE(54) | \
			    FEATURE(55))
#define FEATURE_MRG_RXBUF FEATURE(15)
#define SUPER_FRAME 65536
/* 0.1 s: whoever polls for longer than a frame is held means something else. */
#define POLL_USECS_MAX 100000
/* Opening and setting up takes milliseconds. */
#define BACKGROUND_SECONDS 30

enum loopback_word {
	WORD_NAME,
	WORD_TYPE,
	WORD_PEER,
	WORD_QUEUE_SIZE,
	WORD_USER,
	WORD_POLL,
	WORD_UMEM,
	WORD_PCAP,
	WORD_FD,
	WORD_BACKGROUND,
};

static const char *const served_types[] = { "net", NULL };

const struct cli_word loopback_words[] = {
	[WORD_NAME] = { .value = "NAME", .kind = CLI_NAME, .flags = CLI_REQUIRED,
			.help = "the device to serve" },
	[WORD_TYPE] = { .keyword = "type", .kind = CLI_CHOICE, .choices = served_types,
			.help = "what a device without a record is" },
	[WORD_PEER] = { .keyword = "peer", .value = "NAME2", .kind = CLI_NAME,
			.help = "the device that receives what NAME transmits" },
	[WORD_QUEUE_SIZE] = { .keyword = "vq_size", .value = "N", .kind = CLI_NUMBER,
			      .min = SESSION_QUEUE_SIZE_MIN, .max = SESSION_QUEUE_SIZE_MAX,
			      .help = "the most entries of a virtqueue, a power of two" },
	[WORD_USER] = { .keyword = "user", .value = "USER", .kind = CLI_TEXT,
			.help = "the user to become before serving" },
	[WORD_POLL] = { .keyword = "poll", .value = "USECS", .kind = CLI_NUMBER, .min = 1,
			.max = POLL_USECS_MAX,
			.help = "after work, look for more for so long before sleeping" },
	[WORD_UMEM] = { .keyword = "umem", .kind = CLI_FLAG,
			.help = "bring memory of its own as the bounce buffer" },
	[WORD_PCAP] = { .keyword = "pcap", .value = "FILE", .kind = CLI_TEXT,
			.help = "the file to record all frames in, as pcapng" },
	[WORD_FD] = { .keyword = "fd", .value = "N", .kind = CLI_NUMBER, .min = 3, .max = 1048575,
		      .help = "the descriptor on which the node of NAME is open already" },
	[WORD_BACKGROUND] = { .keyword = "background", .kind = CLI_FLAG, .flags = CLI_RETURNS,
			      .help = "return when the device is ready" },
	{ .kind = CLI_END },
};

/* One call of the verb. */
struct loopback {
	struct call *call;
	struct serve_plan plan;
	uint64_t bounce;	/* bytes of the devices' bounce buffers, as far as known */
	int folder;		/* where relative paths begin; a background process stands in / */
	int *ready_fd;		/* background: who waits for us; NULL in the foreground */
};

static const char *name_of(const struct loopback *loopback, unsigned int index)
{
	return loopback->call->values[index ? WORD_PEER : WORD_NAME].text;
}

/* "lo0: ready vq_size 256 pid 231", or an event in the form of "vduse monitor". */
static int print_ready(struct call *call, const char *name, uint16_t queue_size, int pid)
{
	bool json = call->options->json;
	struct output *out = output_new(json ? OUTPUT_JSON : OUTPUT_TEXT);
	const char *text;
	size_t length;
	int rc;

	if (!out)
		return -ENOMEM;
	output_string(out, OUT_JSON, "object", "virtio");
	output_string(out, OUT_JSON, "event", "start");
	output_string(out, OUT_JSON, "name", name);
	if (!json) {
		output_begin_record(out, name);
		output_word(out, "ready");
	}
	output_number(out, OUT_BOTH, "vq_size", queue_size);
	output_number(out, OUT_BOTH, "pid", pid);
	if (!json)
		output_end_record(out);
	rc = output_finish(out, &text, &length);
	if (rc == 0)
		rc = call_print(call, text, length);
	output_free(out);
	return rc;
}

static int print_all_ready(struct loopback *loopback, int pid)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < loopback->plan.count && rc == 0; i++)
		rc = print_ready(loopback->call, name_of(loopback, i), loopback->plan.queue_size,
				 pid);
	return rc;
}

static int on_ready(void *context)
{
	struct loopback *loopback = context;

	notify_manager("READY=1");
	if (!loopback->ready_fd)
		return print_all_ready(loopback, getpid());
	background_ready(loopback->ready_fd);
	return 0;
}

static void on_report(void *context, const char *name, const char *sentence)
{
	char *escaped = text_escape(name, false);

	(void)context;
	fprintf(stderr, "vduse loopback: %s: %s\n", escaped ? escaped : "?", sentence);
	free(escaped);
}

/* On standard error: what standard output says may be for a program that wants no more. */
static void on_count(void *context, const char *name, const struct port_counters *counters)
{
	const struct loopback *loopback = context;
	struct output *out = output_new(loopback->call->options->json ? OUTPUT_JSON : OUTPUT_TEXT);
	const char *text;
	size_t length;

	if (!out)
		return;
	output_begin_listing(out, "stats");
	counters_output(out, name, counters);
	output_end_listing(out);
	if (output_finish(out, &text, &length) == 0)
		fwrite(text, 1, length, stderr);
	output_free(out);
}

static int refuse(struct failure *failure, const char *name, const char *why, const char *hint)
{
	failure_set(failure, STATUS_FAILED, EINVAL, name, "%s", why);
	failure_hint(failure, "%s", hint);
	return -EINVAL;
}

static int bad_words(struct failure *failure, const char *name, const char *why)
{
	failure_set(failure, STATUS_USAGE, EINVAL, name, "%s", why);
	failure_hint(failure, "see \"vduse loopback --help\"");
	return -EINVAL;
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
		return BOUNCE_PER_DESCRIPTOR;
	if (definition->features & FEATURES_GUEST_GSO)
		largest = SUPER_FRAME;
	largest = (largest + page - 1) / page * page + 3 * page;
	return largest > BOUNCE_PER_DESCRIPTOR ? largest : BOUNCE_PER_DESCRIPTOR;
}

static int check_bounce(struct loopback *loopback, const struct vduse_device *device,
			uint64_t per_buffer, struct failure *failure)
{
	if (!device->has_bounce_size ||
	    loopback->plan.queue_size * per_buffer <= device->bounce_size)
		return 0;
	failure_set(failure, loopback->call->values[WORD_QUEUE_SIZE].given ? STATUS_USAGE
									   : STATUS_FAILED,
		    EINVAL, device->name, "its bounce_size is too small for a vq_size of %u: %llu "
		    "bytes an entry are needed", loopback->plan.queue_size,
		    (unsigned long long)per_buffer);
	failure_hint(failure, "say a smaller vq_size, or create it with a larger bounce_size");
	return -EINVAL;
}

/* Is it a device that we can serve, as far as its record tells? */
static int check_record(struct loopback *loopback, const struct vduse_device *device,
			struct serve_device *served, struct failure *failure)
{
	struct registry_record record;
	int rc = vduse_device_record(&sysfs_machine, REGISTRY_FOLDER, device, &record, failure);

	if (rc < 0 && loopback->call->values[WORD_TYPE].given)
		return check_bounce(loopback, device, BOUNCE_PER_DESCRIPTOR, failure);
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
	return check_bounce(loopback, device, bounce_per_buffer(&record.definition), failure);
}

static int check_device(struct loopback *loopback, struct serve_device *served,
			struct failure *failure)
{
	struct vduse_device device;
	int rc = vduse_device_read(&sysfs_machine, served->name, &device, failure);

	if (rc < 0)
		return rc;
	loopback->bounce += device.has_bounce_size ? device.bounce_size : 0;
	rc = check_record(loopback, &device, served, failure);
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
	    holder_of(&sysfs_machine, device.node, &holder) == 1)
		failure_hint(failure, "process %d (%s) serves it", holder.pid, holder.command);
	return -EBUSY;
}

/* Someone else opened the node, with the privilege that takes, and handed it to us. */
static int take_descriptor(int fd, const char *name, struct failure *failure)
{
	struct stat status;
	int flags = fcntl(fd, F_GETFL);
	uint64_t features;
	char why[100];

	if (flags < 0 || fstat(fd, &status) || !S_ISCHR(status.st_mode) ||
	    (flags & O_ACCMODE) != O_RDWR || node_get_features(fd, &features) == -ENOTTY) {
		snprintf(why, sizeof(why), "descriptor %d is not that of a VDUSE device, open for "
			 "reading and writing", fd);
		return bad_words(failure, name, why);
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

static int open_device(struct loopback *loopback, struct serve_device *served,
		       struct failure *failure)
{
	const struct cli_value *fd = &loopback->call->values[WORD_FD];
	int rc;

	if (fd->given) {
		served->fd = (int)fd->number;
		return take_descriptor(served->fd, served->name, failure);
	}
	rc = check_device(loopback, served, failure);
	if (rc < 0)
		return rc;
	open_affinity(served);
	served->fd = vduse_node_open(served->name, failure);
	return served->fd == -EBUSY ? explain_holder(served->name, failure) : served->fd;
}

static void close_device(const struct serve_device *served)
{
	unsigned int i;

	/* first: the next server's stands there as soon as the node is free */
	if (served->control_fd >= 0)
		control_socket_remove(REGISTRY_FOLDER, served->name);
	if (served->fd >= 0)
		close(served->fd);
	for (i = 0; i < SESSION_QUEUES; i++)
		if (served->affinity[i] >= 0)
			close(served->affinity[i]);
}

static void close_devices(struct loopback *loopback)
{
	unsigned int i;

	for (i = 0; i < loopback->plan.count; i++)
		close_device(&loopback->plan.devices[i]);
}

/*
 * Who asks about the device is answered at its control socket. A process that may not write
 * into /run serves all the same.
 */
static void open_control(struct loopback *loopback, struct serve_device *served)
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
	on_report(loopback, served->name, sentence);
}

static int open_capture(struct loopback *loopback, struct failure *failure)
{
	const struct cli_value *pcap = &loopback->call->values[WORD_PCAP];

	if (pcap->given)
		loopback->plan.pcap_fd = capture_open(loopback->folder, pcap->text, failure);
	if (loopback->folder >= 0)
		close(loopback->folder);	/* ours; who started us has its own */
	return pcap->given ? loopback->plan.pcap_fd : 0;
}

/* Open, serve, close; the body of both the foreground and the background process. */
static int serve(void *context, int *ready_fd, struct failure *failure)
{
	struct loopback *loopback = context;
	unsigned int i;
	int rc = 0;

	loopback->ready_fd = ready_fd;
	for (i = 0; i < loopback->plan.count && rc >= 0; i++)
		rc = open_device(loopback, &loopback->plan.devices[i], failure);
	if (rc >= 0 && loopback->plan.umem)
		rc = memlock_allow(loopback->bounce, name_of(loopback, 0), failure);
	if (rc >= 0)
		rc = open_capture(loopback, failure);
	for (i = 0; i < loopback->plan.count && rc >= 0; i++)
		open_control(loopback, &loopback->plan.devices[i]);
	if (rc >= 0)
		rc = serve_run(&loopback->plan, failure);
	close_devices(loopback);
	if (loopback->plan.pcap_fd >= 0)
		close(loopback->plan.pcap_fd);
	return rc < 0 ? rc : 0;
}

static int serve_in_background(struct loopback *loopback, struct failure *failure)
{
	int rc, pid;

	loopback->folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = background_start(serve, loopback, BACKGROUND_SECONDS, &pid, failure);
	if (loopback->folder >= 0)
		close(loopback->folder);
	if (rc < 0)
		return rc;
	rc = print_all_ready(loopback, pid);
	return rc < 0 ? failure_errno(failure, -rc, "stdout", "cannot write") : 0;
}

static int check_words(const struct cli_value *values, uint64_t queue_size,
		       struct failure *failure)
{
	if (queue_size & (queue_size - 1))
		return bad_words(failure, NULL, "vq_size is not a power of two from 64 to 1024");
	if (values[WORD_PEER].given && !strcmp(values[WORD_PEER].text, values[WORD_NAME].text))
		return bad_words(failure, values[WORD_NAME].text, "a device is its own peer when no other is named");
	if (values[WORD_PEER].given && values[WORD_FD].given)
		return bad_words(failure, NULL, "one descriptor is not enough for two devices");
	return 0;
}

int loopback_run(struct call *call, struct failure *failure)
{
	const struct cli_value *values = call->values;
	uint64_t queue_size = values[WORD_QUEUE_SIZE].given ? values[WORD_QUEUE_SIZE].number
							    : DEFAULT_QUEUE_SIZE;
	struct loopback loopback = {
		.call = call,
		.folder = AT_FDCWD,
		.plan = {
			.devices = { { values[WORD_NAME].text, -1, 0, false, { -1, -1 }, -1 },
				     { values[WORD_PEER].text, -1, 0, false, { -1, -1 }, -1 } },
			.count = values[WORD_PEER].given ? 2 : 1,
			.queue_size = (uint16_t)queue_size,
			.umem = values[WORD_UMEM].given,
			.pcap_fd = -1,
			.poll_ns = values[WORD_POLL].number * 1000,
			.user = values[WORD_USER].text,
			.context = &loopback,
			.ready = on_ready,
			.report = on_report,
			.count_device = on_count,
		},
	};
	int rc = check_words(values, queue_size, failure);

	if (rc < 0)
		return rc;
	if (values[WORD_BACKGROUND].given)
		return serve_in_background(&loopback, failure);
	return serve(&loopback, NULL, failure);
}

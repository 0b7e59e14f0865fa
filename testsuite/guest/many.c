// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * many PREFIX COUNT
 *
 * Makes COUNT VDUSE network devices, PREFIX0 and so on, and serves them all until
 * SIGTERM: every message is answered with OK, no data moves. Says "ready" on standard
 * output when the last one can be attached. Then destroys them; they must be detached
 * by then. For tests and benchmarks that need many devices and no traffic.
 */
#include <err.h>
#include <errno.h>
#include <linux/vduse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/vduse_control.h"

#define QUEUES 2
#define QUEUE_SIZE 256

struct many {
	const char *prefix;
	long count;
	int control, events, signals;
};

static void name_of(const struct many *many, long i, char name[64])
{
	snprintf(name, 64, "%s%ld", many->prefix, i);
}

static void make(const struct many *many, long i)
{
	struct vduse_definition definition;
	struct epoll_event event = { .events = EPOLLIN };
	struct failure failure;
	char name[64];
	uint32_t queue;

	name_of(many, i, name);
	vduse_definition_default(&definition, name, DEVICE_TYPE_NET);
	vduse_derive_mac("many", name, definition.mac);
	if (vduse_control_create(many->control, &definition, &failure) < 0)
		errx(1, "%s: %s", name, failure.message);
	event.data.fd = vduse_node_open(name, &failure);
	if (event.data.fd < 0)
		errx(1, "%s: %s", name, failure.message);
	for (queue = 0; queue < QUEUES; queue++) {
		struct vduse_vq_config config = { .index = queue, .max_size = QUEUE_SIZE };

		if (ioctl(event.data.fd, VDUSE_VQ_SETUP, &config))
			err(1, "%s: VDUSE_VQ_SETUP", name);
	}
	if (epoll_ctl(many->events, EPOLL_CTL_ADD, event.data.fd, &event))
		err(1, "epoll_ctl");
}

static void answer(int fd)
{
	struct vduse_dev_request request;
	struct vduse_dev_response response = { .result = VDUSE_REQ_RESULT_OK };

	if (read(fd, &request, sizeof(request)) != sizeof(request))
		return;
	response.request_id = request.request_id;
	if (request.type == VDUSE_GET_VQ_STATE)
		response.vq_state.index = request.vq_state.index;
	if (write(fd, &response, sizeof(response)) < 0 && errno != ENOENT)
		warn("write");
}

static void serve(const struct many *many)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = many->signals };

	if (epoll_ctl(many->events, EPOLL_CTL_ADD, many->signals, &event))
		err(1, "epoll_ctl");
	while (epoll_wait(many->events, &event, 1, -1) >= 0 || errno == EINTR) {
		if (event.data.fd == many->signals)
			return;
		answer(event.data.fd);
	}
}

static int destroy(const struct many *many, long i)
{
	struct failure failure;
	char name[64];

	name_of(many, i, name);
	if (vduse_control_destroy(many->control, name, &failure) == 0)
		return 0;
	warnx("%s: %s", name, failure.message);
	return 1;
}

int main(int argc, char **argv)
{
	const struct rlimit limit = { 65536, 65536 };
	struct many many = { .prefix = argc == 3 ? argv[1] : "" };
	struct failure failure;
	int status = 0;
	sigset_t set;
	long i;

	many.count = argc == 3 ? atol(argv[2]) : 0;
	if (many.count < 1)
		errx(2, "Usage: many PREFIX COUNT");
	setrlimit(RLIMIT_NOFILE, &limit);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	many.signals = signalfd(-1, &set, SFD_CLOEXEC);
	many.events = epoll_create1(EPOLL_CLOEXEC);
	many.control = vduse_control_open(&failure);
	if (many.control < 0)
		errx(1, "%s", failure.message);
	for (i = 0; i < many.count; i++)
		make(&many, i);
	puts("ready");
	fflush(stdout);
	serve(&many);
	closefrom(many.control + 1);	/* the nodes */
	for (i = 0; i < many.count; i++)
		status |= destroy(&many, i);
	return status;
}

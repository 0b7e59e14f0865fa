// SPDX-License-Identifier: GPL-2.0-or-later
/* The device process of a unit. It never asks the vdpa family anything. */
#include "vduse/bring.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "vduse/process/readiness.h"
#include "vduse/unit_lock.h"

struct server {
	struct bring *bring;
	struct serving serving;
	int result_fd;		/* of the step that starts it */
	int *ready_fd;
};

/* Whoever waits for the lock may find us from here on. */
static int on_ready(void *context)
{
	struct server *server = context;

	unit_unlock(server->bring->lock);
	background_ready(server->ready_fd);
	return 0;
}

static void on_report(void *context, const char *name, const char *sentence)
{
	(void)context;
	serving_report("up", name, sentence);
}

static int serve(void *context, int *ready_fd, struct failure *failure)
{
	struct server *server = context;
	struct bring *bring = server->bring;

	server->ready_fd = ready_fd;
	close(server->result_fd);
	if (bring->errors >= 0)
		dup2(bring->errors, STDERR_FILENO);
	pace_end(&bring->pace);
	return serving_run(&server->serving, failure);
}

static void plan(struct server *server)
{
	const struct unit *unit = server->bring->unit;

	server->serving = (struct serving){
		.verb = "up",
		.sized = unit->queue_size != SERVING_QUEUE_SIZE,
		.pcap = unit->pcap,
		.isolation = unit->isolation,
		.folder = AT_FDCWD,
		.plan = {
			.devices = { serving_device(unit->names[0], -1),
				     serving_device(unit->names[1], -1) },
			.count = unit->count,
			.queue_size = unit->queue_size,
			.poll_ns = unit->poll_usecs * 1000,
			.umem = unit->umem,
			.pcap_fd = -1,
			.user = unit->user,
			.context = server,
			.ready = on_ready,
			.report = on_report,
		},
	};
}

/* In a child, which ends when the device process is ready. */
static int serve_step(void *context, int result_fd, void *answer, struct failure *failure)
{
	struct server server = { .bring = context, .result_fd = result_fd };
	int pid;

	(void)answer;
	plan(&server);
	return background_start(serve, &server, SERVING_READY_SECONDS, &pid, failure);
}

int bring_serve(struct bring *bring, struct failure *failure)
{
	const struct step step = { serve_step, bring, bring->names.names[0], NULL, 0 };

	return step_run(&bring->pace, &step, failure);
}

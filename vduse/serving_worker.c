// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/serving_worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vduse/journal_file.h"
#include "vduse/process/privilege.h"
#include "vduse/process/supervisor.h"

/* Where there is no user made for it: Debian's nobody and nogroup. */
#define NOBODY 65534
/* A worker that was killed may take a moment to go, and others look at the node. */
#define BUSY_MS 1000

/* Who the worker is going to be. A process without privileges stays who it is. */
static int choose_user(const char *user, struct channel_plan *plan, struct failure *failure)
{
	int rc = 0;

	plan->uid = geteuid();
	plan->gid = getegid();
	if (user) {
		rc = privilege_find_user(user, &plan->uid, &plan->gid, failure);
		if (rc == 0 && geteuid() && plan->uid != geteuid())
			rc = failure_errno(failure, EPERM, user, "cannot become this user");
	} else if (geteuid() == 0 &&
		   privilege_find_user("vduse", &plan->uid, &plan->gid, NULL) < 0) {
		plan->uid = plan->gid = NOBODY;
	}
	return rc;
}

static int open_node(void *context, unsigned int index, struct failure *failure)
{
	const struct serving *serving = context;
	const char *name = serving->plan.devices[index].name;

	return serving_open_node(name, BUSY_MS, failure);
}

static int on_ready(void *context)
{
	const struct serve_plan *plan = &((struct serving *)context)->plan;

	return plan->ready(plan->context);
}

static void on_report(void *context, const char *name, const char *sentence)
{
	const struct serve_plan *plan = &((struct serving *)context)->plan;

	plan->report(plan->context, name, sentence);
}

static void on_count(void *context, const char *name, const struct port_counters *counters)
{
	const struct serve_plan *plan = &((struct serving *)context)->plan;

	if (plan->count_device)
		plan->count_device(plan->context, name, counters);
}

/* Without a folder to put it in, it lives as long as this process. */
static int open_journal(struct serving *serving, struct failure *failure)
{
	const char *const names[] = { serving->plan.devices[0].name,
				      serving->plan.devices[1].name };
	struct failure why = { .status = STATUS_OK };
	char sentence[2600];
	int rc = journal_open(names, serving->plan.count, serving->journals, &why);

	if (rc == 0)
		return 0;
	if (rc == -EBUSY) {
		*failure = why;
		return rc;
	}
	snprintf(sentence, sizeof(sentence), "when this process is killed too, nobody goes on "
		 "where it was: %s", why.message);
	on_report(serving, names[0], sentence);
	serving->journals[0] = journal_in_memory();
	if (serving->journals[0] < 0)
		return failure_errno(failure, -serving->journals[0], names[0],
				     "cannot make a journal");
	return 0;
}

int serving_alone(struct serving *serving, struct failure *failure)
{
	const size_t length = JOURNAL_PORTS * sizeof(struct journal_port);
	struct serve_plan *plan = &serving->plan;
	struct journal_port *journals;
	unsigned int i;
	int rc = open_journal(serving, failure);

	if (rc < 0)
		return rc;
	journals = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, serving->journals[0],
			JOURNAL_OFFSET);
	if (journals == MAP_FAILED)
		return failure_errno(failure, errno, plan->devices[0].name, "cannot map its journal");
	for (i = 0; i < plan->count; i++)
		plan->devices[i].journal = &journals[i];
	rc = serve_run(plan, failure);
	munmap(journals, length);
	return rc;
}

static void describe(const struct serve_device *device, struct channel_device *told,
		     struct supervisor_device *kept)
{
	snprintf(told->name, sizeof(told->name), "%s", device->name);
	told->mtu = device->mtu;
	told->has_link = device->has_link;
	kept->name = device->name;
	kept->node = device->fd;
	kept->control_fd = device->control_fd;
	memcpy(kept->affinity, device->affinity, sizeof(kept->affinity));
}

int serving_supervise(struct serving *serving, struct failure *failure)
{
	struct serve_plan *serve = &serving->plan;
	struct supervisor_plan plan = {
		.plan = {
			.count = serve->count,
			.queue_size = serve->queue_size,
			.umem = serve->umem,
			.poll_ns = serve->poll_ns,
			.processors = serve->processors,
			.pid = serve->pid,
			.named = serve->user != NULL,
			.insist = serving->isolation == SERVING_FULL,
		},
		.pcap_fd = serve->pcap_fd,
		.context = serving,
		.open_node = serving->handed ? NULL : open_node,
		.ready = on_ready,
		.report = on_report,
		.count_device = on_count,
	};
	unsigned int i;
	int rc = choose_user(serve->user, &plan.plan, failure);

	if (rc == 0)
		rc = open_journal(serving, failure);
	if (rc < 0)
		return rc;
	plan.journal_fd = serving->journals[0];
	for (i = 0; i < serve->count; i++) {
		describe(&serve->devices[i], &plan.plan.devices[i], &plan.devices[i]);
		serve->devices[i].fd = -1;	/* the supervisor closes it */
	}
	rc = supervise(&plan, failure);
	for (i = 0; i < serve->count; i++)	/* the number says that there is a file to remove */
		if (serve->devices[i].control_fd >= 0)
			close(serve->devices[i].control_fd);
	return rc;
}

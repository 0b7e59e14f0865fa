// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "vduse set": the attributes of a device that can change while it is there. All that was
 * asked for is changed, or nothing: whatever can be refused is looked at first, and what
 * was written before the kernel refused the next one is written back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/control_socket.h"
#include "lib/cpus.h"
#include "lib/holders.h"
#include "lib/vduse_device.h"
#include "vduse/asked.h"
#include "vduse/hold.h"
#include "vduse/serving.h"
#include "vduse/verbs.h"

enum {
	SET_NAME, SET_MSG_TIMEOUT, SET_BOUNCE_SIZE, SET_LINK, SET_VQ, SET_IRQ_AFFINITY, SET_WORDS,
};

static const char *const links[] = { "up", "down", NULL };

const struct cli_word set_words[] = {
	[SET_NAME] = {
		.value = "NAME", .kind = CLI_NAME, .flags = CLI_REQUIRED,
		.candidates = CLI_VDUSE_DEVICES,
		.help = "the device's name",
	},
	[SET_MSG_TIMEOUT] = {
		.keyword = "msg_timeout", .value = "SECONDS", .kind = CLI_NUMBER,
		.min = VDUSE_TIMEOUT_MIN, .max = VDUSE_TIMEOUT_MAX,
		.help = "how long the kernel waits for an answer before the device is broken",
	},
	[SET_BOUNCE_SIZE] = {
		.keyword = "bounce_size", .value = "BYTES", .kind = CLI_NUMBER,
		.min = VDUSE_BOUNCE_MIN, .max = VDUSE_BOUNCE_MAX,
		.help = "the memory that data passes through; before it is attached for the "
			"first time",
	},
	[SET_LINK] = {
		.keyword = "link", .kind = CLI_CHOICE, .choices = links,
		.help = "raise or lower the link of a device that \"vduse loopback\" serves",
	},
	[SET_VQ] = {
		.keyword = "vq", .value = "N", .kind = CLI_NUMBER, .max = VDUSE_VQS_MAX - 1,
		.help = "the virtqueue that irq_affinity is about",
	},
	[SET_IRQ_AFFINITY] = {
		.keyword = "irq_affinity", .value = "CPUS", .kind = CLI_TEXT,
		.candidates = CLI_PROCESSORS,
		.help = "the processors that handle its interrupts: \"0-3,8\", or \"all\"",
	},
	[SET_WORDS] = { .kind = CLI_END },
};

/* The most bytes that virtqueues of 1024 entries need: "vduse loopback" checks it once. */
#define BOUNCE_SERVED (SESSION_QUEUE_SIZE_MAX * SERVING_BOUNCE_PER_DESCRIPTOR)

/* What is to be written, and what stands there now. What would not change is left out. */
struct change {
	char attribute[40];
	char value[CPUS_MASK_SIZE];
	char former[CPUS_MASK_SIZE];
};

struct plan {
	struct call *call;
	struct vduse_device device;
	struct change changes[3];
	unsigned int count;
};

static const struct cli_value *word(const struct plan *plan, int index)
{
	return &plan->call->values[index];
}

static int check_words(const struct plan *plan, struct failure *failure)
{
	const char *name = word(plan, SET_NAME)->text;

	if (word(plan, SET_VQ)->given != word(plan, SET_IRQ_AFFINITY)->given)
		return failure_set(failure, STATUS_USAGE, EINVAL, name,
				   "\"vq\" and \"irq_affinity\" belong together: which "
				   "virtqueue, and which processors");
	if (!word(plan, SET_MSG_TIMEOUT)->given && !word(plan, SET_BOUNCE_SIZE)->given &&
	    !word(plan, SET_LINK)->given && !word(plan, SET_VQ)->given)
		return failure_set(failure, STATUS_USAGE, EINVAL, name,
				   "nothing to set: say msg_timeout, bounce_size, link or "
				   "irq_affinity");
	return 0;
}

/* NULL where this kernel does not have the attribute. */
static struct change *add(struct plan *plan, const char *attribute, struct failure *failure)
{
	struct change *change = &plan->changes[plan->count];
	int rc = sysfs_read(&sysfs_machine, change->former, sizeof(change->former),
			    "sys/class/vduse/%s/%s", plan->device.name, attribute);

	if (rc < 0) {
		failure_errno(failure, -rc, plan->device.name, "cannot read %s", attribute);
		if (rc == -ENOENT && failure)
			failure_set(failure, STATUS_UNSUPPORTED, EOPNOTSUPP, plan->device.name,
				    "this kernel's devices have no %s", attribute);
		return NULL;
	}
	snprintf(change->attribute, sizeof(change->attribute), "%s", attribute);
	plan->count++;
	return change;
}

static int add_number(struct plan *plan, const char *attribute, uint64_t number,
		      struct failure *failure)
{
	struct change *change = add(plan, attribute, failure);

	if (!change)
		return -EOPNOTSUPP;
	snprintf(change->value, sizeof(change->value), "%llu", (unsigned long long)number);
	return 0;
}

/* A server looked at bounce_size when it began. */
static int check_server(const struct plan *plan, uint64_t bytes, struct failure *failure)
{
	struct holder holder;

	if (bytes >= BOUNCE_SERVED || holder_of(&sysfs_machine, plan->device.node, &holder) <= 0)
		return 0;
	failure_set(failure, STATUS_BUSY, EBUSY, plan->device.name,
		    "process %d (%s) serves it and may have virtqueues that need 16777216 bytes",
		    holder.pid, holder.command);
	failure_hint(failure, "end it first, or set no less");
	holder_hint_stopped(&holder, failure);
	return -EBUSY;
}

static int plan_bounce_size(struct plan *plan, struct failure *failure)
{
	uint64_t bytes = word(plan, SET_BOUNCE_SIZE)->number;
	struct registry_record record;
	uint32_t type = DEVICE_TYPE_NONE;
	int rc;

	if (vduse_device_record(&sysfs_machine, REGISTRY_FOLDER, &plan->device, &record, NULL) == 0)
		type = record.definition.type;
	rc = vduse_bounce_size_check(plan->device.name, type, bytes, sysconf(_SC_PAGESIZE),
				     failure);
	if (rc < 0 || bytes == plan->device.bounce_size)
		return rc;
	rc = check_server(plan, bytes, failure);
	return rc ? rc : add_number(plan, "bounce_size", bytes, failure);
}

/* The processors that this machine can have. */
static int possible(struct cpus *cpus)
{
	char text[256];
	int rc = sysfs_read(&sysfs_machine, text, sizeof(text), "sys/devices/system/cpu/possible");

	return rc < 0 ? rc : cpus_parse(text, cpus);
}

static int read_cpus(const struct plan *plan, struct cpus *cpus, struct failure *failure)
{
	const char *text = word(plan, SET_IRQ_AFFINITY)->text, *name = plan->device.name;
	struct cpus machine;
	int rc = possible(&machine), foreign;

	if (rc < 0)
		return failure_errno(failure, -rc, name, "cannot read which processors there are");
	if (!strcmp(text, "all")) {
		*cpus = machine;
		return 0;
	}
	rc = cpus_parse(text, cpus);
	if (rc == -EINVAL)
		return failure_set(failure, STATUS_USAGE, EINVAL, text,
				   "irq_affinity is a list of processors like \"0-3,8\", or "
				   "\"all\"");
	foreign = rc < 0 ? CPUS_MAX : cpus_foreign(cpus, &machine);
	if (foreign >= 0)
		return failure_set(failure, STATUS_USAGE, ERANGE, text,
				   "this machine has no processor %d", foreign);
	return 0;
}

static int plan_affinity(struct plan *plan, struct failure *failure)
{
	unsigned int index = word(plan, SET_VQ)->number;
	char attribute[40];
	struct change *change;
	struct cpus cpus;
	int rc = read_cpus(plan, &cpus, failure);

	if (rc < 0)
		return rc;
	if (plan->device.vqs && index >= plan->device.vqs)
		return failure_set(failure, STATUS_USAGE, ERANGE, plan->device.name,
				   "it has virtqueues 0 to %u, no %u", plan->device.vqs - 1,
				   index);
	snprintf(attribute, sizeof(attribute), "vq%u/irq_cb_affinity", index);
	change = add(plan, attribute, failure);
	if (!change)
		return -EOPNOTSUPP;
	cpus_mask(&cpus, change->value);
	return 0;
}

/* bounce_size stands first: it is what the kernel refuses most often. */
static int make_plan(struct plan *plan, struct failure *failure)
{
	int rc = check_words(plan, failure);

	if (rc == 0)
		rc = vduse_device_read(&sysfs_machine, word(plan, SET_NAME)->text, &plan->device,
				       failure);
	if (rc == 0 && word(plan, SET_BOUNCE_SIZE)->given)
		rc = plan_bounce_size(plan, failure);
	if (rc == 0 && word(plan, SET_VQ)->given)
		rc = plan_affinity(plan, failure);
	if (rc == 0 && word(plan, SET_MSG_TIMEOUT)->given)
		rc = add_number(plan, "msg_timeout", word(plan, SET_MSG_TIMEOUT)->number, failure);
	return rc;
}

/* Who serves it has the link: the last step, for it cannot be undone unseen. */
static int set_link(const struct plan *plan, struct failure *failure)
{
	const char *name = plan->device.name;
	char request[16];
	int rc;

	snprintf(request, sizeof(request), "link %s", links[word(plan, SET_LINK)->number]);
	rc = ask_to(name, request, call_patience(plan->call, CONTROL_PATIENCE_MS));
	return rc ? asked_explain(rc, name, &plan->device, failure) : 0;
}

static void write_back(const struct plan *plan, unsigned int count)
{
	while (count--)
		vduse_device_set_text(&sysfs_machine, plan->device.name,
				      plan->changes[count].attribute,
				      plan->changes[count].former, NULL);
}

int set_run(struct call *call, struct failure *failure)
{
	struct plan plan = { .call = call };
	struct hold hold;
	unsigned int i;
	int rc = make_plan(&plan, failure);

	if (rc < 0)
		return rc;
	hold_begin(&hold);
	for (i = 0; i < plan.count && rc == 0; i++)
		rc = vduse_device_set_text(&sysfs_machine, plan.device.name,
					   plan.changes[i].attribute, plan.changes[i].value,
					   failure);
	if (rc == 0 && word(&plan, SET_LINK)->given) {
		rc = set_link(&plan, failure);
		i++;	/* was written whole */
	}
	if (rc < 0)
		write_back(&plan, i - 1);
	if (rc == -EINVAL && word(&plan, SET_VQ)->given)
		failure_hint(failure, "one of the processors of irq_affinity must be online");
	hold_end(&hold);
	return rc;
}

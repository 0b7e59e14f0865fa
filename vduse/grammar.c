// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/grammar.h"

#include <errno.h>

#include "lib/holders.h"
#include "lib/vdpa_blocked.h"
#include "lib/vduse_device.h"
#include "vduse/asked.h"
#include "vduse/verbs.h"

/* Their first word is a device. They ask its process themselves: the kernel need not wait. */
static void explain(struct call *call, struct failure *failure)
{
	const char *name = call->values[0].text;
	struct vduse_device device;
	struct holder holder;

	if (name && vduse_device_read(&sysfs_machine, name, &device, NULL) == 0 &&
	    holder_of(&sysfs_machine, device.node, &holder) == 1 && holder.state == 'T')
		asked_explain(-ETIMEDOUT, name, &device, failure);
	else
		vdpa_blocked_explain(&sysfs_machine, name, call->left, failure);
}

/*
 * create and destroy take no lock that a device process can hold (vduse_lock in
 * vduse_dev.c is never held while a message waits): they run directly, as a show does.
 */
static const struct cli_verb verbs[] = {
	{
		.path = "create",
		.words = create_words,
		.running = CLI_READS,
		.help = "make a VDUSE device",
		.run = create_run,
		.explain_timeout = explain,
	}, {
		.path = "destroy",
		.words = destroy_words,
		.running = CLI_READS,
		.help = "end a VDUSE device that is neither attached nor served",
		.run = destroy_run,
		.explain_timeout = explain,
	}, {
		.path = "show|list",
		.words = show_words,
		.running = CLI_READS,
		.container = "vduse",
		.help = "show one VDUSE device, or all",
		.run = show_run,
		.explain_timeout = explain,
	}, {
		.path = "stats",
		.words = stats_words,
		.running = CLI_READS,
		.container = "stats",
		.help = "what devices have counted, or carry in a second",
		.run = stats_run,
		.explain_timeout = explain,
	}, {
		.path = "set",
		.words = set_words,
		.running = CLI_READS,
		.help = "change attributes of a device",
		.run = set_run,
		.explain_timeout = explain,
	}, {
		.path = "loopback",
		.words = loopback_words,
		.running = CLI_SERVES,
		.help = "serve a device with the bundled virtio network device",
		.run = loopback_run,
	}, {
		.path = "monitor",
		.words = monitor_words,
		.running = CLI_SERVES,
		.help = "tell what happens to devices, as it happens",
		.run = monitor_verb_run,
	}, {
		.path = "up",
		.words = up_words,
		.running = CLI_KEEPS_TIME,
		.container = "vduse",
		.help = "make, serve and attach a device, or a connected pair",
		.run = up_run,
	}, {
		.path = "apply",
		.words = apply_words,
		.running = CLI_KEEPS_TIME,
		.container = "apply",
		.help = "bring this machine to the devices that a file lists",
		.run = apply_run,
	}, {
		.path = "down",
		.words = down_words,
		.running = CLI_KEEPS_TIME,
		.help = "end a device in whatever state it is, or a pair",
		.run = down_run,
	},
};

const struct cli_command vduse_command = {
	.program = "vduse",
	.summary = "Make, serve and show VDUSE devices: vDPA devices in user space.",
	.verbs = verbs,
	.verb_count = sizeof(verbs) / sizeof(verbs[0]),
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The grammar of vdpa. The order of verbs, and of words that may be abbreviated, is
 * that in which iproute2's vdpa compares them: "vdpa dev c s" means the same here.
 */
#include "lib/vdpa_attached.h"
#include "vdpa/vdpa.h"

const char *const vdpa_driver_choices[] = { VDPA_DRIVER_VIRTIO, VDPA_DRIVER_VHOST, NULL };

static const struct cli_word mgmtdev_show_words[] = {
	{ .value = "MGMTDEV", .kind = CLI_TEXT, .candidates = CLI_MANAGERS,
	  .help = "a management device, NAME or BUS/NAME" },
	{ .kind = CLI_END },
};

static const struct cli_word show_words[] = {
	{ .value = "DEV", .kind = CLI_NAME, .candidates = CLI_VDPA_DEVICES,
	  .help = "a vDPA device" },
	{ .kind = CLI_END },
};

static const struct cli_word add_words[] = {
	[ADD_NAME] = { .keyword = "name", .value = "NAME", .kind = CLI_NAME,
		       .flags = CLI_REQUIRED | CLI_ABBREVIATED, .candidates = CLI_FREE_DEVICES,
		       .help = "what the device is called; for VDUSE that of the VDUSE device" },
	[ADD_MGMTDEV] = { .keyword = "mgmtdev", .value = "MGMTDEV", .kind = CLI_TEXT,
			  .flags = CLI_REQUIRED | CLI_ABBREVIATED,
			  .candidates = CLI_MANAGERS,
			  .help = "the management device that makes it, NAME or BUS/NAME" },
	[ADD_FEATURES] = { .keyword = "device_features", .value = "FEATURES", .kind = CLI_TEXT,
			   .candidates = CLI_FEATURE_NAMES,
			   .help = "features to offer: names or a hexadecimal mask" },
	[ADD_MAC] = { .keyword = "mac", .value = "MAC", .kind = CLI_MAC,
		      .help = "its MAC address" },
	[ADD_MTU] = { .keyword = "mtu", .value = "MTU", .kind = CLI_NUMBER, .min = 68,
		      .max = 65535, .help = "its MTU in bytes" },
	[ADD_MAX_VQP] = { .keyword = "max_vqp", .value = "N", .kind = CLI_NUMBER, .min = 1,
			  .max = 65535, .flags = CLI_ABBREVIATED,
			  .help = "the most virtqueue pairs that it offers" },
	[ADD_DRIVER] = { .keyword = "driver", .kind = CLI_CHOICE, .choices = vdpa_driver_choices,
			 .help = "the bus driver to load and bind" },
	{ .kind = CLI_END },
};

static const struct cli_word device_words[] = {
	{ .value = "DEV", .kind = CLI_NAME, .flags = CLI_REQUIRED,
	  .candidates = CLI_VDPA_DEVICES, .help = "a vDPA device" },
	{ .kind = CLI_END },
};

static const struct cli_word set_words[] = {
	[SET_NAME] = { .keyword = "name", .value = "NAME", .kind = CLI_NAME,
		       .flags = CLI_REQUIRED | CLI_ABBREVIATED,
		       .candidates = CLI_VDPA_DEVICES, .help = "a vDPA device" },
	[SET_MAC] = { .keyword = "mac", .value = "MAC", .kind = CLI_MAC,
		      .flags = CLI_REQUIRED, .help = "its MAC address from now on" },
	{ .kind = CLI_END },
};

static const struct cli_word vstats_words[] = {
	[VSTATS_DEVICE] = { .value = "DEV", .kind = CLI_NAME, .flags = CLI_REQUIRED,
			    .candidates = CLI_VDPA_DEVICES, .help = "a vDPA device" },
	[VSTATS_QUEUE] = { .keyword = "qidx", .value = "N", .kind = CLI_NUMBER, .min = 0,
			   .max = 65535, .flags = CLI_REQUIRED,
			   .help = "the index of one of its virtqueues" },
	{ .kind = CLI_END },
};

static const struct cli_word bind_words[] = {
	{ .value = "DEV", .kind = CLI_NAME, .flags = CLI_REQUIRED,
	  .candidates = CLI_VDPA_DEVICES, .help = "a vDPA device" },
	{ .keyword = "driver", .kind = CLI_CHOICE, .flags = CLI_REQUIRED,
	  .choices = vdpa_driver_choices, .help = "the bus driver to bind" },
	{ .kind = CLI_END },
};

static const struct cli_verb verbs[] = {
	{ .path = "mgmtdev show|list", .words = mgmtdev_show_words, .flags = CLI_PREFIXES,
	  .container = "mgmtdev", .run = vdpa_mgmtdev_show,
	  .explain_timeout = vdpa_explain_any, .help = "show management devices" },
	{ .path = "dev show|list", .words = show_words, .flags = CLI_PREFIXES | CLI_DEFAULT,
	  .container = "dev", .run = vdpa_dev_show,
	  .explain_timeout = vdpa_explain_device, .help = "show vDPA devices" },
	{ .path = "dev add", .words = add_words, .flags = CLI_PREFIXES,
	  .running = CLI_CHANGES, .run = vdpa_dev_add,
	  .explain_timeout = vdpa_explain_device, .help = "add a vDPA device to the bus" },
	{ .path = "dev del", .words = device_words, .flags = CLI_PREFIXES,
	  .running = CLI_CHANGES, .run = vdpa_dev_del,
	  .explain_timeout = vdpa_explain_device, .help = "delete a vDPA device" },
	{ .path = "dev config show", .words = show_words, .flags = CLI_PREFIXES | CLI_DEFAULT,
	  .container = "config", .run = vdpa_dev_config_show,
	  .explain_timeout = vdpa_explain_device,
	  .help = "show the configuration space and the features of vDPA devices" },
	{ .path = "dev vstats show", .words = vstats_words,	/* not abbreviated there */
	  .container = "vstats", .run = vdpa_dev_vstats_show,
	  .explain_timeout = vdpa_explain_device,
	  .help = "show what a driver counts of a virtqueue" },
	{ .path = "dev set", .words = set_words, .flags = CLI_PREFIXES,
	  .running = CLI_CHANGES, .run = vdpa_dev_set,
	  .explain_timeout = vdpa_explain_device, .help = "change a vDPA device" },
	{ .path = "dev bind", .words = bind_words, .running = CLI_CHANGES,
	  .run = vdpa_dev_bind, .explain_timeout = vdpa_explain_device,
	  .help = "bind a bus driver to a vDPA device" },
	{ .path = "dev unbind", .words = device_words, .running = CLI_CHANGES,
	  .run = vdpa_dev_unbind, .explain_timeout = vdpa_explain_device,
	  .help = "unbind the bus driver of a vDPA device" },
	{ .path = "dev cdi", .words = device_words, .run = vdpa_dev_cdi,
	  .explain_timeout = vdpa_explain_device,
	  .help = "print a CDI specification that hands the node to a container" },
};

const struct cli_command vdpa_command = {
	.program = "vdpa",
	.summary = "Show and manage vDPA devices and what is attached to them.",
	.verbs = verbs,
	.verb_count = sizeof(verbs) / sizeof(verbs[0]),
};

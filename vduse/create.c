// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/create.h"

#include <stdbool.h>
#include <string.h>

#include "lib/sysfs.h"
#include "vduse/verbs.h"

static const char *const types[] = { "net", "block", NULL };

const struct cli_word create_words[] = {
	[CREATE_NAME] = {
		.value = "NAME", .kind = CLI_NEW_NAME, .flags = CLI_REQUIRED,
		.help = "the device's name",
	},
	[CREATE_TYPE] = {
		.keyword = "type", .kind = CLI_CHOICE, .choices = types,
		.help = "the kind of device; net unless it is said",
	},
	[CREATE_FEATURES] = {
		.keyword = "features", .value = "FEATURES", .kind = CLI_TEXT,
		.candidates = CLI_FEATURE_NAMES,
		.help = "what it offers: names, a mask, or changes of the default set",
	},
	[CREATE_VQS] = {
		.keyword = "vqs", .value = "N", .kind = CLI_NUMBER,
		.min = 1, .max = VDUSE_VQS_MAX,
		.help = "the number of virtqueues; net has 2, block 1 unless it is said",
	},
	[CREATE_VQ_ALIGN] = {
		.keyword = "vq_align", .value = "N", .kind = CLI_NUMBER,
		.min = VDUSE_ALIGN_MIN, .max = VDUSE_ALIGN_MAX,
		.help = "alignment of the virtqueues, a power of two; 4096 unless it is said",
	},
	[CREATE_VENDOR] = {
		.keyword = "vendor", .value = "ID", .kind = CLI_NUMBER, .max = UINT32_MAX,
		.help = "the vendor's number; 0 unless it is said",
	},
	[CREATE_MAC] = {
		.keyword = "mac", .value = "MAC", .kind = CLI_MAC,
		.help = "net: the address; derived from name and machine unless it is said",
	},
	[CREATE_MTU] = {
		.keyword = "mtu", .value = "MTU", .kind = CLI_NUMBER,
		.min = VDUSE_MTU_MIN, .max = VDUSE_MTU_MAX,
		.help = "net: the largest packet in bytes; 1500 unless it is said",
	},
	[CREATE_SIZE] = {
		.keyword = "size", .value = "BYTES", .kind = CLI_NUMBER,
		.min = VDUSE_SECTOR, .max = VDUSE_SIZE_MAX,
		.help = "block: the capacity in bytes, whole sectors of 512",
	},
	[CREATE_BOUNCE_SIZE] = {
		.keyword = "bounce_size", .value = "BYTES", .kind = CLI_NUMBER,
		.min = VDUSE_BOUNCE_MIN, .max = VDUSE_BOUNCE_MAX,
		.help = "the memory that data passes through, in bytes; the kernel's 64 MiB "
			"unless it is said",
	},
	[CREATE_MSG_TIMEOUT] = {
		.keyword = "msg_timeout", .value = "SECONDS", .kind = CLI_NUMBER,
		.min = VDUSE_TIMEOUT_MIN, .max = VDUSE_TIMEOUT_MAX,
		.help = "how long the kernel waits for an answer before the device is broken; "
			"30 unless it is said",
	},
	[CREATE_WORDS] = { .kind = CLI_END },
};

/*
 * What tells this machine from others: machine-id(5), which stays over boots. Without
 * it (some images fill it in later) the boot's own number has to do. false for that.
 */
static bool read_machine(char *machine, size_t size)
{
	if (sysfs_read(&sysfs_machine, machine, size, "etc/machine-id") >= 32)
		return true;
	sysfs_read(&sysfs_machine, machine, size, "proc/sys/kernel/random/boot_id");
	return false;
}

static void derive_mac(struct create_request *request)
{
	char machine[64];

	request->mac_of_boot = !read_machine(machine, sizeof(machine));
	vduse_derive_mac(machine, request->definition.name, request->definition.mac);
}

/* Words that the type has no use for are taken as well: the check names them. */
static void read_config_words(const struct cli_value *values, struct create_request *request)
{
	struct vduse_definition *definition = &request->definition;
	bool net = definition->type == DEVICE_TYPE_NET;

	if (values[CREATE_MTU].given)
		definition->mtu = values[CREATE_MTU].number;
	else if (!(definition->features & FEATURE(3)))
		definition->mtu = 0;
	if (values[CREATE_SIZE].given)
		definition->size = values[CREATE_SIZE].number;
	if (values[CREATE_MAC].given)
		memcpy(definition->mac, values[CREATE_MAC].mac, sizeof(definition->mac));
	else if (net && definition->features & FEATURE(5))
		derive_mac(request);
}

static void read_numbers(const struct cli_value *values, struct create_request *request)
{
	struct vduse_definition *definition = &request->definition;

	if (values[CREATE_VQS].given)
		definition->vqs = values[CREATE_VQS].number;
	if (values[CREATE_VQ_ALIGN].given)
		definition->vq_align = values[CREATE_VQ_ALIGN].number;
	if (values[CREATE_VENDOR].given)
		definition->vendor = values[CREATE_VENDOR].number;
	if (values[CREATE_BOUNCE_SIZE].given)
		request->bounce_size = values[CREATE_BOUNCE_SIZE].number;
	if (values[CREATE_MSG_TIMEOUT].given)
		request->msg_timeout = values[CREATE_MSG_TIMEOUT].number;
}

int create_read_words(const struct cli_value *values, struct create_request *request,
		      struct failure *failure)
{
	struct vduse_definition *definition = &request->definition;
	uint32_t type = DEVICE_TYPE_NET;
	int rc;

	memset(request, 0, sizeof(*request));
	if (values[CREATE_TYPE].given)
		type = vduse_type_by_name(types[values[CREATE_TYPE].number]);
	vduse_definition_default(definition, values[CREATE_NAME].text, type);
	if (values[CREATE_FEATURES].given) {
		rc = vduse_features_read(values[CREATE_FEATURES].text, type,
					 &definition->features, failure);
		if (rc < 0)
			return rc;
	}
	read_numbers(values, request);
	read_config_words(values, request);
	return lifecycle_check(request, failure);
}

void create_warn(struct call *call, const struct create_request *request)
{
	if (request->mac_of_boot)
		call_warn(call, request->definition.name,
			  "there is no /etc/machine-id: the address is another after the next "
			  "boot, unless it is said with \"mac\"");
}

int create_run(struct call *call, struct failure *failure)
{
	struct create_request request;
	int rc = create_read_words(call->values, &request, failure);

	if (rc == 0)
		rc = lifecycle_create(&request, failure);
	if (rc == 0)
		create_warn(call, &request);
	return rc;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vduse_features.h"

#include <errno.h>
#include <stddef.h>

#include "lib/features.h"

/* A feature that a device must not offer, and why. */
struct refused_feature {
	uint32_t type;		/* DEVICE_TYPE_NONE: of every type */
	unsigned int bit;
	const char *why;
};

/*
 * Without CTRL_VQ the features that are served by it fail the driver's probe
 * (virtio_net.c, virtnet_validate_features()), or stop the kernel later, when a
 * command is sent to a virtqueue that is not there (virtnet_send_command()).
 */
#define NEEDS_CTRL_VQ "needs CTRL_VQ, which kernels refuse"

static const struct refused_feature refused_features[] = {
	{ DEVICE_TYPE_NET, 17, "is refused by every kernel so far" },
	{ DEVICE_TYPE_NET, 2, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 18, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 19, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 20, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 21, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 22, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 23, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 51, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 52, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 53, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 57, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 60, NEEDS_CTRL_VQ },
	{ DEVICE_TYPE_NET, 62, "makes the driver wait for a second interface with the same "
			       "address (a failover pair)" },
	{ DEVICE_TYPE_BLOCK, 11, "is refused by the kernel: a VDUSE device does not see what "
				 "the driver writes into its configuration" },
	{ DEVICE_TYPE_NONE, 38, "has no meaning for VDUSE: a kick arrives without its data" },
};

/* Features of a net device that need another (virtio 1.2, section 5.1.3.1). */
struct dependency {
	unsigned int bit;
	uint64_t needs;		/* at least one of these */
	const char *text;
};

static const struct dependency net_dependencies[] = {
	{ 7, FEATURE(1), "GUEST_CSUM" },
	{ 8, FEATURE(1), "GUEST_CSUM" },
	{ 9, FEATURE(7) | FEATURE(8), "GUEST_TSO4 or GUEST_TSO6" },
	{ 10, FEATURE(1), "GUEST_CSUM" },
	{ 54, FEATURE(1), "GUEST_CSUM" },
	{ 55, FEATURE(1), "GUEST_CSUM" },
	{ 11, FEATURE(0), "CSUM" },
	{ 12, FEATURE(0), "CSUM" },
	{ 13, FEATURE(11) | FEATURE(12), "HOST_TSO4 or HOST_TSO6" },
	{ 14, FEATURE(0), "CSUM" },
	{ 56, FEATURE(0), "CSUM" },
	{ 61, FEATURE(11) | FEATURE(12), "HOST_TSO4 or HOST_TSO6" },
};

static int refuse(struct failure *failure, const char *name, uint32_t type,
		  unsigned int bit, const char *before, const char *after)
{
	char buffer[FEATURE_NAME_MAX];

	failure_set(failure, STATUS_USAGE, EINVAL, name, "the feature %s %s%s",
		    feature_name(type, bit, buffer), before, after);
	return -EINVAL;
}

static int check_mandatory(const char *name, uint32_t type, uint64_t features,
			   struct failure *failure)
{
	unsigned int bit = features & FEATURE(32) ? 33 : 32;

	if ((features & FEATURES_MANDATORY) == FEATURES_MANDATORY)
		return 0;
	refuse(failure, name, type, bit, "is missing: ",
	       bit == 33 ? "the kernel takes no VDUSE device without it"
			 : "the kernel takes no net device without it, and these tools "
			   "make no legacy devices");
	failure_hint(failure, "with it the features are 0x%llx",
		     (unsigned long long)(features | FEATURES_MANDATORY));
	return -EINVAL;
}

static int check_refused(const char *name, uint32_t type, uint64_t features,
			 struct failure *failure)
{
	const size_t count = sizeof(refused_features) / sizeof(refused_features[0]);
	size_t i;

	for (i = 0; i < count; i++) {
		const struct refused_feature *refused = &refused_features[i];

		if (refused->type != DEVICE_TYPE_NONE && refused->type != type)
			continue;
		if (features & FEATURE(refused->bit))
			return refuse(failure, name, type, refused->bit, "", refused->why);
	}
	return 0;
}

static int check_dependencies(const char *name, uint64_t features, struct failure *failure)
{
	const size_t count = sizeof(net_dependencies) / sizeof(net_dependencies[0]);
	size_t i;

	for (i = 0; i < count; i++) {
		const struct dependency *dependency = &net_dependencies[i];

		if (!(features & FEATURE(dependency->bit)) || features & dependency->needs)
			continue;
		refuse(failure, name, DEVICE_TYPE_NET, dependency->bit, "needs ",
		       dependency->text);
		failure_hint(failure, "offer %s too, or neither", dependency->text);
		return -EINVAL;
	}
	return 0;
}

int vduse_features_check(const char *name, uint32_t type, uint64_t features,
			 struct failure *failure)
{
	int rc = check_mandatory(name, type, features, failure);

	if (!rc)
		rc = check_refused(name, type, features, failure);
	if (!rc && type == DEVICE_TYPE_NET)
		rc = check_dependencies(name, features, failure);
	return rc;
}

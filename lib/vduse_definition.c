// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vduse_definition.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "lib/vduse_features.h"

const char *vduse_type_name(uint32_t type)
{
	switch (type) {
	case DEVICE_TYPE_NET:
		return "net";
	case DEVICE_TYPE_BLOCK:
		return "block";
	default:
		return NULL;
	}
}

uint32_t vduse_type_by_name(const char *name)
{
	if (!strcmp(name, "net"))
		return DEVICE_TYPE_NET;
	if (!strcmp(name, "block"))
		return DEVICE_TYPE_BLOCK;
	return DEVICE_TYPE_NONE;
}

uint64_t vduse_default_features(uint32_t type)
{
	return type == DEVICE_TYPE_NET ? FEATURES_NET_DEFAULT : FEATURES_MANDATORY;
}

void vduse_definition_default(struct vduse_definition *definition, const char *name,
			      uint32_t type)
{
	memset(definition, 0, sizeof(*definition));
	memcpy(definition->name, name, strnlen(name, DEVICE_NAME_MAX));
	definition->type = type;
	definition->features = vduse_default_features(type);
	definition->vqs = type == DEVICE_TYPE_NET ? 2 : 1;
	definition->vq_align = VDUSE_ALIGN_MAX;
	if (type == DEVICE_TYPE_NET)
		definition->mtu = 1500;
}

static bool is_mask(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

static bool changes_default(const char *text)
{
	return text[0] == '+' || !strncasecmp(text, "no_", 3);
}

int vduse_features_read(const char *text, uint32_t type, uint64_t *features,
			struct failure *failure)
{
	int rc = features_parse(text, type, vduse_default_features(type), false, features,
				failure);

	if (!rc && !is_mask(text) && !changes_default(text))
		*features |= FEATURES_MANDATORY;
	return rc;
}

static int refuse(struct failure *failure, const struct vduse_definition *definition,
		  const char *why)
{
	return failure_set(failure, STATUS_USAGE, EINVAL, definition->name, "%s", why);
}

static int check_net(const struct vduse_definition *definition, struct failure *failure)
{
	static const uint8_t zero[6];
	bool has_mac = memcmp(definition->mac, zero, sizeof(zero)) != 0;
	bool offers_mac = definition->features & FEATURE(5);
	bool offers_mtu = definition->features & FEATURE(3);

	if (definition->vqs != 2)
		return refuse(failure, definition,
			      "a net device has 2 virtqueues: kernels refuse the control "
			      "virtqueue (CTRL_VQ), and without it a driver uses no more");
	if (definition->size)
		return refuse(failure, definition, "a net device has no size");
	if (has_mac && !offers_mac)
		return refuse(failure, definition,
			      "an address is of no use without the feature MAC");
	if (offers_mac && (!has_mac || definition->mac[0] & 1))
		return refuse(failure, definition,
			      "the feature MAC needs an address that is unicast and not zero");
	if (definition->mtu && !offers_mtu)
		return refuse(failure, definition,
			      "an mtu is of no use without the feature MTU");
	if (offers_mtu && definition->mtu < VDUSE_MTU_MIN)
		return refuse(failure, definition,
			      "the feature MTU needs an mtu of 68 or more: the driver "
			      "refuses the device otherwise");
	return 0;
}

static int check_block(const struct vduse_definition *definition, struct failure *failure)
{
	static const uint8_t zero[6];

	if (memcmp(definition->mac, zero, sizeof(zero)))
		return refuse(failure, definition, "a block device has no mac");
	if (definition->mtu)
		return refuse(failure, definition, "a block device has no mtu");
	if (!definition->size)
		return refuse(failure, definition, "a block device needs a size");
	if (definition->size % VDUSE_SECTOR || definition->size > VDUSE_SIZE_MAX)
		return refuse(failure, definition,
			      "the size is a multiple of 512, within 2^63 bytes");
	if (definition->vqs < 1 || definition->vqs > VDUSE_VQS_MAX)
		return refuse(failure, definition,
			      "a block device has from 1 to 65535 virtqueues");
	if (definition->vqs > 1 && !(definition->features & FEATURE(12)))
		return refuse(failure, definition,
			      "more than one virtqueue needs the feature MQ: without it a "
			      "driver uses the first alone");
	return 0;
}

int vduse_definition_check(const struct vduse_definition *definition,
			   struct failure *failure)
{
	const char *why = name_refused(definition->name);
	uint32_t align = definition->vq_align;
	int rc;

	if (why)
		return refuse(failure, definition, why);
	if (align < VDUSE_ALIGN_MIN || align > VDUSE_ALIGN_MAX || align & (align - 1))
		return refuse(failure, definition,
			      "vq_align is a power of two from 4 to 4096");
	rc = vduse_features_check(definition->name, definition->type, definition->features,
				  failure);
	if (rc)
		return rc;
	switch (definition->type) {
	case DEVICE_TYPE_NET:
		return check_net(definition, failure);
	case DEVICE_TYPE_BLOCK:
		return check_block(definition, failure);
	default:
		return refuse(failure, definition, "the type is net or block");
	}
}

int vduse_bounce_size_check(const char *name, uint32_t type, uint64_t bytes,
			    uint64_t page, struct failure *failure)
{
	if (bytes < VDUSE_BOUNCE_MIN || bytes > VDUSE_BOUNCE_MAX)
		return failure_set(failure, STATUS_USAGE, EINVAL, name,
				   "bounce_size is from 1048576 to 1073741824 bytes");
	if (bytes % page)
		return failure_set(failure, STATUS_USAGE, EINVAL, name,
				   "bounce_size is a multiple of the page size, %llu",
				   (unsigned long long)page);
	if (type == DEVICE_TYPE_NET && bytes < VDUSE_BOUNCE_NET_MIN)
		return failure_set(failure, STATUS_USAGE, EINVAL, name,
				   "bounce_size is at least 4194304 for a net device: with "
				   "less the receive buffers take all of it and nothing can "
				   "be sent");
	return 0;
}

uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

void vduse_derive_mac(const char *machine, const char *name, uint8_t mac[6])
{
	/* '/' cannot stand in a name, so that no two pairs give one text. */
	uint64_t hash = hash_text(hash_text(hash_text(HASH_START, machine), "/"), name);
	int i;

	/* FNV leaves the last characters in the low bits: fold the high half in. */
	hash ^= hash >> 32;
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	for (i = 0; i < 6; i++)
		mac[i] = hash >> (56 - 8 * i);
	mac[0] = (mac[0] & 0xfc) | 0x02;
}

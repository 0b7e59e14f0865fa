// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vdpa dev config show
 *
 * A dump of configurations ends without a word at the first device whose type the
 * kernel cannot describe (drivers/vdpa/vdpa.c, vdpa_dev_config_dump), so the devices
 * are dumped, and each is asked for its own.
 */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdio.h>

#include "lib/features.h"
#include "lib/vdpa_family.h"
#include "vdpa/vdpa.h"

static void put_mac(struct output *out, const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	output_string(out, OUT_BOTH, "mac", text);
}

/* In JSON also under the two keys that iproute2 spells with a trailing blank. */
static void put_net_status(struct output *out, uint16_t status)
{
	const char *link = status & VIRTIO_NET_S_LINK_UP ? "up" : "down";
	bool announce = status & VIRTIO_NET_S_ANNOUNCE;

	output_string(out, OUT_BOTH, "link", link);
	output_bool(out, OUT_BOTH, "link_announce", announce);
	output_string(out, OUT_JSON, "link ", link);
	output_bool(out, OUT_JSON, "link_announce ", announce);
}

static void put_net(struct output *out, const struct vdpa_config *config)
{
	if (VDPA_HAS(config, VDPA_ATTR_DEV_NET_CFG_MACADDR))
		put_mac(out, config->mac);
	if (VDPA_HAS(config, VDPA_ATTR_DEV_NET_STATUS))
		put_net_status(out, config->status);
	if (VDPA_HAS(config, VDPA_ATTR_DEV_NET_CFG_MAX_VQP))
		output_number(out, OUT_BOTH, "max_vq_pairs", config->max_vqp);
	if (VDPA_HAS(config, VDPA_ATTR_DEV_NET_CFG_MTU))
		output_number(out, OUT_BOTH, "mtu", config->mtu);
}

static void put_block(struct output *out, const struct vdpa_config *config)
{
	const struct {
		uint16_t type;
		const char *key;
		uint64_t value;
	} numbers[] = {
		{ VDPA_ATTR_DEV_BLK_CFG_CAPACITY, "capacity", config->capacity },
		{ VDPA_ATTR_DEV_BLK_CFG_SEG_SIZE, "size_max", config->size_max },
		{ VDPA_ATTR_DEV_BLK_CFG_SEG_MAX, "seg_max", config->seg_max },
		{ VDPA_ATTR_DEV_BLK_CFG_BLK_SIZE, "blk_size", config->blk_size },
		{ VDPA_ATTR_DEV_BLK_CFG_NUM_QUEUES, "num_queues", config->num_queues },
		{ VDPA_ATTR_DEV_BLK_CFG_PHY_BLK_EXP, "physical_block_exp",
		  config->physical_block_exp },
		{ VDPA_ATTR_DEV_BLK_CFG_ALIGN_OFFSET, "alignment_offset",
		  config->alignment_offset },
		{ VDPA_ATTR_DEV_BLK_CFG_MIN_IO_SIZE, "min_io_size", config->min_io_size },
		{ VDPA_ATTR_DEV_BLK_CFG_OPT_IO_SIZE, "opt_io_size", config->opt_io_size },
		{ VDPA_ATTR_DEV_BLK_CFG_MAX_DISCARD_SEC, "max_discard_sectors",
		  config->max_discard_sectors },
		{ VDPA_ATTR_DEV_BLK_CFG_MAX_DISCARD_SEG, "max_discard_seg",
		  config->max_discard_seg },
		{ VDPA_ATTR_DEV_BLK_CFG_DISCARD_SEC_ALIGN, "discard_sector_alignment",
		  config->discard_sector_alignment },
		{ VDPA_ATTR_DEV_BLK_CFG_MAX_WRITE_ZEROES_SEC, "max_write_zeroes_sectors",
		  config->max_write_zeroes_sectors },
		{ VDPA_ATTR_DEV_BLK_CFG_MAX_WRITE_ZEROES_SEG, "max_write_zeroes_seg",
		  config->max_write_zeroes_seg },
	};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (VDPA_HAS(config, numbers[i].type))
			output_number(out, OUT_BOTH, numbers[i].key, numbers[i].value);
	if (VDPA_HAS(config, VDPA_ATTR_DEV_BLK_CFG_READ_ONLY))
		output_bool(out, OUT_BOTH, "read_only", config->read_only);
	if (VDPA_HAS(config, VDPA_ATTR_DEV_BLK_CFG_FLUSH))
		output_bool(out, OUT_BOTH, "flush", config->flush);
}

static void put_features(struct output *out, const char *key, uint32_t type,
			 uint64_t features)
{
	output_line(out);
	output_features(out, OUT_BOTH, key, type, features);
}

static void put_config(struct output *out, const struct vdpa_config *config)
{
	output_begin_record(out, config->name);
	if (config->type == DEVICE_TYPE_NET)
		put_net(out, config);
	else if (config->type == DEVICE_TYPE_BLOCK)
		put_block(out, config);
	output_word(out, "");	/* the blank that iproute2 leaves at the end of the line */
	if (VDPA_HAS(config, VDPA_ATTR_DEV_NEGOTIATED_FEATURES))
		put_features(out, "negotiated_features", config->type, config->negotiated);
	if (VDPA_HAS(config, VDPA_ATTR_DEV_FEATURES))
		put_features(out, "dev_features", config->type, config->features);
	output_end_record(out);
}

static int show_one(struct call *call, struct netlink *netlink, const char *name,
		    struct failure *failure)
{
	struct buffer answer = { 0 };
	size_t length, offset = 0;
	const void *attributes;
	struct vdpa_config config;
	int rc = vdpa_get_config(netlink, name, &answer, failure);

	if (rc < 0)
		return rc;
	vdpa_pass_on(call, netlink, name);
	attributes = netlink_next(&answer, &offset, &length);
	if (attributes && vdpa_parse_config(attributes, length, &config) == 0)
		put_config(call->out, &config);
	else
		vdpa_warn_record(call);
	buffer_free(&answer);
	return 0;
}

/* One of a listing: it may have gone since, and need not have a configuration that
 * the kernel can tell. */
static int show_listed(struct call *call, struct netlink *netlink,
		       const struct vdpa_device *device, struct failure *failure)
{
	struct failure own = { .status = STATUS_OK };
	struct vdpa_config bare = { 0 };
	int rc = show_one(call, netlink, device->name, &own);

	if (rc == -ENODEV)
		return 0;
	if (rc == -EOPNOTSUPP) {
		snprintf(bare.name, sizeof(bare.name), "%s", device->name);
		put_config(call->out, &bare);
		return 0;
	}
	if (rc < 0)
		*failure = own;
	return rc;
}

static int show_all(struct call *call, struct netlink *netlink, struct failure *failure)
{
	struct buffer answer = { 0 };
	size_t length, offset = 0;
	const void *attributes;
	int rc = vdpa_get_device(netlink, NULL, &answer, failure);

	if (rc == 0)
		vdpa_pass_on(call, netlink, NULL);
	while (rc == 0 && (attributes = netlink_next(&answer, &offset, &length))) {
		struct vdpa_device device;

		if (vdpa_parse_device(attributes, length, &device) < 0)
			vdpa_warn_record(call);
		else
			rc = show_listed(call, netlink, &device, failure);
	}
	buffer_free(&answer);
	return rc;
}

int vdpa_dev_config_show(struct call *call, struct failure *failure)
{
	const struct cli_value *name = &call->values[0];
	struct netlink *netlink;
	int rc = vdpa_session_open(call, &netlink, failure);

	if (rc < 0)
		return rc;
	output_begin_listing(call->out, "config");
	rc = name->given ? show_one(call, netlink, name->text, failure)
			 : show_all(call, netlink, failure);
	output_end_listing(call->out);
	return rc;
}

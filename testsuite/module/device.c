// SPDX-License-Identifier: GPL-2.0
/* What a device is from its beginning. */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>

#include "vdpa_test.h"

static unsigned long long negotiated;
module_param(negotiated, ullong, 0644);

static int set_up_net(struct test_device *device, const struct vdpa_dev_set_config *config)
{
	static const u8 address[ETH_ALEN] = { 0x52, 0x54, 0x00, 0x76, 0x64, 0x70 };
	bool has_mac = given(config, VDPA_ATTR_DEV_NET_CFG_MACADDR);
	bool has_mtu = given(config, VDPA_ATTR_DEV_NET_CFG_MTU);
	bool has_pairs = given(config, VDPA_ATTR_DEV_NET_CFG_MAX_VQP);
	struct virtio_net_config *net = &device->config.net;
	u16 pairs = has_pairs ? config->net.max_vq_pairs : 1;

	if (!pairs || pairs > PAIRS_MAX)
		return -EINVAL;
	memcpy(net->mac, has_mac ? config->net.mac : address, ETH_ALEN);
	net->status = cpu_to_le16(VIRTIO_NET_S_LINK_UP);
	net->max_virtqueue_pairs = cpu_to_le16(pairs);
	net->mtu = cpu_to_le16(has_mtu ? config->net.mtu : 1500);
	device->config_size = sizeof(*net);
	device->features = NET_FEATURES | (has_pairs ? NET_PAIRS_FEATURES : 0);
	device->queue_count = 2 * pairs;
	return 0;
}

static void set_up_block(struct test_device *device)
{
	struct virtio_blk_config *block = &device->config.block;

	block->capacity = cpu_to_le64(0x123456789aULL);
	block->size_max = cpu_to_le32(65537);
	block->seg_max = cpu_to_le32(126);
	block->blk_size = cpu_to_le32(4096);
	block->physical_block_exp = 3;
	block->alignment_offset = 5;
	block->min_io_size = cpu_to_le16(7);
	block->opt_io_size = cpu_to_le32(4294967295U);
	block->num_queues = cpu_to_le16(4);
	block->max_discard_sectors = cpu_to_le32(11);
	block->max_discard_seg = cpu_to_le32(12);
	block->discard_sector_alignment = cpu_to_le32(13);
	block->max_write_zeroes_sectors = cpu_to_le32(14);
	block->max_write_zeroes_seg = cpu_to_le32(15);
	device->config_size = sizeof(*block);
	device->features = BLOCK_FEATURES;
	device->queue_count = 4;
}

static int set_up(struct test_device *device, const struct vdpa_mgmt_dev *mdev,
		  const struct vdpa_dev_set_config *config)
{
	device->type = mdev->id_table[0].device;
	if (device->type == VIRTIO_ID_NET) {
		int err = set_up_net(device, config);

		if (err)
			return err;
	} else if (device->type == VIRTIO_ID_BLOCK) {
		set_up_block(device);
	} else {
		device->features = BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
		device->queue_count = 3;
	}
	if (given(config, VDPA_ATTR_DEV_FEATURES)) {
		if (config->device_features & ~mdev->supported_features)
			return -EINVAL;
		device->features = config->device_features;
	}
	if (device->type == VIRTIO_ID_NET && device->features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ))
		device->queue_count++;
	return 0;
}

struct test_device *test_device_new(struct vdpa_mgmt_dev *mdev, const char *name,
				    const struct vdpa_dev_set_config *config)
{
	struct test_device *device;
	int err;

	device = vdpa_alloc_device(struct test_device, vdpa, mdev->device, &test_device_ops, 1, 1,
				   name, false);
	if (IS_ERR(device))
		return device;
	INIT_LIST_HEAD(&device->unmanaged);
	device->vdpa.mdev = mdev;
	device->vdpa.dma_dev = &device->vdpa.dev;
	err = dma_coerce_mask_and_coherent(&device->vdpa.dev, DMA_BIT_MASK(64));
	if (!err)
		err = set_up(device, mdev, config);
	if (err) {
		put_device(&device->vdpa.dev);
		return ERR_PTR(err);
	}
	/* Without features_valid the kernel takes whoever reads the configuration for a
	 * driver of old, and sets no features (vdpa.c, vdpa_get_config_unlocked). */
	device->vdpa.features_valid = negotiated;
	device->driver_features = negotiated & device->features;
	if (negotiated)
		device->status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
				 VIRTIO_CONFIG_S_FEATURES_OK;
	return device;
}

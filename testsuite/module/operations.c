// SPDX-License-Identifier: GPL-2.0
/* What a bus driver asks of a device. */
#include <linux/module.h>
#include <uapi/linux/virtio_ids.h>

#include "vdpa_test.h"

#define VENDOR_ID 0x5654

static unsigned long long net_refuses = BIT_ULL(VIRTIO_NET_F_MQ);
module_param(net_refuses, ullong, 0644);
static unsigned long long block_refuses = ~0ULL;
module_param(block_refuses, ullong, 0644);

static int set_vq_address(struct vdpa_device *vdpa, u16 index, u64 desc, u64 driver, u64 device)
{
	return 0;
}

static void set_vq_num(struct vdpa_device *vdpa, u16 index, u32 num)
{
}

static void kick_vq(struct vdpa_device *vdpa, u16 index)
{
}

static void set_vq_cb(struct vdpa_device *vdpa, u16 index, struct vdpa_callback *cb)
{
}

static void set_vq_ready(struct vdpa_device *vdpa, u16 index, bool ready)
{
	of_vdpa(vdpa)->queues[index].ready = ready;
}

static bool get_vq_ready(struct vdpa_device *vdpa, u16 index)
{
	return of_vdpa(vdpa)->queues[index].ready;
}

static int set_vq_state(struct vdpa_device *vdpa, u16 index, const struct vdpa_vq_state *state)
{
	of_vdpa(vdpa)->queues[index].state = *state;
	return 0;
}

static int get_vq_state(struct vdpa_device *vdpa, u16 index, struct vdpa_vq_state *state)
{
	*state = of_vdpa(vdpa)->queues[index].state;
	return 0;
}

static u32 get_vq_align(struct vdpa_device *vdpa)
{
	return PAGE_SIZE;
}

static u64 get_device_features(struct vdpa_device *vdpa)
{
	return of_vdpa(vdpa)->features;
}

static u64 refused_features(u32 type)
{
	switch (type) {
	case VIRTIO_ID_NET:
		return net_refuses;
	case VIRTIO_ID_BLOCK:
		return block_refuses;
	default:
		return 0;
	}
}

static int set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct test_device *device = of_vdpa(vdpa);

	if (features & (refused_features(device->type) | ~device->features))
		return -EINVAL;
	device->driver_features = features;
	return 0;
}

static u64 get_driver_features(struct vdpa_device *vdpa)
{
	return of_vdpa(vdpa)->driver_features;
}

static void set_config_cb(struct vdpa_device *vdpa, struct vdpa_callback *cb)
{
}

static u16 get_vq_num_max(struct vdpa_device *vdpa)
{
	return 256;
}

static u16 get_vq_num_min(struct vdpa_device *vdpa)
{
	return 16;
}

static u32 get_device_id(struct vdpa_device *vdpa)
{
	return of_vdpa(vdpa)->type;
}

static u32 get_vendor_id(struct vdpa_device *vdpa)
{
	return VENDOR_ID;
}

static u8 get_status(struct vdpa_device *vdpa)
{
	return of_vdpa(vdpa)->status;
}

static void set_status(struct vdpa_device *vdpa, u8 status)
{
	of_vdpa(vdpa)->status = status;
}

static int reset(struct vdpa_device *vdpa)
{
	struct test_device *device = of_vdpa(vdpa);

	device->status = 0;
	device->driver_features = 0;
	memset(device->queues, 0, sizeof(device->queues));
	return 0;
}

static size_t get_config_size(struct vdpa_device *vdpa)
{
	return of_vdpa(vdpa)->config_size;
}

/* The kernel may ask for more than there is (drivers/vdpa/vdpa.c reads the whole of
 * its own structure): that is zero. */
static void get_config(struct vdpa_device *vdpa, unsigned int offset, void *to, unsigned int length)
{
	struct test_device *device = of_vdpa(vdpa);

	memset(to, 0, length);
	if (offset < device->config_size)
		memcpy(to, (u8 *)&device->config + offset,
		       min_t(size_t, length, device->config_size - offset));
}

static void set_config(struct vdpa_device *vdpa, unsigned int offset, const void *from,
		       unsigned int length)
{
}

/* No data is moved, so no mapping matters; but without this vhost_vdpa asks for an
 * IOMMU. */
static int set_map(struct vdpa_device *vdpa, unsigned int asid, struct vhost_iotlb *iotlb)
{
	return 0;
}

const struct vdpa_config_ops test_device_ops = {
	.set_vq_address = set_vq_address,
	.set_vq_num = set_vq_num,
	.kick_vq = kick_vq,
	.set_vq_cb = set_vq_cb,
	.set_vq_ready = set_vq_ready,
	.get_vq_ready = get_vq_ready,
	.set_vq_state = set_vq_state,
	.get_vq_state = get_vq_state,
	.get_vendor_vq_stats = test_statistics,
	.get_vq_align = get_vq_align,
	.get_device_features = get_device_features,
	.set_driver_features = set_driver_features,
	.get_driver_features = get_driver_features,
	.set_config_cb = set_config_cb,
	.get_vq_num_max = get_vq_num_max,
	.get_vq_num_min = get_vq_num_min,
	.get_device_id = get_device_id,
	.get_vendor_id = get_vendor_id,
	.get_status = get_status,
	.set_status = set_status,
	.reset = reset,
	.get_config_size = get_config_size,
	.get_config = get_config,
	.set_config = set_config,
	.set_map = set_map,
};

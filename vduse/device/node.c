// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/node.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/again.h"
#include "lib/descriptor.h"

/* More than the configuration space of a network device. */
#define NODE_CONFIG_MAX 64

int node_set_up_queue(int fd, uint32_t index, uint16_t max_size)
{
	struct vduse_vq_config config = { .index = index, .max_size = max_size };

	return descriptor_call(fd, VDUSE_VQ_SETUP, &config);
}

int node_get_queue(int fd, uint32_t index, struct node_queue *queue)
{
	struct vduse_vq_info info = { .index = index };
	int rc = descriptor_call(fd, VDUSE_VQ_GET_INFO, &info);

	if (rc < 0)
		return rc;
	*queue = (struct node_queue){
		.size = info.num,
		.desc = info.desc_addr,
		.driver = info.driver_addr,
		.device = info.device_addr,
		.avail_index = info.split.avail_index,
		.packed = info.packed,
		.ready = info.ready,
	};
	return 0;
}

int node_set_kick(int fd, uint32_t index, int event_fd)
{
	struct vduse_vq_eventfd kick = { .index = index, .fd = event_fd };

	return descriptor_call(fd, VDUSE_VQ_SETUP_KICKFD, &kick);
}

int node_interrupt(int fd, uint32_t index)
{
	return descriptor_call(fd, VDUSE_VQ_INJECT_IRQ, &index);
}

int node_get_features(int fd, uint64_t *features)
{
	__u64 value = 0;
	int rc = descriptor_call(fd, VDUSE_DEV_GET_FEATURES, &value);

	*features = value;
	return rc;
}

static int get_region_0(int fd, uint64_t iova, struct node_region *region)
{
	struct vduse_iotlb_entry entry = { .start = iova, .last = iova };

	region->fd = descriptor_call(fd, VDUSE_IOTLB_GET_FD, &entry);
	region->first = entry.start;
	region->last = entry.last;
	region->offset = entry.offset;
	region->access = entry.perm;
	return region->fd;
}

static int get_region_in(int fd, uint32_t asid, uint64_t iova, struct node_region *region)
{
	struct vduse_tools_iotlb_entry_v2 entry = { .start = iova, .last = iova, .asid = asid };

	region->fd = descriptor_call(fd, VDUSE_TOOLS_IOTLB_GET_FD2, &entry);
	region->first = entry.start;
	region->last = entry.last;
	region->offset = entry.offset;
	region->access = entry.perm;
	return region->fd;
}

int node_get_region(int fd, uint32_t asid, uint64_t iova, struct node_region *region)
{
	int rc = asid ? get_region_in(fd, asid, iova, region) : get_region_0(fd, iova, region);

	if (rc < 0)
		return rc;
	/* The kernel hands it over without the flag: no child may have it. */
	fcntl(region->fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

int node_is_bounce(int fd, uint32_t asid, uint64_t iova, uint64_t *size)
{
	struct vduse_tools_iova_info_v1 info = { .start = iova, .last = iova, .asid = asid };
	int rc = descriptor_call(fd, VDUSE_IOTLB_GET_INFO, &info);

	if (rc < 0)
		return rc;
	*size = info.last - info.start + 1;
	return info.start == 0 && (info.capability & VDUSE_IOVA_CAP_UMEM);
}

/* The same structure either way. */
static int call_umem(int fd, unsigned long request, uint32_t asid, void *memory, uint64_t size)
{
	struct vduse_tools_iova_umem_v1 umem = {
		.uaddr = (uintptr_t)memory,
		.size = size,
		.asid = asid,
	};

	return descriptor_call(fd, request, &umem);
}

int node_bring_bounce(int fd, uint32_t asid, void *memory, uint64_t size)
{
	return call_umem(fd, VDUSE_IOTLB_REG_UMEM, asid, memory, size);
}

int node_take_bounce_back(int fd, uint32_t asid, void *memory, uint64_t size)
{
	return call_umem(fd, VDUSE_IOTLB_DEREG_UMEM, asid, memory, size);
}

int node_set_config(int fd, uint32_t offset, const void *bytes, uint32_t length)
{
	union {
		struct vduse_config_data data;
		uint8_t bytes[offsetof(struct vduse_config_data, buffer) + NODE_CONFIG_MAX];
	} config = { .bytes = { 0 } };

	if (length > NODE_CONFIG_MAX || offset > NODE_CONFIG_MAX - length)
		return -EINVAL;
	config.data.offset = offset;
	config.data.length = length;
	memcpy(config.data.buffer, bytes, length);
	return descriptor_call(fd, VDUSE_DEV_SET_CONFIG, &config);
}

int node_interrupt_config(int fd)
{
	return descriptor_call(fd, VDUSE_DEV_INJECT_CONFIG_IRQ, NULL);
}

int node_read_request(int fd, struct vduse_dev_request *request)
{
	ssize_t n = descriptor_read(fd, request, sizeof(*request));

	if (n < 0)
		return (int)n;
	return n == sizeof(*request) ? 0 : -EIO;
}

int node_write_response(int fd, const struct vduse_dev_response *response)
{
	ssize_t n = AGAIN(write(fd, response, sizeof(*response)));

	if (n < 0)
		return (int)n;
	return n == sizeof(*response) ? 0 : -EIO;
}

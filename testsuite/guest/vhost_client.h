/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's end of /dev/vhost-vdpa-N: the node's calls in the order in which they make
 * sense, and memory that the device can reach.
 *
 * The memory is one stretch of our address space and one of IOVAs, but it is made of
 * several files: neighbours by IOVA are strangers in the device's address space, so a
 * buffer can straddle two of its mappings.
 */
#ifndef TESTSUITE_GUEST_VHOST_CLIENT_H
#define TESTSUITE_GUEST_VHOST_CLIENT_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CLIENT_REGIONS 1024
#define CLIENT_FAILED 2

struct client_region {
	uint64_t offset, length;	/* in the memory */
	int fd;
};

struct client {
	int node;
	bool batch;			/* updates of the IOTLB arrive together */
	uint64_t iova;			/* of the memory; set before client_allocate() */
	uint8_t *memory;
	uint64_t length;
	struct client_region regions[CLIENT_REGIONS];
	unsigned int region_count;
};

static inline int client_call(const struct client *c, unsigned long request, void *argument,
			      const char *what)
{
	int rc = ioctl(c->node, request, argument);

	if (rc < 0)
		err(CLIENT_FAILED, "%s", what);
	return rc;
}

static inline uint64_t client_iova(const struct client *c, const void *at)
{
	return c->iova + (uint64_t)((const uint8_t *)at - c->memory);
}

/* -- memory ------------------------------------------------------------------------- */

static inline void client_message(const struct client *c, uint8_t type, uint64_t offset,
				  uint64_t length)
{
	struct vhost_msg_v2 message = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .type = type, .iova = c->iova + offset, .size = length,
			   .uaddr = (uintptr_t)c->memory + offset, .perm = VHOST_ACCESS_RW },
	};

	if (write(c->node, &message, sizeof(message)) != sizeof(message))
		err(CLIENT_FAILED, "IOTLB message %u", type);
}

static inline void client_batch(const struct client *c, uint8_t type)
{
	if (c->batch)
		client_message(c, type, 0, 0);
}

/* Put a new file behind @region; what was there is copied. */
static inline void client_back(struct client *c, struct client_region *region)
{
	void *at = c->memory + region->offset;
	int fd = memfd_create("vhost-driver", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)region->length) < 0)
		err(CLIENT_FAILED, "memory of %llu bytes", (unsigned long long)region->length);
	if (region->fd >= 0 && pwrite(fd, at, region->length, 0) != (ssize_t)region->length)
		err(CLIENT_FAILED, "copy of %llu bytes", (unsigned long long)region->length);
	if (mmap(at, region->length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED)
		err(CLIENT_FAILED, "mmap");
	if (region->fd >= 0)
		close(region->fd);
	region->fd = fd;
}

/*
 * @first bytes in a region of their own and @rest bytes in @count - 1 more, or everything
 * in one. The device does not know of them yet.
 */
static inline void client_allocate(struct client *c, uint64_t first, uint64_t rest,
				   unsigned int count)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), offset = 0;
	unsigned int i;

	c->region_count = count;
	c->length = first + rest + count * page;
	c->memory = mmap(NULL, c->length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c->memory == MAP_FAILED)
		err(CLIENT_FAILED, "mmap");
	for (i = 0; i < count; i++) {
		struct client_region *region = &c->regions[i];
		uint64_t end = i == count - 1 ? c->length - page : first + i * (rest / (count - 1));

		region->offset = offset;
		region->length = ((end + page - 1) & ~(page - 1)) - offset;
		region->fd = -1;
		client_back(c, region);
		offset += region->length;
	}
}

static inline void client_map(struct client *c)
{
	unsigned int i;

	client_batch(c, VHOST_IOTLB_BATCH_BEGIN);
	for (i = 0; i < c->region_count; i++)
		client_message(c, VHOST_IOTLB_UPDATE, c->regions[i].offset, c->regions[i].length);
	client_batch(c, VHOST_IOTLB_BATCH_END);
}

/* Everything moves to new files, one region after the other. */
static inline void client_remap(struct client *c)
{
	unsigned int i;

	client_batch(c, VHOST_IOTLB_BATCH_BEGIN);
	for (i = 0; i < c->region_count; i++) {
		struct client_region *region = &c->regions[i];

		client_message(c, VHOST_IOTLB_INVALIDATE, region->offset, region->length);
		client_back(c, region);
		client_message(c, VHOST_IOTLB_UPDATE, region->offset, region->length);
	}
	client_batch(c, VHOST_IOTLB_BATCH_END);
}

static inline void client_unmap(struct client *c)
{
	client_message(c, VHOST_IOTLB_INVALIDATE, 0, c->length);
}

/* -- the device --------------------------------------------------------------------- */

static inline void client_open(struct client *c, const char *path, bool batch)
{
	uint64_t backend;

	c->node = open(path, O_RDWR | O_CLOEXEC);
	if (c->node < 0)
		err(CLIENT_FAILED, "%s", path);
	client_call(c, VHOST_SET_OWNER, NULL, "VHOST_SET_OWNER");
	client_call(c, VHOST_GET_BACKEND_FEATURES, &backend, "VHOST_GET_BACKEND_FEATURES");
	backend &= UINT64_C(1) << VHOST_BACKEND_F_IOTLB_MSG_V2 |
		   UINT64_C(1) << VHOST_BACKEND_F_IOTLB_BATCH;
	client_call(c, VHOST_SET_BACKEND_FEATURES, &backend, "VHOST_SET_BACKEND_FEATURES");
	c->batch = batch && backend & UINT64_C(1) << VHOST_BACKEND_F_IOTLB_BATCH;
}

static inline uint8_t client_status(const struct client *c)
{
	uint8_t status;

	client_call(c, VHOST_VDPA_GET_STATUS, &status, "VHOST_VDPA_GET_STATUS");
	return status;
}

static inline void client_set_status(const struct client *c, uint8_t status)
{
	client_call(c, VHOST_VDPA_SET_STATUS, &status, "VHOST_VDPA_SET_STATUS");
}

/* virtio 1.2, 3.1.1, steps 1 to 6. Of @wanted what the device has; returns it. */
static inline uint64_t client_negotiate(const struct client *c, uint64_t wanted)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	uint64_t features;

	client_set_status(c, 0);
	client_set_status(c, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	client_set_status(c, status);
	client_call(c, VHOST_GET_FEATURES, &features, "VHOST_GET_FEATURES");
	features &= wanted;
	client_call(c, VHOST_SET_FEATURES, &features, "VHOST_SET_FEATURES");
	client_set_status(c, status | VIRTIO_CONFIG_S_FEATURES_OK);
	if (!(client_status(c) & VIRTIO_CONFIG_S_FEATURES_OK))
		errx(1, "the device refuses the features 0x%llx", (unsigned long long)features);
	return features;
}

struct client_queue {
	unsigned int index;
	uint16_t size, base;
	const void *desc, *driver, *device;
	int kick, call;		/* eventfds */
};

/* Step 7. */
static inline void client_set_up(const struct client *c, const struct client_queue *queue)
{
	struct vhost_vring_state num = { queue->index, queue->size };
	struct vhost_vring_state base = { queue->index, queue->base }, enable = { queue->index, 1 };
	struct vhost_vring_file kick = { queue->index, queue->kick };
	struct vhost_vring_file call = { queue->index, queue->call };
	struct vhost_vring_addr address = {
		.index = queue->index,
		.desc_user_addr = client_iova(c, queue->desc),
		.avail_user_addr = client_iova(c, queue->driver),
		.used_user_addr = client_iova(c, queue->device),
	};

	client_call(c, VHOST_SET_VRING_NUM, &num, "VHOST_SET_VRING_NUM");
	client_call(c, VHOST_SET_VRING_BASE, &base, "VHOST_SET_VRING_BASE");
	client_call(c, VHOST_SET_VRING_ADDR, &address, "VHOST_SET_VRING_ADDR");
	client_call(c, VHOST_SET_VRING_KICK, &kick, "VHOST_SET_VRING_KICK");
	client_call(c, VHOST_SET_VRING_CALL, &call, "VHOST_SET_VRING_CALL");
	client_call(c, VHOST_VDPA_SET_VRING_ENABLE, &enable, "VHOST_VDPA_SET_VRING_ENABLE");
}

/* Where the device will take the next chain of queue @index. */
static inline uint16_t client_base(const struct client *c, unsigned int index)
{
	struct vhost_vring_state state = { .index = index };

	client_call(c, VHOST_GET_VRING_BASE, &state, "VHOST_GET_VRING_BASE");
	return (uint16_t)state.num;
}

#endif

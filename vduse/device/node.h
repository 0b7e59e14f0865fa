/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ioctls and messages of an open /dev/vduse/NAME, one thin function each: nothing is
 * decided here. Every function works without privileges on a descriptor that was handed
 * over. All return 0 or more, or a negative errno; EPERM means that the device is broken
 * for good (a message timed out), whatever was asked.
 *
 * Source: <linux/vduse.h> and drivers/vdpa/vdpa_user/vduse_dev.c of Linux 6.12.
 */
#ifndef VDUSE_DEVICE_NODE_H
#define VDUSE_DEVICE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vduse.h>

/* A virtqueue as the driver set it up: VDUSE_VQ_GET_INFO. */
struct node_queue {
	uint32_t size;		/* entries */
	uint64_t desc, driver, device;	/* IOVAs of the three areas */
	uint16_t avail_index;	/* where the *driver* said to begin: split ring ... */
	struct vduse_vq_state_packed packed;	/* ... and packed ring */
	bool ready;
};

/* A region of the driver's memory: VDUSE_IOTLB_GET_FD. */
struct node_region {
	uint64_t first, last;	/* IOVAs, last included */
	uint64_t offset;	/* of @first in the file */
	uint8_t access;		/* VDUSE_ACCESS_RO, _WO or _RW */
	int fd;			/* the caller closes it */
};

/* VDUSE_VQ_SETUP: queue @index has at most @max_size entries. */
int node_set_up_queue(int fd, uint32_t index, uint16_t max_size);
int node_get_queue(int fd, uint32_t index, struct node_queue *queue);

/* VDUSE_VQ_SETUP_KICKFD: @event_fd -1 takes it away. */
int node_set_kick(int fd, uint32_t index, int event_fd);

/* VDUSE_VQ_INJECT_IRQ; -EINVAL until the kernel has recorded DRIVER_OK. */
int node_interrupt(int fd, uint32_t index);

/* VDUSE_DEV_GET_FEATURES: what the driver wrote, 0 before. */
int node_get_features(int fd, uint64_t *features);

/*
 * The region that holds @iova in the address space @asid; -EINVAL where nothing is mapped.
 * Address spaces but 0 need a device of API version 1 (-ENOTTY: VDUSE_IOTLB_GET_FD2).
 */
int node_get_region(int fd, uint32_t asid, uint64_t iova, struct node_region *region);

/*
 * VDUSE_IOTLB_GET_INFO: whether the region that holds @iova is the bounce buffer, whose
 * memory the process may bring (then it begins at IOVA 0, and *@size is its length in
 * bytes). 1, 0, or negative errno: -EINVAL where nothing is mapped, -ENOTTY before Linux 6.1.
 */
int node_is_bounce(int fd, uint32_t asid, uint64_t iova, uint64_t *size);

/*
 * VDUSE_IOTLB_REG_UMEM: the @size bytes at @memory, whole pages, are the bounce buffer from
 * now on; what the driver has in it is copied. -ENOMEM: with what the process has pinned
 * already it is over RLIMIT_MEMLOCK; -EINVAL: the buffer is not in use (the driver has
 * mapped nothing), or has another size; -EEXIST: it was brought already.
 */
int node_bring_bounce(int fd, uint32_t asid, void *memory, uint64_t size);

/* VDUSE_IOTLB_DEREG_UMEM: back to the kernel's memory, with all that is in use. */
int node_take_bounce_back(int fd, uint32_t asid, void *memory, uint64_t size);

/* VDUSE_DEV_SET_CONFIG: @length bytes of the configuration space; no interrupt is raised. */
int node_set_config(int fd, uint32_t offset, const void *bytes, uint32_t length);

/* VDUSE_DEV_INJECT_CONFIG_IRQ; -EINVAL until the kernel has recorded DRIVER_OK. */
int node_interrupt_config(int fd);

/* The next message; -EAGAIN when there is none (the descriptor is non-blocking). */
int node_read_request(int fd, struct vduse_dev_request *request);

/* -ENOENT: the kernel has given the message up. */
int node_write_response(int fd, const struct vduse_dev_response *response);

#endif

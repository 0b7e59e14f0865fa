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

/* The region that holds @iova; -EINVAL where nothing is mapped. */
int node_get_region(int fd, uint64_t iova, struct node_region *region);

/* The next message; -EAGAIN when there is none (the descriptor is non-blocking). */
int node_read_request(int fd, struct vduse_dev_request *request);

/* -ENOENT: the kernel has given the message up. */
int node_write_response(int fd, const struct vduse_dev_response *response);

#endif

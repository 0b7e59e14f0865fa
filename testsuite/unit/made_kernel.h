/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VDUSE devices that are made up, behind the system calls of the process that serves them: nodes
 * that answer ioctls and give messages, with a driver's memory that is mapped like any file.
 * Whoever uses it links with these wraps, and can let any of the calls fail (fault_calls.h, where
 * "ioctl descriptor" is one that gives a descriptor). The process is never inside of it while a
 * kernel is opened or closed.
 *
 * LDFLAGS: -Wl,--wrap=ioctl,--wrap=read,--wrap=write,--wrap=mmap,--wrap=munmap,--wrap=eventfd,--wrap=eventfd_read,--wrap=close,--wrap=fcntl
 *
 * What is made up is what kernel-visible behaviour the device depends on (vduse_dev_ioctl(),
 * vduse_dev_read_iter() and vduse_dev_write_iter() in drivers/vdpa/vdpa_user/vduse_dev.c).
 */
#ifndef VT_UNIT_MADE_KERNEL_H
#define VT_UNIT_MADE_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "vduse/device/session.h"

#define MADE_DEVICES 2
#define MADE_REGIONS 4
#define MADE_MESSAGES 8
#define MADE_MEMORY 0x10000	/* bytes, of each driver */
#define MADE_IOVA 0x100000u	/* where it begins, as the driver counts */

/* Where things are in the memory of a driver. */
#define MADE_RINGS(queue) ((queue) * 0x3000u)	/* descriptors ... */
#define MADE_DRIVER 0x1000u			/* ... and behind them */
#define MADE_DEVICE 0x2000u
#define MADE_BUFFERS 0x6000u
#define MADE_QUEUE_MAX 256	/* entries that there is room for */

struct made_region {
	uint64_t first, last;	/* IOVAs; last below first: there is none */
	uint64_t offset;	/* in the driver's memory */
	uint8_t perm;
	uint32_t asid;
};

struct made_queue {
	uint32_t size;
	uint16_t max_size;	/* VQ_SETUP; 0 before */
	bool ready;
	uint16_t avail_index;
	struct vduse_vq_state_packed packed;
	int kick_fd;		/* -1: none */
	unsigned int interrupts;
	uint16_t avail;		/* the driver's: an index, or a position in a packed ring */
};

struct made_device {
	int fd;			/* the node: an eventfd, readable while messages wait */
	uint64_t features;	/* as the driver wrote them */
	bool driver_ok;		/* recorded behind the answer */
	bool broken;
	bool bounce;		/* the memory is the bounce buffer */
	bool brought;		/* ... and the process brought its own, where memory is now */
	struct made_queue queues[SESSION_QUEUES];
	int memory_fd;
	uint8_t *memory;	/* as the driver sees it: */
	uint8_t *own;		/* that of memory_fd, or the process's */
	struct made_region regions[MADE_REGIONS];
	struct vduse_dev_request requests[MADE_MESSAGES];
	unsigned int first, count;	/* that nobody has read */
	struct vduse_dev_request asked;	/* the one read last */
	bool waits;			/* it is not answered */
	struct vduse_dev_response answer;	/* the last one */
	unsigned int answers, config_interrupts;
	uint32_t next_id;
};

struct made_kernel {
	struct made_device devices[MADE_DEVICES];
	bool on;			/* false: all calls go to the real kernel */
};

/* The wraps are given no context. */
extern struct made_kernel made;

/* Two devices with memory, mapped in one region each; and their end. */
void made_kernel_open(void);
void made_kernel_close(void);

/* The driver asks: one more message waits. Its number. */
uint32_t made_ask(struct made_device *device, struct vduse_dev_request request);
uint32_t made_ask_status(struct made_device *device, uint8_t status);

/* A driver that begins with these features: its rings are empty. */
void made_driver_begin(struct made_device *device, uint64_t features);

/* It offers one buffer, at @buffer of its memory, in the way that its features are about. */
void made_driver_offer(struct made_device *device, unsigned int queue, uint32_t buffer,
		       uint32_t length);

#endif

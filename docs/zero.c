// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * zero NODE: serves a VDUSE disk of zeros, which forgets what is written to it; the example
 * of vduse-device(7), which shows parts of it. It is all of a device that a driver accepts,
 * but that it runs as whoever starts it, and keeps no place for more than REGIONS mappings.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/vduse.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define REGIONS 16

struct region {
	struct vduse_iotlb_entry entry;
	char *memory;
};

struct device {
	int node, kick;			/* kick is -1 while there is no driver */
	bool interrupt_owed;
	__u16 next;			/* position in both rings: requests end in order */
	struct vduse_vq_info queue;
	struct region regions[REGIONS];
	int count;
};

static void end(const char *why)
{
	perror(why);
	exit(1);
}

static void unmap_all(struct device *device)
{
	while (device->count) {
		struct region *region = &device->regions[--device->count];

		munmap(region->memory, region->entry.last - region->entry.start + 1);
	}
}

/* The region that has @iova; NULL: none, or not for access of this kind. */
static struct region *find(struct device *device, __u64 iova, __u8 access)
{
	struct region *region = device->regions;
	struct vduse_iotlb_entry entry = { .start = iova, .last = iova };
	char *memory;
	int fd, rights;

	for (; region < device->regions + device->count; region++)
		if (region->entry.start <= iova && iova <= region->entry.last)
			return (region->entry.perm & access) == access ? region : NULL;
	fd = ioctl(device->node, VDUSE_IOTLB_GET_FD, &entry);
	if (fd < 0)
		return NULL;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	rights = (entry.perm & VDUSE_ACCESS_RO ? PROT_READ : 0) |
		 (entry.perm & VDUSE_ACCESS_WO ? PROT_WRITE : 0);
	memory = device->count == REGIONS ? MAP_FAILED :
		mmap(NULL, entry.last - entry.start + 1, rights, MAP_SHARED, fd, entry.offset);
	close(fd);
	if (memory == MAP_FAILED)
		return NULL;
	region = &device->regions[device->count++];
	*region = (struct region){ entry, memory };
	return (entry.perm & access) == access ? region : NULL;
}

/* The memory at @iova; *@length becomes how much of it lies in one piece. */
static void *at(struct device *device, __u64 iova, __u64 *length, __u8 access)
{
	struct region *region = find(device, iova, access);

	if (!region)
		return NULL;
	if (*length > region->entry.last - iova)
		*length = region->entry.last - iova + 1;
	return region->memory + (iova - region->entry.start);
}

/* A part of the virtqueue, which has to lie in one piece. */
static void *part(struct device *device, __u64 iova, __u64 length, __u8 access)
{
	__u64 there = length;
	void *memory = at(device, iova, &there, access);

	return there == length ? memory : NULL;
}

/*
 * Does the request that begins with descriptor @head: everything that the device may write
 * becomes 0, and so does the last byte, in which 0 is success. Each descriptor is copied
 * once, and only the copy is looked at. Returns how much was written, -1: it is none.
 */
static long long request(struct device *device,
			 const volatile struct vring_desc *table, __u16 head)
{
	unsigned int i, index = head;
	long long written = 0;

	for (i = 0; i < device->queue.num && index < device->queue.num; i++) {
		struct vring_desc desc = table[index];
		__u64 left = desc.flags & VRING_DESC_F_WRITE ? desc.len : 0, piece;

		written += left;
		for (; left; left -= piece, desc.addr += piece) {
			void *data;

			piece = left;
			data = at(device, desc.addr, &piece, VDUSE_ACCESS_WO);
			if (!data)
				return -1;
			memset(data, 0, piece);
		}
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return written;
		index = desc.next;
	}
	return -1;
}

/* Does all requests that are there. A driver that breaks a rule is served no more. */
static bool serve(struct device *device)
{
	struct vduse_vq_info *queue = &device->queue;
	__u32 num = queue->num;
	struct vring_desc *table =
		part(device, queue->desc_addr, 16 * num, VDUSE_ACCESS_RO);
	struct vring_avail *avail =
		part(device, queue->driver_addr, 4 + 2 * num, VDUSE_ACCESS_RO);
	struct vring_used *used =
		part(device, queue->device_addr, 4 + 8 * num, VDUSE_ACCESS_WO);
	__u16 first = device->next, last;

	if (!table || !avail || !used)
		return false;
	last = __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE);
	if ((__u16)(last - first) > num)
		return false;
	for (; device->next != last; device->next++) {
		__u16 slot = device->next % num;
		__u16 head = *(volatile __u16 *)&avail->ring[slot];
		long long written = request(device, table, head);

		if (written < 0)
			return false;
		used->ring[slot].id = head;
		used->ring[slot].len = written;
		__atomic_store_n(&used->idx, device->next + 1,
				 __ATOMIC_RELEASE);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (last != first && !(avail->flags & VRING_AVAIL_F_NO_INTERRUPT))
		device->interrupt_owed = true;
	return true;
}

static void stop(struct device *device)
{
	struct vduse_vq_eventfd none = { .index = 0 };

	none.fd = VDUSE_EVENTFD_DEASSIGN;
	unmap_all(device);
	device->interrupt_owed = false;
	if (device->kick < 0)
		return;
	ioctl(device->node, VDUSE_VQ_SETUP_KICKFD, &none);
	close(device->kick);
	device->kick = -1;
}

/*
 * A driver uses the virtqueue, or did before this process came. How far
 * another process had come stands in the ring, for requests end in order.
 * The eventfd begins with 1, so that what is there already is looked at.
 */
static void start(struct device *device)
{
	struct vduse_vq_eventfd kick = { .index = 0 };
	__u64 length = 4;
	struct vring_used *used;

	stop(device);
	device->queue = (struct vduse_vq_info){ .index = 0 };
	if (ioctl(device->node, VDUSE_VQ_GET_INFO, &device->queue))
		end("VDUSE_VQ_GET_INFO");
	if (!device->queue.ready)
		return;
	used = at(device, device->queue.device_addr, &length,
		  VDUSE_ACCESS_RO);
	device->next = used ? used->idx : 0;
	device->kick = kick.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (kick.fd < 0 ||
	    ioctl(device->node, VDUSE_VQ_SETUP_KICKFD, &kick))
		end("VDUSE_VQ_SETUP_KICKFD");
}

/* One message is read and answered; one without an answer would be the end. */
static void answer(struct device *device)
{
	struct vduse_dev_request message;
	struct vduse_dev_response response = { 0 };

	if (read(device->node, &message, sizeof(message)) != sizeof(message))
		end("read");
	response.request_id = message.request_id;
	response.result = VDUSE_REQ_RESULT_OK;
	switch (message.type) {
	case VDUSE_GET_VQ_STATE:
		response.vq_state.index = message.vq_state.index;
		response.vq_state.split.avail_index = device->next;
		break;
	case VDUSE_SET_STATUS:
		if (message.s.status == 0)
			stop(device);
		else if (message.s.status & VIRTIO_CONFIG_S_DRIVER_OK)
			start(device);
		break;
	case VDUSE_UPDATE_IOTLB:
		unmap_all(device);
		break;
	default:
		response.result = VDUSE_REQ_RESULT_FAILED;
	}
	if (write(device->node, &response, sizeof(response)) != sizeof(response))
		end("write");
}

static void turn(struct device *device)
{
	struct pollfd polls[] = {
		{ .fd = device->node, .events = POLLIN },
		{ .fd = device->kick, .events = POLLIN },
	};
	__u32 index = 0;
	__u64 kicks;

	/* refused until the kernel has taken the answer to DRIVER_OK */
	if (device->interrupt_owed &&
	    ioctl(device->node, VDUSE_VQ_INJECT_IRQ, &index) == 0)
		device->interrupt_owed = false;
	poll(polls, 2, device->interrupt_owed ? 1 : -1);
	if (polls[0].revents & POLLERR)
		end("the kernel has broken the device");
	if (polls[0].revents & POLLIN)
		answer(device);
	else if (polls[1].revents &&
		 read(device->kick, &kicks, sizeof(kicks)) > 0 &&
		 !serve(device))
		stop(device);
}

int main(int argc, char **argv)
{
	struct device device = { .kick = -1 };
	struct vduse_vq_config queue = { .index = 0, .max_size = 128 };

	if (argc != 2)
		return 2;
	device.node = open(argv[1], O_RDWR | O_CLOEXEC);
	if (device.node < 0 || ioctl(device.node, VDUSE_VQ_SETUP, &queue))
		end(argv[1]);
	start(&device);
	for (;;)
		turn(&device);
}

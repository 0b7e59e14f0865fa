// SPDX-License-Identifier: GPL-2.0-or-later
#include "testsuite/unit/made_kernel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "testsuite/unit/fault_calls.h"

struct made_kernel made;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __real_write(int fd, const void *from, size_t size);
ssize_t __wrap_write(int fd, const void *from, size_t size);
int __real_munmap(void *start, size_t length);
int __wrap_munmap(void *start, size_t length);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static struct made_device *device_of(int fd)
{
	for (unsigned int i = 0; made.on && i < MADE_DEVICES; i++)
		if (made.devices[i].fd == fd)
			return &made.devices[i];
	return NULL;
}

/* -- ioctls -------------------------------------------------------------------------------- */

static struct made_region *region_at(struct made_device *device, uint32_t asid, uint64_t iova)
{
	for (unsigned int i = 0; i < MADE_REGIONS; i++) {
		struct made_region *region = &device->regions[i];

		if (region->first <= iova && iova <= region->last && region->asid == asid)
			return region;
	}
	return NULL;
}

/* The same fields in both, but for the address space. */
#define GIVE_REGION(entry, region) do { \
	(entry)->start = (region)->first; \
	(entry)->last = (region)->last; \
	(entry)->offset = (region)->offset; \
	(entry)->perm = (region)->perm; \
} while (0)

static int give_descriptor(const struct made_device *device)
{
	int fd = calls_given(dup(device->memory_fd));

	must(fd >= 0);
	return fd;
}

static int get_fd(struct made_device *device, struct vduse_iotlb_entry *entry)
{
	const struct made_region *region = region_at(device, 0, entry->start);

	if (!region)
		return -EINVAL;
	GIVE_REGION(entry, region);
	return give_descriptor(device);
}

static int get_fd2(struct made_device *device, struct vduse_tools_iotlb_entry_v2 *entry)
{
	const struct made_region *region = region_at(device, entry->asid, entry->start);

	if (!region)
		return -EINVAL;
	GIVE_REGION(entry, region);
	return give_descriptor(device);
}

static int get_info(struct made_device *device, struct vduse_tools_iova_info_v1 *info)
{
	const struct made_region *region = region_at(device, info->asid, info->start);

	if (!region)
		return -EINVAL;
	info->start = device->bounce ? 0 : region->first;
	info->last = region->last;
	info->capability = device->bounce ? VDUSE_IOVA_CAP_UMEM : 0;
	return 0;
}

static int get_queue(const struct made_device *device, struct vduse_vq_info *info)
{
	const struct made_queue *queue = &device->queues[info->index];
	uint64_t start = MADE_IOVA + MADE_RINGS(info->index);

	info->num = queue->size;
	info->desc_addr = start;
	info->driver_addr = start + MADE_DRIVER;
	info->device_addr = start + MADE_DEVICE;
	info->ready = queue->ready;
	if (device->features >> VIRTIO_F_RING_PACKED & 1)
		info->packed = queue->packed;
	else
		info->split.avail_index = queue->avail_index;
	return 0;
}

static int set_kick(struct made_device *device, const struct vduse_vq_eventfd *kick)
{
	must(kick->index < SESSION_QUEUES);
	device->queues[kick->index].kick_fd = kick->fd;
	return 0;
}

static int interrupt(struct made_device *device, uint32_t index)
{
	must(index < SESSION_QUEUES);
	if (!device->driver_ok)
		return -EINVAL;
	device->queues[index].interrupts++;
	return 0;
}

static int interrupt_config(struct made_device *device)
{
	if (!device->driver_ok)
		return -EINVAL;
	device->config_interrupts++;
	return 0;
}

/* What is in use is copied, either way (vduse_domain_add_user_bounce_pages()). */
static int bring(struct made_device *device, const struct vduse_tools_iova_umem_v1 *umem)
{
	if (device->brought)
		return -EEXIST;
	if (!device->bounce || umem->iova || umem->size < MADE_IOVA + MADE_MEMORY)
		return -EINVAL;
	device->brought = true;
	device->memory = (uint8_t *)(uintptr_t)umem->uaddr + MADE_IOVA;
	memcpy(device->memory, device->own, MADE_MEMORY);
	return 0;
}

static int take_back(struct made_device *device)
{
	must(device->brought);
	device->brought = false;
	memcpy(device->own, device->memory, MADE_MEMORY);
	device->memory = device->own;
	return 0;
}

static int set_up(struct made_device *device, const struct vduse_vq_config *config)
{
	must(config->index < SESSION_QUEUES);
	device->queues[config->index].max_size = config->max_size;
	return 0;
}

/* Negative errno, or what the call returns. */
static int call(struct made_device *device, unsigned long request, void *argument)
{
	if (device->broken)
		return -EPERM;
	switch (request) {
	case VDUSE_VQ_SETUP:
		return set_up(device, argument);
	case VDUSE_VQ_GET_INFO:
		return get_queue(device, argument);
	case VDUSE_VQ_SETUP_KICKFD:
		return set_kick(device, argument);
	case VDUSE_VQ_INJECT_IRQ:
		return interrupt(device, *(uint32_t *)argument);
	case VDUSE_DEV_GET_FEATURES:
		*(uint64_t *)argument = device->features;
		return 0;
	case VDUSE_IOTLB_GET_FD:
		return get_fd(device, argument);
	case VDUSE_TOOLS_IOTLB_GET_FD2:
		return get_fd2(device, argument);
	case VDUSE_IOTLB_GET_INFO:
		return get_info(device, argument);
	case VDUSE_IOTLB_REG_UMEM:
		return bring(device, argument);
	case VDUSE_IOTLB_DEREG_UMEM:
		return take_back(device);
	case VDUSE_DEV_SET_CONFIG:
		return 0;
	case VDUSE_DEV_INJECT_CONFIG_IRQ:
		return interrupt_config(device);
	default:
		return -ENOTTY;
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct made_device *device = device_of(fd);
	void *argument;
	va_list args;
	int rc;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (!device)
		return __real_ioctl(fd, request, argument);
	if (calls_fail(request == VDUSE_IOTLB_GET_FD || request == VDUSE_TOOLS_IOTLB_GET_FD2 ?
			  "ioctl descriptor" : "ioctl"))
		return -1;
	rc = call(device, request, argument);
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

/* -- messages ------------------------------------------------------------------------------ */

uint32_t made_ask(struct made_device *device, struct vduse_dev_request request)
{
	must(device->count < MADE_MESSAGES);
	request.request_id = device->next_id++;
	device->requests[(device->first + device->count++) % MADE_MESSAGES] = request;
	must(!eventfd_write(device->fd, 1));
	return request.request_id;
}

uint32_t made_ask_status(struct made_device *device, uint8_t status)
{
	return made_ask(device, (struct vduse_dev_request){ .type = VDUSE_SET_STATUS,
							    .s.status = status });
}

static ssize_t read_message(struct made_device *device, void *to, size_t size)
{
	eventfd_t ignored;

	must(size == sizeof(device->asked));
	if (!device->count) {
		errno = EAGAIN;
		return -1;
	}
	device->asked = device->requests[device->first++ % MADE_MESSAGES];
	device->waits = true;
	if (!--device->count)
		must(__real_read(device->fd, &ignored, sizeof(ignored)) == sizeof(ignored));
	memcpy(to, &device->asked, sizeof(device->asked));
	return sizeof(device->asked);
}

static ssize_t write_answer(struct made_device *device, const struct vduse_dev_response *answer,
			    size_t size)
{
	static const struct vduse_dev_response zero;

	must(size == sizeof(*answer));
	must(!memcmp(answer->reserved, zero.reserved, sizeof(zero.reserved)));
	if (!device->waits || answer->request_id != device->asked.request_id) {
		errno = ENOENT;
		return -1;
	}
	device->waits = false;
	device->answer = *answer;
	device->answers++;
	if (device->asked.type == VDUSE_SET_STATUS && answer->result == VDUSE_REQ_RESULT_OK)
		device->driver_ok = device->asked.s.status & VIRTIO_CONFIG_S_DRIVER_OK;
	return sizeof(*answer);
}

ssize_t __wrap_read(int fd, void *to, size_t size)
{
	struct made_device *device = device_of(fd);

	if (calls_fail("read"))
		return -1;
	return device ? read_message(device, to, size) : __real_read(fd, to, size);
}

ssize_t __wrap_write(int fd, const void *from, size_t size)
{
	struct made_device *device = device_of(fd);

	if (calls_fail("write"))
		return -1;
	return device ? write_answer(device, from, size) : __real_write(fd, from, size);
}

/* -- the driver ----------------------------------------------------------------------------- */

static bool is_packed(const struct made_device *device)
{
	return device->features >> VIRTIO_F_RING_PACKED & 1;
}

void made_driver_begin(struct made_device *device, uint64_t features)
{
	device->features = features;
	memset(device->memory, 0, MADE_BUFFERS);
	for (unsigned int i = 0; i < SESSION_QUEUES; i++) {
		struct made_queue *queue = &device->queues[i];

		queue->avail = is_packed(device) ? VIRTQUEUE_PACKED_BEGIN : 0;
		queue->avail_index = 0;
		queue->packed = (struct vduse_vq_state_packed){ .last_avail_counter = 1,
								.last_used_counter = 1 };
	}
}

static void offer_packed(struct made_queue *queue, uint8_t *rings, uint64_t address,
			 uint32_t length, uint16_t flags)
{
	uint16_t place = (queue->avail & 0x7fff) % (uint16_t)queue->size;
	struct vring_packed_desc desc = { address, length, place, flags };

	desc.flags |= queue->avail & 0x8000 ? 1 << VRING_PACKED_DESC_F_AVAIL :
					      1 << VRING_PACKED_DESC_F_USED;
	memcpy(rings + place * sizeof(desc), &desc, sizeof(desc));
	if (place + 1u == queue->size)
		queue->avail = ~queue->avail & 0x8000;
	else
		queue->avail = (uint16_t)((queue->avail & 0x8000) | (place + 1));
}

static void offer_split(struct made_queue *queue, uint8_t *rings, uint64_t address, uint32_t length,
			uint16_t flags)
{
	uint16_t place = queue->avail % (uint16_t)queue->size;
	struct vring_desc desc = { address, length, flags, 0 };
	struct vring_avail *avail = (void *)(rings + MADE_DRIVER);

	memcpy(rings + place * sizeof(desc), &desc, sizeof(desc));
	avail->ring[place] = place;
	avail->idx = ++queue->avail;
}

void made_driver_offer(struct made_device *device, unsigned int index, uint32_t buffer,
		       uint32_t length)
{
	struct made_queue *queue = &device->queues[index];
	uint8_t *rings = device->memory + MADE_RINGS(index);
	uint16_t flags = index ? 0 : VRING_DESC_F_WRITE;	/* the first one receives */

	must(queue->size && queue->size <= MADE_QUEUE_MAX);
	if (is_packed(device))
		offer_packed(queue, rings, MADE_IOVA + buffer, length, flags);
	else
		offer_split(queue, rings, MADE_IOVA + buffer, length, flags);
}

/* -- memory of the process ------------------------------------------------------------------ */

int __wrap_munmap(void *start, size_t length)
{
	for (unsigned int i = 0; made.on && i < MADE_DEVICES; i++) {
		struct made_device *device = &made.devices[i];

		/* the kernel holds the pages until the process has gone: it copies them then */
		if (device->brought && device->memory >= (uint8_t *)start &&
		    device->memory < (uint8_t *)start + length)
			take_back(device);
	}
	calls.mappings -= calls.inside;
	return __real_munmap(start, length);
}

/* -- beginning and end --------------------------------------------------------------------- */

static void open_device(struct made_device *device)
{
	*device = (struct made_device){
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.memory_fd = memfd_create("driver", MFD_CLOEXEC),
		.regions = { { MADE_IOVA, MADE_IOVA + MADE_MEMORY - 1, 0, VDUSE_ACCESS_RW, 0 } },
		.next_id = 1,
	};
	for (unsigned int i = 1; i < MADE_REGIONS; i++)
		device->regions[i].first = 1;
	for (unsigned int i = 0; i < SESSION_QUEUES; i++)
		device->queues[i] = (struct made_queue){
			.size = 64,
			.ready = true,
			.kick_fd = -1,
			.packed = { .last_avail_counter = 1, .last_used_counter = 1 },
		};
	must(device->fd >= 0 && device->memory_fd >= 0);
	must(!ftruncate(device->memory_fd, MADE_MEMORY));
	device->own = mmap(NULL, MADE_MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED,
			   device->memory_fd, 0);
	must(device->own != MAP_FAILED);
	device->memory = device->own;
}

void made_kernel_open(void)
{
	must(!calls.inside);
	made = (struct made_kernel){ .on = false };
	for (unsigned int i = 0; i < MADE_DEVICES; i++)
		open_device(&made.devices[i]);
	made.on = true;
}

void made_kernel_close(void)
{
	must(!calls.inside);
	made.on = false;
	for (unsigned int i = 0; i < MADE_DEVICES; i++) {
		struct made_device *device = &made.devices[i];

		munmap(device->own, MADE_MEMORY);
		close(device->memory_fd);
		close(device->fd);
	}
}

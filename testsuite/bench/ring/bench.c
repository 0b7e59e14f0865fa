/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

/*
 * One region of shared memory each. The rings follow one another as a driver lays them out, and
 * the receive buffers do not begin at the same place in a page as the transmit buffers.
 */
#define RINGS_SIZE 65536u
#define RINGS_IOVA UINT64_C(0x47ff0000)
#define TRANSMIT_IOVA UINT64_C(0x10000000)
#define RECEIVE_IOVA UINT64_C(0x20000000)
#define RECEIVE_OFFSET 832u
#define BUFFERS_SIZE (RING_SIZE * STRIDE + 4096)

#define DESC_AT 0u
#define AVAIL_AT (16 * RING_SIZE)
#define USED_AT (AVAIL_AT + 576)
#define TABLES_AT 8192u
#define QUEUE_STRIDE (16384u + 128)

static uint8_t *shared_memory(size_t size)
{
	int fd = memfd_create("bench-ring", MFD_CLOEXEC);
	void *memory;

	if (fd < 0 || ftruncate(fd, (off_t)size))
		return NULL;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

static void lay_out(struct driver_queue *queue, uint8_t *rings, uint8_t *buffers)
{
	queue->desc = (void *)(rings + DESC_AT);
	queue->packed = (void *)(rings + DESC_AT);
	queue->avail = (void *)(rings + AVAIL_AT);
	queue->used = (void *)(rings + USED_AT);
	queue->tables = (void *)(rings + TABLES_AT);
	queue->buffers = buffers;
}

static bool map(struct bench *bench, uint64_t iova, uint8_t *base, size_t size)
{
	struct vq_region region = { iova, iova + size - 1, base, VQ_ACCESS_BOTH, 0 };

	return base && !vq_memory_add(&bench->memory, &region);
}

static void count_interrupt(void *context, enum forward_end end)
{
	struct bench *bench = context;

	(void)end;
	bench->interrupts++;
}

static void count_failure(void *context, enum forward_end end, int rc)
{
	struct bench *bench = context;

	(void)end;
	(void)rc;
	bench->failures++;
}

static const struct forward_owner owner = {
	.interrupt = count_interrupt,
	.failed = count_failure,
};

struct bench *bench_new(void)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	uint8_t *rings = shared_memory(RINGS_SIZE), *from = shared_memory(BUFFERS_SIZE);
	uint8_t *to = shared_memory(BUFFERS_SIZE);

	if (bench)
		vq_memory_init(&bench->memory, bench->regions, 3, NULL, NULL, NULL);
	if (!bench || !map(bench, RINGS_IOVA, rings, RINGS_SIZE) ||
	    !map(bench, TRANSMIT_IOVA, from, BUFFERS_SIZE) ||
	    !map(bench, RECEIVE_IOVA, to, BUFFERS_SIZE)) {
		fprintf(stderr, "bench-ring: no memory\n");
		return NULL;
	}
	bench->driver.receive.writable = true;
	lay_out(&bench->driver.transmit, rings, from);
	lay_out(&bench->driver.receive, rings + QUEUE_STRIDE, to + RECEIVE_OFFSET);
	return bench;
}

/* The address of a byte of the rings, for the engine. */
static uint64_t ring_iova(const struct bench *bench, const void *at)
{
	const uint8_t *rings = (const uint8_t *)bench->driver.transmit.desc;

	return RINGS_IOVA + (uint64_t)((const uint8_t *)at - rings);
}

static void address(struct bench *bench, struct driver_queue *queue, bool pointers, uint64_t buffers)
{
	queue->buffers_at = pointers ? (uintptr_t)queue->buffers : buffers;
	queue->tables_at = pointers ? (uintptr_t)queue->tables : ring_iova(bench, queue->tables);
}

static bool start(struct bench *bench, struct bench_end *end, const struct driver_queue *queue,
		  uint64_t features)
{
	struct virtqueue_config config = {
		.size = RING_SIZE,
		.desc = ring_iova(bench, queue->desc),
		.driver = ring_iova(bench, queue->avail),
		.device = ring_iova(bench, queue->used),
		.features = features,
		.memory = &bench->memory,
		.slots = end->slots,
		.slot_count = RING_SIZE,
		.position = &end->position,
		.published = &end->published,
	};
	uint16_t begin = bench->driver.packed ? VIRTQUEUE_PACKED_BEGIN : 0;

	end->position = (struct virtqueue_position){ begin, begin };
	if (!virtqueue_start(&end->vq, &config))
		return true;
	fprintf(stderr, "bench-ring: the engine does not start: %s\n",
		virtqueue_reason_text(end->vq.error.reason));
	return false;
}

/* The features of a network device, as Linux negotiates them with the loopback device. */
static bool start_engine(struct bench *bench, bool packed, bool poll)
{
	uint64_t features = UINT64_C(0x33001bbab) |
			    (packed ? UINT64_C(1) << VIRTIO_F_RING_PACKED : 0);
	struct net_side side = { .features = features, .mtu = 1500 };

	forward_init(&bench->forward, &owner, bench);
	bench->forward.poll_ns = poll ? FORWARD_NEVER / 2 : 0;
	bench->path = (struct forward_path){
		.transmit = &bench->transmit.vq,
		.receive = &bench->receive.vq,
		.sender = side,
		.receiver = side,
	};
	bench->interrupts = bench->failures = 0;
	return start(bench, &bench->transmit, &bench->driver.transmit, features) &&
	       start(bench, &bench->receive, &bench->driver.receive, features);
}

bool bench_reset(struct bench *bench, const struct bench_case *with)
{
	struct driver *driver = &bench->driver;
	bool engine = with->device == ENGINE || with->device == ENGINE_POLL;

	bench->device = with->device;
	driver->packed = with->packed;
	driver->length = with->length;
	driver->transmit.shape = with->transmit;
	driver->receive.shape = with->receive;
	address(bench, &driver->transmit, !engine, TRANSMIT_IOVA);
	address(bench, &driver->receive, !engine, RECEIVE_IOVA + RECEIVE_OFFSET);
	driver_reset(driver);
	floor_reset(&bench->floor, driver);
	return !engine || start_engine(bench, with->packed, with->device == ENGINE_POLL);
}

void bench_step(struct bench *bench)
{
	bool packed = bench->driver.packed;

	switch (bench->device) {
	case FLOOR:
		packed ? floor_packed(&bench->floor) : floor_split(&bench->floor);
		break;
	case FLOOR_FENCE:
		packed ? floor_packed_fence(&bench->floor) : floor_split_fence(&bench->floor);
		break;
	case ENGINE:
	case ENGINE_POLL:
		forward_run(&bench->forward, &bench->path, 1);
		break;
	}
}

bool bench_right(const struct bench *bench)
{
	const struct driver *driver = &bench->driver;
	bool engine = bench->device == ENGINE || bench->device == ENGINE_POLL;

	if (driver->wrong || driver->received != driver->sent || bench->failures)
		return false;
	return !engine || (bench->forward.counters.frames == driver->sent &&
			   bench->forward.counters.bytes == driver->sent * driver->length);
}

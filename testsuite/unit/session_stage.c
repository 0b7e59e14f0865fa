// SPDX-License-Identifier: GPL-2.0-or-later
#include "testsuite/unit/session_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/features.h"

struct session staged;
struct journal_port journal;
unsigned int quiesced, changes;
unsigned int regions_at_quiesce, running_at_quiesce;
char reported[300];
char events[200];
struct session_stage kernel;

int __wrap_node_set_up_queue(int fd, uint32_t index, uint16_t max_size);
int __wrap_node_get_queue(int fd, uint32_t index, struct node_queue *queue);
int __wrap_node_set_kick(int fd, uint32_t index, int event_fd);
int __wrap_node_interrupt(int fd, uint32_t index);
int __wrap_node_get_features(int fd, uint64_t *features);
int __wrap_node_get_region(int fd, uint32_t asid, uint64_t iova, struct node_region *region);
int __wrap_node_is_bounce(int fd, uint32_t asid, uint64_t iova, uint64_t *size);
int __wrap_node_bring_bounce(int fd, uint32_t asid, void *memory, uint64_t size);
int __wrap_node_take_bounce_back(int fd, uint32_t asid, void *memory, uint64_t size);
int __wrap_node_read_request(int fd, struct vduse_dev_request *request);
int __wrap_node_write_response(int fd, const struct vduse_dev_response *response);

int __wrap_node_set_up_queue(int fd, uint32_t index, uint16_t max_size)
{
	(void)fd;
	assert_true(index < SESSION_QUEUES);
	assert_int_equal(max_size, RING_SIZE);
	kernel.opened[index] = staged.queues[index].kick_fd;
	assert_int_equal(fcntl(kernel.opened[index], F_GETFD), FD_CLOEXEC);
	return index == kernel.set_up_fails ? kernel.set_up_error : 0;
}

int __wrap_node_get_queue(int fd, uint32_t index, struct node_queue *queue)
{
	uint64_t start = MEMORY_IOVA + (uint64_t)index * QUEUE_BYTES;

	(void)fd;
	*queue = (struct node_queue){
		.size = RING_SIZE,
		.desc = start,
		.driver = start + 0x1000,
		.device = start + 0x2000,
		.avail_index = kernel.avail_index,
		.packed = kernel.packed,
		.ready = kernel.ready[index],
	};
	return kernel.queue_error;
}

int __wrap_node_set_kick(int fd, uint32_t index, int event_fd)
{
	(void)fd;
	kernel.kick[index] = event_fd;
	return 0;
}

int __wrap_node_interrupt(int fd, uint32_t index)
{
	(void)fd;
	assert_true(index < SESSION_QUEUES);
	if (kernel.interrupt_error)
		return kernel.interrupt_error;
	kernel.interrupts++;
	return 0;
}

int __wrap_node_get_features(int fd, uint64_t *features)
{
	(void)fd;
	*features = kernel.features;
	return kernel.features_error;
}

int __wrap_node_get_region(int fd, uint32_t asid, uint64_t iova, struct node_region *region)
{
	int error = kernel.region_error;

	(void)fd;
	kernel.regions++;
	if (kernel.region_fails && !--kernel.region_fails)
		kernel.region_error = 0;
	if (error)
		return error;
	if (asid != kernel.asid || iova < MEMORY_IOVA || iova >= MEMORY_IOVA + MEMORY_SIZE)
		return -EINVAL;
	*region = (struct node_region){
		.first = MEMORY_IOVA,
		.last = MEMORY_IOVA + MEMORY_SIZE - 1,
		.offset = kernel.skip,
		.access = VDUSE_ACCESS_RW,
		.fd = dup(kernel.memory_fd),
	};
	if (kernel.piece) {
		region->offset = (iova - MEMORY_IOVA) / kernel.piece * kernel.piece;
		region->first += region->offset;
		region->last = region->first + kernel.piece - 1;
	}
	return 0;
}

/* The bounce buffer begins at 0 and holds the rings of the test as well. */
int __wrap_node_is_bounce(int fd, uint32_t asid, uint64_t iova, uint64_t *size)
{
	(void)fd;
	if (asid != kernel.asid || iova >= MEMORY_IOVA + MEMORY_SIZE)
		return -EINVAL;
	*size = MEMORY_IOVA + MEMORY_SIZE;
	return kernel.bounce;
}

int __wrap_node_bring_bounce(int fd, uint32_t asid, void *memory, uint64_t size)
{
	(void)fd;
	kernel.brings++;
	assert_int_equal(asid, kernel.asid);
	assert_int_equal(size, MEMORY_IOVA + MEMORY_SIZE);
	assert_int_equal((uintptr_t)memory % 4096, 0);
	if (kernel.bring_error)
		return kernel.bring_error;
	if (kernel.brought)
		return -EEXIST;
	kernel.brought = memory;
	return 0;
}

int __wrap_node_take_bounce_back(int fd, uint32_t asid, void *memory, uint64_t size)
{
	(void)fd;
	assert_int_equal(asid, kernel.asid);
	assert_ptr_equal(memory, kernel.brought);
	assert_int_equal(size, MEMORY_IOVA + MEMORY_SIZE);
	kernel.brought = NULL;
	kernel.taken_back++;
	return 0;
}

int __wrap_node_read_request(int fd, struct vduse_dev_request *request)
{
	(void)fd;
	if (kernel.read_error)
		return kernel.read_error;
	if (kernel.request_next == kernel.request_count)
		return -EAGAIN;
	*request = kernel.requests[kernel.request_next++];
	return 0;
}

int __wrap_node_write_response(int fd, const struct vduse_dev_response *response)
{
	size_t i;

	(void)fd;
	for (i = 0; i < sizeof(response->reserved) / sizeof(response->reserved[0]); i++)
		assert_int_equal(response->reserved[i], 0);
	kernel.responses[kernel.response_count++] = *response;
	return kernel.response_error;
}

static void on_quiesce(void *context, bool for_good)
{
	(void)for_good;
	assert_ptr_equal(context, &staged);
	quiesced++;
	regions_at_quiesce = staged.memory.count;
	running_at_quiesce = 0;
	for (unsigned int i = 0; i < SESSION_QUEUES; i++)
		running_at_quiesce += staged.queues[i].vq.state == VIRTQUEUE_RUNNING;
}

static void on_changed(void *context)
{
	assert_ptr_equal(context, &staged);
	changes++;
}

static void on_report(void *context, const char *sentence)
{
	assert_ptr_equal(context, &staged);
	strncpy(reported, sentence, sizeof(reported) - 1);
}

static void on_event(void *context, enum session_event event, unsigned int number)
{
	static const char letters[] = {
		[SESSION_STATUS] = 's', [SESSION_FEATURES] = 'f', [SESSION_QUEUE_READY] = 'q',
		[SESSION_IOTLB] = 'i', [SESSION_RESET] = 'r', [SESSION_RECONNECT] = 'c',
	};
	size_t length = strlen(events);

	assert_ptr_equal(context, &staged);
	assert_true(length + 8 < sizeof(events));
	snprintf(events + length, sizeof(events) - length, "%c%u ", letters[event],
		 event == SESSION_STATUS ? staged.status : number);
}

static const struct session_owner owner = { on_quiesce, on_changed, on_report, on_event };

int session_stage_open(void)
{
	int rc = session_open(&staged, 100, RING_SIZE, FEATURES_NET_IMPLEMENTED,
			      &journal.session, &owner, &staged);

	staged.queues[0].position = &journal.direction.receive;
	staged.queues[1].position = &journal.direction.transmit;
	staged.queues[0].progress = staged.queues[1].progress = &journal.direction.progress;
	return rc;
}

int session_stage_begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	memset(reported, 0, sizeof(reported));
	events[0] = '\0';
	quiesced = changes = 0;
	kernel.memory_fd = memfd_create("driver", MFD_CLOEXEC);
	assert_true(kernel.memory_fd >= 0);
	assert_int_equal(ftruncate(kernel.memory_fd, MEMORY_SIZE + 0x1000), 0);
	kernel.memory = mmap(NULL, MEMORY_SIZE + 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED,
			     kernel.memory_fd, 0);
	assert_ptr_not_equal(kernel.memory, MAP_FAILED);
	kernel.ready[0] = kernel.ready[1] = true;
	kernel.features = FEATURES_NET_DEFAULT;
	memset(&journal, 0, sizeof(journal));
	return session_stage_open();
}

int session_stage_end(void **state)
{
	(void)state;
	session_close(&staged);
	munmap(kernel.memory, MEMORY_SIZE + 0x1000);
	close(kernel.memory_fd);
	return 0;
}

uint32_t session_stage_message(struct vduse_dev_request request)
{
	kernel.request_count = kernel.request_next = kernel.response_count = 0;
	request.request_id = 77;
	kernel.requests[kernel.request_count++] = request;
	assert_int_equal(session_handle_messages(&staged), 0);
	assert_int_equal(kernel.response_count, 1);
	assert_int_equal(kernel.responses[0].request_id, 77);
	return kernel.responses[0].result;
}

uint32_t session_stage_status(uint8_t value)
{
	return session_stage_message((struct vduse_dev_request){
		.type = VDUSE_SET_STATUS, .s.status = value });
}

void session_stage_attach(void)
{
	static const uint8_t steps[] = { 0, 1, 3, 0xb, 0xf };
	size_t i;

	for (i = 0; i < sizeof(steps); i++)
		assert_int_equal(session_stage_status(steps[i]), VDUSE_REQ_RESULT_OK);
}

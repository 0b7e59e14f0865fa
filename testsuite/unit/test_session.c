// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A session against a kernel that is made up: messages that 6.12 never sends, answers
 * that come too late, interrupts that are refused. What the real kernel does is tested in
 * the guest.
 *
 * LDFLAGS: -Wl,--wrap=node_set_up_queue,--wrap=node_get_queue,--wrap=node_set_kick,--wrap=node_interrupt,--wrap=node_get_features,--wrap=node_get_region,--wrap=node_is_bounce,--wrap=node_bring_bounce,--wrap=node_take_bounce_back,--wrap=node_read_request,--wrap=node_write_response
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "lib/features.h"
#include "vduse/device/session.h"
#include "vduse/device/session_memory.h"

#define MEMORY_SIZE 0x10000
#define MEMORY_IOVA 0x47ff0000
#define QUEUE_BYTES 0x4000	/* a ring of 256 and room to spare */
#define RING_SIZE 256
#define REQUESTS_MAX 8

/* The kernel's side. */
static struct {
	int memory_fd;
	uint8_t *memory;	/* the driver's view */
	uint64_t skip;		/* of the region's start in the file: not at a page */
	int region_error;
	unsigned int regions;	/* asked for */
	uint32_t asid;		/* of the address space that the memory is in */
	int bounce;		/* node_is_bounce() of the memory */
	int bring_error;
	uint8_t *brought;	/* memory of the session as the memory's content */
	unsigned int brings, taken_back;
	bool ready[SESSION_QUEUES];
	uint16_t avail_index;
	struct vduse_vq_state_packed packed;
	uint64_t features;
	int interrupt_error;
	unsigned int interrupts;
	int kick[SESSION_QUEUES];
	struct vduse_dev_request requests[REQUESTS_MAX];
	unsigned int request_count, request_next;
	struct vduse_dev_response responses[REQUESTS_MAX];
	unsigned int response_count;
	int response_error;
	int read_error;
	int set_up_error, queue_error, features_error;
	unsigned int set_up_fails;	/* the virtqueue that set_up_error is about */
	int opened[SESSION_QUEUES];	/* the kick descriptors when they were set up */
} kernel;

static struct session session;
static unsigned int quiesced, changes;
static char reported[300];
static char events[200];

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
	kernel.opened[index] = session.queues[index].kick_fd;
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
	(void)index;
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
	(void)fd;
	kernel.regions++;
	if (kernel.region_error)
		return kernel.region_error;
	if (asid != kernel.asid || iova < MEMORY_IOVA || iova >= MEMORY_IOVA + MEMORY_SIZE)
		return -EINVAL;
	*region = (struct node_region){
		.first = MEMORY_IOVA,
		.last = MEMORY_IOVA + MEMORY_SIZE - 1,
		.offset = kernel.skip,
		.access = VDUSE_ACCESS_RW,
		.fd = dup(kernel.memory_fd),
	};
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

static void on_quiesce(void *context)
{
	assert_ptr_equal(context, &session);
	quiesced++;
}

static void on_changed(void *context)
{
	assert_ptr_equal(context, &session);
	changes++;
}

static void on_report(void *context, const char *sentence)
{
	assert_ptr_equal(context, &session);
	strncpy(reported, sentence, sizeof(reported) - 1);
}

static void on_event(void *context, enum session_event event, unsigned int number)
{
	static const char letters[] = {
		[SESSION_STATUS] = 's', [SESSION_FEATURES] = 'f', [SESSION_QUEUE_READY] = 'q',
		[SESSION_IOTLB] = 'i', [SESSION_RESET] = 'r', [SESSION_RECONNECT] = 'c',
	};
	size_t length = strlen(events);

	assert_ptr_equal(context, &session);
	assert_true(length + 8 < sizeof(events));
	snprintf(events + length, sizeof(events) - length, "%c%u ", letters[event],
		 event == SESSION_STATUS ? session.status : number);
}

static const struct session_owner owner = { on_quiesce, on_changed, on_report, on_event };

static int open_session(void)
{
	return session_open(&session, 100, RING_SIZE, FEATURES_NET_IMPLEMENTED, &owner, &session);
}

static int begin(void **state)
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
	return open_session();
}

static int end(void **state)
{
	(void)state;
	session_close(&session);
	munmap(kernel.memory, MEMORY_SIZE + 0x1000);
	close(kernel.memory_fd);
	return 0;
}

/* One message; returns the result that it was answered with. */
static uint32_t message(struct vduse_dev_request request)
{
	kernel.request_count = kernel.request_next = kernel.response_count = 0;
	request.request_id = 77;
	kernel.requests[kernel.request_count++] = request;
	assert_int_equal(session_handle_messages(&session), 0);
	assert_int_equal(kernel.response_count, 1);
	assert_int_equal(kernel.responses[0].request_id, 77);
	return kernel.responses[0].result;
}

static uint32_t status(uint8_t value)
{
	return message((struct vduse_dev_request){ .type = VDUSE_SET_STATUS, .s.status = value });
}

static void attach(void)
{
	static const uint8_t steps[] = { 0, 1, 3, 0xb, 0xf };
	size_t i;

	for (i = 0; i < sizeof(steps); i++)
		assert_int_equal(status(steps[i]), VDUSE_REQ_RESULT_OK);
}

static void expect_closed(int kick_fd, unsigned int index)
{
	assert_int_equal(session.queues[index].kick_fd, -1);
	assert_int_equal(fcntl(kick_fd, F_GETFD), -1);
	assert_int_equal(kernel.kick[index], VDUSE_EVENTFD_DEASSIGN);
}

static void a_session_is_closed(void **state)
{
	(void)state;
	attach();
	session_close(&session);
	expect_closed(kernel.opened[0], 0);
	expect_closed(kernel.opened[1], 1);
	assert_int_equal(open_session(), 0);
}

/* The second virtqueue is not set up after the first failed. */
static void a_session_that_does_not_open(void **state)
{
	(void)state;
	session_close(&session);
	kernel.set_up_error = -EBUSY;
	for (kernel.set_up_fails = 0; kernel.set_up_fails < SESSION_QUEUES; kernel.set_up_fails++) {
		kernel.opened[1] = -1;
		assert_int_equal(open_session(), -EBUSY);
		expect_closed(kernel.opened[0], 0);
		assert_int_equal(kernel.opened[1] != -1, kernel.set_up_fails == 1);
		expect_closed(kernel.opened[1], 1);
	}
	assert_int_equal(open_session(), 0);
}

/* Each thing once, after it happened, in its order. */
static void who_watches_is_told(void **state)
{
	struct vduse_dev_request update = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	attach();
	assert_string_equal(events, "r0 s0 s1 s3 s11 f0 s15 q0 q1 ");
	events[0] = '\0';
	update.iova.last = UINT64_MAX;
	assert_int_equal(message(update), VDUSE_REQ_RESULT_OK);
	assert_true(events[0] == 'i' && atoi(events + 1) > 0);
	events[0] = '\0';
	assert_int_equal(status(0), VDUSE_REQ_RESULT_OK);
	assert_string_equal(events, "r0 s0 ");
	events[0] = '\0';
	/* refused: not a status that is there */
	assert_int_equal(status(3), VDUSE_REQ_RESULT_OK);
	kernel.features = FEATURES_NET_DEFAULT | UINT64_C(1) << 22;
	assert_int_equal(status(0xb), VDUSE_REQ_RESULT_FAILED);
	assert_string_equal(events, "s3 ");
}

static void a_driver_comes_and_goes(void **state)
{
	(void)state;
	assert_null(session_queue(&session, 0));
	attach();
	assert_true(session.live);
	assert_non_null(session_queue(&session, 0));
	assert_non_null(session_queue(&session, 1));
	assert_int_equal(kernel.kick[1], session.queues[1].kick_fd);
	assert_true(session.memory.count > 0);
	quiesced = 0;
	assert_int_equal(status(0), VDUSE_REQ_RESULT_OK);
	assert_true(quiesced > 0);
	assert_false(session.live);
	assert_int_equal(session.memory.count, 0);
	assert_null(session_queue(&session, 0));
}

static void control_59_unknown_message(void **state)
{
	uint32_t type;

	(void)state;
	attach();
	for (type = 4; type < 10; type++)
		assert_int_equal(message((struct vduse_dev_request){ .type = type }),
				 VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(message((struct vduse_dev_request){ .type = UINT32_MAX }),
			 VDUSE_REQ_RESULT_FAILED);
	assert_true(session.live);
}

static void control_59_virtqueue_out_of_range(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };

	(void)state;
	attach();
	request.vq_state.index = SESSION_QUEUES;
	assert_int_equal(message(request), VDUSE_REQ_RESULT_FAILED);
	request.vq_state.index = UINT32_MAX;
	assert_int_equal(message(request), VDUSE_REQ_RESULT_FAILED);
}

static void position_is_told(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };

	(void)state;
	kernel.avail_index = 0;
	attach();
	session.queues[1].position.next_avail = 4711;
	request.vq_state.index = 1;
	quiesced = 0;
	assert_int_equal(message(request), VDUSE_REQ_RESULT_OK);
	assert_int_equal(quiesced, 1);
	assert_int_equal(kernel.responses[0].vq_state.index, 1);
	assert_int_equal(kernel.responses[0].vq_state.split.avail_index, 4711);
}

/* Before the device has a position of its own, the driver's is told back. */
static void position_of_a_queue_that_never_ran(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };

	(void)state;
	kernel.avail_index = 123;
	assert_int_equal(message(request), VDUSE_REQ_RESULT_OK);
	assert_int_equal(kernel.responses[0].vq_state.split.avail_index, 123);
}

static void position_that_cannot_be_had(void **state)
{
	(void)state;
	kernel.queue_error = -EIO;
	assert_int_equal(message((struct vduse_dev_request){ .type = VDUSE_GET_VQ_STATE }),
			 VDUSE_REQ_RESULT_FAILED);
	attach();
	assert_null(session_queue(&session, 0));
	kernel.queue_error = 0;
	assert_non_null(session_queue(&session, 0));
}

/* The driver says where it is, the ring how far the device came. */
static void position_of_a_driver_with_chains_in_flight(void **state)
{
	(void)state;
	*(uint16_t *)(kernel.memory + 0x2000 + 2) = 2;
	*(uint16_t *)(kernel.memory + 0x1000 + 2) = 5;
	kernel.avail_index = 4;
	attach();
	assert_non_null(session_queue(&session, 0));
	assert_int_equal(session.queues[0].position.next_avail, 4);
	assert_int_equal(session.queues[0].position.next_used, 2);
}

static void expect_packed_state(const struct vduse_vq_state_packed *expected)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };

	request.vq_state.index = 1;
	assert_int_equal(message(request), VDUSE_REQ_RESULT_OK);
	assert_int_equal(kernel.responses[0].vq_state.index, 1);
	assert_memory_equal(&kernel.responses[0].vq_state.packed, expected, sizeof(*expected));
}

/* Four numbers: both counters and both places. */
static void position_of_a_packed_ring(void **state)
{
	const struct vduse_vq_state_packed moved = { 0, 200, 1, 255 };

	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 1, 7, 1, 6 };
	attach();
	assert_int_equal(session.queues[1].position.next_avail, 0x8000 | 7);
	assert_int_equal(session.queues[1].position.next_used, 0x8000 | 6);
	expect_packed_state(&kernel.packed);
	session.queues[1].position.next_avail = 200;
	session.queues[1].position.next_used = 0x8000 | 255;
	expect_packed_state(&moved);
}

/* DPDK tells the avail half only; nothing is in flight in a ring that begins. */
static void position_of_a_packed_ring_half_told(void **state)
{
	const struct vduse_vq_state_packed whole = { 1, 3, 1, 3 };

	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 1, 3, 0, 0 };
	attach();
	expect_packed_state(&whole);
}

/* The same zeroes in the other lap are a position. */
static void position_of_a_packed_ring_at_a_lap_s_begin(void **state)
{
	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 0, 3, 0, 0 };
	attach();
	expect_packed_state(&kernel.packed);
}

static void position_of_a_packed_ring_that_never_ran(void **state)
{
	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 0, 9, 1, 255 };
	kernel.ready[1] = false;
	attach();
	expect_packed_state(&kernel.packed);
}

static void control_61_status_going_backwards(void **state)
{
	(void)state;
	attach();
	assert_int_equal(status(0xb), VDUSE_REQ_RESULT_OK);
	assert_false(session.live);
	assert_int_equal(session.memory.count, 0);
}

static void features_that_we_do_not_have(void **state)
{
	(void)state;
	kernel.features = FEATURES_NET_DEFAULT | FEATURE(35);
	assert_int_equal(status(3), VDUSE_REQ_RESULT_OK);
	assert_int_equal(status(0xb), VDUSE_REQ_RESULT_FAILED);
	assert_non_null(strstr(reported, "0x800000000"));
	assert_int_equal(session.status, 3);
	assert_int_equal(status(0x83), VDUSE_REQ_RESULT_OK);
	assert_false(session.live);
}

static void features_that_cannot_be_had(void **state)
{
	(void)state;
	kernel.features_error = -EIO;
	assert_int_equal(status(3), VDUSE_REQ_RESULT_OK);
	assert_int_equal(status(0xb), VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(session.status, 3);
}

/* DRIVER_OK without FEATURES_OK is a driver's mistake: nothing is touched. */
static void ring_06_driver_ok_without_features_ok(void **state)
{
	(void)state;
	assert_int_equal(status(7), VDUSE_REQ_RESULT_OK);
	assert_false(session.live);
	assert_null(session_queue(&session, 0));
	assert_int_equal(kernel.regions, 0);
}

static void ring_06_ready_before_driver_ok(void **state)
{
	(void)state;
	assert_int_equal(status(0xb), VDUSE_REQ_RESULT_OK);
	assert_null(session_queue(&session, 1));
	assert_int_equal(kernel.regions, 0);
}

static void a_queue_that_becomes_ready_later(void **state)
{
	(void)state;
	kernel.ready[0] = kernel.ready[1] = false;
	attach();
	assert_null(session_queue(&session, 0));
	kernel.ready[0] = true;
	assert_non_null(session_queue(&session, 0));
	assert_null(session_queue(&session, 1));
}

static void interrupts_are_owed_until_taken(void **state)
{
	(void)state;
	attach();
	kernel.interrupt_error = -EINVAL;
	session_interrupt(&session, 0);
	assert_true(session_owes(&session));
	assert_true(session_retry(&session));
	kernel.interrupt_error = 0;
	assert_false(session_retry(&session));
	assert_int_equal(kernel.interrupts, 1);
	assert_false(session_owes(&session));
}

static void interrupts_are_given_up_in_the_end(void **state)
{
	unsigned int tries = 0;

	(void)state;
	attach();
	kernel.interrupt_error = -EINVAL;
	session_interrupt(&session, 1);
	while (session_retry(&session))
		assert_true(++tries < 100000);
	assert_false(session_owes(&session));
}

static void interrupts_are_forgotten_at_a_reset(void **state)
{
	(void)state;
	attach();
	kernel.interrupt_error = -EINVAL;
	session_interrupt(&session, 0);
	status(0);
	assert_false(session_owes(&session));
}

static void iova_43_update_drops_what_it_names(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_UPDATE_IOTLB };
	unsigned int before;

	(void)state;
	attach();
	before = kernel.regions;
	request.iova.start = 0;
	request.iova.last = UINT64_MAX;
	quiesced = 0;
	assert_int_equal(message(request), VDUSE_REQ_RESULT_OK);
	assert_true(quiesced > 0);
	assert_int_equal(session.memory.count, 0);
	assert_non_null(session_queue(&session, 0));	/* asked for again */
	assert_true(kernel.regions > before);
}

/* A client that moves its memory step by step: the rings are gone for a moment. */
static void iova_42_rings_gone_and_back(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	attach();
	session.queues[0].position.next_avail = 0;
	request.iova.last = UINT64_MAX;
	kernel.region_error = -EINVAL;
	message(request);
	assert_null(session_queue(&session, 0));
	kernel.region_error = 0;
	assert_null(session_queue(&session, 0));	/* not before something changed */
	message(request);
	assert_non_null(session_queue(&session, 0));
}

static void iova_46_no_memory_is_tried_again(void **state)
{
	static const int errors[] = { -ENOMEM, -EMFILE, -ENFILE };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		kernel.region_error = errors[i];
		attach();
		assert_null(session_queue(&session, 0));
		assert_non_null(strstr(reported, "does not start"));
		assert_non_null(strstr(reported, strerror(-errors[i])));
		kernel.region_error = 0;
		assert_non_null(session_queue(&session, 0));
	}
}

/* What the driver did wrong stays until it says that something changed. */
static void iova_40_a_ring_that_is_not_mapped(void **state)
{
	(void)state;
	kernel.region_error = -EINVAL;
	attach();
	assert_non_null(strstr(reported, "virtqueue 1 does not start"));
	assert_int_equal(session.broken_queues, 2);
	kernel.region_error = 0;
	assert_null(session_queue(&session, 0));
	assert_int_equal(message((struct vduse_dev_request){ .type = VDUSE_UPDATE_IOTLB }),
			 VDUSE_REQ_RESULT_OK);
	assert_non_null(session_queue(&session, 0));
	assert_int_equal(session.broken_queues, 2);
}

/* A virtqueue that stopped for the memory goes on at its own position, not where it began. */
static void iova_42_rings_gone_and_back_further_on(void **state)
{
	struct vduse_dev_request update = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	attach();
	*(uint16_t *)(kernel.memory + 0x1000 + 2) = 3;
	*(uint16_t *)(kernel.memory + 0x2000 + 2) = 3;
	session.queues[0].position = (struct virtqueue_position){ 3, 3 };
	update.iova.last = UINT64_MAX;
	kernel.region_error = -EINVAL;
	message(update);
	assert_null(session_queue(&session, 0));
	kernel.region_error = 0;
	message(update);
	assert_non_null(session_queue(&session, 0));
	assert_int_equal(session.queues[0].position.next_avail, 3);
}

/* Asked for while no driver is there, after memory went away: it starts with the next one. */
static void a_queue_that_is_asked_for_too_soon(void **state)
{
	struct vduse_dev_request update = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	attach();
	update.iova.last = UINT64_MAX;
	message(update);
	assert_int_equal(status(0), VDUSE_REQ_RESULT_OK);
	assert_null(session_queue(&session, 0));
	status(1);
	status(3);
	status(0xb);
	assert_null(session_queue(&session, 0));
	status(0xf);
	assert_non_null(session_queue(&session, 0));
}

static void an_error_that_breaks_nothing(void **state)
{
	(void)state;
	attach();
	session_queue_error(&session, 1, -EIO);
	assert_int_equal(session.broken_queues, 0);
	assert_non_null(session_queue(&session, 1));
}

static void a_region_that_starts_inside_a_page(void **state)
{
	(void)state;
	kernel.skip = 0x40;
	attach();
	assert_non_null(session_queue(&session, 0));
	kernel.memory[0x40 + 0x1000 + 2] = 1;	/* avail.idx of queue 0 */
	assert_int_equal(virtqueue_available(session_queue(&session, 0)), 1);
}

static void control_62_an_answer_too_late(void **state)
{
	(void)state;
	kernel.response_error = -ENOENT;
	assert_int_equal(status(1), VDUSE_REQ_RESULT_OK);
	assert_non_null(strstr(reported, "too late"));
}

static void control_62_a_short_read(void **state)
{
	(void)state;
	kernel.read_error = -EIO;
	assert_int_equal(session_handle_messages(&session), -EIO);
}

static void control_63_a_broken_device(void **state)
{
	(void)state;
	kernel.requests[kernel.request_count++] = (struct vduse_dev_request){
		.type = VDUSE_SET_STATUS, .s.status = 1 };
	kernel.response_error = -EPERM;
	assert_int_equal(session_handle_messages(&session), -EPERM);
}

static void messages_are_answered_until_there_is_none(void **state)
{
	(void)state;
	kernel.requests[0] = (struct vduse_dev_request){ .type = VDUSE_SET_STATUS, .s.status = 1 };
	kernel.requests[1] = (struct vduse_dev_request){ .type = VDUSE_SET_STATUS, .s.status = 3 };
	kernel.request_count = 2;
	assert_int_equal(session_handle_messages(&session), 0);
	assert_int_equal(kernel.response_count, 2);
	assert_int_equal(session.status, 3);
}

static void a_driver_from_before_is_resumed(void **state)
{
	uint16_t *used_index = (uint16_t *)(kernel.memory + 0x2000 + 2);
	uint16_t *avail_index = (uint16_t *)(kernel.memory + 0x1000 + 2);

	(void)state;
	*used_index = 9;
	*avail_index = 12;
	kernel.avail_index = 0;		/* only where the driver once began */
	assert_int_equal(session_resume(&session), 0);
	assert_true(session.live);
	assert_non_null(session_queue(&session, 0));
	assert_int_equal(session.queues[0].position.next_avail, 9);
	assert_int_equal(virtqueue_available(session_queue(&session, 0)), 3);
	assert_true(kernel.interrupts >= 2);	/* what the last process may have owed */
}

/* Ready virtqueues, but the kernel takes no interrupt: DRIVER_OK is still to come. */
/* Nobody knows how far the last process came: nothing is touched until a reset. */
static void a_packed_ring_is_not_resumed(void **state)
{
	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 1, 0, 1, 0 };
	assert_int_equal(session_resume(&session), 0);
	assert_true(session.live);
	assert_null(session_queue(&session, 0));
	assert_null(session_queue(&session, 1));
	assert_non_null(strstr(reported, "virtqueue 1 waits for the driver's reset"));
	attach();
	assert_non_null(session_queue(&session, 0));
	assert_non_null(session_queue(&session, 1));
}

static void nothing_is_resumed_before_driver_ok(void **state)
{
	(void)state;
	kernel.interrupt_error = -EINVAL;
	assert_int_equal(session_resume(&session), 0);
	assert_false(session.live);
	assert_int_equal(kernel.regions, 0);
}

static void a_driver_with_other_features_is_not_resumed(void **state)
{
	(void)state;
	kernel.features |= FEATURE(35);
	assert_int_equal(session_resume(&session), -EOPNOTSUPP);
	assert_false(session.live);
}

/* A driver that broke its queue: reported once, stopped, and served again after a reset. */
static void a_broken_queue_stays_stopped_until_a_reset(void **state)
{
	struct virtqueue *vq;
	struct iovec segments[4];
	struct vq_chain chain;
	int rc;

	(void)state;
	attach();
	vq = session_queue(&session, 1);
	assert_non_null(vq);
	*(uint16_t *)(kernel.memory + QUEUE_BYTES + 0x1000 + 2) = RING_SIZE + 1;
	vq_chain_init(&chain, segments, 4);
	rc = virtqueue_pop(vq, &chain);
	assert_int_equal(rc, -EPROTO);
	session_queue_error(&session, 1, rc);
	session_queue_error(&session, 1, rc);
	assert_int_equal(session.broken_queues, 1);
	assert_non_null(strstr(reported, "virtqueue 1"));
	assert_non_null(strstr(reported, virtqueue_reason_text(vq->error.reason)));
	assert_null(session_queue(&session, 1));
	/* an update of the memory does not mend it */
	message((struct vduse_dev_request){ .type = VDUSE_UPDATE_IOTLB });
	session_queue_error(&session, 1, rc);
	assert_int_equal(session.broken_queues, 1);
	memset(kernel.memory, 0, MEMORY_SIZE);
	attach();
	assert_non_null(session_queue(&session, 1));
}

/* The client cut its file short: the access goes on with zeroes. */
static void iova_45_a_file_cut_short(void **state)
{
	uint64_t before = session_memory_missing();

	(void)state;
	attach();
	assert_int_equal(session_memory_guard(&session), 0);
	assert_int_equal(ftruncate(kernel.memory_fd, 0), 0);
	assert_int_equal(virtqueue_available(session_queue(&session, 0)), 0);
	assert_true(session_memory_missing() > before);
}

/* API version 1: group 0, which all virtqueues are in, is given another address space. */
static struct vduse_dev_request group_asid(uint32_t group, uint32_t asid)
{
	const struct vduse_tools_vq_group_asid change = { .group = group, .asid = asid };
	struct vduse_dev_request request = { .type = VDUSE_TOOLS_SET_VQ_GROUP_ASID };

	memcpy(request.padding, &change, sizeof(change));
	return request;
}

static struct vduse_dev_request update_in(uint32_t asid)
{
	const struct vduse_tools_iova_range_v2 range = { .last = UINT64_MAX, .asid = asid };
	struct vduse_dev_request request = { .type = VDUSE_UPDATE_IOTLB };

	memcpy(request.padding, &range, sizeof(range));
	return request;
}

static void version_1_another_address_space(void **state)
{
	(void)state;
	kernel.asid = 3;
	assert_int_equal(message(group_asid(0, 3)), VDUSE_REQ_RESULT_OK);
	attach();
	/* a reset put group 0 back into address space 0 */
	assert_null(session_queue(&session, 0));
	assert_int_equal(message(group_asid(0, 3)), VDUSE_REQ_RESULT_OK);
	assert_non_null(session_queue(&session, 0));
	assert_non_null(session_queue(&session, 1));
}

/* While virtqueues run: chains go back first, then the old memory is given up. */
static void version_1_moved_while_it_runs(void **state)
{
	(void)state;
	attach();
	assert_true(session.memory.count > 0);
	kernel.asid = 1;
	quiesced = 0;
	assert_int_equal(message(group_asid(0, 1)), VDUSE_REQ_RESULT_OK);
	assert_true(quiesced > 0);
	assert_int_equal(session.memory.count, 0);
	assert_non_null(session_queue(&session, 0));
	/* said again: nothing happens */
	quiesced = 0;
	assert_int_equal(message(group_asid(0, 1)), VDUSE_REQ_RESULT_OK);
	assert_int_equal(quiesced, 0);
	assert_int_equal(session.asid, 1);
	status(0);
	assert_int_equal(session.asid, 0);
}

/* A group that no virtqueue of ours is in. */
static void version_1_another_group(void **state)
{
	(void)state;
	attach();
	quiesced = 0;
	assert_int_equal(message(group_asid(1, 2)), VDUSE_REQ_RESULT_OK);
	assert_int_equal(quiesced, 0);
	assert_true(session.memory.count > 0);
	assert_non_null(session_queue(&session, 0));
}

static void version_1_an_update_of_another_address_space(void **state)
{
	(void)state;
	attach();
	quiesced = 0;
	assert_int_equal(message(update_in(1)), VDUSE_REQ_RESULT_OK);
	assert_int_equal(quiesced, 0);
	assert_true(session.memory.count > 0);
	assert_int_equal(message(update_in(0)), VDUSE_REQ_RESULT_OK);
	assert_int_equal(session.memory.count, 0);
}

/* Memory of our own is brought once, is what the rings are in, and stays over a reset. */
static void umem_is_brought_once(void **state)
{
	(void)state;
	session_bring_memory(&session);
	kernel.bounce = 1;
	attach();
	assert_non_null(session_queue(&session, 0));
	assert_non_null(kernel.brought);
	assert_int_equal(kernel.brings, 1);
	assert_int_equal(kernel.regions, 0);	/* none of the kernel's */
	*(uint16_t *)(kernel.brought + MEMORY_IOVA + 0x1000 + 2) = 1;	/* avail.idx of queue 0 */
	assert_int_equal(virtqueue_available(session_queue(&session, 0)), 1);
	*(uint16_t *)(kernel.brought + MEMORY_IOVA + 0x1000 + 2) = 0;
	status(0);
	assert_non_null(kernel.brought);
	attach();
	assert_non_null(session_queue(&session, 1));
	assert_int_equal(kernel.brings, 1);
	session_close(&session);
	assert_int_equal(kernel.taken_back, 1);
	assert_int_equal(session_open(&session, 100, RING_SIZE, FEATURES_NET_IMPLEMENTED, &owner,
				      &session), 0);
}

/* Of a vhost client, and without the word: its own memory is mapped. */
static void umem_is_for_the_bounce_buffer_only(void **state)
{
	(void)state;
	session_bring_memory(&session);
	attach();
	assert_non_null(session_queue(&session, 0));
	assert_int_equal(kernel.brings, 0);
	assert_true(kernel.regions > 0);
	session.umem.wanted = false;
	kernel.bounce = 1;
	attach();
	assert_int_equal(kernel.brings, 0);
}

static void umem_that_is_refused(void **state)
{
	(void)state;
	session_bring_memory(&session);
	kernel.bounce = 1;
	kernel.bring_error = -ENOMEM;
	attach();
	assert_non_null(session_queue(&session, 0));	/* served all the same */
	assert_true(kernel.regions > 0);
	assert_non_null(strstr(reported, "RLIMIT_MEMLOCK"));
	memset(reported, 0, sizeof(reported));
	attach();
	assert_int_equal(kernel.brings, 1);		/* and not tried for ever */
	assert_int_equal(strlen(reported), 0);
}

static void umem_that_the_kernel_does_not_know(void **state)
{
	(void)state;
	session_bring_memory(&session);
	kernel.bounce = -ENOTTY;
	attach();
	assert_non_null(session_queue(&session, 0));
	assert_int_equal(kernel.brings, 0);
	assert_non_null(strstr(reported, "Linux 6.1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_driver_comes_and_goes),
		TEST(who_watches_is_told),
		TEST(a_session_is_closed),
		TEST(a_session_that_does_not_open),
		TEST(control_59_unknown_message),
		TEST(control_59_virtqueue_out_of_range),
		TEST(position_is_told),
		TEST(position_of_a_queue_that_never_ran),
		TEST(position_that_cannot_be_had),
		TEST(position_of_a_driver_with_chains_in_flight),
		TEST(position_of_a_packed_ring),
		TEST(position_of_a_packed_ring_half_told),
		TEST(position_of_a_packed_ring_at_a_lap_s_begin),
		TEST(position_of_a_packed_ring_that_never_ran),
		TEST(control_61_status_going_backwards),
		TEST(features_that_we_do_not_have),
		TEST(features_that_cannot_be_had),
		TEST(ring_06_driver_ok_without_features_ok),
		TEST(ring_06_ready_before_driver_ok),
		TEST(a_queue_that_becomes_ready_later),
		TEST(interrupts_are_owed_until_taken),
		TEST(interrupts_are_given_up_in_the_end),
		TEST(interrupts_are_forgotten_at_a_reset),
		TEST(iova_43_update_drops_what_it_names),
		TEST(iova_42_rings_gone_and_back),
		TEST(iova_46_no_memory_is_tried_again),
		TEST(iova_40_a_ring_that_is_not_mapped),
		TEST(iova_42_rings_gone_and_back_further_on),
		TEST(a_queue_that_is_asked_for_too_soon),
		TEST(an_error_that_breaks_nothing),
		TEST(a_region_that_starts_inside_a_page),
		TEST(control_62_an_answer_too_late),
		TEST(control_62_a_short_read),
		TEST(control_63_a_broken_device),
		TEST(messages_are_answered_until_there_is_none),
		TEST(a_driver_from_before_is_resumed),
		TEST(a_packed_ring_is_not_resumed),
		TEST(nothing_is_resumed_before_driver_ok),
		TEST(a_driver_with_other_features_is_not_resumed),
		TEST(a_broken_queue_stays_stopped_until_a_reset),
		TEST(iova_45_a_file_cut_short),
		TEST(version_1_another_address_space),
		TEST(version_1_moved_while_it_runs),
		TEST(version_1_another_group),
		TEST(version_1_an_update_of_another_address_space),
		TEST(umem_is_brought_once),
		TEST(umem_is_for_the_bounce_buffer_only),
		TEST(umem_that_is_refused),
		TEST(umem_that_the_kernel_does_not_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

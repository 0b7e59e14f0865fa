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
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "lib/features.h"
#include "testsuite/unit/session_stage.h"
#include "vduse/device/session_memory.h"

static void expect_closed(int kick_fd, unsigned int index)
{
	assert_int_equal(staged.queues[index].kick_fd, -1);
	assert_int_equal(fcntl(kick_fd, F_GETFD), -1);
	assert_int_equal(kernel.kick[index], VDUSE_EVENTFD_DEASSIGN);
}

static void a_session_is_closed(void **state)
{
	(void)state;
	session_stage_attach();
	session_close(&staged);
	expect_closed(kernel.opened[0], 0);
	expect_closed(kernel.opened[1], 1);
	assert_int_equal(session_stage_open(), 0);
}

/* The second virtqueue is not set up after the first failed. */
static void a_session_that_does_not_open(void **state)
{
	(void)state;
	session_close(&staged);
	kernel.set_up_error = -EBUSY;
	for (kernel.set_up_fails = 0; kernel.set_up_fails < SESSION_QUEUES; kernel.set_up_fails++) {
		kernel.opened[1] = -1;
		assert_int_equal(session_stage_open(), -EBUSY);
		expect_closed(kernel.opened[0], 0);
		assert_int_equal(kernel.opened[1] != -1, kernel.set_up_fails == 1);
		expect_closed(kernel.opened[1], 1);
	}
	assert_int_equal(session_stage_open(), 0);
}

/* Each thing once, after it happened, in its order. */
static void who_watches_is_told(void **state)
{
	struct vduse_dev_request update = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	session_stage_attach();
	assert_string_equal(events, "r0 s0 s1 s3 s11 f0 s15 q0 q1 ");
	events[0] = '\0';
	update.iova.last = UINT64_MAX;
	assert_int_equal(session_stage_message(update), VDUSE_REQ_RESULT_OK);
	assert_true(events[0] == 'i' && atoi(events + 1) > 0);
	events[0] = '\0';
	assert_int_equal(session_stage_status(0), VDUSE_REQ_RESULT_OK);
	assert_string_equal(events, "r0 s0 ");
	events[0] = '\0';
	/* refused: not a status that is there */
	assert_int_equal(session_stage_status(3), VDUSE_REQ_RESULT_OK);
	kernel.features = FEATURES_NET_DEFAULT | UINT64_C(1) << 22;
	assert_int_equal(session_stage_status(0xb), VDUSE_REQ_RESULT_FAILED);
	assert_string_equal(events, "s3 ");
}

static void a_driver_comes_and_goes(void **state)
{
	(void)state;
	assert_null(session_queue(&staged, 0));
	session_stage_attach();
	assert_true(staged.live);
	assert_non_null(session_queue(&staged, 0));
	assert_non_null(session_queue(&staged, 1));
	assert_int_equal(kernel.kick[1], staged.queues[1].kick_fd);
	assert_true(staged.memory.count > 0);
	quiesced = 0;
	assert_int_equal(session_stage_status(0), VDUSE_REQ_RESULT_OK);
	assert_true(quiesced > 0);
	assert_false(staged.live);
	assert_int_equal(staged.memory.count, 0);
	assert_null(session_queue(&staged, 0));
}

static void ctl_59_unknown_message(void **state)
{
	uint32_t type;

	(void)state;
	session_stage_attach();
	for (type = 4; type < 10; type++)
		assert_int_equal(session_stage_message((struct vduse_dev_request){ .type = type }),
				 VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(session_stage_message((struct vduse_dev_request){ .type = UINT32_MAX }),
			 VDUSE_REQ_RESULT_FAILED);
	assert_true(staged.live);
}

static void ctl_59_virtqueue_out_of_range(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };

	(void)state;
	session_stage_attach();
	request.vq_state.index = SESSION_QUEUES;
	assert_int_equal(session_stage_message(request), VDUSE_REQ_RESULT_FAILED);
	request.vq_state.index = UINT32_MAX;
	assert_int_equal(session_stage_message(request), VDUSE_REQ_RESULT_FAILED);
}

static void position_is_told(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };

	(void)state;
	kernel.avail_index = 0;
	session_stage_attach();
	staged.queues[1].position->next_avail = 4711;
	request.vq_state.index = 1;
	quiesced = 0;
	assert_int_equal(session_stage_message(request), VDUSE_REQ_RESULT_OK);
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
	assert_int_equal(session_stage_message(request), VDUSE_REQ_RESULT_OK);
	assert_int_equal(kernel.responses[0].vq_state.split.avail_index, 123);
}

static void position_that_cannot_be_had(void **state)
{
	(void)state;
	kernel.queue_error = -EIO;
	assert_int_equal(session_stage_message((struct vduse_dev_request){ .type = VDUSE_GET_VQ_STATE }),
			 VDUSE_REQ_RESULT_FAILED);
	session_stage_attach();
	assert_null(session_queue(&staged, 0));
	kernel.queue_error = 0;
	assert_non_null(session_queue(&staged, 0));
}

/* The driver says where it is, the ring how far the device came. */
static void position_of_a_driver_with_chains_in_flight(void **state)
{
	(void)state;
	*(uint16_t *)(kernel.memory + 0x2000 + 2) = 2;
	*(uint16_t *)(kernel.memory + 0x1000 + 2) = 5;
	kernel.avail_index = 4;
	session_stage_attach();
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(staged.queues[0].position->next_avail, 4);
	assert_int_equal(staged.queues[0].position->next_used, 2);
}

static void expect_packed_state(const struct vduse_vq_state_packed *expected)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };

	request.vq_state.index = 1;
	assert_int_equal(session_stage_message(request), VDUSE_REQ_RESULT_OK);
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
	session_stage_attach();
	assert_int_equal(staged.queues[1].position->next_avail, 0x8000 | 7);
	assert_int_equal(staged.queues[1].position->next_used, 0x8000 | 6);
	expect_packed_state(&kernel.packed);
	staged.queues[1].position->next_avail = 200;
	staged.queues[1].position->next_used = 0x8000 | 255;
	expect_packed_state(&moved);
}

/* DPDK tells the avail half only; nothing is in flight in a ring that begins. */
static void position_of_a_packed_ring_half_told(void **state)
{
	const struct vduse_vq_state_packed whole = { 1, 3, 1, 3 };

	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 1, 3, 0, 0 };
	session_stage_attach();
	expect_packed_state(&whole);
}

/* The same zeroes in the other lap are a position. */
static void position_of_a_packed_ring_at_a_lap_s_begin(void **state)
{
	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 0, 3, 0, 0 };
	session_stage_attach();
	expect_packed_state(&kernel.packed);
}

static void position_of_a_packed_ring_that_never_ran(void **state)
{
	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 0, 9, 1, 255 };
	kernel.ready[1] = false;
	session_stage_attach();
	expect_packed_state(&kernel.packed);
}

static void ctl_61_status_going_backwards(void **state)
{
	(void)state;
	session_stage_attach();
	assert_int_equal(session_stage_status(0xb), VDUSE_REQ_RESULT_OK);
	assert_false(staged.live);
	assert_int_equal(staged.memory.count, 0);
}

static void features_that_we_do_not_have(void **state)
{
	(void)state;
	kernel.features = FEATURES_NET_DEFAULT | FEATURE(35);
	assert_int_equal(session_stage_status(3), VDUSE_REQ_RESULT_OK);
	assert_int_equal(session_stage_status(0xb), VDUSE_REQ_RESULT_FAILED);
	assert_non_null(strstr(reported, "0x800000000"));
	assert_int_equal(staged.status, 3);
	assert_int_equal(session_stage_status(0x83), VDUSE_REQ_RESULT_OK);
	assert_false(staged.live);
}

static void features_that_cannot_be_had(void **state)
{
	(void)state;
	kernel.features_error = -EIO;
	assert_int_equal(session_stage_status(3), VDUSE_REQ_RESULT_OK);
	assert_int_equal(session_stage_status(0xb), VDUSE_REQ_RESULT_FAILED);
	assert_int_equal(staged.status, 3);
}

/* DRIVER_OK without FEATURES_OK is a driver's mistake: nothing is touched. */
static void ring_06_driver_ok_without_features_ok(void **state)
{
	(void)state;
	assert_int_equal(session_stage_status(7), VDUSE_REQ_RESULT_OK);
	assert_false(staged.live);
	assert_null(session_queue(&staged, 0));
	assert_int_equal(kernel.regions, 0);
}

static void ring_06_ready_before_driver_ok(void **state)
{
	(void)state;
	assert_int_equal(session_stage_status(0xb), VDUSE_REQ_RESULT_OK);
	assert_null(session_queue(&staged, 1));
	assert_int_equal(kernel.regions, 0);
}

static void a_queue_that_becomes_ready_later(void **state)
{
	(void)state;
	kernel.ready[0] = kernel.ready[1] = false;
	session_stage_attach();
	assert_null(session_queue(&staged, 0));
	kernel.ready[0] = true;
	assert_non_null(session_queue(&staged, 0));
	assert_null(session_queue(&staged, 1));
}

static void interrupts_are_owed_until_taken(void **state)
{
	(void)state;
	session_stage_attach();
	kernel.interrupt_error = -EINVAL;
	session_interrupt(&staged, 0);
	assert_true(session_owes(&staged));
	assert_true(session_retry(&staged));
	kernel.interrupt_error = 0;
	assert_false(session_retry(&staged));
	assert_int_equal(kernel.interrupts, 1);
	assert_false(session_owes(&staged));
}

/* Only what is too early is tried again: another error stays one. */
static void interrupts_that_fail_are_not_owed(void **state)
{
	(void)state;
	session_stage_attach();
	kernel.interrupt_error = -EPERM;
	session_interrupt(&staged, 0);
	assert_false(session_owes(&staged));
}

static void interrupts_are_given_up_in_the_end(void **state)
{
	unsigned int tries = 0;

	(void)state;
	session_stage_attach();
	kernel.interrupt_error = -EINVAL;
	session_interrupt(&staged, 1);
	while (session_retry(&staged))
		assert_true(++tries < 100000);
	assert_false(session_owes(&staged));
}

static void interrupts_are_forgotten_at_a_reset(void **state)
{
	(void)state;
	session_stage_attach();
	kernel.interrupt_error = -EINVAL;
	session_interrupt(&staged, 0);
	session_stage_status(0);
	assert_false(session_owes(&staged));
}

static void iova_43_update_drops_what_it_names(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_UPDATE_IOTLB };
	unsigned int before;

	(void)state;
	session_stage_attach();
	before = kernel.regions;
	request.iova.start = 0;
	request.iova.last = UINT64_MAX;
	quiesced = 0;
	assert_int_equal(session_stage_message(request), VDUSE_REQ_RESULT_OK);
	assert_true(quiesced > 0);
	assert_int_equal(staged.memory.count, 0);
	assert_non_null(session_queue(&staged, 0));	/* asked for again */
	assert_true(kernel.regions > before);
}

/* Chains go back while their memory is still there and the virtqueues run: then it is unmapped. */
static void iova_42_quiesced_before_it_is_unmapped(void **state)
{
	struct vduse_dev_request update = { .type = VDUSE_UPDATE_IOTLB };
	unsigned int mapped;

	(void)state;
	session_stage_attach();
	mapped = staged.memory.count;
	assert_true(mapped > 0);
	update.iova.last = UINT64_MAX;
	assert_int_equal(session_stage_message(update), VDUSE_REQ_RESULT_OK);
	assert_int_equal(regions_at_quiesce, mapped);
	assert_int_equal(running_at_quiesce, 2);
	assert_int_equal(staged.memory.count, 0);
	assert_non_null(session_queue(&staged, 0));
	assert_non_null(session_queue(&staged, 1));
	assert_int_equal(session_stage_status(0), VDUSE_REQ_RESULT_OK);
	assert_int_equal(regions_at_quiesce, mapped);
	assert_int_equal(running_at_quiesce, 2);
	assert_int_equal(staged.memory.count, 0);
}

/* A client that moves its memory step by step: the rings are gone for a moment. */
static void iova_42_rings_gone_and_back(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	session_stage_attach();
	staged.queues[0].position->next_avail = 0;
	request.iova.last = UINT64_MAX;
	kernel.region_error = -EINVAL;
	session_stage_message(request);
	assert_null(session_queue(&staged, 0));
	kernel.region_error = 0;
	assert_null(session_queue(&staged, 0));	/* not before something changed */
	session_stage_message(request);
	assert_non_null(session_queue(&staged, 0));
}

static void iova_46_no_memory_is_tried_again(void **state)
{
	static const int errors[] = { -ENOMEM, -EMFILE, -ENFILE };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		kernel.region_error = errors[i];
		session_stage_attach();
		assert_null(session_queue(&staged, 0));
		assert_non_null(strstr(reported, "does not start"));
		assert_non_null(strstr(reported, strerror(-errors[i])));
		kernel.region_error = 0;
		assert_non_null(session_queue(&staged, 0));
	}
}

/* While used.idx of the first virtqueue is looked for: that does not start from nowhere. */
static void iova_46_no_memory_for_a_moment(void **state)
{
	(void)state;
	kernel.region_error = -ENOMEM;
	kernel.region_fails = 1;
	session_stage_attach();
	assert_int_equal(kernel.region_error, 0);
	assert_true(session_queue_waits(&staged, 0));
	assert_false(session_queue_waits(&staged, 1));
	assert_int_equal(journal.session.queues[0].valid, 0);
	assert_non_null(session_queue(&staged, 0));
	assert_false(session_queue_waits(&staged, 0));
}

/* It passes without a word of the driver's: who serves asks again, and tells of it once. */
static void iova_46_a_shortage_is_told_once(void **state)
{
	struct vduse_dev_request update = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	assert_false(session_queue_waits(&staged, 0));
	kernel.region_error = -EMFILE;
	session_stage_attach();
	for (unsigned int i = 0; i < 3; i++) {
		assert_null(session_queue(&staged, 0));
		assert_true(session_queue_waits(&staged, 0));
		assert_int_equal(staged.broken_queues, 2);
	}
	kernel.region_error = 0;
	assert_non_null(session_queue(&staged, 0));
	assert_false(session_queue_waits(&staged, 0));
	/* and where the memory of a running one moves */
	kernel.region_error = -ENOMEM;
	update.iova.last = UINT64_MAX;
	session_stage_message(update);
	assert_null(session_queue(&staged, 0));
	assert_true(session_queue_waits(&staged, 0));
	kernel.region_error = 0;
	assert_non_null(session_queue(&staged, 0));
	/* what is no shortage is not asked for again, nor is anything after a reset */
	kernel.region_error = -EINVAL;
	session_stage_attach();
	assert_false(session_queue_waits(&staged, 0));
	kernel.region_error = -EMFILE;
	session_stage_attach();
	session_stage_status(0);
	assert_false(session_queue_waits(&staged, 0));
}

/* The driver's fault that comes to light when it has passed is told as well. */
static void iova_46_what_follows_a_shortage_is_told(void **state)
{
	(void)state;
	kernel.region_error = -EMFILE;
	session_stage_attach();
	assert_null(session_queue(&staged, 0));
	assert_int_equal(staged.broken_queues, 2);
	kernel.region_error = -EINVAL;
	assert_null(session_queue(&staged, 0));
	assert_int_equal(staged.broken_queues, 3);
	assert_false(session_queue_waits(&staged, 0));
}

/* What the driver did wrong stays until it says that something changed. */
static void iova_40_a_ring_that_is_not_mapped(void **state)
{
	(void)state;
	kernel.region_error = -EINVAL;
	session_stage_attach();
	assert_non_null(strstr(reported, "virtqueue 1 does not start: "));
	assert_non_null(strstr(reported, virtqueue_reason_text(VQ_AREA_UNMAPPED)));
	assert_int_equal(staged.broken_queues, 2);
	kernel.region_error = 0;
	assert_null(session_queue(&staged, 0));
	assert_int_equal(session_stage_message((struct vduse_dev_request){ .type = VDUSE_UPDATE_IOTLB }),
			 VDUSE_REQ_RESULT_OK);
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(staged.broken_queues, 2);
}

/* The driver says that the memory may be written, and its file may not: what it did wrong. */
static void iova_41_a_file_that_is_sealed(void **state)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int memory_fd = kernel.memory_fd;

	(void)state;
	assert_int_equal(ftruncate(fd, MEMORY_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
	kernel.memory_fd = fd;
	session_stage_attach();
	assert_null(session_queue(&staged, 0));
	assert_non_null(strstr(reported, virtqueue_reason_text(VQ_AREA_UNMAPPED)));
	assert_int_equal(staged.broken_queues, 2);
	kernel.memory_fd = memory_fd;
	close(fd);
}

/* A virtqueue that stopped for the memory goes on at its own position, not where it began. */
static void iova_42_rings_gone_and_back_further_on(void **state)
{
	struct vduse_dev_request update = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	session_stage_attach();
	*(uint16_t *)(kernel.memory + 0x1000 + 2) = 3;
	*(uint16_t *)(kernel.memory + 0x2000 + 2) = 3;
	*staged.queues[0].position = (struct virtqueue_position){ 3, 3 };
	update.iova.last = UINT64_MAX;
	kernel.region_error = -EINVAL;
	session_stage_message(update);
	assert_null(session_queue(&staged, 0));
	kernel.region_error = 0;
	session_stage_message(update);
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(staged.queues[0].position->next_avail, 3);
}

/* Asked for while no driver is there, after memory went away: it starts with the next one. */
static void ring_06_a_queue_that_is_asked_for_too_soon(void **state)
{
	struct vduse_dev_request update = { .type = VDUSE_UPDATE_IOTLB };

	(void)state;
	session_stage_attach();
	update.iova.last = UINT64_MAX;
	session_stage_message(update);
	assert_int_equal(session_stage_status(0), VDUSE_REQ_RESULT_OK);
	assert_null(session_queue(&staged, 0));
	session_stage_status(1);
	session_stage_status(3);
	session_stage_status(0xb);
	assert_null(session_queue(&staged, 0));
	session_stage_status(0xf);
	assert_non_null(session_queue(&staged, 0));
}

static void an_error_that_breaks_nothing(void **state)
{
	(void)state;
	session_stage_attach();
	session_queue_error(&staged, 1, -EIO);
	assert_int_equal(staged.broken_queues, 0);
	assert_non_null(session_queue(&staged, 1));
}

static void a_region_that_starts_inside_a_page(void **state)
{
	(void)state;
	kernel.skip = 0x40;
	session_stage_attach();
	assert_non_null(session_queue(&staged, 0));
	kernel.memory[0x40 + 0x1000 + 2] = 1;	/* avail.idx of queue 0 */
	assert_int_equal(virtqueue_available(session_queue(&staged, 0)), 1);
}

static void ctl_62_an_answer_too_late(void **state)
{
	(void)state;
	kernel.response_error = -ENOENT;
	assert_int_equal(session_stage_status(1), VDUSE_REQ_RESULT_OK);
	assert_non_null(strstr(reported, "too late"));
}

static void ctl_62_a_short_read(void **state)
{
	(void)state;
	kernel.read_error = -EIO;
	assert_int_equal(session_handle_messages(&staged), -EIO);
}

static void ctl_63_a_broken_device(void **state)
{
	(void)state;
	kernel.requests[kernel.request_count++] = (struct vduse_dev_request){
		.type = VDUSE_SET_STATUS, .s.status = 1 };
	kernel.response_error = -EPERM;
	assert_int_equal(session_handle_messages(&staged), -EPERM);
}

static void messages_are_answered_until_there_is_none(void **state)
{
	(void)state;
	kernel.requests[0] = (struct vduse_dev_request){ .type = VDUSE_SET_STATUS, .s.status = 1 };
	kernel.requests[1] = (struct vduse_dev_request){ .type = VDUSE_SET_STATUS, .s.status = 3 };
	kernel.request_count = 2;
	assert_int_equal(session_handle_messages(&staged), 0);
	assert_int_equal(kernel.response_count, 2);
	assert_int_equal(staged.status, 3);
}

static void a_driver_from_before_is_resumed(void **state)
{
	uint16_t *used_index = (uint16_t *)(kernel.memory + 0x2000 + 2);
	uint16_t *avail_index = (uint16_t *)(kernel.memory + 0x1000 + 2);

	(void)state;
	*used_index = 9;
	*avail_index = 12;
	kernel.avail_index = 0;		/* only where the driver once began */
	assert_int_equal(session_resume(&staged), 0);
	assert_true(staged.live);
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(staged.queues[0].position->next_avail, 9);
	assert_int_equal(virtqueue_available(session_queue(&staged, 0)), 3);
	assert_true(kernel.interrupts >= 2);	/* what the last process may have owed */
}

/* Ready virtqueues, but the kernel takes no interrupt: DRIVER_OK is still to come. */
/* Nobody knows how far the last process came: nothing is touched until a reset. */
static void a_packed_ring_is_not_resumed(void **state)
{
	(void)state;
	kernel.features |= FEATURE(34);
	kernel.packed = (struct vduse_vq_state_packed){ 1, 0, 1, 0 };
	assert_int_equal(session_resume(&staged), 0);
	assert_true(staged.live);
	assert_null(session_queue(&staged, 0));
	assert_null(session_queue(&staged, 1));
	assert_non_null(strstr(reported, "virtqueue 1 waits for the driver's reset"));
	session_stage_attach();
	assert_non_null(session_queue(&staged, 0));
	assert_non_null(session_queue(&staged, 1));
}

static void nothing_is_resumed_before_driver_ok(void **state)
{
	(void)state;
	kernel.interrupt_error = -EINVAL;
	assert_int_equal(session_resume(&staged), 0);
	assert_false(staged.live);
	assert_int_equal(kernel.regions, 0);
}

static void a_driver_with_other_features_is_not_resumed(void **state)
{
	(void)state;
	kernel.features |= FEATURE(35);
	assert_int_equal(session_resume(&staged), -EOPNOTSUPP);
	assert_false(staged.live);
}

/* A driver that broke its queue: reported once, stopped, and served again after a reset. */
static void a_broken_queue_stays_stopped_until_a_reset(void **state)
{
	struct virtqueue *vq;
	struct iovec segments[4];
	struct vq_chain chain;
	int rc;

	(void)state;
	session_stage_attach();
	vq = session_queue(&staged, 1);
	assert_non_null(vq);
	*(uint16_t *)(kernel.memory + QUEUE_BYTES + 0x1000 + 2) = RING_SIZE + 1;
	vq_chain_init(&chain, segments, 4);
	rc = virtqueue_pop(vq, &chain);
	assert_int_equal(rc, -EPROTO);
	session_queue_error(&staged, 1, rc);
	session_queue_error(&staged, 1, rc);
	assert_int_equal(staged.broken_queues, 1);
	assert_non_null(strstr(reported, "virtqueue 1"));
	assert_non_null(strstr(reported, virtqueue_reason_text(vq->error.reason)));
	assert_null(session_queue(&staged, 1));
	/* an update of the memory does not mend it */
	session_stage_message((struct vduse_dev_request){ .type = VDUSE_UPDATE_IOTLB });
	session_queue_error(&staged, 1, rc);
	assert_int_equal(staged.broken_queues, 1);
	memset(kernel.memory, 0, MEMORY_SIZE);
	session_stage_attach();
	assert_non_null(session_queue(&staged, 1));
}

/* More regions than there are places for at first: none is refused, and each keeps its own. */
static void iova_44_more_regions_than_places(void **state)
{
	const unsigned int piece = 16, pieces = MEMORY_SIZE / piece;
	unsigned int i, hint = 0;
	struct iovec segment;

	(void)state;
	kernel.piece = piece;
	for (i = 0; i < pieces; i++)
		memset(kernel.memory + i * piece, (int)i, piece);
	for (i = 0; i < pieces; i++)
		assert_int_equal(vq_memory_translate(&staged.memory, &hint, MEMORY_IOVA + i * piece,
						     piece, VQ_ACCESS_BOTH, &segment, 1), 1);
	assert_true(pieces > 4 * SESSION_REGIONS);
	assert_int_equal(staged.memory.count, pieces);
	assert_int_equal(kernel.regions, pieces);
	for (i = 0; i < pieces; i++) {
		vq_memory_translate(&staged.memory, &hint, MEMORY_IOVA + i * piece, 1,
				    VQ_ACCESS_BOTH, &segment, 1);
		assert_int_equal(*(uint8_t *)segment.iov_base, (uint8_t)i);
	}
	assert_int_equal(kernel.regions, pieces);
	kernel.piece = 0;
	session_stage_attach();		/* a driver with one region is served all the same */
	assert_int_equal(staged.memory.count, 1);
}

/* As many as a process may have at all, and not one more. */
static void iova_44_places_have_an_end(void **state)
{
	unsigned int i, hint = 0;
	struct iovec segment;

	(void)state;
	kernel.piece = 1;
	for (i = 0; i < SESSION_REGIONS_MAX; i++)
		assert_int_equal(vq_memory_translate(&staged.memory, &hint, MEMORY_IOVA + i, 1,
						     VQ_ACCESS_BOTH, &segment, 1), 1);
	assert_int_equal(vq_memory_translate(&staged.memory, &hint, MEMORY_IOVA + i, 1,
					     VQ_ACCESS_BOTH, &segment, 1), -ENOSPC);
	assert_int_equal(staged.memory.count, SESSION_REGIONS_MAX);
}

/* The client cut its file short: the access goes on with zeroes. */
static void iova_45_a_file_cut_short(void **state)
{
	uint64_t before = session_memory_missing();

	(void)state;
	session_stage_attach();
	assert_int_equal(session_memory_guard(&staged), 0);
	assert_int_equal(ftruncate(kernel.memory_fd, 0), 0);
	assert_int_equal(virtqueue_available(session_queue(&staged, 0)), 0);
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
	assert_int_equal(session_stage_message(group_asid(0, 3)), VDUSE_REQ_RESULT_OK);
	session_stage_attach();
	/* a reset put group 0 back into address space 0 */
	assert_null(session_queue(&staged, 0));
	assert_int_equal(session_stage_message(group_asid(0, 3)), VDUSE_REQ_RESULT_OK);
	assert_non_null(session_queue(&staged, 0));
	assert_non_null(session_queue(&staged, 1));
}

/* While virtqueues run: chains go back first, then the old memory is given up. */
static void version_1_moved_while_it_runs(void **state)
{
	(void)state;
	session_stage_attach();
	assert_true(staged.memory.count > 0);
	kernel.asid = 1;
	quiesced = 0;
	assert_int_equal(session_stage_message(group_asid(0, 1)), VDUSE_REQ_RESULT_OK);
	assert_true(quiesced > 0);
	assert_int_equal(staged.memory.count, 0);
	assert_non_null(session_queue(&staged, 0));
	/* said again: nothing happens */
	quiesced = 0;
	assert_int_equal(session_stage_message(group_asid(0, 1)), VDUSE_REQ_RESULT_OK);
	assert_int_equal(quiesced, 0);
	assert_int_equal(staged.asid, 1);
	session_stage_status(0);
	assert_int_equal(staged.asid, 0);
}

/* A group that no virtqueue of ours is in. */
static void version_1_another_group(void **state)
{
	(void)state;
	session_stage_attach();
	quiesced = 0;
	assert_int_equal(session_stage_message(group_asid(1, 2)), VDUSE_REQ_RESULT_OK);
	assert_int_equal(quiesced, 0);
	assert_true(staged.memory.count > 0);
	assert_non_null(session_queue(&staged, 0));
}

static void version_1_an_update_of_another_address_space(void **state)
{
	(void)state;
	session_stage_attach();
	quiesced = 0;
	assert_int_equal(session_stage_message(update_in(1)), VDUSE_REQ_RESULT_OK);
	assert_int_equal(quiesced, 0);
	assert_true(staged.memory.count > 0);
	assert_int_equal(session_stage_message(update_in(0)), VDUSE_REQ_RESULT_OK);
	assert_int_equal(staged.memory.count, 0);
}

/* Memory of our own is brought once, is what the rings are in, and stays over a reset. */
static void umem_is_brought_once(void **state)
{
	(void)state;
	session_bring_memory(&staged);
	kernel.bounce = 1;
	session_stage_attach();
	assert_non_null(session_queue(&staged, 0));
	assert_non_null(kernel.brought);
	assert_int_equal(kernel.brings, 1);
	assert_int_equal(kernel.regions, 0);	/* none of the kernel's */
	*(uint16_t *)(kernel.brought + MEMORY_IOVA + 0x1000 + 2) = 1;	/* avail.idx of queue 0 */
	assert_int_equal(virtqueue_available(session_queue(&staged, 0)), 1);
	*(uint16_t *)(kernel.brought + MEMORY_IOVA + 0x1000 + 2) = 0;
	session_stage_status(0);
	assert_non_null(kernel.brought);
	session_stage_attach();
	assert_non_null(session_queue(&staged, 1));
	assert_int_equal(kernel.brings, 1);
	session_close(&staged);
	assert_int_equal(kernel.taken_back, 1);
	assert_int_equal(session_stage_open(), 0);
}

/* Of a vhost client, and without the word: its own memory is mapped. */
static void umem_is_for_the_bounce_buffer_only(void **state)
{
	(void)state;
	session_bring_memory(&staged);
	session_stage_attach();
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(kernel.brings, 0);
	assert_true(kernel.regions > 0);
	staged.umem.wanted = false;
	kernel.bounce = 1;
	session_stage_attach();
	assert_int_equal(kernel.brings, 0);
}

static void umem_that_is_refused(void **state)
{
	(void)state;
	session_bring_memory(&staged);
	kernel.bounce = 1;
	kernel.bring_error = -ENOMEM;
	session_stage_attach();
	assert_non_null(session_queue(&staged, 0));	/* served all the same */
	assert_true(kernel.regions > 0);
	assert_non_null(strstr(reported, "RLIMIT_MEMLOCK"));
	memset(reported, 0, sizeof(reported));
	session_stage_attach();
	assert_int_equal(kernel.brings, 1);		/* and not tried for ever */
	assert_int_equal(strlen(reported), 0);
}

static void umem_that_the_kernel_does_not_know(void **state)
{
	(void)state;
	session_bring_memory(&staged);
	kernel.bounce = -ENOTTY;
	session_stage_attach();
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(kernel.brings, 0);
	assert_non_null(strstr(reported, "Linux 6.1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_stage_begin, session_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_driver_comes_and_goes),
		TEST(who_watches_is_told),
		TEST(a_session_is_closed),
		TEST(a_session_that_does_not_open),
		TEST(ctl_59_unknown_message),
		TEST(ctl_59_virtqueue_out_of_range),
		TEST(position_is_told),
		TEST(position_of_a_queue_that_never_ran),
		TEST(position_that_cannot_be_had),
		TEST(position_of_a_driver_with_chains_in_flight),
		TEST(position_of_a_packed_ring),
		TEST(position_of_a_packed_ring_half_told),
		TEST(position_of_a_packed_ring_at_a_lap_s_begin),
		TEST(position_of_a_packed_ring_that_never_ran),
		TEST(ctl_61_status_going_backwards),
		TEST(features_that_we_do_not_have),
		TEST(features_that_cannot_be_had),
		TEST(ring_06_driver_ok_without_features_ok),
		TEST(ring_06_ready_before_driver_ok),
		TEST(a_queue_that_becomes_ready_later),
		TEST(interrupts_are_owed_until_taken),
		TEST(interrupts_that_fail_are_not_owed),
		TEST(interrupts_are_given_up_in_the_end),
		TEST(interrupts_are_forgotten_at_a_reset),
		TEST(iova_42_quiesced_before_it_is_unmapped),
		TEST(iova_43_update_drops_what_it_names),
		TEST(iova_42_rings_gone_and_back),
		TEST(iova_46_no_memory_is_tried_again),
		TEST(iova_46_no_memory_for_a_moment),
		TEST(iova_46_a_shortage_is_told_once),
		TEST(iova_46_what_follows_a_shortage_is_told),
		TEST(iova_40_a_ring_that_is_not_mapped),
		TEST(iova_41_a_file_that_is_sealed),
		TEST(iova_42_rings_gone_and_back_further_on),
		TEST(ring_06_a_queue_that_is_asked_for_too_soon),
		TEST(an_error_that_breaks_nothing),
		TEST(a_region_that_starts_inside_a_page),
		TEST(ctl_62_an_answer_too_late),
		TEST(ctl_62_a_short_read),
		TEST(ctl_63_a_broken_device),
		TEST(messages_are_answered_until_there_is_none),
		TEST(a_driver_from_before_is_resumed),
		TEST(a_packed_ring_is_not_resumed),
		TEST(nothing_is_resumed_before_driver_ok),
		TEST(a_driver_with_other_features_is_not_resumed),
		TEST(a_broken_queue_stays_stopped_until_a_reset),
		TEST(iova_44_more_regions_than_places),
		TEST(iova_44_places_have_an_end),
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

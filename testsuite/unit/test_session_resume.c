// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Coming back to a driver that a process before us served: with what that one left in the
 * journal, with the message that it did not answer, and with a journal that is about
 * something else.
 *
 * LDFLAGS: -Wl,--wrap=node_set_up_queue,--wrap=node_get_queue,--wrap=node_set_kick,--wrap=node_interrupt,--wrap=node_get_features,--wrap=node_get_region,--wrap=node_is_bounce,--wrap=node_bring_bounce,--wrap=node_take_bounce_back,--wrap=node_read_request,--wrap=node_write_response
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_config.h>

#include "lib/features.h"
#include "testsuite/unit/session_stage.h"

#define RING_PACKED FEATURE(34)
#define REQUEST 77	/* the number of all of the stage's messages */

/* The driver's areas of queue 0 (session_stage.c). */
static uint16_t *avail_index(void)
{
	return (uint16_t *)(kernel.memory + 0x1000 + 2);
}

static uint16_t *used_index(void)
{
	return (uint16_t *)(kernel.memory + 0x2000 + 2);
}

/* The process ends and another one opens the node. @request, if any, is handed out again. */
static void die(const struct vduse_dev_request *request)
{
	session_close(&staged);
	reported[0] = events[0] = '\0';
	kernel.request_count = kernel.request_next = kernel.response_count = 0;
	if (request)
		kernel.requests[kernel.request_count++] = *request;
	assert_int_equal(session_stage_open(), 0);
}

static struct vduse_dev_request status_request(uint32_t id, uint8_t status)
{
	return (struct vduse_dev_request){
		.type = VDUSE_SET_STATUS, .request_id = id, .s.status = status };
}

static void set_position(uint16_t next_avail, uint16_t next_used)
{
	*staged.queues[0].position = (struct virtqueue_position){ next_avail, next_used };
}

/* It died after it had stored the position, before used.idx: the driver is shown the rest. */
static void ring_07_a_publication_is_finished(void **state)
{
	(void)state;
	session_stage_attach();
	*used_index() = 9;
	*avail_index() = 12;
	set_position(11, 11);
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_true(staged.live);
	assert_int_equal(*used_index(), 11);
	assert_int_equal(virtqueue_available(session_queue(&staged, 0)), 1);
	assert_string_equal(events, "c0 q0 q1 ");
	assert_string_equal(reported, "");
	assert_int_equal(kernel.response_count, 0);
	/* nobody knows whether it was, so the driver is told; and it was asked what it wants */
	assert_int_equal(kernel.interrupts, 2);
	assert_int_equal(staged.queues[0].vq.unsignalled, 0);
}

static void a_packed_ring_goes_on(void **state)
{
	(void)state;
	kernel.features |= RING_PACKED;
	kernel.packed = (struct vduse_vq_state_packed){ 1, 0, 1, 0 };
	session_stage_attach();
	set_position(0x8007, 0x8007);
	journal.session.queues[0].published = 0x8007;
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(staged.queues[0].position->next_used, 0x8007);
	assert_string_equal(reported, "");
}

/* DRIVER_OK was carried out, the answer not written: nothing was served, it comes again. */
static void an_answer_that_was_not_written(void **state)
{
	struct vduse_dev_request request = status_request(REQUEST, 0xf);

	(void)state;
	kernel.avail_index = 5;
	*used_index() = 5;
	*avail_index() = 6;
	session_stage_attach();
	set_position(200, 200);
	die(&request);
	assert_int_equal(session_resume(&staged), 0);
	assert_int_equal(kernel.response_count, 1);
	assert_int_equal(kernel.responses[0].request_id, REQUEST);
	assert_true(staged.live);
	assert_false(staged.resumed);
	assert_int_equal(staged.queues[0].position->next_avail, 5);
}

/* The answer was written, and the kernel has not come round to recording DRIVER_OK. */
static void an_answer_that_is_not_recorded_yet(void **state)
{
	(void)state;
	session_stage_attach();
	kernel.interrupt_error = -EINVAL;
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_true(staged.live);
	assert_non_null(session_queue(&staged, 0));
}

/* A driver that waits for its reset gets that and nothing else. */
static void ctl_60_a_reset_that_waits(void **state)
{
	struct vduse_dev_request request = status_request(REQUEST + 1, 0);

	(void)state;
	session_stage_attach();
	*used_index() = 9;
	set_position(11, 11);
	die(&request);
	assert_int_equal(session_resume(&staged), 0);
	assert_false(staged.live);
	assert_int_equal(*used_index(), 9);
	assert_int_equal(kernel.response_count, 1);
	assert_int_equal(journal.session.queues[0].valid, 0);
	assert_string_equal(events, "r0 s0 ");
}

/* Reset was answered, the kernel has not come round to it: it looks as if it were alive. */
static void ctl_60_a_reset_that_is_not_recorded_yet(void **state)
{
	(void)state;
	session_stage_attach();
	assert_int_equal(session_stage_status(0), VDUSE_REQ_RESULT_OK);
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_false(staged.live);
	assert_null(session_queue(&staged, 0));
}

/* Some other message waits, of whatever number: what is served goes on first. */
static void a_question_that_waits(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE, .request_id = REQUEST };
	uint64_t word;

	(void)state;
	session_stage_attach();
	word = journal.session.status;
	*used_index() = *avail_index() = 9;
	set_position(9, 9);
	die(&request);
	assert_int_equal(session_resume(&staged), 0);
	assert_true(staged.live);
	assert_int_equal(kernel.responses[0].request_id, REQUEST);
	assert_int_equal(kernel.responses[0].vq_state.split.avail_index, 9);
	assert_true(journal.session.status == word);
}

/* The driver gives the device up, but does not reset it yet: it is served until then. */
static void a_status_that_waits_and_is_no_reset(void **state)
{
	struct vduse_dev_request request =
		status_request(REQUEST + 1, 0xf | VIRTIO_CONFIG_S_FAILED);

	(void)state;
	session_stage_attach();
	*used_index() = *avail_index() = 9;
	set_position(9, 9);
	die(&request);
	assert_int_equal(session_resume(&staged), 0);
	assert_true(staged.live);
	assert_int_equal(staged.queues[0].position->next_avail, 9);
	assert_int_equal(staged.status, 0xf | VIRTIO_CONFIG_S_FAILED);
}

/* Reset, and recorded: no virtqueue is ready, whatever the journal says. */
static void no_virtqueue_is_ready(void **state)
{
	(void)state;
	session_stage_attach();
	kernel.ready[0] = kernel.ready[1] = false;
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_false(staged.live);
	assert_int_equal(journal.session.queues[0].valid, 0);
}

static void ctl_62_what_cannot_be_asked(void **state)
{
	(void)state;
	session_stage_attach();
	die(NULL);
	kernel.read_error = -EIO;
	assert_int_equal(session_resume(&staged), -EIO);
	kernel.read_error = 0;
	kernel.queue_error = -EPERM;
	assert_int_equal(session_resume(&staged), -EPERM);
	assert_false(staged.live);
	assert_int_equal(journal.session.queues[0].valid, 1);	/* for who can ask */
}

/* Nothing is answered when the driver cannot be served: its next server is asked again. */
static void a_message_for_somebody_else(void **state)
{
	struct vduse_dev_request request = { .type = VDUSE_GET_VQ_STATE };

	(void)state;
	session_stage_attach();
	kernel.features |= FEATURE(35);
	die(&request);
	assert_int_equal(session_resume(&staged), -EOPNOTSUPP);
	assert_int_equal(kernel.response_count, 0);
}

/* A position that the ring could have, but which is not believed. */
static void goes_on_at_used_index(void)
{
	*used_index() = 9;
	*avail_index() = 12;
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(staged.queues[0].position->next_avail, 9);
	assert_int_equal(*used_index(), 9);
}

static void other_desc(struct journal_queue *queue)
{
	queue->desc += 0x1000;
}

static void other_driver(struct journal_queue *queue)
{
	queue->driver += 0x1000;
}

static void other_device(struct journal_queue *queue)
{
	queue->device += 0x1000;
}

static void other_size(struct journal_queue *queue)
{
	queue->size /= 2;
}

/* Another program served it since, and its driver put the rings elsewhere. */
static void proc_70_a_journal_about_other_rings(void **state)
{
	static void (*const changes_[])(struct journal_queue *) = {
		other_desc, other_driver, other_device, other_size };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes_) / sizeof(changes_[0]); i++) {
		*used_index() = *avail_index() = 0;
		session_stage_attach();
		assert_int_equal(session_stage_status(0), VDUSE_REQ_RESULT_OK);
		journal.session.asid = 3;
		changes_[i](&journal.session.queues[0]);
		changes_[i](&journal.session.queues[1]);
		goes_on_at_used_index();
		assert_true(staged.live);
		assert_int_equal(staged.asid, 0);
	}
}

/* A driver that attached to another program, whose successor has a successor in turn. */
static void no_journal_and_then_ours(void **state)
{
	struct vduse_dev_request request = status_request(0, 0xf | VIRTIO_CONFIG_S_FAILED);

	(void)state;
	session_stage_attach();
	memset(&journal, 0, sizeof(journal));
	goes_on_at_used_index();
	assert_true(staged.live);
	assert_int_equal(journal.session.queues[0].valid, 1);
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_true(staged.live);
	assert_non_null(session_queue(&staged, 0));
	assert_string_equal(reported, "");
	/* the message that waits has the number of none that we answered */
	die(&request);
	assert_int_equal(session_resume(&staged), 0);
	assert_true(staged.live);
	assert_int_equal(kernel.response_count, 1);
}

/* Of one virtqueue of two: the other one goes on. */
static void proc_70_a_journal_about_another_ring(void **state)
{
	(void)state;
	session_stage_attach();
	set_position(11, 11);
	other_desc(&journal.session.queues[0]);
	goes_on_at_used_index();
	assert_non_null(session_queue(&staged, 1));
}

/* Not for want of memory: that passes, and the journal counts. */
static void iova_46_no_memory_to_go_on_with(void **state)
{
	(void)state;
	session_stage_attach();
	*used_index() = 9;
	*avail_index() = 12;
	set_position(11, 11);
	journal.direction.progress.slots[1].pieces = 5;
	die(NULL);
	kernel.region_error = -ENOMEM;
	assert_int_equal(session_resume(&staged), 0);
	assert_null(session_queue(&staged, 0));
	assert_int_equal(kernel.interrupts, 0);
	assert_int_equal(journal.direction.progress.slots[1].pieces, 5);
	assert_null(strstr(reported, "as the last process left it"));
	kernel.region_error = 0;
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(*used_index(), 11);
	/* told then, not before there was something to see; and once */
	assert_int_equal(kernel.interrupts, 1);
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(kernel.interrupts, 1);
}

/*
 * The process ended while a vhost client had taken the memory of its rings back, and not given it
 * anew yet: where the virtqueue stands is kept until then, and so is what was delivered in part.
 */
static void goes_on_when_its_memory_is_there(uint16_t position)
{
	struct vduse_dev_request update = {
		.type = VDUSE_UPDATE_IOTLB, .iova.last = UINT64_MAX };
	struct vduse_dev_request where = { .type = VDUSE_GET_VQ_STATE };

	set_position(position, position);
	journal.session.queues[0].published = position;
	journal.direction.progress.slots[1].pieces = 5;
	kernel.region_error = -EINVAL;
	die(&update);
	assert_int_equal(session_resume(&staged), 0);
	assert_int_equal(kernel.response_count, 1);
	assert_null(session_queue(&staged, 0));
	assert_non_null(strstr(reported, "does not start: a ring area is not mapped"));
	assert_int_equal(journal.direction.receive.next_avail, position);
	assert_int_equal(session_stage_message(where), VDUSE_REQ_RESULT_OK);
	if (kernel.features & RING_PACKED)
		assert_int_equal(kernel.responses[0].vq_state.packed.last_avail_idx, position & 0x7fff);
	else
		assert_int_equal(kernel.responses[0].vq_state.split.avail_index, position);
	kernel.region_error = 0;
	assert_int_equal(session_stage_message(update), VDUSE_REQ_RESULT_OK);
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(journal.direction.receive.next_avail, position);
	assert_int_equal(journal.direction.progress.slots[1].pieces, 5);
	assert_int_equal(kernel.interrupts, 1);
}

static void iova_42_memory_that_is_taken_back_for_a_while(void **state)
{
	(void)state;
	session_stage_attach();
	*used_index() = 9;
	*avail_index() = 12;
	goes_on_when_its_memory_is_there(11);
	assert_int_equal(*used_index(), 11);
}

static void iova_42_memory_of_a_packed_ring_that_is_taken_back_for_a_while(void **state)
{
	(void)state;
	kernel.features |= RING_PACKED;
	kernel.packed = (struct vduse_vq_state_packed){ 1, 0, 1, 0 };
	session_stage_attach();
	goes_on_when_its_memory_is_there(0x8007);
}

/* Its memory goes and comes back: it starts once more, and is resumed but once. */
static void a_resumed_one_starts_again(void **state)
{
	struct vduse_dev_request update = {
		.type = VDUSE_UPDATE_IOTLB, .iova.last = UINT64_MAX };
	unsigned int interrupts;

	(void)state;
	session_stage_attach();
	set_position(11, 11);
	other_desc(&journal.session.queues[0]);
	goes_on_at_used_index();
	interrupts = kernel.interrupts;
	reported[0] = '\0';
	kernel.region_error = -ENOMEM;
	session_stage_message(update);
	assert_null(session_queue(&staged, 0));
	assert_true(session_queue_waits(&staged, 0));
	kernel.region_error = 0;
	*used_index() = 10;	/* the position is ours by now: nobody asks the ring */
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(kernel.interrupts, interrupts);
	assert_string_equal(reported, "");
}

/* A driver that nobody served before us, whatever the journal has. */
static void a_journal_of_no_driver(void **state)
{
	(void)state;
	session_stage_attach();
	set_position(11, 11);
	die(NULL);
	kernel.avail_index = *used_index() = 3;
	*avail_index() = 12;	/* a ring in which the journal could be right */
	assert_int_equal(session_stage_status(0xf), VDUSE_REQ_RESULT_OK);
	assert_false(staged.resumed);
	assert_non_null(session_queue(&staged, 0));
	assert_int_equal(staged.queues[0].position->next_used, 3);
	assert_int_equal(*used_index(), 3);
}

/* Of a frame delivered in part: kept for a virtqueue that goes on, not for one that begins. */
static void progress_is_of_virtqueues_that_go_on(void **state)
{
	struct progress_slot *slot = &journal.direction.progress.slots[1];
	unsigned int i;

	(void)state;
	session_stage_attach();
	slot->pieces = 5;
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_int_equal(slot->pieces, 5);
	for (i = 0; i < SESSION_QUEUES; i++) {
		slot->pieces = 5;
		journal.session.queues[i].valid = 0;
		die(NULL);
		assert_int_equal(session_resume(&staged), 0);
		assert_int_equal(slot->pieces, 0);
	}
	slot->pieces = 5;
	session_stage_attach();
	assert_int_equal(slot->pieces, 0);
}

/* Only a virtqueue that runs can be gone on with. */
static void a_virtqueue_that_did_not_start(void **state)
{
	(void)state;
	kernel.region_error = -EINVAL;
	session_stage_attach();
	assert_int_equal(journal.session.queues[0].valid, 0);
	kernel.region_error = 0;
	session_stage_attach();
	assert_int_equal(journal.session.queues[0].valid, 1);
}

static void proc_70_a_journal_of_other_features(void **state)
{
	(void)state;
	session_stage_attach();
	set_position(11, 11);
	journal.session.queues[0].features ^= 1;
	goes_on_at_used_index();
}

static void proc_70_a_queue_that_did_not_count_as_valid(void **state)
{
	(void)state;
	session_stage_attach();
	set_position(11, 11);
	journal.session.queues[0].valid = 0;
	goes_on_at_used_index();
	assert_non_null(strstr(reported, "virtqueue 0 goes on behind what its driver was shown"));
}

/* What cannot be true of this ring is told, and left aside. */
static void proc_70_a_position_that_is_nowhere(void **state)
{
	(void)state;
	session_stage_attach();
	set_position(5000, 3000);
	goes_on_at_used_index();
	assert_non_null(strstr(reported, "virtqueue 0 does not go on as the last process left it"));
}

static void proc_70_a_packed_position_that_is_nowhere(void **state)
{
	(void)state;
	kernel.features |= RING_PACKED;
	kernel.packed = (struct vduse_vq_state_packed){ 1, 0, 1, 0 };
	session_stage_attach();
	set_position(0x8000 | 700, 0x8000 | 700);
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_null(session_queue(&staged, 0));
	assert_non_null(session_queue(&staged, 1));
	assert_int_equal(journal.session.queues[0].valid, 1);
	session_stage_attach();
	assert_non_null(session_queue(&staged, 0));
}

/* Packed, between the position and the flags: the slots have what is to be shown. */
static void proc_70_slots_that_contradict(void **state)
{
	(void)state;
	kernel.features |= RING_PACKED;
	kernel.packed = (struct vduse_vq_state_packed){ 1, 0, 1, 0 };
	session_stage_attach();
	set_position(0x8002, 0x8002);
	kernel.memory[14] = 0x80;	/* flags of place 0: AVAIL, not used */
	journal.session.queues[0].slots[0].order = 9999;
	die(NULL);
	/* whoever comes next finds the same, and not a position that nobody came to */
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(session_resume(&staged), 0);
		assert_null(session_queue(&staged, 0));
		assert_int_equal(kernel.memory[14], 0x80);
		assert_int_equal(journal.direction.receive.next_used, 0x8002);
		die(NULL);
	}
}

/* Numbers that a seed tells. */
static uint64_t random_number(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* All of it, or a few bytes: anywhere, or where the numbers of a virtqueue and the positions
 * are, which counts more. */
static void spoil_journal(uint64_t *seed)
{
	uint8_t *bytes = (uint8_t *)&journal;
	size_t i, count = random_number(seed) % 8 ? 1 + random_number(seed) % 6 : sizeof(journal);
	size_t from = 0, length = sizeof(journal);

	switch (random_number(seed) % 4) {
	case 0:
		length = offsetof(struct journal_session, queues[0].slots) + 64;
		break;
	case 1:
		from = offsetof(struct journal_port, direction);
		length = sizeof(struct journal_direction);
		break;
	}
	for (i = 0; i < count; i++)
		bytes[from + random_number(seed) % length] = (uint8_t)random_number(seed);
}

/* What is served on then is a driver with a wrong position, at worst: it takes, gives back and
 * publishes what it finds, in memory of the driver alone (the sanitizers look), until a reset. */
static void serve_a_little(void)
{
	static struct iovec segments[VQ_CHAIN_SEGMENTS];
	unsigned int i, index;

	for (index = 0; index < SESSION_QUEUES; index++) {
		struct virtqueue *vq = session_queue(&staged, index);
		struct vq_chain chain;

		vq_chain_init(&chain, segments, VQ_CHAIN_SEGMENTS);
		for (i = 0; vq && i < 8 && virtqueue_pop(vq, &chain) == 1; i++)
			virtqueue_push(vq, chain.head, 0);
		if (vq)
			virtqueue_publish(vq);
	}
}

static void proc_70_random_journals(void **state)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : UINT64_C(20261122);
	unsigned int round, live = 0, started = 0;

	(void)state;
	for (round = 0; round < 600; round++) {
		kernel.features &= ~RING_PACKED;
		if (round & 1)
			kernel.features |= RING_PACKED;
		kernel.packed = (struct vduse_vq_state_packed){ 1, 0, 1, 0 };
		memset(kernel.memory, 0, MEMORY_SIZE);
		session_stage_attach();
		*avail_index() = 3;
		spoil_journal(&seed);
		die(NULL);
		assert_int_equal(session_resume(&staged), 0);
		live += staged.live;
		started += staged.live && session_queue(&staged, 0) != NULL;
		serve_a_little();
		assert_int_equal(session_stage_status(0), VDUSE_REQ_RESULT_OK);
		memset(kernel.memory, 0, MEMORY_SIZE);
		session_stage_attach();
		assert_non_null(session_queue(&staged, 0));
		assert_int_equal(session_stage_status(0), VDUSE_REQ_RESULT_OK);
	}
	/* neither all refused nor all believed */
	assert_in_range(live, 300, 600);
	assert_in_range(started, 100, live);
}

static void the_address_space_is_kept(void **state)
{
	(void)state;
	session_stage_attach();
	journal.session.asid = kernel.asid = 3;
	die(NULL);
	assert_int_equal(session_resume(&staged), 0);
	assert_int_equal(staged.asid, 3);
	assert_non_null(session_queue(&staged, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, session_stage_begin, session_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ring_07_a_publication_is_finished),
		TEST(a_packed_ring_goes_on),
		TEST(an_answer_that_was_not_written),
		TEST(an_answer_that_is_not_recorded_yet),
		TEST(ctl_60_a_reset_that_waits),
		TEST(a_resumed_one_starts_again),
		TEST(a_journal_of_no_driver),
		TEST(ctl_60_a_reset_that_is_not_recorded_yet),
		TEST(a_question_that_waits),
		TEST(a_status_that_waits_and_is_no_reset),
		TEST(no_virtqueue_is_ready),
		TEST(ctl_62_what_cannot_be_asked),
		TEST(a_message_for_somebody_else),
		TEST(no_journal_and_then_ours),
		TEST(proc_70_a_journal_about_another_ring),
		TEST(iova_46_no_memory_to_go_on_with),
		TEST(iova_42_memory_that_is_taken_back_for_a_while),
		TEST(iova_42_memory_of_a_packed_ring_that_is_taken_back_for_a_while),
		TEST(progress_is_of_virtqueues_that_go_on),
		TEST(a_virtqueue_that_did_not_start),
		TEST(proc_70_a_journal_about_other_rings),
		TEST(proc_70_a_journal_of_other_features),
		TEST(proc_70_a_queue_that_did_not_count_as_valid),
		TEST(proc_70_a_position_that_is_nowhere),
		TEST(proc_70_a_packed_position_that_is_nowhere),
		TEST(proc_70_slots_that_contradict),
		TEST(proc_70_random_journals),
		TEST(the_address_space_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

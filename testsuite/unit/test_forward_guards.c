/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the quick way must notice before it begins and in a batch, and what windows must forget. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "driver_ring.h"
#include "vduse/device/forward.h"

#define SIZE 64
#define FRAME 60

static struct driver_world *from, *to;
static struct forward forward;
static struct forward_path path;
static int error;
static unsigned int interrupts[2];	/* by enum forward_end */

static void on_interrupt(void *context, enum forward_end end)
{
	(void)context;
	interrupts[end]++;
}

static void on_failed(void *context, enum forward_end end, int rc)
{
	(void)context;
	(void)end;
	error = rc;
}

static const struct forward_owner owner = { on_interrupt, on_failed };

static int setup(void **state)
{
	(void)state;
	error = 0;
	memset(interrupts, 0, sizeof(interrupts));
	from = driver_world_started(SIZE, 0);
	to = driver_world_started(SIZE, 0);
	forward_init(&forward, &owner, NULL);
	path = (struct forward_path){ .transmit = &from->vq, .receive = &to->vq };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	driver_world_free(from);
	driver_world_free(to);
	return 0;
}

static uint16_t send_frame(uint8_t content)
{
	uint64_t at = driver_alloc(&from->ring, NET_HEADER_SIZE + FRAME, 8);
	struct driver_buffer buffer = { at, NET_HEADER_SIZE + FRAME, false };

	memset(driver_at(&from->ring, at), 0, NET_HEADER_SIZE);
	memset(driver_at(&from->ring, at) + NET_HEADER_SIZE, content, FRAME);
	return (uint16_t)driver_add(&from->ring, &buffer, 1);
}

/* The whole heap of the receiver, at the same IOVA, becomes other memory. */
static void move_heap(struct driver_world *world, uint8_t *memory)
{
	struct vq_region region = { DRIVER_HEAP, DRIVER_HEAP + DRIVER_HEAP_SIZE - 1, memory,
				    VQ_ACCESS_BOTH, 0 };

	assert_int_equal(vq_memory_remove(&world->memory, DRIVER_HEAP, DRIVER_HEAP), 1);
	assert_int_equal(vq_memory_add(&world->memory, &region), 0);
}

/* Memory that went away is not touched, and after the remap only the new one is. */
static void memory_that_moved(bool sender)
{
	struct driver_world *world = sender ? from : to;
	uint8_t *memory = calloc(1, DRIVER_HEAP_SIZE), *old = world->ring.heap;

	for (int i = 0; i < 3; i++)
		driver_add_writable(&to->ring, 2048);
	send_frame(1);
	forward_run(&forward, &path, 1);
	assert_int_equal(forward.counters.frames, 1);
	memcpy(memory, old, DRIVER_HEAP_SIZE);
	move_heap(world, memory);
	world->ring.heap = memory;
	send_frame(2);
	forward_run(&forward, &path, 2);
	assert_int_equal(forward.counters.frames, 1);
	if (!sender) {
		/* dropped: the receiver was not there */
		assert_int_equal(forward.counters.dropped[NET_DROP_NO_RECEIVER], 1);
		assert_int_equal(error, -ESTALE);
		send_frame(2);
	}
	memset(old, 0x77, DRIVER_HEAP_SIZE);
	assert_int_equal(virtqueue_remap(&world->vq), 0);
	forward_run(&forward, &path, 3);
	assert_int_equal(forward.counters.frames, 2);
	for (size_t i = 0; !sender && i < DRIVER_HEAP_SIZE; i++)
		assert_int_equal(old[i], 0x77);
	assert_int_equal(driver_at(&to->ring, DRIVER_HEAP + 2048)[NET_HEADER_SIZE], 2);
	free(old);
}

static void sender_memory_moved(void **state)
{
	(void)state;
	memory_that_moved(true);
}

static void receiver_memory_moved(void **state)
{
	(void)state;
	memory_that_moved(false);
}

/* A position whose halves differ: a predecessor took a chain and did not give it back. */
static void position_of_a_predecessor(void **state)
{
	uint32_t head, length;
	uint16_t second;

	(void)state;
	driver_add_writable(&to->ring, 2048);
	driver_add_writable(&to->ring, 2048);
	send_frame(1);
	second = send_frame(2);
	from->position = (struct virtqueue_position){ .next_avail = 1, .next_used = 0 };
	assert_int_equal(virtqueue_start(&from->vq, &from->config), 0);
	forward_run(&forward, &path, 1);
	assert_true(driver_take_used(&from->ring, &head, &length));
	assert_int_equal(head, second);
	assert_false(driver_take_used(&from->ring, &head, &length));
	assert_int_equal(from->position.next_avail, 2);
	assert_int_equal(from->position.next_used, 1);
}

/* A packed virtqueue in the place of the split one, and what its driver makes available. */
static void start_packed(struct driver_world *world)
{
	world->config.features = UINT64_C(1) << VIRTIO_F_RING_PACKED;
	world->position = (struct virtqueue_position){ VIRTQUEUE_PACKED_BEGIN,
						       VIRTQUEUE_PACKED_BEGIN };
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
}

static void put_packed(struct driver_world *world, unsigned int place, uint16_t id, bool writable)
{
	struct vring_packed_desc *desc = (void *)world->ring.desc;

	desc[place] = (struct vring_packed_desc){
		.addr = driver_alloc(&world->ring, 100, 1),
		.len = 100,
		.id = id,
		.flags = (writable ? VRING_DESC_F_WRITE : 0) | 1 << VRING_PACKED_DESC_F_AVAIL,
	};
}

/* A stopped virtqueue, a broken one: nothing is carried, and nothing crashes. */
static void that_does_not_run(struct driver_world *world)
{
	driver_add_writable(&to->ring, 2048);
	send_frame(1);
	virtqueue_break(&world->vq, 0, 0);
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 0);
	virtqueue_stop(&world->vq);
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 0);
	assert_int_equal(virtqueue_start(&world->vq, &world->config), 0);
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 1);
}

static void a_sender_that_does_not_run(void **state)
{
	(void)state;
	that_does_not_run(from);
}

static void a_receiver_that_does_not_run(void **state)
{
	(void)state;
	that_does_not_run(to);
}

static void no_receiver_at_all(void **state)
{
	(void)state;
	send_frame(1);
	path.receive = NULL;
	assert_int_equal(forward_run(&forward, &path, 1), 0);
	assert_int_equal(forward.counters.dropped[NET_DROP_NO_RECEIVER], 1);
	assert_int_equal(from->ring.used->idx, 1);
	assert_int_equal(error, 0);
}

/* A frame that is held comes first, whatever comes after it. */
static void a_held_frame_first(void **state)
{
	(void)state;
	send_frame(1);
	forward_run(&forward, &path, 1);
	assert_true(forward.holding);
	send_frame(2);
	driver_add_writable(&to->ring, 100);
	driver_add_writable(&to->ring, 100);
	forward_run(&forward, &path, 2);
	forward_run(&forward, &path, 3);
	assert_int_equal(forward.counters.frames, 2);
	assert_int_equal(driver_at(&to->ring, DRIVER_HEAP)[NET_HEADER_SIZE], 1);
	assert_int_equal(driver_at(&to->ring, DRIVER_HEAP + 100)[NET_HEADER_SIZE], 2);
}

/* One split, one packed: not for the quick way, but carried. */
static void different_formats(void **state)
{
	(void)state;
	start_packed(to);
	put_packed(to, 0, 0, true);
	send_frame(1);
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 0);
	forward_run(&forward, &path, 1);
	assert_int_equal(forward.counters.frames, 1);
	/* a split descriptor that would do if it were taken for a packed one */
	put_packed(to, 1, 0, false);
	to->ring.desc[1].flags = 1;	/* the id */
	driver_desc(from->ring.desc, driver_alloc(&from->ring, 200, 1), 200, 0,
		    1 << VRING_PACKED_DESC_F_AVAIL | VRING_DESC_F_WRITE);
	assert_int_equal(forward.fused_carry(&to->vq, &from->vq, NET_FRAME_MAX, 64).frames, 0);
}

/* No more than the limit, and the rest in the next call. */
static void a_limit(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		driver_add_writable(&to->ring, 100);
		send_frame(1);
	}
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 3).frames, 3);
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 3).frames, 2);
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 3).frames, 0);
}

/*
 * One head twice in one batch: the second time it is in flight, and ends the batch. (Once it was
 * given back it may be used again.)
 */
static void a_head_twice(bool sender)
{
	struct driver_ring *ring = sender ? &from->ring : &to->ring;

	for (int i = 0; i < 4; i++) {
		driver_add_writable(&to->ring, 100);
		send_frame((uint8_t)i);
	}
	ring->avail->ring[3] = ring->avail->ring[1];
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 3);
	assert_int_equal(from->ring.used->idx, 3);
	assert_int_equal(to->ring.used->idx, 3);
}

static void a_sent_head_twice(void **state)
{
	(void)state;
	a_head_twice(true);
}

static void a_received_head_twice(void **state)
{
	(void)state;
	a_head_twice(false);
}

/* As position_of_a_predecessor(): the element goes where the next one is due. */
static void packed_position_of_a_predecessor(void **state)
{
	const struct vring_packed_desc *desc = (const void *)from->ring.desc;

	(void)state;
	start_packed(to);
	put_packed(to, 0, 0, true);
	put_packed(from, 0, 4, false);
	put_packed(from, 1, 5, false);
	start_packed(from);
	from->position.next_avail++;
	assert_int_equal(virtqueue_start(&from->vq, &from->config), 0);
	forward_run(&forward, &path, 1);
	assert_int_equal(forward.counters.frames, 1);
	assert_int_equal(desc[0].id, 5);
	assert_int_equal(desc[1].flags, 1 << VRING_PACKED_DESC_F_AVAIL);
}

/* As a_head_twice(), with buffer ids. */
static void an_id_twice(bool sender)
{
	start_packed(from);
	start_packed(to);
	for (unsigned int i = 0; i < 4; i++) {
		put_packed(from, i, sender && i == 2 ? 0 : (uint16_t)i, false);
		put_packed(to, i, !sender && i == 2 ? 0 : (uint16_t)i, true);
	}
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 2);
	assert_int_equal(from->position.next_used, VIRTQUEUE_PACKED_BEGIN + 2);
	assert_int_equal(to->position.next_used, VIRTQUEUE_PACKED_BEGIN + 2);
}

static void a_sent_id_twice(void **state)
{
	(void)state;
	an_id_twice(true);
}

static void a_received_id_twice(void **state)
{
	(void)state;
	an_id_twice(false);
}

/*
 * The journal of a packed virtqueue after frames: complete, and the slots of the places say what
 * was written, as a successor would want it if it were not. No slot says that a chain is out.
 */
static void the_journal_of_packed_frames(unsigned int frames)
{
	uint16_t published = 0;

	to->config.published = &published;
	start_packed(from);
	start_packed(to);
	for (unsigned int i = 0; i < frames; i++) {
		put_packed(from, i, (uint16_t)i, false);
		put_packed(to, i, (uint16_t)(7 + i), true);
	}
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, frames);
	assert_int_equal(published, VIRTQUEUE_PACKED_BEGIN + frames);
	for (unsigned int i = 0; i < SIZE; i++) {
		assert_int_equal(to->slots[i].lane_written, i < frames ? VQ_SLOT_LANE | 100 : 0);
		assert_int_equal(from->slots[i].lane_written, i < frames ? VQ_SLOT_LANE : 0);
		assert_int_equal(to->slots[i].descriptors, 0);
	}
}

static void the_journal_of_a_packed_batch(void **state)
{
	(void)state;
	the_journal_of_packed_frames(3);
}

static void the_journal_of_a_packed_frame(void **state)
{
	(void)state;
	the_journal_of_packed_frames(1);
}

/* What was published before, and nobody was asked about, counts in the next decision. */
static void published_and_not_asked(bool packed)
{
	uint64_t features = UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX;

	to->config.features |= features;
	if (packed) {
		start_packed(from);
		to->config.features |= UINT64_C(1) << VIRTIO_F_RING_PACKED;
		to->position = from->position;
		for (unsigned int i = 0; i < 2; i++)
			put_packed(to, i, (uint16_t)i, true);
		put_packed(from, 0, 0, false);
		/* after the descriptor at place 0, in this lap */
		to->ring.avail->idx = VRING_PACKED_EVENT_FLAG_DESC;
		to->ring.avail->flags = VIRTQUEUE_PACKED_BEGIN;
	}
	assert_int_equal(virtqueue_start(&to->vq, &to->config), 0);
	if (!packed) {
		driver_add_writable(&to->ring, 100);
		driver_add_writable(&to->ring, 100);
		send_frame(1);
	}
	assert_int_equal(virtqueue_pop(&to->vq, &to->chain), 1);
	assert_int_equal(virtqueue_push(&to->vq, to->chain.head, 0), 0);
	assert_int_equal(virtqueue_publish(&to->vq), 1);
	if (packed)
		/* a lane leaves that to the general way */
		assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 0);
	forward_run(&forward, &path, 1);
	assert_int_equal(forward.counters.frames, 1);
	assert_int_equal(interrupts[FORWARD_RECEIVE], 1);
}

static void published_and_not_asked_split(void **state)
{
	(void)state;
	published_and_not_asked(false);
}

static void published_and_not_asked_packed(void **state)
{
	(void)state;
	published_and_not_asked(true);
}

/* While frames go the quick way, kicks are not wanted, on either side. */
static void kicks_are_disabled(void **state)
{
	const struct vring_packed_desc_event *event;

	(void)state;
	driver_add_writable(&to->ring, 100);
	send_frame(1);
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 1);
	assert_int_equal(from->ring.used->flags, VRING_USED_F_NO_NOTIFY);
	assert_int_equal(to->ring.used->flags, VRING_USED_F_NO_NOTIFY);
	start_packed(from);
	start_packed(to);
	put_packed(from, 0, 0, false);
	put_packed(to, 0, 0, true);
	assert_int_equal(forward.fused_carry(&from->vq, &to->vq, NET_FRAME_MAX, 64).frames, 1);
	event = (const void *)from->ring.used;
	assert_int_equal(event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
	event = (const void *)to->ring.used;
	assert_int_equal(event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
}

/* A header that does not fit into the first buffer of a chain is cut, not written behind it. */
static void a_first_buffer_shorter_than_a_header(void **state)
{
	struct driver_buffer sent[2], received[2];
	uint8_t *first, *second;

	(void)state;
	received[0] = (struct driver_buffer){ driver_alloc(&to->ring, 64, 1), 4, true };
	received[1] = (struct driver_buffer){ driver_alloc(&to->ring, 200, 1), 200, true };
	sent[0] = (struct driver_buffer){ driver_alloc(&from->ring, 12, 1), 12, false };
	sent[1] = (struct driver_buffer){ driver_alloc(&from->ring, FRAME, 1), FRAME, false };
	first = driver_at(&to->ring, received[0].address);
	second = driver_at(&to->ring, received[1].address);
	memset(first, 0x77, 64);
	memset(driver_at(&from->ring, sent[1].address), 0x11, FRAME);
	driver_add(&to->ring, received, 2);
	driver_add(&from->ring, sent, 2);
	forward_run(&forward, &path, 1);
	assert_int_equal(forward.counters.frames, 1);
	for (int i = 4; i < 64; i++)
		assert_int_equal(first[i], 0x77);
	assert_int_equal(second[6], 1);		/* num_buffers, at 10 of the header */
	assert_int_equal(second[8], 0x11);
}

/* Nothing of it is delivered, and it counts as sent once, with no bytes behind a header. */
static void a_frame_shorter_than_a_header(void **state)
{
	uint64_t drops = 0;

	(void)state;
	driver_add_writable(&to->ring, 2048);
	driver_add_readable(&from->ring, NET_HEADER_SIZE - 1);
	forward_run(&forward, &path, 1);
	for (unsigned int i = 0; i < NET_DROPS; i++)
		drops += forward.counters.dropped[i];
	assert_int_equal(drops, 1);
	assert_int_equal(forward.counters.frames, 0);
	assert_int_equal(forward.done.sent, 1);
	assert_int_equal(forward.done.sent_bytes, 0);
}

static void a_broken_sender_is_told_of(void **state)
{
	(void)state;
	from->ring.avail->idx = htole16(SIZE + 1);
	forward_run(&forward, &path, 1);
	assert_int_equal(error, -EPROTO);
}

static int short_of(void *context, struct vq_memory *memory, uint64_t iova)
{
	(void)memory;
	(void)iova;
	return *(int *)context;
}

/* The heap of @world is not mapped, and cannot be, for the errno in @context. */
static void make_short(struct driver_world *world, int *context)
{
	vq_memory_remove(&world->memory, DRIVER_HEAP, DRIVER_HEAP);
	assert_int_equal(virtqueue_remap(&world->vq), 0);
	world->memory.fault = short_of;
	world->memory.context = context;
}

/* Our own shortage: the frame is tried again now and then, not without end in between, and is not
 * lost if that passes. */
static void a_shortage_is_waited_for(struct driver_world *world)
{
	int errors[] = { -ENOMEM, -EMFILE, -ENFILE, -ENOSPC };
	struct vq_region region = { DRIVER_HEAP, DRIVER_HEAP + DRIVER_HEAP_SIZE - 1,
				    world->ring.heap, VQ_ACCESS_BOTH, 0 };

	driver_add_writable(&to->ring, 2048);
	send_frame(9);
	make_short(world, errors);
	for (unsigned int i = 0; i < 4; i++) {
		world->memory.context = &errors[i];
		assert_int_equal(forward_run(&forward, &path, 1000 + i),
				 1000 + i + FORWARD_RETRY_NS);
		assert_int_equal(error, errors[i]);
		assert_int_equal(world->vq.state, VIRTQUEUE_RUNNING);
	}
	assert_int_equal(forward.done.sent, 0);
	assert_int_equal(vq_memory_add(&world->memory, &region), 0);
	forward_run(&forward, &path, 1000 + FORWARD_HOLD_NS);
	assert_int_equal(forward.counters.frames, 1);
	assert_int_equal(forward.done.sent, 1);
}

static void iova_46_a_shortage_for_a_sender_is_waited_for(void **state)
{
	(void)state;
	a_shortage_is_waited_for(from);
}

static void iova_46_a_shortage_for_a_receiver_is_waited_for(void **state)
{
	(void)state;
	a_shortage_is_waited_for(to);
}

/* One that lasts costs its sender no more time than a receiver without buffers. */
static void iova_46_a_shortage_for_a_receiver_that_lasts(void **state)
{
	int errnum = -ENOMEM;

	(void)state;
	driver_add_writable(&to->ring, 2048);
	send_frame(9);
	make_short(to, &errnum);
	forward_run(&forward, &path, 1000);
	forward_run(&forward, &path, 1000 + FORWARD_HOLD_NS - 1);
	assert_int_equal(forward.done.sent, 0);
	assert_int_equal(forward_run(&forward, &path, 1000 + FORWARD_HOLD_NS), 0);
	assert_int_equal(from->ring.used->idx, 1);
	send_frame(9);
	forward_run(&forward, &path, 1001 + FORWARD_HOLD_NS);
	assert_int_equal(forward.counters.dropped[NET_DROP_NO_BUFFER], 2);
	assert_int_equal(forward.done.sent, 2);
	assert_int_equal(to->vq.state, VIRTQUEUE_RUNNING);
}

/* A frame that is held goes back untaken, and comes again. */
static void a_held_frame_goes_back(void **state)
{
	(void)state;
	send_frame(7);
	assert_int_equal(forward_run(&forward, &path, 1), 1 + FORWARD_HOLD_NS);
	assert_int_equal(from->vq.in_flight, 1);
	for (unsigned int i = 0; i < 2; i++) {
		forward_quiesce(&forward, &from->vq, i);
		assert_int_equal(from->vq.in_flight, 0);
		assert_int_equal(forward.done.sent, 0);
	}
	driver_add_writable(&to->ring, 2048);
	forward_run(&forward, &path, 2);
	assert_int_equal(forward.counters.frames, 1);
	assert_int_equal(forward.done.sent, 1);
}

static unsigned int sent, delivered;

static void on_sent(void *context, const struct vq_chain *chain)
{
	(void)context;
	assert_int_equal(chain->readable, NET_HEADER_SIZE + FRAME);
	sent++;
}

static void on_delivered(void *context, const struct offload_piece *piece)
{
	(void)context;
	assert_int_equal(piece->length, FRAME);
	delivered++;
}

/* Each frame is shown once on either side, whichever way it would go unseen. */
static void who_looks_sees_each_frame_once(void **state)
{
	static const struct forward_tap tap = { .sent = on_sent, .delivered = on_delivered };
	struct driver_buffer parts[2];

	(void)state;
	sent = delivered = 0;
	forward_show(&forward, &tap);
	for (unsigned int i = 0; i < 4; i++)
		driver_add_writable(&to->ring, 2048);
	send_frame(1);
	forward_run(&forward, &path, 1);
	assert_int_equal(sent, 1);
	assert_int_equal(delivered, 1);
	parts[0] = (struct driver_buffer){ driver_alloc(&from->ring, 40, 8), 40, false };
	parts[1] = (struct driver_buffer){ driver_alloc(&from->ring, 32, 8), 32, false };
	memset(driver_at(&from->ring, parts[0].address), 0, 40);
	driver_add(&from->ring, parts, 2);
	forward_run(&forward, &path, 2);
	assert_int_equal(sent, 2);
	assert_int_equal(delivered, 2);
	assert_int_equal(forward.counters.frames, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sender_memory_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(receiver_memory_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(position_of_a_predecessor, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sender_that_does_not_run, setup, teardown),
		cmocka_unit_test_setup_teardown(a_receiver_that_does_not_run, setup, teardown),
		cmocka_unit_test_setup_teardown(no_receiver_at_all, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_shorter_than_a_header, setup, teardown),
		cmocka_unit_test_setup_teardown(a_broken_sender_is_told_of, setup, teardown),
		cmocka_unit_test_setup_teardown(iova_46_a_shortage_for_a_sender_is_waited_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(iova_46_a_shortage_for_a_receiver_is_waited_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(iova_46_a_shortage_for_a_receiver_that_lasts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_held_frame_goes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(who_looks_sees_each_frame_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_held_frame_first, setup, teardown),
		cmocka_unit_test_setup_teardown(different_formats, setup, teardown),
		cmocka_unit_test_setup_teardown(a_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sent_head_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(a_received_head_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(packed_position_of_a_predecessor, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sent_id_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(a_received_id_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(the_journal_of_a_packed_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(the_journal_of_a_packed_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(published_and_not_asked_split, setup, teardown),
		cmocka_unit_test_setup_teardown(published_and_not_asked_packed, setup, teardown),
		cmocka_unit_test_setup_teardown(kicks_are_disabled, setup, teardown),
		cmocka_unit_test_setup_teardown(a_first_buffer_shorter_than_a_header, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

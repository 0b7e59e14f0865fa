// SPDX-License-Identifier: GPL-2.0-or-later
/* When a direction polls, asks for kicks, holds a frame; and what it counts meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "driver_frame.h"
#include "driver_ring.h"
#include "vduse/device/forward.h"

#define SIZE 64
#define EVENT_IDX (UINT64_C(1) << VIRTIO_RING_F_EVENT_IDX)
#define POLL 1000
#define FRAME 60

static struct driver_world *from, *to;
static struct forward forward;
static struct forward_path path;
static unsigned int interrupts[2];
static bool answers;		/* the driver sends when it is interrupted */

static void send_frame(void);

static void on_interrupt(void *context, enum forward_end end)
{
	assert_ptr_equal(context, &interrupts);
	interrupts[end]++;
	if (answers && end == FORWARD_TRANSMIT)
		send_frame();
}

static void on_failed(void *context, enum forward_end end, int rc)
{
	(void)context;
	fail_msg("end %d failed: %d", (int)end, rc);
}

static const struct forward_owner owner = { on_interrupt, on_failed };

static void begin_with(uint64_t features, uint64_t poll_ns)
{
	from = driver_world_started(SIZE, features);
	to = driver_world_started(SIZE, features);
	memset(interrupts, 0, sizeof(interrupts));
	answers = false;
	forward_init(&forward, &owner, &interrupts);
	forward.poll_ns = poll_ns;
	path = (struct forward_path){ .transmit = &from->vq, .receive = &to->vq };
}

static void end(void)
{
	driver_world_free(from);
	driver_world_free(to);
}

static void send_frame(void)
{
	uint64_t at = driver_alloc(&from->ring, NET_HEADER_SIZE + FRAME, 8);
	struct driver_buffer buffer = { at, NET_HEADER_SIZE + FRAME, false };

	memset(driver_at(&from->ring, at), 0, NET_HEADER_SIZE + FRAME);
	assert_true(driver_add(&from->ring, &buffer, 1) >= 0);
}

static void offer_buffer(void)
{
	driver_add_writable(&to->ring, 2048);
}

/* Would the driver of the transmit virtqueue kick for one more frame? */
static bool kick_wanted(void)
{
	uint16_t before = from->ring.avail_idx;
	bool wanted;

	from->ring.avail_idx++;
	wanted = driver_kick_wanted(&from->ring, before);
	from->ring.avail_idx = before;
	return wanted;
}

/* At once: in the first call that finds nothing. */
static void without_poll_a_kick_is_asked_for_at_once(uint64_t features)
{
	begin_with(features, 0);
	offer_buffer();
	send_frame();
	assert_int_equal(forward_run(&forward, &path, 1), 0);
	assert_int_equal(forward_run(&forward, &path, 1), FORWARD_NEVER);
	assert_true(kick_wanted());
	assert_int_equal(forward.done.polls, 0);
	assert_int_equal(forward.done.sent, 1);
	assert_int_equal(forward.done.sent_bytes, FRAME);
	end();
}

static void polls_until_the_time_is_over(uint64_t features)
{
	begin_with(features, POLL);
	/* nothing was carried yet: a kick is the way to begin */
	assert_int_equal(forward_run(&forward, &path, 1), FORWARD_NEVER);
	assert_true(kick_wanted());
	offer_buffer();
	offer_buffer();
	send_frame();
	assert_int_equal(forward_run(&forward, &path, 10), 0);
	assert_false(kick_wanted());
	/* counted from the first look that finds nothing, not from the work */
	assert_int_equal(forward_run(&forward, &path, 5000), 0);
	assert_int_equal(forward_run(&forward, &path, 5000 + POLL - 1), 0);
	assert_false(kick_wanted());
	/* a frame on its last moment: found without a kick, and the time begins anew */
	send_frame();
	assert_int_equal(forward_run(&forward, &path, 5000 + POLL - 1), 0);
	assert_int_equal(forward.done.sent, 2);
	assert_int_equal(forward_run(&forward, &path, 20000), 0);
	assert_int_equal(forward_run(&forward, &path, 20000 + POLL), FORWARD_NEVER);
	assert_true(kick_wanted());
	assert_int_equal(forward.done.polls, 5);
	assert_int_equal(forward.done.polls_useful, 1);
	end();
}

/* A frame that comes after the last look and before the request for a kick is not missed. */
static void a_frame_beside_the_request_for_kicks(uint64_t features)
{
	begin_with(features, 0);
	driver_want_interrupt(&from->ring, true);
	offer_buffer();
	offer_buffer();
	send_frame();
	answers = true;
	assert_int_equal(forward_run(&forward, &path, 10), 0);
	answers = false;
	assert_int_equal(forward_run(&forward, &path, 20), 0);
	assert_int_equal(forward_run(&forward, &path, 30), FORWARD_NEVER);
	assert_int_equal(forward.done.sent, 2);
	end();
}

/* A frame is held: looked at again while it polls, then the receiver's kick is asked for. */
static void a_held_frame_is_polled_for(uint64_t features)
{
	begin_with(features, POLL);
	offer_buffer();
	send_frame();
	send_frame();
	assert_int_equal(forward_run(&forward, &path, 10), 0);
	assert_int_equal(forward_run(&forward, &path, 20), 0);
	assert_int_equal(forward_run(&forward, &path, 20 + POLL), 20 + FORWARD_HOLD_NS);
	assert_int_equal(forward.done.sent, 1);
	offer_buffer();
	assert_int_equal(forward_run(&forward, &path, 30 + POLL), 0);
	assert_int_equal(forward.done.sent, 2);
	assert_int_equal(forward.counters.held, 1);
	end();
}

/*
 * Out of buffers: the first frame waits for so long and no longer, those behind it not at
 * all, until there are buffers again; then the next one may wait anew.
 */
static void a_frame_is_held_for_so_long(uint64_t features)
{
	uint64_t dropped;

	begin_with(features, 0);
	send_frame();
	send_frame();
	send_frame();
	assert_int_equal(forward_run(&forward, &path, 10), 10 + FORWARD_HOLD_NS);
	assert_int_equal(forward_run(&forward, &path, 9 + FORWARD_HOLD_NS), 10 + FORWARD_HOLD_NS);
	dropped = forward.counters.dropped[NET_DROP_NO_BUFFER];
	assert_int_equal(dropped, 0);
	while (forward_run(&forward, &path, 10 + FORWARD_HOLD_NS) == 0)
		;
	dropped = forward.counters.dropped[NET_DROP_NO_BUFFER];
	assert_int_equal(dropped, 3);
	assert_int_equal(forward.done.sent, 3);
	/* one buffer: one frame is delivered, and the one behind it is held again */
	offer_buffer();
	send_frame();
	send_frame();
	while (forward_run(&forward, &path, 20 + FORWARD_HOLD_NS) == 0)
		;
	assert_int_equal(forward.counters.frames, 1);
	dropped = forward.counters.dropped[NET_DROP_NO_BUFFER];
	assert_int_equal(dropped, 3);
	assert_int_equal(forward_run(&forward, &path, 30 + FORWARD_HOLD_NS),
			 20 + 2 * FORWARD_HOLD_NS);
	end();
}

static void interrupts_that_nobody_wants_are_counted(uint64_t features)
{
	begin_with(features, 0);
	driver_want_interrupt(&from->ring, false);
	driver_want_interrupt(&to->ring, true);
	offer_buffer();
	send_frame();
	forward_run(&forward, &path, 1);
	assert_int_equal(interrupts[FORWARD_RECEIVE], 1);
	assert_int_equal(interrupts[FORWARD_TRANSMIT], 0);
	assert_int_equal(forward.done.silent[FORWARD_RECEIVE], 0);
	assert_int_equal(forward.done.silent[FORWARD_TRANSMIT], 1);
	/* nothing published, nothing suppressed */
	forward_run(&forward, &path, 2);
	assert_int_equal(forward.done.silent[FORWARD_TRANSMIT], 1);
	end();
}

/* Each with the two ways to suppress notifications (virtio 1.2, 2.7.7 and 2.7.10). */
#define BOTH(name) \
	static void name##_by_flag(void **state) { (void)state; name(0); } \
	static void name##_by_event(void **state) { (void)state; name(EVENT_IDX); }

BOTH(without_poll_a_kick_is_asked_for_at_once)
BOTH(polls_until_the_time_is_over)
BOTH(a_frame_beside_the_request_for_kicks)
BOTH(a_held_frame_is_polled_for)
BOTH(a_frame_is_held_for_so_long)
BOTH(interrupts_that_nobody_wants_are_counted)

#define TESTS(name) cmocka_unit_test(name##_by_flag), cmocka_unit_test(name##_by_event)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TESTS(without_poll_a_kick_is_asked_for_at_once),
		TESTS(polls_until_the_time_is_over),
		TESTS(a_frame_beside_the_request_for_kicks),
		TESTS(a_held_frame_is_polled_for),
		TESTS(a_frame_is_held_for_so_long),
		TESTS(interrupts_that_nobody_wants_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

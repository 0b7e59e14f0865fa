// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ports over virtqueues in plain memory: what a link that goes and comes does to frames.
 * The session below them is made up.
 *
 * LDFLAGS: -Wl,--wrap=session_open,--wrap=session_close,--wrap=session_memory_guard,--wrap=node_set_config,--wrap=node_interrupt_config,--wrap=node_interrupt
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_ring.h>

#include "driver_ring.h"
#include "vduse/device/port.h"
#include "vduse/device/session_memory.h"

#define SIZE 64
#define FRAME 60
#define NOW 1000

/* The kernel's side. */
static struct {
	int config_error, interrupt_error;
	uint8_t status[2];	/* of the configuration space */
	unsigned int told;	/* configuration interrupts */
	unsigned int configured;	/* times that the space was written */
	int open_error, guard_error;
	unsigned int closed;		/* sessions */
	unsigned int interrupts[2][SESSION_QUEUES];
} kernel;

static struct port ports[2];
static struct driver_world *worlds[2][SESSION_QUEUES];
static unsigned int woken;
static char reported[200];
static unsigned int events;

int __wrap_session_open(struct session *session, int fd, uint16_t queue_size,
			uint64_t implemented, struct journal_session *journal,
			const struct session_owner *owner, void *context);
void __wrap_session_close(struct session *session);
int __wrap_session_memory_guard(struct session *session);
int __wrap_node_set_config(int fd, uint32_t offset, const void *bytes, uint32_t length);
int __wrap_node_interrupt_config(int fd);
int __wrap_node_interrupt(int fd, uint32_t index);

int __wrap_session_open(struct session *session, int fd, uint16_t queue_size,
			uint64_t implemented, struct journal_session *journal,
			const struct session_owner *owner, void *context)
{
	(void)queue_size;
	(void)implemented;
	(void)journal;
	memset(session, 0, sizeof(*session));
	session->fd = fd;
	session->owner = owner;
	session->context = context;
	session->live = true;
	return kernel.open_error;
}

void __wrap_session_close(struct session *session)
{
	(void)session;
	kernel.closed++;
}

int __wrap_session_memory_guard(struct session *session)
{
	(void)session;
	return kernel.guard_error;
}

int __wrap_node_set_config(int fd, uint32_t offset, const void *bytes, uint32_t length)
{
	(void)fd;
	assert_int_equal(offset, 6);
	assert_int_equal(length, sizeof(kernel.status));
	kernel.configured++;
	if (kernel.config_error)
		return kernel.config_error;
	memcpy(kernel.status, bytes, length);
	return 0;
}

int __wrap_node_interrupt_config(int fd)
{
	(void)fd;
	if (kernel.interrupt_error)
		return kernel.interrupt_error;
	kernel.told++;
	return 0;
}

int __wrap_node_interrupt(int fd, uint32_t index)
{
	assert_true(fd == 10 || fd == 11);
	kernel.interrupts[fd - 10][index]++;
	return 0;
}

static void on_wake(void *context)
{
	(void)context;
	woken++;
}

static void on_report(void *context, const char *sentence)
{
	(void)context;
	snprintf(reported, sizeof(reported), "%s", sentence);
}

static const struct port_owner owner = { on_wake, on_report, NULL };

static void open_one(unsigned int index)
{
	unsigned int queue;

	assert_int_equal(port_open(&ports[index], 10 + (int)index, SIZE, 0, NULL, &owner, NULL), 0);
	for (queue = 0; queue < SESSION_QUEUES; queue++) {
		worlds[index][queue] = driver_world_started(SIZE, 0);
		ports[index].session.queues[queue].vq = worlds[index][queue]->vq;
		assert_int_equal(worlds[index][queue]->vq.generation, 0);
	}
}

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	open_one(0);
	open_one(1);
	port_connect(&ports[0], &ports[1]);
	kernel.told = woken = events = 0;
	reported[0] = '\0';
	return 0;
}

static int end(void **state)
{
	unsigned int i;

	(void)state;
	assert_string_equal(reported, "");
	port_close(&ports[0]);
	port_close(&ports[1]);
	for (i = 0; i < 2 * SESSION_QUEUES; i++)
		driver_world_free(worlds[i / SESSION_QUEUES][i % SESSION_QUEUES]);
	return 0;
}

static void transmit(unsigned int index, unsigned int frames)
{
	struct driver_ring *ring = &worlds[index][PORT_TRANSMITQ]->ring;

	while (frames--) {
		uint64_t at = driver_alloc(ring, NET_HEADER_SIZE + FRAME, 8);
		struct driver_buffer buffer = { at, NET_HEADER_SIZE + FRAME, false };

		memset(driver_at(ring, at), 0, NET_HEADER_SIZE + FRAME);
		assert_true(driver_add(ring, &buffer, 1) >= 0);
	}
}

static void offer(unsigned int index, unsigned int buffers)
{
	while (buffers--)
		driver_add_writable(&worlds[index][PORT_RECEIVEQ]->ring, 2048);
}

static unsigned int used(unsigned int index, unsigned int queue)
{
	unsigned int count = 0;
	uint32_t head, length;

	while (driver_take_used(&worlds[index][queue]->ring, &head, &length))
		count++;
	return count;
}

static uint64_t dropped(unsigned int index)
{
	return ports[index].forward.counters.dropped[NET_DROP_NO_RECEIVER];
}

/* And writes nothing into a configuration space that may be another type's. */
static void a_port_begins_with_its_link(void **state)
{
	(void)state;
	assert_int_equal(kernel.configured, 0);
	transmit(0, 2);
	offer(1, 4);
	port_forward(&ports[0], NOW);
	assert_int_equal(used(1, PORT_RECEIVEQ), 2);
}

static void the_driver_is_told(void **state)
{
	(void)state;
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	assert_int_equal(kernel.status[0], 0);
	assert_int_equal(kernel.told, 1);
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	assert_int_equal(kernel.status[0], 1);
	assert_int_equal(kernel.status[1], 0);	/* ANNOUNCE never: Linux 6.12 crashes */
	assert_int_equal(kernel.told, 2);
	assert_true(woken > 0);
}

/* The journal is a file: what nobody of ours has written there lowers no link. */
static void proc_70_a_journal_that_says_neither_lowers_no_link(void **state)
{
	(void)state;
	ports[0].journal->session.link_down = 0x100;
	offer(0, 8);
	transmit(1, 5);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 5);
}

static void nothing_passes_while_it_is_down(void **state)
{
	(void)state;
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	offer(0, 8);
	offer(1, 8);
	transmit(0, 3);
	transmit(1, 5);
	port_forward(&ports[0], NOW);
	port_forward(&ports[1], NOW);
	/* the senders have their buffers back, the receivers have nothing */
	assert_int_equal(used(0, PORT_TRANSMITQ), 3);
	assert_int_equal(used(1, PORT_TRANSMITQ), 5);
	assert_int_equal(used(0, PORT_RECEIVEQ) + used(1, PORT_RECEIVEQ), 0);
	assert_int_equal(dropped(0), 3);
	assert_int_equal(dropped(1), 5);
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	transmit(1, 2);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 2);
	assert_int_equal(dropped(1), 5);
}

/* Transmitted before, and not looked at when the link goes. */
static void what_was_on_its_way_is_dropped(void **state)
{
	(void)state;
	offer(0, 8);
	transmit(1, 5);
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	assert_int_equal(dropped(1), 5);
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 0);
}

/* Said again, it changes nothing, and takes nobody's frames. */
static void a_link_that_is_up_already_loses_nothing(void **state)
{
	(void)state;
	offer(0, 8);
	transmit(1, 5);
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	assert_int_equal(port_set_link(&ports[1], true, NOW), 0);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 5);
	assert_int_equal(dropped(1), 0);
}

/* Transmitted while it was down, and not looked at before it is back. */
static void nothing_of_before_arrives(void **state)
{
	(void)state;
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	offer(0, 20);
	offer(1, 20);
	transmit(1, 7);
	transmit(0, 9);
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	assert_int_equal(dropped(1), 7);
	assert_int_equal(dropped(0), 9);
	port_forward(&ports[1], NOW);
	port_forward(&ports[0], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ) + used(1, PORT_RECEIVEQ), 0);
}

/* No buffers: the frame waits, and the link goes meanwhile. */
static void a_held_frame_is_dropped(void **state)
{
	(void)state;
	transmit(1, 1);
	assert_int_equal(port_forward(&ports[1], NOW), NOW + FORWARD_HOLD_NS);
	assert_int_equal(used(1, PORT_TRANSMITQ), 0);
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	assert_int_equal(dropped(1), 1);
	assert_int_equal(used(1, PORT_TRANSMITQ), 1);
	offer(0, 4);
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 0);
	transmit(1, 1);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 1);
}

/* The other end's link is its own. */
static void both_links_count(void **state)
{
	(void)state;
	offer(0, 4);
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	assert_int_equal(port_set_link(&ports[1], false, NOW), 0);
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	transmit(1, 1);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 0);
	assert_int_equal(port_set_link(&ports[1], true, NOW), 0);
	transmit(1, 1);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 1);
}

static void a_link_that_cannot_be_changed_stays(void **state)
{
	(void)state;
	kernel.config_error = -EPERM;
	assert_int_equal(port_set_link(&ports[0], false, NOW), -EPERM);
	offer(0, 4);
	transmit(1, 1);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 1);
	kernel.config_error = 0;
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	kernel.config_error = -EPERM;
	assert_int_equal(port_set_link(&ports[0], true, NOW), -EPERM);
	transmit(1, 1);
	port_forward(&ports[1], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 0);
}

/* The kernel takes no interrupt yet: it is owed, and the last state is what counts. */
static void an_interrupt_that_is_not_taken_is_owed(void **state)
{
	(void)state;
	kernel.interrupt_error = -EINVAL;
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	assert_true(session_owes(&ports[0].session));
	assert_true(session_retry(&ports[0].session));
	kernel.interrupt_error = 0;
	assert_false(session_retry(&ports[0].session));
	assert_int_equal(kernel.told, 1);
	/* nobody there: the driver to come reads the configuration */
	ports[0].session.live = false;
	kernel.interrupt_error = -EINVAL;
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	assert_false(session_owes(&ports[0].session));
}

static void a_loopback_device_has_one_link(void **state)
{
	(void)state;
	port_connect(&ports[0], &ports[0]);
	offer(0, 8);
	transmit(0, 2);
	assert_int_equal(port_set_link(&ports[0], false, NOW), 0);
	assert_int_equal(dropped(0), 2);
	assert_int_equal(port_set_link(&ports[0], true, NOW), 0);
	transmit(0, 3);
	port_forward(&ports[0], NOW);
	assert_int_equal(used(0, PORT_RECEIVEQ), 3);
}

static void what_does_not_open_is_closed(void **state)
{
	struct port port;

	(void)state;
	assert_int_equal(kernel.closed, 0);
	kernel.guard_error = -ENOMEM;
	assert_int_equal(port_open(&port, 10, SIZE, 0, NULL, &owner, NULL), -ENOMEM);
	assert_int_equal(kernel.closed, 1);
	/* a session that does not open has closed itself */
	kernel.open_error = -EBUSY;
	assert_int_equal(port_open(&port, 10, SIZE, 0, NULL, &owner, NULL), -EBUSY);
	assert_int_equal(kernel.closed, 1);
}

/* The sender's driver by its own device, the receiver's by the other one. */
static void each_driver_is_interrupted_by_its_device(void **state)
{
	unsigned int fd, queue;

	(void)state;
	offer(1, 4);
	transmit(0, 1);
	port_forward(&ports[0], NOW);
	for (fd = 0; fd < 2; fd++)
		for (queue = 0; queue < SESSION_QUEUES; queue++)
			assert_int_equal(kernel.interrupts[fd][queue],
					 queue == (fd ? PORT_RECEIVEQ : PORT_TRANSMITQ));
}

static const struct session_owner *owner_of(unsigned int index)
{
	return ports[index].session.owner;
}

static unsigned int in_work(unsigned int index)
{
	return ports[index].session.queues[PORT_TRANSMITQ].vq.in_flight;
}

/* What waits for a receiver was made for its driver: the next one gets it looked at anew. */
static void a_receiver_that_goes_holds_nothing(void **state)
{
	(void)state;
	transmit(0, 1);
	port_forward(&ports[0], NOW);
	assert_int_equal(in_work(0), 1);
	owner_of(1)->quiesce(ports[1].session.context, false);
	assert_int_equal(in_work(0), 1);
	owner_of(1)->quiesce(ports[1].session.context, true);
	assert_int_equal(in_work(0), 0);
	offer(1, 1);
	port_forward(&ports[0], NOW);
	assert_int_equal(used(1, PORT_RECEIVEQ), 1);
	transmit(0, 1);
	port_forward(&ports[0], NOW);
	owner_of(0)->quiesce(ports[0].session.context, false);
	assert_int_equal(in_work(0), 0);
}

/* A frame was dropped for want of buffers: when there may be some, the next one is held again. */
static void a_receiver_that_comes_gets_frames_held(void **state)
{
	(void)state;
	transmit(0, 2);
	port_forward(&ports[0], NOW);
	port_forward(&ports[0], NOW + FORWARD_HOLD_NS);
	assert_int_equal(ports[0].forward.counters.dropped[NET_DROP_NO_BUFFER], 2);
	owner_of(1)->changed(ports[1].session.context);
	transmit(0, 1);
	port_forward(&ports[0], NOW + FORWARD_HOLD_NS);
	assert_int_equal(in_work(0), 1);
}

/* Of both virtqueues between which frames go: where they are, and how much of a frame is over. */
static void a_direction_has_one_journal(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct journal_direction *direction = &ports[i].journal->direction;
		const struct session_queue *from = &ports[i].session.queues[PORT_TRANSMITQ];
		const struct session_queue *to = &ports[!i].session.queues[PORT_RECEIVEQ];

		assert_ptr_equal(from->position, &direction->transmit);
		assert_ptr_equal(to->position, &direction->receive);
		assert_ptr_equal(from->progress, &direction->progress);
		assert_ptr_equal(to->progress, &direction->progress);
		assert_ptr_equal(ports[i].forward.progress, &direction->progress);
	}
}

/* The virtqueue that is broken is counted and told of where it is. */
static void a_broken_virtqueue_is_its_own_device_s(void **state)
{
	(void)state;
	transmit(0, 1);
	worlds[1][PORT_RECEIVEQ]->ring.avail->idx = htole16(SIZE + 1);
	port_forward(&ports[0], NOW);
	assert_int_equal(ports[0].session.broken_queues, 0);
	assert_int_equal(ports[1].session.broken_queues, 1);
	assert_non_null(strstr(reported, "virtqueue 0"));
	assert_int_equal(dropped(0), 1);
	worlds[0][PORT_TRANSMITQ]->ring.avail->idx = htole16(2 * SIZE);
	port_forward(&ports[0], NOW);
	assert_int_equal(ports[0].session.broken_queues, 1);
	assert_int_equal(ports[1].session.broken_queues, 1);
	assert_non_null(strstr(reported, "virtqueue 1"));
	reported[0] = '\0';
}

static void ring_06_a_port_without_a_driver_sleeps(void **state)
{
	(void)state;
	ports[0].session.live = false;
	ports[0].session.queues[PORT_TRANSMITQ].vq.state = VIRTQUEUE_STOPPED;
	assert_int_equal(port_forward(&ports[0], NOW), FORWARD_NEVER);
}

/* Its virtqueue does not start for a shortage of ours: nobody kicks when that has passed. */
static void iova_46_a_port_that_is_short_looks_again(void **state)
{
	struct session_queue *queue = &ports[0].session.queues[PORT_TRANSMITQ];

	(void)state;
	queue->vq.state = VIRTQUEUE_STOPPED;
	queue->refused = true;		/* so that the session leaves it alone */
	queue->waits = true;
	assert_int_equal(port_forward(&ports[0], NOW), NOW + FORWARD_RETRY_NS);
	ports[0].session.live = false;
	assert_int_equal(port_forward(&ports[0], NOW), FORWARD_NEVER);
}

/* The receiver's virtqueue does not start for a shortage of ours: no frame is lost if that passes. */
static void iova_46_frames_wait_for_a_receiver_that_is_short(void **state)
{
	struct session_queue *queue = &ports[1].session.queues[PORT_RECEIVEQ];

	(void)state;
	transmit(0, 1);
	offer(1, 1);
	queue->refused = true;		/* so that the session leaves it alone */
	for (uint64_t now = NOW; now <= 5 * NOW; now += 4 * NOW) {
		queue->vq.state = VIRTQUEUE_STOPPED;
		queue->waits = true;
		assert_int_equal(port_forward(&ports[0], now), now + FORWARD_RETRY_NS);
	}
	queue->vq.state = VIRTQUEUE_RUNNING;
	port_forward(&ports[0], NOW + FORWARD_HOLD_NS);
	assert_int_equal(used(1, PORT_RECEIVEQ), 1);
	assert_int_equal(dropped(0), 0);
}

/* One that lasts stops its sender no longer than that, and none whose link is down. */
static void iova_46_a_receiver_that_stays_short_is_none(void **state)
{
	struct session_queue *queue = &ports[1].session.queues[PORT_RECEIVEQ];

	(void)state;
	transmit(0, 1);
	queue->refused = queue->waits = true;
	queue->vq.state = VIRTQUEUE_STOPPED;
	port_forward(&ports[0], NOW);
	assert_int_equal(port_forward(&ports[0], NOW + FORWARD_HOLD_NS - 1),
			 NOW + FORWARD_HOLD_NS - 1 + FORWARD_RETRY_NS);
	assert_int_equal(dropped(0), 0);
	for (unsigned int i = 1; i < 3; i++) {
		port_forward(&ports[0], NOW + i * FORWARD_HOLD_NS);
		assert_int_equal(dropped(0), i);
		transmit(0, 1);
	}
	queue->vq.state = VIRTQUEUE_RUNNING;
	offer(1, 1);
	port_forward(&ports[0], NOW + 3 * FORWARD_HOLD_NS);
	assert_int_equal(used(1, PORT_RECEIVEQ), 1);
	queue->vq.state = VIRTQUEUE_STOPPED;
	transmit(0, 1);
	port_forward(&ports[0], NOW + 3 * FORWARD_HOLD_NS);
	assert_int_equal(dropped(0), 2);
	assert_int_equal(port_set_link(&ports[1], false, NOW + 3 * FORWARD_HOLD_NS), 0);
	assert_int_equal(dropped(0), 3);
}

/* VIRTIO_NET_F_MTU of a device that was created without: its 0 is no limit. */
static void an_mtu_of_0_is_none(void **state)
{
	(void)state;
	ports[1].session.features = UINT64_C(1) << 3;
	offer(1, 4);
	transmit(0, 1);
	port_forward(&ports[0], NOW);
	assert_int_equal(used(1, PORT_RECEIVEQ), 1);
	ports[1].mtu = FRAME - 14 - 1;
	transmit(0, 1);
	port_forward(&ports[0], NOW);
	assert_int_equal(used(1, PORT_RECEIVEQ), 0);
	ports[1].mtu++;
	transmit(0, 1);
	port_forward(&ports[0], NOW);
	assert_int_equal(used(1, PORT_RECEIVEQ), 1);
}

static void on_event(void *context, enum session_event event, unsigned int number)
{
	(void)context;
	assert_int_equal(event, SESSION_IOTLB);
	assert_int_equal(number, 7);
	events++;
}

static void who_watches_is_told(void **state)
{
	static const struct port_owner watcher = { on_wake, on_report, on_event };
	struct session *session = &ports[0].session;

	(void)state;
	session->owner->event(session->context, SESSION_IOTLB, 7);
	assert_int_equal(events, 0);
	ports[0].owner = &watcher;
	session->owner->event(session->context, SESSION_IOTLB, 7);
	assert_int_equal(events, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_port_begins_with_its_link),
		TEST(the_driver_is_told),
		TEST(proc_70_a_journal_that_says_neither_lowers_no_link),
		TEST(nothing_passes_while_it_is_down),
		TEST(a_link_that_is_up_already_loses_nothing),
		TEST(what_was_on_its_way_is_dropped),
		TEST(nothing_of_before_arrives),
		TEST(a_held_frame_is_dropped),
		TEST(both_links_count),
		TEST(a_link_that_cannot_be_changed_stays),
		TEST(an_interrupt_that_is_not_taken_is_owed),
		TEST(a_loopback_device_has_one_link),
		TEST(what_does_not_open_is_closed),
		TEST(each_driver_is_interrupted_by_its_device),
		TEST(a_receiver_that_goes_holds_nothing),
		TEST(a_receiver_that_comes_gets_frames_held),
		TEST(a_direction_has_one_journal),
		TEST(a_broken_virtqueue_is_its_own_device_s),
		TEST(ring_06_a_port_without_a_driver_sleeps),
		TEST(iova_46_a_port_that_is_short_looks_again),
		TEST(iova_46_frames_wait_for_a_receiver_that_is_short),
		TEST(iova_46_a_receiver_that_stays_short_is_none),
		TEST(an_mtu_of_0_is_none),
		TEST(who_watches_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

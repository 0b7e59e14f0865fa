// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole life of a device process over a kernel that is made up (made_kernel.h), once for
 * each allocation and each system call of it, which fails then: setting up, two drivers, frames
 * both ways, invalidations, messages of all kinds, somebody who asks and follows, a reset,
 * another driver, the end. Whatever fails, the process goes on, or it ends with a sentence;
 * it holds no memory, no mapping and no descriptor any more, and whoever needed what failed
 * gets it later, if it goes on.
 *
 * The world moves when the process waits: time is made up as well, and nothing here waits.
 *
 * LDFLAGS: -Wl,--wrap=ioctl,--wrap=read,--wrap=write,--wrap=mmap,--wrap=munmap,--wrap=eventfd,--wrap=eventfd_read,--wrap=close,--wrap=fcntl
 * LDFLAGS: -Wl,--wrap=epoll_create1,--wrap=epoll_ctl,--wrap=epoll_wait,--wrap=signalfd,--wrap=sigaction,--wrap=sigprocmask,--wrap=accept4,--wrap=recv,--wrap=send,--wrap=clock_gettime
 * LDFLAGS: -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=sched_getscheduler,--wrap=sched_setscheduler,--wrap=sched_getaffinity,--wrap=sched_getcpu,--wrap=pread,--wrap=pwrite
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "lib/features.h"
#include "testsuite/unit/fault_calls.h"
#include "testsuite/unit/made_kernel.h"
#include "vduse/process/serve.h"

#define PACKED (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define FRAME 72		/* header and frame, in bytes */
#define LAST_DRIVERS 12		/* the step in which both are new */
#define WAITS_MAX 5000		/* of one life; it takes some 200 */

/* The nth of some calls fails. */
struct fault {
	bool (*is_point)(const char *call);
	unsigned long at;	/* from 1 on */
	unsigned long times;	/* in a row */
	int errnum;
	bool must_go_on;	/* as if nothing had been */
	bool passes;		/* what failed is tried again, and goes well */
	bool umem;		/* in a process that brings its own memory */
};

/* The wraps are given no context. */
static struct {
	unsigned int step, waits, rounds;
	unsigned int failed_step;	/* in which the last fault was */
	unsigned int sent;		/* frames that a driver transmitted */
	unsigned int counted[2];	/* of these, when it was asked what became of them */
	uint64_t delivered[2], dropped[2];
	bool first_done;		/* the first frame needed no second one to be carried */
	unsigned int counts_asked;
	int client;			/* who asks; -1 */
	char address[108];
	socklen_t address_length;
	unsigned int replies;
	bool ready;
} world;

/* -- the world ----------------------------------------------------------------------------- */

static void kick(unsigned int device, unsigned int queue)
{
	int fd = made.devices[device].queues[queue].kick_fd;

	if (fd >= 0)
		assert_int_equal(eventfd_write(fd, 1), 0);
}

/* A driver comes, or comes again. */
static void attach(unsigned int device, uint64_t features)
{
	static const uint8_t steps[] = { 0, 1, 3, 0xb, 0xf };

	made_driver_begin(&made.devices[device], features);
	for (size_t i = 0; i < sizeof(steps); i++)
		made_ask_status(&made.devices[device], steps[i]);
}

/* Receive buffers for one, a frame from the other. */
static void send_frame(unsigned int from)
{
	unsigned int place = world.sent % 16;

	made_driver_offer(&made.devices[!from], PORT_RECEIVEQ, MADE_BUFFERS + 0x4000 + place * 0x200,
			  0x200);
	made_driver_offer(&made.devices[from], PORT_TRANSMITQ, MADE_BUFFERS + place * 0x100, FRAME);
	kick(!from, PORT_RECEIVEQ);
	kick(from, PORT_TRANSMITQ);
	world.sent++;
}

/* Whether @count frames of the driver of a split ring came back to it. */
static bool is_transmitted(const struct made_device *device, uint16_t count)
{
	const struct vring_used *used = (const void *)(device->memory + MADE_RINGS(PORT_TRANSMITQ) +
							MADE_DEVICE);

	return used->idx == count;
}

static void ask_of_all_kinds(struct made_device *device)
{
	made_ask(device, (struct vduse_dev_request){ .type = VDUSE_GET_VQ_STATE });
	made_ask(device, (struct vduse_dev_request){ .type = VDUSE_GET_VQ_STATE,
						     .vq_state.index = 7 });
	made_ask(device, (struct vduse_dev_request){ .type = VDUSE_UPDATE_IOTLB,
						     .iova.last = UINT64_MAX });
	made_ask(device, (struct vduse_dev_request){ .type = 4711 });
}

/* A client of the control socket; what it is told is read and counted. */
static void ask_control(const char *request)
{
	if (world.client < 0) {
		world.client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(connect(world.client, (const void *)world.address,
					 world.address_length), 0);
	}
	/* it may have gone, for a fault */
	send(world.client, request, strlen(request), MSG_NOSIGNAL);
}

static void hear_control(void)
{
	char reply[4096];

	while (world.client >= 0 && recv(world.client, reply, sizeof(reply), 0) > 0)
		world.replies++;
}

static void hang_up(void)
{
	if (world.client >= 0)
		close(world.client);
	world.client = -1;
}

/* What happens next; the last one is said again until it is heard. */
static void move(void)
{
	static const uint64_t packed = FEATURES_NET_DEFAULT | PACKED;

	hear_control();
	switch (world.step++) {
	case 0:
		attach(0, FEATURES_NET_DEFAULT);
		attach(1, packed);
		break;
	case 1:
		send_frame(0);
		break;
	case 2:
		world.first_done = is_transmitted(&made.devices[0], 1);
		send_frame(1);
		break;
	case 3:
		send_frame(0);
		break;
	case 4:
		ask_control("state");
		break;
	case 5:
		ask_control("stats");
		ask_of_all_kinds(&made.devices[0]);
		break;
	case 6:
		send_frame(0);
		send_frame(1);
		break;
	case 7:
		ask_control("link down");
		break;
	case 8:
	case 9:
		/* once more, for one whose answer did not come */
		hang_up();
		ask_control("link up");
		break;
	case 10:
		hang_up();
		ask_control("events");
		made_ask_status(&made.devices[1], 0);
		break;
	case 11:
		hang_up();
		kill(getpid(), SIGUSR1);
		break;
	case LAST_DRIVERS:
		attach(0, packed);
		attach(1, FEATURES_NET_DEFAULT);
		break;
	case LAST_DRIVERS + 1:
	case LAST_DRIVERS + 2:
		send_frame(world.step % 2);
		break;
	case LAST_DRIVERS + 3:
		kill(getpid(), SIGUSR1);
		break;
	default:
		kill(getpid(), SIGTERM);
		break;
	}
}

/* Instead of waiting: timers come first, then the world moves. */
static int wait_for(int fd, struct epoll_event *events, int most, int milliseconds)
{
	int n = calls_real_epoll_wait(fd, events, most);

	assert_true(world.waits++ < WAITS_MAX);
	if (n == 0 && milliseconds >= 0 && milliseconds < 500 && world.rounds++ < 100) {
		calls.now += (uint64_t)milliseconds * 1000000 + 1;
	} else if (n == 0 && milliseconds) {
		world.rounds = 0;
		move();
	}
	return n;
}

/* -- a life -------------------------------------------------------------------------------- */

static int on_ready(void *context)
{
	(void)context;
	world.ready = true;
	return 0;
}

static void on_report(void *context, const char *name, const char *sentence)
{
	(void)context;
	assert_true(*name && *sentence);
}

/* Both devices, one after the other, each time. */
static void on_count(void *context, const char *name, const struct port_counters *counters)
{
	unsigned int which = world.counts_asked++ / 2;

	(void)context;
	(void)name;
	if (which >= 2)
		return;
	world.counted[which] = world.sent;
	world.delivered[which] += counters->queues[PORT_RECEIVEQ].frames;
	for (unsigned int i = 0; i < NET_DROPS; i++)
		world.dropped[which] += counters->dropped[i];
}

/* Listening at an address that the kernel chooses, in no file system. */
static int listen_somewhere(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (const void *)&address, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(fd, 4), 0);
	world.address_length = sizeof(world.address);
	assert_int_equal(getsockname(fd, (void *)world.address, &world.address_length), 0);
	calls.descriptors++;	/* the process closes it */
	return fd;
}

/* What was not read of these is no matter of the next life. */
static void take_signals(const sigset_t *before)
{
	const struct timespec none = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (sigtimedwait(&set, NULL, &none) > 0)
		;
	sigprocmask(SIG_SETMASK, before, NULL);
}

static void on_fault(const char *call)
{
	(void)call;
	world.failed_step = world.step;
}

/* In which one call fails. Returns what serve_run() does. */
static int live(const struct fault *fault, struct failure *failure)
{
	struct serve_plan plan = {
		.devices = { { .name = "lo0", .mtu = 1500, .has_link = true, .affinity = { -1, -1 } },
			     { .name = "lo1", .mtu = 1500, .affinity = { -1, -1 }, .control_fd = -1 } },
		.count = 2,
		.queue_size = 64,
		.umem = fault->umem,
		.pcap_fd = -1,
		.processors = 2,
		.ready = on_ready,
		.report = on_report,
		.count_device = on_count,
	};
	sigset_t before;
	int rc, affinity = memfd_create("irq_cb_affinity", MFD_CLOEXEC);

	memset(&world, 0, sizeof(world));
	calls = (struct fault_calls){
		.is_point = fault->is_point,
		.at = fault->at,
		.times = fault->times,
		.errnum = fault->errnum,
		.on_fault = on_fault,
		.now = 1,
		.wait = wait_for,
	};
	world.client = -1;
	*failure = (struct failure){ .status = STATUS_OK };
	made_kernel_open();
	made.devices[0].bounce = made.devices[1].bounce = true;
	plan.devices[0].fd = made.devices[0].fd;
	plan.devices[1].fd = made.devices[1].fd;
	plan.devices[0].control_fd = listen_somewhere();
	plan.devices[0].affinity[0] = affinity;
	assert_int_equal(pwrite(affinity, "3\n", 2, 0), 2);
	sigprocmask(SIG_BLOCK, NULL, &before);
	calls.inside = true;
	rc = serve_run(&plan, failure);
	calls.inside = false;
	take_signals(&before);
	hang_up();
	close(affinity);
	return rc;
}

/* -- what came of it ----------------------------------------------------------------------- */

/* It went on, or it said why not, and it left nothing. */
static void check_end(const struct fault *fault, int rc, const struct failure *failure)
{
	bool good = rc == 0 ? failure->status == STATUS_OK :
			      failure->status != STATUS_OK && failure->message[0] && !fault->must_go_on;

	if (!good || calls.descriptors || calls.mappings || calls.allocations)
		fail_msg("point %lu, %s, fails with %s: %d (%s); %ld descriptors, %ld mappings, "
			 "%ld allocations are left", fault->at, calls.failed, strerror(fault->errnum), rc,
			 failure->message, calls.descriptors, calls.mappings, calls.allocations);
}

/*
 * Who goes on loses nothing: each frame was delivered, or dropped and counted, as long as its
 * driver was there, which may have been told that it cannot be served. The next driver is
 * served in any case.
 */
static void check_frames(const struct fault *fault)
{
	unsigned int last = world.counted[1] - world.counted[0];
	uint64_t delivered = world.delivered[1] - world.delivered[0];
	bool passed = calls.failed && world.failed_step <= 11;
	uint64_t gone = world.delivered[1] + world.dropped[1];

	if (world.counts_asked < 4 || gone > world.counted[1] ||
	    (fault->passes && (gone != world.counted[1] || !world.first_done)) ||
	    (passed && delivered != last))
		fail_msg("point %lu, %s, in step %u, fails with %s: of %u frames %llu delivered, %llu "
			 "dropped, of the last %u %llu", fault->at, calls.failed, world.failed_step,
			 strerror(fault->errnum), world.counted[1], (unsigned long long)world.delivered[1],
			 (unsigned long long)world.dropped[1], last, (unsigned long long)delivered);
}

/* Without a fault all is well, so that it is the fault that something else comes of. */
static void check_fair(int rc)
{
	assert_int_equal(rc, 0);
	assert_true(world.replies >= 5);
	assert_int_equal(world.delivered[1], world.sent);
	assert_int_equal(world.dropped[1], 0);
}

/* One life, which ends as it should. Returns whether the point was come to. */
static bool survive(const struct fault *fault)
{
	struct failure failure;
	int rc = live(fault, &failure);

	check_end(fault, rc, &failure);
	if (rc == 0 && world.ready)
		check_frames(fault);
	if (!calls.failed)
		check_fair(rc);
	made_kernel_close();
	return calls.failed;
}

static unsigned long all_points;

/* Each point once, with memory of the process's own and without; prints how many there were. */
static void each(const char *what, struct fault fault)
{
	unsigned long points = 0;

	for (unsigned int umem = 0; umem < 2; umem++) {
		fault.umem = umem;
		for (fault.at = 1; survive(&fault); fault.at++)
			points++;
	}
	assert_true(points > 0);
	print_message("# %lu points: %s, %s, %lu in a row\n", points, what, strerror(fault.errnum),
		      fault.times);
	all_points += points;
}

static void proc_64_interrupted_at_every_call(void **state)
{
	(void)state;
	each("calls that a signal interrupts",
	     (struct fault){ .is_point = call_can_be_interrupted, .times = 1, .errnum = EINTR,
			     .must_go_on = true, .passes = true });
}

/* A shortage that passes at once, and one that lasts for a while. */
static void each_shortage(const char *what, bool (*is_point)(const char *call), int errnum)
{
	static const unsigned long times[] = { 1, 2, 12 };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		each(what, (struct fault){ .is_point = is_point, .times = times[i],
					   .errnum = errnum, .passes = true });
}

static void proc_65_short_of_descriptors_at_every_open(void **state)
{
	(void)state;
	each_shortage("calls that give a descriptor", call_gives_descriptor, EMFILE);
	each_shortage("calls that give a descriptor", call_gives_descriptor, ENFILE);
}

static void proc_66_short_of_memory_at_every_allocation(void **state)
{
	(void)state;
	each_shortage("allocations and mappings", call_is_memory, ENOMEM);
}

static void each_system_call_fails_once(void **state)
{
	static const int errors[] = { EIO, EPERM, EINVAL, ENOMEM, EAGAIN, ENOENT, EBUSY, EMFILE };

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		each("system calls", (struct fault){ .is_point = call_is_system_call,
						     .times = 1, .errnum = errors[i] });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proc_64_interrupted_at_every_call),
		cmocka_unit_test(proc_65_short_of_descriptors_at_every_open),
		cmocka_unit_test(proc_66_short_of_memory_at_every_allocation),
		cmocka_unit_test(each_system_call_fails_once),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	if (!failed)
		printf("# figure faults: %lu points, of which none left memory, a mapping or a descriptor\n",
		       all_points);
	return failed;
}

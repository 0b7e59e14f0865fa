// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A fuzzer's way into the message loop: one device, or a connected pair, over a kernel that is
 * made up (made_kernel.h), with messages of any kind and in any order, regions that come, go
 * and change beneath the virtqueues, calls that fail, and processes that end and come back to
 * a journal that may be damaged. Mappings are real: memory that was given up and is touched
 * all the same ends the program.
 *
 * LDFLAGS: -Wl,--wrap=ioctl,--wrap=read,--wrap=write,--wrap=mmap,--wrap=munmap,--wrap=eventfd,--wrap=eventfd_read,--wrap=close,--wrap=fcntl
 */
#include <errno.h>
#include <sys/eventfd.h>

#include <linux/virtio_config.h>

#include "lib/features.h"
#include "testsuite/fuzz/input.h"
#include "testsuite/unit/fault_calls.h"
#include "testsuite/unit/made_kernel.h"
#include "vduse/device/node.h"
#include "vduse/device/port.h"

#define PACKED (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define QUEUE_SIZE 64
#define LIVE VIRTIO_CONFIG_S_DRIVER_OK
#define CONFIG_MAX 64	/* bytes that a process may set */

struct world {
	struct fuzz_input *input;
	unsigned int count;		/* of devices */
	bool serving;
	bool umem;
	struct port ports[MADE_DEVICES];
	struct journal_port journals[MADE_DEVICES];
	uint64_t now;
	unsigned int fault_in, fault_errno;	/* 0: none */
	bool faulted;
	const char *call;		/* that failed */
	bool reconnected, reported;
};

/* -- the process --------------------------------------------------------------------------- */

static void on_wake(void *context)
{
	(void)context;
}

static void on_report(void *context, const char *sentence)
{
	((struct world *)context)->reported = true;
	fuzz_check(*sentence && !strchr(sentence, '\n'));
}

static void on_event(void *context, enum session_event event, unsigned int number)
{
	struct world *world = context;

	(void)number;
	world->reconnected |= event == SESSION_RECONNECT;
	fuzz_check(event <= SESSION_RECONNECT);
}

static const struct port_owner owner = { on_wake, on_report, on_event };

static int on_call(void *context, const char *call)
{
	struct world *world = context;

	if (!world->fault_in || --world->fault_in)
		return 0;
	world->faulted = true;
	world->call = call;
	return (int)world->fault_errno;
}

static void open_kernel(struct world *world)
{
	made_kernel_open();
	calls = (struct fault_calls){ .inside = true, .fault = on_call, .context = world };
}

static void close_kernel(void)
{
	calls.inside = false;
	made_kernel_close();
}

static void no_more_faults(struct world *world)
{
	world->fault_in = 0;
	world->faulted = false;
}

/* Serves, but for devices that are broken: those are not opened again. */
static void begin(struct world *world)
{
	no_more_faults(world);
	world->serving = !made.devices[0].broken && !made.devices[1].broken;
	if (!world->serving)
		return;
	for (unsigned int i = 0; i < world->count; i++)
		fuzz_check(!port_open(&world->ports[i], made.devices[i].fd, QUEUE_SIZE, 1500,
				      &world->journals[i], &owner, world));
	if (world->count == 2)
		port_connect(&world->ports[0], &world->ports[1]);
	for (unsigned int i = 0; i < world->count; i++)
		if (world->umem)
			session_bring_memory(&world->ports[i].session);
}

static void end(struct world *world)
{
	no_more_faults(world);
	for (unsigned int i = 0; i < world->count && world->serving; i++)
		port_close(&world->ports[i]);
	world->serving = false;
	fuzz_check(!calls.descriptors && !calls.mappings);
	/* what nobody answered, the kernel gives again */
	for (unsigned int i = 0; i < world->count; i++) {
		struct made_device *device = &made.devices[i];

		if (!device->waits)
			continue;
		device->waits = false;
		device->first--;
		device->requests[device->first % MADE_MESSAGES] = device->asked;
		device->count++;
		fuzz_check(!eventfd_write(device->fd, 1));
	}
}

/* One process after the other: the journal is what the last one left, or something else. */
static void succeed(struct world *world, bool damaged)
{
	struct fuzz_input *input = world->input;

	end(world);
	for (unsigned int changes = damaged ? fuzz_below(input, 8) : 0; changes; changes--) {
		uint8_t *bytes = (uint8_t *)&world->journals[fuzz_below(input, world->count)];
		uint16_t at = fuzz_word(input);

		bytes[at % sizeof(world->journals[0])] = fuzz_byte(input);
	}
	begin(world);
	for (unsigned int i = 0; i < world->count && world->serving; i++) {
		const struct made_device *device = &made.devices[i];
		const struct vduse_dev_request *next = &device->requests[device->first % MADE_MESSAGES];
		bool resets = device->count && next->type == VDUSE_SET_STATUS && !(next->s.status & LIVE);

		world->reconnected = false;
		session_resume(&world->ports[i].session);
		fuzz_check(!resets || !world->reconnected);
	}
}

/* What comes of a status that was accepted; @before: what it was. */
static void check_status(const struct session *session, uint8_t before, uint8_t status)
{
	bool live = status & LIVE && (before & LIVE || status & VIRTIO_CONFIG_S_FEATURES_OK);

	fuzz_check(session->status == status);
	fuzz_check(live || !session->live);
	fuzz_check(!(before & ~status) || status & ~before || !session->live);
}

/* One answer that could not be given: too late is no harm, anything else is the end. */
static void check_lost(const struct world *world, int rc)
{
	unsigned int errnum = world->faulted && !strcmp(world->call, "write") ? world->fault_errno : 0;

	fuzz_check(errnum != ENOENT || (rc == 0 && world->reported));
	fuzz_check((errnum != EIO && errnum != EPERM && errnum != EINVAL) || rc < 0);
}

/* Everything that waits is answered: true; or the process cannot go on, which has a reason. */
static bool handle(struct world *world, unsigned int index)
{
	struct made_device *device = &made.devices[index];
	struct session *session = &world->ports[index].session;
	uint8_t before = session->status;
	bool one = device->count == 1, faulted = world->faulted;
	int rc;

	world->reported = false;
	rc = session_handle_messages(session);
	if (!faulted)
		check_lost(world, rc);
	if (rc < 0) {
		fuzz_check(world->faulted || device->broken);
		succeed(world, false);
		return false;
	}
	if (world->faulted || device->broken)
		return false;
	fuzz_check(!device->count && !device->waits);
	if (device->asked.type > VDUSE_TOOLS_SET_VQ_GROUP_ASID)
		fuzz_check(device->answer.result == VDUSE_REQ_RESULT_FAILED);
	if (one && device->asked.type == VDUSE_SET_STATUS && !device->answer.result)
		check_status(session, before, device->asked.s.status);
	if (device->asked.type == VDUSE_SET_STATUS && !device->asked.s.status)
		fuzz_check(!session->memory.count && !session->status);
	return true;
}

/*
 * Until there is nothing to be done, which comes soon. A driver whose areas are the same memory
 * has its device make work for itself for ever: but then every call carries something.
 */
static void run(struct world *world, unsigned int index)
{
	const struct forward *forward = &world->ports[index].forward;
	unsigned int rounds = 0, idle = 0;
	uint64_t due, sent = forward->done.sent;

	while ((due = port_forward(&world->ports[index], world->now)) == 0 && rounds++ < 200) {
		idle = forward->done.sent == sent ? idle + 1 : 0;
		sent = forward->done.sent;
		fuzz_check(idle < 3);
	}
	if (due && due != FORWARD_NEVER && fuzz_byte(world->input) & 1)
		world->now = due;
	world->now++;
}

/* -- the driver ---------------------------------------------------------------------------- */

/* One buffer of a queue, where its next one belongs. */
static void offer(unsigned int index, unsigned int queue, uint32_t buffer, uint32_t length)
{
	uint32_t size = made.devices[index].queues[queue].size;

	if (size && size <= MADE_QUEUE_MAX)
		made_driver_offer(&made.devices[index], queue, buffer, length);
}

static void attach(struct world *world, unsigned int index, uint64_t features)
{
	static const uint8_t steps[] = { 0, 1, 3, 0xb, 0xf };

	made_driver_begin(&made.devices[index], features);
	for (size_t i = 0; i < sizeof(steps) && world->serving; i++) {
		if (made.devices[index].count < MADE_MESSAGES)
			made_ask_status(&made.devices[index], steps[i]);
		handle(world, index);
	}
}

static uint64_t choose_features(struct fuzz_input *input)
{
	uint8_t what = fuzz_byte(input);
	uint64_t features = what & 1 ? FEATURES_NET_IMPLEMENTED : FEATURES_NET_DEFAULT;

	if (what & 2)
		features &= ~(UINT64_C(1) << fuzz_below(input, 64));
	if (what & 4)
		features |= UINT64_C(1) << fuzz_below(input, 64);
	return what & 8 ? features & ~PACKED : features;
}

/* An IOVA near something. */
static uint64_t choose_iova(struct fuzz_input *input)
{
	uint8_t what = fuzz_byte(input);

	if (what == 0xff)
		return UINT64_MAX - fuzz_byte(input);
	if (what == 0xfe)
		return fuzz_byte(input);
	return MADE_IOVA + what * 0x200u + (what & 1 ? fuzz_byte(input) : 0);
}

static void send_message(struct world *world, unsigned int index)
{
	struct fuzz_input *input = world->input;
	struct vduse_dev_request request = { .type = fuzz_below(input, 8) };

	if (made.devices[index].count == MADE_MESSAGES)
		return;
	switch (request.type) {
	case VDUSE_GET_VQ_STATE:
		request.vq_state.index = fuzz_byte(input) & 0x83;
		break;
	case VDUSE_SET_STATUS:
		request.s.status = fuzz_byte(input);
		break;
	case VDUSE_UPDATE_IOTLB:
		request.iova.start = choose_iova(input);
		request.iova.last = choose_iova(input);
		break;
	case VDUSE_TOOLS_SET_VQ_GROUP_ASID:
		request.padding[fuzz_below(input, 8)] = fuzz_byte(input) & 3;
		break;
	default:
		request.type = fuzz_word(input) * 0x10001u;
		fuzz_bytes(input, request.padding, sizeof(request.padding));
	}
	made_ask(&made.devices[index], request);
	handle(world, index);
}

/* The driver maps something else; as it must, it says so, or it does not. */
static void change_region(struct world *world, unsigned int index)
{
	struct fuzz_input *input = world->input;
	struct made_device *device = &made.devices[index];
	uint8_t what = fuzz_byte(input);
	struct made_region region = {
		.first = what & 0x80 ? choose_iova(input) : MADE_IOVA,
		.last = what & 0x40 ? choose_iova(input) : MADE_IOVA + MADE_MEMORY - 1,
		.perm = what & 0x20 ? fuzz_byte(input) & 3 : VDUSE_ACCESS_RW,
		.asid = what & 0x10 ? fuzz_byte(input) & 3 : 0,
	};

	region.offset = region.first - MADE_IOVA;
	if (what & 8)	/* also beyond the end of the file: pages that are not there */
		region.offset = fuzz_word(input) * 8u;
	if (region.offset > 4 * MADE_MEMORY)
		region.offset = 0;
	if (region.last - region.first > 16 * MADE_MEMORY)
		region.last = region.first + 16 * MADE_MEMORY;
	device->regions[what % MADE_REGIONS] = region;
	if (what & 4 && device->count < MADE_MESSAGES) {
		made_ask(device, (struct vduse_dev_request){
			.type = VDUSE_UPDATE_IOTLB, .iova.last = UINT64_MAX });
		if (handle(world, index) && !world->ports[index].session.asid)
			fuzz_check(!world->ports[index].session.memory.count);
	}
}

static void write_memory(struct world *world, unsigned int index)
{
	uint8_t bytes[16];
	uint32_t at = fuzz_word(world->input) % MADE_MEMORY;
	size_t length = fuzz_bytes(world->input, bytes, 1u + fuzz_below(world->input, sizeof(bytes)));

	if (at & 1)
		at = MADE_RINGS(at >> 1 & 1) + (at >> 2 & 3) * 0x1000 + (at >> 4 & 0x3f);
	if (at < MADE_MEMORY && length <= MADE_MEMORY - at)
		memcpy(made.devices[index].memory + at, bytes, length);
}

static void change_queue(struct world *world, unsigned int index)
{
	static const uint32_t sizes[] = { 64, 0, 1, 2, 3, 32, 256, 1024, 65535 };
	struct fuzz_input *input = world->input;
	struct made_queue *queue = &made.devices[index].queues[fuzz_below(input, SESSION_QUEUES)];

	queue->ready = fuzz_byte(input) & 3;
	queue->size = sizes[fuzz_below(input, sizeof(sizes) / sizeof(sizes[0]))];
	queue->avail_index = fuzz_byte(input) & 1 ? fuzz_word(input) : 0;
	queue->packed.last_avail_idx = queue->avail_index;
	queue->packed.last_used_idx = queue->avail_index;
}

static void kick(struct world *world, unsigned int index)
{
	unsigned int queue = fuzz_below(world->input, SESSION_QUEUES);
	int fd = made.devices[index].queues[queue].kick_fd;

	if (fd >= 0 && fd == world->ports[index].session.queues[queue].kick_fd)
		fuzz_check(!eventfd_write(fd, 1));
	session_take_kick(&world->ports[index].session, queue);
}

/* The configuration space, of any values and anywhere. */
static void set_config(struct world *world, unsigned int index)
{
	static const uint8_t zero[6];
	struct fuzz_input *input = world->input;
	struct net_config_values values = { .mtu = fuzz_word(input), .duplex = 1 };
	uint8_t bytes[NET_CONFIG_SIZE], *buffer;
	uint32_t offset = fuzz_byte(input), length = fuzz_byte(input);
	int rc;

	fuzz_bytes(input, values.mac, sizeof(values.mac));
	fuzz_check(!net_config_build(&values, bytes) ==
		   (values.mtu >= 68 && !(values.mac[0] & 1) && memcmp(values.mac, zero, 6)));
	/* for sums that do not fit into 32 bits */
	offset |= length & 1 ? 0xffffff00 : 0;
	length |= length & 0x80 ? 0x10000 : 0;
	buffer = calloc(1, length + 1);
	fuzz_check(buffer);
	no_more_faults(world);
	rc = node_set_config(made.devices[index].fd, offset, buffer, length);
	free(buffer);
	fuzz_check(made.devices[index].broken || !rc == ((uint64_t)offset + length <= CONFIG_MAX));
}

/* -- an input ------------------------------------------------------------------------------ */

static void step(struct world *world)
{
	static const uint8_t errors[] = { EINTR, ENOMEM, EMFILE, EINVAL, EPERM, EIO, EAGAIN, ENOENT };
	struct fuzz_input *input = world->input;
	uint8_t what = fuzz_byte(input);
	unsigned int index = (what >> 7) % world->count;

	switch ((what & 0x7f) % 18) {
	case 0:
		attach(world, index, choose_features(input));
		break;
	case 1:
	case 2:
		send_message(world, index);
		break;
	case 3:
	case 4:
		change_region(world, index);
		break;
	case 5:
		write_memory(world, index);
		break;
	case 6:
	case 7:
		offer(index, PORT_RECEIVEQ, MADE_BUFFERS + fuzz_byte(input) * 64u,
		      fuzz_byte(input) * 8u);
		break;
	case 8:
	case 9:
		offer(index, PORT_TRANSMITQ, MADE_BUFFERS + fuzz_byte(input) * 64u,
		      fuzz_byte(input) * 2u);
		break;
	case 10:
	case 11:
		run(world, index);
		break;
	case 12:
		kick(world, index);
		break;
	case 13:
		session_retry(&world->ports[index].session);
		break;
	case 14:
		what = fuzz_byte(input);
		if (what & 0x80)
			set_config(world, index);
		else
			port_set_link(&world->ports[index], what & 1, world->now);
		break;
	case 15:
		world->fault_in = 1 + fuzz_below(input, 12);
		world->fault_errno = errors[fuzz_below(input, sizeof(errors))];
		break;
	case 16:
		what = fuzz_byte(input);
		if (what & 2 && made.devices[index].count < MADE_MESSAGES)
			made_ask_status(&made.devices[index], what & 4 ? 0 : what >> 3);
		succeed(world, what & 1);
		break;
	default:
		change_queue(world, index);
		made.devices[index].broken |= fuzz_byte(input) == 0xff;
		break;
	}
}

/* What another driver finds, with a process that knows nothing: it is served. */
static void check_service(struct world *world)
{
	struct made_device *device = &made.devices[0];
	struct port_counters counters;

	end(world);
	memset(world->journals, 0, sizeof(world->journals));
	close_kernel();
	open_kernel(world);
	world->count = 1;
	begin(world);
	attach(world, 0, FEATURES_NET_DEFAULT);
	memset(device->memory + MADE_BUFFERS + 12, 0x5a, 60);
	offer(0, PORT_RECEIVEQ, MADE_BUFFERS + 1024, 1526);
	offer(0, PORT_TRANSMITQ, MADE_BUFFERS, 72);
	run(world, 0);
	port_read_counters(&world->ports[0], &counters);
	fuzz_check(counters.queues[PORT_RECEIVEQ].frames == 1);
	fuzz_check(!memcmp(device->memory + MADE_BUFFERS + 1024 + 12, device->memory + MADE_BUFFERS + 12,
			   60));
	end(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct world *world = calloc(1, sizeof(*world));
	uint8_t what = fuzz_byte(&input);

	fuzz_check(world);
	open_kernel(world);
	world->input = &input;
	world->count = 1 + (what & 1);
	world->umem = what & 2;
	made.devices[0].bounce = made.devices[1].bounce = what & 4;
	world->now = 1;
	begin(world);
	if (what & 8)
		attach(world, 0, FEATURES_NET_DEFAULT);
	if (what & 16)
		attach(world, world->count - 1, FEATURES_NET_DEFAULT | PACKED);
	while (input.left && world->serving)
		step(world);
	check_service(world);
	close_kernel();
	free(world);
	return 0;
}

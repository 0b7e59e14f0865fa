// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vhost_driver /dev/vhost-vdpa-N [ WORD VALUE ]...
 *
 * A driver of a virtio network device in user space, by way of vhost-vdpa and split rings:
 * sends numbered frames to a device that returns them, and looks at everything that the
 * device gives back: content, order, used elements, num_buffers, lengths, interrupts.
 *
 *	features F	changes of the set below, as "vduse create" takes them
 *	queue N		entries of a virtqueue, default 256
 *	sizes LIST, count N	of frames: as for the program frames
 *	endless		go on sending until SIGTERM
 *	flight FILE	has the number of frames on their way (flight.h)
 *	window N	at most so many on their way, default 32
 *	pieces N	descriptors of a frame, default 1
 *	indirect	in a table of their own
 *	buffer N	bytes of a receive buffer, default 2048
 *	receive_pieces N	descriptors of a receive buffer, default 1
 *	regions N	files that the memory is made of, default 4
 *	iova N		where that begins, default 0x140000000
 *	batch		changes of the memory reach the device together
 *	early		the first frames are there before DRIVER_OK
 *	remap		half way, all memory moves to other files
 *	rounds N	of reset and set-up; the rings go on where the device stood
 *	no_buffers	never gives the device a receive buffer
 *	hold		then wait for a signal, with everything in place
 *	leave HOW	"orderly" (default), "close": without a reset and without unmapping,
 *			"kill": by SIGKILL, half way
 *
 * It relies on interrupts alone: one that is missing is an error, even if the frames are
 * there. One JSON object says what came of it; exit status as for frames.
 */
#include <poll.h>
#include <signal.h>

#include "lib/features.h"
#include "testsuite/guest/flight.h"
#include "testsuite/guest/shape.h"
#include "testsuite/guest/vhost_ring.h"

#define HEADER_SIZE 12
#define SLOT_ODD 1231		/* so that frames begin anywhere in a page */
#define PIECES_MAX 64
#define WAIT_MS 30000
/* What of the default set a driver without offloads can do */
#define FEATURES_DRIVER (FEATURES_MANDATORY | FEATURE(VIRTIO_NET_F_MTU) | \
			 FEATURE(VIRTIO_NET_F_MAC) | FEATURE(VIRTIO_NET_F_MRG_RXBUF) | \
			 FEATURE(VIRTIO_NET_F_STATUS) | FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | \
			 FEATURE(VIRTIO_RING_F_EVENT_IDX))

enum { RECEIVE, TRANSMIT, QUEUES };

struct driver {
	struct client client;
	struct shape shape;
	struct queue queues[QUEUES];
	uint64_t features, count, window, rounds;
	uint64_t until;		/* frames to be sent for now */
	bool early, remap, no_buffers, hold, endless;
	const char *leave;
	struct flight *flight;
	uint64_t sent, completed, received, reordered, corrupt, lost_interrupts, bad_element,
		bad_base;
	uint64_t started;
};

static bool has(const struct driver *d, unsigned int bit)
{
	return d->features & FEATURE(bit);
}

/* -- frames -------------------------------------------------------------------------- */

static void send_frame(struct driver *d)
{
	struct queue *q = &d->queues[TRANSMIT];
	unsigned int chain = q->free[--q->free_count];
	uint32_t size = size_of(&d->shape.sizes, d->sent);
	struct piece piece = { .number = (uint32_t)d->sent,
			       .length = size - (uint32_t)d->shape.payload };

	memset(slot(q, chain), 0, HEADER_SIZE);
	build(&d->shape, &piece, slot(q, chain) + HEADER_SIZE);
	describe(q, chain, HEADER_SIZE + size, 0);
	offer(q, chain);
	d->sent++;
}

static void send_frames(struct driver *d)
{
	struct queue *q = &d->queues[TRANSMIT];

	while (d->sent < d->until && d->sent - d->received < d->window && q->free_count)
		send_frame(d);
	kick(q);
}

static void offer_buffers(struct driver *d)
{
	struct queue *q = &d->queues[RECEIVE];

	while (q->free_count && !d->no_buffers) {
		unsigned int chain = q->free[--q->free_count];

		describe(q, chain, (uint32_t)q->buffer_size, VRING_DESC_F_WRITE);
		offer(q, chain);
	}
	kick(q);
}

static void take_sent(struct driver *d)
{
	struct queue *q = &d->queues[TRANSMIT];
	uint32_t length;
	int chain;

	while (has_used(q) && !d->bad_element) {
		chain = take_used(q, &length);
		if (chain < 0 || length)
			d->bad_element++;
		if (chain < 0)
			return;
		d->completed++;
		give_free(q, (unsigned int)chain);
	}
}

/* Gather a frame of one or more used elements; its length, or -1. */
static int gather(struct driver *d, uint8_t *frame)
{
	struct queue *q = &d->queues[RECEIVE];
	unsigned int i, buffers = 1;
	size_t total = 0;

	for (i = 0; i < buffers; i++) {
		uint32_t length;
		int chain = has_used(q) ? take_used(q, &length) : -1;

		if (chain < 0 || length > q->buffer_size || total + length > HEADER_SIZE + FRAME_MAX)
			return -1;
		memcpy(frame + total, slot(q, (unsigned int)chain), length);
		total += length;
		give_free(q, (unsigned int)chain);
		if (i == 0 && total >= HEADER_SIZE)
			buffers = frame[10] | (unsigned int)frame[11] << 8;
		if (i < buffers - 1 && length != q->buffer_size)
			d->bad_element++;	/* a buffer that is not the last has room left */
	}
	if (buffers > 1 && !has(d, VIRTIO_NET_F_MRG_RXBUF))
		d->bad_element++;
	return total < HEADER_SIZE ? -1 : (int)total - HEADER_SIZE;
}

/* The virtio header must be empty: no offload was negotiated. */
static bool header_empty(const uint8_t *header)
{
	static const uint8_t empty[10];

	return !memcmp(header, empty, sizeof(empty));
}

static void take_frame(struct driver *d)
{
	static uint8_t frame[HEADER_SIZE + FRAME_MAX], expected[FRAME_MAX];
	int length = gather(d, frame);
	uint32_t number;

	if (length < (int)d->shape.payload + 8 || !header_empty(frame)) {
		d->bad_element++;
		return;
	}
	number = get32(frame + HEADER_SIZE + d->shape.payload + 4);
	d->reordered += number != d->received;
	number = (uint32_t)d->received++;
	build(&d->shape, &(struct piece){ .number = number,
					  .length = payload_of(&d->shape, number) }, expected);
	d->corrupt += (uint32_t)length != size_of(&d->shape.sizes, number) ||
		      memcmp(frame + HEADER_SIZE, expected, (size_t)length);
}

static void take_frames(struct driver *d)
{
	while (has_used(&d->queues[RECEIVE]) && !d->bad_element)
		take_frame(d);
}

/* -- a run --------------------------------------------------------------------------- */

static void on_interrupt(struct driver *d, unsigned int index)
{
	struct queue *q = &d->queues[index];

	do {
		if (index == RECEIVE)
			take_frames(d);
		else
			take_sent(d);
	} while (arm(q) && !d->bad_element);
	if (index == RECEIVE)
		offer_buffers(d);
}

/* Wait for interrupts and do what they ask for. false: nothing comes any more. */
static bool wait_for_device(struct driver *d)
{
	struct pollfd pollfd[QUEUES];
	bool missed = false;
	eventfd_t n;
	int i;

	for (i = 0; i < QUEUES; i++)
		pollfd[i] = (struct pollfd){ d->queues[i].client.call, POLLIN, 0 };
	if (poll(pollfd, QUEUES, WAIT_MS) > 0) {
		for (i = 0; i < QUEUES; i++) {
			if (!pollfd[i].revents || eventfd_read(pollfd[i].fd, &n))
				continue;
			d->queues[i].interrupts += n;
			on_interrupt(d, (unsigned int)i);
		}
		return true;
	}
	for (i = 0; i < QUEUES; i++) {
		if (!has_used(&d->queues[i]))
			continue;
		missed = true;
		d->lost_interrupts++;
		on_interrupt(d, (unsigned int)i);
	}
	return missed;
}

/* SIGTERM does not end us then, but asks; and was it sent? */
static void ask_to_end(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool asked_to_end(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, SIGTERM) == 1;
}

/* Until @until frames are back, and done with as far as the sender is concerned. */
static void run_until(struct driver *d, uint64_t until)
{
	d->until = until;
	while (!d->bad_element && (d->completed < until || (d->received < until && !d->no_buffers))) {
		if (d->endless && asked_to_end())
			d->until = until = d->count = d->sent;
		send_frames(d);
		d->flight->frames = d->sent - d->received;
		if (!wait_for_device(d))
			break;
	}
}

/* Reset, and from the beginning; the rings are as they were. */
static void start(struct driver *d)
{
	unsigned int i;

	client_negotiate(&d->client, d->features);
	for (i = 0; i < QUEUES; i++) {
		d->queues[i].live = false;
		client_set_up(&d->client, &d->queues[i].client);
		arm(&d->queues[i]);
	}
	offer_buffers(d);
	if (d->early)
		send_frames(d);
	client_set_status(&d->client, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			  VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	for (i = 0; i < QUEUES; i++) {
		d->queues[i].live = true;
		kick(&d->queues[i]);
	}
}

/* The device must stand where we think that it does. */
static void check_bases(struct driver *d)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		struct queue *q = &d->queues[i];

		q->client.base = client_base(&d->client, i);
		d->bad_base += q->client.base != q->used;
	}
}

static void run(struct driver *d)
{
	uint64_t round;

	for (round = 1; round <= d->rounds; round++) {
		uint64_t end = d->count * round / d->rounds;

		d->until = end;
		start(d);
		if (round == 1 && d->remap) {
			run_until(d, end / 2);
			client_remap(&d->client);
		}
		if (!strcmp(d->leave, "kill")) {
			run_until(d, end / 2);
			d->until = end;
			send_frames(d);
			raise(SIGKILL);
		}
		run_until(d, end);
		if (!strcmp(d->leave, "orderly"))
			check_bases(d);
	}
}

/* -- beginning and end ---------------------------------------------------------------- */

/* Rings first, in a region of their own where there is more than one. */
static void make_queues(struct driver *d, unsigned int size, unsigned int regions)
{
	size_t ring_length = QUEUES * ring_bytes(size), rest = 0;
	uint8_t *rings, *buffers;
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		d->queues[i].memory = &d->client;
		d->queues[i].event_index = has(d, VIRTIO_RING_F_EVENT_IDX);
		d->queues[i].ring.num = size;
		rest += buffers_bytes(&d->queues[i]);
	}
	client_allocate(&d->client, ring_length, rest, regions);
	rings = d->client.memory;
	buffers = rings + (regions > 1 ? d->client.regions[1].offset : ring_length);
	for (i = 0; i < QUEUES; i++)
		queue_make(&d->queues[i], i, &rings, &buffers);
}

static int report(const struct driver *d)
{
	const struct queue *q = d->queues;
	uint64_t lost = d->sent - d->received;

	printf("{\"sent\":%llu,\"completed\":%llu,\"received\":%llu,\"lost\":%llu,"
	       "\"reordered\":%llu,\"corrupt\":%llu,"
	       "\"bad_element\":%llu,\"bad_base\":%llu,\"lost_interrupts\":%llu,"
	       "\"features\":\"0x%llx\",\"kicks\":%llu,\"interrupts\":%llu,\"usec\":%llu}\n",
	       (unsigned long long)d->sent, (unsigned long long)d->completed,
	       (unsigned long long)d->received,
	       (unsigned long long)lost, (unsigned long long)d->reordered,
	       (unsigned long long)d->corrupt, (unsigned long long)d->bad_element,
	       (unsigned long long)d->bad_base, (unsigned long long)d->lost_interrupts,
	       (unsigned long long)d->features,
	       (unsigned long long)(q[RECEIVE].kicks + q[TRANSMIT].kicks),
	       (unsigned long long)(q[RECEIVE].interrupts + q[TRANSMIT].interrupts),
	       (unsigned long long)(now_usec() - d->started));
	fflush(stdout);
	return lost || d->sent != d->count || d->completed != d->sent || d->reordered ||
	       d->corrupt || d->bad_element || d->bad_base || d->lost_interrupts;
}

static void leave(struct driver *d)
{
	if (d->hold)
		pause();
	if (strcmp(d->leave, "orderly"))
		return;
	client_set_status(&d->client, 0);
	client_unmap(&d->client);
	close(d->client.node);
}

static uint64_t read_features(const char *text)
{
	uint64_t features = FEATURES_DRIVER;
	struct failure failure;

	if (text && features_parse(text, DEVICE_TYPE_NET, FEATURES_DRIVER, false, &features,
				   &failure) < 0)
		errx(EXIT_BAD_USAGE, "features \"%s\"", text);
	return features;
}

int main(int argc, char **argv)
{
	static const struct kind raw = { "raw", 0, 0 };
	static struct driver d = { .count = UINT64_MAX, .window = 32, .rounds = 1,
				   .leave = "orderly",
				   .client.iova = UINT64_C(0x140000000) };
	uint64_t size = 256, regions = 4, buffer = 2048, pieces = 1, receive_pieces = 1;
	const char *features = NULL, *sizes = "60-1514:7", *flight = NULL;
	bool indirect = false, batch = false;
	const struct word words[] = {
		{ .name = "features", .text = &features }, { .name = "sizes", .text = &sizes },
		{ .name = "leave", .text = &d.leave }, { .name = "queue", .number = &size },
		{ .name = "count", .number = &d.count }, { .name = "window", .number = &d.window },
		{ .name = "pieces", .number = &pieces }, { .name = "buffer", .number = &buffer },
		{ .name = "receive_pieces", .number = &receive_pieces },
		{ .name = "regions", .number = &regions }, { .name = "iova", .number = &d.client.iova },
		{ .name = "rounds", .number = &d.rounds }, { .name = "indirect", .flag = &indirect },
		{ .name = "batch", .flag = &batch }, { .name = "endless", .flag = &d.endless },
		{ .name = "flight", .text = &flight },
		{ .name = "early", .flag = &d.early }, { .name = "remap", .flag = &d.remap },
		{ .name = "no_buffers", .flag = &d.no_buffers }, { .name = "hold", .flag = &d.hold },
		{ .name = NULL },
	};
	int rc;

	if (argc < 2)
		errx(EXIT_BAD_USAGE, "usage: vhost_driver /dev/vhost-vdpa-N [WORD VALUE]...");
	words_read(words, argv + 2);
	if (size > 32768 || regions < 1 || regions > CLIENT_REGIONS || pieces < 1 ||
	    pieces > PIECES_MAX || receive_pieces < 1 || receive_pieces > PIECES_MAX)
		errx(EXIT_BAD_USAGE, "these words do not go together");
	d.queues[TRANSMIT] = (struct queue){ .pieces = (unsigned int)pieces, .indirect = indirect };
	d.queues[RECEIVE] = (struct queue){ .pieces = (unsigned int)receive_pieces,
					    .indirect = indirect, .buffer_size = buffer };
	d.shape.kind = &raw;
	d.shape.run = (uint16_t)getpid();
	d.shape.pattern = pattern_make();
	d.flight = flight_map(flight);
	shape_lay_out(&d.shape);
	sizes_read(&d.shape.sizes, sizes, (uint32_t)d.shape.payload + 8, FRAME_MAX);
	d.queues[TRANSMIT].buffer_size = HEADER_SIZE + sizes_largest(&d.shape.sizes) + SLOT_ODD;
	if (d.endless)
		ask_to_end();
	else if (d.count == UINT64_MAX)
		d.count = d.shape.sizes.count;
	client_open(&d.client, argv[1], batch);
	d.features = client_negotiate(&d.client, read_features(features));
	make_queues(&d, (unsigned int)size, (unsigned int)regions);
	client_map(&d.client);
	d.started = now_usec();
	run(&d);
	rc = report(&d);
	leave(&d);
	return rc;
}

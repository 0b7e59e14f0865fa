/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "driver_frame.h"
#include "forward_pieces.h"

#define SENDER (NET_BIT(VIRTIO_NET_F_CSUM) | NET_BIT(VIRTIO_NET_F_HOST_TSO4))
#define SEQUENCE_AT 4		/* in a TCP header */

static void join(struct pieces_stage *stage)
{
	struct journal_direction *direction = &stage->direction;

	direction->receive = *stage->to.config->position;
	direction->transmit = *stage->from.config->position;
	stage->to.config->position = &direction->receive;
	stage->from.config->position = &direction->transmit;
	assert_int_equal(virtqueue_start(stage->to.vq, stage->to.config), 0);
	assert_int_equal(virtqueue_start(stage->from.vq, stage->from.config), 0);
}

void pieces_open(struct pieces_stage *stage, bool packed)
{
	uint32_t size = packed ? PIECES_RING - 1 : PIECES_RING;
	uint64_t features = packed ? RING_PACKED : 0;

	memset(stage, 0, sizeof(*stage));
	stage->from = any_started(size, features);
	stage->to = any_started(size, features);
	join(stage);
}

void pieces_close(struct pieces_stage *stage)
{
	any_free(&stage->from);
	any_free(&stage->to);
}

/* The number of the frame and that of the piece are in the sequence number. */
static void build(struct driver_frame *frame, uint32_t number, unsigned int pieces)
{
	struct driver_frame_shape shape = {
		.version = 4, .protocol = IPPROTO_TCP, .sequence = number << 16,
		.payload = (pieces - 1) * PIECES_BYTES + PIECES_LAST, .seed = number };

	driver_frame_build(frame, &shape);
	if (pieces > 1)
		driver_frame_gso(frame, VIRTIO_NET_HDR_GSO_TCPV4, PIECES_BYTES);
	else
		frame->header = (struct net_header){ .flags = 0 };
}

void pieces_send(struct pieces_stage *stage, unsigned int pieces)
{
	static struct driver_frame frame;
	uint16_t head = any_next_name(&stage->from);
	struct driver_buffer buffer = { .address = DRIVER_HEAP + PIECES_BUFFER * head };
	uint8_t *bytes = any_at(&stage->from, buffer.address);

	assert_true(stage->sent < PIECES_FRAMES);
	build(&frame, stage->sent, pieces);
	buffer.length = NET_HEADER_SIZE + (uint32_t)frame.length;
	assert_true(buffer.length <= PIECES_BUFFER);
	net_header_build(bytes, &frame.header);
	memcpy(bytes + NET_HEADER_SIZE, frame.bytes, frame.length);
	assert_true(any_add(&stage->from, &buffer, 1) >= 0);
	stage->pieces[stage->sent] = (uint8_t)pieces;
	stage->number[head] = stage->sent++;
}

void pieces_offer(struct pieces_stage *stage, unsigned int buffers)
{
	struct driver_buffer buffer = { .length = PIECES_BUFFER, .writable = true };

	while (buffers-- && any_free_count(&stage->to)) {
		buffer.address = DRIVER_HEAP + PIECES_BUFFER * any_next_name(&stage->to);
		any_add(&stage->to, &buffer, 1);
	}
}

/* One piece: it is whole, of a frame that was sent, and right in every byte. */
static void check_piece(struct pieces_stage *stage, const uint8_t *bytes, uint32_t length)
{
	static struct driver_frame frame;
	const uint8_t *payload, *start = bytes + NET_HEADER_SIZE;
	uint32_t sequence, number, piece, bytes_here;

	build(&frame, 0, 1);
	sequence = driver_get32(start + frame.transport + SEQUENCE_AT);
	number = sequence >> 16;
	piece = (sequence & 0xffff) / PIECES_BYTES;
	assert_true(number < stage->sent && piece < stage->pieces[number]);
	bytes_here = piece + 1 < stage->pieces[number] ? PIECES_BYTES : PIECES_LAST;
	assert_int_equal(length, NET_HEADER_SIZE + frame.payload + bytes_here);
	build(&frame, number, stage->pieces[number]);
	payload = start + frame.payload;
	assert_memory_equal(payload, frame.bytes + frame.payload + piece * PIECES_BYTES, bytes_here);
	if (stage->pieces[number] > 1)
		assert_true(driver_frame_valid(start, length - NET_HEADER_SIZE));
	stage->came[number][piece]++;
}

void pieces_take_back(struct pieces_stage *stage)
{
	uint32_t head, length;

	while (any_take_used(&stage->to, &head, &length))
		check_piece(stage, any_at(&stage->to, DRIVER_HEAP + PIECES_BUFFER * head), length);
	while (any_take_used(&stage->from, &head, &length)) {
		assert_int_equal(length, 0);
		assert_int_equal(stage->number[head], stage->returned);
		stage->returned++;
	}
}

static unsigned int count(const struct pieces_stage *stage, bool doubled)
{
	unsigned int sum = 0;

	for (uint32_t i = 0; i < stage->sent; i++)
		for (unsigned int j = 0; j < stage->pieces[i]; j++)
			sum += doubled ? stage->came[i][j] > 1 : !stage->came[i][j];
	return sum;
}

unsigned int pieces_doubled(const struct pieces_stage *stage)
{
	return count(stage, true);
}

unsigned int pieces_lost(const struct pieces_stage *stage)
{
	return count(stage, false);
}

static void on_interrupt(void *context, enum forward_end end)
{
	((struct pieces_process *)context)->interrupts[end]++;
}

static void on_failed(void *context, enum forward_end end, int rc)
{
	(void)end;
	(void)rc;
	((struct pieces_process *)context)->failed++;
}

static const struct forward_owner owner = { on_interrupt, on_failed };

void pieces_process(struct pieces_process *process)
{
	memset(process->interrupts, 0, sizeof(process->interrupts));
	process->failed = 0;
	forward_init(&process->forward, &owner, process);
}

void pieces_resume(struct pieces_process *process, struct pieces_stage *stage, bool progress)
{
	if (progress)
		forward_resume(&process->forward, &stage->direction);
	if (virtqueue_start(stage->from.vq, stage->from.config) ||
	    virtqueue_start(stage->to.vq, stage->to.config))
		return;
	virtqueue_roll_forward(stage->to.vq);
	virtqueue_roll_forward(stage->from.vq);
}

struct forward_path pieces_path(struct pieces_stage *stage)
{
	return (struct forward_path){
		.transmit = stage->from.vq,
		.receive = stage->to.vq,
		.sender.features = SENDER,
		.receiver = stage->receiver,
	};
}

uint64_t pieces_run(struct pieces_process *process, struct pieces_stage *stage)
{
	struct forward_path path = pieces_path(stage);
	uint64_t due;

	do
		due = forward_run(&process->forward, &path, 1);
	while (!due);
	return due;
}

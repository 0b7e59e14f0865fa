// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/pcapng.h"

#include <string.h>

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINKTYPE_ETHERNET 1

/* Options, by block. */
#define OPTION_END 0
#define SECTION_APPLICATION 4	/* shb_userappl */
#define INTERFACE_NAME 2	/* if_name */
#define INTERFACE_RESOLUTION 9	/* if_tsresol */
#define FRAME_FLAGS 2		/* epb_flags */
#define FRAME_QUEUE 6		/* epb_queue */
#define STATISTICS_END 3	/* isb_endtime */
#define STATISTICS_RECEIVED 4	/* isb_ifrecv */
#define STATISTICS_DROPPED 5	/* isb_ifdrop */

#define NANOSECONDS 9		/* 10^-9 s */

/* Where the next byte goes. */
struct place {
	uint8_t *start;
	size_t length;
};

static void put(struct place *to, const void *bytes, size_t length)
{
	memcpy(to->start + to->length, bytes, length);
	to->length += length;
}

static void put16(struct place *to, uint16_t value)
{
	put(to, &value, sizeof(value));
}

static void put32(struct place *to, uint32_t value)
{
	put(to, &value, sizeof(value));
}

static void put64(struct place *to, uint64_t value)
{
	put(to, &value, sizeof(value));
}

/* A time is two words, the high one first, in either byte order. */
static void put_time(struct place *to, uint64_t time)
{
	put32(to, (uint32_t)(time >> 32));
	put32(to, (uint32_t)time);
}

static void pad(struct place *to, size_t length)
{
	static const uint8_t zero[3];

	put(to, zero, -length & 3);
}

static void put_option(struct place *to, uint16_t code, const void *value, size_t length)
{
	put16(to, code);
	put16(to, (uint16_t)length);
	put(to, value, length);
	pad(to, length);
}

static struct place begin_block(uint8_t *start, uint32_t type)
{
	struct place to = { .start = start };

	put32(&to, type);
	put32(&to, 0);		/* known at the end */
	return to;
}

static size_t end_block(struct place *to)
{
	uint32_t length;

	put16(to, OPTION_END);
	put16(to, 0);
	length = (uint32_t)to->length + sizeof(length);
	put32(to, length);
	memcpy(to->start + 4, &length, sizeof(length));
	return length;
}

size_t pcapng_section(uint8_t *to, const char *application)
{
	struct place place = begin_block(to, PCAPNG_SECTION);

	put32(&place, BYTE_ORDER_MAGIC);
	put16(&place, 1);	/* version 1.0 */
	put16(&place, 0);
	put64(&place, UINT64_MAX);	/* the section's length is not known */
	put_option(&place, SECTION_APPLICATION, application, strlen(application));
	return end_block(&place);
}

size_t pcapng_interface(uint8_t *to, const char *name)
{
	struct place place = begin_block(to, PCAPNG_INTERFACE);
	const uint8_t resolution = NANOSECONDS;

	put16(&place, LINKTYPE_ETHERNET);
	put16(&place, 0);
	put32(&place, PCAPNG_SNAPLEN);
	put_option(&place, INTERFACE_NAME, name, strlen(name));
	put_option(&place, INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	return end_block(&place);
}

uint32_t pcapng_kept(const struct pcapng_frame *frame)
{
	return frame->length < PCAPNG_SNAPLEN ? frame->length : PCAPNG_SNAPLEN;
}

size_t pcapng_frame_size(const struct pcapng_frame *frame)
{
	size_t kept = pcapng_kept(frame);

	return PCAPNG_FRAME_HEAD + kept + (-kept & 3) + 8 + 8 + 4 + 4;
}

void pcapng_frame_head(uint8_t to[PCAPNG_FRAME_HEAD], const struct pcapng_frame *frame)
{
	struct place place = { .start = to };

	put32(&place, PCAPNG_FRAME);
	put32(&place, (uint32_t)pcapng_frame_size(frame));
	put32(&place, frame->interface);
	put_time(&place, frame->time);
	put32(&place, pcapng_kept(frame));
	put32(&place, frame->length);
}

size_t pcapng_frame_tail(uint8_t to[PCAPNG_FRAME_TAIL_MAX], const struct pcapng_frame *frame)
{
	struct place place = { .start = to };
	uint32_t flags = frame->direction;

	pad(&place, pcapng_kept(frame));
	put_option(&place, FRAME_FLAGS, &flags, sizeof(flags));
	put_option(&place, FRAME_QUEUE, &frame->queue, sizeof(frame->queue));
	put16(&place, OPTION_END);
	put16(&place, 0);
	put32(&place, (uint32_t)pcapng_frame_size(frame));
	return place.length;
}

void pcapng_statistics(uint8_t to[PCAPNG_STATISTICS_SIZE], uint32_t interface, uint64_t time,
		       uint64_t frames, uint64_t lost)
{
	struct place place = begin_block(to, PCAPNG_STATISTICS);

	put32(&place, interface);
	put_time(&place, time);
	put16(&place, STATISTICS_END);
	put16(&place, sizeof(time));
	put_time(&place, time);
	put_option(&place, STATISTICS_RECEIVED, &frames, sizeof(frames));
	put_option(&place, STATISTICS_DROPPED, &lost, sizeof(lost));
	end_block(&place);
}

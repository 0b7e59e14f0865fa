/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The blocks of a pcapng file, as bytes: pure functions, nothing is written anywhere.
 *
 * A file is a section header, an interface description for each device, and then frames
 * (enhanced packet blocks) and statistics. Every block is a multiple of 4 bytes long and
 * says its length at its begin and at its end, so a file that was cut off is readable up
 * to its last whole block. Numbers are in the byte order of this machine, which the section
 * header tells. Time is in nanoseconds since 1970 (if_tsresol 9).
 *
 * Source: draft-ietf-opsawg-pcapng, sections 3.1 (block structure), 3.5 (options), 4.1
 * (section header), 4.2 (interface description), 4.3 (enhanced packet), 4.6 (statistics).
 */
#ifndef VDUSE_DEVICE_PCAPNG_H
#define VDUSE_DEVICE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

/* Longer frames are cut to this; no driver of ours makes one. */
#define PCAPNG_SNAPLEN 262144u

/* The most that one description takes: a name of 255 bytes and what is around it. */
#define PCAPNG_DESCRIPTION_MAX 512

/* Bytes of a statistics block. */
#define PCAPNG_STATISTICS_SIZE 64

/* Block types. */
#define PCAPNG_SECTION 0x0a0d0d0au
#define PCAPNG_INTERFACE 1u
#define PCAPNG_STATISTICS 5u
#define PCAPNG_FRAME 6u

/* As the two lowest bits of epb_flags, seen from the driver. */
enum pcapng_direction {
	PCAPNG_INBOUND = 1,	/* it received the frame */
	PCAPNG_OUTBOUND = 2,	/* it transmitted the frame */
};

struct pcapng_frame {
	uint32_t interface;	/* number of its description in the section, from 0 */
	enum pcapng_direction direction;
	uint32_t queue;		/* index of the virtqueue */
	uint64_t time;		/* nanoseconds since 1970 */
	uint32_t length;	/* bytes of the frame */
};

/* In front of the bytes of a frame, and behind them at most. */
#define PCAPNG_FRAME_HEAD 28
#define PCAPNG_FRAME_TAIL_MAX (3 + 8 + 8 + 4 + 4)

/* Each writes a block into @to, with room for PCAPNG_DESCRIPTION_MAX, and returns its length. */
size_t pcapng_section(uint8_t *to, const char *application);
size_t pcapng_interface(uint8_t *to, const char *name);

/* Bytes of @frame that are kept, and of its block. */
uint32_t pcapng_kept(const struct pcapng_frame *frame);
size_t pcapng_frame_size(const struct pcapng_frame *frame);

/* What stands before the bytes of a frame, and behind them; the latter's length is returned. */
void pcapng_frame_head(uint8_t to[PCAPNG_FRAME_HEAD], const struct pcapng_frame *frame);
size_t pcapng_frame_tail(uint8_t to[PCAPNG_FRAME_TAIL_MAX], const struct pcapng_frame *frame);

/* What an interface has seen until @time: @frames, and @lost of them that are not in the file. */
void pcapng_statistics(uint8_t to[PCAPNG_STATISTICS_SIZE], uint32_t interface, uint64_t time,
		       uint64_t frames, uint64_t lost);

#endif

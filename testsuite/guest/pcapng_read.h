/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A strict reader of pcapng files, for tests: whatever the specification lets a writer do
 * differently from ours is not known here. Shares nothing with the writer.
 */
#ifndef VDUSE_TEST_PCAPNG_READ_H
#define VDUSE_TEST_PCAPNG_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define READ_INTERFACES 4

struct read_frame {
	uint32_t interface, flags, queue, kept, length;
	uint64_t time;
	const uint8_t *bytes;
};

struct read_statistics {
	uint64_t received, dropped;
	unsigned int blocks;
};

struct reader {
	const uint8_t *bytes;
	size_t length;
	size_t at;
	unsigned int sections, interfaces;
	char names[READ_INTERFACES][256];
	struct read_statistics statistics[READ_INTERFACES];
	const char *fault;	/* what is wrong with the block at `at`; NULL: nothing */
};

static inline uint32_t read_word(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline uint16_t read_half(const uint8_t *bytes)
{
	uint16_t half;

	memcpy(&half, bytes, sizeof(half));
	return half;
}

static inline uint64_t read_long(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t read_time(const uint8_t *bytes)
{
	return (uint64_t)read_word(bytes) << 32 | read_word(bytes + 4);
}

/* The value of option @code in [@at, @end), or NULL; the list must end as it has to. */
static inline const uint8_t *read_option(struct reader *r, const uint8_t *at, const uint8_t *end,
					 uint16_t code, size_t *length)
{
	const uint8_t *found = NULL;

	while (at + 4 <= end && read_half(at)) {
		if (read_half(at) == code) {
			found = at + 4;
			*length = read_half(at + 2);
		}
		at += 4 + ((read_half(at + 2) + 3u) & ~3u);
	}
	if (at + 4 != end || read_word(at))
		r->fault = "options do not end with an end";
	return found;
}

/* One option that must be there with exactly this length. */
static inline const uint8_t *read_needed(struct reader *r, const uint8_t *at, const uint8_t *end,
					 uint16_t code, size_t length)
{
	static const uint8_t nothing[16];
	size_t found = 0;
	const uint8_t *value = read_option(r, at, end, code, &found);

	if (value && found == length)
		return value;
	r->fault = "an option is missing or has another length";
	return nothing;
}

static inline void read_section(struct reader *r, const uint8_t *body, const uint8_t *end)
{
	size_t length;

	if (read_word(body) != 0x1a2b3c4d || read_word(body + 4) != 1 ||
	    read_long(body + 8) != UINT64_MAX)
		r->fault = "a section header that is none";
	if (!read_option(r, body + 16, end, 4, &length))
		r->fault = "the section does not say who wrote it";
	r->sections++;
}

static inline void read_interface(struct reader *r, const uint8_t *body, const uint8_t *end)
{
	size_t length = 0;
	const uint8_t *name = read_option(r, body + 8, end, 2, &length);

	if (read_half(body) != 1 || read_half(body + 2))
		r->fault = "an interface that is no Ethernet";
	if (!name || length > 255 || r->interfaces == READ_INTERFACES) {
		r->fault = "an interface without a name, or too many";
		return;
	}
	if (*read_needed(r, body + 8, end, 9, 1) != 9)
		r->fault = "time is not in nanoseconds";
	memcpy(r->names[r->interfaces], name, length);
	r->names[r->interfaces++][length] = 0;
}

static inline void read_statistics_block(struct reader *r, const uint8_t *body, const uint8_t *end)
{
	uint32_t interface = read_word(body);
	struct read_statistics *statistics;

	if (interface >= r->interfaces) {
		r->fault = "statistics of an interface that is not there";
		return;
	}
	statistics = &r->statistics[interface];
	statistics->received = read_long(read_needed(r, body + 12, end, 4, 8));
	statistics->dropped = read_long(read_needed(r, body + 12, end, 5, 8));
	statistics->blocks++;
}

static inline bool read_frame_block(struct reader *r, const uint8_t *body, const uint8_t *end,
				    struct read_frame *frame)
{
	const uint8_t *options;

	frame->interface = read_word(body);
	frame->time = read_time(body + 4);
	frame->kept = read_word(body + 12);
	frame->length = read_word(body + 16);
	frame->bytes = body + 20;
	if (frame->interface >= r->interfaces || frame->kept > frame->length ||
	    frame->kept > (size_t)(end - frame->bytes)) {
		r->fault = "a frame of nowhere, or longer than its block";
		return false;
	}
	options = frame->bytes + ((frame->kept + 3u) & ~3u);
	frame->flags = read_word(read_needed(r, options, end, 2, 4));
	frame->queue = read_word(read_needed(r, options, end, 6, 4));
	return !r->fault;
}

/*
 * The next frame. false: the end, a block that is cut off (`at` is then below length) or a
 * fault. Other blocks are taken note of.
 */
static inline bool read_next(struct reader *r, struct read_frame *frame)
{
	while (!r->fault && r->at + 12 <= r->length) {
		const uint8_t *block = r->bytes + r->at;
		uint32_t type = read_word(block), length = read_word(block + 4);
		const uint8_t *body = block + 8, *end = block + length - 4;
		bool found = false;

		if (length % 4 || length < 16)
			r->fault = "a block of no possible length";
		else if (length > r->length - r->at)
			return false;
		else if (read_word(end) != length)
			r->fault = "the two lengths of a block differ";
		else if (type != 0x0a0d0d0a && !r->sections)
			r->fault = "a block before the section header";
		if (r->fault)
			return false;
		switch (type) {
		case 0x0a0d0d0a:
			read_section(r, body, end);
			break;
		case 1:
			read_interface(r, body, end);
			break;
		case 5:
			read_statistics_block(r, body, end);
			break;
		case 6:
			found = read_frame_block(r, body, end, frame);
			break;
		default:
			r->fault = "a block of unknown type";
		}
		if (!r->fault)
			r->at += length;
		if (found)
			return true;
	}
	return false;
}

#endif

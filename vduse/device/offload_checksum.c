/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum (RFC 1071) over bytes that lie in pieces. */
#include <endian.h>
#include <string.h>

#include "vduse/device/offload.h"

/* sum: below 2^48 */
static uint16_t fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t swap(uint16_t value)
{
	return (uint16_t)(value << 8 | value >> 8);
}

/*
 * Sum of one span, as a number in network order whose first byte is the high one. The
 * ones' complement sum does not care for the byte order while summing (RFC 1071, 2 (B)),
 * so words are added as they are loaded and turned once. A frame has fewer than 2^15 words
 * of 32 bits.
 */
static uint16_t sum_span(const uint8_t *bytes, size_t length)
{
	uint64_t sum = 0;
	uint32_t word;

	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum += word;
	}
	word = 0;
	memcpy(&word, bytes, length);
	sum += word;
	return be16toh(fold(sum));
}

uint16_t offload_sum(const struct vq_cursor *cursor, size_t length, uint32_t sum)
{
	struct vq_cursor at = *cursor;
	uint64_t total = sum;
	const uint8_t *bytes;
	bool odd = false;
	size_t span;

	while (length && (bytes = vq_cursor_span(&at, &span))) {
		uint16_t part;

		if (span > length)
			span = length;
		part = sum_span(bytes, span);
		/* behind an odd number of bytes, high and low bytes change places */
		total += odd ? swap(part) : part;
		odd ^= span & 1;
		vq_cursor_skip(&at, span);
		length -= span;
	}
	return fold(total);
}

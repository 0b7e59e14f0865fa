/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec.h"

#include <endian.h>

#define KNOWN_BUFFER 0x80

/* What a descriptor can point to: the first ones are those of the least depth. */
static void buffer_of(unsigned int index, unsigned int number, uint64_t *address, uint32_t *length)
{
	const struct {
		uint64_t address;
		uint32_t length;
	} kind[8] = {
		{ SPEC_BUFFERS + 64 * index, 5 + index },
		{ SPEC_BUFFERS, 0 },
		{ SPEC_NOWHERE - 1, 2 },
		{ SPEC_READ_ONLY, 7 },
		{ SPEC_WRITE_ONLY, 9 },
		{ SPEC_SPLIT - 3, 8 },
		{ 0x100000, 16 },		/* the descriptor area itself */
		{ UINT64_MAX - 1, 3 },
	};

	*address = kind[number].address;
	*length = kind[number].length;
}

/* A table, and what can be wrong with the descriptor that refers to it. */
static void table_of(const struct spec *spec, unsigned int number, uint64_t *address,
		     uint32_t *length)
{
	unsigned int beyond = number - spec->table_count;
	unsigned int entries;

	if (number < spec->table_count) {
		for (entries = 0; entries <= SPEC_SIZE_MAX; entries++)
			if (!spec->tables[number][entries].length)
				break;
		*address = SPEC_TABLES + SPEC_TABLE_ROOM * number;
		*length = 16 * entries;
		return;
	}
	*address = beyond == 0 ? SPEC_NOWHERE : beyond == 1 ? 0x100000 : SPEC_TABLES;
	*length = beyond == 2 ? 0 : beyond == 3 ? 24 : 16;
	if (beyond == 4)
		*address = UINT64_MAX - 7;
}

void spec_choose_buffer(struct spec *spec, unsigned int index, bool table)
{
	struct vring_desc *desc = &spec->desc[index];
	uint64_t address;
	uint32_t length;

	if (spec->known[index] & KNOWN_BUFFER)
		return;
	spec->known[index] |= KNOWN_BUFFER;
	if (table && spec->brief_tables)
		table_of(spec, choose(spec->choices, 2) * spec->table_count, &address, &length);
	else if (table)
		table_of(spec, choose(spec->choices, spec->table_count + 5), &address, &length);
	else
		buffer_of(index, choose(spec->choices, spec->classes), &address, &length);
	desc->addr = htole64(address);
	desc->len = htole32(length);
}

static bool within(uint64_t address, uint32_t length, uint64_t start, uint64_t size)
{
	return address >= start && length <= size && address - start <= size - length;
}

static bool touches_ring(const struct spec *spec, uint64_t address, uint32_t length)
{
	for (unsigned int i = 0; i < 3; i++)
		for (uint32_t j = 0; j < length; j++)
			if (address + j >= spec->ring[i][0] &&
			    address + j < spec->ring[i][0] + spec->ring[i][1])
				return true;
	return false;
}

/* 2.6: what a buffer is; which memory there is, see spec.h. */
static uint64_t wrong_with(const struct spec *spec, const struct spec_result *result,
			   uint64_t address, uint32_t length, bool writable)
{
	uint64_t wrong = 0;

	if (!length)
		wrong |= spec_reason(VQ_LENGTH_ZERO);
	if (!writable && result->writable)
		wrong |= spec_reason(VQ_READABLE_AFTER_WRITABLE);
	if (length && address + length - 1 < address)
		return wrong | spec_reason(VQ_ADDRESS_WRAPS);
	if (touches_ring(spec, address, length))
		return wrong | spec_reason(VQ_BUFFER_IN_RING);
	if (within(address, length, SPEC_READ_ONLY, 64))
		return wrong | (writable ? spec_reason(VQ_ACCESS) : 0);
	if (within(address, length, SPEC_WRITE_ONLY, 64))
		return wrong | (writable ? 0 : spec_reason(VQ_ACCESS));
	if (!within(address, length, SPEC_BUFFERS, 4096) &&
	    !within(address, length, SPEC_SPLIT - 64, 128))
		wrong |= spec_reason(VQ_UNMAPPED);
	return wrong;
}

static void add_segment(struct spec_result *result, uint64_t address, uint32_t length, bool writable)
{
	result->segments[result->count++] = (struct spec_segment){ address, length, writable };
	*(writable ? &result->writable : &result->readable) += length;
}

uint64_t spec_add(const struct spec *spec, struct spec_result *result, uint64_t address,
		  uint32_t length, bool writable)
{
	uint64_t wrong = wrong_with(spec, result, address, length, writable);

	if (wrong)
		return wrong;
	if (address < SPEC_SPLIT && address + length > SPEC_SPLIT) {
		uint32_t first = (uint32_t)(SPEC_SPLIT - address);

		add_segment(result, address, first, writable);
		add_segment(result, SPEC_SPLIT, length - first, writable);
	} else {
		add_segment(result, address, length, writable);
	}
	return 0;
}

uint64_t spec_check_table(const struct spec *spec, uint64_t address, uint32_t length,
			  uint16_t flags)
{
	uint64_t wrong = 0;

	if (!spec->indirect)
		wrong |= spec_reason(VQ_INDIRECT_FEATURE);
	if (flags & VRING_DESC_F_NEXT)
		wrong |= spec_reason(VQ_INDIRECT_NEXT);
	if (!length || length % 16)
		wrong |= spec_reason(VQ_INDIRECT_LENGTH);
	if (address + length - 1 < address)
		wrong |= spec_reason(VQ_ADDRESS_WRAPS);
	else if (touches_ring(spec, address, length))
		wrong |= spec_reason(VQ_BUFFER_IN_RING);
	return wrong;
}

const struct spec_entry *spec_entry_at(const struct spec *spec, uint64_t address)
{
	uint64_t number = (address - SPEC_TABLES) / SPEC_TABLE_ROOM;

	if (address < SPEC_TABLES || number >= spec->table_count)
		return 0;
	return &spec->tables[number][(address - SPEC_TABLES) % SPEC_TABLE_ROOM / 16];
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Section 2.7. */
#include <endian.h>

#include "spec.h"

enum { KNOWN_FLAGS = 1, KNOWN_NEXT = 2 };

static void broken(struct spec_result *result, uint64_t reasons)
{
	result->kind = SPEC_BROKEN;
	result->broken = reasons;
}

/* NEXT, WRITE and INDIRECT in all combinations, and one that does not exist. */
static uint16_t flags_of(struct spec *spec, unsigned int index)
{
	static const uint16_t value[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };

	if (!(spec->known[index] & KNOWN_FLAGS))
		spec->desc[index].flags = htole16(value[choose(spec->choices, 9)]);
	spec->known[index] |= KNOWN_FLAGS;
	return le16toh(spec->desc[index].flags);
}

static unsigned int next_of(struct spec *spec, unsigned int index)
{
	if (!(spec->known[index] & KNOWN_NEXT))
		spec->desc[index].next = htole16((uint16_t)choose(spec->choices, spec->size + 1));
	spec->known[index] |= KNOWN_NEXT;
	return le16toh(spec->desc[index].next);
}

/* 2.7.5.3: `before` descriptors of the chain came before the one that refers to the table. */
static void take_table(struct spec *spec, struct spec_result *result, uint64_t address,
		       uint32_t length, unsigned int before)
{
	unsigned int index = 0, entries = length / 16;

	for (unsigned int count = before; ; count++) {
		const struct spec_entry *entry = spec_entry_at(spec, address + 16 * index);
		uint64_t wrong;

		if (count == spec->size)
			return broken(result, spec_reason(VQ_CHAIN_LENGTH));
		if (!entry)
			return broken(result, spec_reason(VQ_UNMAPPED));
		if (entry->flags & ~7)
			return broken(result, spec_reason(VQ_FLAGS));
		if (entry->flags & VRING_DESC_F_INDIRECT)
			return broken(result, spec_reason(VQ_INDIRECT_NESTED));
		wrong = spec_add(spec, result, entry->address, entry->length,
				 entry->flags & VRING_DESC_F_WRITE);
		if (entry->flags & VRING_DESC_F_NEXT && entry->next >= entries)
			wrong |= spec_reason(VQ_NEXT_RANGE);
		if (wrong)
			return broken(result, wrong);
		if (!(entry->flags & VRING_DESC_F_NEXT))
			return;
		index = entry->next;
	}
}

static void take_chain(struct spec *spec, struct spec_result *result, unsigned int index)
{
	for (unsigned int count = 0; ; count++) {
		const struct vring_desc *desc = &spec->desc[index];
		uint16_t flags;
		uint64_t wrong;

		if (count == spec->size)
			return broken(result, spec_reason(VQ_CHAIN_LENGTH));
		flags = flags_of(spec, index);
		if (flags & ~7)
			return broken(result, spec_reason(VQ_FLAGS));
		spec_choose_buffer(spec, index, flags & VRING_DESC_F_INDIRECT);
		if (flags & VRING_DESC_F_INDIRECT) {
			wrong = spec_check_table(spec, le64toh(desc->addr), le32toh(desc->len), flags);
			if (wrong)
				return broken(result, wrong);
			return take_table(spec, result, le64toh(desc->addr), le32toh(desc->len), count);
		}
		wrong = spec_add(spec, result, le64toh(desc->addr), le32toh(desc->len),
				 flags & VRING_DESC_F_WRITE);
		if (wrong)
			return broken(result, wrong);
		if (!(flags & VRING_DESC_F_NEXT))
			return;
		index = next_of(spec, index);
		if (index >= spec->size)
			return broken(result, spec_reason(VQ_NEXT_RANGE));
	}
}

void spec_split_take(struct spec_split *ring, struct spec_result *result)
{
	unsigned int entry = ring->next % ring->spec.size, head;

	*result = (struct spec_result){ .kind = SPEC_NOTHING };
	if (ring->next == ring->end)
		return;
	if ((uint16_t)(ring->end - ring->next) > ring->spec.size)
		return broken(result, spec_reason(VQ_AVAIL_TOO_FAR) | spec_reason(VQ_AVAIL_BACKWARDS));
	if (!ring->entry_known[entry])
		ring->avail->ring[entry] =
			htole16((uint16_t)choose(ring->spec.choices, ring->spec.size + 1));
	ring->entry_known[entry] = true;
	head = le16toh(ring->avail->ring[entry]);
	if (head >= ring->spec.size)
		return broken(result, spec_reason(VQ_HEAD_RANGE));
	if (ring->head_out[head])
		return broken(result, spec_reason(VQ_HEAD_IN_FLIGHT));
	result->kind = SPEC_CHAIN;
	result->name = (uint16_t)head;
	result->descriptors = 1;
	take_chain(&ring->spec, result, head);
	if (result->kind == SPEC_CHAIN) {
		ring->head_out[head] = true;
		ring->next++;
	}
}

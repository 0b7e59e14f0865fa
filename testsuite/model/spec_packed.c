/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Section 2.8. */
#include <endian.h>

#include "spec.h"

#define AVAIL 0x0080
#define USED 0x8000

enum { KNOWN_STATE = 1, KNOWN_KIND = 2, KNOWN_ID = 4 };

static struct vring_packed_desc *desc_at(struct spec *spec, unsigned int place)
{
	return (struct vring_packed_desc *)(void *)&spec->desc[place];
}

/* AVAIL and USED: is it available to who goes round with this wrap counter? (2.8.1) */
static bool available(struct spec *spec, unsigned int place, unsigned int wrap)
{
	static const uint16_t state[4] = { 0, AVAIL, USED, AVAIL | USED };
	struct vring_packed_desc *desc = desc_at(spec, place);
	uint16_t flags;

	if (!(spec->known[place] & KNOWN_STATE))
		desc->flags = htole16(state[choose(spec->choices, 4)] |
				      (le16toh(desc->flags) & 0x7f7f));
	spec->known[place] |= KNOWN_STATE;
	flags = le16toh(desc->flags);
	return !!(flags & AVAIL) == wrap && !!(flags & USED) != wrap;
}

/* The other flags: NEXT, WRITE and INDIRECT in all combinations, and one that is unknown. */
static uint16_t flags_of(struct spec *spec, unsigned int place)
{
	static const uint16_t value[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 0x0800 };
	struct vring_packed_desc *desc = desc_at(spec, place);

	if (!(spec->known[place] & KNOWN_KIND))
		desc->flags = htole16(value[choose(spec->choices, 9)] |
				      (le16toh(desc->flags) & (AVAIL | USED)));
	spec->known[place] |= KNOWN_KIND;
	return le16toh(desc->flags) & (uint16_t)~(AVAIL | USED);
}

static unsigned int id_of(struct spec *spec, unsigned int place)
{
	struct vring_packed_desc *desc = desc_at(spec, place);

	if (!(spec->known[place] & KNOWN_ID))
		desc->id = htole16((uint16_t)choose(spec->choices, spec->size + 1));
	spec->known[place] |= KNOWN_ID;
	return le16toh(desc->id);
}

static void broken(struct spec_result *result, uint64_t reasons)
{
	result->kind = SPEC_BROKEN;
	result->broken = reasons;
}

/* 2.8.7: all of the table, of which only WRITE matters. */
static void take_table(struct spec *spec, struct spec_result *result, uint64_t address,
		       uint32_t length)
{
	if (length / 16 > spec->size)
		return broken(result, spec_reason(VQ_CHAIN_LENGTH));
	for (unsigned int i = 0; i < length / 16; i++) {
		const struct spec_entry *entry = spec_entry_at(spec, address + 16 * i);
		uint64_t wrong;

		if (!entry)
			return broken(result, spec_reason(VQ_UNMAPPED));
		wrong = spec_add(spec, result, entry->address, entry->length,
				 entry->flags & VRING_DESC_F_WRITE);
		if (wrong)
			return broken(result, wrong);
	}
}

/* One descriptor of a list: bits of reasons, or 0. */
static uint64_t take_descriptor(struct spec *spec, struct spec_result *result, unsigned int place,
				uint16_t flags)
{
	const struct vring_packed_desc *desc = desc_at(spec, place);
	uint64_t wrong;

	spec_choose_buffer(spec, place, flags & VRING_DESC_F_INDIRECT);
	if (!(flags & VRING_DESC_F_INDIRECT))
		return spec_add(spec, result, le64toh(desc->addr), le32toh(desc->len),
				flags & VRING_DESC_F_WRITE);
	wrong = spec_check_table(spec, le64toh(desc->addr), le32toh(desc->len), flags);
	if (result->descriptors)
		wrong |= spec_reason(VQ_INDIRECT_NEXT);	/* 2.8.5: not in a list with others */
	if (!wrong)
		take_table(spec, result, le64toh(desc->addr), le32toh(desc->len));
	return wrong;
}

/* 2.8.6, from `place` on: the place behind the list, whose last descriptor has the name. */
static void take_list(struct spec_packed *ring, struct spec_result *result)
{
	struct spec *spec = &ring->spec;
	unsigned int place = ring->place, wrap = ring->wrap, last;
	uint16_t flags;

	do {
		uint64_t wrong = 0;

		if (result->descriptors == spec->size)
			wrong |= spec_reason(VQ_CHAIN_LENGTH);
		if (result->descriptors + ring->out == spec->size)
			wrong |= spec_reason(VQ_AVAIL_TOO_FAR);
		if (wrong)
			return broken(result, wrong);
		if (!available(spec, place, wrap))
			return broken(result, spec_reason(VQ_NOT_AVAILABLE));
		flags = flags_of(spec, place);
		if (flags & ~7)
			return broken(result, spec_reason(VQ_FLAGS));
		wrong = take_descriptor(spec, result, place, flags);
		if (wrong)
			return broken(result, wrong);
		if (result->kind == SPEC_BROKEN)
			return;
		result->descriptors++;
		last = place;
		place++;
		if (place == spec->size) {
			place = 0;
			wrap = !wrap;
		}
	} while (flags & VRING_DESC_F_NEXT);
	result->name = (uint16_t)id_of(spec, last);
	if (result->name >= spec->size)
		return broken(result, spec_reason(VQ_HEAD_RANGE));
	if (ring->id_out[result->name])
		return broken(result, spec_reason(VQ_HEAD_IN_FLIGHT));
	ring->id_out[result->name] = true;
	ring->place = place;
	ring->wrap = wrap;
	ring->out += result->descriptors;
}

void spec_packed_take(struct spec_packed *ring, struct spec_result *result)
{
	*result = (struct spec_result){ .kind = SPEC_NOTHING };
	if (!available(&ring->spec, ring->place, ring->wrap))
		return;
	result->kind = SPEC_CHAIN;
	take_list(ring, result);
}

int spec_packed_count(struct spec_packed *ring)
{
	unsigned int place = ring->place, wrap = ring->wrap, room = ring->spec.size - ring->out;
	bool inside = false;
	int count = 0;

	while (room || inside) {
		if (!room || !available(&ring->spec, place, wrap))
			return inside ? -1 : count;
		inside = flags_of(&ring->spec, place) & VRING_DESC_F_NEXT;
		count += !inside;
		room--;
		place++;
		if (place == ring->spec.size) {
			place = 0;
			wrap = !wrap;
		}
	}
	return count;
}

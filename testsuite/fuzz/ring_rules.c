// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a driver may offer, and how a virtqueue may be set up: virtio 1.2, slowly, and with nothing
 * of the engine but where it has come to. Whatever is taken though it is wrong, or refused though
 * it is sound, ends the program.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "testsuite/fuzz/ring.h"

#define AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define USED (1 << VRING_PACKED_DESC_F_USED)
#define FLAGS (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)
#define SIZE_MAX_OF_RING 32768	/* 2.7, 2.8.10.1 */

/* A walk through one chain of a queue. */
struct walk {
	const struct ring *ring;
	unsigned int end;
	struct ring_known *known;
	unsigned int count;	/* descriptors so far, those of a table as well */
};

struct entry {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

static bool has(const struct ring *ring, unsigned int feature)
{
	return ring->features >> feature & 1;
}

/* -- memory -------------------------------------------------------------------------------- */

static const struct ring_memory *region_at(const struct ring *ring, uint64_t iova)
{
	for (unsigned int i = 0; i < RING_REGIONS; i++)
		if (ring->memory[i].bytes && iova >= ring->memory[i].iova &&
		    iova - ring->memory[i].iova < ring->memory[i].size)
			return &ring->memory[i];
	return NULL;
}

/* In how many regions a range lies, all of which grant the access; 0: in none. */
static unsigned int pieces(const struct ring *ring, uint64_t iova, uint64_t length, uint8_t access)
{
	if (iova + (length - 1) < iova)
		return 0;
	for (unsigned int count = 1; ; count++) {
		const struct ring_memory *memory = region_at(ring, iova);
		uint64_t room;

		if (!memory || (memory->access & access) != access)
			return 0;
		room = memory->size - (iova - memory->iova);
		if (room >= length)
			return count;
		length -= room;
		iova += room;
	}
}

static bool overlap(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
	return a_length && b_length && a <= b + (b_length - 1) && b <= a + (a_length - 1);
}

static bool in_ring(const struct walk *walk, uint64_t iova, uint64_t length)
{
	for (unsigned int i = 0; i < 3; i++) {
		const struct ring_memory *area = &walk->ring->memory[3 * walk->end + i];

		if (overlap(iova, length, area->iova, area->size))
			return true;
	}
	return false;
}

/* -- chains -------------------------------------------------------------------------------- */

/* What is wrong is this and nothing else. */
static bool refuse(struct walk *walk, enum virtqueue_reason reason)
{
	walk->known->reason = reason;
	return false;
}

static bool on_heap(uint64_t address, uint32_t length)
{
	return (address >= 0x40000 && address + length <= 0x40000 + 1600) ||
	       address > UINT64_MAX - 96;
}

/* 2.6, 2.7.4.2, 2.7.5, 2.8.5 */
static bool add_buffer(struct walk *walk, const struct entry *entry)
{
	struct ring_known *known = walk->known;
	bool writable = entry->flags & VRING_DESC_F_WRITE;
	unsigned int count;

	if (!entry->length)
		return refuse(walk, VQ_LENGTH_ZERO);
	if (!writable && known->writable)
		return refuse(walk, VQ_READABLE_AFTER_WRITABLE);
	if (known->readable + known->writable + entry->length > UINT32_MAX)
		return refuse(walk, VQ_TOTAL_LENGTH);
	if (entry->address + (entry->length - 1) < entry->address)
		return refuse(walk, VQ_ADDRESS_WRAPS);
	count = pieces(walk->ring, entry->address, entry->length,
		       writable ? VQ_ACCESS_WRITE : VQ_ACCESS_READ);
	if (!count || in_ring(walk, entry->address, entry->length))
		return false;
	known->segments += count;
	known->aliased |= writable && !on_heap(entry->address, entry->length);
	*(writable ? &known->writable : &known->readable) += entry->length;
	return true;
}

/* In the table of @length bytes at @iova. */
static bool read_entry(const struct walk *walk, uint64_t iova, unsigned int index,
		       struct entry *entry)
{
	uint64_t at = iova + 16 * (uint64_t)index;
	union {
		struct vring_desc split;
		struct vring_packed_desc packed;
	} raw;

	if (!pieces(walk->ring, at, sizeof(raw), VQ_ACCESS_READ) ||
	    !ring_memory_read(walk->ring, at, &raw, sizeof(raw)))
		return false;
	if (walk->ring->packed)
		*entry = (struct entry){ raw.packed.addr, raw.packed.len, raw.packed.flags,
					 raw.packed.id };
	else
		*entry = (struct entry){ raw.split.addr, raw.split.len, raw.split.flags,
					 raw.split.next };
	return true;
}

/* 2.7.5.3.1, 2.8.19: of the descriptor that refers to a table. */
static bool table_fits(struct walk *walk, const struct entry *table)
{
	if (!has(walk->ring, VIRTIO_RING_F_INDIRECT_DESC))
		return refuse(walk, VQ_INDIRECT_FEATURE);
	if (table->flags & VRING_DESC_F_NEXT)
		return refuse(walk, VQ_INDIRECT_NEXT);
	if (!table->length || table->length % 16)
		return refuse(walk, VQ_INDIRECT_LENGTH);
	if (table->address + (table->length - 1) < table->address)
		return refuse(walk, VQ_ADDRESS_WRAPS);
	return !in_ring(walk, table->address, table->length) || refuse(walk, VQ_BUFFER_IN_RING);
}

/* A chain of a split ring, in its table or in an indirect one, from @index on. */
static bool split_chain(struct walk *walk, uint64_t table, uint32_t entries, uint32_t index,
			bool indirect)
{
	for (;;) {
		struct entry entry;

		if (walk->count++ == walk->ring->size)
			return refuse(walk, VQ_CHAIN_LENGTH);
		if (!read_entry(walk, table, index, &entry))
			return false;
		if (entry.flags & ~FLAGS)
			return refuse(walk, VQ_FLAGS);
		if (entry.flags & VRING_DESC_F_INDIRECT) {
			walk->count--;
			if (indirect)
				return refuse(walk, VQ_INDIRECT_NESTED);
			return table_fits(walk, &entry) &&
			       split_chain(walk, entry.address, entry.length / 16, 0, true);
		}
		if (!add_buffer(walk, &entry))
			return false;
		if (!(entry.flags & VRING_DESC_F_NEXT))
			return true;
		index = entry.next;
		if (index >= entries)
			return refuse(walk, VQ_NEXT_RANGE);
	}
}

/* 2.8.7: all of it, of which only WRITE counts. */
static bool packed_table(struct walk *walk, const struct entry *table)
{
	if (!table_fits(walk, table))
		return false;
	if (table->length / 16 > walk->ring->size)
		return refuse(walk, VQ_CHAIN_LENGTH);
	for (uint32_t i = 0; i < table->length / 16; i++) {
		struct entry entry;

		if (!read_entry(walk, table->address, i, &entry) || !add_buffer(walk, &entry))
			return false;
	}
	return true;
}

static bool is_available(uint16_t flags, uint16_t position)
{
	return !(flags & AVAIL) == !(position & 0x8000) && !(flags & USED) == !!(position & 0x8000);
}

uint16_t ring_rule_forward(const struct ring *ring, uint16_t position, uint32_t count)
{
	uint32_t place = (position & 0x7fffu) + count;

	if (place >= ring->size)
		return (uint16_t)((place - ring->size) | (~position & 0x8000));
	return (uint16_t)(place | (position & 0x8000));
}

/* 2.8.6, 2.8.17: the list that begins at a position. */
static enum ring_verdict packed_chain(struct walk *walk, uint16_t position)
{
	uint64_t table = walk->ring->queue[walk->end].config.desc;
	struct ring_known *known = walk->known;
	struct entry entry;

	do {
		bool there = read_entry(walk, table, position & 0x7fff, &entry) &&
			     is_available(entry.flags, position);

		if (!there && !known->descriptors)
			return RING_NOTHING;
		if (known->descriptors == walk->ring->size)
			known->reason = VQ_CHAIN_LENGTH;
		else if (!there)
			known->reason = VQ_NOT_AVAILABLE;
		else if (entry.flags & ~(FLAGS | AVAIL | USED))
			known->reason = VQ_FLAGS;
		if (known->reason)
			return RING_WRONG;
		known->descriptors++;
		if (entry.flags & VRING_DESC_F_INDIRECT ?
			    known->descriptors > 1 || !packed_table(walk, &entry) :
			    !add_buffer(walk, &entry))
			return RING_WRONG;
		position = ring_rule_forward(walk->ring, position, 1);
	} while (entry.flags & VRING_DESC_F_NEXT);
	known->id = entry.next;
	return known->id < walk->ring->size ? RING_SOUND : RING_WRONG;
}

enum ring_verdict ring_rule_chain(const struct ring *ring, unsigned int end, uint16_t at,
				  struct ring_known *known)
{
	struct walk walk = { ring, end, known, 0 };
	const struct virtqueue_config *config = &ring->queue[end].config;
	bool sound;

	*known = (struct ring_known){ .descriptors = 0 };
	if (ring->packed)
		return packed_chain(&walk, at);
	known->descriptors = 1;
	sound = ring_memory_read(ring, config->driver + 4 + 2u * (at % ring->size), &known->id,
				 sizeof(known->id)) &&
		known->id < ring->size && split_chain(&walk, config->desc, ring->size, known->id, false);
	return sound ? RING_SOUND : RING_WRONG;
}

/* -- what is taken next -------------------------------------------------------------------- */

/* 2.7.13.3.1: never more than the ring holds, never less than before. */
static enum ring_verdict split_next(const struct ring *ring, unsigned int end,
				    struct ring_known *known)
{
	const struct vq_split *split = &ring->queue[end].vq.split;
	uint16_t index, seen = split->avail_seen - split->next_used, offered;

	known->id = UINT16_MAX;
	if (split->avail_seen == split->next_avail) {
		if (!ring_memory_read(ring, ring->queue[end].config.driver + 2, &index, 2))
			return RING_WRONG;
		offered = index - split->next_used;
		if (offered > ring->size || offered < seen)
			return RING_WRONG;
		if (offered == seen)
			return RING_NOTHING;
	}
	return ring_rule_chain(ring, end, split->next_avail, known);
}

/* Descriptors from one position to another that is at most as far away as the ring is long. */
static uint32_t distance(uint32_t size, uint16_t from, uint16_t to)
{
	return (to & 0x7fffu) + ((from ^ to) & 0x8000 ? size : 0) - (from & 0x7fffu);
}

static enum ring_verdict packed_next(const struct ring *ring, unsigned int end,
				     struct ring_known *known)
{
	const struct vq_packed *packed = &ring->queue[end].vq.packed;
	enum ring_verdict verdict = ring_rule_chain(ring, end, packed->next_avail, known);
	uint32_t out = distance(ring->size, packed->next_used, packed->next_avail);

	if (verdict == RING_NOTHING && packed->seen_chains)
		return RING_WRONG;	/* it was there */
	/* which is found first, on the way: that, or what else is wrong */
	if (known->descriptors + out >= ring->size && (out || known->reason != VQ_CHAIN_LENGTH))
		known->reason = VQ_FINE;
	return known->descriptors + out > ring->size ? RING_WRONG : verdict;
}

enum ring_verdict ring_rule_next(const struct ring *ring, unsigned int end, struct ring_known *known)
{
	enum ring_verdict verdict;

	*known = (struct ring_known){ .descriptors = 0 };
	verdict = ring->packed ? packed_next(ring, end, known) : split_next(ring, end, known);
	if (verdict == RING_NOTHING)
		return verdict;
	/* the name of a chain stands at its beginning, or at its end */
	if (known->id < ring->size && ring->queue[end].out[known->id] &&
	    (!ring->packed || verdict == RING_SOUND)) {
		known->reason = VQ_HEAD_IN_FLIGHT;
		return RING_WRONG;
	}
	return known->segments > RING_SEGMENTS ? RING_WRONG : verdict;
}

/* -- the wish for interrupts ---------------------------------------------------------------- */

/* 2.8.10, 2.8.14: with a value that nobody defined, better one too many. */
static bool packed_wants(const struct ring *ring, const uint8_t *driver, uint16_t old, uint16_t now)
{
	uint16_t event, flags;

	memcpy(&event, driver, 2);
	memcpy(&flags, driver + 2, 2);
	flags &= 3;
	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !has(ring, VIRTIO_RING_F_EVENT_IDX) ||
	    (event & 0x7fff) >= ring->size)
		return true;
	for (; old != now; old = ring_rule_forward(ring, old, 1))
		if (old == event)
			return true;
	return false;
}

bool ring_rule_interrupt(const struct ring *ring, unsigned int end, uint16_t old, uint16_t now)
{
	const uint8_t *driver = ring->memory[3 * end + RING_DRIVER].bytes;
	uint16_t flags, event;

	if (ring->packed)
		return packed_wants(ring, driver, old, now);
	memcpy(&flags, driver, 2);
	if (!has(ring, VIRTIO_RING_F_EVENT_IDX))
		return !(flags & VRING_AVAIL_F_NO_INTERRUPT);
	memcpy(&event, driver + 4 + 2u * ring->size, 2);	/* 2.7.7.2 */
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

/* -- setting up ------------------------------------------------------------------------------ */

struct area {
	uint64_t iova, length;
	unsigned int alignment;
	uint8_t access;
};

static bool area_fits(const struct ring *ring, const struct area *area)
{
	const struct ring_memory *memory = region_at(ring, area->iova);

	return area->iova % area->alignment == 0 &&
	       pieces(ring, area->iova, area->length, area->access) == 1 &&
	       (uintptr_t)(memory->bytes + (area->iova - memory->iova)) % area->alignment == 0;
}

static bool position_fits(const struct ring *ring, const struct virtqueue_config *config)
{
	uint16_t avail = config->position->next_avail, used = config->position->next_used, index;

	if (ring->packed)
		return (avail & 0x7fffu) < config->size && (used & 0x7fffu) < config->size &&
		       distance(config->size, used, avail) <= config->size;
	if (!ring_memory_read(ring, config->driver + 2, &index, sizeof(index)))
		return false;
	return (uint16_t)(avail - used) <= (uint16_t)(index - used) &&
	       (uint16_t)(index - used) <= config->size;
}

static bool setup_fits(const struct ring *ring, const struct virtqueue_config *config)
{
	uint64_t size = config->size;
	struct area split[3] = {
		{ config->desc, 16 * size, 16, VQ_ACCESS_READ },
		{ config->driver, 6 + 2 * size, 2, VQ_ACCESS_READ },
		{ config->device, 6 + 8 * size, 4, VQ_ACCESS_WRITE },
	}, packed[3] = {
		{ config->desc, 16 * size, 16, VQ_ACCESS_BOTH },
		{ config->driver, 4, 4, VQ_ACCESS_READ },
		{ config->device, 4, 4, VQ_ACCESS_WRITE },
	};
	const struct area *area = ring->packed ? packed : split;

	if (!size || size > SIZE_MAX_OF_RING || size > config->slot_count ||
	    (!ring->packed && size & (size - 1)))
		return false;
	for (unsigned int i = 0; i < 3; i++)
		if (!area_fits(ring, &area[i]) ||
		    overlap(area[i].iova, area[i].length, area[(i + 1) % 3].iova,
			    area[(i + 1) % 3].length))
			return false;
	return position_fits(ring, config);
}

struct virtqueue_config ring_config(struct ring *ring, unsigned int end)
{
	return (struct virtqueue_config){
		.size = ring->size,
		.desc = ring->memory[3 * end + RING_DESC].iova,
		.driver = ring->memory[3 * end + RING_DRIVER].iova,
		.device = ring->memory[3 * end + RING_DEVICE].iova,
		.features = ring->features,
		.memory = &ring->map,
		.slots = ring->queue[end].slots,
		.slot_count = ring->size,
		.position = &ring->positions[end],
		.published = &ring->queue[end].published,
	};
}

/* An address in or near a region, aligned as often as not. */
static uint64_t choose_area(struct ring *ring, struct fuzz_input *input)
{
	const struct ring_memory *memory = &ring->memory[fuzz_below(input, RING_REGIONS)];
	uint8_t what = fuzz_byte(input);

	if (what == 0xff)
		return UINT64_MAX - fuzz_byte(input);
	return memory->iova + (what & 0x80 ? (what & 0x7fu) : (what & 0x7u) * 8u) - (what == 0xfe) * 16;
}

void ring_set_up_anyhow(struct ring *ring, struct fuzz_input *input)
{
	uint16_t at = fuzz_word(input), what = fuzz_word(input);
	struct virtqueue_position position = { what & 64 ? VIRTQUEUE_PACKED_BEGIN : at, at };
	struct virtqueue_config config = ring_config(ring, what & 1);
	struct virtqueue vq = { .size = 0 };
	uint16_t published = 0;
	bool sound;
	int rc;

	config.size = what & 2 ? fuzz_byte(input) : config.size;
	config.size += what & 4 ? 0x8000 : 0;
	config.desc = what & 8 ? choose_area(ring, input) : config.desc;
	config.driver = what & 16 ? choose_area(ring, input) : config.driver;
	config.device = what & 32 ? choose_area(ring, input) : config.device;
	config.slot_count = 1u + (what >> 8);
	config.slots = calloc(config.slot_count, sizeof(*config.slots));
	config.position = &position;
	config.published = &published;
	fuzz_check(config.slots);
	ring->raced = false;
	sound = setup_fits(ring, &config);
	rc = virtqueue_start(&vq, &config);
	fuzz_check(ring->raced || rc == -ENOMEM || (rc == 0) == sound);
	virtqueue_stop(&vq);
	free(config.slots);
}

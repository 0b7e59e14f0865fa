/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_exhaustive [DEPTH]
 *
 * The engine beside the specification (spec.h), over every ring of up to 4 entries: all
 * flags, next or id and wrap counters, at every place of the ring, with good and bad
 * addresses and lengths, direct and in tables. What is taken must be the same, and so must
 * be the ring after everything that was taken has been returned.
 *
 * DEPTH 0 is what make check runs, in some seconds: in rings of 4 entries addresses are good
 * or bad, tables are good or bad, and what has nothing to do with the content of the ring
 * (the noise in fields that nobody reads, the free-running index to begin at, in which order
 * and how chains are returned) alternates from ring to ring. 1 has that in every combination
 * there as well (an hour); 2 also has a second lap for rings of 2 entries.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_config.h>

#include "spec.h"

#define DESC 0x100000u
#define DRIVER 0x200000u
#define DEVICE 0x300000u
#define PACKED (UINT64_C(1) << VIRTIO_F_RING_PACKED)
#define INDIRECT (UINT64_C(1) << VIRTIO_RING_F_INDIRECT_DESC)

static int depth;

/* B, C: buffers of the tables. Entries end at length 0. */
#define B(n) (SPEC_BUFFERS + 1024 + 64 * (n))

static const struct spec_entry split_tables[][SPEC_SIZE_MAX + 1] = {
	{ { B(0), 3, 1, 1 }, { B(1), 4, 2, 7 } },
	{ { B(0), 3, 0, 9 } },
	{ { B(0), 3, 3, 1 }, { B(1), 4, 0, 0 } },			/* readable after writable */
	{ { B(0), 3, 1, 0 } },						/* itself */
	{ { B(0), 3, 1, 1 }, { B(1), 4, 1, 0 } },			/* round and round */
	{ { B(0), 3, 1, 2 }, { B(1), 4, 0, 0 } },			/* beyond */
	{ { B(0), 3, 4, 0 } },						/* nested */
	{ { B(0), 3, 0x40, 0 } },					/* unknown flag */
	{ { B(0), 1, 1, 1 }, { B(1), 1, 1, 2 }, { B(2), 1, 1, 3 }, { B(3), 1, 1, 4 }, { B(4), 1, 0, 0 } },
};

static const struct spec_entry packed_tables[][SPEC_SIZE_MAX + 1] = {
	{ { B(0), 3, 0xfffd, 0xffff }, { B(1), 4, 0xffff, 7 } },	/* only WRITE counts */
	{ { B(0), 3, 0, 9 } },
	{ { B(0), 3, 2, 1 }, { B(1), 4, 0, 0 } },			/* readable after writable */
	{ { B(0), 3, 4, 0 }, { SPEC_NOWHERE, 1, 0, 0 } },
	{ { B(0), 1, 0, 0 }, { B(1), 1, 0, 0 }, { B(2), 1, 0, 0 }, { B(3), 1, 0, 0 }, { B(4), 1, 0, 0 } },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* -- the memory ------------------------------------------------------------------------- */

static struct {
	_Alignas(16) uint8_t desc[16 * SPEC_SIZE_MAX];
	_Alignas(16) uint8_t driver[64];
	_Alignas(16) uint8_t device[64];
	_Alignas(16) uint8_t behind[64], buffers[4096], read_only[64], write_only[64], before[64];
	_Alignas(16) uint8_t tables[16][SPEC_TABLE_ROOM];
	struct vq_region regions[16];
	struct vq_memory memory;
	struct vq_slot slots[SPEC_SIZE_MAX];
	struct virtqueue_position position;
	uint16_t published;
	struct virtqueue vq;
	struct iovec segments[SPEC_SEGMENTS];
	struct vq_chain chain;
} world;

static void map(uint64_t address, uint8_t *base, size_t length, unsigned int access)
{
	struct vq_region region = { address, address + length - 1, base, (uint8_t)access, 0 };

	assert_int_equal(vq_memory_add(&world.memory, &region), 0);
}

/* Where the driver's bytes are for us. */
static uint8_t *ours(uint64_t address)
{
	if (address >= SPEC_SPLIT)
		return world.behind + (address - SPEC_SPLIT);
	if (address >= SPEC_SPLIT - 64)
		return world.before + (address - (SPEC_SPLIT - 64));
	if (address >= SPEC_WRITE_ONLY)
		return world.write_only + (address - SPEC_WRITE_ONLY);
	if (address >= SPEC_READ_ONLY)
		return world.read_only + (address - SPEC_READ_ONLY);
	return world.buffers + (address - SPEC_BUFFERS);
}

static void write_tables(bool packed, struct spec *spec)
{
	spec->tables = packed ? packed_tables : split_tables;
	spec->table_count = packed ? COUNT(packed_tables) : COUNT(split_tables);
	memset(world.tables, 0, sizeof(world.tables));
	for (unsigned int i = 0; i < spec->table_count; i++)
		for (unsigned int j = 0; j <= SPEC_SIZE_MAX; j++) {
			const struct spec_entry *entry = &spec->tables[i][j];
			uint8_t *to = world.tables[i] + 16 * j;
			uint64_t address = htole64(entry->address);
			uint32_t length = htole32(entry->length);
			uint16_t flags = htole16(entry->flags), next = htole16(entry->next);

			memcpy(to, &address, 8);
			memcpy(to + 8, &length, 4);
			memcpy(to + 12, packed ? &next : &flags, 2);
			memcpy(to + 14, packed ? &flags : &next, 2);
		}
}

static void open_world(void)
{
	memset(&world, 0, sizeof(world));
	vq_memory_init(&world.memory, world.regions, COUNT(world.regions), NULL, NULL, NULL);
	map(DESC, world.desc, sizeof(world.desc), 3);
	map(DRIVER, world.driver, sizeof(world.driver), 3);
	map(DEVICE, world.device, sizeof(world.device), 3);
	map(SPEC_BUFFERS, world.buffers, sizeof(world.buffers), 3);
	map(SPEC_READ_ONLY, world.read_only, 64, 1);
	map(SPEC_WRITE_ONLY, world.write_only, 64, 2);
	map(SPEC_SPLIT - 64, world.before, 64, 3);
	map(SPEC_SPLIT, world.behind, 64, 3);
	map(SPEC_TABLES, world.tables[0], sizeof(world.tables), 1);
	vq_chain_init(&world.chain, world.segments, SPEC_SEGMENTS);
}

/* -- one ring ----------------------------------------------------------------------------- */

struct ring {
	struct choices choices;
	bool packed;
	uint32_t size;
	unsigned int rounds;
	uint64_t features;
	struct spec_packed p;
	struct spec_split s;
	struct spec *spec;
	/* chains that were taken and not pushed, in order */
	uint16_t held[SPEC_SIZE_MAX];
	uint32_t held_descriptors[SPEC_SIZE_MAX];
	uint32_t held_writable[SPEC_SIZE_MAX];
	unsigned int holds;
	unsigned int used_place, used_wrap;	/* where the next used element goes: packed */
	uint16_t used;				/* split */
	unsigned long chains, breaks, elements;
	uint32_t turn;
};

/* Whether not everything is combined with everything. */
static bool brief(uint32_t size)
{
	return size > 3u + (unsigned int)depth;
}

/* One of n: each of them in every combination, or in turns. */
static unsigned int vary(struct ring *ring, unsigned int n)
{
	if (brief(ring->size))
		return (unsigned int)(ring->turn = ring->turn * 5 + 3) / 8 % n;
	return choose(&ring->choices, n);
}

static void start_engine(struct ring *ring)
{
	struct virtqueue_config config = {
		.size = ring->size,
		.desc = DESC,
		.driver = DRIVER,
		.device = DEVICE,
		.features = ring->features,
		.memory = &world.memory,
		.slots = world.slots,
		.slot_count = SPEC_SIZE_MAX,
		.position = &world.position,
		.published = &world.published,
	};

	assert_int_equal(virtqueue_start(&world.vq, &config), 0);
}

/* Begins at a place and with a wrap counter that are chosen. */
static void begin_packed(struct ring *ring)
{
	ring->used_place = choose(&ring->choices, ring->size);
	ring->used_wrap = choose(&ring->choices, 2);
	ring->p.place = ring->used_place;
	ring->p.wrap = ring->used_wrap;
	world.position.next_avail = (uint16_t)(ring->used_place | ring->used_wrap << 15);
	world.position.next_used = world.position.next_avail;
}

/* Begins at an index that is chosen, with an avail.idx that is: up to size + 1 beyond. */
static void begin_split(struct ring *ring)
{
	static const uint16_t index[] = { 0, 1, 0xffff };
	unsigned int ahead = choose(&ring->choices, ring->size + 2);

	ring->used = index[vary(ring, COUNT(index))];
	ring->s.avail = (struct vring_avail *)(void *)world.driver;
	ring->s.next = ring->used;
	ring->s.end = (uint16_t)(ring->used + ahead);
	world.position = (struct virtqueue_position){ ring->used, ring->used };
	/* the engine starts with nothing to be had, or it would not start */
	ring->s.avail->idx = htole16(ring->used);
	((struct vring_used *)(void *)world.device)->idx = htole16(ring->used);
}

static void begin(struct ring *ring)
{
	bool noise = vary(ring, 2);

	ring->spec = ring->packed ? &ring->p.spec : &ring->s.spec;
	ring->p = (struct spec_packed){ .place = 0 };
	ring->s = (struct spec_split){ .next = 0 };
	*ring->spec = (struct spec){
		.choices = &ring->choices,
		.size = ring->size,
		.indirect = ring->features & INDIRECT,
		.classes = brief(ring->size) ? 2 : 8,
		.brief_tables = brief(ring->size),
		.ring = { { DESC, 16 * ring->size },
			  { DRIVER, ring->packed ? 4 : 6 + 2 * ring->size },
			  { DEVICE, ring->packed ? 4 : 6 + 8 * ring->size } },
		.desc = (struct vring_desc *)(void *)world.desc,
		.tables = ring->packed ? packed_tables : split_tables,
		.table_count = ring->packed ? COUNT(packed_tables) : COUNT(split_tables),
	};
	ring->holds = 0;
	memset(world.desc, noise ? 0xff : 0, sizeof(world.desc));
	memset(world.driver, noise ? 0xff : 0, sizeof(world.driver));
	memset(world.device, noise ? 0xff : 0, sizeof(world.device));
	if (ring->packed)
		begin_packed(ring);
	else
		begin_split(ring);
	start_engine(ring);
	if (!ring->packed)
		ring->s.avail->idx = htole16(ring->s.end);
}

static void expect_same_chain(const struct ring *ring, const struct spec_result *expected)
{
	const struct vq_chain *chain = &world.chain;
	unsigned int readable = 0;

	assert_int_equal(chain->head, expected->name);
	assert_int_equal(chain->descriptors, expected->descriptors);
	assert_int_equal(chain->readable, expected->readable);
	assert_int_equal(chain->writable, expected->writable);
	assert_int_equal(chain->readable_segments + chain->writable_segments, expected->count);
	for (unsigned int i = 0; i < expected->count; i++) {
		readable += !expected->segments[i].writable;
		assert_ptr_equal(chain->segments[i].iov_base, ours(expected->segments[i].address));
		assert_int_equal(chain->segments[i].iov_len, expected->segments[i].length);
	}
	assert_int_equal(chain->readable_segments, readable);
	(void)ring;
}

static void hold(struct ring *ring, const struct spec_result *result)
{
	ring->held[ring->holds] = result->name;
	ring->held_descriptors[ring->holds] = result->descriptors;
	ring->held_writable[ring->holds] = result->writable;
	ring->holds++;
	ring->chains++;
}

static void expect_broken(struct ring *ring, int answer, uint64_t reasons)
{
	assert_int_equal(answer, -EPROTO);
	assert_int_equal(world.vq.state, VIRTQUEUE_BROKEN);
	assert_true(reasons >> world.vq.error.reason & 1);
	ring->breaks++;
}

/* Takes all that there is, here and there: false when the ring is broken. */
static bool take_all(struct ring *ring)
{
	struct spec_result expected;

	do {
		int answer;

		if (ring->packed)
			spec_packed_take(&ring->p, &expected);
		else
			spec_split_take(&ring->s, &expected);
		answer = virtqueue_pop(&world.vq, &world.chain);
		if (expected.kind == SPEC_BROKEN) {
			expect_broken(ring, answer, expected.broken);
			return false;
		}
		assert_int_equal(answer, expected.kind == SPEC_CHAIN);
		if (expected.kind == SPEC_CHAIN) {
			expect_same_chain(ring, &expected);
			hold(ring, &expected);
		}
	} while (expected.kind == SPEC_CHAIN);
	return true;
}

/* Sometimes the device counts before it takes. Only flags are looked at then. */
static bool count_first(struct ring *ring)
{
	int expected, answer;

	if (!ring->packed || !choose(&ring->choices, 2))
		return true;
	expected = spec_packed_count(&ring->p);
	answer = virtqueue_available(&world.vq);
	if (expected < 0) {
		expect_broken(ring, answer, spec_reason(VQ_NOT_AVAILABLE) |
						    spec_reason(VQ_AVAIL_TOO_FAR));
		return false;
	}
	assert_int_equal(answer, expected);
	return true;
}

/* -- returning ---------------------------------------------------------------------------- */

/* What the ring is to be after a publication of the held chains in this order: 2.8.21. */
static void spec_return_packed(struct ring *ring, uint8_t *memory, unsigned int index,
			       uint32_t written)
{
	struct vring_packed_desc *desc =
		(struct vring_packed_desc *)(void *)(memory + 16 * ring->used_place);

	desc->id = htole16(ring->held[index]);
	desc->len = htole32(written);
	desc->flags = htole16((written ? 2 : 0) | (ring->used_wrap ? 0x8080 : 0));
	ring->p.id_out[ring->held[index]] = false;
	ring->p.out -= ring->held_descriptors[index];
	for (uint32_t i = 0; i < ring->held_descriptors[index]; i++) {
		/* the driver may have anything there by the next lap */
		ring->spec->known[ring->used_place] = 0;
		if (++ring->used_place == ring->size) {
			ring->used_place = 0;
			ring->used_wrap = !ring->used_wrap;
		}
	}
}

static void spec_return_split(struct ring *ring, uint8_t *memory, unsigned int index,
			      uint32_t written)
{
	struct vring_used *used = (struct vring_used *)(void *)memory;

	used->ring[ring->used % ring->size].id = htole32(ring->held[index]);
	used->ring[ring->used % ring->size].len = htole32(written);
	ring->s.head_out[ring->held[index]] = false;
	ring->used++;
	used->idx = htole16(ring->used);
}

/* In order or backwards, with all or nothing written, in one publication or one each. */
static void return_all(struct ring *ring)
{
	bool backwards = ring->holds > 1 && vary(ring, 2);
	bool each = ring->holds > 1 && vary(ring, 2);
	bool all = vary(ring, 2);
	uint8_t *area = ring->packed ? world.desc : world.device;
	size_t length = ring->packed ? sizeof(world.desc) : sizeof(world.device);
	_Alignas(16) uint8_t expected[64];

	memcpy(expected, area, length);
	for (unsigned int i = 0; i < ring->holds; i++) {
		unsigned int index = backwards ? ring->holds - 1 - i : i;
		uint32_t written = all ? ring->held_writable[index] : 0;

		assert_int_equal(virtqueue_push(&world.vq, ring->held[index], written), 0);
		if (ring->packed)
			spec_return_packed(ring, expected, index, written);
		else
			spec_return_split(ring, expected, index, written);
		if (each)
			assert_int_equal(virtqueue_publish(&world.vq), 1);
		ring->elements++;
	}
	if (!each)
		assert_int_equal(virtqueue_publish(&world.vq), ring->holds);
	assert_memory_equal(area, expected, length);
	assert_int_equal(world.position.next_used,
			 ring->packed ? ring->used_place | ring->used_wrap << 15 : ring->used);
	ring->holds = 0;
}

static void one_run(struct ring *ring)
{
	begin(ring);
	for (unsigned int round = 0; round < ring->rounds; round++) {
		if (!count_first(ring) || !take_all(ring) || !ring->holds)
			return;
		return_all(ring);
	}
}

static struct ring total;

static void all_rings(bool packed, uint32_t size, uint64_t features, unsigned int rounds)
{
	struct ring ring = { .packed = packed, .size = size, .rounds = rounds,
			     .features = features | (packed ? PACKED : 0) };
	struct spec tables;

	write_tables(packed, &tables);
	choices_begin(&ring.choices);
	do
		one_run(&ring);
	while (choices_next(&ring.choices));
	print_message("# %s, %u entries%s: %lu states, %lu chains, %lu returned, %lu broken\n",
		      packed ? "packed" : "split", size,
		      features & INDIRECT ? "" : ", no INDIRECT", ring.choices.runs, ring.chains,
		      ring.elements, ring.breaks);
	total.choices.runs += ring.choices.runs;
}

static void split_rings(void **state)
{
	(void)state;
	open_world();
	for (uint32_t size = 1; size <= 4; size *= 2)
		all_rings(false, size, INDIRECT, 1);
	all_rings(false, 2, 0, 1);
}

static void packed_rings(void **state)
{
	(void)state;
	open_world();
	for (uint32_t size = 1; size <= 4; size++)
		all_rings(true, size, INDIRECT, size == 1 || (size == 2 && depth == 2) ? 2 : 1);
	all_rings(true, 3, 0, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_rings),
		cmocka_unit_test(packed_rings),
	};
	int failed;

	depth = argc > 1 ? atoi(argv[1]) : 0;
	if (depth < 0 || depth > 2)
		return 2;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	print_message("# %lu states in all\n", total.choices.runs);
	return failed;
}

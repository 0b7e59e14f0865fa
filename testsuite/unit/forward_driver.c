/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "driver_ring.h"
#include "forward_driver.h"

#define CELL 2304u			/* a buffer's place; one for each descriptor */
#define BUFFER_MAX 2200u
#define HEAP (FORWARD_DRIVER_SIZE * CELL)

/*
 * The rings, with tables behind them; buffers to send; buffers to receive, which follow by
 * IOVA; memory that the device may only read; only write.
 */
enum { RINGS, SEND, RECEIVE, READ_ONLY, WRITE_ONLY };

static const struct {
	uint64_t iova;
	uint32_t size;
	uint8_t access;
} regions[FORWARD_DRIVER_REGIONS] = {
	[RINGS] = { 0x100000, 0x10000, VQ_ACCESS_BOTH },
	[SEND] = { 0x200000, HEAP, VQ_ACCESS_BOTH },
	[RECEIVE] = { 0x200000 + HEAP, HEAP, VQ_ACCESS_BOTH },
	[READ_ONLY] = { 0x800000, 4096, VQ_ACCESS_READ },
	[WRITE_ONLY] = { 0x900000, 4096, VQ_ACCESS_WRITE },
};

#define RING_STRIDE 0x3000u
#define TABLES 0x8000u			/* 64 bytes for each id, both virtqueues */

void forward_driver_open(struct forward_driver *driver)
{
	for (unsigned int i = 0; i < FORWARD_DRIVER_REGIONS; i++) {
		if (posix_memalign((void **)&driver->memory[i], 4096, regions[i].size))
			abort();
		memset(driver->memory[i], 0, regions[i].size);
	}
}

void forward_driver_close(struct forward_driver *driver)
{
	for (unsigned int i = 0; i < FORWARD_DRIVER_REGIONS; i++)
		free(driver->memory[i]);
}

/* The bytes of a region that a ring of this size can lead to, and some more. */
static uint32_t reach(const struct forward_driver *driver, unsigned int region)
{
	uint32_t cells = (driver->size + 2u) * CELL;

	return cells < regions[region].size ? cells : regions[region].size;
}

/*
 * Behind the ring, where no head and no descriptor may be, lie descriptors that would do: those
 * of the first cell.
 */
static void fill_behind(struct forward_driver *driver, struct forward_driver_queue *queue)
{
	uint64_t at = regions[queue->writable ? RECEIVE : SEND].iova;
	uint16_t flags = queue->writable ? VRING_DESC_F_WRITE : 0;

	for (unsigned int i = driver->size; i < FORWARD_DRIVER_SIZE; i++) {
		struct vring_desc *desc = (struct vring_desc *)(void *)queue->rings + i;
		uint32_t length = queue->writable ? 2000 : 100;

		/* packed: flags and id are the other way round, and it is available in the first lap */
		if (driver->packed)
			driver_desc(desc, at, length, (uint16_t)(i % driver->size),
				    flags | 1 << VRING_PACKED_DESC_F_AVAIL);
		else
			driver_desc(desc, at, length, flags, 0);
	}
}

void forward_driver_reset(struct forward_driver *driver, bool packed, uint16_t size)
{
	driver->packed = packed;
	driver->size = size;
	for (unsigned int i = 0; i < FORWARD_DRIVER_REGIONS; i++)
		memset(driver->memory[i], 0, reach(driver, i));
	for (unsigned int end = 0; end < 2; end++) {
		struct forward_driver_queue *queue = &driver->queue[end];

		memset(queue, 0, sizeof(*queue));
		queue->writable = end == 0;
		queue->rings = driver->memory[RINGS] + end * RING_STRIDE;
		queue->iova = regions[RINGS].iova + end * RING_STRIDE;
		queue->avail = queue->used = packed ? 0x8000 : 0;
		queue->free = queue->ids = size;
		for (uint16_t i = 0; i < size; i++)
			queue->free_id[i] = i;
		fill_behind(driver, queue);
	}
}

void forward_driver_map(struct forward_driver *driver, struct vq_memory *memory)
{
	for (unsigned int i = 0; i < FORWARD_DRIVER_REGIONS; i++) {
		struct vq_region region = { regions[i].iova, regions[i].iova + regions[i].size - 1,
					    driver->memory[i], regions[i].access, 0 };

		assert_int_equal(vq_memory_add(memory, &region), 0);
	}
}

void forward_driver_areas(const struct forward_driver *driver, unsigned int end,
			  struct virtqueue_config *config)
{
	config->desc = driver->queue[end].iova;
	config->driver = driver->queue[end].iova + 0x1000;
	config->device = driver->queue[end].iova + 0x2000;
}

void forward_driver_compare(const struct forward_driver *a, const struct forward_driver *b)
{
	for (unsigned int i = 0; i < FORWARD_DRIVER_REGIONS; i++)
		assert_memory_equal(a->memory[i], b->memory[i], reach(a, i));
}

static uint32_t below(struct forward_driver *driver, uint32_t limit)
{
	return driver_random(&driver->random) % limit;
}

static bool one_in(struct forward_driver *driver, uint32_t chance)
{
	return below(driver, chance) == 0;
}

struct piece {
	uint64_t address;
	uint32_t length;
};

struct recipe {
	struct piece piece[4];
	unsigned int pieces;
	bool table;
	uint16_t id;
	uint16_t flags;		/* more flags, of the first descriptor */
};

/* A place for the buffer of a descriptor: its own cell, at any alignment. */
static uint64_t cell(struct forward_driver *driver, const struct forward_driver_queue *queue,
		     uint16_t id)
{
	return regions[queue->writable ? RECEIVE : SEND].iova + id * CELL + below(driver, 64);
}

/* Lengths around the limits: of the header, of a frame, of a vector, of the MTU. */
static uint32_t length_of(struct forward_driver *driver, const struct forward_driver_queue *queue)
{
	if (driver->simple && !one_in(driver, 30))
		return queue->writable ? 1526 : 26 + below(driver, one_in(driver, 4) ? 1500 : 188);
	switch (below(driver, 8)) {
	case 0:
		return 10 + below(driver, 40);
	case 1:
		return 200 + below(driver, 40);
	case 2:
		return 1 + below(driver, BUFFER_MAX);
	case 3:
		return 1514 + 12;
	default:
		return 26 + below(driver, 190);
	}
}

/* Cuts a buffer into pieces that follow one another. */
static void cut(struct forward_driver *driver, struct recipe *recipe, uint64_t at, uint32_t length)
{
	unsigned int pieces = one_in(driver, driver->simple ? 50 : 3) ? 1 + below(driver, 4) : 1;

	recipe->pieces = 0;
	while (length && recipe->pieces < pieces) {
		bool last = recipe->pieces + 1 == pieces;
		uint32_t part = last ? length : one_in(driver, 3) ? 12 : 1 + below(driver, length);

		if (part > length)
			part = length;
		recipe->piece[recipe->pieces++] = (struct piece){ at, part };
		at += part;
		length -= part;
	}
}

/* Somewhere where no buffer may be, or only some. */
static uint64_t odd_address(struct forward_driver *driver, const struct forward_driver_queue *queue)
{
	const uint64_t odd[] = {
		queue->iova + below(driver, 0x3000),
		regions[READ_ONLY].iova + below(driver, 64),
		regions[WRITE_ONLY].iova + below(driver, 64),
		regions[READ_ONLY].iova + 4096 - below(driver, 64),
		regions[RECEIVE].iova - below(driver, 64),
		UINT64_MAX - below(driver, 64),
		regions[RINGS].iova + TABLES - 1 - below(driver, 200),
		0x700000,
	};

	return odd[below(driver, sizeof(odd) / sizeof(odd[0]))];
}

static void spoil_recipe(struct forward_driver *driver, const struct forward_driver_queue *queue,
			 struct recipe *recipe)
{
	struct piece *piece = &recipe->piece[below(driver, recipe->pieces)];

	switch (below(driver, 6)) {
	case 0:
		piece->length = 0;
		break;
	case 1:
		piece->length = UINT32_MAX - below(driver, 64);
		break;
	case 2:
		recipe->flags = (uint16_t)(1u << below(driver, 16));
		break;
	case 3:
		recipe->id = (uint16_t)below(driver, driver->size);
		if (one_in(driver, 2))
			recipe->id = (uint16_t)(driver->size +
						below(driver, one_in(driver, 2) ? 4 : 60000));
		break;
	default:
		piece->address = odd_address(driver, queue);
		break;
	}
}

/* Header and frame; most headers ask for nothing. */
static void write_frame(struct forward_driver *driver, uint64_t at, uint32_t length)
{
	uint8_t *bytes = driver->memory[SEND] + (at - regions[SEND].iova);

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = i < 12 ? 0 : (uint8_t)driver_random(&driver->random);
	/* VLAN tags make room under the MTU */
	if (length > 40 && one_in(driver, 4)) {
		bytes[24] = 0x81;
		bytes[25] = 0;
	}
	if (length < 12 || !one_in(driver, driver->simple ? 60 : 5))
		return;
	for (uint32_t i = 2; i < 12; i++)
		bytes[i] = (uint8_t)(below(driver, 3) * 7);
	if (one_in(driver, 2))
		bytes[0] = (uint8_t)driver_random(&driver->random);
	if (one_in(driver, 3))
		bytes[1] = (uint8_t)below(driver, 6);
	else if (one_in(driver, 4))
		bytes[1] = 0x80;
}

static void put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint16_t take_id(struct forward_driver *driver, struct forward_driver_queue *queue)
{
	unsigned int at = below(driver, queue->ids);
	uint16_t id = queue->free_id[at];

	queue->free_id[at] = queue->free_id[--queue->ids];
	return id;
}

static struct vring_desc *table_of(struct forward_driver *driver,
				   const struct forward_driver_queue *queue, uint16_t id)
{
	uint32_t at = TABLES + (queue->writable ? 0x4000 : 0) + id * 64u;

	return (void *)(driver->memory[RINGS] + at);
}

static uint64_t table_iova(const struct forward_driver *driver, const struct vring_desc *table)
{
	return regions[RINGS].iova + (uint64_t)((const uint8_t *)table - driver->memory[RINGS]);
}

static uint16_t split_flags(const struct forward_driver_queue *queue, bool more)
{
	return (queue->writable ? VRING_DESC_F_WRITE : 0) | (more ? VRING_DESC_F_NEXT : 0);
}

static void add_split(struct forward_driver *driver, struct forward_driver_queue *queue,
		      struct recipe *recipe)
{
	struct vring_desc *desc = (void *)queue->rings, *to = desc;
	uint16_t head = recipe->id, member[4] = { head, 0, 0, 0 };
	unsigned int entries = recipe->table ? 1 : recipe->pieces;
	uint16_t real = member[0] < driver->size ? member[0] : 0;

	for (unsigned int i = 1; i < entries; i++)
		member[i] = take_id(driver, queue);
	if (recipe->table)
		to = table_of(driver, queue, real);
	for (unsigned int i = 0; i < recipe->pieces; i++) {
		bool more = i + 1 < recipe->pieces;
		unsigned int at = recipe->table ? i : i ? member[i] : real;

		driver_desc(&to[at], recipe->piece[i].address, recipe->piece[i].length,
			    split_flags(queue, more) ^ (i ? 0 : recipe->flags),
			    (uint16_t)(more ? recipe->table ? i + 1 : member[i + 1] : 0));
	}
	if (recipe->table)
		driver_desc(&desc[real], table_iova(driver, to), 16 * recipe->pieces,
			    VRING_DESC_F_INDIRECT ^ recipe->flags, 0);
	put16(queue->rings + 0x1000 + 4 + 2 * (queue->avail % driver->size), head);
	queue->avail++;
	put16(queue->rings + 0x1000 + 2, queue->avail);
	member[0] = real;
	memcpy(queue->members[real], member, sizeof(member));
	queue->count[real] = (uint8_t)entries;
	queue->free -= entries;
}

static void give_back(struct forward_driver_queue *queue, uint16_t id, bool packed)
{
	/* an id that was given out of turn comes back once more than it was taken */
	for (unsigned int i = 0; i < (packed ? 1 : queue->count[id]); i++)
		if (queue->ids < FORWARD_DRIVER_SIZE)
			queue->free_id[queue->ids++] = packed ? id : queue->members[id][i];
	queue->free += queue->count[id];
	queue->count[id] = 0;
}

/* What a device gives back must be in flight, as long as the driver does what it must. */
static bool returnable(const struct forward_driver *driver,
		       const struct forward_driver_queue *queue, uint16_t id)
{
	bool right = id < driver->size && queue->count[id];

	assert_true(right || driver->hostile);
	return right;
}

static void reap_split(struct forward_driver *driver, struct forward_driver_queue *queue)
{
	while (queue->used != get16(queue->rings + 0x2000 + 2)) {
		uint8_t *element = queue->rings + 0x2000 + 4 + 8 * (queue->used % driver->size);
		uint16_t id = get16(element);

		if (!returnable(driver, queue, id))
			return;
		give_back(queue, id, false);
		queue->used++;
	}
}

static uint16_t forward(const struct forward_driver *driver, uint16_t position, unsigned int count)
{
	unsigned int place = (position & 0x7fffu) + count, wrap = position & 0x8000u;

	if (place >= driver->size) {
		place -= driver->size;
		wrap ^= 0x8000;
	}
	return (uint16_t)(place | wrap);
}

static uint16_t available(uint16_t position)
{
	return position & 0x8000 ? 1 << VRING_PACKED_DESC_F_AVAIL : 1 << VRING_PACKED_DESC_F_USED;
}

static void add_packed(struct forward_driver *driver, struct forward_driver_queue *queue,
		       struct recipe *recipe)
{
	struct vring_packed_desc *desc = (void *)queue->rings;
	unsigned int entries = recipe->table ? 1 : recipe->pieces;
	uint16_t real = recipe->id < driver->size ? recipe->id : 0;
	struct vring_desc *table = table_of(driver, queue, real);

	for (unsigned int i = 0; recipe->table && i < recipe->pieces; i++)
		driver_desc(&table[i], recipe->piece[i].address, recipe->piece[i].length, 0,
			    split_flags(queue, false));
	for (unsigned int i = 0; i < entries; i++) {
		struct vring_packed_desc *to = &desc[queue->avail & 0x7fff];
		uint16_t flags = recipe->table ? VRING_DESC_F_INDIRECT :
						 split_flags(queue, i + 1 < entries);

		to->addr = recipe->table ? table_iova(driver, table) : recipe->piece[i].address;
		to->len = recipe->table ? 16 * recipe->pieces : recipe->piece[i].length;
		to->id = recipe->id;
		to->flags = (uint16_t)(flags ^ (i ? 0 : recipe->flags)) | available(queue->avail);
		queue->avail = forward(driver, queue->avail, 1);
	}
	queue->count[real] = (uint8_t)entries;
	queue->free -= entries;
}

static bool is_used(const struct forward_driver_queue *queue)
{
	const struct vring_packed_desc *desc = (const void *)queue->rings;
	uint16_t both = 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED;
	uint16_t flags = desc[queue->used & 0x7fff].flags & both;

	return flags == (queue->used & 0x8000 ? both : 0);
}

static void reap_packed(struct forward_driver *driver, struct forward_driver_queue *queue)
{
	const struct vring_packed_desc *desc = (const void *)queue->rings;

	while (queue->free < driver->size && is_used(queue)) {
		uint16_t id = desc[queue->used & 0x7fff].id;
		unsigned int count;

		if (!returnable(driver, queue, id))
			return;
		count = queue->count[id];
		give_back(queue, id, true);
		queue->used = forward(driver, queue->used, count);
	}
}

static void add(struct forward_driver *driver, unsigned int end, bool tables, bool hostile)
{
	struct forward_driver_queue *queue = &driver->queue[end];
	struct recipe recipe = { .table = tables && one_in(driver, driver->simple ? 60 : 4) };
	uint32_t length = length_of(driver, queue);
	uint64_t at;

	if (queue->free < 4 || !queue->ids)
		return;
	recipe.id = take_id(driver, queue);
	at = cell(driver, queue, recipe.id);
	if (!queue->writable)
		write_frame(driver, at, length);
	cut(driver, &recipe, at, length);
	if (hostile && one_in(driver, 150))
		spoil_recipe(driver, queue, &recipe);
	if (driver->packed)
		add_packed(driver, queue, &recipe);
	else
		add_split(driver, queue, &recipe);
}

/* Whether interrupts are wanted, by whatever means there are. */
static void choose_interrupts(struct forward_driver *driver, struct forward_driver_queue *queue)
{
	uint8_t *area = queue->rings + 0x1000;

	if (driver->packed) {
		put16(area + 2, (uint16_t)below(driver, 3));
		put16(area, (uint16_t)below(driver, driver->size) | (queue->used & 0x8000));
		return;
	}
	put16(area, (uint16_t)below(driver, 2));
	put16(area + 4 + 2 * driver->size, (uint16_t)(queue->used + below(driver, 8) - 2));
}

/* The index jumps, or a byte of a ring changes. */
static void spoil_ring(struct forward_driver *driver, struct forward_driver_queue *queue)
{
	if (!driver->packed && one_in(driver, 2))
		put16(queue->rings + 0x1000 + 2, queue->avail + (uint16_t)below(driver, 600) - 300);
	else
		queue->rings[below(driver, 16 * driver->size)] ^= 1u << below(driver, 8);
}

void forward_driver_step(struct forward_driver *driver, uint64_t features, bool hostile,
			 uint32_t seed)
{
	bool tables = features >> VIRTIO_RING_F_INDIRECT_DESC & 1;
	unsigned int actions;

	driver->random = seed;
	driver->hostile = hostile;
	driver->simple = !one_in(driver, 3);
	for (unsigned int end = 0; end < 2; end++) {
		if (driver->packed)
			reap_packed(driver, &driver->queue[end]);
		else
			reap_split(driver, &driver->queue[end]);
		choose_interrupts(driver, &driver->queue[end]);
	}
	for (actions = below(driver, 300); actions; actions--)
		add(driver, below(driver, 20) < 11 ? 0 : 1, tables, hostile);
	if (hostile && one_in(driver, 10))
		spoil_ring(driver, &driver->queue[below(driver, 2)]);
}

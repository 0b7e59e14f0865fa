// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/virtio_ring.h>

#include "testsuite/fuzz/ring.h"

#define AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define USED (1 << VRING_PACKED_DESC_F_USED)

static uint8_t *area(const struct ring *ring, unsigned int end, unsigned int which)
{
	return ring->memory[3 * end + which].bytes;
}

static void put(uint8_t *area, uint32_t offset, const void *bytes, size_t length)
{
	if (area)
		memcpy(area + offset, bytes, length);
}

static void put16(uint8_t *area, uint32_t offset, uint16_t value)
{
	put(area, offset, &value, sizeof(value));
}

static void zero(const struct ring_memory *memory)
{
	if (memory->bytes)
		memset(memory->bytes, 0, memory->size);
}

void ring_driver_reset(struct ring *ring, unsigned int end)
{
	for (unsigned int i = 0; i < 3; i++)
		zero(&ring->memory[3 * end + i]);
	ring->queue[end].avail = ring->packed ? VIRTQUEUE_PACKED_BEGIN : 0;
}

/* What stands in a descriptor of either format. */
struct entry {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

/* An address that means something, and a length. */
static void choose_buffer(const struct ring *ring, struct fuzz_input *input, struct entry *entry)
{
	unsigned int region = fuzz_below(input, RING_REGIONS + 4), place = fuzz_byte(input);
	const struct ring_memory *memory;

	/* most buffers are on the heap */
	memory = &ring->memory[region < RING_REGIONS ? region : RING_HEAP];
	entry->address = memory->iova + place * 4u;
	if (place >= 0xf0)
		entry->address = memory->iova + memory->size - (0x100 - place);
	else if (place == 0xef)
		entry->address = UINT64_MAX - fuzz_byte(input);
	entry->length = fuzz_byte(input);
	if (entry->length >= 0xf0)
		entry->length = entry->length == 0xff ? UINT32_MAX - fuzz_byte(input) :
							(entry->length - 0xef) * 256 + fuzz_byte(input);
}

/* As bits of one byte: WRITE, NEXT, INDIRECT; wrong ones on demand. */
static uint16_t choose_flags(struct fuzz_input *input)
{
	uint8_t bits = fuzz_byte(input);

	return bits & 0x80 ? fuzz_word(input) : bits & (VRING_DESC_F_NEXT | VRING_DESC_F_WRITE |
							VRING_DESC_F_INDIRECT);
}

static void put_split(uint8_t *at, uint32_t index, const struct entry *entry)
{
	struct vring_desc desc = { entry->address, entry->length, entry->flags, entry->next };

	put(at, index * sizeof(desc), &desc, sizeof(desc));
}

static void put_packed(uint8_t *at, uint32_t index, const struct entry *entry)
{
	struct vring_packed_desc desc = { entry->address, entry->length, entry->next, entry->flags };

	put(at, index * sizeof(desc), &desc, sizeof(desc));
}

static void offer_split(struct ring *ring, unsigned int end, uint16_t head)
{
	struct ring_queue *queue = &ring->queue[end];
	uint8_t *driver = area(ring, end, RING_DRIVER);

	put16(driver, 4 + 2u * (queue->avail % ring->size), head);
	put16(driver, 2, ++queue->avail);
}

/* One descriptor where the driver has come to in a packed ring. */
static void offer_packed(struct ring *ring, unsigned int end, struct entry entry)
{
	struct ring_queue *queue = &ring->queue[end];
	uint16_t place = queue->avail & 0x7fff;

	entry.flags ^= queue->avail & 0x8000 ? AVAIL : USED;
	put_packed(area(ring, end, RING_DESC), place, &entry);
	if (++place == ring->size)
		queue->avail = ~queue->avail & 0x8000;
	else
		queue->avail++;
}

void ring_driver_offer(struct ring *ring, unsigned int end, uint32_t offset, uint32_t length)
{
	struct entry entry = {
		.address = ring->memory[RING_HEAP].iova + offset,
		.length = length,
		.flags = end == FORWARD_RECEIVE ? VRING_DESC_F_WRITE : 0,
	};

	if (ring->packed) {
		offer_packed(ring, end, entry);
		return;
	}
	put_split(area(ring, end, RING_DESC), 0, &entry);
	offer_split(ring, end, 0);
}

/* A chain of up to four descriptors, each of which may be wrong, offered as is due. */
static void add_chain(struct ring *ring, struct fuzz_input *input)
{
	uint8_t shape = fuzz_byte(input);
	unsigned int end = shape & 1, count = 1 + (shape >> 1 & 3);
	uint16_t head = fuzz_byte(input), writable = end ? 0 : VRING_DESC_F_WRITE;

	if (!(shape & 0x80))
		head %= ring->size;
	for (unsigned int i = 0; i < count; i++) {
		struct entry entry = { .flags = writable };
		uint16_t at = (uint16_t)((head + i) % ring->size);

		choose_buffer(ring, input, &entry);
		if (shape & 0x40)
			entry.flags = choose_flags(input);
		if (i + 1 < count)
			entry.flags |= VRING_DESC_F_NEXT;
		entry.next = ring->packed ? head : (uint16_t)((at + 1) % ring->size);
		if (shape & 0x20)
			entry.next = fuzz_byte(input);
		if (ring->packed)
			offer_packed(ring, end, entry);
		else
			put_split(area(ring, end, RING_DESC), at, &entry);
	}
	if (!ring->packed)
		offer_split(ring, end, head);
}

/* An indirect table, and the descriptor that refers to it. */
static void add_table(struct ring *ring, struct fuzz_input *input)
{
	const struct ring_memory *memory[2] = { &ring->memory[RING_TABLES],
						&ring->memory[RING_TABLES_NEXT] };
	uint8_t shape = fuzz_byte(input);
	unsigned int end = shape & 1, count = 1 + (shape >> 1 & 7), first = fuzz_below(input, 20);
	struct entry table = { memory[0]->iova + first * 16, count * 16, VRING_DESC_F_INDIRECT, 0 };
	uint8_t image[24 * 16 + 6] = { 0 };	/* both regions, as the driver sees them */

	for (unsigned int i = 0; i < 2; i++)
		if (memory[i]->bytes)
			memcpy(image + (i ? memory[0]->size : 0), memory[i]->bytes, memory[i]->size);
	for (unsigned int i = 0; i < count && first + i < 24; i++) {
		struct entry entry = { .flags = end ? 0 : VRING_DESC_F_WRITE };

		choose_buffer(ring, input, &entry);
		if (shape & 0x40)
			entry.flags = choose_flags(input);
		if (i + 1 < count && !ring->packed)
			entry.flags |= VRING_DESC_F_NEXT;
		entry.next = shape & 0x20 ? fuzz_byte(input) : (uint16_t)(i + 1);
		if (ring->packed)
			put_packed(image, first + i, &entry);
		else
			put_split(image, first + i, &entry);
	}
	put(memory[0]->bytes, 0, image, memory[0]->size);
	put(memory[1]->bytes, 0, image + memory[0]->size, memory[1]->size);
	if (shape & 0x10) {
		table.length += fuzz_byte(input);
		table.flags ^= choose_flags(input);
	}
	table.next = (uint16_t)fuzz_below(input, ring->size);
	if (ring->packed) {
		offer_packed(ring, end, table);
		return;
	}
	put_split(area(ring, end, RING_DESC), table.next, &table);
	offer_split(ring, end, table.next);
}

/* Any bytes anywhere; or, later, when the device calls back. */
static void write_bytes(struct ring *ring, struct fuzz_input *input, bool later)
{
	struct ring_race race = { .region = fuzz_below(input, RING_REGIONS) };
	const struct ring_memory *memory = &ring->memory[race.region];

	race.offset = fuzz_word(input) % memory->size;
	race.length = 1 + fuzz_below(input, sizeof(race.bytes));
	fuzz_bytes(input, race.bytes, race.length);
	if (race.length > memory->size - race.offset)
		race.length = memory->size - race.offset;
	if (later) {
		race.calls = 1 + fuzz_below(input, 6);
		ring->race = race;
		return;
	}
	put(memory->bytes, race.offset, race.bytes, race.length);
}

/* avail.idx jumps; where there is none, descriptors change hands. */
static void jump(struct ring *ring, struct fuzz_input *input)
{
	unsigned int end = fuzz_below(input, 2);
	struct ring_queue *queue = &ring->queue[end];

	if (ring->packed) {
		queue->avail ^= 0x8000;
		return;
	}
	queue->avail += (int8_t)fuzz_byte(input);
	put16(area(ring, end, RING_DRIVER), 2, queue->avail);
}

/* The wish for interrupts, in whatever field it stands. */
static void want_interrupts(struct ring *ring, struct fuzz_input *input)
{
	unsigned int end = fuzz_below(input, 2);
	uint8_t *driver = area(ring, end, RING_DRIVER);
	uint16_t flags = fuzz_byte(input), event = fuzz_word(input);

	if (ring->packed) {
		put16(driver, 0, event);
		put16(driver, 2, flags);
		return;
	}
	put16(driver, 0, flags);
	put16(driver, 4 + 2u * ring->size, event);
}

/* A virtio header and the beginning of a frame, where transmit buffers often are. */
static void write_frame(struct ring *ring, struct fuzz_input *input)
{
	const struct ring_memory *heap = &ring->memory[RING_HEAP];
	uint32_t offset = fuzz_byte(input) * 4u;
	uint8_t bytes[12 + 64];
	size_t length = fuzz_bytes(input, bytes, fuzz_below(input, sizeof(bytes) + 1));

	if (heap->bytes && offset < heap->size)
		memcpy(heap->bytes + offset, bytes,
		       length < heap->size - offset ? length : heap->size - offset);
}

void ring_driver_act(struct ring *ring, struct fuzz_input *input, enum ring_kind kind)
{
	switch (fuzz_below(input, 8)) {
	case 0:
		write_bytes(ring, input, false);
		break;
	case 1:
		write_bytes(ring, input, true);
		break;
	case 2:
		jump(ring, input);
		break;
	case 3:
		want_interrupts(ring, input);
		break;
	case 4:
		write_frame(ring, input);
		break;
	case 5:
		add_table(ring, input);
		break;
	default:
		if (kind == RING_INDIRECT)
			add_table(ring, input);
		else
			add_chain(ring, input);
		break;
	}
}

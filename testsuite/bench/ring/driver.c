/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdatomic.h>
#include <string.h>

#include "driver.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED (1u << VRING_PACKED_DESC_F_USED)

/* Two words of a frame's content at a time. */
typedef uint64_t words __attribute__((vector_size(16)));

static const words STEP = { UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xbf58476d1ce4e5b9) };

/* The first two words of frame `number`; each pair that follows is STEP more. */
ALWAYS_INLINE words first_words(uint64_t number)
{
	return (words){ number * UINT64_C(0xd6e8feb86659fd93) + 1, ~number };
}

ALWAYS_INLINE uint8_t *buffer_of(const struct driver_queue *queue, unsigned int id)
{
	return queue->buffers + (size_t)id * STRIDE;
}

static void write_frame(uint8_t *frame, uint32_t length, uint64_t number)
{
	words next = first_words(number);
	uint32_t at = 0;

	for (; at + sizeof(next) <= length; at += sizeof(next), next += STEP)
		memcpy(frame + at, &next, sizeof(next));
	for (; at + 4 <= length; at += 4)
		memcpy(frame + at, (uint8_t *)&next + at % sizeof(next), 4);
}

/* Whether all bytes of a frame are those of frame `number`. */
static bool frame_right(const uint8_t *frame, uint32_t length, uint64_t number)
{
	words next = first_words(number), wrong = { 0, 0 };
	uint32_t at = 0, rest = 0;

	for (; at + sizeof(next) <= length; at += sizeof(next), next += STEP) {
		words got;

		memcpy(&got, frame + at, sizeof(got));
		wrong |= got ^ next;
	}
	for (; at + 4 <= length; at += 4) {
		uint32_t got, expected;

		memcpy(&got, frame + at, 4);
		memcpy(&expected, (uint8_t *)&next + at % sizeof(next), 4);
		rest |= got ^ expected;
	}
	return !(wrong[0] | wrong[1] | rest);
}

/* A received header says nothing but that there is one buffer. */
ALWAYS_INLINE bool header_right(const uint8_t *header)
{
	static const uint8_t expected[HEADER] = { [10] = 1 };

	return !memcmp(header, expected, sizeof(expected));
}

/* -- putting buffers up ----------------------------------------------------------- */

ALWAYS_INLINE void put_desc(struct vring_desc *desc, uint64_t at, uint32_t length, unsigned int flags,
			    unsigned int next)
{
	desc->addr = at;
	desc->len = length;
	desc->flags = (uint16_t)flags;
	desc->next = (uint16_t)next;
}

/* A packed ring's table has the flags where a split one's has next, and does not link: 2.8.7 */
ALWAYS_INLINE void put_table(struct driver_queue *queue, unsigned int id, uint64_t at, uint32_t length,
			     bool packed)
{
	unsigned int flags = queue->writable ? VRING_DESC_F_WRITE : 0;
	struct vring_desc *table = queue->tables + 2 * id;

	if (packed) {
		put_desc(table, at, HEADER, 0, flags);
		put_desc(table + 1, at + HEADER, length - HEADER, 0, flags);
		return;
	}
	put_desc(table, at, HEADER, flags | VRING_DESC_F_NEXT, 1);
	put_desc(table + 1, at + HEADER, length - HEADER, flags, 0);
}

/* Fills in descriptors and the entry of the available ring; avail.idx is the caller's. */
ALWAYS_INLINE void put_split(struct driver_queue *queue, unsigned int id, uint32_t length)
{
	unsigned int flags = queue->writable ? VRING_DESC_F_WRITE : 0;
	uint64_t at = queue->buffers_at + (uint64_t)id * STRIDE;
	struct vring_desc *desc = queue->desc + id;

	switch (queue->shape) {
	case ONE:
		put_desc(desc, at, length, flags, 0);
		break;
	case TWO:
		put_desc(desc, at, HEADER, flags | VRING_DESC_F_NEXT, id + 1);
		put_desc(desc + 1, at + HEADER, length - HEADER, flags, 0);
		break;
	case TABLE:
		put_table(queue, id, at, length, false);
		put_desc(desc, queue->tables_at + 32 * (uint64_t)id, 32, VRING_DESC_F_INDIRECT, 0);
		break;
	}
	queue->avail->ring[queue->next++ % RING_SIZE] = (uint16_t)id;
}

/* The place of the next descriptor, with the flags that make it available. */
ALWAYS_INLINE struct vring_packed_desc *next_packed(struct driver_queue *queue, unsigned int *flags)
{
	struct vring_packed_desc *desc = queue->packed + queue->next;

	*flags |= queue->next_wrap ? PACKED_AVAIL : PACKED_USED;
	if (++queue->next == RING_SIZE) {
		queue->next = 0;
		queue->next_wrap = !queue->next_wrap;
	}
	return desc;
}

ALWAYS_INLINE void put_packed_desc(struct vring_packed_desc *desc, uint64_t at, uint32_t length,
				   unsigned int id)
{
	desc->addr = at;
	desc->len = length;
	desc->id = (uint16_t)id;
}

/* The flags of the first descriptor are stored last: 2.8.21.1 */
ALWAYS_INLINE void offer_packed(struct vring_packed_desc *desc, unsigned int flags)
{
	atomic_store_explicit((_Atomic uint16_t *)&desc->flags, (uint16_t)flags,
			      memory_order_release);
}

ALWAYS_INLINE void put_packed(struct driver_queue *queue, unsigned int id, uint32_t length)
{
	unsigned int flags = queue->writable ? VRING_DESC_F_WRITE : 0, more = flags;
	uint64_t at = queue->buffers_at + (uint64_t)id * STRIDE;
	struct vring_packed_desc *desc, *second;

	switch (queue->shape) {
	case ONE:
		desc = next_packed(queue, &flags);
		put_packed_desc(desc, at, length, id);
		break;
	case TWO:
		desc = next_packed(queue, &flags);
		flags |= VRING_DESC_F_NEXT;
		second = next_packed(queue, &more);
		put_packed_desc(desc, at, HEADER, id);
		put_packed_desc(second, at + HEADER, length - HEADER, id);
		second->flags = (uint16_t)more;
		break;
	default:
		flags = VRING_DESC_F_INDIRECT;
		desc = next_packed(queue, &flags);
		put_table(queue, id, at, length, true);
		put_packed_desc(desc, queue->tables_at + 32 * (uint64_t)id, 32, id);
		break;
	}
	offer_packed(desc, flags);
}

ALWAYS_INLINE void put(const struct driver *driver, struct driver_queue *queue, unsigned int id,
		       uint32_t length)
{
	if (driver->packed)
		put_packed(queue, id, length);
	else
		put_split(queue, id, length);
}

/* Everything that was put up becomes available: 2.7.13.3.1. A packed ring's already is. */
ALWAYS_INLINE void offer(const struct driver *driver, struct driver_queue *queue)
{
	if (!driver->packed)
		atomic_store_explicit((_Atomic uint16_t *)&queue->avail->idx, queue->next,
				      memory_order_release);
}

/* -- taking them back ------------------------------------------------------------- */

/* The number of used elements that can be taken; a packed ring says 1 or 0. */
ALWAYS_INLINE unsigned int used_count(const struct driver *driver, const struct driver_queue *queue)
{
	uint16_t flags;

	if (!driver->packed)
		return (uint16_t)(atomic_load_explicit((_Atomic uint16_t *)&queue->used->idx,
						       memory_order_acquire) - queue->reaped);
	flags = atomic_load_explicit((_Atomic uint16_t *)&queue->packed[queue->reaped].flags,
				     memory_order_acquire);
	return !!(flags & PACKED_AVAIL) == queue->reaped_wrap &&
	       !!(flags & PACKED_USED) == queue->reaped_wrap;
}

ALWAYS_INLINE unsigned int take_used(const struct driver *driver, struct driver_queue *queue,
				     uint32_t *length)
{
	unsigned int id;

	if (!driver->packed) {
		const vring_used_elem_t *element = &queue->used->ring[queue->reaped++ % RING_SIZE];

		*length = element->len;
		return element->id;
	}
	*length = queue->packed[queue->reaped].len;
	id = queue->packed[queue->reaped].id;
	queue->reaped += queue->shape == TWO ? 2 : 1;
	if (queue->reaped >= RING_SIZE) {
		queue->reaped = 0;
		queue->reaped_wrap = !queue->reaped_wrap;
	}
	return id;
}

/* Ids that a device gives back must be some of ours. */
ALWAYS_INLINE unsigned int checked_id(struct driver *driver, unsigned int id)
{
	if (id < RING_SIZE)
		return id;
	driver->wrong++;
	return 0;
}

/* -- what a run does -------------------------------------------------------------- */

static struct vring_packed_desc_event *driver_event(struct driver_queue *queue)
{
	return (void *)queue->avail;
}

/* A driver that polls: it wants no interrupts (used_event 0 is passed once in 65536 chains). */
static void reset_queue(struct driver *driver, struct driver_queue *queue)
{
	unsigned int step = queue->shape == TWO ? 2 : 1;

	memset(queue->desc, 0, RING_SIZE * sizeof(*queue->desc));
	memset(queue->avail, 0, 6 + 2 * RING_SIZE);
	memset(queue->used, 0, 6 + 8 * RING_SIZE);
	if (driver->packed)
		driver_event(queue)->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	queue->next = queue->reaped = queue->free_first = queue->free_last = 0;
	queue->next_wrap = queue->reaped_wrap = true;
	for (unsigned int id = 0; id < RING_SIZE; id += step) {
		if (queue->writable)
			put(driver, queue, id, BUFFER);
		else
			queue->free[queue->free_last++] = (uint16_t)id;
	}
	offer(driver, queue);
}

void driver_reset(struct driver *driver)
{
	driver->sent = driver->received = 0;
	reset_queue(driver, &driver->receive);
	reset_queue(driver, &driver->transmit);
}

unsigned int driver_send(struct driver *driver, unsigned int count)
{
	struct driver_queue *queue = &driver->transmit;
	unsigned int free = (uint16_t)(queue->free_last - queue->free_first);

	if (count > free)
		count = free;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int id = queue->free[queue->free_first++ % RING_SIZE];
		uint8_t *buffer = buffer_of(queue, id);

		memset(buffer, 0, HEADER);
		write_frame(buffer + HEADER, driver->length, driver->sent++);
		put(driver, queue, id, HEADER + driver->length);
	}
	offer(driver, queue);
	return count;
}

static void receive_frame(struct driver *driver, struct driver_queue *queue)
{
	uint32_t length;
	unsigned int id = checked_id(driver, take_used(driver, queue, &length));
	const uint8_t *buffer = buffer_of(queue, id);

	if (length != HEADER + driver->length || !header_right(buffer) ||
	    !frame_right(buffer + HEADER, driver->length, driver->received))
		driver->wrong++;
	driver->received++;
	put(driver, queue, id, BUFFER);
}

static void take_back(struct driver *driver, struct driver_queue *queue)
{
	uint32_t length;
	unsigned int id = checked_id(driver, take_used(driver, queue, &length));

	queue->free[queue->free_last++ % RING_SIZE] = (uint16_t)id;
}

unsigned int driver_receive(struct driver *driver)
{
	unsigned int frames = 0, count;

	while ((count = used_count(driver, &driver->receive)) != 0) {
		for (frames += count; count; count--)
			receive_frame(driver, &driver->receive);
		offer(driver, &driver->receive);
	}
	while ((count = used_count(driver, &driver->transmit)) != 0)
		for (; count; count--)
			take_back(driver, &driver->transmit);
	return frames;
}

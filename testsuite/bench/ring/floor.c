/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdatomic.h>
#include <string.h>

#include "floor.h"

#define NUM_BUFFERS_AT 10
#define ALWAYS_INLINE static inline __attribute__((always_inline))

static void reset_queue(struct floor_queue *to, const struct driver_queue *from)
{
	*to = (struct floor_queue){
		.desc = from->desc,
		.avail = from->avail,
		.used = from->used,
		.packed = from->packed,
		.wrap = true,
	};
}

void floor_reset(struct floor *floor, const struct driver *driver)
{
	reset_queue(&floor->transmit, &driver->transmit);
	reset_queue(&floor->receive, &driver->receive);
	floor->wanted = 0;
}

ALWAYS_INLINE void copy_frame(uint64_t to, uint64_t from, uint32_t length)
{
	static const uint16_t one = 1;

	memcpy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, length);
	memcpy((uint8_t *)(uintptr_t)to + NUM_BUFFERS_AT, &one, sizeof(one));
}

/* -- split ------------------------------------------------------------------------ */

ALWAYS_INLINE unsigned int available(struct floor_queue *queue, unsigned int wanted)
{
	uint16_t count = queue->avail_seen - queue->next;

	if (count < wanted) {
		queue->avail_seen = atomic_load_explicit((_Atomic uint16_t *)&queue->avail->idx,
							 memory_order_acquire);
		count = queue->avail_seen - queue->next;
	}
	return count < wanted ? count : wanted;
}

ALWAYS_INLINE void publish(struct floor_queue *queue, unsigned int count)
{
	queue->next += (uint16_t)count;
	atomic_store_explicit((_Atomic uint16_t *)&queue->used->idx, queue->next,
			      memory_order_release);
}

ALWAYS_INLINE void publish_with_fence(struct floor_queue *queue, unsigned int count)
{
	queue->next += (uint16_t)count;
	atomic_exchange_explicit((_Atomic uint16_t *)&queue->used->idx, queue->next,
				 memory_order_seq_cst);
}

ALWAYS_INLINE bool wanted(const struct floor_queue *queue, unsigned int count)
{
	uint16_t event = atomic_load_explicit((_Atomic uint16_t *)&queue->avail->ring[RING_SIZE],
					      memory_order_relaxed);

	return (uint16_t)(queue->next - event - 1) < count;
}

ALWAYS_INLINE unsigned int move_split(struct floor *floor)
{
	struct floor_queue *transmit = &floor->transmit, *receive = &floor->receive;
	const struct vring_desc *from_desc = transmit->desc, *to_desc = receive->desc;
	const struct vring_avail *from_avail = transmit->avail, *to_avail = receive->avail;
	vring_used_elem_t *from_used = transmit->used->ring, *to_used = receive->used->ring;
	unsigned int from_next = transmit->next, to_next = receive->next;
	unsigned int count = available(transmit, FLOOR_BATCH);

	count = available(receive, count);
	for (unsigned int i = 0; i < count; i++) {
		unsigned int from_at = (from_next + i) % RING_SIZE, to_at = (to_next + i) % RING_SIZE;
		unsigned int from = from_avail->ring[from_at], to = to_avail->ring[to_at];
		uint32_t length = from_desc[from].len;

		copy_frame(to_desc[to].addr, from_desc[from].addr, length);
		from_used[from_at] = (vring_used_elem_t){ .id = from };
		to_used[to_at] = (vring_used_elem_t){ .id = to, .len = length };
	}
	return count;
}

unsigned int floor_split(struct floor *floor)
{
	unsigned int count = move_split(floor);

	if (!count)
		return 0;
	publish(&floor->receive, count);
	publish(&floor->transmit, count);
	return count;
}

unsigned int floor_split_fence(struct floor *floor)
{
	unsigned int count = move_split(floor);

	if (!count)
		return 0;
	publish(&floor->receive, count);
	publish_with_fence(&floor->transmit, count);
	floor->wanted += wanted(&floor->receive, count);
	floor->wanted += wanted(&floor->transmit, count);
	return count;
}

/* -- packed ----------------------------------------------------------------------- */

#define PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED (1u << VRING_PACKED_DESC_F_USED)

/* The driver's flags are stored last, so what is before them is there: 2.8.21.1 */
ALWAYS_INLINE bool is_available(const struct vring_packed_desc *desc, bool wrap)
{
	unsigned int flags = atomic_load_explicit((const _Atomic uint16_t *)&desc->flags,
						  memory_order_acquire);

	return (flags & (PACKED_AVAIL | PACKED_USED)) == (wrap ? PACKED_AVAIL : PACKED_USED);
}

ALWAYS_INLINE uint16_t used_flags(bool wrap)
{
	return wrap ? PACKED_AVAIL | PACKED_USED : 0;
}

/* Writes used descriptors over the available ones; the first one's flags are left out. */
ALWAYS_INLINE void use(struct vring_packed_desc *desc, unsigned int id, uint32_t length, bool wrap,
		       bool first)
{
	desc->id = (uint16_t)id;
	desc->len = length;
	if (!first)
		desc->flags = used_flags(wrap);
}

ALWAYS_INLINE void advance(uint16_t *next, bool *wrap)
{
	if (++*next == RING_SIZE) {
		*next = 0;
		*wrap = !*wrap;
	}
}

ALWAYS_INLINE unsigned int move_packed(struct floor *floor)
{
	struct vring_packed_desc *from_ring = floor->transmit.packed;
	struct vring_packed_desc *to_ring = floor->receive.packed;
	uint16_t from_next = floor->transmit.next, to_next = floor->receive.next;
	bool from_wrap = floor->transmit.wrap, to_wrap = floor->receive.wrap;
	unsigned int count;

	for (count = 0; count < FLOOR_BATCH; count++) {
		struct vring_packed_desc *from = from_ring + from_next, *to = to_ring + to_next;
		uint32_t length;

		if (!is_available(from, from_wrap) || !is_available(to, to_wrap))
			break;
		length = from->len;
		copy_frame(to->addr, from->addr, length);
		use(from, from->id, 0, from_wrap, !count);
		use(to, to->id, length, to_wrap, !count);
		advance(&from_next, &from_wrap);
		advance(&to_next, &to_wrap);
	}
	floor->transmit.next = from_next;
	floor->receive.next = to_next;
	floor->transmit.wrap = from_wrap;
	floor->receive.wrap = to_wrap;
	return count;
}

/* The flags of the first descriptor make the whole batch visible. */
ALWAYS_INLINE void publish_packed(struct vring_packed_desc *first, bool wrap)
{
	atomic_store_explicit((_Atomic uint16_t *)&first->flags, used_flags(wrap),
			      memory_order_release);
}

ALWAYS_INLINE bool wanted_packed(const struct vring_avail *driver_event)
{
	const struct vring_packed_desc_event *event = (const void *)driver_event;

	return atomic_load_explicit((const _Atomic uint16_t *)&event->flags,
				    memory_order_relaxed) != VRING_PACKED_EVENT_FLAG_DISABLE;
}

unsigned int floor_packed(struct floor *floor)
{
	struct floor before = *floor;
	unsigned int count = move_packed(floor);

	if (!count)
		return 0;
	publish_packed(before.receive.packed + before.receive.next, before.receive.wrap);
	publish_packed(before.transmit.packed + before.transmit.next, before.transmit.wrap);
	return count;
}

unsigned int floor_packed_fence(struct floor *floor)
{
	struct floor before = *floor;
	unsigned int count = move_packed(floor);
	struct vring_packed_desc *first = before.transmit.packed + before.transmit.next;

	if (!count)
		return 0;
	publish_packed(before.receive.packed + before.receive.next, before.receive.wrap);
	atomic_exchange_explicit((_Atomic uint16_t *)&first->flags,
				 used_flags(before.transmit.wrap), memory_order_seq_cst);
	floor->wanted += wanted_packed(floor->receive.avail);
	floor->wanted += wanted_packed(floor->transmit.avail);
	return count;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a split virtqueue (virtio 1.2, section 2.7) whose buffers have a
 * fixed place: chain k is always the same descriptors and the same memory.
 *
 * Nothing here is checked on behalf of the device: who wants to be a bad driver writes
 * into the ring, the tables or the buffers after describe() or offer().
 */
#ifndef TESTSUITE_GUEST_VHOST_RING_H
#define TESTSUITE_GUEST_VHOST_RING_H

#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "testsuite/guest/vhost_client.h"

struct queue {
	const struct client *memory;
	struct client_queue client;
	struct vring ring;
	unsigned int pieces;	/* descriptors of a chain */
	unsigned int chains;	/* that there can be */
	bool indirect, event_index;
	struct vring_desc *tables;
	uint8_t *buffers;
	size_t buffer_size;
	uint16_t free[32768];	/* chains that are ours */
	unsigned int free_count;
	bool live;		/* the device may be told of something */
	uint16_t told;		/* avail.idx when it was told last */
	uint16_t used;		/* elements seen */
	uint64_t kicks, interrupts;
};

static inline size_t ring_bytes(unsigned int size)
{
	return (vring_size(size, 64) + 63) & ~(size_t)63;
}

/* Bytes of the tables and buffers of a queue, with room to align them. */
static inline size_t buffers_bytes(const struct queue *q)
{
	size_t table = q->indirect ? q->pieces * sizeof(struct vring_desc) : 0;

	return q->ring.num * (q->buffer_size + table) + 16;
}

/*
 * Lay out queue @index: the ring at *@rings, tables and buffers at *@buffers, both of which
 * are moved on. pieces, indirect, buffer_size and ring.num have been set.
 */
static inline void queue_make(struct queue *q, unsigned int index, uint8_t **rings,
			      uint8_t **buffers)
{
	unsigned int i, size = q->ring.num;

	vring_init(&q->ring, size, *rings, 64);
	*rings += ring_bytes(size);
	*buffers += -(uintptr_t)*buffers % 16;
	q->tables = (struct vring_desc *)*buffers;
	q->buffers = *buffers + (q->indirect ? size * q->pieces * sizeof(*q->tables) : 0);
	*buffers = q->buffers + size * q->buffer_size;
	q->chains = q->indirect ? size : size / q->pieces;
	q->free_count = q->chains;
	for (i = 0; i < q->chains; i++)
		q->free[i] = (uint16_t)(q->chains - 1 - i);
	q->client = (struct client_queue){
		.index = index, .size = (uint16_t)size,
		.desc = q->ring.desc, .driver = q->ring.avail, .device = q->ring.used,
		.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	if (q->client.kick < 0 || q->client.call < 0)
		err(CLIENT_FAILED, "eventfd");
}

static inline uint8_t *slot(const struct queue *q, unsigned int chain)
{
	return q->buffers + chain * q->buffer_size;
}

static inline void describe_piece(const struct queue *q, struct vring_desc *desc,
				  const uint8_t *at, uint32_t length, uint16_t flags, uint16_t next)
{
	desc->addr = client_iova(q->memory, at);
	desc->len = length;
	desc->flags = flags;
	desc->next = next;
}

/* The descriptors of a chain, cut into pieces of about the same length. */
static inline void describe(struct queue *q, unsigned int chain, uint32_t length, uint16_t flags)
{
	unsigned int i, first = q->indirect ? 0 : chain * q->pieces;
	struct vring_desc *table = q->indirect ? q->tables + chain * q->pieces : q->ring.desc;
	uint32_t step = length / q->pieces;

	for (i = 0; i < q->pieces; i++) {
		bool last = i == q->pieces - 1;

		describe_piece(q, table + first + i, slot(q, chain) + i * step,
			       last ? length - i * step : step,
			       last ? flags : flags | VRING_DESC_F_NEXT,
			       (uint16_t)(first + i + 1));
	}
	if (q->indirect)
		describe_piece(q, q->ring.desc + chain, (uint8_t *)table,
			       (uint32_t)(q->pieces * sizeof(*table)), VRING_DESC_F_INDIRECT, 0);
}

static inline void offer(struct queue *q, unsigned int chain)
{
	uint16_t index = q->ring.avail->idx;

	q->ring.avail->ring[index % q->ring.num] =
		(uint16_t)(q->indirect ? chain : chain * q->pieces);
	__atomic_store_n(&q->ring.avail->idx, (uint16_t)(index + 1), __ATOMIC_RELEASE);
}

/* used_event and avail_event lie behind the rings: 2.7.6, 2.7.8 */
static inline uint16_t *used_event(const struct queue *q)
{
	return &q->ring.avail->ring[q->ring.num];
}

static inline uint16_t *avail_event(const struct queue *q)
{
	return (uint16_t *)(void *)&q->ring.used->ring[q->ring.num];
}

/* Tell the device what was offered since it was told last, if it wants to know. */
static inline void kick(struct queue *q)
{
	uint16_t index = q->ring.avail->idx, old = q->told;
	bool wanted;

	if (!q->live || index == old)
		return;
	q->told = index;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (q->event_index)
		wanted = vring_need_event(__atomic_load_n(avail_event(q), __ATOMIC_RELAXED), index,
					  old);
	else
		wanted = !(__atomic_load_n(&q->ring.used->flags, __ATOMIC_RELAXED) &
			   VRING_USED_F_NO_NOTIFY);
	if (wanted) {
		q->kicks++;
		eventfd_write(q->client.kick, 1);
	}
}

static inline bool has_used(const struct queue *q)
{
	return __atomic_load_n(&q->ring.used->idx, __ATOMIC_ACQUIRE) != q->used;
}

/*
 * The next used element's chain, which is ours again when the caller puts it into free; -1
 * when it is not the one that is due (a network device uses chains in order).
 */
static inline int take_used(struct queue *q, uint32_t *length)
{
	struct vring_used_elem element = q->ring.used->ring[q->used % q->ring.num];
	unsigned int chain = q->indirect ? element.id : element.id / q->pieces;

	if (element.id != q->ring.avail->ring[q->used % q->ring.num] || chain >= q->chains)
		return -1;
	q->used++;
	*length = element.len;
	return (int)chain;
}

static inline void give_free(struct queue *q, unsigned int chain)
{
	q->free[q->free_count++] = (uint16_t)chain;
}

/* Ask for an interrupt at the next used element. true: it is there already. */
static inline bool arm(struct queue *q)
{
	if (q->event_index)
		__atomic_store_n(used_event(q), q->used, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return has_used(q);
}

#endif

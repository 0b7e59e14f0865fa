/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver's side of a virtqueue, split (virtio 1.2, section 2.7) or packed (2.8), whose
 * every byte its user may write as it likes: for drivers that break rules.
 *
 * The three areas of a virtqueue have a page each, so that each can be mapped in its own way.
 * A chain that is offered begins at descriptor (packed: in place) raw_place(), and this number
 * is also its head, its buffer id, and the slot that its buffer is by default.
 */
#ifndef TESTSUITE_GUEST_RAW_RING_H
#define TESTSUITE_GUEST_RAW_RING_H

#include <linux/virtio_ring.h>
#include <sys/eventfd.h>

#include "testsuite/guest/vhost_client.h"

#define RAW_PAGE 4096
#define RAW_AREAS 3		/* pages: descriptor, driver, device area */
#define RAW_SIZE 64		/* entries */
#define RAW_SLOT 2048		/* bytes of a buffer */
#define RAW_TABLE 80		/* entries of the indirect table, more than a chain may have */
#define RAW_WRAP 0x8000		/* packed: the wrap counter in a position */

#define RAW_NEXT VRING_DESC_F_NEXT
#define RAW_WRITE VRING_DESC_F_WRITE
#define RAW_INDIRECT VRING_DESC_F_INDIRECT
#define RAW_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define RAW_USED (1u << VRING_PACKED_DESC_F_USED)

struct raw {
	const struct client *memory;
	struct client_queue client;	/* what the kernel is told */
	bool packed;
	struct vring_desc *desc;	/* split, or packed: in the order of struct vring_packed_desc */
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc_event *driver_event, *device_event;
	uint8_t *slots;			/* RAW_SIZE buffers */
	struct vring_desc *table;	/* RAW_TABLE entries */
	uint16_t next;			/* split: avail.idx; packed: position of the next chain */
	uint16_t seen;			/* split: used.idx; packed: position of the next used one */
	uint16_t count[RAW_SIZE];	/* descriptors of the chain of each id */
};

/* A buffer of a chain; NEXT is added where another one follows. */
struct raw_piece {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
};

static inline uint8_t *raw_slot(const struct raw *q, unsigned int place)
{
	return q->slots + (place % RAW_SIZE) * RAW_SLOT;
}

/* Where the next chain begins. */
static inline unsigned int raw_place(const struct raw *q)
{
	return q->packed ? q->next & (RAW_WRAP - 1) : q->next % RAW_SIZE;
}

static inline uint16_t raw_forward(uint16_t position, unsigned int count)
{
	unsigned int place = (position & (RAW_WRAP - 1)) + count;
	uint16_t wrap = position & RAW_WRAP;

	return (uint16_t)(place < RAW_SIZE ? place | wrap : (place - RAW_SIZE) | (wrap ^ RAW_WRAP));
}

/* -- descriptors ------------------------------------------------------------------- */

/* One of a table or of a ring, not available yet. @link: next, or the buffer id. */
static inline void raw_put(bool packed, struct vring_desc *at, const struct raw_piece *piece,
			   uint16_t flags, uint16_t link)
{
	struct vring_packed_desc *other = (struct vring_packed_desc *)(void *)at;

	at->addr = piece->address;
	at->len = piece->length;
	if (packed) {
		other->id = link;
		__atomic_store_n(&other->flags, flags, __ATOMIC_RELEASE);
	} else {
		at->flags = flags;
		at->next = link;
	}
}

/* The flags of what is in @place of a packed ring. */
static inline uint16_t *raw_flags(const struct raw *q, unsigned int place)
{
	return &((struct vring_packed_desc *)(void *)&q->desc[place % RAW_SIZE])->flags;
}

/* What makes a descriptor at @position of a packed ring available. */
static inline uint16_t raw_available(uint16_t position)
{
	return position & RAW_WRAP ? RAW_AVAIL : RAW_USED;
}

/* @count descriptors beginning at @place, those that are not the last one with NEXT. */
static inline void raw_describe(struct raw *q, unsigned int place, const struct raw_piece *piece,
				unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		uint16_t link = (uint16_t)(q->packed ? place : (place + i + 1) % RAW_SIZE);

		raw_put(q->packed, &q->desc[(place + i) % RAW_SIZE], &piece[i],
			piece[i].flags | (i + 1 < count ? RAW_NEXT : 0), link);
	}
	q->count[place] = (uint16_t)count;
}

/* -- offering ---------------------------------------------------------------------- */

static inline void raw_set_index(struct raw *q, uint16_t index)
{
	__atomic_store_n(&q->avail->idx, index, __ATOMIC_RELEASE);
}

/* Entry @ahead from the next one of a split ring's available ring. */
static inline void raw_set_head(struct raw *q, unsigned int ahead, uint16_t head)
{
	q->avail->ring[(q->next + ahead) % RAW_SIZE] = head;
}

/* Make @count descriptors of a packed ring available, the first one last. */
static inline void raw_show(struct raw *q, unsigned int count)
{
	unsigned int i = count;

	while (i--) {
		uint16_t position = raw_forward(q->next, i);
		uint16_t *flags = raw_flags(q, position & (RAW_WRAP - 1));

		__atomic_store_n(flags, (*flags & ~(RAW_AVAIL | RAW_USED)) | raw_available(position),
				 __ATOMIC_RELEASE);
	}
	q->next = raw_forward(q->next, count);
}

/* The chain of @count descriptors that was described at raw_place(). */
static inline void raw_offer(struct raw *q, unsigned int count)
{
	if (q->packed) {
		raw_show(q, count);
		return;
	}
	raw_set_head(q, 0, (uint16_t)raw_place(q));
	raw_set_index(q, ++q->next);
}

/* @count chains of one descriptor each, described from raw_place() on: all in one store. */
static inline void raw_offer_many(struct raw *q, unsigned int count)
{
	unsigned int i;

	if (q->packed) {
		raw_show(q, count);
		return;
	}
	for (i = 0; i < count; i++)
		raw_set_head(q, i, (uint16_t)((raw_place(q) + i) % RAW_SIZE));
	q->next += (uint16_t)count;
	raw_set_index(q, q->next);
}

static inline void raw_kick(const struct raw *q)
{
	eventfd_write(q->client.kick, 1);
}

/* Describe and offer a chain, without a kick. */
static inline void raw_chain(struct raw *q, const struct raw_piece *piece, unsigned int count)
{
	raw_describe(q, raw_place(q), piece, count);
	raw_offer(q, count);
}

/* The buffer of the next chain, @length bytes of it. */
static inline struct raw_piece raw_buffer(const struct raw *q, uint32_t length, uint16_t flags)
{
	return (struct raw_piece){ client_iova(q->memory, raw_slot(q, raw_place(q))), length,
				   flags };
}

/* -- used elements ----------------------------------------------------------------- */

static inline bool raw_take_packed(struct raw *q, unsigned int *id, uint32_t *length)
{
	unsigned int place = q->seen & (RAW_WRAP - 1);
	uint16_t flags = __atomic_load_n(raw_flags(q, place), __ATOMIC_ACQUIRE);
	const struct vring_packed_desc *used = (const void *)&q->desc[place];
	bool wrap = q->seen & RAW_WRAP;

	if (!!(flags & RAW_AVAIL) != wrap || !!(flags & RAW_USED) != wrap)
		return false;
	*id = used->id;
	*length = used->len;
	q->seen = raw_forward(q->seen, used->id < RAW_SIZE ? q->count[used->id] : 1);
	return true;
}

/* The next used element; false: there is none yet. */
static inline bool raw_take(struct raw *q, unsigned int *id, uint32_t *length)
{
	const struct vring_used_elem *used = &q->used->ring[q->seen % RAW_SIZE];

	if (q->packed)
		return raw_take_packed(q, id, length);
	if (__atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) == q->seen)
		return false;
	*id = used->id;
	*length = used->len;
	q->seen++;
	return true;
}

/* -- making one -------------------------------------------------------------------- */

/* The bytes that a virtqueue needs: areas, table, buffers. */
static inline size_t raw_ring_bytes(void)
{
	return RAW_AREAS * RAW_PAGE;
}

static inline size_t raw_buffer_bytes(void)
{
	return RAW_PAGE + RAW_SIZE * RAW_SLOT;
}

/* Virtqueue @index, empty, as after a reset: areas at @rings, table and buffers at @buffers. */
static inline void raw_make(struct raw *q, const struct client *memory, unsigned int index,
			    bool packed, uint8_t *rings, uint8_t *buffers)
{
	int kick = q->client.kick, call = q->client.call;

	*q = (struct raw){ .memory = memory, .packed = packed,
			   .next = packed ? RAW_WRAP : 0, .seen = packed ? RAW_WRAP : 0 };
	memset(rings, 0, raw_ring_bytes());
	q->desc = (struct vring_desc *)(void *)rings;
	q->avail = (struct vring_avail *)(void *)(rings + RAW_PAGE);
	q->used = (struct vring_used *)(void *)(rings + 2 * RAW_PAGE);
	q->driver_event = (struct vring_packed_desc_event *)(void *)q->avail;
	q->device_event = (struct vring_packed_desc_event *)(void *)q->used;
	q->table = (struct vring_desc *)(void *)buffers;
	q->slots = buffers + RAW_PAGE;
	q->client = (struct client_queue){
		.index = index, .size = RAW_SIZE, .base = q->next, .desc = q->desc,
		.driver = q->avail, .device = q->used, .kick = kick, .call = call,
	};
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the part of a virtqueue that is the same for every ring format (virtqueue.c,
 * chain.c) and a format (split.c, packed.c). Not for users of the engine.
 */
#ifndef VDUSE_VIRTIO_FORMAT_H
#define VDUSE_VIRTIO_FORMAT_H

#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <string.h>

#include "vduse/virtio/shared.h"
#include "vduse/virtio/virtqueue.h"
#include "vduse/virtio/window.h"

/* A descriptor, copied out of the driver's memory, in host byte order. */
struct vq_descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;			/* split: next; packed: buffer id */
};

/* What a format asks of an area. */
struct vq_area_rule {
	uint64_t length;		/* bytes */
	uint64_t alignment;		/* power of two */
	unsigned int access;		/* enum vq_access */
};

/*
 * The operations of a format. They are called for a virtqueue that runs and whose areas
 * are mapped, except where it says otherwise; contracts as in virtqueue.h.
 */
struct vq_format {
	/* whether a queue may have this size */
	bool (*size_fits)(uint32_t size);
	/* fills in the rules of the descriptor, driver and device area */
	void (*rules)(uint32_t size, struct vq_area_rule rule[3]);
	/* notes where the three areas are in our memory; called while stopped, too */
	void (*attach)(struct virtqueue *vq, void *const area[3]);
	/*
	 * takes over *vq->position, and the place of the journal: 0, or -ERANGE with the error
	 * noted; while stopped
	 */
	int (*take_position)(struct virtqueue *vq, uint16_t *published);
	/* 1, 0, or -ERANGE with the error noted; also before a successor's close_journal() */
	int (*roll_forward)(struct virtqueue *vq);
	/* there is no publication to be finished any more; before the slots are emptied */
	void (*close_journal)(struct virtqueue *vq);
	int (*pop)(struct virtqueue *vq, struct vq_chain *chain);
	/* the chains that can be taken, as far as look() and pop() know */
	uint32_t (*pending)(const struct virtqueue *vq);
	int (*unpop)(struct virtqueue *vq, uint16_t head);
	int (*push)(struct virtqueue *vq, uint16_t head, uint32_t written);
	struct virtqueue_position (*outcome)(const struct virtqueue *vq);
	uint32_t (*publish)(struct virtqueue *vq);
	bool (*needs_interrupt)(struct virtqueue *vq);
	void (*disable_kick)(struct virtqueue *vq);
	/* returns nothing about chains: the caller fences and looks */
	void (*request_kick)(struct virtqueue *vq);
	/* loads what is available anew: 1 if it grew, 0, or -EPROTO */
	int (*look)(struct virtqueue *vq);
};

VQ_INLINE bool vq_has_feature(const struct virtqueue *vq, unsigned int bit)
{
	return vq->features >> bit & 1;
}

/* Stores a position as one word, after everything stored so far. */
VQ_INLINE void vq_position_store(struct virtqueue_position *to,
				     struct virtqueue_position position)
{
	uint32_t word;

	_Static_assert(sizeof(word) == sizeof(position), "a position is one word");
	memcpy(&word, &position, sizeof(word));
	atomic_store_explicit((_Atomic uint32_t *)(void *)to, word, memory_order_release);
}

VQ_INLINE bool vq_positions_joined(const struct virtqueue *first, const struct virtqueue *second)
{
	return second->position == first->position + 1 &&
	       (uintptr_t)first->position % sizeof(uint64_t) == 0;
}

/* A position of which both halves are the same. */
VQ_INLINE uint32_t vq_position_word(uint16_t index)
{
	return index * 0x10001u;
}

/* vq_position_store() of vq_position_word(). */
VQ_INLINE void vq_position_store_word(struct virtqueue_position *to, uint32_t word)
{
	atomic_store_explicit((_Atomic uint32_t *)(void *)to, word, memory_order_release);
}

/*
 * The positions of two virtqueues that are about to be published: as one store where they lie
 * side by side in memory (pair.h), so that a successor finds both of them or none.
 */
VQ_INLINE void vq_positions_store(struct virtqueue *first, uint32_t first_word,
				  struct virtqueue *second, uint32_t second_word)
{
	const uint32_t words[2] = { first_word, second_word };
	uint64_t word;

	if (__builtin_expect(!vq_positions_joined(first, second), 0)) {
		vq_position_store_word(first->position, first_word);
		vq_position_store_word(second->position, second_word);
		return;
	}
	memcpy(&word, words, sizeof(word));
	atomic_store_explicit((_Atomic uint64_t *)(void *)first->position, word,
			      memory_order_release);
}

/*
 * Notes the error and breaks the virtqueue. Returns -EPROTO, to be returned on.
 * head: of the chain; index: of the descriptor in its table.
 */
int vq_break(struct virtqueue *vq, enum virtqueue_reason reason, uint16_t head, uint32_t index,
	     uint64_t value);

/* Notes an error without breaking anything; returns `error`. */
int vq_refuse(struct virtqueue *vq, enum virtqueue_reason reason, uint64_t value, int error);

/* Empties a chain before its descriptors are added. */
static inline void vq_chain_reset(struct vq_chain *chain, uint16_t head)
{
	chain->head = head;
	chain->readable_segments = 0;
	chain->writable_segments = 0;
	chain->readable = 0;
	chain->writable = 0;
}

/*
 * Adds the buffer of one descriptor (not one that refers to a table) to a chain, with
 * all rules that do not depend on the format: no length of 0, readable before writable
 * (2.7.4.2), the total, outside the ring's own areas, mapped with permission.
 * index: of the descriptor, for the error. 0, -EPROTO, or an errno of the fault callback.
 */
int vq_chain_add_any(struct virtqueue *vq, struct vq_chain *chain, uint32_t index,
		     const struct vq_descriptor *descriptor);

/* The same, inline for a buffer that a window holds whole: that is almost every one. */
static inline int vq_chain_add(struct virtqueue *vq, struct vq_chain *chain, uint32_t index,
			       const struct vq_descriptor *descriptor)
{
	uint32_t used = chain->readable_segments + chain->writable_segments;
	bool writable = descriptor->flags & VRING_DESC_F_WRITE;
	uint64_t total = (uint64_t)chain->readable + chain->writable + descriptor->length;
	uint8_t *base;

	if (total > UINT32_MAX || used == chain->capacity || (!writable && chain->writable))
		return vq_chain_add_any(vq, chain, index, descriptor);
	base = vq_window_at(vq, writable ? VQ_WINDOW_WRITE : VQ_WINDOW_READ, descriptor->address,
			    descriptor->length);
	if (!base)
		return vq_chain_add_any(vq, chain, index, descriptor);
	chain->segments[used] = (struct iovec){ .iov_base = base, .iov_len = descriptor->length };
	if (writable) {
		chain->writable_segments++;
		chain->writable += descriptor->length;
	} else {
		chain->readable_segments++;
		chain->readable += descriptor->length;
	}
	return 0;
}

/*
 * Checks a descriptor that refers to an indirect table: negotiated, no NEXT beside it,
 * length a multiple of 16 and not 0, no wrap, outside the ring's areas (2.7.5.3).
 * 0 or -EPROTO.
 */
int vq_table_check(struct virtqueue *vq, uint16_t head, uint32_t index,
		   const struct vq_descriptor *table);

/*
 * Reads entry `entry` of an indirect table that was checked; the entry is below the
 * table's length / 16. `flags` and `next` are named as in a split table; in a packed one the
 * id is first. 0, -EPROTO, or an errno of the fault callback.
 */
int vq_table_read(struct virtqueue *vq, uint16_t head, const struct vq_descriptor *table,
		  uint32_t entry, struct vq_descriptor *descriptor);

#endif

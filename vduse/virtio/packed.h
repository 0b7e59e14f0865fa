/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packed ring format (virtio 1.2, section 2.8). Not for users of the engine. */
#ifndef VDUSE_VIRTIO_PACKED_H
#define VDUSE_VIRTIO_PACKED_H

#include <linux/virtio_ring.h>

#include "vduse/virtio/format.h"
#include "vduse/virtio/shared.h"

/* Its operations; contracts in format.h and virtqueue.h. */
extern const struct vq_format vq_format_packed;

/* The two flags whose meaning depends on the wrap counter: 2.8.1 */
#define PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED (1u << VRING_PACKED_DESC_F_USED)
#define PACKED_AVAIL_USED (PACKED_AVAIL | PACKED_USED)

/* A position is a place in the ring (bits 0 to 14) and a wrap counter (bit 15). */
#define PACKED_WRAP 0x8000u

VQ_INLINE uint16_t packed_place(uint16_t position)
{
	return position & (PACKED_WRAP - 1);
}

/* `count` places further, at most `size`. */
VQ_INLINE uint16_t packed_forward(uint16_t position, uint32_t count, uint32_t size)
{
	uint32_t place = packed_place(position) + count;
	uint32_t wrap = position & PACKED_WRAP;

	if (place >= size) {
		place -= size;
		wrap ^= PACKED_WRAP;
	}
	return (uint16_t)(place | wrap);
}

/* `count` places back, at most `size`. */
static inline uint16_t packed_back(uint16_t position, uint32_t count, uint32_t size)
{
	return packed_forward(position, size - count, size) ^ PACKED_WRAP;
}

/* What AVAIL and USED are in a descriptor that is available at `position`: they differ. */
VQ_INLINE uint16_t packed_available_flags(uint16_t position)
{
	return position & PACKED_WRAP ? PACKED_AVAIL : PACKED_USED;
}

/* What they are in a used one: both as the wrap counter. */
VQ_INLINE uint16_t packed_used_flags(uint16_t position)
{
	return position & PACKED_WRAP ? PACKED_AVAIL_USED : 0;
}

VQ_INLINE bool packed_is_available(uint16_t flags, uint16_t position)
{
	return (flags & PACKED_AVAIL_USED) == packed_available_flags(position);
}

/* How many descriptors lie between two positions: below twice the size. */
static inline uint32_t packed_distance(const struct virtqueue *vq, uint16_t from, uint16_t to)
{
	uint32_t count = packed_place(to) + vq->size - packed_place(from);

	if ((from ^ to) & PACKED_WRAP)
		count += vq->size;
	count -= vq->size;
	return count < 2 * vq->size ? count : count + 2 * vq->size;
}

/* Is there such a place in this ring? */
static inline bool packed_in_ring(const struct virtqueue *vq, uint16_t position)
{
	return packed_place(position) < vq->size;
}

/* vq_slot.descriptors has 15 bits for the number: the device may limit a list (2.8.18). */
#define PACKED_DESCRIPTORS_MAX (VQ_SLOT_STAGED - 1)

/* The buffer id noted at a position: of the element staged there, or of a chain taken. */
VQ_INLINE uint16_t packed_noted_id(const struct virtqueue *vq, uint16_t position)
{
	return vq->slots[packed_place(position)].order;
}

/* Has a chain of this buffer id been taken, and not been given back? */
static inline bool packed_is_in_flight(const struct virtqueue *vq, uint16_t id)
{
	return id < vq->size && vq->slots[id].descriptors &&
	       !(vq->slots[id].descriptors & VQ_SLOT_STAGED);
}

/* A chain was taken that may be among those seen: those become fewer. */
static inline void packed_forget_seen(struct vq_packed *packed, uint32_t descriptors)
{
	if (packed->seen_chains)
		packed->seen_chains--;
	if (packed->seen_chains && packed->seen_descriptors > descriptors)
		packed->seen_descriptors -= descriptors;
	else
		packed->seen_chains = packed->seen_descriptors = 0;
}

/* Counts descriptors published; a count over the ring's size says no more than that. */
VQ_INLINE void packed_count_unsignalled(struct virtqueue *vq, uint32_t descriptors)
{
	if (vq->packed.unsignalled <= vq->size)
		vq->packed.unsignalled += descriptors;
}

/* packed_close_journal(), for a batch that ended at `position`. */
VQ_INLINE void packed_close_journal_at(struct virtqueue *vq, uint16_t position)
{
	if (vq->packed.published)
		atomic_store_explicit((_Atomic uint16_t *)vq->packed.published, position,
				      memory_order_release);
}

/* The flags of an event suppression structure (2.8.14): its upper half; 14 bits are reserved. */
VQ_INLINE unsigned int packed_event_flags(uint32_t word)
{
	return word >> 16 & 3;
}

#define PACKED_EVENT_WORD(flags, position) ((uint32_t)(flags) << 16 | (position))

/* No word that is ever stored: 14 bits of it are reserved. */
#define PACKED_EVENT_UNKNOWN UINT32_MAX

/* Whether the device area says already that no kicks are wanted. */
VQ_INLINE bool packed_kicks_disabled(const struct vq_packed *packed)
{
	return packed->device_event_value ==
	       PACKED_EVENT_WORD(VRING_PACKED_EVENT_FLAG_DISABLE, 0);
}

/* Giving back (packed_used.c); contracts in format.h. */
int packed_roll_forward(struct virtqueue *vq);
void packed_close_journal(struct virtqueue *vq);
int packed_push(struct virtqueue *vq, uint16_t id, uint32_t written);
struct virtqueue_position packed_outcome(const struct virtqueue *vq);
uint32_t packed_publish(struct virtqueue *vq);

/* Notifications (packed_event.c); contracts in format.h. */
bool packed_needs_interrupt(struct virtqueue *vq);
void packed_disable_kick(struct virtqueue *vq);
void packed_request_kick(struct virtqueue *vq);

#endif

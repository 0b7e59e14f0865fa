/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packed virtqueue: virtio 1.2, section 2.8. Notifications; the theory is in virtqueue.h. */
#include "vduse/virtio/packed.h"
#include "vduse/virtio/shared.h"

#define EVENT_POSITION(word) ((uint16_t)(word))
#define EVENT_WORD(flags, position) PACKED_EVENT_WORD(flags, position)

/*
 * 2.8.10, RING_EVENT_FLAGS_DESC: a notification is due if the descriptor at this position is
 * among those used since the last question, also where one element stands for several. An
 * offset beyond the ring names none of them: one interrupt too many does no harm.
 */
static bool event_passed(const struct virtqueue *vq, uint16_t event, uint32_t count)
{
	uint16_t begin;

	if (!packed_in_ring(vq, event) || count > vq->size)
		return true;
	begin = packed_back(vq->packed.next_used, count, vq->size);
	return packed_distance(vq, begin, event) < count;
}

/* The value 3 is reserved, and DESC is so without EVENT_IDX (2.8.10): they enable. */
bool packed_needs_interrupt(struct virtqueue *vq)
{
	uint32_t count = vq->packed.unsignalled, event;

	if (!vq->unsignalled)
		return false;
	vq->unsignalled = 0;
	vq->packed.unsignalled = 0;
	event = shared_load32(vq->packed.driver_event);
	switch (packed_event_flags(event)) {
	case VRING_PACKED_EVENT_FLAG_DISABLE:
		return false;
	case VRING_PACKED_EVENT_FLAG_DESC:
		return !vq_has_feature(vq, VIRTIO_RING_F_EVENT_IDX) ||
		       event_passed(vq, EVENT_POSITION(event), count);
	default:
		return true;
	}
}

/* One store, and none where it would say what it says already: the line is the driver's, too. */
static void store_device_event(struct vq_packed *packed, uint32_t value)
{
	if (packed->device_event_value == value)
		return;
	shared_store32(packed->device_event, value);
	packed->device_event_value = value;
}

void packed_disable_kick(struct virtqueue *vq)
{
	store_device_event(&vq->packed, EVENT_WORD(VRING_PACKED_EVENT_FLAG_DISABLE, 0));
}

/* With EVENT_IDX: when the first descriptor that was not seen becomes available. */
void packed_request_kick(struct virtqueue *vq)
{
	struct vq_packed *packed = &vq->packed;
	uint16_t position = packed_forward(packed->next_avail, packed->seen_descriptors,
					   vq->size);

	if (vq_has_feature(vq, VIRTIO_RING_F_EVENT_IDX))
		store_device_event(packed, EVENT_WORD(VRING_PACKED_EVENT_FLAG_DESC, position));
	else
		store_device_event(packed, EVENT_WORD(VRING_PACKED_EVENT_FLAG_ENABLE, 0));
}

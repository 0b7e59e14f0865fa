/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a virtqueue knows about its ring, by format: the part of struct virtqueue, and the slots,
 * that only the formats look at. Not for users of the engine.
 */
#ifndef VDUSE_VIRTIO_STATE_H
#define VDUSE_VIRTIO_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct vring_desc;
struct vring_used;
struct vring_avail;
struct vring_packed_desc;

/*
 * Private record of a virtqueue, `size` of them in the caller's memory. An entry is used
 * under two indices at once: `writable` and `descriptors` belong to the head (packed: the
 * buffer id) of that number, `order` to the place in the ring. Lanes, which find nothing in
 * flight, have uses of their own for two of them.
 */
struct vq_slot {
	union {
		uint32_t writable;	/* bytes: writable in the chain in flight; staged: written */
		uint32_t lane_index;	/* split: where a lane took this head last */
		uint32_t lane_written;	/* packed: VQ_SLOT_LANE and the bytes, by place */
	};
	uint16_t descriptors;		/* ring entries that it takes; 0: not in flight */
	union {
		uint16_t order;		/* the head taken, later staged, at this place */
		uint16_t lane_position;	/* packed: where a lane took this id last */
	};
};

/* In vq_slot.descriptors: the chain was pushed, but the driver does not know yet. */
#define VQ_SLOT_STAGED 0x8000

/* In vq_slot.lane_written: a lane used the chain that stands at this place. */
#define VQ_SLOT_LANE 0x80000000u

/* An area of the ring, in the driver's addresses. */
struct vq_area {
	uint64_t iova;
	uint64_t length;
};

/* A range of IOVAs in which every buffer is known to be good, for one use: window.h. */
struct vq_window {
	uint64_t first;
	uint64_t length;		/* 0: there is none */
	uint8_t *base;
};

enum vq_window_use {
	VQ_WINDOW_READ,			/* buffers that the device reads */
	VQ_WINDOW_WRITE,		/* buffers that the device writes */
	VQ_WINDOW_TABLE,		/* indirect tables */
	VQ_WINDOWS
};

/* What a split virtqueue knows beside the common part. */
struct vq_split {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint16_t *used_event;		/* in the driver area, behind the ring */
	uint16_t *avail_event;		/* in the device area, behind the ring */
	/* two indices in one word: the next chain to take, and used.idx, as published last */
	_Alignas(4) uint16_t next_avail;
	uint16_t next_used;
	uint16_t avail_seen;		/* avail.idx, as acquired last */
};

/* What a packed virtqueue knows beside the common part. Positions as in virtqueue_position. */
struct vq_packed {
	struct vring_packed_desc *desc;
	uint32_t *driver_event;		/* event suppression structures, each as one word */
	uint32_t *device_event;
	uint16_t *published;		/* the journal's; NULL where nobody resumes */
	/* in one word, which a lane stores as such */
	_Alignas(8) uint16_t next_avail;	/* position of the next chain to take */
	uint16_t next_used;		/* position behind what was published last */
	uint16_t next_staged;		/* position behind what is staged */
	uint16_t unused;
	uint32_t outstanding;		/* descriptors taken and not yet published */
	uint32_t in_flight;		/* those of them that are not staged */
	uint32_t seen_chains;		/* found available and not yet taken ... */
	uint32_t seen_descriptors;	/* ... and the descriptors of those, from next_avail on */
	uint32_t unsignalled;		/* descriptors published since the last question */
	uint32_t device_event_value;	/* as stored last, or PACKED_EVENT_UNKNOWN */
};

#endif

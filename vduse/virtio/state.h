/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a virtqueue knows about its ring, by format: the part of struct virtqueue that only
 * the formats look at. Not for users of the engine.
 */
#ifndef VDUSE_VIRTIO_STATE_H
#define VDUSE_VIRTIO_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct vring_desc;
struct vring_used;
struct vring_avail;
struct vring_packed_desc;

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
	uint32_t device_event_value;	/* as stored last, valid if device_event_known */
	bool device_event_known;
};

#endif

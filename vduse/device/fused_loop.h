/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of fused.c, which includes this once for each way to copy: FUSED_CARRY is the name
 * of the function, FUSED_LOOP that of the loop in it, FUSED_COPY copies, FUSED_COPIED() comes
 * after the last copy, FUSED_TARGET is what both functions have in common with FUSED_COPY.
 */

/* For virtqueues of one kind, which is a constant here, as `alone` is: for one frame at most. */
static inline __attribute__((always_inline)) FUSED_TARGET struct fused_result
FUSED_LOOP(enum vq_lane_kind kind, bool alone, struct virtqueue *transmit,
	   struct virtqueue *receive, uint32_t frame_max, unsigned int limit)
{
	struct vq_lane_chain frame, buffer;
	struct vq_lane sent, received;
	uint32_t count = 0, available;
	struct fused_result result = { .frames = 0 };

	vq_lane_disable_kick(kind, transmit);
	vq_lane_disable_kick(kind, receive);
	available = vq_lane_open(kind, &sent, transmit, alone, limit);
	available = vq_lane_open(kind, &received, receive, alone, available);
	for (; count < available; count++) {
		if (!vq_lane_peek(kind, &sent, count, VQ_WINDOW_READ, &frame))
			break;
		if (!vq_lane_peek(kind, &received, count, VQ_WINDOW_WRITE, &buffer))
			break;
		/* 12 bytes of header, a frame from 14 bytes to frame_max */
		if (frame.length - SHORTEST > frame_max - NET_FRAME_MIN ||
		    frame.length > buffer.length)
			break;
		if (!FUSED_COPY(buffer.base, frame.base, frame.length))
			break;
		vq_lane_use(kind, &sent, count, &frame, 0);
		vq_lane_use(kind, &received, count, &buffer, frame.length);
		result.bytes += frame.length - NET_HEADER_SIZE;
	}
	FUSED_COPIED();
	result.frames = count;
	if (count) {
		result.told = vq_lane_publish(kind, &received, &sent, count);
		vq_lane_prefetch(kind, receive, VQ_WINDOW_WRITE);
	}
	return result;
}

/* One function each, so that each has the registers to itself. */
static __attribute__((noinline)) FUSED_TARGET struct fused_result
FUSED_SPLIT(struct virtqueue *transmit, struct virtqueue *receive, uint32_t frame_max,
	    unsigned int limit)
{
	return FUSED_LOOP(VQ_LANE_SPLIT, false, transmit, receive, frame_max, limit);
}

static __attribute__((noinline)) FUSED_TARGET struct fused_result
FUSED_PACKED(struct virtqueue *transmit, struct virtqueue *receive, uint32_t frame_max,
	     unsigned int limit)
{
	return FUSED_LOOP(VQ_LANE_PACKED, false, transmit, receive, frame_max, limit);
}

/* The same for one frame. */
static __attribute__((noinline)) FUSED_TARGET struct fused_result
FUSED_SPLIT_ONE(struct virtqueue *transmit, struct virtqueue *receive, uint32_t frame_max)
{
	return FUSED_LOOP(VQ_LANE_SPLIT, true, transmit, receive, frame_max, 1);
}

static __attribute__((noinline)) FUSED_TARGET struct fused_result
FUSED_PACKED_ONE(struct virtqueue *transmit, struct virtqueue *receive, uint32_t frame_max)
{
	return FUSED_LOOP(VQ_LANE_PACKED, true, transmit, receive, frame_max, 1);
}

/* As fused.h says. */
struct fused_result FUSED_CARRY(struct virtqueue *transmit, struct virtqueue *receive,
				uint32_t frame_max, unsigned int limit)
{
	enum vq_lane_kind kind;

	if (!vq_lanes_fit(transmit, receive, &kind))
		return (struct fused_result){ .frames = 0 };
	if (kind == VQ_LANE_SPLIT)
		return vq_lane_alone(VQ_LANE_SPLIT, transmit) ?
			       FUSED_SPLIT_ONE(transmit, receive, frame_max) :
			       FUSED_SPLIT(transmit, receive, frame_max, limit);
	return vq_lane_alone(VQ_LANE_PACKED, transmit) ?
		       FUSED_PACKED_ONE(transmit, receive, frame_max) :
		       FUSED_PACKED(transmit, receive, frame_max, limit);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of fused.c, which includes this once for each way to copy:
 * FUSED_CARRY is the name of the function, FUSED_COPY copies, FUSED_COPIED() comes after the
 * last copy, FUSED_TARGET is what the function has in common with FUSED_COPY.
 */

/* As fused.h says. */
FUSED_TARGET struct fused_result FUSED_CARRY(struct virtqueue *transmit,
					     struct virtqueue *receive, uint32_t frame_max,
					     unsigned int limit)
{
	struct fused_result result = { .general = true };
	struct vq_lane_chain frame, buffer;
	enum vq_lane_look look;
	struct vq_lane from, to;

	if (!vq_lane_fits(transmit) || !vq_lane_fits(receive))
		return result;
	vq_split_disable_kick(transmit);
	vq_split_disable_kick(receive);
	from = vq_lane_open(transmit, limit);
	to = vq_lane_open(receive, vq_lane_left(&from));
	for (;;) {
		look = vq_lane_peek(transmit, &from, VQ_WINDOW_READ, &frame);
		if (look == VQ_LANE_SIMPLE)
			look = vq_lane_peek(receive, &to, VQ_WINDOW_WRITE, &buffer);
		if (look != VQ_LANE_SIMPLE)
			break;
		/* 12 bytes of header, a frame from 14 bytes to frame_max */
		if (frame.length - SHORTEST > frame_max - NET_FRAME_MIN ||
		    frame.length > buffer.length)
			break;
		if (!FUSED_COPY(buffer.base, frame.base, frame.length))
			break;
		vq_lane_use(transmit, &from, &frame, 0);
		vq_lane_use(receive, &to, &buffer, frame.length);
		result.bytes += frame.length - NET_HEADER_SIZE;
	}
	FUSED_COPIED();
	result.frames = (uint16_t)(from.next - transmit->split.next_avail);
	if (look == VQ_LANE_END && result.frames) {
		result.general = false;
		result.told = (uint8_t)vq_lane_publish(receive, &to, transmit, &from);
		return result;
	}
	vq_lane_close(transmit, &from);
	vq_lane_close(receive, &to);
	return result;
}

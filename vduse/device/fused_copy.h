/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copy of a plain frame from a transmit buffer into a receive buffer: virtio header and
 * frame in one piece on both sides. The sender's header is looked at in the very bytes that
 * were loaded, and is not copied: the receiver's says that there is nothing to do, and that
 * the frame is in one buffer (num_buffers 1); it is stored once.
 */
#ifndef VDUSE_DEVICE_FUSED_COPY_H
#define VDUSE_DEVICE_FUSED_COPY_H

#include <linux/virtio_net.h>

#include "vduse/device/net.h"
#include "vduse/virtio/copy.h"
#include "vduse/virtio/shared.h"

/* Of the first two bytes of a header, flags and gso_type, what makes it one that is not plain. */
#define FUSED_NOT_PLAIN (VIRTIO_NET_HDR_F_NEEDS_CSUM | 0xff << 8)

_Static_assert(VIRTIO_NET_HDR_GSO_NONE == 0, "any bit of gso_type is a GSO type");

/* The receiver's header: nothing to do, one buffer. */
static const uint8_t fused_header[NET_HEADER_SIZE] = { [10] = 1 };

/*
 * Copies `length` bytes, of which 12 are the header; at least NET_HEADER_SIZE +
 * NET_FRAME_MIN. False, and nothing is written: the header is not plain.
 */
static inline bool fused_copy_any(uint8_t *to, const uint8_t *from, uint32_t length)
{
	uint16_t first;

	shared_copy(&first, from, sizeof(first));
	if (le16toh(first) & FUSED_NOT_PLAIN)
		return false;
	memcpy(to, fused_header, sizeof(fused_header));
	vq_copy_any(to + NET_HEADER_SIZE, from + NET_HEADER_SIZE, length - NET_HEADER_SIZE);
	return true;
}

#ifdef VQ_COPY_AVX2
/* The same with AVX2, which this function must only be used with. */
static inline __attribute__((always_inline)) VQ_COPY_AVX2 bool
fused_copy_avx2(uint8_t *to, const uint8_t *from, uint32_t length)
{
	const __m256i header = _mm256_setr_epi32(0, 0, 1 << 16, 0, 0, 0, 0, 0);
	__m256i first;

	if (__builtin_expect(length < sizeof(first), 0))
		return fused_copy_any(to, from, length);
	first = vq_load_32(from);
	if (_mm_cvtsi128_si32(_mm256_castsi256_si128(first)) & FUSED_NOT_PLAIN)
		return false;
	/* the lower three words of 4 bytes from the header */
	vq_store_32(to, _mm256_blend_epi32(first, header, 7));
	if (length > sizeof(first))
		vq_copy_rest_avx2(to + sizeof(first), from + sizeof(first),
				  length - sizeof(first));
	return true;
}
#endif

#endif

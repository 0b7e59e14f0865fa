// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/virtio/copy.h"

/* From here on a copy is worth a look at the processor. */
#define LONG 1024

#ifdef VQ_COPY_AVX2
static VQ_COPY_AVX2 void copy_avx2(uint8_t *to, const uint8_t *from, size_t length)
{
	vq_copy_16(to, from);
	vq_copy_rest_avx2(to + 16, from + 16, length - 16);
	vq_copy_avx2_end();
}
#endif

void vq_copy(uint8_t *to, const uint8_t *from, size_t length)
{
#ifdef VQ_COPY_AVX2
	if (length >= LONG && vq_copy_has_avx2()) {
		copy_avx2(to, from, length);
		return;
	}
#endif
	vq_copy_any(to, from, length);
}

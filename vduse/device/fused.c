/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vduse/device/fused.h"
#include "vduse/device/fused_copy.h"
#include "vduse/virtio/lane.h"
#include "vduse/virtio/pair.h"

#define SHORTEST (NET_HEADER_SIZE + NET_FRAME_MIN)

#define FUSED_CARRY fused_carry_any
#define FUSED_LOOP loop_any
#define FUSED_SPLIT split_any
#define FUSED_PACKED packed_any
#define FUSED_SPLIT_ONE split_one_any
#define FUSED_PACKED_ONE packed_one_any
#define FUSED_COPY fused_copy_any
#define FUSED_COPIED()
#define FUSED_TARGET
#include "vduse/device/fused_loop.h"
#undef FUSED_CARRY
#undef FUSED_LOOP
#undef FUSED_SPLIT
#undef FUSED_PACKED
#undef FUSED_SPLIT_ONE
#undef FUSED_PACKED_ONE
#undef FUSED_COPY
#undef FUSED_COPIED
#undef FUSED_TARGET

#ifdef VQ_COPY_AVX2
#define FUSED_CARRY fused_carry_avx2
#define FUSED_LOOP loop_avx2
#define FUSED_SPLIT split_avx2
#define FUSED_PACKED packed_avx2
#define FUSED_SPLIT_ONE split_one_avx2
#define FUSED_PACKED_ONE packed_one_avx2
#define FUSED_COPY fused_copy_avx2
#define FUSED_COPIED vq_copy_avx2_end
#define FUSED_TARGET VQ_COPY_AVX2
#include "vduse/device/fused_loop.h"
#endif

fused_carry_fn *fused_choose(void)
{
#ifdef VQ_COPY_AVX2
	if (vq_copy_has_avx2())
		return fused_carry_avx2;
#endif
	return fused_carry_any;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* A fuzzer's way into the split virtqueue (virtio 1.2, 2.7): ring.h. */
#include "testsuite/fuzz/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ring_fuzz(RING_SPLIT, data, size);
	return 0;
}

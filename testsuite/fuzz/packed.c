// SPDX-License-Identifier: GPL-2.0-or-later
/* A fuzzer's way into the packed virtqueue (virtio 1.2, 2.8): ring.h. */
#include "testsuite/fuzz/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ring_fuzz(RING_PACKED, data, size);
	return 0;
}

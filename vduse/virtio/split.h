/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The split ring format (virtio 1.2, section 2.7). Not for users of the engine. */
#ifndef VDUSE_VIRTIO_SPLIT_H
#define VDUSE_VIRTIO_SPLIT_H

#include "vduse/virtio/format.h"

/* Its operations; contracts in format.h and virtqueue.h. */
extern const struct vq_format vq_format_split;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system's linux/virtio_net.h, and the constants of the virtio specification
 * that older kernel headers (Debian 12: 6.1) do not have yet.
 */
#ifndef VDUSE_TOOLS_UAPI_VIRTIO_NET_H
#define VDUSE_TOOLS_UAPI_VIRTIO_NET_H

#include_next <linux/virtio_net.h>

/* UDP segmentation: virtio 1.2 with the USO extension, 5.1.3 and 5.1.6 */
#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4 54
#endif
#ifndef VIRTIO_NET_F_GUEST_USO6
#define VIRTIO_NET_F_GUEST_USO6 55
#endif
#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_HOST_USO 56
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#endif

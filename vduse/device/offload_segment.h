/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segmentation, between offload.c and offload_segment.c. Not for others. */
#ifndef VDUSE_DEVICE_OFFLOAD_SEGMENT_H
#define VDUSE_DEVICE_OFFLOAD_SEGMENT_H

#include "vduse/device/offload.h"

/*
 * Prepares the segments of an offload whose headers are copied and parsed, and whose
 * frame is longer than one segment. NET_DELIVERED, NET_DROP_UNSUPPORTED (UFO on IPv6) or
 * NET_DROP_GSO_SIZE (UFO with a fragment length that IP cannot have).
 */
enum net_drop offload_segment_begin(struct offload *offload);

/* As offload_next(), for a piece that is empty so far. */
bool offload_segment_next(struct offload *offload, struct offload_piece *piece);

#endif

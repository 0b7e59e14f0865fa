/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A driver of a network device behind /dev/vhost-vdpa-N that comes, sets all up, sends
 * nothing, and leaves: step by step, so that somebody can look at what is told of each. */
#ifndef TESTSUITE_GUEST_VHOST_LIFE_H
#define TESTSUITE_GUEST_VHOST_LIFE_H

#include "lib/features.h"
#include "testsuite/guest/vhost_ring.h"

#define LIFE_QUEUES 2
#define LIFE_QUEUE_SIZE 64
#define LIFE_DRIVER (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)

struct life {
	struct client client;
	struct queue queues[LIFE_QUEUES];
};

/* The node is open, and there is memory, of which the device does not know. */
static inline void life_begin(struct life *life, const char *node)
{
	size_t length = LIFE_QUEUES * ring_bytes(LIFE_QUEUE_SIZE);
	uint8_t *rings, *buffers;
	unsigned int i;

	memset(life, 0, sizeof(*life));
	life->client.iova = UINT64_C(0x140000000);
	client_open(&life->client, node, false);
	client_allocate(&life->client, length, 4096, 1);
	rings = life->client.memory;
	buffers = rings + length;
	for (i = 0; i < LIFE_QUEUES; i++) {
		life->queues[i].memory = &life->client;
		life->queues[i].pieces = 1;
		life->queues[i].ring.num = LIFE_QUEUE_SIZE;
		queue_make(&life->queues[i], i, &rings, &buffers);
	}
}

static inline void life_take_features(const struct life *life)
{
	uint64_t features;

	client_call(&life->client, VHOST_GET_FEATURES, &features, "VHOST_GET_FEATURES");
	features &= FEATURES_MANDATORY | UINT64_C(1) << 5;
	client_call(&life->client, VHOST_SET_FEATURES, &features, "VHOST_SET_FEATURES");
}

static inline void life_set_up(const struct life *life)
{
	unsigned int i;

	for (i = 0; i < LIFE_QUEUES; i++)
		client_set_up(&life->client, &life->queues[i].client);
}

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lives /dev/vhost-vdpa-N COUNT [ unmapped ]
 *
 * COUNT drivers of the network device, one after the other, that come, set all up, send
 * nothing and leave: for whoever is told of that. unmapped: the memory in which the rings
 * are is never made known to the device, so that its virtqueues cannot start.
 */
#include <stdlib.h>

#include "testsuite/guest/vhost_life.h"

int main(int argc, char **argv)
{
	bool unmapped = argc == 4 && !strcmp(argv[3], "unmapped");
	long count = argc >= 3 ? atol(argv[2]) : 0;
	static struct life life;

	if (count < 1 || argc > 4 || (argc == 4 && !unmapped))
		errx(CLIENT_FAILED, "usage: lives NODE COUNT [ unmapped ]");
	life_begin(&life, argv[1]);
	while (count--) {
		client_set_status(&life.client, 0);
		client_set_status(&life.client, VIRTIO_CONFIG_S_ACKNOWLEDGE);
		client_set_status(&life.client, LIFE_DRIVER);
		life_take_features(&life);
		client_set_status(&life.client, LIFE_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
		if (!unmapped)
			client_map(&life.client);
		life_set_up(&life);
		client_set_status(&life.client, LIFE_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
						VIRTIO_CONFIG_S_DRIVER_OK);
		client_set_status(&life.client, 0);
		if (!unmapped)
			client_unmap(&life.client);
	}
	return 0;
}

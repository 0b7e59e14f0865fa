// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lives /dev/vhost-vdpa-N COUNT [ unmapped ] [ hold ]
 *
 * COUNT drivers of the network device, one after the other, that come, set all up, send
 * nothing and leave: for whoever is told of that.
 *
 *	unmapped	the memory in which the rings are is never made known to the device, so
 *			that its virtqueues cannot start
 *	hold		the first one waits for a signal, with everything in place
 */
#include <stdlib.h>

#include "testsuite/guest/vhost_life.h"

static void live(struct life *life, bool unmapped, bool hold)
{
	client_set_status(&life->client, 0);
	client_set_status(&life->client, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	client_set_status(&life->client, LIFE_DRIVER);
	life_take_features(life);
	client_set_status(&life->client, LIFE_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
	if (!unmapped)
		client_map(&life->client);
	life_set_up(life);
	client_set_status(&life->client, LIFE_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
					 VIRTIO_CONFIG_S_DRIVER_OK);
	if (hold)
		pause();
	client_set_status(&life->client, 0);
	if (!unmapped)
		client_unmap(&life->client);
}

int main(int argc, char **argv)
{
	long count = argc >= 3 ? atol(argv[2]) : 0;
	bool unmapped = false, hold = false;
	static struct life life;
	int i;

	for (i = 3; i < argc; i++) {
		unmapped = unmapped || !strcmp(argv[i], "unmapped");
		hold = hold || !strcmp(argv[i], "hold");
	}
	if (count < 1 || argc > 3 + unmapped + hold)
		errx(CLIENT_FAILED, "usage: lives NODE COUNT [ unmapped ] [ hold ]");
	life_begin(&life, argv[1]);
	while (count--)
		live(&life, unmapped, hold);
	return 0;
}

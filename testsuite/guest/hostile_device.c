// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hostile_device NAME { net | block } DEED [ VALUE ] [ packed ]
 *
 * Makes the VDUSE device NAME and serves it until SIGTERM; it stays when this ends. It says
 * "ready" when it can be attached, behaves until SIGUSR1 comes, then does DEED once and says
 * "done". Deeds that are about messages or how it is made are at work from the start. What a
 * deed is, is said beside it in the table; VALUE belongs to it. Anything that the kernel refuses
 * is said as "refused" and an errno, and does not end it.
 */
#include <signal.h>
#include <sys/signalfd.h>

#include "testsuite/guest/hostile_device.h"
#include "testsuite/guest/pattern.h"

#define HEADER sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define FRAME_ROOM 65562
#define SECTORS 2048
#define FEATURES_NET (FEATURES_MANDATORY | FEATURE(VIRTIO_NET_F_MAC) | FEATURE(VIRTIO_NET_F_MTU) | \
		      FEATURE(VIRTIO_NET_F_STATUS) | FEATURE(VIRTIO_NET_F_MRG_RXBUF))
#define FEATURES_BLOCK (FEATURES_MANDATORY | FEATURE(VIRTIO_BLK_F_FLUSH))

/* -- at work ----------------------------------------------------------------------- */

static void give(struct hostile *h, unsigned int index, const struct device_chain *chain,
		 uint32_t length)
{
	struct element element = { index, chain->id, length, chain->count };
	bool given = false;

	if (h->armed && h->deed->spoil && (!h->deed->sent || index == DEVICE_TX)) {
		given = h->deed->spoil(h, &element);
		done(h);
	}
	if (!given)
		device_give(&h->device.queues[index], element.id, element.length, element.count);
}

/* One frame comes back. */
static void echo(struct hostile *h, const struct device_chain *sent)
{
	static uint8_t frame[FRAME_ROOM];
	struct device_chain room;
	uint32_t length = device_copy(sent, frame, NULL, sizeof(frame));

	memset(frame, 0, HEADER);
	frame[10] = 1;	/* num_buffers */
	if (device_pop(&h->device, &h->device.queues[DEVICE_RX], &room)) {
		if (h->armed && h->deed->frame) {
			h->deed->frame(h, frame, &length);
			done(h);
		}
		give(h, DEVICE_RX, &room, device_copy(&room, NULL, frame, length));
	}
	give(h, DEVICE_TX, sent, 0);
}

/* A request of a disk: header, data, and one byte of status. */
static void answer_request(struct hostile *h, const struct device_chain *chain)
{
	uint32_t length = 0;
	unsigned int i;

	for (i = 0; i < chain->pieces; i++)
		if (chain->piece[i].write) {
			memset(chain->piece[i].at, 0, chain->piece[i].length);
			length += chain->piece[i].length;
		}
	if (h->armed && !strcmp(h->deed->name, "frame") && chain->pieces) {
		*chain->piece[chain->pieces - 1].at = (uint8_t)h->value;
		done(h);
	}
	give(h, 0, chain, length);
}

/* What comes of the first one that is refused is said. */
static void interrupt(struct hostile *h, unsigned int index)
{
	int rc = node_interrupt(h->device.node, index);

	if (rc < 0 && !h->interrupt_refused)
		refused("VQ_INJECT_IRQ", rc);
	h->interrupt_refused |= rc < 0;
}

static void work(struct hostile *h)
{
	struct device *d = &h->device;
	bool net = d->type == DEVICE_TYPE_NET;
	struct device_chain chain;
	unsigned int i, used = 0;

	for (i = 0; i < DEVICE_QUEUES; i++)
		if (d->status & VIRTIO_CONFIG_S_DRIVER_OK)
			device_start(d, i);
	while (!h->mute && device_pop(d, &d->queues[net ? DEVICE_TX : 0], &chain)) {
		used++;
		if (net)
			echo(h, &chain);
		else
			answer_request(h, &chain);
	}
	for (i = 0; used && i < DEVICE_QUEUES; i++)
		if (d->queues[i].runs)
			interrupt(h, i);
}

static void set_status(struct hostile *h, uint8_t status)
{
	struct device *d = &h->device;
	unsigned int i;

	if (!status) {
		device_reset(d);
		h->mute = false;
	}
	d->status = status;
	if (status & VIRTIO_CONFIG_S_FEATURES_OK)
		node_get_features(d->node, &d->features);
	for (i = 0; i < DEVICE_QUEUES; i++)
		node_set_kick(d->node, i, d->queues[i].kick);
}

static void answer(struct hostile *h, const struct vduse_dev_request *request)
{
	struct vduse_dev_response response = { .request_id = request->request_id };
	bool speak = true;
	int rc;

	if (request->type == VDUSE_SET_STATUS)
		set_status(h, request->s.status);
	if (request->type == VDUSE_UPDATE_IOTLB)
		device_reset(&h->device);
	if (request->type == VDUSE_GET_VQ_STATE) {
		response.vq_state.index = request->vq_state.index;
		response.vq_state.split.avail_index = h->device.queues[request->vq_state.index % 2].next;
	}
	if (h->deed->message)
		speak = h->deed->message(h, request, &response);
	rc = speak ? node_write_response(h->device.node, &response) : 0;
	if (rc < 0 || !speak)
		refused(speak ? "an answer" : "no answer", rc);
}

static void serve(struct hostile *h, int signals)
{
	struct device *d = &h->device;
	struct pollfd fds[] = {
		{ signals, POLLIN, 0 }, { d->node, POLLIN, 0 }, { d->queues[0].kick, POLLIN, 0 },
		{ d->queues[1].kick, POLLIN, 0 },
	};
	struct vduse_dev_request request;
	struct signalfd_siginfo info;
	eventfd_t n;

	for (;;) {
		poll(fds, 4, 10);
		while (read(signals, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo == SIGTERM)
				return;
			h->armed = h->deed->spoil || h->deed->frame;
			if (h->deed->act)
				h->deed->act(h);
			else if (!h->armed)
				done(h);
		}
		while (node_read_request(d->node, &request) == 0)
			answer(h, &request);
		eventfd_read(d->queues[0].kick, &n);
		eventfd_read(d->queues[1].kick, &n);
		work(h);
	}
}

/* -- beginning --------------------------------------------------------------------- */

static void make(struct hostile *h)
{
	static const struct virtio_net_config net = {
		.mac = { 0x02, 0, 0, 0, 0xba, 0xd0 }, .status = VIRTIO_NET_S_LINK_UP,
		.max_virtqueue_pairs = 1, .mtu = 1500,
	};
	static const struct virtio_blk_config block = { .capacity = SECTORS };
	bool is_net = h->device.type == DEVICE_TYPE_NET;
	int rc;

	h->device.features |= is_net ? FEATURES_NET : FEATURES_BLOCK;
	h->config_size = is_net ? sizeof(net) : sizeof(block);
	memcpy(h->config, is_net ? (const void *)&net : &block, h->config_size);
	if (h->deed->make)
		h->deed->make(h, h->config);
	rc = device_create(&h->device, h->config, h->config_size, is_net ? 2 : 1);
	if (rc) {
		refused("CREATE_DEV", -rc);
		exit(3);
	}
	device_open(&h->device, is_net ? 2 : 1);
}

int main(int argc, char **argv)
{
	static struct hostile h = { .device.node = -1 };
	sigset_t set;
	size_t i;

	if (argc < 4)
		errx(EXIT_BAD_USAGE, "usage: hostile_device NAME { net | block } DEED [ VALUE ] [ packed ]");
	h.device.name = argv[1];
	h.device.type = strcmp(argv[2], "net") ? DEVICE_TYPE_BLOCK : DEVICE_TYPE_NET;
	for (i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (!strcmp(deeds[i].name, argv[3]))
			h.deed = &deeds[i];
	if (!h.deed || (argc > 4 && parse_number(argv[4], 0, UINT64_MAX, &h.value)))
		errx(EXIT_BAD_USAGE, "deed \"%s\"", argv[3]);
	if (argc > 5 && !strcmp(argv[5], "packed"))
		h.device.features = FEATURE(VIRTIO_F_RING_PACKED);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	make(&h);
	say("ready");
	serve(&h, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What hostile_device.c does that is wrong. */
#ifndef TESTSUITE_GUEST_HOSTILE_DEVICE_H
#define TESTSUITE_GUEST_HOSTILE_DEVICE_H

#include <poll.h>
#include <stdio.h>

#include "testsuite/guest/raw_device.h"

struct hostile;

/* A used element that is about to be given. */
struct element {
	unsigned int index;
	uint32_t id, length;
	unsigned int count;
};

struct deed {
	const char *name;
	void (*make)(struct hostile *h, uint8_t *config);	/* before it is made */
	void (*act)(struct hostile *h);				/* when it is told to */
	/* instead of the next used element, once told to; true: it was given */
	bool (*spoil)(struct hostile *h, struct element *element);
	bool sent;				/* of what was sent; of anything otherwise */
	/* what is in a frame that it returns, as @length bytes with their header */
	void (*frame)(struct hostile *h, uint8_t *frame, uint32_t *length);
	/* an answer; false: none */
	bool (*message)(struct hostile *h, const struct vduse_dev_request *request,
			struct vduse_dev_response *response);
};

struct hostile {
	struct device device;
	const struct deed *deed;
	uint64_t value;
	bool armed;			/* told to, and not done yet */
	bool mute;			/* uses no buffers any more */
	bool interrupt_refused;
	unsigned int silent;		/* milliseconds */
	uint8_t config[4096];
	uint32_t config_size;
};

static void say(const char *what)
{
	puts(what);
	fflush(stdout);
}

static void done(struct hostile *h)
{
	h->armed = false;
	say("done");
}

static void refused(const char *what, int rc)
{
	char line[200];

	snprintf(line, sizeof(line), "%s: %s", what, rc < 0 ? strerrorname_np(-rc) : "0");
	say(line);
}

/* -- used elements ----------------------------------------------------------------- */

static bool id_is(struct hostile *h, struct element *element)
{
	element->id = (uint32_t)h->value;
	return false;
}

/* That of a descriptor that nobody offered: RX buffers are offered from the first one on. */
static bool id_next(struct hostile *h, struct element *element)
{
	element->id += (uint32_t)h->value;
	return false;
}

static bool id_twice(struct hostile *h, struct element *element)
{
	device_give(&h->device.queues[element->index], element->id, element->length,
		    element->count);
	return false;
}

static bool length_is(struct hostile *h, struct element *element)
{
	element->length = (uint32_t)h->value;
	return false;
}

/* used.idx goes somewhere else, without elements, and goes on from there. */
static bool index_goes(struct hostile *h, struct element *element)
{
	struct device_queue *q = &h->device.queues[element->index];

	q->given += (uint16_t)h->value;
	__atomic_store_n(&q->used->idx, q->given, __ATOMIC_RELEASE);
	return true;
}

static void scribble(void *at, size_t length, uint64_t value)
{
	uint8_t *byte = at;
	size_t i;

	for (i = 0; i < length; i++)
		byte[i] = (uint8_t)(value + i * 37);
}

/* All but the flags: with NEXT there, 6.12 never comes to an end (docs/hostile-device.md). */
static bool descriptors_rewritten(struct hostile *h, struct element *element)
{
	struct device_queue *q = &h->device.queues[element->index];
	unsigned int i;

	for (i = 0; i < q->size; i++) {
		scribble(&q->desc[i].addr, sizeof(q->desc[i].addr), h->value + i);
		scribble(&q->desc[i].len, sizeof(q->desc[i].len), h->value + i);
		if (q->packed)
			device_packed(q, (uint16_t)i)->id ^= (uint16_t)h->value;
		else
			q->desc[i].next ^= (uint16_t)h->value;
	}
	return false;
}

/* Value: flags, of all descriptors. */
static bool flags_rewritten(struct hostile *h, struct element *element)
{
	struct device_queue *q = &h->device.queues[element->index];
	unsigned int i;

	for (i = 0; i < q->size && !q->packed; i++)
		q->desc[i].flags = (uint16_t)h->value;
	return false;
}

static bool driver_area_rewritten(struct hostile *h, struct element *element)
{
	struct device_queue *q = &h->device.queues[element->index];

	scribble(q->avail, q->packed ? 4 : 4 + 2 * (size_t)q->size, h->value);
	return false;
}

static bool used_rewritten(struct hostile *h, struct element *element)
{
	struct device_queue *q = &h->device.queues[element->index];

	scribble(q->used->ring, q->packed ? 0 : q->size * sizeof(q->used->ring[0]), h->value);
	q->used->flags = (uint16_t)h->value;
	return false;
}

/* Nothing more is given back. */
static bool nothing(struct hostile *h, struct element *element)
{
	(void)element;
	h->mute = true;
	return true;
}

/* -- frames ------------------------------------------------------------------------ */

static void buffers_are(struct hostile *h, uint8_t *frame, uint32_t *length)
{
	struct virtio_net_hdr_mrg_rxbuf *header = (void *)frame;

	(void)length;
	header->num_buffers = (uint16_t)h->value;
}

/* Every field of the header is at its worst; a bit of value each. */
static void header_is(struct hostile *h, uint8_t *frame, uint32_t *length)
{
	struct virtio_net_hdr_mrg_rxbuf *header = (void *)frame;

	(void)length;
	header->hdr.flags = (uint8_t)h->value;
	header->hdr.gso_type = (uint8_t)(h->value >> 8);
	header->hdr.hdr_len = header->hdr.gso_size = (uint16_t)(h->value >> 16);
	header->hdr.csum_start = header->hdr.csum_offset = (uint16_t)(h->value >> 32);
}

static void frame_length(struct hostile *h, uint8_t *frame, uint32_t *length)
{
	(void)frame;
	*length = (uint32_t)h->value;
}

/* -- configuration ----------------------------------------------------------------- */

/* Value: offset << 16 | two bytes. */
static void config_make(struct hostile *h, uint8_t *config)
{
	uint16_t bytes = (uint16_t)h->value;

	memcpy(config + (h->value >> 16), &bytes, sizeof(bytes));
}

static void config_change(struct hostile *h)
{
	uint16_t bytes = (uint16_t)h->value;

	refused("SET_CONFIG", node_set_config(h->device.node, (uint32_t)(h->value >> 16), &bytes,
					      sizeof(bytes)));
	refused("INJECT_CONFIG_IRQ", node_interrupt_config(h->device.node));
	done(h);
}

static void mac_zero(struct hostile *h, uint8_t *config)
{
	(void)h;
	memset(config, 0, 6);
}

static void features_more(struct hostile *h, uint8_t *config)
{
	(void)config;
	h->device.features |= h->value;
}

/* The link goes up and down, with an interrupt each time. */
static void config_storm(struct hostile *h)
{
	uint64_t i;

	for (i = 0; i < h->value; i++) {
		uint8_t status[2] = { i % 2 ? VIRTIO_NET_S_LINK_UP : 0, 0 };

		node_set_config(h->device.node, offsetof(struct virtio_net_config, status), status,
				sizeof(status));
		node_interrupt_config(h->device.node);
	}
	done(h);
}

/* -- interrupts and other calls ---------------------------------------------------- */

static void interrupt_storm(struct hostile *h)
{
	uint64_t i;

	for (i = 0; i < h->value; i++)
		node_interrupt(h->device.node, (uint32_t)(i % DEVICE_QUEUES));
	done(h);
}

static void try_region(struct hostile *h, const char *what, uint64_t start, uint64_t last)
{
	struct vduse_iotlb_entry entry = { .start = start, .last = last };
	int rc = ioctl(h->device.node, VDUSE_IOTLB_GET_FD, &entry);

	refused(what, rc < 0 ? -errno : 0);
	if (rc >= 0)
		close(rc);
}

static void try_umem(struct hostile *h, const char *what, uint64_t iova, uint64_t address,
		     uint64_t size)
{
	struct vduse_iova_umem umem = { .uaddr = address, .iova = iova, .size = size };

	refused(what, ioctl(h->device.node, VDUSE_IOTLB_REG_UMEM, &umem) < 0 ? -errno : 0);
}

static void try_config(struct hostile *h, const char *what, uint32_t offset, uint32_t length)
{
	uint64_t room[(sizeof(struct vduse_config_data) + 64) / sizeof(uint64_t)] = { 0 };
	struct vduse_config_data *config = (struct vduse_config_data *)room;

	config->offset = offset;
	config->length = length;
	refused(what, ioctl(h->device.node, VDUSE_DEV_SET_CONFIG, config) < 0 ? -errno : 0);
}

static void try_response(struct hostile *h, const char *what, size_t length)
{
	struct vduse_dev_response response = { .request_id = 12345678 };

	refused(what, write(h->device.node, &response, length) < 0 ? -errno : 0);
}

/* Calls with numbers that are out of range; every one has to be refused. */
static void calls(struct hostile *h)
{
	struct node_queue info;
	int node = h->device.node;

	try_region(h, "GET_FD last before first", 0x2000, 0x1000);
	try_region(h, "GET_FD of everything", 0, UINT64_MAX);
	try_region(h, "GET_FD where nothing is", UINT64_C(1) << 60, (UINT64_C(1) << 60) + 1);
	try_region(h, "GET_FD at the end of all addresses", UINT64_MAX, UINT64_MAX);
	try_umem(h, "REG_UMEM at another address", 0x1000, 0x10000, 0x1000);
	try_umem(h, "REG_UMEM that wraps", 0, UINT64_MAX - 0xfff, 64 << 20);
	try_umem(h, "REG_UMEM of kernel addresses", 0, UINT64_C(0xffff888000000000), 64 << 20);
	try_umem(h, "REG_UMEM of no memory", 0, 0x1000, 64 << 20);
	try_config(h, "SET_CONFIG over the end", h->config_size - 1, 2);
	try_config(h, "SET_CONFIG that wraps", UINT32_MAX, 2);
	try_config(h, "SET_CONFIG of 0 bytes", 0, 0);
	try_response(h, "answer to nothing", sizeof(struct vduse_dev_response));
	try_response(h, "answer cut short", 8);
	refused("VQ_GET_INFO of a virtqueue out of range", node_get_queue(node, DEVICE_QUEUES, &info));
	refused("VQ_GET_INFO of virtqueue 2^32 - 1", node_get_queue(node, UINT32_MAX, &info));
	refused("VQ_SETUP out of range", node_set_up_queue(node, UINT32_MAX, 64));
	refused("VQ_SETUP_KICKFD out of range", node_set_kick(node, UINT32_MAX, -1));
	refused("VQ_SETUP_KICKFD of no descriptor", node_set_kick(node, 0, 4000));
	refused("VQ_INJECT_IRQ out of range", node_interrupt(node, UINT32_MAX));
	done(h);
}

/* Interrupts before there is a driver. */
static void calls_early(struct hostile *h)
{
	refused("VQ_INJECT_IRQ", node_interrupt(h->device.node, 0));
	refused("INJECT_CONFIG_IRQ", node_interrupt_config(h->device.node));
	done(h);
}

/* -- messages ---------------------------------------------------------------------- */

static bool is_status(const struct hostile *h, const struct vduse_dev_request *request)
{
	return request->type == VDUSE_SET_STATUS && request->s.status == h->value;
}

/* Value: the status that is not answered, once. */
static bool silent_at(struct hostile *h, const struct vduse_dev_request *request,
		      struct vduse_dev_response *response)
{
	(void)response;
	return !is_status(h, request);
}

static bool failed_at(struct hostile *h, const struct vduse_dev_request *request,
		      struct vduse_dev_response *response)
{
	if (is_status(h, request))
		response->result = VDUSE_REQ_RESULT_FAILED;
	return true;
}

/* An answer two seconds late. */
static bool late_at(struct hostile *h, const struct vduse_dev_request *request,
		    struct vduse_dev_response *response)
{
	(void)response;
	if (is_status(h, request))
		poll(NULL, 0, 2000);
	return true;
}

/* First the wrong answers, then the right one. */
static bool wrong_at(struct hostile *h, const struct vduse_dev_request *request,
		     struct vduse_dev_response *response)
{
	struct vduse_dev_response bad = *response;

	if (!is_status(h, request))
		return true;
	bad.request_id += 1000;
	refused("another id", node_write_response(h->device.node, &bad));
	bad = *response;
	bad.reserved[1] = 1;
	refused("reserved words", node_write_response(h->device.node, &bad));
	refused("half of it", write(h->device.node, response, 76) < 0 ? -errno : 0);
	return true;
}

/* Value: the type of message, FAILED or never answered; bit 8: never. */
static bool type_at(struct hostile *h, const struct vduse_dev_request *request,
		    struct vduse_dev_response *response)
{
	if (request->type != (h->value & 0xff))
		return true;
	response->result = VDUSE_REQ_RESULT_FAILED;
	return !(h->value & 0x100);
}

/* A position that cannot be. */
static bool state_wrong(struct hostile *h, const struct vduse_dev_request *request,
			struct vduse_dev_response *response)
{
	if (request->type != VDUSE_GET_VQ_STATE)
		return true;
	response->vq_state.index = UINT32_MAX;
	response->vq_state.packed.last_avail_idx = (uint16_t)h->value;
	response->vq_state.packed.last_avail_counter = (uint16_t)h->value;
	response->vq_state.packed.last_used_idx = (uint16_t)h->value;
	return true;
}

/* -- the table --------------------------------------------------------------------- */

static const struct deed deeds[] = {
	{ .name = "none" },
	{ .name = "id", .spoil = id_is },
	{ .name = "id_next", .spoil = id_next },
	{ .name = "id_twice", .spoil = id_twice },
	{ .name = "id_sent", .spoil = id_is, .sent = true },
	{ .name = "length", .spoil = length_is },
	{ .name = "length_sent", .spoil = length_is, .sent = true },
	{ .name = "index", .spoil = index_goes },
	{ .name = "descriptors", .spoil = descriptors_rewritten },
	{ .name = "flags", .spoil = flags_rewritten },
	{ .name = "driver_area", .spoil = driver_area_rewritten },
	{ .name = "used", .spoil = used_rewritten },
	{ .name = "nothing", .spoil = nothing },
	{ .name = "num_buffers", .frame = buffers_are },
	{ .name = "header", .frame = header_is },
	{ .name = "frame", .frame = frame_length },
	{ .name = "config", .make = config_make },
	{ .name = "config_change", .act = config_change },
	{ .name = "config_storm", .act = config_storm },
	{ .name = "mac_zero", .make = mac_zero },
	{ .name = "features", .make = features_more },
	{ .name = "interrupts", .act = interrupt_storm },
	{ .name = "calls", .act = calls },
	{ .name = "calls_early", .act = calls_early },
	{ .name = "silent", .message = silent_at },
	{ .name = "failed", .message = failed_at },
	{ .name = "late", .message = late_at },
	{ .name = "wrong", .message = wrong_at },
	{ .name = "type", .message = type_at },
	{ .name = "state", .message = state_wrong },
};

#endif

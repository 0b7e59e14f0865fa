/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hostile driver does with its memory: the deeds of iova-40 to iova-47, and of those
 * that concern its life, of hostile_driver.c. */
#ifndef TESTSUITE_GUEST_HOSTILE_MEMORY_H
#define TESTSUITE_GUEST_HOSTILE_MEMORY_H

#include "testsuite/guest/hostile_tables.h"

#define MEMORY_FAR (UINT64_C(1) << 32)	/* of our memory, in IOVAs: where nothing of it is */
#define MEMORY_PAGES 600		/* more mappings than the device has places for */

/* A message about @length bytes at @at, which the device knows by @iova. */
static void iotlb(struct hostile *h, uint8_t type, uint64_t iova, const void *at,
		  uint64_t length, uint8_t access)
{
	struct vhost_msg_v2 message = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .type = type, .iova = iova, .size = length, .uaddr = (uintptr_t)at,
			   .perm = access },
	};

	if (write(h->client.node, &message, sizeof(message)) != sizeof(message) && !h->refused)
		h->refused = errno;
}

/* The file of a virtqueue's buffers. */
static struct client_region *buffers_of(struct hostile *h, const struct raw *q)
{
	return &h->client.regions[q->client.index == RECEIVE ? 1 : 2];
}

static void take_back(struct hostile *h, uint64_t offset, uint64_t length)
{
	iotlb(h, VHOST_IOTLB_INVALIDATE, h->client.iova + offset, NULL, length, 0);
}

static void give(struct hostile *h, const struct client_region *region, uint8_t access)
{
	iotlb(h, VHOST_IOTLB_UPDATE, h->client.iova + region->offset,
	      h->client.memory + region->offset, region->length, access);
}

/* The same memory again, with another access, by another descriptor of its file, or so. */
static void give_anew(struct hostile *h, const struct client_region *region, uint8_t access)
{
	take_back(h, region->offset, region->length);
	give(h, region, access);
}

/* -- iova-40, iova-41: what is not mapped, or not so ------------------------------- */

static void address_is(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);

	piece.address = h->deed->value;
	raw_chain(q, &piece, 1);
}

/* The last so many bytes of a buffer are beyond all of our memory. */
static void over_the_memory(struct hostile *h, struct raw *q)
{
	const struct client_region *last = &h->client.regions[h->client.region_count - 1];
	struct raw_piece piece = good(q);

	piece.address = h->client.iova + last->offset + last->length + h->deed->value -
			piece.length;
	raw_chain(q, &piece, 1);
}

static void buffers_have_access(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);

	give_anew(h, buffers_of(h, q), (uint8_t)h->deed->value);
	raw_chain(q, &piece, 1);
}

/* Page by page, so that one of the rings' pages has an access of its own; 0: it is not there. */
static void one_page(struct hostile *h, const struct raw *q, unsigned int area, uint8_t access)
{
	unsigned int i, which = q->client.index * RAW_AREAS + area;

	take_back(h, 0, h->client.regions[0].length);
	for (i = 0; i < QUEUES * RAW_AREAS; i++) {
		uint8_t mine = i == which ? access : VHOST_ACCESS_RW;

		if (mine)
			iotlb(h, VHOST_IOTLB_UPDATE, h->client.iova + i * RAW_PAGE,
			      h->client.memory + i * RAW_PAGE, RAW_PAGE, mine);
	}
}

static void descriptors_have_access(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)areas;
	one_page(h, q, 0, (uint8_t)h->deed->value);
}

static void driver_area_has_access(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)areas;
	one_page(h, q, 1, (uint8_t)h->deed->value);
}

static void device_area_has_access(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)areas;
	one_page(h, q, 2, (uint8_t)h->deed->value);
}

/* The file may not be written any more, whatever the mapping says. */
static void buffers_are_sealed(struct hostile *h, struct raw *q)
{
	struct client_region *region = buffers_of(h, q);
	struct raw_piece piece = good(q);
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)region->length) < 0 ||
	    mmap(h->client.memory + region->offset, region->length, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		err(CLIENT_FAILED, "sealed memory");
	hostile_mark(h);
	if (fcntl(fd, F_ADD_SEALS, (int)h->deed->value) < 0)
		err(CLIENT_FAILED, "seals");
	close(region->fd);
	region->fd = fd;
	give_anew(h, region, VHOST_ACCESS_RW);
	raw_chain(q, &piece, 1);
}

/* The same, where the file was opened for reading only. */
static void buffers_are_opened_to_read(struct hostile *h, struct raw *q)
{
	const struct client_region *region = buffers_of(h, q);
	struct raw_piece piece = good(q);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", region->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || mmap(h->client.memory + region->offset, region->length, PROT_READ,
			   MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		err(CLIENT_FAILED, "%s", path);
	close(fd);
	/* what is in there was there before */
	give_anew(h, region, (uint8_t)h->deed->value);
	raw_chain(q, &piece, 1);
}

/* -- iova-42, iova-43: memory that goes while it is in use ------------------------- */

static void buffers_go(struct hostile *h, struct raw *q)
{
	const struct client_region *region = buffers_of(h, q);
	struct raw_piece piece = good(q);

	take_back(h, region->offset, h->deed->value ? h->deed->value : region->length);
	raw_chain(q, &piece, 1);
}

/* And come back, while frames are on their way: what becomes of those is open. */
static void everything_goes_and_comes(struct hostile *h, struct raw *q)
{
	unsigned int i;

	(void)q;
	for (i = 0; i < h->deed->value; i++) {
		hostile_offer(h, 1);
		raw_kick(&h->queue[TRANSMIT]);
		client_unmap(&h->client);
		client_map(&h->client);
		hostile_fill(h, 1);
	}
}

/* The rings alone, for as long as there is something to do. */
static void rings_go_and_come(struct hostile *h, struct raw *q)
{
	(void)q;
	take_back(h, 0, h->client.regions[0].length);
	hostile_offer(h, 1);
	raw_kick(&h->queue[TRANSMIT]);
	hostile_rest(h);
	give(h, &h->client.regions[0], VHOST_ACCESS_RW);
	carried(h, &h->queue[TRANSMIT]);
}

/* -- iova-44, iova-47: many mappings, and buffers over two of them ----------------- */

/* A frame from @at, which the device knows by @iova. */
static void send_from(struct hostile *h, uint8_t *at, uint64_t iova)
{
	struct raw *q = &h->queue[TRANSMIT];
	struct raw_piece piece = { iova, HOSTILE_LENGTH, 0 };

	hostile_build(h, h->number++, at);
	raw_chain(q, &piece, 1);
	carried(h, q);
	hostile_fill(h, 1);
}

/* A frame from each of so many mappings. */
static void many_mappings(struct hostile *h, struct raw *q)
{
	size_t length = (size_t)h->deed->value * RAW_PAGE;
	int fd = memfd_create("many", MFD_CLOEXEC);
	uint64_t i, iova = h->client.iova + MEMORY_FAR;
	uint8_t *memory;

	(void)q;
	if (fd < 0 || ftruncate(fd, (off_t)length) < 0)
		err(CLIENT_FAILED, "memory of %zu bytes", length);
	memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		err(CLIENT_FAILED, "mmap");
	for (i = 0; i < h->deed->value; i++)
		iotlb(h, VHOST_IOTLB_UPDATE, iova + i * RAW_PAGE, memory + i * RAW_PAGE, RAW_PAGE,
		      VHOST_ACCESS_RW);
	for (i = 0; i < h->deed->value && !h->wrong[0]; i++)
		send_from(h, memory + i * RAW_PAGE, iova + i * RAW_PAGE);
	iotlb(h, VHOST_IOTLB_INVALIDATE, iova, NULL, length, 0);
	munmap(memory, length);
	close(fd);
}

/* Frames that lie in two files, at each place where they can be cut. */
static void over_two_files(struct hostile *h, struct raw *q)
{
	unsigned int i;

	(void)q;
	for (i = 1; i < HOSTILE_LENGTH; i++) {
		uint64_t offset = h->client.regions[2].offset - i;

		send_from(h, h->client.memory + offset, h->client.iova + offset);
	}
}

/* -- iova-45: a file that becomes shorter ------------------------------------------ */

/* The frame, or the room for one, is in a file that has no bytes any more. */
static void buffers_are_cut(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);

	if (ftruncate(buffers_of(h, q)->fd, (off_t)h->deed->value) < 0)
		err(CLIENT_FAILED, "ftruncate");
	raw_chain(q, &piece, 1);
}

/* We cannot look into the rings any more, either: all that is left is to kick. */
static void rings_are_cut(struct hostile *h, struct raw *q)
{
	if (ftruncate(h->client.regions[0].fd, (off_t)h->deed->value) < 0)
		err(CLIENT_FAILED, "ftruncate");
	raw_kick(q);
}

static void table_is_cut(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = table_of(q, 1);

	raw_describe(q, raw_place(q), &piece, 1);
	if (ftruncate(buffers_of(h, q)->fd, 0) < 0)
		err(CLIENT_FAILED, "ftruncate");
	raw_offer(q, 1);
}

/* -- control: reset and status ----------------------------------------------------- */

static void reset_at_work(struct hostile *h, struct raw *q)
{
	unsigned int i;

	(void)q;
	for (i = 0; i < h->deed->value; i++) {
		hostile_offer(h, 1 + i % 8);
		raw_kick(&h->queue[TRANSMIT]);
		hostile_reset(h);
		hostile_come(h, false);
	}
	hostile_pass(h, 1);
}

static void status_is(struct hostile *h, struct raw *q)
{
	uint8_t status = (uint8_t)h->deed->value;

	(void)q;
	hostile_try(h, VHOST_VDPA_SET_STATUS, &status);
}

/* A reset, then a status that nobody comes to in this way. */
static void status_begins_with(struct hostile *h, struct raw *q)
{
	hostile_reset(h);
	status_is(h, q);
	raw_kick(q);
	hostile_rest(h);
	hostile_reset(h);
	hostile_come(h, false);
}

static void many_kicks(struct hostile *h, struct raw *q)
{
	uint64_t i;

	for (i = 0; i < h->deed->value; i++)
		raw_kick(q);
}

#endif

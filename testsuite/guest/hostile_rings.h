/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hostile driver does to its rings: the deeds of ring-1 to ring-30 of hostile_driver.c. */
#ifndef TESTSUITE_GUEST_HOSTILE_RINGS_H
#define TESTSUITE_GUEST_HOSTILE_RINGS_H

#include "testsuite/guest/hostile.h"

/* WRITE, where the virtqueue is the one that receives. */
static uint16_t direction(const struct raw *q)
{
	return q->client.index == RECEIVE ? RAW_WRITE : 0;
}

/* A good buffer of the next chain. */
static struct raw_piece good(const struct raw *q)
{
	bool receive = q->client.index == RECEIVE;

	return raw_buffer(q, receive ? RAW_SLOT : HOSTILE_LENGTH, direction(q));
}

/*
 * The next chain's buffer in two parts: the next frame, to be sent, or room for one; for deeds
 * that are unusual, and allowed.
 */
static void two_parts(struct hostile *h, const struct raw *q, struct raw_piece parts[2])
{
	parts[0] = parts[1] = good(q);
	parts[0].length = HOSTILE_HEADER;
	parts[1].address += HOSTILE_HEADER;
	parts[1].length -= HOSTILE_HEADER;
	if (q->client.index == TRANSMIT)
		hostile_build(h, h->number++, raw_slot(q, raw_place(q)));
}

/* What two_parts() described was offered: a frame goes that way. */
static void carried(struct hostile *h, struct raw *q)
{
	unsigned int id;
	uint32_t length;

	if (q->client.index == RECEIVE) {
		hostile_pass(h, 1);
		return;
	}
	raw_kick(q);
	if (hostile_receive(h, h->number - 1))
		hostile_wait(h, q, &id, &length);
}

/* -- ring-1 to ring-7: where the areas are ----------------------------------------- */

static void size_is(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->size = (uint32_t)h->deed->value;
}

static void descriptors_off(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->desc += h->deed->value;
}

static void driver_area_off(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->driver += h->deed->value;
}

static void device_area_off(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->device += h->deed->value;
}

static void device_area_in_descriptors(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->device = areas->desc + h->deed->value;
}

static void driver_area_in_device_area(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->driver = areas->device + h->deed->value;
}

/* The first byte that is in none of our mappings, or less. */
static void device_area_over_the_end(struct hostile *h, struct raw *q, struct areas *areas)
{
	const struct client *c = &h->client;
	const struct client_region *last = &c->regions[c->region_count - 1];

	(void)q;
	areas->device = c->iova + last->offset + last->length - h->deed->value;
}

static void descriptors_over_two_files(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->desc = h->client.iova + h->client.regions[2].offset - h->deed->value;
}

static void descriptors_at(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->desc = h->deed->value;
}

static void device_area_at(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->device = h->deed->value;
}

static void kick_early(struct hostile *h, struct raw *q, struct areas *areas)
{
	struct vhost_vring_file kick = { q->client.index, q->client.kick };

	(void)areas;
	hostile_try(h, VHOST_SET_VRING_KICK, &kick);
	raw_kick(q);
}

static void not_enabled(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)h;
	(void)q;
	areas->enable = false;
}

static void enable(struct hostile *h, struct raw *q, unsigned int on)
{
	struct vhost_vring_state state = { q->client.index, on };

	hostile_try(h, VHOST_VDPA_SET_VRING_ENABLE, &state);
}

static void kick_and_enable(struct hostile *h, struct raw *q)
{
	unsigned int i;

	enable(h, q, 0);
	for (i = 0; i < 100; i++)
		raw_kick(q);
	hostile_rest(h);
	enable(h, q, 1);
	raw_kick(q);
}

static void position_is(struct hostile *h, struct raw *q, struct areas *areas)
{
	(void)q;
	areas->base = (uint32_t)h->deed->value;
}

/* -- ring-8 to ring-22: what is available ------------------------------------------ */

/* avail.idx goes on by more or less than there is. */
static void index_goes(struct hostile *h, struct raw *q)
{
	raw_set_index(q, (uint16_t)(q->next + h->deed->value));
}

static void head_is(struct hostile *h, struct raw *q)
{
	raw_set_head(q, 0, (uint16_t)h->deed->value);
	raw_set_index(q, ++q->next);
}

/* The next chain, with another id. */
static void id_is(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);

	raw_put(true, &q->desc[raw_place(q)], &piece, piece.flags, (uint16_t)h->deed->value);
	raw_offer(q, 1);
}

/* Two chains of the same head or id, so that the first one cannot be done with before the
 * second one is taken: parts that are more than the quick way takes, or too small for a frame. */
static void twice(struct hostile *h, struct raw *q)
{
	unsigned int place = raw_place(q), count = direction(q) ? 1 : 3, i;
	struct raw_piece part = good(q), pieces[3];

	(void)h;
	for (i = 0; i < count; i++) {
		pieces[i] = part;
		pieces[i].length = HOSTILE_LENGTH / (count == 1 ? 2 : count);
	}
	if (!q->packed) {
		raw_describe(q, place, pieces, count);
		raw_set_head(q, 0, (uint16_t)place);
		raw_set_head(q, 1, (uint16_t)place);
		q->next += 2;
		raw_set_index(q, q->next);
		return;
	}
	raw_describe(q, place, pieces, count);
	raw_describe(q, place + count, pieces, count);
	for (i = 0; i < count; i++)
		((struct vring_packed_desc *)(void *)&q->desc[place + count + i])->id = (uint16_t)place;
	raw_show(q, 2 * count);
}

static void next_is(struct hostile *h, struct raw *q)
{
	unsigned int place = raw_place(q);
	struct raw_piece piece = good(q);

	raw_put(false, &q->desc[place], &piece, piece.flags | RAW_NEXT, (uint16_t)h->deed->value);
	raw_offer(q, 1);
}

/* A loop of so many descriptors. */
static void loop_of(struct hostile *h, struct raw *q)
{
	unsigned int i, place = raw_place(q), length = (unsigned int)h->deed->value;
	struct raw_piece piece = good(q);

	for (i = 0; i < length; i++)
		raw_put(false, &q->desc[(place + i) % RAW_SIZE], &piece, piece.flags | RAW_NEXT,
			(uint16_t)((place + (i + 1) % length) % RAW_SIZE));
	raw_offer(q, 1);
}

/* Every descriptor of a packed ring available, and each goes on. */
static void all_go_on(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);
	unsigned int i;

	(void)h;
	for (i = 0; i < RAW_SIZE; i++)
		raw_put(true, &q->desc[i], &piece, piece.flags | RAW_NEXT, (uint16_t)i);
	raw_show(q, RAW_SIZE);
}

static void readable_after_writable(struct hostile *h, struct raw *q)
{
	struct raw_piece pieces[2] = { good(q), good(q) };

	(void)h;
	pieces[0].flags = RAW_WRITE;
	pieces[1].flags = 0;
	raw_chain(q, pieces, 2);
}

static void more_flags(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);

	piece.flags |= (uint16_t)h->deed->value;
	raw_chain(q, &piece, 1);
}

static void length_is(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);

	piece.length = (uint32_t)h->deed->value;
	raw_chain(q, &piece, 1);
}

static void four_gigabytes(struct hostile *h, struct raw *q)
{
	struct raw_piece pieces[2] = { good(q), good(q) };

	(void)h;
	pieces[1].length = UINT32_MAX;
	raw_chain(q, pieces, 2);
}

/* A buffer that lies so many bytes from the beginning of the rings' own areas. */
static void buffer_in_the_ring(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);

	piece.address = client_iova(&h->client, (uint8_t *)q->desc + h->deed->value);
	piece.length = HOSTILE_LENGTH;
	raw_chain(q, &piece, 1);
}

/* Sixty-four descriptors, each of all of our files but the first. */
static void many_segments(struct hostile *h, struct raw *q)
{
	const struct client *c = &h->client;
	const struct client_region *first = &c->regions[1], *last = &c->regions[c->region_count - 1];
	struct raw_piece pieces[RAW_SIZE];
	unsigned int i;

	for (i = 0; i < RAW_SIZE; i++)
		pieces[i] = (struct raw_piece){
			c->iova + first->offset,
			(uint32_t)(last->offset + last->length - first->offset), direction(q),
		};
	raw_chain(q, pieces, RAW_SIZE);
}

/* What the driver says and what it may not even touch: interrupts, kicks, used elements. */
static void scribble(struct hostile *h, struct raw *q)
{
	uint16_t value = (uint16_t)h->deed->value;
	unsigned int i;

	if (q->packed) {
		*q->driver_event = (struct vring_packed_desc_event){ value, value };
		*q->device_event = (struct vring_packed_desc_event){ value, value };
		return;
	}
	q->avail->flags = value;
	q->avail->ring[RAW_SIZE] = value;
	q->used->flags = value;
	/* the last one is avail_event */
	for (i = 0; i <= RAW_SIZE; i++)
		q->used->ring[i] = (struct vring_used_elem){ value, value };
}

/* Used elements that are the driver's again, and what is behind them in the ring. */
static void overwrite_used(struct hostile *h, struct raw *q)
{
	unsigned int i;

	for (i = 0; i < HOSTILE_FIRST; i++) {
		q->desc[i].addr = UINT64_MAX;
		q->desc[i].len = 0;
		q->desc[i].flags = (uint16_t)h->deed->value;
	}
}

/* A ring at work since long: its indices are about to wrap. */
static void begins_at(struct hostile *h, struct raw *q, struct areas *areas)
{
	uint16_t value = (uint16_t)h->deed->value;

	areas->base = q->packed ? value * 0x10001u : value;
	q->next = q->seen = value;
	if (!q->packed)
		q->avail->idx = q->used->idx = value;
}

/* -- ring-23 to ring-30: packed ---------------------------------------------------- */

/* The next descriptor with AVAIL and USED as given: not available whatever the counter. */
static void not_available(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = good(q);

	raw_put(true, &q->desc[raw_place(q)], &piece,
		piece.flags | (uint16_t)h->deed->value, (uint16_t)raw_place(q));
	raw_kick(q);
	hostile_rest(h);
}

/* The second descriptor of a chain is of another lap, or is there no more. */
static void goes_on_unavailable(struct hostile *h, struct raw *q)
{
	struct raw_piece pieces[2] = { good(q), good(q) };
	unsigned int second = (raw_place(q) + 1) % RAW_SIZE;

	raw_describe(q, raw_place(q), pieces, 2);
	*raw_flags(q, second) |= (uint16_t)h->deed->value;
	raw_show(q, 1);
}

/* A good chain of two, which has another id in its first descriptor. */
static void id_in_the_middle(struct hostile *h, struct raw *q)
{
	unsigned int place = raw_place(q);
	struct raw_piece pieces[2];

	two_parts(h, q, pieces);
	raw_describe(q, place, pieces, 2);
	((struct vring_packed_desc *)(void *)&q->desc[place])->id = (uint16_t)h->deed->value;
	raw_show(q, 2);
	carried(h, q);
}

/* A good chain of two; the ring ends between them. */
static void over_the_end(struct hostile *h, struct raw *q)
{
	struct raw_piece pieces[2];

	if (raw_place(q) != RAW_SIZE - 1)
		wrong(h, "the ring does not end in the middle of the chain");
	two_parts(h, q, pieces);
	raw_chain(q, pieces, 2);
	carried(h, q);
}

#endif

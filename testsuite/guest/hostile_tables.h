/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hostile driver does with indirect tables: the deeds of ring-31 to ring-39 of
 * hostile_driver.c, and of those before that need a table. */
#ifndef TESTSUITE_GUEST_HOSTILE_TABLES_H
#define TESTSUITE_GUEST_HOSTILE_TABLES_H

#include "testsuite/guest/hostile_rings.h"

static struct raw_piece table_of(const struct raw *q, uint32_t entries)
{
	return (struct raw_piece){ client_iova(q->memory, q->table),
				   entries * (uint32_t)sizeof(struct vring_desc), RAW_INDIRECT };
}

/* Entry @index of the table: a good buffer, @flags more. */
static void entry(struct raw *q, unsigned int index, uint16_t flags, uint16_t next)
{
	struct raw_piece piece = good(q);

	raw_put(q->packed, &q->table[index], &piece, piece.flags | flags, next);
}

/* The reference to a table of one good entry, @value more or fewer bytes long. */
static void table_length_is(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = table_of(q, 0);

	entry(q, 0, 0, 0);
	piece.length = (uint32_t)h->deed->value;
	raw_chain(q, &piece, 1);
}

static void table_goes_on(struct hostile *h, struct raw *q)
{
	struct raw_piece pieces[2] = { table_of(q, 1), good(q) };

	(void)h;
	entry(q, 0, 0, 0);
	raw_chain(q, pieces, 2);
}

static void table_in_a_table(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = table_of(q, 1);

	(void)h;
	raw_put(false, &q->table[0], &piece, RAW_INDIRECT, 0);
	raw_chain(q, &piece, 1);
}

/* A table of so many entries, in order. */
static void table_entries(struct hostile *h, struct raw *q)
{
	unsigned int i, count = (unsigned int)h->deed->value;
	struct raw_piece piece = table_of(q, count);

	for (i = 0; i < count; i++)
		entry(q, i, i + 1 < count ? RAW_NEXT : 0, (uint16_t)(i + 1));
	raw_chain(q, &piece, 1);
}

static void table_next_is(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = table_of(q, 2);

	entry(q, 0, RAW_NEXT, (uint16_t)h->deed->value);
	raw_chain(q, &piece, 1);
}

/* A table that is as long as it can be said, with a jump beyond all mappings. */
static void table_is_endless(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = table_of(q, 1);

	entry(q, 0, RAW_NEXT, (uint16_t)h->deed->value);
	piece.length = 0xfffffff0;
	raw_chain(q, &piece, 1);
}

static void table_at(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = table_of(q, 1);

	piece.address = h->deed->value;
	raw_chain(q, &piece, 1);
}

static void table_in_the_ring(struct hostile *h, struct raw *q)
{
	struct raw_piece piece = table_of(q, 1);

	piece.address = client_iova(&h->client, (uint8_t *)q->desc + h->deed->value);
	raw_chain(q, &piece, 1);
}

/*
 * A table of one entry that lies on both sides of the end of the first file of buffers, so
 * many bytes before it: good, wherever it is cut.
 */
static void table_over_two_files(struct hostile *h, struct raw *q)
{
	uint8_t *at = h->client.memory + h->client.regions[2].offset - h->deed->value;
	struct raw_piece piece = { client_iova(&h->client, at), 2 * sizeof(struct vring_desc),
				   RAW_INDIRECT };
	struct raw_piece parts[2];
	struct vring_desc table[2];

	two_parts(h, q, parts);
	raw_put(q->packed, &table[0], &parts[0], parts[0].flags | RAW_NEXT, 1);
	raw_put(q->packed, &table[1], &parts[1], parts[1].flags, 0);
	memcpy(at, table, sizeof(table));
	raw_chain(q, &piece, 1);
	carried(h, q);
}

#endif

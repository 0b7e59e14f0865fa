/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile driver that writes to its rings while the device reads them. What comes of it
 * depends on who is first; the same seed does the same to the same places in the same order.
 */
#ifndef TESTSUITE_GUEST_HOSTILE_STORM_H
#define TESTSUITE_GUEST_HOSTILE_STORM_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "testsuite/guest/hostile_memory.h"

/* What is written to. */
enum {
	STORM_DESCRIPTORS = 1, STORM_AVAILABLE = 2, STORM_TABLES = 4, STORM_EVENTS = 8,
	STORM_MAPPINGS = 16,
};

struct storm {
	struct hostile *h;
	uint64_t state;		/* of the random numbers; never 0 */
	unsigned int kinds;
};

/* xorshift64* */
static uint32_t storm_random(struct storm *s, uint32_t below)
{
	s->state ^= s->state >> 12;
	s->state ^= s->state << 25;
	s->state ^= s->state >> 27;
	return (uint32_t)((s->state * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % below;
}

static uint64_t storm_seed(uint64_t seed, uint64_t round)
{
	uint64_t mixed = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + round * 7919;

	return mixed ? mixed : 1;
}

static uint32_t storm_length(struct storm *s)
{
	static const uint32_t length[] = {
		0, 1, HOSTILE_HEADER, 16, 15, 32, HOSTILE_LENGTH, RAW_SLOT, 65535, UINT32_MAX,
		0xfffffff0, 1u << 31,
	};

	return length[storm_random(s, sizeof(length) / sizeof(length[0]))];
}

static uint64_t storm_address(struct storm *s, const struct raw *q)
{
	switch (storm_random(s, 6)) {
	case 0:
		return client_iova(q->memory, q->desc);
	case 1:
		return UINT64_MAX - storm_random(s, 100);
	case 2:
		return client_iova(q->memory, q->table);
	case 3:
		return q->memory->iova + q->memory->regions[2].offset - storm_random(s, 100);
	default:
		return client_iova(q->memory, raw_slot(q, storm_random(s, RAW_SIZE)));
	}
}

static void storm_descriptor(struct storm *s, const struct raw *q, struct vring_desc *desc)
{
	static const uint16_t flags[] = { 0, RAW_NEXT, RAW_WRITE, RAW_NEXT | RAW_WRITE, RAW_INDIRECT,
					  RAW_INDIRECT | RAW_NEXT, 8 };
	uint16_t more = flags[storm_random(s, 7)];

	switch (storm_random(s, 4)) {
	case 0:
		desc->addr = storm_address(s, q);
		return;
	case 1:
		desc->len = storm_length(s);
		return;
	case 2:	/* split: flags; packed: id */
		desc->flags = q->packed ? (uint16_t)storm_random(s, 80) : more;
		return;
	default:	/* split: next; packed: flags */
		desc->next = q->packed ? (uint16_t)(more | storm_random(s, 4) << 7 |
						    storm_random(s, 2) << 15)
				       : (uint16_t)storm_random(s, 80);
	}
}

static void storm_available(struct storm *s, struct raw *q)
{
	if (q->packed)
		*raw_flags(q, storm_random(s, RAW_SIZE)) ^= (uint16_t)(RAW_AVAIL | RAW_USED);
	else if (storm_random(s, 4))
		raw_set_head(q, storm_random(s, RAW_SIZE), (uint16_t)storm_random(s, 70));
	else
		raw_set_index(q, (uint16_t)(q->avail->idx + storm_random(s, 80) - 8));
}

static void storm_events(struct storm *s, struct raw *q)
{
	uint16_t *area = storm_random(s, 2) ? (uint16_t *)(void *)q->avail
					    : (uint16_t *)(void *)q->used;

	area[storm_random(s, q->packed ? 2 : 70)] = (uint16_t)storm_random(s, 65536);
}

/* One write of a kind that was asked for. */
static void storm_write(struct storm *s)
{
	struct raw *q = &s->h->queue[storm_random(s, QUEUES)];
	unsigned int kind = 1u << storm_random(s, 4);

	switch (kind & s->kinds) {
	case STORM_DESCRIPTORS:
		storm_descriptor(s, q, &q->desc[storm_random(s, RAW_SIZE)]);
		return;
	case STORM_AVAILABLE:
		storm_available(s, q);
		return;
	case STORM_TABLES:
		storm_descriptor(s, q, &q->table[storm_random(s, RAW_TABLE)]);
		return;
	case STORM_EVENTS:
		storm_events(s, q);
		return;
	}
}

/* A process that writes until it is killed. */
static pid_t storm_begin(struct storm *s)
{
	pid_t pid = fork();

	if (pid < 0)
		err(CLIENT_FAILED, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		storm_write(s);
}

static void storm_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Another chain on each virtqueue, if there may be room. */
static void storm_offer(struct storm *s, unsigned int i)
{
	struct hostile *h = s->h;
	struct raw *q = &h->queue[TRANSMIT];
	struct raw_piece table = table_of(q, 2);

	if (s->kinds & STORM_TABLES && i % 2) {
		entry(q, 0, RAW_NEXT, 1);
		entry(q, 1, 0, 0);
		raw_chain(q, &table, 1);
	} else {
		hostile_offer(h, 1);
	}
	hostile_fill(h, 1);
	raw_kick(q);
}

/* What came back, whatever it is. */
static void storm_take(struct storm *s)
{
	unsigned int i, id, n;
	uint32_t length;

	for (i = 0; i < QUEUES; i++)
		for (n = 0; n < RAW_SIZE && raw_take(&s->h->queue[i], &id, &length); n++)
			;
}

static void storm_blow(struct storm *s, unsigned int chains)
{
	pid_t writer = storm_begin(s);
	unsigned int i;

	for (i = 0; i < chains; i++) {
		storm_offer(s, i);
		storm_write(s);
		if (s->kinds & STORM_MAPPINGS && storm_random(s, 32) == 0) {
			client_unmap(&s->h->client);
			client_map(&s->h->client);
		}
		if (i % 8 == 7)
			poll(NULL, 0, 1);
		storm_take(s);
	}
	storm_end(writer);
}

/* A deed: value is what is written to. */
static void race(struct hostile *h, struct raw *q)
{
	struct storm storm = { h, storm_seed(0, h->deed->value), (unsigned int)h->deed->value };

	(void)q;
	storm_blow(&storm, 200);
}

#endif

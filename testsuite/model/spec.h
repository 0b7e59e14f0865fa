/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues as virtio 1.2 has them, for comparison with the engine: written from the
 * specification, slowly, over plain arrays, with nothing of the engine but its names for
 * the rules that a driver can break.
 *
 * The memory of the ring is chosen as it is looked at. A field that nobody has looked at
 * yet is any of its values, one run for each (choice.h); one that is never looked at stays
 * noise. So all rings are gone through that differ for the reader.
 */
#ifndef VDUSE_TEST_MODEL_SPEC_H
#define VDUSE_TEST_MODEL_SPEC_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "choice.h"
#include "vduse/virtio/virtqueue.h"

#define SPEC_SIZE_MAX 4
#define SPEC_SEGMENTS 64

/* Addresses of the driver that mean something, all outside the ring. */
#define SPEC_BUFFERS 0x10000000u	/* readable and writable */
#define SPEC_READ_ONLY 0x20000000u
#define SPEC_WRITE_ONLY 0x30000000u
#define SPEC_SPLIT 0x40000000u		/* between two regions that are not neighbours for us */
#define SPEC_NOWHERE 0x50000000u
#define SPEC_TABLES 0x60000000u		/* indirect tables, SPEC_TABLE_ROOM bytes each */
#define SPEC_TABLE_ROOM 256u

/* A buffer as the device must see it. */
struct spec_segment {
	uint64_t address;
	uint32_t length;
	bool writable;
};

enum spec_kind { SPEC_NOTHING, SPEC_CHAIN, SPEC_BROKEN };

/* What comes of taking a chain. */
struct spec_result {
	enum spec_kind kind;
	uint64_t broken;		/* bits of enum virtqueue_reason: each would do */
	uint16_t name;			/* head or buffer id */
	uint32_t descriptors;		/* of the ring */
	struct spec_segment segments[SPEC_SEGMENTS];
	unsigned int count;
	uint32_t readable, writable;
};

/* One entry of a table, its flags where the format has them. */
struct spec_entry {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;			/* packed: id */
};

/* What both formats are looked at with. */
struct spec {
	struct choices *choices;
	uint32_t size;
	bool indirect;			/* negotiated */
	unsigned int classes;		/* of addresses that are gone through, at most 8 */
	uint16_t noise;			/* in fields that nobody looks at */
	uint64_t ring[3][2];		/* the areas: address, length */
	struct vring_desc *desc;	/* the descriptor area, of either format */
	uint8_t known[SPEC_SIZE_MAX];	/* bits: which parts of a descriptor were chosen */
	const struct spec_entry (*tables)[SPEC_SIZE_MAX + 1];	/* by number */
	unsigned int table_count;
	bool brief_tables;		/* one good, one bad */
};

/* A position of the driver of a packed ring: a place and a wrap counter. */
struct spec_packed {
	struct spec spec;
	unsigned int place;
	unsigned int wrap;
	unsigned int out;		/* descriptors taken and not published */
	bool id_out[SPEC_SIZE_MAX];
};

struct spec_split {
	struct spec spec;
	struct vring_avail *avail;
	uint16_t next;			/* of the chains, in free-running numbers */
	uint16_t end;			/* avail.idx */
	bool entry_known[SPEC_SIZE_MAX];
	bool head_out[SPEC_SIZE_MAX];
};

/* The next chain of a ring, if it has one; the state goes on when there is one. */
void spec_packed_take(struct spec_packed *ring, struct spec_result *result);
void spec_split_take(struct spec_split *ring, struct spec_result *result);

/*
 * How many chains a packed ring has, as far as flags say; -1: one of them has a wrong end.
 * Without taking any.
 */
int spec_packed_count(struct spec_packed *ring);

/* -- shared by both, spec.c ------------------------------------------------------------- */

/* The values of a descriptor's address and length, chosen when they are wanted. */
void spec_choose_buffer(struct spec *spec, unsigned int index, bool table);

/* What is wrong with a buffer, as bits of reasons; adds it to the result when nothing is. */
uint64_t spec_add(const struct spec *spec, struct spec_result *result, uint64_t address,
		  uint32_t length, bool writable);

/* What is wrong with a descriptor that refers to a table. */
uint64_t spec_check_table(const struct spec *spec, uint64_t address, uint32_t length,
			  uint16_t flags);

/* The entry of a table, NULL where no memory is. */
const struct spec_entry *spec_entry_at(const struct spec *spec, uint64_t address);

static inline uint64_t spec_reason(enum virtqueue_reason reason)
{
	return UINT64_C(1) << reason;
}

#endif

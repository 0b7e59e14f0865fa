/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver of the loopback device by way of vhost-vdpa that behaves until it does one thing
 * that is wrong: its life, its frames, and what it sees of the process that serves the device.
 */
#ifndef TESTSUITE_GUEST_HOSTILE_H
#define TESTSUITE_GUEST_HOSTILE_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/control_socket.h"
#include "lib/features.h"
#include "lib/holders.h"
#include "testsuite/guest/pattern.h"
#include "testsuite/guest/raw_ring.h"
#include "vduse/asked.h"

#define HOSTILE_HEADER 12
#define HOSTILE_FRAME 60	/* bytes; a number, and a pattern that belongs to it */
#define HOSTILE_LENGTH (HOSTILE_HEADER + HOSTILE_FRAME)
#define HOSTILE_AREA 1024	/* bytes of each area's page, at most */
#define HOSTILE_SPARE (RAW_AREAS + 1 + 24)	/* stretches of a virtqueue's memory */
#define HOSTILE_STRETCH 64	/* bytes of each */
#define HOSTILE_MARK 0xc5	/* what they are full of */
#define HOSTILE_FIRST 8		/* frames before the deed */
#define HOSTILE_AGAIN 32	/* and after it */
#define HOSTILE_PATIENCE 30000	/* milliseconds in which whatever is due has happened */
/* Files of the memory: the rings; buffers to receive into; buffers to send. */
#define HOSTILE_REGIONS 3
#define HOSTILE_DRIVER (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define HOSTILE_RUNS (HOSTILE_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)
#define HOSTILE_FEATURES (FEATURES_MANDATORY | FEATURE(VIRTIO_NET_F_MAC) | \
			  FEATURE(VIRTIO_NET_F_MRG_RXBUF) | \
			  FEATURE(VIRTIO_RING_F_INDIRECT_DESC))

enum { RECEIVE, TRANSMIT, QUEUES };

/* What the kernel is told of a virtqueue. */
struct areas {
	uint64_t desc, driver, device;
	uint32_t size, base;
	bool enable;
};

struct hostile;

struct deed {
	const char *name, *what;	/* the case of hardening.md, and what is done */
	unsigned int formats, queues;	/* masks: SPLIT, PACKED; 1 << RECEIVE, 1 << TRANSMIT */
	/* before the virtqueue is set up, and with everything at work; either may be NULL */
	void (*arrange)(struct hostile *h, struct raw *q, struct areas *areas);
	void (*act)(struct hostile *h, struct raw *q);
	uint64_t value;			/* for these two */
	enum virtqueue_reason reason;	/* that the device has to give; VQ_FINE: it goes on */
	int kernel;			/* errno with which the kernel refuses it instead */
	enum virtqueue_reason other;	/* or this: it depends on which of two looks comes first */
	bool late;			/* nothing can work before the deed */
	bool last;			/* and nothing after it, before the reset */
	unsigned int regions;		/* files that the memory is made of, default HOSTILE_REGIONS */
	uint64_t on, off;		/* changes of HOSTILE_FEATURES */
};

struct hostile {
	const char *node, *name;
	const struct pattern *pattern;
	const struct deed *deed;
	unsigned int victim;		/* the virtqueue that the deed is done to */
	bool packed;
	struct client client;
	struct raw queue[QUEUES];
	uint32_t number;		/* of the next frame */
	pid_t server;
	unsigned long long born;	/* its start, in ticks: no other process has both */
	int refused;			/* errno of the first call that the kernel refused */
	struct asked_state state;	/* as the server tells it */
	uint64_t broken;		/* virtqueues that it has stopped, ever */
	uint64_t began;			/* the deed, on the clock of now_usec() */
	char wrong[512];		/* the first thing that should not be so */
};

#define wrong(h, ...) do { \
	if (!(h)->wrong[0]) \
		snprintf((h)->wrong, sizeof((h)->wrong), __VA_ARGS__); \
} while (0)

static inline uint64_t hostile_deadline(void)
{
	return now_usec() + HOSTILE_PATIENCE * UINT64_C(1000);
}

static inline struct raw *hostile_other(struct hostile *h, const struct raw *q)
{
	return &h->queue[q == &h->queue[RECEIVE] ? TRANSMIT : RECEIVE];
}

/* -- a life ------------------------------------------------------------------------ */

/* A call that the kernel may refuse. */
static inline void hostile_try(struct hostile *h, unsigned long request, void *argument)
{
	if (ioctl(h->client.node, request, argument) < 0 && !h->refused)
		h->refused = errno;
}

static inline void hostile_set_up(struct hostile *h, struct raw *q, const struct areas *areas)
{
	unsigned int index = q->client.index;
	struct vhost_vring_state num = { index, areas->size }, base = { index, areas->base };
	struct vhost_vring_state enable = { index, 1 };
	struct vhost_vring_file kick = { index, q->client.kick }, call = { index, q->client.call };
	struct vhost_vring_addr address = {
		.index = index, .desc_user_addr = areas->desc, .avail_user_addr = areas->driver,
		.used_user_addr = areas->device,
	};

	if (areas->size)
		hostile_try(h, VHOST_SET_VRING_NUM, &num);
	hostile_try(h, VHOST_SET_VRING_BASE, &base);
	hostile_try(h, VHOST_SET_VRING_ADDR, &address);
	hostile_try(h, VHOST_SET_VRING_KICK, &kick);
	hostile_try(h, VHOST_SET_VRING_CALL, &call);
	if (areas->enable)
		hostile_try(h, VHOST_VDPA_SET_VRING_ENABLE, &enable);
}

/* The virtqueue as it should be, or as the deed wants it. */
static inline void hostile_arrange(struct hostile *h, struct raw *q, bool bad)
{
	struct areas areas = {
		.desc = client_iova(&h->client, q->desc), .driver = client_iova(&h->client, q->avail),
		.device = client_iova(&h->client, q->used), .size = RAW_SIZE,
		.base = q->packed ? q->next * 0x10001u : q->next, .enable = true,
	};

	if (bad && h->deed->arrange && q->client.index == h->victim)
		h->deed->arrange(h, q, &areas);
	hostile_set_up(h, q, &areas);
}

/*
 * Some of what neither side has a reason to write to, though the device may: HOSTILE_STRETCH bytes
 * behind each area, behind the table, and behind the frame in each of the first buffers; not of
 * the last one, over whose end some deeds lie. @i is below HOSTILE_SPARE.
 */
static inline uint8_t *hostile_spare(const struct raw *q, unsigned int i)
{
	if (i < RAW_AREAS)
		return (uint8_t *)q->desc + i * RAW_PAGE + HOSTILE_AREA;
	if (i == RAW_AREAS)
		return (uint8_t *)(q->table + RAW_TABLE);
	return raw_slot(q, i - RAW_AREAS - 1) + HOSTILE_LENGTH;
}

static inline void hostile_mark(const struct hostile *h)
{
	unsigned int i;

	for (i = 0; i < QUEUES * HOSTILE_SPARE; i++)
		memset(hostile_spare(&h->queue[i % QUEUES], i / QUEUES), HOSTILE_MARK,
		       HOSTILE_STRETCH);
}

/* Nothing else was written to. A file that was cut short cannot be looked at. */
static inline void hostile_untouched(struct hostile *h)
{
	uint8_t mark[HOSTILE_STRETCH];
	struct stat status;
	unsigned int i;

	for (i = 0; i < h->client.region_count; i++)
		if (fstat(h->client.regions[i].fd, &status) < 0 ||
		    (uint64_t)status.st_size < h->client.regions[i].length)
			return;
	memset(mark, HOSTILE_MARK, sizeof(mark));
	for (i = 0; i < QUEUES * HOSTILE_SPARE; i++)
		if (memcmp(hostile_spare(&h->queue[i % QUEUES], i / QUEUES), mark, sizeof(mark)))
			wrong(h, "virtqueue %u: memory that is nobody's was written to, stretch %u",
			      i % QUEUES, i / QUEUES);
}

/* New memory; @regions files. What the device knows of the old is taken back. */
static inline void hostile_remember(struct hostile *h, unsigned int regions)
{
	struct client *c = &h->client;
	uint8_t *buffers;
	unsigned int i;

	for (i = 0; c->memory && i < c->region_count; i++)
		close(c->regions[i].fd);
	if (c->memory)
		munmap(c->memory, c->length);
	client_allocate(c, QUEUES * raw_ring_bytes(), QUEUES * raw_buffer_bytes(), regions);
	buffers = c->memory + c->regions[1].offset;
	for (i = 0; i < QUEUES; i++)
		raw_make(&h->queue[i], c, i, h->packed, c->memory + i * raw_ring_bytes(),
			 buffers + i * raw_buffer_bytes());
	hostile_mark(h);
	client_map(c);
}

/* Buffers to receive into, @count. */
static inline void hostile_fill(struct hostile *h, unsigned int count)
{
	struct raw *q = &h->queue[RECEIVE];

	while (count--) {
		struct raw_piece piece = raw_buffer(q, RAW_SLOT, RAW_WRITE);

		raw_chain(q, &piece, 1);
	}
	raw_kick(q);
}

/*
 * From nothing to DRIVER_OK, with memory of its own; @bad: as the deed wants it. There are
 * just as many buffers as frames will be received, so that the next one is the deed's.
 */
static inline void hostile_come(struct hostile *h, bool bad)
{
	uint64_t features = HOSTILE_FEATURES | (h->packed ? FEATURE(VIRTIO_F_RING_PACKED) : 0);
	unsigned int i;

	client_negotiate(&h->client, (features | h->deed->on) & ~h->deed->off);
	hostile_remember(h, bad && h->deed->regions ? h->deed->regions : HOSTILE_REGIONS);
	for (i = 0; i < QUEUES; i++)
		hostile_arrange(h, &h->queue[i], bad);
	client_set_status(&h->client, HOSTILE_RUNS);
	hostile_fill(h, bad ? HOSTILE_FIRST : HOSTILE_AGAIN);
}

static inline void hostile_reset(struct hostile *h)
{
	client_set_status(&h->client, 0);
	client_unmap(&h->client);
}

static inline void hostile_open(struct hostile *h)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++) {
		h->queue[i].client.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		h->queue[i].client.call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	client_open(&h->client, h->node, false);
}

/* -- frames ------------------------------------------------------------------------ */

static inline void hostile_build(const struct hostile *h, uint32_t number, uint8_t *buffer)
{
	static const uint8_t head[HOSTILE_HEADER + 14] = {
		[HOSTILE_HEADER] = 2, 0, 0x5e, 0, 0xf0, 0x0e, 2, 0, 0x5e, 0, 0xf0, 0x0d, 0x88, 0xb5,
	};

	memcpy(buffer, head, sizeof(head));
	memcpy(buffer + sizeof(head), &number, sizeof(number));
	memcpy(buffer + sizeof(head) + sizeof(number), pattern_at(h->pattern, number),
	       HOSTILE_LENGTH - sizeof(head) - sizeof(number));
}

/* Offers the next @count frames in one store, without a kick. */
static inline void hostile_offer(struct hostile *h, unsigned int count)
{
	struct raw *q = &h->queue[TRANSMIT];
	unsigned int i;

	for (i = 0; i < count; i++) {
		unsigned int place = (raw_place(q) + i) % RAW_SIZE;
		struct raw_piece piece = { client_iova(&h->client, raw_slot(q, place)),
					   HOSTILE_LENGTH, 0 };

		hostile_build(h, h->number++, raw_slot(q, place));
		raw_describe(q, place, &piece, 1);
	}
	raw_offer_many(q, count);
}

/* The next used element, waited for. */
static inline bool hostile_wait(struct hostile *h, struct raw *q, unsigned int *id,
				uint32_t *length)
{
	struct pollfd call = { q->client.call, POLLIN, 0 };
	uint64_t deadline = hostile_deadline();
	eventfd_t n;

	while (!raw_take(q, id, length)) {
		if (now_usec() > deadline) {
			wrong(h, "virtqueue %u gives nothing back", q->client.index);
			return false;
		}
		if (poll(&call, 1, 1) > 0)
			eventfd_read(q->client.call, &n);
	}
	return true;
}

/* One frame comes back, as it was sent. */
static inline bool hostile_receive(struct hostile *h, uint32_t number)
{
	struct raw *q = &h->queue[RECEIVE];
	uint8_t expected[HOSTILE_LENGTH];
	unsigned int id;
	uint32_t length;

	if (!hostile_wait(h, q, &id, &length))
		return false;
	hostile_build(h, number, expected);
	expected[10] = 1;	/* num_buffers */
	if (id >= RAW_SIZE || length != HOSTILE_LENGTH ||
	    memcmp(raw_slot(q, id), expected, sizeof(expected))) {
		wrong(h, "frame %u came back wrong: id %u, %u bytes", number, id, length);
		return false;
	}
	return true;
}

/* @count frames, all back in order. There are buffers for them. */
static inline void hostile_pass(struct hostile *h, unsigned int count)
{
	struct raw *q = &h->queue[TRANSMIT];
	uint32_t number = h->number;
	unsigned int i, id;
	uint32_t length;

	hostile_offer(h, count);
	raw_kick(q);
	for (i = 0; i < count && !h->wrong[0]; i++)
		hostile_receive(h, number + i);
	for (i = 0; i < count && !h->wrong[0]; i++)
		if (hostile_wait(h, q, &id, &length) && length)
			wrong(h, "a sent frame has %u bytes written", length);
}

/* -- the process that serves ------------------------------------------------------- */

static inline pid_t hostile_server(const struct hostile *h)
{
	struct holder holder;
	dev_t device;

	if (sysfs_node_device(&sysfs_machine, &device, "dev/vduse/%s", h->name) < 0 ||
	    holder_of(&sysfs_machine, device, &holder) != 1)
		return -1;
	return holder.pid;
}

/* When the process @pid began; 0: there is none. */
static inline unsigned long long hostile_born(pid_t pid)
{
	unsigned long long ticks = 0;
	char text[1024];
	const char *at;

	if (sysfs_read(&sysfs_machine, text, sizeof(text), "proc/%d/stat", (int)pid) < 0)
		return 0;
	/* the name may have blanks; state is field 3, starttime 22 */
	at = strrchr(text, ')');
	if (at)
		sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d"
		       " %*d %*d %*d %llu", &ticks);
	return ticks;
}

/* It is the process that it was when all began: the node has one holder at a time. */
static inline void hostile_same_server(struct hostile *h)
{
	if (hostile_born(h->server) != h->born)
		wrong(h, "process %d, which served it, is gone", (int)h->server);
}

/* State and counters, from a process that answers. */
static inline bool hostile_ask(struct hostile *h)
{
	uint64_t deadline = hostile_deadline();
	struct port_counters counters;
	int rc;

	do {
		rc = ask_state(h->name, CONTROL_PATIENCE_MS, &h->state);
		if (rc == 0)
			rc = ask_counters(h->name, CONTROL_PATIENCE_MS, &counters);
		if (rc == 0) {
			h->broken = counters.broken;
			return true;
		}
	} while (now_usec() < deadline && rc != -ENOENT && rc != -ECONNREFUSED);
	wrong(h, "the server does not answer: %s", strerror(-rc));
	return false;
}

/* How often the server has come to sleep or was interrupted; its state in *@state. */
static inline unsigned long hostile_switches(const struct hostile *h, char *state)
{
	unsigned long voluntary = 0, other = 0;
	char text[4096];
	const char *at;

	if (sysfs_read(&sysfs_machine, text, sizeof(text), "proc/%d/status", (int)h->server) < 0)
		return 0;
	at = strstr(text, "State:\t");
	*state = at ? at[7] : '?';
	at = strstr(text, "\nvoluntary_ctxt_switches:");
	if (at)
		sscanf(at, "\nvoluntary_ctxt_switches: %lu nonvoluntary_ctxt_switches: %lu",
		       &voluntary, &other);
	return voluntary + other;
}

/* The server comes to rest: it sleeps, and is not woken. */
static inline void hostile_rest(struct hostile *h)
{
	uint64_t deadline = hostile_deadline();
	unsigned long before, after;
	char state, later;

	do {
		before = hostile_switches(h, &state);
		poll(NULL, 0, 20);
		after = hostile_switches(h, &later);
		if (state == 'S' && later == 'S' && before == after && before)
			return;
	} while (now_usec() < deadline);
	wrong(h, "process %d does not come to rest", (int)h->server);
}

#endif

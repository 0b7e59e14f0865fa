// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A fuzzer's way into the virtio net header and the offloads: one frame of any bytes, behind
 * any header, cut into any pieces, twice, for a receiver with any buffers that negotiated
 * something else than the sender.
 *
 * Every piece is an allocation and a region of its own. The same is done on a split and on a
 * packed ring, by each of the ways that frames can go, and what came of it must be the same:
 * what the receiver was given, what stands in its buffers, and what was counted.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "testsuite/fuzz/input.h"
#include "vduse/device/forward.h"

#define BIT(feature) (UINT64_C(1) << (feature))
#define SIZE 64
#define PIECES 8		/* of the frame */
#define BUFFERS 24		/* of the receiver */
#define AREA 2048
#define STRIDE (UINT64_C(1) << 24)	/* of IOVAs */
#define UNTOUCHED 0xee

/* What an input says. */
struct scene {
	struct net_side sender, receiver;
	bool event_idx;
	uint32_t pieces[PIECES], buffers[BUFFERS];	/* their lengths */
	unsigned int piece_count, buffer_count;
	unsigned int chain;		/* buffers of a chain */
	uint32_t length;		/* of header and frame */
	uint8_t *frame;
};

/* One ring of either format, over memory that is this ring's. */
struct world {
	const struct scene *scene;
	bool packed;
	uint8_t *areas[2][3];
	uint8_t *pieces[PIECES], *buffers[BUFFERS];
	struct vq_region regions[6 + PIECES + BUFFERS];
	struct vq_memory map;
	struct vq_slot slots[2][SIZE];
	struct virtqueue_position positions[2];
	struct virtqueue vq[2];
	struct forward forward;
};

/* -- the driver ---------------------------------------------------------------------------- */

static uint8_t *new_region(struct world *world, uint64_t number, uint32_t length, uint8_t access)
{
	uint8_t *bytes;
	struct vq_region region = { number * STRIDE, number * STRIDE + length - 1, NULL, access, 0 };

	if (posix_memalign((void **)&bytes, 16, length))
		abort();
	region.base = bytes;
	fuzz_check(!vq_memory_add(&world->map, &region));
	return bytes;
}

static uint64_t iova_of(unsigned int end, unsigned int index)
{
	return (end == FORWARD_RECEIVE ? 20u + index : 10u + index) * STRIDE;
}

static void make_memory(struct world *world)
{
	const struct scene *scene = world->scene;
	uint32_t at = 0;

	vq_memory_init(&world->map, world->regions, sizeof(world->regions) / sizeof(world->regions[0]),
		       NULL, NULL, NULL);
	for (unsigned int i = 0; i < 6; i++) {
		world->areas[i / 3][i % 3] = new_region(world, 1 + i, AREA, VQ_ACCESS_BOTH);
		memset(world->areas[i / 3][i % 3], 0, AREA);
	}
	for (unsigned int i = 0; i < scene->piece_count; i++) {
		world->pieces[i] = new_region(world, 10 + i, scene->pieces[i], VQ_ACCESS_READ);
		memcpy(world->pieces[i], scene->frame + at, scene->pieces[i]);
		at += scene->pieces[i];
	}
	for (unsigned int i = 0; i < scene->buffer_count; i++) {
		world->buffers[i] = new_region(world, 20 + i, scene->buffers[i], VQ_ACCESS_WRITE);
		memset(world->buffers[i], UNTOUCHED, scene->buffers[i]);
	}
}

static void free_memory(struct world *world)
{
	for (unsigned int i = 0; i < world->map.count; i++)
		free(world->regions[i].base);
}

/* Puts a descriptor at @index, the last of its chain or not; @id names the chain. */
static void put(struct world *world, unsigned int end, unsigned int index, uint32_t length,
		uint64_t iova, bool more, uint16_t id)
{
	uint16_t flags = (end == FORWARD_RECEIVE ? VRING_DESC_F_WRITE : 0) |
			 (more ? VRING_DESC_F_NEXT : 0);
	struct vring_packed_desc packed = { iova, length, id,
					    flags | 1 << VRING_PACKED_DESC_F_AVAIL };
	struct vring_desc split = { iova, length, flags, (uint16_t)(index + 1) };

	if (world->packed)
		memcpy(world->areas[end][0] + index * sizeof(packed), &packed, sizeof(packed));
	else
		memcpy(world->areas[end][0] + index * sizeof(split), &split, sizeof(split));
}

/* In a split ring, the chain that begins at @head is the @nth that is offered. */
static void offer(struct world *world, unsigned int end, unsigned int nth, uint16_t head)
{
	struct vring_avail *avail = (void *)world->areas[end][1];

	if (world->packed)
		return;
	avail->ring[nth] = head;
	avail->idx = (uint16_t)(nth + 1);
}

static void offer_all(struct world *world)
{
	const struct scene *scene = world->scene;
	unsigned int at = 0;

	for (unsigned int nth = 0; nth < 2; nth++) {
		uint16_t head = (uint16_t)at;

		for (unsigned int i = 0; i < scene->piece_count; i++, at++)
			put(world, FORWARD_TRANSMIT, at, scene->pieces[i], iova_of(FORWARD_TRANSMIT, i),
			    i + 1 < scene->piece_count, head);
		offer(world, FORWARD_TRANSMIT, nth, head);
	}
	for (unsigned int i = 0, nth = 0; i < scene->buffer_count; nth++) {
		uint16_t head = (uint16_t)i;
		unsigned int last = i + scene->chain;

		for (; i < last && i < scene->buffer_count; i++)
			put(world, FORWARD_RECEIVE, i, scene->buffers[i], iova_of(FORWARD_RECEIVE, i),
			    i + 1 < last && i + 1 < scene->buffer_count, head);
		offer(world, FORWARD_RECEIVE, nth, head);
	}
}

/* -- the device ---------------------------------------------------------------------------- */

static void ignore_interrupt(void *context, enum forward_end end)
{
	(void)context;
	(void)end;
}

/* Nothing here is a driver's mistake about a ring, but for chains of too many bytes. */
static void never_fails(void *context, enum forward_end end, int rc)
{
	(void)context;
	(void)end;
	(void)rc;
	fuzz_check(!"the rings are sound");
}

static const struct forward_owner owner = { ignore_interrupt, never_fails };

static void start(struct world *world, unsigned int end)
{
	uint16_t begin = world->packed ? VIRTQUEUE_PACKED_BEGIN : 0;
	struct virtqueue_config config = {
		.size = SIZE,
		.desc = (1 + 3 * end) * STRIDE,
		.driver = (2 + 3 * end) * STRIDE,
		.device = (3 + 3 * end) * STRIDE,
		.features = (world->packed ? BIT(VIRTIO_F_RING_PACKED) : 0) |
			    (world->scene->event_idx ? BIT(VIRTIO_RING_F_EVENT_IDX) : 0),
		.memory = &world->map,
		.slots = world->slots[end],
		.slot_count = SIZE,
		.position = &world->positions[end],
	};

	world->positions[end] = (struct virtqueue_position){ begin, begin };
	fuzz_check(!virtqueue_start(&world->vq[end], &config));
}

enum way { QUICK, QUICK_ANY, GENERAL, WAYS };

static struct world *run(const struct scene *scene, bool packed, enum way way)
{
	struct world *world = calloc(1, sizeof(*world));
	struct forward_path path;
	uint64_t now = 1, due;

	if (!world)
		abort();
	world->scene = scene;
	world->packed = packed;
	make_memory(world);
	offer_all(world);
	start(world, FORWARD_RECEIVE);
	start(world, FORWARD_TRANSMIT);
	forward_init(&world->forward, &owner, world);
	world->forward.general_only = way == GENERAL;
	if (way == QUICK_ANY)
		world->forward.fused_carry = fused_carry_any;
	path = (struct forward_path){
		.transmit = &world->vq[FORWARD_TRANSMIT],
		.receive = &world->vq[FORWARD_RECEIVE],
		.sender = scene->sender,
		.receiver = scene->receiver,
	};
	/* two frames, each held at most once, and once more to find nothing */
	for (unsigned int rounds = 0; (due = forward_run(&world->forward, &path, now)) != FORWARD_NEVER;
	     rounds++) {
		fuzz_check(rounds < 16);
		if (due)
			now = due;
	}
	return world;
}

/* -- what came of it ----------------------------------------------------------------------- */

/* The used elements of the receiver, in order, format or not: id and bytes. */
static unsigned int used(const struct world *world, uint32_t elements[BUFFERS][2])
{
	const struct vring_used *ring = (const void *)world->areas[FORWARD_RECEIVE][2];
	const struct vring_packed_desc *desc = (const void *)world->areas[FORWARD_RECEIVE][0];
	uint16_t both = 1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED;
	unsigned int count = 0;

	if (!world->packed) {
		fuzz_check(ring->idx <= BUFFERS);
		for (; count < ring->idx; count++) {
			elements[count][0] = ring->ring[count].id;
			elements[count][1] = ring->ring[count].len;
		}
		return count;
	}
	for (unsigned int at = 0; at < world->scene->buffer_count && (desc[at].flags & both) == both;
	     at += world->scene->chain, count++) {
		elements[count][0] = desc[at].id;
		elements[count][1] = desc[at].len;
	}
	return count;
}

static void compare(const struct world *a, const struct world *b)
{
	uint32_t a_used[BUFFERS][2] = { { 0 } }, b_used[BUFFERS][2] = { { 0 } };
	struct net_counters counters = b->forward.counters;

	fuzz_check(used(a, a_used) == used(b, b_used));
	fuzz_check(!memcmp(a_used, b_used, sizeof(a_used)));
	for (unsigned int i = 0; i < a->scene->buffer_count; i++)
		fuzz_check(!memcmp(a->buffers[i], b->buffers[i], a->scene->buffers[i]));
	fuzz_check(!memcmp(&a->forward.counters, &counters, sizeof(counters)));
	fuzz_check(a->forward.done.sent == b->forward.done.sent);
	fuzz_check(a->forward.done.sent_bytes == b->forward.done.sent_bytes);
}

/* 5.1.6.2.1, of a frame that somebody may have: its header is one that this sender may write. */
static bool header_sound(const struct scene *scene)
{
	const uint8_t *bytes = scene->frame;
	uint32_t length = scene->length - (uint32_t)sizeof(struct virtio_net_hdr_v1);
	uint64_t features = scene->sender.features, needed = 0;
	struct virtio_net_hdr_v1 header;

	if (scene->length < sizeof(header) + NET_FRAME_MIN || length > NET_FRAME_MAX)
		return false;
	memcpy(&header, bytes, sizeof(header));
	if (header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		needed |= BIT(VIRTIO_NET_F_CSUM);
		if (header.csum_start + header.csum_offset + 2u > length)
			return false;
	}
	if (!header.gso_type)
		return (features & needed) == needed;
	if (header.gso_type & VIRTIO_NET_HDR_GSO_ECN)
		needed |= BIT(VIRTIO_NET_F_HOST_ECN);
	switch (header.gso_type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN:
		needed |= BIT(VIRTIO_NET_F_HOST_TSO4);
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
	case VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN:
		needed |= BIT(VIRTIO_NET_F_HOST_TSO6);
		break;
	case VIRTIO_NET_HDR_GSO_UDP:
		needed |= BIT(VIRTIO_NET_F_HOST_UFO);
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		needed |= BIT(VIRTIO_NET_F_HOST_USO);
		break;
	default:
		return false;
	}
	return (features & needed) == needed && header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	       header.gso_size && header.hdr_len <= length;
}

/* 5.1.6.4.1: a receiver sees no more than it negotiated. */
static void check_header(const struct virtio_net_hdr_v1 *header, uint64_t features)
{
	uint64_t any = 0;

	fuzz_check(!(header->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM));
	fuzz_check(!header->flags || features & BIT(VIRTIO_NET_F_GUEST_CSUM));
	fuzz_check(!(header->gso_type & VIRTIO_NET_HDR_GSO_ECN) ||
		   features & BIT(VIRTIO_NET_F_GUEST_ECN));
	switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		any = BIT(VIRTIO_NET_F_GUEST_TSO4);
		break;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		any = BIT(VIRTIO_NET_F_GUEST_TSO6);
		break;
	case VIRTIO_NET_HDR_GSO_UDP:
		any = BIT(VIRTIO_NET_F_GUEST_UFO);
		break;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		any = BIT(VIRTIO_NET_F_GUEST_USO4) | BIT(VIRTIO_NET_F_GUEST_USO6);
		break;
	default:
		break;
	}
	fuzz_check(features & any);
}

/* The first bytes of the chain that begins at a buffer. */
static size_t read_chain(const struct world *world, unsigned int first, void *to, size_t length)
{
	const struct scene *scene = world->scene;
	uint8_t *bytes = to;
	size_t done = 0;

	for (unsigned int i = first; i < first + scene->chain && i < scene->buffer_count; i++)
		for (uint32_t j = 0; j < scene->buffers[i] && done < length; j++)
			bytes[done++] = world->buffers[i][j];
	return done;
}

/* A frame that nothing is wrong with but that there is no such GSO type. */
static bool type_unknown(const struct scene *scene)
{
	struct virtio_net_hdr_v1 header;
	bool ecn;

	if (scene->length < sizeof(header) + NET_FRAME_MIN)
		return false;
	memcpy(&header, scene->frame, sizeof(header));
	ecn = header.gso_type & VIRTIO_NET_HDR_GSO_ECN;
	header.gso_type &= (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	if (header.gso_type == VIRTIO_NET_HDR_GSO_NONE ? !ecn :
	    header.gso_type == VIRTIO_NET_HDR_GSO_TCPV4 || header.gso_type == VIRTIO_NET_HDR_GSO_TCPV6 ||
	    header.gso_type == VIRTIO_NET_HDR_GSO_UDP || header.gso_type == VIRTIO_NET_HDR_GSO_UDP_L4)
		return false;
	return !(header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
	       scene->length <= sizeof(header) + NET_FRAME_MAX;
}

static void check_headers(const struct world *world, uint32_t elements[BUFFERS][2],
			  unsigned int count)
{
	bool mergeable = world->scene->receiver.features & BIT(VIRTIO_NET_F_MRG_RXBUF);
	struct virtio_net_hdr_v1 header;

	fuzz_check(!count || header_sound(world->scene));
	for (unsigned int i = 0; i < count; i += mergeable ? header.num_buffers : 1) {
		fuzz_check(read_chain(world, elements[i][0], &header, sizeof(header)) ==
			   sizeof(header));
		check_header(&header, world->scene->receiver.features);
		fuzz_check(header.num_buffers && (mergeable || header.num_buffers == 1));
		fuzz_check(i + (mergeable ? header.num_buffers : 1) <= count);
	}
}

/* Both frames are accounted for, and a length is never over what the chain had. */
static void check(const struct world *world)
{
	uint32_t elements[BUFFERS][2];
	unsigned int count = used(world, elements);

	fuzz_check(world->forward.done.sent == 2);
	check_headers(world, elements, count);
	fuzz_check(world->scene->length >= sizeof(struct virtio_net_hdr_v1) ||
		   world->forward.counters.dropped[NET_DROP_NO_HEADER] == 2);
	fuzz_check(!type_unknown(world->scene) ||
		   world->forward.counters.dropped[NET_DROP_GSO_TYPE] == 2);
	for (unsigned int i = 0; i < count; i++) {
		uint64_t writable = 0;

		fuzz_check(elements[i][0] == i * world->scene->chain);
		for (unsigned int j = elements[i][0];
		     j < elements[i][0] + world->scene->chain && j < world->scene->buffer_count; j++)
			writable += world->scene->buffers[j];
		fuzz_check(elements[i][1] <= writable);
	}
}

/* -- an input ------------------------------------------------------------------------------ */

static uint64_t choose_features(struct fuzz_input *input)
{
	uint64_t features = fuzz_word(input);

	/* 54 to 56: UDP segmentation */
	return features | (uint64_t)(fuzz_byte(input) & 7) << 54;
}

/* A length, small ones more often. */
static uint32_t choose_length(struct fuzz_input *input)
{
	uint8_t what = fuzz_byte(input);

	if (what < 0xc0)
		return 1u + what;
	return what < 0xf0 ? (what - 0xbfu) * 64 : (what - 0xefu) * 5000;
}

static void cut(struct scene *scene, struct fuzz_input *input)
{
	uint32_t left = scene->length;

	while (left) {
		uint32_t piece = choose_length(input);

		if (piece > left || scene->piece_count == PIECES - 1)
			piece = left;
		scene->pieces[scene->piece_count++] = piece;
		left -= piece;
	}
}

static bool set_up(struct scene *scene, struct fuzz_input *input)
{
	*scene = (struct scene){
		.sender = { choose_features(input), 0 },
		.receiver = { choose_features(input), 0 },
	};
	scene->receiver.mtu = fuzz_word(input);
	scene->event_idx = fuzz_byte(input) & 1;
	scene->chain = 1 + fuzz_below(input, 4);
	scene->buffer_count = fuzz_below(input, BUFFERS + 1);
	for (unsigned int i = 0; i < scene->buffer_count; i++)
		scene->buffers[i] = choose_length(input);
	/* what the input has, and as much again and again as it says */
	scene->length = choose_length(input);
	cut(scene, input);
	scene->frame = malloc(scene->length);
	if (!scene->frame)
		return false;
	memset(scene->frame, 0x5a, scene->length);
	fuzz_bytes(input, scene->frame, scene->length);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct world *first = NULL;
	struct scene scene;

	if (!set_up(&scene, &input))
		return 0;
	for (unsigned int i = 0; i < 2 * WAYS; i++) {
		struct world *world = run(&scene, i >= WAYS, i % WAYS);

		check(world);
		if (!first) {
			first = world;
			continue;
		}
		compare(first, world);
		free_memory(world);
		free(world);
	}
	free_memory(first);
	free(first);
	free(scene.frame);
	return 0;
}

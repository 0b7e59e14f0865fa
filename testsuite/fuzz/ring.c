// SPDX-License-Identifier: GPL-2.0-or-later
#include "testsuite/fuzz/ring.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define BIT(feature) (UINT64_C(1) << (feature))
#define MTU 1500

/* -- the device ---------------------------------------------------------------------------- */

static void on_interrupt(void *context, enum forward_end end)
{
	(void)end;
	ring_race_run(context);
}

static void on_failed(void *context, enum forward_end end, int rc)
{
	(void)end;
	fuzz_check(rc < 0);
	ring_race_run(context);
}

static const struct forward_owner owner = { on_interrupt, on_failed };

static void on_sent(void *context, const struct vq_chain *chain)
{
	ring_check_chain(context, chain);
	ring_race_run(context);
}

static void on_delivered(void *context, const struct offload_piece *piece)
{
	size_t length = 0;

	for (unsigned int i = 0; i < piece->parts; i++)
		length += vq_cursor_left(&piece->part[i]);
	fuzz_check(length == piece->length);
	ring_race_run(context);
}

static const struct forward_tap tap = { on_sent, on_delivered };

/* The way of frames is that of @way: quick, shown to somebody, or neither. */
static void begin_forward(struct ring *ring, unsigned int way)
{
	forward_init(&ring->forward, &owner, ring);
	ring->forward.general_only = way & 1;
	if (way & 2)
		forward_show(&ring->forward, &tap);
}

/* As the owner of a session does when regions have gone. */
static void remap(struct ring *ring)
{
	for (unsigned int end = 0; end < 2; end++) {
		struct virtqueue *vq = &ring->queue[end].vq;

		if (vq->state == VIRTQUEUE_RUNNING && vq->generation != ring->map.generation &&
		    virtqueue_remap(vq) < 0 && vq->state == VIRTQUEUE_RUNNING)
			virtqueue_stop(vq);
	}
}

static struct virtqueue *running(struct ring *ring, unsigned int end)
{
	struct virtqueue *vq = &ring->queue[end].vq;

	return vq->state == VIRTQUEUE_RUNNING ? vq : NULL;
}

/* Until there is nothing to be done; that comes soon, because nobody offers anything. */
static void run(struct ring *ring, bool linked)
{
	struct ring_before before;
	unsigned int rounds = 0;
	uint64_t due;

	ring_look(ring, &before);
	do {
		struct forward_path path = {
			.transmit = running(ring, FORWARD_TRANSMIT),
			.receive = linked ? running(ring, FORWARD_RECEIVE) : NULL,
			.sender = { ring->net_features, MTU },
			.receiver = { ring->net_features >> 32, MTU },
		};

		if (!path.transmit)
			break;
		due = forward_run(&ring->forward, &path, ring->now);
		ring->now += ring->forward.poll_ns;
		fuzz_check(rounds++ < 4u * ring->size + 16);
	} while (due == 0);
	ring_check(ring, &before);
}

/* -- chains taken by the fuzzer itself ------------------------------------------------------- */

/* What was taken is what the rules say, and nothing is taken against them. */
static void check_taken(const struct vq_chain *chain, int rc, enum ring_verdict verdict,
			const struct ring_known *known, enum virtqueue_reason reason)
{
	switch (verdict) {
	case RING_NOTHING:
		fuzz_check(rc == 0);
		break;
	case RING_WRONG:
		fuzz_check(rc < 0);
		/* before the memory, there may have been no room for it */
		fuzz_check(rc != -EPROTO || !known->reason || known->segments >= RING_SEGMENTS ||
			   reason == known->reason);
		break;
	case RING_SOUND:
		fuzz_check(rc == 1 || rc == -ENOMEM);
		fuzz_check(rc < 0 || (chain->head == known->id &&
				      chain->descriptors == known->descriptors &&
				      chain->readable == known->readable &&
				      chain->writable == known->writable));
		break;
	}
}

static void take(struct ring *ring, struct ring_queue *queue)
{
	struct vq_chain *chain = &queue->held[queue->held_count];
	enum virtqueue_state before = queue->vq.state;
	enum ring_verdict verdict = RING_NOTHING;
	struct ring_known known;
	int rc;

	if (queue->held_count == RING_HELD_MAX)
		return;
	if (before == VIRTQUEUE_RUNNING)
		verdict = ring_rule_next(ring, (unsigned int)(queue - ring->queue), &known);
	ring->raced = false;
	vq_chain_init(chain, queue->segments[queue->held_count], RING_SEGMENTS);
	rc = virtqueue_pop(&queue->vq, chain);
	if (before == VIRTQUEUE_RUNNING && !ring->raced)
		check_taken(chain, rc, verdict, &known, queue->vq.error.reason);
	else if (before == VIRTQUEUE_STOPPED)
		fuzz_check(rc == -ESHUTDOWN);
	fuzz_check(rc == 1 || rc == 0 || rc == -ENOMEM || queue->vq.state != VIRTQUEUE_RUNNING);
	fuzz_check(before != VIRTQUEUE_BROKEN || rc == -EPROTO);
	if (rc != 1)
		return;
	ring_check_chain(ring, chain);
	for (unsigned int i = 0; i < chain->writable_segments; i++)
		memset(vq_chain_writable(chain)[i].iov_base, 0xa5,
		       vq_chain_writable(chain)[i].iov_len);
	queue->held_count++;
	queue->out[chain->head] = chain->descriptors;
}

static void forget(struct ring_queue *queue, unsigned int index)
{
	struct iovec segments[RING_SEGMENTS];

	queue->held_count--;
	memcpy(segments, queue->segments[index], sizeof(segments));
	for (unsigned int i = index; i < queue->held_count; i++) {
		queue->held[i] = queue->held[i + 1];
		memcpy(queue->segments[i], queue->segments[i + 1], sizeof(segments));
		queue->held[i].segments = queue->segments[i];
	}
}

static void forget_all(struct ring_queue *queue)
{
	queue->held_count = 0;
	memset(queue->out, 0, sizeof(queue->out));
	memset(queue->staged, 0, sizeof(queue->staged));
}

static void use(struct ring *ring, struct ring_queue *queue, struct fuzz_input *input)
{
	unsigned int index = fuzz_below(input, RING_HELD_MAX);
	uint64_t writable, written;
	int rc;

	if (index >= queue->held_count)
		return;
	writable = queue->held[index].writable;
	written = fuzz_byte(input) & 1 ? writable + 1 : writable;
	if (written > UINT32_MAX)
		return;
	rc = virtqueue_push(&queue->vq, queue->held[index].head, (uint32_t)written);
	if (rc == 0) {
		fuzz_check(written <= writable);
		/* not twice */
		fuzz_check(virtqueue_push(&queue->vq, queue->held[index].head, 0) < 0);
		queue->staged[queue->held[index].head] = true;
		forget(queue, index);
	} else {
		fuzz_check(written > writable || queue->vq.state != VIRTQUEUE_RUNNING ||
			   ring->features & BIT(VIRTIO_F_IN_ORDER));
	}
}

static void give_back(struct ring_queue *queue)
{
	unsigned int last = queue->held_count - 1;

	if (queue->held_count && virtqueue_unpop(&queue->vq, queue->held[last].head) == 0) {
		queue->out[queue->held[last].head] = 0;
		queue->held_count--;
	}
}

static uint16_t published(const struct ring *ring, const struct ring_queue *queue)
{
	return ring->packed ? queue->vq.packed.next_used : queue->vq.split.next_used;
}

static void publish(struct ring *ring, struct ring_queue *queue)
{
	unsigned int end = (unsigned int)(queue - ring->queue);
	bool owed = queue->vq.unsignalled, wanted;
	uint32_t staged = queue->vq.staged, count;
	uint16_t old = published(ring, queue);

	count = virtqueue_publish(&queue->vq);
	fuzz_check(count == (queue->vq.state == VIRTQUEUE_RUNNING ? staged : 0));
	if (queue->vq.state == VIRTQUEUE_RUNNING)
		fuzz_check(!queue->vq.staged);
	wanted = virtqueue_needs_interrupt(&queue->vq);
	if (queue->vq.state == VIRTQUEUE_RUNNING && !owed)
		fuzz_check(wanted == (count && ring_rule_interrupt(ring, end, old,
								   published(ring, queue))));
	fuzz_check(!virtqueue_needs_interrupt(&queue->vq));
	for (unsigned int i = 0; i < RING_SIZE_MAX && count; i++)
		if (queue->staged[i]) {
			queue->staged[i] = false;
			queue->out[i] = 0;
		}
}

/* Chains that were taken are in memory that must not be looked up anew meanwhile. */
static void remap_in_work(struct ring_queue *queue)
{
	if (queue->vq.state == VIRTQUEUE_RUNNING && (queue->held_count || queue->vq.staged))
		fuzz_check(virtqueue_remap(&queue->vq) == -EBUSY);
}

static void act(struct ring *ring, struct fuzz_input *input)
{
	uint8_t what = fuzz_byte(input);
	struct ring_queue *queue = &ring->queue[what & 1];
	int rc = 0;

	if (what >> 4 == 9)
		remap_in_work(queue);
	switch ((what >> 1) % 8) {
	case 0:
	case 1:
		take(ring, queue);
		break;
	case 2:
		use(ring, queue, input);
		break;
	case 3:
		publish(ring, queue);
		break;
	case 4:
		give_back(queue);
		break;
	case 5:
		rc = virtqueue_enable_kick(&queue->vq);
		break;
	case 6:
		rc = virtqueue_available(&queue->vq);
		fuzz_check(rc <= ring->size);
		if (ring->packed && queue->vq.state == VIRTQUEUE_RUNNING)
			fuzz_check(queue->vq.packed.seen_descriptors <=
				   ring->size - queue->vq.packed.outstanding);
		break;
	default:
		virtqueue_disable_kick(&queue->vq);
		rc = virtqueue_enable_kick_for_more(&queue->vq);
		break;
	}
	fuzz_check(rc >= 0 || queue->vq.state != VIRTQUEUE_RUNNING);
}

/* Everything goes back, so that memory can go away; @for_good: the driver, too. */
static void come_to_rest(struct ring *ring, bool for_good)
{
	forward_quiesce(&ring->forward, &ring->queue[FORWARD_TRANSMIT].vq, for_good);
	for (unsigned int end = 0; end < 2; end++) {
		struct ring_queue *queue = &ring->queue[end];

		while (queue->held_count) {
			unsigned int count = queue->held_count;

			give_back(queue);
			if (queue->held_count < count)
				continue;
			virtqueue_push(&queue->vq, queue->held[0].head, 0);
			forget(queue, 0);
		}
		publish(ring, queue);
	}
}

/* -- what comes over the device -------------------------------------------------------------- */

/* The process ends, and another one goes on; with @input, from a journal that was changed. */
static void die(struct ring *ring, struct fuzz_input *input)
{
	unsigned int changes = input ? fuzz_below(input, 8) : 0;

	for (; changes; changes--) {
		struct ring_queue *queue = &ring->queue[fuzz_below(input, 2)];
		uint8_t *slots = (uint8_t *)queue->slots;
		uint16_t at = fuzz_word(input);

		if (at & 0x8000)
			slots[at % (ring->size * sizeof(*queue->slots))] = fuzz_byte(input);
		else if (at & 0x4000)
			queue->published = fuzz_word(input);
		else
			((uint8_t *)ring->positions)[at % sizeof(ring->positions)] = fuzz_byte(input);
	}
	begin_forward(ring, 0);
	for (unsigned int end = 0; end < 2; end++) {
		struct ring_queue *queue = &ring->queue[end];

		memset(&queue->vq, 0, sizeof(queue->vq));
		forget_all(queue);
		queue->config.resume = true;
		if (virtqueue_start(&queue->vq, &queue->config) < 0 ||
		    virtqueue_roll_forward(&queue->vq) < 0)
			virtqueue_stop(&queue->vq);
		queue->config.resume = false;
	}
}

/* Memory goes, or comes back; chains in work were given back before (virtqueue.h). */
static void move_memory(struct ring *ring, struct fuzz_input *input)
{
	uint8_t what = fuzz_byte(input);

	if (what & 0x80) {
		ring->shortage = 1 + (what & 3);
		return;
	}
	come_to_rest(ring, false);
	if (what & 0x40)
		ring_memory_take(ring, what % RING_REGIONS);
	else
		ring_memory_bring(ring, what % RING_REGIONS);
	/* forgotten, and the same again: only looked up anew */
	if (what & 0x20)
		vq_memory_clear(&ring->map);
	ring_check_stale(ring);
	remap(ring);
}

/* What a reset by the driver is for the device, and a new beginning at @position. */
static void reset(struct ring *ring, uint16_t position)
{
	if (ring->packed && position)
		position = (uint16_t)((position & 0x8000) | (position & 0x7fff) % ring->size);
	come_to_rest(ring, true);
	ring->shortage = 0;
	for (unsigned int end = 0; end < 2; end++) {
		struct ring_queue *queue = &ring->queue[end];

		virtqueue_stop(&queue->vq);
		forget_all(queue);
		ring_driver_reset(ring, end);
		queue->avail = position ? position : queue->avail;
		ring->positions[end] = (struct virtqueue_position){ queue->avail, queue->avail };
		if (position && !ring->packed && ring->memory[3 * end + RING_DRIVER].bytes)
			memcpy(ring->memory[3 * end + RING_DRIVER].bytes + 2, &position, 2);
	}
	vq_memory_clear(&ring->map);
	for (unsigned int end = 0; end < 2; end++)
		virtqueue_start(&ring->queue[end].vq, &ring->queue[end].config);
	forward_receiver_changed(&ring->forward);
}

/* After all that, a driver that resets the device is served. */
static void check_service(struct ring *ring)
{
	const struct ring_memory *heap = &ring->memory[RING_HEAP];
	uint8_t *element;
	uint32_t length;

	ring->race.calls = 0;
	come_to_rest(ring, true);
	for (unsigned int i = 0; i < RING_REGIONS; i++)
		ring_memory_bring(ring, i);
	begin_forward(ring, 0);
	reset(ring, 0);
	fuzz_check(running(ring, 0) && running(ring, 1));
	memset(heap->bytes, 0, heap->size);
	memset(heap->bytes + 12, 0x5a, 60);
	ring_driver_offer(ring, FORWARD_RECEIVE, 200, 100);
	ring_driver_offer(ring, FORWARD_TRANSMIT, 0, 72);
	run(ring, true);
	element = ring->packed ? ring->memory[RING_DESC].bytes + 8 : ring->memory[RING_DEVICE].bytes + 8;
	memcpy(&length, element, sizeof(length));
	fuzz_check(length == 72);
	fuzz_check(!memcmp(heap->bytes + 212, heap->bytes + 12, 60));
}

/* -- an input -------------------------------------------------------------------------------- */

static void step(struct ring *ring, struct fuzz_input *input, enum ring_kind kind, bool direct)
{
	uint8_t byte = fuzz_byte(input), what = byte % 32;

	if (what < 18) {
		ring_driver_act(ring, input, kind);
	} else if (what < 28) {
		ring->now += UINT64_C(1) << fuzz_below(input, 30);
		if (direct)
			act(ring, input);
		else
			run(ring, what < 27);
	} else if (what == 28 && byte & 0x80) {
		ring_set_up_anyhow(ring, input);
	} else if (what == 28) {
		move_memory(ring, input);
	} else if (what == 29) {
		die(ring, NULL);
	} else if (what == 30) {
		die(ring, input);
	} else {
		reset(ring, fuzz_word(input));
	}
}

static void set_up(struct ring *ring, struct fuzz_input *input, enum ring_kind kind)
{
	static const uint8_t bits[] = { VIRTIO_RING_F_EVENT_IDX, VIRTIO_RING_F_INDIRECT_DESC,
					VIRTIO_F_IN_ORDER };
	uint8_t size = fuzz_byte(input), features = fuzz_byte(input);

	memset(ring, 0, sizeof(*ring));
	ring->packed = kind == RING_PACKED || (kind == RING_INDIRECT && size & 0x80);
	ring->size = ring->packed ? 1 + size % RING_SIZE_MAX : 1 << size % 7;
	ring->features = ring->packed ? BIT(VIRTIO_F_RING_PACKED) : 0;
	for (unsigned int i = 0; i < sizeof(bits); i++)
		ring->features |= (uint64_t)(features >> i & 1) << bits[i];
	if (kind == RING_INDIRECT && features & 0xf0)
		ring->features |= BIT(VIRTIO_RING_F_INDIRECT_DESC);
	/* of the sender, of the receiver: bits 0 to 31 have all that matters but USO */
	ring->net_features = fuzz_word(input);
	ring->net_features |= (uint64_t)fuzz_word(input) << 32;
	ring->now = 1;
	ring_memory_open(ring);
	for (unsigned int end = 0; end < 2; end++) {
		ring->queue[end].slots = calloc(ring->size, sizeof(*ring->queue[end].slots));
		fuzz_check(ring->queue[end].slots);
		ring->queue[end].config = ring_config(ring, end);
	}
}

void ring_fuzz(enum ring_kind kind, const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct ring *ring = malloc(sizeof(*ring));
	uint8_t mode;

	if (!ring)
		abort();
	set_up(ring, &input, kind);
	mode = fuzz_byte(&input);
	begin_forward(ring, mode >> 1);
	ring->forward.poll_ns = mode & 8 ? 1000 : 0;
	reset(ring, mode & 16 ? fuzz_word(&input) : 0);
	while (input.left)
		step(ring, &input, kind, mode & 1);
	check_service(ring);
	ring_memory_close(ring);
	free(ring->queue[0].slots);
	free(ring->queue[1].slots);
	free(ring);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The virtqueues of a session: where they begin, and that they run when they can. */
#include "vduse/device/session_queue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/virtio_config.h>

static void report_queue(struct session *session, unsigned int index, const char *what, int rc)
{
	const struct virtqueue *vq = &session->queues[index].vq;
	char sentence[200];

	snprintf(sentence, sizeof(sentence), "virtqueue %u %s: %s (value 0x%llx, head %u)", index,
		 what, vq->error.reason ? virtqueue_reason_text(vq->error.reason) : strerror(-rc),
		 (unsigned long long)vq->error.value, vq->error.head);
	session_report(session, sentence);
}

static bool is_packed(const struct session *session)
{
	return session->features >> VIRTIO_F_RING_PACKED & 1;
}

/*
 * The kernel's words for a position in a packed ring, and back. A used position of all
 * zeroes a lap behind the other is one that was not given: DPDK's virtio-user fills in only
 * the lower half of what vhost_vdpa takes (VHOST_SET_VRING_BASE). Its ring is idle.
 */
static struct virtqueue_position from_state(const struct vduse_vq_state_packed *state)
{
	struct virtqueue_position position = {
		.next_avail = state->last_avail_idx | (uint16_t)(state->last_avail_counter << 15),
		.next_used = state->last_used_idx | (uint16_t)(state->last_used_counter << 15),
	};

	if (!position.next_used && state->last_avail_counter)
		position.next_used = position.next_avail;
	return position;
}

static struct vduse_vq_state_packed to_state(struct virtqueue_position position)
{
	return (struct vduse_vq_state_packed){
		.last_avail_counter = position.next_avail >> 15,
		.last_avail_idx = position.next_avail & 0x7fff,
		.last_used_counter = position.next_used >> 15,
		.last_used_idx = position.next_used & 0x7fff,
	};
}

static void report_lost(struct session *session, unsigned int index)
{
	char sentence[120];

	snprintf(sentence, sizeof(sentence), "virtqueue %u waits for the driver's reset: a packed "
		 "ring does not tell how far the last process came", index);
	session_report(session, sentence);
}

static void report_guess(struct session *session, unsigned int index)
{
	char sentence[120];

	snprintf(sentence, sizeof(sentence), "virtqueue %u goes on behind what its driver was shown "
		 "last: no journal says how far the last process came", index);
	session_report(session, sentence);
}

/*
 * Where a virtqueue begins that starts for the first time since the reset, and is not gone on
 * with from the journal: the driver says it, but for one that a process before us served, up
 * to used.idx. A packed ring has nothing that says it (-ENODATA): it waits for a reset,
 * and the journal's position stays, for whoever comes next is to find out the same.
 */
static int first_position(struct session *session, unsigned int index,
			  const struct virtqueue_config *config, const struct node_queue *info)
{
	uint16_t used_index;
	int rc;

	if (is_packed(session)) {
		if (session->resumed)
			return -ENODATA;
		*config->position = from_state(&info->packed);
		return 0;
	}
	rc = virtqueue_read_used_index(&session->queues[index].vq, config, &used_index);
	if (rc < 0)
		return rc;
	*config->position = (struct virtqueue_position){
		.next_avail = session->resumed ? used_index : info->avail_index,
		.next_used = used_index,
	};
	return 0;
}

static struct virtqueue_config queue_config(struct session *session, unsigned int index,
					    const struct node_queue *info)
{
	struct journal_queue *journal = &session->journal->queues[index];
	struct session_queue *queue = &session->queues[index];

	return (struct virtqueue_config){
		.size = info->size,
		.desc = info->desc,
		.driver = info->driver,
		.device = info->device,
		.features = session->features,
		.memory = &session->memory,
		.slots = journal->slots,
		.slot_count = JOURNAL_QUEUE_SIZE,
		.position = queue->position,
		.published = &journal->published,
	};
}

bool session_queue_known(const struct session *session, unsigned int index,
			 const struct node_queue *info)
{
	const struct journal_queue *journal = &session->journal->queues[index];

	return journal->size == info->size && journal->desc == info->desc &&
	       journal->driver == info->driver && journal->device == info->device;
}

/* Another process began it, and its journal is about this virtqueue. */
static bool continues(const struct session *session, unsigned int index,
		      const struct node_queue *info)
{
	const struct journal_queue *journal = &session->journal->queues[index];

	return session->resumed && journal->valid == 1 &&
	       journal->features == session->features &&
	       session_queue_known(session, index, info);
}

/* What a successor has to know of a virtqueue that starts, before it counts as valid. */
static void enter(struct session *session, unsigned int index, const struct node_queue *info)
{
	struct journal_queue *journal = &session->journal->queues[index];

	journal->desc = info->desc;
	journal->driver = info->driver;
	journal->device = info->device;
	journal->features = session->features;
	journal->size = info->size;
	journal_set_valid(journal, true);
}

/*
 * From where the last process was, with what it was doing brought to its end. Whether the driver
 * wants to be told of that does not matter, for it is told in any case, but it has been asked
 * then, which a lane waits for (lane_packed.h).
 */
static int go_on(struct session_queue *queue, struct virtqueue_config *config)
{
	int rc;

	config->resume = true;
	rc = virtqueue_start(&queue->vq, config);
	if (rc == 0)
		rc = virtqueue_roll_forward(&queue->vq);
	virtqueue_needs_interrupt(&queue->vq);
	return rc < 0 ? rc : 0;
}

static void report_journal(struct session *session, unsigned int index, int rc)
{
	virtqueue_stop(&session->queues[index].vq);
	report_queue(session, index, "does not go on as the last process left it", rc);
}

static bool is_shortage(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE;
}

static int begin(struct session *session, unsigned int index, struct virtqueue_config *config,
		 const struct node_queue *info)
{
	struct session_queue *queue = &session->queues[index];
	int rc = 0;

	config->resume = false;
	if (!queue->positioned) {
		/* of a frame that stands elsewhere, if anywhere */
		progress_clear(queue->progress);
		rc = first_position(session, index, config, info);
	}
	if (rc == 0)
		rc = virtqueue_start(&queue->vq, config);
	if (rc == 0)
		enter(session, index, info);
	return rc;
}

/* Our own shortage can pass, and is told once; what the driver did wrong stays until it changes. */
static void does_not_start(struct session *session, unsigned int index, int rc)
{
	struct session_queue *queue = &session->queues[index];
	bool told = queue->waits;

	queue->waits = is_shortage(rc);
	queue->refused = !queue->waits;
	if (told && queue->waits)
		return;
	session->broken_queues++;
	if (rc == -ENODATA)
		report_lost(session, index);
	else
		report_queue(session, index, "does not start", rc);
}

/*
 * It cannot be gone on with as the journal says, or the journal does not say it: not where the
 * memory of the ring is missing now, for that may come back, and the journal counts then.
 */
static bool has_to_begin(bool known, int rc)
{
	return !known || rc == -ERANGE;
}

static int start_ready_queue(struct session *session, unsigned int index,
			     const struct node_queue *info)
{
	struct session_queue *queue = &session->queues[index];
	struct virtqueue_config config = queue_config(session, index, info);
	bool first = !queue->positioned, known = first && continues(session, index, info);
	int rc = 0;

	if (known)
		rc = go_on(queue, &config);
	if (rc == -ERANGE)
		report_journal(session, index, rc);
	if (has_to_begin(known, rc))
		rc = begin(session, index, &config, info);
	if (rc == 0) {
		/* what the last process, or a publication that it died in, did not come to say */
		if (session->resumed && !queue->positioned)
			session_interrupt(session, index);
		if (first && !known && session->resumed)
			report_guess(session, index);
		queue->positioned = true;
		queue->waits = false;
		session_tell(session, SESSION_QUEUE_READY, index);
		return 0;
	}
	does_not_start(session, index, rc);
	return rc;
}

/* One that is stopped. */
static void start_queue(struct session *session, unsigned int index)
{
	struct session_queue *queue = &session->queues[index];
	struct node_queue info;

	if (!session->live || queue->refused)
		return;
	if (node_get_queue(session->fd, index, &info) < 0 || !info.ready)
		return;
	start_ready_queue(session, index, &info);
}

/* The areas of a running virtqueue may lie elsewhere now: look them up again. */
static void remap_queue(struct session *session, unsigned int index)
{
	struct session_queue *queue = &session->queues[index];
	int rc;

	if (queue->vq.generation == session->memory.generation)
		return;
	rc = virtqueue_remap(&queue->vq);
	if (rc == 0)
		return;
	/*
	 * Not there. A vhost client that rearranges its memory step by step tells us after
	 * each step, so this may be half way: stop at our position, wait for the rest.
	 */
	virtqueue_stop(&queue->vq);
	queue->waits = is_shortage(rc);
	queue->refused = !queue->waits;
}

struct virtqueue *session_queue(struct session *session, unsigned int index)
{
	struct virtqueue *vq = &session->queues[index].vq;

	if (vq->state == VIRTQUEUE_STOPPED)
		start_queue(session, index);
	if (vq->state == VIRTQUEUE_RUNNING)
		remap_queue(session, index);
	return vq->state == VIRTQUEUE_RUNNING ? vq : NULL;
}

bool session_queue_waits(const struct session *session, unsigned int index)
{
	return session->live && session->queues[index].waits;
}

void session_queue_error(struct session *session, unsigned int index, int rc)
{
	struct session_queue *queue = &session->queues[index];

	if (queue->vq.state != VIRTQUEUE_BROKEN || queue->refused)
		return;
	queue->refused = true;
	session->broken_queues++;
	report_queue(session, index, "is broken until the driver resets it", rc);
}

bool session_queue_state(struct session *session, uint32_t index, struct vduse_vq_state *state)
{
	bool positioned = session->queues[index].positioned;
	struct node_queue info;

	state->index = index;
	if (!positioned && node_get_queue(session->fd, index, &info) < 0)
		return false;
	/* also of one that is to go on, when the memory of its ring is there again */
	if (positioned || (session->live && continues(session, index, &info))) {
		struct virtqueue_position position = *session->queues[index].position;

		if (is_packed(session))
			state->packed = to_state(position);
		else
			state->split.avail_index = position.next_avail;
		return true;
	}
	if (is_packed(session))
		state->packed = info.packed;
	else
		state->split.avail_index = info.avail_index;
	return true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/virtio_config.h>

#include "vduse/device/session_memory.h"

static void report(struct session *session, const char *sentence)
{
	if (session->owner->report)
		session->owner->report(session->context, sentence);
}

static int open_queue(struct session *session, unsigned int index, uint16_t queue_size)
{
	struct session_queue *queue = &session->queues[index];

	queue->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->kick_fd < 0)
		return -errno;
	return node_set_up_queue(session->fd, index, queue_size);
}

int session_open(struct session *session, int fd, uint16_t queue_size, uint64_t implemented,
		 const struct session_owner *owner, void *context)
{
	unsigned int i;
	int rc = 0;

	memset(session, 0, sizeof(*session));
	session->fd = fd;
	session->implemented = implemented;
	session->owner = owner;
	session->context = context;
	session_memory_open(session);
	for (i = 0; i < SESSION_QUEUES; i++)
		session->queues[i].kick_fd = -1;
	for (i = 0; i < SESSION_QUEUES && rc >= 0; i++)
		rc = open_queue(session, i, queue_size);
	if (rc < 0)
		session_close(session);
	return rc < 0 ? rc : 0;
}

/* The virtqueues stop and forget; the memory stays. */
static void stop_queues(struct session *session)
{
	unsigned int i;

	session->owner->quiesce(session->context);
	for (i = 0; i < SESSION_QUEUES; i++) {
		struct session_queue *queue = &session->queues[i];

		virtqueue_stop(&queue->vq);
		queue->positioned = false;
		queue->refused = false;
		queue->interrupt_owed = false;
	}
	session->config_owed = false;
	session->live = false;
}

void session_close(struct session *session)
{
	unsigned int i;

	stop_queues(session);
	session_memory_close(session);
	for (i = 0; i < SESSION_QUEUES; i++) {
		struct session_queue *queue = &session->queues[i];

		if (queue->kick_fd < 0)
			continue;
		node_set_kick(session->fd, i, VDUSE_EVENTFD_DEASSIGN);
		close(queue->kick_fd);
		queue->kick_fd = -1;
	}
}

static void tell(struct session *session, enum session_event event, unsigned int number)
{
	if (session->owner->event)
		session->owner->event(session->context, event, number);
}

static void report_queue(struct session *session, unsigned int index, const char *what, int rc)
{
	const struct virtqueue *vq = &session->queues[index].vq;
	char sentence[200];

	snprintf(sentence, sizeof(sentence), "virtqueue %u %s: %s (value 0x%llx, head %u)", index,
		 what, vq->error.reason ? virtqueue_reason_text(vq->error.reason) : strerror(-rc),
		 (unsigned long long)vq->error.value, vq->error.head);
	report(session, sentence);
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
	report(session, sentence);
}

/*
 * Where a virtqueue that starts for the first time since the reset begins: the driver
 * says it, but for one that a process before us served, up to used.idx. A packed ring has
 * nothing that says it (-ENODATA): it waits for a reset.
 */
static int first_position(const struct session *session,
			  const struct virtqueue_config *config, const struct node_queue *info)
{
	uint16_t used_index;
	int rc;

	if (is_packed(session)) {
		*config->position = from_state(&info->packed);
		return session->resumed ? -ENODATA : 0;
	}
	rc = virtqueue_read_used_index(config, &used_index);
	if (rc < 0)
		return rc;
	*config->position = (struct virtqueue_position){
		.next_avail = session->resumed ? used_index : info->avail_index,
		.next_used = used_index,
	};
	return 0;
}

static struct virtqueue_config queue_config(struct session *session,
					    struct session_queue *queue,
					    const struct node_queue *info)
{
	return (struct virtqueue_config){
		.size = info->size,
		.desc = info->desc,
		.driver = info->driver,
		.device = info->device,
		.features = session->features,
		.memory = &session->memory,
		.slots = queue->slots,
		.slot_count = SESSION_QUEUE_SIZE_MAX,
		.position = &queue->position,
	};
}

static int start_ready_queue(struct session *session, unsigned int index,
			     const struct node_queue *info)
{
	struct session_queue *queue = &session->queues[index];
	struct virtqueue_config config = queue_config(session, queue, info);
	int rc = 0;

	if (!queue->positioned)
		rc = first_position(session, &config, info);
	if (rc == 0)
		rc = virtqueue_start(&queue->vq, &config);
	if (rc == 0) {
		queue->positioned = true;
		tell(session, SESSION_QUEUE_READY, index);
		return 0;
	}
	/* Our own shortage can pass; what the driver did wrong stays until it changes. */
	queue->refused = rc != -ENOMEM && rc != -EMFILE && rc != -ENFILE;
	session->broken_queues++;
	if (rc == -ENODATA)
		report_lost(session, index);
	else
		report_queue(session, index, "does not start", rc);
	return rc;
}

static void start_queue(struct session *session, unsigned int index)
{
	struct session_queue *queue = &session->queues[index];
	struct node_queue info;

	if (!session->live || queue->refused || queue->vq.state != VIRTQUEUE_STOPPED)
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
	queue->refused = true;
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

void session_queue_error(struct session *session, unsigned int index, int rc)
{
	struct session_queue *queue = &session->queues[index];

	if (queue->vq.state != VIRTQUEUE_BROKEN || queue->refused)
		return;
	queue->refused = true;
	session->broken_queues++;
	report_queue(session, index, "is broken until the driver resets it", rc);
}

static void go_live(struct session *session)
{
	unsigned int i;

	session->live = true;
	session->retries = 0;
	for (i = 0; i < SESSION_QUEUES; i++) {
		/* A reset takes the descriptor away from the kernel: vduse_dev_reset() */
		node_set_kick(session->fd, i, session->queues[i].kick_fd);
		session_queue(session, i);
	}
	session->owner->changed(session->context);
}

/* virtio 1.2, 3.1.1 step 5: what the driver wrote must be a subset of what we have. */
static bool features_acceptable(struct session *session)
{
	char sentence[100];

	if (node_get_features(session->fd, &session->features) < 0)
		return false;
	if (!(session->features & ~session->implemented))
		return true;
	snprintf(sentence, sizeof(sentence), "features 0x%llx refused: not implemented",
		 (unsigned long long)(session->features & ~session->implemented));
	report(session, sentence);
	return false;
}

static void reset(struct session *session)
{
	stop_queues(session);
	vq_memory_clear(&session->memory);
	session->features = 0;
	session->asid = 0;	/* the kernel says so without a message: vduse_dev_reset() */
	session->resumed = false;
	tell(session, SESSION_RESET, 0);
	session->owner->changed(session->context);
}

static bool set_status(struct session *session, uint8_t status)
{
	uint8_t risen = status & ~session->status;

	if (status == 0 || (session->status & ~status))
		reset(session);		/* backwards is nothing but through 0: 2.1.1 */
	if ((risen & VIRTIO_CONFIG_S_FEATURES_OK) && !features_acceptable(session))
		return false;
	session->status = status;
	tell(session, SESSION_STATUS, 0);
	if (risen & VIRTIO_CONFIG_S_FEATURES_OK)
		tell(session, SESSION_FEATURES, 0);
	if ((risen & VIRTIO_CONFIG_S_DRIVER_OK) && (status & VIRTIO_CONFIG_S_FEATURES_OK))
		go_live(session);
	return true;
}

static void update_iotlb(struct session *session, uint64_t first, uint64_t last)
{
	unsigned int i, removed;

	session->owner->quiesce(session->context);
	removed = vq_memory_remove(&session->memory, first, last);
	tell(session, SESSION_IOTLB, removed);
	for (i = 0; i < SESSION_QUEUES; i++)
		if (session->queues[i].vq.state != VIRTQUEUE_BROKEN)
			session->queues[i].refused = false;
	session->owner->changed(session->context);
}

/* Payloads of API version 1; in a message of version 0 the address space is 0 as well. */
static void update_iotlb_in(struct session *session, const struct vduse_dev_request *request)
{
	struct vduse_tools_iova_range_v2 range;

	memcpy(&range, request->padding, sizeof(range));
	if (range.asid == session->asid)
		update_iotlb(session, range.start, range.last);
}

static void set_group_asid(struct session *session, const struct vduse_dev_request *request)
{
	struct vduse_tools_vq_group_asid change;

	memcpy(&change, request->padding, sizeof(change));
	if (change.group != 0 || change.asid == session->asid)
		return;		/* none of our virtqueues, or nothing new */
	session->asid = change.asid;
	update_iotlb(session, 0, UINT64_MAX);
}

static bool get_queue_state(struct session *session, uint32_t index,
			    struct vduse_vq_state *state)
{
	struct node_queue info;

	if (index >= SESSION_QUEUES)
		return false;
	state->index = index;
	session->owner->quiesce(session->context);
	if (session->queues[index].positioned) {
		struct virtqueue_position position = session->queues[index].position;

		if (is_packed(session))
			state->packed = to_state(position);
		else
			state->split.avail_index = position.next_avail;
		return true;
	}
	if (node_get_queue(session->fd, index, &info) < 0)
		return false;
	if (is_packed(session))
		state->packed = info.packed;
	else
		state->split.avail_index = info.avail_index;
	return true;
}

static bool carry_out(struct session *session, const struct vduse_dev_request *request,
		      struct vduse_dev_response *response)
{
	switch (request->type) {
	case VDUSE_GET_VQ_STATE:
		return get_queue_state(session, request->vq_state.index, &response->vq_state);
	case VDUSE_SET_STATUS:
		return set_status(session, request->s.status);
	case VDUSE_UPDATE_IOTLB:
		update_iotlb_in(session, request);
		return true;
	case VDUSE_TOOLS_SET_VQ_GROUP_ASID:
		set_group_asid(session, request);
		return true;
	default:
		report(session, "a message of unknown type was answered FAILED");
		return false;
	}
}

int session_handle_messages(struct session *session)
{
	struct vduse_dev_request request;
	int rc;

	while ((rc = node_read_request(session->fd, &request)) == 0) {
		struct vduse_dev_response response = { .request_id = request.request_id };

		response.result = carry_out(session, &request, &response) ? VDUSE_REQ_RESULT_OK
									  : VDUSE_REQ_RESULT_FAILED;
		rc = node_write_response(session->fd, &response);
		if (rc == -ENOENT)
			report(session, "a message was answered too late");
		else if (rc < 0)
			return rc;
	}
	return rc == -EAGAIN ? 0 : rc;
}

int session_resume(struct session *session)
{
	bool ready = false;
	unsigned int i;
	int rc;

	for (i = 0; i < SESSION_QUEUES; i++) {
		struct node_queue info;

		rc = node_get_queue(session->fd, i, &info);
		if (rc < 0)
			return rc;
		ready |= info.ready;
	}
	/* Only after DRIVER_OK the kernel takes an interrupt; one too many does no harm. */
	if (!ready || node_interrupt(session->fd, 0) < 0)
		return 0;
	if (!features_acceptable(session))
		return -EOPNOTSUPP;
	session->status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			  VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;
	session->resumed = true;
	tell(session, SESSION_RECONNECT, 0);
	go_live(session);
	/* What the last process did not get round to say. */
	for (i = 0; i < SESSION_QUEUES; i++)
		session_interrupt(session, i);
	return 0;
}

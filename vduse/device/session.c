// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/device/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/virtio_config.h>

#include "vduse/device/session_memory.h"
#include "vduse/device/session_queue.h"

void session_report(struct session *session, const char *sentence)
{
	if (session->owner->report)
		session->owner->report(session->context, sentence);
}

void session_tell(struct session *session, enum session_event event, unsigned int number)
{
	if (session->owner->event)
		session->owner->event(session->context, event, number);
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
		 struct journal_session *journal, const struct session_owner *owner,
		 void *context)
{
	unsigned int i;
	int rc = 0;

	memset(session, 0, sizeof(*session));
	session->fd = fd;
	session->implemented = implemented;
	session->journal = journal;
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
static void stop_queues(struct session *session, bool for_good)
{
	unsigned int i;

	session->owner->quiesce(session->context, for_good);
	for (i = 0; i < SESSION_QUEUES; i++) {
		struct session_queue *queue = &session->queues[i];

		virtqueue_stop(&queue->vq);
		queue->positioned = false;
		queue->refused = false;
		queue->waits = false;
		queue->interrupt_owed = false;
	}
	session->config_owed = false;
	session->live = false;
}

void session_close(struct session *session)
{
	unsigned int i;

	stop_queues(session, false);
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

void session_go_live(struct session *session)
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
bool session_features_acceptable(struct session *session)
{
	char sentence[100];

	if (node_get_features(session->fd, &session->features) < 0)
		return false;
	if (!(session->features & ~session->implemented))
		return true;
	snprintf(sentence, sizeof(sentence), "features 0x%llx refused: not implemented",
		 (unsigned long long)(session->features & ~session->implemented));
	session_report(session, sentence);
	return false;
}

void session_forget_queues(struct session *session)
{
	unsigned int i;

	for (i = 0; i < SESSION_QUEUES; i++)
		journal_set_valid(&session->journal->queues[i], false);
}

static void reset(struct session *session)
{
	stop_queues(session, true);
	session_forget_queues(session);
	vq_memory_clear(&session->memory);
	session->features = 0;
	session->asid = 0;	/* the kernel says so without a message: vduse_dev_reset() */
	session->journal->asid = 0;
	session->resumed = false;
	session_tell(session, SESSION_RESET, 0);
	session->owner->changed(session->context);
}

static bool set_status(struct session *session, uint8_t status)
{
	uint8_t risen = status & ~session->status;

	if (status == 0 || (session->status & ~status))
		reset(session);		/* backwards is nothing but through 0: 2.1.1 */
	if ((risen & VIRTIO_CONFIG_S_FEATURES_OK) && !session_features_acceptable(session))
		return false;
	session->status = status;
	session_tell(session, SESSION_STATUS, 0);
	if (risen & VIRTIO_CONFIG_S_FEATURES_OK)
		session_tell(session, SESSION_FEATURES, 0);
	if ((risen & VIRTIO_CONFIG_S_DRIVER_OK) && (status & VIRTIO_CONFIG_S_FEATURES_OK))
		session_go_live(session);
	return true;
}

static void update_iotlb(struct session *session, uint64_t first, uint64_t last)
{
	unsigned int i, removed;

	session->owner->quiesce(session->context, false);
	removed = vq_memory_remove(&session->memory, first, last);
	session_tell(session, SESSION_IOTLB, removed);
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
	session->journal->asid = change.asid;
	update_iotlb(session, 0, UINT64_MAX);
}

static bool get_queue_state(struct session *session, uint32_t index,
			    struct vduse_vq_state *state)
{
	if (index >= SESSION_QUEUES)
		return false;
	session->owner->quiesce(session->context, true);
	return session_queue_state(session, index, state);
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
		session_report(session, "a message of unknown type was answered FAILED");
		return false;
	}
}

int session_answer(struct session *session, const struct vduse_dev_request *request)
{
	struct vduse_dev_response response = { .request_id = request->request_id };
	uint8_t before = session->status;
	int rc;

	response.result = carry_out(session, request, &response) ? VDUSE_REQ_RESULT_OK
								 : VDUSE_REQ_RESULT_FAILED;
	/* before the answer: from it the successor finds out whether that was written */
	if (request->type == VDUSE_SET_STATUS)
		journal_set_status(session->journal, request->request_id, session->status,
				   before);
	rc = node_write_response(session->fd, &response);
	if (rc == -ENOENT)
		session_report(session, "a message was answered too late");
	return rc == -ENOENT ? 0 : rc;
}

int session_handle_messages(struct session *session)
{
	struct vduse_dev_request request;
	int rc;

	while ((rc = node_read_request(session->fd, &request)) == 0) {
		rc = session_answer(session, &request);
		if (rc < 0)
			return rc;
	}
	return rc == -EAGAIN ? 0 : rc;
}

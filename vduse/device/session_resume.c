// SPDX-License-Identifier: GPL-2.0-or-later
/* Coming back to a driver that another process served; the theory is in journal.h. */
#include <errno.h>

#include <linux/virtio_config.h>

#include "vduse/device/session_queue.h"

#define STATUS_LIVE (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
		     VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

/* What is known of a device before its first message is answered. */
struct found {
	struct vduse_dev_request request;
	bool waits;		/* request is there to be answered */
	uint8_t status;		/* as the journal tells: in force, or about to be */
	bool ready;		/* a virtqueue is */
	bool known;		/* the journal is about one of them at least */
};

static uint8_t journal_status(const struct session *session, const struct found *found)
{
	uint64_t word = atomic_load_explicit(&session->journal->status, memory_order_acquire);
	bool unanswered = found->waits && found->request.type == VDUSE_SET_STATUS &&
			  found->request.request_id == (uint32_t)word;

	return (uint8_t)(unanswered ? word >> 40 : word >> 32);
}

static int look(struct session *session, struct found *found)
{
	unsigned int i;
	int rc = node_read_request(session->fd, &found->request);

	if (rc < 0 && rc != -EAGAIN)
		return rc;
	found->waits = rc == 0;
	found->status = journal_status(session, found);
	for (i = 0; i < SESSION_QUEUES; i++) {
		struct node_queue info;

		rc = node_get_queue(session->fd, i, &info);
		if (rc < 0)
			return rc;
		if (!info.ready)
			continue;
		found->ready = true;
		found->known |= session_queue_known(session, i, &info);
	}
	return 0;
}

/* The driver has begun to reset the device, and waits for the answer. */
static bool is_reset(const struct found *found)
{
	return found->waits && found->request.type == VDUSE_SET_STATUS &&
	       !(found->request.s.status & VIRTIO_CONFIG_S_DRIVER_OK);
}

/*
 * Whether a driver is there that has said DRIVER_OK. Where the journal is about these
 * virtqueues it knows. Otherwise another program may have served them since: only after
 * DRIVER_OK the kernel takes an interrupt, and one too many does no harm.
 */
static bool is_live(const struct session *session, const struct found *found)
{
	if (!found->ready || is_reset(found))
		return false;
	if (found->known)
		return found->status & VIRTIO_CONFIG_S_DRIVER_OK;
	return node_interrupt(session->fd, 0) == 0;
}

/*
 * Nobody's journal had the driver's status, and what starts now will be known to the successor,
 * who has to find it live. Whether a message waits that has the number in the word does not
 * matter: the status before it is the same.
 */
static void enter_status(struct session *session)
{
	uint64_t word = atomic_load_explicit(&session->journal->status, memory_order_acquire);

	journal_set_status(session->journal, (uint32_t)word, STATUS_LIVE, STATUS_LIVE);
}

static int go_on(struct session *session, const struct found *found)
{
	session->asid = found->known ? session->journal->asid : 0;
	session->status = STATUS_LIVE;
	session->resumed = true;
	if (!session_features_acceptable(session))
		return -EOPNOTSUPP;
	if (!found->known)
		enter_status(session);
	session_tell(session, SESSION_RECONNECT, 0);
	session_go_live(session);
	return 0;
}

int session_resume(struct session *session)
{
	struct found found = { .waits = false };
	int rc = look(session, &found);

	if (rc < 0)
		return rc;
	if (is_live(session, &found))
		rc = go_on(session, &found);
	else
		session_forget_queues(session);
	if (rc == 0 && found.waits)
		rc = session_answer(session, &found.request);
	return rc;
}

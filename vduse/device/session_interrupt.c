// SPDX-License-Identifier: GPL-2.0-or-later
/* Notifications of a session: kicks by the driver, interrupts for it, and those it is owed. */
#include <errno.h>
#include <sys/eventfd.h>

#include "vduse/device/session.h"

/* DRIVER_OK is recorded 0.7 to 6.5 ms after our answer (measured on 6.12). */
#define RETRIES_MAX 5000

void session_take_kick(struct session *session, unsigned int index)
{
	struct session_queue *queue = &session->queues[index];
	eventfd_t count;

	if (!eventfd_read(queue->kick_fd, &count))
		queue->kicks += count;
}

void session_interrupt(struct session *session, unsigned int index)
{
	struct session_queue *queue = &session->queues[index];
	int rc = node_interrupt(session->fd, index);

	if (rc >= 0)
		queue->interrupts++;
	else if (rc == -EINVAL && session->live)
		queue->interrupt_owed = true;
}

static void interrupt_config(struct session *session)
{
	/* before DRIVER_OK the driver reads the configuration anyway */
	session->config_owed = node_interrupt_config(session->fd) == -EINVAL && session->live;
}

int session_set_config(struct session *session, uint32_t offset, const void *bytes,
		       uint32_t length)
{
	int rc = node_set_config(session->fd, offset, bytes, length);

	if (rc >= 0)
		interrupt_config(session);
	return rc < 0 ? rc : 0;
}

bool session_owes(const struct session *session)
{
	unsigned int i;

	if (session->config_owed)
		return true;
	for (i = 0; i < SESSION_QUEUES; i++)
		if (session->queues[i].interrupt_owed)
			return true;
	return false;
}

bool session_retry(struct session *session)
{
	unsigned int i;

	for (i = 0; i < SESSION_QUEUES; i++) {
		if (!session->queues[i].interrupt_owed)
			continue;
		session->queues[i].interrupt_owed = false;
		if (session->retries < RETRIES_MAX)
			session_interrupt(session, i);
	}
	if (session->config_owed && session->retries < RETRIES_MAX)
		interrupt_config(session);
	else
		session->config_owed = false;
	session->retries++;
	if (!session_owes(session))
		session->retries = 0;
	return session_owes(session);
}

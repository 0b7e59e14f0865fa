/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A session from inside: what session.c, session_queue.c and session_resume.c have in common. */
#ifndef VDUSE_DEVICE_SESSION_QUEUE_H
#define VDUSE_DEVICE_SESSION_QUEUE_H

#include "vduse/device/session.h"

/* session_owner.report and .event, where there are any. */
void session_report(struct session *session, const char *sentence);
void session_tell(struct session *session, enum session_event event, unsigned int number);

/* The features that the driver wrote, into session->features: false, reported, when there is
 * one that we do not have. */
bool session_features_acceptable(struct session *session);

/* DRIVER_OK is in force: virtqueues that are ready start, the owner is told. */
void session_go_live(struct session *session);

/* No virtqueue of the journal can be gone on with. */
void session_forget_queues(struct session *session);

/* Carry out @request, which was read, and answer it. 0, also when that came too late, or
 * negative errno. */
int session_answer(struct session *session, const struct vduse_dev_request *request);

/* true where the journal is about this very virtqueue, as the kernel describes it. */
bool session_queue_known(const struct session *session, unsigned int index,
			 const struct node_queue *info);

/* GET_VQ_STATE of queue @index, which exists and has no chain in work: false when the kernel
 * does not tell either. */
bool session_queue_state(struct session *session, uint32_t index, struct vduse_vq_state *state);

#endif

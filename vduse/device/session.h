/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VDUSE device, seen from the process that serves it.
 *
 * Theory of operation
 * ===================
 *
 * A session is an open node and what the driver on the other side made of it: status,
 * features, memory, virtqueues. It needs no privilege and opens nothing: the node's
 * descriptor is handed over, and the only descriptors that come in later are those of
 * memory regions, which are mapped and closed at once. It never calls generic netlink
 * or rtnetlink: both can wait for us.
 *
 * The kernel asks through messages, and the driver waits until we have answered
 * (drivers/vdpa/vdpa_user/vduse_dev.c, vduse_dev_msg_sync):
 *
 *	SET_STATUS	0: reset. The virtqueues stop, then all memory is given up: the
 *			other way round a virtqueue would look into what is gone.
 *			FEATURES_OK: the features that the driver wrote are looked at, and
 *			refused (FAILED) if there is one that we do not have.
 *			DRIVER_OK: the virtqueues that are ready start.
 *	UPDATE_IOTLB	the region (or all) is given up in the same order. Virtqueues go on:
 *			what is still valid is asked for again when it is next touched.
 *	GET_VQ_STATE	where the next chain will be taken.
 *	SET_VQ_GROUP_ASID	API version 1: all our virtqueues are in group 0. Its address
 *			space changes like an UPDATE_IOTLB of everything.
 *	others		FAILED, never silence.
 *
 * Three things the kernel does not do and the session makes up for. virtio_vdpa sends no
 * UPDATE_IOTLB at all, so a reset must give everything up. Virtqueues may become ready
 * after DRIVER_OK, so one that is not running is looked at whenever somebody kicks. And
 * the kernel records DRIVER_OK only after our answer to it: an interrupt raised before
 * that fails with EINVAL, so it is kept and tried again (session_retry()).
 *
 * Coming back. A process that opens the node of a device that is already in use gets no
 * message about it. What the last one left in the journal (journal.h) says how far it came.
 * Without a journal, or with one that is not about this driver, session_resume() asks each
 * virtqueue whether it is ready and the kernel whether it lets us interrupt (it does only
 * after DRIVER_OK), and goes on where used.idx says that the last process stopped. Packed
 * rings say nothing of the kind, and the kernel knows only where the driver began: their
 * virtqueues stay stopped, which is reported, until the driver resets the device.
 *
 * The owner (a device of some type) keeps the promise that no chain is in work when
 * quiesce() returns. Everything runs on one thread.
 */
#ifndef VDUSE_DEVICE_SESSION_H
#define VDUSE_DEVICE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vduse/device/journal.h"
#include "vduse/device/node.h"
#include "vduse/virtio/memory.h"
#include "vduse/virtio/virtqueue.h"

/* A network device has two as long as kernels refuse CTRL_VQ. */
#define SESSION_QUEUES JOURNAL_QUEUES
#define SESSION_QUEUE_SIZE_MIN 64	/* smaller ones stall, 1 corrupts kernel memory (6.12) */
#define SESSION_QUEUE_SIZE_MAX JOURNAL_QUEUE_SIZE
#define SESSION_REGIONS 512	/* mappings of a vhost client; the kernel's virtio_vdpa has few */
#define SESSION_REGIONS_MAX 32768	/* half of what a process may have (vm.max_map_count) */

struct session;

/* What happens to a session, for those who watch. */
enum session_event {
	SESSION_STATUS,		/* the driver wrote a status that was accepted: session->status */
	SESSION_FEATURES,	/* it settled on features: session->features */
	SESSION_QUEUE_READY,	/* virtqueue @number began to run */
	SESSION_IOTLB,		/* @number regions of memory were given up on the driver's word */
	SESSION_RESET,		/* everything of the driver's is forgotten */
	SESSION_RECONNECT,	/* a driver that another process served is served on */
};

/* What the owner of a session does when something happens. */
struct session_owner {
	/*
	 * Give back every chain in work: virtqueues stop or memory goes away. @for_good: the
	 * driver has taken the virtqueues away, or asks for positions to go on from elsewhere.
	 */
	void (*quiesce)(void *context, bool for_good);
	/* A driver is there and virtqueues may have work, or the driver has gone. */
	void (*changed)(void *context);
	/* Something worth telling a person; a sentence without a line feed. */
	void (*report)(void *context, const char *sentence);
	/* Something worth telling who watches; after it happened. May be NULL. */
	void (*event)(void *context, enum session_event event, unsigned int number);
};

struct session_queue {
	struct virtqueue vq;
	struct virtqueue_position *position;	/* in the journal of a direction; the owner's */
	struct progress *progress;	/* of that direction */
	int kick_fd;		/* eventfd that the driver kicks; -1 while there is none */
	bool positioned;	/* position is ours, no more the driver's */
	bool refused;		/* did not start: not tried again until something changes */
	bool waits;		/* did not start for a shortage of ours: to be tried again */
	bool interrupt_owed;	/* the kernel was not ready to take it */
	uint64_t interrupts;	/* raised */
	uint64_t kicks;
};

/* Memory of our own as the bounce buffer of virtio_vdpa: session_bring_memory(). */
struct session_umem {
	bool wanted;
	bool brought;		/* the kernel has it */
	bool refused;		/* not tried again */
	uint32_t asid;		/* where it was brought */
	uint8_t *base;		/* mapped by the session; NULL before the first use */
	uint64_t size;		/* bytes, whole pages */
};

struct session {
	int fd;			/* the node; not closed by the session */
	uint64_t implemented;	/* features that the device has */
	uint64_t features;	/* negotiated; valid while live */
	uint8_t status;		/* as the driver wrote it last */
	bool live;		/* DRIVER_OK */
	bool resumed;		/* another process served the driver before us */
	struct journal_session *journal;
	uint32_t asid;		/* address space of group 0, and so of every virtqueue */
	struct session_umem umem;
	bool config_owed;	/* a configuration interrupt that the kernel was not ready for */
	bool broken;		/* by the kernel, for good: a message timed out */
	unsigned int retries;	/* of interrupts that are owed */
	uint64_t broken_queues;	/* times that a driver broke a virtqueue */
	const struct session_owner *owner;
	void *context;		/* the owner's */
	struct vq_memory memory;
	struct vq_region regions[SESSION_REGIONS];
	struct vq_region *more;	/* instead, where these are too few; allocated */
	struct session_queue queues[SESSION_QUEUES];
};

/*
 * Begin with the open, non-blocking node @fd: every virtqueue is set up with @queue_size
 * entries (a power of two from 64 to 1024) and gets a kick descriptor. @implemented are the
 * features that a driver may negotiate. @journal is what a process before us left, or zeroes,
 * and ours to write until session_close(). 0, or negative errno with nothing left behind;
 * ended by session_close(), which leaves @fd open, and in the journal what a successor needs.
 * Before the first message, the owner gives each virtqueue its position and its progress.
 */
int session_open(struct session *session, int fd, uint16_t queue_size, uint64_t implemented,
		 struct journal_session *journal, const struct session_owner *owner,
		 void *context);
void session_close(struct session *session);

/*
 * Let memory of our own be the bounce buffer that virtio_vdpa's data passes through, as soon
 * as the driver uses it; called before the first message. It is pinned, so it counts against
 * RLIMIT_MEMLOCK; when the kernel refuses it, that is reported, and its own memory is used.
 * It stays over resets, and is given back by session_close(). Memory of a vhost client is
 * not concerned.
 */
void session_bring_memory(struct session *session);

/*
 * Write @length bytes at @offset of the device's configuration space, and tell the driver,
 * now or as soon as the kernel takes it (session_retry()). 0 or negative errno.
 */
int session_set_config(struct session *session, uint32_t offset, const void *bytes,
		       uint32_t length);

/*
 * Look whether a driver is using the device already, and go on serving it; answer the first
 * message that waits. To be called once, when the owner is ready, before messages are handled.
 * 0 or negative errno: -EOPNOTSUPP when that driver negotiated a feature that we do not have,
 * and as session_handle_messages().
 */
int session_resume(struct session *session);

/*
 * Answer the messages that wait. 0, or negative errno: -EPIPE when the kernel has broken
 * the device (session->broken), for good.
 */
int session_handle_messages(struct session *session);

/* The kick descriptor of queue @index is readable: empty it. */
void session_take_kick(struct session *session, unsigned int index);

/*
 * The virtqueue @index, running and with all its memory in place, or NULL while there is
 * none (not ready yet, broken, no driver).
 */
struct virtqueue *session_queue(struct session *session, unsigned int index);

/* session_queue() gave none for a shortage of our own (memory, descriptors), which can pass
 * without anybody's telling: call it again after a while. */
bool session_queue_waits(const struct session *session, unsigned int index);

/* virtqueue_pop() and the like said that something is wrong with queue @index: count and
 * report it. @rc is what they returned. */
void session_queue_error(struct session *session, unsigned int index, int rc);

/* Raise an interrupt for queue @index, now or as soon as the kernel takes it. */
void session_interrupt(struct session *session, unsigned int index);

/* Try again what is owed. true: something still is, call again after about a
 * millisecond. Gives up after some 5,000 times. */
bool session_retry(struct session *session);

/* true while session_retry() has something to do. */
bool session_owes(const struct session *session);

#endif

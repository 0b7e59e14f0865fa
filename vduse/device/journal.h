/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device process leaves to its successor, in memory that outlives it.
 *
 * Theory of operation
 * ===================
 *
 * The kernel keeps the messages that a dead process did not answer and hands them to the next
 * one that opens the node. What it does not keep: which status the device is in, and how far
 * each virtqueue has come. That is the journal: plain data, no pointers, zeroes at the
 * beginning, in memory that the caller shares with whoever comes after (a file under /run,
 * a memfd) or, where nobody comes after, just in memory.
 *
 * A process ends between two instructions, so what counts is the order of the stores, which
 * are atomic ones in the order of the program.
 *
 * Status. `status` is one word: the number of the SET_STATUS message that is about to be
 * answered, the status that it leads to, and the one before. It is stored before the answer
 * is written. The successor reads the first message that waits:
 *
 *  - it has that number: the answer was not written. The status before is in force, and the
 *    message is carried out (again).
 *  - else the answer was written, and the status that it led to is in force, also where the
 *    kernel, which records DRIVER_OK after the answer only, has not come round to it.
 *
 * Messages. A process can end before it has read one, when it has read it, when it has carried
 * it out, and when it has answered:
 *
 *  - not read: it is still the kernel's, and the successor is the first to read it.
 *  - read, carried out or not, not answered: closing the node puts it back (vduse_dev_release()),
 *    with its number, and it is carried out once more. None minds that: GET_VQ_STATE looks;
 *    UPDATE_IOTLB takes away what the successor has not looked up yet, and a map is never
 *    journalled; a reset clears `valid` of what is cleared; SET_VQ_GROUP_ASID stores what is
 *    there. DRIVER_OK starts virtqueues, but nothing of them is carried before its answer, and
 *    the word says that they begin anew.
 *  - answered: the answer is one write(2), which the kernel takes whole or not at all. The
 *    driver goes on; it can kick, and be waiting for an interrupt, before the successor is
 *    there: see below.
 *
 * A driver that waits for a reset is not served on: its virtqueues do not start again before
 * the reset, whatever they were.
 *
 * Virtqueues. `valid` is set when the virtqueue has started, and cleared when the driver's
 * reset stops it; between the two, slots and published are the engine's (virtqueue.h), and so
 * is the position, which is not here but in the journal of a direction: see below. A
 * virtqueue that is valid, and that the kernel still describes by the same words, goes on from
 * there, finishing the publication that the process died in (virtqueue_roll_forward()).
 *
 * Directions. A frame leaves the transmit virtqueue of one device and enters the receive
 * virtqueue of another: published on one of them only, it would be lost or come twice. So
 * the positions of these two virtqueues lie side by side in one aligned word of 8 bytes. A
 * frame that its receiver gets in pieces, some now and some later, is between the two for a
 * while; how much of it is over stands beside them, and comes into force with them: progress.h.
 *
 * What the kernel keeps of the dead process, and what dies with it.
 *
 *  - Kicks. The eventfd of a dead process stays registered, so kicks that come meanwhile are
 *    not refused but lost in it. The successor puts its own in the place (VQ_SETUP_KICKFD, which
 *    drops the old one), and then looks into every ring unasked: what was kicked before is found
 *    there, what is kicked later wakes it. Whether the predecessor had asked for kicks does not
 *    matter for the same reason: before it sleeps it asks for them itself, and looks again.
 *  - Interrupts. Between a publication and its interrupt nothing is journalled. The successor
 *    raises one for each virtqueue, needed or not; one that the kernel does not take yet, because
 *    it has not recorded DRIVER_OK, it owes and tries again, as the predecessor would have
 *    (session_retry()). So does it with the link, of which it tells the driver unasked.
 *  - A frame that was held, because its receiver had no buffers, is not used yet and comes again.
 *  - Memory. Mappings end with the process. Its memory as the bounce buffer (umem) is taken out
 *    by the kernel when the node is closed, which copies what is in use into pages of its own,
 *    and back into those of the successor (vduse_domain_remove_user_bounce_pages()): data on
 *    their way are where the driver has put them, in whose memory it may be.
 *  - The capture. The file is one open description for all workers, whose position is behind the
 *    last whole block: each goes on from there, with a section of its own (pcapng has several in
 *    a file), and cuts off what stands behind it. What the dead one had not written is missing.
 *    From a stream nothing is cut off: a block may be there in part, and a reader that cannot get
 *    past it sees the frames up to there.
 *  - Counters begin at 0.
 *
 * Where the journal is missing, or about something else, virtqueues go on behind what their driver
 * was shown last, which is told (session_queue.c): split rings say where that is, and nothing is
 * lost, but a frame can come twice, whose buffer one ring says to be used and the other does not.
 * Packed rings say nothing, and wait for a reset.
 *
 * Distrust. Whoever reads a journal may find anything in it: it is a file, and the process
 * that wrote it may have been taken over. Every word is checked before use, by session.c or
 * by the engine, and what a forged one can do is what the process itself could have done:
 * wrong frames to its own drivers.
 */
#ifndef VDUSE_DEVICE_JOURNAL_H
#define VDUSE_DEVICE_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vduse/device/progress.h"
#include "vduse/virtio/virtqueue.h"

#define JOURNAL_QUEUES 2
#define JOURNAL_QUEUE_SIZE 1024

/* Where in a file the two journal_port begin: a page, however large, is left to its owner. */
#define JOURNAL_OFFSET 65536
#define JOURNAL_PORTS 2

/* A virtqueue, as it was when it started. */
struct journal_queue {
	uint64_t desc, driver, device;	/* IOVAs of its areas */
	uint64_t features;		/* negotiated */
	uint32_t size;
	_Atomic uint16_t valid;		/* 1: it can be gone on with */
	uint16_t published;		/* virtqueue_config.published */
	struct vq_slot slots[JOURNAL_QUEUE_SIZE];
};

/* A device. */
struct journal_session {
	/* bits 0 to 31: number of the message, 32 to 39: its status, 40 to 47: the one before */
	_Alignas(8) _Atomic uint64_t status;
	uint32_t asid;			/* of virtqueue group 0 */
	uint16_t link_down;		/* 1: somebody lowered the link */
	uint16_t unused;
	struct journal_queue queues[JOURNAL_QUEUES];
};

/* What one device transmits and another, or itself, receives. */
struct journal_direction {
	_Alignas(8) struct virtqueue_position receive;
	struct virtqueue_position transmit;
	struct progress progress;	/* of the frame at transmit */
};

/* All of a device and of what it transmits. */
struct journal_port {
	struct journal_session session;
	struct journal_direction direction;
};

/* From now on it can be gone on with, or not any more; after all that was stored before. */
static inline void journal_set_valid(struct journal_queue *queue, bool valid)
{
	atomic_store_explicit(&queue->valid, valid, memory_order_release);
}

/* Note what message @request_id is about to be answered with: the status, and the one before. */
static inline void journal_set_status(struct journal_session *session, uint32_t request_id,
				      uint8_t status, uint8_t before)
{
	uint64_t word = request_id | (uint64_t)status << 32 | (uint64_t)before << 40;

	atomic_store_explicit(&session->status, word, memory_order_release);
}

#endif

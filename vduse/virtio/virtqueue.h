/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtqueues, seen from the device.
 *
 * Theory of operation
 * ===================
 *
 * A split virtqueue (virtio 1.2, section 2.7) is three areas of memory. Each has one
 * writer:
 *
 *	area		writer	content
 *	descriptor	driver	size x {addr, len, flags, next}		2.7.5
 *	driver		driver	avail: flags, idx, ring[], used_event	2.7.6
 *	device		device	used: flags, idx, ring[], avail_event	2.7.8
 *
 * The driver fills descriptors, puts the number of the first one (the head) into
 * avail.ring and then raises avail.idx. The device walks the chain, reads and writes
 * the buffers, puts {head, bytes written} into used.ring and then raises used.idx.
 *
 * Order. Two stores publish, and each has a load on the other side that matches it:
 *
 *	driver: descriptors, avail.ring	-> barrier -> avail.idx		2.7.13.3.1
 *	device: load-acquire avail.idx	-> avail.ring, descriptors, buffers
 *	device: buffers, used.ring	-> store-release used.idx	2.7.8.2
 *	driver: used.idx		-> barrier -> used.ring, buffers	2.7.14
 *
 * So whatever lies before an index is complete for the reader of that index, and the
 * device never reads avail.ring beyond the avail.idx that it acquired last. It reads
 * avail.idx again only when it has come to the one it knows.
 *
 * Two notifications need more than acquire and release, because each side stores to
 * its own area and then loads from the other's (store -> load, which x86 reorders too):
 *
 *	device: store used.idx,    full fence, load used_event or avail.flags	2.7.7.2
 *	driver: store used_event,  full fence, load used.idx
 *	device: store avail_event, full fence, load avail.idx			2.7.10.2
 *	driver: store avail.idx,   full fence, load avail_event or used.flags	2.7.13.4.1
 *
 * With a fence on both sides at least one of the two sees the other's store: either
 * the one that sleeps finds the work before it goes to sleep, or the other one
 * notifies it. virtqueue_needs_interrupt() and virtqueue_enable_kick() contain the
 * device's fences.
 *
 * A packed virtqueue (section 2.8) is one ring that both sides write, and a small structure
 * each about notifications:
 *
 *	area		writer	content
 *	descriptor	both	size x {addr, len, id, flags}		2.8.13
 *	driver		driver	event suppression: off_wrap, flags	2.8.14
 *	device		device	the same					2.8.14
 *
 * Both sides go round the ring, and each has a wrap counter that begins at 1 and changes
 * with every lap (2.8.1). A descriptor is available when its AVAIL flag equals the driver's
 * counter and USED does not, and used when both equal the device's. A chain is descriptors
 * side by side, through the end of the ring if need be, linked by NEXT; the last one has
 * the buffer id that names it (2.8.6). The device returns a chain by one used descriptor
 * {id, len, flags} where its own way round the ring has come to, and then goes on by as
 * many places as the chain had: so it writes over descriptors that it has read. A position
 * is a place in the ring and a wrap counter.
 *
 *	driver: descriptors, then the flags of a chain's first one	2.8.6, 2.8.21.1
 *	device: load-acquire the first one's flags -> the chain, buffers
 *	device: buffers, elements -> store-release flags of the first element	2.8.2, 2.8.9
 *	driver: flags -> barrier -> element, buffers			2.8.22
 *
 * The driver looks at one place only, the one behind what it processed last. So a batch is
 * written from its second element on, and the first one's flags make all of it visible by
 * one store. The notifications are as above, with flags in the place of both indices:
 *
 *	device: store flags,  full fence, load driver area			2.8.10
 *	device: store device area, full fence, load flags		2.8.21.3.1
 *
 * Used elements are one to a chain, with VIRTIO_F_IN_ORDER as well. One for a whole batch
 * would be allowed then (2.8.8: it is what the device can do, not what it must), but says
 * of all but the last that they were written completely, which is seldom so.
 *
 * Hostile drivers. All memory of the driver can change at any time, also by a thread
 * of the driver while we look at it. What follows from that:
 *
 *  - A descriptor, an index, an event is loaded exactly once, into a local copy, by an
 *    atomic load that the compiler cannot repeat. Checks and uses see the copy. (The
 *    flags of a packed chain's first descriptor are waited for by a load of their own,
 *    and then checked again in the copy.)
 *  - What we must know later (which heads are in flight, how much of a chain was
 *    writable, in which order chains were taken) is kept in memory of our own, the
 *    slots, and never read back from a ring. A head or buffer id is in flight until the
 *    publication that returns it: before that the driver cannot have it back.
 *  - Chains end: the walk counts descriptors, also across an indirect table, and stops
 *    at the queue size (2.7.5.3.1, 2.8.17: no chain is longer than that), so loops cost
 *    at most `size` steps.
 *  - No more than `size` descriptors are out at a time, whatever the flags of a packed
 *    ring say: what the driver did not get back cannot be available again.
 *  - Addresses are IOVAs, translated with permissions (memory.h). A chain is handed out
 *    only when every byte of it is mapped. Nothing outside the regions is touched.
 *  - A driver that breaks a rule breaks its virtqueue: the state becomes
 *    VIRTQUEUE_BROKEN, `error` says what and where, and nothing of the virtqueue is read
 *    or written until it is started again. The process goes on.
 *  - Not survived here: a region whose file was truncated raises SIGBUS when it is
 *    touched. The owner of the regions catches that and maps something else in its
 *    place; nothing in this engine depends on the content of the memory.
 *
 * Taking, using, giving back.
 *
 *	pop		takes the next available chain; it is in flight from now on
 *	unpop		gives the chain taken last back, untouched (a receive chain that
 *			is too small, or a packet for which there are not enough chains)
 *	push		stages a used element for a chain in flight; the driver sees nothing
 *	publish		one store makes everything staged visible
 *	needs_interrupt	says whether the driver wants to be told of it
 *
 * Staged elements lie beyond used.idx, where the driver does not look; those of a packed
 * ring stay in the slots, because their places hold descriptors that may be needed again.
 *
 * Position and recovery. How far a device has come is two 16-bit numbers: where it takes
 * the next chain, and where it puts the next used element. They live in 4 bytes that the
 * caller owns (struct virtqueue_position), for instance in memory that outlives the
 * process. publish stores them as one, *before* the driver sees anything:
 *
 *		split				packed
 *	push	used element, beyond used.idx	used element, in the slots
 *	1	position			position
 *	2					elements but for the first one's flags
 *	3	used.idx			flags of the first element
 *	4					*published = next_used
 *
 * Each step is one store or, as push and 2, stores that can be repeated. A process ends
 * between two instructions, so its successor finds that some of them were done and all
 * later ones not, in the order in which they stand here:
 *
 *  - before 1: the position is the old one, the driver saw nothing. The successor takes
 *    the chains again; the descriptors are as the driver wrote them, because no format
 *    has written over one. What push left is overwritten.
 *  - after 1, before 3: the position is ahead of what the driver saw. The successor does
 *    the rest (virtqueue_roll_forward()). Split: the elements are there, used.idx says
 *    how many are missing. Packed: the batch reaches from *published to next_used, and
 *    the slots, which nobody touched since, have its elements: which id at which place,
 *    its length, how many places it takes.
 *  - after 3, before 4: as the one before by position and *published, but everything is
 *    done. Split: used.idx says so. Packed: the place of the first element says so. As
 *    long as 3 is missing, the driver's own descriptor is there, available in this lap
 *    (AVAIL equals the wrap counter that *published has for the place, USED does not): a
 *    driver must not touch it before it is used (2.8.16). Afterwards it is used in this
 *    lap (both equal it), or the driver got it and has made it available in its next lap
 *    (AVAIL does not equal it, USED does); it cannot be a lap further, because that takes
 *    another publication, which begins with 4 of this one done. Three states, told apart.
 *  - after 4: *published equals next_used: there is nothing to do. Only now the slots of
 *    the batch are used for other things.
 *  - in roll_forward itself: it repeats 2 and 3 from the same slots, then does 4, and
 *    empties the slots only after that. Whoever comes next finds one of the above.
 *  - before the first publication: start without `resume` does 4, for the position that
 *    it was given. The caller, who wrote that position, counts a virtqueue as one that
 *    can be resumed only from the return of that start on; nothing is published before.
 *
 * Lanes (lane.h) go the same steps and keep less for a packed ring: each of their chains is one
 * descriptor and is used where it stands, so that its id is in the ring already, stays there
 * and is the driver's until 3. "push" is then the number of bytes written, in the slot of the
 * *place*, under the mark VQ_SLOT_LANE; 2 and 3 write length and flags. A batch is of one kind:
 * a lane begins when nothing is in flight or staged, and so no slot has `descriptors` then,
 * while all elements of push have VQ_SLOT_STAGED in it from before 1 until after 4. By that the
 * successor knows which it has to do with, and refuses what is neither.
 *
 * What the successor reads out of the slots may be garbage (the journal is somebody's
 * file): every number is checked against the ring's size and against the position before
 * anything is written, and nothing but the driver's own ring is written then, so the
 * worst that a forged journal does is a wrong used element.
 *
 * Two virtqueues that are published as one transaction have their positions side by side in
 * one word of 8 bytes, so that step 1 of both is one store: pair.h.
 *
 * The position counts chains that are taken and not yet pushed as not taken, so it is
 * exact for devices that use chains in the order in which they are available, as network
 * devices do. It could not be otherwise in a packed ring, where used elements that come
 * out of order overwrite descriptors of chains that are still in work.
 *
 * Limits: queue size from 1 to 32768, split: a power of two; a chain has at most `size`
 * descriptors (packed: and 32767), UINT32_MAX bytes and as many segments as the caller's
 * array holds (VQ_CHAIN_SEGMENTS, 1024, is a good length: the longest chain that Linux
 * makes is shorter). Each of the three areas must lie in memory in one piece: in one
 * region, or in neighbouring regions that meet in our memory as well; otherwise the start
 * is refused.
 *
 * Threads: a virtqueue and its memory map belong to one thread. There is no global
 * state, no allocation, no output and no system call in here.
 */
#ifndef VDUSE_VIRTIO_VIRTQUEUE_H
#define VDUSE_VIRTIO_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vduse/virtio/memory.h"
#include "vduse/virtio/state.h"

#define VIRTQUEUE_SIZE_MAX 32768	/* virtio 1.2, 2.7 */
#define VQ_CHAIN_SEGMENTS 1024		/* a good length for struct vq_chain's array */

/* Why a virtqueue did not start or broke. Text: virtqueue_reason_text(). */
enum virtqueue_reason {
	VQ_FINE = 0,
	/* refused at the start */
	VQ_SIZE,			/* value: size */
	VQ_ALIGNMENT,			/* value: address */
	VQ_AREAS_OVERLAP,		/* value: address */
	VQ_AREA_WRAPS,			/* value: address */
	VQ_AREA_UNMAPPED,		/* value: address */
	VQ_AREA_ACCESS,			/* value: address */
	VQ_AREA_IN_PIECES,		/* value: address */
	VQ_POSITION,			/* value: position, or avail.idx that contradicts it */
	VQ_JOURNAL,			/* value: place in the ring */
	/* broken by the driver */
	VQ_AVAIL_TOO_FAR,		/* value: avail.idx; packed: place in the ring */
	VQ_AVAIL_BACKWARDS,		/* value: avail.idx; packed: place in the ring */
	VQ_HEAD_RANGE,			/* value: head; packed: buffer id */
	VQ_HEAD_IN_FLIGHT,		/* value: head; packed: buffer id */
	VQ_NOT_AVAILABLE,		/* value: flags */
	VQ_NEXT_RANGE,			/* value: next */
	VQ_CHAIN_LENGTH,		/* value: queue size */
	VQ_FLAGS,			/* value: flags */
	VQ_LENGTH_ZERO,			/* value: address */
	VQ_READABLE_AFTER_WRITABLE,	/* value: address */
	VQ_TOTAL_LENGTH,		/* value: bytes */
	VQ_SEGMENTS,			/* value: the limit */
	VQ_ADDRESS_WRAPS,		/* value: address */
	VQ_UNMAPPED,			/* value: address */
	VQ_ACCESS,			/* value: address */
	VQ_BUFFER_IN_RING,		/* value: address */
	VQ_INDIRECT_FEATURE,		/* value: flags */
	VQ_INDIRECT_NEXT,		/* value: flags */
	VQ_INDIRECT_NESTED,		/* value: flags */
	VQ_INDIRECT_LENGTH,		/* value: length of the table */
	VQ_DEVICE_RULE,			/* set by virtqueue_break(): a rule of the device type */
	VQ_REASONS			/* their number */
};

/* The first error since the start. head and index are 0 where they mean nothing. */
struct virtqueue_error {
	enum virtqueue_reason reason;
	uint16_t head;			/* where the chain in question begins in the ring */
	uint32_t index;			/* of the descriptor, in its table */
	uint64_t value;			/* see the reason */
};

/*
 * How far the device has come. Split: free-running indices, as avail.idx and used.idx.
 * Packed: places in the ring (bits 0 to 14) and wrap counters (bit 15), as VDUSE's
 * last_avail_idx with last_avail_counter, and last_used_idx with last_used_counter; a
 * driver begins at VIRTQUEUE_PACKED_BEGIN. Stored as one 32-bit word; must be aligned to 4.
 */
struct virtqueue_position {
	_Alignas(4) uint16_t next_avail;
	uint16_t next_used;
};

/* Both halves of the position of a packed virtqueue that is new: place 0, counter 1 (2.8.1). */
#define VIRTQUEUE_PACKED_BEGIN 0x8000

/*
 * Everything that a start needs. Only memory, slots, position and published must outlive the
 * call. Who wants to resume after a crash keeps the last three where the crash leaves them.
 */
struct virtqueue_config {
	uint32_t size;			/* entries; 1 to 32768, split: a power of two */
	uint64_t desc;			/* IOVA of the descriptor area, aligned to 16 */
	uint64_t driver;		/* IOVA of the driver area, aligned to 2, packed: 4 */
	uint64_t device;		/* IOVA of the device area, aligned to 4 */
	uint64_t features;		/* as negotiated; only ring features matter here */
	struct vq_memory *memory;
	struct vq_slot *slots;		/* at least size; content: see resume */
	uint32_t slot_count;
	struct virtqueue_position *position;	/* where to start; updated by publish */
	/*
	 * Packed rings: where the last publication that is complete ended, as next_used.
	 * Written by the engine only. NULL: nobody is going to resume.
	 */
	uint16_t *published;
	/*
	 * slots and *published are those that a predecessor left when it died, of a virtqueue
	 * of the same size. They are read, with distrust, by virtqueue_roll_forward(), which
	 * must come next. Otherwise their content does not matter.
	 */
	bool resume;
};

enum virtqueue_state {
	VIRTQUEUE_STOPPED = 0,
	VIRTQUEUE_RUNNING,
	VIRTQUEUE_BROKEN,
	VIRTQUEUE_RESUMING,		/* started to resume, not yet rolled forward */
};

struct vq_format;

/*
 * A virtqueue. Zeroed memory is a stopped virtqueue. Callers read state, error, size,
 * features and in_flight and change nothing.
 */
struct virtqueue {
	enum virtqueue_state state;
	uint32_t size;
	uint64_t features;
	uint32_t in_flight;		/* chains taken and not yet pushed */
	uint32_t staged;		/* chains pushed and not yet published */
	uint32_t unsignalled;		/* published since needs_interrupt was last asked */
	struct virtqueue_error error;

	const struct vq_format *format;
	struct vq_memory *memory;
	struct vq_slot *slots;
	struct virtqueue_position *position;
	uint64_t generation;		/* of the memory, when the areas were translated */
	unsigned int hint_buffer;
	unsigned int hint_table;
	struct vq_area area[3];		/* descriptor, driver, device area */
	struct vq_window window[VQ_WINDOWS];	/* of the memory as of `generation` */
	union {
		struct vq_split split;
		struct vq_packed packed;
	};
};

/*
 * A chain that was taken: its device-readable segments, then its device-writable ones,
 * in one array of the caller's. The pointers are good until the memory map loses
 * regions.
 */
struct vq_chain {
	struct iovec *segments;		/* readable_segments, then writable_segments */
	uint32_t capacity;		/* length of the array */
	uint16_t head;			/* names the chain: push and unpop want it (packed: id) */
	uint16_t descriptors;		/* ring entries that it takes */
	uint32_t readable_segments;
	uint32_t writable_segments;
	uint32_t readable;		/* bytes */
	uint32_t writable;		/* bytes */
};

/* Prepares a chain for virtqueue_pop(): the array is the caller's and stays in use. */
static inline void vq_chain_init(struct vq_chain *chain, struct iovec *segments, uint32_t capacity)
{
	*chain = (struct vq_chain){ .segments = segments, .capacity = capacity };
}

/* The segments that the driver wrote, chain->readable_segments of them; those behind are for the
 * device to write. */
static inline struct iovec *vq_chain_readable(const struct vq_chain *chain)
{
	return chain->segments;
}

static inline struct iovec *vq_chain_writable(const struct vq_chain *chain)
{
	return chain->segments + chain->readable_segments;
}

/*
 * Starts a virtqueue at *config->position, from any state. Every byte of the three areas
 * is looked up and checked (sizes and alignment: 2.7; areas apart; mapped, readable or
 * writable as needed, in one piece). The position must fit the ring; split: avail.idx is
 * at most `size` chains beyond next_used, and not before next_avail.
 *
 * With config->resume the state is VIRTQUEUE_RESUMING afterwards, in which everything but
 * virtqueue_roll_forward() and virtqueue_stop() fails with -ESHUTDOWN.
 *
 * Returns 0, or with the reason in vq->error and the virtqueue stopped:
 * -EINVAL: size, alignment, overlap, too few slots; -EOVERFLOW: an area wraps;
 * -EFAULT: unmapped or in pieces; -EACCES: permission; -ERANGE: position;
 * or an errno of the fault callback (reason VQ_FINE), after which it can be tried again.
 */
int virtqueue_start(struct virtqueue *vq, const struct virtqueue_config *config);

/*
 * Stops a virtqueue: chains in flight and staged elements are forgotten, the driver's
 * memory is not touched any more. *position stays as it is. Any state, any number of times.
 */
void virtqueue_stop(struct virtqueue *vq);

/*
 * Looks the three areas up again after regions were removed from the map. All chains
 * must have been pushed or given back and everything staged be published: -EBUSY
 * otherwise. -ESHUTDOWN: not running. Other errors as of virtqueue_start(); then the
 * virtqueue is broken, except for an errno of the fault callback: that can be tried again.
 */
int virtqueue_remap(struct virtqueue *vq);

/*
 * Reads used.idx of a split virtqueue that is about to be started: what a device without
 * a journal takes as both halves of the position after a restart, and what belongs into
 * next_used beside an avail index that came from the driver (VDUSE VQ_GET_INFO, migration).
 * vq is stopped and stays so. 0 or an error of virtqueue_start() about the areas, with the reason
 * in vq->error; -EOPNOTSUPP: a packed ring, which does
 * not say it.
 */
int virtqueue_read_used_index(struct virtqueue *vq, const struct virtqueue_config *config,
			      uint16_t *index);

/*
 * Finishes a publication that a predecessor died in: when *position is ahead of what the
 * driver was shown, the driver is shown it. To be called once, directly after a start from
 * a journal; packed rings need config->resume and config->published for it. A virtqueue
 * that was resuming runs afterwards.
 *
 * 1: done; 0: there was nothing to do (whether the driver was notified, nobody knows: in
 * doubt, do). -ERANGE: position, ring and slots contradict each other (reason VQ_JOURNAL);
 * nothing was written, and a virtqueue that was resuming stays so. -ESTALE: as
 * virtqueue_pop().
 */
int virtqueue_roll_forward(struct virtqueue *vq);

/*
 * Takes the next available chain. 1: *chain is filled in; 0: nothing available;
 * -EPROTO: the driver broke a rule, now or before (vq->error); -ESHUTDOWN: not started;
 * -ESTALE: regions were removed and the virtqueue was not remapped;
 * any other: errno of the fault callback, nothing has changed, the same chain comes next time.
 */
int virtqueue_pop(struct virtqueue *vq, struct vq_chain *chain);

/*
 * How many chains can be taken, without taking any; reads avail.idx, or the flags of the
 * descriptors that are new. A number from 0 to size, or an error as of virtqueue_pop().
 */
int virtqueue_available(struct virtqueue *vq);

/*
 * Gives the chain that was taken last back, as if it had never been taken. Can be
 * repeated, last one first. -EINVAL: `head` is not the chain taken last, or was pushed.
 */
int virtqueue_unpop(struct virtqueue *vq, uint16_t head);

/*
 * Stages a used element for a chain in flight. written: the number of bytes written from
 * the start of its writable part (2.7.8.2, 2.8.4); 0 for a chain that was only read.
 * -EINVAL: the chain is not in flight, `written` is more than was writable, or it is
 * not the oldest one although VIRTIO_F_IN_ORDER was negotiated; -ESHUTDOWN: not running;
 * -ESTALE: as virtqueue_pop().
 */
int virtqueue_push(struct virtqueue *vq, uint16_t head, uint32_t written);

/* The position that the next publish is going to store. */
struct virtqueue_position virtqueue_outcome(const struct virtqueue *vq);

/*
 * Makes everything staged visible: stores *position, then used.idx or the flags of the
 * first element (release). Returns the number of chains published; 0 also when the
 * virtqueue does not run.
 */
uint32_t virtqueue_publish(struct virtqueue *vq);

/*
 * Whether the driver wants a notification for what was published since this was asked
 * last (2.7.7, 2.8.10). Contains the full fence. Never true when nothing was published.
 */
bool virtqueue_needs_interrupt(struct virtqueue *vq);

/*
 * The same without the fence, for a caller that published several virtqueues and then
 * issued one atomic_thread_fence(memory_order_seq_cst) for all of them.
 */
bool virtqueue_needs_interrupt_fenced(struct virtqueue *vq);

/* Tells the driver that kicks are not needed (2.7.10, 2.8.10). Advice: kicks may still come. */
void virtqueue_disable_kick(struct virtqueue *vq);

/*
 * Asks the driver to kick for the next chain, then looks again (full fence between).
 * 1: chains can be taken, go on working; 0: sleep, a kick will come;
 * negative: as virtqueue_pop().
 */
int virtqueue_enable_kick(struct virtqueue *vq);

/*
 * As virtqueue_enable_kick(), for a device that cannot go on with the chains that are
 * there (a packet needs more receive buffers than were available): 1 only if more became
 * available since virtqueue_pop() or virtqueue_available() looked last.
 */
int virtqueue_enable_kick_for_more(struct virtqueue *vq);

/*
 * Breaks a running virtqueue for a reason that only the device can know, so that it is
 * counted and reported like the others: reason VQ_DEVICE_RULE, with head and value.
 */
void virtqueue_break(struct virtqueue *vq, uint16_t head, uint64_t value);

/* A sentence fragment for a reason, for log lines: never NULL. */
const char *virtqueue_reason_text(enum virtqueue_reason reason);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One direction of a network device: frames go from a transmit virtqueue into a receive
 * virtqueue, each in one copy.
 *
 * This needs two virtqueues and what their drivers negotiated, and knows nothing of a
 * session, of descriptors or of time: whoever runs it looks after those, which is a port
 * of the loopback device (port.h), and the benchmark (testsuite/bench/ring).
 *
 * Frames are never held in memory of our own. A frame whose receiver is short of buffers
 * stays in the transmit virtqueue, not used yet, which makes its sender slow down; after
 * FORWARD_HOLD_NS it is dropped and counted, and so is all that follows, at once, until
 * the receiver has buffers again. So is a frame whose receive buffer cannot be mapped for a
 * shortage of our own. A frame for a receiver that is not there is dropped.
 *
 * A frame that is segmented may be delivered in part when it has to wait. With a journal
 * (forward_resume()) its pieces come once all the same, from this process or from the next one:
 * progress.h. How long a frame has waited is not in it: a successor holds it anew.
 *
 * Polling. With poll_ns, a direction that has carried something asks its caller to be
 * called again, without asking the driver for a kick, until nothing came for that long.
 * Only then it asks for a kick and looks once more (virtio 1.2, 2.7.10.2), as it does at
 * once without poll_ns. While it polls, the driver is told that kicks are not needed.
 *
 * Between two calls of a function here nothing of the *receive* virtqueue is in work, and
 * of the transmit virtqueue the frame that is held, which forward_quiesce() gives back.
 */
#ifndef VDUSE_DEVICE_FORWARD_H
#define VDUSE_DEVICE_FORWARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vduse/device/fused.h"
#include "vduse/device/journal.h"
#include "vduse/device/net.h"
#include "vduse/device/receive.h"
#include "vduse/virtio/virtqueue.h"

/* How long a frame waits for receive buffers. */
#define FORWARD_HOLD_NS UINT64_C(100000000)

/* When a frame is tried again that could not be taken or delivered for a shortage of our own
 * (-ENOMEM, -EMFILE, -ENOSPC): a shortage may last, and nothing tells of its end. */
#define FORWARD_RETRY_NS UINT64_C(10000000)

/* Frames that are published together, and the most of one call: then the others' turn. */
#define FORWARD_BATCH 64

#define FORWARD_NEVER UINT64_MAX

/* The two virtqueues, for the callbacks. */
enum forward_end { FORWARD_RECEIVE, FORWARD_TRANSMIT };

struct forward_owner {
	/* The driver of this virtqueue wants an interrupt. */
	void (*interrupt)(void *context, enum forward_end end);
	/* An operation on this virtqueue returned the error @rc; it may be broken now. */
	void (*failed)(void *context, enum forward_end end, int rc);
};

/*
 * Who wants to see every frame. It is called on the way, before anything is published: for
 * a frame as the sender transmitted it, once, before the first piece of it is delivered or
 * when it is dropped; and for each piece, which is the whole frame or a segment, as the
 * receiver gets it. Frames then go one by one: it costs. A frame that was delivered in part and
 * is then taken again (forward_quiesce(), forward_resume()) is shown again.
 */
struct forward_tap {
	void (*sent)(void *context, const struct vq_chain *chain);
	void (*delivered)(void *context, const struct offload_piece *piece);
};

/* The direction as it is now; may differ from call to call. */
struct forward_path {
	struct virtqueue *transmit;
	struct virtqueue *receive;	/* NULL: there is no receiver */
	struct net_side sender;		/* driver of the transmit virtqueue */
	struct net_side receiver;	/* driver of the receive virtqueue */
};

/* What net_counters has not: of the two virtqueues. The owner may read it at any time. */
struct forward_counters {
	uint64_t sent;		/* frames taken from the sender, whatever became of them */
	uint64_t sent_bytes;	/* of these, without the virtio headers */
	uint64_t silent[2];	/* by forward_end: publications that wanted no interrupt */
	uint64_t polls;		/* looks for frames while polling */
	uint64_t polls_useful;	/* of these, with a frame found */
};

struct forward {
	struct net_counters counters;
	struct forward_counters done;
	uint64_t poll_ns;	/* set by the owner; 0: does not poll */
	const struct forward_owner *owner;
	void *context;
	uint8_t general_only;	/* not 0: no frame goes the quick way (fused.h); a caller sets 1 */

	/* the rest is private */
	uint64_t poll_until;	/* 0: not polling; FORWARD_NEVER: counted from the next look */
	fused_carry_fn *fused_carry;
	unsigned int batch;	/* FORWARD_BATCH; of the frames that go the general way */
	const struct forward_tap *tap;	/* NULL: nobody looks */
	bool shown;		/* the tap has seen the frame in work */
	bool holding;		/* transfer and chain are in use */
	bool starved;		/* the receiver had no buffers for FORWARD_HOLD_NS */
	uint64_t hold_until;	/* 0: not waiting */
	struct receive_transfer transfer;
	struct vq_chain chain;	/* the frame's, in the transmit virtqueue */
	struct vq_chain scratch;	/* for the receiver's chains */
	struct iovec segments[VQ_CHAIN_SEGMENTS];
	struct iovec scratch_segments[VQ_CHAIN_SEGMENTS];
	struct progress *progress;	/* NULL: nobody comes after us */
	unsigned int progress_slot;	/* the one that was written last */
};

/* Prepare a direction; its memory must not move afterwards. */
void forward_init(struct forward *forward, const struct forward_owner *owner, void *context);

/*
 * Keep in @direction, which must outlive the process, what a successor needs to deliver every
 * piece once, and go on with what a predecessor left there, which is looked at with distrust. To be
 * called before the first run; the positions in it are those that the virtqueues go on from, and
 * who lets one of them begin elsewhere clears direction->progress first.
 */
void forward_resume(struct forward *forward, struct journal_direction *direction);

/* Show every frame from now on to @tap, with the context of forward_init(). */
void forward_show(struct forward *forward, const struct forward_tap *tap);

/*
 * Carry at most FORWARD_BATCH frames and publish what was done. @now is a clock in
 * nanoseconds that never stands at 0. Returns when to call again: 0 at once (there is more,
 * or it polls), FORWARD_NEVER when the transmit virtqueue's next kick is the time, else a
 * time (or a kick of the receive virtqueue before that).
 */
uint64_t forward_run(struct forward *forward, const struct forward_path *path, uint64_t now);

/*
 * No chain stays in work. A held frame goes back into @transmit as if it had never been looked
 * at. If a part of it was delivered, that is so only with a journal, where it goes on behind that
 * part, and unless @for_good: the driver of one of the virtqueues takes it away, and goes on from
 * its position elsewhere, or not at all. Otherwise it ends here, for it must not begin anew.
 */
void forward_quiesce(struct forward *forward, struct virtqueue *transmit, bool for_good);

/* The receiver may have buffers again: the next frame is held anew before it is dropped. */
void forward_receiver_changed(struct forward *forward);

#endif

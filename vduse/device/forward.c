/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "vduse/device/forward.h"
#include "vduse/device/plain.h"
#include "vduse/virtio/pair.h"

/* In general_only, beside what a caller sets: the journal says something of the next frame. */
#define GENERAL_PROGRESS 2

/* What came of the attempt to carry one frame. */
enum outcome {
	CARRIED,	/* delivered or dropped, and counted */
	NOTHING,	/* no frame is waiting */
	HELD,		/* the receiver has no buffers for it now */
	SHORT,		/* a frame cannot be taken or delivered now, for a shortage of ours */
};

void forward_init(struct forward *forward, const struct forward_owner *owner, void *context)
{
	memset(forward, 0, sizeof(*forward));
	forward->owner = owner;
	forward->context = context;
	forward->fused_carry = fused_choose();
	forward->batch = FORWARD_BATCH;
	vq_chain_init(&forward->chain, forward->segments, VQ_CHAIN_SEGMENTS);
	vq_chain_init(&forward->scratch, forward->scratch_segments, VQ_CHAIN_SEGMENTS);
}

void forward_receiver_changed(struct forward *forward)
{
	forward->starved = false;
}

/* Once for each frame; one that goes back untaken has not been shown. */
static void show_sent(struct forward *forward)
{
	if (!forward->tap || forward->shown)
		return;
	forward->shown = true;
	forward->tap->sent(forward->context, &forward->chain);
}

static void show_delivered(void *context, const struct offload_piece *piece)
{
	struct forward *forward = context;

	show_sent(forward);
	forward->tap->delivered(forward->context, piece);
}

void forward_show(struct forward *forward, const struct forward_tap *tap)
{
	forward->tap = tap;
	forward->general_only |= 1;	/* the quick way shows nothing */
	forward->transfer.delivered = show_delivered;
	forward->transfer.context = forward;
}

void forward_resume(struct forward *forward, struct journal_direction *direction)
{
	struct virtqueue_position both[2] = { direction->receive, direction->transmit };
	uint64_t positions;
	int kept;

	_Static_assert(sizeof(both) == sizeof(positions), "two positions are one word");
	memcpy(&positions, both, sizeof(positions));
	forward->progress = &direction->progress;
	kept = progress_keep(forward->progress, positions);
	if (kept < 0)
		return;
	forward->progress_slot = (unsigned int)kept;
	forward->general_only |= GENERAL_PROGRESS;
}

/*
 * What a successor has to know of the frame that is held, before it is published. Returns
 * whether there is anything. (Who holds a frame has a receiver.)
 */
static bool note_progress(struct forward *forward, const struct forward_path *path)
{
	uint32_t pieces = receive_pieces_over(&forward->transfer);
	unsigned int other = !forward->progress_slot;
	uint64_t positions;

	if (!forward->progress || !pieces)
		return false;
	positions = virtqueue_pair_outcome(path->receive, path->transmit);
	/* nothing new is published; pieces that were only dropped may be dropped again */
	if (progress_pieces(forward->progress, forward->progress_slot, positions))
		return true;
	progress_note(forward->progress, other, positions, pieces);
	forward->progress_slot = other;
	forward->general_only |= GENERAL_PROGRESS;
	return true;
}

/* It was published that no frame is delivered in part. */
static void end_progress(struct forward *forward)
{
	if (!(forward->general_only & GENERAL_PROGRESS))
		return;
	progress_clear(forward->progress);
	forward->general_only &= (uint8_t)~GENERAL_PROGRESS;
}

/* The frame that was taken up may have been before: what was delivered then is over. */
static void skip_progress(struct forward *forward, const struct forward_path *path)
{
	uint64_t positions = virtqueue_pair_outcome(path->receive, path->transmit);

	if (forward->transfer.offload.action == NET_SEGMENT)
		receive_skip(&forward->transfer, progress_pieces(forward->progress,
								 forward->progress_slot, positions));
}

/* The frame in work is over: its buffer goes back to the driver. */
static void finish_frame(struct forward *forward, struct virtqueue *transmit)
{
	show_sent(forward);
	virtqueue_push(transmit, forward->chain.head, 0);
	forward->done.sent++;
	if (forward->chain.readable > NET_HEADER_SIZE)
		forward->done.sent_bytes += forward->chain.readable - NET_HEADER_SIZE;
	forward->holding = false;
	forward->hold_until = 0;
}

static void drop_frame(struct forward *forward, struct virtqueue *transmit, enum net_drop cause)
{
	receive_abandon(&forward->transfer, cause, &forward->counters);
	finish_frame(forward, transmit);
}

/* The chain was taken: look at the frame, CARRIED when it was dropped for what it is. */
static enum outcome take_up(struct forward *forward, const struct forward_path *path)
{
	if (receive_begin(&forward->transfer, &forward->chain, &path->sender, &path->receiver,
			  &forward->counters)) {
		finish_frame(forward, path->transmit);
		return CARRIED;
	}
	forward->holding = true;
	if (forward->general_only & GENERAL_PROGRESS && path->receive)
		skip_progress(forward, path);
	return HELD;
}

/* The receiver is short of buffers: wait, unless it has been for too long. */
static enum outcome wait_or_drop(struct forward *forward, struct virtqueue *transmit,
				 uint64_t now)
{
	if (!forward->starved && !forward->hold_until)
		forward->hold_until = now + FORWARD_HOLD_NS;
	if (!forward->starved && now < forward->hold_until)
		return HELD;
	forward->starved = true;
	drop_frame(forward, transmit, NET_DROP_NO_BUFFER);
	return CARRIED;
}

/* The memory of a buffer could not be had; the receiver is there. */
static bool is_shortage(int rc)
{
	return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -ENOSPC;
}

/* As for buffers, but that nobody kicks when the shortage is over. */
static enum outcome wait_for_memory(struct forward *forward, struct virtqueue *transmit,
				    uint64_t now)
{
	enum outcome outcome = wait_or_drop(forward, transmit, now);

	return outcome == HELD ? SHORT : outcome;
}

static enum outcome deliver_frame(struct forward *forward, const struct forward_path *path,
				  uint64_t now)
{
	int rc = -ESHUTDOWN;

	if (path->receive)
		rc = receive_deliver(&forward->transfer, path->receive, &forward->scratch,
				     &forward->counters);
	if (rc == -EAGAIN)
		return wait_or_drop(forward, path->transmit, now);
	if (rc < 0 && path->receive)
		forward->owner->failed(forward->context, FORWARD_RECEIVE, rc);
	if (is_shortage(rc))
		return wait_for_memory(forward, path->transmit, now);
	if (rc < 0) {
		drop_frame(forward, path->transmit, NET_DROP_NO_RECEIVER);
		return CARRIED;
	}
	forward->starved = false;
	finish_frame(forward, path->transmit);
	return CARRIED;
}

/* The chain was taken: deliver the frame at once if that is easy. */
static bool deliver_plain(struct forward *forward, const struct forward_path *path)
{
	int rc;

	if (!path->receive || forward->general_only)
		return false;
	rc = plain_deliver(&forward->chain, fused_frame_max(&path->receiver), path->receive,
			   &forward->scratch, &forward->counters);
	if (!rc)
		return false;
	if (rc < 0) {
		forward->owner->failed(forward->context, FORWARD_RECEIVE, rc);
		forward->counters.dropped[NET_DROP_NO_RECEIVER]++;
	} else {
		forward->starved = false;
	}
	finish_frame(forward, path->transmit);
	return true;
}

/* Carry the frame that is held, or the next one. */
static enum outcome carry_frame(struct forward *forward, const struct forward_path *path,
				uint64_t now)
{
	int rc;

	if (forward->holding)
		return deliver_frame(forward, path, now);
	rc = virtqueue_pop(path->transmit, &forward->chain);
	if (rc < 0)
		forward->owner->failed(forward->context, FORWARD_TRANSMIT, rc);
	if (rc <= 0)
		return rc && rc != -EPROTO ? SHORT : NOTHING;
	forward->shown = false;
	if (deliver_plain(forward, path) || take_up(forward, path) == CARRIED)
		return CARRIED;
	return deliver_frame(forward, path, now);
}

/* What came of publishing both virtqueues: VQ_PAIR_*, the receive virtqueue first. */
static __attribute__((noinline)) void notify_any(struct forward *forward, unsigned int told)
{
	if (told & VQ_PAIR_FIRST)
		forward->owner->interrupt(forward->context, FORWARD_RECEIVE);
	if (told & VQ_PAIR_SECOND)
		forward->owner->interrupt(forward->context, FORWARD_TRANSMIT);
	forward->done.silent[FORWARD_RECEIVE] += !!(told & VQ_PAIR_FIRST_SILENT);
	forward->done.silent[FORWARD_TRANSMIT] += !!(told & VQ_PAIR_SECOND_SILENT);
}

/* The same; mostly nobody wants an interrupt. */
static inline void notify(struct forward *forward, unsigned int told)
{
	if (told == (VQ_PAIR_FIRST_SILENT | VQ_PAIR_SECOND_SILENT)) {
		forward->done.silent[FORWARD_RECEIVE]++;
		forward->done.silent[FORWARD_TRANSMIT]++;
		return;
	}
	notify_any(forward, told);
}

/*
 * Make what was done visible, the received frames before the sent ones: then a frame that
 * its sender believes to be gone has arrived. One full fence serves both interrupt
 * decisions (virtio 1.2, 2.7.7.2).
 */
static void publish(struct forward *forward, const struct forward_path *path)
{
	bool in_part = forward->holding && note_progress(forward, path);

	notify(forward, virtqueue_publish_pair(path->receive, path->transmit));
	if (!in_part)
		end_progress(forward);
}

/* The held frame as if it had not been taken, if it may come again. */
static bool give_back(struct forward *forward, struct virtqueue *transmit, bool for_good)
{
	if (receive_pieces_over(&forward->transfer) && (for_good || !forward->progress))
		return false;
	if (virtqueue_unpop(transmit, forward->chain.head) < 0)
		return false;
	forward->holding = false;
	forward->hold_until = 0;
	return true;
}

void forward_quiesce(struct forward *forward, struct virtqueue *transmit, bool for_good)
{
	const struct forward_path path = { .transmit = transmit };

	if (!forward->holding || give_back(forward, transmit, for_good))
		return;
	drop_frame(forward, transmit, NET_DROP_NO_RECEIVER);
	publish(forward, &path);
}

/* All is carried: a kick wakes us. More may have come meanwhile. */
static uint64_t sleep_until_kick(struct forward *forward, const struct forward_path *path)
{
	int rc = virtqueue_enable_kick(path->transmit);

	if (rc < 0)
		forward->owner->failed(forward->context, FORWARD_TRANSMIT, rc);
	return rc > 0 ? 0 : FORWARD_NEVER;
}

/* A frame is held: the receiver's next kick wakes us, or the end of the wait. */
static uint64_t sleep_until_buffers(struct forward *forward, const struct forward_path *path)
{
	if (path->receive && virtqueue_enable_kick_for_more(path->receive) > 0)
		return 0;
	return forward->hold_until;
}

/*
 * Carries plain frames the quick way, and publishes them; returns how many. (While a frame is
 * held, there are none: its chain is in flight.)
 */
static inline unsigned int carry_plain(struct forward *forward, const struct forward_path *path)
{
	struct fused_result plain;

	if (forward->general_only || !path->receive)
		return 0;
	plain = forward->fused_carry(path->transmit, path->receive,
				     fused_frame_max(&path->receiver), FORWARD_BATCH);
	if (!plain.frames)
		return 0;
	forward->starved = false;
	forward->counters.frames += plain.frames;
	forward->counters.bytes += plain.bytes;
	forward->done.sent += plain.frames;
	forward->done.sent_bytes += plain.bytes;
	notify(forward, plain.told);
	return plain.frames;
}

/* Carries a batch of any frames, one by one, and publishes it. */
static enum outcome carry_any(struct forward *forward, const struct forward_path *path,
			      uint64_t now, unsigned int *frames)
{
	enum outcome outcome = CARRIED;

	virtqueue_disable_kick(path->transmit);
	if (path->receive)
		virtqueue_disable_kick(path->receive);
	for (*frames = 0; *frames < forward->batch && outcome == CARRIED;) {
		outcome = carry_frame(forward, path, now);
		*frames += outcome == CARRIED;
	}
	/* of a frame that is held, segments may have been delivered */
	if (*frames || forward->holding)
		publish(forward, path);
	return *frames ? CARRIED : outcome;
}

/*
 * Whether to look again instead of waiting for a kick, after @frames were carried. The
 * time runs from the first look that finds nothing: carrying and interrupting are work.
 */
static bool go_on_polling(struct forward *forward, unsigned int frames, uint64_t now)
{
	if (!forward->poll_ns)
		return false;
	forward->done.polls += forward->poll_until != 0;
	forward->done.polls_useful += forward->poll_until && frames;
	if (frames)
		forward->poll_until = FORWARD_NEVER;
	else if (forward->poll_until == FORWARD_NEVER)
		forward->poll_until = now + forward->poll_ns;
	else if (forward->poll_until <= now)
		forward->poll_until = 0;
	return forward->poll_until;
}

/* Nothing went the quick way. */
static __attribute__((noinline)) uint64_t run_any(struct forward *forward,
						  const struct forward_path *path, uint64_t now)
{
	unsigned int frames;
	enum outcome outcome = carry_any(forward, path, now, &frames);

	if (outcome != SHORT && (go_on_polling(forward, frames, now) || outcome == CARRIED))
		return 0;
	if (outcome == SHORT)
		return now + FORWARD_RETRY_NS;
	return outcome == NOTHING ? sleep_until_kick(forward, path) :
				    sleep_until_buffers(forward, path);
}

/*
 * A kick is asked for only in a call that found nothing, and the way there is a request, a full
 * fence, and one more look (virtqueue_enable_kick()): so a call that carried frames needs no
 * such look, but returns 0. Whoever sleeps has come from a call that did all three.
 */
uint64_t forward_run(struct forward *forward, const struct forward_path *path, uint64_t now)
{
	unsigned int frames = carry_plain(forward, path);

	if (!frames)
		return run_any(forward, path, now);
	go_on_polling(forward, frames, now);
	return 0;
}

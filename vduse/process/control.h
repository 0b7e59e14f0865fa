/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket of a device that this process serves: others ask what it is doing, and
 * follow what happens.
 *
 * A request and an answer are a packet each (SOCK_SEQPACKET): a request is a few words, an
 * answer one JSON object, {"error":{"errno":...,"message":...}} where it cannot be had. After
 * the request "events", whose answer is that to "state", the connection is a subscriber's:
 * what happens from then on comes as one object a packet until either side closes it.
 *
 * Nobody who connects can slow the device down. Everything is non-blocking; of those who
 * connect, CONTROL_CLIENTS are accepted in a CONTROL_PACE_NS; a connection is answered at
 * most once in that time, and closed when it has not asked anything for
 * CONTROL_IDLE_NS or does not take its answer; a subscriber who does not read loses events,
 * and is told how many before the next one that it takes.
 *
 * Nor can they keep others out: of CONTROL_CLIENTS connections at a time CONTROL_FOLLOWERS may
 * be subscribers', and who wants to be one more is told that there is no place; whoever
 * connects when all places are taken gets that of who has asked nothing for longest, which
 * had the time of an answer. Who may connect is a matter of the socket's file.
 */
#ifndef VDUSE_PROCESS_CONTROL_H
#define VDUSE_PROCESS_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "vduse/process/eventloop.h"

#define CONTROL_CLIENTS 12
#define CONTROL_FOLLOWERS 8
#define CONTROL_REQUEST_SIZE 256	/* bytes of a request, at most */
#define CONTROL_PACE_NS UINT64_C(10000000)
#define CONTROL_IDLE_NS UINT64_C(5000000000)

struct control;

/* Who knows the answers. */
struct control_owner {
	/*
	 * Add the answer to @request, words with one blank between, to @answer: a JSON object.
	 * 0, or negative errno, whatever was added: -EINVAL for a request that is not known.
	 */
	int (*answer)(void *context, const char *request, struct buffer *answer);
};

/* A connection; its descriptor is -1 while there is none. */
struct control_client {
	struct control *control;
	struct watch watch;
	bool subscribed;
	bool resting;		/* was answered a moment ago */
	uint64_t since;		/* the last request, or the connection, in eventloop_now() */
	uint64_t lost;		/* events that it did not take */
};

struct control {
	struct eventloop *loop;
	const struct control_owner *owner;
	void *context;
	struct watch listener;
	uint64_t begun;		/* the CONTROL_PACE_NS in which so many were accepted */
	unsigned int accepted;
	struct task look;	/* at those that rest or say nothing */
	struct control_client clients[CONTROL_CLIENTS];
};

/*
 * Answer on @listening, a listening non-blocking SOCK_SEQPACKET socket, which belongs to
 * @control from here on, also on failure. @loop and what @control lies in must outlive it.
 * 0 or negative errno; ended by control_close().
 */
int control_open(struct control *control, struct eventloop *loop, int listening,
		 const struct control_owner *owner, void *context);
void control_close(struct control *control);

/* true where somebody follows: an event is worth making. */
bool control_followed(const struct control *control);

/* Tell all who follow: @event is one JSON object. */
void control_tell(struct control *control, const char *event, size_t length);

#endif

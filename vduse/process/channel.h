/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the supervisor and its worker say to each other (supervisor.h): one structure a packet
 * on a pair of SOCK_SEQPACKET sockets.
 *
 *	to the worker		PLAN, first and once, with the descriptors that it works with
 *	to the supervisor	TAKEN, when it has the descriptors; READY, once; REPORT and
 *				COUNTERS, any time; FAILURE, or FORBIDDEN, then it ends
 *
 * What comes from a worker is the word of a process that may have been taken over. A packet
 * of another length or kind is refused here, texts are ended, a failure is one (an errno, a
 * status that is not 0), and descriptors that come with it are closed; the other numbers in
 * it are for the reader to check.
 */
#ifndef VDUSE_PROCESS_CHANNEL_H
#define VDUSE_PROCESS_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/error.h"
#include "vduse/device/port.h"

#define CHANNEL_DEVICES 2
#define CHANNEL_SENTENCE 2500	/* bytes of a report, with its end */
/* A journal and a capture, and for each device its node, control socket and affinities. */
#define CHANNEL_DESCRIPTORS (2 + CHANNEL_DEVICES * (2 + SESSION_QUEUES))

enum channel_kind {
	CHANNEL_PLAN = 1,
	CHANNEL_TAKEN,
	CHANNEL_READY,
	CHANNEL_REPORT,
	CHANNEL_COUNTERS,
	CHANNEL_FORBIDDEN,
	CHANNEL_FAILURE,
};

struct channel_device {
	char name[256];
	uint16_t mtu;
	bool has_link;
};

struct channel_plan {
	struct channel_device devices[CHANNEL_DEVICES];
	uint32_t count;
	uint16_t queue_size;
	bool umem;
	uint64_t poll_ns;
	int64_t processors;
	pid_t pid;		/* the supervisor's: a worker does not see it */
	uid_t uid;		/* to be */
	gid_t gid;
	uint64_t namespaces;	/* CLONE_NEW...: that it was started in */
	bool named;		/* whoever started us said who */
	bool insist;		/* on every part of the isolation */
	/* bit n: the descriptor number n of CHANNEL_DESCRIPTORS came with it, in this order:
	 * journal, capture, then for each device node, control socket, affinities */
	uint32_t descriptors;
};

struct channel_message {
	uint32_t kind;
	uint32_t device;	/* REPORT, COUNTERS: which one; FORBIDDEN: number of the call */
	union {
		struct channel_plan plan;
		char sentence[CHANNEL_SENTENCE];
		struct port_counters counters;
		struct failure failure;
	};
};

/*
 * Send @message with @count descriptors, which stay the caller's, without waiting: 0, or
 * negative errno, -EAGAIN where the other side does not read.
 */
int channel_send(int fd, const struct channel_message *message, const int *fds,
		 unsigned int count);

/*
 * Receive one message. At most @most descriptors (O_CLOEXEC, the caller's) are put into @fds,
 * and more are closed; *@count says how many. With @fds NULL all are closed. 0; -EAGAIN: none
 * is there; -EPIPE: the other side has gone; -EBADMSG: that was no message; another errno.
 */
int channel_receive(int fd, struct channel_message *message, int *fds, unsigned int most,
		    unsigned int *count);

#endif

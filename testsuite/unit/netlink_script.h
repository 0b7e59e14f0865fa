/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel for tests of generic netlink: a wire (lib/netlink.h) whose answers the test
 * writes. Each question is handed to a function of the test, which queues datagrams
 * and failures; receiving takes them out one by one.
 */
#ifndef VT_UNIT_NETLINK_SCRIPT_H
#define VT_UNIT_NETLINK_SCRIPT_H

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "lib/netlink.h"

#define SCRIPT_PORT 4711
#define SCRIPT_FAMILY 0x1c
#define SCRIPT_DATAGRAMS 64

struct script_datagram {
	void *bytes;		/* exactly as long, so that a sanitizer sees a step too far */
	size_t length;
	uint32_t sender;
	int failure;		/* negative errno instead of a datagram */
};

struct script {
	struct netlink_wire wire;
	/* Called with each question that is not the family's look-up. */
	void (*answer)(struct script *script, const struct nlmsghdr *question);
	void *context;
	int family_error;	/* negative errno for the look-up of the family */
	uint16_t family;
	unsigned int questions, lookups, restarts, pauses, closed;
	int send_failure;	/* negative errno */
	uint32_t sender;	/* of what is queued next, 0 at first */
	struct script_datagram queue[SCRIPT_DATAGRAMS];
	unsigned int first, count;
};

void script_init(struct script *script,
		 void (*answer)(struct script *script, const struct nlmsghdr *question));
/* Frees what was not received. */
void script_end(struct script *script);

/* Queue @length bytes as they are. */
void script_bytes(struct script *script, const void *bytes, size_t length);
void script_failure(struct script *script, int failure);

/* A message being written. */
struct script_message {
	union {
		struct nlmsghdr header;
		char bytes[8192];
	};
};

/* Begin a message of the family (headers filled from the question). */
struct nlmsghdr *script_begin(struct script_message *message,
			      const struct nlmsghdr *question, uint8_t command,
			      uint16_t flags);
/* Queue it as a datagram of its own. */
void script_put(struct script *script, const struct script_message *message);

/* NLMSG_ERROR with @error (0: acknowledgement), without and with an extended one:
 * @text (NULL for none), @offset and @missing (0 for none); @capped: without the question. */
void script_error(struct script *script, const struct nlmsghdr *question, int error);
void script_extended(struct script *script, const struct nlmsghdr *question, int error,
		     const char *text, uint32_t offset, uint32_t missing, bool capped);
void script_done(struct script *script, const struct nlmsghdr *question, int error);

/* The attribute @type of a question, or NULL. */
const struct nlattr *script_attribute(const struct nlmsghdr *question, uint16_t type);

/* The question's generic command. */
uint8_t script_command(const struct nlmsghdr *question);

#endif

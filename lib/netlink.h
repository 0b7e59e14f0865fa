/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generic netlink: one socket, one family, one question at a time.
 *
 * A question that changes nothing is asked again where its answer was interrupted,
 * incomplete or lost; one that changes something never is. What the kernel says in
 * its extended acknowledgement is kept whole beside the errno. Only messages of the
 * kernel (sender port 0) with our port and the sequence number of the question count.
 *
 * The answer comes as bytes: parsing it is somebody else's (lib/vdpa_message.h).
 */
#ifndef VT_LIB_NETLINK_H
#define VT_LIB_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buffer.h"

#define NETLINK_REQUEST_SIZE 2048	/* of a question, headers included */
#define NETLINK_RECEIVE_SIZE 65536	/* the kernel's dumps come in up to 32 KiB */
#define NETLINK_ATTEMPTS 8		/* of a question that changes nothing */
#define NETLINK_WORDS_SIZE 2048		/* of what the kernel says; it has no such long sentence */

/* What lies under it: the kernel's socket, or a test's script. All return negative
 * errno on failure. */
struct netlink_wire {
	void *context;
	uint32_t port;		/* our own; answers carry it */
	int descriptor;		/* a socket of this network namespace; negative: none */
	/* Send one message whole: 0. */
	int (*send)(void *context, const void *message, size_t length);
	/* Receive one datagram: its length. -EMSGSIZE where it did not fit. */
	ssize_t (*receive)(void *context, void *bytes, size_t size, uint32_t *sender);
	/* Forget everything that is still on its way: 0. May change the port. */
	int (*restart)(struct netlink_wire *wire);
	/* Wait a moment before the @attempt-th (1 on) repetition. */
	void (*pause)(void *context, unsigned int attempt);
	void (*close)(void *context);
};

/* What the kernel said about the last question (NLMSGERR_ATTR_*). */
struct netlink_report {
	char message[NETLINK_WORDS_SIZE];	/* "" for nothing; it may say some of a success */
	uint16_t attribute;	/* the one it objects to, or misses; 0 for none */
	bool missing;		/* it misses it */
};

struct netlink {
	struct netlink_wire wire;
	char name[16];		/* of the family (GENL_NAMSIZ) */
	uint16_t family;	/* its number */
	uint8_t version;	/* of its messages */
	uint32_t sequence;
	struct netlink_report report;
};

/* A question being written. mnl_attr_put*_check(&request->header, NETLINK_REQUEST_SIZE,
 * ...) adds to it. */
union netlink_request {
	struct nlmsghdr header;
	char bytes[NETLINK_REQUEST_SIZE];
};

/*
 * Open a socket and find the family @name: 0. -ENOENT where the kernel (in this
 * network namespace) has no such family, -EPROTONOSUPPORT where it has no generic
 * netlink at all, or another negative errno. netlink_close() is due only after
 * success.
 */
int netlink_open(struct netlink *netlink, const char *name, uint8_t version);

/*
 * The same over another @wire, which is taken over: closed by netlink_close(), on
 * failure at once.
 */
int netlink_open_wire(struct netlink *netlink, const char *name, uint8_t version,
		      const struct netlink_wire *wire);
void netlink_close(struct netlink *netlink);

/* Begin a question: @command of the family, NLM_F_* @flags beside REQUEST and ACK. */
void netlink_start(const struct netlink *netlink, union netlink_request *request,
		   uint8_t command, uint16_t flags);

/*
 * Ask, and collect what the family answers in @answer, which is emptied first; the
 * caller frees it. @repeatable says that the question changes nothing. 0, or the
 * kernel's negative errno, or that of the socket (-ENOBUFS: the answer was lost,
 * whether the change was made is unknown), or -EPROTONOSUPPORT where the family has gone
 * since the socket was opened. netlink->report is filled in any case.
 */
int netlink_ask(struct netlink *netlink, union netlink_request *request, bool repeatable,
		struct buffer *answer);

/*
 * The next message of an answer: its attributes (behind the generic header) and
 * their @length in bytes; @offset begins with 0 and is moved on. NULL at the end.
 */
const void *netlink_next(const struct buffer *answer, size_t *offset, size_t *length);

/* A question under way: what an answer has to carry, and what came so far. */
struct netlink_exchange {
	uint16_t family;
	uint32_t port;
	const struct nlmsghdr *request;
	struct buffer *answer;
	struct netlink_report *report;
	bool interrupted;	/* the dump is inconsistent (NLM_F_DUMP_INTR) */
};

enum netlink_progress { NETLINK_MORE, NETLINK_DONE };

/*
 * Take one datagram of @length @bytes (aligned to 4) from the kernel; what
 * netlink_ask() does with each. Nothing behind a broken length is read, what is not
 * of this exchange is passed over. They may lie behind what the answer holds already, in
 * room for them and for aligning the last one, and are moved or overwritten then. Returns
 * enum netlink_progress, or the negative errno that ends it.
 */
int netlink_take(struct netlink_exchange *exchange, const void *bytes, size_t length);


#endif

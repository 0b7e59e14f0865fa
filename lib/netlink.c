// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How an exchange ends. A question for one thing: the family's message, then an
 * acknowledgement (NLMSG_ERROR with 0); or NLMSG_ERROR with the errno. A dump: any
 * number of messages over several datagrams, then NLMSG_DONE, whose payload may be
 * an errno as well. Either end may carry an extended acknowledgement.
 */
#include "lib/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include "lib/netlink_socket.h"

static bool is_dump(const struct nlmsghdr *request)
{
	return (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
}

/* The type of the question's attribute that stands at @offset, 0 for none. */
static uint16_t attribute_at(const struct nlmsghdr *request, uint32_t offset)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, request, sizeof(struct genlmsghdr)) {
		size_t start = (const char *)attribute - (const char *)request;

		if (offset >= start && offset - start < mnl_attr_get_len(attribute))
			return mnl_attr_get_type(attribute);
	}
	return 0;
}

static void note_attribute(struct netlink_exchange *exchange, const struct nlattr *attribute)
{
	struct netlink_report *report = exchange->report;
	const void *payload = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);
	uint32_t number = 0;

	if (length == sizeof(number))
		memcpy(&number, payload, sizeof(number));
	switch (mnl_attr_get_type(attribute)) {
	case NLMSGERR_ATTR_MSG:
		if (length >= sizeof(report->message))
			length = sizeof(report->message) - 1;
		memcpy(report->message, payload, length);
		report->message[length] = '\0';
		break;
	case NLMSGERR_ATTR_OFFS:
		report->attribute = attribute_at(exchange->request, number);
		break;
	case NLMSGERR_ATTR_MISS_TYPE:
		report->attribute = number;
		report->missing = true;
		break;
	}
}

/* The extended acknowledgement behind the first @skip bytes of a message's payload. */
static void note_report(struct netlink_exchange *exchange, const struct nlmsghdr *message,
			size_t skip)
{
	size_t length = mnl_nlmsg_get_payload_len(message);
	const char *payload = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || skip > length)
		return;
	mnl_attr_for_each_payload((const void *)(payload + skip), length - skip)
		note_attribute(exchange, attr);
}

/* NLMSG_ERROR: struct nlmsgerr, the question unless NLM_F_CAPPED, attributes. */
static int take_error(struct netlink_exchange *exchange, const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);
	size_t skip = sizeof(*error);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*error))
		return -EBADMSG;
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && error->msg.nlmsg_len > sizeof(error->msg))
		skip += MNL_ALIGN((size_t)error->msg.nlmsg_len) - sizeof(error->msg);
	note_report(exchange, message, skip);
	if (error->error)
		return error->error < 0 ? error->error : -EBADMSG;
	return is_dump(exchange->request) ? NETLINK_MORE : NETLINK_DONE;
}

static int take_done(struct netlink_exchange *exchange, const struct nlmsghdr *message)
{
	int error = 0;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(error)) {
		memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
		note_report(exchange, message, sizeof(error));
	}
	return error < 0 ? error : NETLINK_DONE;
}

/*
 * Add @message to the answer. It may lie in the room behind the answer already, where
 * nearly always it can stay; else it moves towards the front, as what stood before it was
 * no part of the answer. No NUL is written behind it: the next message may begin there.
 */
static int take_answer(struct netlink_exchange *exchange, const struct nlmsghdr *message)
{
	struct buffer *answer = exchange->answer;
	size_t length = message->nlmsg_len;
	char *at = buffer_room(answer, NLMSG_ALIGN(length));

	if (!at)
		return -ENOMEM;
	if (at != (const char *)message)
		memmove(at, message, length);
	while (length % NLMSG_ALIGNTO)
		at[length++] = '\0';
	answer->length += length;
	return NETLINK_MORE;
}

static int take_message(struct netlink_exchange *exchange, const struct nlmsghdr *message)
{
	if (message->nlmsg_type == NLMSG_OVERRUN)
		return -ENOBUFS;
	if (message->nlmsg_seq != exchange->request->nlmsg_seq ||
	    message->nlmsg_pid != exchange->port)
		return NETLINK_MORE;
	if (message->nlmsg_flags & NLM_F_DUMP_INTR && message->nlmsg_type != NLMSG_ERROR)
		exchange->interrupted = true;
	if (message->nlmsg_type == NLMSG_ERROR)
		return take_error(exchange, message);
	if (message->nlmsg_type == NLMSG_DONE)
		return take_done(exchange, message);
	if (message->nlmsg_type != exchange->family)
		return NETLINK_MORE;
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct genlmsghdr))
		return -EBADMSG;
	return take_answer(exchange, message);
}

int netlink_take(struct netlink_exchange *exchange, const void *bytes, size_t length)
{
	while (length >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *message = bytes;
		size_t step = NLMSG_ALIGN((size_t)message->nlmsg_len);
		int rc;

		if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > length)
			return -EBADMSG;
		rc = take_message(exchange, message);
		if (rc != NETLINK_MORE)
			return rc;
		if (step > length)
			break;
		bytes = (const char *)bytes + step;
		length -= step;
	}
	return NETLINK_MORE;
}

static int receive_until_end(struct netlink *netlink, struct netlink_exchange *exchange)
{
	const struct netlink_wire *wire = &netlink->wire;

	for (;;) {
		char *room = buffer_room(exchange->answer, NETLINK_RECEIVE_SIZE);
		uint32_t sender = 0;
		ssize_t n;
		int rc;

		if (!room)
			return -ENOMEM;
		n = wire->receive(wire->context, room, NETLINK_RECEIVE_SIZE, &sender);
		if (n < 0)
			return n;
		if (sender != 0)
			continue;
		rc = netlink_take(exchange, room, n);
		if (rc != NETLINK_MORE)
			return rc;
	}
}

/* One attempt. -EINTR: the dump was interrupted. */
static int ask_once(struct netlink *netlink, union netlink_request *request,
		    struct buffer *answer)
{
	struct netlink_exchange exchange = {
		.family = request->header.nlmsg_type,
		.request = &request->header,
		.answer = answer,
		.report = &netlink->report,
		.port = netlink->wire.port,
	};
	int rc;

	buffer_free(answer);
	netlink->report = (struct netlink_report){ 0 };
	request->header.nlmsg_seq = ++netlink->sequence;
	request->header.nlmsg_pid = netlink->wire.port;
	rc = netlink->wire.send(netlink->wire.context, request, request->header.nlmsg_len);
	if (rc == 0)
		rc = receive_until_end(netlink, &exchange);
	if (rc == NETLINK_DONE)
		rc = exchange.interrupted ? -EINTR : 0;
	if (rc < 0)
		buffer_free(answer);
	return rc;
}

static bool worth_repeating(int rc)
{
	/* ENOTCONN: an earlier attempt to open the socket anew failed */
	return rc == -ENOTCONN || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY ||
	       rc == -ENOBUFS || rc == -EBADMSG || rc == -EMSGSIZE;
}

static int ask(struct netlink *netlink, union netlink_request *request, bool repeatable,
	       struct buffer *answer)
{
	unsigned int attempt;

	for (attempt = 1;; attempt++) {
		int rc = ask_once(netlink, request, answer);

		if (!repeatable || !worth_repeating(rc) || attempt == NETLINK_ATTEMPTS)
			return rc;
		netlink->wire.pause(netlink->wire.context, attempt);
		if (rc != -EINTR && netlink->wire.restart(&netlink->wire) < 0)
			return rc;
	}
}

static int family_number(const struct buffer *answer, uint16_t *number)
{
	size_t offset = 0, length = 0;
	const void *attributes = netlink_next(answer, &offset, &length);
	const struct nlattr *attr;

	if (!attributes)
		return -EBADMSG;
	mnl_attr_for_each_payload(attributes, length) {
		if (mnl_attr_get_type(attr) != CTRL_ATTR_FAMILY_ID ||
		    mnl_attr_get_payload_len(attr) != sizeof(*number))
			continue;
		*number = mnl_attr_get_u16(attr);
		return 0;
	}
	return -EBADMSG;
}

/* The kernel loads the family's module by this question, where it can. */
static int find_family(struct netlink *netlink, uint16_t *number)
{
	union netlink_request request;
	struct buffer answer = { 0 };
	int rc;

	netlink_start(netlink, &request, CTRL_CMD_GETFAMILY, 0);
	request.header.nlmsg_type = GENL_ID_CTRL;
	((struct genlmsghdr *)mnl_nlmsg_get_payload(&request.header))->version = 1;
	mnl_attr_put_strz(&request.header, CTRL_ATTR_FAMILY_NAME, netlink->name);
	rc = ask(netlink, &request, true, &answer);
	if (rc == 0)
		rc = family_number(&answer, number);
	buffer_free(&answer);
	return rc;
}

int netlink_ask(struct netlink *netlink, union netlink_request *request, bool repeatable,
		struct buffer *answer)
{
	struct netlink_report report;
	uint16_t number;
	int found, rc = ask(netlink, request, repeatable, answer);

	/* The module was loaded anew: its family has another number, and the kernel
	 * did not know the old one (net/netlink/genetlink.c, genl_rcv_msg). */
	if (rc != -ENOENT)
		return rc;
	report = netlink->report;
	found = find_family(netlink, &number);
	if (found < 0 || number == netlink->family) {
		netlink->report = report;
		return found == -ENOENT ? -EPROTONOSUPPORT : rc;
	}
	netlink->family = number;
	request->header.nlmsg_type = number;
	return ask(netlink, request, repeatable, answer);
}

void netlink_start(const struct netlink *netlink, union netlink_request *request,
		   uint8_t command, uint16_t flags)
{
	struct genlmsghdr *generic;

	memset(request, 0, sizeof(*request));
	mnl_nlmsg_put_header(request);
	request->header.nlmsg_type = netlink->family;
	request->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	generic = mnl_nlmsg_put_extra_header(&request->header, sizeof(*generic));
	generic->cmd = command;
	generic->version = netlink->version;
}

const void *netlink_next(const struct buffer *answer, size_t *offset, size_t *length)
{
	const size_t headers = NLMSG_HDRLEN + GENL_HDRLEN;
	const struct nlmsghdr *message;

	if (*offset >= answer->length)
		return NULL;
	message = (const void *)(answer->text + *offset);
	*offset += NLMSG_ALIGN(message->nlmsg_len);
	*length = message->nlmsg_len - headers;
	return (const char *)message + headers;
}

int netlink_open_wire(struct netlink *netlink, const char *name, uint8_t version,
		      const struct netlink_wire *wire)
{
	int rc;

	*netlink = (struct netlink){ .wire = *wire, .version = version };
	snprintf(netlink->name, sizeof(netlink->name), "%s", name);
	rc = find_family(netlink, &netlink->family);
	if (rc < 0)
		netlink_close(netlink);
	return rc;
}

int netlink_open(struct netlink *netlink, const char *name, uint8_t version)
{
	struct netlink_wire wire;
	int rc = netlink_socket_wire(&wire);

	return rc < 0 ? rc : netlink_open_wire(netlink, name, version, &wire);
}

void netlink_close(struct netlink *netlink)
{
	netlink->wire.close(netlink->wire.context);
}

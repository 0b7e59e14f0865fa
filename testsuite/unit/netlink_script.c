// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink_script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void queue(struct script *script, const void *bytes, size_t length, int failure)
{
	struct script_datagram *datagram;

	if (script->first + script->count == SCRIPT_DATAGRAMS)
		abort();
	datagram = &script->queue[script->first + script->count++];
	datagram->bytes = malloc(length ? length : 1);
	if (length)
		memcpy(datagram->bytes, bytes, length);
	datagram->length = length;
	datagram->sender = script->sender;
	datagram->failure = failure;
}

void script_bytes(struct script *script, const void *bytes, size_t length)
{
	queue(script, bytes, length, 0);
}

void script_failure(struct script *script, int failure)
{
	queue(script, NULL, 0, failure);
}

struct nlmsghdr *script_begin(struct script_message *message,
			      const struct nlmsghdr *question, uint8_t command,
			      uint16_t flags)
{
	struct genlmsghdr *generic;

	memset(message, 0, sizeof(*message));
	mnl_nlmsg_put_header(message);
	message->header.nlmsg_type = question->nlmsg_type;
	message->header.nlmsg_flags = flags;
	message->header.nlmsg_seq = question->nlmsg_seq;
	message->header.nlmsg_pid = question->nlmsg_pid;
	generic = mnl_nlmsg_put_extra_header(&message->header, sizeof(*generic));
	generic->cmd = command;
	return &message->header;
}

void script_put(struct script *script, const struct script_message *message)
{
	script_bytes(script, message, message->header.nlmsg_len);
}

void script_extended(struct script *script, const struct nlmsghdr *question, int error,
		     const char *text, uint32_t offset, uint32_t missing, bool capped)
{
	struct script_message message = { 0 };
	struct nlmsghdr *header = mnl_nlmsg_put_header(&message);
	struct nlmsgerr *body;
	size_t rest = question->nlmsg_len - sizeof(*question);

	header->nlmsg_type = NLMSG_ERROR;
	header->nlmsg_seq = question->nlmsg_seq;
	header->nlmsg_pid = question->nlmsg_pid;
	header->nlmsg_flags = capped ? NLM_F_CAPPED : 0;
	body = mnl_nlmsg_put_extra_header(header, sizeof(*body));
	body->error = error;
	body->msg = *question;
	if (!capped)
		memcpy(mnl_nlmsg_put_extra_header(header, rest), question + 1, rest);
	if (text || offset || missing)
		header->nlmsg_flags |= NLM_F_ACK_TLVS;
	if (text)
		mnl_attr_put_strz(header, NLMSGERR_ATTR_MSG, text);
	if (offset)
		mnl_attr_put_u32(header, NLMSGERR_ATTR_OFFS, offset);
	if (missing)
		mnl_attr_put_u32(header, NLMSGERR_ATTR_MISS_TYPE, missing);
	script_put(script, &message);
}

void script_error(struct script *script, const struct nlmsghdr *question, int error)
{
	script_extended(script, question, error, NULL, 0, 0, true);
}

void script_done(struct script *script, const struct nlmsghdr *question, int error)
{
	struct script_message message = { 0 };
	struct nlmsghdr *header = mnl_nlmsg_put_header(&message);

	header->nlmsg_type = NLMSG_DONE;
	header->nlmsg_flags = NLM_F_MULTI;
	header->nlmsg_seq = question->nlmsg_seq;
	header->nlmsg_pid = question->nlmsg_pid;
	*(int *)mnl_nlmsg_put_extra_header(header, sizeof(int)) = error;
	script_put(script, &message);
}

const struct nlattr *script_attribute(const struct nlmsghdr *question, uint16_t type)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, question, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attribute) == type)
			return attribute;
	return NULL;
}

uint8_t script_command(const struct nlmsghdr *question)
{
	return ((const struct genlmsghdr *)mnl_nlmsg_get_payload(question))->cmd;
}

static void answer_lookup(struct script *script, const struct nlmsghdr *question)
{
	struct script_message message;
	struct nlmsghdr *header;

	script->lookups++;
	if (script->family_error) {
		script_error(script, question, script->family_error);
		return;
	}
	header = script_begin(&message, question, CTRL_CMD_NEWFAMILY, 0);
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, "vdpa");
	mnl_attr_put_u16(header, CTRL_ATTR_FAMILY_ID, script->family);
	script_put(script, &message);
	script_error(script, question, 0);
}

static int wire_send(void *context, const void *bytes, size_t length)
{
	const struct nlmsghdr *question = bytes;
	struct script *script = context;

	if (script->send_failure)
		return script->send_failure;
	if (question->nlmsg_len != length)
		abort();
	if (question->nlmsg_type == GENL_ID_CTRL) {
		answer_lookup(script, question);
		return 0;
	}
	script->questions++;
	script->answer(script, question);
	return 0;
}

static ssize_t wire_receive(void *context, void *bytes, size_t size, uint32_t *sender)
{
	struct script *script = context;
	struct script_datagram datagram;

	if (!script->count)
		return -ETIME;	/* a test that would wait for ever */
	datagram = script->queue[script->first++];
	if (!--script->count)
		script->first = 0;
	if (!datagram.failure && datagram.length <= size)
		memcpy(bytes, datagram.bytes, datagram.length);
	free(datagram.bytes);
	*sender = datagram.sender;
	return datagram.failure ? datagram.failure : (ssize_t)datagram.length;
}

static void empty(struct script *script)
{
	for (; script->count; script->count--)
		free(script->queue[script->first++].bytes);
	script->first = 0;
}

static int wire_restart(struct netlink_wire *wire)
{
	struct script *script = wire->context;

	script->restarts++;
	empty(script);
	wire->port++;
	return 0;
}

static void wire_pause(void *context, unsigned int attempt)
{
	struct script *script = context;

	(void)attempt;
	script->pauses++;
}

static void wire_close(void *context)
{
	struct script *script = context;

	script->closed++;
}

void script_init(struct script *script,
		 void (*answer)(struct script *script, const struct nlmsghdr *question))
{
	*script = (struct script){
		.family = SCRIPT_FAMILY,
		.answer = answer,
		.wire = {
			.context = script,
			.port = SCRIPT_PORT,
			.descriptor = -1,
			.send = wire_send,
			.receive = wire_receive,
			.restart = wire_restart,
			.pause = wire_pause,
			.close = wire_close,
		},
	};
}

void script_end(struct script *script)
{
	empty(script);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A fuzzer's way into what comes over netlink: questions of each kind over a wire whose
 * datagrams, senders and failures are the input's, and every parser on what is left of the
 * answer. The input says of each message what of its header is as it must be, so that it gets
 * past the first checks as often as not.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/vdpa.h>

#include "lib/link_change.h"
#include "lib/netlink.h"
#include "lib/vdpa_message.h"
#include "testsuite/fuzz/input.h"

#define PORT 4711
#define FAMILY 0x1c
#define MESSAGE_MAX 600
#define DATAGRAMS_MAX 64

struct world {
	struct fuzz_input *input;
	uint32_t sequence;	/* of the last question */
	uint16_t type;		/* of the family it went to */
	unsigned int datagrams;
	unsigned int questions, closed;
	bool interrupted;	/* the wire said so, of this attempt */
	bool foreign;		/* what came last was somebody else's: nobody goes by it */
	bool reported;		/* some message had a report with it */
	uint16_t family;	/* of the question before that for the family's number; or 0 */
	bool looked;		/* ... which was asked for since */
};

static const int errors[] = { -EINTR, -EAGAIN, -EBUSY, -ENOBUFS, -EMSGSIZE, -EBADMSG, -ENOENT,
			      -EPERM, -ENODEV, -EOPNOTSUPP };

static int choose_error(struct fuzz_input *input)
{
	return errors[fuzz_below(input, sizeof(errors) / sizeof(errors[0]))];
}

/* Attributes: type, length and payload as the input says. Returns their length. */
static size_t add_attributes(struct fuzz_input *input, char *to, size_t room)
{
	unsigned int count = fuzz_below(input, 12);
	size_t length = 0;

	while (count-- && room - length >= 64) {
		struct nlattr attribute = { .nla_type = fuzz_byte(input) };
		uint8_t size = fuzz_byte(input);
		size_t payload = size & 63;

		if (payload > 44)
			payload = 8;
		attribute.nla_len = (uint16_t)(sizeof(attribute) + payload);
		if (attribute.nla_type & 0x80)
			attribute.nla_type ^= 0x8080 * (size >> 7);
		memset(to + length, 0, 64);
		fuzz_bytes(input, to + length + sizeof(attribute), payload);
		if (size & 0x40)	/* longer or shorter than it is */
			attribute.nla_len += (int8_t)fuzz_byte(input);
		memcpy(to + length, &attribute, sizeof(attribute));
		length += MNL_ALIGN(sizeof(attribute) + payload);
	}
	return length;
}

/* The payload of a message of @type. */
static size_t add_payload(struct world *world, char *to, uint16_t type)
{
	struct fuzz_input *input = world->input;
	struct nlmsgerr error = { .msg.nlmsg_len = sizeof(error.msg) };
	struct genlmsghdr generic = { .cmd = fuzz_byte(input) };
	int number = generic.cmd & 1 ? choose_error(input) : (int8_t)(generic.cmd >> 1);
	size_t length = sizeof(number);

	if (type == NLMSG_ERROR) {
		error.error = number;
		error.msg.nlmsg_len += fuzz_byte(input) & 3 ? 0 : fuzz_byte(input);
		memcpy(to, &error, sizeof(error));
		length = sizeof(error);
	} else if (type == NLMSG_DONE) {
		memcpy(to, &number, sizeof(number));
	} else {
		memcpy(to, &generic, sizeof(generic));
	}
	return length + add_attributes(input, to + length, MESSAGE_MAX - length - sizeof(struct nlmsghdr));
}

static size_t add_message(struct world *world, char *to)
{
	struct fuzz_input *input = world->input;
	uint8_t what = fuzz_byte(input);
	struct nlmsghdr header = {
		.nlmsg_type = world->type,
		.nlmsg_flags = what & 0x40 ? NLM_F_ACK_TLVS : 0,
		.nlmsg_seq = world->sequence,
		.nlmsg_pid = PORT,
	};
	size_t length;

	switch (what & 7) {
	case 0:
	case 1:
		header.nlmsg_type = NLMSG_DONE;
		break;
	case 2:
	case 3:
		header.nlmsg_type = NLMSG_ERROR;
		header.nlmsg_flags |= what & 0x20 ? NLM_F_CAPPED : 0;
		break;
	case 4:
		header.nlmsg_type = fuzz_byte(input);
		header.nlmsg_flags = fuzz_word(input);
		break;
	}
	if (what & 8)
		header.nlmsg_flags |= NLM_F_MULTI | (what & 0x20 ? NLM_F_DUMP_INTR : 0);
	length = sizeof(header) + add_payload(world, to + sizeof(header), header.nlmsg_type);
	header.nlmsg_len = (uint32_t)length;
	world->reported |= header.nlmsg_flags & NLM_F_ACK_TLVS;
	if (what & 0x10) {
		uint8_t damage = fuzz_byte(input);

		header.nlmsg_len += damage & 1 ? (uint32_t)(int8_t)fuzz_byte(input) : 0;
		header.nlmsg_seq -= damage >> 1 & 1;
		header.nlmsg_pid -= damage >> 2 & 1;
	}
	memcpy(to, &header, sizeof(header));
	return MNL_ALIGN(length);
}

static int fail(struct world *world)
{
	int rc = choose_error(world->input);

	world->interrupted = rc == -EINTR;
	return rc;
}

static int on_send(void *context, const void *message, size_t length)
{
	const struct nlmsghdr *header = message;
	struct world *world = context;
	uint8_t what = fuzz_byte(world->input);

	fuzz_check(header->nlmsg_len == length && length <= NETLINK_REQUEST_SIZE);
	fuzz_check(world->questions++ < 64);
	world->interrupted = false;
	fuzz_check(!world->foreign);
	/* the same number again is no reason to ask once more */
	if (header->nlmsg_type == GENL_ID_CTRL) {
		world->looked = true;
	} else {
		fuzz_check(!world->looked || header->nlmsg_type != world->family);
		world->looked = false;
		world->family = header->nlmsg_type;
	}
	world->sequence = header->nlmsg_seq;
	world->type = header->nlmsg_type;
	return what > 250 ? fail(world) : 0;
}

static ssize_t on_receive(void *context, void *bytes, size_t size, uint32_t *sender)
{
	struct world *world = context;
	uint8_t what = fuzz_byte(world->input);
	unsigned int count = 1 + (what & 3);
	size_t length = 0;

	world->foreign = false;
	if (!world->input->left || ++world->datagrams > DATAGRAMS_MAX)
		return -ETIME;
	if (what > 250)
		return fail(world);
	*sender = what > 245 ? 1 : 0;
	world->foreign = *sender;
	for (; count && size - length >= MESSAGE_MAX + 64; count--)
		length += add_message(world, (char *)bytes + length);
	if ((what & 0x1c) == 0x1c)
		length -= length < 8 ? 0 : fuzz_byte(world->input) & 7;
	return (ssize_t)length;
}

/* A signal is no reason to open the socket anew. */
static int on_restart(struct netlink_wire *wire)
{
	struct world *world = wire->context;

	fuzz_check(!world->interrupted);
	return 0;
}

static void on_pause(void *context, unsigned int attempt)
{
	(void)context;
	fuzz_check(attempt < NETLINK_ATTEMPTS);
}

static void on_close(void *context)
{
	((struct world *)context)->closed++;
}

/* A text is one, and within its field. */
#define check_text(field) fuzz_check(memchr(field, '\0', sizeof(field)))

static void parse_all(const void *attributes, size_t length)
{
	struct vdpa_mgmtdev mgmtdev;
	struct vdpa_device device;
	struct vdpa_config config;
	struct vdpa_vstats vstats;
	struct vdpa_statistic statistic;
	char handle[VDPA_HANDLE_SIZE];
	size_t offset = 0, before;

	if (vdpa_parse_mgmtdev(attributes, length, &mgmtdev) == 0) {
		check_text(mgmtdev.handle.bus);
		check_text(mgmtdev.handle.name);
		fuzz_check(mgmtdev.handle.name[0]);
		fuzz_check(strlen(vdpa_handle_text(&mgmtdev.handle, handle)) < sizeof(handle));
	}
	if (vdpa_parse_device(attributes, length, &device) == 0) {
		check_text(device.name);
		fuzz_check(device.name[0] && VDPA_HAS(&device, VDPA_ATTR_DEV_ID));
	}
	if (vdpa_parse_config(attributes, length, &config) == 0)
		check_text(config.name);
	if (vdpa_parse_vstats(attributes, length, &vstats) == 0)
		check_text(vstats.name);
	for (before = 0; vdpa_next_statistic(attributes, length, &offset, &statistic); before = offset) {
		const char *start = attributes;

		fuzz_check(offset > before && offset <= MNL_ALIGN(length));
		fuzz_check(!statistic.length || (statistic.name >= start &&
						 statistic.name + statistic.length <= start + length));
		fuzz_check(!memchr(statistic.name, '\0', statistic.length));
	}
}

/* What may come of another attempt gets all of them. */
static bool passes(int rc)
{
	return rc == -EINTR || rc == -EAGAIN || rc == -EBUSY || rc == -ENOBUFS || rc == -EMSGSIZE ||
	       rc == -EBADMSG;
}

static void ask(struct netlink *netlink, struct fuzz_input *input, uint8_t what)
{
	struct world *world = netlink->wire.context;
	unsigned int before = world->questions;
	union netlink_request request;
	struct buffer answer = { 0 };
	size_t offset = 0, length;
	const void *attributes;
	int rc;

	netlink_start(netlink, &request, VDPA_CMD_DEV_GET, what & 1 ? NLM_F_DUMP : 0);
	mnl_attr_put_strz(&request.header, VDPA_ATTR_DEV_NAME, "lo0");
	if (what & 2)
		mnl_attr_put_u32(&request.header, VDPA_ATTR_DEV_ID, fuzz_byte(input));
	world->looked = world->reported = false;
	rc = netlink_ask(netlink, &request, what & 4, &answer);
	fuzz_check(rc <= 0 && !world->foreign);
	fuzz_check(!(what & 4) || !passes(rc) || world->questions - before >= NETLINK_ATTEMPTS);
	fuzz_check(world->reported || !netlink->report.message[0]);
	check_text(netlink->report.message);
	fuzz_check(rc == 0 || !answer.length);
	while ((attributes = netlink_next(&answer, &offset, &length))) {
		/* for the sanitizer: a copy of exactly this length */
		void *copy = malloc(length ? length : 1);

		fuzz_check(offset <= answer.length && copy);
		memcpy(copy, attributes, length);
		parse_all(copy, length);
		free(copy);
	}
	buffer_free(&answer);
}

static void take_link(void *context, const struct link_change *change)
{
	(void)context;
	check_text(change->virtio);
	check_text(change->netdev);
}

/*
 * What is to come of a datagram: NETLINK_MORE, NETLINK_DONE or an error, and how much of it is
 * part of the answer. The question was no dump.
 */
static int expected(const char *bytes, size_t length, size_t *answer)
{
	for (size_t at = 0; length - at >= NLMSG_HDRLEN; ) {
		struct nlmsghdr header;
		int32_t error = 0;

		memcpy(&header, bytes + at, sizeof(header));
		if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > length - at)
			return -EBADMSG;
		memcpy(&error, bytes + at + NLMSG_HDRLEN,
		       header.nlmsg_len >= NLMSG_HDRLEN + sizeof(error) ? sizeof(error) : 0);
		if (header.nlmsg_type == NLMSG_OVERRUN)
			return -ENOBUFS;
		if (header.nlmsg_seq != 1 || header.nlmsg_pid != PORT)
			;
		else if (header.nlmsg_type == NLMSG_ERROR)
			return header.nlmsg_len < NLMSG_HDRLEN + sizeof(struct nlmsgerr) || error > 0 ?
				       -EBADMSG : error ? error : NETLINK_DONE;
		else if (header.nlmsg_type == NLMSG_DONE)
			return error < 0 ? error : NETLINK_DONE;
		else if (header.nlmsg_type == FAMILY && header.nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
			return -EBADMSG;
		else if (header.nlmsg_type == FAMILY)
			*answer += NLMSG_ALIGN(header.nlmsg_len);
		if (NLMSG_ALIGN(header.nlmsg_len) > length - at)
			break;
		at += NLMSG_ALIGN(header.nlmsg_len);
	}
	return NETLINK_MORE;
}

/* One datagram in memory that ends where it does: a step too far is the sanitizer's to see. */
static void take_datagram(struct fuzz_input *input)
{
	union netlink_request request = { .header = { .nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN,
						      .nlmsg_type = FAMILY, .nlmsg_seq = 1 } };
	struct world world = { .input = input, .sequence = 1, .type = FAMILY };
	struct netlink_report report = { .message = "" };
	struct buffer answer = { 0 };
	struct netlink_exchange exchange = {
		.family = FAMILY, .port = PORT, .request = &request.header,
		.answer = &answer, .report = &report,
	};
	char bytes[4 * MESSAGE_MAX];
	size_t length = 0, less, taken = 0;
	void *copy;
	int rc;

	for (unsigned int i = 0; i < 3; i++)
		length += add_message(&world, bytes + length);
	less = fuzz_byte(input);
	length -= less < length ? less : 0;
	copy = malloc(length);
	fuzz_check(copy);
	memcpy(copy, bytes, length);
	rc = expected(bytes, length, &taken);
	fuzz_check(netlink_take(&exchange, copy, length) == rc && answer.length == taken);
	fuzz_check(world.reported || !report.message[0]);
	free(copy);
	buffer_free(&answer);
}

/* Raw bytes for rtnetlink's parser and for those of attributes. */
static void parse_raw(struct fuzz_input *input)
{
	size_t length = input->left;
	void *copy = malloc(length ? length : 1);

	fuzz_check(copy);
	fuzz_bytes(input, copy, length);
	parse_all(copy, length);
	link_change_parse(copy, length, take_link, NULL);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct world world = { .input = &input };
	const struct netlink_wire wire = { &world, PORT, -1, on_send, on_receive, on_restart, on_pause,
					   on_close };
	uint8_t what = fuzz_byte(&input);
	struct netlink netlink = { .wire = wire, .name = "vdpa", .version = 1, .family = FAMILY };

	if (what & 0x80) {
		if (what & 1)
			take_datagram(&input);
		else
			parse_raw(&input);
		return 0;
	}
	if (what & 0x40 && netlink_open_wire(&netlink, "vdpa", 1, &wire) < 0) {
		fuzz_check(world.closed == 1);
		return 0;
	}
	ask(&netlink, &input, what);
	world.questions = 0;
	ask(&netlink, &input, what >> 3);
	netlink_close(&netlink);
	fuzz_check(world.closed == 1);
	return 0;
}

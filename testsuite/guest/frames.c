// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frames IF [ to IF2 ] [ WORD VALUE ]...
 *
 * Sends numbered frames out of one interface and looks at every byte of what comes in by
 * the same or another one: content, order, count, checksums, and whether an offload was
 * delivered that the receiving driver did not negotiate. The kernel's packet sockets
 * carry the virtio header both ways (PACKET_VNET_HDR), so frames leave with a checksum
 * to be completed or a super-frame to be cut, and it shows who did it.
 *
 *	kind LIST	of raw (default), udp4, udp6, tcp4 and tcp6, one after the other
 *	sizes LIST	of frames, with their Ethernet header: 60-1514:7 (the default) and
 *			commas between such
 *	count N		frames, default one of each size
 *	seconds N	go on sending for so long instead, or until SIGTERM
 *	window N	at most so many on their way, default 32; 0: no limit
 *	partial		leave the checksum to the device
 *	gso N		tcp: super-frames, to be cut into segments with N bytes of payload
 *	ecn		these carry CWR
 *	vlan ID		with an 802.1Q tag
 *	allow LIST	of csum,tso4,tso6,ecn: offloads that the receiver negotiated
 *	timeout MS	without any frame: what is on its way is lost (default 10000)
 *	flight FILE	has the number of those on their way (flight.h)
 *
 * One JSON object says what came of it. "pieces" are the frames that arrived: more than
 * "received" when super-frames were cut. Exit status 0: everything sent came back once,
 * in order and unchanged; 1: not so; 2: it could not be tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testsuite/guest/flight.h"
#include "testsuite/guest/shape.h"

#define VNET_SIZE sizeof(struct virtio_net_hdr)
#define FRAMES_MAX (1u << 22)
#define STALLS_MAX 4			/* a device that loses this often is not worth more time */
#define SETTLE_MS 20			/* for what comes once more */
#define BUFFER_BYTES (32 << 20)

static const struct kind kinds[] = {
	{ "raw", 0, 0 },
	{ "udp4", 4, IPPROTO_UDP }, { "udp6", 6, IPPROTO_UDP },
	{ "tcp4", 4, IPPROTO_TCP }, { "tcp6", 6, IPPROTO_TCP },
};

static const char *const offloads[] = { "csum", "tso4", "tso6", "ecn" };
enum { ALLOW_CSUM = 1, ALLOW_TSO4 = 2, ALLOW_TSO6 = 4, ALLOW_ECN = 8 };

struct counts {
	uint64_t sent, received, pieces, gso, partial;
	uint64_t duplicated, reordered, corrupt, bad_checksum, bad_offload, foreign;
};

struct frames {
	struct shape shape;
	uint64_t count, seconds, window, timeout;
	bool partial;
	unsigned int allow;
	int sender, receiver;
	struct flight *flight;
	struct counts n;		/* of all kinds */

	struct progress {
		uint32_t at;		/* bytes of payload that have come */
		uint32_t sent;		/* microseconds since the start */
	} *progress;			/* of the frames of this kind, as what follows */
	uint64_t started;
	uint64_t sent;
	uint64_t last;			/* complete frame, plus one */
	uint64_t given_up;		/* frames before this one */
	uint64_t finished;		/* complete frames among those after it */
	uint32_t *round_trip;		/* of all kinds */
};

static volatile sig_atomic_t told_to_end;

static void on_end(int number)
{
	told_to_end = number;
}

/* -- sending ------------------------------------------------------------------------ */

static uint8_t gso_type(const struct frames *f)
{
	uint8_t type = f->shape.kind->version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
						   : VIRTIO_NET_HDR_GSO_TCPV6;

	return f->shape.ecn ? type | VIRTIO_NET_HDR_GSO_ECN : type;
}

static bool is_super(const struct frames *f, uint64_t number)
{
	return f->shape.gso && payload_of(&f->shape, number) > f->shape.gso;
}

static struct virtio_net_hdr header_of(const struct frames *f, uint64_t number)
{
	struct virtio_net_hdr header = { 0 };

	if (f->partial) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = (uint16_t)f->shape.transport;
		header.csum_offset = (uint16_t)checksum_offset(&f->shape);
	}
	if (is_super(f, number)) {
		header.gso_type = gso_type(f);
		header.gso_size = (uint16_t)f->shape.gso;
		header.hdr_len = (uint16_t)f->shape.payload;
	}
	return header;
}

/* false: the socket is full. */
static bool send_frame(struct frames *f)
{
	static uint8_t frame[VNET_SIZE + FRAME_MAX];
	struct piece piece = { .number = (uint32_t)f->sent, .length = payload_of(&f->shape, f->sent),
			       .partial = f->partial };
	struct virtio_net_hdr header = header_of(f, f->sent);
	size_t length = build(&f->shape, &piece, frame + VNET_SIZE);

	memcpy(frame, &header, VNET_SIZE);
	if (send(f->sender, frame, VNET_SIZE + length, MSG_DONTWAIT) < 0) {
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		err(EXIT_BAD_USAGE, "send of %zu bytes", length);
	}
	f->progress[f->sent++].sent = (uint32_t)(now_usec() - f->started);
	return true;
}

static bool all_sent(const struct frames *f)
{
	if (f->sent == FRAMES_MAX || told_to_end)
		return true;
	if (f->seconds)
		return now_usec() - f->started >= f->seconds * 1000000;
	return f->sent == f->count;
}

static uint64_t on_their_way(const struct frames *f)
{
	return f->sent - f->given_up - f->finished;
}

static void send_frames(struct frames *f)
{
	while (!all_sent(f) && (!f->window || on_their_way(f) < f->window))
		if (!send_frame(f))
			return;
}

/* -- receiving ---------------------------------------------------------------------- */

/* Was this frame delivered with offloads, and are these allowed and right? */
static bool offload_right(const struct frames *f, const struct virtio_net_hdr *header,
			  const struct piece *piece)
{
	size_t untagged = f->shape.vlan ? TAG_SIZE : 0;	/* the kernel has taken it off */
	unsigned int tso = f->shape.kind->version == 4 ? ALLOW_TSO4 : ALLOW_TSO6;

	if (header->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return false;
	if (piece->partial &&
	    (!(f->allow & ALLOW_CSUM) || header->csum_start != f->shape.transport - untagged ||
	     header->csum_offset != checksum_offset(&f->shape)))
		return false;
	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return !is_super(f, piece->number) || piece->length <= f->shape.gso;
	return (f->allow & tso) && (!f->shape.ecn || (f->allow & ALLOW_ECN)) &&
	       is_super(f, piece->number) && header->gso_type == gso_type(f) &&
	       header->gso_size == f->shape.gso;
}

/* Which piece is this? false: it cannot be told. */
static bool identify(const struct frames *f, const uint8_t *frame, size_t length,
		     struct piece *piece)
{
	const uint8_t *transport = frame + f->shape.transport, *payload = frame + f->shape.payload;

	if (length < f->shape.payload + (f->shape.kind->protocol == IPPROTO_TCP ? 1 : 8))
		return false;
	piece->length = (uint32_t)(length - f->shape.payload);
	piece->offset = 0;
	if (f->shape.kind->protocol == IPPROTO_TCP) {
		piece->number = get32(transport + 8);
		piece->offset = get32(transport + 4) - sequence_of(piece->number);
	} else {
		if (get32(payload) != (SHAPE_MAGIC ^ f->shape.run))
			return false;
		piece->number = get32(payload + 4);
	}
	return piece->number < f->sent &&
	       (uint64_t)piece->offset + piece->length <= payload_of(&f->shape, piece->number);
}

static void complete(struct frames *f, uint32_t number)
{
	f->n.reordered += number + UINT64_C(1) < f->last;
	f->last = number + UINT64_C(1);
	f->finished += number >= f->given_up;
	f->round_trip[f->n.received++] =
		(uint32_t)(now_usec() - f->started) - f->progress[number].sent;
}

static void account(struct frames *f, const struct piece *piece)
{
	struct progress *progress = &f->progress[piece->number];

	if (piece->offset < progress->at) {
		f->n.duplicated++;
	} else if (piece->offset > progress->at) {
		f->n.reordered++;		/* or the piece before is lost: it shows as such */
	} else {
		progress->at += piece->length;
		if (progress->at == payload_of(&f->shape, piece->number))
			complete(f, piece->number);
	}
}

/*
 * 0 and 0xffff are the same sum (RFC 1071). UDP has only the one of them; in TCP, who cuts
 * writes 0 and who completes 0xffff, Linux (skb_checksum_help()) and our device alike: once in
 * 65,536 frames.
 */
static void allow_other_zero(const struct frames *f, const uint8_t *got, uint8_t *expected)
{
	size_t field = f->shape.transport + checksum_offset(&f->shape);

	if (f->shape.kind->protocol == IPPROTO_TCP && !expected[field] && !expected[field + 1] &&
	    got[field] == 0xff && got[field + 1] == 0xff)
		memset(expected + field, 0xff, 2);
}

/* Equal but for the transport checksum? Then that is the fault. */
static bool only_checksum_differs(const struct frames *f, const uint8_t *got, uint8_t *expected,
				  size_t length)
{
	size_t field = f->shape.transport + checksum_offset(&f->shape);

	if (!f->shape.kind->protocol)
		return false;
	memcpy(expected + field, got + field, 2);
	return !memcmp(got, expected, length);
}

static void look_at(struct frames *f, const struct virtio_net_hdr *header, const uint8_t *frame,
		    size_t length)
{
	static uint8_t expected[FRAME_MAX];
	struct piece piece = { .partial = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM };

	if (length < ETH_HLEN || memcmp(frame + 6, station[1], 6)) {
		f->n.foreign++;
		return;
	}
	f->n.pieces++;
	f->n.partial += piece.partial;
	f->n.gso += header->gso_type != VIRTIO_NET_HDR_GSO_NONE;
	if (!identify(f, frame, length, &piece)) {
		f->n.corrupt++;
		return;
	}
	f->n.bad_offload += !offload_right(f, header, &piece);
	build(&f->shape, &piece, expected);
	allow_other_zero(f, frame, expected);
	if (!memcmp(frame, expected, length))
		account(f, &piece);
	else if (only_checksum_differs(f, frame, expected, length))
		f->n.bad_checksum++;
	else
		f->n.corrupt++;
}

/* The tag that the kernel took off, as a frame has it, or 0. */
static uint32_t taken_tag(struct msghdr *message)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(message);
	struct tpacket_auxdata data;

	if (!control || control->cmsg_level != SOL_PACKET || control->cmsg_type != PACKET_AUXDATA)
		return 0;
	memcpy(&data, CMSG_DATA(control), sizeof(data));
	if (!(data.tp_status & TP_STATUS_VLAN_VALID))
		return 0;
	return (uint32_t)ETH_P_8021Q << 16 | data.tp_vlan_tci;
}

static bool receive_frame(struct frames *f)
{
	static uint8_t bytes[TAG_SIZE + FRAME_MAX + 1024];
	char control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct virtio_net_hdr header;
	struct iovec parts[] = { { &header, VNET_SIZE },
				 { bytes + TAG_SIZE, sizeof(bytes) - TAG_SIZE } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(f->receiver, &message, MSG_DONTWAIT);
	uint8_t *frame = bytes + TAG_SIZE;
	uint32_t tag;

	if (n < 0 && errno != EAGAIN)
		err(EXIT_BAD_USAGE, "receive");
	if (n < (ssize_t)VNET_SIZE)
		return false;
	tag = taken_tag(&message);
	if (tag) {
		memmove(bytes, frame, 12);
		put32(bytes + 12, tag);
		frame = bytes;
	}
	look_at(f, &header, frame, (size_t)n - VNET_SIZE + (tag ? TAG_SIZE : 0));
	return true;
}

/* Wait at most @milliseconds for a frame and take all that are there. */
static bool receive_frames(struct frames *f, int milliseconds)
{
	struct pollfd pollfd = { .fd = f->receiver, .events = POLLIN };

	int n = poll(&pollfd, 1, milliseconds);

	if (n <= 0)
		return n < 0 && errno == EINTR;
	while (receive_frame(f))
		;
	return true;
}

static void run(struct frames *f)
{
	unsigned int stalls = 0;

	while (!all_sent(f) || on_their_way(f)) {
		send_frames(f);
		f->flight->frames = on_their_way(f);
		if (!receive_frames(f, (int)f->timeout)) {
			f->given_up = f->sent;
			f->finished = 0;
			if (++stalls == STALLS_MAX)
				break;
		}
	}
	while (receive_frames(f, SETTLE_MS))
		;
	f->n.sent += f->sent;
}

/* -- what came of it ---------------------------------------------------------------- */

static int earlier(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static uint32_t percentile(const struct frames *f, unsigned int percent)
{
	return f->n.received ? f->round_trip[(f->n.received - 1) * percent / 100] : 0;
}

static int report(const struct frames *f)
{
	const struct counts *n = &f->n;
	uint64_t lost = n->sent - n->received;

	qsort(f->round_trip, n->received, sizeof(*f->round_trip), earlier);
	printf("{\"sent\":%llu,\"received\":%llu,\"lost\":%llu,\"duplicated\":%llu,"
	       "\"reordered\":%llu,\"corrupt\":%llu,\"bad_checksum\":%llu,\"bad_offload\":%llu,"
	       "\"pieces\":%llu,\"gso\":%llu,\"partial\":%llu,\"foreign\":%llu,"
	       "\"usec\":%llu,\"round_trip_p50\":%u,\"round_trip_p99\":%u}\n",
	       (unsigned long long)n->sent, (unsigned long long)n->received,
	       (unsigned long long)lost, (unsigned long long)n->duplicated,
	       (unsigned long long)n->reordered, (unsigned long long)n->corrupt,
	       (unsigned long long)n->bad_checksum, (unsigned long long)n->bad_offload,
	       (unsigned long long)n->pieces, (unsigned long long)n->gso,
	       (unsigned long long)n->partial, (unsigned long long)n->foreign,
	       (unsigned long long)(now_usec() - f->started), percentile(f, 50),
	       percentile(f, 99));
	return !n->sent || lost || n->duplicated || n->reordered || n->corrupt ||
	       n->bad_checksum || n->bad_offload;
}

/* -- beginning ---------------------------------------------------------------------- */

/* Generic receive offload would merge segments again before we see them. */
static void stop_merging(const char *interface)
{
	struct ethtool_value off = { .cmd = ETHTOOL_SGRO };
	struct ifreq request = { .ifr_data = (void *)&off };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		err(EXIT_BAD_USAGE, "%s: receive offload", interface);
	close(fd);
}

static void option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		err(EXIT_BAD_USAGE, "option %d of a packet socket", name);
}

static int open_socket(const char *interface, int protocol)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons((uint16_t)protocol),
				       .sll_ifindex = (int)if_nametoindex(interface) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (!address.sll_ifindex || fd < 0)
		err(EXIT_BAD_USAGE, "%s", interface);
	option(fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	option(fd, SOL_PACKET, PACKET_AUXDATA, 1);
	option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	option(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
	option(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(EXIT_BAD_USAGE, "%s", interface);
	return fd;
}

/* The kind that @list begins with, and what follows it, or NULL. */
static const struct kind *next_kind(const char **list)
{
	size_t i, length = strcspn(*list, ",");

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == length && !strncmp(kinds[i].name, *list, length))
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		errx(EXIT_BAD_USAGE, "unknown kind \"%s\"", *list);
	*list = (*list)[length] ? *list + length + 1 : NULL;
	return &kinds[i];
}

static unsigned int allowed(const char *list)
{
	unsigned int i, set = 0;

	for (i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++)
		if (strstr(list, offloads[i]))
			set |= 1u << i;
	return set;
}

static void read_sizes(struct frames *f, const char *text)
{
	uint32_t least = (uint32_t)f->shape.payload + 8;
	char usual[32];

	snprintf(usual, sizeof(usual), "%u-1514:7", least > 60 ? least : 60);
	sizes_read(&f->shape.sizes, text ? text : usual, least, FRAME_MAX);
}

static void allocate(struct frames *f)
{
	f->shape.pattern = pattern_make();
	f->progress = calloc(FRAMES_MAX, sizeof(*f->progress));
	f->round_trip = calloc(sizeof(kinds) / sizeof(kinds[0]) * FRAMES_MAX,
			       sizeof(*f->round_trip));
	if (!f->progress || !f->round_trip)
		err(EXIT_BAD_USAGE, "memory");
}

static void run_kind(struct frames *f, const struct kind *kind, const char *sizes, uint64_t count)
{
	f->shape.kind = kind;
	shape_lay_out(&f->shape);
	read_sizes(f, sizes);
	f->count = count ? count : f->shape.sizes.count;
	if (f->count > FRAMES_MAX || (f->partial && !kind->protocol) ||
	    (f->shape.gso && (kind->protocol != IPPROTO_TCP || !f->partial)))
		errx(EXIT_BAD_USAGE, "these words do not go together");
	memset(f->progress, 0, f->sent * sizeof(*f->progress));
	f->sent = f->last = f->given_up = f->finished = 0;
	run(f);
}

int main(int argc, char **argv)
{
	static struct frames f = { .window = 32, .timeout = 10000 };
	const char *from = argv[1], *to = from, *kind = "raw", *sizes = NULL, *allow = "";
	const char *flight = NULL;
	uint64_t count = 0;
	const struct word words[] = {
		{ .name = "to", .text = &to }, { .name = "kind", .text = &kind },
		{ .name = "sizes", .text = &sizes }, { .name = "allow", .text = &allow },
		{ .name = "count", .number = &count }, { .name = "seconds", .number = &f.seconds },
		{ .name = "window", .number = &f.window }, { .name = "gso", .number = &f.shape.gso },
		{ .name = "vlan", .number = &f.shape.vlan }, { .name = "timeout", .number = &f.timeout },
		{ .name = "partial", .flag = &f.partial }, { .name = "ecn", .flag = &f.shape.ecn },
		{ .name = "flight", .text = &flight },
		{ .name = NULL },
	};

	if (argc < 2)
		errx(EXIT_BAD_USAGE, "usage: frames IF [to IF2] [WORD VALUE]...");
	words_read(words, argv + 2);
	f.allow = allowed(allow);
	f.flight = flight_map(flight);
	f.shape.run = (uint16_t)getpid();
	allocate(&f);
	stop_merging(to);
	f.receiver = open_socket(to, ETH_P_ALL);
	f.sender = open_socket(from, 0);
	if (f.seconds)
		signal(SIGTERM, on_end);
	f.started = now_usec();
	while (kind)
		run_kind(&f, next_kind(&kind), sizes, count);
	return report(&f);
}

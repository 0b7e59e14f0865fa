// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * packets { flood | echo } FROM TO [ WORD VALUE ]...
 *
 * How quick numbered frames are that leave by interface FROM and come in by TO, which may be
 * the same one. "flood": how many there are in a second. "echo": how long one alone takes,
 * from before it is sent until it is there.
 *
 *	size N		of a frame, with its Ethernet header (64)
 *	count N		frames (20000; echo 1000)
 *	window N	flood: at most so many on their way (256)
 *	threads 2	flood: one sends and one receives; otherwise one does both in turns
 *	whole		every byte is looked at, which takes time
 *
 * Of each frame the number, the order, the length and the first and last bytes are looked
 * at, also without "whole". A line says what came of it: "FRAMES_PER_SECOND LOST" or
 * "P50 P99 MINIMUM LOST", nanoseconds. Exit status 0: all came, unchanged and in order; 1: not
 * so; 2: it could not be tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "testsuite/guest/pattern.h"

#define BATCH 64
#define FRAME_MAX 65550
#define PROTOCOL 0x88b5		/* IEEE 802: local experiments */
#define BUFFER_BYTES (32 << 20)
#define SILENCE_MS 1000		/* after that, what has not come is lost */

/* What is before the pattern. */
struct head {
	struct ethhdr ethernet;
	uint32_t number;	/* of this machine's byte order */
} __attribute__((packed));

struct packets {
	uint64_t size, count, window, threads;
	bool whole;
	int sender, receiver;
	uint8_t *frames;		/* BATCH of them, sent in turn */
	uint8_t *incoming;		/* room for BATCH */
	_Atomic uint64_t received;	/* in order, unchanged */
	_Atomic bool ended;
	uint64_t sent, wrong;
	uint32_t *nanoseconds;		/* echo: of each frame */
};

static uint64_t now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* -- frames ------------------------------------------------------------------------- */

static void make_frames(struct packets *p)
{
	const struct pattern *pattern = pattern_make();
	struct head head = {
		.ethernet = {
			.h_dest = { 2, 0, 0, 0, 0, 2 },
			.h_source = { 2, 0, 0, 0, 0, 1 },
			.h_proto = htons(PROTOCOL),
		},
	};
	unsigned int i;

	p->frames = calloc(BATCH, p->size);
	p->incoming = calloc(BATCH, p->size);
	p->nanoseconds = calloc(p->count, sizeof(*p->nanoseconds));
	if (!p->frames || !p->incoming || !p->nanoseconds)
		err(EXIT_BAD_USAGE, "frames");
	for (i = 0; i < BATCH; i++) {
		uint8_t *frame = p->frames + i * p->size;

		memcpy(frame, &head, sizeof(head));
		memcpy(frame + sizeof(head), pattern_at(pattern, i), p->size - sizeof(head));
	}
}

static uint8_t *frame_of(const struct packets *p, uint64_t number)
{
	return p->frames + number % BATCH * p->size;
}

static void set_number(uint8_t *frame, uint64_t number)
{
	uint32_t value = (uint32_t)number;

	memcpy(frame + offsetof(struct head, number), &value, sizeof(value));
}

/* Is @frame, of @length bytes, the one with @number? */
static bool is_frame(const struct packets *p, const uint8_t *frame, size_t length,
		     uint64_t number)
{
	const uint8_t *made = frame_of(p, number);
	uint32_t value = (uint32_t)number;

	if (length != p->size || memcmp(frame, made, sizeof(struct ethhdr)) ||
	    memcmp(frame + offsetof(struct head, number), &value, sizeof(value)))
		return false;
	if (p->whole)
		return !memcmp(frame + sizeof(struct head), made + sizeof(struct head),
			       length - sizeof(struct head));
	return !memcmp(frame + length - 8, made + length - 8, 8);
}

/* -- sockets ------------------------------------------------------------------------ */

static void must(int rc, const char *what)
{
	if (rc < 0)
		err(EXIT_BAD_USAGE, "%s", what);
}

/* With @protocol 0 a socket receives nothing; with one of its own, not what leaves either. */
static int open_socket(const char *interface, uint16_t protocol, int option)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	struct timeval silence = { .tv_sec = SILENCE_MS / 1000 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), size = BUFFER_BYTES;

	must(fd, "socket");
	must(address.sll_ifindex ? 0 : -1, interface);
	must(setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)), "buffer");
	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)), "time-out");
	must(bind(fd, (struct sockaddr *)&address, sizeof(address)), interface);
	return fd;
}

static unsigned int send_frames(struct packets *p, uint64_t most)
{
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	unsigned int i, count = BATCH - p->sent % BATCH;
	int n;

	if (count > most)
		count = (unsigned int)most;
	for (i = 0; i < count; i++) {
		parts[i] = (struct iovec){ frame_of(p, p->sent + i), p->size };
		set_number(parts[i].iov_base, p->sent + i);
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(p->sender, messages, count, 0);
	if (n < 0 && errno != ENOBUFS)
		err(EXIT_BAD_USAGE, "send");
	p->sent += n > 0 ? (unsigned int)n : 0;
	return n > 0 ? (unsigned int)n : 0;
}

/* Waits for one frame and takes all that are there. False: none came for SILENCE_MS. */
static bool receive_frames(struct packets *p)
{
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	uint64_t number = p->received;
	int i, n;

	for (i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ p->incoming + i * p->size, p->size };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(p->receiver, messages, BATCH, MSG_WAITFORONE | MSG_TRUNC, NULL);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
		err(EXIT_BAD_USAGE, "receive");
	for (i = 0; i < n; i++) {
		if (is_frame(p, parts[i].iov_base, messages[i].msg_len, number))
			number++;
		else
			p->wrong++;
	}
	p->received = number;
	return n > 0;
}

/* -- measuring ---------------------------------------------------------------------- */

static uint64_t may_send(const struct packets *p)
{
	uint64_t room = p->window - (p->sent - p->received), left = p->count - p->sent;

	return room < left ? room : left;
}

static void flood_in_turns(struct packets *p)
{
	while (p->received < p->count) {
		while (may_send(p) && send_frames(p, may_send(p)))
			;
		if (!receive_frames(p))
			return;
	}
}

static void *send_all(void *context)
{
	struct packets *p = context;

	while (p->sent < p->count && !p->ended)
		if (!may_send(p) || !send_frames(p, may_send(p)))
			sched_yield();
	return NULL;
}

static void flood_by_two(struct packets *p)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, send_all, p))
		errx(EXIT_BAD_USAGE, "no thread");
	while (p->received < p->count && receive_frames(p))
		;
	p->ended = true;
	pthread_join(thread, NULL);
}

static int end_of(const struct packets *p)
{
	printf(" %llu\n", (unsigned long long)(p->sent - p->received));
	if (p->wrong)
		warnx("%llu frames were not the ones expected", (unsigned long long)p->wrong);
	return p->received == p->count && !p->wrong ? 0 : 1;
}

static int flood(struct packets *p)
{
	uint64_t start = now_nsec();

	if (p->threads == 2)
		flood_by_two(p);
	else
		flood_in_turns(p);
	printf("%.0f", (double)p->received * 1e9 / (double)(now_nsec() - start));
	return end_of(p);
}

static int by_size(const void *one, const void *other)
{
	const uint32_t *a = one, *b = other;

	return *a < *b ? -1 : *a > *b;
}

static int echo(struct packets *p)
{
	const uint32_t *sorted = p->nanoseconds;
	uint64_t start;

	while (p->received < p->count) {
		start = now_nsec();
		if (!send_frames(p, 1) || !receive_frames(p))
			break;
		p->nanoseconds[p->sent - 1] = (uint32_t)(now_nsec() - start);
	}
	qsort(p->nanoseconds, p->count, sizeof(*sorted), by_size);
	printf("%u %u %u", sorted[p->count / 2], sorted[p->count * 99 / 100], sorted[0]);
	return end_of(p);
}

int main(int argc, char **argv)
{
	bool echoes = argc > 1 && !strcmp(argv[1], "echo");
	struct packets p = { .size = 64, .count = echoes ? 1000 : 20000, .window = 256 };
	const struct word words[] = {
		{ "size", .number = &p.size }, { "count", .number = &p.count },
		{ "window", .number = &p.window }, { "threads", .number = &p.threads },
		{ "whole", .flag = &p.whole }, { 0 }
	};

	if (argc < 4 || (!echoes && strcmp(argv[1], "flood")))
		errx(EXIT_BAD_USAGE, "Usage: packets { flood | echo } FROM TO [ WORD VALUE ]...");
	words_read(words, argv + 4);
	if (p.size < sizeof(struct head) + 8 || p.size > FRAME_MAX || !p.count || !p.window)
		errx(EXIT_BAD_USAGE, "size, count or window");
	make_frames(&p);
	p.sender = open_socket(argv[2], 0, SO_SNDBUFFORCE);
	p.receiver = open_socket(argv[3], PROTOCOL, SO_RCVBUFFORCE);
	return echoes ? echo(&p) : flood(&p);
}

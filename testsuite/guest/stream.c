// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream from NETNS to NETNS2 address ADDRESS [ WORD VALUE ]...
 *
 * Moves bytes from one network namespace to another and compares each with what was sent.
 * One process has a socket in both, so there is nothing to be started before the other and
 * nothing to be waited for.
 *
 *	from, to	names of "ip netns"; "" is the namespace we are in
 *	address A	of the receiving end, IPv4 or IPv6
 *	bytes N		default 10000000
 *	udp SIZES	datagrams of these sizes instead of a TCP stream (60-1472:7, and commas)
 *	window N	udp: at most so many on their way, default 8
 *	port N		default 7777
 *	timeout MS	without progress, default 60000: what is on its way is lost
 *
 * One JSON object says what came of it. Exit status 0: all arrived, unchanged; 1: not so;
 * 2: it could not be tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "testsuite/guest/pattern.h"

#define CHUNK 65536u
#define DATAGRAM_MAX 65507
#define BUFFER_BYTES (8 << 20)

struct stream {
	const struct pattern *pattern;
	struct sizes sizes;
	uint64_t bytes, window, timeout;
	int sender, receiver;
	uint64_t sent, received;	/* bytes, or datagrams */
	uint64_t sent_bytes;		/* udp */
	uint64_t corrupt, reordered, retransmits;
	uint64_t started, ended;
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* -- sockets in namespaces ---------------------------------------------------------- */

static void enter(const char *netns)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(*netns ? path : "/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		err(EXIT_BAD_USAGE, "network namespace \"%s\"", netns);
	close(fd);
}

static socklen_t read_address(union address *address, const char *text, uint16_t port)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &address->in.sin_addr) == 1) {
		address->in.sin_family = AF_INET;
		address->in.sin_port = htons(port);
		return sizeof(address->in);
	}
	if (inet_pton(AF_INET6, text, &address->in6.sin6_addr) != 1)
		errx(EXIT_BAD_USAGE, "address \"%s\"", text);
	address->in6.sin6_family = AF_INET6;
	address->in6.sin6_port = htons(port);
	return sizeof(address->in6);
}

static void must(int rc, const char *what)
{
	if (rc < 0)
		err(EXIT_BAD_USAGE, "%s", what);
}

static int open_socket(const char *netns, int family, int type)
{
	int fd, on = 1, size = BUFFER_BYTES;

	enter(netns);
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	must(fd, "socket");
	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	if (type == SOCK_DGRAM) {
		must(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)), "buffer");
		must(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)), "buffer");
	}
	return fd;
}

static void wait_for(int fd, short events, int timeout, const char *what)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	if (poll(&pollfd, 1, timeout) <= 0)
		errx(1, "%s: no answer in time", what);
}

static void connect_tcp(struct stream *s, int listener, const union address *address,
			socklen_t length)
{
	int error = 0;
	socklen_t size = sizeof(error);

	must(listen(listener, 1), "listen");
	fcntl(s->sender, F_SETFL, O_NONBLOCK);
	if (connect(s->sender, &address->any, length) < 0 && errno != EINPROGRESS)
		err(1, "connect");
	wait_for(s->sender, POLLOUT, (int)s->timeout, "connect");
	getsockopt(s->sender, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error)
		errx(1, "connect: %s", strerror(error));
	wait_for(listener, POLLIN, (int)s->timeout, "accept");
	s->receiver = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	must(s->receiver, "accept");
	close(listener);
}

static void open_sockets(struct stream *s, const char *from, const char *to, const char *text,
			 uint16_t port)
{
	int type = s->sizes.count ? SOCK_DGRAM : SOCK_STREAM;
	union address address;
	socklen_t length = read_address(&address, text, port);

	s->receiver = open_socket(to, address.any.sa_family, type);
	must(bind(s->receiver, &address.any, length), "bind");
	s->sender = open_socket(from, address.any.sa_family, type);
	if (type == SOCK_STREAM)
		connect_tcp(s, s->receiver, &address, length);
	else
		must(connect(s->sender, &address.any, length), "connect");
}

/* -- a TCP stream ------------------------------------------------------------------- */

static size_t chunk(uint64_t from, uint64_t to)
{
	return to - from < CHUNK ? (size_t)(to - from) : CHUNK;
}

static bool send_stream(struct stream *s)
{
	ssize_t n = send(s->sender, s->pattern->bytes + s->sent % PATTERN_PERIOD,
			 chunk(s->sent, s->bytes), MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		err(1, "send");
	s->sent += n > 0 ? (uint64_t)n : 0;
	return n > 0;
}

static bool receive_stream(struct stream *s)
{
	static uint8_t bytes[CHUNK];
	ssize_t n = recv(s->receiver, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		err(1, "receive");
	if (n <= 0)
		return false;
	s->corrupt += memcmp(bytes, s->pattern->bytes + s->received % PATTERN_PERIOD,
			     (size_t)n) != 0;
	s->received += (uint64_t)n;
	return true;
}

static bool wait_for_progress(const struct stream *s, bool to_send)
{
	struct pollfd pollfd[] = { { .fd = s->receiver, .events = POLLIN },
				   { .fd = s->sender, .events = to_send ? POLLOUT : 0 } };

	return poll(pollfd, 2, (int)s->timeout) > 0;
}

static void count_retransmits(struct stream *s)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	if (!getsockopt(s->sender, IPPROTO_TCP, TCP_INFO, &info, &length))
		s->retransmits = info.tcpi_total_retrans;
}

static void run_stream(struct stream *s)
{
	while (s->received < s->bytes && wait_for_progress(s, s->sent < s->bytes)) {
		if (s->sent < s->bytes)
			send_stream(s);
		while (receive_stream(s))
			;
	}
	count_retransmits(s);
}

/* -- datagrams ---------------------------------------------------------------------- */

static void number_datagram(uint8_t *bytes, const struct stream *s, uint64_t number, size_t length)
{
	memcpy(bytes, pattern_at(s->pattern, number), length);
	memcpy(bytes, &number, sizeof(number));
}

static bool send_datagram(struct stream *s)
{
	static uint8_t bytes[DATAGRAM_MAX];
	size_t length = size_of(&s->sizes, s->sent);

	number_datagram(bytes, s, s->sent, length);
	if (send(s->sender, bytes, length, MSG_DONTWAIT) < 0) {
		if (errno != EAGAIN && errno != ENOBUFS)
			err(1, "send of %zu bytes", length);
		return false;
	}
	s->sent++;
	s->sent_bytes += length;
	return true;
}

static bool receive_datagram(struct stream *s)
{
	static uint8_t bytes[DATAGRAM_MAX + 1], expected[DATAGRAM_MAX];
	ssize_t n = recv(s->receiver, bytes, sizeof(bytes), MSG_DONTWAIT);
	uint64_t number;

	if (n < 0)
		return false;
	memcpy(&number, bytes, sizeof(number));
	if (n < (ssize_t)sizeof(number) || number >= s->sent ||
	    (size_t)n != size_of(&s->sizes, number)) {
		s->corrupt++;
		return true;
	}
	number_datagram(expected, s, number, (size_t)n);
	s->corrupt += memcmp(bytes, expected, (size_t)n) != 0;
	s->reordered += number != s->received;
	s->received++;
	return true;
}

static void run_datagrams(struct stream *s)
{
	while (s->sent_bytes < s->bytes || s->received < s->sent) {
		while (s->sent_bytes < s->bytes &&
		       s->sent - s->received < s->window && send_datagram(s))
			;
		if (!wait_for_progress(s, false))
			return;
		while (receive_datagram(s))
			;
	}
}

/* ----------------------------------------------------------------------------------- */

static int report(const struct stream *s)
{
	uint64_t usec = s->ended - s->started;
	uint64_t bytes = s->sizes.count ? s->sent_bytes : s->received;

	printf("{\"sent\":%llu,\"received\":%llu,\"lost\":%llu,\"corrupt\":%llu,"
	       "\"reordered\":%llu,\"retransmits\":%llu,\"bytes\":%llu,\"usec\":%llu,"
	       "\"mbit\":%llu}\n",
	       (unsigned long long)s->sent, (unsigned long long)s->received,
	       (unsigned long long)(s->sent - s->received), (unsigned long long)s->corrupt,
	       (unsigned long long)s->reordered, (unsigned long long)s->retransmits,
	       (unsigned long long)bytes, (unsigned long long)usec,
	       (unsigned long long)(usec ? bytes * 8 / usec : 0));
	return !s->sent || s->sent != s->received || bytes < s->bytes || s->corrupt ||
	       s->reordered;
}

int main(int argc, char **argv)
{
	static struct stream s = { .bytes = 10000000, .window = 8, .timeout = 60000 };
	const char *from = NULL, *to = NULL, *address = NULL, *udp = NULL;
	uint64_t port = 7777;
	const struct word words[] = {
		{ .name = "from", .text = &from }, { .name = "to", .text = &to },
		{ .name = "address", .text = &address }, { .name = "udp", .text = &udp },
		{ .name = "bytes", .number = &s.bytes }, { .name = "window", .number = &s.window },
		{ .name = "port", .number = &port }, { .name = "timeout", .number = &s.timeout },
		{ .name = NULL },
	};

	(void)argc;
	words_read(words, argv + 1);
	if (!from || !to || !address)
		errx(EXIT_BAD_USAGE, "usage: stream from NETNS to NETNS2 address ADDRESS ...");
	if (udp)
		sizes_read(&s.sizes, udp, sizeof(uint64_t), DATAGRAM_MAX);
	s.pattern = pattern_make();
	open_sockets(&s, from, to, address, (uint16_t)port);
	s.started = now_usec();
	if (udp)
		run_datagrams(&s);
	else
		run_stream(&s);
	s.ended = now_usec();
	return report(&s);
}

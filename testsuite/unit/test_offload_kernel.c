/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Software offloads against Linux. Each case is one frame that asks for an offload. The
 * hash beside it is that of what a Linux kernel made of the same frame, sent into one tap
 * device, over a bridge, and out of another one that had the offload switched off.
 *
 * With VT_TAP=1 in the environment (root, /dev/net/tun, bridges) the cases are sent
 * through the kernel of the machine as well, and each frame compared byte for byte;
 * VT_TAP=print prints the table anew. The table was made on Linux 6.18.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver_frame.h"
#include "driver_ring.h"

#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP
#define TCP4 VIRTIO_NET_HDR_GSO_TCPV4
#define TCP6 VIRTIO_NET_HDR_GSO_TCPV6
#define USO VIRTIO_NET_HDR_GSO_UDP_L4
#define UFO VIRTIO_NET_HDR_GSO_UDP
#define ECN VIRTIO_NET_HDR_GSO_ECN
#define ACK 0x10
#define PSH 0x08
#define FIN 0x01
#define CWR 0x80
#define ECE 0x40
#define NONE 0

struct golden {
	struct driver_frame_shape shape;
	uint8_t gso_type;
	uint16_t gso_size;
	bool partial;		/* the receiver takes partial checksums */
	unsigned int count;	/* frames that Linux made of it */
	uint64_t hash;		/* of them, each with the length and checksum fields */
};

static struct golden cases[] = {
#include "test_offload_kernel.inc"
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* A frame that came out, and the part of its virtio header that must agree. */
struct result {
	uint8_t *bytes;
	size_t length;
	bool needs_csum;
	uint16_t csum_start, csum_offset;
};

struct results {
	struct result frame[70000 / 8];
	unsigned int count;
};

static void release(struct results *results)
{
	while (results->count)
		free(results->frame[--results->count].bytes);
	free(results);
}

static void keep(struct results *results, const uint8_t *bytes, size_t length,
		 const struct net_header *header)
{
	struct result *result = &results->frame[results->count++];

	result->bytes = malloc(length);
	memcpy(result->bytes, bytes, length);
	result->length = length;
	result->needs_csum = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	result->csum_start = result->needs_csum ? header->csum_start : 0;
	result->csum_offset = result->needs_csum ? header->csum_offset : 0;
}

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_results(const struct results *results)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (unsigned int i = 0; i < results->count; i++) {
		const struct result *result = &results->frame[i];
		uint8_t fields[8];

		driver_put32(fields, (uint32_t)result->length);
		driver_put16(fields + 4, result->csum_start);
		driver_put16(fields + 6, result->csum_offset);
		hash = hash_bytes(hash, fields, sizeof(fields));
		hash = hash_bytes(hash, result->bytes, result->length);
	}
	return hash;
}

static void build(struct driver_frame *frame, const struct golden *golden)
{
	driver_frame_build(frame, &golden->shape);
	if (golden->gso_type)
		driver_frame_gso(frame, golden->gso_type, golden->gso_size);
}

/* What we make of a case. */
static struct results *ours(const struct golden *golden)
{
	struct results *results = calloc(1, sizeof(*results));
	struct driver_frame *frame = malloc(sizeof(*frame));
	uint8_t *bytes = malloc(FRAME_MAX);
	struct iovec segment;
	struct vq_cursor cursor;
	struct offload offload;
	struct offload_piece piece;

	build(frame, golden);
	segment = (struct iovec){ frame->bytes, frame->length };
	vq_cursor_init(&cursor, &segment, 1);
	assert_int_equal(net_header_check(&frame->header, UINT64_MAX, frame->length),
			 NET_DELIVERED);
	assert_int_equal(offload_begin(&offload, &frame->header, &cursor,
				       golden->partial ? NET_BIT(VIRTIO_NET_F_GUEST_CSUM) : 0),
			 NET_DELIVERED);
	while (offload_next(&offload, &piece)) {
		assert_int_equal(driver_piece_copy(&piece, bytes), piece.length);
		assert_int_equal(piece.header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
		keep(results, bytes, piece.length, &piece.header);
	}
	free(bytes);
	free(frame);
	return results;
}

static void same_as_linux(void **state)
{
	(void)state;
	assert_true(CASES > 60);
	for (size_t i = 0; i < CASES; i++) {
		struct results *results = ours(&cases[i]);

		if (results->count != cases[i].count || hash_results(results) != cases[i].hash)
			fail_msg("case %zu: %u frames, hash %llx", i, results->count,
				 (unsigned long long)hash_results(results));
		release(results);
	}
}

/* -- the kernel of this machine ------------------------------------------------------ */

struct taps {
	int in, out;
};

static int open_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = NET_HEADER_SIZE, file = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (file < 0 || ioctl(file, TUNSETIFF, &request) || ioctl(file, TUNSETVNETHDRSZ, &header))
		return -1;
	return file;
}

static int bring_up(int control, const char *name)
{
	struct ifreq request = { .ifr_mtu = 65521 };

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(control, SIOCSIFMTU, &request))
		return -1;
	request.ifr_flags = IFF_UP | IFF_PROMISC;
	return ioctl(control, SIOCSIFFLAGS, &request);
}

static int add_port(int control, const char *name)
{
	struct ifreq request = { .ifr_ifindex = 0 };

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (ioctl(control, SIOCGIFINDEX, &request))
		return -1;
	snprintf(request.ifr_name, IFNAMSIZ, "br0");
	return ioctl(control, SIOCBRADDIF, &request);
}

/* Bridge netfilter, where it is built in, would cut frames to what their IP header says. */
static void no_bridge_netfilter(void)
{
	static const char *const names[] = { "iptables", "ip6tables", "arptables" };
	char path[64];

	for (unsigned int i = 0; i < 3; i++) {
		int file;

		snprintf(path, sizeof(path), "/proc/sys/net/bridge/bridge-nf-call-%s", names[i]);
		file = open(path, O_WRONLY | O_CLOEXEC);
		if (file >= 0 && write(file, "0", 1) != 1)
			printf("# %s: %s\n", path, strerror(errno));
		if (file >= 0)
			close(file);
	}
}

/* Two taps on a bridge, in a network namespace of their own. */
static int make_taps(struct taps *taps)
{
	int control, error;

	if (unshare(CLONE_NEWNET))
		return -1;
	no_bridge_netfilter();
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	taps->in = open_tap("t0");
	taps->out = open_tap("t1");
	error = taps->in < 0 || taps->out < 0 || ioctl(control, SIOCBRADDBR, "br0") ||
		bring_up(control, "t0") || bring_up(control, "t1") || add_port(control, "t0") ||
		add_port(control, "t1") || bring_up(control, "br0");
	close(control);
	return error;
}

static struct results *linux_makes(const struct taps *taps, const struct golden *golden)
{
	struct results *results = calloc(1, sizeof(*results));
	struct driver_frame *frame = malloc(sizeof(*frame));
	uint8_t header[NET_HEADER_SIZE], *bytes = malloc(FRAME_MAX + NET_HEADER_SIZE);
	struct iovec segments[2] = { { header, sizeof(header) }, { frame->bytes, 0 } };
	struct pollfd poll_out = { .fd = taps->out, .events = POLLIN };

	ioctl(taps->out, TUNSETOFFLOAD, golden->partial ? TUN_F_CSUM : 0);
	build(frame, golden);
	segments[1].iov_len = frame->length;
	net_header_build(header, &frame->header);
	if (writev(taps->in, segments, 2) < 0)
		printf("# write: %s\n", strerror(errno));
	while (poll(&poll_out, 1, 50) > 0) {
		ssize_t length = read(taps->out, bytes, FRAME_MAX + NET_HEADER_SIZE);
		struct net_header got = net_header_parse(bytes);

		/* the kernel's own frames (IPv6 discovery) have other addresses */
		if (length > NET_HEADER_SIZE + 14 &&
		    !memcmp(bytes + NET_HEADER_SIZE, frame->bytes, 12))
			keep(results, bytes + NET_HEADER_SIZE, (size_t)length - NET_HEADER_SIZE,
			     &got);
	}
	free(bytes);
	free(frame);
	return results;
}

static bool same(size_t index, const struct results *a, const struct results *b)
{
	if (a->count != b->count) {
		printf("# case %zu: %u frames, Linux %u\n", index, a->count, b->count);
		return false;
	}
	for (unsigned int i = 0; i < a->count; i++) {
		const struct result *x = &a->frame[i], *y = &b->frame[i];
		size_t at = 0;

		if (x->length != y->length || x->csum_start != y->csum_start ||
		    x->csum_offset != y->csum_offset) {
			printf("# case %zu.%u: length %zu, Linux %zu; sum %u+%u, Linux %u+%u\n",
			       index, i, x->length, y->length, x->csum_start, x->csum_offset,
			       y->csum_start, y->csum_offset);
			return false;
		}
		while (at < x->length && x->bytes[at] == y->bytes[at])
			at++;
		if (at < x->length) {
			printf("# case %zu frame %u byte %zu: %02x, Linux %02x\n", index, i, at,
			       x->bytes[at], y->bytes[at]);
			return false;
		}
	}
	return true;
}

static void same_as_this_kernel(void **state)
{
	const char *wanted = getenv("VT_TAP");
	unsigned int different = 0;
	struct taps taps = { -1, -1 };

	(void)state;
	assert_int_equal(make_taps(&taps), 0);
	usleep(300000);
	for (size_t i = 0; i < CASES; i++) {
		struct results *mine = ours(&cases[i]);
		struct results *theirs = linux_makes(&taps, &cases[i]);

		different += !same(i, mine, theirs);
		if (!strcmp(wanted, "print"))
			printf("@%zu %u 0x%016llx\n", i, theirs->count,
			       (unsigned long long)hash_results(theirs));
		release(mine);
		release(theirs);
	}
	close(taps.in);
	close(taps.out);
	assert_int_equal(different, 0);
}

int main(void)
{
	const struct CMUnitTest table[] = {
		cmocka_unit_test(same_as_linux),
	};
	const struct CMUnitTest live[] = {
		cmocka_unit_test(same_as_linux),
		cmocka_unit_test(same_as_this_kernel),
	};

	if (getenv("VT_TAP"))
		return cmocka_run_group_tests(live, NULL, NULL);
	return cmocka_run_group_tests(table, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio-net header and the configuration space: hardening cases 49 to 51, 53, 56, 58. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vduse/device/net.h"

#define NEEDS_CSUM VIRTIO_NET_HDR_F_NEEDS_CSUM
#define ALL UINT64_MAX

static enum net_drop check(struct net_header header, uint64_t features, size_t length)
{
	return net_header_check(&header, features, length);
}

static struct net_header gso(uint8_t type, uint16_t size)
{
	return (struct net_header){ .flags = NEEDS_CSUM, .gso_type = type, .gso_size = size,
				    .csum_start = 34, .csum_offset = 16 };
}

static void parse_and_build(void **state)
{
	const uint8_t bytes[NET_HEADER_SIZE] = { 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11 };
	struct net_header header = net_header_parse(bytes);
	uint8_t built[NET_HEADER_SIZE];

	(void)state;
	assert_int_equal(header.flags, 1);
	assert_int_equal(header.gso_type, 2);
	assert_int_equal(header.hdr_len, 0x304);
	assert_int_equal(header.gso_size, 0x506);
	assert_int_equal(header.csum_start, 0x708);
	assert_int_equal(header.csum_offset, 0x90a);
	assert_int_equal(header.num_buffers, 0xb0c);
	net_header_build(built, &header);
	assert_memory_equal(built, bytes, sizeof(bytes));
}

static void net_53_frame_lengths(void **state)
{
	struct net_header none = { 0 };

	(void)state;
	assert_int_equal(check(none, 0, 0), NET_DROP_SHORT);
	assert_int_equal(check(none, 0, 13), NET_DROP_SHORT);
	assert_int_equal(check(none, 0, 14), NET_DELIVERED);
	assert_int_equal(check(none, 0, 65550), NET_DELIVERED);
	assert_int_equal(check(none, 0, 65551), NET_DROP_LONG);
	assert_int_equal(check(none, 0, SIZE_MAX), NET_DROP_LONG);
}

static void net_49_checksum_beyond_the_frame(void **state)
{
	struct net_header header = { .flags = NEEDS_CSUM };

	(void)state;
	header.csum_start = 50;
	header.csum_offset = 8;
	assert_int_equal(check(header, ALL, 60), NET_DELIVERED);
	assert_int_equal(check(header, ALL, 59), NET_DROP_CHECKSUM);
	header.csum_offset = 9;
	assert_int_equal(check(header, ALL, 60), NET_DROP_CHECKSUM);
	header.csum_start = 65535;
	header.csum_offset = 65535;
	assert_int_equal(check(header, ALL, 65550), NET_DROP_CHECKSUM);
	header.csum_start = 1;
	assert_int_equal(check(header, ALL, 65537), NET_DROP_CHECKSUM);
	assert_int_equal(check(header, ALL, 65538), NET_DELIVERED);
	/* "the device MUST NOT use csum_start": 5.1.6.2.2 */
	header.flags = 0;
	assert_int_equal(check(header, ALL, 60), NET_DELIVERED);
}

static void net_49_checksum_not_negotiated(void **state)
{
	struct net_header header = { .flags = NEEDS_CSUM };

	(void)state;
	assert_int_equal(check(header, ALL & ~NET_BIT(VIRTIO_NET_F_CSUM), 60), NET_DROP_FEATURE);
	assert_int_equal(check(header, NET_BIT(VIRTIO_NET_F_CSUM), 60), NET_DELIVERED);
}

/* "The device MUST ignore flag bits that it does not recognize": 5.1.6.2.2 */
static void flags_that_a_sender_must_not_set_are_ignored(void **state)
{
	struct net_header header = { .flags = (uint8_t)~NEEDS_CSUM }, pass;

	(void)state;
	assert_int_equal(check(header, 0, 60), NET_DELIVERED);
	pass = net_header_pass(&header);
	assert_int_equal(pass.flags, 0);
	header.flags = 0xff;
	pass = net_header_pass(&header);
	assert_int_equal(pass.flags, NEEDS_CSUM);
}

static void net_50_unknown_types(void **state)
{
	(void)state;
	for (unsigned int type = 1; type < 256; type++) {
		bool tcp = (type & 0x7f) == 1 || (type & 0x7f) == 4;
		bool known = tcp || type == 3 || type == 5;

		assert_int_equal(check(gso((uint8_t)type, 1000), ALL, 5000),
				 known ? NET_DELIVERED : NET_DROP_GSO_TYPE);
	}
}

static void net_50_not_negotiated(void **state)
{
	static const struct {
		uint8_t type;
		unsigned int bit;
	} rule[] = {
		{ VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_F_HOST_TSO4 },
		{ VIRTIO_NET_HDR_GSO_TCPV6, VIRTIO_NET_F_HOST_TSO6 },
		{ VIRTIO_NET_HDR_GSO_UDP, VIRTIO_NET_F_HOST_UFO },
		{ VIRTIO_NET_HDR_GSO_UDP_L4, VIRTIO_NET_F_HOST_USO },
		{ VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_F_HOST_ECN },
		{ VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN, VIRTIO_NET_F_HOST_ECN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		assert_int_equal(check(gso(rule[i].type, 1), ALL & ~NET_BIT(rule[i].bit), 5000),
				 NET_DROP_FEATURE);
		assert_int_equal(check(gso(rule[i].type, 1),
				       NET_BIT(VIRTIO_NET_F_CSUM) | NET_BIT(rule[i].bit) |
					       NET_BIT(VIRTIO_NET_F_HOST_TSO4) |
					       NET_BIT(VIRTIO_NET_F_HOST_TSO6), 5000),
				 NET_DELIVERED);
	}
}

static void net_50_gso_without_checksum(void **state)
{
	struct net_header header = gso(VIRTIO_NET_HDR_GSO_TCPV4, 1000);

	(void)state;
	header.flags = 0;
	assert_int_equal(check(header, ALL, 5000), NET_DROP_GSO_TYPE);
}

static void net_50_gso_size(void **state)
{
	(void)state;
	assert_int_equal(check(gso(VIRTIO_NET_HDR_GSO_TCPV4, 0), ALL, 5000), NET_DROP_GSO_SIZE);
	assert_int_equal(check(gso(VIRTIO_NET_HDR_GSO_TCPV4, 1), ALL, 5000), NET_DELIVERED);
	assert_int_equal(check(gso(VIRTIO_NET_HDR_GSO_TCPV4, 65534), ALL, 5000), NET_DELIVERED);
	assert_int_equal(check(gso(VIRTIO_NET_HDR_GSO_TCPV4, 65535), ALL, 5000),
			 NET_DROP_GSO_SIZE);
}

static void net_50_header_length_over_the_frame(void **state)
{
	struct net_header header = gso(VIRTIO_NET_HDR_GSO_TCPV4, 1000);

	(void)state;
	header.hdr_len = 5000;
	assert_int_equal(check(header, ALL, 5000), NET_DELIVERED);
	header.hdr_len = 5001;
	assert_int_equal(check(header, ALL, 5000), NET_DROP_GSO_HEADER);
	/* a hint that is only looked at where it is used: 5.1.6.2.2 */
	header.gso_type = 0;
	assert_int_equal(check(header, ALL, 5000), NET_DELIVERED);
}

static void net_51_num_buffers_is_ours(void **state)
{
	struct net_header header = { .num_buffers = 77 };

	(void)state;
	assert_int_equal(check(header, 0, 60), NET_DELIVERED);
	assert_int_equal(net_header_pass(&header).num_buffers, 1);
}

static void pass_takes_only_what_is_in_use(void **state)
{
	struct net_header header = { .flags = NEEDS_CSUM, .csum_start = 1, .csum_offset = 2,
				     .hdr_len = 3, .gso_size = 4 };
	struct net_header pass = net_header_pass(&header);

	(void)state;
	assert_int_equal(pass.csum_start, 1);
	assert_int_equal(pass.csum_offset, 2);
	assert_int_equal(pass.hdr_len, 0);
	assert_int_equal(pass.gso_size, 0);
	header.flags = 0;
	header.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	pass = net_header_pass(&header);
	assert_int_equal(pass.csum_start, 0);
	assert_int_equal(pass.csum_offset, 0);
	assert_int_equal(pass.hdr_len, 3);
	assert_int_equal(pass.gso_size, 4);
	assert_int_equal(pass.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
}

static void net_56_actions(void **state)
{
	struct net_header plain = { 0 }, partial = { .flags = NEEDS_CSUM };
	struct net_header big = gso(VIRTIO_NET_HDR_GSO_UDP_L4, 1000);
	uint64_t csum = NET_BIT(VIRTIO_NET_F_GUEST_CSUM);

	(void)state;
	assert_int_equal(net_receiver_action(&plain, 0, 0), NET_PASS);
	assert_int_equal(net_receiver_action(&partial, 0, 0), NET_COMPLETE);
	assert_int_equal(net_receiver_action(&partial, csum, 0), NET_PASS);
	assert_int_equal(net_receiver_action(&big, csum, 4), NET_SEGMENT);
	assert_int_equal(net_receiver_action(&big, csum | NET_BIT(VIRTIO_NET_F_GUEST_USO4), 4),
			 NET_PASS);
	assert_int_equal(net_receiver_action(&big, csum | NET_BIT(VIRTIO_NET_F_GUEST_USO4), 6),
			 NET_SEGMENT);
	assert_int_equal(net_receiver_action(&big, csum | NET_BIT(VIRTIO_NET_F_GUEST_USO6), 6),
			 NET_PASS);
	assert_int_equal(net_receiver_action(&big, NET_BIT(VIRTIO_NET_F_GUEST_USO6), 6),
			 NET_SEGMENT);
}

static void mtu_of_the_receiver(void **state)
{
	struct net_side receiver = { .features = NET_BIT(VIRTIO_NET_F_MTU), .mtu = 1500 };

	(void)state;
	assert_false(net_over_mtu(&receiver, 1514, 0));
	assert_true(net_over_mtu(&receiver, 1515, 0));
	assert_false(net_over_mtu(&receiver, 1518, 1));
	assert_true(net_over_mtu(&receiver, 1523, 2));
	receiver.features = 0;
	assert_false(net_over_mtu(&receiver, 65550, 0));
}

static void features_that_need_others(void **state)
{
	static const struct {
		unsigned int bit;
		unsigned int needs[2];
	} rule[] = {
		{ VIRTIO_NET_F_GUEST_TSO4, { VIRTIO_NET_F_GUEST_CSUM } },
		{ VIRTIO_NET_F_GUEST_TSO6, { VIRTIO_NET_F_GUEST_CSUM } },
		{ VIRTIO_NET_F_GUEST_UFO, { VIRTIO_NET_F_GUEST_CSUM } },
		{ VIRTIO_NET_F_GUEST_USO4, { VIRTIO_NET_F_GUEST_CSUM } },
		{ VIRTIO_NET_F_GUEST_USO6, { VIRTIO_NET_F_GUEST_CSUM } },
		{ VIRTIO_NET_F_HOST_TSO4, { VIRTIO_NET_F_CSUM } },
		{ VIRTIO_NET_F_HOST_TSO6, { VIRTIO_NET_F_CSUM } },
		{ VIRTIO_NET_F_HOST_UFO, { VIRTIO_NET_F_CSUM } },
		{ VIRTIO_NET_F_HOST_USO, { VIRTIO_NET_F_CSUM } },
	};
	uint64_t ecn = NET_BIT(VIRTIO_NET_F_GUEST_ECN), host = NET_BIT(VIRTIO_NET_F_HOST_ECN);

	(void)state;
	assert_int_equal(net_features_unmet(0), 0);
	assert_int_equal(net_features_unmet(UINT64_MAX), 0);
	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++) {
		uint64_t bit = NET_BIT(rule[i].bit);

		assert_int_equal(net_features_unmet(bit), bit);
		assert_int_equal(net_features_unmet(bit | NET_BIT(rule[i].needs[0])), 0);
	}
	assert_int_equal(net_features_unmet(ecn), ecn);
	assert_int_equal(net_features_unmet(host), host);
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t tso = NET_BIT(i ? VIRTIO_NET_F_GUEST_TSO4 : VIRTIO_NET_F_GUEST_TSO6);
		uint64_t send = NET_BIT(i ? VIRTIO_NET_F_HOST_TSO4 : VIRTIO_NET_F_HOST_TSO6);

		assert_int_equal(net_features_unmet(ecn | tso |
						    NET_BIT(VIRTIO_NET_F_GUEST_CSUM)), 0);
		assert_int_equal(net_features_unmet(host | send | NET_BIT(VIRTIO_NET_F_CSUM)), 0);
	}
}

static const struct net_config_values good = {
	.mac = { 2, 1, 2, 3, 4, 5 }, .link_up = true, .mtu = 1500, .speed = 10000, .duplex = 1,
};

static void config_space(void **state)
{
	struct virtio_net_config config;
	struct net_config_values values = good;
	uint8_t bytes[NET_CONFIG_SIZE];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(net_config_build(&values, bytes), 0);
	memcpy(&config, bytes, sizeof(config));
	assert_memory_equal(config.mac, values.mac, 6);
	assert_int_equal(le16toh(config.status), VIRTIO_NET_S_LINK_UP);
	assert_int_equal(le16toh(config.max_virtqueue_pairs), 1);
	assert_int_equal(le16toh(config.mtu), 1500);
	assert_int_equal(le32toh(config.speed), 10000);
	assert_int_equal(config.duplex, 1);
	for (size_t i = 17; i < NET_CONFIG_SIZE; i++)
		assert_int_equal(bytes[i], 0);
	values.link_up = false;
	assert_int_equal(net_config_build(&values, bytes), 0);
	assert_int_equal(bytes[6], 0);
}

static void expect_refused(const struct net_config_values *values)
{
	uint8_t bytes[NET_CONFIG_SIZE], before[NET_CONFIG_SIZE];

	memset(bytes, 0x5a, sizeof(bytes));
	memset(before, 0x5a, sizeof(before));
	assert_int_equal(net_config_build(values, bytes), -EINVAL);
	assert_memory_equal(bytes, before, sizeof(bytes));
}

static void ctl_58_config_values(void **state)
{
	struct net_config_values values = good;
	uint8_t bytes[NET_CONFIG_SIZE];

	(void)state;
	values.mac[0] = 3;
	expect_refused(&values);
	memset(values.mac, 0, 6);
	expect_refused(&values);
	memset(values.mac, 0xff, 6);
	expect_refused(&values);
	values = good;
	values.mtu = 67;
	expect_refused(&values);
	values.mtu = 68;
	assert_int_equal(net_config_build(&values, bytes), 0);
	values = good;
	values.speed = 0x80000000;
	expect_refused(&values);
	values.speed = 0x7fffffff;
	assert_int_equal(net_config_build(&values, bytes), 0);
	values.speed = UINT32_MAX;
	assert_int_equal(net_config_build(&values, bytes), 0);
	values.duplex = 2;
	expect_refused(&values);
	values.duplex = 0xfe;
	expect_refused(&values);
	values.duplex = 0xff;
	assert_int_equal(net_config_build(&values, bytes), 0);
}

static void every_cause_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < NET_DROPS; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(net_drop_text(i), net_drop_text(j));
	assert_non_null(net_drop_text(NET_DROPS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_and_build),
		cmocka_unit_test(net_53_frame_lengths),
		cmocka_unit_test(net_49_checksum_beyond_the_frame),
		cmocka_unit_test(net_49_checksum_not_negotiated),
		cmocka_unit_test(flags_that_a_sender_must_not_set_are_ignored),
		cmocka_unit_test(net_50_unknown_types),
		cmocka_unit_test(net_50_not_negotiated),
		cmocka_unit_test(net_50_gso_without_checksum),
		cmocka_unit_test(net_50_gso_size),
		cmocka_unit_test(net_50_header_length_over_the_frame),
		cmocka_unit_test(net_51_num_buffers_is_ours),
		cmocka_unit_test(pass_takes_only_what_is_in_use),
		cmocka_unit_test(net_56_actions),
		cmocka_unit_test(mtu_of_the_receiver),
		cmocka_unit_test(features_that_need_others),
		cmocka_unit_test(config_space),
		cmocka_unit_test(ctl_58_config_values),
		cmocka_unit_test(every_cause_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vdpa_test: vDPA devices for tests, made by the kernel itself.
 *
 * The only management device of Debian's cloud kernel is vduse, which has no
 * statistics, no bus, no odd types, and takes no attribute. This module has four
 * that do; their devices move no data. testsuite/vm/module builds it, and in the
 * guest "insmod /usr/lib/vduse-tools-vm/vdpa_test.ko [PARAMETER=VALUE]..." loads it
 * (device.bash: test_module; module.bash).
 *
 *	test_net		network, no bus; mac, mtu, max_vqp, device_features
 *	platform/test_net.0	the same on a bus
 *	test_block		block; device_features
 *	test_odd		a type that the kernel cannot describe in a
 *				configuration: a dump of configurations ends there
 *
 * A network device has 1 to 8 pairs of virtqueues, one unless told, and with CTRL_VQ
 * a virtqueue more. It offers MTU, MAC, STATUS, VERSION_1 and ACCESS_PLATFORM, with
 * max_vqp also CTRL_VQ and MQ, or just the device_features that it was added with; its
 * link is up, its address, unless told, is 52:54:00:76:64:70, its MTU 1500. "dev set"
 * changes the address. A block device fills every field of its configuration with a
 * number of its own (device.c, set_up_block), and offers all features that these depend
 * on, read-only and flush among them. It has 4 virtqueues, one of an odd type 3.
 *
 * Drivers can be bound, virtio_vdpa and vhost_vdpa both, and virtio_net gives a
 * working interface that never sends a frame. A device answers nothing that a
 * driver puts on its virtqueues, and some drivers wait for an answer in their probe,
 * for ever: virtio_net that has MQ for its control command, virtio_blk for the
 * partition table. So the driver's features are refused where that would happen
 * (net_refuses, block_refuses); to a driver that does not wait they may be allowed.
 *
 * Parameters, each in /sys/module/vdpa_test/parameters as well, where all but
 * odd_type may be changed at any time, and have an effect on what is done next:
 *
 *	odd_type=42		the virtio device type of test_odd, 1 to 63
 *	add_error=0		"dev add" fails with this errno. (The kernel hands no
 *				extended acknowledgement to a management device for
 *				an add or a set; what it says there is its own.)
 *	set_error=0		"dev set" fails with this errno
 *	net_refuses=0x400000	a driver that takes one of these features is refused
 *	block_refuses=MASK	(EINVAL); all are, of a block device
 *	negotiated=0		a device that is added looks as if a driver had
 *				negotiated these features, until one really resets it
 *	stats_message=		the extended acknowledgement of "dev vstats show", any
 *				bytes, up to 1023; also where it succeeds. A line feed
 *				alone takes it back.
 *	stats_error=0		"dev vstats show" fails with this errno
 *	stats_count=0		so many statistics "counter_N" of value N follow
 *				received_desc and completed_desc
 *	stats_raw=		netlink attributes, in hexadecimal, up to 2000 bytes,
 *				that follow these: any name, any value, any mistake
 *	make=			write "MGMTDEV NAME" (no line feed behind it): adds a
 *				device of any name that the kernel takes, past all
 *				tools. MGMTDEV is one of the above, without its bus;
 *				"unmanaged": a network device of no management
 *				device, which stays until the module is removed
 *
 * The statistics of virtqueue N: received_desc is 2^64 - 1 - N, completed_desc is N.
 * A virtqueue that the device does not have: EINVAL with an extended
 * acknowledgement. The kernel itself asks the device for them only once features
 * are negotiated (EAGAIN), and only for a network device (EOPNOTSUPP).
 */
#ifndef VDPA_TEST_H
#define VDPA_TEST_H

#include <linux/vdpa.h>

#define PAIRS_MAX 8
#define QUEUES_MAX (2 * PAIRS_MAX + 1)

#define NET_FEATURES (BIT_ULL(VIRTIO_NET_F_MTU) | BIT_ULL(VIRTIO_NET_F_MAC) | \
		      BIT_ULL(VIRTIO_NET_F_STATUS) | BIT_ULL(VIRTIO_F_VERSION_1) | \
		      BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))
#define NET_PAIRS_FEATURES (BIT_ULL(VIRTIO_NET_F_CTRL_VQ) | BIT_ULL(VIRTIO_NET_F_MQ))
#define BLOCK_FEATURES (BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) | BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | \
			BIT_ULL(VIRTIO_BLK_F_RO) | BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | \
			BIT_ULL(VIRTIO_BLK_F_FLUSH) | BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) | \
			BIT_ULL(VIRTIO_BLK_F_MQ) | BIT_ULL(VIRTIO_BLK_F_DISCARD) | \
			BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) | \
			BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

struct queue {
	bool ready;
	struct vdpa_vq_state state;
};

struct test_device {
	struct vdpa_device vdpa;
	struct list_head unmanaged;	/* manager.c: in the list of those */
	u32 type;
	u32 queue_count;
	u64 features;
	u64 driver_features;
	u8 status;
	union {
		struct virtio_net_config net;
		struct virtio_blk_config block;
	} config;
	size_t config_size;
	struct queue queues[QUEUES_MAX];
};

static inline struct test_device *of_vdpa(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct test_device, vdpa);
}

static inline bool given(const struct vdpa_dev_set_config *config, int attribute)
{
	return config->mask & BIT_ULL(attribute);
}

/*
 * A device of @mdev's type called @name, not registered yet and freed by
 * put_device(); or an ERR_PTR: -EINVAL where @config has what it cannot be, -ENOMEM
 * (device.c).
 */
struct test_device *test_device_new(struct vdpa_mgmt_dev *mdev, const char *name,
				    const struct vdpa_dev_set_config *config);

/* What bus drivers ask of it (operations.c), and its get_vendor_vq_stats
 * (statistics.c). */
extern const struct vdpa_config_ops test_device_ops;
int test_statistics(struct vdpa_device *vdpa, u16 index, struct sk_buff *message,
		    struct netlink_ext_ack *extack);

#endif

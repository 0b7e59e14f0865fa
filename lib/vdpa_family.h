/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The questions of the vdpa family, each with its answers turned into sentences.
 *
 * Every call here may be kept waiting by the kernel, uninterruptibly, while another
 * caller's add waits for a device process: see lib/blocking.h.
 */
#ifndef VT_LIB_VDPA_FAMILY_H
#define VT_LIB_VDPA_FAMILY_H

#include "lib/buffer.h"
#include "lib/error.h"
#include "lib/netlink.h"
#include "lib/sysfs.h"
#include "lib/vdpa_message.h"

/*
 * Open the family; netlink_close() is due only after success. 0, or negative with
 * @failure: STATUS_UNSUPPORTED where there is none, with the module to load or, where
 * /sys/bus/vdpa is there nonetheless, the network namespace as the reason.
 */
int vdpa_family_open(const struct sysfs *fs, struct netlink *netlink,
		     struct failure *failure);

/* There is no vDPA bus in the kernel: status 7, how to load it. Returns -ENODEV. */
int vdpa_explain_missing(struct failure *failure);

/*
 * VDPA_CMD_MGMTDEV_GET of one (@handle) or of all (NULL): messages for
 * vdpa_parse_mgmtdev() in @answer, freed by the caller. 0, or negative with @failure.
 */
int vdpa_get_mgmtdev(struct netlink *netlink, const struct vdpa_handle *handle,
		     struct buffer *answer, struct failure *failure);

/* VDPA_CMD_DEV_GET of one (@name) or of all (NULL), for vdpa_parse_device(). */
int vdpa_get_device(struct netlink *netlink, const char *name, struct buffer *answer,
		    struct failure *failure);

/* VDPA_CMD_DEV_CONFIG_GET of one, for vdpa_parse_config(). */
int vdpa_get_config(struct netlink *netlink, const char *name, struct buffer *answer,
		    struct failure *failure);

/*
 * VDPA_CMD_DEV_VSTATS_GET of virtqueue @queue of device @name, for vdpa_parse_vstats()
 * and vdpa_next_statistic() in @answer, freed by the caller. 0, or negative with
 * @failure: -EAGAIN where no driver has negotiated features yet, -EOPNOTSUPP where the
 * device has no statistics.
 */
int vdpa_get_vstats(struct netlink *netlink, const char *name, uint16_t queue,
		    struct buffer *answer, struct failure *failure);

/* What VDPA_CMD_DEV_NEW makes. */
struct vdpa_new {
	const char *name;		/* 1 to 255 bytes */
	struct vdpa_handle mgmtdev;
	bool has_mac, has_mtu, has_max_vqp, has_features;
	uint8_t mac[6];
	uint16_t mtu, max_vqp;
	uint64_t features;
};

/*
 * VDPA_CMD_DEV_NEW. 0, or negative with @failure. Success does not mean that a driver
 * took the device (lib/vdpa_usable.h), and a bare EINVAL is all that the kernel says
 * about a VDUSE device whose process is not ready: returned as -EINVAL.
 */
int vdpa_new_device(struct netlink *netlink, const struct vdpa_new *device,
		    struct failure *failure);

/*
 * VDPA_CMD_DEV_ATTR_SET: give the device @name the address @mac. 0, or negative with
 * @failure: -EOPNOTSUPP where the kernel is older than the command (6.12), or the
 * device's maker does not know how.
 */
int vdpa_set_mac(struct netlink *netlink, const char *name, const uint8_t mac[6],
		 struct failure *failure);

/* VDPA_CMD_DEV_DEL. 0, or negative with @failure. */
int vdpa_delete_device(struct netlink *netlink, const char *name, struct failure *failure);

#endif

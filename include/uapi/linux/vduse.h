/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VDUSE interface as far as these tools use it, on top of the system's header.
 *
 * Debian 12 has the header of Linux 6.1. What came later is added here, under the
 * kernel's own name where it is a macro that can be tested for, and under a name of
 * ours ("vduse_tools_") where it is a structure, an enumerator or a layout that
 * changed: API version 1 (Linux 7.0) gave meaning to words that were reserved, so
 * the same structure name means two layouts, depending on the header installed.
 *
 * The sizes below are those of the ioctl numbers on every 64-bit machine; a compiler
 * that lays the structures out otherwise is refused.
 */
#ifndef VT_UAPI_LINUX_VDUSE_H
#define VT_UAPI_LINUX_VDUSE_H

#include_next <linux/vduse.h>

#include <assert.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <stddef.h>

#ifndef VDUSE_API_VERSION_1
#define VDUSE_API_VERSION_1	1
#endif

/* What one CREATE_DEV gives for a device's configuration space, at most a page. */
#define VDUSE_TOOLS_CONFIG_MAX	4096

/* Message types beyond the first three (enum vduse_req_type): 3 from Linux 7.0 to
 * devices of API version 1; 4 and 5 in trees that are newer still. */
#define VDUSE_TOOLS_SET_VQ_GROUP_ASID	3
#define VDUSE_TOOLS_SET_VQ_READY	4
#define VDUSE_TOOLS_SUSPEND		5

/* Control ioctls of trees newer than 7.0: features of the interface itself. */
#define VDUSE_TOOLS_GET_FEATURES	_IOR(VDUSE_BASE, 0x04, __u64)
#define VDUSE_TOOLS_SET_FEATURES	_IOW(VDUSE_BASE, 0x05, __u64)

/* CREATE_DEV, API version 1: struct vduse_dev_config with two of its words named. */
struct vduse_tools_dev_config_v1 {
	char name[VDUSE_NAME_MAX];
	__u32 vendor_id;
	__u32 device_id;
	__u64 features;
	__u32 vq_num;
	__u32 vq_align;
	__u32 ngroups;
	__u32 nas;
	__u32 reserved[11];
	__u32 config_size;
	__u8 config[];
};

/* VQ_SETUP, API version 1. */
struct vduse_tools_vq_config_v1 {
	__u32 index;
	__u16 max_size;
	__u16 reserved1;
	__u32 group;
	__u16 reserved2[10];
};

/* IOTLB_REG_UMEM and IOTLB_DEREG_UMEM, API version 1. */
struct vduse_tools_iova_umem_v1 {
	__u64 uaddr;
	__u64 iova;
	__u64 size;
	__u32 asid;
	__u32 reserved[5];
};

/* IOTLB_GET_INFO, API version 1. */
struct vduse_tools_iova_info_v1 {
	__u64 start;
	__u64 last;
	__u64 capability;
	__u32 asid;
	__u32 reserved[5];
};

/* IOTLB_GET_FD2, API version 1 only (ENOTTY before): struct vduse_iotlb_entry, flat,
 * and an address space. */
struct vduse_tools_iotlb_entry_v2 {
	__u64 offset;
	__u64 start;
	__u64 last;
	__u8 perm;
	__u8 padding[7];
	__u32 asid;
	__u32 reserved[11];
};

#define VDUSE_TOOLS_IOTLB_GET_FD2 \
	_IOWR(VDUSE_BASE, 0x1b, struct vduse_tools_iotlb_entry_v2)

/* Payload of UPDATE_IOTLB, API version 1 (struct vduse_dev_request, offset 24). */
struct vduse_tools_iova_range_v2 {
	__u64 start;
	__u64 last;
	__u32 asid;
	__u32 padding;
};

/* Payload of SET_VQ_GROUP_ASID. */
struct vduse_tools_vq_group_asid {
	__u32 group;
	__u32 asid;
};

static_assert(offsetof(struct vduse_dev_config, features) == 264, "CREATE_DEV features");
static_assert(offsetof(struct vduse_dev_config, config_size) == 332, "CREATE_DEV config_size");
static_assert(offsetof(struct vduse_dev_config, config) == 336, "CREATE_DEV config");
static_assert(offsetof(struct vduse_tools_dev_config_v1, ngroups) == 280, "CREATE_DEV v1");
static_assert(offsetof(struct vduse_tools_dev_config_v1, config) == 336, "CREATE_DEV v1");
static_assert(sizeof(struct vduse_iotlb_entry) == 32, "IOTLB_GET_FD");
static_assert(sizeof(struct vduse_config_data) == 8, "DEV_SET_CONFIG");
static_assert(sizeof(struct vduse_vq_config) == 32, "VQ_SETUP");
static_assert(sizeof(struct vduse_tools_vq_config_v1) == 32, "VQ_SETUP v1");
static_assert(offsetof(struct vduse_tools_vq_config_v1, group) == 8, "VQ_SETUP v1 group");
static_assert(sizeof(struct vduse_vq_info) == 48, "VQ_GET_INFO");
static_assert(offsetof(struct vduse_vq_info, ready) == 40, "VQ_GET_INFO ready");
static_assert(sizeof(struct vduse_vq_eventfd) == 8, "VQ_SETUP_KICKFD");
static_assert(sizeof(struct vduse_iova_umem) == 48, "IOTLB_REG_UMEM");
static_assert(sizeof(struct vduse_tools_iova_umem_v1) == 48, "IOTLB_REG_UMEM v1");
static_assert(sizeof(struct vduse_iova_info) == 48, "IOTLB_GET_INFO");
static_assert(sizeof(struct vduse_tools_iova_info_v1) == 48, "IOTLB_GET_INFO v1");
static_assert(offsetof(struct vduse_tools_iova_info_v1, asid) == 24, "IOTLB_GET_INFO asid");
static_assert(sizeof(struct vduse_tools_iotlb_entry_v2) == 80, "IOTLB_GET_FD2");
static_assert(offsetof(struct vduse_tools_iotlb_entry_v2, asid) == 32, "IOTLB_GET_FD2 asid");
static_assert(sizeof(struct vduse_dev_request) == 152, "request");
static_assert(offsetof(struct vduse_dev_request, vq_state) == 24, "request payload");
static_assert(sizeof(struct vduse_dev_response) == 152, "response");
static_assert(offsetof(struct vduse_dev_response, vq_state) == 24, "response payload");

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vdpa family's messages: bytes in, structure out.
 *
 * What the kernel sends is taken as it is meant, or not at all: an attribute of
 * another size than its number's counts as absent, an unknown or nested one is passed
 * over, the last of two equal ones wins, a string may lack its NUL. Only a record
 * without what it is about (its name; a device's type) is refused.
 */
#ifndef VT_LIB_VDPA_MESSAGE_H
#define VT_LIB_VDPA_MESSAGE_H

#include <linux/vdpa.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"

#define VDPA_NAME_SIZE 256	/* a sysfs name and its NUL */
#define VDPA_HANDLE_SIZE (2 * VDPA_NAME_SIZE)

/* Is attribute number @type there? All numbers are below 64. */
#define VDPA_HAS(record, type) (((record)->present >> (type)) & 1)

/* A management device: "vduse", "pci/0000:03:00.2". */
struct vdpa_handle {
	char bus[VDPA_NAME_SIZE];	/* "" for none */
	char name[VDPA_NAME_SIZE];
};

struct vdpa_mgmtdev {
	uint64_t present;	/* bit N: VDPA_ATTR number N */
	struct vdpa_handle handle;
	uint64_t classes;	/* bit N: virtio device type N */
	uint32_t max_vqs;
	uint64_t features;
};

struct vdpa_device {
	uint64_t present;
	char name[VDPA_NAME_SIZE];
	struct vdpa_handle mgmtdev;
	uint32_t type;		/* virtio device type */
	uint32_t vendor_id;
	uint32_t max_vqs;
	uint16_t max_vq_size;
	uint16_t min_vq_size;
};

/* The fields are those of struct virtio_net_config and struct virtio_blk_config
 * (virtio 1.2, 5.1.4 and 5.2.4), in their units. */
struct vdpa_config {
	uint64_t present;
	char name[VDPA_NAME_SIZE];
	uint32_t type;
	uint8_t mac[6];
	uint16_t status;
	uint16_t max_vqp;
	uint16_t mtu;
	uint64_t negotiated;
	uint64_t features;
	uint64_t capacity;
	uint32_t size_max, seg_max, blk_size, opt_io_size;
	uint16_t num_queues, min_io_size;
	uint8_t physical_block_exp, alignment_offset;
	uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
	uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
	uint8_t read_only, flush;
};

/* The counters of a virtqueue, as its driver (the kernel's, of the device) has them. */
struct vdpa_vstats {
	uint64_t present;
	char name[VDPA_NAME_SIZE];
	uint32_t type;
	uint32_t queue;		/* index of the virtqueue */
	uint16_t max_vqp;	/* only where negotiated has MQ or RSS */
	uint64_t negotiated;
};

struct vdpa_statistic {
	const char *name;	/* in the attributes; any bytes, none, no NUL at its end */
	size_t length;		/* of the name, in bytes */
	uint64_t value;
};

/*
 * @attributes (aligned to 4) are what stands behind the generic header, @length
 * bytes; netlink_next() gives both. 0, or -EBADMSG for a record without its name (a
 * device's and a configuration's also without type, a device's without manager). A
 * name of more than 255 bytes, which sysfs could not have, counts as none.
 */
int vdpa_parse_mgmtdev(const void *attributes, size_t length, struct vdpa_mgmtdev *mgmtdev);
int vdpa_parse_device(const void *attributes, size_t length, struct vdpa_device *device);
int vdpa_parse_config(const void *attributes, size_t length, struct vdpa_config *config);
int vdpa_parse_vstats(const void *attributes, size_t length, struct vdpa_vstats *vstats);

/*
 * The next of the statistics among the @length bytes of @attributes: a name
 * (VDPA_ATTR_DEV_VENDOR_ATTR_NAME) and the first value (VDPA_ATTR_DEV_VENDOR_ATTR_VALUE)
 * of 8 bytes behind it, before another name. A name without value and a value without
 * name are passed over. @offset begins with 0 and is moved on. false at the end.
 */
bool vdpa_next_statistic(const void *attributes, size_t length, size_t *offset,
			 struct vdpa_statistic *statistic);

/* "BUS/NAME" or "NAME" as typed. 0, or negative with @failure (STATUS_USAGE). */
int vdpa_handle_parse(const char *text, struct vdpa_handle *handle, struct failure *failure);

/* The same written; returns @text. */
const char *vdpa_handle_text(const struct vdpa_handle *handle, char text[VDPA_HANDLE_SIZE]);

/* true for the manager of VDUSE devices: no bus, "vduse". */
bool vdpa_handle_is_vduse(const struct vdpa_handle *handle);

/*
 * The word of the command line that an attribute stands for ("mac", "name"), NULL for
 * none.
 */
const char *vdpa_attribute_word(uint16_t type);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VDUSE device is created as, and what must not be created.
 *
 * The kernel takes a definition once (CREATE_DEV) and never tells it again. It also
 * takes definitions that no driver can work with; those are refused here, with the
 * reason. Everything here is pure.
 */
#ifndef VT_LIB_VDUSE_DEFINITION_H
#define VT_LIB_VDUSE_DEFINITION_H

#include <stdint.h>

#include "lib/error.h"
#include "lib/features.h"
#include "lib/parse.h"

struct vduse_definition {
	char name[DEVICE_NAME_MAX + 1];
	uint32_t type;		/* DEVICE_TYPE_NET or DEVICE_TYPE_BLOCK */
	uint32_t vendor;
	uint64_t features;	/* offered */
	uint32_t vqs;
	uint32_t vq_align;	/* bytes */
	uint8_t mac[6];		/* net with the feature MAC, else zero */
	uint16_t mtu;		/* net with the feature MTU, else 0 */
	uint64_t size;		/* block: bytes, else 0 */
};

/* Ranges of the words of "vduse create", both ends inclusive. */
#define VDUSE_VQS_MAX 65535	/* vduse_validate_config() in vduse_dev.c */
#define VDUSE_ALIGN_MIN 4
#define VDUSE_ALIGN_MAX 4096
#define VDUSE_MTU_MIN 68		/* the least that IPv4 works with: RFC 791 */
#define VDUSE_MTU_MAX 65535
#define VDUSE_SIZE_MAX UINT64_C(0x7ffffffffffffe00)	/* whole sectors within loff_t */
#define VDUSE_SECTOR 512
#define VDUSE_BOUNCE_MIN (UINT64_C(1) << 20)	/* VDUSE_MIN_BOUNCE_SIZE in vduse_dev.c */
#define VDUSE_BOUNCE_MAX (UINT64_C(1) << 30)
#define VDUSE_BOUNCE_NET_MIN (UINT64_C(4) << 20)
/* 0 would mean to wait for ever; more seconds than this overflow a 32-bit kernel's
 * count of milliseconds. */
#define VDUSE_TIMEOUT_MIN 1
#define VDUSE_TIMEOUT_MAX 2147483

/* "net" or "block"; NULL for every other type. */
const char *vduse_type_name(uint32_t type);

/* The virtio device type called @name, DEVICE_TYPE_NONE where there is none. */
uint32_t vduse_type_by_name(const char *name);

/* What a device of @type offers unless its creator says otherwise. */
uint64_t vduse_default_features(uint32_t type);

/*
 * Fill @definition with the defaults of @type (DEVICE_TYPE_NET or
 * DEVICE_TYPE_BLOCK) for a device called @name (at most 255 bytes are taken). The
 * address is zero: it is the creator's to choose, see vduse_derive_mac().
 */
void vduse_definition_default(struct vduse_definition *definition, const char *name,
			      uint32_t type);

/*
 * The word FEATURES of a create (lib/features.h). The two features that VDUSE asks of
 * every device are added to a list of names, which says what a device can do; a mask
 * is taken as it is, and so is a change that takes one of them away. 0, or negative
 * with @failure (status 2).
 */
int vduse_features_read(const char *text, uint32_t type, uint64_t *features,
			struct failure *failure);

/*
 * Is this a device that this kernel family takes and that a driver can use? 0, or
 * -EINVAL with the reason in @failure (status 2).
 */
int vduse_definition_check(const struct vduse_definition *definition,
			   struct failure *failure);

/*
 * May a device of @type have a bounce buffer of @bytes? @page is the size of a page:
 * the kernel rounds down to whole pages without a word. 0, or -EINVAL with @failure
 * (status 2).
 */
int vduse_bounce_size_check(const char *name, uint32_t type, uint64_t bytes,
			    uint64_t page, struct failure *failure);

/*
 * A locally administered unicast address for the device called @name on the machine
 * that @machine (any text, by preference /etc/machine-id) tells from others: the same
 * for the same two, whatever else happens.
 */
void vduse_derive_mac(const char *machine, const char *name, uint8_t mac[6]);

/* FNV-1a over @text going on from @hash; begin with HASH_START. No defence against
 * someone who looks for collisions. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_text(uint64_t hash, const char *text);

#endif

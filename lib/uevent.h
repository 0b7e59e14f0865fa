/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel says of a device that comes, goes or gets a driver: bytes in, structure
 * out. Nothing is copied, nothing is asked.
 *
 *	add@/devices/virtual/vduse/lo0<NUL>ACTION=add<NUL>DEVPATH=/devices/virtual/vduse/lo0<NUL>
 *	SUBSYSTEM=vduse<NUL>MAJOR=243<NUL>MINOR=1<NUL>DEVNAME=vduse/lo0<NUL>SEQNUM=703<NUL>
 *
 * (kobject_uevent_env() and alloc_uevent_skb() in lib/kobject_uevent.c.)
 */
#ifndef VT_LIB_UEVENT_H
#define VT_LIB_UEVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Two times the kernel's UEVENT_BUFFER_SIZE, for the path stands in it twice, and the
 * longest action with its '@' and NUL. */
#define UEVENT_SIZE_MAX (2 * 2048 + 16)

enum uevent_action {
	UEVENT_OTHER,		/* change, online, offline, or a newer one */
	UEVENT_ADD,
	UEVENT_REMOVE,
	UEVENT_BIND,
	UEVENT_UNBIND,
	UEVENT_MOVE,		/* it has another name, or another parent */
};

/* Texts are "" and numbers 0 for what the event has not. */
struct uevent {
	enum uevent_action action;
	const char *devpath;	/* below /sys; begins with '/' */
	const char *subsystem;
	const char *driver;
	const char *interface;	/* of a network interface; its new name where it moved */
	uint64_t ifindex;
	uint64_t major, minor;
	uint64_t seqnum;
	bool synthetic;		/* somebody wrote to a file "uevent" in sysfs */
};

/*
 * Understand the @length bytes of one message. 0 with @uevent filled, its texts pointing
 * into @bytes; or -EBADMSG with @uevent unchanged: no NUL at the end, over UEVENT_SIZE_MAX,
 * no path, no ACTION or SUBSYSTEM, or a head that its own lines contradict. Where a key
 * stands twice the first counts: the kernel adds its own words before a driver's.
 */
int uevent_parse(const char *bytes, size_t length, struct uevent *uevent);

/* The last component of @path: the device's name as sysfs spells it ('!' for '/'). */
const char *uevent_name(const char *path);

/*
 * Does @path, @levels components shorter, equal @parent? With 2 levels
 * "/devices/x/virtio0/net/eth0" is a child of "/devices/x/virtio0".
 */
bool uevent_is_below(const char *path, const char *parent, unsigned int levels);

#endif

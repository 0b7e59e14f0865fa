/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Strict values: a number, an address or a name is taken whole or not at all.
 * Everything here is pure: bytes in, structure out.
 */
#ifndef VT_LIB_PARSE_H
#define VT_LIB_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

/* The longest device name that the kernel takes, in bytes without the NUL
 * (VDUSE_NAME_MAX - 1 in <linux/vduse.h>). */
#define DEVICE_NAME_MAX 255

/*
 * A decimal or 0x number between @min and @max inclusive. No sign, no blank, no
 * trailing character, no octal: "010" is ten. 0 or -EINVAL / -ERANGE.
 */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

/*
 * Six colon-separated hexadecimal octets of one or two digits each, unicast and
 * not zero (a multicast or zero address cannot be a station's own). 0 or -EINVAL;
 * *@reason (@reason may be NULL) is
 * then a static sentence, else NULL.
 */
int parse_mac(const char *text, uint8_t mac[6], const char **reason);

/*
 * May a device of ours be called this? [A-Za-z0-9_.-], 1 to 255 bytes, not
 * starting with '-' or '.', and none of the names that the kernel takes and then
 * breaks on (sysfs attributes of the class device: "power", "dev", "msg_timeout",
 * "vq0" ...; the node "control"). Returns NULL when it may, else a static
 * sentence that says what is wrong.
 */
const char *name_refused(const char *name);

/* true for 1 to 255 bytes: any name that the kernel could have. */
bool name_possible(const char *name);

#endif

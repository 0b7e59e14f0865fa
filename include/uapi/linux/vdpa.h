/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Debian 12's <linux/vdpa.h> (Linux 6.1) lacks, on top of it.
 *
 * The system's header has enumerations, which the preprocessor does not see; the
 * names below are macros of the same value, so a newer system header may have them
 * as well.
 */
#ifndef VT_UAPI_LINUX_VDPA_H
#define VT_UAPI_LINUX_VDPA_H

#include_next <linux/vdpa.h>

/* Linux 6.12 */
#ifndef VDPA_CMD_DEV_ATTR_SET
#define VDPA_CMD_DEV_ATTR_SET 8
#endif

/*
 * Linux 6.9: the configuration of a block device. Linux 6.1's header called number
 * 21 VDPA_ATTR_VDPA_DEV_SUPPORTED_FEATURES, which no kernel ever sent.
 */
#ifndef VDPA_ATTR_DEV_BLK_CFG_CAPACITY
#define VDPA_ATTR_DEV_BLK_CFG_CAPACITY 21		/* u64, sectors of 512 bytes */
#define VDPA_ATTR_DEV_BLK_CFG_SEG_SIZE 22		/* u32, bytes */
#define VDPA_ATTR_DEV_BLK_CFG_BLK_SIZE 23		/* u32, bytes */
#define VDPA_ATTR_DEV_BLK_CFG_SEG_MAX 24		/* u32 */
#define VDPA_ATTR_DEV_BLK_CFG_NUM_QUEUES 25		/* u16 */
#define VDPA_ATTR_DEV_BLK_CFG_PHY_BLK_EXP 26		/* u8 */
#define VDPA_ATTR_DEV_BLK_CFG_ALIGN_OFFSET 27		/* u8, logical blocks */
#define VDPA_ATTR_DEV_BLK_CFG_MIN_IO_SIZE 28		/* u16, logical blocks */
#define VDPA_ATTR_DEV_BLK_CFG_OPT_IO_SIZE 29		/* u32, logical blocks */
#define VDPA_ATTR_DEV_BLK_CFG_MAX_DISCARD_SEC 30	/* u32, sectors of 512 bytes */
#define VDPA_ATTR_DEV_BLK_CFG_MAX_DISCARD_SEG 31	/* u32 */
#define VDPA_ATTR_DEV_BLK_CFG_DISCARD_SEC_ALIGN 32	/* u32, sectors of 512 bytes */
#define VDPA_ATTR_DEV_BLK_CFG_MAX_WRITE_ZEROES_SEC 33	/* u32, sectors of 512 bytes */
#define VDPA_ATTR_DEV_BLK_CFG_MAX_WRITE_ZEROES_SEG 34	/* u32 */
#define VDPA_ATTR_DEV_BLK_CFG_READ_ONLY 35		/* u8 */
#define VDPA_ATTR_DEV_BLK_CFG_FLUSH 36			/* u8 */
#endif

#endif

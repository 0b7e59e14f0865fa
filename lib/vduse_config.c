// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/vduse_config.h"

#include <assert.h>
#include <endian.h>
#include <linux/virtio_net.h>
#include <string.h>

/* struct virtio_blk_config whole: Debian 12's header ends before the zones. */
struct block_config {
	uint64_t capacity;		/* sectors of 512 bytes */
	uint32_t size_max;
	uint32_t seg_max;
	uint16_t cylinders;
	uint8_t heads;
	uint8_t sectors;
	uint32_t blk_size;
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t wce;
	uint8_t unused;
	uint16_t num_queues;
	uint32_t max_discard_sectors;
	uint32_t max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors;
	uint32_t max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
	uint32_t max_secure_erase_sectors;
	uint32_t max_secure_erase_seg;
	uint32_t secure_erase_sector_alignment;
	uint32_t zone_sectors;		/* model 0, not zoned, is all that is ever said */
	uint32_t max_open_zones;
	uint32_t max_active_zones;
	uint32_t max_append_sectors;
	uint32_t write_granularity;
	uint8_t zone_model;
	uint8_t unused2[3];
} __attribute__((packed));

static_assert(sizeof(struct virtio_net_config) == 24, "virtio 1.2, 5.1.4");
static_assert(sizeof(struct block_config) == 96, "virtio 1.2, 5.2.4, and the zones");
static_assert(sizeof(struct block_config) <= VDUSE_CONFIG_SIZE, "buffer");

/* A request of the largest size that fits a signed 32-bit count of bytes. */
#define SECTORS_MAX (INT32_MAX >> 9)
/* A header and a status byte take two descriptors of the smallest usual virtqueue. */
#define SEGMENTS_MAX (128 - 2)
#define SEGMENT_SIZE_MAX 65536

static size_t encode_net(const struct vduse_definition *definition, uint8_t *bytes)
{
	struct virtio_net_config config = { .max_virtqueue_pairs = htole16(1) };

	memcpy(config.mac, definition->mac, sizeof(config.mac));
	config.mtu = htole16(definition->mtu);
	/* LINK_UP alone: ANNOUNCE in it stops Linux 6.12 (virtio_net asks CTRL_VQ). */
	if (definition->features & FEATURE(VIRTIO_NET_F_STATUS))
		config.status = htole16(VIRTIO_NET_S_LINK_UP);
	if (definition->features & FEATURE(VIRTIO_NET_F_SPEED_DUPLEX)) {
		config.speed = htole32(VDUSE_NET_SPEED);
		config.duplex = 1;
	}
	memcpy(bytes, &config, sizeof(config));
	return sizeof(config);
}

/*
 * Fields whose feature is offered must not be left at zero: the driver takes a
 * size_max or a secure erase alignment of 0 at its word and gives up.
 */
static void encode_block_limits(uint64_t features, struct block_config *config)
{
	if (features & FEATURE(1))	/* SIZE_MAX */
		config->size_max = htole32(SEGMENT_SIZE_MAX);
	if (features & FEATURE(2))	/* SEG_MAX */
		config->seg_max = htole32(SEGMENTS_MAX);
	if (features & FEATURE(6))	/* BLK_SIZE */
		config->blk_size = htole32(VDUSE_SECTOR);
	if (features & FEATURE(10))	/* TOPOLOGY */
		config->min_io_size = htole16(1);
	if (features & FEATURE(13)) {	/* DISCARD */
		config->max_discard_sectors = htole32(SECTORS_MAX);
		config->max_discard_seg = htole32(1);
		config->discard_sector_alignment = htole32(1);
	}
	if (features & FEATURE(14)) {	/* WRITE_ZEROES */
		config->max_write_zeroes_sectors = htole32(SECTORS_MAX);
		config->max_write_zeroes_seg = htole32(1);
	}
	if (features & FEATURE(16)) {	/* SECURE_ERASE */
		config->max_secure_erase_sectors = htole32(SECTORS_MAX);
		config->max_secure_erase_seg = htole32(1);
		config->secure_erase_sector_alignment = htole32(1);
	}
}

/* 64 heads of 32 sectors, as the driver itself assumes where it is told nothing. */
static void encode_geometry(uint64_t sectors, struct block_config *config)
{
	uint64_t cylinders = sectors >> 11;

	config->heads = 64;
	config->sectors = 32;
	config->cylinders = htole16(cylinders > UINT16_MAX ? UINT16_MAX : cylinders);
}

static size_t encode_block(const struct vduse_definition *definition, uint8_t *bytes)
{
	uint64_t sectors = definition->size / VDUSE_SECTOR;
	struct block_config config = { .capacity = htole64(sectors) };

	if (definition->features & FEATURE(4))	/* GEOMETRY */
		encode_geometry(sectors, &config);
	if (definition->features & FEATURE(12))	/* MQ */
		config.num_queues = htole16(definition->vqs);
	encode_block_limits(definition->features, &config);
	memcpy(bytes, &config, sizeof(config));
	return sizeof(config);
}

size_t vduse_config_encode(const struct vduse_definition *definition,
			   uint8_t config[VDUSE_CONFIG_SIZE])
{
	memset(config, 0, VDUSE_CONFIG_SIZE);
	switch (definition->type) {
	case DEVICE_TYPE_NET:
		return encode_net(definition, config);
	case DEVICE_TYPE_BLOCK:
		return encode_block(definition, config);
	default:
		return 0;
	}
}

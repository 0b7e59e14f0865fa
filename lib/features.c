// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/features.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/parse.h"

/* Bits 0 to 23 and 50 to 63 belong to the device type (virtio 1.2, 2.2). */
static const char *const net_names[64] = {
	[0] = "CSUM",
	[1] = "GUEST_CSUM",
	[2] = "CTRL_GUEST_OFFLOADS",
	[3] = "MTU",
	[5] = "MAC",
	[6] = "GSO",
	[7] = "GUEST_TSO4",
	[8] = "GUEST_TSO6",
	[9] = "GUEST_ECN",
	[10] = "GUEST_UFO",
	[11] = "HOST_TSO4",
	[12] = "HOST_TSO6",
	[13] = "HOST_ECN",
	[14] = "HOST_UFO",
	[15] = "MRG_RXBUF",
	[16] = "STATUS",
	[17] = "CTRL_VQ",
	[18] = "CTRL_RX",
	[19] = "CTRL_VLAN",
	[20] = "CTRL_RX_EXTRA",
	[21] = "GUEST_ANNOUNCE",
	[22] = "MQ",
	[23] = "CTRL_MAC_ADDR",
	[51] = "DEVICE_STATS",
	[52] = "VQ_NOTF_COAL",
	[53] = "NOTF_COAL",
	[54] = "GUEST_USO4",
	[55] = "GUEST_USO6",
	[56] = "HOST_USO",
	[57] = "HASH_REPORT",
	[59] = "GUEST_HDRLEN",
	[60] = "RSS",
	[61] = "RSC_EXT",
	[62] = "STANDBY",
	[63] = "SPEED_DUPLEX",
};

static const char *const block_names[64] = {
	[0] = "BARRIER",
	[1] = "SIZE_MAX",
	[2] = "SEG_MAX",
	[4] = "GEOMETRY",
	[5] = "RO",
	[6] = "BLK_SIZE",
	[7] = "SCSI",
	[9] = "FLUSH",
	[10] = "TOPOLOGY",
	[11] = "CONFIG_WCE",
	[12] = "MQ",
	[13] = "DISCARD",
	[14] = "WRITE_ZEROES",
	[16] = "SECURE_ERASE",
	[17] = "ZONED",
};

/* Bits 24 to 49 are the transport's and the ring's (virtio 1.2, 6). */
static const char *const common_names[64] = {
	[24] = "NOTIFY_ON_EMPTY",
	[27] = "ANY_LAYOUT",
	[28] = "RING_INDIRECT_DESC",
	[29] = "RING_EVENT_IDX",
	[32] = "VERSION_1",
	[33] = "ACCESS_PLATFORM",
	[34] = "RING_PACKED",
	[35] = "IN_ORDER",
	[36] = "ORDER_PLATFORM",
	[37] = "SR_IOV",
	[38] = "NOTIFICATION_DATA",
	[39] = "NOTIF_CONFIG_DATA",
	[40] = "RING_RESET",
	[41] = "ADMIN_VQ",
};

static const char *known_name(uint32_t type, unsigned int bit)
{
	if (bit > 63)
		return NULL;
	if (common_names[bit])
		return common_names[bit];
	if (type == DEVICE_TYPE_NET)
		return net_names[bit];
	if (type == DEVICE_TYPE_BLOCK)
		return block_names[bit];
	return NULL;
}

const char *feature_name(uint32_t type, unsigned int bit, char *buffer)
{
	const char *name = known_name(type, bit);

	if (name)
		return name;
	snprintf(buffer, FEATURE_NAME_MAX, "bit_%u", bit);
	return buffer;
}

static bool same_name(const char *name, size_t length, const char *known)
{
	return strlen(known) == length && !strncasecmp(name, known, length);
}

static bool names_feature(const char *name, size_t length, const char *known)
{
	if (same_name(name, length, known))
		return true;
	return !strncmp(known, "RING_", 5) && same_name(name, length, known + 5);
}

/* "bit_N", any case. */
static int numbered_bit(const char *name, size_t length)
{
	char digits[4] = "";
	uint64_t bit;

	if (length < 5 || length > 6 || strncasecmp(name, "bit_", 4))
		return -1;
	memcpy(digits, name + 4, length - 4);
	return parse_number(digits, 0, 63, &bit) ? -1 : (int)bit;
}

int feature_bit(uint32_t type, const char *name, size_t length)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++) {
		const char *known = known_name(type, bit);

		if (known && names_feature(name, length, known))
			return bit;
	}
	return numbered_bit(name, length);
}

/* One word of a list: how it changes the set. */
struct change {
	const char *name;
	size_t length;
	bool relative;	/* to the default set */
	bool removes;
};

static struct change read_change(const char *word, size_t length)
{
	struct change change = { .name = word, .length = length };

	if (length && word[0] == '+')
		change = (struct change){ word + 1, length - 1, true, false };
	else if (length > 3 && !strncasecmp(word, "no_", 3))
		change = (struct change){ word + 3, length - 3, true, true };
	return change;
}

static int parse_list(const char *text, uint32_t type, uint64_t defaults,
		      uint64_t *features, struct failure *failure)
{
	bool relative = read_change(text, strcspn(text, ",")).relative;
	uint64_t set = relative ? defaults : 0;
	const char *word = text;

	for (;;) {
		size_t length = strcspn(word, ",");
		struct change change = read_change(word, length);
		int bit = feature_bit(type, change.name, change.length);

		if (bit < 0)
			return failure_set(failure, STATUS_USAGE, EINVAL, NULL,
					   "\"%.*s\" is not the name of a feature",
					   length > 200 ? 200 : (int)length, word);
		if (change.relative != relative)
			return failure_set(failure, STATUS_USAGE, EINVAL, NULL,
					   "features are either a list of names or changes of the "
					   "default set (+NAME, no_NAME), not a mixture");
		set = change.removes ? set & ~FEATURE(bit) : set | FEATURE(bit);
		if (!word[length])
			break;
		word += length + 1;
	}
	*features = set;
	return 0;
}

static int parse_bare_hex(const char *text, uint64_t *features)
{
	char prefixed[20];

	if (strlen(text) > 16 || text[strspn(text, "0123456789abcdefABCDEF")])
		return -EINVAL;
	snprintf(prefixed, sizeof(prefixed), "0x%s", text);
	return parse_number(prefixed, 0, UINT64_MAX, features);
}

int features_parse(const char *text, uint32_t type, uint64_t defaults, bool bare_hex,
		   uint64_t *features, struct failure *failure)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		if (!parse_number(text, 0, UINT64_MAX, features))
			return 0;
		return failure_set(failure, STATUS_USAGE, EINVAL, NULL,
				   "\"%.100s\" is not a 64-bit mask", text);
	}
	if (bare_hex && !parse_bare_hex(text, features))
		return 0;
	return parse_list(text, type, defaults, features, failure);
}

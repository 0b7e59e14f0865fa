// SPDX-License-Identifier: GPL-2.0
/* The answers to "vdpa dev vstats show". */
#include <linux/hex.h>
#include <linux/module.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>

#include "vdpa_test.h"

static char stats_message[1024];
module_param_string(stats_message, stats_message, sizeof(stats_message), 0644);
static unsigned int stats_error;
module_param(stats_error, uint, 0644);
static unsigned int stats_count;
module_param(stats_count, uint, 0644);

/* The attributes of stats_raw; a test does not write them while another reads. */
static struct {
	u8 bytes[2000];
	size_t length;
} raw;

static int put_statistic(struct sk_buff *message, const char *name, u64 value)
{
	if (nla_put_string(message, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(message, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value, VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

static int put_counters(struct sk_buff *message)
{
	char name[24];
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < stats_count; i++) {
		snprintf(name, sizeof(name), "counter_%u", i);
		err = put_statistic(message, name, i);
	}
	return err;
}

int test_statistics(struct vdpa_device *vdpa, u16 index, struct sk_buff *message,
		    struct netlink_ext_ack *extack)
{
	int err;

	if (strcspn(stats_message, "\n"))
		extack->_msg = stats_message;
	if (stats_error)
		return -(int)stats_error;
	if (index >= of_vdpa(vdpa)->queue_count) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "virtqueue %u of %u", index,
				       of_vdpa(vdpa)->queue_count);
		return -EINVAL;
	}
	err = put_statistic(message, "received_desc", U64_MAX - index);
	if (!err)
		err = put_statistic(message, "completed_desc", index);
	if (!err)
		err = put_counters(message);
	return err ? err : nla_append(message, raw.length, raw.bytes);
}

static int set_raw(const char *text, const struct kernel_param *param)
{
	size_t digits = strcspn(text, "\n");

	if (digits % 2 || digits / 2 > sizeof(raw.bytes))
		return -EINVAL;
	raw.length = 0;
	if (hex2bin(raw.bytes, text, digits / 2))
		return -EINVAL;
	raw.length = digits / 2;
	return 0;
}

static const struct kernel_param_ops raw_ops = { .set = set_raw };
module_param_cb(stats_raw, &raw_ops, NULL, 0200);

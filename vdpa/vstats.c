// SPDX-License-Identifier: GPL-2.0-or-later
/* vdpa dev vstats show */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "lib/features.h"
#include "lib/vdpa_family.h"
#include "vdpa/vdpa.h"

/*
 * The control virtqueue comes behind those of all pairs, and without MQ and RSS there
 * is one pair (virtio 1.2, 5.1.2). The kernel tells their number only with them.
 */
static bool is_control(const struct vdpa_vstats *vstats)
{
	const uint64_t several = FEATURE(VIRTIO_NET_F_MQ) | FEATURE(VIRTIO_NET_F_RSS);
	uint32_t pairs = vstats->negotiated & several ? vstats->max_vqp : 1;

	return vstats->negotiated & FEATURE(VIRTIO_NET_F_CTRL_VQ) && pairs &&
	       vstats->queue == 2 * pairs;
}

static void put_queue(struct output *out, const struct vdpa_vstats *vstats)
{
	const char *type = vstats->queue & 1 ? "tx" : "rx";

	if (VDPA_HAS(vstats, VDPA_ATTR_DEV_QUEUE_INDEX))
		output_string(out, OUT_BOTH, "queue_type", is_control(vstats) ? "control_vq" : type);
}

static int put_vstats(struct call *call, const void *attributes, size_t length)
{
	struct vdpa_statistic statistic;
	struct vdpa_vstats vstats;
	size_t offset = 0;

	if (vdpa_parse_vstats(attributes, length, &vstats) < 0) {
		vdpa_warn_record(call);
		return 0;
	}
	output_begin_record(call->out, vstats.name);
	put_queue(call->out, &vstats);
	while (vdpa_next_statistic(attributes, length, &offset, &statistic)) {
		char *name = strndup(statistic.name, statistic.length);

		if (!name)
			return -ENOMEM;
		output_counter(call->out, OUT_BOTH, name, statistic.value);
		free(name);
	}
	output_word(call->out, "");	/* the blank that iproute2 leaves at the end of the line */
	output_end_record(call->out);
	return 0;
}

int vdpa_dev_vstats_show(struct call *call, struct failure *failure)
{
	const char *name = call->values[VSTATS_DEVICE].text;
	struct buffer answer = { 0 };
	size_t length, offset = 0;
	struct netlink *netlink;
	const void *attributes;
	int rc = vdpa_session_open(call, &netlink, failure);

	if (rc < 0)
		return rc;
	rc = vdpa_get_vstats(netlink, name, call->values[VSTATS_QUEUE].number, &answer, failure);
	if (rc < 0)
		return rc;
	output_begin_listing(call->out, "vstats");
	while (rc == 0 && (attributes = netlink_next(&answer, &offset, &length)))
		rc = put_vstats(call, attributes, length);
	output_end_listing(call->out);
	buffer_free(&answer);
	return rc < 0 ? failure_errno(failure, -rc, name, "cannot show its statistics") : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* vdpa dev vstats show */
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "lib/features.h"
#include "lib/text.h"
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

/* A statistic as it is printed. */
struct counter {
	char *key;
	uint64_t value;
};

static struct counter *find_counter(const struct buffer *counters, const char *key)
{
	struct counter *counter = (struct counter *)(void *)counters->text;
	size_t i, count = counters->length / sizeof(*counter);

	for (i = 0; i < count; i++)
		if (!strcmp(counter[i].key, key))
			return &counter[i];
	return NULL;
}

/* The name of a statistic, in JSON made UTF-8; the caller frees it. */
static char *key_of(const struct vdpa_statistic *statistic, bool json)
{
	char *key, *name = strndup(statistic->name, statistic->length);

	if (!name || !json)
		return name;
	key = text_to_utf8(name);
	free(name);
	return key;
}

/* Names are the driver's own, which may give one twice: text has each as it comes, an object
 * of JSON has a key once, with the last value, as its readers would take it. */
static int add_counter(struct buffer *counters, const struct vdpa_statistic *statistic, bool json)
{
	struct counter counter = { key_of(statistic, json), statistic->value };
	struct counter *former;

	if (!counter.key)
		return -ENOMEM;
	former = json ? find_counter(counters, counter.key) : NULL;
	if (former)
		former->value = counter.value;
	else
		buffer_add(counters, &counter, sizeof(counter));
	if (former || counters->broken)
		free(counter.key);
	return counters->broken ? -ENOMEM : 0;
}

static int read_counters(const void *attributes, size_t length, bool json,
			 struct buffer *counters)
{
	struct vdpa_statistic statistic;
	size_t offset = 0;
	int rc = 0;

	while (rc == 0 && vdpa_next_statistic(attributes, length, &offset, &statistic))
		rc = add_counter(counters, &statistic, json);
	return rc;
}

static void free_counters(struct buffer *counters)
{
	const struct counter *counter = (const void *)counters->text;
	size_t i;

	for (i = 0; i < counters->length / sizeof(*counter); i++)
		free(counter[i].key);
	buffer_free(counters);
}

static void put_record(struct output *out, const struct vdpa_vstats *vstats,
		       const struct buffer *counters)
{
	const struct counter *counter = (const void *)counters->text;
	size_t i, count = counters->length / sizeof(*counter);

	output_begin_record(out, vstats->name);
	if (!output_is_json(out) || !find_counter(counters, "queue_type"))
		put_queue(out, vstats);
	for (i = 0; i < count; i++)
		output_counter(out, OUT_BOTH, counter[i].key, counter[i].value);
	output_word(out, "");	/* the blank that iproute2 leaves at the end of the line */
	output_end_record(out);
}

static int put_vstats(struct call *call, const void *attributes, size_t length)
{
	struct buffer counters = { 0 };
	struct vdpa_vstats vstats;
	int rc;

	if (vdpa_parse_vstats(attributes, length, &vstats) < 0) {
		vdpa_warn_record(call);
		return 0;
	}
	rc = read_counters(attributes, length, output_is_json(call->out), &counters);
	if (rc == 0)
		put_record(call->out, &vstats, &counters);
	free_counters(&counters);
	return rc;
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
	vdpa_pass_on(call, netlink, name);
	output_begin_listing(call->out, "vstats");
	while (rc == 0 && (attributes = netlink_next(&answer, &offset, &length)))
		rc = put_vstats(call, attributes, length);
	output_end_listing(call->out);
	buffer_free(&answer);
	return rc < 0 ? failure_errno(failure, -rc, name, "cannot show its statistics") : 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/counters.h"

static void output_queue(struct output *out, unsigned int index,
			 const struct port_queue_counters *queue)
{
	const char *key = index == PORT_RECEIVEQ ? "rx" : "tx";

	output_line(out);
	output_begin_object(out, OUT_JSON, key);
	if (!output_is_json(out))
		output_word(out, key);
	output_number(out, OUT_BOTH, "vq", index);
	output_number(out, OUT_BOTH, "frames", queue->frames);
	output_number(out, OUT_BOTH, "bytes", queue->bytes);
	output_number(out, OUT_BOTH, "kicks", queue->kicks);
	output_number(out, OUT_BOTH, "interrupts", queue->interrupts);
	output_number(out, OUT_BOTH, "suppressed", queue->suppressed);
	if (index == PORT_TRANSMITQ) {
		output_number(out, OUT_BOTH, "polls", queue->polls);
		output_number(out, OUT_BOTH, "polls_useful", queue->polls_useful);
	}
	output_end_object(out, OUT_JSON);
}

static void output_drops(struct output *out, const struct port_counters *counters)
{
	unsigned int cause;

	output_line(out);
	output_begin_object(out, OUT_JSON, "dropped");
	if (!output_is_json(out))
		output_word(out, "dropped");
	for (cause = NET_DELIVERED + 1; cause < NET_DROPS; cause++)
		if (counters->dropped[cause])
			output_number(out, OUT_BOTH, net_drop_text((enum net_drop)cause),
				      counters->dropped[cause]);
	output_end_object(out, OUT_JSON);
}

static void output_all(struct output *out, const struct port_counters *counters)
{
	unsigned int i;

	for (i = 0; i < SESSION_QUEUES; i++)
		output_queue(out, i, &counters->queues[i]);
	output_drops(out, counters);
	output_line(out);
	output_number(out, OUT_BOTH, "checksums", counters->checksums);
	output_number(out, OUT_BOTH, "segmented", counters->segmented);
	output_number(out, OUT_BOTH, "held", counters->held);
	output_number(out, OUT_BOTH, "broken", counters->broken);
	if (counters->recording) {
		output_number(out, OUT_BOTH, "recorded", counters->recorded);
		output_number(out, OUT_BOTH, "unrecorded", counters->unrecorded);
	}
}

void counters_put(struct output *out, const struct port_counters *counters)
{
	output_begin_object(out, OUT_JSON, "counters");
	output_all(out, counters);
	output_end_object(out, OUT_JSON);
}

void counters_output(struct output *out, const char *name, const struct port_counters *counters)
{
	output_begin_record(out, name);
	output_all(out, counters);
	output_end_record(out);
}

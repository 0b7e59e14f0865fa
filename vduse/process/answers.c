// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/process/answers.h"

#include <errno.h>

#include "lib/output.h"

static int finish(struct output *out, struct buffer *answer)
{
	int rc = output_take(out, answer);

	output_free(out);
	return rc || answer->broken ? -ENOMEM : 0;
}

static void number(struct output *out, const char *key, uint64_t value)
{
	output_number(out, OUT_JSON, key, value);
}

/* -- state ----------------------------------------------------------------------------- */

static void put_virtqueue(struct output *out, const struct virtqueue *vq, unsigned int index)
{
	bool running = vq->state == VIRTQUEUE_RUNNING;

	output_begin_object(out, OUT_JSON, NULL);
	number(out, "index", index);
	output_bool(out, OUT_JSON, "running", running);
	if (vq->state == VIRTQUEUE_BROKEN)
		output_string(out, OUT_JSON, "error", virtqueue_reason_text(vq->error.reason));
	if (running) {
		struct virtqueue_position position = virtqueue_outcome(vq);

		number(out, "size", vq->size);
		number(out, "next_avail", position.next_avail);
		number(out, "next_used", position.next_used);
		number(out, "in_flight", vq->in_flight);
	}
	output_end_object(out, OUT_JSON);
}

int answer_state(const struct port *port, pid_t pid, uint16_t queue_size, const char *error,
		 struct buffer *answer)
{
	const struct session *session = &port->session;
	struct output *out = output_new(OUTPUT_JSON);
	unsigned int i;

	if (!out)
		return -ENOMEM;
	number(out, "pid", (uint64_t)pid);
	number(out, "vq_size", queue_size);
	output_bool(out, OUT_JSON, "broken", session->broken);
	output_bool(out, OUT_JSON, "live", session->live);
	output_bool(out, OUT_JSON, "resumed", session->resumed);
	output_string(out, OUT_JSON, "link", port_link_is_down(port) ? "down" : "up");
	number(out, "status", session->status);
	if (session->live)
		output_mask(out, OUT_JSON, "features", session->features);
	number(out, "regions", session->memory.count);
	if (error[0])
		output_string(out, OUT_JSON, "error", error);
	output_begin_array(out, OUT_JSON, "virtqueues");
	for (i = 0; i < SESSION_QUEUES; i++)
		put_virtqueue(out, &session->queues[i].vq, i);
	output_end_array(out, OUT_JSON);
	return finish(out, answer);
}

/* -- counters -------------------------------------------------------------------------- */

static void put_counters(struct output *out, const struct port_queue_counters *counters,
			 unsigned int index)
{
	output_begin_object(out, OUT_JSON, NULL);
	number(out, "index", index);
	number(out, "frames", counters->frames);
	number(out, "bytes", counters->bytes);
	number(out, "kicks", counters->kicks);
	number(out, "interrupts", counters->interrupts);
	number(out, "suppressed", counters->suppressed);
	number(out, "polls", counters->polls);
	number(out, "polls_useful", counters->polls_useful);
	output_end_object(out, OUT_JSON);
}

static void put_drops(struct output *out, const uint64_t dropped[NET_DROPS])
{
	unsigned int cause;

	output_begin_object(out, OUT_JSON, "dropped");
	for (cause = NET_DELIVERED + 1; cause < NET_DROPS; cause++)
		if (dropped[cause])
			number(out, net_drop_text(cause), dropped[cause]);
	output_end_object(out, OUT_JSON);
}

int answer_stats(const struct port *port, struct buffer *answer)
{
	struct output *out = output_new(OUTPUT_JSON);
	struct port_counters counters;
	unsigned int i;

	if (!out)
		return -ENOMEM;
	port_read_counters(port, &counters);
	output_begin_array(out, OUT_JSON, "virtqueues");
	for (i = 0; i < SESSION_QUEUES; i++)
		put_counters(out, &counters.queues[i], i);
	output_end_array(out, OUT_JSON);
	put_drops(out, counters.dropped);
	number(out, "checksums", counters.checksums);
	number(out, "segmented", counters.segmented);
	number(out, "held", counters.held);
	number(out, "broken", counters.broken);
	if (counters.recording) {
		number(out, "recorded", counters.recorded);
		number(out, "unrecorded", counters.unrecorded);
	}
	return finish(out, answer);
}

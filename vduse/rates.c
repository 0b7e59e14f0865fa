// SPDX-License-Identifier: GPL-2.0-or-later
#include "vduse/rates.h"

#include "lib/clock.h"
#include "lib/output.h"
#include "lib/text.h"

static uint64_t sum_of_drops(const struct port_counters *counters)
{
	unsigned int cause;
	uint64_t sum = 0;

	for (cause = NET_DELIVERED + 1; cause < NET_DROPS; cause++)
		sum += counters->dropped[cause];
	return sum;
}

/* Two counters and the time between; false where they went backwards. */
static bool rate(uint64_t before, uint64_t after, int64_t milliseconds, uint64_t scale,
		 uint64_t *each_second)
{
	uint64_t time = (uint64_t)milliseconds;

	if (after < before)
		return false;
	*each_second = (uint64_t)(((unsigned __int128)(after - before) * scale * 1000 + time / 2) /
				  time);
	return true;
}

bool rates_between(const struct port_counters *before, const struct port_counters *after,
		   int64_t milliseconds, struct rates *rates)
{
	const struct port_queue_counters *rx = &before->queues[PORT_RECEIVEQ];
	const struct port_queue_counters *tx = &before->queues[PORT_TRANSMITQ];
	const struct port_queue_counters *rx_after = &after->queues[PORT_RECEIVEQ];
	const struct port_queue_counters *tx_after = &after->queues[PORT_TRANSMITQ];
	int64_t time = rates->milliseconds = milliseconds;

	return time > 0 &&
	       rate(rx->frames, rx_after->frames, time, 1, &rates->rx_frames) &&
	       rate(rx->bytes, rx_after->bytes, time, 8, &rates->rx_bits) &&
	       rate(tx->frames, tx_after->frames, time, 1, &rates->tx_frames) &&
	       rate(tx->bytes, tx_after->bytes, time, 8, &rates->tx_bits) &&
	       rate(sum_of_drops(before), sum_of_drops(after), time, 1, &rates->dropped) &&
	       rate(rx->kicks + tx->kicks, rx_after->kicks + tx_after->kicks, time, 1,
		    &rates->kicks) &&
	       rate(rx->interrupts + tx->interrupts, rx_after->interrupts + tx_after->interrupts,
		    time, 1, &rates->interrupts);
}

void rates_add_head(struct buffer *text)
{
	buffer_format(text, "%-16s %10s %10s %10s %10s %10s %10s %10s\n", "name", "rx/s",
		      "rx Mb/s", "tx/s", "tx Mb/s", "dropped/s", "kicks/s", "irqs/s");
}

void rates_add_row(struct buffer *text, const char *name, const struct rates *rates)
{
	struct buffer escaped = { 0 };

	text_add_escaped(&escaped, name, false);
	buffer_format(text, "%-16s %10llu %10.1f %10llu %10.1f %10llu %10llu %10llu\n",
		      escaped.broken ? "?" : escaped.text,
		      (unsigned long long)rates->rx_frames, (double)rates->rx_bits / 1e6,
		      (unsigned long long)rates->tx_frames, (double)rates->tx_bits / 1e6,
		      (unsigned long long)rates->dropped, (unsigned long long)rates->kicks,
		      (unsigned long long)rates->interrupts);
	buffer_free(&escaped);
}

static void put_direction(struct output *out, const char *key, uint64_t frames, uint64_t bits)
{
	output_begin_object(out, OUT_JSON, key);
	output_number(out, OUT_JSON, "frames", frames);
	output_number(out, OUT_JSON, "bits", bits);
	output_end_object(out, OUT_JSON);
}

void rates_add_json(struct buffer *text, const char *name, const struct rates *rates)
{
	struct output *out = output_new(OUTPUT_JSON);
	char time[CLOCK_TEXT];
	struct timespec now;
	const char *object = "";
	size_t length = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_utc_text(&now, time);
	if (out) {
		output_string(out, OUT_JSON, "timestamp", time);
		output_string(out, OUT_JSON, "name", name);
		output_number(out, OUT_JSON, "milliseconds", (uint64_t)rates->milliseconds);
		put_direction(out, "rx", rates->rx_frames, rates->rx_bits);
		put_direction(out, "tx", rates->tx_frames, rates->tx_bits);
		output_number(out, OUT_JSON, "dropped", rates->dropped);
		output_number(out, OUT_JSON, "kicks", rates->kicks);
		output_number(out, OUT_JSON, "interrupts", rates->interrupts);
	}
	if (!out || output_finish(out, &object, &length) < 0)
		text->broken = true;
	buffer_add(text, object, length);
	output_free(out);
}
